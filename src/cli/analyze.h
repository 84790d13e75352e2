/* analyze.h - an analysis in words. */
#ifndef CLI_ANALYZE_H
#define CLI_ANALYZE_H

#include <stdbool.h>

struct analysis;

/* On standard output; `all` with every attribute. */
void analyze_print(const struct analysis *a, bool all);

/* Its problems, to the log. */
void analyze_log(const struct analysis *a);

#endif
