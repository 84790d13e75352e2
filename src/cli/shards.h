/* shards.h - one shard of a run or an analysis (--shard). */
#ifndef CLI_SHARDS_H
#define CLI_SHARDS_H

#include <stdbool.h>
#include <stdint.h>

struct depot;
struct err;
struct options;
struct run_options;

/*
 * "3/7", or "auto/7": then the number is what the scheduler says in the
 * environment.  Returns 0, or -1 with ERR_USAGE.
 */
int shards_read(const char *text, uint32_t *number, uint32_t *count,
		struct err *err);

/* Where such a job works on this machine: --scratch, TMPDIR or /tmp. */
const char *shards_scratch(const struct options *o);

/*
 * The depot of a --job that is in S3, to be closed; *out is NULL if it is a
 * folder.  Returns 0 or -1.
 */
int shards_open_depot(const struct options *o, bool merging,
		      struct depot **out, struct err *err);

/* Do the shard of o->shard.  Each returns the exit status. */
int shards_run(const struct run_options *options, const struct options *o);
int shards_analyze(const struct run_options *options, const struct options *o);

#endif
