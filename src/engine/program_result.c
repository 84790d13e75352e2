/*
 * program_result.c - what becomes of products after the program made them, and
 * of sums.
 */
#include "engine/program_internal.h"

#include "engine/plan.h"

/* The products beside product `i`, of the same item: from *first on, n. */
static uint32_t
siblings(const struct program_result *result, uint32_t i, uint32_t *first)
{
	const struct product *const p = result->products;
	uint32_t end = i + 1;

	for (*first = i; *first > 0 && p[*first - 1].source == p[i].source;)
		--*first;
	while (end < result->nproducts && p[end].source == p[i].source)
		end++;
	return end - *first;
}

void
program_take_back(struct program_run *r, struct program_result *result,
		  uint32_t i, const struct err *why)
{
	const struct product *const made = &result->products[i];
	struct refusal *const to = &result->refusals[result->nrefusals++];
	struct counts *counts;
	uint32_t first;
	const uint32_t n = siblings(result, i, &first);

	*to = (struct refusal){
		.source = made->source, .table = result->tables[made->source],
		.step = "target", .why = *why,
	};
	result->fates[made->source] = FATE_REFUSED;
	counts = &r->sums.counts[to->table];
	counts->moved--;
	counts->rejected++;
	for (uint32_t k = first; k < first + n; k++) {
		if (result->several && result->products[k].item != NULL)
			counts->made--;
		result->products[k].item = NULL;
	}
}

void
program_leave_out(struct program_run *r, struct program_result *result,
		  uint32_t i)
{
	struct product *const made = &result->products[i];
	struct counts *const c =
		&r->sums.counts[result->tables[made->source]];
	uint32_t first;
	const uint32_t n = siblings(result, i, &first);

	made->item = NULL;
	if (result->several)
		c->made--;
	for (uint32_t k = first; k < first + n; k++)
		if (result->products[k].item != NULL)
			return;
	result->fates[made->source] = FATE_LEFT_OUT;
	c->moved--;
	c->duplicate++;
}

void
program_count_types(struct program_run *r, const struct program_result *result)
{
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];

		if (p->item == NULL)
			continue;
		r->sums.types[p->table].pk |= p->types.pk;
		r->sums.types[p->table].sk |= p->types.sk;
	}
}

void
program_add_sums(struct program_run *to, const struct program_run *from)
{
	for (size_t i = 0; i < to->program->plan->ntables; i++) {
		counts_add(&to->sums.counts[i], &from->sums.counts[i]);
		to->sums.types[i].pk |= from->sums.types[i].pk;
		to->sums.types[i].sk |= from->sums.types[i].sk;
	}
	for (size_t i = 0; i < to->program->nleft; i++)
		to->sums.left[i] += from->sums.left[i];
}
