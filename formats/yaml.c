/* yaml.c - YAML to a tree, over libyaml's events. */
#include "formats/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/err.h"
#include "formats/tree.h"

enum { MAX_ANCHORS = 1000 };

struct anchor {
	struct span name;
	struct tree tree;
};

struct reader {
	yaml_parser_t parser;
	struct tree_builder build;
	struct anchor *anchors;
	size_t nanchors;
};

static int
fail(const struct reader *r, const yaml_mark_t *at, struct err *err,
     const char *text)
{
	return err_set(err, ERR_USAGE, "%s:%zu:%zu: %s", r->build.doc->name,
		       at->line + 1, at->column + 1, text);
}

/* Tell libyaml's complaint in words for somebody who did not write libyaml. */
static int
explain(const struct reader *r, struct err *err)
{
	const yaml_parser_t *const p = &r->parser;
	const char *const what = p->problem != NULL ? p->problem : "no YAML";
	const yaml_mark_t *at = &p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (p->error == YAML_READER_ERROR)
		return err_set(err, ERR_USAGE, "%s: %s at byte %zu",
			       r->build.doc->name, what, p->problem_offset);
	if (strstr(what, "mapping values are not allowed") != NULL)
		return fail(r, at, err, "a ':' where no name can stand; text "
			    "that holds ': ' must be quoted or written under "
			    "'>'");
	if (strstr(what, "found character that cannot start") != NULL)
		return fail(r, at, err, "no text can start with this character "
			    "(a tab, '@', '`' or '%'); quote it");
	if (strstr(what, "found undefined tag handle") != NULL)
		return fail(r, at, err, "tags are not allowed");
	if (p->context != NULL)
		return err_set(err, ERR_USAGE, "%s:%zu:%zu: %s, %s",
			       r->build.doc->name, at->line + 1,
			       at->column + 1, p->context, what);
	return fail(r, at, err, what);
}

static int
next(struct reader *r, yaml_event_t *event, struct err *err)
{
	return yaml_parser_parse(&r->parser, event) ? 0 : explain(r, err);
}

/* ---- the core schema ----------------------------------------------------- */

static bool
is_one_of(struct span s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (span_is(s, *words))
			return true;
	return false;
}

static size_t
digits(struct span s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9')
		n++;
	return n;
}

/* [-+]?(digits [. digits?] | . digits) ([eE][-+]?digits)? */
static bool
is_decimal(struct span s)
{
	size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
	size_t n = digits(s, at);

	at += n;
	if (at < s.len && s.ptr[at] == '.') {
		const size_t fraction = digits(s, at + 1);

		at += 1 + fraction;
		n += fraction;
	}
	if (n == 0)
		return false;
	if (at < s.len && (s.ptr[at] | 0x20) == 'e') {
		at++;
		at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+');
		n = digits(s, at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == s.len;
}

/* 0o17 and 0x1F. */
static bool
is_prefixed(struct span s)
{
	if (s.len < 3 || s.ptr[0] != '0' ||
	    (s.ptr[1] != 'o' && s.ptr[1] != 'x'))
		return false;
	for (size_t i = 2; i < s.len; i++) {
		const uint8_t c = s.ptr[i];
		const bool octal = c >= '0' && c <= '7';
		const bool hex = (c >= '0' && c <= '9') ||
				 ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');

		if (s.ptr[1] == 'o' ? !octal : !hex)
			return false;
	}
	return true;
}

static void
resolve(struct tree *t)
{
	static const char *const nulls[] = {
		"", "~", "null", "Null", "NULL", NULL,
	};
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	static const char *const floats[] = {
		".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
		"-.Inf", "-.INF", ".nan", ".NaN", ".NAN", NULL,
	};

	t->kind = TREE_TEXT;
	if (t->style != TREE_PLAIN)
		return;
	if (is_one_of(t->text, nulls)) {
		t->kind = TREE_NULL;
	} else if (is_one_of(t->text, trues)) {
		t->kind = TREE_BOOL;
		t->truth = true;
	} else if (is_one_of(t->text, falses)) {
		t->kind = TREE_BOOL;
	} else if (is_decimal(t->text) || is_prefixed(t->text) ||
		   is_one_of(t->text, floats)) {
		t->kind = TREE_NUMBER;
	}
}

/* ---- nodes --------------------------------------------------------------- */

static int
scalar(struct reader *r, const yaml_event_t *e, struct tree *t, struct err *err)
{
	const struct span s = { e->data.scalar.value, e->data.scalar.length };
	char *const p = arena_take(r->build.mem, s.len + 1, err);

	if (p == NULL)
		return -1;
	if (s.len > 0 && memchr(s.ptr, 0, s.len) != NULL)
		return fail(r, &e->start_mark, err, "text with a NUL in it");
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	p[s.len] = '\0';
	t->text = (struct span){ (uint8_t *)p, s.len };
	t->weight = 1;

	switch (e->data.scalar.style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		t->style = TREE_SINGLE;
		break;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		t->style = TREE_DOUBLE;
		break;
	case YAML_LITERAL_SCALAR_STYLE:
	case YAML_FOLDED_SCALAR_STYLE:
		t->style = TREE_BLOCK;
		break;
	default:
		t->style = TREE_PLAIN;
	}
	resolve(t);
	return 0;
}

static int
recall(const struct reader *r, const yaml_event_t *e, struct tree *t,
       struct err *err)
{
	const char *const name = (const char *)e->data.alias.anchor;

	/* The last one of that name counts, as YAML has it. */
	for (size_t i = r->nanchors; i-- > 0;) {
		if (!span_is(r->anchors[i].name, name))
			continue;
		*t = r->anchors[i].tree;
		return 0;
	}
	return err_set(err, ERR_USAGE, "%s:%zu:%zu: there is no anchor '&%s' "
		       "before this alias", r->build.doc->name,
		       e->start_mark.line + 1, e->start_mark.column + 1, name);
}

static int
remember(struct reader *r, struct span name, const struct tree *t,
	 struct err *err)
{
	if (r->nanchors == MAX_ANCHORS)
		return tree_err(t, err, "more than %d anchors", MAX_ANCHORS);
	if (r->anchors == NULL)
		r->anchors = arena_take(r->build.mem,
					MAX_ANCHORS * sizeof(*r->anchors), err);
	if (r->anchors == NULL)
		return -1;
	r->anchors[r->nanchors++] = (struct anchor){ name, *t };
	return 0;
}

static int
check_name(const struct reader *r, const struct tree *name,
	   const yaml_event_t *e, struct err *err)
{
	if (!tree_is_scalar(name))
		return fail(r, &e->start_mark, err,
			    "a name must be text, not a list or a map");
	if (name->style == TREE_PLAIN && span_is(name->text, "<<"))
		return fail(r, &e->start_mark, err,
			    "merge keys ('<<') are not allowed");
	return 0;
}

static int node(struct reader *r, yaml_event_t *e, unsigned depth,
		struct tree *t, struct err *err);

static int
container(struct reader *r, yaml_event_type_t end, unsigned depth,
	  struct tree *t, struct err *err)
{
	const size_t start = tree_depth(&r->build);
	bool is_name = t->kind == TREE_MAP;
	yaml_event_t e;

	if (depth == TREE_MAX_DEPTH)
		return tree_err(t, err, "nested more than %d deep",
				TREE_MAX_DEPTH);
	while (next(r, &e, err) == 0) {
		struct tree kid = { .doc = r->build.doc };
		int rc;

		if (e.type == end) {
			yaml_event_delete(&e);
			return tree_gather(&r->build, start, t, err);
		}
		rc = node(r, &e, depth + 1, &kid, err);
		if (rc == 0 && is_name)
			rc = check_name(r, &kid, &e, err);
		yaml_event_delete(&e);
		if (rc != 0 || tree_push(&r->build, &kid, err) != 0)
			return -1;
		is_name = t->kind == TREE_MAP && !is_name;
	}
	return -1;
}

/* The anchor and the tag of an event; NULL where it has none. */
static void
properties(const yaml_event_t *e, const yaml_char_t **anchor,
	   const yaml_char_t **tag)
{
	*anchor = *tag = NULL;
	if (e->type == YAML_SCALAR_EVENT) {
		*anchor = e->data.scalar.anchor;
		*tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		*anchor = e->data.sequence_start.anchor;
		*tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		*anchor = e->data.mapping_start.anchor;
		*tag = e->data.mapping_start.tag;
	}
}

/* Read the node that begins with event `e`, which stays the caller's. */
static int
node(struct reader *r, yaml_event_t *e, unsigned depth, struct tree *t,
     struct err *err)
{
	const yaml_char_t *anchor, *tag;
	struct span name = { NULL, 0 };
	int rc = 0;

	t->line = (uint32_t)e->start_mark.line + 1;
	t->column = (uint32_t)e->start_mark.column + 1;
	properties(e, &anchor, &tag);
	if (tag != NULL)
		return fail(r, &e->start_mark, err, "tags are not allowed");
	if (anchor != NULL) {
		name = arena_copy(r->build.mem,
				  span_of((const char *)anchor), err);
		if (name.ptr == NULL)
			return -1;
	}

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		rc = scalar(r, e, t, err);
		break;
	case YAML_ALIAS_EVENT:
		return recall(r, e, t, err);
	case YAML_SEQUENCE_START_EVENT:
		t->kind = TREE_LIST;
		rc = container(r, YAML_SEQUENCE_END_EVENT, depth, t, err);
		break;
	case YAML_MAPPING_START_EVENT:
		t->kind = TREE_MAP;
		rc = container(r, YAML_MAPPING_END_EVENT, depth, t, err);
		break;
	default:
		return fail(r, &e->start_mark, err, "no value here");
	}
	return rc == 0 && anchor != NULL ? remember(r, name, t, err) : rc;
}

/* Step over one event, which must be of that type. */
static int
expect(struct reader *r, yaml_event_type_t type, const char *otherwise,
       struct err *err)
{
	yaml_event_t e;

	if (next(r, &e, err) != 0)
		return -1;
	const bool same = e.type == type;
	const yaml_mark_t at = e.start_mark;
	yaml_event_delete(&e);
	return same ? 0 : fail(r, &at, err, otherwise);
}

static int
document(struct reader *r, struct tree *root, struct err *err)
{
	yaml_event_t e;

	if (expect(r, YAML_STREAM_START_EVENT, "no YAML", err) != 0 ||
	    expect(r, YAML_DOCUMENT_START_EVENT, "nothing in it", err) != 0 ||
	    next(r, &e, err) != 0)
		return -1;
	const int rc = node(r, &e, 0, root, err);
	yaml_event_delete(&e);
	if (rc != 0 ||
	    expect(r, YAML_DOCUMENT_END_EVENT, "something after the end",
		   err) != 0)
		return -1;
	return expect(r, YAML_STREAM_END_EVENT, "a second document begins "
		      "here; a plan is one", err);
}

const struct tree *
yaml_parse(struct span source, const char *name, struct arena *mem,
	   struct err *err)
{
	struct tree_doc *const doc = arena_take(mem, sizeof(*doc), err);
	struct tree *const root = arena_take(mem, sizeof(*root), err);
	struct reader r = { .build = { .mem = mem, .doc = doc } };
	int rc = -1;

	if (doc == NULL || root == NULL)
		return NULL;
	/* Some editors begin with a byte order mark, which YAML allows. */
	if (source.len >= 3 && memcmp(source.ptr, "\xef\xbb\xbf", 3) == 0)
		source = (struct span){ source.ptr + 3, source.len - 3 };
	*doc = (struct tree_doc){ name, source };
	*root = (struct tree){ .doc = doc };
	if (source.len > YAML_MAX_LEN) {
		err_set(err, ERR_USAGE, "%s: more than %d bytes", name,
			YAML_MAX_LEN);
		return NULL;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, source.ptr, source.len);
	rc = document(&r, root, err);
	yaml_parser_delete(&r.parser);
	buf_free(&r.build.stack);
	return rc == 0 ? root : NULL;
}
