/*
 * decimal_internal.h - a number taken apart: a coefficient of up to 38 digits,
 * which fit in 128 bits (10^38 < 2^128 / 3), and a power of ten.
 */
#ifndef BASE_DECIMAL_INTERNAL_H
#define BASE_DECIMAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
	DECIMAL_MAX_POWER = 125,	/* of the first digit */
	DECIMAL_MIN_POWER = -130,
	DECIMAL_FAR = 1000000,	/* an exponent that nothing brings back */
};

#define DECIMAL_POW19 10000000000000000000U	/* the largest in 64 bits */

/* (-1)^neg * coef * 10^exp; coef does not end in 0, and 0 is all zeros. */
struct decimal {
	unsigned __int128 coef;
	int exp;
	bool neg;
};

/* 10^n for n up to 38; the digits of `c`, none in 0. */
unsigned __int128 decimal_power(int n);
int decimal_count(unsigned __int128 c);

/* Take a checked number apart. */
struct decimal decimal_unpack(struct span text);

/* Write the canonical text of a number in range.  Returns its length. */
size_t decimal_pack(const struct decimal *x, char *out);

/* Write the digits of `c`, which has `n`, and return where they end. */
char *decimal_put_digits(char *out, unsigned __int128 c, int n);

#endif
