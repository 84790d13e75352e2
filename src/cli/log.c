#include "cli/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

static FILE *out;		/* NULL: no log */
static bool in_line;		/* its last line is not ended */

int
log_open(const char *path, struct err *err)
{
	out = fopen(path, "ae");
	if (out == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m; name another --log",
			       path);
	return 0;
}

bool
log_is_open(void)
{
	return out != NULL;
}

/* Text of any lines; each that begins gets the time in front. */
static void
add(const char *text)
{
	const time_t t = time(NULL);
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	while (*text != '\0') {
		const size_t n = strcspn(text, "\n");

		if (!in_line)
			fprintf(out, "%s ", when);
		fwrite(text, 1, n, out);
		in_line = text[n] != '\n';
		if (!in_line)
			fputc('\n', out);
		text += n + !in_line;
	}
	fflush(out);
}

void
log_command(int argc, char *const *argv)
{
	if (out == NULL)
		return;
	add("dynamill");
	for (int i = 0; i < argc; i++) {
		add(" ");
		add(argv[i]);
	}
	add("\n");
}

void
log_print(FILE *to, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	if (to != NULL)
		vfprintf(to, fmt, ap);
	va_end(ap);
	if (out == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add(text);
}

int
log_close(int status)
{
	if (out == NULL)
		return status;
	log_print(NULL, "exit status %d\n", status);

	const bool bad = ferror(out) != 0;
	if ((fclose(out) != 0 || bad) && status < 2) {
		fprintf(stderr, "dynamill: the log could not be written: %m\n");
		status = 4;
	}
	out = NULL;
	return status;
}
