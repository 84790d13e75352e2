/*
 * push_answer.c - what a BatchWriteItem left: its items come back whole, maybe
 * written otherwise, and are known by their keys.
 */
#include <string.h>

#include "aws/push_internal.h"
#include "base/arena.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/tree.h"

/* The bytes of one key attribute, its type in front. */
static size_t
append(uint8_t *to, enum value_type type, struct span text)
{
	char number[DECIMAL_TEXT_LEN];
	struct err err;

	if (type == VALUE_N && decimal_check(text, &err) == 0)
		text = (struct span){ (const uint8_t *)number,
				      decimal_canonical(text, number) };
	to[0] = (uint8_t)type;
	memcpy(to + 1, &(uint32_t){ (uint32_t)text.len }, 4);
	if (text.len > 0)
		memcpy(to + 5, text.ptr, text.len);
	return 5 + text.len;
}

struct keyhash
push_key(enum value_type pk_type, struct span pk, enum value_type sk_type,
	 struct span sk)
{
	/* Room for any key that a table takes, in base64. */
	uint8_t bytes[8192];
	size_t n;

	if (pk.len > PARTITION_KEY_MAX_LEN * 3 / 2)
		pk.len = PARTITION_KEY_MAX_LEN * 3 / 2;
	if (sk.len > SORT_KEY_MAX_LEN * 3 / 2)
		sk.len = SORT_KEY_MAX_LEN * 3 / 2;
	n = append(bytes, pk_type, pk);
	if (sk_type != 0)
		n += append(bytes + n, sk_type, sk);
	return keyhash_of((struct span){ bytes, n });
}

/* {"S":"x"}: type and text; false if it is neither S, N nor B. */
static bool
take_value(const struct tree *item, struct span name, enum value_type *type,
	   struct span *text)
{
	for (uint32_t i = 0; item->kind == TREE_MAP && i + 1 < item->nkids;
	     i += 2) {
		const struct tree *const v = &item->kids[i + 1];

		if (!span_equal(item->kids[i].text, name) ||
		    v->kind != TREE_MAP || v->nkids != 2)
			continue;
		*type = value_type_named(v->kids[0].text);
		*text = v->kids[1].text;
		return *type >= VALUE_S && *type <= VALUE_B;
	}
	return false;
}

static int
mark(const struct push *p, struct push_request *r, const struct tree *write,
     struct err *err)
{
	const struct tree *inner = write->nkids == 2 ? &write->kids[1] : NULL;
	const struct tree *item = inner == NULL ? NULL
		: tree_get(inner, "Item");
	enum value_type pk_type = 0, sk_type = 0;
	struct span pk = { NULL, 0 }, sk = { NULL, 0 };

	if (item == NULL && inner != NULL)
		item = tree_get(inner, "Key");
	if (item != NULL && take_value(item, p->o.pk, &pk_type, &pk) &&
	    (p->o.sk.ptr == NULL ||
	     take_value(item, p->o.sk, &sk_type, &sk))) {
		const struct keyhash key = push_key(pk_type, pk, sk_type, sk);

		for (unsigned i = 0; i < r->n; i++)
			if (r->slots[i].key.lo == key.lo &&
			    r->slots[i].key.hi == key.hi) {
				r->slots[i].left = true;
				return 0;
			}
	}
	return err_set(err, ERR_REMOTE, "table '%s': BatchWriteItem gives back "
		       "an item that it was not given", p->o.table);
}

int
push_read_answer(const struct push *p, struct push_request *r,
		 struct err *err)
{
	static const char NOTHING[] = "\"UnprocessedItems\":{}";
	const struct span answer = buf_span(&r->call.http.answer);
	struct arena mem = { 0 };
	const struct tree *t, *left, *list;
	int rc = 0;

	for (unsigned i = 0; i < r->n; i++)
		r->slots[i].left = false;
	if (push_is_single(p) || (answer.len > 0 &&
			      memmem(answer.ptr, answer.len, NOTHING,
				     sizeof(NOTHING) - 1) != NULL))
		return 0;
	t = json_parse(answer, "BatchWriteItem", &mem, err);
	left = t == NULL ? NULL : tree_get(t, "UnprocessedItems");
	list = left == NULL ? NULL : tree_get(left, p->o.table);
	/* Items may lie deeper than that looks: all of them go again. */
	for (unsigned i = 0; i < r->n && t == NULL; i++)
		r->slots[i].left = true;
	if (t != NULL && left == NULL)
		rc = err_set(err, ERR_REMOTE, "BatchWriteItem: an answer "
			     "without UnprocessedItems");
	for (uint32_t i = 0; list != NULL && i < list->nkids && rc == 0; i++)
		rc = mark(p, r, &list->kids[i], err);
	arena_free(&mem);
	return rc;
}
