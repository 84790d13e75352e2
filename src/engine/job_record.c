/*
 * job_record.c - job.json: written once, read and compared ever after.
 *
 *	{
 *	  "dynamill_job": 1,
 *	  "facts": {
 *	    GROUP: { NAME: VALUE, ... },	texts, in the order given
 *	    ...
 *	  }
 *	}
 *
 * Facts to compare go through the same text first, so that a name which is not
 * UTF-8 equals what became of it in the file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/job_internal.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MAX_RECORD = 256 << 20 };

static int
write_facts(const struct job_fact *facts, size_t n, struct buf *out,
	    struct err *err)
{
	const char *group = NULL;
	struct jsonwrite w;

	jsonwrite_start(&w, out, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_uint(&w, "dynamill_job", JOB_VERSION);
	jsonwrite_name(&w, "facts");
	jsonwrite_map(&w);
	for (size_t i = 0; i < n; i++) {
		if (group == NULL || strcmp(group, facts[i].group) != 0) {
			if (group != NULL)
				jsonwrite_end(&w);
			group = facts[i].group;
			jsonwrite_name(&w, group);
			jsonwrite_map(&w);
		}
		jsonwrite_put_text(&w, facts[i].name, facts[i].value);
	}
	if (group != NULL)
		jsonwrite_end(&w);
	jsonwrite_end(&w);
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

/* The facts in a parsed job.json; texts stay where they are. */
static int
take_facts(const struct tree *t, struct job_record *r, struct err *err)
{
	const struct tree *const version = tree_get(t, "dynamill_job");
	const struct tree *const facts = tree_get(t, "facts");
	uint64_t v;
	size_t n = 0;

	if (version == NULL || tree_uint(version, &v) != 0 || facts == NULL ||
	    facts->kind != TREE_MAP)
		return err_set(err, ERR_INPUT, "not the record of a job");
	if (v != JOB_VERSION)
		return err_set(err, ERR_REFUSED, "job of version %" PRIu64
			       ", not %d", v, JOB_VERSION);
	for (uint32_t g = 0; g < facts->nkids; g += 2)
		n += facts->kids[g + 1].nkids / 2;
	r->facts = arena_take(&r->mem, n * sizeof(*r->facts) + 1, err);
	if (r->facts == NULL)
		return -1;
	for (uint32_t g = 0; g < facts->nkids; g += 2) {
		const struct tree *const group = &facts->kids[g + 1];

		if (group->kind != TREE_MAP)
			return err_set(err, ERR_INPUT, "group is no map");
		for (uint32_t i = 0; i < group->nkids; i += 2) {
			if (group->kids[i + 1].kind != TREE_TEXT)
				return err_set(err, ERR_INPUT,
					       "fact is no text");
			r->facts[r->n++] = (struct job_fact){
				.group = (const char *)facts->kids[g].text.ptr,
				.name = (const char *)group->kids[i].text.ptr,
				.value = (const char *)
					group->kids[i + 1].text.ptr,
			};
		}
	}
	return 0;
}

/* Take over `text` as what the record says; it is copied. */
static int
parse(struct job_record *r, struct span text, const char *name,
      struct err *err)
{
	const struct span copy = arena_copy(&r->mem, text, err);
	const struct tree *t;

	if (copy.ptr == NULL)
		return -1;
	t = json_parse(copy, name, &r->mem, err);
	if (t == NULL)
		return -1;
	return take_facts(t, r, err) == 0 ? 0 : err_at(err, "'%s'", name);
}

/* "DIR/job.json", to be freed. */
static char *
record_path(const char *dir, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/" JOB_RECORD, dir) >= 0)
		return path;
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

int
job_record_start(struct job_record *r, const char *dir,
		 const struct job_fact *facts, size_t n, struct err *err)
{
	char *const path = record_path(dir, err);
	struct buf text = { 0 };
	int rc = -1;

	/* Read before it is written: what cannot be read must not be kept. */
	if (path != NULL && write_facts(facts, n, &text, err) == 0 &&
	    parse(r, buf_span(&text), JOB_RECORD, err) == 0)
		rc = file_save_safe(path, buf_span(&text), err);
	buf_free(&text);
	free(path);
	return rc;
}

/*
 * By a link, which fails where there is such a name: also on NFS, where no lock
 * may be had.  An answer that got lost there may say so of our own: that is as
 * good.
 */
int
job_record_agree(const char *dir, const struct job_fact *facts, size_t n,
		 struct err *err)
{
	char *const path = record_path(dir, err);
	char *own = NULL;
	uint64_t any = 0;
	struct buf text = { 0 };
	int rc = -1;

	if (path == NULL || write_facts(facts, n, &text, err) != 0)
		goto done;
	/* Names of machines and processes may repeat, in containers. */
	if (getrandom(&any, sizeof(any), 0) < 0) {
		err_set(err, ERR_SYSTEM, "no random numbers: %m");
		goto done;
	}
	if (asprintf(&own, "%s/." JOB_RECORD ".%016" PRIx64 ".part", dir,
		     any) < 0) {
		own = NULL;
		err_set(err, ERR_SYSTEM, "out of memory");
		goto done;
	}
	if (file_save_safe(own, buf_span(&text), err) != 0)
		goto done;
	rc = link(own, path) == 0 || errno == EEXIST ? 0 :
		err_set(err, ERR_SYSTEM, "'%s': %m; a divided job needs a file "
			"system with hard links", path);
	unlink(own);
done:
	buf_free(&text);
	free(own);
	free(path);
	return rc;
}

bool
job_record_is_temporary(const char *name)
{
	static const char *const BEGINNINGS[] = {
		"." JOB_RECORD ".", ".." JOB_RECORD ".",
	};

	for (size_t i = 0; i < 2; i++)
		if (strncmp(name, BEGINNINGS[i], strlen(BEGINNINGS[i])) == 0)
			return true;
	return false;
}

int
job_record_load(struct job_record *r, const char *dir, struct err *err)
{
	char *const path = record_path(dir, err);
	struct buf text = { 0 };
	int rc = -1;

	if (path != NULL && file_load(path, MAX_RECORD, &text, err) == 0)
		rc = parse(r, buf_span(&text), path, err);
	buf_free(&text);
	free(path);
	return rc;
}

/* ---- comparing ----------------------------------------------------------- */

static int
compare_names(const struct job_fact *a, const struct job_fact *b)
{
	const int c = strcmp(a->group, b->group);

	return c != 0 ? c : strcmp(a->name, b->name);
}

static int
compare_facts(const void *a, const void *b)
{
	return compare_names(*(const struct job_fact *const *)a,
			     *(const struct job_fact *const *)b);
}

/* The facts in order of their names, to be freed; NULL if out of memory. */
static const struct job_fact **
sorted(const struct job_fact *facts, size_t n)
{
	const struct job_fact **const p = calloc(n + 1, sizeof(*p));

	for (size_t i = 0; p != NULL && i < n; i++)
		p[i] = &facts[i];
	if (p != NULL && n > 0)
		qsort(p, n, sizeof(*p), compare_facts);
	return p;
}

struct difference {
	size_t n;		/* found so far */
	/*
	 * Names the first of those that say most, which does not depend on
	 * where files are: what changed, then what is missing, then what is new.
	 */
	struct err *err;
	int rank;		/* of that one */
	const char *mend;	/* what it is named, if it is mendable */
};

enum { CHANGED = 1, MISSING, NEW };

static void
differ(struct difference *d, const struct job_fact *was,
       const struct job_fact *is)
{
	const int rank = was == NULL ? NEW : is == NULL ? MISSING : CHANGED;

	if (d->n++ > 0 && rank >= d->rank)
		return;
	d->rank = rank;
	d->mend = rank == CHANGED && is->mendable ? is->name : NULL;
	if (was == NULL)
		err_set(d->err, ERR_REFUSED, "%s: '%s' (%s) is new: this job "
			"was started without it", is->group, is->name,
			is->value);
	else if (is == NULL)
		err_set(d->err, ERR_REFUSED, "%s: '%s' (%s) is missing: this "
			"job was started with it", was->group, was->name,
			was->value);
	else
		err_set(d->err, ERR_REFUSED, "%s: %s %s, but this job was "
			"started with %s", is->group, is->name, is->value,
			was->value);
}

/* Compare all by name; `keep` is the caller's facts, which say that. */
static int
match(const struct job_record *was, const struct job_record *is,
      struct difference *d)
{
	const struct job_fact **const a = sorted(was->facts, was->n);
	const struct job_fact **const b = sorted(is->facts, is->n);
	size_t i = 0, k = 0;
	int rc = 0;

	if (a == NULL || b == NULL)
		rc = err_set(d->err, ERR_SYSTEM, "out of memory");
	while (rc == 0 && (i < was->n || k < is->n)) {
		const int c = i == was->n ? 1 : k == is->n ? -1 :
			      compare_names(a[i], b[k]);

		if (c < 0)
			differ(d, a[i], NULL);
		else if (c > 0)
			differ(d, NULL, b[k]);
		else if (!b[k]->keep && strcmp(a[i]->value, b[k]->value) != 0)
			differ(d, a[i], b[k]);
		i += c <= 0;
		k += c >= 0;
	}
	free(a);
	free(b);
	return rc;
}

/* The same names: in the same order too? */
static void
match_order(const struct job_record *was, const struct job_record *is,
	    struct difference *d)
{
	size_t i = 0;

	while (i < was->n && compare_names(&was->facts[i], &is->facts[i]) == 0)
		i++;
	if (i == was->n)
		return;
	d->n++;
	err_set(d->err, ERR_REFUSED, "%s: '%s' now comes where '%s' came when "
		"this job was started", is->facts[i].group, is->facts[i].name,
		was->facts[i].name);
}

int
job_record_compare(const struct job_record *r, const char *dir,
		   const struct job_fact *facts, size_t n, struct err *err)
{
	struct difference d = { .err = err };
	struct job_record is = { .n = 0 };
	struct buf text = { 0 };
	int rc = -1;

	if (write_facts(facts, n, &text, err) != 0 ||
	    parse(&is, buf_span(&text), JOB_RECORD, err) != 0)
		goto done;
	for (size_t i = 0; i < is.n; i++) {
		is.facts[i].keep = facts[i].keep;
		is.facts[i].mendable = facts[i].mendable;
	}
	if (match(r, &is, &d) != 0)
		goto done;
	if (d.n == 0)
		match_order(r, &is, &d);
	if (d.n == 0) {
		rc = 0;
		goto done;
	}
	err_advise(err, "name another --job, or go on with what it was "
		   "started with");
	if (d.mend != NULL) {
		const char *const slash = strrchr(d.mend, '/');

		err_advise(err, "do the rest with this one by '--accept %s'",
			   slash != NULL ? slash + 1 : d.mend);
	}
	if (d.n > 1)
		err_at(err, "job '%s': %zu differences; the first", dir, d.n);
	else
		err_at(err, "job '%s'", dir);
done:
	job_record_free(&is);
	buf_free(&text);
	return rc;
}

void
job_record_free(struct job_record *r)
{
	arena_free(&r->mem);
	*r = (struct job_record){ .n = 0 };
}
