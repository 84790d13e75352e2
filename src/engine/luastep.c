#include "engine/luastep.h"

#include "base/err.h"
#include "engine/outputs.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "expr/script.h"
#include "model/item.h"

static void *
start(const struct plan *plan, const struct plan_step *step, struct err *err)
{
	(void)plan;
	return script_new(step->file, step->text, &step->limits, err);
}

static void
stop(void *state)
{
	script_free(state);
}

/* One item.  Returns 0, or -1 with *why set. */
static int
transform(struct script *s, struct outputs *o, uint32_t i, struct err *why)
{
	const uint32_t table = outputs_table(o, i);
	const struct script_context context = {
		.table = span_of(o->plan->tables[table].name),
		.run_time = o->run->run_time,
	};
	struct value *made;
	size_t n;

	if (script_run(s, outputs_item(o, i), &context, o->run->mem, &made, &n,
		       why) != 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		if (outputs_put(o, i, table, &made[k], why) != 0)
			return -1;
	return 0;
}

static int
run(void *state, struct outputs *o, struct err *err)
{
	for (uint32_t i = 0; i < o->n; i++) {
		struct err why;

		if (transform(state, o, i, &why) == 0)
			continue;
		if (why.code != ERR_INPUT) {
			*err = why;
			return -1;
		}
		outputs_refuse(o, i, &why);
	}
	return 0;
}

const struct outputs_kind luastep_kind = {
	.start = start, .stop = stop, .run = run,
};
