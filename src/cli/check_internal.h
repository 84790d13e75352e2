/* check_internal.h - what check.c and check_json.c share. */
#ifndef CLI_CHECK_INTERNAL_H
#define CLI_CHECK_INTERNAL_H

#include <stdint.h>

#include "base/span.h"

struct buf;
struct err;
struct expr;
struct plan;

/* `why_not` is what ways_why_not() said. */
int check_json(const struct plan *p, const char *why_not,
	       struct span increments, struct buf *out, struct err *err);

/* The expression alone in `out`. */
int check_expr(const struct expr *e, struct buf *out, struct err *err);

/* A delimiter of CSV, in words if it needs some. */
const char *check_delimiter(uint8_t c);

#endif
