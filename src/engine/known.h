/*
 * known.h - which ids there are: the indexes of a job, for rules whose
 * references must be looked up while items stream by (`dangling: keep`, `null`,
 * `remove`, `skip-item`).
 *
 * Const once it is open; any number of threads may look up at once.
 */
#ifndef ENGINE_KNOWN_H
#define ENGINE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "expr/rewrite.h"

struct err;
struct known;
struct plan;

/*
 * Open the indexes of all tables of the plan that a survey left in the job's
 * index/.  NULL on failure: ERR_SYSTEM, or ERR_INPUT if one is damaged.
 */
struct known *known_open(const char *job_dir, const struct plan *plan,
			 struct err *err);
void known_close(struct known *k);	/* NULL is fine */

/* A rewrite_lookup; the context is the struct known. */
int known_look_up(void *known, const struct rewrite_use *const *uses, size_t n,
		  bool *found, struct err *err);

#endif
