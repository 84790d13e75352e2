/*
 * item.h - an item as flat runs of 16-byte values; text stays in the input.
 *
 * Decoding one line leaves, in the batch's arena, one array of values per
 * container, its children side by side.  Nothing else is allocated, and nothing
 * is copied: `text` points into the line, which is compact JSON (a decoder
 * drops white space between tokens before it gets here).
 *
 *	M	kids: name, value, name, value ...  (len = 2 x attributes)
 *	L	kids: value, value ...              (len = elements)
 *	SS NS BS kids: members, of type S, N or B   (len = members)
 *	S N B	text; a B's text is always its base64 form
 *	BOOL	VALUE_TRUE in flags; text is `true` or `false` while VALUE_RAW
 *	NULL	text is `true` while VALUE_RAW
 *	NAME	the name of the attribute whose value is the next slot
 *
 * A step changes values in place: replacing one is overwriting 16 bytes, and a
 * container that gains or loses children gets a new array from the arena.
 *
 * Invariants
 *  1. VALUE_RAW says that the value stands in the input as it is described, so
 *     that value_raw() can say where; an encoder copies it from there.  A
 *     container that has VALUE_RAW has it in everything below it.  Whoever
 *     changes a value clears VALUE_RAW in every container around it, the item's
 *     own map included.
 *  2. A container with VALUE_RAW has its raw bytes, just what value_raw()
 *     returns, noted in kids[-1] (VALUE_PLACE: text and len), where decoders
 *     put them.
 *  3. VALUE_ESC says that text is as JSON escapes it and does hold an escape.
 *     Without it text is plain UTF-8.  On a NAME with VALUE_ESC text is plain
 *     all the same (names are compared often), and value_name_raw() finds the
 *     bytes in the input; value_name_unescape() makes such a name.
 *  4. Text with VALUE_RAW needs no further escaping in JSON.  Text without it
 *     may hold anything, and lives in the arena, the plan or the input.
 *     VALUE_CLEAN on a text without VALUE_RAW says that whoever made it knows
 *     that nothing in it needs escaping.
 *  5. `hash` of a NAME is name_hash() of its text.
 *     The upper four bits of its flags may say its number on a list that the
 *     decoder was given (ddbjson_watch()): 0, nobody looked; VALUE_UNWATCHED,
 *     it is not there.  A copy to another item means nothing.
 *  6. A value may be copied to another place as a struct; the copy keeps its
 *     flags and still points to the same children.  A container's children may
 *     so be shared: copy the array before changing a shared one (value_own()).
 */
#ifndef MODEL_ITEM_H
#define MODEL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct arena;
struct err;

enum value_type {
	VALUE_NAME = 1,
	VALUE_S, VALUE_N, VALUE_B, VALUE_BOOL, VALUE_NULL,
	VALUE_M, VALUE_L, VALUE_SS, VALUE_NS, VALUE_BS,
	VALUE_PLACE,		/* not a value: see invariant 2 */
};

enum {
	VALUE_RAW = 1,
	VALUE_ESC = 2,
	VALUE_TRUE = 4,
	VALUE_CLEAN = 8,
	VALUE_WATCH_SHIFT = 4,		/* of a NAME; see invariant 5 */
	VALUE_UNWATCHED = 15,
};

struct value {
	union {
		const uint8_t *text;
		struct value *kids;
	};
	uint32_t len;		/* bytes of text, or slots of kids */
	uint8_t type;		/* enum value_type */
	uint8_t flags;
	uint16_t hash;
};

struct item {
	struct value map;	/* always an M */
	struct span line;	/* as read, compact, without its line end */
	uint64_t offset;	/* of the line in its uncompressed data file */
	uint64_t number;	/* of the line in that file, from 1 */
	/*
	 * Not NULL: the item is its line with these edits, in order, which
	 * then has `edited_len` bytes; the map lags behind.
	 */
	const struct edit *edits;
	uint32_t nedits, edited_len;
};

/* `cut` bytes of a line, from `at` on, and what stands in their place. */
struct edit {
	const uint8_t *at;
	const uint8_t *text;	/* EDIT_SLACK bytes behind it can be read */
	uint32_t cut, len;
};

enum { EDIT_SLACK = 64 };

/* DynamoDB's limits (Developer Guide, ServiceQuotas). */
enum {
	ITEM_MAX_LEN = 400 * 1024,
	ITEM_MAX_DEPTH = 32,
	NAME_MAX_LEN = 65535,
	PARTITION_KEY_MAX_LEN = 2048,
	SORT_KEY_MAX_LEN = 1024,
};

/* Is it M, L, SS, NS or BS?  Is it a set? */
static inline bool
value_is_container(const struct value *v)
{
	return v->type >= VALUE_M && v->type <= VALUE_BS;
}

static inline bool
value_is_set(const struct value *v)
{
	return v->type >= VALUE_SS && v->type <= VALUE_BS;
}

/* The type of a set's members. */
static inline enum value_type
value_member_type(const struct value *set)
{
	return (enum value_type)(set->type - VALUE_SS + VALUE_S);
}

/* DynamoDB's word for a type: "S", "BOOL" ...; and back, 0 if it is none. */
const char *value_type_name(enum value_type type);
enum value_type value_type_named(struct span name);

/*
 * A hash of a name: mixes its length, first and last eight bytes.  Not secret
 * and not strong: equal names have equal hashes, that is all.
 */
uint16_t name_hash(struct span name);

/* The last step of it, over the name's first and last (up to) eight bytes. */
static inline uint16_t
name_mix(uint64_t first, uint64_t last, size_t len)
{
	const uint64_t h = (first ^ (last << 29 | last >> 35) ^ len << 56) *
			   0x9E3779B97F4A7C15u;

	return (uint16_t)(h >> 48);
}

/* name_hash() where eight bytes from the start of the name can be read. */
static inline uint16_t
name_hash_slack(const uint8_t *name, size_t len)
{
	uint64_t first, last = 0;

	memcpy(&first, name, 8);
	if (len < 8)
		first &= ((uint64_t)1 << 8 * len) - 1;
	else
		memcpy(&last, name + len - 8, 8);
	return name_mix(first, last, len);
}

/* A NAME or a text value (S, N, B) that stands for `text`, not from input. */
struct value value_of_name(struct span text);
struct value value_of_text(enum value_type type, struct span text);
struct value value_of_bool(bool b);
struct value value_of_null(void);
/* A container over `n` slots that the caller filled and keeps. */
struct value value_of_kids(enum value_type type, struct value *kids,
			   uint32_t n);

/*
 * The plain text of a NAME, S, N or B: where it stands if it holds no escape,
 * else unescaped into the arena.  Returns 0, or -1 if memory is refused.
 */
int value_text(const struct value *v, struct arena *a, struct span *out,
	       struct err *err);

/*
 * The bytes of the input that a VALUE_RAW value takes, with its type tag; of a
 * member of a set, which has none, with its quotes.
 */
struct span value_raw(const struct value *v);

/* The bytes of the input that a VALUE_RAW name takes, without its quotes. */
struct span value_name_raw(const struct value *name);

/*
 * Make `out` the NAME that stands in the input as `raw`, which holds an escape
 * and is well-formed.  Returns 0 or -1.
 */
int value_name_unescape(struct value *out, struct span raw, struct arena *a,
			struct err *err);

/*
 * Where in the map `m` the attribute `name` (hash already taken) is: its value,
 * whose name is the slot before.  NULL if there is none.
 */
struct value *value_attr(const struct value *m, struct span name,
			 uint16_t hash);

/*
 * Give container `v` an array of its own with room for `more` extra slots after
 * those it has, and clear its VALUE_RAW.  Returns 0 or -1.
 */
int value_own(struct value *v, uint32_t more, struct arena *a,
	      struct err *err);
/* Likewise all containers in it, at any depth. */
int value_own_all(struct value *v, struct arena *a, struct err *err);

/*
 * Append an attribute to a map, or replace its value; the map's array must not
 * be shared.  Returns 0 or -1.
 */
int value_set_attr(struct value *m, struct span name, const struct value *v,
		   struct arena *a, struct err *err);

/* Remove the attribute whose value is `attr` (from value_attr) from `m`. */
void value_remove_attr(struct value *m, struct value *attr);

/*
 * Size as DynamoDB counts it (Developer Guide, CapacityUnitCalculations): of a
 * value without its name, and of an item as ITEM_MAX_LEN limits it.
 */
uint64_t value_size(const struct value *v);
uint64_t item_size(const struct item *item);

#endif
