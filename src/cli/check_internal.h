/* check_internal.h - what check.c and check_json.c share. */
#ifndef CLI_CHECK_INTERNAL_H
#define CLI_CHECK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct err;
struct expr;
struct plan;
struct plan_table;

int check_json(const struct plan *p, bool import, struct span increments,
	       struct buf *out, struct err *err);

/* The expression alone in `out`. */
int check_expr(const struct expr *e, struct buf *out, struct err *err);

/* How the table gets into DynamoDB, with --import or not, in words. */
const char *check_way_in(const struct plan *p, const struct plan_table *t,
			 bool import);

/* A delimiter of CSV, in words if it needs some. */
const char *check_delimiter(uint8_t c);

#endif
