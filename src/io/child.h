/*
 * child.h - another program, with its standard input and output at hand.
 *
 * It is started without a shell, in a process group of its own, with no other
 * files open than these two and our standard error, and with the environment
 * that it is given.  Both ways are used at once, so that neither side waits for
 * the other to take something first.  A child belongs to one thread.
 */
#ifndef IO_CHILD_H
#define IO_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct buf;
struct child;
struct err;

/*
 * Start `argv`, which ends in NULL and whose first word is looked for on our
 * PATH, with the environment `env`, in `folder` (NULL or "": here).  NULL on
 * failure.
 */
struct child *child_start(const char *const *argv, const char *const *env,
			  const char *folder, struct err *err);

/*
 * Let it take some of *out, which loses that in front, or append some of what
 * it prints to `in`; whatever goes first.  Returns 1; 0 at the end of what it
 * prints; or -1: ERR_RETRY if nothing went for so many seconds, ERR_CANCELLED
 * if *cancel (which may be NULL) is set, ERR_SYSTEM.
 */
int child_exchange(struct child *c, struct span *out, struct buf *in,
		   unsigned seconds, const atomic_bool *cancel,
		   struct err *err);

/* Is there something printed that was not read? */
bool child_has_more(const struct child *c);

/* After its end: "ended with status 1", "was ended by signal 9", ... */
void child_tell(struct child *c, char *text, size_t len);

/*
 * Close both, wait for it to end, two seconds at most unless `now`, and end it
 * and its like if it has not.  NULL is fine.
 */
void child_stop(struct child *c, bool now);

#endif
