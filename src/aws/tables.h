/*
 * tables.h - tables made, waited for and removed.
 *
 * A definition is CreateTable input as the AWS CLI takes it, or what
 * describe-table prints, or a job's table.json; TimeToLiveSpecification and
 * PointInTimeRecoverySpecification in it are seen to once the table is there.
 */
#ifndef AWS_TABLES_H
#define AWS_TABLES_H

#include <stdint.h>

struct buf;
struct err;
struct service;
struct tree;

/* The table that a definition is of, or NULL; what is below "Table" if any. */
const struct tree *tables_definition(const struct tree *root);
const char *tables_name(const struct tree *definition);

/*
 * What CreateTable takes of a definition: what DescribeTable adds is left out,
 * BillingMode is PAY_PER_REQUEST unless it says throughputs.  0 or -1.
 */
int tables_input(const struct tree *definition, struct buf *out,
		 struct err *err);

/*
 * Is it there, with the same key?  1, 0 if there is none, or -1: ERR_REFUSED if
 * it has another one.
 */
int tables_look(struct service *s, const struct tree *definition,
		struct err *err);

/*
 * Make it, wait until it is ACTIVE, then TTL and point-in-time recovery.
 * Returns 1; 0 if it was there with the same key, which is fine; or -1:
 * ERR_REFUSED if with another.
 */
int tables_create(struct service *s, const struct tree *definition,
		  struct err *err);

/*
 * Until the table has this status, or with NULL is gone; ERR_RETRY after so
 * many seconds, if that is not 0.  Returns 0 or -1.
 */
int tables_wait(struct service *s, const char *name, const char *status,
		unsigned seconds, struct err *err);

/*
 * Append the name of the attribute that items expire by: 1; 0 if they do not,
 * or if the service knows no such thing; or -1.
 */
int tables_ttl(struct service *s, const char *name, struct buf *attribute,
	       struct err *err);

/*
 * What an import does not give the table of a definition: TTL, point-in-time
 * recovery, a stream, protection from deletion, tags.  0 or -1.
 */
int tables_settle(struct service *s, const struct tree *definition,
		  struct err *err);

/* Remove it and wait until it is gone.  1, 0 if there is none, or -1. */
int tables_delete(struct service *s, const char *name, struct err *err);

#endif
