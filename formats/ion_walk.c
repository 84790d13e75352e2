/*
 * ion_walk.c - a struct of Ion text to values, whatever is in it.
 *
 * Containers that are open have their children on a stack; when one is closed
 * they move to the arena, side by side.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"
#include "formats/distinct.h"
#include "formats/ion.h"
#include "formats/ion_internal.h"

enum { FEW_SLOTS = 4 };		/* free whenever a child comes next */

/* A container that is open. */
struct frame {
	size_t first;		/* slot of its first child on the stack */
	const uint8_t *from;	/* its bracket */
	bool is_map;
};

struct state {
	struct ion *d;
	struct ion_text *t;
	size_t n;		/* slots in use */
	size_t depth, limit;
	struct frame frames[ITEM_MAX_DEPTH + 2];
};

static int
grow(struct state *s)
{
	struct ion *const d = s->d;
	const size_t cap = 2 * d->stack_cap;
	struct value *const p = realloc(d->stack, cap * sizeof(*p));

	if (p == NULL)
		return err_set(s->t->err, ERR_SYSTEM, "out of memory");
	d->stack = p;
	d->stack_cap = cap;
	return ION_OK;
}

static inline int
make_room(struct state *s)
{
	return s->n + FEW_SLOTS <= s->d->stack_cap ? ION_OK : grow(s);
}

/* ---- containers ---------------------------------------------------------- */

/* Where the second of two equals stands, which may be a copy in the arena. */
static const uint8_t *
place_of(const struct value *second, const struct frame *f,
	 const struct ion_text *t)
{
	return second->text > f->from && second->text < t->at ? second->text
							      : f->from;
}

static int
check_names(struct state *s, const struct frame *f, const struct value *map)
{
	struct ion *const d = s->d;
	bool met = false;
	uint32_t twice;

	if (++d->epoch == 0) {
		memset(d->seen, 0, sizeof(d->seen));
		d->epoch = 1;
	}
	for (uint32_t i = 0; i < map->len; i += 2) {
		uint16_t *const slot =
			&d->seen[map->kids[i].hash % ION_SEEN_SLOTS];

		met |= *slot == d->epoch;
		*slot = d->epoch;
	}
	if (!met)
		return ION_OK;

	const int rc = distinct_names(map->kids, map->len, s->t->mem, &twice,
				      s->t->err);
	if (rc == 0)
		s->t->wrong = place_of(&map->kids[twice], f, s->t);
	return rc;
}

/* Move the children from `f` on to the arena, as those of `v`. */
static int
keep_kids(struct state *s, const struct frame *f, struct value *v)
{
	const size_t n = s->n - f->first;
	struct value *const kids = arena_take(s->t->mem,
		(n > 0 ? n : 1) * sizeof(*kids), s->t->err);

	if (kids == NULL)
		return ION_FAILED;
	memcpy(kids, s->d->stack + f->first, n * sizeof(*kids));
	v->kids = kids;
	v->len = (uint32_t)n;
	s->n = f->first;
	return ION_OK;
}

/* The container at hand ends here. */
static int
close_container(struct state *s, struct value *top)
{
	const struct frame *const f = &s->frames[s->depth];
	struct value *const v = s->depth == 0 ? top
					      : &s->d->stack[f->first - 1];
	const int rc = keep_kids(s, f, v);

	s->t->at++;
	return rc == ION_OK && f->is_map ? check_names(s, f, v) : rc;
}

static int
open_container(struct state *s, enum value_type type, size_t slot)
{
	if (s->depth == s->limit)
		return ion_refuse(s->t, s->t->at,
				  "nested deeper than 32 levels");
	s->d->stack[slot] = (struct value){ .type = (uint8_t)type };
	s->depth++;
	s->frames[s->depth] = (struct frame){
		.first = slot + 1, .from = s->t->at, .is_map = type == VALUE_M,
	};
	s->t->at++;
	return ION_OPENED;
}

/* ---- values without children --------------------------------------------- */

static int
string(struct ion_text *t, struct value *v)
{
	struct span text;
	uint8_t flags = 0;
	const int rc = *t->at == '"' ? ion_quoted(t, &text, &flags)
				     : ion_long_string(t, &text);

	if (rc == ION_OK) {
		*v = value_of_text(VALUE_S, text);
		v->flags = flags;
	}
	return rc;
}

static bool
is_white(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_base64(uint8_t c)
{
	return c == '+' || c == '/' || c == '=' ||
	       ((ION_IDENTIFIER[c] & 1) != 0 && c != '$' && c != '_');
}

/* The base64 from `from` to `to` without the white space in it. */
static int
squeeze(struct ion_text *t, const uint8_t *from, const uint8_t *to,
	struct span *out)
{
	uint8_t *const copy = arena_take(t->mem, (size_t)(to - from) + 1,
					 t->err);
	size_t n = 0;

	if (copy == NULL)
		return ION_FAILED;
	for (; from < to; from++)
		if (!is_white(*from))
			copy[n++] = *from;
	*out = (struct span){ copy, n };
	return ION_OK;
}

/* `{{`, base64, `}}`: white space is fine in between, comments are not. */
static int
blob(struct ion_text *t, struct value *v)
{
	const uint8_t *const from = t->at + 2, *p = from;
	bool white = false;

	for (; is_base64(*p) || is_white(*p); p++) {
		white |= is_white(*p);
		if (p + 1 == t->end) {
			t->wrong = t->at;
			t->unclosed = true;
			err_set(t->err, ERR_INPUT, "a blob that does not end");
			return ION_SHORT;
		}
	}
	if (*p == '"' || ion_is_long(p))
		return ion_refuse(t, t->at, "a clob, for which DynamoDB has no "
				  "type; write a blob or a string");
	if (p[0] != '}' || p[1] != '}')
		return ion_wrong(t, p, "base64 or '}}'");

	struct span text = { from, (size_t)(p - from) };
	if (white && squeeze(t, from, p, &text) != ION_OK)
		return ION_FAILED;
	if (!base64_check(text))
		return ion_refuse(t, from, "invalid base64");
	*v = value_of_text(VALUE_B, text);
	t->at = p + 2;
	return ION_OK;
}

/* Behind `null`: nothing, or a point and a type. */
static int
null(struct ion_text *t, struct value *v)
{
	static const char *const TYPES[] = {
		"null", "bool", "int", "float", "decimal", "timestamp",
		"symbol", "string", "clob", "blob", "list", "sexp", "struct",
	};
	bool known = *t->at != '.';

	if (!known) {
		const uint8_t *const from = ++t->at;
		const struct span type = ion_identifier(t);

		for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
			known |= span_is(type, TYPES[i]);
		if (!known)
			return ion_wrong(t, from, "a type of null");
	}
	*v = value_of_null();
	return ION_OK;
}

/* ---- annotations and sets ------------------------------------------------ */

static int value(struct state *s, size_t slot);

/* A member of a set: of what type, is in `m`. */
static int
member(struct ion_text *t, struct value *m)
{
	const uint8_t *const p = t->at;

	switch (m->type) {
	case VALUE_S:
		return *p == '"' || ion_is_long(p) ? string(t, m)
			: ion_wrong(t, p, "a string of the set");
	case VALUE_B:
		return p[0] == '{' && p[1] == '{' ? blob(t, m)
			: ion_wrong(t, p, "a blob of the set");
	default:
		return *p == '-' || (*p >= '0' && *p <= '9')
			? ion_number(t, m)
			: ion_wrong(t, p, "a number of the set");
	}
}

/* The list at t->at, as a set. */
static int
set(struct state *s, enum value_type type, size_t slot)
{
	struct ion_text *const t = s->t;
	const struct frame f = { .first = s->n, .from = t->at };
	struct value *v;
	uint32_t twice;
	int rc;

	if (*t->at != '[')
		return ion_wrong(t, t->at, "the set's '['");
	t->at++;
	for (;;) {
		if ((rc = ion_blank(t)) != ION_OK)
			return rc;
		if (*t->at == ']')
			break;
		if (make_room(s) != ION_OK)
			return ION_FAILED;
		v = &s->d->stack[s->n];
		v->type = (uint8_t)(type - VALUE_SS + VALUE_S);
		if ((rc = member(t, v)) != ION_OK ||
		    (rc = ion_blank(t)) != ION_OK)
			return rc;
		s->n++;
		if (*t->at == ']')
			break;
		if (*t->at != ',')
			return ion_wrong(t, t->at, "',' or ']'");
		t->at++;
	}
	t->at++;
	if (s->n == f.first)
		return ion_refuse(t, f.from, "a set must not be empty");

	v = &s->d->stack[slot];
	*v = (struct value){ .type = (uint8_t)type };
	if (keep_kids(s, &f, v) != ION_OK)
		return ION_FAILED;
	rc = distinct_members(v, t->mem, &twice, t->err);
	if (rc == 0)
		t->wrong = place_of(&v->kids[twice], &f, t);
	return rc;
}

/* A value after an annotation, which must be that of a set. */
static int
annotated(struct state *s, struct span word, const uint8_t *from, size_t slot)
{
	static const char *const WORDS[] = {
		"$dynamodb_SS", "$dynamodb_NS", "$dynamodb_BS",
	};
	struct ion_text *const t = s->t;
	int rc;

	t->at += 2;
	if (s->d->in_table) {		/* they mean nothing there */
		rc = ion_blank(t);
		return rc == ION_OK ? value(s, slot) : rc;
	}
	for (int i = 0; i < 3; i++) {
		if (!span_is(word, WORDS[i]))
			continue;
		if ((rc = ion_blank(t)) != ION_OK)
			return rc;
		return set(s, (enum value_type)(VALUE_SS + i), slot);
	}
	t->wrong = from;
	err_set(t->err, ERR_INPUT, "annotation '%.*s' means nothing to "
		"DynamoDB (only $dynamodb_SS, $dynamodb_NS, $dynamodb_BS do)",
		(int)(word.len < 40 ? word.len : 40), (const char *)word.ptr);
	return ION_BAD;
}

/* Is there a `::` at t->at or behind white space?  Then t->at is there. */
static int
annotates(struct ion_text *t, bool *yes)
{
	const uint8_t *const from = t->at;
	const int rc = ion_blank(t);

	if (rc != ION_OK)
		return rc;
	*yes = t->at[0] == ':' && t->at[1] == ':';
	if (!*yes)
		t->at = from;
	return ION_OK;
}

/* Which keyword it is, as a value; false if it is none. */
static bool
keyword(struct span word, struct value *v)
{
	if (word.len == 4 && memcmp(word.ptr, "true", 4) == 0)
		*v = value_of_bool(true);
	else if (word.len == 5 && memcmp(word.ptr, "false", 5) == 0)
		*v = value_of_bool(false);
	else
		return false;
	return true;
}

/* A keyword, an annotation, or a symbol that no item can have. */
static int
word(struct state *s, size_t slot)
{
	struct ion_text *const t = s->t;
	const uint8_t *const from = t->at;
	struct value *const v = &s->d->stack[slot];
	bool yes;
	int rc;

	struct span w;
	if (*from == '\'') {
		uint8_t flags;

		if ((rc = ion_quoted(t, &w, &flags)) != ION_OK)
			return rc;
	} else {
		w = ion_identifier(t);
		if (keyword(w, v))
			return ION_OK;
		if (span_is(w, "null"))
			return null(t, v);
		if (span_is(w, "nan"))
			return ion_refuse(t, from, "nan, which is no number to "
					  "DynamoDB");
		if ((rc = ion_symbol(t, &w)) != ION_OK)
			return rc;
	}
	if ((rc = annotates(t, &yes)) != ION_OK)
		return rc;
	if (!yes && s->d->in_table) {
		*v = value_of_text(VALUE_S, w);
		return ION_OK;
	}
	return yes ? annotated(s, w, from, slot)
		   : ion_refuse(t, from, "a symbol, for which DynamoDB has no "
				"type; a string has double quotes");
}

/* ---- values -------------------------------------------------------------- */

/*
 * The value at t->at into slot `slot`.  ION_OPENED if it is a container whose
 * children come next.
 */
static int
value(struct state *s, size_t slot)
{
	struct ion_text *const t = s->t;
	const uint8_t *const p = t->at;

	switch (*p) {
	case '"':
		return string(t, &s->d->stack[slot]);
	case '\'':
		return ion_is_long(p) ? string(t, &s->d->stack[slot])
				      : word(s, slot);
	case '{':
		return p[1] == '{' ? blob(t, &s->d->stack[slot])
				   : open_container(s, VALUE_M, slot);
	case '[':
		return open_container(s, VALUE_L, slot);
	case '(':
		return ion_refuse(t, p, "an s-expression, for which DynamoDB "
				  "has no type");
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return ion_number(t, &s->d->stack[slot]);
	case '-':
		if (p[1] >= '0' && p[1] <= '9')
			return ion_number(t, &s->d->stack[slot]);
		/* fall through */
	case '+':
		return memcmp(p + 1, "inf", 3) == 0 &&
		       ION_IDENTIFIER[p[4]] == 0
			? ion_refuse(t, p, "infinity, which is no number to "
				     "DynamoDB")
			: ion_wrong(t, p, "a value");
	default:
		return ION_IDENTIFIER[*p] == 3 ? word(s, slot)
					       : ion_wrong(t, p, "a value");
	}
}

/* All that is between the brackets of the struct, and the last one. */
static int
contents(struct state *s, struct value *top)
{
	struct ion_text *const t = s->t;
	int rc;

	for (;;) {
		bool is_map = s->frames[s->depth].is_map;

		if ((rc = ion_blank(t)) != ION_OK)
			return rc;
		if (*t->at != (is_map ? '}' : ']')) {
			if (make_room(s) != ION_OK)
				return ION_FAILED;
			if (is_map && (rc = ion_field(t, &s->d->stack[s->n++]))
				      != ION_OK)
				return rc;
			rc = value(s, s->n++);
			if (rc == ION_OPENED)
				continue;
			if (rc != ION_OK || (rc = ion_blank(t)) != ION_OK)
				return rc;
		}
		/* As many containers as end here. */
		while (*t->at != ',') {
			is_map = s->frames[s->depth].is_map;
			if (*t->at != (is_map ? '}' : ']'))
				return ion_wrong(t, t->at, is_map
						 ? "',' or '}'" : "',' or ']'");
			rc = close_container(s, top);
			if (rc != ION_OK || s->depth-- == 0)
				return rc;
			if ((rc = ion_blank(t)) != ION_OK)
				return rc;
		}
		t->at++;
	}
}

int
ion_struct(struct ion *d, struct ion_text *t, size_t depth, struct value *map)
{
	struct state s;

	/* Not the frames: they are written before they are read. */
	s.d = d;
	s.t = t;
	s.n = 0;
	s.depth = 0;
	s.limit = depth;
	s.frames[0] = (struct frame){ .from = t->at, .is_map = true };
	*map = (struct value){ .type = VALUE_M };
	t->at++;
	return contents(&s, map);
}
