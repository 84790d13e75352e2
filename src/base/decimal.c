/*
 * decimal.c - numbers as text: checked, in one form, compared; taken apart and
 * put together again for decimal_math.c.
 */
#include "base/decimal.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/decimal_internal.h"
#include "base/err.h"

unsigned __int128
decimal_power(int n)
{
	unsigned __int128 p = 1;

	assert(n >= 0 && n <= 38);
	if (n >= 19) {
		p = DECIMAL_POW19;
		n -= 19;
	}
	for (uint64_t base = 10; n > 0; n >>= 1, base *= base)
		if ((n & 1) != 0)
			p *= base;
	return p;
}

int
decimal_count(unsigned __int128 c)
{
	int n = 0;

	for (; c >= DECIMAL_POW19; c /= DECIMAL_POW19)
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
			if (e < DECIMAL_FAR)
				e = e * 10 + (*s->p - '0');
	}

	/* The text itself may be longer than DECIMAL_FAR: clamp last. */
	e = (down ? -e : e) - s->places + s->tail;
	*exp = (int)(e > DECIMAL_FAR ? DECIMAL_FAR :
		     e < -DECIMAL_FAR ? -DECIMAL_FAR : e);
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
	if (exp + s.digits - 1 > DECIMAL_MAX_POWER)
		return err_set(err, ERR_INPUT, "number is too large: more than "
			       "9.99...E+125");
	if (exp + s.digits - 1 < DECIMAL_MIN_POWER)
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

struct decimal
decimal_unpack(struct span text)
{
	struct decimal x = { 0 };
	struct scan s;
	uint64_t low = 0, scale = 1;

	if (!split(text, &s, &x.exp) || s.first == NULL)
		return (struct decimal){ 0 };
	assert(s.digits <= DECIMAL_MAX_DIGITS);
	x.neg = s.neg;

	/* Up to 18 digits at a time in one register. */
	for (const uint8_t *p = s.first; p <= s.last; p++) {
		if (*p == '.')
			continue;
		low = low * 10 + (uint64_t)(*p - '0');
		scale *= 10;
		if (scale == DECIMAL_POW19 / 10) {
			x.coef = x.coef * scale + low;
			low = 0;
			scale = 1;
		}
	}
	x.coef = x.coef * scale + low;
	return x;
}

char *
decimal_put_digits(char *out, unsigned __int128 c, int n)
{
	uint64_t low = (uint64_t)(c % DECIMAL_POW19);

	c /= DECIMAL_POW19;
	for (int i = n; i > 0; i--) {
		if (n - i == 19)
			low = (uint64_t)(c % DECIMAL_POW19);
		if (n - i == 38)
			low = (uint64_t)(c / DECIMAL_POW19);
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

size_t
decimal_pack(const struct decimal *x, char *out)
{
	const int n = decimal_count(x->coef);
	char *p = out;

	if (n == 0) {
		*p = '0';
		return 1;
	}
	if (x->neg)
		*p++ = '-';
	if (x->exp >= 0) {
		p = decimal_put_digits(p, x->coef, n);
		p = put_zeros(p, x->exp);
	} else if (-x->exp < n) {
		/* The digits one place to the right, then the whole ones back. */
		const int whole = n + x->exp;

		decimal_put_digits(p + 1, x->coef, n);
		memmove(p, p + 1, (size_t)whole);
		p[whole] = '.';
		p += n + 1;
	} else {
		*p++ = '0';
		*p++ = '.';
		p = put_zeros(p, -x->exp - n);
		p = decimal_put_digits(p, x->coef, n);
	}
	assert(p - out <= DECIMAL_TEXT_LEN);
	return (size_t)(p - out);
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

	const struct decimal x = decimal_unpack(text);
	return decimal_pack(&x, out);
}

static int
compare_magnitude(const struct decimal *a, const struct decimal *b)
{
	const int na = decimal_count(a->coef), nb = decimal_count(b->coef);
	unsigned __int128 ca = a->coef, cb = b->coef;

	if (na + a->exp != nb + b->exp)
		return na + a->exp < nb + b->exp ? -1 : 1;
	if (na < nb)
		ca *= decimal_power(nb - na);
	else
		cb *= decimal_power(na - nb);
	return (ca > cb) - (ca < cb);
}

/* An integer above 0 with nothing in front and few digits: the usual case. */
static bool
is_count(struct span text)
{
	const uint8_t *const p = text.ptr;
	const size_t n = text.len;

	if (n == 0 || n > 16 || p[0] < '1' || p[0] > '9')
		return false;
	if (n >= 8)
		return are_digits(load_le64(p)) &&
		       are_digits(load_le64(p + n - 8));
	for (size_t i = 1; i < n; i++)
		if (!is_digit(p[i]))
			return false;
	return true;
}

int
decimal_compare(struct span a, struct span b)
{
	if (span_equal(a, b))
		return 0;
	if (is_count(a) && is_count(b))
		return a.len != b.len ? (a.len > b.len) - (a.len < b.len)
				      : span_compare(a, b);

	const struct decimal x = decimal_unpack(a), y = decimal_unpack(b);
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
