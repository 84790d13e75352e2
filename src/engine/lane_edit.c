/*
 * lane_edit.c - what a lane's ops do to an item, as edits of its line.
 *
 * It depends on nothing but which of the ops' names an item has, so all cases
 * are worked out beforehand, by doing the ops to a map of those names; then an
 * item's array need not be touched.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/lane_internal.h"
#include "engine/plan.h"
#include "expr/rewrite.h"
#include "formats/ddbjson.h"

enum {
	MAX_NAMES = 6,			/* of the ops: 64 cases */
	MAX_OPS = 64,
	MAX_PAIRS = 64,			/* of an item: bits of a word */
	MAX_TEXT = 64 * 1024,		/* of all cases */
	MAX_USES = NAMES_MAX,
};

static_assert((int)EDIT_SLACK <= (int)USE_SLACK,
	      "the text of an id may be that of an edit");

/* What becomes of one attribute; text that is NULL stays. */
struct lane_change {
	uint32_t number;		/* of its name */
	bool gone;
	uint32_t name_len, value_len;	/* in JSON, quotes and tags included */
	const uint8_t *name, *value;
};

struct lane_case {
	bool ok;
	uint32_t first, nchanges;
	const uint8_t *more;		/* appended attributes, commas first */
	uint32_t more_len;
};

/* Cases in the making. */
struct making {
	struct lane *lane;
	struct arena mem;
	struct buf text;		/* of which pointers are offsets yet */
	uint32_t nchanges;
	struct err *err;
};

/* ---- beforehand ---------------------------------------------------------- */

/* Append as JSON what begins at text[*at] then; offsets pass for pointers. */
static int
put(struct making *m, const struct value *v, const uint8_t **at, uint32_t *len)
{
	const size_t before = m->text.len;
	const int rc = v->type == VALUE_NAME
		? ddbjson_encode_text((struct span){ v->text, v->len },
				      &m->text, m->err)
		: ddbjson_encode_value(v, &m->text, m->err);

	*at = (const uint8_t *)before;
	*len = (uint32_t)(m->text.len - before);
	return rc;
}

static int
put_more(struct making *m, const struct value *pair, struct lane_case *c)
{
	const uint8_t *at;
	uint32_t len;

	if (buf_append(&m->text, span_of(","), m->err) != 0 ||
	    put(m, &pair[0], &at, &len) != 0)
		return -1;
	c->more_len += 2 + len;
	if (buf_append(&m->text, span_of(":"), m->err) != 0 ||
	    put(m, &pair[1], &at, &len) != 0)
		return -1;
	c->more_len += len;
	return 0;
}

/* What became of pair `i` of the map. */
static int
note_change(struct making *m, const struct value *pair, uint32_t number,
	    struct lane_case *c)
{
	struct lane_change *const ch = &m->lane->changes[m->nchanges];

	*ch = (struct lane_change){ .number = number };
	if (pair[0].type == 0)
		ch->gone = true;
	else if ((pair[0].flags & pair[1].flags & VALUE_RAW) != 0)
		return 0;
	else if (((pair[0].flags & VALUE_RAW) == 0 &&
		  put(m, &pair[0], &ch->name, &ch->name_len) != 0) ||
		 ((pair[1].flags & VALUE_RAW) == 0 &&
		  put(m, &pair[1], &ch->value, &ch->value_len) != 0))
		return -1;
	c->nchanges++;
	m->nchanges++;
	return 0;
}

/* The case of an item that has the ops' names whose bits are in `mask`. */
static int
make_case(struct making *m, uint32_t mask)
{
	const struct lane *const l = m->lane;
	struct lane_case *const c = &l->cases[mask];
	struct names_found found = { 0 };
	struct value kids[2 * MAX_NAMES];
	struct value map = value_of_kids(VALUE_M, kids, 0);
	uint32_t numbers[MAX_NAMES];
	struct lane_way w = { .lane = l, .map = &map, .found = &found,
			      .mem = &m->mem };
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->names.n - l->nother; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		numbers[n] = l->nother + i + 1;
		kids[2 * n] = value_of_name(l->names.of[numbers[n]].text);
		kids[2 * n + 1] = value_of_null();
		kids[2 * n].flags = kids[2 * n + 1].flags = VALUE_RAW;
		found.at[numbers[n]] = (uint16_t)(n + 1);
		n++;
	}
	map.len = 2 * n;

	const int nsteps = lane_do_ops(&w, m->err);
	if (nsteps < 0)
		return -1;
	c->ok = nsteps == (int)l->nsteps;
	c->first = m->nchanges;
	for (uint32_t i = 0; i < n; i++)
		if (note_change(m, &map.kids[2 * i], numbers[i], c) != 0)
			return -1;
	c->more = (const uint8_t *)m->text.len;
	for (uint32_t i = 2 * n; i < map.len; i += 2)
		if (map.kids[i].type != 0 &&
		    put_more(m, &map.kids[i], c) != 0)
			return -1;
	return 0;
}

/* Where offsets were, pointers. */
static int
settle(struct making *m, uint32_t ncases)
{
	struct lane *const l = m->lane;

	l->text = calloc(1, m->text.len + EDIT_SLACK);
	if (l->text == NULL)
		return err_set(m->err, ERR_SYSTEM, "out of memory");
	if (m->text.len > 0)
		memcpy(l->text, m->text.ptr, m->text.len);
	for (uint32_t i = 0; i < m->nchanges; i++) {
		struct lane_change *const ch = &l->changes[i];

		if (ch->name_len > 0)
			ch->name = l->text + (size_t)ch->name;
		if (ch->value_len > 0)
			ch->value = l->text + (size_t)ch->value;
	}
	for (uint32_t i = 0; i < ncases; i++)
		l->cases[i].more = l->text + (size_t)l->cases[i].more;
	return 0;
}

static bool
name(const struct lane *l, const char *text)
{
	for (size_t n = 0; text != NULL && n < l->nops; n++)
		if (span_is(l->names.of[l->ops[n].name].text, text) ||
		    span_is(l->names.of[l->ops[n].to].text, text))
			return true;
	return false;
}

/* Do the ops name a key of the target's, or what its TTL goes by? */
static bool
name_key(const struct lane *l, const struct plan_table *t)
{
	const size_t nindexes = t->create != NULL ? t->create->nindexes : 0;

	for (size_t i = 0; i <= nindexes; i++) {
		const struct plan_key *const k = i == 0 ? &t->key :
			&t->create->indexes[i - 1].key;

		if (name(l, k->pk.name) || name(l, k->sk.name))
			return true;
	}
	return t->create != NULL && name(l, t->create->ttl);
}

/* Do the ops name what is an id, or a reference? */
static bool
name_id(const struct lane *l)
{
	for (size_t n = 0; n < l->nops; n++)
		if (l->ops[n].name <= l->nother || l->ops[n].to <= l->nother)
			return true;
	return false;
}

/* Is a lane all that there is to do for an item? */
static bool
is_whole(const struct lane *l, const struct plan_table *t)
{
	if (l->names.n == 0 || l->names.n > l->nother + MAX_NAMES ||
	    l->nops > MAX_OPS || name_id(l) || name_key(l, t))
		return false;
	if (t->rewrite != NULL &&
	    (l->rules == NULL || !rewrite_is_clean(t->rewrite)))
		return false;
	return t->npasses == 0 ||
	       (t->npasses == 1 && t->passes[0].nasserts == 0 &&
		t->passes[0].nsteps == l->nsteps);
}

int
lane_make_cases(struct lane *l, const struct plan_table *t, struct err *err)
{
	const uint32_t nnames = l->names.n - l->nother;
	const uint32_t ncases = (uint32_t)1 << (nnames & 31);
	struct making m = { .lane = l, .err = err };
	int rc = 0;

	if (!is_whole(l, t))
		return 0;
	l->cases = calloc(ncases, sizeof(*l->cases));
	l->changes = calloc(ncases * (nnames + 1), sizeof(*l->changes));
	if (l->cases == NULL || l->changes == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < ncases && rc == 0; i++)
		if (m.text.len <= MAX_TEXT)
			rc = make_case(&m, i);
	if (rc == 0)
		rc = settle(&m, ncases);
	if (m.text.len > MAX_TEXT) {
		free(l->cases);
		l->cases = NULL;
	}
	buf_free(&m.text);
	arena_free(&m.mem);
	return rc;
}

/* ---- an item ------------------------------------------------------------- */

/* Edits of one line, in the making. */
struct edits {
	struct edit *next;
	const struct item *item;
	const uint8_t *nothing;
	size_t len;			/* of the line with them */
};

static inline void
add(struct edits *to, const uint8_t *at, size_t cut, const uint8_t *text,
    uint32_t len)
{
	*to->next++ = (struct edit){ .at = at, .text = text,
				     .cut = (uint32_t)cut, .len = len };
	to->len += len - cut;
}

/* value_name_raw(), most often without a call. */
static inline struct span
raw_name(const struct value *name)
{
	return __builtin_expect((name->flags & VALUE_ESC) != 0, 0)
		? value_name_raw(name)
		: (struct span){ name->text, name->len };
}

/* The change of attribute `p`, which stands in the line, as all around it. */
static inline void
add_change(struct edits *to, const struct lane_change *ch, unsigned p)
{
	const struct item *const item = to->item;
	const struct value *const name = &item->map.kids[2 * p];
	const struct span raw = raw_name(name);
	const uint8_t *const value = raw.ptr + raw.len + 2;	/* `":` */
	/* What follows is `,"` and a name, or `}}`. */
	const uint8_t *const end = (2 * p + 2 < item->map.len
		? raw_name(name + 2).ptr : item->line.ptr + item->line.len) - 2;

	if (ch->gone) {
		/* With the comma before it; the first, with that after it. */
		const uint8_t *const at = raw.ptr - (p > 0 ? 2 : 1);

		add(to, at, (size_t)(end - at) + (p == 0), to->nothing, 0);
		return;
	}
	if (ch->name != NULL)
		add(to, raw.ptr - 1, raw.len + 2, ch->name, ch->name_len);
	if (ch->value != NULL)
		add(to, value, (size_t)(end - value), ch->value,
		    ch->value_len);
}

int
lane_edit(const struct lane *l, struct item *item,
	  const struct names_found *found, const struct rewrite_use *uses,
	  size_t nuses, struct arena *mem, struct err *err)
{
	const struct lane_case *const c =
		&l->cases[(uint64_t)found->mask >> (l->nother + 1)];
	const struct lane_change *const changes = l->changes + c->first;
	uint8_t what[MAX_PAIRS];	/* a use, or after those a change */
	uint64_t pairs = 0, gone = 0;

	if (!c->ok || item->map.len - 1 >= 2 * MAX_PAIRS || nuses > MAX_USES ||
	    item->line.len > ITEM_MAX_LEN)
		return 0;
	for (size_t i = 0; i < nuses; i++) {
		const unsigned p = found->at[l->rules[uses[i].rule]] - 1u;

		pairs |= (uint64_t)1 << p;
		what[p] = (uint8_t)i;
	}
	for (size_t i = 0; i < c->nchanges; i++) {
		const unsigned p = found->at[changes[i].number] - 1u;

		pairs |= (uint64_t)1 << p;
		gone |= (uint64_t)changes[i].gone << p;
		what[p] = (uint8_t)(nuses + i);
	}
	/* Whose comma goes where is plain if no two at the front go. */
	if ((gone & 1) != 0 && ((gone & 2) != 0 || item->map.len == 2))
		return 0;

	struct edit *const edits = arena_take(mem, (nuses + 2 * c->nchanges + 1)
					      * sizeof(*edits), err);
	struct edits to = { .next = edits, .item = item,
			    .nothing = l->text, .len = item->line.len };

	if (edits == NULL)
		return -1;
	for (; pairs != 0; pairs &= pairs - 1) {
		const unsigned p = (unsigned)__builtin_ctzll(pairs);
		const unsigned i = what[p];

		if (i >= nuses) {
			add_change(&to, &changes[i - nuses], p);
			continue;
		}
		add(&to, uses[i].source.ptr, uses[i].source.len,
		    uses[i].target.ptr, (uint32_t)uses[i].target.len);
	}
	if (c->more_len > 0)
		add(&to, item->line.ptr + item->line.len - 2, 0, c->more,
		    c->more_len);
	if (to.len >= ITEM_MAX_LEN)	/* its size is for the map to say */
		return 0;
	item->edits = edits;
	item->nedits = (uint32_t)(to.next - edits);
	item->edited_len = (uint32_t)to.len;
	return 1;
}
