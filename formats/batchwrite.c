#include "formats/batchwrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "model/item.h"

struct key {
	struct keyhash pk, sk;
};

struct writer {
	const struct item_rules *rules;
	uint16_t pk_hash, sk_hash;	/* of the names */
	struct key keys[BATCHWRITE_ITEMS];	/* of this request */
	size_t n, len;			/* items and bytes in it */
	/* The item that was looked at last, as it is to be written. */
	const struct item *item;
	struct buf text;
	struct key key;
	struct arena mem;
};

void *
batchwrite_start(const struct item_rules *rules, struct err *err)
{
	struct writer *const w = calloc(1, sizeof(*w));

	if (w == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (rules == NULL || rules->pk.len == 0 || rules->table.len == 0) {
		free(w);
		err_set(err, ERR_USAGE, "batch-requests need the table's name "
			"and its key");
		return NULL;
	}
	w->rules = rules;
	w->pk_hash = name_hash(rules->pk);
	if (rules->sk.len > 0)
		w->sk_hash = name_hash(rules->sk);
	return w;
}

void
batchwrite_stop(void *state)
{
	struct writer *const w = state;

	if (w == NULL)
		return;
	buf_free(&w->text);
	arena_free(&w->mem);
	free(w);
}

/* The hash of one key attribute: numbers by value.  Returns 0 or -1. */
static int
hash_key(struct writer *w, const struct item *item, struct span name,
	 uint16_t hash, struct keyhash *out, struct err *err)
{
	const struct value *const v = value_attr(&item->map, name, hash);
	char number[DECIMAL_TEXT_LEN];
	struct span text;

	if (v == NULL || v->type > VALUE_B)
		return err_set(err, ERR_INPUT, "key attribute '%.*s' is missing"
			       ", or neither S, N nor B", (int)(name.len < 255
			       ? name.len : 255), (const char *)name.ptr);
	if (value_text(v, &w->mem, &text, err) != 0)
		return -1;
	if (v->type == VALUE_N) {
		const size_t len = decimal_canonical(text, number);

		text = (struct span){ (const uint8_t *)number, len };
	}
	*out = keyhash_of_id(value_type_name((enum value_type)v->type)[0],
			     text);
	return 0;
}

/* Write the item down and take its key, unless that is done. */
static int
look_at(struct writer *w, const struct item *item, struct err *err)
{
	const struct item_rules *const r = w->rules;

	w->item = NULL;
	arena_reset(&w->mem);
	buf_reset(&w->text);
	w->key = (struct key){ { 0, 0 }, { 0, 0 } };
	if (hash_key(w, item, r->pk, w->pk_hash, &w->key.pk, err) != 0 ||
	    (r->sk.len > 0 && hash_key(w, item, r->sk, w->sk_hash, &w->key.sk,
				       err) != 0))
		return -1;
	if (buf_append(&w->text, span_of("{\"PutRequest\":{\"Item\":"),
		       err) != 0 ||
	    ddbjson_encode_map(&item->map, &w->text, err) != 0 ||
	    buf_append(&w->text, span_of("}}"), err) != 0)
		return -1;
	w->item = item;
	return 0;
}

static bool
same_hash(struct keyhash a, struct keyhash b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

int
batchwrite_full(void *state, const struct item *item, struct err *err)
{
	struct writer *const w = state;

	if (look_at(w, item, err) != 0)
		return -1;
	if (w->n == BATCHWRITE_ITEMS ||
	    (w->n > 0 && w->len + w->text.len > BATCHWRITE_LEN))
		return 1;
	for (size_t i = 0; i < w->n; i++)
		if (same_hash(w->keys[i].pk, w->key.pk) &&
		    same_hash(w->keys[i].sk, w->key.sk))
			return 1;
	return 0;
}

int
batchwrite_encode(void *state, const struct item *item, struct buf *out,
		  struct err *err)
{
	struct writer *const w = state;
	const size_t before = out->len;
	int rc;

	if (w->item != item && look_at(w, item, err) != 0)
		return -1;
	w->item = NULL;
	if (w->n == 0)
		rc = buf_printf(out, err, "{\"%.*s\":[", (int)w->rules->table.len,
				(const char *)w->rules->table.ptr);
	else
		rc = buf_append(out, span_of(",\n"), err);
	if (rc != 0 || buf_append(out, buf_span(&w->text), err) != 0) {
		out->len = before;
		return -1;
	}
	w->keys[w->n++] = w->key;
	w->len += out->len - before;
	return 0;
}

int
batchwrite_end(void *state, struct buf *out, struct err *err)
{
	struct writer *const w = state;
	const size_t n = w->n;

	w->n = w->len = 0;
	return n > 0 ? buf_append(out, span_of("]}\n"), err) : 0;
}
