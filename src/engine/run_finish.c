/* run_finish.c - the end of a run: checks, then the last rename. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/plural.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/program.h"
#include "engine/run_internal.h"
#include "engine/shard.h"

/* Every item that was read must be somewhere, and what was moved written. */
int
run_check_sums(const struct run *r, struct err *err)
{
	const struct account *const a = &r->account;
	uint64_t made = 0;
	bool changes = false;

	for (uint32_t i = 0; i < a->ntables; i++) {
		const struct counts *const c = &a->tables[i];
		const struct plan_table *const t = &r->plan->tables[i];
		const bool several = plan_gives_several(t);

		changes |= run_is_changes(r, i);
		made += several ? c->made : c->moved;
		if (!counts_meet(c) ||
		    (c->written != c->moved && !several && !t->emitted &&
		     !run_is_changes(r, i)))
			return err_set(err, ERR_SYSTEM, "the account of table "
				"'%s' does not meet: read %" PRIu64 ", moved %"
				PRIu64 ", written %" PRIu64 "; nothing was made"
				" final, please report this",
				r->plan->tables[i].name, c->read, c->moved,
				c->written);
	}
	if (!changes && a->total.written != made)
		return err_set(err, ERR_SYSTEM, "items became %" PRIu64
			" others, and %" PRIu64 " were written; nothing was "
			"made final, please report this", made,
			a->total.written);
	if (r->options->survey == SURVEY_NONE &&
	    (a->total.written != a->total_out.items ||
	     a->deletes != a->total_deletes.items))
		return err_set(err, ERR_SYSTEM, "%" PRIu64 " item%s written, "
			"but the files hold %" PRIu64 "; nothing was made "
			"final, please report this", a->total.written,
			plural(a->total.written), a->total_out.items);
	return 0;
}

int
run_join(struct run *r, struct err *err)
{
	const struct plan *const p = r->plan;
	const uint32_t nrelations = program_nrelations(r->program);
	struct join_table *const tables = arena_take(&r->mem,
		(p->ntables + 1) * sizeof(*tables), err);
	struct join_relation *const relations = arena_take(&r->mem,
		(nrelations + 1U) * sizeof(*relations), err);
	struct join_target *const targets = arena_take(&r->mem,
		(r->ntargets + 1U) * sizeof(*targets), err);
	uint32_t *const units = arena_take(&r->mem,
		(r->nunits + 1U) * sizeof(*units), err);
	size_t nunits = 0;

	if (tables == NULL || relations == NULL || targets == NULL ||
	    units == NULL)
		return -1;
	for (uint32_t i = 0; i < p->ntables; i++) {
		const struct plan_table *const t = &p->tables[i];

		tables[i].name = t->skip || (t->input == PLAN_NONE &&
					     !t->emitted) ? NULL : t->name;
		for (uint32_t k = 0; k < t->nrules; k++)
			for (uint32_t to = 0; to < p->ntables; to++)
				relations[program_relation(r->program, i, k,
							   to)] =
					(struct join_relation){
						.table = to,
						.checked = !p->tables[to].skip
							&& !run_is_changes(r,
								to),
					};
	}
	for (uint32_t i = 0; i < r->ntargets; i++)
		targets[i].ids_of = JOIN_NONE;
	for (uint32_t i = 0; i < p->ntables; i++)
		if (!r->targets[i].log_keys)
			targets[r->targets[i].number].ids_of = i;
	for (uint32_t i = 0; i < r->nunits; i++)
		if (journal_unit(r->journal, i) != NULL)
			units[nunits++] = i;

	const struct join j = {
		.job_dir = r->work, .units = units, .nunits = nunits,
		.tables = tables, .ntables = (uint32_t)p->ntables,
		.relations = relations, .nrelations = nrelations,
		.targets = targets, .ntargets = r->ntargets,
		.memory = r->options->memory, .threads = r->options->threads,
		.on_duplicate = r->options->survey == SURVEY_KEYS
			? r->options->on_duplicate : DUPLICATE_FAIL,
		.only_ids = r->attempt > 0,
		.parts = r->parts, .nparts = r->nparts,
		.cancel = r->options->cancel,
	};
	if (join_run(&j, &r->account.join, err) != 0)
		return -1;
	r->account.joined = true;
	return 0;
}

/* Without the folder: "/data/x/f.gz: line 7, id 'a'" from "f.gz" on. */
static struct span
without_folder(struct span place)
{
	const char *const text = (const char *)place.ptr;
	size_t n = 0;

	for (size_t i = 0; i < place.len && strncmp(text + i, ": ", 2) != 0;
	     i++)
		if (text[i] == '/')
			n = i + 1;
	return (struct span){ place.ptr + n, place.len - n };
}

/*
 * Fail with what is wrong, the items of the pair, found again in their files,
 * and what to do.  Where that is too long for one message, the folders go.
 */
static int
fail_pair(struct run *r, const struct join_pair *pair, const char *wrong,
	  const char *now, struct err *err)
{
	const struct join_place *const places[] = { &pair->a, &pair->b };
	struct buf texts[2] = { { 0 }, { 0 } };
	struct span items[2];
	struct err trouble;

	for (int i = 0; i < 2; i++) {
		if (run_locate(r, places[i]->unit, places[i]->offset,
			       &texts[i], &trouble) != 0 ||
		    buf_append(&texts[i], (struct span){
			       (const uint8_t *)"", 1 }, &trouble) != 0)
			buf_reset(&texts[i]);
		items[i] = span_of(texts[i].len > 0
				   ? (const char *)texts[i].ptr : "");
	}
	if (strlen(wrong) + items[0].len + items[1].len + strlen(now) + 16 >
	    sizeof(err->text))
		for (int i = 0; i < 2; i++)
			items[i] = without_folder(items[i]);
	err_set(err, ERR_INPUT, "%s: %.*s; and %.*s; %s", wrong,
		(int)items[0].len, (const char *)items[0].ptr,
		(int)items[1].len, (const char *)items[1].ptr, now);
	buf_free(&texts[0]);
	buf_free(&texts[1]);
	return -1;
}

int
run_check_ids(struct run *r, struct err *err)
{
	const struct join_result *const j = &r->account.join;
	const struct plan *const p = r->plan;
	char wrong[512];

	if (!r->account.joined)
		return 0;

	for (uint32_t i = 0; i < p->ntables; i++) {
		const struct join_table_result *const t = &j->tables[i];

		if (t->collisions == 0)
			continue;
		snprintf(wrong, sizeof(wrong), "table '%s': several source ids "
			 "become one new id (%" PRIu64 " time%s), first",
			 p->tables[i].name, t->collisions,
			 plural(t->collisions));
		return fail_pair(r, &t->collision[0], wrong,
				 "choose a longer form of ids, or mend "
				 "ids.map", err);
	}
	return 0;
}

static int
check_keys(struct run *r, struct err *err)
{
	const struct join_result *const j = &r->account.join;
	const struct plan *const p = r->plan;
	char wrong[512];

	for (uint32_t i = 0; i < p->ntables; i++) {
		const struct join_target_result *const t =
			&j->targets[r->targets[i].number];

		if (t->duplicates == 0)
			continue;
		snprintf(wrong, sizeof(wrong), "target table '%s': several "
			 "items with one primary key (%" PRIu64 " too many), "
			 "first", r->targets[i].name, t->duplicates);
		return fail_pair(r, &t->duplicate[0], wrong,
				 "an import would keep only one of them: mend "
				 "the source or the plan, or start anew with "
				 "--on-duplicate", err);
	}
	return 0;
}

/* The places of a relation's examples, as many as a message has room for. */
static void
list_places(struct run *r, uint32_t relation, char *out, size_t size)
{
	const struct join_relation_result *const rel =
		&r->account.join.relations[relation];
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < rel->ndangle; i++) {
		struct buf text = { 0 };
		struct err trouble;

		if (run_locate_reference(r, relation, i, &text, &trouble) != 0)
			buf_reset(&text);

		const struct span item = without_folder(buf_span(&text));
		if (item.len > 0 && len + item.len + 8 < size)
			len += (size_t)snprintf(out + len, size - len, "%s%.*s",
						len > 0 ? "; " : "",
						(int)item.len,
						(const char *)item.ptr);
		buf_free(&text);
	}
}

/* Under `dangling: fail`, a reference to nothing stops the job here. */
static int
check_relation(struct run *r, const struct plan_table *t, uint32_t rule,
	       uint32_t to, struct err *err)
{
	const uint32_t table = (uint32_t)(t - r->plan->tables);
	const uint32_t relation = program_relation(r->program, table, rule,
						   to);
	const struct join_relation_result *const rel =
		&r->account.join.relations[relation];
	char places[280];

	if (t->dangling != DANGLING_FAIL || rel->dangling == 0)
		return 0;
	list_places(r, relation, places, sizeof(places));
	return err_set(err, ERR_INPUT, "%" PRIu64 " of %" PRIu64 " reference%s "
		       "%s.%s to '%s' %s nothing (dangling: fail): %s; mend "
		       "them or choose another policy; report.json has more",
		       rel->dangling, rel->refs, plural(rel->refs), t->name,
		       t->rules[rule].path, r->plan->tables[to].name,
		       rel->dangling == 1 ? "finds" : "find", places);
}

static int
check_dangling(struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		const struct plan_table *const t = &r->plan->tables[i];

		for (uint32_t k = 0; k < t->nrules; k++)
			for (uint32_t to = 0; to < r->plan->ntables; to++) {
				struct err unused;

				if (check_relation(r, t, k, to, err) == 0)
					continue;
				/* With examples of all relations. */
				report_write(r, &unused);
				return -1;
			}
	}
	return 0;
}

/* Is all that was made still there?  Else "done" would be no longer true. */
static int
check_out(const struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *const u = journal_unit(r->journal,
								  i);
		struct err why;

		if (u != NULL && (journal_check_out(r->work, u, &why) != 1 ||
				  run_check_stored(r, u, &why) != 1))
			return err_set(err, why.code, "%s; the job was done: "
				       "put back what it made, or name another "
				       "--job", why.text);
	}
	return 0;
}

static int
count_maps(struct run *r, struct err *err)
{
	for (size_t i = 0; i < r->plan->ntables; i++)
		if (mapuse_count(r->dir, &r->plan->tables[i],
				 &r->account.maps[i], err) != 0)
			return -1;
	return 0;
}

/* What the units came to, and what was accepted before they began. */
static int
sum_up(struct run *r, struct err *err)
{
	r->account.damaged = r->exports.ndamages;
	return account_sum(&r->account, r->journal, err);
}

/* The references of a job that is done, for the summary. */
static void
recall(struct run *r)
{
	struct join_relation_result *const relations =
		calloc(program_nrelations(r->program) + 1U,
		       sizeof(*relations));

	r->account.join.relations = relations;
	if (relations != NULL)
		report_recall(r, r->dir, relations, r->account.maps);
}

/* The end of a run, or of the merging of one. */
static int
finish(struct run *r, struct err *err)
{
	if (run_is_done(r)) {
		recall(r);
		return check_out(r, err) != 0 ? -1 : sum_up(r, err);
	}
	if (sum_up(r, err) != 0 ||
	    run_check_sums(r, err) != 0 || run_join(r, err) != 0 ||
	    run_check_ids(r, err) != 0 || check_keys(r, err) != 0 ||
	    run_locate_all(r, err) != 0 || check_dangling(r, err) != 0 ||
	    count_maps(r, err) != 0 ||
	    run_make_folders(r, err) != 0 || run_write_tables(r, err) != 0 ||
	    run_join_rejects(r, err) != 0 || report_write(r, err) != 0 ||
	    run_write_manifests(r, err) != 0 || job_put_out(r->job, err) != 0)
		return -1;
	return journal_note(r->journal, "ended", span_of("yes"), err);
}

int
run_finish(struct run *r, struct err *err)
{
	const enum run_survey survey = r->options->survey;

	if (r->options->shard > 0)
		return run_finish_shard(r, err);
	if ((survey != SURVEY_NONE ? survey_finish(r, err) :
				     finish(r, err)) != 0)
		return -1;
	if (r->options->nshards == 0)
		return 0;
	/* Nobody looked on, so that this is all that an analysis leaves. */
	if (survey != SURVEY_NONE && r->account.joined &&
	    (run_locate_all(r, err) != 0 || report_write(r, err) != 0))
		return -1;
	if (r->options->depot != NULL && run_publish(r, err) != 0)
		return -1;
	shard_remove_round(r->dir, survey);
	return 0;
}
