/*
 * keylog.h - the key log of a unit: which ids its items have, what they refer
 * to, and under which primary keys they were written.
 *
 * A log is sections of records of one kind and number, each in chunks; a
 * directory at the end says where they are.  keylog.c has the bytes.  What is
 * read is hostile until it is checked: here it is, record by record.
 */
#ifndef FORMATS_KEYLOG_H
#define FORMATS_KEYLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"

struct buf;
struct err;

enum keylog_kind {
	KEYLOG_ID = 1,		/* by plan table: an item's new id, its source id */
	KEYLOG_REF,		/* by relation: an id that an item refers to */
	KEYLOG_PK,		/* by target table: an item's primary key */
	KEYLOG_UNWRITTEN,	/* by plan table: the item with that id was */
	KEYLOG_REJECTED,	/* ... not written; was rejected */
};

enum {
	KEYLOG_NKINDS = 5,
	KEYLOG_CHUNK_LEN = 32 * 1024,	/* a writer's chunks; see KEYLOG_MAX */
	KEYLOG_RECORD_LEN = 16 + 10,	/* at most, without a source id */
	KEYLOG_ID_LEN = 1 + 10,		/* more, with a source id of no bytes */
	KEYLOG_MAX_ID = 2048,		/* bytes of a source id that are kept */
	KEYLOG_MAX = 1 << 20,		/* longest chunk that is read */
	KEYLOG_HEADER_LEN = 32,
	KEYLOG_TRAILER_LEN = 32,
	KEYLOG_ENTRY_LEN = 48,		/* of the directory */
};

/* A chunk as the directory has it. */
struct keylog_chunk {
	enum keylog_kind kind;
	uint32_t number;	/* table, relation or target */
	uint32_t len, count;	/* bytes, records */
	uint64_t at;		/* in the file */
	uint64_t xxh3;		/* of its bytes */
	uint64_t end;		/* no record's offset is this or more */
};

struct keylog_record {
	struct keyhash key;
	uint64_t offset;	/* of the item's line in its unit */
	char type;		/* KEYLOG_ID: source id, as keylog.c has it */
	struct span source;
};

/* Header and trailer: `unit`, where the directory is, and how long. */
struct keylog_shape {
	uint32_t unit;
	uint64_t directory_at;
	uint64_t nchunks;
	uint64_t xxh3;		/* of header and directory: stands for all */
};

void keylog_put_header(uint8_t to[KEYLOG_HEADER_LEN], uint32_t unit);
int keylog_put_chunk(const struct keylog_chunk *c, struct buf *directory,
		     struct err *err);
/*
 * The checksum of everything that the trailer keeps; `directory` is that of the
 * directory's bytes, by keysum.
 */
uint64_t keylog_sum(struct span header, uint64_t directory, uint64_t at,
		    uint64_t nchunks);
void keylog_put_trailer(uint8_t to[KEYLOG_TRAILER_LEN],
			const struct keylog_shape *shape);

/*
 * Read header and trailer of a file of `file_len` bytes: the shape, checked to
 * fit the file.  Returns 0, or -1 with ERR_INPUT.
 */
int keylog_get_shape(struct span header, struct span trailer,
		     uint64_t file_len, struct keylog_shape *out,
		     struct err *err);

/* Check the directory, by the checksum of all its bytes, against the shape. */
int keylog_check_directory(const struct keylog_shape *shape,
			   struct span header, uint64_t directory,
			   struct err *err);

/* An entry, of a checked directory; its values are checked here. */
int keylog_get_chunk(const struct keylog_shape *shape,
		     const uint8_t entry[KEYLOG_ENTRY_LEN],
		     struct keylog_chunk *out, struct err *err);

/* Are these the bytes of that chunk? */
int keylog_check_chunk(const struct keylog_chunk *c, struct span bytes,
		       struct err *err);

/* May that be the type of a source id? */
bool keylog_is_type(uint8_t letter);

/* Records of a chunk, one after the other. */
struct keylog_cursor {
	struct span left;
	uint64_t offset;	/* of the record before */
	uint64_t end;
	uint32_t count;		/* records left */
	enum keylog_kind kind;
};

void keylog_start(struct keylog_cursor *c, const struct keylog_chunk *chunk,
		  struct span bytes);

/* Returns 1, 0 after the last, or -1 with ERR_INPUT. */
int keylog_next(struct keylog_cursor *c, struct keylog_record *out,
		struct err *err);

/*
 * The next records, `most` or as many as are left: *n of them, which is 0 after
 * the last.  Several times faster.  Keys and offsets of any kind but
 * KEYLOG_ID, or records of KEYLOG_ID.  Returns 0, or -1 with ERR_INPUT.
 */
int keylog_keys(struct keylog_cursor *c, struct keyhash *keys,
		uint64_t *offsets, size_t most, size_t *n, struct err *err);
int keylog_ids(struct keylog_cursor *c, struct keylog_record *out, size_t most,
	       size_t *n, struct err *err);

#endif
