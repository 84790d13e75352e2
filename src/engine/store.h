/*
 * store.h - a job's output in S3, in place of its out/.
 *
 * Nothing is renamed there: objects appear under their last names, whole or not
 * at all, and of each table manifest-summary.json comes last; before that it is
 * no export.  The address belongs to one job, which finds nothing there when it
 * begins and leaves its mark, `_started`, as only one of two that begin at once
 * can; so whatever is there on resume is its own.  The names of objects are
 * relative to the address.
 */
#ifndef ENGINE_STORE_H
#define ENGINE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct plan_side;
struct store;

/* Without slashes at its end; to be freed.  NULL if out of memory. */
char *store_address(const char *given);

/*
 * How the target is reached stays the caller's; an address below one that
 * place_output() has is reached as that is.  NULL on failure.
 */
struct store *store_open(const char *address, const struct plan_side *target,
			 struct err *err);
void store_close(struct store *s);	/* NULL is fine */

const char *store_where(const struct store *s);	/* its address */

/*
 * Take the address for the job of this mark: ERR_REFUSED if something else is
 * there, or if the caller is of another account than the target.
 */
int store_claim(struct store *s, const char *mark, struct err *err);

/* Is it still?  0, or -1: what was there is gone, or of another. */
int store_check_claim(struct store *s, struct err *err);

/* Learn what is there, for store_has() and store_sweep().  0 or -1. */
int store_look(struct store *s, struct err *err);

/* Was there such an object, of that size, when it was looked? */
bool store_has(const struct store *s, struct span name, uint64_t size);

/*
 * Call off what uploads an earlier attempt has left in the folder of this
 * table; those elsewhere below the address may be of others.  Returns 0 or -1.
 */
int store_abort_uploads(struct store *s, const char *table, struct err *err);

/* Remove the objects that nobody `knows`.  Returns 0 or -1. */
int store_sweep(struct store *s, bool (*knows)(void *context, const char *name),
		void *context, struct err *err);

/* Write one small object. */
int store_save(struct store *s, const char *name, struct span bytes,
	       struct err *err);

#endif
