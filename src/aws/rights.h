/*
 * rights.h - what the caller may do with a table, found out by asking for it.
 *
 * Each call is for an item whose key is NULL, which no table can have: who may
 * make the call is told that it is wrong, and who may not, just that.  Nothing
 * is read or written either way.
 */
#ifndef AWS_RIGHTS_H
#define AWS_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct service;

enum { RIGHTS = 6 };

struct right {
	const char *call;	/* "BatchWriteItem" */
	const char *needed_by;	/* words for the commands */
	bool scans;		/* it is all that reading a table takes */
	bool denied;
};

/*
 * Those of a table, which need not be there: what reading takes, or all.
 * Returns how many, or -1 if the service did not answer.
 */
int rights_look(struct service *s, const char *table, bool only_read,
		struct right list[RIGHTS], struct err *err);

#endif
