#include "engine/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aws/backoff.h"
#include "aws/dynamodb.h"
#include "aws/service.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/jsonraw.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MOST_TRIES = 50 };

struct undo {
	int fd;
	const char *path, *table;
	char *own_path;
	struct service *service;
	struct span pk, sk;
	struct buf body, lines;
	struct arena mem;
	struct backoff backoff;
};

/* One key on its way. */
struct asked {
	struct span pk, sk;	/* values, typed, as they stand */
	struct keyhash key;
	bool open;		/* nothing is known of it yet */
};

struct undo *
undo_open(const char *path, struct service *s, const char *table,
	  struct span pk, struct span sk, struct err *err)
{
	struct undo *const u = calloc(1, sizeof(*u));

	if (u == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	u->service = s;
	u->table = table;
	u->pk = pk;
	u->sk = sk;
	u->own_path = strdup(path);
	u->path = path;
	backoff_start(&u->backoff, 50, 5000);
	u->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (u->fd >= 0 && u->own_path != NULL) {
		u->path = u->own_path;
		return u;
	}
	err_set(err, ERR_SYSTEM, "'%s': %m", path);
	undo_close(u);
	return NULL;
}

void
undo_close(struct undo *u)
{
	if (u == NULL)
		return;
	if (u->fd >= 0)
		close(u->fd);
	buf_free(&u->body);
	buf_free(&u->lines);
	arena_free(&u->mem);
	free(u->own_path);
	free(u);
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

/* {"S":"x"}: its type and plain text. */
static int
read_value(struct undo *u, struct span raw, enum value_type *type,
	   struct span *text, struct err *err)
{
	const struct tree *const t = raw.ptr == NULL ? NULL
		: json_parse(raw, "key", &u->mem, err);

	if (t == NULL || t->kind != TREE_MAP || t->nkids != 2)
		return err_set(err, ERR_REMOTE, "table '%s': an item without "
			       "its key", u->table);
	*type = value_type_named(t->kids[0].text);
	*text = t->kids[1].text;
	return 0;
}

static int
read_key(struct undo *u, struct span item, struct asked *a, struct err *err)
{
	enum value_type pk_type = 0, sk_type = 0;
	struct span pk = { NULL, 0 }, sk = { NULL, 0 };

	a->pk = attr(item, u->pk);
	a->sk = u->sk.ptr == NULL ? (struct span){ NULL, 0 }
		: attr(item, u->sk);
	if (read_value(u, a->pk, &pk_type, &pk, err) != 0 ||
	    (u->sk.ptr != NULL &&
	     read_value(u, a->sk, &sk_type, &sk, err) != 0))
		return -1;
	a->key = push_key(pk_type, pk, sk_type, sk);
	return 0;
}

static int
add_key(const struct undo *u, const struct asked *a, struct buf *out,
	struct err *err)
{
	int rc = buf_append(out, span_of("{"), err);

	if (rc != 0 || json_quote(u->pk, out, err) != 0 ||
	    buf_append(out, span_of(":"), err) != 0 ||
	    buf_append(out, a->pk, err) != 0)
		return -1;
	if (u->sk.ptr != NULL &&
	    (buf_append(out, span_of(","), err) != 0 ||
	     json_quote(u->sk, out, err) != 0 ||
	     buf_append(out, span_of(":"), err) != 0 ||
	     buf_append(out, a->sk, err) != 0))
		return -1;
	return buf_append(out, span_of("}"), err);
}

/* ---- asking ------------------------------------------------------------- */

static int
write_body(struct undo *u, const struct asked *list, size_t n,
	   struct err *err)
{
	bool first = true;

	buf_reset(&u->body);
	if (buf_append(&u->body, span_of("{\"RequestItems\":{"), err) != 0 ||
	    json_quote(span_of(u->table), &u->body, err) != 0 ||
	    buf_append(&u->body, span_of(":{\"ConsistentRead\":true,"
					 "\"Keys\":["), err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].open)
			continue;
		if ((!first && buf_append(&u->body, span_of(","), err) != 0) ||
		    add_key(u, &list[i], &u->body, err) != 0)
			return -1;
		first = false;
	}
	return buf_append(&u->body, span_of("]}}}"), err);
}

static struct asked *
find(struct asked *list, size_t n, struct keyhash key)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].open && list[i].key.lo == key.lo &&
		    list[i].key.hi == key.hi)
			return &list[i];
	return NULL;
}

/* A line of the record; `item` may be nothing. */
static int
add_line(struct undo *u, struct asked *a, struct span item, struct err *err)
{
	a->open = false;
	if (buf_append(&u->lines, span_of("{\"Key\":"), err) != 0 ||
	    add_key(u, a, &u->lines, err) != 0 ||
	    (item.ptr != NULL &&
	     (buf_append(&u->lines, span_of(",\"Item\":"), err) != 0 ||
	      buf_append(&u->lines, item, err) != 0)))
		return -1;
	return buf_append(&u->lines, span_of("}\n"), err);
}

/*
 * What was found, and what was not; keys that were not processed stay open.
 */
static int
take_answer(struct undo *u, struct span answer, struct asked *list, size_t n,
	    struct err *err)
{
	const struct span found = jsonraw_member(
		jsonraw_member(answer, "Responses"), u->table);
	const struct span left = jsonraw_member(jsonraw_member(jsonraw_member(
		answer, "UnprocessedKeys"), u->table), "Keys");
	bool later[UNDO_AT_ONCE] = { false };
	struct asked a, *hit;
	struct span s;
	size_t at = 0;

	if (jsonraw_member(answer, "Responses").ptr == NULL)
		return err_set(err, ERR_REMOTE, "BatchGetItem: an answer "
			       "without Responses");
	while (found.ptr != NULL && (s = jsonraw_next(found, &at)).ptr != NULL)
		if (read_key(u, s, &a, err) != 0 ||
		    ((hit = find(list, n, a.key)) != NULL &&
		     add_line(u, hit, s, err) != 0))
			return -1;
	at = 0;
	while (left.ptr != NULL && (s = jsonraw_next(left, &at)).ptr != NULL) {
		if (read_key(u, s, &a, err) != 0)
			return -1;
		hit = find(list, n, a.key);
		if (hit != NULL)
			later[hit - list] = true;
	}
	for (size_t i = 0; i < n; i++)
		if (list[i].open && !later[i] &&
		    add_line(u, &list[i], (struct span){ NULL, 0 }, err) != 0)
			return -1;
	return 0;
}

static int
ask(struct undo *u, struct asked *list, size_t n, struct err *err)
{
	struct service_call c = { 0 };
	int rc = write_body(u, list, n, err);

	if (rc == 0) {
		dynamodb_prepare(&c, "BatchGetItem", buf_span(&u->body));
		c.attempts = MOST_TRIES;
		rc = service_ask(u->service, &c, err);
	}
	if (rc == 0)
		rc = take_answer(u, buf_span(&c.http.answer), list, n, err);
	service_call_free(&c);
	return rc;
}

static bool
any_open(const struct asked *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].open)
			return true;
	return false;
}

static int
save(struct undo *u, struct err *err)
{
	struct span s = buf_span(&u->lines);

	while (s.len > 0) {
		const ssize_t n = write(u->fd, s.ptr, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m", u->path);
		s.ptr += n;
		s.len -= (size_t)n;
	}
	return file_wait(u->fd) == 0 ? 0
		: err_set(err, ERR_SYSTEM, "'%s': %m", u->path);
}

int
undo_keep(struct undo *u, const struct push_item *items, size_t n,
	  struct err *err)
{
	struct asked list[UNDO_AT_ONCE];

	arena_reset(&u->mem);
	buf_reset(&u->lines);
	for (size_t i = 0; i < n; i++) {
		if (read_key(u, items[i].json, &list[i], err) != 0)
			return -1;
		list[i].open = find(list, i, list[i].key) == NULL;
	}
	for (unsigned try = 1; any_open(list, n); try++) {
		if (try > MOST_TRIES)
			return err_set(err, ERR_RETRY, "table '%s' does not "
				       "give its items", u->table);
		if (try > 1) {
			const unsigned ms = backoff_ms(&u->backoff, try);

			nanosleep(&(struct timespec){ ms / 1000,
				  (long)(ms % 1000) * 1000000 }, NULL);
		}
		if (ask(u, list, n, err) != 0)
			return -1;
	}
	return save(u, err);
}
