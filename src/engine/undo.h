/*
 * undo.h - what a push writes over or deletes, on the disk before it does.
 *
 * JOB/undo/<table>.jsonl has a line for each item that is put,
 * JOB/undo/<table>~deletes.jsonl one for each key that is deleted:
 *
 *	{"At":[U,N],"Key":{...},"Item":{...}}	the item that was there
 *	{"At":[U,N],"Key":{...}}		there was none
 *	{"At":[U,N],"Key":{...},"Left":true}	there was one, and it stays
 *
 * U and N say of which unit and which of its items, from 0.  A resume looks
 * again at what was not acknowledged and adds lines of it.  Then the last one
 * that is not what the job itself makes of it (the item that it puts, nothing
 * where it deletes) is the truth: somebody may have written before our put came
 * to be sent.  If none is such, the first one is.  A line that says Left only
 * counts where there is no other.
 */
#ifndef ENGINE_UNDO_H
#define ENGINE_UNDO_H

#include <stddef.h>
#include <stdint.h>

#include "aws/getitems.h"
#include "aws/push.h"

struct err;
struct outfiles_part;
struct service;
struct undo;
struct undo_past;

enum { UNDO_AT_ONCE = GETITEMS_MOST };

/* Of an item that is pushed: where it stands in the job's files. */
enum { UNDO_UNIT_SHIFT = 40 };

static inline uint64_t
undo_tag(uint32_t unit, uint64_t number)
{
	return (uint64_t)unit << UNDO_UNIT_SHIFT | number;
}

static inline uint32_t
undo_unit(uint64_t tag)
{
	return (uint32_t)(tag >> UNDO_UNIT_SHIFT);
}

static inline uint64_t
undo_number(uint64_t tag)
{
	return tag & (((uint64_t)1 << UNDO_UNIT_SHIFT) - 1);
}

/* ---- while pushing ------------------------------------------------------- */

/*
 * `pk` and `sk` are the names of the table's key; sk.ptr NULL: none.  With
 * `leaves` what is there stays (--only-new).
 */
struct undo *undo_open(const char *path, struct service *s, const char *table,
		       struct span pk, struct span sk, bool leaves,
		       struct err *err);
void undo_close(struct undo *u);	/* NULL is fine */

/*
 * Keep what these items, UNDO_AT_ONCE at most, will write over; their tags are
 * undo_tag()s, and it is said whether there was one.  0 or -1.
 */
int undo_keep(struct undo *u, struct push_item *items, size_t n,
	      struct err *err);

/* ---- afterwards ---------------------------------------------------------- */

enum undo_kind {
	UNDO_NOTHING,		/* no line: it was not sent with an undo */
	UNDO_ABSENT, UNDO_ITEM, UNDO_LEFT,
};

struct undo_was {
	enum undo_kind kind;
	struct span item;	/* UNDO_ITEM: {...} */
};

/*
 * What there is of the items of these files; a file that is not there has no
 * lines.  `tmp` is a folder for an index.  NULL with ERR_INPUT if it is
 * damaged; a torn last line is none.
 */
struct undo_past *undo_past_open(const char *path,
				 const struct outfiles_part *part,
				 const char *tmp, struct err *err);
void undo_past_close(struct undo_past *p);	/* NULL is fine */

/* Of how many items is the first line of this kind? */
uint64_t undo_past_count(const struct undo_past *p, enum undo_kind kind);

struct undo_was undo_past_get(const struct undo_past *p, uint32_t unit,
			      uint64_t number);

/*
 * The lines of an item from the last one on, which is number 0, to its first
 * one; behind that UNDO_NOTHING.  undo_past_get() is the first one of all.
 * Which of them hold the job's own doing is for the caller to see.
 */
struct undo_was undo_past_back(const struct undo_past *p, uint32_t unit,
			       uint64_t number, size_t back);

#endif
