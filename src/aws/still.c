#include "aws/still.h"

#include <stdbool.h>

#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/json.h"
#include "model/item.h"

/*
 * Of an expression: 4 KB, and 300 operators and functions. A term is one or two
 * of those and an AND.
 */
enum { MOST_LEN = 3800, MOST_TERMS = 90, MOST_DEPTH = 16 };

void
still_free(struct still *s)
{
	buf_free(&s->body);
	buf_free(&s->condition);
	buf_free(&s->names);
	buf_free(&s->values);
	buf_free(&s->path);
	buf_free(&s->update);
	arena_free(&s->mem);
}

/* ---- pieces ------------------------------------------------------------- */

static void
begin(struct still *s)
{
	buf_reset(&s->body);
	buf_reset(&s->condition);
	buf_reset(&s->names);
	buf_reset(&s->values);
	buf_reset(&s->path);
	buf_reset(&s->update);
	arena_reset(&s->mem);
	s->nnames = s->nvalues = s->nterms = 0;
}

/* A placeholder for a name; its number, or -1. */
static int
add_name(struct still *s, struct span name, struct err *err)
{
	if (buf_printf(&s->names, err, "%s\"#%u\":", s->nnames > 0 ? "," : "",
		       s->nnames) != 0 ||
	    json_quote(name, &s->names, err) != 0)
		return -1;
	return (int)s->nnames++;
}

static int
add_value(struct still *s, const struct value *v, struct err *err)
{
	if (buf_printf(&s->values, err, "%s\":%u\":", s->nvalues > 0 ? ","
		       : "", s->nvalues) != 0 ||
	    ddbjson_encode_value(v, &s->values, err) != 0)
		return -1;
	return (int)s->nvalues++;
}

static int
add_plain(struct still *s, const char *type, unsigned n, struct err *err)
{
	const int rc = type != NULL
		? buf_printf(&s->values, err, "%s\":%u\":{\"S\":\"%s\"}",
			     s->nvalues > 0 ? "," : "", s->nvalues, type)
		: buf_printf(&s->values, err, "%s\":%u\":{\"N\":\"%u\"}",
			     s->nvalues > 0 ? "," : "", s->nvalues, n);

	return rc != 0 ? -1 : (int)s->nvalues++;
}

static int
add_and(struct still *s, struct err *err)
{
	return s->nterms++ == 0 ? 0
		: buf_append(&s->condition, span_of(" AND "), err);
}

/* ---- equality ----------------------------------------------------------- */

/* <path> = :v */
static int
add_whole(struct still *s, const struct value *v, struct err *err)
{
	const int n = add_value(s, v, err);

	if (n < 0 || add_and(s, err) != 0 ||
	    buf_append(&s->condition, buf_span(&s->path), err) != 0)
		return -1;
	return buf_printf(&s->condition, err, " = :%d", n);
}

/* How many a map or list holds, and that it is one. */
static int
add_size(struct still *s, const struct value *v, struct err *err)
{
	const bool map = v->type == VALUE_M;
	const int n = add_plain(s, NULL, map ? v->len / 2 : v->len, err);
	const int type = v->len > 0 ? 0 : add_plain(s, map ? "M" : "L", 0,
						    err);
	const struct span path = buf_span(&s->path);

	if (n < 0 || type < 0 || add_and(s, err) != 0 ||
	    buf_printf(&s->condition, err, "size(%.*s) = :%d", (int)path.len,
		       (const char *)path.ptr, n) != 0)
		return -1;
	if (v->len > 0)		/* else what it holds says what it is */
		return 0;
	return add_and(s, err) != 0 ? -1
		: buf_printf(&s->condition, err, "attribute_type(%.*s, :%d)",
			     (int)path.len, (const char *)path.ptr, type);
}

static bool
is_full(const struct still *s)
{
	return s->nterms > MOST_TERMS || s->condition.len > MOST_LEN;
}

static int
add_deep(struct still *s, const struct value *v, unsigned depth,
	 struct err *err)
{
	const size_t path_len = s->path.len;
	const uint32_t step = v->type == VALUE_M ? 2 : 1;
	int rc = 0;

	if (is_full(s))
		return 0;	/* it will be taken back */
	if ((v->type != VALUE_M && v->type != VALUE_L) || depth == MOST_DEPTH)
		return add_whole(s, v, err);
	rc = add_size(s, v, err);
	for (uint32_t i = 0; i < v->len && rc == 0 && !is_full(s); i += step) {
		struct span name;

		if (step == 1) {
			rc = buf_printf(&s->path, err, "[%u]", i);
		} else {
			rc = value_text(&v->kids[i], &s->mem, &name, err);
			const int n = rc != 0 ? -1 : add_name(s, name, err);
			rc = n < 0 ? -1 : buf_printf(&s->path, err, ".#%d", n);
		}
		if (rc == 0)
			rc = add_deep(s, &v->kids[i + step - 1], depth + 1,
				      err);
		s->path.len = path_len;
	}
	return rc;
}

/* What was added since then is taken back. */
struct state {
	size_t condition, names, values;
	unsigned nnames, nvalues, nterms;
};

static struct state
state_of(const struct still *s)
{
	return (struct state){
		s->condition.len, s->names.len, s->values.len, s->nnames,
		s->nvalues, s->nterms,
	};
}

static void
go_back(struct still *s, const struct state *to)
{
	s->condition.len = to->condition;
	s->names.len = to->names;
	s->values.len = to->values;
	s->nnames = to->nnames;
	s->nvalues = to->nvalues;
	s->nterms = to->nterms;
}

/* One attribute: spelled out, or whole, or not.  1, 0 if not, or -1. */
static int
add_attr(struct still *s, struct span name, const struct value *v,
	 struct err *err)
{
	for (int whole = 0; whole < 2; whole++) {
		const struct state before = state_of(s);
		const int n = add_name(s, name, err);

		buf_reset(&s->path);
		if (n < 0 || buf_printf(&s->path, err, "#%d", n) != 0 ||
		    (whole ? add_whole(s, v, err)
		     : add_deep(s, v, 0, err)) != 0)
			return -1;
		if (!is_full(s))
			return 1;
		go_back(s, &before);
	}
	return 0;
}

static int
add_call(struct still *s, const char *call, struct span name, struct err *err)
{
	const int n = add_name(s, name, err);

	return n < 0 || add_and(s, err) != 0 ? -1
		: buf_printf(&s->condition, err, "%s(#%d)", call, n);
}

/* All that fits of an item, small attributes before large ones do not. */
static int
add_item(struct still *s, const struct still_of *of, const struct value *was,
	 struct err *err)
{
	int rc = add_call(s, "attribute_exists", of->pk, err);

	for (uint32_t i = 0; i < was->len && rc == 0; i += 2) {
		struct span name;

		if (value_text(&was->kids[i], &s->mem, &name, err) != 0)
			return -1;
		if (!span_equal(name, of->pk))
			rc = add_attr(s, name, &was->kids[i + 1], err) < 0
				? -1 : 0;
	}
	return rc;
}

/* ---- requests ----------------------------------------------------------- */

static int
add_part(struct still *s, const char *name, const struct buf *part,
	 struct err *err)
{
	if (part->len == 0)
		return 0;
	if (buf_printf(&s->body, err, ",\"%s\":{", name) != 0 ||
	    buf_append(&s->body, buf_span(part), err) != 0)
		return -1;
	return buf_append(&s->body, span_of("}"), err);
}

static int
add_text(struct still *s, const char *name, const struct buf *part,
	 struct err *err)
{
	if (part->len == 0)
		return 0;
	if (buf_printf(&s->body, err, ",\"%s\":", name) != 0)
		return -1;
	return json_quote(buf_span(part), &s->body, err);
}

/* `what` is "Key" or "Item". */
static int
finish(struct still *s, const struct still_of *of, const char *what,
       struct span value, struct err *err)
{
	if (buf_append(&s->body, span_of("{\"TableName\":"), err) != 0 ||
	    json_quote(span_of(of->table), &s->body, err) != 0 ||
	    buf_printf(&s->body, err, ",\"%s\":", what) != 0 ||
	    buf_append(&s->body, value, err) != 0 ||
	    add_text(s, "ConditionExpression", &s->condition, err) != 0 ||
	    add_text(s, "UpdateExpression", &s->update, err) != 0 ||
	    add_part(s, "ExpressionAttributeNames", &s->names, err) != 0 ||
	    add_part(s, "ExpressionAttributeValues", &s->values, err) != 0)
		return -1;
	return buf_append(&s->body, span_of("}"), err);
}

int
still_delete(struct still *s, const struct still_of *of,
	     const struct value *was, struct err *err)
{
	begin(s);
	return add_item(s, of, was, err) != 0 ? -1
		: finish(s, of, "Key", of->key, err);
}

int
still_put(struct still *s, const struct still_of *of, const struct value *was,
	  struct span now, struct err *err)
{
	int rc;

	begin(s);
	rc = was != NULL ? add_item(s, of, was, err)
		: add_call(s, "attribute_not_exists", of->pk, err);
	return rc != 0 ? -1 : finish(s, of, "Item", now, err);
}

/* SET #1 = :1, #2 = :2 REMOVE #3 */
static int
add_changes(struct still *s, const struct still_change *c, size_t n,
	    bool removed, struct err *err)
{
	bool some = false;

	for (size_t i = 0; i < n; i++) {
		if ((c[i].is == NULL) != removed)
			continue;
		const int name = add_name(s, c[i].name, err);
		const int value = removed ? 0 : add_value(s, c[i].is, err);

		if (name < 0 || value < 0 ||
		    buf_printf(&s->update, err, "%s#%d", some ? ", "
			       : removed ? " REMOVE " : "SET ", name) != 0 ||
		    (!removed && buf_printf(&s->update, err, " = :%d", value)
		     != 0))
			return -1;
		some = true;
	}
	return 0;
}

int
still_update(struct still *s, const struct still_of *of,
	     const struct still_change *c, size_t n, struct err *err)
{
	begin(s);
	if (add_call(s, "attribute_exists", of->pk, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const int rc = c[i].was != NULL
			? add_attr(s, c[i].name, c[i].was, err)
			: add_call(s, "attribute_not_exists", c[i].name, err);

		if (rc < 0)
			return -1;
		if ((c[i].was != NULL && rc == 0) || is_full(s))
			return err_set(err, ERR_LIMIT, "it changes in more "
				       "attributes than one conditional update "
				       "can hold");
	}
	if (add_changes(s, c, n, false, err) != 0 ||
	    add_changes(s, c, n, true, err) != 0)
		return -1;
	return finish(s, of, "Key", of->key, err);
}
