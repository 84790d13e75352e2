#include "engine/increments.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/exports.h"
#include "engine/plan.h"
#include "engine/unit.h"
#include "formats/formats.h"
#include "io/source.h"
#include "model/batch.h"

const struct item_format *
increments_format(const struct export *e)
{
	const char *const said = e->summary.output_format;
	const char *const name = said == NULL ||
		strcmp(said, "DYNAMODB_JSON") == 0 ? "dynamodb-json" :
		strcmp(said, "ION") == 0 ? "ion" : "";
	const struct item_format *const f = item_format_named(name);

	return f != NULL ? f->records : NULL;
}

/* ---- windows ------------------------------------------------------------- */

/* Milliseconds since 1970 of "2025-03-01T04:00:00.000Z"; false if it is not. */
static bool
read_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *p = text == NULL ? NULL :
			strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0, unit = 100;

	if (p == NULL)
		return false;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			ms += unit * (*p - '0');
	*out = (int64_t)timegm(&tm) * 1000 + ms;
	return strcmp(p, "Z") == 0 || strcmp(p, "+00:00") == 0;
}

/* The exports of one input, in the order in which they were found. */
struct chain {
	const struct exports *x;
	const struct plan_found *found;
	uint32_t input;
	size_t nfull, nplain, nincrements;
	const struct export *full;	/* the first of each */
	const struct export *increment, *plain;
	bool late;			/* the full one follows an increment */
	bool within_second;		/* ... and is of a time within one */
};

static void
look(struct chain *c)
{
	for (size_t i = 0; i < c->x->n; i++) {
		const struct export *const e = &c->x->list[i];

		if (c->found[i].input != c->input)
			continue;
		if (e->kind == EXPORT_FULL) {
			c->late = c->nincrements > 0;
			c->full = c->nfull++ == 0 ? e : c->full;
		} else if (e->kind == EXPORT_INCREMENTAL) {
			c->increment = c->nincrements++ == 0 ? e
							     : c->increment;
		} else {
			c->plain = c->nplain++ == 0 ? e : c->plain;
		}
	}
}

static int
refuse_window(const struct export *e, const struct export *before,
	      const char *what, const char *now, struct err *err)
{
	const char *const from = before->kind == EXPORT_FULL ? "" :
				 before->summary.from_time;

	return err_set(err, ERR_USAGE, "the window %s to %s of '%s' %s "
		       "%s%s%s of '%s'; %s", e->summary.from_time,
		       e->summary.to_time, e->path, what, from,
		       *from != '\0' ? " to " : "", before->kind == EXPORT_FULL
		       ? before->summary.export_time : before->summary.to_time,
		       before->path, now);
}

/* Is there an increment behind number `i` (SIZE_MAX: one) that begins then? */
static bool
begins_later(const struct chain *c, size_t i, int64_t time)
{
	while (++i < c->x->n) {
		const struct export *const e = &c->x->list[i];
		int64_t from;

		if (c->found[i].input == c->input &&
		    e->kind == EXPORT_INCREMENTAL &&
		    read_time(e->summary.from_time, &from) && from == time)
			return true;
	}
	return false;
}

static bool
differ(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) != 0;
}

/*
 * Of one table: a name may be that of others, elsewhere or at another time,
 * whose changes would be put onto items that they were never made to.
 */
static int
check_table(const struct chain *c, const struct export *e, struct err *err)
{
	const struct manifest_summary *const full = &c->full->summary;

	if (differ(full->table_arn, e->summary.table_arn))
		return err_set(err, ERR_USAGE, "'%s' has the changes of %s, but "
			       "'%s' before it is of %s; name exports of one "
			       "table", e->path, e->summary.table_arn,
			       c->full->path, full->table_arn);
	if (differ(full->table_id, e->summary.table_id))
		return err_set(err, ERR_USAGE, "'%s' has the changes of another "
			       "table than '%s': it was deleted and made anew "
			       "in between (tableId %s, not %s); export the new "
			       "one in full", e->path, c->full->path,
			       e->summary.table_id, full->table_id);
	return 0;
}

/*
 * Each window must begin where what is before it ends.  A full export that was
 * made "now" is of some millisecond, though, and windows are of whole seconds:
 * the first one may begin with that second.  What changed in between has its
 * last state in the window all the same; but an item that came in between, and
 * is gone when the window ends, has no record there.
 */
static int
check_windows(struct chain *c, struct err *err)
{
	static const char ORDER[] = "name them in the order of their times";
	const struct export *before = c->full;
	int64_t start = INT64_MIN, end;

	if (c->late)
		return err_set(err, ERR_USAGE, "the full export '%s' stands "
			       "behind the increment '%s'; %s", c->full->path,
			       c->increment->path, ORDER);
	if (!read_time(c->full->summary.export_time, &end))
		return err_set(err, ERR_USAGE, "'%s' does not say its "
			       "exportTime, so that no increment can follow it",
			       c->full->path);
	if (end % 1000 != 0 && begins_later(c, SIZE_MAX, end - end % 1000)) {
		c->within_second = true;
		end -= end % 1000;
	}
	for (size_t i = 0; i < c->x->n; i++) {
		const struct export *const e = &c->x->list[i];
		int64_t from, to;

		if (c->found[i].input != c->input ||
		    e->kind != EXPORT_INCREMENTAL)
			continue;
		if (check_table(c, e, err) != 0)
			return -1;
		if (!read_time(e->summary.from_time, &from) ||
		    !read_time(e->summary.to_time, &to) || from >= to)
			return err_set(err, ERR_USAGE, "'%s' does not say what "
				       "its window is", e->path);
		if (from < end && to <= start)
			return refuse_window(e, before, "is out of order: it "
					     "is named behind", ORDER, err);
		if (from < end)
			return refuse_window(e, before, "overlaps with that "
				"before it,", "leave one out", err);
		if (from > end && begins_later(c, i, end))
			return refuse_window(e, before, "is out of order: it "
					     "is named behind", ORDER, err);
		if (from > end)
			return refuse_window(e, before, "leaves a gap behind",
					     "export what is missing", err);
		before = e;
		start = from;
		end = to;
	}
	return 0;
}

/* ---- what goes together -------------------------------------------------- */

static int
check_view(const struct plan *p, struct plan_input *in,
	   const struct export *e, struct err *err)
{
	const char *const view = e->summary.output_view;

	if (view != NULL && strncmp(view, "NEW_IMAGE", 9) == 0)
		in->new_only = true;
	else if (view != NULL && strcmp(view, "NEW_AND_OLD_IMAGES") != 0)
		return err_set(err, ERR_USAGE, "'%s' has the view '%s', which "
			       "is none of NEW_AND_OLD_IMAGES and NEW_IMAGE",
			       e->path, view);
	if (p->revert && in->new_only)
		return err_set(err, ERR_USAGE, "'%s' has the view NEW_IMAGE; "
			       "--revert needs NEW_AND_OLD_IMAGES", e->path);
	return 0;
}

static int
refuse_plain(const struct chain *c, struct err *err)
{
	return err_set(err, ERR_USAGE, "'%s' has no manifest, so that nothing "
		       "says whether the increment '%s' follows it",
		       c->plain->path, c->increment->path);
}

int
increments_follow(const struct exports *x, const struct plan_found *found,
		  uint32_t input, struct err *err)
{
	struct chain c = { .x = x, .found = found, .input = input };

	look(&c);
	if (c.nincrements == 0)
		return 0;
	if (c.nplain > 0)
		return refuse_plain(&c, err);
	if (c.nfull == 0)
		return err_set(err, ERR_USAGE, "'%s' is an increment alone, "
			       "which is no state of a table: name its full "
			       "export too, before it; 'dynamill cat' shows "
			       "the changes", c.increment->path);
	return c.nfull > 1 ? 0 : check_windows(&c, err);
}

static int
settle_input(struct plan *p, struct plan_input *in, struct chain *c,
	     struct err *err)
{
	if (c->nincrements == 0)
		return 0;
	if (increments_format(c->increment) == NULL)
		return err_set(err, ERR_INPUT, "'%s' is an incremental export "
			       "in %s, which this version does not read yet",
			       c->increment->path,
			       c->increment->summary.output_format);
	if (c->nplain > 0)
		return refuse_plain(c, err);
	if (c->nfull > 0) {
		in->kind = INPUT_STATE;
		if (p->revert)
			return err_set(err, ERR_USAGE, "--revert undoes an "
				       "increment alone; leave out the full "
				       "export '%s'", c->full->path);
		if (c->nfull > 1)
			return 0;
		if (check_windows(c, err) != 0)
			return -1;
		return c->within_second ? plan_warn_second(p, c->full->path,
			c->full->summary.export_time, err) : 0;
	}
	in->kind = INPUT_CHANGES;
	if (c->nincrements > 1)
		return err_set(err, ERR_USAGE, "%zu increments of table '%s' "
			       "and no full export: run them one by one, in "
			       "the order of their times%s, or name the full "
			       "export before them", c->nincrements, in->name,
			       p->revert ? " backwards" : "");
	return check_view(p, in, c->increment, err);
}

/* ---- the source key ------------------------------------------------------ */

/* The Keys of the first record of a file.  Returns 1, 0 if it has none, -1. */
static int
read_keys(const struct item_format *f, const struct export_file *file,
	  struct sourcekey *key, struct arena *mem, struct err *err)
{
	enum { BLOCK_LEN = 64 * 1024 };
	const struct unit u = {
		.path = file->path, .etag = file->etag,
		.archive = file->archive,
	};
	struct source *const s = source_open(unit_feed(&u, err), false, err);
	void *const reader = s != NULL ? f->decode_start(NULL, err) : NULL;
	struct batch b = { 0 };
	size_t want = BLOCK_LEN, used;
	struct span block;
	int more = 1, rc = 0;

	while (reader != NULL && more > 0 && rc == 0) {
		more = source_peek(s, want, &block, err);
		if (more < 0)
			break;
		batch_reset(&b);
		if (f->decode(reader, block, !more, &b, &used, err) != 0)
			rc = -1;
		else if (b.nrecords > 0)
			rc = sourcekey_of(key, &b.records[0].keys->map, mem,
					  err) == 0 ? 1 : -1;
		source_consume(s, used);
		want = used > 0 ? BLOCK_LEN : 2 * block.len;
	}
	batch_free(&b);
	if (reader != NULL)
		f->decode_stop(reader);
	source_close(s);
	return reader == NULL || more < 0 ? -1 : rc;
}

/* What the first record that can be read says.  Damage is told later. */
static void
find_key(struct plan *p, struct plan_input *in, const struct chain *c)
{
	for (size_t i = 0; i < c->x->n; i++) {
		const struct export *const e = &c->x->list[i];

		if (c->found[i].input != c->input ||
		    e->kind != EXPORT_INCREMENTAL)
			continue;
		for (size_t k = 0; k < e->nfiles; k++) {
			struct err unused;

			if (!e->files[k].absent && e->files[k].nitems != 0 &&
			    read_keys(increments_format(e), &e->files[k],
				      &in->key, &p->mem, &unused) == 1)
				return;
		}
	}
	in->key.n = 0;
}

/* A sourceKey of the plan must be the one that the records have. */
static int
check_key(const struct plan *p, const struct plan_input *in, struct err *err)
{
	for (size_t i = 0; i < in->ntables && in->key.n > 0; i++) {
		const struct plan_table *const t = &p->tables[in->tables[i]];
		const struct plan_key *const k = &t->source_key;
		uint32_t n = 0;

		if (k->pk.name == NULL || k->pk.name == t->key.pk.name)
			continue;	/* it says none */
		for (uint32_t a = 0; a < in->key.n; a++)
			n += span_is(in->key.names[a], k->pk.name) ||
			     (k->sk.name != NULL &&
			      span_is(in->key.names[a], k->sk.name));
		if (n != in->key.n || n != 1U + (k->sk.name != NULL))
			return err_set(err, ERR_USAGE, "%s:%u:%u: the sourceKey"
				" of '%s' is not the one of its increments, "
				"whose key is '%.*s'%s%.*s%s", t->place.file,
				t->place.line, t->place.column, t->name,
				(int)in->key.names[0].len,
				(const char *)in->key.names[0].ptr,
				in->key.n > 1 ? " and '" : "",
				(int)in->key.names[1].len,
				(const char *)in->key.names[1].ptr,
				in->key.n > 1 ? "'" : "");
	}
	return 0;
}

/* ---- what a plan may say ------------------------------------------------- */

/* Changes alone do not say which ids there are. */
static int
check_dangling(const struct plan *p, const char *name, struct err *err)
{
	for (size_t i = 0; i < p->ntables; i++) {
		const struct plan_table *const t = &p->tables[i];

		if (t->skip || t->rewrite == NULL ||
		    t->dangling == DANGLING_REPORT)
			continue;
		return err_set(err, ERR_USAGE, "%s:%u:%u: 'dangling: %s' of "
			       "'%s' must know all ids, but of '%s' there is an"
			       " increment alone; say 'dangling: report', or "
			       "name its full export too", t->place.file,
			       t->place.line, t->place.column,
			       plan_dangling_name(t->dangling), t->name, name);
	}
	return 0;
}

static int
check_follows(const struct plan *p, const struct plan_input *in,
	      const struct export *e, struct err *err)
{
	char why[160];

	for (size_t i = 0; i < in->ntables && in->new_only; i++) {
		const struct plan_table *const t = &p->tables[in->tables[i]];

		if (in->key.n > 0 &&
		    !increments_key_follows(p, in->tables[i], in->key.names,
					    in->key.n, why, sizeof(why)))
			return err_set(err, ERR_USAGE, "'%s' has the view "
				"NEW_IMAGE, so that the key of '%s' must follow"
				" from the source's key alone: %s; export with "
				"NEW_AND_OLD_IMAGES", e->path, t->name, why);
	}
	return 0;
}

int
increments_settle(struct plan *p, const struct exports *x,
		  const struct plan_found *found, struct err *err)
{
	bool changes = false;

	for (uint32_t i = 0; i < p->ninputs; i++) {
		struct plan_input *const in = &p->inputs[i];
		struct chain c = { .x = x, .found = found, .input = i };

		if (in->ntables == 0)
			continue;
		look(&c);
		if (settle_input(p, in, &c, err) != 0)
			return -1;
		if (in->kind == INPUT_ITEMS)
			continue;
		find_key(p, in, &c);
		if (check_key(p, in, err) != 0)
			return -1;
		if (in->kind == INPUT_STATE)
			continue;
		changes = true;
		if (check_dangling(p, in->name, err) != 0 ||
		    check_follows(p, in, c.increment, err) != 0)
			return -1;
	}
	if (p->revert && !changes)
		return err_set(err, ERR_USAGE, "--revert undoes an incremental "
			       "export, and the plan names none");
	return 0;
}
