/*
 * status.h - where a job stands, in JOB/status.json: kept up about once a
 * second by whoever works in the job, read by anybody at any time.
 *
 * It is for looking only: nothing goes on by it after a crash.  So it is
 * renamed into place and never waited for on the disk.
 */
#ifndef ENGINE_STATUS_H
#define ENGINE_STATUS_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct jsonwrite;
struct tree;

#define JOB_STATUS "status.json"

struct status_table {
	const char *name;
	uint64_t done, total;	/* of bytes or items; total 0: not known */
	uint64_t items;
	uint64_t bad;		/* rejected, refused or different */
	double rate;		/* items a second; 0: not known */
	double left;		/* seconds; below 0: not known */
};

struct status {
	const char *stage;	/* "run" */
	const char *state;	/* "running", "done", "failed", ... */
	const char *error;	/* the last one; "" if there was none */
	const char *host;
	uint64_t pid;
	double started, updated;	/* seconds since 1970 */
	const struct status_table *tables;
	size_t ntables;
};

/* Set ->rate and ->left: `fresh` of what is done came in these seconds. */
void status_pace(struct status_table *t, uint64_t fresh, double seconds);

/* Returns 0 or -1. */
int status_save(const char *job_dir, const struct status *s, struct err *err);

/* Its texts go to the arena.  1, 0 if there is none that can be read, or -1. */
int status_load(const char *job_dir, struct status *s, struct arena *mem,
		struct err *err);

/* The list "tables", as a member of the map that is being written. */
void status_write_tables(struct jsonwrite *w, const struct status_table *t,
			 size_t n);

/* And back again, out of that map.  Returns 0 or -1. */
int status_read_tables(const struct tree *map, struct arena *mem,
		       const struct status_table **tables, size_t *n,
		       struct err *err);

/* "2025-02-01T12:00:00Z" of seconds since 1970, and back; 0 if it is none. */
const char *status_time(double t, char out[32]);
double status_time_of(const char *text);

#endif
