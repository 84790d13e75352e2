/*
 * ddbjson_walk.c - one compact line of DynamoDB JSON to values, whatever it
 * holds, and what is wrong with it.  (ddbjson_plain.c is tried before.)
 *
 * The kernels have found every quote that no backslash escapes, so a string is
 * two neighbouring entries of that list, and what stands between strings is
 * compared with the few forms that it can have, up to eight bytes at once:
 *
 *	"name":{"S":"text"}     also N and B
 *	"name":{"M":{ ... }}    "name":{"L":[ ... ]}
 *	"name":{"SS":["text", ... ]}    also NS and BS
 *	"name":{"BOOL":true}    "name":{"NULL":true}
 *
 * Every byte is so either inside a string or compared.  A line feed inside a
 * string cannot go unseen: the line would not end where its last brace is.
 */
#include "formats/ddbjson_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/distinct.h"

enum { FEW_SLOTS = 16 };	/* free whenever a child comes next */

static const char NO_END[] = "a string that does not end";

static inline bool
looks_like(const uint8_t *p, const char form[8])
{
	return memcmp(p, form, 8) == 0;
}

/* A container that is open. */
struct frame {
	size_t first;		/* slot of its first child on the stack */
	bool is_map;
};

struct state {
	struct ddbjson *d;
	struct walk *w;
	struct value *stack, *stack_end;
	size_t n;		/* slots in use */
	size_t at;		/* next byte, from w->text */
	struct frame frames[ITEM_MAX_DEPTH + 1];
	size_t depth;
	struct err *err;
};

/* Say what is wrong with the line.  Always returns 0. */
static int
refuse(struct state *s, size_t at, const char *why)
{
	s->w->at = at;
	err_set(s->err, ERR_INPUT, "%s", why);
	return 0;
}

/* The same where something else was expected. */
static int
wrong(struct state *s, size_t at, const char *expected)
{
	const struct walk *const w = s->w;

	s->w->at = at;
	if (at >= w->end)
		err_set(s->err, ERR_INPUT, "the line ends where %s should be",
			expected);
	else if (w->text[at] >= 0x20 && w->text[at] < 0x7F)
		err_set(s->err, ERR_INPUT, "'%c' where %s should be",
			w->text[at], expected);
	else
		err_set(s->err, ERR_INPUT, "byte 0x%02x where %s should be",
			w->text[at], expected);
	return 0;
}

/* Make room for `more` slots.  Returns 1 or -1. */
static int
grow(struct state *s)
{
	struct ddbjson *const d = s->d;
	const size_t cap = d->stack_cap > 0 ? 2 * d->stack_cap : 1024;
	struct value *const p = realloc(d->stack, cap * sizeof(*p));

	if (p == NULL)
		return err_set(s->err, ERR_SYSTEM, "out of memory");
	d->stack = p;
	d->stack_cap = cap;
	s->stack = p;
	s->stack_end = p + cap;
	return 1;
}

/*
 * The escapes of the string that ends at `close` begin at `w->escapes`: check
 * them and step over them.  Returns 1 or 0.
 */
static int
pass_escapes(struct state *s, size_t close)
{
	struct walk *const w = s->w;
	size_t next = 0;	/* before it, a backslash has been seen to */

	for (; *w->escapes < close; w->escapes++) {
		const size_t at = *w->escapes;

		if (at < next)
			continue;
		const size_t len = ddbjson_escape(w->text + at, close - at);
		if (len == 0)
			return refuse(s, at, "invalid escape in a string");
		next = at + len;
	}
	return 1;
}

/*
 * A name with escapes is kept plain, behind a note of where it stands in the
 * input (item.h, invariant 3).
 */
static int
escaped_name(struct state *s, struct value *name)
{
	const struct span note = { name->text, name->len };
	const struct value raw = {
		.text = name->text, .len = name->len, .type = VALUE_S,
		.flags = VALUE_RAW | VALUE_ESC,
	};
	struct span plain;

	if (value_text(&raw, s->w->mem, &plain, s->err) != 0)
		return -1;
	uint8_t *const p = arena_take(s->w->mem, sizeof(note) + plain.len + 8,
				      s->err);
	if (p == NULL)
		return -1;
	memcpy(p, &note, sizeof(note));
	memcpy(p + sizeof(note), plain.ptr, plain.len);
	name->text = p + sizeof(note);
	name->len = (uint32_t)plain.len;
	name->flags |= VALUE_ESC;
	return 1;
}

/* A number with escapes is checked as what it stands for; likewise base64. */
static int
check_text(struct state *s, const struct value *v, size_t at)
{
	struct span text = { v->text, v->len };

	if ((v->flags & VALUE_ESC) != 0 &&
	    value_text(v, s->w->mem, &text, s->err) != 0)
		return -1;
	s->w->at = at;
	if (v->type == VALUE_N)
		return decimal_check(text, s->err) == 0;
	return base64_check(text) ? 1 : refuse(s, at, "invalid base64");
}

/* Room in the arena for the children from `first` on, and their place. */
static inline struct value *
room_for_kids(struct state *s, const struct value *v, size_t first,
	      const uint8_t *end)
{
	struct value *const kids = arena_take(s->w->mem,
		(s->n - first + 1) * sizeof(*kids), s->err);

	if (kids == NULL)
		return NULL;
	kids[0] = (struct value){
		.text = v->text,
		.len = (uint32_t)(end - v->text),
		.type = VALUE_PLACE,
	};
	return kids + 1;
}

/* Move the children from `first` on to the arena, as those of `v`. */
static int
close_container(struct state *s, struct value *v, size_t first,
		const uint8_t *end)
{
	const size_t n = s->n - first;
	struct value *const kids = room_for_kids(s, v, first, end);

	if (kids == NULL)
		return -1;
	memcpy(kids, s->stack + first, n * sizeof(*kids));
	v->kids = kids;
	v->len = (uint32_t)n;
	s->n = first;
	return 1;
}

/* The same of a map, where no two names may be equal. */
static int
close_map(struct state *s, struct value *map, size_t first, const uint8_t *end)
{
	struct ddbjson *const d = s->d;
	const size_t n = s->n - first;
	const struct value *const from = s->stack + first;
	struct value *const kids = room_for_kids(s, map, first, end);
	bool met = false;
	uint32_t twice;

	if (kids == NULL)
		return -1;
	if (++d->epoch == 0) {
		memset(d->seen, 0, sizeof(d->seen));
		d->epoch = 1;
	}
	const uint16_t epoch = d->epoch;
	for (size_t i = 0; i < n; i += 2) {
		uint16_t *const slot = &d->seen[from[i].hash % SEEN_SLOTS];

		kids[i] = from[i];
		kids[i + 1] = from[i + 1];
		if (*slot == epoch)
			met = true;
		*slot = epoch;
	}
	map->kids = kids;
	map->len = (uint32_t)n;
	s->n = first;
	if (!met)
		return 1;

	const int rc = distinct_names(kids, map->len, s->w->mem, &twice,
				      s->err);
	if (rc == 0)
		s->w->at = (size_t)(value_name_raw(&kids[twice]).ptr -
				    s->w->text);
	return rc;
}

/* The set at s->at, `[` already seen; its value is at `slot`. */
static int
set_members(struct state *s, size_t slot)
{
	struct walk *const w = s->w;
	const size_t first = s->n;
	const enum value_type type = value_member_type(&s->stack[slot]);
	struct value *set;
	uint32_t twice;
	int rc;

	if (w->text[s->at] == ']')
		return refuse(s, s->at, "a set must not be empty");
	for (;;) {
		if (*w->quotes != s->at || s->at >= w->end)
			return wrong(s, s->at, "a set member's quote");
		const size_t open = s->at + 1, close = w->quotes[1];
		struct value m = {
			.text = w->text + open, .len = (uint32_t)(close - open),
			.type = (uint8_t)type, .flags = VALUE_RAW,
		};

		if (close >= w->end)
			return refuse(s, s->at, NO_END);
		if (*w->escapes < close) {
			if (pass_escapes(s, close) != 1)
				return 0;
			m.flags |= VALUE_ESC;
		}
		if (type != VALUE_S && (rc = check_text(s, &m, open)) != 1)
			return rc;
		if (s->stack + s->n + 2 > s->stack_end && grow(s) != 1)
			return -1;
		s->stack[s->n++] = m;
		w->quotes += 2;
		s->at = close + 1;
		if (w->text[s->at] == ']')
			break;
		if (w->text[s->at] != ',')
			return wrong(s, s->at, "',' or ']'");
		s->at++;
	}
	if (w->text[s->at + 1] != '}')
		return wrong(s, s->at + 1, "'}'");
	s->at += 2;
	set = &s->stack[slot];	/* the stack may have moved */
	rc = close_container(s, set, first, w->text + s->at);
	if (rc != 1)
		return rc;
	rc = distinct_members(set, w->mem, &twice, s->err);
	if (rc == 0)
		w->at = (size_t)(set->kids[twice].text - w->text);
	return rc;
}

/* What type was meant, when it is none: for the message. */
static int
unknown_type(struct state *s, size_t at)
{
	const struct walk *const w = s->w;

	if (w->text[at] != '{')
		return wrong(s, at, "'{'");
	if (w->text[at + 1] != '"')
		return wrong(s, at + 1, "a type in quotes");

	size_t end = at + 2;
	while (end < w->end && w->text[end] != '"' && end - at < 40)
		end++;
	const struct span name = { w->text + at + 2, end - at - 2 };
	const enum value_type type = value_type_named(name);

	if (type == 0) {
		s->w->at = at + 2;
		err_set(s->err, ERR_INPUT, "'%.*s' is not a DynamoDB type "
			"(S, N, B, BOOL, NULL, M, L, SS, NS, BS)",
			(int)name.len, (const char *)name.ptr);
		return 0;
	}
	if (w->text[end + 1] != ':')
		return wrong(s, end + 1, "':'");
	switch (type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		return wrong(s, end + 2, "a string in quotes");
	case VALUE_BOOL:
		return wrong(s, end + 2, "true or false");
	case VALUE_NULL:
		return wrong(s, end + 2, "true");
	case VALUE_M:
		return wrong(s, end + 2, "'{'");
	default:
		return wrong(s, end + 2, "'['");
	}
}

/* The words: types whose tag is longer than a letter, at s->at. */
static int
word_value(struct state *s, size_t slot)
{
	struct walk *const w = s->w;
	const uint8_t *const p = w->text + s->at;
	struct value *const v = &s->stack[slot];

	v->text = p;
	v->hash = 0;
	v->flags = VALUE_RAW;
	if (looks_like(p, "{\"BOOL\":")) {
		const bool yes = memcmp(p + 8, "true}", 5) == 0;

		if (!yes && memcmp(p + 8, "false}", 6) != 0)
			return unknown_type(s, s->at);
		v->text = p + 8;
		v->len = yes ? 4 : 5;
		v->type = VALUE_BOOL;
		v->flags = (uint8_t)(VALUE_RAW | (yes ? VALUE_TRUE : 0));
		w->quotes += 2;
		s->at += 8 + v->len + 1;
		return 1;
	}
	if (looks_like(p, "{\"NULL\":")) {
		if (memcmp(p + 8, "true}", 5) != 0)
			return unknown_type(s, s->at);
		v->text = p + 8;
		v->len = 4;
		v->type = VALUE_NULL;
		w->quotes += 2;
		s->at += 8 + 5;
		return 1;
	}
	if (p[0] == '{' && p[1] == '"' && p[3] == 'S' &&
	    memcmp(p + 4, "\":[", 3) == 0 &&
	    (p[2] == 'S' || p[2] == 'N' || p[2] == 'B')) {
		v->type = p[2] == 'S' ? VALUE_SS
			: p[2] == 'N' ? VALUE_NS : VALUE_BS;
		w->quotes += 2;
		s->at += 7;
		return set_members(s, slot);
	}
	return unknown_type(s, s->at);
}

enum { OPENED = 2 };

/*
 * `{"T":X` as a little-endian load: what is the same for every type of one
 * letter.
 */
#define TYPED_MASK 0x000000FFFF00FFFFu
#define TYPED_FORM 0x0000003A2200227Bu

/* The string of an S, N or B, whose value begins at s->at. */
static inline int
text_value(struct state *s, uint8_t type, struct value *v)
{
	struct walk *const w = s->w;
	const size_t open = s->at + 6, close = w->quotes[3];

	/* Straight to its slot: a copy would wait for these stores. */
	v->text = w->text + open;
	v->len = (uint32_t)(close - open);
	v->type = type;
	v->flags = VALUE_RAW;
	v->hash = 0;
	if (*w->escapes < close) {
		if (close >= w->end)
			return refuse(s, open - 1, NO_END);
		if (pass_escapes(s, close) != 1)
			return 0;
		v->flags = VALUE_RAW | VALUE_ESC;
	}
	if (w->text[close + 1] != '}') {
		if (close >= w->end)
			return refuse(s, open - 1, NO_END);
		return wrong(s, close + 1, "'}'");
	}
	w->quotes += 4;
	s->at = close + 2;
	return type == VALUE_S ? 1 : check_text(s, v, open);
}

/*
 * The value at s->at into slot `slot`.  Returns 1 when it is whole, OPENED when
 * it is a container whose children come next, 0 or -1.
 */
static inline int
value(struct state *s, size_t slot)
{
	const uint8_t *const p = s->w->text + s->at;
	const uint64_t head = load_le64(p);
	const uint8_t letter = p[2], first = p[5];
	struct value *const v = &s->stack[slot];

	if ((head & TYPED_MASK) != TYPED_FORM)
		return word_value(s, slot);
	if (first == '"') {
		if (letter == 'S')
			return text_value(s, VALUE_S, v);
		if (letter == 'N')
			return text_value(s, VALUE_N, v);
		if (letter == 'B')
			return text_value(s, VALUE_B, v);
	}
	if ((first != '{' || letter != 'M') && (first != '[' || letter != 'L'))
		return unknown_type(s, s->at);
	if (s->depth == ITEM_MAX_DEPTH)
		return refuse(s, s->at, "nested deeper than 32 levels");
	v->text = p;
	v->type = letter == 'M' ? VALUE_M : VALUE_L;
	v->flags = VALUE_RAW;
	v->hash = 0;
	s->w->quotes += 2;
	s->at += 6;
	s->depth++;
	s->frames[s->depth].first = slot + 1;
	s->frames[s->depth].is_map = letter == 'M';
	return OPENED;
}

/* The name at s->at, with its colon, onto the stack. */
static inline int
attribute_name(struct state *s)
{
	struct walk *const w = s->w;
	const size_t open = s->at + 1;

	if (*w->quotes != s->at || s->at >= w->end)
		return wrong(s, s->at, "an attribute name in quotes");

	const size_t close = w->quotes[1];
	struct value *const name = &s->stack[s->n++];

	name->text = w->text + open;
	name->len = (uint32_t)(close - open);
	name->type = VALUE_NAME;
	name->flags = VALUE_RAW;
	w->quotes += 2;
	if (close >= w->end)
		return refuse(s, s->at, NO_END);
	if (*w->escapes < close) {
		if (pass_escapes(s, close) != 1)
			return 0;
		if (escaped_name(s, name) != 1)
			return -1;
	}
	if (name->len - 1 >= NAME_MAX_LEN)
		return refuse(s, s->at, name->len == 0
			      ? "an attribute name must not be empty"
			      : "an attribute name longer than 65535 bytes");
	if (w->text[close + 1] != ':')
		return wrong(s, close + 1, "':'");
	name->hash = name_hash_slack(name->text, name->len);
	s->at = close + 2;
	return 1;
}

/* Close the container at hand: its bracket is at s->at, then its brace. */
static int
end_container(struct state *s, struct value *map)
{
	const struct frame f = s->frames[s->depth];

	if (s->w->text[s->at + 1] != '}')
		return wrong(s, s->at + 1, "'}'");
	s->at += 2;
	/* Stay inside the line, and so inside what can be read behind it. */
	if (s->at > s->w->end)
		return wrong(s, s->w->end, "'}'");

	struct value *const v = s->depth == 0 ? map : &s->stack[f.first - 1];
	return (f.is_map ? close_map : close_container)
		(s, v, f.first, s->w->text + s->at);
}

/* All that is between the braces of the item's own map, and those. */
static int
contents(struct state *s, struct value *map)
{
	const uint8_t *const text = s->w->text;
	bool opened = true;	/* just now: so it may be empty */

	for (;;) {
		const bool in_map = s->frames[s->depth].is_map;
		const bool empty = opened && text[s->at] == (in_map ? '}' : ']');
		int rc = 1;

		if (s->stack + s->n + FEW_SLOTS > s->stack_end && grow(s) != 1)
			return -1;
		if (!empty) {
			if (in_map && (rc = attribute_name(s)) != 1)
				return rc;
			rc = value(s, s->n++);
			if (rc == OPENED) {
				opened = true;
				continue;
			}
			if (rc != 1)
				return rc;
		}
		opened = false;

		/* As many containers as end here. */
		while (text[s->at] != ',') {
			const bool map_ends = s->frames[s->depth].is_map;

			if (text[s->at] != (map_ends ? '}' : ']'))
				return wrong(s, s->at, map_ends ? "',' or '}'"
							: "',' or ']'");
			if ((rc = end_container(s, map)) != 1 || s->depth == 0)
				return rc;
			s->depth--;
		}
		s->at++;
	}
}

/* Whatever stands where `{"Item":{` should be. */
static int
no_item(struct state *s)
{
	const struct walk *const w = s->w;
	const uint8_t *const p = w->text + w->start;

	if (w->end - w->start >= 8 && looks_like(p, "{\"Item\":"))
		return wrong(s, w->start + 8, "'{'");
	return refuse(s, w->start,
		      "not an item: the line should begin with {\"Item\":{");
}

int
ddbjson_walk(struct ddbjson *d, struct walk *w, struct value *map,
	     struct err *err)
{
	enum { HEAD_LEN = 9 };	/* {"Item":{ */
	struct state s;

	/* Not the 32 frames: they are written before they are read. */
	s.d = d;
	s.w = w;
	s.err = err;
	s.stack = d->stack;
	s.stack_end = d->stack + d->stack_cap;
	s.n = 0;
	s.at = w->start + HEAD_LEN;
	s.depth = 0;
	s.frames[0].first = 0;
	s.frames[0].is_map = true;

	if (w->end - w->start < HEAD_LEN ||
	    !looks_like(w->text + w->start, "{\"Item\":") ||
	    w->text[w->start + 8] != '{')
		return no_item(&s);
	*map = (struct value){
		.text = w->text + w->start + HEAD_LEN - 1, .type = VALUE_M,
		.flags = VALUE_RAW,
	};
	w->quotes += 2;

	const int rc = contents(&s, map);
	if (rc != 1)
		return rc;
	if (s.at != w->end)
		return refuse(&s, s.at, "more text after the item");
	return 1;
}
