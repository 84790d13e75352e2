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

/* Is the attribute at `at`, from 1, the one that has this number? */
static inline bool
is_it(const struct names *names, uint32_t number, const struct value *map,
      uint32_t at)
{
	const struct value *const name = &map->kids[2 * (at - 1)];
	const struct span text = names->of[number].text;

	return name->len == text.len &&
	       names_same(name->text, text.ptr, text.len);
}

/*
 * The pass has no branches but its loop's: it looks at hashes only, so what it
 * finds is a guess.  What it does not find is not there.
 */
static void
guess(const struct names *names, const struct value *map,
      struct names_found *out)
{
	const struct value *const kids = map->kids;
	const uint32_t mask = names->mask;
	const unsigned shift = names->shift;
	const uint32_t n = map->len / 2;

	memset(out->at, 0, sizeof(out->at));
	for (uint32_t i = 0; i < n; i++) {
		const uint16_t hash = kids[2 * i].hash;
		const size_t s = hash >> shift & mask;
		const unsigned number = names->slots[s].number;

		out->at[names->slots[s].hash == hash ? number : 0] =
			(uint16_t)(i + 1);
	}
}

void
names_watch(struct names *names, const struct span *list, size_t n)
{
	names->watched = true;
	for (uint8_t i = 1; i <= names->n; i++)
		for (size_t k = 0; k < n; k++)
			if (span_equal(names->of[i].text, list[k]))
				names->watch[k + 1] = i;
}

/* By what the decoder has found.  False if it did not look at all of them. */
static bool
find_watched(const struct names *names, const struct value *map,
	     struct names_found *out)
{
	const struct value *const kids = map->kids;
	const uint32_t n = map->len / 2;
	uint32_t mask = 0;
	bool all = true;

	memset(out->at, 0, sizeof(out->at));
	for (uint32_t i = 0; i < n; i++) {
		const unsigned w = kids[2 * i].flags >> VALUE_WATCH_SHIFT;
		const unsigned number = names->watch[w];

		all &= w != 0;
		out->at[number] = (uint16_t)(i + 1);
		mask |= (uint32_t)1 << number;
	}
	out->mask = mask & ~(uint32_t)1;
	return all;
}

bool
names_find(const struct names *names, const struct value *map,
	   struct names_found *out)
{
	if (map->len / 2 > NAMES_MAX_ATTRS)
		return false;
	if (names->watched && find_watched(names, map, out))
		return true;
	guess(names, map, out);
	out->mask = 0;
	for (uint32_t i = 1; i <= names->n; i++) {
		const uint32_t at = out->at[i];

		if (at == 0)
			continue;
		if (!is_it(names, i, map, at)) {
			const struct value *const v = value_attr(map,
				names->of[i].text, names->of[i].hash);

			out->at[i] = v == NULL ? 0 :
				(uint16_t)((v - map->kids + 1) / 2);
			if (v == NULL)
				continue;
		}
		out->mask |= (uint32_t)1 << i;
	}
	return true;
}
