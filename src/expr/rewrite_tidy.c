/*
 * rewrite_tidy.c - sets whose members became equal, and the holes that
 * `dangling: remove` leaves.
 *
 * Places are taken from the deepest up: closing a hole moves only what is one
 * level below, where everything is done by then.  Rules may have made two
 * places of one container; the second then finds nothing to do.
 */
#include <string.h>

#include "base/decimal.h"
#include "base/arena.h"
#include "base/keyhash.h"
#include "expr/rewrite_internal.h"

enum { FEW = 8 };		/* members: compared one by one */

/* Close the holes of a container.  Returns how many there were. */
static uint32_t
close_holes(struct value *v)
{
	const uint32_t step = v->type == VALUE_M ? 2 : 1;
	const uint32_t before = v->len;
	uint32_t n = 0;

	for (uint32_t i = 0; i < before; i += step) {
		if (v->kids[i + step - 1].type == 0)
			continue;
		if (n != i)
			memcpy(&v->kids[n], &v->kids[i],
			       step * sizeof(*v->kids));
		n += step;
	}
	v->len = n;
	return (before - n) / step;
}

/* What tells a member from others: plain text, of an N canonical. */
static int
text_of(const struct value *v, struct span *out, struct arena *mem,
	struct err *err)
{
	char text[DECIMAL_TEXT_LEN];

	if (v->type != VALUE_N)
		return value_text(v, mem, out, err);
	*out = (struct span){ v->text, v->len };
	*out = arena_copy(mem, (struct span){ (const uint8_t *)text,
			  decimal_canonical(*out, text) }, err);
	return out->ptr != NULL ? 0 : -1;
}

/* Leave a hole for each member that equals one before it. */
static void
mark_few(struct value *set, const struct span *texts)
{
	for (uint32_t i = 1; i < set->len; i++)
		for (uint32_t k = 0; k < i; k++)
			if (span_equal(texts[i], texts[k])) {
				set->kids[i].type = 0;
				break;
			}
}

static int
mark_many(struct rewrite_queue *q, struct value *set, const struct span *texts,
	  struct err *err)
{
	size_t n = 16;

	while (n < 2 * (size_t)set->len)
		n *= 2;
	if (list_grow(&q->slots, &q->nslots, n, sizeof(*q->slots), err) != 0)
		return -1;
	memset(q->slots, 0xff, n * sizeof(*q->slots));
	for (uint32_t i = 0; i < set->len; i++) {
		size_t at = keyhash64_of(texts[i]) & (n - 1);

		while (q->slots[at] != NONE &&
		       !span_equal(texts[q->slots[at]], texts[i]))
			at = (at + 1) & (n - 1);
		if (q->slots[at] == NONE)
			q->slots[at] = i;
		else
			set->kids[i].type = 0;
	}
	return 0;
}

static int
merge(struct rewrite_queue *q, const struct place *p, struct arena *mem,
      struct err *err)
{
	struct value *const set = p->container;
	struct span few[FEW];
	struct span *texts = few;

	if (set->len < 2)
		return 0;
	if (set->len > FEW) {
		texts = arena_take(mem, set->len * sizeof(*texts), err);
		if (texts == NULL)
			return -1;
	}
	for (uint32_t i = 0; i < set->len; i++)
		if (text_of(&set->kids[i], &texts[i], mem, err) != 0)
			return -1;
	if (set->len <= FEW)
		mark_few(set, texts);
	else if (mark_many(q, set, texts, err) != 0)
		return -1;
	q->owners[p->owner].left[p->rule * LEFT_KINDS + LEFT_MERGED] +=
		close_holes(set);
	return 0;
}

static int
tidy_place(struct rewrite_queue *q, struct place *p, struct arena *mem,
	   struct err *err)
{
	struct value *const v = p->container;

	if (p->holed)
		close_holes(v);
	if (!value_is_set(v))
		return 0;
	if (v->len > 0)
		return merge(q, p, mem, err);
	/* An empty set cannot be: its attribute goes too. */
	v->type = 0;
	q->places[p->parent].holed = true;
	return 0;
}

int
rewrite_tidy(struct rewrite_queue *q, struct arena *mem, struct err *err)
{
	int deepest = -1;

	for (size_t i = 0; i < q->nplaces.len; i++) {
		const struct place *const p = &q->places[i];

		if (p->changed && p->depth > deepest &&
		    (p->holed || value_is_set(p->container)))
			deepest = p->depth;
	}
	for (int d = deepest; d >= 0; d--)
		for (size_t i = 0; i < q->nplaces.len; i++) {
			struct place *const p = &q->places[i];

			if (p->depth == d && (p->changed || p->holed) &&
			    tidy_place(q, p, mem, err) != 0)
				return -1;
		}
	return 0;
}
