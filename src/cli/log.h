/*
 * log.h - what the user is told, in a file too (--log): lines of JSON, one for
 * each stage, problem and text, with time and level.  docs/LOG.md describes
 * them.  One, and it is static; without --log all of it does nothing.
 *
 * Nothing of any item is in it, unless --log-items is said: texts of errors end
 * where they would quote one.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <stdbool.h>
#include <stdio.h>

struct err;
struct jsonwrite;
struct options;

enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Append to the file from now on.  Returns 0 or -1. */
int log_open(const char *path, bool items, struct err *err);
bool log_is_open(void);
bool log_has_items(void);

/* What a program was started with: its name and words. */
void log_command(const struct options *o, int argc, char *const *argv);

/* Print to `to`, unless that is NULL, and to the log. */
void log_print(FILE *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same of something wrong: a line, with "dynamill: " in front of it. */
void log_problem(enum log_level level, FILE *to, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * To the log alone: a line with time, level and event, and what is added to the
 * map until log_end().  NULL if there is no log; then there is nothing to end.
 */
struct jsonwrite *log_begin(enum log_level level, const char *event);
void log_end(void);

/* End it.  Returns `status`, or 4 if the log could not be written. */
int log_close(int status);

#endif
