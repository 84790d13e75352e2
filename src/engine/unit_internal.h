/* unit_internal.h - what the two halves of a unit's way share. */
#ifndef ENGINE_UNIT_INTERNAL_H
#define ENGINE_UNIT_INTERNAL_H

#include "engine/journal.h"
#include "engine/program.h"
#include "engine/unit.h"
#include "formats/rematch.h"

struct keyfile;
struct sink;
struct source;

enum { UNIT_NAME_LEN = 512 };

/* One file that a unit writes: of a target table, or of rejects. */
struct output {
	struct sink *sink;	/* NULL: nothing was written yet */
	void *encoder;		/* state of shared->format, while there is a sink */
	void *probe;		/* another one, that writes nowhere; or NULL */
	struct buf text;	/* not yet enough for the sink */
	struct rematch *rematch;	/* that packs the text, or NULL */
	struct copied_list copied;	/* of the batch's text, where it does */
	uint64_t cut_len;	/* text before the block that rematch is in */
	uint64_t items;
	uint32_t part;		/* of a format with many files a unit */
	char path[UNIT_NAME_LEN];	/* below the job's folder, in out/ */
};

struct unit_run {
	const struct run_shared *shared;
	struct program_run *program;
	const struct item_format *format;	/* of `reader` */
	void *reader;			/* NULL: none yet */
	struct keyfile *keys;
	struct output *outputs;		/* one a target number */
	struct output *deletes;		/* likewise, of increments alone */
	struct output *rejects;		/* one a plan table */
	struct journal_tally *tallies;
	struct journal_file *files;	/* that are in place, of nfiles_cap */
	size_t nfiles, files_cap;
	struct arena paths;		/* of files before the last of outputs */
	uint64_t *written, *deleted;
	struct program_run *before;	/* for old images; NULL: none met */
	struct buf extra, scratch;
	struct buf packed;		/* by rematch, on its way to a sink */

	/* Of the unit under way. */
	const struct unit *unit;
	struct source *source;
	uint64_t items;			/* lines read, rejects included */
	uint64_t taken;			/* of them: not left out below */
	uint64_t superseded, gone;	/* of a base and its increments */
	uint64_t packed_seen, plain_seen;
	uint64_t lost;			/* values, on their way out */
	bool rematching;		/* all outputs */
	uint64_t block_from;		/* where in the input their blocks began */
	struct drops_cursor *drops;	/* one a plan table; see drops.h */
	size_t want;			/* bytes to ask the source for next */
	struct workbench *bench;	/* of the thread that has it */
	void *eye;			/* of the observer, or NULL */
};

/* Where items of a plan table go: tables of one target share its file. */
static inline struct output *
unit_output(const struct unit_run *r, uint32_t table)
{
	return &r->outputs[r->shared->targets[table].number];
}

/*
 * The whole lines at the front of `block`, the last one without a line end too
 * if it is the `last` block, to the sinks.  *used says how much they were;
 * *done, that the unit's max_items are.  Returns 0 or -1.
 */
int unit_transform(struct unit_run *r, struct span block, bool last,
		   size_t *used, bool *done, struct err *err);

/*
 * Hand the first `n` bytes of `text` to the file of `o`, if there are some.
 * Returns 0 or -1.
 */
int unit_pass_on(struct unit_run *r, struct output *o, struct buf *text,
		 size_t n, bool packed, struct err *err);

/* ---- unit_rematch.c ------------------------------------------------------ */

/* Is the unit one for that?  If so, r->rematching.  Returns 0 or -1. */
int unit_start_rematch(struct unit_run *r, struct err *err);

/* Before the batch that `block` is decoded to: what can be copied of it. */
void unit_show_block(struct unit_run *r, struct span block);

/*
 * What there is of the batch's text, and after the last batch what is left, to
 * the sinks.  Return 0 or -1.
 */
int unit_rematch(struct unit_run *r, struct err *err);
int unit_end_rematch(struct unit_run *r, struct err *err);

/* ---- unit_records.c ------------------------------------------------------ */

/* The batch as it was decoded to the items that go on.  Returns 0 or -1. */
int unit_take_records(struct unit_run *r, struct err *err);

/* What the old images beside new ones became; whose they are, by source. */
struct unit_olds {
	struct program_result result;
	uint32_t *whose;
};

/*
 * Before the program has the batch's items, and after their products were
 * encoded: what is to be deleted, which is no product any more.
 */
int unit_run_olds(struct unit_run *r, struct unit_olds *olds,
		  struct err *err);
int unit_put_deletes(struct unit_run *r, const struct unit_olds *olds,
		     struct program_result *result, struct err *err);

/* ---- others -------------------------------------------------------------- */

/* Name the file that the next item of a plan table goes to. */
void unit_name_output(struct unit_run *r, uint32_t table);

/*
 * End the file that items of a plan table go to and put it in place: the next
 * item goes to another.  Returns 0 or -1.
 */
int unit_cut_output(struct unit_run *r, uint32_t table, struct err *err);

/* After the last item: what encoders held back, to the sinks.  0 or -1. */
int unit_end_outputs(struct unit_run *r, struct err *err);

/* Is the file what its manifest says?  Returns 0 or -1: ERR_INPUT. */
int unit_check_input(struct unit_run *r, bool *damaged, struct err *err);

/* All files in place, then the record that names them. */
int unit_commit(struct unit_run *r, bool damaged, struct err *err);

#endif
