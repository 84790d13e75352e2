/*
 * s3.h - the buckets of one side: listings, objects as feeds and drains.
 *
 * May be shared by threads; each request, feed or drain takes the connections
 * of nobody else, and they are kept for the next.  A bucket's region is asked
 * of AWS once.  Paths are s3://BUCKET/KEY in messages.
 */
#ifndef AWS_S3_H
#define AWS_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct drain;
struct err;
struct feed;
struct s3;
struct side;

struct s3 *s3_new(struct side *side, struct err *err);
void s3_free(struct s3 *s);	/* NULL is fine; feeds and drains are closed */

/* Bucket and key of a path; the key may be empty.  Returns 0 or -1. */
int s3_split(const char *path, struct span *bucket, const char **key,
	     struct err *err);

struct s3_object {
	const char *key;
	uint64_t len;
	const char *etag;	/* with its quotes */
};

/*
 * Call `each` with every object whose key begins with that of `path`, in the
 * order of their bytes, until it returns something else than 0, which is
 * returned; 0; or -1.  `most` objects, 0: all.
 */
int s3_list(struct s3 *s, const char *path, size_t most,
	    int (*each)(void *context, const struct s3_object *o,
			struct err *err),
	    void *context, struct err *err);

/* Append an object to `out`; ERR_LIMIT if it is longer than `limit`. */
int s3_load(struct s3 *s, const char *path, size_t limit, struct buf *out,
	    struct err *err);

/* Is there such an object?  1 with its length in *len, 0, or -1. */
int s3_look(struct s3 *s, const char *path, uint64_t *len, struct err *err);

/*
 * An object as a feed, which can seek: ranges of it are on their way side by
 * side, a broken connection is taken up again at its byte, and an object that
 * changes while it is read is an error.  `etag` is that of the object that was
 * found; NULL: whichever is there.
 */
struct feed *s3_feed(struct s3 *s, const char *path, const char *etag,
		     struct err *err);

enum {
	S3_RANGE_LEN = 1024 * 1024,
	S3_RANGES = 4,		/* at once: this many times that, of a feed */
};

/*
 * An object on its way up, as a drain: in parts while it is written, there when
 * it is committed, and gone without a trace if it is closed before.  Two parts
 * are in memory.
 */
struct drain *s3_drain(struct s3 *s, const char *path, struct err *err);

enum { S3_PART_LEN = 6 * 1024 * 1024 };		/* of the first thousand */

/*
 * Call off all uploads to keys that begin with that of `path` which were begun
 * and not finished; *n says how many.  Returns 0; 1 with *err set if the
 * service knows no list of them; or -1.
 */
int s3_abort_uploads(struct s3 *s, const char *path, size_t *n,
		     struct err *err);

/*
 * Make `to` of `from`, an object of `len` bytes of the same side, without its
 * bytes coming here; it is there whole or not at all.
 */
int s3_copy(struct s3 *s, const char *from, const char *to, uint64_t len,
	    struct err *err);

enum { S3_COPY_LEN = 256 * 1024 * 1024 };	/* in one request */

/* Write, or remove, one small object. */
int s3_save(struct s3 *s, const char *path, struct span bytes,
	    struct err *err);
int s3_remove(struct s3 *s, const char *path, struct err *err);

/*
 * Write it if there is none of that name, by If-None-Match.  1; 0 if there is
 * one, which may be ours, since an answer may have been lost; or -1.  A service
 * that does not know the header may write over what is there.
 */
int s3_save_new(struct s3 *s, const char *path, struct span bytes,
		struct err *err);

/*
 * Write it if there is none of that name.  Of those who do so at once with
 * other texts at most one succeeds, whatever the service does with conditions;
 * who is killed meanwhile may leave an object beside it (s3_is_flag()).
 * Returns 1 if this text is there now, 0 if another one; `is` is what is
 * there; or -1: ERR_REFUSED if another is about to be written there, and none
 * was first.
 */
int s3_claim(struct s3 *s, const char *path, struct span text, struct buf *is,
	     struct err *err);

/* Is this the key of one that s3_claim() of `path` left, or is at? */
bool s3_is_flag(const char *key, const char *path);

#endif
