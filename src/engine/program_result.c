/* program_result.c - what becomes of products after the program made them. */
#include "engine/program_internal.h"

void
program_take_back(struct program_run *r, struct program_result *result,
		  uint32_t i, const struct err *why)
{
	struct product *const made = &result->products[i];
	struct refusal *const to = &result->refusals[result->nrefusals++];

	*to = (struct refusal){
		.source = made->source, .table = result->tables[made->source],
		.step = "target", .why = *why,
	};
	result->fates[made->source] = FATE_REFUSED;
	r->sums.counts[to->table].moved--;
	r->sums.counts[to->table].rejected++;
	made->item = NULL;
}

void
program_leave_out(struct program_run *r, struct program_result *result,
		  uint32_t i)
{
	struct product *const made = &result->products[i];
	struct counts *const c =
		&r->sums.counts[result->tables[made->source]];

	result->fates[made->source] = FATE_LEFT_OUT;
	c->moved--;
	c->duplicate++;
	made->item = NULL;
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
