/* run_job.c - what makes a job this job: the facts that job.json keeps. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "engine/depot.h"
#include "engine/facts.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/run_internal.h"
#include "engine/shard.h"
#include "engine/sources.h"
#include "expr/remap.h"
#include "formats/formats.h"
#include "io/file.h"

enum { TEXT_LEN = 80 };

struct facts {
	struct run *r;
	struct job_fact *list;
	size_t n, cap;
};

static int
add(struct facts *f, const char *group, const char *name, const char *value,
    bool keep, struct err *err)
{
	if (f->n == f->cap) {
		const size_t cap = f->cap > 0 ? 2 * f->cap : 64;
		struct job_fact *const p = realloc(f->list, cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		f->list = p;
		f->cap = cap;
	}

	struct arena *const mem = &f->r->mem;
	const struct span n = { (const uint8_t *)name, strlen(name) + 1 };
	const struct span v = { (const uint8_t *)value, strlen(value) + 1 };
	const struct span own_name = arena_copy(mem, n, err);
	const struct span own_value = arena_copy(mem, v, err);
	if (own_name.ptr == NULL || own_value.ptr == NULL)
		return -1;
	f->list[f->n++] = (struct job_fact){
		.group = group, .name = (const char *)own_name.ptr,
		.value = (const char *)own_value.ptr, .keep = keep,
	};
	return 0;
}

/*
 * The plans, in order, and all that they name, each with the digest of its
 * bytes.
 */
static int
add_files(struct facts *f, struct err *err)
{
	const struct plan *const p = f->r->plan;
	const struct run_options *const o = f->r->options;
	char name[PATH_MAX], value[FACT_LEN];

	for (size_t i = 0; i < o->nplans; i++) {
		char number[TEXT_LEN];

		snprintf(number, sizeof(number), "%zu", i);
		fact_full_name(o->plans[i], name);
		if (add(f, "plans", number, name, false, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < o->plan.ndumps; i++) {
		char number[TEXT_LEN];

		snprintf(number, sizeof(number), "%zu", i);
		fact_full_name(o->plan.dumps[i], name);
		if (add(f, "dumps", number, name, false, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < o->napplied; i++)
		if (add(f, o->applied[i].group, o->applied[i].name,
			o->applied[i].value, false, err) != 0)
			return -1;
	for (size_t i = 0; i < p->nfiles; i++) {
		const struct plan_file *const file = &p->files[i];
		/* A program that stopped the job may be mended and go on. */
		const bool mendable = strcmp(file->role, "lua") == 0 ||
				      strcmp(file->role, "pipe") == 0;

		if (file->absent)
			continue;
		fact_full_name(file->path, name);
		if (fact_of_file(file->path, value, err) != 0 ||
		    add(f, "files", name, value, mendable &&
			exports_accepts(file->path, o->accept, o->naccept),
			err) != 0)
			return -1;
		f->list[f->n - 1].mendable = mendable;
	}
	return 0;
}

static int
add_source(struct facts *f, const struct export *e, size_t number,
	   struct err *err)
{
	char name[FACT_NAME_LEN], value[FACT_LEN];

	fact_source_name(e, number, name);
	return fact_of_source(e, value, err) != 0 ? -1 :
		add(f, "sources", name, value, false, err);
}

/* Options that change bytes; a list of words as one text. */
static int
add_options(struct facts *f, struct err *err)
{
	const struct run_options *const o = f->r->options;
	struct buf words = { 0 };
	char text[TEXT_LEN];
	int rc = 0;

	snprintf(text, sizeof(text), "%d", o->level);
	if (add(f, "options", "--level", o->level == 0 ? "usual" : text, false,
		err) != 0)
		return -1;
	snprintf(text, sizeof(text), "%" PRIu64, o->limit);
	if (add(f, "options", "--limit", o->limit == 0 ? "none" : text, false,
		err) != 0 ||
	    add(f, "options", "--stage", f->r->plan->stage != NULL
		? f->r->plan->stage : "none", false, err) != 0 ||
	    add(f, "options", "--on-duplicate",
		on_duplicate_name(o->on_duplicate), false, err) != 0 ||
	    add(f, "options", "--strict-ids", o->plan.strict_ids ? "yes"
		: "no", false, err) != 0 ||
	    add(f, "options", "--revert", o->plan.revert ? "yes" : "no",
		false, err) != 0)
		return -1;
	for (size_t i = 0; i < o->plan.nonly && rc == 0; i++)
		rc = buf_printf(&words, err, "%s%s", i > 0 ? " " : "",
				o->plan.only[i]);
	if (rc == 0)
		rc = buf_append(&words, (struct span){
			(const uint8_t *)"", 1 }, err);
	if (rc == 0 && f->r->out != NULL)
		rc = add(f, "options", "-o", f->r->out, false, err);
	if (rc == 0)
		rc = add(f, "options", "--table", words.len > 1
			 ? (const char *)words.ptr : "all", false, err);
	buf_free(&words);
	return rc;
}

/* What makes the compressed bytes, beside the text (design.md, 6). */
static int
add_build(struct facts *f, struct err *err)
{
	const struct plan *const p = f->r->plan;

	if (add(f, "build", "version", f->r->options->version, false,
		err) != 0 ||
	    add(f, "build", "cpu", cpu_name(), true, err) != 0 ||
	    add(f, "run", "time", f->r->options->run_time,
		!f->r->options->run_time_given, err) != 0)
		return -1;
	if (p->ids.secret.ptr == NULL)
		return 0;

	char check[REMAP_SECRET_CHECK_LEN];
	remap_secret_check(p->ids.secret, check);
	return add(f, "ids", "secret check", check, false, err);
}

/* Room for what is still to be written, by what is still to be read. */
static int
check_space(const struct run *r, struct err *err)
{
	/* Packed again, at a level below the service's, with the key logs. */
	enum { PACKED = 3, PLAIN = 8 };
	const bool packs = byte_format_named(r->plan->compression) != NULL;
	uint64_t need = 0;

	for (uint32_t i = 0; i < r->nunits; i++)
		if (!r->done[i] && journal_unit(r->journal, i) == NULL)
			need += r->units[i].packed_len;
	if (r->options->limit > 0)
		return 0;
	if (r->options->survey == SURVEY_NONE && r->out == NULL)
		need *= packs ? PACKED : PLAIN;
	return job_check_space(r->dir, need, err);
}

/* What a survey needs in its folder; one that is observed begins afresh. */
static int
prepare_survey(const struct run *r, const char *journal, struct err *err)
{
	static const char *const FOLDERS[] = {
		JOB_UNITS, JOB_TMP, JOB_REJECTS, JOB_DROPS, JOB_LATEST,
	};
	char path[sizeof(r->work) + 32];

	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", r->work, FOLDERS[i]);
		if (file_make_folder(path, err) != 0)
			return -1;
	}
	if (r->options->observer != NULL && unlink(journal) != 0 &&
	    errno != ENOENT)
		return err_set(err, ERR_SYSTEM, "cannot remove %s: %m",
			       journal);
	return 0;
}

int
run_warn_of_collisions(struct run *r, struct err *err)
{
	for (uint32_t t = 0; t < r->plan->ntables; t++)
		if (!r->plan->tables[t].skip &&
		    plan_warn_collisions(r->plan, t,
					 sources_count(&r->exports, r->found,
						r->plan->tables[t].input),
					 err) != 0)
			return -1;
	return 0;
}

/* A name that was cut short would be that of another folder. */
int
run_name_folder(struct run *r, struct err *err)
{
	const char *const given = r->options->depot != NULL
		? depot_dir(r->options->depot) : r->options->job_dir;
	const int n = given != NULL
		? snprintf(r->dir, sizeof(r->dir), "%s", given)
		: snprintf(r->dir, sizeof(r->dir), "%s.job", r->plan->name);

	survey_folder(r->dir, r->options->survey, r->work, sizeof(r->work));
	if (n > 0 && (size_t)n < sizeof(r->dir))
		return 0;
	return err_set(err, ERR_USAGE, "the job's folder has a name of %d "
		       "bytes, where 1 to %zu will do", n, sizeof(r->dir) - 1);
}

/* Open its folder: the whole job's, or that of a shard. */
static int
open_folder(struct run *r, const struct facts *f, struct err *err)
{
	const struct run_options *const o = r->options;

	if (o->shard > 0)
		return run_open_shard(r, f->list, f->n, err);
	if (o->nshards == 0 && shard_is_round(r->dir, o->survey))
		return err_set(err, ERR_REFUSED, "job '%s' is divided: say "
			       "--shard, then 'dynamill merge --job %s'; or "
			       "name another --job", r->dir, r->dir);
	r->job = job_open(r->dir, f->list, f->n, err);
	return r->job == NULL ? -1 : 0;
}

int
run_open_job(struct run *r, struct err *err)
{
	struct facts f = { .r = r };
	char path[sizeof(r->work) + 16];
	int rc = add_files(&f, err);

	for (size_t i = 0; i < r->exports.n && rc == 0; i++)
		rc = add_source(&f, &r->exports.list[i], i, err);
	if (rc == 0)
		rc = add_options(&f, err);
	if (rc == 0)
		rc = add_build(&f, err);
	if (rc == 0)
		rc = open_folder(r, &f, err);
	free(f.list);
	if (rc != 0)
		return -1;

	snprintf(path, sizeof(path), "%s/%s", r->work, JOB_JOURNAL);
	if (r->options->survey != SURVEY_NONE &&
	    prepare_survey(r, path, err) != 0)
		return -1;
	r->journal = journal_open(path, err);
	if (r->journal == NULL || run_check_shard(r, err) != 0)
		return -1;
	if (run_is_done(r))
		return run_open_store(r, err);
	/* A crash between the last rename and its record: finish again. */
	if (r->options->survey == SURVEY_NONE && job_is_out(r->job) &&
	    job_take_back(r->job, err) != 0)
		return -1;
	/* What is not in the journal of a merge, is on its way there. */
	if (r->options->nshards > 0 && r->options->shard == 0)
		return run_open_store(r, err);
	if (journal_sweep(r->journal, r->work, err) != 0 ||
	    run_open_store(r, err) != 0)
		return -1;
	return check_space(r, err);
}
