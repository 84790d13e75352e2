/*
 * diff.h - where two values differ, path by path.
 *
 * What is equal, compare.h says: numbers by value, maps and sets in any order.
 * A difference is told as deep as there is a path to it:
 *
 *	M	attribute by attribute: changed, removed, added
 *	L	element by element of one index; the longer one's rest is removed
 *		or added
 *	sets	one change of the whole set; diff_members() tells its members
 *	others	one change; likewise of two values of different types
 *
 * Changes come in the order of the old value, then what only the new one has.
 * Time is n log n whatever the input.  Memory is needed as for compare.h: for
 * text with escapes, large maps and sets, and nothing for a change.
 */
#ifndef MODEL_DIFF_H
#define MODEL_DIFF_H

struct arena;
struct err;
struct path;
struct value;

/* Containers in containers; what is below is compared, and told, as a whole. */
enum { DIFF_MAX_DEPTH = 64 };

enum diff_kind { DIFF_REMOVED, DIFF_ADDED, DIFF_CHANGED };

struct diff_change {
	enum diff_kind kind;
	/* From the values that were given, which have no parts.  It, but not
	 * its names, is gone after the call: path_copy() it, or print it. */
	const struct path *path;
	const struct value *was;	/* NULL of what is added */
	const struct value *is;		/* NULL of what is removed */
};

/* Sees one change.  Returns 0 to see more, 1 if that is enough, or -1. */
typedef int diff_see(void *context, const struct diff_change *change,
		     struct err *err);

/*
 * Show all differences to `see`.  Returns 1 if there are some, 0 if there are
 * none, or -1 if memory is refused or `see` says so.
 */
int diff_values(const struct value *was, const struct value *is,
		struct arena *mem, diff_see *see, void *context,
		struct err *err);

/*
 * The same of the members of two sets of one type, in order: each is removed or
 * added, and its path has no parts.  They are gone after the call, but for
 * their text, which is plain.
 */
int diff_members(const struct value *was, const struct value *is,
		 struct arena *mem, diff_see *see, void *context,
		 struct err *err);

#endif
