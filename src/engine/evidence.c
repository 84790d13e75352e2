/*
 * evidence.c - the member "story" of report.json: docs/report.schema.json says
 * what is in it.
 */
#include "engine/evidence.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/facts.h"
#include "engine/html.h"
#include "engine/job.h"
#include "engine/seal.h"
#include "engine/story.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

enum {
	MAX_REPORT = 1 << 30,
	MAX_PLAN = 16 << 20,
	MAX_SAMPLES = 64 << 20,
	MAX_HEIGHT = 40,	/* of a sample; the page has a limit too */
};

struct evidence {
	const char *dir;
	struct arena mem;
	struct job *job;
	struct story story;
	const struct tree *report;
	struct jsonwrite w;
	struct buf text;
};

static void
put_text(struct evidence *e, const char *name, const char *text)
{
	jsonwrite_put_text(&e->w, name, text);
}

/* A file of the job or of its plan as text that stays; .ptr NULL: none. */
static struct span
load(struct evidence *e, const char *path, size_t most)
{
	struct buf text = { 0 };
	struct err why;
	struct span copy = { NULL, 0 };

	if (access(path, R_OK) == 0 &&
	    file_load(path, most, &text, &why) == 0)
		copy = arena_copy(&e->mem, buf_span(&text), &why);
	buf_free(&text);
	return copy;
}

/* ---- stages ------------------------------------------------------------- */

static void
put_stage(struct evidence *e, const struct story_stage *s)
{
	char time[32];

	jsonwrite_map(&e->w);
	put_text(e, "stage", s->name);
	jsonwrite_name(&e->w, "status");
	jsonwrite_int(&e->w, s->status);
	put_text(e, "started", status_time(s->started, time));
	jsonwrite_name(&e->w, "seconds");
	jsonwrite_fixed(&e->w, s->seconds, 3);
	put_text(e, "by", s->by);
	put_text(e, "host", s->host);
	put_text(e, "version", s->version);
	put_text(e, "note", s->note);
	put_text(e, "error", s->error);
	jsonwrite_name(&e->w, "accepted");
	jsonwrite_list(&e->w);
	for (size_t i = 0; i < s->naccepted; i++)
		jsonwrite_text(&e->w, s->accepted[i]);
	jsonwrite_end(&e->w);
	status_write_tables(&e->w, s->tables, s->ntables);
	jsonwrite_end(&e->w);
}

/* ---- plans -------------------------------------------------------------- */

/* Its text, if it still is what the job was started with. */
static void
put_plan(struct evidence *e, const char *path)
{
	const char *const was = job_value(e->job, "files", path);
	char now[FACT_LEN];
	struct err why;
	const struct span text = was != NULL && access(path, R_OK) == 0 &&
		fact_of_file(path, now, &why) == 0 && strcmp(now, was) == 0
		? load(e, path, MAX_PLAN) : (struct span){ NULL, 0 };

	jsonwrite_map(&e->w);
	put_text(e, "path", path);
	put_text(e, "digest", was != NULL ? was : "");
	jsonwrite_name(&e->w, "text");
	if (text.ptr != NULL)
		jsonwrite_span(&e->w, text);
	else
		jsonwrite_null(&e->w);
	jsonwrite_end(&e->w);
}

static void
put_plans(struct evidence *e)
{
	size_t n;
	const struct job_fact *const facts = job_facts(e->job, &n);

	jsonwrite_name(&e->w, "plans");
	jsonwrite_list(&e->w);
	for (size_t i = 0; i < n; i++)
		if (strcmp(facts[i].group, "plans") == 0)
			put_plan(e, facts[i].value);
	jsonwrite_end(&e->w);
}

/* ---- tables: what came to the targets, and what was proved of it --------- */

static const struct status_table *
table_named(const struct story_stage *s, const char *name)
{
	for (size_t i = 0; s != NULL && i < s->ntables; i++)
		if (strcmp(s->tables[i].name, name) == 0)
			return &s->tables[i];
	return NULL;
}

static void
put_count(struct evidence *e, const char *name, bool known, uint64_t n)
{
	jsonwrite_name(&e->w, name);
	if (known)
		jsonwrite_uint(&e->w, n);
	else
		jsonwrite_null(&e->w);
}

static uint64_t
count_of(const struct tree *t, const char *name)
{
	const struct tree *const count = t == NULL ? NULL : tree_get(t, name);
	uint64_t n = 0;

	return count != NULL && tree_uint(count, &n) == 0 ? n : 0;
}

/* What the run did with the items of all tables that go to this target. */
static void
put_account(struct evidence *e, const char *name)
{
	const struct tree *const list = tree_get(e->report, "tables");
	struct { const char *name; uint64_t n; } sums[] = {
		{ "read", 0 }, { "filtered", 0 }, { "rejected", 0 },
		{ "emitted", 0 }, { "written", 0 },
	};

	for (uint32_t i = 0; list != NULL && i < list->nkids; i++) {
		const struct tree *const t = &list->kids[i];
		const struct tree *const to = tree_get(t, "to");

		if (to == NULL || to->kind != TREE_TEXT ||
		    !span_is(to->text, name))
			continue;
		for (int k = 0; k < 3; k++)
			sums[k].n += count_of(t, sums[k].name);
		sums[3].n += count_of(t, "written");
		sums[4].n += count_of(tree_get(t, "out"), "items");
	}
	for (int k = 0; k < 5; k++)
		jsonwrite_put_uint(&e->w, sums[k].name, sums[k].n);
}

static void
put_target(struct evidence *e, const char *name)
{
	const struct status_table *const pushed = table_named(
		story_last(&e->story, "push"), name);
	const struct status_table *const sent = pushed != NULL ? pushed
		: table_named(story_last(&e->story, "import"), name);
	const struct status_table *const proved = table_named(
		story_last(&e->story, "validate"), name);

	jsonwrite_map(&e->w);
	put_text(e, "table", name);
	put_account(e, name);
	put_count(e, "sent", sent != NULL, sent == NULL ? 0
		  : sent->done - sent->bad);
	put_count(e, "refused", sent != NULL, sent == NULL ? 0 : sent->bad);
	put_count(e, "verified", proved != NULL, proved == NULL ? 0
		  : proved->done - proved->bad);
	jsonwrite_end(&e->w);
}

/* Each target of the report's tables once. */
static void
put_targets(struct evidence *e)
{
	const struct tree *const list = tree_get(e->report, "tables");

	jsonwrite_name(&e->w, "tables");
	jsonwrite_list(&e->w);
	for (uint32_t i = 0; list != NULL && i < list->nkids; i++) {
		const struct tree *const to = tree_get(&list->kids[i], "to");
		bool again = false;

		for (uint32_t k = 0; to != NULL && k < i; k++) {
			const struct tree *const other = tree_get(
				&list->kids[k], "to");

			again |= other != NULL && to->kind == TREE_TEXT &&
				 span_is(other->text,
					 (const char *)to->text.ptr);
		}
		if (to != NULL && to->kind == TREE_TEXT && !again)
			put_target(e, (const char *)to->text.ptr);
	}
	jsonwrite_end(&e->w);
}

/* ---- where ids went ------------------------------------------------------ */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The indexes, by which `lookup` knows every id. */
static int
put_indexes(struct evidence *e, struct err *err)
{
	const char *names[1024];
	char path[PATH_MAX];
	const struct dirent *d;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" JOB_INDEX, e->dir);
	dir = opendir(path);
	while (dir != NULL && n < 1024 && (d = readdir(dir)) != NULL) {
		const size_t len = strlen(d->d_name);
		struct span own;

		if (len < 5 || strcmp(d->d_name + len - 4, ".idx") != 0)
			continue;
		own = arena_copy(&e->mem, (struct span){
			(const uint8_t *)d->d_name, len + 1 }, err);
		if (own.ptr == NULL)
			break;
		names[n++] = (const char *)own.ptr;
	}
	if (dir != NULL)
		closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	jsonwrite_name(&e->w, "idMap");
	jsonwrite_list(&e->w);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), JOB_INDEX "/%s", names[i]);
		jsonwrite_text(&e->w, path);
	}
	jsonwrite_end(&e->w);
	return 0;
}

/* ---- samples ------------------------------------------------------------- */

static void
put_samples(struct evidence *e)
{
	char path[PATH_MAX];
	struct span text;

	snprintf(path, sizeof(path), "%s/" JOB_SAMPLES, e->dir);
	text = load(e, path, MAX_SAMPLES);
	jsonwrite_name(&e->w, "samples");
	jsonwrite_list(&e->w);
	while (text.len > 0) {
		const uint8_t *const end = memchr(text.ptr, '\n', text.len);
		const size_t n = end == NULL ? text.len
					     : (size_t)(end - text.ptr);
		struct err why;
		const struct tree *const t = json_parse(
			(struct span){ text.ptr, n }, JOB_SAMPLES, &e->mem,
			&why);

		if (t != NULL && t->kind == TREE_MAP &&
		    t->height <= MAX_HEIGHT)
			jsonwrite_tree(&e->w, t);
		text.ptr += n + (end != NULL);
		text.len -= n + (end != NULL);
	}
	jsonwrite_end(&e->w);
}

/* ---- all of it ----------------------------------------------------------- */

/* The report as it is, and the story in place of an older one. */
static int
encode(struct evidence *e, struct err *err)
{
	const struct tree *const r = e->report;

	jsonwrite_start(&e->w, &e->text, false, err);
	jsonwrite_map(&e->w);
	for (uint32_t i = 0; i < r->nkids; i += 2)
		if (!span_is(r->kids[i].text, "story")) {
			jsonwrite_name_span(&e->w, r->kids[i].text);
			jsonwrite_tree(&e->w, &r->kids[i + 1]);
		}
	jsonwrite_name(&e->w, "story");
	jsonwrite_map(&e->w);
	jsonwrite_name(&e->w, "stages");
	jsonwrite_list(&e->w);
	for (size_t i = 0; i < e->story.n; i++)
		put_stage(e, &e->story.stages[i]);
	jsonwrite_end(&e->w);
	put_targets(e);
	put_plans(e);
	if (put_indexes(e, err) != 0)
		return -1;
	put_samples(e);
	put_text(e, "checksums", JOB_SEAL);
	jsonwrite_end(&e->w);
	jsonwrite_end(&e->w);
	return jsonwrite_finish(&e->w);
}

static int
save(struct evidence *e, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/report.json", e->dir);
	if (file_save_safe(path, buf_span(&e->text), err) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/report.html", e->dir);
	return html_save(path, html_report, buf_span(&e->text), err);
}

static int
load_report(struct evidence *e, struct err *err)
{
	char path[PATH_MAX];
	struct span text;

	snprintf(path, sizeof(path), "%s/report.json", e->dir);
	text = load(e, path, MAX_REPORT);
	if (text.ptr == NULL)
		return err_set(err, ERR_REFUSED, "'%s': there is no report "
			       "yet: let 'dynamill run' come to its end first",
			       path);
	e->report = json_parse(text, path, &e->mem, err);
	if (e->report != NULL && e->report->kind != TREE_MAP)
		return err_set(err, ERR_INPUT, "'%s' is no report", path);
	return e->report == NULL ? -1 : 0;
}

int
evidence_write(const struct seal_options *o, struct err *err)
{
	struct evidence e = { .dir = o->job_dir };
	int rc = -1;

	e.job = job_open_as_is(o->job_dir, true, err);
	if (e.job != NULL && load_report(&e, err) == 0 &&
	    story_load(o->job_dir, &e.story, &e.mem, err) == 0 &&
	    encode(&e, err) == 0 && save(&e, err) == 0)
		rc = seal_write(o, err);
	job_close(e.job);
	buf_free(&e.text);
	arena_free(&e.mem);
	return rc;
}
