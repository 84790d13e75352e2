/*
 * scan_utf8.h - the three tables by which the vector kernels check UTF-8: the
 * ways in which two neighbouring bytes can be wrong, by their nibbles.
 */
#ifndef BASE_SCAN_UTF8_H
#define BASE_SCAN_UTF8_H

#include <stdint.h>

enum {
	TOO_SHORT = 1 << 0,	/* a lead byte without its continuation */
	TOO_LONG = 1 << 1,	/* ASCII, then a continuation */
	OVERLONG_3 = 1 << 2,
	TOO_LARGE = 1 << 3,
	SURROGATE = 1 << 4,
	OVERLONG_2 = 1 << 5,
	TOO_LARGE_1000 = 1 << 6,
	OVERLONG_4 = 1 << 6,
	TWO_CONTS = 1 << 7,	/* wrong unless a lead byte is 2 or 3 before */
	CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
	LARGE = CARRY | TOO_LARGE | TOO_LARGE_1000,
};

/* By the high nibble of the first byte, its low nibble, the second's high. */
static const uint8_t FIRST_HIGH[16] = {
	TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
	TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
	TWO_CONTS, TWO_CONTS, TWO_CONTS, TWO_CONTS,
	TOO_SHORT | OVERLONG_2,
	TOO_SHORT,
	TOO_SHORT | OVERLONG_3 | SURROGATE,
	TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
};
static const uint8_t FIRST_LOW[16] = {
	CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
	CARRY | OVERLONG_2,
	CARRY, CARRY,
	CARRY | TOO_LARGE,
	LARGE, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE,
	LARGE | SURROGATE,
	LARGE, LARGE,
};
static const uint8_t SECOND_HIGH[16] = {
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
};

#endif
