/*
 * account.h - what a job came to: the journal's records and the end checks,
 * summed per plan table.  Reports and the summary on the screen are made of it.
 */
#ifndef ENGINE_ACCOUNT_H
#define ENGINE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/counts.h"
#include "engine/join.h"
#include "engine/mapuse.h"
#include "engine/program.h"

struct err;
struct journal;
struct plan;
struct program;

/* What the files of one target come to. */
struct account_out {
	uint64_t files, items;
	uint64_t packed_len, plain_len;
};

struct account {
	struct counts *tables;		/* one a plan table */
	struct key_types *types;	/* likewise */
	struct account_out *outs;	/* one a target number */
	struct mapuse *maps;		/* one a plan table, after the join */
	uint64_t *left;			/* see program_nleft() */
	uint64_t *written, *deleted;
	uint32_t ntables, ntargets;
	size_t nleft;

	struct counts total;
	struct account_out total_out;
	uint64_t units;
	uint64_t packed_in, plain_in;	/* bytes read, as they are and unpacked */
	uint64_t blank_lines, damaged;
	uint64_t superseded, gone;	/* of bases and their increments */
	uint64_t deletes;		/* keys in deletes/ of increments */
	struct account_out total_deletes;	/* their files */
	uint64_t lost;			/* values, in a format without types */

	struct join_result join;	/* zero until the end checks ran */
	bool joined;

	/* Of this process, not of the job; for rates. */
	double seconds;
	uint64_t plain_now;		/* bytes unpacked by it */
	uint64_t items_now;
};

/* Zero everything and take the room.  Returns 0 or -1. */
int account_init(struct account *a, const struct plan *plan,
		 const struct program *program, uint32_t ntargets,
		 struct err *err);

/* Sum up all records.  ERR_INPUT if one is not of this plan. */
int account_sum(struct account *a, struct journal *j, struct err *err);

void account_free(struct account *a);

#endif
