/*
 * fuzz_index.c - an index of any bytes: four with the length of .idx, then
 * .idx, then .ids.  Whatever they say, looking reads nothing else and comes to
 * an end; and if all checksums are right, what is found is what is there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "formats/keyindex.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_ASKED = 2000 };

const int fuzz_packed = 1;

/* A copy of just that length, for the sanitizer to watch its ends. */
static struct span
copy(const uint8_t *bytes, size_t len)
{
	uint8_t *const p = malloc(len + (len == 0));

	if (p == NULL)
		abort();
	if (len > 0)
		memcpy(p, bytes, len);
	return (struct span){ p, len };
}

/* Ask for the keys that are there, and some beside them. */
static void
ask(const struct keyindex *ix, struct span ids, int sound)
{
	static struct keyhash keys[MAX_ASKED];
	static uint64_t found[MAX_ASKED];
	const uint64_t n = ix->shape.n;
	struct keyids_item item;
	struct err err;
	size_t m = 0;

	for (uint64_t i = 0; i < n && m + 2 <= MAX_ASKED; i++) {
		const uint64_t at = keyindex_at(ix, i, &keys[m]);

		if (keyids_get(ids, at, &item, NULL, &err) == 0 &&
		    item.source.len > ids.len)
			abort();
		keys[m + 1] = keys[m];
		keys[m + 1].lo ^= 1;
		m += 2;
	}
	keyindex_find_all(ix, keys, m, found);
	for (size_t i = 0; i < m; i++) {
		uint64_t first = UINT64_MAX, from, to;
		const uint64_t some = keyindex_find(ix, keys[i], &first);

		if (found[i] != first || (some > 0 && first >= n) ||
		    some > n || (sound && i % 2 == 0 && some == 0))
			abort();
		if (keyindex_place(ix, keys[i], &from, &to, &err) == 0
		    ? from > to || to > n : sound)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct keyindex ix;
	struct err err;

	if (len < 4)
		return 0;

	const uint32_t says = load_le32(data);
	const size_t idx_len = says < len - 4 ? says : len - 4;
	const struct span idx = copy(data + 4, idx_len);
	const struct span ids = copy(data + 4 + idx_len, len - 4 - idx_len);

	/* Few would get by the header's checksum by chance. */
	if (idx_len >= KEYINDEX_HEADER_LEN) {
		uint8_t sum[8];

		store_le64(sum, keyhash64_of((struct span){ idx.ptr, 56 }));
		memcpy((void *)(uintptr_t)(idx.ptr + 56), sum, sizeof(sum));
	}
	if (keyindex_open(&ix, idx, &err) == 0) {
		const int belongs = keyids_open(ids, &ix, &err) == 0;
		const int sound = keyindex_verify(&ix, &err) == 0;

		ask(&ix, ids, sound);
		for (uint64_t at = KEYIDS_HEADER_LEN; belongs && at < ids.len; ) {
			struct keyids_item item;
			const uint64_t before = at;

			if (keyids_get(ids, at, &item, &at, &err) != 0)
				break;
			if (at <= before || at > ids.len)
				abort();
		}
	}
	free((void *)(uintptr_t)idx.ptr);
	free((void *)(uintptr_t)ids.ptr);
	return 0;
}
