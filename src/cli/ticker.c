#include "cli/ticker.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/options.h"

bool
ticker_is_shown(const struct options *o)
{
	return !o->quiet && !o->no_progress && isatty(STDERR_FILENO) != 0;
}

void
ticker_say(const struct options *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!ticker_is_shown(o))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* At once: threads may say it side by side. */
	fprintf(stderr, "\r%s ", text);
}

void
ticker_end(const struct options *o)
{
	if (ticker_is_shown(o))
		putc('\n', stderr);
}
