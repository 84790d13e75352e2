/*
 * extra.h - what a unit adds to its journal record beside counts and files: the
 * ids that were left as they were, the types of keys, blank lines, damage that
 * was accepted.  Bytes of our own (struct span extra of journal_unit).
 */
#ifndef ENGINE_EXTRA_H
#define ENGINE_EXTRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "engine/program.h"

struct buf;
struct err;

struct extra {
	uint64_t packed_len, plain_len;	/* of the unit's input */
	uint64_t blank_lines;
	uint64_t damaged;		/* 1 if it was accepted as damaged */
	uint64_t superseded, gone;	/* see unit_records.c */
	uint64_t lost;			/* values; see encode_lost() */
	struct key_types *types;	/* one a plan table */
	uint64_t *left;			/* see program_nleft() */
	uint64_t *written;		/* items a plan table gave targets */
	uint64_t *deleted;		/* ... and keys to delete there */
	struct counts *counts;		/* likewise; of them `made` only */
};

/* Append; and add what `bytes` says to *to.  Returns 0 or -1. */
int extra_write(const struct extra *e, size_t ntables, size_t nleft,
		struct buf *out, struct err *err);
int extra_add(struct span bytes, size_t ntables, size_t nleft,
	      struct extra *to, struct err *err);

#endif
