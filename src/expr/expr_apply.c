/*
 * expr_apply.c - an update, run over an item.
 *
 * First every action's outcome is found, from the item as it was; then the tree
 * of paths is walked beside the item.  A container inside the item may be
 * shared (item.h, invariant 6), so it is changed as a copy, which is a change
 * to the container around it; only the item's own array is changed where it is,
 * and last.  Until then nothing of the item has changed, and nothing after it
 * can fail.
 */
#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "expr/expr_internal.h"
#include "model/compare.h"

enum {
	/* As the type of an outcome: no value, but ... */
	OUTCOME_NOTHING = 0,	/* leave it as it is */
	OUTCOME_REMOVE = UINT8_MAX,

	FEW = 16,		/* changes of a container kept on the stack */
};

static const char invalid_path[] = "The document path provided in the update "
				   "expression is invalid for update";

/* One change of a container: what becomes of a slot. */
struct change {
	struct value *slot;	/* NULL: appended */
	struct value value;
};

/* ---- outcomes ---- */

static int
wrong_type(const struct eval *e)
{
	return err_set(e->err, ERR_INPUT, "%s", expr_wrong_type);
}

/* Is `member` in the first `n` of a set?  Returns 1, 0 or -1. */
static int
holds(const struct eval *e, const struct value *kids, uint32_t n,
      const struct value *member)
{
	int rc = 0;

	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = value_equal(&kids[i], member, e->run->mem, e->err);
	return rc;
}

/* The members of both sets; nothing if that is no more than the first has. */
static int
unite(const struct eval *e, const struct value *old, const struct value *more,
      struct value *out)
{
	struct value set = *old;

	if (value_own(&set, more->len, e->run->mem, e->err) != 0)
		return -1;
	for (uint32_t i = 0; i < more->len; i++) {
		const int rc = holds(e, set.kids, old->len, &more->kids[i]);

		if (rc < 0)
			return -1;
		if (rc == 0)
			set.kids[set.len++] = more->kids[i];
	}
	if (set.len > old->len)
		*out = set;
	return 0;
}

/* The members that are not in the second. */
static int
subtract(const struct eval *e, const struct value *old,
	 const struct value *less, struct value *out)
{
	struct value set = *old;

	if (value_own(&set, 0, e->run->mem, e->err) != 0)
		return -1;
	set.len = 0;
	for (uint32_t i = 0; i < old->len; i++) {
		const int rc = holds(e, less->kids, less->len, &old->kids[i]);

		if (rc < 0)
			return -1;
		if (rc == 0)
			set.kids[set.len++] = old->kids[i];
	}
	if (set.len == 0)
		out->type = OUTCOME_REMOVE;
	else if (set.len < old->len)
		*out = set;
	return 0;
}

static int
add_numbers(const struct eval *e, const struct value *a,
	    const struct value *b, struct value *out)
{
	char text[DECIMAL_TEXT_LEN];
	struct span x, y;

	if (value_text(a, e->run->mem, &x, e->err) != 0 ||
	    value_text(b, e->run->mem, &y, e->err) != 0)
		return -1;
	const size_t n = decimal_add(x, y, text, e->err);
	return n == 0 ? -1 : eval_text(e, VALUE_N,
		(struct span){ (uint8_t *)text, n }, out);
}

/* What an action makes of its attribute; *out says nothing so far. */
static int
find_outcome(const struct eval *e, const struct action *a, struct value *out)
{
	switch (a->kind) {
	case ACTION_SET:
		return eval_present(e, a->value, out);
	case ACTION_REMOVE:
		out->type = OUTCOME_REMOVE;
		return 0;
	default:
		break;
	}

	const struct value *const operand = &a->value->value;
	const struct value *const old = path_follow(&a->path, e->map);
	if (old == NULL) {
		if (a->kind == ACTION_ADD)
			*out = *operand;
		return 0;
	}
	if (old->type != operand->type)
		return wrong_type(e);
	if (a->kind == ACTION_DELETE)
		return subtract(e, old, operand, out);
	return old->type == VALUE_N ? add_numbers(e, old, operand, out)
				    : unite(e, old, operand, out);
}

/* ---- changes ---- */

static bool
same(const struct value *a, const struct value *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Drop the slots whose type is 0; those of a map are pairs. */
static void
close_up(struct value *v, uint32_t from)
{
	const uint32_t stride = v->type == VALUE_M ? 2 : 1;
	uint32_t n = from;

	for (uint32_t i = from; i < v->len; i += stride) {
		if (v->kids[i + stride - 1].type == 0)
			continue;
		memmove(&v->kids[n], &v->kids[i], stride * sizeof(*v->kids));
		n += stride;
	}
	v->len = n;
}

/*
 * Make the changes in the array that `v` has now, which has room for what is
 * appended.  They were found in `old_kids`, which may be the same.
 */
static void
make_changes(struct value *v, struct value *old_kids,
	     const struct change *changes, const struct target *t)
{
	uint32_t gap = UINT32_MAX;
	const struct target *c = t->below;

	for (uint32_t i = 0; i < t->nbelow; i++, c = c->next) {
		const struct change *const ch = &changes[i];

		if (ch->value.type == OUTCOME_NOTHING)
			continue;
		if (ch->slot == NULL) {
			if (v->type == VALUE_M)
				v->kids[v->len++] = (struct value){
					.text = c->part->name.ptr,
					.len = (uint32_t)c->part->name.len,
					.type = VALUE_NAME,
					.hash = c->part->hash,
				};
			v->kids[v->len++] = ch->value;
			continue;
		}

		struct value *const slot = v->kids + (ch->slot - old_kids);
		const uint32_t at = (uint32_t)(slot - v->kids);
		if (ch->value.type == OUTCOME_REMOVE) {
			slot->type = 0;
			if (at < gap)
				gap = at;
		} else {
			*slot = ch->value;
		}
	}
	if (gap != UINT32_MAX)
		close_up(v, v->type == VALUE_M ? gap - 1 : gap);
	v->flags &= (uint8_t)~VALUE_RAW;
}

static int apply(const struct eval *e, const struct target *t,
		 const struct value *outcomes, bool own, struct value *v);

/* What becomes of the slot that `c` means in `v`. */
static int
find_change(const struct eval *e, const struct target *c,
	    const struct value *outcomes, const struct value *v,
	    struct change *out)
{
	out->slot = path_step(c->part, v);
	out->value = (struct value){ .type = OUTCOME_NOTHING };
	if (!c->leaf) {
		if (out->slot == NULL)
			return err_set(e->err, ERR_INPUT, "%s", invalid_path);
		out->value = *out->slot;
		if (apply(e, c, outcomes, false, &out->value) != 0)
			return -1;
	} else if (out->slot != NULL ||
		   outcomes[c->number].type != OUTCOME_REMOVE) {
		out->value = outcomes[c->number];
	}
	if (out->slot != NULL && same(out->slot, &out->value))
		out->value.type = OUTCOME_NOTHING;
	return 0;
}

/*
 * Do to the container `*v` what `t` says, in a new array unless it is our
 * `own`.  Nothing has changed if this fails, nor if there was nothing to do.
 */
static int
apply(const struct eval *e, const struct target *t,
      const struct value *outcomes, bool own, struct value *v)
{
	const bool list = t->below->part->kind == PATH_INDEX;
	struct change few[FEW], *changes = few;
	struct value *const kids = v->kids;
	uint32_t n = 0, more = 0, i = 0;

	if (v->type != (list ? VALUE_L : VALUE_M))
		return err_set(e->err, ERR_INPUT, "%s", invalid_path);
	if (t->nbelow > FEW) {
		changes = arena_take(e->run->mem, t->nbelow * sizeof(*changes),
				     e->err);
		if (changes == NULL)
			return -1;
	}
	for (const struct target *c = t->below; c != NULL; c = c->next, i++) {
		if (find_change(e, c, outcomes, v, &changes[i]) != 0)
			return -1;
		if (changes[i].value.type == OUTCOME_NOTHING)
			continue;
		n++;
		if (changes[i].slot == NULL)
			more += list ? 1 : 2;
	}
	if (n == 0)
		return 0;
	if ((!own || more > 0) &&
	    value_own(v, more, e->run->mem, e->err) != 0)
		return -1;
	make_changes(v, kids, changes, t);
	return 0;
}

int
update_apply(const struct update *u, const struct expr_run *run,
	     struct item *item, struct err *err)
{
	const struct eval e = { run, &item->map, err };
	struct value few[FEW], *outcomes = few;

	if (u->nactions > FEW) {
		outcomes = arena_take(run->mem,
				      u->nactions * sizeof(*outcomes), err);
		if (outcomes == NULL)
			return -1;
	}
	for (size_t i = 0; i < u->nactions; i++) {
		outcomes[i] = (struct value){ .type = OUTCOME_NOTHING };
		if (find_outcome(&e, &u->actions[i], &outcomes[i]) != 0)
			return -1;
	}
	return apply(&e, &u->root, outcomes, true, &item->map);
}
