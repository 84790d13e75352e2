/*
 * analysis_items.c - items that the end checks know by place alone, found again
 * in their files: where they stand, what they are called, and which of their
 * references find nothing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/analysis_internal.h"
#include "engine/known.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

/* What it takes to look at one item. */
struct finder {
	struct analyst *x;
	struct program_run *program;
	struct known *known;		/* NULL: nobody asks about references */
	struct ddbjson *reader;
	struct batch batch;
	struct buf text;
};

int
analysis_want(struct analyst *x, const struct join_place *place,
	      struct analysis_item *item,
	      const struct analysis_reference *reference)
{
	struct analysis_wish *const wish = analysis_take(x, 1, sizeof(*wish));

	if (wish == NULL)
		return -1;
	*wish = (struct analysis_wish){ item, reference };
	if (x->nwanted == x->wanted_cap) {
		const size_t cap = x->wanted_cap > 0 ? 2 * x->wanted_cap : 64;
		struct run_wanted *const p = realloc(x->wanted,
						     cap * sizeof(*p));

		if (p == NULL)
			return err_set(x->err, ERR_SYSTEM, "out of memory");
		x->wanted = p;
		x->wanted_cap = cap;
	}
	/* Said also where the file is gone. */
	item->file = x->r->units[place->unit].path;
	item->key = "";
	x->wanted[x->nwanted++] = (struct run_wanted){
		.unit = place->unit, .offset = place->offset, .context = wish,
	};
	return 0;
}

/* A copy of the item, whatever format it came in.  Returns 0 or -1. */
static int
copy(struct finder *f, const struct item *item, struct err *err)
{
	static const uint8_t SLACK[DDBJSON_SLACK];
	size_t used;

	buf_reset(&f->text);
	batch_reset(&f->batch);
	if (ddbjson_encode(item, 1, &f->text, err) != 0)
		return -1;

	const size_t len = f->text.len;
	if (buf_append(&f->text, (struct span){ SLACK, sizeof(SLACK) },
		       err) != 0)
		return -1;
	ddbjson_rewind(f->reader);
	return ddbjson_decode(f->reader, (struct span){ f->text.ptr, len }, true,
			      &f->batch, &used, err);
}

static const char *
show(struct finder *f, const struct rewrite_use *u)
{
	struct buf id = { 0 };
	const char *text = NULL;

	if (run_print_id(u, &id, f->x->err) == 0)
		text = analysis_text(f->x, "%.*s", (int)id.len,
				     id.len > 0 ? (const char *)id.ptr : "");
	buf_free(&id);
	return text;
}

/* The reference of this rule that is an id of nothing. */
static int
find_value(struct finder *f, uint32_t input, struct analysis_wish *wish,
	   struct err *err)
{
	struct program_result result;

	if (program_do(f->program, input, &f->batch, &result, err) != 0)
		return -1;
	for (size_t i = 0; i < result.nuses + result.nseen; i++) {
		const bool seen = i >= result.nuses;
		const struct rewrite_use *const u = !seen ? &result.uses[i]
			: &result.seen[i - result.nuses];
		const uint32_t table = !seen ? result.tables[u->item]
			: result.products[u->item].table;
		bool found = false;

		if ((u->flags & USE_IS_ID) != 0 ||
		    table != wish->reference->table ||
		    u->rule != wish->reference->rule ||
		    u->table != wish->reference->to)
			continue;
		if (known_look_up(f->known, &u, 1, &found, err) != 0)
			return -1;
		if (found)
			continue;
		wish->item->value = show(f, u);
		return wish->item->value != NULL ? 0 : -1;
	}
	return 0;
}

static int
tell(void *context, const struct run_wanted *wanted, const struct unit *u,
     struct batch *b, uint32_t i, struct err *err)
{
	struct finder *const f = context;
	struct analysis_wish *const wish = wanted->context;
	const uint32_t table = wish->reference != NULL
		? wish->reference->table
		: f->x->r->plan->inputs[u->input].tables[0];
	char key[STATS_KEY];

	if (copy(f, &b->items[i], err) != 0)
		return -1;
	if (f->batch.nitems != 1)
		return 0;
	stats_key(f->x->r->plan, table, &f->batch.items[0], key);
	wish->item->line = b->items[i].number;
	wish->item->key = analysis_text(f->x, "%s", key);
	if (wish->item->key == NULL)
		return -1;
	return wish->reference == NULL ? 0
		: find_value(f, u->input, wish, err);
}

int
analysis_find(struct analyst *x)
{
	struct finder f = { .x = x };
	bool asks = false;
	int rc = -1;

	for (size_t i = 0; i < x->nwanted; i++)
		asks |= ((struct analysis_wish *)x->wanted[i].context)
			->reference != NULL;
	f.reader = ddbjson_new(x->err);
	if (f.reader == NULL)
		return -1;
	f.program = program_run_new(x->r->program, x->err);
	if (f.program != NULL && asks)
		f.known = known_open(x->r->dir, x->r->plan, x->err);
	if (f.program != NULL && (!asks || f.known != NULL))
		rc = run_find(x->r, x->wanted, x->nwanted, tell, &f, x->err);
	known_close(f.known);
	program_run_free(f.program);
	ddbjson_free(f.reader);
	batch_free(&f.batch);
	buf_free(&f.text);
	return rc;
}

const char *
analysis_where(struct analyst *x, const struct analysis_item *i)
{
	if (i->line == 0)
		return analysis_text(x, "%s", i->file);
	return analysis_text(x, "%s: line %" PRIu64 "%s%s", i->file, i->line,
			     i->key[0] != '\0' ? ", " : "", i->key);
}

const char *
analysis_place(struct analyst *x, const struct stats_place *p)
{
	const struct analysis_item i = {
		.file = x->r->units[p->unit].path, .line = p->line,
		.key = p->key,
	};

	return analysis_where(x, &i);
}
