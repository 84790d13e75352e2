/*
 * lookup.c - ids to the items that have them.
 *
 * What somebody types may be an S, an N or a B, and a source id or a new one:
 * each of these that it can be is a probe, a key that is looked for in each
 * table.  Probes of many ids are looked for together.
 */
#include "engine/lookup.h"

#include <limits.h>
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/decimal.h"
#include "engine/facts.h"
#include "engine/lookup_internal.h"
#include "expr/remap.h"
#include "formats/keylog.h"
#include "formats/keyuuid.h"

enum { MAX_PROBES = 6 };	/* of an id in a table */

struct probe {
	uint32_t id;		/* which of those asked for */
	bool is_source;
	char type;		/* of the source id; 0: it is a new one */
	struct span source;	/* as a key log has it */
	struct span text;	/* as it was asked for */
	struct keyhash key;
};

/* ---- a record ------------------------------------------------------------ */

/* Bytes as base64, in the arena. */
static int
encode(struct span *s, struct arena *mem, struct err *err)
{
	const size_t len = base64_encoded_len(s->len);
	uint8_t *const p = arena_take(mem, len + 1, err);

	if (p == NULL)
		return -1;
	base64_encode(*s, p);
	*s = (struct span){ p, len };
	return 0;
}

int
lookup_get(const struct lookup_table *t, uint64_t at, struct lookup_id *out,
	   struct arena *mem, struct err *err)
{
	struct keyids_item item;

	if (keyids_get(t->ids, at, &item, NULL, err) != 0)
		return err_at(err, "index of '%s'", t->name);
	*out = (struct lookup_id){
		.unit = item.unit, .offset = item.offset,
		.type = item.type, .source = item.source,
	};
	if (item.type == KEYUUID_TYPE) {
		char *const text = arena_take(mem, KEYUUID_TEXT_LEN, err);

		if (text == NULL)
			return -1;
		keyuuid_text(item.source.ptr, text);
		out->type = 'S';
		out->source = (struct span){ (uint8_t *)text,
					     KEYUUID_TEXT_LEN };
	} else if (item.type >= 'a') {
		if (item.source.len != KEYLOG_MAX_ID)
			return err_set(err, ERR_INPUT, "index of '%s': damaged "
				       "ids of an index", t->name);
		out->type = (char)(item.type - 0x20);
		out->cut = true;
	}
	out->text = out->source;
	if (out->cut)
		out->text.len = KEYLOG_MAX_ID - 16;
	return out->type == 'B' ? encode(&out->text, mem, err) : 0;
}

/* Is that the source id of the record? */
static bool
is_source(const struct lookup_id *id, char type, struct span source)
{
	if (id->type != type)
		return false;
	if (!id->cut)
		return span_equal(id->source, source);

	const size_t kept = KEYLOG_MAX_ID - 16;
	const uint8_t *const hash = id->source.ptr + kept;
	if (source.len <= KEYLOG_MAX_ID ||
	    memcmp(source.ptr, id->source.ptr, kept) != 0)
		return false;

	const struct keyhash all = keyhash_of(source);
	return load_le64(hash) == all.hi && load_le64(hash + 8) == all.lo;
}

/*
 * Was it made by an emit of another table?  Then it is known by its new id
 * alone: that stands where the id of the source stands else.
 */
static bool
is_made(const struct lookup_table *t, const struct lookup_id *id,
	struct keyhash key)
{
	const char letters[] = { id->type, 'S', 'N' };

	for (size_t i = 0; i < 3 && t->made && !id->cut; i++) {
		const struct keyhash own = keyhash_of_id(letters[i],
							 id->source);

		if (own.hi == key.hi && own.lo == key.lo)
			return true;
	}
	return false;
}

static enum value_type
value_type_of(char letter)
{
	return letter == 'S' ? VALUE_S : letter == 'N' ? VALUE_N : VALUE_B;
}

/* The full name of a data file. */
static const char *
file_of(struct lookup *l, uint32_t unit, struct err *err)
{
	char name[PATH_MAX];

	if (l->full[unit] == NULL) {
		fact_full_name(l->files[unit], name);

		const struct span all = { (const uint8_t *)name,
					  strlen(name) + 1 };
		l->full[unit] = (const char *)arena_copy(&l->mem, all,
							 err).ptr;
	}
	return l->full[unit];
}

int
lookup_tell(struct lookup *l, const struct lookup_table *t,
	    struct keyhash key, const struct lookup_id *id,
	    struct span full, struct lookup_found *out, struct err *err)
{
	const bool cut = id->cut && full.len == 0;
	const struct span source = id->cut && !cut ? full : id->text;
	struct remap_logged log;

	*out = (struct lookup_found){
		.table = t->name, .type = id->type, .cut = cut,
		.source = source, .unit = id->unit, .offset = id->offset,
	};
	if (l->lost.code == ERR_NONE) {
		if (id->unit >= l->nfiles)
			goto damaged;
		out->file = file_of(l, id->unit, err);
		if (out->file == NULL)
			return -1;
	}
	if (l->blind.code != ERR_NONE || cut)
		return 0;
	if (is_made(t, id, key)) {
		out->target = source;
		return 0;
	}
	if (remap_log(t->remap, value_type_of(id->type), source, &log,
		      &l->answers, err) <= 0 ||
	    log.key.hi != key.hi || log.key.lo != key.lo)
		goto damaged;
	out->target = log.target;
	return id->type == 'B' ? encode(&out->target, &l->answers, err) : 0;
damaged:
	return err_set(err, ERR_INPUT, "index of '%s' is damaged: source id "
		       "'%.*s' is not what stands there", t->name,
		       (int)(source.len < 100 ? source.len : 100),
		       (const char *)source.ptr);
}

/* ---- probes -------------------------------------------------------------- */

/* If this id were a source id of that type: what it would be now. */
static int
probe_source(struct lookup *l, const struct lookup_table *t, char type,
	     struct probe *p, struct err *err)
{
	struct remap_logged log;
	struct err why;
	int rc;

	if (l->blind.code != ERR_NONE ||
	    (type == 'B' && !base64_check(p->text)))
		return 0;
	rc = remap_log(t->remap, value_type_of(type), p->text, &log,
		       &l->answers, &why);
	if (rc < 0 && why.code != ERR_INPUT) {
		*err = why;
		return -1;
	}
	if (rc <= 0)
		return 0;
	p->is_source = true;
	p->type = type;
	p->source = log.source;
	p->key = log.key;
	return 1;
}

/* If it were a new id, logged with that letter. */
static int
probe_new(struct lookup *l, char letter, struct probe *p, struct err *err)
{
	struct span id = p->text;
	struct err unused;
	uint8_t *room;

	p->is_source = false;
	p->type = 0;
	if (letter == 'N') {
		room = arena_take(&l->answers, DECIMAL_TEXT_LEN, err);
		if (room == NULL)
			return -1;
		if (decimal_check(id, &unused) != 0)
			return 0;
		id.len = decimal_canonical(id, (char *)room);
		id.ptr = room;
	} else if (letter == 'B') {
		if (id.len == 0 || !base64_check(id))
			return 0;
		room = arena_take(&l->answers, id.len, err);
		if (room == NULL)
			return -1;
		id.len = base64_decoded_len(p->text);
		base64_decode(p->text, room);
		id.ptr = room;
	}
	p->key = keyhash_of_id(letter, id);
	return 1;
}

/* All that `id` may be in that table.  Returns how many, or -1. */
static int
probe_all(struct lookup *l, const struct lookup_table *t, uint32_t number,
	  struct span id, struct probe *out, struct err *err)
{
	static const char LETTERS[] = "SNB";
	const char only = l->options.type;
	int n = 0;

	for (int i = 0; i < 2 * 3; i++) {
		const char letter = LETTERS[i % 3];
		struct probe p = { .id = number, .text = id };
		int rc;

		/* New ids of any type may share the texts of another. */
		if (i < 3 && only != 0 && only != letter)
			continue;
		rc = i < 3 ? probe_source(l, t, letter, &p, err)
			   : probe_new(l, letter, &p, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			out[n++] = p;
	}
	return n;
}

/* ---- answers ------------------------------------------------------------- */

static struct lookup_found **
end_of(struct lookup_answer *a)
{
	struct lookup_found **end = &a->first;

	while (*end != NULL)
		end = &(*end)->next;
	return end;
}

/* The answer that tells of this item already, if there is one. */
static struct lookup_found *
told(const struct lookup_answer *a, const struct lookup_table *t,
     const struct lookup_id *id)
{
	struct lookup_found *f = a->first;

	while (f != NULL && (f->table != t->name || f->unit != id->unit ||
			     f->offset != id->offset))
		f = f->next;
	return f;
}

/* Record `i` has the key of the probe. */
static int
take_record(struct lookup *l, const struct lookup_table *t, uint64_t i,
	    const struct probe *p, struct lookup_answer *a, struct err *err)
{
	const struct span none = { NULL, 0 };
	const char only = l->options.type;
	struct lookup_found *f;
	struct lookup_id id;
	struct keyhash key;

	if (lookup_get(t, keyindex_at(&t->index, i, &key), &id, &l->answers,
		       err) != 0)
		return -1;
	if (p->is_source ? !is_source(&id, p->type, p->source) &&
			   !is_made(t, &id, key)
			 : only != 0 && only != id.type)
		return 0;
	f = told(a, t, &id);
	if (f == NULL) {
		f = arena_take(&l->answers, sizeof(*f), err);
		if (f == NULL ||
		    lookup_tell(l, t, key, &id, p->is_source ? p->text : none,
				f, err) != 0)
			return -1;
		if (!p->is_source && f->target.len == 0)
			f->target = p->text;
		*end_of(a) = f;
	}
	f->is_source |= p->is_source;
	f->is_new |= !p->is_source;
	return 0;
}

static int
take_run(struct lookup *l, const struct lookup_table *t,
	 const struct probe *p, struct lookup_answer *a, struct err *err)
{
	uint64_t first;
	const uint64_t n = keyindex_find(&t->index, p->key, &first);
	const uint64_t most = n < LOOKUP_MOST ? n : LOOKUP_MOST;

	for (uint64_t i = 0; i < most; i++)
		if (take_record(l, t, first + i, p, a, err) != 0)
			return -1;
	a->more += n - most;
	return 0;
}

/*
 * The records where `key` must be must be sound, each with the key of its own
 * id: else one whose key was changed would be said not to be there.
 */
static int
check_place(struct lookup *l, const struct lookup_table *t,
	    struct keyhash key, struct err *err)
{
	const struct span none = { NULL, 0 };
	struct lookup_found unused;
	struct lookup_id id;
	uint64_t from, to;

	if (t->checked || t->index.shape.n == 0)
		return 0;
	if (keyindex_place(&t->index, key, &from, &to, err) != 0)
		return err_at(err, "index of '%s'", t->name);
	for (; from < to; from++) {
		const uint64_t at = keyindex_at(&t->index, from, &key);

		if (lookup_get(t, at, &id, &l->answers, err) != 0 ||
		    lookup_tell(l, t, key, &id, none, &unused, err) != 0)
			return -1;
	}
	return 0;
}

static int
ask_table(struct lookup *l, const struct lookup_table *t,
	  const struct span *ids, size_t n, struct lookup_answer *answers,
	  struct err *err)
{
	struct probe *const probes = arena_take(&l->answers,
		n * MAX_PROBES * sizeof(*probes), err);
	struct keyhash *const keys = arena_take(&l->answers,
		n * MAX_PROBES * sizeof(*keys), err);
	uint64_t *const found = arena_take(&l->answers,
		n * MAX_PROBES * sizeof(*found), err);
	size_t m = 0;

	if (probes == NULL || keys == NULL || found == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const int some = probe_all(l, t, (uint32_t)i, ids[i],
					   probes + m, err);

		if (some < 0)
			return -1;
		m += (size_t)some;
	}
	for (size_t i = 0; i < m; i++)
		keys[i] = probes[i].key;
	keyindex_find_all(&t->index, keys, m, found);
	for (size_t i = 0; i < m; i++)
		if (check_place(l, t, keys[i], err) != 0 ||
		    (found[i] != UINT64_MAX &&
		     take_run(l, t, &probes[i], &answers[probes[i].id],
			      err) != 0))
			return -1;
	return 0;
}

int
lookup_ids(struct lookup *l, const struct span *ids, size_t n,
	   struct lookup_answer *answers, struct err *err)
{
	arena_reset(&l->answers);
	memset(answers, 0, n * sizeof(*answers));
	for (size_t i = 0; i < l->ntables; i++)
		if (ask_table(l, &l->tables[i], ids, n, answers, err) != 0)
			return -1;
	return 0;
}

/* ---- all of them --------------------------------------------------------- */

/* Some records, read ahead: .ids is in another order. */
struct ahead {
	uint64_t at[LOOKUP_AT_ONCE];
	struct keyhash keys[LOOKUP_AT_ONCE];
	struct keyhash key;		/* of the one before, */
	char type;			/* ... and its source id, */
	uint8_t source[KEYLOG_MAX_ID];	/* ... which several items may have */
	size_t source_len;
};

static void
read_ahead(const struct lookup_table *t, struct ahead *a, uint64_t from,
	   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		a->at[i] = keyindex_at(&t->index, from + i, &a->keys[i]);
		if (a->at[i] < t->ids.len)
			__builtin_prefetch(t->ids.ptr + a->at[i]);
	}
}

/* Is it the id before once more?  It is from now on. */
static bool
is_again(struct ahead *a, struct keyhash key, const struct lookup_id *id)
{
	const struct span before = { a->source, a->source_len };

	if (a->type == id->type && a->key.hi == key.hi &&
	    a->key.lo == key.lo && span_equal(before, id->source))
		return true;
	a->key = key;
	a->type = id->type;
	a->source_len = id->source.len;
	memcpy(a->source, id->source.ptr, id->source.len);
	return false;
}

static int
hand_over(struct lookup *l, const struct lookup_table *t, struct ahead *a,
	  size_t n, lookup_take *take, void *context, uint64_t *left_out,
	  struct err *err)
{
	const struct span none = { NULL, 0 };
	const char only = l->options.type;
	struct lookup_found f;
	struct lookup_id id;

	arena_reset(&l->answers);
	for (size_t i = 0; i < n; i++) {
		if (lookup_get(t, a->at[i], &id, &l->answers, err) != 0)
			return -1;
		if ((only != 0 && only != id.type) ||
		    is_again(a, a->keys[i], &id))
			continue;
		if (id.cut) {
			++*left_out;
			continue;
		}
		if (lookup_tell(l, t, a->keys[i], &id, none, &f, err) != 0 ||
		    take(context, &f, err) != 0)
			return -1;
	}
	return 0;
}

int
lookup_all(struct lookup *l, lookup_take *take, void *context,
	   uint64_t *left_out, struct err *err)
{
	*left_out = 0;
	if (l->blind.code != ERR_NONE) {
		*err = l->blind;
		return -1;
	}
	for (size_t k = 0; k < l->ntables; k++) {
		const struct lookup_table *const t = &l->tables[k];
		struct ahead a = { .type = 0 };

		for (uint64_t i = 0; i < t->index.shape.n; ) {
			const uint64_t left = t->index.shape.n - i;
			const size_t n = left < LOOKUP_AT_ONCE ? (size_t)left
							       : LOOKUP_AT_ONCE;

			read_ahead(t, &a, i, n);
			if (hand_over(l, t, &a, n, take, context, left_out,
				      err) != 0)
				return -1;
			i += n;
		}
	}
	return 0;
}
