/* remap_internal.h - the steps of making one id, for doing many at once. */
#ifndef EXPR_REMAP_INTERNAL_H
#define EXPR_REMAP_INTERNAL_H

#include <string.h>

#include "base/keyhash.h"
#include "base/sha256.h"
#include "expr/remap.h"

/* How a digest is written for one type of value. */
struct remap_shape {
	enum remap_form form;
	unsigned length;	/* characters, at most; of a number, digits */
	struct span prefix;
	char letter;		/* for the key of the new id; 0: not an id */
};

/* The message of an id of some length, padded, but for the id itself. */
struct remap_template {
	const uint8_t *blocks;
	size_t nblocks;
	const struct sha256_last *last;	/* one more that holds no id, or NULL */
};

enum {
	REMAP_TEMPLATES = 65,	/* ids of 0 to 64 bytes have one */
	REMAP_MAX_BLOCKS = 3,	/* of a message that has one */
};

struct remap_templates {
	struct remap_template of[REMAP_TEMPLATES];
	struct sha256_last lasts[REMAP_TEMPLATES];
	uint8_t blocks[];
};

struct remap {
	/* How an S and an N are written: shapes[type - VALUE_S]. */
	struct remap_shape shapes[2];
	enum value_type type;
	bool keyed;
	bool plain;			/* of an S only the digest decides */
	bool clean;			/* the prefix needs no escape in JSON */
	size_t room;			/* of a new S with its letter, aligned */
	struct sha256_key key;
	struct remap_keep *keep;	/* or NULL */
	struct remap_map *map;		/* or NULL */
	struct span head, tail;		/* before and after the id */
	/* NULL if head and tail are too long for them. */
	struct remap_templates *templates;
	uint8_t text[];			/* head, tail and prefix */
};

/* A source id, understood. */
struct remap_id {
	const struct remap *remap;	/* NULL: the id stays */
	uint8_t type;			/* S, N or B: of the value it is in */
	char letter;
	bool fixed;			/* `target` holds without a digest */
	bool mapped;			/* by a row of the map */
	uint32_t number;		/* the caller's */
	struct span source;		/* plain, canonical, or raw bytes */
	struct span target;
};

/* What a digest takes, where many are made. */
struct remap_digest {
	uint8_t bytes[SHA256_LEN];
};

/*
 * Understand an id of this type whose plain text (of a B its base64) is `text`;
 * what must be made for it is made in the arena.  `r` NULL: the id stays.
 * Returns 1, 0 if it is none, or -1: ERR_INPUT if the map gives what the type
 * cannot hold.
 */
int remap_understand(const struct remap *r, enum value_type type,
		     struct span text, struct remap_id *out, struct arena *mem,
		     struct err *err);

/* Is every S that is not empty an id, and its digest all that counts? */
static inline bool
remap_is_plain(const struct remap *r)
{
	return r != NULL && r->plain;
}

/*
 * Is every S that `keep` does not match an id, and has each of less than
 * REMAP_TEMPLATES bytes a template, whose plain SHA-256 is the digest?
 */
static inline bool
remap_is_quick(const struct remap *r)
{
	return r != NULL && r->map == NULL && r->type != VALUE_N &&
	       r->templates != NULL && !r->keyed;
}

/* The message from the template for an id of this length: into `space`. */
static inline void
remap_fill(const struct remap *r, struct span id, uint8_t *space,
	   struct sha256_job *job)
{
	const struct remap_template *const t = &r->templates->of[id.len];
	const size_t n = id.len;
	uint8_t *const to = space + r->head.len;

	job->blocks = space;
	job->nblocks = t->nblocks;
	job->last = t->last;
	for (size_t i = 0; i < t->nblocks; i++)
		memcpy(space + i * SHA256_BLOCK_LEN,
		       t->blocks + i * SHA256_BLOCK_LEN, SHA256_BLOCK_LEN);
	/* Most often 36 bytes: no call, and few branches. */
	if (n >= 32) {
		memcpy(to, id.ptr, 32);
		memcpy(to + n - 32, id.ptr + n - 32, 32);
	} else if (n >= 16) {
		memcpy(to, id.ptr, 16);
		memcpy(to + n - 16, id.ptr + n - 16, 16);
	} else {
		for (size_t i = 0; i < n; i++)
			to[i] = id.ptr[i];
	}
}

/* The digest of each id that is not fixed.  Returns 0 or -1. */
int remap_digests(const struct remap_id *ids, size_t n,
		  struct remap_digest *out, struct arena *mem,
		  struct err *err);

/*
 * Write `target` from the digest, if it is not fixed; its letter is put before
 * it, so that remap_key() has both side by side.  Returns 0 or -1.
 */
int remap_write(struct remap_id *id, const struct remap_digest *digest,
		struct arena *mem, struct err *err);

/* The key of the new id, once written. */
struct keyhash remap_key(const struct remap_id *id);

/* The value that holds `text`: of a B its base64.  Returns 0 or -1. */
int remap_value(enum value_type type, struct span text, struct value *out,
		struct arena *mem, struct err *err);

/*
 * Write a digest in this form, `length` long at most (a number: as many digits
 * at most).  Returns the length.
 */
size_t remap_put(enum remap_form form, unsigned length,
		 const uint8_t digest[SHA256_LEN], uint8_t *out);

/* The form uuid of many digests, each to its place. */
void remap_put_uuids(const struct remap_digest *digests, size_t n,
		     uint8_t *const *out);

/* `keep`, compiled. */
struct remap_keep;
struct remap_keep *remap_keep_new(struct span text, struct err *err);
void remap_keep_free(struct remap_keep *k);
bool remap_keep_matches(const struct remap_keep *k, struct span id);

/* The rows of `map`, by source. */
struct remap_map;
struct remap_map *remap_map_new(const struct remap_row *rows, size_t n,
				struct err *err);
void remap_map_free(struct remap_map *m);
bool remap_map_find(const struct remap_map *m, struct span source,
		    struct span *target);	/* and mark it as used */
bool remap_map_source(const struct remap_map *m, size_t i,
		      struct span *source);
bool remap_map_used(const struct remap_map *m, size_t i);

#endif
