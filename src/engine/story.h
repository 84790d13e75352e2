/*
 * story.h - what was done in a job, stage by stage, by whom and how it ended:
 * JOB/story, a line of JSON for each, on the disk when story_add() returns.
 *
 * It is only added to.  A last line that is not whole, as a crash leaves it, is
 * as none.  docs/JOB.md has what is in a line.
 */
#ifndef ENGINE_STORY_H
#define ENGINE_STORY_H

#include <stddef.h>

#include "base/span.h"
#include "engine/status.h"

struct arena;
struct err;

#define JOB_STORY "story"

struct story_stage {
	const char *name;	/* "push" */
	int status;		/* its exit status */
	double started;		/* seconds since 1970 */
	double seconds;
	const char *by;		/* user name */
	const char *host, *version;
	const char *error;	/* "" if there was none */
	const char *note;	/* what it came to, in words; "" */
	const char *const *accepted;	/* warnings, by name */
	size_t naccepted;
	const struct status_table *tables;
	size_t ntables;
};

struct story {
	struct story_stage *stages;	/* as they were done */
	size_t n;
};

/* Returns 0 or -1. */
int story_add(const char *job_dir, const struct story_stage *s,
	      struct err *err);

/* All of it; texts go to the arena.  A job without one has none.  0 or -1. */
int story_load(const char *job_dir, struct story *s, struct arena *mem,
	       struct err *err);

/* The last record of a stage, or NULL. */
const struct story_stage *story_last(const struct story *s, const char *name);

#endif
