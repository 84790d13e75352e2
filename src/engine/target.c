#include "engine/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/program.h"

static void
add_key(struct target *t, const struct plan_key_attr *attr, uint16_t max_len,
	const char *index)
{
	if (attr->name == NULL)
		return;

	const struct span name = span_of(attr->name);
	t->keys[t->nkeys++] = (struct target_key){
		.name = name, .hash = name_hash(name), .type = attr->type,
		.max_len = max_len, .index = index,
	};
}

int
target_init(struct target *t, const struct plan_table *table, struct err *err)
{
	const size_t nindexes = table->create != NULL
		? table->create->nindexes : 0;

	*t = (struct target){
		.keys = calloc(2 + 2 * nindexes, sizeof(*t->keys)),
	};
	if (t->keys == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	add_key(t, &table->key.pk, PARTITION_KEY_MAX_LEN, NULL);
	add_key(t, &table->key.sk, SORT_KEY_MAX_LEN, NULL);
	t->has_sort = t->nkeys == 2;
	for (size_t i = 0; i < nindexes; i++) {
		const struct plan_index *const ix = &table->create->indexes[i];

		add_key(t, &ix->key.pk, PARTITION_KEY_MAX_LEN, ix->name);
		add_key(t, &ix->key.sk, SORT_KEY_MAX_LEN, ix->name);
	}
	t->plain = t->nkeys == 1 &&
		   (t->keys[0].type == 0 || t->keys[0].type == VALUE_S);
	return 0;
}

void
target_free(struct target *t)
{
	free(t->keys);
	*t = (struct target){ 0 };
}

/* "key attribute 'id'" or "key attribute 'x' of index 'byX'", and `what`. */
static int
refuse(const struct target_key *k, const char *what, struct err *err)
{
	const int len = k->name.len < 255 ? (int)k->name.len : 255;
	const char *const name = (const char *)k->name.ptr;

	if (k->index == NULL)
		return err_set(err, ERR_INPUT, "key attribute '%.*s' %s", len,
			       name, what);
	return err_set(err, ERR_INPUT, "key attribute '%.*s' of index '%s' %s",
		       len, name, k->index, what);
}

/*
 * The bytes of a key value in the form that equal ones share, type letter
 * first, at `at`, which has room for them.  Returns how many.
 */
static size_t
append_key(const struct value *v, struct span text, uint8_t *at)
{
	size_t n;

	at[0] = v->type == VALUE_S ? 'S' : v->type == VALUE_N ? 'N' : 'B';
	if (v->type == VALUE_S) {
		memcpy(at + 1, text.ptr, text.len);
		n = text.len;
	} else if (v->type == VALUE_N) {
		n = decimal_canonical(text, (char *)at + 1);
	} else {
		n = base64_decoded_len(text);
		base64_decode(text, at + 1);
	}
	return n + 1;
}

/* Check one key value; *text is its plain text.  NULL is an absent one. */
static int
check_key(const struct target_key *k, const struct value *v, struct arena *mem,
	  struct span *text, struct err *err)
{
	if (v == NULL)
		return k->index == NULL ? refuse(k, "is missing", err) : 0;
	if (v->type != VALUE_S && v->type != VALUE_N && v->type != VALUE_B)
		return refuse(k, "is neither S, N nor B", err);
	if (k->type != 0 && v->type != k->type) {
		char what[64];

		snprintf(what, sizeof(what),
			 "is of type %s where the table says %s",
			 value_type_name((enum value_type)v->type),
			 value_type_name(k->type));
		return refuse(k, what, err);
	}
	if (value_text(v, mem, text, err) != 0)
		return -1;

	const size_t len = v->type == VALUE_B ? base64_decoded_len(*text)
					      : text->len;
	if (len == 0)
		return refuse(k, "is empty", err);
	if (v->type != VALUE_N && len > k->max_len)
		return refuse(k, k->max_len == SORT_KEY_MAX_LEN
			      ? "is longer than 1024 bytes"
			      : "is longer than 2048 bytes", err);
	return 0;
}

static bool
too_deep(const struct value *v, int levels)
{
	if (v->type != VALUE_M && v->type != VALUE_L)
		return false;
	if (levels == 0)
		return true;
	for (uint32_t i = 0; i < v->len; i++)
		if (too_deep(&v->kids[i], levels - 1))
			return true;
	return false;
}

/* Key `i` as it is in the item, or NULL. */
static const struct value *
key_value(const struct target *t, size_t i, const struct item *item,
	  const struct value *values)
{
	const struct target_key *const k = &t->keys[i];

	if (values == NULL || k->index != NULL)
		return value_attr(&item->map, k->name, k->hash);
	return values[i].type != 0 ? &values[i] : NULL;
}

/* Hash the primary key, whose values are good; NULL if a table has none. */
static struct keyhash
hash_key(const struct target *t, const struct value *const *values,
	 const struct span *texts)
{
	uint8_t text[PARTITION_KEY_MAX_LEN + SORT_KEY_MAX_LEN +
		     2 * DECIMAL_TEXT_LEN + 2 + sizeof(size_t)];
	size_t len = 0;

	if (values[0] != NULL)
		len = append_key(values[0], texts[0], text);
	if (t->has_sort) {	/* so that two never run together */
		const size_t n = len;

		memcpy(text + len, &n, sizeof(n));
		len += sizeof(n);
		len += append_key(values[1], texts[1], text + len);
	}
	return keyhash_of((struct span){ text, len });
}

int
target_check(const struct target *t, const struct item *item,
	     const struct value *values, bool deep, struct arena *mem,
	     struct keyhash *key, struct key_types *types, struct err *err)
{
	const struct value *keys[2] = { NULL, NULL };
	struct span texts[2];

	*types = (struct key_types){ 0, 0 };
	for (size_t i = 0; i < t->nkeys; i++) {
		const struct target_key *const k = &t->keys[i];
		const struct value *const v = key_value(t, i, item, values);
		struct span plain;

		if (check_key(k, v, mem, &plain, err) != 0)
			return -1;
		if (k->index != NULL)
			continue;
		keys[i] = v;
		texts[i] = plain;
		if (i > 0)
			types->sk = (uint16_t)(1 << v->type);
		else
			types->pk = (uint16_t)(1 << v->type);
	}
	if (key != NULL)
		*key = hash_key(t, keys, texts);
	if (deep)
		for (uint32_t i = 1; i < item->map.len; i += 2)
			if (too_deep(&item->map.kids[i], ITEM_MAX_DEPTH))
				return err_set(err, ERR_INPUT,
					       "nested deeper than 32 levels");
	return 0;
}

int
target_check_size(const struct item *item, size_t len, struct err *err)
{
	/* JSON says everything that counts, and more. */
	if (len <= ITEM_MAX_LEN)
		return 0;

	const uint64_t size = item_size(item);
	if (size <= ITEM_MAX_LEN)
		return 0;
	return err_set(err, ERR_INPUT, "the item has %llu bytes, more than "
		       "DynamoDB's 400 KB", (unsigned long long)size);
}
