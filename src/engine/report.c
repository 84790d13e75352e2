/*
 * report.c - report.json, and the page made of it: what a run came to, in the
 * words of commands.md.  docs/report.schema.json describes it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "engine/html.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/run_internal.h"
#include "formats/jsonwrite.h"
#include "io/file.h"

static void
write_counts(struct jsonwrite *w, const struct counts *c)
{
	counts_write(c, w);
	jsonwrite_put_uint(w, "written", c->written);
}

/* Is there a report of plan table `i`? */
static bool
is_told(const struct plan *p, uint32_t i)
{
	return !p->tables[i].skip && !p->tables[i].glob;
}

static void
write_out(struct jsonwrite *w, const struct account_out *o)
{
	jsonwrite_name(w, "out");
	jsonwrite_map(w);
	jsonwrite_put_uint(w, "files", o->files);
	jsonwrite_put_uint(w, "items", o->items);
	jsonwrite_put_uint(w, "bytes", o->packed_len);
	jsonwrite_put_uint(w, "uncompressedBytes", o->plain_len);
	jsonwrite_end(w);
}

/* The files of a target stand under the first of its tables. */
static void
write_table_out(struct jsonwrite *w, const struct run *r, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (r->targets[k].number == r->targets[i].number &&
		    is_told(r->plan, k)) {
			jsonwrite_name(w, "out");
			jsonwrite_null(w);
			return;
		}
	write_out(w, &r->account.outs[r->targets[i].number]);
}

static int
write_examples(struct run *r, struct jsonwrite *w, uint32_t relation,
	       struct err *err)
{
	const uint32_t n = r->account.join.relations[relation].ndangle;
	struct buf text = { 0 };
	int rc = 0;

	jsonwrite_name(w, "danglingExamples");
	jsonwrite_list(w);
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		buf_reset(&text);
		rc = run_locate_reference(r, relation, i, &text, err);
		if (rc == 0)
			jsonwrite_span(w, buf_span(&text));
	}
	jsonwrite_end(w);
	buf_free(&text);
	return rc;
}

/* What rule `k` of table `i` found, for every table it refers to. */
static int
write_rule(struct run *r, uint32_t i, uint32_t k, struct jsonwrite *w,
	   struct err *err)
{
	static const char *const LEFT[LEFT_KINDS] = {
		[LEFT_NULL] = "leftNull", [LEFT_NOT_AN_ID] = "leftNotAnId",
		[LEFT_NO_MATCH] = "leftNoMatch",
		[LEFT_MERGED] = "mergedMembers",
	};
	const struct plan *const p = r->plan;
	const struct plan_rule *const rule = &p->tables[i].rules[k];
	const uint64_t *const left = r->account.left +
		program_left(r->program, i) + k * LEFT_KINDS;

	jsonwrite_map(w);
	jsonwrite_put_text(w, "path", rule->path);
	jsonwrite_put_text(w, "kind", rule->is_id ? "id" : "reference");
	for (int l = 0; l < LEFT_KINDS; l++)
		jsonwrite_put_uint(w, LEFT[l], left[l]);
	jsonwrite_name(w, "to");
	jsonwrite_list(w);
	for (uint32_t to = 0; to < p->ntables; to++) {
		const struct join_relation_result *const rel =
			&r->account.join.relations[program_relation(
				r->program, i, k, to)];

		if (rel->refs == 0)
			continue;
		jsonwrite_map(w);
		jsonwrite_put_text(w, "table", p->tables[to].name);
		jsonwrite_put_uint(w, "references", rel->refs);
		jsonwrite_put_uint(w, "resolved", rel->resolved);
		jsonwrite_put_uint(w, "dangling", rel->dangling);
		jsonwrite_put_uint(w, "unchecked", rel->unchecked);
		jsonwrite_put_uint(w, "toRejected", rel->rejected);
		if (write_examples(r, w, program_relation(r->program, i, k, to),
				   err) != 0)
			return -1;
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
	jsonwrite_end(w);
	return 0;
}

static int
write_table(struct run *r, uint32_t i, struct jsonwrite *w, struct err *err)
{
	const struct plan_table *const t = &r->plan->tables[i];
	const struct join_table_result *const ids =
		&r->account.join.tables[i];
	size_t at;

	jsonwrite_map(w);
	jsonwrite_put_text(w, "table", t->name);
	jsonwrite_name(w, "from");
	t->from != NULL ? jsonwrite_text(w, t->from) : jsonwrite_null(w);
	jsonwrite_put_text(w, "to", r->targets[i].name);
	write_counts(w, &r->account.tables[i]);
	write_table_out(w, r, i);
	if (run_is_changes(r, i))
		jsonwrite_put_uint(w, "deletes", r->account.deleted[i]);
	if (program_find_unmade(r->program, i, &at))
		jsonwrite_put_uint(w, "emittedSkipped", r->account.left[at]);
	jsonwrite_put_uint(w, "ids", ids->ids);
	if (r->account.maps[i].rows > 0) {
		jsonwrite_put_uint(w, "mapRows", r->account.maps[i].rows);
		jsonwrite_put_uint(w, "mapRowsUnused",
				   r->account.maps[i].unused);
	}
	jsonwrite_name(w, "rules");
	jsonwrite_list(w);
	for (uint32_t k = 0; k < t->nrules; k++)
		if (write_rule(r, i, k, w, err) != 0)
			return -1;
	jsonwrite_end(w);
	report_versions(r, i, w);
	jsonwrite_end(w);
	return 0;
}

static void
write_total(const struct account *a, struct jsonwrite *w)
{
	jsonwrite_name(w, "total");
	jsonwrite_map(w);
	write_counts(w, &a->total);
	write_out(w, &a->total_out);
	jsonwrite_put_uint(w, "deletes", a->deletes);
	jsonwrite_put_uint(w, "superseded", a->superseded);
	jsonwrite_put_uint(w, "gone", a->gone);
	jsonwrite_put_uint(w, "units", a->units);
	jsonwrite_put_uint(w, "blankLines", a->blank_lines);
	if (a->lost > 0)
		jsonwrite_put_uint(w, "valuesLost", a->lost);
	jsonwrite_put_uint(w, "acceptedDamagedFiles", a->damaged);
	jsonwrite_put_uint(w, "bytesRead", a->packed_in);
	jsonwrite_put_uint(w, "uncompressedBytesRead", a->plain_in);
	jsonwrite_end(w);
}

/* How fast this process was; a resumed job's earlier ones are not in it. */
static void
write_speed(const struct account *a, struct jsonwrite *w)
{
	jsonwrite_name(w, "thisRun");
	jsonwrite_map(w);
	jsonwrite_name(w, "seconds");
	jsonwrite_fixed(w, a->seconds, 3);
	jsonwrite_put_uint(w, "items", a->items_now);
	jsonwrite_put_uint(w, "uncompressedBytes", a->plain_now);
	if (a->seconds > 0) {
		jsonwrite_name(w, "itemsPerSecond");
		jsonwrite_fixed(w, (double)a->items_now / a->seconds, 0);
		jsonwrite_name(w, "megabytesPerSecond");
		jsonwrite_fixed(w, (double)a->plain_now / 1e6 / a->seconds, 1);
	}
	jsonwrite_end(w);
}

int
report_write(struct run *r, struct err *err)
{
	struct buf text = { 0 };
	struct jsonwrite w;
	char path[600];
	int rc = 0;

	jsonwrite_start(&w, &text, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "dynamill", r->options->version);
	jsonwrite_put_text(&w, "plan", r->plan->name);
	jsonwrite_put_text(&w, "runTime", job_value(r->job, "run", "time"));
	jsonwrite_put_text(&w, "cpu", cpu_name());
	write_total(&r->account, &w);
	write_speed(&r->account, &w);
	jsonwrite_name(&w, "tables");
	jsonwrite_list(&w);
	for (uint32_t i = 0; i < r->plan->ntables && rc == 0; i++)
		if (is_told(r->plan, i))
			rc = write_table(r, i, &w, err);
	jsonwrite_end(&w);
	jsonwrite_end(&w);
	if (rc == 0)
		rc = jsonwrite_finish(&w);
	snprintf(path, sizeof(path), "%s/report.json", r->work);
	if (rc == 0)
		rc = file_save(path, buf_span(&text), err);
	snprintf(path, sizeof(path), "%s/report.html", r->work);
	if (rc == 0)
		rc = html_save(path, html_report, buf_span(&text), err);
	buf_free(&text);
	return rc;
}
