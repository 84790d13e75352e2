/*
 * log.h - what the user is told, in a file too (--log), each line with its
 * time.  One, and it is static; without --log all of it does nothing.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <stdbool.h>
#include <stdio.h>

struct err;

/* Append to the file from now on.  Returns 0 or -1. */
int log_open(const char *path, struct err *err);
bool log_is_open(void);

/* What a program was started with: its name and words. */
void log_command(int argc, char *const *argv);

/* Print to `to`, unless that is NULL, and to the log. */
void log_print(FILE *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* End it.  Returns `status`, or 4 if the log could not be written. */
int log_close(int status);

#endif
