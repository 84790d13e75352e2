/*
 * stage.h - what is being done in a job, told to whoever looks: to its
 * status.json while it goes on, to its story and to the log when it ends.
 *
 * One at a time, and it is static.  A job that cannot be written to is no
 * reason to stop: whoever works in it will find that out.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include <stdbool.h>
#include <stddef.h>

struct options;
struct status_table;

/* The job is open, and its lock held; NULL: there is none yet. */
void stage_begin(const struct options *o, const char *name, const char *job);

/* Is it time to look how far it is?  About once a second. */
bool stage_is_due(void);

/* So far it is; copied.  At the end as well, due or not. */
void stage_tables(const struct status_table *t, size_t n);

/* What it came to, in words; and what was wrong. */
void stage_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void stage_failed(const char *text);

/* End it, with its exit status, which is returned.  Nothing if none began. */
int stage_end(int status);

#endif
