#include "formats/distinct.h"

#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "base/span.h"
#include "model/item.h"

enum { FEW = 24 };	/* so many are compared each with each */

/*
 * Are two of these texts equal?  Sets *second and returns 0 if so, else 1, or
 * -1.
 */
static int
all_different(const struct span *texts, uint32_t n, struct arena *mem,
	      uint32_t *second, struct err *err)
{
	if (n <= FEW) {
		for (uint32_t i = 1; i < n; i++)
			for (uint32_t k = 0; k < i; k++)
				if (span_equal(texts[i], texts[k])) {
					*second = i;
					return 0;
				}
		return 1;
	}

	/* A table of at least twice as many slots, of positions + 1. */
	size_t slots = 64;
	while (slots < 2 * (size_t)n)
		slots *= 2;
	uint32_t *const table = arena_take(mem, slots * sizeof(*table), err);
	if (table == NULL)
		return -1;
	memset(table, 0, slots * sizeof(*table));
	for (uint32_t i = 0; i < n; i++) {
		size_t k = keyhash64_of(texts[i]) & (slots - 1);

		for (; table[k] != 0; k = (k + 1) & (slots - 1))
			if (span_equal(texts[i], texts[table[k] - 1])) {
				*second = i;
				return 0;
			}
		table[k] = i + 1;
	}
	return 1;
}

int
distinct_names(const struct value *kids, uint32_t n, struct arena *mem,
	       uint32_t *at, struct err *err)
{
	struct span *const names = arena_take(mem, n / 2 * sizeof(*names), err);
	uint32_t second;

	if (names == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i += 2)
		names[i / 2] = (struct span){ kids[i].text, kids[i].len };

	const int rc = all_different(names, n / 2, mem, &second, err);
	if (rc == 0) {
		*at = 2 * second;
		err_set(err, ERR_INPUT, "attribute '%.*s' stands twice",
			(int)(names[second].len < 100 ? names[second].len : 100),
			(const char *)names[second].ptr);
	}
	return rc;
}

/* A member in the one form that equal members share. */
static int
canonical(const struct value *m, struct arena *mem, struct span *out,
	  struct err *err)
{
	if (value_text(m, mem, out, err) != 0)
		return -1;
	if (m->type == VALUE_S)
		return 0;

	const size_t room = m->type == VALUE_N ? DECIMAL_TEXT_LEN
					       : base64_decoded_len(*out);
	uint8_t *const p = arena_take(mem, room + 1, err);
	if (p == NULL)
		return -1;
	if (m->type == VALUE_N) {
		*out = (struct span){ p, decimal_canonical(*out, (char *)p) };
	} else {
		base64_decode(*out, p);
		*out = (struct span){ p, room };
	}
	return 0;
}

int
distinct_members(const struct value *set, struct arena *mem, uint32_t *at,
		 struct err *err)
{
	if (set->len < 2)
		return 1;
	struct span *const texts = arena_take(mem, set->len * sizeof(*texts),
					      err);
	if (texts == NULL)
		return -1;
	for (uint32_t i = 0; i < set->len; i++)
		if (canonical(&set->kids[i], mem, &texts[i], err) != 0)
			return -1;

	const int rc = all_different(texts, set->len, mem, at, err);
	if (rc == 0)
		err_set(err, ERR_INPUT, "a set member stands twice");
	return rc;
}
