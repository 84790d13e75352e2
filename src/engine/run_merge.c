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

#include "base/plural.h"
#include "engine/depot.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/place.h"
#include "engine/run_internal.h"
#include "engine/shard.h"
#include "engine/store.h"
#include "engine/transfer.h"
#include "io/file.h"

enum { COPIES = 16 };	/* asked of S3 at once */

struct part {
	struct run *run;
	uint32_t number;
	char folder[PATH_MAX];	/* of the attempt that counts */
	struct journal *journal;
	struct store *store;	/* its data files; NULL: they are in the folder */
};

static void
close_part(struct part *p)
{
	journal_close(p->journal);
	store_close(p->store);
}

/* Of a job in S3 the data files have stayed there. */
static int
open_part_store(struct part *p, const struct shard *s, struct err *err)
{
	const struct run *const r = p->run;
	char *const out = depot_out_of_done(r->options->depot, s, err);

	if (out == NULL)
		return -1;
	p->store = store_open(out, &r->plan->target, err);
	free(out);
	return p->store == NULL ? -1 : store_look(p->store, err);
}

static int
open_part(struct part *p, struct run *r, uint32_t number, struct err *err)
{
	const struct shard s = { r->dir, r->options->survey, number };
	char path[PATH_MAX + 16];

	*p = (struct part){ .run = r, .number = number };
	shard_folder(&s, shard_done(&s), p->folder, sizeof(p->folder));
	snprintf(path, sizeof(path), "%s/%s", p->folder, JOB_JOURNAL);
	p->journal = journal_look(path, err);
	if (p->journal == NULL)
		return -1;
	return r->options->depot != NULL && r->options->survey == SURVEY_NONE
		? open_part_store(p, &s, err) : 0;
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

/*
 * So that the shard sees what it has to do again.  Of a job in S3 what is here
 * came from there.
 */
static int
remove_file(const struct part *p, const struct journal_file *f,
	    const char *path, struct err *err)
{
	struct depot *const d = p->run->options->depot;
	const struct shard s = {
		p->run->dir, p->run->options->survey, p->number,
	};
	struct transfers one = { 0 };
	char there[2048], *part;
	int rc;

	if (!place_is_remote(path) && unlink(path) != 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	if (d == NULL)
		return 0;
	part = depot_part_of_done(d, &s, err);
	if (part == NULL)
		return -1;
	snprintf(there, sizeof(there), "%s/%.*s", part, (int)f->path.len,
		 (const char *)f->path.ptr);
	free(part);
	rc = transfers_add(&one, place_is_remote(path) ? path : there, NULL,
			   0, err);
	if (rc == 0)
		rc = transfers_do(&one, 1, NULL, err);
	transfers_free(&one);
	return rc;
}

/*
 * Read it: is it what was written?  It may be in S3.  All is read only if the
 * user wants it; rejects are few, and nobody else looks at them.
 */
static int
check_sum(const struct part *p, const struct journal_file *f,
	  const char *path, struct err *err)
{
	struct err why;
	int rc;

	if (!p->run->options->verify && f->kind != JOURNAL_REJECTS)
		return 0;
	rc = journal_check_file(path, f, &why);
	if (rc < 0)
		*err = why;
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	err_advise(&why, "it was removed");
	return remove_file(p, f, path, err) != 0 ? -1 :
		incomplete(p, err, why.text);
}

static int
check_stored(const struct part *p, const struct journal_file *f,
	     struct span name, struct err *err)
{
	char path[2048], why[320];

	snprintf(path, sizeof(path), "%s/%.*s", store_where(p->store),
		 (int)name.len, (const char *)name.ptr);
	if (store_has(p->store, name, f->size))
		return check_sum(p, f, path, err);
	snprintf(why, sizeof(why), "%.250s is gone, or has another size",
		 path);
	return incomplete(p, err, why);
}

static int
check_file(const struct part *p, const struct journal_file *f,
	   const char *from, const char *to, struct err *err)
{
	const struct span name = run_object_name(f);
	char why[320];

	if (name.ptr != NULL && p->store != NULL)
		return check_stored(p, f, name, err);
	if (has_size(from, f->size))
		return check_sum(p, f, from, err);
	if (has_size(to, f->size))
		return check_sum(p, f, to, err);
	snprintf(why, sizeof(why), "'%.250s' is gone, or has another size",
		 from);
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
	snprintf(why, sizeof(why), "of '%s' it has %" PRIu64 " item%s, but the "
		 "manifest says %" PRId64, unit->name, items, plural(items),
		 unit->nitems);
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
	if (run_object_name(f).ptr != NULL)
		return 0;	/* see copy_part() */
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

/* Have the service copy the data files of a unit to where they belong. */
static int
list_copies(const struct part *p, const struct journal_unit *u,
	    struct transfers *t, struct err *err)
{
	for (size_t i = 0; i < u->nfiles; i++) {
		const struct journal_file *const f = &u->files[i];
		const struct span name = run_object_name(f);
		char from[2048], to[2048];

		if (name.ptr == NULL)
			continue;
		snprintf(from, sizeof(from), "%s/%.*s", store_where(p->store),
			 (int)name.len, (const char *)name.ptr);
		snprintf(to, sizeof(to), "%s/%.*s", p->run->out,
			 (int)name.len, (const char *)name.ptr);
		if (transfers_add(t, from, to, f->size, err) != 0)
			return -1;
	}
	return 0;
}

/* Those of all units that the record of the whole does not know yet. */
static int
copy_part(const struct part *p, struct err *err)
{
	const struct run *const r = p->run;
	struct transfers t = { 0 };
	int rc = 0;

	for (uint32_t i = 0; i < r->nunits && rc == 0; i++) {
		const struct journal_unit *const u = r->owner[i] == p->number
			? journal_unit(p->journal, i) : NULL;

		if (u != NULL && !is_known(r, u))
			rc = list_copies(p, u, &t, err);
	}
	if (rc == 0)
		rc = transfers_do(&t, COPIES, r->options->cancel, err);
	transfers_free(&t);
	return rc;
}

static int
move_part(struct part *p, struct err *err)
{
	struct run *const r = p->run;

	if (p->store != NULL && copy_part(p, err) != 0)
		return -1;
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
		close_part(&p);
	}
	return rc;
}

int
run_gather(struct run *r, struct err *err)
{
	if (run_is_done(r))
		return 0;
	if (shard_check(r->dir, run_job_name(r), r->options->survey, NULL, NULL,
			err) != 0)
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
