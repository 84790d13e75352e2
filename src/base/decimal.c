/*
 * decimal.c - a number is a coefficient of up to 38 digits, which fit in 128
 * bits (10^38 < 2^128 / 3), and a power of ten.
 *
 * Every function but decimal_check() takes its text apart, works on that, and
 * puts the result together again.
 */
#include "base/decimal.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
	MAX_POWER = 125,	/* of the first digit */
	MIN_POWER = -130,
	FAR = 1000000,		/* an exponent that nothing brings back */
};

/* (-1)^neg * coef * 10^exp; coef does not end in 0, and 0 is all zeros. */
struct number {
	unsigned __int128 coef;
	int exp;
	bool neg;
};

static const uint64_t pow19 = 10000000000000000000U;

static const char too_large[] =
	"Number overflow. Attempting to store a number with magnitude larger "
	"than supported range";
static const char too_small[] =
	"Number underflow. Attempting to store a number with magnitude smaller "
	"than supported range";
static const char too_long[] =		/* the same words, and why */
	"Number overflow. Attempting to store a number with magnitude larger "
	"than supported range: more than 38 significant digits";

/* 10^n for n up to 38. */
static unsigned __int128
power(int n)
{
	unsigned __int128 p = 1;

	assert(n >= 0 && n <= 38);
	if (n >= 19) {
		p = pow19;
		n -= 19;
	}
	for (uint64_t base = 10; n > 0; n >>= 1, base *= base)
		if ((n & 1) != 0)
			p *= base;
	return p;
}

/* Digits of `c`; none in 0. */
static int
count(unsigned __int128 c)
{
	int n = 0;

	for (; c >= pow19; c /= pow19)
		n += 19;
	for (uint64_t low = (uint64_t)c; low > 0; low /= 10)
		n++;
	return n;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Are these eight bytes all digits? */
static bool
are_digits(uint64_t w)
{
	const uint64_t high = 0xf0f0f0f0f0f0f0f0U, zero = 0x3030303030303030U;

	return (w & high) == zero && ((w + 0x0606060606060606U) & high) == zero;
}

/*
 * A sign, digits and a point: a number of few enough digits whatever they are,
 * if the text is no longer than 38 bytes.
 */
static bool
is_short(struct span text)
{
	const uint8_t *p = text.ptr, *const end = p + text.len;
	bool digits = false, point = false;

	if (text.len == 0 || text.len > DECIMAL_MAX_DIGITS)
		return false;
	if (*p == '-')
		p++;
	for (; p < end; p++) {
		if (is_digit(*p))
			digits = true;
		else if (*p == '.' && !point)
			point = true;
		else
			return false;
	}
	return digits;
}

/* What reading a number's text from left to right has found so far. */
struct scan {
	const uint8_t *p, *end;
	const uint8_t *first;	/* first digit that is not 0; NULL if none */
	const uint8_t *last;	/* last such */
	long places;		/* digits after the point */
	long digits;		/* from `first` to `last` */
	long tail;		/* zeros after `last` */
	bool any, neg;
};

static void
scan_digits(struct scan *s, bool after_point)
{
	for (; s->p < s->end && is_digit(*s->p); s->p++) {
		s->any = true;
		s->places += after_point;
		if (*s->p == '0') {
			s->tail++;
			continue;
		}
		if (s->first == NULL)
			s->first = s->p;
		else
			s->digits += s->tail;
		s->digits++;
		s->tail = 0;
		s->last = s->p;
	}
}

/*
 * Split `text`, and set *exp to the power of ten of the digit at `last`.
 * Returns false if it is not a number.
 */
static bool
split(struct span text, struct scan *s, int *exp)
{
	long e = 0;
	bool down = false;

	*s = (struct scan){ .p = text.ptr, .end = text.ptr + text.len };
	if (s->p < s->end && (*s->p == '-' || *s->p == '+'))
		s->neg = *s->p++ == '-';
	scan_digits(s, false);
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		scan_digits(s, true);
	}
	if (!s->any)
		return false;
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '-' || *s->p == '+'))
			down = *s->p++ == '-';
		if (s->p == s->end)
			return false;
		for (; s->p < s->end && is_digit(*s->p); s->p++)
			if (e < FAR)
				e = e * 10 + (*s->p - '0');
	}

	/* The text itself may be longer than FAR: clamp last. */
	e = (down ? -e : e) - s->places + s->tail;
	*exp = (int)(e > FAR ? FAR : e < -FAR ? -FAR : e);
	return s->p == s->end;
}

static int
check_slowly(struct span text, struct err *err)
{
	struct scan s;
	int exp;

	if (!split(text, &s, &exp))
		return err_set(err, ERR_INPUT, "'%.*s' is not a number",
			       text.len < 60 ? (int)text.len : 60,
			       (const char *)text.ptr);
	if (s.first == NULL)
		return 0;
	if (exp + s.digits - 1 > MAX_POWER)
		return err_set(err, ERR_INPUT, "number is too large: more than "
			       "9.99...E+125");
	if (exp + s.digits - 1 < MIN_POWER)
		return err_set(err, ERR_INPUT, "number is too small: less than "
			       "1E-130");
	if (s.digits > DECIMAL_MAX_DIGITS)
		return err_set(err, ERR_INPUT, "number has %ld significant "
			       "digits, more than 38", s.digits);
	return 0;
}

int
decimal_check(struct span text, struct err *err)
{
	const uint8_t *const p = text.ptr;
	const size_t n = text.len;

	/* Counts and times: up to 16 digits and nothing else. */
	if (n >= 8 && n <= 16) {
		if (are_digits(load_le64(p)) && are_digits(load_le64(p + n - 8)))
			return 0;
	} else if (n >= 4 && n < 8) {
		if (are_digits(load_le32(p) |
			       (uint64_t)load_le32(p + n - 4) << 32))
			return 0;
	}
	return is_short(text) ? 0 : check_slowly(text, err);
}

/* Drop zeros at the end of a coefficient. */
static void
trim(struct number *x)
{
	if (x->coef == 0) {
		*x = (struct number){ 0 };
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

/* Take a checked number apart. */
static struct number
unpack(struct span text)
{
	struct number x = { 0 };
	struct scan s;
	uint64_t low = 0, scale = 1;

	if (!split(text, &s, &x.exp) || s.first == NULL)
		return (struct number){ 0 };
	assert(s.digits <= DECIMAL_MAX_DIGITS);
	x.neg = s.neg;

	/* Up to 18 digits at a time in one register. */
	for (const uint8_t *p = s.first; p <= s.last; p++) {
		if (*p == '.')
			continue;
		low = low * 10 + (uint64_t)(*p - '0');
		scale *= 10;
		if (scale == pow19 / 10) {
			x.coef = x.coef * scale + low;
			low = 0;
			scale = 1;
		}
	}
	x.coef = x.coef * scale + low;
	return x;
}

/* Write the digits of `c`, which has `n`, and return where they end. */
static char *
put_digits(char *out, unsigned __int128 c, int n)
{
	uint64_t low = (uint64_t)(c % pow19);

	c /= pow19;
	for (int i = n; i > 0; i--) {
		if (n - i == 19)
			low = (uint64_t)(c % pow19);
		if (n - i == 38)
			low = (uint64_t)(c / pow19);
		out[i - 1] = (char)('0' + low % 10);
		low /= 10;
	}
	return out + n;
}

static char *
put_zeros(char *out, int n)
{
	memset(out, '0', (size_t)n);
	return out + n;
}

/* The canonical text of a number in range.  Returns its length. */
static size_t
pack(const struct number *x, char *out)
{
	const int n = count(x->coef);
	char *p = out;

	if (n == 0) {
		*p = '0';
		return 1;
	}
	if (x->neg)
		*p++ = '-';
	if (x->exp >= 0) {
		p = put_digits(p, x->coef, n);
		p = put_zeros(p, x->exp);
	} else if (-x->exp < n) {
		/* The digits one place to the right, then the whole ones back. */
		const int whole = n + x->exp;

		put_digits(p + 1, x->coef, n);
		memmove(p, p + 1, (size_t)whole);
		p[whole] = '.';
		p += n + 1;
	} else {
		*p++ = '0';
		*p++ = '.';
		p = put_zeros(p, -x->exp - n);
		p = put_digits(p, x->coef, n);
	}
	assert(p - out <= DECIMAL_TEXT_LEN);
	return (size_t)(p - out);
}

/* Check the range of a result and write it.  Returns its length or 0. */
static size_t
finish(struct number *x, char *out, struct err *err)
{
	trim(x);

	const int n = count(x->coef);
	const char *const why = n == 0 ? NULL
		: x->exp + n - 1 > MAX_POWER ? too_large
		: x->exp + n - 1 < MIN_POWER ? too_small
		: n > DECIMAL_MAX_DIGITS ? too_long : NULL;

	if (why == NULL)
		return pack(x, out);
	err_set(err, ERR_INPUT, "%s", why);
	return 0;
}

size_t
decimal_canonical(struct span text, char *out)
{
	const uint8_t *const p = text.ptr;

	/* An integer without zeros in front is canonical already. */
	if (text.len > 0 && text.len <= 19 && p[0] >= '1' && p[0] <= '9') {
		size_t i = 1;

		while (i < text.len && is_digit(p[i]))
			i++;
		if (i == text.len) {
			memcpy(out, p, i);
			return i;
		}
	}

	const struct number x = unpack(text);
	return pack(&x, out);
}

static int
compare_magnitude(const struct number *a, const struct number *b)
{
	const int na = count(a->coef), nb = count(b->coef);
	unsigned __int128 ca = a->coef, cb = b->coef;

	if (na + a->exp != nb + b->exp)
		return na + a->exp < nb + b->exp ? -1 : 1;
	if (na < nb)
		ca *= power(nb - na);
	else
		cb *= power(na - nb);
	return (ca > cb) - (ca < cb);
}

int
decimal_compare(struct span a, struct span b)
{
	if (span_equal(a, b))
		return 0;

	const struct number x = unpack(a), y = unpack(b);
	if (x.coef == 0 || y.coef == 0 || x.neg != y.neg) {
		const int sx = x.coef == 0 ? 0 : x.neg ? -1 : 1;
		const int sy = y.coef == 0 ? 0 : y.neg ? -1 : 1;

		return (sx > sy) - (sx < sy);
	}
	return x.neg ? compare_magnitude(&y, &x) : compare_magnitude(&x, &y);
}

/*
 * One byte for the power of ten, one for each pair of digits, pairs being
 * counted from the point, and one for a minus.
 */
size_t
decimal_stored_len(struct span text)
{
	struct scan s;
	int exp;

	if (!split(text, &s, &exp) || s.first == NULL)
		return 1;
	const long high = exp + s.digits - 1;
	const long odd = high % 2 == 0;
	return (size_t)(1 + (s.digits + odd + 1) / 2 + s.neg);
}

/* x + y, both not 0; false if that needs more than 38 digits. */
static bool
add(struct number x, struct number y, struct number *out)
{
	if (x.exp < y.exp) {
		const struct number t = x;

		x = y;
		y = t;
	}

	/* Their last digits, neither 0, must both be within the 38. */
	const int up = x.exp - y.exp;
	unsigned __int128 cx;

	if (up > DECIMAL_MAX_DIGITS ||
	    __builtin_mul_overflow(x.coef, power(up), &cx))
		return false;
	*out = (struct number){ .exp = y.exp, .neg = x.neg };
	if (x.neg == y.neg)
		return !__builtin_add_overflow(cx, y.coef, &out->coef);
	out->coef = cx >= y.coef ? cx - y.coef : y.coef - cx;
	out->neg = cx >= y.coef ? x.neg : y.neg;
	return true;
}

static size_t
sum(struct number x, struct number y, char *out, struct err *err)
{
	struct number z = x.coef == 0 ? y : x;

	if (x.coef != 0 && y.coef != 0 && !add(x, y, &z)) {
		err_set(err, ERR_INPUT, "%s", too_long);
		return 0;
	}
	return finish(&z, out, err);
}

size_t
decimal_add(struct span a, struct span b, char *out, struct err *err)
{
	return sum(unpack(a), unpack(b), out, err);
}

size_t
decimal_sub(struct span a, struct span b, char *out, struct err *err)
{
	struct number y = unpack(b);

	y.neg = !y.neg;
	return sum(unpack(a), y, out, err);
}

/* Round `n` digits half to even to 38, into x->coef and x->exp. */
static void
keep_38(struct number *x, const char *digits, int n)
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
	const struct number x = unpack(a), y = unpack(b);
	struct number z = { .exp = x.exp + y.exp, .neg = x.neg != y.neg };
	const uint64_t x0 = (uint64_t)(x.coef % pow19);
	const uint64_t x1 = (uint64_t)(x.coef / pow19);
	const uint64_t y0 = (uint64_t)(y.coef % pow19);
	const uint64_t y1 = (uint64_t)(y.coef / pow19);
	const unsigned __int128 low = (unsigned __int128)x0 * y0;
	const unsigned __int128 m0 = (unsigned __int128)x0 * y1;
	const unsigned __int128 m1 = (unsigned __int128)x1 * y0;

	/* Four places of 19 digits; carries stay far below 2^128. */
	const unsigned __int128 p1 = low / pow19 + m0 % pow19 + m1 % pow19;
	const unsigned __int128 p2 = (unsigned __int128)x1 * y1 + m0 / pow19 +
				     m1 / pow19 + p1 / pow19;
	char digits[4 * 19];
	int lead = 0;

	put_digits(digits, p2, 38);
	put_digits(digits + 38, (p1 % pow19) * pow19 + low % pow19, 38);
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
	const struct number x = unpack(a), y = unpack(b);
	struct number z = { .exp = x.exp - y.exp, .neg = x.neg != y.neg };

	if (y.coef == 0) {
		err_set(err, ERR_INPUT, "division by zero");
		return 0;
	}

	const unsigned __int128 full = power(DECIMAL_MAX_DIGITS - 1);
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
	struct number x = unpack(a);

	if (digits > FAR || -x.exp <= digits)
		return finish(&x, out, err);

	/* From here on digits < -x.exp, so this many go, but none too far. */
	const int drop = digits < -FAR ? FAR : -x.exp - digits;
	if (drop > DECIMAL_MAX_DIGITS) {
		x.coef = 0;
		return finish(&x, out, err);
	}

	const unsigned __int128 unit = power(drop), rest = x.coef % unit;
	x.coef = x.coef / unit + (rest >= unit - rest);
	x.exp += drop;
	return finish(&x, out, err);
}

size_t
decimal_abs(struct span a, char *out)
{
	struct number x = unpack(a);

	x.neg = false;
	return pack(&x, out);
}
