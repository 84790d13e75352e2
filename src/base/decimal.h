/*
 * decimal.h - DynamoDB's numbers: decimals of up to 38 significant digits, as
 * text (Developer Guide, HowItWorks.NamingRulesDataTypes).
 *
 * Magnitude 1E-130 to 9.9...9E+125 (38 nines), or 0.  Canonical text has no
 * exponent, no leading or trailing zeros that can go, no sign but `-`; -0 is 0.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct err;

enum {
	DECIMAL_MAX_DIGITS = 38,
	DECIMAL_TEXT_LEN = 176,	/* room for the canonical text of any */
};

/*
 * Is `text` a number that DynamoDB takes?  On failure ERR_INPUT says why: not a
 * number, more than 38 digits, too large, too small.  Returns 0 or -1.
 */
int decimal_check(struct span text, struct err *err);

/*
 * Write the canonical text of a checked number to `out`, which has room for
 * DECIMAL_TEXT_LEN bytes.  Returns its length.
 */
size_t decimal_canonical(struct span text, char *out);

/* Order of two checked numbers by value: <0, 0 or >0. */
int decimal_compare(struct span a, struct span b);

#endif
