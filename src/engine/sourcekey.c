#include "engine/sourcekey.h"

#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/decimal.h"
#include "base/err.h"
#include "model/item.h"

int
sourcekey_of(struct sourcekey *k, const struct value *map, struct arena *mem,
	     struct err *err)
{
	*k = (struct sourcekey){ .n = map->len / 2 };
	if (k->n == 0 || k->n > SOURCEKEY_MAX)
		return err_set(err, ERR_INPUT, "Keys has neither one attribute "
			       "nor two");
	for (uint32_t i = 0; i < k->n; i++) {
		const struct value *const name = &map->kids[2 * i];

		k->names[i] = arena_copy(mem, (struct span){ name->text,
						name->len }, err);
		if (k->names[i].ptr == NULL)
			return -1;
	}
	if (k->n == 2 && span_compare(k->names[0], k->names[1]) > 0) {
		const struct span first = k->names[0];

		k->names[0] = k->names[1];
		k->names[1] = first;
	}
	for (uint32_t i = 0; i < k->n; i++)
		k->hashes[i] = name_hash(k->names[i]);
	return 0;
}

int
sourcekey_fits(const struct sourcekey *k, const struct value *map)
{
	if (map->len != 2 * k->n)
		return 0;
	for (uint32_t i = 0; i < k->n; i++)
		if (value_attr(map, k->names[i], k->hashes[i]) == NULL)
			return 0;
	return 1;
}

/* The hash of one value; 1, 0 if it cannot be of a key, or -1. */
static int
hash_value(const struct value *v, struct arena *mem, struct keyhash *out,
	   struct err *err)
{
	char number[DECIMAL_TEXT_LEN];
	struct span text;

	if (v == NULL || (v->type != VALUE_S && v->type != VALUE_N &&
			  v->type != VALUE_B))
		return 0;
	if (value_text(v, mem, &text, err) != 0)
		return -1;
	if (v->type == VALUE_N) {
		text.len = decimal_canonical(text, number);
		text.ptr = (const uint8_t *)number;
	} else if (v->type == VALUE_B) {
		const size_t len = base64_decoded_len(text);
		uint8_t *const bytes = arena_take(mem, len + 1, err);

		if (bytes == NULL)
			return -1;
		base64_decode(text, bytes);
		text = (struct span){ bytes, len };
	}
	*out = keyhash_of_id(value_type_name((enum value_type)v->type)[0],
			     text);
	return 1;
}

int
sourcekey_hash(const struct sourcekey *k, const struct value *map,
	       struct arena *mem, struct keyhash *out, struct err *err)
{
	uint8_t both[SOURCEKEY_MAX * 16];
	struct keyhash one = { 0, 0 };

	for (uint32_t i = 0; i < k->n; i++) {
		const int rc = hash_value(value_attr(map, k->names[i],
						     k->hashes[i]),
					  mem, &one, err);

		if (rc != 1)
			return rc;
		store_le64(both + 16 * i, one.hi);
		store_le64(both + 16 * i + 8, one.lo);
	}
	*out = k->n == 1 ? one :
	       keyhash_of((struct span){ both, sizeof(both) });
	return k->n > 0;
}
