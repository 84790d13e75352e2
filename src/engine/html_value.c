/* html_value.c - what stands in the JSON text; numbers as people read them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/plural.h"
#include "engine/html_internal.h"
#include "formats/tree.h"

const struct tree *
html_get(const struct tree *map, const char *name)
{
	return map != NULL ? tree_get(map, name) : NULL;
}

struct span
html_text(const struct tree *map, const char *name)
{
	const struct tree *const t = html_get(map, name);

	return t != NULL && t->kind != TREE_NULL && tree_is_scalar(t)
		? t->text : span_of("");
}

bool
html_real(const struct tree *map, const char *name, double *out)
{
	const struct tree *const t = html_get(map, name);

	if (t == NULL || t->kind != TREE_NUMBER)
		return false;
	*out = strtod((const char *)t->text.ptr, NULL);
	return isfinite(*out);
}

uint64_t
html_uint(const struct tree *map, const char *name)
{
	const struct tree *const t = html_get(map, name);
	uint64_t n = 0;

	return t != NULL && tree_uint(t, &n) == 0 ? n : 0;
}

bool
html_truth(const struct tree *map, const char *name)
{
	const struct tree *const t = html_get(map, name);

	return t != NULL && t->kind == TREE_BOOL && t->truth;
}

uint32_t
html_len(const struct tree *list)
{
	return list != NULL && list->kind == TREE_LIST ? list->nkids : 0;
}

/* ---- numbers ------------------------------------------------------------- */

const char *
html_count(uint64_t n, char out[HTML_NUMBER])
{
	char digits[24];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *p = out;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return out;
}

const char *
html_plural(uint64_t n, const char *noun, char out[HTML_NUMBER])
{
	html_count(n, out);
	const size_t len = strlen(out);

	snprintf(out + len, HTML_NUMBER - len, " %s%s", noun,
		 plural(n));
	return out;
}

/* `v` with the first unit that leaves less than `step` of it. */
static const char *
scale(double v, double step, const char *const *units, int decimals,
      char out[HTML_NUMBER])
{
	int unit = 0;

	/* Half a tenth less, or it would be shown as the step itself. */
	while (v >= step - .05 && units[unit + 1] != NULL) {
		v /= step;
		unit++;
	}
	const int n = snprintf(out, HTML_NUMBER, "%.*f", unit == 0 ? 0
			       : decimals, v);
	snprintf(out + n, (size_t)(HTML_NUMBER - n), " %s", units[unit]);
	return out;
}

const char *
html_bytes(uint64_t n, char out[HTML_NUMBER])
{
	static const char *const UNITS[] = { "B", "kB", "MB", "GB", "TB",
					     NULL };

	return scale((double)n, 1000, UNITS, 1, out);
}

const char *
html_binary(uint64_t n, char out[HTML_NUMBER])
{
	static const char *const UNITS[] = { "B", "KiB", "MiB", "GiB", NULL };

	return scale((double)n, 1024, UNITS, n % 1024 != 0 && n < 100 * 1024,
		     out);
}

const char *
html_seconds(double s, char out[HTML_NUMBER])
{
	if (!(s >= 0) || s > 1e12)
		snprintf(out, HTML_NUMBER, "?");
	else if (s < 10)
		snprintf(out, HTML_NUMBER, "%.3g s", s);
	else if (s < 119.5)
		snprintf(out, HTML_NUMBER, "%.0f s", s);
	else if (s < 3570)
		snprintf(out, HTML_NUMBER, "%.0f min", s / 60);
	else
		snprintf(out, HTML_NUMBER, "%" PRIu64 " h %02u min",
			 (uint64_t)(s + 30) / 3600,
			 (unsigned)((uint64_t)(s + 30) % 3600 / 60));
	return out;
}

const char *
html_money(double v, char out[HTML_NUMBER])
{
	if (!(fabs(v) < 1e15))
		snprintf(out, HTML_NUMBER, "?");
	else if (v > 0 && v < .00005)
		snprintf(out, HTML_NUMBER, "<$0.0001");
	else
		snprintf(out, HTML_NUMBER, v != 0 && fabs(v) < .095 ? "$%.4f"
			 : "$%.2f", v);
	return out;
}

const char *
html_share(uint64_t part, uint64_t whole, char out[HTML_NUMBER])
{
	const double v = whole > 0 ? 100 * (double)part / (double)whole : 0;

	/* "100 %" is said of all, and "0 %" of nothing. */
	if (part == whole || part == 0)
		snprintf(out, HTML_NUMBER, "%d %%", part > 0 ? 100 : 0);
	else if (v > 99.94)
		snprintf(out, HTML_NUMBER, "> 99.9 %%");
	else if (v < .06)
		snprintf(out, HTML_NUMBER, "< 0.1 %%");
	else
		snprintf(out, HTML_NUMBER, "%.1f %%", v);
	return out;
}

const char *
html_time(struct span text, char out[HTML_NUMBER])
{
	char *end;
	const char *const start = (const char *)text.ptr;
	const long long s = strtoll(start, &end, 10);
	const time_t t = (time_t)s;
	struct tm tm;

	if (text.len > 0 && end == start + text.len &&
	    gmtime_r(&t, &tm) != NULL &&
	    strftime(out, HTML_NUMBER, "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		return out;
	if (text.len == 20 && start[10] == 'T' && start[19] == 'Z')
		snprintf(out, HTML_NUMBER, "%.10s %.8s UTC", start,
			 start + 11);
	else
		snprintf(out, HTML_NUMBER, "%.*s", text.len < HTML_NUMBER
			 ? (int)text.len : HTML_NUMBER - 1, start);
	return out;
}
