#include "engine/sources.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/exports.h"
#include "engine/facts.h"
#include "engine/increments.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/rules.h"
#include "formats/formats.h"

/* Find what the plan's sources hold. */
static int
look(const struct plan *p, struct arena *mem, struct exports *exports,
     struct err *err)
{
	struct export_entry *const entries = arena_take(mem,
		(p->nsources + 1) * sizeof(*entries), err);

	if (entries == NULL)
		return -1;
	place_source(&p->source);
	for (size_t i = 0; i < p->nsources; i++)
		entries[i] = (struct export_entry){
			.path = p->sources[i].full,
			.table = p->sources[i].table,
			.format = p->sources[i].format,
		};
	return exports_find(entries, p->nsources, exports, err);
}

int
sources_check_same(const struct plan *p, const struct job *job,
		   struct err *err)
{
	struct arena mem = { 0 };
	struct exports x = { 0 };
	int rc = look(p, &mem, &x, err);

	for (size_t i = 0; i < x.n && rc == 0; i++) {
		const struct export *const e = &x.list[i];
		char name[FACT_NAME_LEN], value[FACT_LEN];
		const char *was;

		if (place_is_table(p->sources[e->entry].full))
			continue;
		fact_source_name(e, i, name);
		rc = fact_of_source(e, value, err);
		was = job_value(job, "sources", name);
		if (rc == 0 && (was == NULL || strcmp(was, value) != 0))
			rc = err_set(err, ERR_REFUSED, "source '%s' is not as "
				     "it was when the job was started; run the "
				     "plan on it in a new job", e->path);
	}
	place_source(NULL);
	exports_free(&x);
	arena_free(&mem);
	return rc;
}

/* Two full exports of one table would be two states of it. */
static int
no_table_twice(const struct exports *x, const struct plan_found *found,
	       struct err *err)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct export *const a = &x->list[k];
			const struct export *const b = &x->list[i];

			if (a->kind != EXPORT_FULL || b->kind != EXPORT_FULL ||
			    found[i].input != found[k].input)
				continue;
			return err_set(err, ERR_USAGE, "two full exports of "
				"table '%s': %s (of %s) and %s (of %s); name "
				"the one that is meant", a->summary.table,
				a->path, a->summary.export_time != NULL
				? a->summary.export_time : "unknown time",
				b->path, b->summary.export_time != NULL
				? b->summary.export_time : "unknown time");
		}
	return 0;
}

uint64_t
sources_count(const struct exports *x, const struct plan_found *found,
	      uint32_t input)
{
	uint64_t n = 0;

	for (size_t i = 0; i < x->n && input != PLAN_NONE; i++)
		if (found[i].input == input)
			n += x->list[i].summary.nitems;
	return n;
}

bool
sources_is_read(const struct plan *plan, uint32_t input)
{
	return input != PLAN_NONE && plan->inputs[input].ntables > 0;
}

/* Can this version do all that the plan wants? */
static int
check_plan(const struct plan *plan, struct err *err)
{
	struct plan_place where;
	const char *const missing = plan_not_yet(plan, &where);

	if (missing != NULL)
		return err_set(err, ERR_USAGE, "%s:%u:%u: '%s' is not yet in "
			       "this version", where.file, where.line,
			       where.column, missing);
	return plan_ready(plan, err);
}

/* Can all that was found be read, and is it of one state? */
static int
check_found(struct plan *plan, const struct exports *x,
	    const struct plan_found *found, struct err *err)
{
	for (size_t i = 0; i < x->n; i++)
		if (sources_is_read(plan, found[i].input) &&
		    x->list[i].kind != EXPORT_INCREMENTAL &&
		    exports_readable(&x->list[i], err) != 0)
			return -1;
	if (no_table_twice(x, found, err) != 0)
		return -1;
	return increments_settle(plan, x, found, err);
}

/* Which input of the plan each export is. */
static int
resolve(struct plan *plan, struct arena *mem, const struct exports *exports,
	struct plan_found **found, struct err *err)
{
	*found = arena_take(mem, (exports->n + 1) * sizeof(**found), err);
	if (*found == NULL)
		return -1;
	for (size_t i = 0; i < exports->n; i++) {
		const struct export *const e = &exports->list[i];

		(*found)[i] = (struct plan_found){
			.name = e->summary.table,
			.table = plan->sources[e->entry].table,
			.what = e->path,
		};
	}
	return plan_resolve(plan, *found, exports->n, err);
}

/* How each of them is to be read. */
static int
add_rules(const struct plan *plan, const struct exports *x,
	  struct plan_found *found, struct arena *mem, struct err *err)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct plan_source *const s =
			&plan->sources[x->list[i].entry];
		const struct plan_input *const in =
			sources_is_read(plan, found[i].input)
			? &plan->inputs[found[i].input] : NULL;

		if (s->format != NULL)
			found[i].format = item_format_named(s->format);
		if (x->list[i].kind == EXPORT_FULL)
			found[i].format = item_format_named(
				exports_format(&x->list[i]));
		/* An export says all itself; our own in CSV does not. */
		if (x->list[i].kind != EXPORT_PLAIN &&
		    found[i].format != item_format_named("csv"))
			continue;
		found[i].rules = rules_to_read(s, in != NULL
			? &plan->tables[in->tables[0]] : NULL,
			&x->list[i].summary, mem, err);
		if (found[i].rules == NULL)
			return -1;
	}
	return 0;
}

int
sources_find(struct plan *plan, const char *const *accept, size_t naccept,
	     struct arena *mem, struct exports *exports,
	     struct plan_found **found, struct err *err)
{
	if (check_plan(plan, err) != 0 ||
	    look(plan, mem, exports, err) != 0 ||
	    exports_check(exports, accept, naccept, err) != 0 ||
	    resolve(plan, mem, exports, found, err) != 0 ||
	    add_rules(plan, exports, *found, mem, err) != 0)
		return -1;
	return check_found(plan, exports, *found, err);
}

int
sources_find_again(struct plan *plan, struct arena *mem,
		   struct exports *exports, struct plan_found **found,
		   struct err *err)
{
	return look(plan, mem, exports, err) != 0 ? -1 :
		resolve(plan, mem, exports, found, err);
}
