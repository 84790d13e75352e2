/*
 * keylogs.h - key logs as a run writes them: ids that are UUIDs in 16 units,
 * of one part of a job among several, and perhaps references between them.
 */
#ifndef BENCH_KEYLOGS_H
#define BENCH_KEYLOGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/dice.h"
#include "base/err.h"
#include "bench/bench.h"
#include "engine/keyfile.h"
#include "formats/keyuuid.h"
#include "io/file.h"

enum {
	NUNITS = 16,
	LINE_LEN = 660,
	DANGLING = 1000,	/* of so many references one */
};

/* Keys are hashes: these are as good. */
static inline struct keyhash
key_of(uint64_t i)
{
	return (struct keyhash){ .lo = dice_mix(~i), .hi = dice_mix(i + 1) };
}

/* The unit `u` of a part lies between those of the others. */
static inline uint32_t
unit_of(uint32_t u, uint32_t part, uint32_t parts)
{
	return u * parts + part;
}

/*
 * The logs of `n` items of `part`, one of `parts`, into the folder `dir`.  With
 * `refs` each refers to another, and one in DANGLING to none.
 */
static inline void
make_logs(const char *dir, uint64_t n, uint32_t part, uint32_t parts,
	  bool refs)
{
	const struct keyfile_sizes sizes = { 1, 1, 1 };
	struct keyfile_info info;
	struct err err = { ERR_NONE, "" };
	struct keyfile *const k = keyfile_new(&sizes, &err);
	char path[600];

	snprintf(path, sizeof(path), "%s/index/tmp", dir);
	if (k == NULL || file_make_folder(path, &err) != 0)
		die(&err);
	snprintf(path, sizeof(path), "%s/index/units", dir);
	if (file_make_folder(path, &err) != 0)
		die(&err);
	for (uint32_t u = 0; u < NUNITS; u++) {
		const uint64_t from = n * u / NUNITS;
		const uint64_t to = n * (u + 1) / NUNITS;

		if (keyfile_start(k, dir, unit_of(u, part, parts), &err) != 0)
			die(&err);
		for (uint64_t i = from; i < to; i++) {
			const uint64_t id = i * parts + part;
			char text[KEYUUID_TEXT_LEN];
			uint8_t raw[KEYUUID_LEN];

			store_le64(raw, dice_mix(id * 3));
			store_le64(raw + 8, id);
			keyuuid_text(raw, text);
			keyfile_id(k, 0, key_of(id), (i - from) * LINE_LEN, 'S',
				   (struct span){ (const uint8_t *)text,
						  sizeof(text) });
			if (refs)
				keyfile_ref(k, 0, key_of(i % DANGLING == 0
					? n + i : dice_mix(i) % n),
					(i - from) * LINE_LEN);
		}
		if (keyfile_commit(k, &info, &err) != 0)
			die(&err);
	}
	keyfile_free(k);
}

#endif
