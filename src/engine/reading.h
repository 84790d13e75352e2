/*
 * reading.h - a data file as its items, some at a time, for those who only
 * look: whatever it was packed with and whatever format it is in.
 *
 * A record of an incremental export, if the unit says that it is one, comes as
 * an item of maps: Keys, and OldImage and NewImage where it has them.
 *
 * Of a damaged file what stands before the damage comes first, and then the
 * error.  Belongs to one thread; one file after the other.
 */
#ifndef ENGINE_READING_H
#define ENGINE_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct batch;
struct buf;
struct err;
struct item;
struct item_format;
struct reading;
struct unit;

#define READING_KEYS "Keys"

struct reading *reading_new(struct err *err);
void reading_free(struct reading *r);	/* NULL is fine */

/*
 * Begin with a file, which must stay: `u` says where, in which format and by
 * which rules.  With `md5` its MD5 is taken on the way and compared with what
 * `u` has.  Returns 0 or -1, as below.
 */
int reading_start(struct reading *r, const struct unit *u, bool md5,
		  struct err *err);

/*
 * The next items and bad lines, in *out until the next call.  They are the
 * caller's to change.  Returns 1; 0 after the last; or -1 with the file's name
 * in front: ERR_INPUT if it is damaged, or has not as many items as `u` says.
 * One whose damage is accepted ends with 0.
 */
int reading_next(struct reading *r, struct batch **out, struct err *err);

/*
 * An item of the file at hand as a line of DynamoDB JSON, without its end: as
 * it stands there, or else encoded into `room`.  Returns 0 or -1.
 */
int reading_text(const struct reading *r, const struct item *item,
		 struct buf *room, struct span *out, struct err *err);

/* Of the file at hand; how much of it was read, and items and bad lines. */
const struct item_format *reading_format(const struct reading *r);
bool reading_was_damaged(const struct reading *r);	/* and accepted */
uint64_t reading_packed_len(const struct reading *r);
uint64_t reading_count(const struct reading *r);

/* "standard input", or the path. */
const char *reading_name(const struct unit *u);

#endif
