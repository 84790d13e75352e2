#include "engine/migrations.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "engine/facts.h"
#include "engine/job.h"


/* A folder, its names in order, and what is known of them. */
struct folder {
	const char *path;
	const char **names;
	size_t n;
};

/* ---- names ------------------------------------------------------------ */

static bool
is_yaml(const char *name)
{
	const char *const dot = strrchr(name, '.');

	return name[0] != '.' && dot != NULL &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* YYYYMMDD-description, and a date that may be one. */
static bool
is_dated(const char *name)
{
	if (strspn(name, "0123456789") != 8 || name[8] != '-' ||
	    name[9] == '.' || name[9] == '\0')
		return false;
	const int month = (name[4] - '0') * 10 + (name[5] - '0');
	const int day = (name[6] - '0') * 10 + (name[7] - '0');

	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Of the name without its ending. */
static size_t
stem_len(const char *name)
{
	return (size_t)(strrchr(name, '.') - name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names that begin in one way and go on in another stand side by side. */
static int
check_names(const struct folder *f, struct err *err)
{
	const size_t len = strlen(f->path);
	const char *const slash = len > 0 && f->path[len - 1] == '/' ? "" : "/";

	for (size_t i = 0; i < f->n; i++) {
		const char *const name = f->names[i];

		if (!is_dated(name))
			return err_set(err, ERR_USAGE, "'%s%s%s' is not called "
				       "YYYYMMDD-description.yaml, so there is "
				       "no saying when it is its turn", f->path,
				       slash, name);
		if (i > 0 && stem_len(f->names[i - 1]) == stem_len(name) &&
		    memcmp(f->names[i - 1], name, stem_len(name)) == 0)
			return err_set(err, ERR_USAGE, "'%s%s%s' and '%s' are "
				       "one migration twice", f->path, slash,
				       f->names[i - 1], name);
	}
	return 0;
}

static int
read_folder(struct migrations *m, struct folder *f, struct err *err)
{
	DIR *const d = opendir(f->path);
	size_t cap = 0;
	int rc = 0;

	if (d == NULL)
		return err_set(err, ERR_SYSTEM, "%s: %m", f->path);
	for (const struct dirent *e = readdir(d); e != NULL && rc == 0;
	     e = readdir(d)) {
		const struct span name = { (const uint8_t *)e->d_name,
					   strlen(e->d_name) + 1 };

		if (!is_yaml(e->d_name))
			continue;
		if (f->n == cap) {
			const char **const more = arena_take(&m->mem,
				2 * (cap + 8) * sizeof(*more), err);

			if (more == NULL) {
				rc = -1;
				break;
			}
			if (f->n > 0)
				memcpy(more, f->names, f->n * sizeof(*more));
			f->names = more;
			cap = 2 * (cap + 8);
		}
		f->names[f->n++] = (const char *)arena_copy(&m->mem, name,
							    err).ptr;
		if (f->names[f->n - 1] == NULL)
			rc = -1;
	}
	closedir(d);
	if (rc != 0)
		return -1;
	if (f->n == 0)
		return err_set(err, ERR_USAGE, "'%s' holds no "
			       "YYYYMMDD-description.yaml", f->path);
	qsort(f->names, f->n, sizeof(*f->names), by_name);
	return check_names(f, err);
}

/* ---- what was applied ------------------------------------------------- */

static const char *
keep(struct migrations *m, const char *text, struct err *err)
{
	const struct span s = { (const uint8_t *)text, strlen(text) + 1 };

	return (const char *)arena_copy(&m->mem, s, err).ptr;
}

static int
note(struct migrations *m, const char *name, const char *value,
     struct err *err)
{
	const struct job_fact fact = {
		.group = MIGRATIONS_GROUP, .name = keep(m, name, err),
		.value = keep(m, value, err),
	};
	struct job_fact *const more = arena_take(&m->mem,
		(m->napplied + 1) * sizeof(*more), err);

	if (fact.name == NULL || fact.value == NULL || more == NULL)
		return -1;
	if (m->napplied > 0)
		memcpy(more, m->applied, m->napplied * sizeof(*more));
	more[m->napplied++] = fact;
	m->applied = more;
	return 0;
}

/* What the job after which this one comes has, and those before it. */
static int
read_history(struct migrations *m, const char *after, struct err *err)
{
	struct job *const j = job_open_as_is(after, false, err);
	size_t n;
	int rc = 0;

	if (j == NULL)
		return err_at(err, "--after");
	const struct job_fact *const facts = job_facts(j, &n);
	if (!job_is_out(j))
		rc = err_set(err, ERR_REFUSED, "the job '%s' has not ended: "
			     "run it to its end first", after);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (strcmp(facts[i].group, MIGRATIONS_GROUP) == 0)
			rc = note(m, facts[i].name, facts[i].value, err);
	job_close(j);
	m->nbefore = m->napplied;
	if (rc == 0 && m->nbefore == 0)
		rc = err_set(err, ERR_REFUSED, "the job '%s' applied no "
			     "migrations: it was run without a folder of them",
			     after);
	return rc;
}

static const struct job_fact *
before(const struct migrations *m, const char *name)
{
	for (size_t i = 0; i < m->nbefore; i++)
		if (strcmp(m->applied[i].name, name) == 0)
			return &m->applied[i];
	return NULL;
}

/* All that was applied must be there, and nothing that should have been. */
static int
check_history(const struct migrations *m, const struct folder *f,
	      struct err *err)
{
	const char *last = "";

	for (size_t i = 0; i < m->nbefore; i++) {
		const char *const name = m->applied[i].name;

		if (bsearch(&name, f->names, f->n, sizeof(*f->names),
			    by_name) == NULL)
			return err_set(err, ERR_REFUSED, "'%s' was applied, and"
				       " is not in '%s' any more", name,
				       f->path);
		if (strcmp(name, last) > 0)
			last = name;
	}
	for (size_t i = 0; i < f->n; i++)
		if (before(m, f->names[i]) == NULL &&
		    strcmp(f->names[i], last) < 0)
			return err_set(err, ERR_REFUSED, "'%s' was not applied,"
				       " and is older than '%s', which was: "
				       "give it a later date", f->names[i],
				       last);
	return 0;
}

/* ---- all of it -------------------------------------------------------- */

static int
add_plan(struct migrations *m, const char *path, struct err *err)
{
	const char **const more = arena_take(&m->mem,
		(m->nplans + 1) * sizeof(*more), err);

	if (more == NULL || path == NULL)
		return -1;
	if (m->nplans > 0)
		memcpy(more, m->plans, m->nplans * sizeof(*more));
	more[m->nplans++] = path;
	m->plans = more;
	return 0;
}

static int
add_folder(struct migrations *m, const char *path, struct err *err)
{
	const size_t len = strlen(path);
	const char *const slash = len > 0 && path[len - 1] == '/' ? "" : "/";
	struct folder f = { .path = path };
	char value[FACT_LEN];

	if (read_folder(m, &f, err) != 0 || check_history(m, &f, err) != 0)
		return -1;
	for (size_t i = 0; i < f.n; i++) {
		const struct job_fact *const was = before(m, f.names[i]);
		char *full;

		if (asprintf(&full, "%s%s%s", path, slash, f.names[i]) < 0)
			return err_set(err, ERR_SYSTEM, "out of memory");
		const char *const kept = keep(m, full, err);
		free(full);
		if (kept == NULL || fact_of_file(kept, value, err) != 0)
			return -1;
		if (was != NULL && strcmp(was->value, value) != 0)
			return err_set(err, ERR_REFUSED, "'%s' is not what it "
				       "was when it was applied: put it back, "
				       "and write what is new into another one",
				       kept);
		if (was == NULL &&
		    (note(m, f.names[i], value, err) != 0 ||
		     add_plan(m, kept, err) != 0))
			return -1;
	}
	return 0;
}

int
migrations_find(struct migrations *m, const char *const *args, size_t nargs,
		const char *after, struct err *err)
{
	bool any = false;

	*m = (struct migrations){ .nplans = 0 };
	if (after != NULL && read_history(m, after, err) != 0)
		return -1;
	for (size_t i = 0; i < nargs; i++) {
		struct stat st;
		const bool folder = stat(args[i], &st) == 0 &&
				    S_ISDIR(st.st_mode);

		if (folder && any)
			return err_set(err, ERR_USAGE, "'%s' is a second folder "
				       "of migrations", args[i]);
		any |= folder;
		if ((folder ? add_folder(m, args[i], err)
			    : add_plan(m, args[i], err)) != 0)
			return -1;
	}
	if (after != NULL && !any)
		return err_set(err, ERR_USAGE, "'--after' goes with a folder of"
			       " migrations");
	return 0;
}

void
migrations_free(struct migrations *m)
{
	arena_free(&m->mem);
	*m = (struct migrations){ .nplans = 0 };
}
