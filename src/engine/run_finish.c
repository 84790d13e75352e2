/* run_finish.c - the end of a run: checks, then the last rename. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/program.h"
#include "engine/run_internal.h"

/* Every item that was read must be somewhere, and what was moved written. */
static int
check_sums(const struct run *r, struct err *err)
{
	const struct account *const a = &r->account;

	for (uint32_t i = 0; i < a->ntables; i++) {
		const struct counts *const c = &a->tables[i];

		if (!counts_meet(c) || c->written != c->moved)
			return err_set(err, ERR_SYSTEM, "the account of table "
				"'%s' does not meet: read %" PRIu64 ", moved %"
				PRIu64 ", written %" PRIu64 "; nothing was made"
				" final, please report this",
				r->plan->tables[i].name, c->read, c->moved,
				c->written);
	}
	if (a->total.written != a->total_out.items)
		return err_set(err, ERR_SYSTEM, "%" PRIu64 " items were written"
			" but the files hold %" PRIu64 "; nothing was made "
			"final, please report this", a->total.written,
			a->total_out.items);
	return 0;
}

static int
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

		tables[i].name = t->skip || t->input == PLAN_NONE ? NULL
								  : t->name;
		for (uint32_t k = 0; k < t->nrules; k++)
			for (uint32_t to = 0; to < p->ntables; to++)
				relations[program_relation(r->program, i, k,
							   to)] =
					(struct join_relation){
						.table = to,
						.checked = !p->tables[to].skip,
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
		.job_dir = r->dir, .units = units, .nunits = nunits,
		.tables = tables, .ntables = (uint32_t)p->ntables,
		.relations = relations, .nrelations = nrelations,
		.targets = targets, .ntargets = r->ntargets,
		.memory = r->options->memory, .threads = r->options->threads,
		.cancel = r->options->cancel,
	};
	if (join_run(&j, &r->account.join, err) != 0)
		return -1;
	r->account.joined = true;
	return 0;
}

/* "A and B", found again in their files. */
static int
name_pair(struct run *r, const struct join_pair *pair, struct buf *out,
	  struct err *err)
{
	if (run_locate(r, pair->a.unit, pair->a.offset, out, err) != 0 ||
	    buf_printf(out, err, "; and ") != 0)
		return -1;
	return run_locate(r, pair->b.unit, pair->b.offset, out, err);
}

/* Fail with what is wrong, the items of the pair, and what to do. */
static int
fail_pair(struct run *r, const struct join_pair *pair, const char *wrong,
	  const char *now, struct err *err)
{
	struct buf items = { 0 };
	struct err trouble;

	if (name_pair(r, pair, &items, &trouble) != 0)
		items.len = 0;
	err_set(err, ERR_INPUT, "%s: %.*s; %s", wrong, (int)items.len,
		items.len > 0 ? (const char *)items.ptr : "", now);
	buf_free(&items);
	return -1;
}

static int
check_join(struct run *r, struct err *err)
{
	const struct join_result *const j = &r->account.join;
	const struct plan *const p = r->plan;
	char wrong[512];

	for (uint32_t i = 0; i < p->ntables; i++) {
		const struct join_table_result *const t = &j->tables[i];

		if (t->collisions == 0)
			continue;
		snprintf(wrong, sizeof(wrong), "table '%s': several source ids "
			 "become one new id (%" PRIu64 " times), first",
			 p->tables[i].name, t->collisions);
		return fail_pair(r, &t->collision[0], wrong,
				 "choose a longer form of ids", err);
	}
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
				 "the source or the plan", err);
	}
	return 0;
}

/* Under `dangling: fail`, a reference to nothing stops the job here. */
static int
check_dangling(struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		const struct plan_table *const t = &r->plan->tables[i];

		for (uint32_t k = 0; k < t->nrules; k++)
			for (uint32_t to = 0; to < r->plan->ntables; to++) {
				const struct join_relation_result *const rel =
					&r->account.join.relations[
						program_relation(r->program, i,
								 k, to)];
				struct buf item = { 0 };
				struct err trouble;

				if (t->dangling != DANGLING_FAIL ||
				    rel->dangling == 0)
					continue;
				if (run_locate(r, rel->dangle[0].unit,
					       rel->dangle[0].offset, &item,
					       &trouble) != 0)
					item.len = 0;
				err_set(err, ERR_INPUT, "%" PRIu64 " of %"
					PRIu64 " references %s.%s to '%s' find "
					"nothing (dangling: fail), first: %.*s",
					rel->dangling, rel->refs, t->name,
					t->rules[k].path,
					r->plan->tables[to].name, (int)item.len,
					item.len > 0 ? (const char *)item.ptr
						     : "");
				buf_free(&item);
				return -1;
			}
	}
	return 0;
}

int
run_finish(struct run *r, struct err *err)
{
	if (run_is_done(r))
		return account_sum(&r->account, r->journal, err);
	if (account_sum(&r->account, r->journal, err) != 0 ||
	    check_sums(r, err) != 0 || run_join(r, err) != 0 ||
	    check_join(r, err) != 0 || check_dangling(r, err) != 0 ||
	    run_write_manifests(r, err) != 0 || run_write_tables(r, err) != 0 ||
	    run_join_rejects(r, err) != 0 || report_write(r, err) != 0 ||
	    job_put_out(r->job, err) != 0)
		return -1;
	return journal_note(r->journal, "ended", span_of("yes"), err);
}
