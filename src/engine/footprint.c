#include "engine/footprint.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/tables.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/job.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

enum {
	MOST_LEN = 65536,
	CLOCK_S = 300,		/* by which clocks may differ */
};

static const char *
text(const struct tree *t, const char *name)
{
	const struct tree *const v = tree_get(t, name);

	return v == NULL || !tree_is_scalar(v) || v->text.ptr == NULL ? ""
		: (const char *)v->text.ptr;
}

static bool
truth(const struct tree *t, const char *name)
{
	const struct tree *const v = tree_get(t, name);

	return v != NULL && v->truth;
}

static void
path_of(const char *job, const char *table, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" JOB_PUSH "/%s.json", job, table);
}

/* What tells a table from others of its name, before and after it. */
static void
identify(const struct tree *table, char *out, size_t size)
{
	snprintf(out, size, "%s %s %s", text(table, "TableArn"),
		 text(table, "TableId"), text(table, "CreationDateTime"));
}

void
footprint_set_of(struct footprint *f, const struct tree *table)
{
	identify(table, f->of, sizeof(f->of));
}

bool
footprint_is_of(const struct footprint *f, const struct tree *table)
{
	char of[sizeof(f->of)];

	identify(table, of, sizeof(of));
	return !f->pushed || f->of[0] == '\0' || strcmp(f->of, of) == 0;
}

bool
footprint_is_near(const struct footprint *f, const struct tree *table)
{
	const char *const arn = text(table, "TableArn");
	const size_t n = strlen(arn);

	return !f->pushed || f->of[0] == '\0' ||
	       (strncmp(f->of, arn, n) == 0 && f->of[n] == ' ');
}

struct keyhash
footprint_hash(const char *what, const struct tree *table,
	       struct keyhash files)
{
	char of[1024];
	uint64_t words[4];
	const int n = snprintf(of, sizeof(of), "%s %s %s %s", what,
			       text(table, "TableArn"), text(table, "TableId"),
			       text(table, "CreationDateTime"));
	const struct keyhash name = keyhash_of((struct span){
		(const uint8_t *)of, n < (int)sizeof(of) ? (size_t)n
		: sizeof(of) - 1 });

	words[0] = name.lo;
	words[1] = name.hi;
	words[2] = files.lo;
	words[3] = files.hi;
	return keyhash_of((struct span){ (const uint8_t *)words,
					 sizeof(words) });
}

int
footprint_load(const char *job, const char *table, struct footprint *f,
	       struct err *err)
{
	char path[PATH_MAX];
	struct arena mem = { 0 };
	struct buf bytes = { 0 };
	const struct tree *t = NULL, *at;
	int rc = 0;

	*f = (struct footprint){ 0 };
	path_of(job, table, path);
	if (access(path, F_OK) != 0)
		return 0;
	if (file_load(path, MOST_LEN, &bytes, err) == 0)
		t = json_parse(buf_span(&bytes), path, &mem, err);
	rc = t == NULL ? -1 : 1;
	if (t != NULL) {
		at = tree_get(t, "absentAt");
		if (at != NULL && tree_uint(at, &f->absent_at) != 0)
			rc = err_set(err, ERR_INPUT, "'%s': 'absentAt' is no "
				     "time", path);
		f->created = truth(t, "created");
		f->made = truth(t, "made");
		f->pushed = truth(t, "pushed");
		f->was_empty = truth(t, "wasEmpty");
		f->no_undo = truth(t, "noUndo");
		f->updated = truth(t, "updated");
		f->retiring = truth(t, "retiring");
		f->undoing = truth(t, "undoing");
		f->undone = truth(t, "undone");
		snprintf(f->identity, sizeof(f->identity), "%s",
			 text(t, "identity"));
		snprintf(f->of, sizeof(f->of), "%s", text(t, "of"));
	}
	buf_free(&bytes);
	arena_free(&mem);
	return rc;
}

int
footprint_settle(const char *job, const char *table, struct footprint *f,
		 struct err *err)
{
	if (!f->retiring)
		return 0;
	return footprint_retire(job, table, false, err) != 0 ||
	       footprint_load(job, table, f, err) < 0 ? -1 : 0;
}

int
footprint_save(const char *job, const char *table, const struct footprint *f,
	       struct err *err)
{
	const struct { const char *name; bool value; } facts[] = {
		{ "created", f->created }, { "made", f->made },
		{ "pushed", f->pushed }, { "wasEmpty", f->was_empty },
		{ "noUndo", f->no_undo }, { "updated", f->updated },
		{ "retiring", f->retiring }, { "undoing", f->undoing },
		{ "undone", f->undone },
	};
	char path[PATH_MAX];
	struct buf out = { 0 };
	struct jsonwrite w;
	int rc;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH, job);
	if (file_make_folder(path, err) != 0)
		return -1;
	jsonwrite_start(&w, &out, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "table", table);
	jsonwrite_put_uint(&w, "absentAt", f->absent_at);
	jsonwrite_put_text(&w, "identity", f->identity);
	jsonwrite_put_text(&w, "of", f->of);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		jsonwrite_put_bool(&w, facts[i].name, facts[i].value);
	jsonwrite_end(&w);
	rc = jsonwrite_finish(&w);
	path_of(job, table, path);
	if (rc == 0)
		rc = file_save_safe(path, buf_span(&out), err);
	buf_free(&out);
	return rc;
}

/* ---- what is over -------------------------------------------------------- */

/* A folder for what is over: JOB/rollback/<table>~<n>. */
static int
make_attic(const char *job, const char *table, char path[PATH_MAX],
	   struct err *err)
{
	snprintf(path, PATH_MAX, "%s/" JOB_ROLLBACK, job);
	if (file_make_folder(path, err) != 0)
		return -1;
	for (unsigned n = 1;; n++) {
		snprintf(path, PATH_MAX, "%s/" JOB_ROLLBACK "/%s~%u", job,
			 table, n);
		if (mkdir(path, 0777) == 0)
			return 0;
		if (errno != EEXIST)
			return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	}
}

int
footprint_retire(const char *job, const char *table, bool gone,
		 struct err *err)
{
	static const struct { const char *folder, *ending; } RECORDS[] = {
		{ JOB_PUSH, ".done" }, { JOB_PUSH, "~deletes.done" },
		{ JOB_REFUSED, ".jsonl" }, { JOB_PUSH, "~updates.jsonl" },
		{ JOB_PUSH, "~updates.done" }, { JOB_PUSH, "~changed.jsonl" },
		{ JOB_UNDO, ".jsonl" }, { JOB_UNDO, "~deletes.jsonl" },
		{ JOB_ROLLBACK, ".done" }, { JOB_ROLLBACK, "~deletes.done" },
		{ JOB_ROLLBACK, "~updates.done" },
		{ JOB_ROLLBACK, "~changed.jsonl" },
	};
	char attic[PATH_MAX] = "", from[PATH_MAX], to[2 * PATH_MAX];
	struct footprint f;

	if (footprint_load(job, table, &f, err) < 0)
		return -1;
	f.retiring = true;
	if (footprint_save(job, table, &f, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
		snprintf(from, sizeof(from), "%s/%s/%s%s", job,
			 RECORDS[i].folder, table, RECORDS[i].ending);
		if (access(from, F_OK) != 0)
			continue;
		if (attic[0] == '\0' &&
		    make_attic(job, table, attic, err) != 0)
			return -1;
		/* An attic has no folders. */
		snprintf(to, sizeof(to), "%s/%s%s", attic,
			 strcmp(RECORDS[i].folder, JOB_REFUSED) == 0
			 ? JOB_PUSH ".refused" : RECORDS[i].folder,
			 RECORDS[i].ending);
		if (rename(from, to) != 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m", from);
	}
	/* The last step: a kill before it, and this goes on where it was. */
	f.pushed = f.was_empty = f.no_undo = f.updated = false;
	f.undoing = f.undone = f.retiring = false;
	f.of[0] = '\0';
	if (gone)
		f = (struct footprint){ 0 };
	return footprint_save(job, table, &f, err);
}

/* ---- tables that the job makes ------------------------------------------- */

static int
before_making(const char *job, struct service *s, const char *table,
	      bool created, struct err *err)
{
	struct footprint f;
	struct dynamodb_table t;
	int rc = footprint_load(job, table, &f, err);

	if (rc < 0)
		return -1;
	rc = dynamodb_describe(s, table, &t, err);
	dynamodb_table_free(&t);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	/* Whatever was done to an earlier one is gone with it. */
	if (footprint_retire(job, table, true, err) != 0)
		return -1;
	f = (struct footprint){ .absent_at = (uint64_t)time(NULL),
				.created = created };
	return footprint_save(job, table, &f, err);
}

int
footprint_before_making(const char *job, struct service *s, const char *table,
			struct err *err)
{
	return before_making(job, s, table, false, err);
}

bool
footprint_may_be_import(const struct footprint *f)
{
	return f->absent_at > 0 && !f->created;
}

/*
 * Killed between making it and noting which it is: it is ours if it is younger
 * than the moment at which there was none.
 */
static bool
is_younger(const struct footprint *f, const struct tree *table)
{
	const double made = strtod(text(table, "CreationDateTime"), NULL);

	return f->absent_at > 0 && made + CLOCK_S >= (double)f->absent_at;
}

bool
footprint_is_made(const struct footprint *f, const struct tree *table)
{
	char identity[sizeof(f->identity)];

	if (!f->made)
		return is_younger(f, table);
	identify(table, identity, sizeof(identity));
	return strcmp(identity, f->identity) == 0;
}

int
footprint_after_making(const char *job, struct service *s, const char *table,
		       struct err *err)
{
	struct footprint f;
	struct dynamodb_table t;
	int rc = footprint_load(job, table, &f, err);

	if (rc <= 0 || f.made || f.absent_at == 0)
		return rc < 0 ? -1 : 0;
	rc = dynamodb_describe(s, table, &t, err);
	if (rc > 0 && is_younger(&f, t.tree)) {
		f.made = true;
		identify(t.tree, f.identity, sizeof(f.identity));
		rc = footprint_save(job, table, &f, err);
	}
	dynamodb_table_free(&t);
	return rc < 0 ? -1 : 0;
}

/*
 * It could not be made.  Where there is none, whoever makes it later is not
 * this job; where there is one, it may be ours, of which the answer was lost.
 */
static int
footprint_not_made(const char *job, struct service *s, const char *table)
{
	const struct footprint none = { 0 };
	struct footprint f;
	struct dynamodb_table t;
	struct err ignored;
	const bool there = dynamodb_describe(s, table, &t, &ignored) != 0;

	dynamodb_table_free(&t);
	if (!there && footprint_load(job, table, &f, &ignored) > 0 &&
	    !f.made && !f.pushed)
		footprint_save(job, table, &none, &ignored);
	return -1;
}

int
footprint_make(const char *job, struct service *s,
	       const struct tree *definition, struct err *err)
{
	const char *const name = tables_name(definition);
	int rc;

	if (name == NULL)
		return tables_create(s, definition, err);
	if (before_making(job, s, name, true, err) != 0)
		return -1;
	rc = tables_create(s, definition, err);
	if (rc >= 0)
		return footprint_after_making(job, s, name, err) != 0 ? -1 : rc;
	return footprint_not_made(job, s, name);
}
