#include "cli/words.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/err.h"

const char *
words_bytes(uint64_t n, char out[16])
{
	static const char *const UNITS[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)n;
	int unit = 0;

	while (v >= 1000 && unit < 4) {
		v /= 1000;
		unit++;
	}
	snprintf(out, 16, unit == 0 ? "%.0f %s" : "%.1f %s", v, UNITS[unit]);
	return out;
}

const char *
words_count(uint64_t n, char out[32])
{
	char digits[32];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	int k = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = '\0';
	return out;
}

const char *
words_seconds(double s, char out[32])
{
	if (s < 100)
		snprintf(out, 32, "%.0f s", s);
	else if (s < 100 * 60)
		snprintf(out, 32, "%.0f min", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 32, "%.1f h", s / 3600);
	else
		snprintf(out, 32, "%.1f days", s / 86400);
	return out;
}

const char *
words_money(double n, const char *currency, char out[64])
{
	const bool dollars = strcmp(currency, "USD") == 0;
	const bool little = n > 0 && n < 0.01;

	snprintf(out, 64, "%s%s%.2f%s%.20s", little ? "<" : "",
		 dollars ? "$" : "", little ? 0.01 : n, dollars ? "" : " ",
		 dollars ? "" : currency);
	return out;
}

const char *
words_shown(const char *text, struct buf *room)
{
	static const uint8_t END = 0;
	struct err unused;

	buf_reset(room);
	for (const char *at = text;; at++) {
		const size_t n = strcspn(at, "\n");
		const bool last = at[n] == '\0';

		if (display_put((struct span){ (const uint8_t *)at, n }, false,
				room, &unused) != 0 ||
		    buf_append(room, last ? (struct span){ &END, 1 }
					  : span_of("\n"), &unused) != 0)
			return text;
		if (last)
			return (const char *)room->ptr;
		at += n;
	}
}
