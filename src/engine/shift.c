#include "engine/shift.h"

#include "base/buf.h"
#include "base/err.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "model/compare.h"
#include "model/item.h"
#include "model/path.h"

/* "'old' ... 'new' ..." */
static int
refuse(const struct plan_shift *s, const char *middle, const char *end,
       struct err *err)
{
	struct buf text = { 0 };
	struct err unused;

	if (buf_printf(&text, &unused, "'") == 0 &&
	    path_print(&s->from, &text, &unused) == 0 &&
	    buf_printf(&text, &unused, "' %s '", middle) == 0 &&
	    path_print(&s->to, &text, &unused) == 0 &&
	    buf_printf(&text, &unused, "' %s", end) == 0)
		err_set(err, ERR_INPUT, "%.*s", (int)text.len,
			(const char *)text.ptr);
	else
		err_set(err, ERR_INPUT, "the old and the new %s", end);
	buf_free(&text);
	return -1;
}

int
shift_expand(const struct plan_step *step, const struct expr_run *run,
	     struct item *item, struct err *err)
{
	for (size_t i = 0; i < step->nshifts; i++) {
		const struct plan_shift *const s = &step->shifts[i];
		const struct value *const from = path_follow(&s->from,
							     &item->map);
		const struct value *const to = path_follow(&s->to, &item->map);
		int same = 0;

		if (from == NULL)
			continue;
		if (to != NULL)
			same = value_equal(from, to, run->mem, err);
		if (same < 0)
			return -1;
		if (same > 0)
			continue;
		if (to != NULL && !step->overwrite)
			return refuse(s, "and", "differ: which is right?", err);
		if (update_apply(s->update, run, item, err) != 0)
			return -1;
	}
	return 0;
}

int
shift_contract(const struct plan_step *step, const struct expr_run *run,
	       struct item *item, struct err *err)
{
	for (size_t i = 0; i < step->nshifts; i++) {
		const struct plan_shift *const s = &step->shifts[i];

		if (path_follow(&s->from, &item->map) != NULL && s->has_to &&
		    path_follow(&s->to, &item->map) == NULL)
			return refuse(s, "is there, and", "is not yet: expand "
				      "first", err);
	}
	for (size_t i = 0; i < step->nshifts; i++)
		if (path_follow(&step->shifts[i].from, &item->map) != NULL &&
		    update_apply(step->shifts[i].update, run, item, err) != 0)
			return -1;
	return 0;
}
