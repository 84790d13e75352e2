/*
 * ddbjson.h - DynamoDB JSON lines, as table exports hold and ImportTable takes
 * them: `{"Item":{name:{type:value}}}` a line (Developer Guide,
 * S3DataExport.Output and S3DataImport.Format).
 *
 * Decoding checks every byte: UTF-8 (RFC 3629), JSON (RFC 8259), DynamoDB's
 * types, numbers, base64, sets without duplicates and not empty, no attribute
 * twice, 32 levels.  A line that fails is a reject of the batch.  White space
 * between tokens is allowed and dropped; lines of nothing else are counted and
 * passed over; a CR before the line end is white space.
 */
#ifndef FORMATS_DDBJSON_H
#define FORMATS_DDBJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;
struct batch;
struct buf;
struct ddbjson;
struct err;
struct item;
struct value;
struct item_format;

extern const struct item_format ddbjson_format;

struct ddbjson *ddbjson_new(struct err *err);

/*
 * Between two blocks: number these names from 1, as item.h has it, where they
 * are found in items; at most DDBJSON_WATCHED, not copied, and another list is
 * elsewhere.  Not all are found: a number is there to save a look at the text.
 */
enum { DDBJSON_WATCHED = 14 };
void ddbjson_watch(struct ddbjson *d, const struct span *names, size_t n);
void ddbjson_free(struct ddbjson *d);	/* NULL is fine */

/* A new file begins: line 1, offset 0. */
void ddbjson_rewind(struct ddbjson *d);

/*
 * Decode the whole lines at the front of `in`, and the last one without a line
 * end too if this is `last`, but no more than DDBJSON_MAX_LINES, so that what
 * is said of them stays small; *used says how many bytes they took.  At least
 * DDBJSON_SLACK bytes behind `in` can be read.  Items point into `in` and the
 * batch, which was reset.  Returns 0, or -1 if memory is refused.
 */
enum { DDBJSON_SLACK = 128, DDBJSON_MAX_LINES = 1024 };
int ddbjson_decode(struct ddbjson *d, struct span in, bool last,
		   struct batch *out, size_t *used, struct err *err);

/*
 * The item of one line, which is copied: all of it is in the arena.  NULL with
 * *err set, ERR_INPUT if it is none.  (One now and then; not for speed.)
 */
struct item *ddbjson_decode_line(struct ddbjson *d, struct span line,
				 struct arena *mem, struct err *err);

/* What comes next begins at this offset of its file, so many lines behind. */
void ddbjson_seek(struct ddbjson *d, uint64_t offset, uint64_t nlines);

/* The number of the next line, from 1. */
uint64_t ddbjson_line(const struct ddbjson *d);

/* Lines of nothing but white space that were passed over in this file. */
uint64_t ddbjson_blank_lines(const struct ddbjson *d);

/*
 * Append `items` as lines.  What stands untouched in the input is copied as it
 * stands.  Returns 0, or -1 if memory is refused.
 */
int ddbjson_encode(const struct item *items, size_t n, struct buf *out,
		   struct err *err);

/* The same of one item, and note what was copied: see rematch.h. */
struct copied_list;
int ddbjson_encode_noted(const struct item *item, struct buf *out,
			 struct copied_list *copied, struct err *err);

/* Append a value with its type, or a map's attributes alone (`{...}`). */
int ddbjson_encode_value(const struct value *v, struct buf *out,
			 struct err *err);
int ddbjson_encode_map(const struct value *map, struct buf *out,
		       struct err *err);

/*
 * Append `text` as a JSON string, quotes and all, with U+FFFD where it is not
 * UTF-8: names of files need not be.
 */
int ddbjson_encode_text(struct span text, struct buf *out, struct err *err);

/*
 * How long is the escape at `text`, where a backslash stands?  A surrogate pair
 * is one.  0 if it is none, or not whole within `len` bytes.
 */
size_t ddbjson_escape(const uint8_t *text, size_t len);

/*
 * Does `head` begin with `text`, but for white space in front of it and behind
 * its first brace?  How many bits say so, or 0: for those that sniff.
 */
int ddbjson_begins(struct span head, const char *text);

#endif
