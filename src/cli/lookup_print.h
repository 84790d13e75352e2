/* lookup_print.h - answers of `lookup` on standard output. */
#ifndef CLI_LOOKUP_PRINT_H
#define CLI_LOOKUP_PRINT_H

#include "base/span.h"

struct err;
struct lookup_answer;
struct lookup_found;
struct options;

/* The header, where there is one. */
void lookup_print_start(const struct options *o);

/* What is known of an id; returns 0 or -1. */
int lookup_print(struct span id, const struct lookup_answer *a,
		 const struct options *o, struct err *err);

/* A row of the whole mapping. */
int lookup_print_row(const struct lookup_found *f, const struct options *o,
		     struct err *err);

#endif
