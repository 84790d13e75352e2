/*
 * decimal_math.c - arithmetic: take the operands apart, work on coefficient and
 * power of ten, put the result together.
 */
#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/decimal_internal.h"
#include "base/err.h"

static const char too_large[] =
	"Number overflow. Attempting to store a number with magnitude larger "
	"than supported range";
static const char too_small[] =
	"Number underflow. Attempting to store a number with magnitude smaller "
	"than supported range";
static const char too_long[] =		/* the same words, and why */
	"Number overflow. Attempting to store a number with magnitude larger "
	"than supported range: more than 38 significant digits";

/* Drop zeros at the end of a coefficient. */
static void
trim(struct decimal *x)
{
	if (x->coef == 0) {
		*x = (struct decimal){ 0 };
		return;
	}
	while (x->coef > UINT64_MAX && x->coef % 10 == 0) {
		x->coef /= 10;
		x->exp++;
	}
	if (x->coef > UINT64_MAX)
		return;

	uint64_t low = (uint64_t)x->coef;
	for (; low % 10 == 0; low /= 10)
		x->exp++;
	x->coef = low;
}

/* Check the range of a result and write it.  Returns its length or 0. */
static size_t
finish(struct decimal *x, char *out, struct err *err)
{
	trim(x);

	const int n = decimal_count(x->coef);
	const char *const why = n == 0 ? NULL
		: x->exp + n - 1 > DECIMAL_MAX_POWER ? too_large
		: x->exp + n - 1 < DECIMAL_MIN_POWER ? too_small
		: n > DECIMAL_MAX_DIGITS ? too_long : NULL;

	if (why == NULL)
		return decimal_pack(x, out);
	err_set(err, ERR_INPUT, "%s", why);
	return 0;
}

/* x + y, both not 0; false if that needs more than 38 digits. */
static bool
add(struct decimal x, struct decimal y, struct decimal *out)
{
	if (x.exp < y.exp) {
		const struct decimal t = x;

		x = y;
		y = t;
	}

	/* Their last digits, neither 0, must both be within the 38. */
	const int up = x.exp - y.exp;
	unsigned __int128 cx;

	if (up > DECIMAL_MAX_DIGITS ||
	    __builtin_mul_overflow(x.coef, decimal_power(up), &cx))
		return false;
	*out = (struct decimal){ .exp = y.exp, .neg = x.neg };
	if (x.neg == y.neg)
		return !__builtin_add_overflow(cx, y.coef, &out->coef);
	out->coef = cx >= y.coef ? cx - y.coef : y.coef - cx;
	out->neg = cx >= y.coef ? x.neg : y.neg;
	return true;
}

static size_t
sum(struct decimal x, struct decimal y, char *out, struct err *err)
{
	struct decimal z = x.coef == 0 ? y : x;

	if (x.coef != 0 && y.coef != 0 && !add(x, y, &z)) {
		err_set(err, ERR_INPUT, "%s", too_long);
		return 0;
	}
	return finish(&z, out, err);
}

size_t
decimal_add(struct span a, struct span b, char *out, struct err *err)
{
	return sum(decimal_unpack(a), decimal_unpack(b), out, err);
}

size_t
decimal_sub(struct span a, struct span b, char *out, struct err *err)
{
	struct decimal y = decimal_unpack(b);

	y.neg = !y.neg;
	return sum(decimal_unpack(a), y, out, err);
}

/* Round `n` digits half to even to 38, into x->coef and x->exp. */
static void
keep_38(struct decimal *x, const char *digits, int n)
{
	const int keep = n < DECIMAL_MAX_DIGITS ? n : DECIMAL_MAX_DIGITS;
	bool rest = false;

	for (int i = 0; i < keep; i++)
		x->coef = x->coef * 10 + (unsigned)(digits[i] - '0');
	if (n == keep)
		return;
	for (int i = keep + 1; i < n; i++)
		rest = rest || digits[i] != '0';
	if (digits[keep] > '5' ||
	    (digits[keep] == '5' && (rest || x->coef % 2 != 0)))
		x->coef++;
	x->exp += n - keep;
}

size_t
decimal_mul(struct span a, struct span b, char *out, struct err *err)
{
	const struct decimal x = decimal_unpack(a), y = decimal_unpack(b);
	struct decimal z = { .exp = x.exp + y.exp, .neg = x.neg != y.neg };
	const uint64_t x0 = (uint64_t)(x.coef % DECIMAL_POW19);
	const uint64_t x1 = (uint64_t)(x.coef / DECIMAL_POW19);
	const uint64_t y0 = (uint64_t)(y.coef % DECIMAL_POW19);
	const uint64_t y1 = (uint64_t)(y.coef / DECIMAL_POW19);
	const unsigned __int128 low = (unsigned __int128)x0 * y0;
	const unsigned __int128 m0 = (unsigned __int128)x0 * y1;
	const unsigned __int128 m1 = (unsigned __int128)x1 * y0;

	/* Four places of 19 digits; carries stay far below 2^128. */
	const unsigned __int128 p1 = low / DECIMAL_POW19 +
				     m0 % DECIMAL_POW19 + m1 % DECIMAL_POW19;
	const unsigned __int128 p2 = (unsigned __int128)x1 * y1 + m0 / DECIMAL_POW19 +
				     m1 / DECIMAL_POW19 + p1 / DECIMAL_POW19;
	char digits[4 * 19];
	int lead = 0;

	decimal_put_digits(digits, p2, 38);
	decimal_put_digits(digits + 38, (p1 % DECIMAL_POW19) * DECIMAL_POW19 +
			   low % DECIMAL_POW19, 38);
	while (lead < 4 * 19 && digits[lead] == '0')
		lead++;
	keep_38(&z, digits + lead, 4 * 19 - lead);
	return finish(&z, out, err);
}

/* The next digit of r / d, and its remainder; r < d < 10^38. */
static unsigned
next_digit(unsigned __int128 *r, unsigned __int128 d)
{
	unsigned __int128 part = *r;
	unsigned digit = 0, twice = 0;

	/* 10 r = 8 r + 2 r, and every step stays below 2 d. */
	for (int i = 0; i < 3; i++) {
		part *= 2;
		digit *= 2;
		if (part >= d) {
			part -= d;
			digit++;
		}
		if (i == 0) {
			*r = part;
			twice = digit;
		}
	}
	part += *r;
	digit += twice;
	if (part >= d) {
		part -= d;
		digit++;
	}
	*r = part;
	return digit;
}

size_t
decimal_div(struct span a, struct span b, char *out, struct err *err)
{
	const struct decimal x = decimal_unpack(a), y = decimal_unpack(b);
	struct decimal z = { .exp = x.exp - y.exp, .neg = x.neg != y.neg };

	if (y.coef == 0) {
		err_set(err, ERR_INPUT, "division by zero");
		return 0;
	}

	const unsigned __int128 full = decimal_power(DECIMAL_MAX_DIGITS - 1);
	unsigned __int128 rest = x.coef % y.coef;

	z.coef = x.coef / y.coef;
	while (rest != 0 && z.coef < full) {
		z.coef = z.coef * 10 + next_digit(&rest, y.coef);
		z.exp--;
	}
	if (rest * 2 > y.coef || (rest * 2 == y.coef && z.coef % 2 != 0))
		z.coef++;
	return finish(&z, out, err);
}

size_t
decimal_round(struct span a, int digits, char *out, struct err *err)
{
	struct decimal x = decimal_unpack(a);

	if (digits > DECIMAL_FAR || -x.exp <= digits)
		return finish(&x, out, err);

	/* From here on digits < -x.exp, so this many go, but none too far. */
	const int drop = digits < -DECIMAL_FAR ? DECIMAL_FAR : -x.exp - digits;
	if (drop > DECIMAL_MAX_DIGITS) {
		x.coef = 0;
		return finish(&x, out, err);
	}

	const unsigned __int128 unit = decimal_power(drop), rest = x.coef % unit;
	x.coef = x.coef / unit + (rest >= unit - rest);
	x.exp += drop;
	return finish(&x, out, err);
}

size_t
decimal_abs(struct span a, char *out)
{
	struct decimal x = decimal_unpack(a);

	x.neg = false;
	return decimal_pack(&x, out);
}
