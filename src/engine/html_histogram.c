/* html_histogram.c - sizes of items as bars, and small bars within tables. */
#include <stdio.h>

#include "engine/html_internal.h"
#include "formats/tree.h"

enum {
	STEP = 38, BAR = 30,		/* from bar to bar, and one's width */
	TALL = 110, TOP = 20,		/* the highest bar, and room above it */
	LABELS = 34,			/* room below */
	MAX_BARS = 32,
};

/* "812", "9.1k", "812k", "1.2M": as wide as a bar. */
static const char *
shorten(uint64_t n, char out[HTML_NUMBER])
{
	static const char *const UNITS[] = { "", "k", "M", "G", "T" };
	double v = (double)n;
	int unit = 0;

	while (v >= 999.5 && unit < 4) {
		v /= 1000;
		unit++;
	}
	snprintf(out, HTML_NUMBER, unit > 0 && v < 9.95 ? "%.1f%s" : "%.0f%s",
		 v, UNITS[unit]);
	return out;
}

static void
write_label(struct html_page *p, int x, int y, const char *class,
	    const char *text)
{
	markup_open(&p->m, "text", "class", class, "text-anchor", "middle",
		    NULL);
	markup_attr(&p->m, "x", "%d", x);
	markup_attr(&p->m, "y", "%d", y);
	markup_printf(&p->m, "%s", text);
	markup_close(&p->m);
}

static void
draw(struct html_page *p, const struct tree *bucket, uint64_t from,
     uint64_t most, int x)
{
	struct markup *const m = &p->m;
	const uint64_t upto = html_uint(bucket, "upTo");
	const uint64_t n = html_uint(bucket, "items");
	int tall = (int)((double)n / (double)most * TALL + .5);
	char a[HTML_NUMBER], b[HTML_NUMBER];

	if (n > 0 && tall < 2)
		tall = 2;	/* some is not none */
	markup_open(m, "g", NULL);
	html_leaf(p, "title", NULL, "%s to %s: %s", from > 0 ?
		  html_count(from + 1, a) : "0", html_binary(upto, b),
		  html_plural(n, "item", (char[HTML_NUMBER]){ 0 }));
	markup_open(m, "rect", "class", "column", NULL);
	markup_attr(m, "x", "%d", x);
	markup_attr(m, "y", "%d", TOP + TALL - tall);
	markup_attr(m, "width", "%d", BAR);
	markup_attr(m, "height", "%d", tall);
	markup_close(m);
	if (n > 0)
		write_label(p, x + BAR / 2, TOP + TALL - tall - 5, NULL,
			    shorten(n, a));
	/* "128 B" in two lines */
	html_binary(upto, a);
	for (char *c = a; *c != '\0'; c++)
		if (*c == ' ') {
			*c = '\0';
			write_label(p, x + BAR / 2, TOP + TALL + 27, "dim",
				    c + 1);
			break;
		}
	write_label(p, x + BAR / 2, TOP + TALL + 15, NULL, a);
	markup_close(m);
}

void
html_histogram(struct html_page *p, const struct tree *bytes)
{
	struct markup *const m = &p->m;
	const struct tree *const list = html_get(bytes, "histogram");
	uint32_t n = html_len(list), first = 0;
	uint64_t most = 0;
	char a[HTML_NUMBER], b[HTML_NUMBER];

	for (uint32_t i = 0; i < n; i++)
		if (html_uint(&list->kids[i], "items") > most)
			most = html_uint(&list->kids[i], "items");
	if (most == 0)
		return;
	while (html_uint(&list->kids[n - 1], "items") == 0)
		n--;
	while (html_uint(&list->kids[first], "items") == 0)
		first++;
	if (n - first > MAX_BARS)
		n = first + MAX_BARS;

	const int width = (int)(n - first) * STEP + STEP - BAR;

	markup_open(m, "figure", "class", "histogram", NULL);
	markup_open(m, "svg", "role", "img", NULL);
	markup_attr(m, "aria-label", "Items by size, from %s to %s",
		    html_binary(html_uint(bytes, "min"), a),
		    html_binary(html_uint(bytes, "max"), b));
	markup_attr(m, "viewBox", "0 0 %d %d", width, TOP + TALL + LABELS);
	markup_attr(m, "width", "%d", width);
	markup_attr(m, "height", "%d", TOP + TALL + LABELS);
	for (uint32_t i = first; i < n; i++)
		draw(p, &list->kids[i], i > 0 ? html_uint(&list->kids[i - 1],
							  "upTo") : 0,
		     most, (STEP - BAR) + (int)(i - first) * STEP);
	markup_open(m, "path", "class", "axis", NULL);
	markup_attr(m, "d", "M0 %dH%d", TOP + TALL, width);
	markup_close(m);
	markup_close(m);
	html_leaf(p, "figcaption", NULL, "Items by size: up to so many bytes "
		  "each, as DynamoDB counts them");
	markup_close(m);
}

void
html_meter(struct html_page *p, uint64_t part, uint64_t whole)
{
	struct markup *const m = &p->m;

	markup_open(m, "svg", "class", "meter", "viewBox", "0 0 40 6",
		    "width", "40", "height", "6", "aria-hidden", "true",
		    "focusable", "false", NULL);
	markup_open(m, "rect", "class", "ground", "width", "40", "height", "6",
		    NULL);
	markup_close(m);
	markup_open(m, "rect", "height", "6", NULL);
	markup_attr(m, "width", "%.1f", whole > 0 && part < whole
		    ? 40 * (double)part / (double)whole : part > 0 ? 40. : 0.);
	markup_close(m);
	markup_close(m);
}
