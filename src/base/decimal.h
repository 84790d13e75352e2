/*
 * decimal.h - DynamoDB's numbers: decimals of up to 38 significant digits, as
 * text (Developer Guide, HowItWorks.NamingRulesDataTypes).
 *
 * Magnitude 1E-130 to 9.9...9E+125 (38 nines), or 0.  Canonical text has no
 * exponent, no leading or trailing zeros that can go, no sign but `-`; -0 is 0.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stddef.h>

#include "base/span.h"

struct err;

enum {
	DECIMAL_MAX_DIGITS = 38,
	DECIMAL_TEXT_LEN = 176,	/* room for the canonical text of any */
};

/*
 * Is `text` a number that DynamoDB takes?  A sign, leading zeros, `.5`, `5.`
 * and an exponent are fine.  On failure ERR_INPUT says why: not a number, more
 * than 38 digits, too large, too small.  Returns 0 or -1.
 */
int decimal_check(struct span text, struct err *err);

/*
 * Write the canonical text of a checked number to `out`, which has room for
 * DECIMAL_TEXT_LEN bytes.  Returns its length.
 */
size_t decimal_canonical(struct span text, char *out);

/* Order of two checked numbers by value: <0, 0 or >0. */
int decimal_compare(struct span a, struct span b);

/* Bytes that DynamoDB counts for a checked number. */
size_t decimal_stored_len(struct span text);

/*
 * Arithmetic on checked numbers.  Each writes the canonical text of its result
 * to `out`, as decimal_canonical() does, and returns its length; or 0 with
 * ERR_INPUT, in DynamoDB's words where it has some.  Sums and differences are
 * exact or fail; products and quotients are rounded half to even to 38 digits.
 */
size_t decimal_add(struct span a, struct span b, char *out, struct err *err);
size_t decimal_sub(struct span a, struct span b, char *out, struct err *err);
size_t decimal_mul(struct span a, struct span b, char *out, struct err *err);
size_t decimal_div(struct span a, struct span b, char *out, struct err *err);

/* Half away from zero; `digits` after the point, or before it if negative. */
size_t decimal_round(struct span a, int digits, char *out, struct err *err);
size_t decimal_abs(struct span a, char *out);

#endif
