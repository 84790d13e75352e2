#include "engine/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/extra.h"
#include "engine/journal.h"
#include "engine/plan.h"

int
account_init(struct account *a, const struct plan *plan,
	     const struct program *program, uint32_t ntargets,
	     struct err *err)
{
	*a = (struct account){
		.ntables = (uint32_t)plan->ntables, .ntargets = ntargets,
		.nleft = program_nleft(program),
	};
	a->tables = calloc(a->ntables + 1U, sizeof(*a->tables));
	a->types = calloc(a->ntables + 1U, sizeof(*a->types));
	a->written = calloc(a->ntables + 1U, sizeof(*a->written));
	a->deleted = calloc(a->ntables + 1U, sizeof(*a->deleted));
	a->outs = calloc(ntargets + 1U, sizeof(*a->outs));
	a->maps = calloc(a->ntables + 1U, sizeof(*a->maps));
	a->left = calloc(a->nleft + 1, sizeof(*a->left));
	if (a->tables == NULL || a->types == NULL || a->written == NULL ||
	    a->deleted == NULL || a->outs == NULL || a->maps == NULL ||
	    a->left == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

void
account_free(struct account *a)
{
	free(a->tables);
	free(a->types);
	free(a->written);
	free(a->deleted);
	free(a->outs);
	free(a->maps);
	free(a->left);
	join_result_free(&a->join);
	*a = (struct account){ 0 };
}

static void
add_tally(struct account *a, const struct journal_tally *t)
{
	const struct counts c = {
		.read = t->n[JOURNAL_READ],
		.moved = t->n[JOURNAL_MOVED],
		.filtered = t->n[JOURNAL_FILTERED],
		.skipped = t->n[JOURNAL_SKIPPED],
		.dropped = t->n[JOURNAL_DROPPED],
		.duplicate = t->n[JOURNAL_DUPLICATE],
		.rejected = t->n[JOURNAL_REJECTED],
	};

	counts_add(&a->tables[t->table], &c);
	counts_add(&a->total, &c);
}

static void
add_file(struct account *a, const struct journal_file *f)
{
	if (f->kind == JOURNAL_DELETES) {
		a->total_deletes.files++;
		a->total_deletes.items += f->items;
		a->total_deletes.packed_len += f->size;
		a->total_deletes.plain_len += f->plain_len;
	}
	if (f->kind != JOURNAL_OUT)
		return;
	struct account_out *const sums[] = { &a->outs[f->table],
					     &a->total_out };

	for (int i = 0; i < 2; i++) {
		sums[i]->files++;
		sums[i]->items += f->items;
		sums[i]->packed_len += f->size;
		sums[i]->plain_len += f->plain_len;
	}
}

static int
add_unit(struct account *a, const struct journal_unit *u, struct err *err)
{
	struct extra extra = {
		.types = a->types, .left = a->left, .written = a->written,
		.deleted = a->deleted, .counts = a->tables,
	};

	for (size_t i = 0; i < u->ntallies; i++)
		if (u->tallies[i].table >= a->ntables)
			return err_set(err, ERR_INPUT,
				       "a journal record of another plan");
	for (size_t i = 0; i < u->nfiles; i++)
		if (u->files[i].kind == JOURNAL_OUT &&
		    u->files[i].table >= a->ntargets)
			return err_set(err, ERR_INPUT,
				       "a journal record of another plan");
	if (extra_add(u->extra, a->ntables, a->nleft, &extra, err) != 0)
		return -1;
	a->units++;
	a->packed_in += extra.packed_len;
	a->plain_in += extra.plain_len;
	a->blank_lines += extra.blank_lines;
	a->damaged += extra.damaged;
	a->superseded += extra.superseded;
	a->gone += extra.gone;
	a->lost += extra.lost;
	for (size_t i = 0; i < u->ntallies; i++)
		add_tally(a, &u->tallies[i]);
	for (size_t i = 0; i < u->nfiles; i++)
		add_file(a, &u->files[i]);
	return 0;
}

int
account_sum(struct account *a, struct journal *j, struct err *err)
{
	uint32_t end;

	journal_nunits(j, &end);
	for (uint32_t i = 0; i < end; i++) {
		const struct journal_unit *const u = journal_unit(j, i);

		if (u != NULL && add_unit(a, u, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < a->ntables; i++) {
		a->tables[i].written = a->written[i];
		a->total.written += a->written[i];
		a->total.made += a->tables[i].made;
		a->deletes += a->deleted[i];
	}
	return 0;
}
