/*
 * A list is the .idx of an index of ids (formats/keyindex.h) with another
 * meaning: its keys are hashes of source keys, and in place of an offset in
 * .ids stands the place of a record; .ids holds nothing.  Records with equal
 * keys stay in the order of their units, so the last of them is the latest.
 */
#include "engine/latest.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/indexwrite.h"
#include "engine/job.h"
#include "engine/join_internal.h"
#include "engine/keysort.h"
#include "formats/keyindex.h"
#include "io/mapping.h"

enum {
	USUAL_MEMORY = 1 << 30,
	NEAR_MEMORY = 16 << 20,
	BATCH = 128,
};

/* ---- writing ------------------------------------------------------------- */

static int
put_records(void *context, const uint64_t *records, size_t n,
	    struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + KEYSORT_WORDS * i;

		if (indexwrite_record(context, r[0], r[1], r[2], err) != 0)
			return -1;
	}
	return 0;
}

static int
add_key(struct keysort *sort, struct keyhash key, uint32_t unit,
	uint64_t offset, struct err *err)
{
	const uint64_t place = latest_place(unit, offset);

	if (place == LATEST_NONE)
		return err_set(err, ERR_LIMIT, "an export of more than %d "
			       "files, or of files of more than a TiB",
			       LATEST_MAX_UNITS);
	return keysort_add(sort, key.hi, key.lo, place, err);
}

/* Every key that was logged, with its place, to be sorted. */
static int
add_keys(struct keysort *sort, struct join_reader *r, const uint32_t *units,
	 struct err *err)
{
	struct keyhash keys[BATCH];
	uint64_t offsets[BATCH];
	size_t n;
	int rc;

	while ((rc = join_reader_chunk(r, err)) > 0)
		do {
			if (keylog_keys(&r->cursor, keys, offsets, BATCH, &n,
					err) != 0)
				return -1;
			for (size_t i = 0; i < n; i++)
				if (add_key(sort, keys[i], units[r->unit],
					    offsets[i], err) != 0)
					return -1;
		} while (n > 0);
	return rc;
}

static int
sort_keys(struct indexwrite *w, const struct latest_work *work,
	  const struct join_logs *logs, uint32_t input, uint8_t *chunk,
	  struct err *err)
{
	const size_t memory = work->memory > 0 ? work->memory : USUAL_MEMORY;
	struct join_reader r;
	char tmp[PATH_MAX];
	int rc;

	snprintf(tmp, sizeof(tmp), "%s/" JOB_TMP, work->job_dir);

	struct keysort *const sort = keysort_new(w->shape.n, memory,
						 NEAR_MEMORY, tmp, err);
	if (sort == NULL)
		return -1;
	join_reader_start(&r, logs, KEYLOG_PK, input, chunk);
	rc = add_keys(sort, &r, work->units, err);
	join_reader_close(&r);
	if (rc == 0)
		rc = keysort_finish(sort, put_records, w, err);
	keysort_free(sort);
	return rc;
}

static int
build(const struct latest_work *work, const struct join_logs *logs,
      uint32_t input, uint8_t *chunk, struct err *err)
{
	const uint64_t n = join_logs_count(logs, KEYLOG_PK, input);
	struct indexwrite w;
	char folder[PATH_MAX], file[16];
	int rc = -1;

	snprintf(folder, sizeof(folder), "%s/" JOB_LATEST, work->job_dir);
	snprintf(file, sizeof(file), "%08" PRIu32, input);
	if (indexwrite_start(&w, folder, file, n, false, err) == 0 &&
	    indexwrite_end_ids(&w, err) == 0 &&
	    sort_keys(&w, work, logs, input, chunk, err) == 0)
		rc = indexwrite_end(&w, err);
	indexwrite_stop(&w);
	return rc == 0 ? 0 : err_at(err, "%s/%s", folder, file);
}

int
latest_build(const struct latest_work *work, struct err *err)
{
	const struct join join = {
		.job_dir = work->job_dir, .units = work->units,
		.nunits = work->nunits, .ntargets = work->ninputs,
		.cancel = work->cancel,
	};
	uint8_t *const chunk = malloc(KEYLOG_MAX);
	struct join_logs logs = { 0 };
	int rc = -1;

	if (chunk == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (join_logs_open(&logs, &join, err) != 0)
		goto done;
	rc = 0;
	for (uint32_t i = 0; i < work->ninputs && rc == 0; i++)
		if (work->wanted[i])
			rc = build(work, &logs, i, chunk, err);
	join_logs_close(&logs);
done:
	free(chunk);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

struct latest {
	struct latest_list {
		struct span bytes;
		struct keyindex index;
	} *lists;		/* one an input */
	uint32_t n;
};

struct latest *
latest_open(const char *job_dir, const bool *wanted, uint32_t ninputs,
	    struct err *err)
{
	struct latest *const l = calloc(1, sizeof(*l));
	char path[PATH_MAX];

	if (l != NULL)
		l->lists = calloc(ninputs + 1U, sizeof(*l->lists));
	if (l == NULL || l->lists == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		latest_close(l);
		return NULL;
	}
	l->n = ninputs;
	for (uint32_t i = 0; i < ninputs; i++) {
		struct latest_list *const list = &l->lists[i];

		if (!wanted[i])
			continue;
		snprintf(path, sizeof(path), "%s/" JOB_LATEST "/%08" PRIu32
			 ".idx", job_dir, i);
		if (mapping_open(path, &list->bytes, err) != 0 ||
		    keyindex_open(&list->index, list->bytes, err) != 0 ||
		    keyindex_check_sum(&list->index, err) != 0) {
			err_at(err, "%s", path);
			latest_close(l);
			return NULL;
		}
		mapping_at_random(list->bytes);
	}
	return l;
}

void
latest_close(struct latest *l)
{
	if (l == NULL)
		return;
	for (uint32_t i = 0; l->lists != NULL && i < l->n; i++)
		mapping_close(l->lists[i].bytes);
	free(l->lists);
	free(l);
}

void
latest_find(const struct latest *l, uint32_t input,
	    const struct keyhash *keys, size_t n, uint64_t *last)
{
	const struct keyindex *const ix = &l->lists[input].index;

	keyindex_find_all(ix, keys, n, last);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = last[i], place;
		struct keyhash key;

		if (at == UINT64_MAX)
			continue;
		do {
			place = keyindex_at(ix, at, &key);
			if (key.hi != keys[i].hi || key.lo != keys[i].lo)
				break;
			last[i] = place;
		} while (++at < ix->shape.n);
	}
}
