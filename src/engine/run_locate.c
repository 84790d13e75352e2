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

/* An item's words, once it was found, and what it was looked for. */
struct run_located {
	uint32_t unit;
	uint64_t offset;
	uint32_t relation;
	struct span text;
	struct span value;	/* ": 'the id'" of the reference, or nothing */
};

/* A reference that finds nothing. */
struct wish {
	uint32_t table, rule, to, relation;
};

/* All that a report names, being looked for. */
struct search {
	struct run *run;
	struct run_dangling *ids;	/* or NULL: they cannot be told */
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

static int
order_all(const void *a, const void *b)
{
	const struct run_located *const x = a, *const y = b;
	const int rc = order(a, b);

	return rc != 0 ? rc :
		(x->relation > y->relation) - (x->relation < y->relation);
}

/* ---- all that a report names --------------------------------------------- */

/* How many before `l` are of the same item, and of the same relation. */
static size_t
count_before(const struct run *r, const struct run_located *l, size_t *alike)
{
	size_t n = 0;

	*alike = 0;
	for (const struct run_located *p = l; p > r->located &&
	     order(p - 1, l) == 0; p--) {
		*alike += p[-1].relation == l->relation;
		n++;
	}
	return n;
}

static int
keep_text(struct run *r, struct buf *text, struct span *to, struct err *err)
{
	*to = arena_copy(&r->mem, buf_span(text), err);
	buf_reset(text);
	return to->ptr == NULL ? -1 : 0;
}

/*
 * An item that is wanted several times comes several times, one after the
 * other; by the second its ids are new ones.
 */
static int
keep(void *context, const struct run_wanted *wanted, const struct unit *u,
     struct batch *b, uint32_t i, struct err *err)
{
	const struct search *const s = context;
	const struct wish *const wish = wanted->context;
	struct run *const r = s->run;
	struct run_located *const l = &r->located[r->nlocated];
	struct buf text = { 0 };
	size_t alike;
	int rc = 0;

	*l = (struct run_located){ .unit = wanted->unit,
				   .offset = wanted->offset,
				   .relation = wish->relation };
	if (count_before(r, l, &alike) > 0) {
		l->text = l[-1].text;
	} else {
		rc = print_item(r, u, b, i, &text, err);
		if (rc == 0)
			rc = keep_text(r, &text, &l->text, err);
		if (rc == 0 && s->ids != NULL)
			run_dangling_take(s->ids, wish->table, u->input,
					  &b->items[i], &b->mem);
	}
	if (rc == 0 && s->ids != NULL)
		rc = run_dangling_print(s->ids, wish->table, wish->rule,
					wish->to, alike, &text, err);
	if (rc == 0 && text.len > 0)
		rc = keep_text(r, &text, &l->value, err);
	if (rc == 0)
		r->nlocated++;
	buf_free(&text);
	return rc;
}

/* The examples of one relation. */
static void
add_wanted(const struct run *r, struct wish *wish, struct run_wanted *wanted,
	   size_t *n)
{
	const struct join_relation_result *const rel =
		&r->account.join.relations[wish->relation];

	for (uint32_t k = 0; k < rel->ndangle; k++)
		wanted[(*n)++] = (struct run_wanted){
			.unit = rel->dangle[k].unit,
			.offset = rel->dangle[k].offset,
			.context = wish,
		};
}

int
run_locate_all(struct run *r, struct err *err)
{
	const struct join_result *const j = &r->account.join;
	const uint32_t nrelations = program_nrelations(r->program);
	const uint32_t ntables = (uint32_t)r->plan->ntables;
	struct search s = { .run = r };
	struct run_wanted *wanted;
	struct wish *wishes;
	size_t n = 0;
	int rc;

	if (!r->account.joined)
		return 0;
	for (uint32_t i = 0; i < nrelations; i++)
		n += j->relations[i].ndangle;
	if (n == 0)
		return 0;
	wanted = calloc(n, sizeof(*wanted));
	wishes = calloc(nrelations, sizeof(*wishes));
	r->located = calloc(n, sizeof(*r->located));
	if (wanted == NULL || wishes == NULL || r->located == NULL) {
		free(wanted);
		free(wishes);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	n = 0;
	for (uint32_t i = 0; i < ntables; i++)
		for (uint32_t k = 0; k < r->plan->tables[i].nrules; k++)
			for (uint32_t to = 0; to < ntables; to++) {
				const uint32_t relation = program_relation(
					r->program, i, k, to);

				wishes[relation] = (struct wish){ i, k, to,
								  relation };
				add_wanted(r, &wishes[relation], wanted, &n);
			}
	s.ids = run_dangling_open(r);
	rc = run_find(r, wanted, n, keep, &s, err);
	qsort(r->located, r->nlocated, sizeof(*r->located), order_all);
	run_dangling_close(s.ids);
	free(wanted);
	free(wishes);
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

int
run_locate_reference(struct run *r, uint32_t relation, uint32_t example,
		     struct buf *out, struct err *err)
{
	const struct join_place *const places =
		r->account.join.relations[relation].dangle;
	const struct join_place *const place = &places[example];
	const struct run_located key = {
		.unit = place->unit, .offset = place->offset,
		.relation = relation,
	};
	const struct run_located *l = r->nlocated == 0 ? NULL :
		bsearch(&key, r->located, r->nlocated, sizeof(key), order_all);

	if (run_locate(r, place->unit, place->offset, out, err) != 0)
		return -1;
	if (l == NULL)
		return 0;
	/* The first like it, and of those as many on as there are before. */
	while (l > r->located && order_all(l - 1, &key) == 0)
		l--;
	for (uint32_t i = 0; i < example; i++)
		l += places[i].unit == place->unit &&
		     places[i].offset == place->offset;
	return buf_append(out, l->value, err);
}
