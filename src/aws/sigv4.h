/*
 * sigv4.h - AWS Signature Version 4, in the Authorization header.
 *
 * Done here and not by libcurl, whose own differs from release to release.  The
 * time is the caller's, so that what was signed can be tested.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "base/span.h"

struct err;

enum {
	SIGV4_MAX_HEADERS = 32,
	SIGV4_DATE_LEN = 16,		/* 20150830T123600Z */
	SIGV4_HEX_LEN = 2 * SHA256_LEN,
};

struct sigv4_param {
	struct span name, value;	/* as they are meant, not encoded */
};

/* A header that is signed; `name` in small letters. */
struct sigv4_header {
	struct span name, value;
};

struct sigv4_request {
	const char *method;
	struct span path;		/* as it is sent */
	bool path_is_final;		/* S3: it is signed as it stands; else
					   encoded once more */
	bool keep_dots;			/* leave `..` and `//` in it as well */
	struct span query;		/* as sigv4_query() made it */
	const struct sigv4_header *headers;
	size_t nheaders;
	struct span payload;		/* its SHA-256 in hex, or as S3 has it
					   UNSIGNED-PAYLOAD */
};

/* Whose signature, for what; it keeps the key of the day.  One thread's. */
struct sigv4 {
	struct span access_key, secret_key;
	struct span region, service;
	char day[9];			/* that `key` is of, or "" */
	uint8_t key[SHA256_LEN];
	struct buf text, names, sign;	/* to work in */
};

/* What it took, and what it knows. */
void sigv4_free(struct sigv4 *s);

/* `s` in percent encoding; a slash stays if `slash`.  Returns 0 or -1. */
int sigv4_encode(struct span s, bool slash, struct buf *out, struct err *err);

/* A query in the one form that is signed, which is fit to be sent too. */
int sigv4_query(const struct sigv4_param *params, size_t n, struct buf *out,
		struct err *err);

void sigv4_date(time_t when, char out[SIGV4_DATE_LEN + 1]);

/* SHA-256 in small hexadecimal digits, and a NUL. */
void sigv4_hash(struct span bytes, char out[SIGV4_HEX_LEN + 1]);

/*
 * Append the value of the Authorization header.  `date` is the one that the
 * x-amz-date among the headers has.  What was signed goes to *canonical if that
 * is not NULL.  Returns 0 or -1.
 */
int sigv4_sign(struct sigv4 *s, const struct sigv4_request *r,
	       const char *date, struct buf *out, struct buf *canonical,
	       struct err *err);

#endif
