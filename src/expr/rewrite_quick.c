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

static void
digest(struct lane *l, const struct quick *quicks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct value *const v = quicks[i].at;

		l->jobs[i].start = &sha256_start;
		l->jobs[i].out = l->digests[i].bytes;
		remap_fill(quicks[i].remap, (struct span){ v->text, v->len },
			   l->blocks[i], &l->jobs[i]);
	}
	sha256_batch(l->jobs, n);
}

/*
 * Room for letter, prefix and text, the first two written.  Returns 1 if every
 * text is a uuid, else 0, or -1.
 */
static int
make_room(struct lane *l, const struct quick *quicks, size_t n,
	  struct arena *mem, struct err *err)
{
	size_t len = USE_SLACK;
	int uuids = 1;

	for (size_t i = 0; i < n; i++) {
		const struct remap_shape *const s = &quicks[i].remap->shapes[0];

		len += ARENA_ALIGN + 1 + s->prefix.len + s->length;
	}
	if (arena_reserve(mem, len, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct remap_shape *const s = &quicks[i].remap->shapes[0];
		uint8_t *const p = arena_take(mem, 1 + s->prefix.len +
					      s->length, err);

		if (p == NULL)
			return -1;
		*p = 'S';
		if (s->prefix.len > 0)
			memcpy(p + 1, s->prefix.ptr, s->prefix.len);
		l->at[i] = p + 1 + s->prefix.len;
		uuids &= s->form == REMAP_UUID;
	}
	return uuids;
}

static int
write_texts(struct lane *l, const struct quick *quicks, size_t n,
	    struct arena *mem, struct err *err)
{
	const int uuids = make_room(l, quicks, n, mem, err);

	if (uuids < 0)
		return -1;
	if (uuids > 0)
		remap_put_uuids(l->digests, n, l->at);
	for (size_t i = 0; i < n; i++) {
		const struct remap *const r = quicks[i].remap;
		const struct remap_shape *const s = &r->shapes[0];
		const size_t len = s->prefix.len + (uuids > 0 ? s->length :
			remap_put(s->form, s->length, l->digests[i].bytes,
				  l->at[i]));

		*quicks[i].at = (struct value){
			.text = l->at[i] - s->prefix.len, .len = (uint32_t)len,
			.type = VALUE_S, .flags = r->clean ? VALUE_CLEAN : 0 };
	}
	return 0;
}

int
rewrite_do_quick(struct rewrite_queue *q, struct arena *mem, struct err *err)
{
	struct lane lane;

	for (size_t at = 0; at < q->nquicks.len; at += TOGETHER) {
		const struct quick *const some = q->quicks + at;
		const size_t left = q->nquicks.len - at;
		const size_t n = left < TOGETHER ? left : TOGETHER;

		digest(&lane, some, n);
		if (write_texts(&lane, some, n, mem, err) != 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			struct rewrite_use *const u = &q->uses[some[i].use];
			const struct value *const v = some[i].at;

			u->target = (struct span){ v->text, v->len };
			u->key = keyhash_of((struct span){ v->text - 1,
							   v->len + 1U });
		}
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
	if (list_grow(&q->uses, &q->nuses, n, sizeof(*q->uses), err) != 0 ||
	    list_grow(&q->quicks, &q->nquicks, n, sizeof(*q->quicks),
		      err) != 0)
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
