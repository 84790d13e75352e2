/*
 * run_merge.c - what the shards of a job have left, brought to where one
 * machine would have put it.
 *
 * Files keep their bytes and get other names; records go to the journal of the
 * whole.  It can be interrupted anywhere: a file is in one of two places, and
 * one that is in place is passed over.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/job.h"
#include "engine/journal.h"
#include "engine/run_internal.h"
#include "engine/shard.h"
#include "io/file.h"

struct part {
	struct run *run;
	uint32_t number;
	char folder[PATH_MAX];	/* of the attempt that counts */
	struct journal *journal;
};

static int
open_part(struct part *p, struct run *r, uint32_t number, struct err *err)
{
	const struct shard s = { r->dir, r->options->survey, number };
	char path[PATH_MAX + 16];

	*p = (struct part){ .run = r, .number = number };
	shard_folder(&s, shard_done(&s), p->folder, sizeof(p->folder));
	snprintf(path, sizeof(path), "%s/%s", p->folder, JOB_JOURNAL);
	p->journal = journal_look(path, err);
	return p->journal != NULL ? 0 : -1;
}

static int
incomplete(const struct part *p, struct err *err, const char *why)
{
	const uint32_t n = p->run->options->nshards;

	return err_set(err, ERR_INPUT, "shard %" PRIu32 " of %" PRIu32 " is not"
		       " whole: %s; run it again, with --shard %" PRIu32 "/%"
		       PRIu32 ", and then merge", p->number, n, why, p->number,
		       n);
}

/* ---- is it all there? ---------------------------------------------------- */

static bool
has_size(const char *path, uint64_t size)
{
	struct stat st;

	return stat(path, &st) == 0 && (uint64_t)st.st_size == size;
}

/* Call with both names of a file; 0 or -1. */
typedef int visit(const struct part *p, const struct journal_file *f,
		  const char *from, const char *to, struct err *err);

static int
for_files(const struct part *p, const struct journal_unit *u, visit *see,
	  struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < u->nfiles && rc == 0; i++) {
		const struct journal_file *const f = &u->files[i];
		char *const from = journal_place(p->folder, f);
		char *const to = journal_place(p->run->work, f);

		rc = from == NULL || to == NULL
			? err_set(err, ERR_SYSTEM, "out of memory")
			: see(p, f, from, to, err);
		free(from);
		free(to);
	}
	return rc;
}

static int
check_file(const struct part *p, const struct journal_file *f,
	   const char *from, const char *to, struct err *err)
{
	char why[320];

	if (has_size(from, f->size) || has_size(to, f->size))
		return 0;
	snprintf(why, sizeof(why), "'%s' is gone, or has another size", from);
	return incomplete(p, err, why);
}

/* As many items as the manifest says? */
static int
check_count(const struct part *p, const struct journal_unit *u,
	    struct err *err)
{
	const struct run *const r = p->run;
	const struct unit *const unit = &r->units[u->unit];
	uint64_t items = 0;
	char why[320];

	for (size_t i = 0; i < u->ntallies; i++)
		items += u->tallies[i].n[JOURNAL_READ];
	/* Of records, and of a base with increments, not all are read. */
	if (unit->nitems < 0 || unit->accepted ||
	    r->options->survey == SURVEY_STATE ||
	    r->plan->inputs[unit->input].kind != INPUT_ITEMS ||
	    items == (uint64_t)unit->nitems)
		return 0;
	snprintf(why, sizeof(why), "of '%s' it has %" PRIu64 " items, but the "
		 "manifest says %" PRId64, unit->name, items, unit->nitems);
	return incomplete(p, err, why);
}

static int
check_part(struct part *p, struct err *err)
{
	const struct run *const r = p->run;

	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *u;

		if (r->owner[i] != p->number)
			continue;
		u = journal_unit(p->journal, i);
		if (u == NULL) {
			char why[320];

			snprintf(why, sizeof(why), "'%s' is not done",
				 r->units[i].path);
			return incomplete(p, err, why);
		}
		if (check_count(p, u, err) != 0 ||
		    for_files(p, u, check_file, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- moving -------------------------------------------------------------- */

static int
make_folder_of(const char *path, struct err *err)
{
	char folder[PATH_MAX];
	const char *const slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return file_make_folder(folder, err);
}

static int
move_file(const struct part *p, const struct journal_file *f,
	  const char *from, const char *to, struct err *err)
{
	if (!has_size(from, f->size))
		return check_file(p, f, from, to, err);
	if (rename(from, to) == 0)
		return 0;
	if (errno == ENOENT) {
		if (make_folder_of(to, err) != 0)
			return -1;
		if (rename(from, to) == 0)
			return 0;
	}
	return err_set(err, ERR_SYSTEM, "cannot move '%s' to '%s': %m", from,
		       to);
}

/* Does the record of the whole say the same? */
static bool
is_known(const struct run *r, const struct journal_unit *u)
{
	const struct journal_unit *const is = journal_unit(r->journal,
							   u->unit);

	if (is == NULL || is->nfiles != u->nfiles)
		return false;
	for (size_t i = 0; i < u->nfiles; i++)
		if (is->files[i].size != u->files[i].size ||
		    is->files[i].xxh3 != u->files[i].xxh3)
			return false;
	return true;
}

static int
move_part(struct part *p, struct err *err)
{
	struct run *const r = p->run;

	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *u;

		if (r->owner[i] != p->number)
			continue;
		if (r->options->cancel != NULL &&
		    atomic_load(r->options->cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		u = journal_unit(p->journal, i);
		if (for_files(p, u, move_file, err) != 0 ||
		    (!is_known(r, u) && journal_add(r->journal, u, err) != 0))
			return -1;
	}
	return 0;
}

/* Remember where its indexes are. */
static int
note_part(const struct part *p, struct err *err)
{
	struct run *const r = p->run;
	char path[PATH_MAX + 8];
	struct span own;

	snprintf(path, sizeof(path), "%s/%s", p->folder, JOB_INDEX);
	own = arena_copy(&r->mem, (struct span){
		(const uint8_t *)path, strlen(path) + 1 }, err);
	if (own.ptr == NULL)
		return -1;
	r->parts[r->nparts++] = (const char *)own.ptr;
	return 0;
}

/* All parts, by one of the two. */
static int
for_parts(struct run *r, int (*step)(struct part *, struct err *), bool note,
	  struct err *err)
{
	int rc = 0;

	for (uint32_t i = 1; i <= r->options->nshards && rc == 0; i++) {
		struct part p;

		rc = open_part(&p, r, i, err);
		if (rc == 0)
			rc = step(&p, err);
		if (rc == 0 && note)
			rc = note_part(&p, err);
		journal_close(p.journal);
	}
	return rc;
}

int
run_gather(struct run *r, struct err *err)
{
	if (run_is_done(r))
		return 0;
	if (shard_check(r->dir, r->options->survey, NULL, NULL, err) != 0)
		return -1;
	r->parts = arena_take(&r->mem, (r->options->nshards + 1U) *
			      sizeof(*r->parts), err);
	if (r->parts == NULL)
		return -1;
	r->nparts = 0;
	/* Nothing is touched before it is known that all is there. */
	return for_parts(r, check_part, true, err) != 0 ? -1 :
		for_parts(r, move_part, false, err);
}
