/*
 * ion_number.c - Ion's numbers as DynamoDB's: integers in three bases,
 * decimals, and floats that are a decimal.
 *
 * All of them become canonical text (decimal.h), which for most is what stands
 * in the input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/ion.h"
#include "formats/ion_internal.h"

/* A number taken apart; what it has of it ends where the next begins. */
struct parts {
	const uint8_t *from, *digits, *point, *exponent, *end;
	bool underscores;
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/*
 * Does it end at `p`?  At white space, punctuation, a quote or a comment: not
 * at a letter, which would be a slip.
 */
static bool
ends_at(const uint8_t *p)
{
	if (*p == '/')
		return p[1] == '/' || p[1] == '*';
	return *p <= ' ' ? *p == ' ' || (*p >= '\t' && *p <= '\r')
			 : *p < 0x80 && strchr("{}[](),\"'", *p) != NULL;
}

static int
bad_end(struct ion_text *t, const uint8_t *p)
{
	return ion_wrong(t, p, "the number's end");
}

/* Digits with single underscores between them; where they end. */
static const uint8_t *
pass_digits(const uint8_t *p, bool *underscores)
{
	while (is_digit(*p) || (*p == '_' && is_digit(p[1]) &&
				is_digit(p[-1]))) {
		*underscores |= *p == '_';
		p++;
	}
	return p;
}

static int
set_text(struct ion_text *t, struct value *v, const char *text, size_t len)
{
	const struct span copy = arena_copy(t->mem,
		(struct span){ (const uint8_t *)text, len }, t->err);

	*v = value_of_text(VALUE_N, copy);
	return copy.ptr != NULL ? ION_OK : ION_FAILED;
}

/* ---- other bases --------------------------------------------------------- */

/* The integer in base 2^bits whose digits begin at `p`. */
static int
power_of_two(struct ion_text *t, const uint8_t *p, unsigned bits,
	     struct value *v)
{
	enum { LIMBS = 15, LIMB = 1000000000 };	/* 135 digits: above the limit */
	const uint8_t *const from = t->at;
	uint32_t limbs[LIMBS] = { 0 };
	char text[LIMBS * 9 + 2] = "-";
	bool large = false, any = false;

	for (;; p++) {
		const uint8_t c = *p | 0x20;
		uint64_t carry = is_digit(*p) ? (uint64_t)(*p - '0')
			: c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10 : 99;

		if (*p == '_' && any && p[-1] != '_')
			continue;
		if (carry >> bits != 0)
			break;
		any = true;
		for (size_t i = 0; i < LIMBS && !large; i++) {
			carry += (uint64_t)limbs[i] << bits;
			limbs[i] = (uint32_t)(carry % LIMB);
			carry /= LIMB;
		}
		large = large || carry != 0;
	}
	if (!any || p[-1] == '_' || !ends_at(p))
		return any && p[-1] != '_' ? bad_end(t, p)
					   : ion_wrong(t, p, "a digit");
	if (large)
		return ion_refuse(t, from, "the number is too large");
	for (size_t i = 0; i < LIMBS; i++)
		snprintf(text + 1 + 9 * i, 10, "%09u",
			 limbs[LIMBS - 1 - i]);

	const bool neg = *from == '-';
	const struct span all = { (const uint8_t *)text + !neg,
				  sizeof(text) - 1 - !neg };
	char canonical[DECIMAL_TEXT_LEN];
	t->wrong = from;
	if (decimal_check(all, t->err) != 0)
		return ION_BAD;
	t->at = p;
	return set_text(t, v, canonical, decimal_canonical(all, canonical));
}

/* ---- floats -------------------------------------------------------------- */

/*
 * The float that `text`, which ends in NUL, says is a binary one.  Is it, as a
 * decimal, what the text says?
 */
static bool
is_exact(const char *text, const char *canonical, size_t len)
{
	/* No double has more than 767 digits; its point and exponent. */
	char digits[800], again[DECIMAL_TEXT_LEN];
	struct err unused;
	const int n = snprintf(digits, sizeof(digits), "%.770e",
			       strtod(text, NULL));
	const struct span all = { (const uint8_t *)digits, (size_t)n };

	return decimal_check(all, &unused) == 0 &&
	       decimal_canonical(all, again) == len &&
	       memcmp(again, canonical, len) == 0;
}

/* ---- decimals ------------------------------------------------------------ */

/* Take the number at t->at apart. */
static int
take_apart(struct ion_text *t, struct parts *n)
{
	const uint8_t *p = t->at;

	*n = (struct parts){ .from = p };
	if (*p == '-')
		p++;
	n->digits = p;
	if (!is_digit(*p))
		return ion_wrong(t, p, "a number");
	p = pass_digits(p, &n->underscores);
	if (p - n->digits == 4 && n->from == n->digits && !n->underscores &&
	    (*p == '-' || *p == 'T'))
		return ion_refuse(t, n->from, "a timestamp, for which DynamoDB "
				  "has no type; write it as a string");
	if (*n->digits == '0' && p - n->digits > 1)
		return ion_refuse(t, n->digits, "a number with a leading zero");
	n->point = p;
	if (*p == '.') {
		p++;
		if (is_digit(*p))
			p = pass_digits(p, &n->underscores);
	}
	n->exponent = p;
	if ((*p | 0x20) == 'd' || (*p | 0x20) == 'e') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			return ion_wrong(t, p, "an exponent");
		while (is_digit(*p))
			p++;
	}
	n->end = p;
	return ends_at(p) ? ION_OK : bad_end(t, p);
}

/* Anything but short text in canonical form. */
static int
unusual(struct ion_text *t, const struct parts *n, struct value *v)
{
	const bool is_float = (*n->exponent | 0x20) == 'e' &&
			      n->exponent < n->end;
	char canonical[DECIMAL_TEXT_LEN];
	size_t len = 0;

	char *const copy = arena_take(t->mem, (size_t)(n->end - n->from) + 1,
				      t->err);
	if (copy == NULL)
		return ION_FAILED;
	for (const uint8_t *p = n->from; p < n->end; p++)
		if (*p != '_')
			copy[len++] = p == n->exponent ? 'e' : (char)*p;
	copy[len] = '\0';

	const struct span text = { (const uint8_t *)copy, len };
	t->wrong = n->from;
	if (decimal_check(text, t->err) != 0)
		return ION_BAD;
	len = decimal_canonical(text, canonical);
	if (is_float && !is_exact(copy, canonical, len))
		return ion_refuse(t, n->from, "a float that is not the decimal "
				  "it is written as; write a decimal, like 0.1 "
				  "or 1d-1");
	t->at = n->end;
	return set_text(t, v, canonical, len);
}

int
ion_number(struct ion_text *t, struct value *v)
{
	const uint8_t *const digits = t->at + (*t->at == '-');
	struct parts n;

	if (digits[0] == '0' && (digits[1] | 0x20) == 'x')
		return power_of_two(t, digits + 2, 4, v);
	if (digits[0] == '0' && (digits[1] | 0x20) == 'b')
		return power_of_two(t, digits + 2, 1, v);

	const int rc = take_apart(t, &n);
	if (rc != ION_OK)
		return rc;

	/* Canonical text of so few digits is in range, whatever they are. */
	const bool whole = n.exponent - n.point <= 1;
	if (n.end != n.exponent || n.underscores ||
	    n.end - n.from > DECIMAL_MAX_DIGITS ||
	    (whole ? n.from != n.digits && *n.digits == '0'
		   : n.exponent[-1] == '0'))
		return unusual(t, &n, v);
	*v = value_of_text(VALUE_N, (struct span){
		n.from, (size_t)((whole ? n.point : n.exponent) - n.from) });
	t->at = n.end;
	return ION_OK;
}
