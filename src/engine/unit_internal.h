/* unit_internal.h - what the parts of a unit's way share. */
#ifndef ENGINE_UNIT_INTERNAL_H
#define ENGINE_UNIT_INTERNAL_H

#include "base/md5.h"
#include "engine/journal.h"
#include "engine/program.h"
#include "engine/unit.h"
#include "formats/gzip.h"
#include "formats/rematch.h"
#include "io/source.h"

struct keyfile;
struct sink;

enum {
	UNIT_NAME_LEN = 512,
	UNIT_BLOCK_LEN = 64 * 1024,	/* a batch and its tape stay in cache */
	UNIT_PART_LEN = 2 * 1024 * 1024,	/* and the rest of a line */
};

/* One file that a unit writes: of a target table, or of rejects. */
struct output {
	struct sink *sink;	/* NULL: nothing was written yet */
	void *encoder;		/* state of shared->format, while there is a sink */
	void *probe;		/* another one, that writes nowhere; or NULL */
	struct buf text;	/* not yet enough for the sink */
	struct rematch *rematch;	/* that packs the text, or NULL */
	struct copied_list copied;	/* of the batch's text, where it does */
	bool begun;		/* has the file the head of its gzip member? */
	struct gzip_sum sum;	/* of the parts that are over */
	struct buf carry;	/* text of parts too small for a block each */
	struct buf kept;	/* packed, of a part, which has no files */
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
	struct rematch *carrier;	/* for what was carried, or NULL */

	/* Of the unit under way. */
	const struct unit *unit;
	struct source *source;
	uint64_t items;			/* lines read, rejects included */
	uint64_t taken;			/* of them: not left out below */
	uint64_t superseded, gone;	/* of a base and its increments */
	uint64_t packed_seen, plain_seen;
	uint64_t lost;			/* values, on their way out */
	bool rematching;		/* all outputs */
	bool cutting;			/* into parts */
	uint64_t at;			/* text that was consumed */
	uint64_t part_from;		/* where in the text the part began */
	struct unit_part *part;		/* that it is for alone, or NULL */
	bool in_parts;			/* by several threads; set before start */
	struct kept_feed *kept;		/* the source's, which frees it, or NULL */
	struct md5_lane md5;		/* of what came from it */
	uint64_t blanks;		/* lines, in parts that were added */
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

/*
 * A unit's text is cut into parts, each of them UNIT_PART_LEN and the rest of a
 * line, whose gzip depends on nothing before it.  So threads can take those of
 * one unit side by side, which shows in no byte: see unit_part.c.  `done` bytes
 * of the part are before `block`; returns how much of that is in the part if it
 * ends there, else 0.
 */
size_t unit_part_ends(uint64_t done, struct span block);

/* All that was consumed is over.  Returns 0 or -1. */
int unit_end_part(struct unit_run *r, struct err *err);

/*
 * Put what there is of the next part's text in `from` to the file of `o`, which
 * is the same output or that of the whole unit.  That was all of it if it is
 * `over`, and of the unit if it is the `last`.  Returns 0 or -1.
 */
int unit_put_part(struct unit_run *r, struct output *o, struct output *from,
		  bool over, bool last, struct err *err);

/* After its last batch: what can be packed without the parts before.  0, -1. */
int unit_close_part(struct unit_run *r, struct err *err);

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

/* ---- unit_part.c --------------------------------------------------------- */

struct unit_part {
	struct buf packed;		/* as read, for the MD5 */
	struct source_piece piece;	/* its text and matches */
	uint64_t from, nlines;		/* text and lines of the unit before */
	bool last;			/* nothing comes behind it, */
	struct err why;			/* ... which may be this one's fault */
	struct unit_run *run;		/* that takes it, and keeps what comes */
	size_t at, want;		/* of the text: taken; to take next */
	struct matches matches;		/* that are left */
};

/* Who reads a unit's parts, one after the other. */
struct unit_parts {
	size_t want;			/* bytes to ask the source for next */
	uint64_t at, nlines;		/* consumed */
};

/* May threads take the unit in parts?  And do they, now that it is open? */
bool unit_may_part(const struct run_shared *shared, const struct unit *u);
bool unit_has_parts(const struct unit_run *r);

/*
 * The feed of a unit in parts, taken over even on failure: it keeps what was
 * read with each part, so that the MD5 of that and of what the part became can
 * be taken beside each other.
 */
struct feed;
struct feed *unit_kept_feed(struct unit_run *whole, struct feed *from,
			    struct err *err);

/*
 * Read the next part of `whole`; what is wrong with its source is part->why.
 * Returns 0 or -1.
 */
int unit_part_read(struct unit_run *whole, struct unit_parts *p,
		   struct unit_part *part, struct err *err);

/* Begin with a part that was read; take a batch of it: 1, 0 at its end, -1. */
int unit_part_start(const struct unit_run *whole, struct unit_part *part,
		    struct err *err);
int unit_part_go(struct unit_part *part, struct workbench *b,
		 struct err *err);

/* How much is kept of what came of it. */
size_t unit_part_kept(const struct unit_part *part);

/*
 * Add what came of the part to the unit, where all before it is; its counts too
 * when it is `over`.  Returns 0 or -1.
 */
int unit_part_add(struct unit_run *whole, struct unit_part *part, bool over,
		  struct err *err);

void unit_part_free(struct unit_part *part);

/* ---- others -------------------------------------------------------------- */

/* Forget the last unit, and name the files of this one. */
void unit_begin(struct unit_run *r, const struct unit *u);

/* A decoder for this format; the last one's, if it will do.  0 or -1. */
int unit_choose_reader(struct unit_run *r, const struct item_format *format,
		       struct err *err);

/* Have a thread's workbench.  Returns 0 or -1. */
int unit_lend(struct unit_run *r, struct workbench *b, struct err *err);

/* Tell whoever watches how far the unit is, and of so many more lines. */
void unit_show(struct unit_run *r, uint64_t nlines);

/* What to ask for after `used` bytes of a block of `len`. */
size_t unit_want(size_t used, size_t len);

/* After the last batch: all in place.  Returns 0 or -1, and it is ended. */
int unit_finish(struct unit_run *r, bool damaged, struct err *err);

/* Say of which file the error is.  Returns -1. */
int unit_name_error(const struct unit *u, struct err *err);

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
