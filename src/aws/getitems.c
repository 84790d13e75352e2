#include "aws/getitems.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/backoff.h"
#include "aws/dynamodb.h"
#include "aws/push.h"
#include "aws/service.h"
#include "base/arena.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/json.h"
#include "formats/jsonraw.h"

enum { MOST_TRIES = 50, FIRST_MS = 50, MOST_MS = 5000 };

struct getitems {
	struct service *service;
	const char *table;
	struct span pk, sk;
	struct ddbjson *reader;
	struct arena mem;
	struct buf body, line;
	struct buf found;		/* items, one after the other */
	size_t at[GETITEMS_MOST];	/* in `found`, + 1; 0: none */
	size_t len[GETITEMS_MOST];
	struct backoff backoff;
};

struct getitems *
getitems_new(struct service *s, const char *table, struct span pk,
	     struct span sk, struct err *err)
{
	struct getitems *const g = calloc(1, sizeof(*g));

	if (g == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	g->service = s;
	g->table = table;
	g->pk = pk;
	g->sk = sk;
	backoff_start(&g->backoff, FIRST_MS, MOST_MS);
	g->reader = ddbjson_new(err);
	if (g->reader != NULL)
		return g;
	getitems_free(g);
	return NULL;
}

void
getitems_free(struct getitems *g)
{
	if (g == NULL)
		return;
	ddbjson_free(g->reader);
	arena_free(&g->mem);
	buf_free(&g->body);
	buf_free(&g->line);
	buf_free(&g->found);
	free(g);
}

/* ---- keys --------------------------------------------------------------- */

/* The value of a key attribute of an item's text. */
static struct span
attr(struct span item, struct span name)
{
	char text[256];

	if (name.len >= sizeof(text))
		return (struct span){ NULL, 0 };
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return jsonraw_member(item, text);
}

static int
add_attr(struct span name, struct span value, struct buf *out,
	 struct err *err)
{
	if (json_quote(name, out, err) != 0 ||
	    buf_append(out, span_of(":"), err) != 0)
		return -1;
	return buf_append(out, value, err);
}

int
getitems_key(const struct getitems *g, struct span item, struct buf *out,
	     struct err *err)
{
	const struct span pk = attr(item, g->pk);
	const struct span sk = g->sk.ptr == NULL ? g->sk
		: attr(item, g->sk);

	if (pk.ptr == NULL || (g->sk.ptr != NULL && sk.ptr == NULL))
		return err_set(err, ERR_INPUT, "table '%s': an item without "
			       "its key", g->table);
	if (buf_append(out, span_of("{"), err) != 0 ||
	    add_attr(g->pk, pk, out, err) != 0 ||
	    (sk.ptr != NULL && (buf_append(out, span_of(","), err) != 0 ||
				add_attr(g->sk, sk, out, err) != 0)))
		return -1;
	return buf_append(out, span_of("}"), err);
}

static int
take_value(struct getitems *g, const struct item *item, struct span name,
	   enum value_type *type, struct span *text, struct err *err)
{
	const struct value *const v = value_attr(&item->map, name,
						 name_hash(name));

	if (v == NULL)
		return err_set(err, ERR_INPUT, "table '%s': an item without "
			       "its key", g->table);
	*type = (enum value_type)v->type;
	return value_text(v, &g->mem, text, err);
}

/* What its key is known by. */
static int
hash_key(struct getitems *g, struct span item, struct keyhash *out,
	 struct err *err)
{
	enum value_type pk_type = 0, sk_type = 0;
	struct span pk = { NULL, 0 }, sk = { NULL, 0 };
	const struct item *key = NULL;

	buf_reset(&g->line);
	if (buf_append(&g->line, span_of("{\"Item\":"), err) == 0 &&
	    getitems_key(g, item, &g->line, err) == 0 &&
	    buf_append(&g->line, span_of("}"), err) == 0)
		key = ddbjson_decode_line(g->reader, buf_span(&g->line),
					  &g->mem, err);
	if (key == NULL ||
	    take_value(g, key, g->pk, &pk_type, &pk, err) != 0 ||
	    (g->sk.ptr != NULL &&
	     take_value(g, key, g->sk, &sk_type, &sk, err) != 0))
		return -1;
	*out = push_key(pk_type, pk, sk_type, sk);
	return 0;
}

/* ---- asking ------------------------------------------------------------- */

static int
write_body(struct getitems *g, const struct getitems_one *list, size_t n,
	   struct err *err)
{
	bool first = true;

	buf_reset(&g->body);
	if (buf_append(&g->body, span_of("{\"RequestItems\":{"), err) != 0 ||
	    json_quote(span_of(g->table), &g->body, err) != 0 ||
	    buf_append(&g->body, span_of(":{\"ConsistentRead\":true,"
					 "\"Keys\":["), err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].open)
			continue;
		if ((!first && buf_append(&g->body, span_of(","), err) != 0) ||
		    getitems_key(g, list[i].from, &g->body, err) != 0)
			return -1;
		first = false;
	}
	return buf_append(&g->body, span_of("]}}}"), err);
}

/* The first of that key, or `n`. */
static size_t
find(const struct getitems_one *list, size_t n, struct keyhash key)
{
	size_t i = 0;

	while (i < n && (list[i].key.lo != key.lo || list[i].key.hi != key.hi))
		i++;
	return i;
}

static int
take_found(struct getitems *g, struct span found, struct getitems_one *list,
	   size_t n, struct err *err)
{
	struct keyhash key;
	struct span s;
	size_t at = 0;

	while (found.ptr != NULL && (s = jsonraw_next(found, &at)).ptr != NULL) {
		if (hash_key(g, s, &key, err) != 0)
			return -1;
		const size_t i = find(list, n, key);
		if (i == n || !list[i].open)
			continue;
		g->at[i] = g->found.len + 1;
		g->len[i] = s.len;
		if (buf_append(&g->found, s, err) != 0)
			return -1;
	}
	return 0;
}

/* Those that are neither found nor left are not there. */
static int
take_answer(struct getitems *g, struct span answer, struct getitems_one *list,
	    size_t n, struct err *err)
{
	const struct span found = jsonraw_member(
		jsonraw_member(answer, "Responses"), g->table);
	const struct span left = jsonraw_member(jsonraw_member(jsonraw_member(
		answer, "UnprocessedKeys"), g->table), "Keys");
	bool later[GETITEMS_MOST] = { false };
	struct keyhash key;
	struct span s;
	size_t at = 0;

	if (jsonraw_member(answer, "Responses").ptr == NULL)
		return err_set(err, ERR_REMOTE, "BatchGetItem: an answer "
			       "without Responses");
	if (take_found(g, found, list, n, err) != 0)
		return -1;
	while (left.ptr != NULL && (s = jsonraw_next(left, &at)).ptr != NULL) {
		if (hash_key(g, s, &key, err) != 0)
			return -1;
		const size_t i = find(list, n, key);
		if (i < n)
			later[i] = true;
	}
	for (size_t i = 0; i < n; i++)
		list[i].open = list[i].open && later[i] && g->at[i] == 0;
	return 0;
}

static int
ask(struct getitems *g, struct getitems_one *list, size_t n, struct err *err)
{
	struct service_call c = { 0 };
	int rc = write_body(g, list, n, err);

	if (rc == 0) {
		dynamodb_prepare(&c, "BatchGetItem", buf_span(&g->body));
		rc = service_ask(g->service, &c, err);
	}
	if (rc == 0)
		rc = take_answer(g, buf_span(&c.http.answer), list, n, err);
	service_call_free(&c);
	return rc == 0 ? 0 : err_at(err, "table '%s'", g->table);
}

static bool
any_open(const struct getitems_one *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].open)
			return true;
	return false;
}

/* The first of each key is asked for, the others get what it got. */
static int
begin(struct getitems *g, struct getitems_one *list, size_t n,
      struct err *err)
{
	arena_reset(&g->mem);
	buf_reset(&g->found);
	for (size_t i = 0; i < n; i++) {
		g->at[i] = 0;
		if (hash_key(g, list[i].from, &list[i].key, err) != 0)
			return -1;
		list[i].open = find(list, i, list[i].key) == i;
	}
	return 0;
}

int
getitems_ask(struct getitems *g, struct getitems_one *list, size_t n,
	     struct err *err)
{
	if (begin(g, list, n, err) != 0)
		return -1;
	for (unsigned try = 1; any_open(list, n); try++) {
		if (try > MOST_TRIES)
			return err_set(err, ERR_RETRY, "table '%s' does not "
				       "give its items", g->table);
		if (try > 1) {
			const unsigned ms = backoff_ms(&g->backoff, try);

			nanosleep(&(struct timespec){ ms / 1000,
				  (long)(ms % 1000) * 1000000 }, NULL);
		}
		if (ask(g, list, n, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		const size_t k = find(list, i, list[i].key);

		list[i].item = g->at[k] == 0 ? (struct span){ NULL, 0 }
			: (struct span){ g->found.ptr + g->at[k] - 1,
					 g->len[k] };
	}
	return 0;
}
