#include "formats/textplace.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/batch.h"

void
textplace_pass(struct textplace *t, const uint8_t *from, const uint8_t *to)
{
	for (const uint8_t *p = from, *lf; p < to; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(to - p));
		if (lf == NULL)
			break;
		t->line++;
		t->line_at = t->offset + (uint64_t)(lf + 1 - from);
	}
	t->offset += (uint64_t)(to - from);
}

/* Room for one more, in arrays of 4, 8, 16 ... */
static int
grow(struct batch *out, struct err *err)
{
	const uint32_t n = out->nrejects;

	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return 0;
	struct reject *const p = arena_take(&out->mem, (n > 0 ? 2 * n : 4) *
					    sizeof(*p), err);
	if (p == NULL)
		return -1;
	if (n > 0)
		memcpy(p, out->rejects, n * sizeof(*p));
	out->rejects = p;
	return 0;
}

int
textplace_reject(const struct textplace *t, const uint8_t *p, struct span text,
		 const uint8_t *at, const struct err *why, struct batch *out,
		 struct err *err)
{
	struct textplace there = *t;

	if (grow(out, err) != 0)
		return -1;
	textplace_pass(&there, p, at);
	out->rejects[out->nrejects++] = (struct reject){
		.line = text, .offset = t->offset, .number = there.line,
		.at = there.offset - there.line_at, .why = *why,
	};
	return 0;
}
