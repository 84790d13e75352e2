/* run_store.c - a run whose output goes to S3 (store.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/token.h"
#include "engine/depot.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/run_internal.h"
#include "engine/store.h"
#include "io/file.h"

#define MARK_NOTE "s3"		/* of the journal: what the address is marked by */

int
run_choose_out(struct run *r, struct err *err)
{
	const char *const out = r->options->out != NULL ? r->options->out
		: r->plan->out;

	if (out != NULL && (r->options->nshards > 0 ||
			    r->options->depot != NULL))
		return err_set(err, ERR_USAGE, "a divided job writes to where "
			       "it is: leave out -o, and 'target.out' of the "
			       "plan, and say --job s3://... if its output is "
			       "to be in S3");
	if (r->options->depot != NULL)
		return asprintf(&r->out, "%s/" JOB_OUT, depot_address(
			r->options->depot)) < 0
			? err_set(err, ERR_SYSTEM, "out of memory") : 0;
	if (out == NULL)
		return 0;
	if (plan_check_out(out, err) != 0)
		return err_at(err, "-o");
	r->out = store_address(out);
	return r->out != NULL ? 0 : err_set(err, ERR_SYSTEM, "out of memory");
}

const char *
run_out(const struct run *r)
{
	return job_out(r->job);
}

/* ---- whose is what ------------------------------------------------------- */

/* Names of the objects that records are of, in order. */
struct known_names {
	const struct run *run;
	struct span *list;
	size_t n;
};

static int
order(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

struct span
run_object_name(const struct journal_file *f)
{
	const size_t n = strlen(JOB_REMOTE "/");

	if (f->path.len <= n || memcmp(f->path.ptr, JOB_REMOTE "/", n) != 0)
		return (struct span){ NULL, 0 };
	return (struct span){ f->path.ptr + n, f->path.len - n };
}

static int
gather(struct run *r, struct known_names *k, struct err *err)
{
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < r->nunits; i++) {
			const struct journal_unit *const u =
				journal_unit(r->journal, i);

			for (size_t f = 0; u != NULL && f < u->nfiles; f++) {
				const struct span name =
					run_object_name(&u->files[f]);

				if (name.ptr == NULL)
					continue;
				if (pass == 0)
					n++;
				else
					k->list[k->n++] = name;
			}
		}
		if (pass == 0)
			k->list = calloc(n + 1, sizeof(*k->list));
		if (k->list == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
	}
	if (k->n > 0)
		qsort(k->list, k->n, sizeof(*k->list), order);
	return 0;
}

/* "data/00000012.json.gz": is that how the files of units are called? */
static bool
is_of_unit(const char *name)
{
	return (strncmp(name, "data/", 5) == 0 &&
		strspn(name + 5, "0123456789") >= 8) ||
	       (strncmp(name, JOB_DELETES "/", strlen(JOB_DELETES) + 1) == 0 &&
		strspn(name + strlen(JOB_DELETES) + 1, "0123456789") >= 8);
}

/*
 * Is the object to stay?  What a unit without a record has left is not, nor is
 * what says that a table is complete; of others we know nothing.
 */
static bool
stays(void *context, const char *name)
{
	const struct known_names *const k = context;
	const struct span whole = span_of(name);
	const char *const slash = strchr(name, '/');

	for (uint32_t i = 0; slash != NULL && i < k->run->plan->ntables; i++) {
		const char *const target = k->run->targets[i].name;
		const size_t n = (size_t)(slash - name);

		if (strlen(target) != n || memcmp(target, name, n) != 0)
			continue;
		if (strcmp(slash + 1, "manifest-summary.json") == 0 ||
		    strcmp(slash + 1, "manifest-changes.json") == 0)
			return false;
		return !is_of_unit(slash + 1) ||
		       (k->n > 0 && bsearch(&whole, k->list, k->n,
					    sizeof(whole), order) != NULL);
	}
	return true;
}

int
run_abort_uploads(struct run *r, struct err *err)
{
	for (uint32_t i = 0; r->store != NULL && i < r->plan->ntables; i++)
		if (run_speaks_for_target(r, i) &&
		    store_abort_uploads(r->store, r->targets[i].name, err)
		    != 0)
			return -1;
	return 0;
}

/* ---- opening ------------------------------------------------------------- */

/* A text that no other job has; as it is in the journal. */
static int
note_mark(struct run *r, char mark[80], struct err *err)
{
	const struct span noted = journal_noted(r->journal, MARK_NOTE);
	char token[TOKEN_LEN];

	if (noted.len > 0 && noted.len < 80) {
		memcpy(mark, noted.ptr, noted.len);
		mark[noted.len] = '\0';
		return 1;
	}
	if (token_make(token, err) != 0)
		return -1;
	snprintf(mark, 80, "dynamill job %s\n", token);
	return journal_note(r->journal, MARK_NOTE, span_of(mark), err);
}

int
run_leave_address(const struct run *r, struct err *err)
{
	struct buf text = { 0 };
	char path[sizeof(r->work) + 40];
	int rc;

	snprintf(path, sizeof(path), "%s/%s/_address", r->work,
		 JOB_OUT_PARTIAL);
	rc = buf_printf(&text, err, "%s\n", r->out);
	if (rc == 0)
		rc = file_save(path, buf_span(&text), err);
	buf_free(&text);
	return rc;
}

int
run_sweep_store(struct run *r, struct err *err)
{
	struct known_names known = { .run = r };
	int rc = store_look(r->store, err);

	if (rc == 0)
		rc = gather(r, &known, err);
	if (rc == 0)
		rc = store_sweep(r->store, stays, &known, err);
	if (rc == 0)
		rc = run_abort_uploads(r, err);
	free(known.list);
	return rc;
}

int
run_open_store(struct run *r, struct err *err)
{
	char mark[80];
	int noted;

	if (r->out == NULL || r->options->survey != SURVEY_NONE)
		return 0;
	if (r->options->depot != NULL)
		return run_open_depot_store(r, err);
	r->store = store_open(r->out, &r->plan->target, err);
	if (r->store == NULL)
		return -1;
	if (run_is_done(r))
		return store_look(r->store, err);
	noted = note_mark(r, mark, err);
	if (noted < 0 || store_claim(r->store, mark, err) != 0 ||
	    run_leave_address(r, err) != 0)
		return -1;
	if (noted == 0)
		return 0;	/* nobody was there before */
	return run_sweep_store(r, err);
}

int
run_check_stored(const struct run *r, const struct journal_unit *u,
		 struct err *why)
{
	for (size_t i = 0; r->store != NULL && i < u->nfiles; i++) {
		const struct journal_file *const f = &u->files[i];
		const struct span name = run_object_name(f);

		if (name.ptr != NULL && !store_has(r->store, name, f->size)) {
			err_set(why, ERR_INPUT, "%s/%.*s is not there with its "
				"%" PRIu64 " bytes", r->out, (int)name.len,
				(const char *)name.ptr, f->size);
			return 0;
		}
	}
	return 1;
}
