#include "engine/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/place.h"
#include "engine/sides.h"

#define MARK "_started"

enum { MAX_MARK_LEN = 4096, PATH_LEN = 2048 };

struct object {
	char *name;
	uint64_t len;
};

struct store {
	char *address;
	char *mark;			/* when it was claimed; or NULL */
	const struct plan_side *target;
	bool placed;			/* by this one */
	struct object *objects;		/* in the order of their names */
	size_t n, cap;
};

char *
store_address(const char *given)
{
	size_t n = strlen(given);

	while (n > 0 && given[n - 1] == '/')
		n--;
	return strndup(given, n);
}

struct store *
store_open(const char *address, const struct plan_side *target,
	   struct err *err)
{
	struct store *const s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->address = store_address(address);
	if (s == NULL || s->address == NULL) {
		free(s);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->target = target;
	s->placed = !place_is_output(s->address);
	if (s->placed)
		place_output(target, s->address);
	return s;
}

static void
forget(struct store *s)
{
	while (s->n > 0)
		free(s->objects[--s->n].name);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->placed)
		place_output(NULL, NULL);
	forget(s);
	free(s->objects);
	free(s->address);
	free(s->mark);
	free(s);
}

const char *
store_where(const struct store *s)
{
	return s->address;
}

static int
path_of(const struct store *s, const char *name, char path[PATH_LEN],
	struct err *err)
{
	const int n = snprintf(path, PATH_LEN, "%s/%s", s->address, name);

	return n < PATH_LEN ? 0 : err_set(err, ERR_LIMIT, "'%s': too long a "
					  "name for an object", name);
}

/* ---- whose it is --------------------------------------------------------- */

/* One that is no flag of those who are about to take the place. */
static int
see(void *context, const struct s3_object *o, struct err *err)
{
	(void)err;
	return !s3_is_flag(o->key, context);
}

/* Is the mark there the job's? */
static int
check_mark(struct s3 *s3, const struct store *s, const char *path,
	   const char *mark, struct err *err)
{
	struct buf there = { 0 };
	struct err why;
	const int rc = s3_load(s3, path, MAX_MARK_LEN, &there, &why);
	const bool ours = rc == 0 && span_is(buf_span(&there), mark);

	buf_free(&there);
	if (ours)
		return 0;
	if (rc != 0 && why.code != ERR_REMOTE) {
		*err = why;
		return -1;
	}
	return err_set(err, ERR_REFUSED, "%s is not empty, and what is there is "
		       "not of this job; name another place, or remove it",
		       s->address);
}

static int
taken(const struct store *s, struct err *err)
{
	return err_set(err, ERR_REFUSED, "%s was taken by another job at the "
		       "same moment; name another place for this one",
		       s->address);
}

int
store_check_claim(struct store *s, struct err *err)
{
	struct s3 *const s3 = place_s3(s->address, err);
	struct buf there = { 0 };
	char path[PATH_LEN];
	int rc = -1;

	if (s->mark == NULL)
		return 0;
	if (s3 != NULL && path_of(s, MARK, path, err) == 0)
		rc = s3_load(s3, path, MAX_MARK_LEN, &there, err);
	if (rc == 0 && !span_is(buf_span(&there), s->mark))
		rc = taken(s, err);
	buf_free(&there);
	return rc;
}

int
store_claim(struct store *s, const char *mark, struct err *err)
{
	struct side *const side = place_side_of(s->address, err);
	struct s3 *const s3 = side == NULL ? NULL
		: place_s3(s->address, err);
	char below[PATH_LEN], path[PATH_LEN];
	struct buf is = { 0 };
	int any, rc;

	if (s3 == NULL || sides_check_account(side, s->target, err) != 0 ||
	    path_of(s, "", below, err) != 0 ||
	    path_of(s, MARK, path, err) != 0)
		return -1;
	any = s3_list(s3, below, 0, see, path, err);
	if (any < 0)
		return -1;
	free(s->mark);
	s->mark = strdup(mark);
	if (s->mark == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (any > 0)
		return check_mark(s3, s, path, mark, err);
	rc = s3_claim(s3, path, span_of(mark), &is, err);
	buf_free(&is);
	return rc == 0 ? taken(s, err) : rc < 0 ? -1 : 0;
}

/* ---- what is there ------------------------------------------------------- */

static int
add(void *context, const struct s3_object *o, struct err *err)
{
	struct store *const s = context;
	const char *const prefix = strchr(s->address + strlen("s3://"), '/');
	const size_t skip = prefix == NULL ? 0 : strlen(prefix + 1) + 1;

	if (s->n == s->cap) {
		const size_t cap = s->cap == 0 ? 256 : 2 * s->cap;
		struct object *const p = realloc(s->objects,
						 cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		s->objects = p;
		s->cap = cap;
	}
	if (strlen(o->key) <= skip)
		return 0;
	s->objects[s->n] = (struct object){ strdup(o->key + skip), o->len };
	if (s->objects[s->n].name == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	s->n++;
	return 0;
}

static int
order(const void *a, const void *b)
{
	return strcmp(((const struct object *)a)->name,
		      ((const struct object *)b)->name);
}

int
store_look(struct store *s, struct err *err)
{
	struct s3 *const s3 = place_s3(s->address, err);
	char below[PATH_LEN];

	forget(s);
	if (s3 == NULL || path_of(s, "", below, err) != 0 ||
	    s3_list(s3, below, 0, add, s, err) != 0)
		return -1;
	if (s->n > 0)
		qsort(s->objects, s->n, sizeof(*s->objects), order);
	return 0;
}

bool
store_has(const struct store *s, struct span name, uint64_t size)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		const size_t at = low + (high - low) / 2;
		const struct object *const o = &s->objects[at];
		const int c = span_compare(span_of(o->name), name);

		if (c == 0)
			return o->len == size;
		if (c < 0)
			low = at + 1;
		else
			high = at;
	}
	return false;
}

int
store_sweep(struct store *s, bool (*knows)(void *context, const char *name),
	    void *context, struct err *err)
{
	struct s3 *const s3 = place_s3(s->address, err);
	char path[PATH_LEN];

	if (s3 == NULL)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (!knows(context, s->objects[i].name) &&
		    (path_of(s, s->objects[i].name, path, err) != 0 ||
		     s3_remove(s3, path, err) != 0))
			return -1;
	return 0;
}

int
store_abort_uploads(struct store *s, const char *table, struct err *err)
{
	struct s3 *const s3 = place_s3(s->address, err);
	char folder[PATH_LEN], path[PATH_LEN];
	size_t n;

	/* The slash matters: the folder of 'Orders' is not that of 'Orders2'. */
	snprintf(folder, sizeof(folder), "%s/", table);
	if (s3 == NULL || path_of(s, folder, path, err) != 0)
		return -1;
	/* A service that cannot list them is not asked twice. */
	return s3_abort_uploads(s3, path, &n, err) < 0
		? err_advise(err, "unfinished uploads of an earlier attempt are "
			     "looked for there, which takes the right "
			     "s3:ListBucketMultipartUploads") : 0;
}

int
store_save(struct store *s, const char *name, struct span bytes,
	   struct err *err)
{
	struct s3 *const s3 = place_s3(s->address, err);
	char path[PATH_LEN];

	return s3 == NULL || path_of(s, name, path, err) != 0 ? -1
		: s3_save(s3, path, bytes, err);
}
