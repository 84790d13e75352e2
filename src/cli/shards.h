/* shards.h - one shard of a run or an analysis (--shard). */
#ifndef CLI_SHARDS_H
#define CLI_SHARDS_H

#include <stdint.h>

struct err;
struct options;
struct run_options;

/*
 * "3/7", or "auto/7": then the number is what the scheduler says in the
 * environment.  Returns 0, or -1 with ERR_USAGE.
 */
int shards_read(const char *text, uint32_t *number, uint32_t *count,
		struct err *err);

/* Do the shard of o->shard.  Each returns the exit status. */
int shards_run(const struct run_options *options, const struct options *o);
int shards_analyze(const struct run_options *options, const struct options *o);

#endif
