/*
 * run_locate.c - words for items that the end checks know by unit and offset
 * alone: file, line and key.  Each file is read once for all that is wanted of
 * it: a dump may be one file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/run_internal.h"
#include "engine/unit.h"
#include "model/batch.h"

/* An item's words, once it was found. */
struct run_located {
	uint32_t unit;
	uint64_t offset;
	struct span text;
};

/* " key 'a' 'b'" of the source item. */
static int
print_key(const struct plan_key *key, const struct item *item,
	  struct arena *mem, struct buf *out, struct err *err)
{
	const struct plan_key_attr attrs[] = { key->pk, key->sk };

	for (int i = 0; i < 2; i++) {
		if (attrs[i].name == NULL)
			continue;
		const struct span name = span_of(attrs[i].name);
		const struct value *const v = value_attr(&item->map, name,
							 name_hash(name));
		struct span text;

		if (v == NULL || (v->type != VALUE_S && v->type != VALUE_N &&
				  v->type != VALUE_B))
			continue;
		if (value_text(v, mem, &text, err) != 0 ||
		    buf_printf(out, err, ", %s '%.*s'", attrs[i].name,
			       (int)(text.len < 200 ? text.len : 200),
			       (const char *)text.ptr) != 0)
			return -1;
	}
	return 0;
}

/* "FILE: line N, id 'x'" */
static int
print_item(struct run *r, const struct unit *u, struct batch *b, uint32_t i,
	   struct buf *out, struct err *err)
{
	const struct plan_input *const in = &r->plan->inputs[u->input];
	const struct item *const item = &b->items[i];

	if (buf_printf(out, err, "%s: line %" PRIu64, u->path,
		       item->number) != 0)
		return -1;
	return print_key(&r->plan->tables[in->tables[0]].source_key, item,
			 &b->mem, out, err);
}

static int
order(const void *a, const void *b)
{
	const struct run_located *const x = a, *const y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* ---- all that a report names --------------------------------------------- */

static int
keep(void *context, const struct run_wanted *wanted, const struct unit *u,
     struct batch *b, uint32_t i, struct err *err)
{
	struct run *const r = context;
	struct run_located *const l = &r->located[r->nlocated];
	struct buf text = { 0 };
	int rc = print_item(r, u, b, i, &text, err);

	if (rc == 0) {
		*l = (struct run_located){ wanted->unit, wanted->offset,
			arena_copy(&r->mem, buf_span(&text), err) };
		rc = l->text.ptr == NULL ? -1 : 0;
	}
	if (rc == 0)
		r->nlocated++;
	buf_free(&text);
	return rc;
}

int
run_locate_all(struct run *r, struct err *err)
{
	const struct join_result *const j = &r->account.join;
	const uint32_t nrelations = program_nrelations(r->program);
	struct run_wanted *wanted;
	size_t n = 0;
	int rc;

	if (!r->account.joined)
		return 0;
	for (uint32_t i = 0; i < nrelations; i++)
		n += j->relations[i].ndangle;
	if (n == 0)
		return 0;
	wanted = calloc(n, sizeof(*wanted));
	r->located = calloc(n, sizeof(*r->located));
	if (wanted == NULL || r->located == NULL) {
		free(wanted);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	n = 0;
	for (uint32_t i = 0; i < nrelations; i++)
		for (uint32_t k = 0; k < j->relations[i].ndangle; k++)
			wanted[n++] = (struct run_wanted){
				.unit = j->relations[i].dangle[k].unit,
				.offset = j->relations[i].dangle[k].offset,
			};
	rc = run_find(r, wanted, n, keep, r, err);
	qsort(r->located, r->nlocated, sizeof(*r->located), order);
	free(wanted);
	return rc;
}

/* ---- one ----------------------------------------------------------------- */

struct one {
	struct run *run;
	struct buf *out;
	bool found;
};

static int
tell(void *context, const struct run_wanted *wanted, const struct unit *u,
     struct batch *b, uint32_t i, struct err *err)
{
	struct one *const o = context;

	(void)wanted;
	o->found = true;
	return print_item(o->run, u, b, i, o->out, err);
}

int
run_locate(struct run *r, uint32_t unit, uint64_t offset, struct buf *out,
	   struct err *err)
{
	const struct run_located key = { .unit = unit, .offset = offset };
	const struct run_located *const l = r->nlocated == 0 ? NULL :
		bsearch(&key, r->located, r->nlocated, sizeof(key), order);
	struct run_wanted wanted = { .unit = unit, .offset = offset };
	struct one one = { .run = r, .out = out };

	if (l != NULL)
		return buf_append(out, l->text, err);
	if (strcmp(r->units[unit].path, "-") == 0)	/* gone */
		return buf_printf(out, err, "standard input: byte %" PRIu64,
				  offset);
	if (run_find(r, &wanted, 1, tell, &one, err) != 0)
		return -1;
	/* A run that is done does not fail for want of a word in its report. */
	return one.found ? 0 : buf_printf(out, err, "%s: byte %" PRIu64,
					  r->units[unit].path, offset);
}
