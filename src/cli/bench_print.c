#include "cli/bench_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/bench.h"
#include "formats/jsonwrite.h"

/* A line of the account: all of the sample in so many seconds. */
struct row {
	const char *name;
	double seconds;
};

enum { MAX_ROWS = BENCH_NSTAGES + 1 };

/* The stages, and what is beside them in a run with one thread. */
static size_t
rows_of(const struct bench_result *r, struct row rows[MAX_ROWS])
{
	double all = 0;

	for (int s = 0; s < BENCH_NSTAGES; s++) {
		rows[s] = (struct row){ bench_stage_name((enum bench_stage)s),
					r->stages[s] };
		all += r->stages[s];
	}
	/* They were measured apart: it may come out as nothing. */
	rows[BENCH_NSTAGES] = (struct row){ "the rest", 0 };
	if (r->nruns > 0 && r->runs[0].cpu > all)
		rows[BENCH_NSTAGES].seconds = r->runs[0].cpu - all;
	return MAX_ROWS;
}

static double
per(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static double
megabytes(double seconds, const struct bench_result *r)
{
	return per((double)r->plain_len / 1e6, seconds);
}

static double
nanoseconds(double seconds, const struct bench_result *r)
{
	return per(seconds * 1e9, (double)r->items);
}

/* 0 where the machine does not tell. */
static double
cycles(double seconds, const struct bench_result *r)
{
	return per(seconds * r->ghz * 1e9, (double)r->plain_len);
}

/* ---- text ---------------------------------------------------------------- */

static int
put_row(const struct bench_result *r, const char *name, double seconds,
	struct buf *out, struct err *err)
{
	char told[32] = "-";

	if (r->ghz > 0)
		snprintf(told, sizeof(told), "%.2f", cycles(seconds, r));
	return buf_printf(out, err, "%-22s %8.0f %11.0f %8.0f %8s\n", name,
			  megabytes(seconds, r),
			  per((double)r->items, seconds),
			  nanoseconds(seconds, r), told);
}

static int
put_runs(const struct bench_result *r, struct buf *out, struct err *err)
{
	char name[40];

	for (size_t i = 0; i < r->nruns; i++) {
		const struct bench_time *const t = &r->runs[i];

		snprintf(name, sizeof(name), "run, %u thread%s", t->threads,
			 plural(t->threads));
		if (buf_printf(out, err, "%-22s %8.0f %11.0f %8.2f %7.2fx\n",
			       name, megabytes(t->wall, r),
			       per((double)r->items, t->wall), t->wall,
			       per(r->runs[0].wall, t->wall)) != 0)
			return -1;
	}
	return buf_printf(out, err, "%-22s %8.0f %11.0f %8.2f\n",
			  "floor, 1 thread", megabytes(r->floor.wall, r),
			  per((double)r->items, r->floor.wall), r->floor.wall);
}

int
bench_print_text(const struct bench_result *r, struct buf *out,
		 struct err *err)
{
	struct row rows[MAX_ROWS];
	const size_t n = rows_of(r, rows);

	if (buf_printf(out, err, "%" PRIu64 " item%s of %.0f bytes, %.1f MB of "
		       "text, %.1f MB packed, in %u of %u file%s (%s)\n\n",
		       r->items, plural(r->items),
		       per((double)r->plain_len, (double)r->items),
		       (double)r->plain_len / 1e6, (double)r->packed_len / 1e6,
		       r->nfiles, r->nall, plural(r->nall), cpu_name()) != 0 ||
	    buf_printf(out, err, "%-22s %8s %11s %8s %8s\n", "one thread, CPU",
		       "MB/s", "items/s", "ns/item", "cyc/byte") != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put_row(r, rows[i].name, rows[i].seconds, out, err) != 0)
			return -1;
	if (buf_printf(out, err, "\n%-22s %8s %11s %8s %8s\n", "whole, wall",
		       "MB/s", "items/s", "seconds", "scaling") != 0 ||
	    put_runs(r, out, err) != 0)
		return -1;
	return buf_printf(out, err, "\na run takes %.2f x the CPU of the floor"
			  ", which only unpacks and packs\n",
			  per(r->nruns > 0 ? r->runs[0].cpu : 0,
			      r->floor.cpu));
}

/* ---- JSON ---------------------------------------------------------------- */

static void
put_figures(struct jsonwrite *w, const struct bench_result *r, double seconds)
{
	jsonwrite_name(w, "seconds");
	jsonwrite_fixed(w, seconds, 6);
	jsonwrite_name(w, "megabytesPerSecond");
	jsonwrite_fixed(w, megabytes(seconds, r), 1);
	jsonwrite_name(w, "itemsPerSecond");
	jsonwrite_fixed(w, per((double)r->items, seconds), 0);
	jsonwrite_name(w, "nanosecondsPerItem");
	jsonwrite_fixed(w, nanoseconds(seconds, r), 1);
	jsonwrite_name(w, "cyclesPerByte");
	if (r->ghz > 0)
		jsonwrite_fixed(w, cycles(seconds, r), 3);
	else
		jsonwrite_null(w);
}

static void
put_time(struct jsonwrite *w, const struct bench_result *r,
	 const struct bench_time *t)
{
	jsonwrite_map(w);
	jsonwrite_put_uint(w, "threads", t->threads);
	jsonwrite_name(w, "cpuSeconds");
	jsonwrite_fixed(w, t->cpu, 6);
	put_figures(w, r, t->wall);
	jsonwrite_name(w, "scaling");
	jsonwrite_fixed(w, per(r->nruns > 0 ? r->runs[0].wall : 0, t->wall),
			3);
	jsonwrite_end(w);
}

static void
put_sample(struct jsonwrite *w, const struct bench_result *r)
{
	const struct { const char *name; uint64_t n; } sums[] = {
		{ "files", r->nfiles }, { "filesInAll", r->nall },
		{ "items", r->items }, { "packedBytes", r->packed_len },
		{ "textBytes", r->plain_len }, { "itemsWritten", r->made },
		{ "textWritten", r->made_len }, { "packedWritten", r->out_len },
	};

	jsonwrite_name(w, "sample");
	jsonwrite_map(w);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		jsonwrite_put_uint(w, sums[i].name, sums[i].n);
	jsonwrite_end(w);
}

int
bench_print_json(const struct bench_result *r, struct buf *out,
		 struct err *err)
{
	struct row rows[MAX_ROWS];
	const size_t n = rows_of(r, rows);
	struct jsonwrite w;

	jsonwrite_start(&w, out, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "processor", cpu_name());
	put_sample(&w, r);
	jsonwrite_name(&w, "stages");
	jsonwrite_list(&w);
	for (size_t i = 0; i < n; i++) {
		jsonwrite_map(&w);
		jsonwrite_put_text(&w, "stage", rows[i].name);
		put_figures(&w, r, rows[i].seconds);
		jsonwrite_end(&w);
	}
	jsonwrite_end(&w);
	jsonwrite_name(&w, "runs");
	jsonwrite_list(&w);
	for (size_t i = 0; i < r->nruns; i++)
		put_time(&w, r, &r->runs[i]);
	jsonwrite_end(&w);
	jsonwrite_name(&w, "floor");
	put_time(&w, r, &r->floor);
	jsonwrite_name(&w, "againstFloor");
	jsonwrite_fixed(&w, per(r->nruns > 0 ? r->runs[0].cpu : 0,
				r->floor.cpu), 3);
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

/* ---- a chart ------------------------------------------------------------- */

enum { WIDTH = 760, LEFT = 150, BAR = 22, STEP = 30, RIGHT = 110 };

struct chart {
	struct buf *out;
	struct err *err;
	double most;		/* seconds that are as wide as there is room */
	int y;
};

static int
put_bar(struct chart *c, const char *name, const char *colour, double seconds,
	const char *figure)
{
	const double room = WIDTH - LEFT - RIGHT;
	const double w = per(seconds * room, c->most);
	const int y = c->y;

	c->y += STEP;
	return buf_printf(c->out, c->err,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n"
		"<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" "
		"fill=\"%s\"/>\n<text x=\"%.1f\" y=\"%d\">%s</text>\n",
		LEFT - 10, y + BAR - 6, name, LEFT, y, w > 1 ? w : 1.0, BAR,
		colour, LEFT + w + 8, y + BAR - 6, figure);
}

static int
put_title(struct chart *c, const char *text)
{
	c->y += STEP;
	return buf_printf(c->out, c->err, "<text x=\"%d\" y=\"%d\" "
			  "font-weight=\"bold\">%s</text>\n", LEFT,
			  c->y - 10, text);
}

static int
put_whole(struct chart *c, const struct bench_result *r)
{
	char name[40], figure[60];

	c->most = r->floor.wall;
	for (size_t i = 0; i < r->nruns; i++)
		if (r->runs[i].wall > c->most)
			c->most = r->runs[i].wall;
	if (put_title(c, "whole, seconds") != 0)
		return -1;
	for (size_t i = 0; i < r->nruns; i++) {
		snprintf(name, sizeof(name), "run, %u thread%s",
			 r->runs[i].threads, plural(r->runs[i].threads));
		snprintf(figure, sizeof(figure), "%.2f s (%.2f x)",
			 r->runs[i].wall, per(r->runs[0].wall,
					      r->runs[i].wall));
		if (put_bar(c, name, "#2f6f9f", r->runs[i].wall, figure) != 0)
			return -1;
	}
	snprintf(figure, sizeof(figure), "%.2f s", r->floor.wall);
	return put_bar(c, "floor, 1 thread", "#999999", r->floor.wall, figure);
}

int
bench_print_svg(const struct bench_result *r, struct buf *out,
		struct err *err)
{
	struct row rows[MAX_ROWS];
	const size_t n = rows_of(r, rows);
	struct chart c = { .out = out, .err = err };
	const int height = STEP * (int)(n + r->nruns + 4);
	char figure[60];

	if (buf_printf(out, err, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
		       "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
		       "font-family=\"sans-serif\" font-size=\"13\">\n"
		       "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>"
		       "\n", WIDTH, height, WIDTH, height) != 0 ||
	    put_title(&c, "one thread, nanoseconds of CPU an item") != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (rows[i].seconds > c.most)
			c.most = rows[i].seconds;
	for (size_t i = 0; i < n; i++) {
		snprintf(figure, sizeof(figure), "%.0f",
			 nanoseconds(rows[i].seconds, r));
		if (put_bar(&c, rows[i].name, "#d97a2b", rows[i].seconds,
			    figure) != 0)
			return -1;
	}
	return put_whole(&c, r) != 0 ? -1 : buf_printf(out, err, "</svg>\n");
}

int
bench_print_html(const struct bench_result *r, struct buf *out,
		 struct err *err)
{
	if (buf_printf(out, err, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta "
		       "charset=\"utf-8\">\n<title>dynamill bench</title>\n"
		       "<h1>dynamill bench</h1>\n") != 0 ||
	    bench_print_svg(r, out, err) != 0 ||
	    buf_printf(out, err, "<pre>\n") != 0 ||
	    bench_print_text(r, out, err) != 0)
		return -1;
	return buf_printf(out, err, "</pre>\n</html>\n");
}
