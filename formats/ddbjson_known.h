/*
 * ddbjson_known.h - the attribute names that come again and again.
 *
 * Nearly every name of a table's items was met in the items before.  Such a
 * name is found by a few of its bytes and then compared whole, in one go with
 * what follows every name; all that is to be known of it stands beside it.  A
 * name that is not found where it should be, for whatever reason, is merely not
 * known, so all this makes decoding faster and changes nothing.
 *
 * No two of the names are equal.  So a bit for each that a map has shows
 * whether one comes twice.
 */
#ifndef FORMATS_DDBJSON_KNOWN_H
#define FORMATS_DDBJSON_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/item.h"

enum {
	KNOWN_MAX = 64,		/* names */
	KNOWN_LEN = 28,		/* of a name, with its end 32 */
	KNOWN_SHIFT = 64 - 11,
	KNOWN_SLOTS = 1 << 11,
};

struct known {
	uint8_t form[KNOWN_LEN + 4];	/* the name, `":{"` */
	struct value name;
	uint64_t bit;
	uint32_t need;		/* a bit for each byte of the form */
};

struct known_names {
	struct known of[1 + KNOWN_MAX];	/* the first is what never comes */
	uint16_t slots[KNOWN_SLOTS];	/* offsets into `of` */
	uint16_t hashes[1 + KNOWN_MAX];	/* of the names, close together */
	uint64_t factor;
	uint32_t n, misses, deals;
	const struct span *watched;	/* numbered from 1 */
	uint32_t nwatched;
	uint32_t rest, pause;	/* blocks to go without, now and next time */
};

/*
 * Where a name is found: a few bytes of it, which tell most apart, mixed.  Of
 * a short name what follows is among them, and so its type; it is then found
 * in several places.
 */
static inline size_t
known_slot(const struct known_names *names, const uint8_t *name,
	   const uint8_t *end)
{
	const uint64_t some = load_le64(name) + load_le32(end - 3);

	return (size_t)(some * names->factor >> KNOWN_SHIFT);
}

static inline const struct known *
known_at(const struct known_names *names, size_t slot)
{
	const uint8_t *const first = (const uint8_t *)names->of;

	return (const struct known *)(const void *)(first +
						     names->slots[slot]);
}

/* Begin with none, and those to watch.  Not while an item is under way. */
void known_reset(struct known_names *names);

/*
 * A block begins: is it worth while to look for names?  Not where they differ
 * from item to item, as the last blocks have shown; now and then it is tried.
 */
bool known_begin(struct known_names *names);

/* It ends, and had so many quotes. */
void known_end(struct known_names *names, size_t nquotes);

/* This name was not found in its slot: it will be, if there is room. */
void known_learn(struct known_names *names, const struct value *name,
		 size_t slot);

#endif
