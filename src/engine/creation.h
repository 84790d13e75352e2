/*
 * creation.h - a job's target tables by the plan's own definitions.
 *
 * table.json in out/ is what ImportTable takes, which knows no local indexes,
 * tags or streams; and there is none for a table that got no item.  A
 * definition under `create` says all of it, for every table of the plan that
 * it is of.
 */
#ifndef ENGINE_CREATION_H
#define ENGINE_CREATION_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct side_options;

struct creation_options {
	const char *job_dir;
	const struct side_options *usual;
	const char *(*variable)(void *context, const char *name);

	/* Those that an import makes: left alone, but for creation_settle(). */
	const char *const *imported;
	size_t nimported;
	/* Made by their table.json, if they have no definition. */
	const char *const *targets;
	size_t ntargets;

	/* A table is there; `new` if it was not before. */
	void (*made)(void *context, const char *table, bool new);
	void *context;
};

/*
 * Make those that are not there and wait until they are ACTIVE.  Returns 0, or
 * -1: ERR_REFUSED if one is there with another key, or the account is another.
 */
int creation_make(const struct creation_options *o, struct err *err);

/* What their imports did not give to those that were imported.  0 or -1. */
int creation_settle(const struct creation_options *o, struct err *err);

#endif
