/*
 * backup.h - live tables to a folder in the layout of exports, by parallel
 * Scan: for tables without point-in-time recovery, and for DynamoDB Local.
 *
 * DIR/<table>/ has data/, manifests and table.json, what DescribeTable said; a
 * plan or command reads DIR as it reads any folder of exports.  The segments of
 * a table are files of some tens of megabytes, noted one by one in a journal
 * beside (DIR/.<table>.journal), so that the same again goes on behind the last
 * one.  A Scan of a table that is written to is no state that it ever had.
 */
#ifndef ENGINE_BACKUP_H
#define ENGINE_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backup;
struct err;
struct plan_side;
struct side_options;

struct backup_options {
	const char *const *tables;
	size_t ntables;
	const char *dir;
	unsigned threads;		/* segments read at once; 0: 8 */
	uint64_t max_rcu;		/* read units a second; 0: any */
	bool consistent;
	const struct plan_side *side;	/* what a plan says; or NULL */
	const struct side_options *usual;
	/* Called now and then while items come, in any thread; or NULL. */
	void (*watch)(void *context, const struct backup *b);
	void *context;
};

struct backup_table {
	const char *name;
	uint64_t expected;		/* items, some hours old */
	uint64_t items, len;		/* so far, of all attempts */
	unsigned segments, done;
	bool was_done;			/* before this attempt */
};

/* Look at the tables and at what is there of them.  NULL on failure. */
struct backup *backup_open(const struct backup_options *o, struct err *err);
int backup_run(struct backup *b, struct err *err);
void backup_close(struct backup *b);	/* NULL is fine */

/* Number `i`, as it is now; false after the last. */
bool backup_table(const struct backup *b, size_t i, struct backup_table *out);

#endif
