/* ddbjson_known.c - learning the names that come again and again. */
#include "formats/ddbjson_known.h"

#include <string.h>

enum {
	DEALS = 8,		/* of slots among the same names */
	FIRST_PAUSE = 16,	/* blocks */
	LONGEST_PAUSE = 1024,
};

void
known_reset(struct known_names *names)
{
	names->n = names->misses = names->deals = 0;
	names->factor = 0x9E3779B97F4A7C15u;
	memset(names->slots, 0, sizeof(names->slots));
	/* What empty slots say: no text has these bytes. */
	memset(names->of[0].form, 0xFF, sizeof(names->of[0].form));
	names->of[0].need = UINT32_MAX;
}

bool
known_begin(struct known_names *names)
{
	names->misses = 0;
	if (names->rest == 0)
		return true;
	names->rest--;
	if (names->rest == 0)
		known_reset(names);
	return false;
}

void
known_end(struct known_names *names, size_t nquotes)
{
	/* An attribute has six, most often; a sixth of them is too many. */
	if (names->misses <= KNOWN_MAX || names->misses < nquotes / 36)
		return;
	names->rest = names->pause > 0 ? names->pause : FIRST_PAUSE;
	names->pause = 2 * names->rest < LONGEST_PAUSE ? 2 * names->rest
						       : LONGEST_PAUSE;
}

/* What the flags of a name say of the watched ones. */
static uint8_t
watch_bits(const struct known_names *names, const struct value *name)
{
	uint32_t i = 0;

	while (i < names->nwatched && !span_equal(names->watched[i],
				(struct span){ name->text, name->len }))
		i++;
	return (uint8_t)((names->nwatched == 0 ? 0 :
			  i < names->nwatched ? i + 1 : VALUE_UNWATCHED)
			 << VALUE_WATCH_SHIFT);
}

/* The number of a name, that of a new one if it is not among them. */
static uint32_t
number_of(struct known_names *names, const struct value *name)
{
	uint32_t i = 1;

	while (i <= names->n && (names->hashes[i] != name->hash ||
				 names->of[i].name.len != name->len ||
				 memcmp(names->of[i].form, name->text,
					name->len) != 0))
		i++;
	if (i <= names->n)
		return i;

	struct known *const k = &names->of[++names->n];

	memset(k->form, 0, sizeof(k->form));
	memcpy(k->form, name->text, name->len);
	memcpy(k->form + name->len, "\":{\"", 4);
	k->name = *name;
	k->name.flags |= watch_bits(names, name);
	k->need = (uint32_t)(((uint64_t)1 << (name->len + 4)) - 1);
	names->hashes[i] = name->hash;
	k->bit = (uint64_t)1 << (i - 1);
	return i;
}

void
known_learn(struct known_names *names, const struct value *name, size_t slot)
{
	names->misses++;
	if (name->len > KNOWN_LEN || names->n == KNOWN_MAX)
		return;
	if (names->slots[slot] == 0) {
		names->slots[slot] = (uint16_t)(number_of(names, name) *
						sizeof(struct known));
		return;
	}

	/* Two in one slot: deal all anew, but not for ever. */
	if (names->deals == DEALS)
		return;
	names->deals++;
	names->factor = names->factor * 0xD6E8FEB86659FD93u + 2;
	memset(names->slots, 0, sizeof(names->slots));
}
