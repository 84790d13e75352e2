/* sources.h - what a plan's sources hold, and which of its tables each is. */
#ifndef ENGINE_SOURCES_H
#define ENGINE_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct exports;
struct job;
struct plan;
struct plan_found;

/*
 * Find the exports that a loaded plan names, resolve the plan with them, and
 * see that all of it can be run.  `accept` are the damages accepted by name.
 * *found, in the arena, has for each export the input that it is.  *exports
 * must be zero, and freed either way.  Returns 0 or -1.
 */
int sources_find(struct plan *plan, const char *const *accept, size_t naccept,
		 struct arena *mem, struct exports *exports,
		 struct plan_found **found, struct err *err);

/*
 * Are the exports that a plan names, but for live tables, as they were when the
 * job was begun?  0; or -1, ERR_REFUSED if not.
 */
int sources_check_same(const struct plan *plan, const struct job *job,
		       struct err *err);

/*
 * The same for a job that is there: damages were accepted when it was begun,
 * and what it needs to run is not asked for.
 */
int sources_find_again(struct plan *plan, struct arena *mem,
		       struct exports *exports, struct plan_found **found,
		       struct err *err);

/* How many items of an input there are, as far as manifests tell. */
uint64_t sources_count(const struct exports *exports,
		       const struct plan_found *found, uint32_t input);

/* Does a table of the plan read this input? */
bool sources_is_read(const struct plan *plan, uint32_t input);

#endif
