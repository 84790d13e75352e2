/*
 * ticker.h - one line on standard error that is written over while something
 * goes on; nothing where that is no terminal, or nobody wants to see it.
 */
#ifndef CLI_TICKER_H
#define CLI_TICKER_H

#include <stdbool.h>

struct options;

/* Is there such a line?  Else what it would say need not be counted. */
bool ticker_is_shown(const struct options *o);

/* What it says now; it should not become shorter. */
void ticker_say(const struct options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* It stays as it is, and what comes next begins on a new line. */
void ticker_end(const struct options *o);

#endif
