#include "model/names.h"

uint32_t
names_add(struct names *names, struct span name)
{
	for (uint32_t i = 1; i <= names->n; i++)
		if (span_equal(names->of[i].text, name))
			return i;
	if (names->n == NAMES_MAX)
		return 0;
	names->n++;
	names->of[names->n].text = name;
	names->of[names->n].hash = name_hash(name);
	return names->n;
}

/* Give every name a slot of its own. */
static bool
place(struct names *names)
{
	memset(names->slots, 0, sizeof(names->slots));
	for (uint32_t i = 1; i <= names->n; i++) {
		const uint16_t hash = names->of[i].hash;
		const size_t s = hash >> names->shift & names->mask;

		if (names->slots[s].number != 0)
			return false;
		names->slots[s].hash = hash;
		names->slots[s].number = (uint16_t)i;
	}
	return true;
}

bool
names_build(struct names *names)
{
	for (uint32_t n = 64; n <= NAMES_SLOTS; n *= 2)
		for (names->shift = 0; 0xffffu >> names->shift >= n - 1;
		     names->shift++) {
			names->mask = n - 1;
			if (place(names))
				return true;
		}
	return false;
}

bool
names_find(const struct names *names, const struct value *map,
	   struct names_found *out)
{
	const struct value *const kids = map->kids;
	const uint32_t mask = names->mask;
	const unsigned shift = names->shift;
	const uint32_t n = map->len / 2;

	*out = (struct names_found){ { 0 } };
	if (n > NAMES_MAX_ATTRS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const uint16_t hash = kids[2 * i].hash;
		const size_t s = hash >> shift & mask;
		const unsigned number = names->slots[s].number;

		out->at[names->slots[s].hash == hash ? number : 0] =
			(uint16_t)(i + 1);
	}
	return true;
}
