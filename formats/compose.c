/*
 * compose.c - items and their lines, side by side.
 *
 * Lines go one after the other into a region of the batch's arena.  Where it is
 * too small for one, the beginning of that moves to a larger region and its
 * values with it: each time to twice the room, so that moving costs no more
 * than writing.  Values wait on a stack until their container is closed.
 */
#include "formats/compose.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/ddbjson.h"
#include "formats/distinct.h"

enum {
	STACK_CAP = 1024,	/* to start with */
	LEAST_ROOM = 16 * 1024,
	TAGS_LEN = 32,		/* more than all that is put around a text */
	SEEN_SLOTS = 2048,
	MOST_LEN = 512 * 1024 * 1024,	/* lengths have 32 bits */
};

/* A container that is open; its slot on the stack is the one before `first`. */
struct frame {
	size_t first;		/* slot of its first child */
	enum value_type type;
};

struct compose {
	struct arena *mem;
	uint8_t *line;		/* the item at hand begins here */
	uint8_t *at, *end;	/* of what is left of the region */
	struct value *stack;
	size_t cap, n;
	size_t depth;		/* frames in use, less one */
	/* The item's own map, 32 levels below it, and a set. */
	struct frame frames[ITEM_MAX_DEPTH + 2];
	uint16_t seen[SEEN_SLOTS];	/* filter for names met twice */
	uint16_t epoch;
};

struct compose *
compose_new(struct err *err)
{
	struct compose *const c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->stack = calloc(STACK_CAP, sizeof(*c->stack));
	if (c == NULL || c->stack == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		free(c);
		return NULL;
	}
	c->cap = STACK_CAP;
	return c;
}

void
compose_free(struct compose *c)
{
	if (c == NULL)
		return;
	free(c->stack);
	free(c);
}

/* ---- room ---------------------------------------------------------------- */

/* The region that begins at c->line, of `n` bytes.  Returns 1 or -1. */
static int
take_region(struct compose *c, size_t n, struct err *err)
{
	/* Whoever copies a line reads a little further. */
	uint8_t *const p = arena_take(c->mem, n + DDBJSON_SLACK, err);

	if (p == NULL)
		return -1;
	memset(p + n, 0, DDBJSON_SLACK);
	c->line = c->at = p;
	c->end = p + n;
	return 1;
}

int
compose_batch(struct compose *c, struct arena *mem, size_t hint,
	      struct err *err)
{
	c->mem = mem;
	c->n = 0;
	return take_region(c, hint > LEAST_ROOM ? hint : LEAST_ROOM, err);
}

/* The same place in the line where that is now. */
static const uint8_t *
moved(const uint8_t *p, const uint8_t *from, const uint8_t *to)
{
	return to + (p - from);
}

/* The line moved: so does what points into it. */
static void
follow(struct value *v, size_t n, const uint8_t *from, const uint8_t *to)
{
	for (size_t i = 0; i < n; i++) {
		if (value_is_container(&v[i])) {
			v[i].kids[-1].text = moved(v[i].kids[-1].text, from,
						   to);
			follow(v[i].kids, v[i].len, from, to);
		} else if (v[i].type == VALUE_NAME &&
			   (v[i].flags & VALUE_ESC) != 0) {
			uint8_t *const note = (uint8_t *)(uintptr_t)v[i].text -
				sizeof(struct span);
			struct span raw;

			memcpy(&raw, note, sizeof(raw));
			raw.ptr = moved(raw.ptr, from, to);
			memcpy(note, &raw, sizeof(raw));
		} else {
			v[i].text = moved(v[i].text, from, to);
		}
	}
}

static int
more_room(struct compose *c, size_t n, struct err *err)
{
	uint8_t *const from = c->line;
	const size_t len = (size_t)(c->at - from);

	if (take_region(c, 2 * (len + n) + LEAST_ROOM, err) != 1)
		return -1;
	memcpy(c->line, from, len);
	c->at += len;
	follow(c->stack, c->n, from, c->line);
	return 1;
}

/* Room for a text of `n` bytes, its tags, and its slots.  Returns 1 or -1. */
static inline int
make_room(struct compose *c, size_t n, struct err *err)
{
	if (n > MOST_LEN || (size_t)(c->at - c->line) > MOST_LEN)
		return err_set(err, ERR_LIMIT, "an item of over 512 MiB");
	if ((size_t)(c->end - c->at) < n + TAGS_LEN &&
	    more_room(c, n + TAGS_LEN, err) != 1)
		return -1;
	if (c->n + 2 > c->cap) {
		struct value *const p = realloc(c->stack,
						2 * c->cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		c->stack = p;
		c->cap *= 2;
	}
	return 1;
}

/* Some bytes that are known here, for which there is room. */
#define PUT(c, text) \
	(memcpy((c)->at, text, sizeof(text) - 1), (c)->at += sizeof(text) - 1)

static inline void
put(struct compose *c, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(c->at, bytes, n);
	c->at += n;
}

/* ---- texts --------------------------------------------------------------- */

/* What JSON writes for a byte that cannot stand in a string as it is. */
static size_t
escape(uint8_t b, uint8_t to[6])
{
	static const char HEX[] = "0123456789abcdef";
	static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	to[0] = '\\';
	for (size_t i = 0; i < sizeof(SHORT) - 1; i += 2)
		if ((uint8_t)SHORT[i] == b) {
			to[1] = (uint8_t)SHORT[i + 1];
			return 2;
		}
	memcpy(to + 1, "u00", 3);
	to[4] = (uint8_t)HEX[b >> 4];
	to[5] = (uint8_t)HEX[b & 15];
	return 6;
}

/* Text of any kind, with what must be escaped.  Returns 1 or -1. */
static int
put_escaped(struct compose *c, struct span text, struct err *err)
{
	while (text.len > 0) {
		const size_t n = scan_plain(text);

		if (make_room(c, n + 6, err) != 1)
			return -1;
		put(c, text.ptr, n);
		if (n == text.len)
			break;
		c->at += escape(text.ptr[n], c->at);
		text = (struct span){ text.ptr + n + 1, text.len - n - 1 };
	}
	return 1;
}

/*
 * The text between quotes, of which the first is written.  *at says how far
 * from the line's start it begins, *how becomes what it is.
 */
static int
put_text(struct compose *c, struct span text, enum compose_text *how,
	 size_t *at, struct err *err)
{
	*at = (size_t)(c->at - c->line);
	if (*how == COMPOSE_PLAIN) {
		*how = scan_plain(text) == text.len ? COMPOSE_CLEAN
						    : COMPOSE_ESCAPED;
		if (*how == COMPOSE_ESCAPED)
			return put_escaped(c, text, err) == 1
				? make_room(c, 0, err) : -1;
	}
	put(c, text.ptr, text.len);
	return 1;
}

/* ---- items --------------------------------------------------------------- */

int
compose_item(struct compose *c, struct err *err)
{
	c->at = c->line;
	c->n = 0;
	c->depth = 0;
	c->frames[0] = (struct frame){ .first = 0, .type = VALUE_M };
	if (make_room(c, 0, err) != 1)
		return -1;
	PUT(c, "{\"Item\":{");
	return 1;
}

static inline struct frame *
innermost(struct compose *c)
{
	return &c->frames[c->depth];
}

int
compose_name(struct compose *c, struct span text, enum compose_text how,
	     struct err *err)
{
	struct value *v;
	size_t at;

	if (make_room(c, text.len, err) != 1)
		return -1;
	if (c->n > innermost(c)->first)
		PUT(c, ",");
	PUT(c, "\"");
	if (put_text(c, text, &how, &at, err) != 1)
		return -1;
	v = &c->stack[c->n];
	*v = (struct value){
		.text = c->line + at, .type = VALUE_NAME, .flags = VALUE_RAW,
		.len = (uint32_t)((size_t)(c->at - c->line) - at),
	};
	PUT(c, "\":");
	if (how == COMPOSE_ESCAPED && value_name_unescape(v, (struct span){
				v->text, v->len }, c->mem, err) != 0)
		return -1;
	if (v->len - 1 >= NAME_MAX_LEN) {
		err_set(err, ERR_INPUT, v->len == 0
			? "an attribute name must not be empty"
			: "an attribute name longer than 65535 bytes");
		return 0;
	}
	if (how != COMPOSE_ESCAPED)
		v->hash = name_hash((struct span){ v->text, v->len });
	c->n++;
	return 1;
}

const struct value *
compose_name_of(const struct compose *c)
{
	assert(c->n > 0 && c->stack[c->n - 1].type == VALUE_NAME);
	return &c->stack[c->n - 1];
}

/* What comes before a value that has no name. */
static inline void
put_comma(struct compose *c)
{
	const struct frame *const f = innermost(c);

	if (f->type != VALUE_M && c->n > f->first)
		PUT(c, ",");
}

static int
check_text(const struct compose *c, const struct value *v, struct err *err)
{
	struct span text = { v->text, v->len };

	if (v->type == VALUE_S)
		return 1;
	if ((v->flags & VALUE_ESC) != 0 &&
	    value_text(v, c->mem, &text, err) != 0)
		return -1;
	if (v->type == VALUE_N)
		return decimal_check(text, err) == 0;
	if (base64_check(text))
		return 1;
	err_set(err, ERR_INPUT, "invalid base64");
	return 0;
}

int
compose_text(struct compose *c, enum value_type type, struct span text,
	     enum compose_text how, struct err *err)
{
	const bool member = innermost(c)->type >= VALUE_SS;
	struct value *v;
	size_t at;

	if (make_room(c, text.len, err) != 1)
		return -1;
	put_comma(c);
	if (!member) {
		PUT(c, "{\"S\":");
		c->at[-3] = type == VALUE_S ? 'S' : type == VALUE_N ? 'N' : 'B';
	}
	PUT(c, "\"");
	if (put_text(c, text, &how, &at, err) != 1)
		return -1;
	v = &c->stack[c->n++];
	*v = (struct value){
		.text = c->line + at, .type = (uint8_t)type,
		.len = (uint32_t)((size_t)(c->at - c->line) - at),
		.flags = (uint8_t)(VALUE_RAW | (how == COMPOSE_ESCAPED
						? VALUE_ESC : 0)),
	};
	PUT(c, "\"}");
	c->at -= member;	/* which has no brace */
	return check_text(c, v, err);
}

int
compose_bool(struct compose *c, bool b, struct err *err)
{
	struct value *v;

	if (make_room(c, 0, err) != 1)
		return -1;
	put_comma(c);
	PUT(c, "{\"BOOL\":");
	v = &c->stack[c->n++];
	*v = (struct value){
		.text = c->at, .len = b ? 4 : 5, .type = VALUE_BOOL,
		.flags = (uint8_t)(VALUE_RAW | (b ? VALUE_TRUE : 0)),
	};
	if (b)
		PUT(c, "true}");
	else
		PUT(c, "false}");
	return 1;
}

int
compose_null(struct compose *c, struct err *err)
{
	if (make_room(c, 0, err) != 1)
		return -1;
	put_comma(c);
	PUT(c, "{\"NULL\":");
	c->stack[c->n++] = (struct value){
		.text = c->at, .len = 4, .type = VALUE_NULL,
		.flags = VALUE_RAW,
	};
	PUT(c, "true}");
	return 1;
}

/* ---- containers ---------------------------------------------------------- */

int
compose_open(struct compose *c, enum value_type type, struct err *err)
{
	const bool set = type >= VALUE_SS;
	const char *const name = value_type_name(type);

	if (innermost(c)->type >= VALUE_SS) {
		err_set(err, ERR_INPUT, "a set cannot hold a container");
		return 0;
	}
	if (!set && c->depth == ITEM_MAX_DEPTH) {
		err_set(err, ERR_INPUT, "nested deeper than 32 levels");
		return 0;
	}
	if (make_room(c, 0, err) != 1)
		return -1;
	put_comma(c);
	/* No container yet, for as long as it has no children of its own. */
	c->stack[c->n++] = (struct value){
		.text = c->at, .type = VALUE_PLACE, .flags = VALUE_RAW,
	};
	c->frames[++c->depth] = (struct frame){ .first = c->n, .type = type };
	PUT(c, "{\"");
	put(c, name, set ? 2 : 1);
	PUT(c, "\":");
	*c->at++ = type == VALUE_M ? '{' : '[';
	return 1;
}

/* Are two of these names equal?  Returns 1 if not, 0 or -1. */
static int
check_names(struct compose *c, const struct value *kids, uint32_t n,
	    struct err *err)
{
	bool met = false;
	uint32_t twice;

	if (++c->epoch == 0) {
		memset(c->seen, 0, sizeof(c->seen));
		c->epoch = 1;
	}
	for (uint32_t i = 0; i < n; i += 2) {
		uint16_t *const slot = &c->seen[kids[i].hash % SEEN_SLOTS];

		met |= *slot == c->epoch;
		*slot = c->epoch;
	}
	return met ? distinct_names(kids, n, c->mem, &twice, err) : 1;
}

/* Make what the frame at hand holds the children of *v, and check them. */
static int
gather(struct compose *c, struct value *v, const uint8_t *start,
       struct err *err)
{
	const struct frame f = *innermost(c);
	const size_t n = c->n - f.first;
	struct value *const kids = arena_take(c->mem, (n + 1) * sizeof(*kids),
					      err);
	uint32_t twice;

	if (kids == NULL)
		return -1;
	kids[0] = (struct value){
		.text = start, .len = (uint32_t)(c->at - start),
		.type = VALUE_PLACE,
	};
	if (n > 0)
		memcpy(kids + 1, c->stack + f.first, n * sizeof(*kids));
	c->n = f.first;
	*v = (struct value){
		.kids = kids + 1, .len = (uint32_t)n, .type = (uint8_t)f.type,
		.flags = VALUE_RAW,
	};
	if (f.type == VALUE_M)
		return check_names(c, v->kids, v->len, err);
	if (f.type == VALUE_L)
		return 1;
	if (n == 0) {
		err_set(err, ERR_INPUT, "a set must not be empty");
		return 0;
	}
	return distinct_members(v, c->mem, &twice, err);
}

int
compose_close(struct compose *c, struct err *err)
{
	const struct frame *const f = innermost(c);
	const size_t slot = f->first - 1;

	assert(c->depth > 0);
	if (make_room(c, 0, err) != 1)
		return -1;
	*c->at++ = f->type == VALUE_M ? '}' : ']';
	*c->at++ = '}';
	const int rc = gather(c, &c->stack[slot], c->stack[slot].text, err);
	c->depth--;
	return rc;
}

int
compose_end(struct compose *c, struct item *item, struct err *err)
{
	enum { HEAD_LEN = 8 };	/* {"Item": */

	assert(c->depth == 0);
	if (make_room(c, 0, err) != 1)
		return -1;
	PUT(c, "}}");
	const int rc = gather(c, &item->map, c->line + HEAD_LEN, err);
	if (rc != 1)
		return rc;
	item->line = (struct span){ c->line, (size_t)(c->at - c->line) };
	item->edits = NULL;
	item->nedits = item->edited_len = 0;
	c->line = c->at;
	return 1;
}
