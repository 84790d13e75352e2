#include "cli/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/words.h"
#include "formats/jsonwrite.h"

static FILE *out;		/* NULL: no log */
static bool with_items;
static struct buf text;		/* a line of text that is not ended */
static struct buf record;	/* what is being written */
static struct jsonwrite writer;
static struct err failed;
static double opened;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
log_open(const char *path, bool items, struct err *err)
{
	out = fopen(path, "ae");
	with_items = items;
	opened = now();
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

bool
log_has_items(void)
{
	return out != NULL && with_items;
}

/* ---- records ------------------------------------------------------------ */

static struct jsonwrite *
begin(enum log_level level, const char *event)
{
	static const char *const LEVELS[] = { "info", "warning", "error" };
	struct timespec t;
	char when[64] = "";
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	if (gmtime_r(&t.tv_sec, &tm) != NULL) {
		const size_t n = strftime(when, sizeof(when),
					  "%Y-%m-%dT%H:%M:%S", &tm);

		snprintf(when + n, sizeof(when) - n, ".%03uZ",
			 (unsigned)(t.tv_nsec / 1000000) % 1000);
	}
	buf_reset(&record);
	jsonwrite_start(&writer, &record, true, &failed);
	jsonwrite_map(&writer);
	jsonwrite_put_text(&writer, "time", when);
	jsonwrite_put_text(&writer, "level", LEVELS[level]);
	jsonwrite_put_text(&writer, "event", event);
	return &writer;
}

/* What was told and does not end its line is a line by now. */
static void
end_text(void)
{
	if (text.len == 0)
		return;
	jsonwrite_name(begin(LOG_INFO, "text"), "text");
	jsonwrite_span(&writer, buf_span(&text));
	log_end();
	buf_reset(&text);
}

struct jsonwrite *
log_begin(enum log_level level, const char *event)
{
	if (out == NULL)
		return NULL;
	end_text();
	return begin(level, event);
}

void
log_end(void)
{
	jsonwrite_end(&writer);
	if (jsonwrite_finish(&writer) == 0) {
		fwrite(record.ptr, 1, record.len, out);
		fputc('\n', out);
	}
	fflush(out);
}

/* ---- texts -------------------------------------------------------------- */

/* Text of any lines; each becomes a record. */
static void
add(const char *s)
{
	while (*s != '\0') {
		const size_t n = strcspn(s, "\n");

		if (buf_append(&text, (struct span){ (const uint8_t *)s, n },
			       &failed) != 0)
			return;
		s += n;
		if (*s == '\n') {
			end_text();
			s++;
		}
	}
}

void
log_print(FILE *to, const char *fmt, ...)
{
	char s[2048];
	va_list ap;

	va_start(ap, fmt);
	if (to != NULL)
		vfprintf(to, fmt, ap);
	va_end(ap);
	if (out == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	add(s);
}

/*
 * How much of an error's text quotes no item: keys and values stand behind
 * "FILE: line N" or a list's "(dangling: fail)".
 */
static size_t
without_items(const char *s)
{
	const char *at = s;

	if (with_items)
		return strlen(s);
	while ((at = strstr(at, "line ")) != NULL) {
		at += 5;
		if (*at < '0' || *at > '9')
			continue;
		at += strspn(at, "0123456789");
		return (size_t)(at - s);
	}
	return strlen(s);
}

void
log_problem(enum log_level level, FILE *to, const char *fmt, ...)
{
	char s[2048];
	struct jsonwrite *w;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	if (to != NULL) {
		struct buf room = { 0 };

		fprintf(to, "dynamill: %s\n", words_shown(s, &room));
		buf_free(&room);
	}
	w = log_begin(level, "problem");
	if (w == NULL)
		return;

	const size_t n = without_items(s);
	jsonwrite_name(w, "text");
	jsonwrite_span(w, (struct span){ (const uint8_t *)s, n });
	if (s[n] != '\0')
		jsonwrite_put_text(w, "cut",
				   "what follows quotes an item: --log-items");
	log_end();
}

/* ---- the beginning and the end ------------------------------------------ */

/* Where a key or a condition, which are of items, stands in it; or NULL. */
static const char *
item_in(const struct options *o, const char *name, const char *word)
{
	const char *const end = word + strlen(word);
	const bool asks = strcmp(name, "lookup") == 0;

	for (size_t i = 0; i < o->nkeys; i++)
		if (o->keys[i] >= word && o->keys[i] <= end)
			return o->keys[i];
	for (size_t i = 0; asks && i < o->nargs; i++)
		if (o->args[i] == word)
			return word;
	return o->where != NULL && o->where >= word && o->where <= end
		? o->where : NULL;
}

void
log_command(const struct options *o, int argc, char *const *argv)
{
	struct jsonwrite *const w = log_begin(LOG_INFO, "command");

	if (w == NULL)
		return;
	jsonwrite_put_text(w, "version", DYNAMILL_VERSION);
	jsonwrite_name(w, "words");
	jsonwrite_list(w);
	for (int i = 0; i < argc; i++) {
		const char *const item = with_items ? NULL
			: item_in(o, argv[0], argv[i]);
		struct buf cut = { 0 };

		if (item != NULL &&
		    buf_printf(&cut, &failed, "%.*s...", (int)(item - argv[i]),
			       argv[i]) == 0)
			jsonwrite_span(w, buf_span(&cut));
		else
			jsonwrite_text(w, argv[i]);
		buf_free(&cut);
	}
	jsonwrite_end(w);
	log_end();
}

int
log_close(int status)
{
	struct jsonwrite *w;

	if (out == NULL)
		return status;
	w = log_begin(status >= 2 ? LOG_ERROR : LOG_INFO, "end");
	jsonwrite_name(w, "status");
	jsonwrite_int(w, status);
	jsonwrite_name(w, "seconds");
	jsonwrite_fixed(w, now() - opened, 3);
	log_end();

	const bool bad = ferror(out) != 0;
	if ((fclose(out) != 0 || bad) && status < 2) {
		fprintf(stderr, "dynamill: the log could not be written: %m\n");
		status = 4;
	}
	out = NULL;
	buf_free(&text);
	buf_free(&record);
	return status;
}
