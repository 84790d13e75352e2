/*
 * drops.h - the items that share their primary key with another one and are to
 * go (`--on-duplicate keep-first`, `keep-last`, `reject`): found by a survey,
 * obeyed by the run, so that its output is written once.
 *
 * A list is a file for each target table, with a record for each item that
 * goes, in the order of units and offsets.  The head of drops.c has its bytes.
 */
#ifndef ENGINE_DROPS_H
#define ENGINE_DROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drops;
struct err;

/* What becomes of items with one primary key; see commands.md. */
enum on_duplicate {
	DUPLICATE_FAIL,
	DUPLICATE_KEEP_FIRST,
	DUPLICATE_KEEP_LAST,
	DUPLICATE_REJECT,	/* all but the first, with the reason */
};

/* "keep-first" */
const char *on_duplicate_name(enum on_duplicate d);

/* ---- writing ------------------------------------------------------------ */

struct drops_writer;

/* Begin the list of a target, put all that go, end it. */
struct drops_writer *drops_write(const char *job_dir, uint32_t target,
				 struct err *err);
int drops_put(struct drops_writer *w, uint32_t unit, uint64_t offset,
	      struct err *err);
int drops_end(struct drops_writer *w, struct err *err);	/* frees it */
void drops_give_up(struct drops_writer *w);		/* NULL is fine */

/* ---- reading ------------------------------------------------------------ */

/*
 * Open the lists of targets 0 .. ntargets - 1.  NULL on failure; ERR_INPUT if
 * one is damaged.  Const afterwards.
 */
struct drops *drops_open(const char *job_dir, uint32_t ntargets,
			 struct err *err);
void drops_close(struct drops *d);	/* NULL is fine */

/* The records of one unit that are still ahead. */
struct drops_cursor {
	const uint8_t *at, *end;
};

struct drops_cursor drops_of(const struct drops *d, uint32_t target,
			     uint32_t unit);

/* Does the item at `offset` go?  To be asked in order of offsets. */
bool drops_has(struct drops_cursor *c, uint64_t offset);

#endif
