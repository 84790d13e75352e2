/*
 * rewrite_quick.c - what nearly every id is: an S at the top of an item whose
 * digest decides, nothing asked and nothing kept.
 *
 * Each step is a loop of its own over some dozens of them: what was just
 * written cannot be read at once without the processor waiting for it.
 */
#include "base/arena.h"
#include "expr/expr.h"
#include "expr/rewrite_internal.h"

enum { TOGETHER = 32 };

/* Some ids on their way. */
struct lane {
	struct sha256_job jobs[TOGETHER];
	struct remap_digest digests[TOGETHER];
	uint8_t *at[TOGETHER];		/* of the digest's text */
	uint8_t blocks[TOGETHER][REMAP_MAX_BLOCKS * SHA256_BLOCK_LEN];
};

/* Their digests.  Returns how much room their texts take, letters included. */
static size_t
digest(struct lane *l, const struct quick *quicks, size_t n)
{
	size_t room = 0;

	for (size_t i = 0; i < n; i++) {
		const struct value *const v = quicks[i].at;

		l->jobs[i].start = &sha256_start;
		l->jobs[i].out = l->digests[i].bytes;
		remap_fill(quicks[i].remap, (struct span){ v->text, v->len },
			   l->blocks[i], &l->jobs[i]);
		room += quicks[i].remap->room;
	}
	sha256_batch(l->jobs, n);
	return room;
}

/*
 * Letter and prefix, and after them the digest's text.  Returns whether every
 * text is a uuid; the others are then still to be put.
 */
static bool
put_texts(struct lane *l, const struct quick *quicks, size_t n, uint8_t *to)
{
	bool uuids = true;

	for (size_t i = 0; i < n; i++) {
		const struct remap *const r = quicks[i].remap;
		const struct span prefix = r->shapes[0].prefix;

		*to = 'S';
		if (prefix.len > 0)
			memcpy(to + 1, prefix.ptr, prefix.len);
		l->at[i] = to + 1 + prefix.len;
		to += r->room;
		uuids &= r->shapes[0].form == REMAP_UUID;
	}
	if (uuids)
		remap_put_uuids(l->digests, n, l->at);
	return uuids;
}

/* The new ids to the items, and to the uses with their keys. */
static void
spread(struct rewrite_queue *q, struct lane *l, const struct quick *quicks,
       size_t n, bool uuids)
{
	for (size_t i = 0; i < n; i++) {
		const struct remap *const r = quicks[i].remap;
		const struct remap_shape *const s = &r->shapes[0];
		struct rewrite_use *const u = &q->uses[quicks[i].use];
		const uint8_t *const text = l->at[i] - s->prefix.len;
		const size_t len = s->prefix.len + (uuids ? s->length :
			remap_put(s->form, s->length, l->digests[i].bytes,
				  l->at[i]));

		*quicks[i].at = (struct value){
			.text = text, .len = (uint32_t)len,
			.type = VALUE_S, .flags = r->clean ? VALUE_CLEAN : 0 };
		u->target = (struct span){ text, len };
		u->key = keyhash_of((struct span){ text - 1, len + 1 });
	}
}

int
rewrite_do_quick(struct rewrite_queue *q, struct arena *mem, struct err *err)
{
	struct lane lane;

	for (size_t at = 0; at < q->nquicks.len; at += TOGETHER) {
		const struct quick *const some = q->quicks + at;
		const size_t left = q->nquicks.len - at;
		const size_t n = left < TOGETHER ? left : TOGETHER;
		const size_t room = digest(&lane, some, n);

		if (arena_reserve(mem, room + USE_SLACK, err) != 0)
			return -1;

		uint8_t *const to = arena_take(mem, room, err);
		const bool uuids = put_texts(&lane, some, n, to);

		spread(q, &lane, some, n, uuids);
	}
	return 0;
}

int
rewrite_collect_found(const struct rewrite *rw, struct rewrite_queue *q,
		      const struct expr_run *run, struct item *item,
		      uint32_t item_number, struct value *const *values,
		      uint64_t *left, struct err *err)
{
	const size_t n = rw->nrules, before = q->nquicks.len;

	for (size_t i = 0; i < n; i++)
		if (values[i] != NULL && !is_quick(&rw->rules[i], values[i]))
			return rewrite_collect(rw, q, run, item, item_number,
					       left, err);
	if ((q->nuses.cap - q->nuses.len < n &&
	     list_grow(&q->uses, &q->nuses, n, sizeof(*q->uses), err) != 0) ||
	    (q->nquicks.cap - q->nquicks.len < n &&
	     list_grow(&q->quicks, &q->nquicks, n, sizeof(*q->quicks),
		       err) != 0))
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (values[i] != NULL)
			take_quick(q, rw, i, item_number, values[i]);
	if (q->nquicks.len > before)
		item->map.flags &= (uint8_t)~VALUE_RAW;
	if (q->nids.len + q->nquicks.len >=
	    (q->lookup == NULL ? REWRITE_ENOUGH : REWRITE_ENOUGH_TO_LOOK_UP) &&
	    rewrite_do(q, run->mem, err) != 0)
		return -1;
	return 1;
}
