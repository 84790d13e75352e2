/*
 * rollback_ops.c - the items of a job's files together with what was there
 * before them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/progress.h"
#include "engine/reading.h"
#include "engine/rollback_internal.h"
#include "engine/updates.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

struct ops {
	struct rolling *t;
	unsigned roll;
	struct progress *progress;
	const struct outfiles_part *files;
	struct reading *reading;
	uint32_t left;			/* units that were not begun */
	bool open;
	uint32_t unit;
	struct batch *batch;
	uint32_t at;			/* in the batch */
	uint64_t number, skip;		/* in the unit */
	size_t lost_at;			/* in t->lost */
	struct buf texts;
	size_t text_at[UNDO_AT_ONCE];
	struct op list[UNDO_AT_ONCE];
};

struct ops *
ops_new(struct rolling *t, unsigned roll, struct progress *progress,
	struct err *err)
{
	struct ops *const o = calloc(1, sizeof(*o));

	if (o == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	o->t = t;
	o->roll = roll;
	o->progress = progress;
	o->files = rolling_part(t, roll);
	o->left = o->files->n;
	if (t->updates != NULL)
		updates_rewind(t->updates);
	o->reading = reading_new(err);
	if (o->reading != NULL)
		return o;
	ops_free(o);
	return NULL;
}

void
ops_free(struct ops *o)
{
	if (o == NULL)
		return;
	reading_free(o->reading);
	buf_free(&o->texts);
	free(o);
}

/* ---- files -------------------------------------------------------------- */

/* The next item is at hand: 1; 0 after the last; or -1. */
static int
advance(struct ops *o, struct err *err)
{
	for (;;) {
		if (!o->open) {
			if (o->left == 0)
				return 0;
			o->unit = --o->left;
			o->batch = NULL;
			o->number = 0;
			o->skip = o->progress == NULL ? 0
				: progress_of(o->progress, o->unit);
			o->open = true;
			if (reading_start(o->reading, &o->files->units[o->unit],
					  true, err) != 0)
				return -1;
		}
		if (o->batch != NULL && o->at < o->batch->nitems)
			return 1;

		const int rc = reading_next(o->reading, &o->batch, err);

		if (rc < 0)
			return -1;
		if (rc > 0 && o->batch->nrejects > 0)
			return err_set(err, ERR_INPUT, "'%s': line %llu is no "
				       "item", o->files->units[o->unit].path,
				       (unsigned long long)
				       o->batch->rejects[0].number);
		o->at = 0;
		o->open = rc > 0;
	}
}

/* ---- what was there ----------------------------------------------------- */

/*
 * What was there.  Of a delete it is known here: where there was none, that may
 * be our own doing.  Of a put it is the first line, and what came later is seen
 * to where values are compared.
 */
static struct undo_was
find_was(const struct ops *o)
{
	const struct undo_past *const p = o->t->past[o->roll];
	struct undo_was w = { .kind = UNDO_ABSENT };

	for (size_t i = 0; o->roll == ROLL_DELETES && w.kind == UNDO_ABSENT;
	     i++)
		w = undo_past_back(p, o->unit, o->number, i);
	return w.kind == UNDO_ITEM ? w : undo_past_get(p, o->unit, o->number);
}

/* Returns false if the job did nothing to it. */
static bool
find_prior(const struct ops *o, struct op *op)
{
	const struct footprint *const f = &o->t->footprint;
	const struct undo_was w = find_was(o);

	switch (w.kind) {
	case UNDO_LEFT:
		return false;
	case UNDO_ITEM:
		op->prior = PRIOR_ITEM;
		op->was = w.item;
		return true;
	case UNDO_ABSENT:
		op->prior = PRIOR_ABSENT;
		return o->roll == ROLL_PUTS;
	default:
		/* Without a line it was put without keeping, or not at all. */
		op->prior = f->was_empty || !f->pushed ? PRIOR_ABSENT
			: PRIOR_UNKNOWN;
		return op->prior == PRIOR_ABSENT ? o->roll == ROLL_PUTS
			: f->no_undo;
	}
}

static int
add_op(struct ops *o, const struct op *op, const struct value *map,
       size_t *n, struct err *err)
{
	o->list[*n] = *op;
	o->text_at[*n] = o->texts.len;
	if (ddbjson_encode_map(map, &o->texts, err) != 0)
		return -1;
	o->list[*n].json.len = o->texts.len - o->text_at[*n];
	++*n;
	return 0;
}

/* Did push note that the service has it? */
static bool
was_sent(const struct rolling *t, unsigned roll, uint32_t unit,
	 uint64_t number)
{
	return t->sent[roll] != NULL &&
	       number < progress_of(t->sent[roll], unit);
}

/* ---- updates ------------------------------------------------------------ */

static int
next_updates(struct ops *o, struct op **list, struct err *err)
{
	const uint64_t skip = o->progress == NULL ? 0
		: progress_of(o->progress, 0);
	struct updates_line line;
	int n = 0, rc = 1;

	while (n < UNDO_AT_ONCE &&
	       (rc = updates_next(o->t->updates, &line, err)) > 0) {
		const bool lost = o->lost_at < o->t->nlost &&
				  o->t->lost[o->lost_at] == line.number;

		o->lost_at += lost;
		if (lost && o->progress != NULL &&
		    progress_add(o->progress, 0, line.number, err) != 0)
			return -1;
		if (lost || line.number < skip)
			continue;
		o->list[n++] = (struct op){
			.tag = undo_tag(0, line.number),
			.json = line.made.ptr != NULL ? line.made : line.key,
			.partial = line.made.ptr == NULL,
			.prior = line.made.ptr != NULL ? PRIOR_ABSENT
				: PRIOR_ITEM,
			.was = line.was, .is = line.is,
			.sent = was_sent(o->t, ROLL_PUTS, 0, line.number),
		};
	}
	*list = o->list;
	return rc < 0 ? -1 : n;
}

int
ops_next(struct ops *o, struct op **list, struct err *err)
{
	const struct span keys = span_of(READING_KEYS);
	size_t n = 0;
	int rc = 1;

	if (o->t->updates != NULL)
		return next_updates(o, list, err);
	buf_reset(&o->texts);
	while (n < UNDO_AT_ONCE && (rc = advance(o, err)) > 0) {
		const struct item *const item = &o->batch->items[o->at];
		const struct value *const map = o->roll == ROLL_PUTS
			? &item->map
			: value_attr(&item->map, keys, name_hash(keys));
		struct op op = {
			.tag = undo_tag(o->unit, o->number),
			.gone = o->roll == ROLL_DELETES,
			.sent = was_sent(o->t, o->roll, o->unit, o->number),
		};

		if (map == NULL || map->type != VALUE_M)
			return err_set(err, ERR_INPUT, "'%s': a line without "
				       "Keys", o->files->units[o->unit].path);
		if (o->number < o->skip)
			;	/* done by an earlier attempt */
		else if (find_prior(o, &op)) {
			if (add_op(o, &op, map, &n, err) != 0)
				return -1;
		} else if (o->progress != NULL &&
			   progress_add(o->progress, o->unit, o->number,
					err) != 0) {
			return -1;
		}
		o->at++;
		o->number++;
	}
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		o->list[i].json.ptr = o->texts.ptr + o->text_at[i];
	*list = o->list;
	return (int)n;
}
