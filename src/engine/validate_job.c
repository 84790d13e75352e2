/*
 * validate_job.c - is what a job wrote what its sources come to?
 *
 * Its files are checked as any dump.  Then the job is done again without
 * output, from the plan and the options that its job.json keeps, and each item
 * that comes of it is compared, as a value, with the one that stands in its
 * place in out/ (validate_out.c).
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/divide.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/program.h"
#include "engine/recall.h"
#include "engine/rehearsal.h"
#include "engine/run_internal.h"
#include "engine/seal.h"
#include "engine/validate_internal.h"
#include "model/batch.h"

struct checking {
	const struct validate_options *options;
	struct validate_notes *notes;
	const struct run *run;		/* the job, done again */
	char out[PATH_MAX];		/* the folder */
	_Atomic uint64_t compared;	/* items that are as they should be */
};

/* ---- looking on ---------------------------------------------------------- */

static void *
open_eye(void *context, const struct unit *u, struct err *err)
{
	struct checking *const c = context;

	return validate_outs_new(c->run, c->out, u, c->notes, &c->compared,
				 err);
}

static int
after(void *eye, const struct batch *b, const struct program_result *result,
      struct err *err)
{
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];

		if (p->item == NULL || batch_is_gone(b, p->source))
			continue;
		if (validate_outs_put(eye, p->table, p->item, err) != 0)
			return -1;
	}
	return 0;
}

static int
deleted(void *eye, uint32_t table, const struct item *item, struct err *err)
{
	return validate_outs_delete(eye, table, item, err);
}

static int
close_eye(void *eye, bool whole, struct err *err)
{
	const int rc = whole ? validate_outs_end(eye, err) : 0;

	validate_outs_free(eye);
	return rc;
}

/* ---- the job ------------------------------------------------------------- */

/* Lines of rejected/<table>.jsonl; a file that is not there has none. */
static int
count_rejects(const char *job, const char *table, uint64_t *n, struct err *err)
{
	char path[PATH_MAX], piece[1 << 16];
	FILE *f;
	size_t len;

	*n = 0;
	snprintf(path, sizeof(path), "%s/" JOB_REJECTED "/%s.jsonl", job,
		 table);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while ((len = fread(piece, 1, sizeof(piece), f)) > 0)
		for (size_t i = 0; i < len; i++)
			*n += piece[i] == '\n';
	const bool bad = ferror(f) != 0;
	fclose(f);
	return bad ? err_set(err, ERR_SYSTEM, "cannot read '%s'", path) : 0;
}

/* As many items were rejected as are rejected now. */
static int
check_rejects(struct checking *c, struct validate_sums *s, struct err *err)
{
	const struct run *const r = c->run;

	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		const char *const name = r->plan->tables[i].name;
		const uint64_t now = r->account.tables[i].rejected;
		char text[160];
		struct validate_check check = {
			.table = name, .name = "", .text = text,
		};
		uint64_t then;

		if (r->plan->tables[i].skip || r->plan->tables[i].glob)
			continue;
		if (count_rejects(c->options->job, name, &then, err) != 0)
			return -1;
		snprintf(text, sizeof(text), "%s: %" PRIu64 " item%s in "
			 "rejected/, where %" PRIu64 " %s rejected", name,
			 then, plural(then), now, now == 1 ? "is" : "are");
		check.kind = then == now ? VALIDATE_SOUND : VALIDATE_DIFFERENT;
		if (validate_see(c->options, s, &check, err) != 0)
			return -1;
	}
	return 0;
}

/* Of the sources only those files that the shard has. */
static int
leave_others(const struct validate_options *o, struct run *r, struct err *err)
{
	if (o->nshards == 0)
		return 0;
	r->owner = calloc(r->nunits + 1U, sizeof(*r->owner));
	if (r->owner == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (divide_files(r->units, r->done, r->nunits, o->nshards, r->owner,
			 err) != 0)
		return -1;
	run_leave_others(r, o->shard);
	return 0;
}

static int
check(struct checking *c, const struct job *job, struct run *r,
      struct validate_sums *s, struct err *err)
{
	const uint64_t packed = s->packed_len;

	c->run = r;
	if (recall_same(job, r->job, err) != 0 ||
	    leave_others(c->options, r, err) != 0)
		return -1;
	if (place_is_remote(c->out))
		place_output(&r->plan->target, c->out);
	if (validate_out_files(c->options, r, c->out, s, err) != 0)
		return -1;
	if (run_units(r, err) != 0 || run_finish(r, err) != 0)
		return -1;
	s->checks += atomic_load(&c->compared);
	s->items = r->account.total.read;
	s->packed_len += packed + r->account.packed_in;
	if (validate_notes_show(c->notes, c->options, s, err) != 0)
		return -1;
	/* There is one file of them, and one join, for all. */
	return c->options->nshards > 0 ? 0
		: validate_references(c->options, r, s, err) != 0 ? -1
		: check_rejects(c, s, err);
}

/* ---- an archived job ----------------------------------------------------- */

struct sealed {
	const struct validate_options *options;
	struct validate_sums *sums;
};

static int
see_sealed(void *context, enum seal_kind kind, const char *path,
	   struct err *err)
{
	static const struct { enum validate_kind kind; const char *text; }
	SAYS[] = {
		[SEAL_SAME] = { VALIDATE_SOUND, "as " JOB_SEAL " says" },
		[SEAL_DIFFERENT] = { VALIDATE_DAMAGED, "is not what " JOB_SEAL
				     " says" },
		[SEAL_MISSING] = { VALIDATE_DAMAGED, "is gone, and " JOB_SEAL
				   " names it" },
		[SEAL_EXTRA] = { VALIDATE_EXTRA, "is not in " JOB_SEAL },
	};
	const struct sealed *const s = context;

	return validate_see(s->options, s->sums, &(struct validate_check){
		.kind = SAYS[kind].kind, .name = path,
		.text = SAYS[kind].text,
	}, err);
}

/* All of its files, if it was sealed; nobody changes those after. */
static int
check_seal(const struct validate_options *o, struct validate_sums *s,
	   struct err *err)
{
	struct sealed sealed = { .options = o, .sums = s };

	/* One of the shards does it: it is one list of all files. */
	if (o->shard > 1 || !seal_is_there(o->job))
		return 0;
	return seal_check(&(struct seal_options){
		.job_dir = o->job, .threads = o->threads, .cancel = o->cancel,
	}, see_sealed, &sealed, err);
}

/* Where a sealed job is alone, without its plan or its sources. */
static bool
is_alone(const struct validate_options *o, const struct recall *was)
{
	struct plan_options options = was->plan;
	struct plan *plan;
	struct err why;
	bool gone = false;

	if (!seal_is_there(o->job))
		return false;
	for (size_t i = 0; i < was->nplans; i++)
		gone |= access(was->plans[i], R_OK) != 0;
	if (gone)
		return true;
	options.variable = o->plan_options.variable;
	options.context = o->plan_options.context;
	plan = plan_load(was->plans, was->nplans, &options, &why);
	for (size_t i = 0; plan != NULL && i < plan->nsources; i++)
		gone |= plan->sources[i].absent ||
			(!plan->sources[i].remote && was->plan.ndumps > 0 &&
			 access(plan->sources[i].full, F_OK) != 0);
	plan_free(plan);
	return gone;
}

/* The stage is in job.json; nobody's environment is to say another. */
static const char *
variable(void *context, const char *name)
{
	const struct checking *const c = context;
	const struct plan_options *const o = &c->options->plan_options;

	return o->variable == NULL || strcmp(name, "STAGE") == 0 ? NULL :
		o->variable(o->context, name);
}

static struct job *
open_job(struct checking *c, struct err *err)
{
	const struct validate_options *const o = c->options;
	struct job *const j = job_open_as_is(o->job, false, err);

	if (j == NULL)
		return NULL;
	snprintf(c->out, sizeof(c->out), "%s", job_out(j));
	if (job_is_out(j))
		return j;
	err_set(err, ERR_USAGE, "job '%s' is not done: run it to its end "
		"first", o->job);
	job_close(j);
	return NULL;
}

int
validate_job(const struct validate_options *o, struct validate_sums *s,
	     struct err *err)
{
	struct checking c = { .options = o };
	const struct unit_observer observer = {
		.context = &c, .open = open_eye, .after = after,
		.deleted = deleted, .close = close_eye,
	};
	struct rehearsal *r = NULL;
	struct arena mem = { 0 };
	struct validate_sums seal = { 0 };
	struct recall was;
	struct job *job;
	int rc = -1;

	*s = (struct validate_sums){ 0 };
	job = open_job(&c, err);
	if (job == NULL)
		return -1;
	if (recall_job(&was, job, &mem, err) != 0 ||
	    check_seal(o, &seal, err) != 0)
		goto done;
	if (is_alone(o, &was)) {
		s->alone = true;
		rc = 0;
		goto done;
	}

	struct run_options run = {
		.plans = was.plans, .nplans = was.nplans, .plan = was.plan,
		.threads = o->threads, .memory = o->memory, .limit = was.limit,
		.on_duplicate = was.on_duplicate,
		.accept = o->dump.accept, .naccept = o->dump.naccept,
		.run_time = was.run_time != NULL ? was.run_time : o->run_time,
		.run_time_given = true, .version = o->version,
		.cancel = o->cancel, .survey = SURVEY_AGAIN,
		.observer = &observer, .watch = o->watch,
		.context = o->context,
	};
	run.plan.variable = variable;
	run.plan.context = &c;
	c.notes = validate_notes_new(err);
	if (c.notes != NULL)
		r = rehearsal_open(&run, o->tmp, err);
	if (r != NULL)
		rc = check(&c, job, rehearsal_run(r), s, err);
done:
	s->checks += seal.checks;
	s->failed += seal.failed;
	s->damaged |= seal.damaged;
	place_output(NULL, NULL);
	rehearsal_close(r);
	validate_notes_free(c.notes);
	job_close(job);
	arena_free(&mem);
	return rc;
}
