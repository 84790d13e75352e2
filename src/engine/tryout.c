#include "engine/tryout.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/still.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/sides.h"
#include "engine/tabledef.h"
#include "formats/ddbjson.h"
#include "formats/json.h"
#include "formats/jsonraw.h"
#include "formats/tree.h"
#include "io/file.h"
#include "model/compare.h"
#include "model/item.h"

enum { MAX_RECORD = 4 << 20 };

static const struct span NOTHING = { NULL, 0 };

struct tryout {
	const struct plan *plan;
	struct side *side;
	struct service *service;
	struct ddbjson *decoder;
	char record[PATH_MAX];		/* "": none is kept */
	struct tryout_table *tables;	/* one a plan table */
	bool *looked;
	struct arena mem;		/* of the item at hand */
	struct buf item, key, was, body, text;
	struct still still;
};

/* ---- asking ------------------------------------------------------------- */

/* One call; the answer goes to `out`, which may be NULL. */
static int
ask(struct tryout *t, const char *operation, struct buf *out,
    struct err *err)
{
	struct service_call c = { 0 };
	int rc;

	dynamodb_prepare(&c, operation, buf_span(&t->body));
	rc = service_ask(t->service, &c, err);
	if (rc == 0 && out != NULL) {
		buf_reset(out);
		rc = buf_append(out, buf_span(&c.http.answer), err);
	}
	service_call_free(&c);
	return rc == 0 ? 0 : err_at(err, "%s", operation);
}

/* {"TableName":"T","<name>":<value><more>} */
static int
make_body(struct tryout *t, const char *table, const char *name,
	  struct span value, const char *more, struct err *err)
{
	buf_reset(&t->body);
	return buf_append(&t->body, span_of("{\"TableName\":"), err) != 0 ||
	       json_quote(span_of(table), &t->body, err) != 0 ||
	       buf_printf(&t->body, err, ",\"%s\":", name) != 0 ||
	       buf_append(&t->body, value, err) != 0 ||
	       buf_append(&t->body, span_of(more), err) != 0 ? -1 : 0;
}

/* What is under the key now, in t->text: {"Item":{...}}, or {}. */
static int
get(struct tryout *t, const char *table, struct span key, struct err *err)
{
	return make_body(t, table, "Key", key, ",\"ConsistentRead\":true}",
			 err) != 0 ? -1 : ask(t, "GetItem", &t->text, err);
}

/* ---- comparing ---------------------------------------------------------- */

static struct item *
decode(struct tryout *t, struct span attributes, struct err *err)
{
	struct buf line = { 0 };
	struct item *item = NULL;

	if (buf_append(&line, span_of("{\"Item\":"), err) == 0 &&
	    buf_append(&line, attributes, err) == 0 &&
	    buf_append(&line, span_of("}"), err) == 0)
		item = ddbjson_decode_line(t->decoder, buf_span(&line),
					   &t->mem, err);
	buf_free(&line);
	return item;
}

/*
 * `now` in place of `was`, if that still is there: others may write to the
 * table meanwhile.  NOTHING: no item.
 */
static int
exchange(struct tryout *t, const char *table, struct span key, struct span was,
	 struct span now, struct err *err)
{
	struct still_of of = { .table = table, .key = key };
	const struct item *const k = decode(t, key, err);
	const struct item *const old = k == NULL || was.ptr == NULL ? NULL
		: decode(t, was, err);
	int rc;

	if (k == NULL || (was.ptr != NULL && old == NULL))
		return -1;
	if (k->map.len == 0)
		return err_set(err, ERR_INPUT, "a key without attributes");
	if (value_text(&k->map.kids[0], &t->mem, &of.pk, err) != 0)
		return -1;
	rc = now.ptr != NULL
		? still_put(&t->still, &of, old != NULL ? &old->map : NULL,
			    now, err)
		: still_delete(&t->still, &of, &old->map, err);
	buf_reset(&t->body);
	if (rc != 0 || buf_append(&t->body, buf_span(&t->still.body), err) != 0)
		return -1;
	return ask(t, now.ptr != NULL ? "PutItem" : "DeleteItem", NULL, err);
}

/* Is that under the key now?  NOTHING: no item.  1, 0 or -1. */
static int
is_there(struct tryout *t, const char *table, struct span key,
	 struct span want, struct err *err)
{
	struct span now;
	struct item *a, *b;

	if (get(t, table, key, err) != 0)
		return -1;
	now = jsonraw_member(buf_span(&t->text), "Item");
	if (now.ptr == NULL || want.ptr == NULL)
		return now.ptr == NULL && want.ptr == NULL;
	a = decode(t, now, err);
	b = a == NULL ? NULL : decode(t, want, err);
	return b == NULL ? -1 : value_equal(&a->map, &b->map, &t->mem, err);
}

/* ---- the record --------------------------------------------------------- */

static int
keep(struct tryout *t, const char *table, struct err *err)
{
	struct buf line = { 0 };
	int rc = 0;

	if (t->record[0] == '\0')
		return 0;
	if (buf_append(&line, span_of("{\"Table\":"), err) != 0 ||
	    json_quote(span_of(table), &line, err) != 0 ||
	    buf_append(&line, span_of(",\"Key\":"), err) != 0 ||
	    buf_append(&line, buf_span(&t->key), err) != 0 ||
	    buf_append(&line, span_of(",\"Put\":"), err) != 0 ||
	    buf_append(&line, buf_span(&t->item), err) != 0 ||
	    (t->was.len > 0 &&
	     (buf_append(&line, span_of(",\"Was\":"), err) != 0 ||
	      buf_append(&line, buf_span(&t->was), err) != 0)) ||
	    buf_append(&line, span_of("}\n"), err) != 0)
		rc = -1;
	if (rc == 0)
		rc = file_save_safe(t->record, buf_span(&line), err);
	buf_free(&line);
	return rc;
}

static void
forget(const struct tryout *t)
{
	if (t->record[0] != '\0')
		unlink(t->record);
}

static int
put_back(struct tryout *t, const char *table, struct span key,
	 struct span item, struct span was, struct err *err)
{
	struct err why;
	int rc = exchange(t, table, key, item, was, err);

	if (rc == 0)
		rc = is_there(t, table, key, was, err);
	else if (is_there(t, table, key, was, &why) > 0)
		rc = 1;		/* the answer was lost, and not the request */
	if (rc == 0)
		return err_set(err, ERR_REMOTE, "table '%s': what was there "
			       "before a trial did not come back", table);
	if (rc > 0)
		forget(t);
	return rc < 0 ? -1 : 0;
}

/* What a trial that died left in a table. */
static int
recover(struct tryout *t, struct err *err)
{
	const struct tree *tree, *name;
	struct buf text = { 0 };
	struct span key, item;
	int rc = 0;

	if (t->record[0] == '\0' || access(t->record, F_OK) != 0)
		return 0;
	if (file_load(t->record, MAX_RECORD, &text, err) != 0 ||
	    (tree = json_parse(buf_span(&text), t->record, &t->mem, err)) ==
	    NULL) {
		rc = -1;
		goto done;
	}
	name = tree_get(tree, "Table");
	key = jsonraw_member(buf_span(&text), "Key");
	item = jsonraw_member(buf_span(&text), "Put");
	if (name == NULL || name->kind != TREE_TEXT || key.ptr == NULL ||
	    item.ptr == NULL) {
		rc = err_set(err, ERR_INPUT, "'%s' is no record of a trial",
			     t->record);
		goto done;
	}
	service_ignore_cancel(t->service);
	rc = is_there(t, (const char *)name->text.ptr, key, item, err);
	if (rc > 0)
		rc = put_back(t, (const char *)name->text.ptr, key, item,
			      jsonraw_member(buf_span(&text), "Was"), err);
	else if (rc == 0)
		forget(t);	/* never put, or changed since */
	if (rc < 0 && err->code == ERR_REMOTE) {
		err_at(err, "table '%.255s', where a trial that died put an "
		       "item", (const char *)name->text.ptr);
		err_advise(err, "if it is gone for good, or another one by "
			   "now, remove '%s'", t->record);
	}
done:
	buf_free(&text);
	arena_reset(&t->mem);
	return rc;
}

/* ---- opening ------------------------------------------------------------ */

struct tryout *
tryout_open(const struct plan *p, const struct side_options *usual,
	    const char *folder, struct err *err)
{
	struct tryout *const t = calloc(1, sizeof(*t));

	if (t != NULL) {
		t->plan = p;
		t->tables = calloc(p->ntables + 1, sizeof(*t->tables));
		t->looked = calloc(p->ntables + 1, sizeof(*t->looked));
	}
	if (t == NULL || t->tables == NULL || t->looked == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto failed;
	}
	if (folder != NULL)
		snprintf(t->record, sizeof(t->record), "%s/" JOB_TRIAL,
			 folder);
	t->decoder = ddbjson_new(err);
	if (t->decoder != NULL &&
	    (t->side = sides_open(&p->target, usual, err)) != NULL &&
	    sides_check_account(t->side, &p->target, err) == 0 &&
	    (t->service = dynamodb_open(t->side, err)) != NULL &&
	    recover(t, err) == 0)
		return t;
failed:
	tryout_close(t);
	return NULL;
}

void
tryout_close(struct tryout *t)
{
	if (t == NULL)
		return;
	service_close(t->service);
	side_close(t->side);
	ddbjson_free(t->decoder);
	free(t->tables);
	free(t->looked);
	arena_free(&t->mem);
	buf_free(&t->item);
	buf_free(&t->key);
	buf_free(&t->was);
	buf_free(&t->body);
	buf_free(&t->text);
	still_free(&t->still);
	free(t);
}

const char *
tryout_place(const struct tryout *t)
{
	return service_url(t->service);
}

/* ---- tables ------------------------------------------------------------- */

static int
check(const struct plan_table *p, const struct dynamodb_table *table,
      struct err *err)
{
	const char *const pk = tabledef_key(table->tree, "HASH");
	const char *const sk = tabledef_key(table->tree, "RANGE");
	const char *const want = p->key.sk.name != NULL ? p->key.sk.name : "";

	if (strcmp(table->status, "ACTIVE") != 0)
		return err_set(err, ERR_REFUSED, "table '%s' is %s, not "
			       "ACTIVE", p->to, table->status);
	if (p->key.pk.name == NULL ||
	    (strcmp(pk, p->key.pk.name) == 0 && strcmp(sk, want) == 0))
		return 0;
	return err_set(err, ERR_REFUSED, "table '%s' has the key %s%s%s, and "
		       "the plan says %s%s%s; name another target table, or "
		       "mend the plan's key", p->to, pk, *sk != '\0' ? ", "
		       : "", sk, p->key.pk.name, *want != '\0' ? ", " : "",
		       want);
}

int
tryout_look(struct tryout *t, uint32_t table, struct tryout_table *out,
	    struct err *err)
{
	const struct plan_table *const p = &t->plan->tables[table];
	struct tryout_table *const to = &t->tables[table];
	struct dynamodb_table d = { 0 };
	int rc = 0;

	if (!t->looked[table]) {
		rc = dynamodb_describe(t->service, p->to, &d, err);
		to->there = rc > 0;
		to->empty = true;
		to->nitems = d.nitems;
		if (rc > 0)
			rc = check(p, &d, err);
		if (rc == 0 && to->there)
			rc = dynamodb_is_empty(t->service, p->to, &to->empty,
					       err);
		dynamodb_table_free(&d);
		t->looked[table] = rc == 0;
	}
	*out = *to;
	return rc;
}

/* ---- items -------------------------------------------------------------- */

static int
add_attr(struct tryout *t, const char *name, struct err *err)
{
	const struct span value = jsonraw_member(buf_span(&t->item), name);

	if (value.ptr == NULL)
		return err_set(err, ERR_INPUT, "key attribute '%s' is missing",
			       name);
	return json_quote(span_of(name), &t->key, err) != 0 ||
	       buf_append(&t->key, span_of(":"), err) != 0 ||
	       buf_append(&t->key, value, err) != 0 ? -1 : 0;
}

/* Its text and that of its key; what is there now. */
static int
prepare(struct tryout *t, const struct plan_table *p, const struct item *item,
	struct err *err)
{
	struct span was;

	buf_reset(&t->item);
	buf_reset(&t->key);
	buf_reset(&t->was);
	if (ddbjson_encode_map(&item->map, &t->item, err) != 0 ||
	    buf_append(&t->key, span_of("{"), err) != 0 ||
	    add_attr(t, p->key.pk.name, err) != 0 ||
	    (p->key.sk.name != NULL &&
	     (buf_append(&t->key, span_of(","), err) != 0 ||
	      add_attr(t, p->key.sk.name, err) != 0)) ||
	    buf_append(&t->key, span_of("}"), err) != 0 ||
	    get(t, p->to, buf_span(&t->key), err) != 0)
		return -1;
	was = jsonraw_member(buf_span(&t->text), "Item");
	return was.ptr == NULL ? 0 : buf_append(&t->was, was, err);
}

int
tryout_item(struct tryout *t, uint32_t table, const struct item *item,
	    enum tryout_end *end, struct err *err)
{
	const struct plan_table *const p = &t->plan->tables[table];
	struct tryout_table now;
	struct err other;
	int same;

	arena_reset(&t->mem);
	*end = TRYOUT_NO_TABLE;
	if (tryout_look(t, table, &now, err) != 0)
		return -1;
	if (!now.there)
		return 0;
	if (prepare(t, p, item, err) != 0 || keep(t, p->to, err) != 0)
		return err_at(err, "table '%s'", p->to);
	/* From here on it is to be undone, whoever asks to stop. */
	service_ignore_cancel(t->service);
	const struct span key = buf_span(&t->key), new = buf_span(&t->item);
	const struct span was = t->was.len > 0 ? buf_span(&t->was) : NOTHING;
	const int rc = exchange(t, p->to, key, was, new, err);

	same = is_there(t, p->to, key, new, rc != 0 ? &other : err);
	if (rc != 0 && same <= 0) {
		if (same == 0)
			forget(t);	/* refused, so it is not there */
		return err_at(err, "table '%s'", p->to);
	}
	*end = same > 0 ? TRYOUT_SAME : TRYOUT_DIFFERENT;
	if (put_back(t, p->to, key, new, was, same <= 0 ? &other : err) == 0)
		return same >= 0 ? 0 : err_at(err, "table '%s'", p->to);
	if (same == 0 && other.code == ERR_REMOTE) {
		*end = TRYOUT_LEFT;
		return 0;
	}
	if (same == 0)
		*err = other;
	return err_at(err, "table '%s'", p->to);
}
