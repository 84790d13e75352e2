/* program_build.c - a plan as a program, before anything is run. */
#include "engine/program_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/outputs.h"
#include "engine/plan.h"

/* How many counters a step has. */
static size_t
nversions(const struct plan_step *s)
{
	return s->kind != STEP_VERSION ? 0
		: VERSION_FIRST + s->version.nupgrades + 1;
}

/* Those of a table; or, if `until` is a step of it, those before it. */
static size_t
sum_versions(const struct plan_table *t, const struct plan_step *until)
{
	size_t n = 0;

	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++) {
			if (&t->passes[i].steps[k] == until)
				return n;
			n += nversions(&t->passes[i].steps[k]);
		}
	return n;
}

bool
program_step_waits(const struct plan_step *s)
{
	if (outputs_kind_of(s) != NULL)
		return true;
	for (size_t i = 0; i < s->version.nupgrades; i++)
		for (size_t k = 0; k < s->version.upgrades[i].nsteps; k++)
			if (program_step_waits(&s->version.upgrades[i]
					       .steps[k]))
				return true;
	return false;
}

static bool
table_waits(const struct plan_table *t)
{
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			if (program_step_waits(&t->passes[i].steps[k]))
				return true;
	return false;
}

/* How the items of an input must go. */
static void
choose_ways(struct program *p, size_t input)
{
	const struct plan_input *const in = &p->plan->inputs[input];

	for (size_t i = 0; i < in->ntables; i++) {
		const struct plan_table *const t =
			&p->plan->tables[in->tables[i]];

		for (size_t k = 0; k < t->npasses; k++)
			p->masked[input] |= t->passes[k].nmasked > 0;
		p->several[input] |= table_waits(t) || p->masked[input];
	}
}

/* Have the names of an input's lanes numbered, unless they are too many. */
static void
watch(struct program *p, const struct plan_input *in, struct watched *w)
{
	for (size_t i = 0; i < in->ntables; i++) {
		const struct names *const names =
			&p->parts[in->tables[i]].lane.names;

		for (uint32_t k = 1; k <= names->n; k++) {
			size_t at = 0;

			while (at < w->n && !span_equal(w->of[at],
							names->of[k].text))
				at++;
			/* A table may be that of another input too. */
			if (names->watched || at == DDBJSON_WATCHED) {
				w->n = 0;
				return;
			}
			w->of[at] = names->of[k].text;
			w->n += at == w->n;
		}
	}
	for (size_t i = 0; i < in->ntables; i++)
		names_watch(&p->parts[in->tables[i]].lane.names, w->of, w->n);
}

struct program *
program_new(const struct plan *plan, struct span run_time, struct err *err)
{
	struct program *const p = calloc(1, sizeof(*p));

	if (p == NULL)
		goto failed;
	p->plan = plan;
	snprintf(p->run_time, sizeof(p->run_time), "%.*s", (int)run_time.len,
		 (const char *)run_time.ptr);
	p->parts = calloc(plan->ntables + 1, sizeof(*p->parts));
	p->several = calloc(plan->ninputs + 1, sizeof(*p->several));
	p->masked = calloc(plan->ninputs + 1, sizeof(*p->masked));
	p->watched = calloc(plan->ninputs + 1, sizeof(*p->watched));
	if (p->parts == NULL || p->several == NULL || p->masked == NULL ||
	    p->watched == NULL)
		goto failed;
	for (size_t i = 0; i < plan->ninputs; i++)
		choose_ways(p, i);
	for (size_t i = 0; i < plan->ntables; i++)
		p->needs_pool |= table_waits(&plan->tables[i]);
	for (uint32_t i = 0; i < plan->ntables; i++) {
		const struct plan_table *const t = &plan->tables[i];
		struct part *const part = &p->parts[i];

		part->first_relation = p->nrelations;
		part->first_left = p->nleft;
		part->deep = plan_table_nests(t);
		p->nrelations += (uint32_t)(t->nrules * plan->ntables);
		p->nleft += t->nrules * LEFT_KINDS;
		if (target_init(&part->target, t, err) != 0 ||
		    lane_init(&part->lane, t, err) != 0) {
			program_free(p);
			return NULL;
		}
	}
	for (uint32_t i = 0; i < plan->ntables; i++) {
		p->parts[i].first_version = p->nleft;
		p->nleft += sum_versions(&plan->tables[i], NULL);
		p->parts[i].unmade = p->nleft;
		p->nleft += plan->tables[i].seen != NULL;
	}
	for (size_t i = 0; i < plan->ninputs; i++)
		watch(p, &plan->inputs[i], &p->watched[i]);
	return p;
failed:
	err_set(err, ERR_SYSTEM, "out of memory");
	program_free(p);
	return NULL;
}

void
program_free(struct program *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; p->parts != NULL && i < p->plan->ntables; i++) {
		target_free(&p->parts[i].target);
		lane_free(&p->parts[i].lane);
	}
	free(p->parts);
	free(p->several);
	free(p->masked);
	free(p->watched);
	free(p);
}

const struct span *
program_watched(const struct program *p, uint32_t input, size_t *n)
{
	*n = p->watched[input].n;
	return p->watched[input].of;
}

uint32_t
program_nrelations(const struct program *p)
{
	return p->nrelations;
}

uint32_t
program_relation(const struct program *p, uint32_t table, uint32_t rule,
		 uint32_t refers_to)
{
	return p->parts[table].first_relation +
	       rule * (uint32_t)p->plan->ntables + refers_to;
}

size_t
program_left(const struct program *p, uint32_t table)
{
	return p->parts[table].first_left;
}

bool
program_find_version(const struct program *p, uint32_t table,
		     const struct plan_step *step, size_t *at)
{
	*at = p->parts[table].first_version +
	      sum_versions(&p->plan->tables[table], step);
	return nversions(step) > 0;
}

bool
program_find_unmade(const struct program *p, uint32_t table, size_t *at)
{
	*at = p->parts[table].unmade;
	return p->plan->tables[table].seen != NULL;
}

size_t
program_nleft(const struct program *p)
{
	return p->nleft;
}
