/* validate_golden.c - are the items of one dump in another? */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/differ.h"
#include "engine/rows.h"
#include "engine/validate_internal.h"

struct golden {
	const struct validate_options *options;
	struct validate_sums *sums;
	uint64_t reported;	/* of the table: golden items that are not well */
};

/* The rows that count: with `partial` not what the golden item has not got. */
static size_t
rows_that_count(const struct golden *g, const struct row *rows, size_t n,
		struct row *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (!g->options->partial || rows[i].was != NULL ||
		    rows[i].depth > 1)
			out[k++] = rows[i];
	return k;
}

static int
see(void *context, const struct differ_found *f, struct err *err)
{
	struct golden *const g = context;
	const struct differ_item *const at = f->is != NULL ? f->is : f->was;
	struct arena mem = { 0 };
	struct value kids[4], key;
	struct validate_check c = {
		.kind = f->kind == DIFFER_REMOVED ? VALIDATE_MISSING :
			f->kind == DIFFER_ADDED ? VALIDATE_EXTRA
						: VALIDATE_DIFFERENT,
		.table = f->table, .key = &key, .name = f->was != NULL
			? f->was->file : "", .text = "",
		.file = f->is != NULL ? f->is->file : NULL,
		.line = f->is != NULL ? f->is->line : 0,
	};
	struct row *const rows = arena_take(&mem, (f->nrows + 1) *
					    sizeof(*rows), err);
	int rc = rows == NULL ? -1 : 0;

	if (rc == 0) {
		validate_key_of(f->key, &at->item->map, kids, &key);
		c.nrows = rows_that_count(g, f->rows, f->nrows, rows);
		c.rows = rows;
		if (f->kind != DIFFER_CHANGED || c.nrows > 0) {
			g->reported += f->kind != DIFFER_ADDED;
			rc = validate_see(g->options, g->sums, &c, err);
		}
	}
	arena_free(&mem);
	return rc;
}

/* The golden items of a table that are well count as checks too. */
static int
end(void *context, const struct differ_sums *s, struct err *err)
{
	struct golden *const g = context;
	const char *const name = s->a != NULL ? s->a : s->b;

	if (s->only_a || (s->only_b && g->options->exact)) {
		const struct validate_check c = {
			.kind = s->only_a ? VALIDATE_MISSING : VALIDATE_EXTRA,
			.table = name, .name = "",
			.text = s->only_a ? "the whole table" : "the whole "
				"table: there are no golden items of it",
		};

		return validate_see(g->options, g->sums, &c, err);
	}
	g->sums->checks += s->items[0] - g->reported;
	g->sums->items += s->items[1];
	g->reported = 0;
	return 0;
}

static int
tell(void *context, struct span note, struct err *err)
{
	struct golden *const g = context;
	struct arena mem = { 0 };
	char *const text = arena_take(&mem, note.len + 1, err);
	int rc = -1;

	if (text != NULL) {
		memcpy(text, note.ptr, note.len);
		text[note.len] = '\0';
		rc = validate_see(g->options, g->sums, &(struct validate_check){
			.kind = VALIDATE_BAD_LINE, .name = "", .text = text,
		}, err);
	}
	arena_free(&mem);
	return rc;
}

static void
watch(void *context, uint64_t nitems)
{
	const struct golden *const g = context;

	g->options->count(g->options->context, nitems);
}

int
validate_golden(const struct validate_options *o, struct validate_sums *s,
		struct err *err)
{
	struct golden g = { .options = o, .sums = s };
	struct dump_options golden = o->dump;

	*s = (struct validate_sums){ 0 };
	golden.paths = &o->against;
	golden.npaths = 1;
	golden.ntables = 0;
	return differ_do(&(struct differ_options){
		.a = golden, .b = o->dump, .key = o->key, .ignore = o->ignore,
		.only_a = !o->exact, .threads = o->threads,
		.memory = o->memory, .tmp = o->tmp, .cancel = o->cancel,
		.see = see, .end = end, .tell = tell,
		.watch = o->count != NULL ? watch : NULL, .context = &g,
	}, err);
}
