/* rematch_internal.h - what the parts of rematch share. */
#ifndef FORMATS_REMATCH_INTERNAL_H
#define FORMATS_REMATCH_INTERNAL_H

#include "formats/deflate.h"
#include "formats/gzip.h"
#include "formats/rematch.h"

enum {
	GRANULE_BITS = 5,
	GRANULE = 1 << GRANULE_BITS,
	GRANULES = 2048,	/* 64 KiB: twice as far as matches reach */
	STRETCHES = 4096,

	SEEN_BITS = 14,
	SEEN = 1 << SEEN_BITS,

	INSERTED_BITS = 8,
	INSERTED_LEN = 8,	/* a shorter text is not looked for */

	/* So much is read behind the text. */
	REMATCH_SLACK = 64,
};

/* Positions [from, end) of the input, plus `shift`, are those of the output. */
struct stretch {
	uint32_t from, end, shift;
};

struct rematch {
	bool begun;			/* is the header written? */
	bool headless;			/* it is none of ours */
	struct gzip_sum sum;
	struct deflate_bits bits;

	/* Indexes of the text. */
	size_t start;			/* where the tokens begin */
	size_t covered;			/* where they end */
	size_t done;			/* what was looked at, ends */
	uint32_t base;			/* position of text[0] */

	uint32_t *tokens;
	size_t n, cap;

	/* Where the input has gone. */
	struct stretch stretches[STRETCHES];
	uint32_t last;			/* of them */
	uint64_t noted;			/* input that is in `granules` */
	uint16_t granules[GRANULES];

	/* Positions of texts that were put in, by hashes of how they begin. */
	uint32_t inserted[1 << INSERTED_BITS];

	/* What there is without notes. */
	bool poor;
	uint32_t patience;		/* calls until notes are tried again */
	size_t judged;			/* bytes, since that was decided */
	size_t known;			/* of them, in matches that were noted */
	size_t searched;		/* index: up to here */
	uint32_t *seen;			/* indexes + base, by hashes */
};

/*
 * Make tokens of text[r->done] to its end, but for literals at the end; there
 * is room for them.
 */
typedef void rematch_walk(struct rematch *r, const struct buf *text,
			  const struct copied *copied, size_t ncopied,
			  struct matches *matches);
rematch_walk rematch_walk_portable;
#if defined(__x86_64__)
rematch_walk rematch_walk_avx2, rematch_walk_avx512;
#endif

#endif
