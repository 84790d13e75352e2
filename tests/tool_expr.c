/*
 * tool_expr.c - expressions for programs that test them: a line of JSON in,
 *
 *	{"kind": "condition|update|value", "expression": "...",
 *	 "item": {typed map}, "names": {"#a": "b"}, "values": {":v": {typed}}}
 *
 * and a line out, one of
 *
 *	{"result": true|false} {"item": {typed map}} {"value": {typed}}
 *	{"error": "text", "stage": "parse|item", "at": N}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

/* Everything that one line needs. */
struct state {
	struct ddbjson *decoder;
	struct batch item, values;
	struct buf item_text, values_text, out;
	struct arena mem;
	struct expr_name *names;
	struct expr_value *bindings;
	bool *name_used, *value_used;
	size_t at;
	struct err err;
};

/* One member of a JSON object, as it stands: name without quotes, value. */
struct member {
	struct span name, value;
};

/* Where the value at `p` ends.  What comes in is JSON, and trusted. */
static const uint8_t *
pass_value(const uint8_t *p, const uint8_t *end)
{
	int depth = 0;
	bool text = false;

	for (; p < end; p++) {
		if (text) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				text = false;
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == '}' || *p == ']'))
			break;
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		text = *p == '"';
	}
	return p;
}

/* Step over the next member of the object.  False after the last. */
static bool
next_member(struct span *object, struct member *m)
{
	const uint8_t *const end = object->ptr + object->len;
	const uint8_t *const name = object->ptr + 2;

	/* A name of ours, or of a placeholder: nothing escaped. */
	if (object->len < 3 || name[-1] != '"')
		return false;
	const uint8_t *const close = memchr(name, '"', object->len - 2);
	if (close == NULL || close + 2 > end)
		return false;

	const uint8_t *const value = close + 2;
	const uint8_t *const after = pass_value(value, end);
	m->name = (struct span){ name, (size_t)(close - name) };
	m->value = (struct span){ value, (size_t)(after - value) };
	*object = (struct span){ after, (size_t)(end - after) };
	return true;
}

/* The member of that name, or one with an empty value. */
static struct span
get(struct span object, const char *name)
{
	struct member m;

	while (next_member(&object, &m))
		if (span_is(m.name, name))
			return m.value;
	return (struct span){ NULL, 0 };
}

/* What a JSON string stands for. */
static int
plain(struct state *s, struct span json, struct span *out)
{
	struct value v = value_of_text(VALUE_S, (struct span){
		json.ptr + 1, json.len - 2 });

	if (json.len < 2)
		return err_set(&s->err, ERR_USAGE, "a string is missing");
	v.flags = VALUE_RAW | VALUE_ESC;
	return value_text(&v, &s->mem, out, &s->err);
}

/* Read a typed map as the decoder of exports reads it. */
static int
decode(struct state *s, struct span map, struct buf *text, struct batch *b)
{
	const uint8_t slack[DDBJSON_SLACK] = { 0 };
	size_t used;

	buf_reset(text);
	batch_reset(b);
	if (map.len == 0)
		map = span_of("{}");
	if (buf_append(text, span_of("{\"Item\":"), &s->err) != 0 ||
	    buf_append(text, map, &s->err) != 0 ||
	    buf_append(text, span_of("}"), &s->err) != 0)
		return -1;

	const size_t len = text->len;
	if (buf_append(text, (struct span){ slack, sizeof(slack) },
		       &s->err) != 0)
		return -1;
	ddbjson_rewind(s->decoder);
	if (ddbjson_decode(s->decoder, (struct span){ text->ptr, len }, true, b,
			   &used, &s->err) != 0)
		return -1;
	if (b->nitems == 1)
		return 0;
	s->err = b->rejects[0].why;
	return -1;
}

static int
read_names(struct state *s, struct span names, struct expr_scope *scope)
{
	struct member m;
	size_t n = 0;

	for (struct span rest = names; next_member(&rest, &m); )
		n++;
	s->names = calloc(n + 1, sizeof(*s->names));
	s->name_used = calloc(n + 1, 1);
	if (s->names == NULL || s->name_used == NULL)
		return err_set(&s->err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; next_member(&names, &m); i++) {
		s->names[i].placeholder = m.name;
		if (plain(s, m.value, &s->names[i].name) != 0)
			return -1;
	}
	scope->names = s->names;
	scope->nnames = n;
	scope->name_used = s->name_used;
	return 0;
}

static int
read_values(struct state *s, struct span values, struct expr_scope *scope)
{
	if (decode(s, values, &s->values_text, &s->values) != 0)
		return -1;

	const struct value *const map = &s->values.items[0].map;
	const size_t n = map->len / 2;
	s->bindings = calloc(n + 1, sizeof(*s->bindings));
	s->value_used = calloc(n + 1, 1);
	if (s->bindings == NULL || s->value_used == NULL)
		return err_set(&s->err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct value *const name = &map->kids[2 * i];

		s->bindings[i] = (struct expr_value){
			{ name->text, name->len }, name + 1 };
	}
	scope->values = s->bindings;
	scope->nvalues = n;
	scope->value_used = s->value_used;
	return 0;
}

static int
check_used(struct state *s, const struct expr_scope *scope)
{
	for (size_t i = 0; i < scope->nnames; i++)
		if (!s->name_used[i])
			return err_set(&s->err, ERR_USAGE, "'%.*s' is unused",
				(int)s->names[i].placeholder.len,
				(const char *)s->names[i].placeholder.ptr);
	for (size_t i = 0; i < scope->nvalues; i++)
		if (!s->value_used[i])
			return err_set(&s->err, ERR_USAGE, "'%.*s' is unused",
				(int)s->bindings[i].placeholder.len,
				(const char *)s->bindings[i].placeholder.ptr);
	return 0;
}

static int
answer_update(struct state *s, struct span text,
	      const struct expr_scope *scope, const struct expr_run *run,
	      const char **stage)
{
	struct update *const u = update_parse(text, scope, &s->at, &s->err);
	struct item *const item = &s->item.items[0];
	int rc = u == NULL ? -1 : check_used(s, scope);

	if (rc == 0) {
		*stage = "item";
		rc = update_apply(u, run, item, &s->err);
	}
	if (rc == 0)
		rc = buf_append(&s->out, span_of("{\"item\":"), &s->err);
	if (rc == 0)
		rc = ddbjson_encode_map(&item->map, &s->out, &s->err);
	update_free(u);
	return rc == 0 ? buf_append(&s->out, span_of("}\n"), &s->err) : -1;
}

static int
answer_expr(struct state *s, bool condition, struct span text,
	    const struct expr_scope *scope, const struct expr_run *run,
	    const char **stage)
{
	const struct item *const item = &s->item.items[0];
	struct expr *const e = condition
		? expr_parse_condition(text, scope, &s->at, &s->err)
		: expr_parse_value(text, scope, &s->at, &s->err);
	struct value v;
	int rc = e == NULL ? -1 : check_used(s, scope);

	if (rc == 0) {
		*stage = "item";
		rc = condition ? expr_test(e, run, item, &s->err)
			       : expr_value_of(e, run, item, &v, &s->err);
	}
	if (rc >= 0 && condition)
		rc = buf_printf(&s->out, &s->err, "{\"result\":%s}\n",
				rc == 1 ? "true" : "false");
	else if (rc == 0) {
		rc = buf_append(&s->out, span_of("{\"value\":"), &s->err);
		if (rc == 0)
			rc = ddbjson_encode_value(&v, &s->out, &s->err);
		if (rc == 0)
			rc = buf_append(&s->out, span_of("}\n"), &s->err);
	}
	expr_free(e);
	return rc;
}

static int
answer(struct state *s, struct span line, const char **stage)
{
	struct expr_scope scope = { 0 };
	const struct expr_run run = { .mem = &s->mem,
				      .run_time = span_of("1700000000") };
	const struct span kind = get(line, "kind");
	struct span text;

	if (plain(s, get(line, "expression"), &text) != 0 ||
	    decode(s, get(line, "item"), &s->item_text, &s->item) != 0 ||
	    read_names(s, get(line, "names"), &scope) != 0 ||
	    read_values(s, get(line, "values"), &scope) != 0)
		return -1;
	if (span_is(kind, "\"update\""))
		return answer_update(s, text, &scope, &run, stage);
	return answer_expr(s, span_is(kind, "\"condition\""), text, &scope,
			   &run, stage);
}

static void
run_line(struct state *s, struct span text)
{
	const char *stage = "parse";

	arena_reset(&s->mem);
	buf_reset(&s->out);
	s->err = (struct err){ 0 };
	s->at = 0;
	if (answer(s, text, &stage) < 0) {
		const struct err err = s->err;

		buf_reset(&s->out);
		if (buf_append(&s->out, span_of("{\"error\":"), &s->err) != 0 ||
		    ddbjson_encode_text(span_of(err.text), &s->out,
					&s->err) != 0 ||
		    buf_printf(&s->out, &s->err, ",\"stage\":\"%s\","
			       "\"at\":%zu}\n", stage, s->at) != 0)
			abort();
	}
	fwrite(s->out.ptr, 1, s->out.len, stdout);
	fflush(stdout);
	free(s->names);
	free(s->bindings);
	free(s->name_used);
	free(s->value_used);
	s->names = NULL;
	s->bindings = NULL;
	s->name_used = s->value_used = NULL;
}

int
main(void)
{
	struct state s = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	s.decoder = ddbjson_new(&s.err);
	if (s.decoder == NULL)
		return 1;
	while ((n = getline(&line, &cap, stdin)) > 0)
		run_line(&s, (struct span){ (uint8_t *)line, (size_t)n });
	free(line);
	ddbjson_free(s.decoder);
	batch_free(&s.item);
	batch_free(&s.values);
	buf_free(&s.item_text);
	buf_free(&s.values_text);
	buf_free(&s.out);
	arena_free(&s.mem);
	return 0;
}
