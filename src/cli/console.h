/*
 * console.h - every word that a user reads while a run goes on and at its end.
 */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include <stdbool.h>

struct err;
struct options;
struct run;

/* The progress of a run on standard error; one, and it is static. */
void console_start(const struct options *o);
void console_watch(void *context, const struct run *run);
void console_stop(const struct run *run);

/* How far its tables are, to the stage that goes on (stage.h). */
void console_tables(const struct run *run);

/* What is no error and yet worth saying, but for what is accepted by name. */
void console_warnings(const struct run *run, const struct options *o);

/* What a finished job came to, on standard output. */
void console_summary(const struct run *run, const struct options *o);

/* Its rejected items, to the log; themselves with --log-items. */
void console_rejects(const struct run *run);

/* Of a survey: which versions came to the `version` steps of its tables. */
void console_versions(const struct run *run);

/* The exit status of an error; it is not told. */
int console_status(const struct err *err);

/* An error: what and where, and what to do now.  Returns the exit status. */
int console_error(const struct err *err);

/* The same, of a command that only looks: what and where. */
int console_failed(const struct err *err);

/* The same of a run that reads standard input, which comes only once. */
int console_error_once(const struct err *err);

/* The same of a command that begins anew each time. */
int console_error_anew(const struct err *err);

#endif
