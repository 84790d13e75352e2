/* scan_internal.h - what the versions of the kernels share. */
#ifndef BASE_SCAN_INTERNAL_H
#define BASE_SCAN_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/scan.h"

enum {
	SCAN_STEP = 64,		/* bytes that a kernel takes at a time */
	SCAN_ROOM = 64,		/* slots that it may write past the last */
};

/* What one piece of a text leaves to the next. */
struct scan_carry {
	uint64_t escaped;	/* 1: the first byte is escaped */
	uint8_t last[SCAN_STEP];/* the bytes before, zero at the start */
	bool cut;		/* they end inside a UTF-8 sequence */
};

/*
 * Look at `n` bytes at `p`, a multiple of SCAN_STEP, the first of which is at
 * `base` in the text.  The arrays of `s` have room for n + SCAN_ROOM more.
 */
typedef void scan_piece_fn(struct scan *s, struct scan_carry *carry,
			   const uint8_t *p, size_t n, uint32_t base);
typedef size_t scan_plain_fn(struct span text);
typedef size_t scan_lines_fn(struct span text);

scan_piece_fn scan_piece_portable;
scan_plain_fn scan_plain_portable;
scan_lines_fn scan_lines_portable;

#if defined(__x86_64__)
scan_piece_fn scan_piece_avx2, scan_piece_avx512;
scan_plain_fn scan_plain_avx2;
scan_lines_fn scan_lines_avx2;
#elif defined(__aarch64__)
scan_piece_fn scan_piece_neon;
scan_plain_fn scan_plain_neon;
#endif

/*
 * Of the backslashes `b` of 64 bytes, and whether the first byte is escaped,
 * which bytes are escaped; *carry becomes whether the first byte of the next 64
 * is.  (Branch-free over runs of any length: subtract from the even bits so
 * that a carry ripples to the end of each run; simdjson's method.)
 */
static inline uint64_t
scan_escaped(uint64_t b, uint64_t *carry)
{
	const uint64_t ODD = 0xAAAAAAAAAAAAAAAAu;

	if (b == 0) {
		const uint64_t e = *carry;

		*carry = 0;
		return e;
	}

	/* A backslash that is itself escaped starts nothing. */
	const uint64_t starts = b & ~*carry;
	const uint64_t maybe = starts << 1;
	const uint64_t codes = ((maybe | ODD) - starts) ^ ODD;
	const uint64_t escaped = codes ^ (b | *carry);
	*carry = (codes & b) >> 63;
	return escaped;
}

#endif
