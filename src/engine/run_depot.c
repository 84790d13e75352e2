/* run_depot.c - a shard, or a merge, of a job that is kept in S3 (depot.h). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/depot.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/place.h"
#include "engine/run_internal.h"
#include "engine/shard.h"
#include "engine/sides.h"
#include "engine/store.h"

static struct shard
shard_of(const struct run *r)
{
	return (struct shard){
		r->dir, r->options->survey, r->options->shard,
	};
}

const char *
run_job_name(const struct run *r)
{
	return r->options->depot != NULL ? depot_address(r->options->depot)
					 : r->dir;
}

int
run_begin_depot(struct run *r, const struct job_fact *facts, size_t n,
		struct err *err)
{
	return depot_begin(r->options->depot, facts, n, err) != 0 ? -1 :
		run_name_folder(r, err);
}

/* At an attempt of our own. */
static int
enter(struct run *r, struct err *err)
{
	struct depot *const d = r->options->depot;
	const struct shard s = shard_of(r);

	if (depot_enter(d, &s, r->work, r->name, err) != 0)
		return -1;
	free(r->out);
	r->out = depot_out_of(d, &s, r->name);
	return r->out != NULL ? 0 : err_set(err, ERR_SYSTEM, "out of memory");
}

int
run_enter_depot(struct run *r, struct err *err)
{
	struct depot *const d = r->options->depot;
	const struct shard s = shard_of(r);
	const int done = depot_done(d, &s, r->name, err);

	if (done < 0)
		return -1;
	r->elsewhere = done > 0;
	if (done > 0)
		return depot_fetch_journal(d, &s, r->name, r->work, err);
	return enter(r, err);
}

/* Are all objects of the attempt's records there, by one of the two? */
static int
has_all(const struct run *r, char *address, bool data, struct err *err)
{
	struct store *s = NULL;
	int rc;

	if (address == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	s = store_open(address, &r->plan->target, err);
	rc = s != NULL && store_look(s, err) == 0 ? 1 : -1;
	for (uint32_t i = 0; i < r->nunits && rc > 0; i++) {
		const struct journal_unit *const u = journal_unit(r->journal,
								  i);

		if (r->owner[i] != r->options->shard)
			continue;
		rc = u != NULL;
		for (size_t k = 0; rc > 0 && k < u->nfiles; k++) {
			const struct span name =
				run_object_name(&u->files[k]);

			if ((name.ptr != NULL) == data)
				rc = store_has(s, data ? name
					       : u->files[k].path,
					       u->files[k].size);
		}
	}
	store_close(s);
	free(address);
	return rc;
}

int
run_check_depot(struct run *r, struct err *err)
{
	struct depot *const d = r->options->depot;
	const struct shard s = shard_of(r);
	int rc;

	if (!r->elsewhere)
		return 0;
	rc = has_all(r, depot_part_of(d, &s, r->name), false, err);
	if (rc > 0 && r->options->survey == SURVEY_NONE)
		rc = has_all(r, depot_out_of(d, &s, r->name), true, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	r->elsewhere = false;
	return journal_note(r->journal, "ended", span_of(""), err) != 0 ||
	       depot_unset_done(d, &s, r->name, err) != 0 ? -1 : enter(r, err);
}

/* Whose bucket is it? */
static int
check_account(const struct run *r, struct err *err)
{
	struct side *const side = place_side_of(r->out, err);

	return side == NULL ? -1 :
		sides_check_account(side, &r->plan->target, err);
}

int
run_open_depot_store(struct run *r, struct err *err)
{
	const bool shard = r->options->shard > 0;

	if (shard && (r->attempt == 0 || r->elsewhere))
		return 0;
	r->store = store_open(r->out, &r->plan->target, err);
	if (r->store == NULL)
		return -1;
	if (run_is_done(r))
		return store_look(r->store, err);
	if (check_account(r, err) != 0)
		return -1;
	return shard ? run_sweep_store(r, err) : run_leave_address(r, err);
}

int
run_bring_shard(struct run *r, struct err *err)
{
	const struct shard s = shard_of(r);
	bool first;

	if (r->elsewhere) {
		r->brought = true;	/* what is here is of no use */
		return 0;
	}
	if (depot_bring(r->options->depot, &s, r->name, r->work, &first, err)
	    != 0)
		return -1;
	r->brought = true;
	r->outrun = !first;
	return 0;
}

int
run_publish(struct run *r, struct err *err)
{
	struct depot *const d = r->options->depot;
	const enum run_survey round = r->options->survey;

	return depot_publish(d, round, err) != 0 ? -1 :
		depot_remove_round(d, round, err);
}
