/*
 * restore.h - a dump into a table that is there, as a job like any other: its
 * plan says no more than which items go where.  So it is resumed, undone and
 * validated as jobs are.
 */
#ifndef ENGINE_RESTORE_H
#define ENGINE_RESTORE_H

#include <stddef.h>

struct err;
struct side_options;

struct restore_options {
	const char *const *dumps;
	size_t ndumps;
	const char *table;		/* that it goes to */
	const struct side_options *usual;
};

/*
 * Write the plan to `path`, unless it is there already: the table's key is what
 * DescribeTable says.  Of several tables in the dumps the one of that name is
 * taken.  Returns 0, or -1: ERR_REFUSED if there is no such table.
 */
int restore_write_plan(const struct restore_options *o, const char *path,
		       struct err *err);

#endif
