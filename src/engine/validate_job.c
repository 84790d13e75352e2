/*
 * validate_job.c - is what a job wrote what its sources come to?
 *
 * Its files are checked as any dump.  Then the job is done again without
 * output, from the plan and the options that its job.json keeps, and each item
 * that comes of it is compared, as a value, with the one that stands in its
 * place in out/: a unit writes one file for each target, in the order in which
 * it reads.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/job.h"
#include "engine/program.h"
#include "engine/reading.h"
#include "engine/recall.h"
#include "engine/rehearsal.h"
#include "engine/run_internal.h"
#include "engine/validate_internal.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/ion.h"
#include "io/file.h"
#include "model/batch.h"
#include "model/compare.h"

enum { MAX_ITEMS = 100 };	/* of a file that are shown */

struct checking {
	const struct validate_options *options;
	struct validate_notes *notes;
	const struct run *run;		/* the job, done again */
	char out[PATH_MAX];		/* the folder */
	_Atomic uint64_t compared;	/* items that are as they should be */
};

/* ---- a file of out/ ------------------------------------------------------ */

struct outfile {
	struct reading *reading;	/* NULL: not begun */
	struct unit unit;		/* to read it by */
	char *path;
	const char *table;		/* target */
	const struct plan_key *key;
	struct batch *batch;
	uint32_t at;			/* next item of the batch */
	bool ended;
	bool lost;			/* what is in it cannot be told apart */
	uint64_t nbad;
};

struct eye {
	struct checking *all;
	const struct unit *unit;
	struct outfile *files;		/* one a target number */
	struct buf text;
};

static char *
name_file(const struct eye *e, uint32_t table, struct err *err)
{
	const struct run *const r = e->all->run;
	struct buf path = { 0 };

	if (buf_printf(&path, err, "%s/%s/data/%08u%s%s%c", e->all->out,
		       r->targets[table].name, e->unit->number,
		       r->shared.format->suffix, r->shared.pack != NULL
		       ? r->shared.pack->suffix : "", 0) == 0)
		return (char *)path.ptr;
	buf_free(&path);
	return NULL;
}

/* The file that items of a plan table go to, begun; NULL on failure. */
static struct outfile *
file_of(struct eye *e, uint32_t table, struct err *err)
{
	const struct run *const r = e->all->run;
	struct outfile *const f = &e->files[r->targets[table].number];

	if (f->path != NULL)
		return f;
	f->path = name_file(e, table, err);
	if (f->path == NULL)
		return NULL;
	f->table = r->targets[table].name;
	f->key = &r->plan->tables[table].key;
	if (access(f->path, F_OK) != 0)
		return f;
	f->unit = (struct unit){
		.number = e->unit->number, .path = f->path,
		.name = strrchr(f->path, '/') + 1, .nitems = -1,
		.format = r->shared.format,
	};
	f->reading = reading_new(err);
	if (f->reading == NULL ||
	    reading_start(f->reading, &f->unit, false, err) != 0)
		return NULL;
	return f;
}

/* The next item in it, in *out: NULL after the last.  Returns 0 or -1. */
static int
next_item(struct outfile *f, const struct item **out, struct err *err)
{
	struct err why = { 0 };
	int rc = 1;

	*out = NULL;
	while (f->reading != NULL && !f->lost && !f->ended &&
	       (f->batch == NULL || f->at == f->batch->nitems)) {
		f->at = 0;
		rc = reading_next(f->reading, &f->batch, &why);
		/* Damage, and lines that are none, were told before. */
		f->lost = rc < 0 || (rc > 0 && f->batch->nrejects > 0);
		if (rc < 0 && why.code != ERR_INPUT) {
			*err = why;
			return -1;
		}
		f->ended = rc == 0;
	}
	if (f->reading != NULL && !f->lost && !f->ended)
		*out = &f->batch->items[f->at++];
	return 0;
}

/* ---- comparing ----------------------------------------------------------- */

static int
encode(struct eye *e, const struct item *item, struct span *out,
       struct err *err)
{
	buf_reset(&e->text);
	if (ddbjson_encode(item, 1, &e->text, err) != 0)
		return -1;
	*out = (struct span){ e->text.ptr, e->text.len - 1 };
	return 0;
}

/* `found` may be NULL: there is none; `expected` too. */
static int
note(struct eye *e, struct outfile *f, const struct item *expected,
     const struct item *found, const char *text, struct err *err)
{
	struct validate_note n = {
		.kind = found == NULL ? VALIDATE_MISSING :
			expected == NULL ? VALIDATE_EXTRA : VALIDATE_DIFFERENT,
		.unit = e->unit->number, .table = f->table, .file = f->path,
		.line = found != NULL ? found->number : UINT64_MAX,
		.text = text, .key = f->key,
	};

	if (++f->nbad > MAX_ITEMS)
		return 0;
	if (found != NULL)
		n.found = found->line;
	else
		n.name = f->path;
	if (expected != NULL && encode(e, expected, &n.expected, err) != 0)
		return -1;
	if (found == NULL) {
		n.file = NULL;
		n.line = 0;
	}
	return validate_note(e->all->notes, &n, err);
}

static bool
same_attr(const char *name, const struct item *a, const struct item *b,
	  struct arena *mem)
{
	struct err unused;

	if (name == NULL)
		return true;

	const struct span s = span_of(name);
	const struct value *const x = value_attr(&a->map, s, name_hash(s));
	const struct value *const y = value_attr(&b->map, s, name_hash(s));

	return x != NULL && y != NULL && value_equal(x, y, mem, &unused) == 1;
}

static int
compare(struct eye *e, struct outfile *f, const struct item *expected,
	struct err *err)
{
	const struct item *found;

	if (next_item(f, &found, err) != 0)
		return -1;
	if (f->lost)
		return 0;
	if (found == NULL)
		return note(e, f, expected, NULL, "", err);

	struct arena *const mem = &f->batch->mem;
	const int same = value_equal(&expected->map, &found->map, mem, err);
	if (same < 0)
		return -1;
	if (same > 0) {
		atomic_fetch_add_explicit(&e->all->compared, 1,
					  memory_order_relaxed);
		return 0;
	}
	if (same_attr(f->key->pk.name, expected, found, mem) &&
	    same_attr(f->key->sk.name, expected, found, mem))
		return note(e, f, expected, found, "", err);
	f->lost = true;
	return note(e, f, expected, found, "another item stands in its place; "
		    "the rest of the file was not compared", err);
}

/* ---- looking on ---------------------------------------------------------- */

static void
free_eye(struct eye *e)
{
	for (uint32_t i = 0; e->files != NULL && i < e->all->run->ntargets;
	     i++) {
		reading_free(e->files[i].reading);
		free(e->files[i].path);
	}
	free(e->files);
	buf_free(&e->text);
	free(e);
}

static void *
open_eye(void *context, const struct unit *u, struct err *err)
{
	struct checking *const c = context;
	struct eye *const e = calloc(1, sizeof(*e));

	if (e != NULL) {
		e->all = c;
		e->unit = u;
		e->files = calloc(c->run->ntargets + 1, sizeof(*e->files));
	}
	if (e != NULL && e->files != NULL)
		return e;
	free(e);
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

static int
after(void *eye, const struct batch *b, const struct program_result *result,
      struct err *err)
{
	struct eye *const e = eye;

	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		struct outfile *f;

		if (p->item == NULL || batch_is_gone(b, p->source))
			continue;
		f = file_of(e, p->table, err);
		if (f == NULL || compare(e, f, p->item, err) != 0)
			return -1;
	}
	return 0;
}

/* Nothing may be left in the files of the unit. */
static int
check_rest(struct eye *e, struct outfile *f, struct err *err)
{
	const struct item *found;
	char text[128];

	for (;;) {
		if (next_item(f, &found, err) != 0)
			return -1;
		if (found == NULL)
			break;
		if (note(e, f, NULL, found, "", err) != 0)
			return -1;
	}
	if (f->nbad <= MAX_ITEMS)
		return 0;
	snprintf(text, sizeof(text), "and %" PRIu64 " more items of this file",
		 f->nbad - MAX_ITEMS);
	return validate_note(e->all->notes, &(struct validate_note){
		.kind = VALIDATE_DIFFERENT, .unit = e->unit->number,
		.table = f->table, .file = f->path, .line = UINT64_MAX,
		.text = text,
	}, err);
}

static int
close_eye(void *eye, bool whole, struct err *err)
{
	struct eye *const e = eye;
	const struct run *const r = e->all->run;
	int rc = 0;

	for (uint32_t i = 0; i < r->plan->ntables && whole && rc == 0; i++) {
		const bool used = !r->plan->tables[i].skip &&
				  !r->plan->tables[i].glob;
		struct outfile *const f = used ? file_of(e, i, err) : NULL;

		if (used)
			rc = f == NULL ? -1 : 0;
	}
	for (uint32_t i = 0; i < r->ntargets && whole && rc == 0; i++)
		if (e->files[i].path != NULL)
			rc = check_rest(e, &e->files[i], err);
	free_eye(e);
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
		snprintf(text, sizeof(text), "%s: %" PRIu64 " items in "
			 "rejected/, where %" PRIu64 " are rejected", name,
			 then, now);
		check.kind = then == now ? VALIDATE_SOUND : VALIDATE_DIFFERENT;
		if (validate_see(c->options, s, &check, err) != 0)
			return -1;
	}
	return 0;
}

/* Its files, as a dump. */
static int
check_files(const struct checking *c, struct validate_sums *s,
	    struct err *err)
{
	const char *const path = c->out;
	struct validate_options o = *c->options;

	o.dump = (struct dump_options){ .paths = &path, .npaths = 1 };
	return validate_dump(&o, s, err);
}

static bool
has_changes(const struct run *r)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++)
		if (!r->plan->tables[i].skip && run_is_changes(r, i))
			return true;
	return false;
}

static int
check(struct checking *c, const struct job *job, struct run *r,
      struct validate_sums *s, struct err *err)
{
	const uint64_t packed = s->packed_len;

	c->run = r;
	if (recall_same(job, r->job, err) != 0)
		return -1;
	if (r->shared.format != &ddbjson_format &&
	    r->shared.format != &ion_format)
		return err_set(err, ERR_USAGE, "a job that writes %s cannot be "
			       "compared with what it comes to: its files say "
			       "less than items are", r->shared.format->name);
	if (has_changes(r))
		return err_set(err, ERR_USAGE, "the job is of an increment "
			       "alone, and its deletes are no items: run it "
			       "again into another folder and compare those");
	if (check_files(c, s, err) != 0)
		return -1;
	if (run_units(r, err) != 0 || run_finish(r, err) != 0)
		return -1;
	s->checks += atomic_load(&c->compared);
	s->items = r->account.total.read;
	s->packed_len += packed + r->account.packed_in;
	if (validate_notes_show(c->notes, c->options, s, err) != 0)
		return -1;
	return check_rejects(c, s, err);
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

	snprintf(c->out, sizeof(c->out), "%s/" JOB_OUT, o->job);
	if (j == NULL || job_is_out(j))
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
		.close = close_eye,
	};
	struct rehearsal *r = NULL;
	struct arena mem = { 0 };
	struct recall was;
	struct job *job;
	int rc = -1;

	*s = (struct validate_sums){ 0 };
	job = open_job(&c, err);
	if (job == NULL)
		return -1;
	if (recall_job(&was, job, &mem, err) != 0)
		goto done;

	struct run_options run = {
		.plans = was.plans, .nplans = was.nplans, .plan = was.plan,
		.threads = o->threads, .memory = o->memory, .limit = was.limit,
		.on_duplicate = was.on_duplicate,
		.accept = o->dump.accept, .naccept = o->dump.naccept,
		.run_time = was.run_time != NULL ? was.run_time : o->run_time,
		.run_time_given = true, .version = o->version,
		.cancel = o->cancel, .survey = SURVEY_AGAIN,
		.observer = &observer,
	};
	run.plan.variable = variable;
	run.plan.context = &c;
	c.notes = validate_notes_new(err);
	if (c.notes != NULL)
		r = rehearsal_open(&run, o->tmp, err);
	if (r != NULL)
		rc = check(&c, job, rehearsal_run(r), s, err);
done:
	rehearsal_close(r);
	validate_notes_free(c.notes);
	job_close(job);
	arena_free(&mem);
	return rc;
}
