/*
 * keyfile.h - write the key log of a unit, a few nanoseconds a record.
 *
 * A worker has one and uses it for all its units.  A record goes into the
 * buffer of its section; a full buffer goes to the file, which appears under
 * its name at keyfile_commit().  Errors stick: the log functions return
 * nothing, and keyfile_commit() tells what went wrong.  Belongs to one thread.
 *
 * What to log (the end checks in join.h go by it), with `offset` being where
 * the item's line starts in its unit, uncompressed, or any number that finds
 * the item again and does not pass the number of the item after it:
 *
 *   keyfile_id		each item that passes `where` and has an id, once
 *   keyfile_ref	each reference that counts (checked or not), as rewritten
 *   keyfile_pk		each item that is written: its target's primary key
 *   keyfile_unwritten	an item that had keyfile_id and was not written after
 *			all: skipped, dropped or duplicate; keyfile_rejected if
 *			it was rejected
 *
 * If an item is rejected its references need not be logged.
 */
#ifndef ENGINE_KEYFILE_H
#define ENGINE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/keyhash.h"
#include "base/span.h"
#include "formats/keylog.h"

struct err;

/* How many sections of each kind there are in the whole job. */
struct keyfile_sizes {
	uint32_t ntables;	/* plan tables */
	uint32_t nrelations;	/* as the caller numbers them; see join.h */
	uint32_t ntargets;	/* target tables */
};

struct keyfile_section {
	uint8_t *at, *stop;	/* stop: no room for a record without source */
	uint8_t *start;		/* the buffer, or NULL: none yet */
	uint64_t offset;	/* of the record before */
	uint64_t end;		/* above all offsets of this chunk */
	uint32_t count;
	enum keylog_kind kind;
	uint32_t number;
};

struct keyfile {
	struct keyfile_section *by_kind[KEYLOG_NKINDS + 1];
	struct keyfile_inner *inner;
};

/* What goes into the journal. */
struct keyfile_info {
	uint64_t size;		/* of the file */
	uint64_t xxh3;		/* of its directory, which has all others */
	uint64_t records;
};

struct keyfile *keyfile_new(const struct keyfile_sizes *sizes,
			    struct err *err);

/* Begin the log of `unit`, to be JOB/index/units/<8 digits>.keys. */
int keyfile_start(struct keyfile *k, const char *job_dir, uint32_t unit,
		  struct err *err);

/* Finish it: written and under its name.  -1 also for all errors before. */
int keyfile_commit(struct keyfile *k, struct keyfile_info *out,
		   struct err *err);

/*
 * A part of a unit's log, which has no file: what is ready of it is kept until
 * it is added to that of the unit, where the parts before are; all of it, if it
 * is `over`.  Returns 0 or -1.
 */
void keyfile_start_part(struct keyfile *k);
int keyfile_add_part(struct keyfile *k, struct keyfile *part, bool over,
		     struct err *err);

/* Here a part would end: what is written does not depend on who took it. */
void keyfile_end_part(struct keyfile *k);

void keyfile_abandon(struct keyfile *k);	/* leave nothing of it behind */
void keyfile_free(struct keyfile *k);		/* NULL is fine */

/* "index/units/00000012.keys", as the journal names it; `size` >= 40. */
void keyfile_path(uint32_t unit, char *out, size_t size);

/* Check a whole file against what the journal has.  1, 0 (*why) or -1. */
int keyfile_check(const char *path, uint64_t xxh3, struct err *why);

/* ---- logging ------------------------------------------------------------ */

/* Send the buffer away, or get the first; for the functions below. */
void keyfile_turn(struct keyfile *k, struct keyfile_section *s);

static inline uint8_t *
keyfile_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

/* Key and offset, as keylog.c has them; there is room for them. */
static inline uint8_t *
keyfile_put(struct keyfile_section *s, struct keyhash key, uint64_t offset)
{
	const int64_t step = (int64_t)(offset - s->offset);
	uint8_t *const p = s->at;

	store_le64(p, key.hi);
	store_le64(p + 8, key.lo);
	s->offset = offset;
	s->end = offset >= s->end ? offset + 1 : s->end;
	s->count++;
	/* Zigzag: a step back costs no ten bytes. */
	return keyfile_put_varint(p + 16, (uint64_t)step << 1 ^
				  (uint64_t)(step >> 63));
}

static inline void
keyfile_log(struct keyfile *k, enum keylog_kind kind, uint32_t number,
	    struct keyhash key, uint64_t offset)
{
	struct keyfile_section *const s = &k->by_kind[kind][number];

	if (s->at >= s->stop)
		keyfile_turn(k, s);
	s->at = keyfile_put(s, key, offset);
}

static inline void
keyfile_ref(struct keyfile *k, uint32_t relation, struct keyhash key,
	    uint64_t offset)
{
	keyfile_log(k, KEYLOG_REF, relation, key, offset);
}

static inline void
keyfile_pk(struct keyfile *k, uint32_t target, struct keyhash key,
	   uint64_t offset)
{
	keyfile_log(k, KEYLOG_PK, target, key, offset);
}

static inline void
keyfile_unwritten(struct keyfile *k, uint32_t table, struct keyhash key,
		  uint64_t offset)
{
	keyfile_log(k, KEYLOG_UNWRITTEN, table, key, offset);
}

static inline void
keyfile_rejected(struct keyfile *k, uint32_t table, struct keyhash key,
		 uint64_t offset)
{
	keyfile_log(k, KEYLOG_REJECTED, table, key, offset);
}

/*
 * `key` is of the NEW id (keyhash_of_id); `type` and `source` are the id in the
 * source: S its text, N its canonical text, B its bytes.  Two source ids are
 * the same if both are equal: where a table says `type:`, give that type.  At
 * most KEYLOG_MAX_ID bytes are kept of it.
 */
void keyfile_id(struct keyfile *k, uint32_t table, struct keyhash key,
		uint64_t offset, char type, struct span source);

#endif
