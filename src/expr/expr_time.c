/*
 * expr_time.c - points in time: epoch seconds as N, and ISO 8601 as S.
 *
 *	2025-02-01				midnight, UTC
 *	2025-02-01T12:34[:56[.789...]]Z		or an offset, +01:00
 *
 * The calendar is the Gregorian one throughout, years 0000 to 9999.
 */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "expr/expr_internal.h"

enum {
	DAY = 86400,
	FRACTION_DIGITS = 20,	/* read of a second: as many as an N can hold */
};

/* From 0000-01-01 to 9999-12-31. */
static const long long first_second = -62167219200;
static const long long last_second = 253402300799;

/* Days since 1970-01-01; years begin in March, so that leap days end them. */
static long long
days_of(int year, int month, int day)
{
	const int y = month <= 2 ? year - 1 : year;
	const int era = (y >= 0 ? y : y - 399) / 400;
	const int of_era = y - era * 400;
	const int of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097LL + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static void
date_of(long long days, int *year, int *month, int *day)
{
	days += 719468;

	const long long era = (days >= 0 ? days : days - 146096) / 146097;
	const int of_era = (int)(days - era * 146097);
	const int y = (of_era - of_era / 1460 + of_era / 36524 -
		       of_era / 146096) / 365;
	const int of_year = of_era - (365 * y + y / 4 - y / 100);
	const int m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int)(era * 400) + y + (*month <= 2);
}

/*
 * Whole seconds and milliseconds, rounded down, of canonical text.  Returns
 * false if that is out of range.
 */
static bool
split_seconds(const char *text, size_t n, long long *seconds, int *millis)
{
	const bool minus = text[0] == '-';
	size_t i = minus;
	long long s = 0;
	int ms = 0;
	bool rest = false;

	for (; i < n && text[i] != '.'; i++) {
		if (s > last_second)
			return false;
		s = s * 10 + (text[i] - '0');
	}
	for (int place = 100; ++i < n; place /= 10) {
		ms += place * (text[i] - '0');
		rest = rest || (place == 0 && text[i] != '0');
	}
	if (minus && (ms > 0 || rest)) {
		/* Down, not towards zero. */
		ms = 1000 - ms - rest;
		s++;
	}
	*seconds = minus ? -s : s;
	*millis = ms;
	return *seconds >= first_second && *seconds <= last_second;
}

int
call_iso_time(const struct eval *e, const struct value *args, uint32_t nargs,
	      struct value *out)
{
	char text[DECIMAL_TEXT_LEN], iso[64];
	struct span s;
	long long seconds;
	int millis, year, month, day;

	(void)nargs;
	if (value_text(&args[0], e->run->mem, &s, e->err) != 0)
		return -1;
	const size_t n = decimal_canonical(s, text);
	if (!split_seconds(text, n, &seconds, &millis))
		return err_set(e->err, ERR_INPUT, "'iso_time' does not take "
			       "%.*s: the years are 0000 to 9999", (int)n,
			       text);

	const long long days = (seconds - (seconds < 0 ? DAY - 1 : 0)) / DAY;
	const int clock = (int)(seconds - days * DAY);
	date_of(days, &year, &month, &day);
	const int len = snprintf(iso, sizeof(iso),
		"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
		clock / 3600, clock / 60 % 60, clock % 60, millis);
	return eval_text(e, VALUE_S, (struct span){ (uint8_t *)iso,
						    (size_t)len }, out);
}

/* ISO 8601 text being read. */
struct reader {
	const uint8_t *p, *end;
	bool wrong;
};

static int
digits(struct reader *r, int n)
{
	int v = 0;

	for (; n > 0; n--) {
		if (r->p == r->end || *r->p < '0' || *r->p > '9') {
			r->wrong = true;
			return 0;
		}
		v = v * 10 + (*r->p++ - '0');
	}
	return v;
}

static bool
take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != (uint8_t)c)
		return false;
	r->p++;
	return true;
}

static void
expect(struct reader *r, char c)
{
	if (!take(r, c))
		r->wrong = true;
}

/* A number up to `most`, in two digits. */
static int
pair(struct reader *r, int least, int most)
{
	const int v = digits(r, 2);

	if (v < least || v > most)
		r->wrong = true;
	return v;
}

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static long long
read_date(struct reader *r)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
					   31, 30, 31 };
	const int year = digits(r, 4);

	expect(r, '-');
	const int month = pair(r, 1, 12);
	expect(r, '-');
	if (r->wrong)
		return 0;
	const int last = lengths[month - 1] + (month == 2 && is_leap(year));
	const int day = pair(r, 1, last);
	return days_of(year, month, day) * DAY;
}

/* Seconds of the day, less the offset; the fraction's digits to `fraction`. */
static long long
read_clock(struct reader *r, struct span *fraction)
{
	long long s = pair(r, 0, 23) * 3600LL;

	expect(r, ':');
	s += pair(r, 0, 59) * 60LL;
	if (take(r, ':')) {
		s += pair(r, 0, 59);
		if (take(r, '.')) {
			fraction->ptr = r->p;
			while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
				r->p++;
			fraction->len = (size_t)(r->p - fraction->ptr);
			r->wrong = r->wrong || fraction->len == 0 ||
				   fraction->len > FRACTION_DIGITS;
		}
	}
	if (take(r, 'Z'))
		return s;
	const bool east = take(r, '+');
	if (!east)
		expect(r, '-');
	int offset = pair(r, 0, 23) * 3600;
	take(r, ':');
	offset += pair(r, 0, 59) * 60;
	return east ? s - offset : s + offset;
}

int
call_epoch_time(const struct eval *e, const struct value *args,
		uint32_t nargs, struct value *out)
{
	char whole[32], part[FRACTION_DIGITS + 3], text[DECIMAL_TEXT_LEN];
	struct span s, fraction = { NULL, 0 };

	(void)nargs;
	if (value_text(&args[0], e->run->mem, &s, e->err) != 0)
		return -1;

	struct reader r = { .p = s.ptr, .end = s.ptr + s.len };
	long long seconds = read_date(&r);
	if (!r.wrong && take(&r, 'T'))
		seconds += read_clock(&r, &fraction);
	if (r.wrong || r.p != r.end)
		return err_set(e->err, ERR_INPUT, "'epoch_time' takes "
			       "2025-02-01 or 2025-02-01T12:34:56.789Z, not "
			       "'%.*s'", s.len < 60 ? (int)s.len : 60,
			       (const char *)s.ptr);

	snprintf(whole, sizeof(whole), "%lld", seconds);
	snprintf(part, sizeof(part), "0.%.*s", (int)fraction.len,
		 fraction.len > 0 ? (const char *)fraction.ptr : "");
	const size_t n = decimal_add(span_of(whole), span_of(part), text,
				     e->err);
	return n == 0 ? -1 : eval_text(e, VALUE_N,
		(struct span){ (uint8_t *)text, n }, out);
}
