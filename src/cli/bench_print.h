/* bench_print.h - what was measured, as text, JSON and a chart. */
#ifndef CLI_BENCH_PRINT_H
#define CLI_BENCH_PRINT_H

struct bench_result;
struct buf;
struct err;

/* Append it.  Each returns 0 or -1. */
int bench_print_text(const struct bench_result *r, struct buf *out,
		     struct err *err);
int bench_print_json(const struct bench_result *r, struct buf *out,
		     struct err *err);
int bench_print_svg(const struct bench_result *r, struct buf *out,
		    struct err *err);
int bench_print_html(const struct bench_result *r, struct buf *out,
		     struct err *err);

#endif
