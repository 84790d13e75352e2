/*
 * remap.h - new ids from old ones: the rules of one table.
 *
 *	digest = SHA-256(table || 0 || id || 0 || environment)
 *
 * or HMAC-SHA-256 of the same bytes under a secret.  `id` is the UTF-8 text of
 * an S, the canonical text of an N, the raw bytes of a B.  docs/IDS.md has the
 * forms that a digest takes, and values to check another implementation with.
 *
 * For an id, the first of these decides: a row of the map, `keep`, the digest.
 * A remap is constant once built but for the marks on its map's rows, which are
 * atomic: any number of threads may use it at once.
 */
#ifndef EXPR_REMAP_H
#define EXPR_REMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"
#include "model/item.h"

struct arena;
struct err;
struct remap;

enum remap_form {
	REMAP_UUID = 1,
	REMAP_HEX,
	REMAP_BASE32,
	REMAP_NUMBER,
};

enum {
	REMAP_LENGTH = 32,		/* `length` if nothing is said */
	REMAP_DIGITS = 18,		/* `digits` if nothing is said */
	REMAP_MIN_LENGTH = 8,
	REMAP_MAX_HEX = 64,
	REMAP_MAX_BASE32 = 51,
	REMAP_MIN_DIGITS = 12,
	REMAP_MAX_DIGITS = 38,
	REMAP_MIN_SECRET = 16,		/* bytes */
};

/* A row of `ids.map`.  Of a B, both are base64. */
struct remap_row {
	struct span source, target;
};

/* All of it is copied; a zeroed one is a plan that says nothing. */
struct remap_options {
	enum remap_form form;		/* 0: uuid */
	unsigned length;		/* 0: REMAP_LENGTH; hex and base32 */
	unsigned digits;		/* 0: REMAP_DIGITS; number, and every N */
	/*
	 * VALUE_S or VALUE_N if the plan says `type`: every id of this table
	 * and every reference to it then shares one text, whatever type holds
	 * it: `form` for S, `number` without prefix for N.  0: each by its own
	 * type.
	 */
	enum value_type type;
	struct span environment;	/* of the target */
	struct span prefix;		/* in front of a new S */
	struct span keep;		/* POSIX extended expression; or empty */
	struct span secret;		/* or empty */
	const struct remap_row *rows;	/* of this table */
	size_t nrows;
};

/* "uuid" ... and back, 0 if it is none. */
const char *remap_form_name(enum remap_form form);
enum remap_form remap_form_named(struct span name);

/*
 * The rules of the table that the plan calls `table`.  NULL on failure:
 * ERR_USAGE if the options make no sense, with the option's name in quotes.
 */
struct remap *remap_new(struct span table, const struct remap_options *options,
			struct err *err);
void remap_free(struct remap *r);	/* NULL is fine */

/*
 * The new value of `id`, with the type of `id`; its text is in the arena.
 * Returns 0, or -1: ERR_INPUT if `id` is none (another type, an empty string,
 * text that is no number where `type` is N).
 */
int remap_new_id(const struct remap *r, const struct value *id,
		 struct value *out, struct arena *mem, struct err *err);

/* An id as indexes have it: S its text, N canonical, B its raw bytes. */
struct remap_logged {
	struct span source, target;	/* the latter is new */
	struct keyhash key;		/* of the new id */
};

/*
 * What is logged of the id of this type whose plain text (of a B its base64) is
 * `text`.  `r` NULL: the table keeps its ids.  Returns 1, 0 if it is no id, or
 * -1 as remap_new_id().
 */
int remap_log(const struct remap *r, enum value_type type, struct span text,
	      struct remap_logged *out, struct arena *mem, struct err *err);

/*
 * How many pairs of `nids` ids of this type, S, N or B, are to be expected to
 * meet in one new id.
 */
double remap_collisions(const struct remap *r, enum value_type type,
			double nids);

/* The source of row `i` of the map, as text; false if there is no such row. */
bool remap_row_source(const struct remap *r, size_t i, struct span *source);

/* Has row `i` of the map, as numbered in the options, been met? */
bool remap_row_used(const struct remap *r, size_t i);

/*
 * A value that tells one secret from another and not what it is, for a job's
 * record: 16 hexadecimal digits and a NUL.
 */
enum { REMAP_SECRET_CHECK_LEN = 17 };
void remap_secret_check(struct span secret, char out[REMAP_SECRET_CHECK_LEN]);

#endif
