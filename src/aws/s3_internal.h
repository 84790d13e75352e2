/* s3_internal.h - buckets, and requests to them. */
#ifndef AWS_S3_INTERNAL_H
#define AWS_S3_INTERNAL_H

#include "aws/s3.h"
#include "base/buf.h"

struct service;
struct service_call;

struct s3_bucket;

/* Connections to a bucket, for s3_give(); NULL on failure. */
struct service *s3_take(struct s3 *s, struct span bucket,
			struct s3_bucket **which, struct err *err);
void s3_give(struct s3 *s, struct s3_bucket *b, struct service *service);

/* Was it seen that the service knows of conditions?  It was. */
bool s3_knows_conditions(struct s3 *s);
void s3_note_conditions(struct s3 *s);

/* The path of a request for this key, encoded, and a NUL behind it. */
int s3_key_path(const char *key, struct buf *out, struct err *err);

/*
 * Keys come percent-encoded, as asked for: XML has no word for some bytes.
 * Those who do not know how say nothing of it.
 */
void s3_decode(struct buf *b);

/* s3_look() at an encoded path. */
int s3_head(struct service *service, const char *path, uint64_t *len,
	    struct err *err);

/* An object's path taken apart, with connections to its bucket. */
struct s3_way {
	struct s3 *s3;
	struct s3_bucket *bucket;
	struct service *service;
	struct buf path;	/* encoded */
};

int s3_open_way(struct s3 *s, const char *path, struct s3_way *way,
		struct err *err);
void s3_close_way(struct s3_way *way);	/* zeroed is fine */

#endif
