/*
 * run_dangling.c - of an item that a report names for a reference that finds
 * nothing: the id that this reference holds.  The item is read again, and only
 * its ids are looked at: no step is done, since one may be a program.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/job.h"
#include "engine/known.h"
#include "engine/run_internal.h"
#include "expr/expr.h"
#include "model/batch.h"

enum { SHOWN = 100 };		/* bytes of a value */

struct run_dangling {
	struct run *run;
	struct known *known;
	struct rewrite_queue *queue;
	uint64_t *left;			/* counters that nobody reads */
	uint32_t table;			/* whose rules the queued ids met */
};

struct run_dangling *
run_dangling_open(struct run *r)
{
	struct run_dangling *const d = calloc(1, sizeof(*d));
	struct err unused;
	size_t most = 0;

	for (size_t i = 0; i < r->plan->ntables; i++)
		if (r->plan->tables[i].nrules > most)
			most = r->plan->tables[i].nrules;
	if (d == NULL)
		return NULL;
	d->run = r;
	d->table = PLAN_NONE;
	d->known = known_open(r->work, r->plan, &unused);
	d->queue = rewrite_queue_new(&unused);
	d->left = calloc(most + 1, LEFT_KINDS * sizeof(*d->left));
	if (d->known != NULL && d->queue != NULL && d->left != NULL)
		return d;
	run_dangling_close(d);
	return NULL;
}

void
run_dangling_close(struct run_dangling *d)
{
	if (d == NULL)
		return;
	known_close(d->known);
	rewrite_queue_free(d->queue);
	free(d->left);
	free(d);
}

void
run_dangling_take(struct run_dangling *d, uint32_t table, uint32_t input,
		  struct item *item, struct arena *mem)
{
	const struct plan_table *const t = &d->run->plan->tables[table];
	const char *const time = job_value(d->run->job, "run", "time");
	const struct expr_run run = {
		.mem = mem, .run_time = span_of(time != NULL ? time : "0"),
	};
	struct err unused;

	rewrite_reset(d->queue);
	d->table = PLAN_NONE;
	if (t->rewrite != NULL && t->input == input &&
	    rewrite_collect(t->rewrite, d->queue, &run, item, 0, d->left,
			    &unused) == 0 &&
	    rewrite_flush(d->queue, mem, &unused) == 0)
		d->table = table;
}

int
run_dangling_print(struct run_dangling *d, uint32_t table, uint32_t rule,
		   uint32_t to, size_t nth, struct buf *out, struct err *err)
{
	size_t n;
	const struct rewrite_use *const uses = rewrite_uses(d->queue, &n);

	for (size_t i = 0; i < n && d->table == table; i++) {
		const struct rewrite_use *const u = &uses[i];
		bool found = false;

		if ((u->flags & (USE_IS_ID | USE_UNCHECKED)) != 0 ||
		    u->rule != rule || u->table != to)
			continue;
		if (known_look_up(d->known, &u, 1, &found, err) != 0)
			return -1;
		if (found || nth-- > 0)
			continue;
		return buf_append(out, span_of(": '"), err) != 0 ||
		       run_print_id(u, out, err) != 0 ? -1
			: buf_append(out, span_of("'"), err);
	}
	return 0;
}

int
run_print_id(const struct rewrite_use *u, struct buf *out, struct err *err)
{
	uint8_t coded[4 * SHOWN / 3 + 8];
	struct span text = u->source;

	if (u->type == VALUE_B) {
		if (text.len > SHOWN)
			text.len = SHOWN;
		base64_encode(text, coded);
		text = (struct span){ coded, base64_encoded_len(text.len) };
	} else if (text.len > SHOWN) {
		text.len = SHOWN;
		while (text.len > 0 && (text.ptr[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	return buf_append(out, text, err);
}
