/*
 * A LIST OF DROPS.  Numbers are little-endian.
 *
 *	 0  ..  records: unit (8), offset of the item in the unit, unpacked (8)
 *	..   8  magic, "dynadrop"
 *	     8  version, 1
 *	     8  how many records
 *	     8  XXH3-64 of the records
 *
 * It is written in one go and read as a whole, so what is known last is last.
 */
#include "engine/drops.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "engine/job.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/mapping.h"

enum { TAIL_LEN = 32, RECORD_LEN = 16, VERSION = 1, GATHER = 64 * 1024 };

static const char MAGIC[8] = "dynadrop";

const char *
on_duplicate_name(enum on_duplicate d)
{
	static const char *const names[] = {
		"fail", "keep-first", "keep-last", "reject",
	};

	return names[d];
}

static void
name(const char *job_dir, uint32_t target, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/" JOB_DROPS "/%08" PRIu32, job_dir,
		 target);
}

/* ---- writing ------------------------------------------------------------ */

struct drops_writer {
	struct drain *drain;
	struct buf out;
	struct keysum sum;
	uint64_t n;
};

struct drops_writer *
drops_write(const char *job_dir, uint32_t target, struct err *err)
{
	char path[PATH_MAX];
	struct drops_writer *w;

	snprintf(path, sizeof(path), "%s/" JOB_DROPS, job_dir);
	if (file_make_folder(path, err) != 0)
		return NULL;
	w = aligned_alloc(_Alignof(struct drops_writer), sizeof(*w));
	if (w == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	keysum_start(&w->sum);
	name(job_dir, target, path);
	w->drain = file_drain(path, err);
	if (w->drain != NULL)
		return w;
	free(w);
	return NULL;
}

static int
send(struct drops_writer *w, struct err *err)
{
	const int rc = w->out.len == 0 ? 0 :
		w->drain->write(w->drain, buf_span(&w->out), err);

	buf_reset(&w->out);
	return rc;
}

int
drops_put(struct drops_writer *w, uint32_t unit, uint64_t offset,
	  struct err *err)
{
	uint8_t record[RECORD_LEN];
	const struct span bytes = { record, sizeof(record) };

	store_le64(record, unit);
	store_le64(record + 8, offset);
	keysum_add(&w->sum, bytes);
	w->n++;
	if (buf_append(&w->out, bytes, err) != 0)
		return -1;
	return w->out.len < GATHER ? 0 : send(w, err);
}

int
drops_end(struct drops_writer *w, struct err *err)
{
	uint8_t tail[TAIL_LEN];
	int rc;

	memcpy(tail, MAGIC, sizeof(MAGIC));
	store_le64(tail + 8, VERSION);
	store_le64(tail + 16, w->n);
	store_le64(tail + 24, keysum_get(&w->sum));
	rc = buf_append(&w->out, (struct span){ tail, sizeof(tail) }, err);
	if (rc == 0)
		rc = send(w, err);
	if (rc == 0)
		rc = w->drain->commit(w->drain, err);
	drops_give_up(w);
	return rc;
}

void
drops_give_up(struct drops_writer *w)
{
	if (w == NULL)
		return;
	w->drain->close(w->drain);
	buf_free(&w->out);
	free(w);
}

/* ---- reading ------------------------------------------------------------ */

struct drops {
	struct span *lists;	/* with their tails; one a target */
	uint32_t n;
};

static int
check(struct span list, struct err *err)
{
	const uint8_t *const tail = list.len < TAIL_LEN ? NULL
				    : list.ptr + list.len - TAIL_LEN;

	if (tail == NULL || memcmp(tail, MAGIC, sizeof(MAGIC)) != 0)
		return err_set(err, ERR_INPUT, "is no list of drops");
	if (load_le64(tail + 8) != VERSION)
		return err_set(err, ERR_INPUT, "is of a later version");

	const struct span records = { list.ptr, list.len - TAIL_LEN };
	if (load_le64(tail + 16) != records.len / RECORD_LEN ||
	    records.len % RECORD_LEN != 0 ||
	    load_le64(tail + 24) != keyhash64_of(records))
		return err_set(err, ERR_INPUT, "is damaged");
	return 0;
}

struct drops *
drops_open(const char *job_dir, uint32_t ntargets, struct err *err)
{
	struct drops *const d = calloc(1, sizeof(*d));
	char path[PATH_MAX];

	if (d != NULL)
		d->lists = calloc(ntargets + 1U, sizeof(*d->lists));
	if (d == NULL || d->lists == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		drops_close(d);
		return NULL;
	}
	for (; d->n < ntargets; d->n++) {
		name(job_dir, d->n, path);
		if (mapping_open(path, &d->lists[d->n], err) != 0)
			break;
		if (check(d->lists[d->n], err) != 0) {
			err_at(err, "%s", path);
			d->n++;
			goto failed;
		}
	}
	if (d->n == ntargets)
		return d;
failed:
	drops_close(d);
	return NULL;
}

void
drops_close(struct drops *d)
{
	if (d == NULL)
		return;
	for (uint32_t i = 0; i < d->n; i++)
		mapping_close(d->lists[i]);
	free(d->lists);
	free(d);
}

/* The first record at or after `unit`, by halving. */
static const uint8_t *
find(struct span records, uint64_t unit)
{
	size_t low = 0, high = records.len / RECORD_LEN;

	while (low < high) {
		const size_t at = low + (high - low) / 2;

		if (load_le64(records.ptr + at * RECORD_LEN) < unit)
			low = at + 1;
		else
			high = at;
	}
	return records.ptr + low * RECORD_LEN;
}

struct drops_cursor
drops_of(const struct drops *d, uint32_t target, uint32_t unit)
{
	const struct span list = d->lists[target];
	const struct span records = { list.ptr, list.len - TAIL_LEN };

	return (struct drops_cursor){
		find(records, unit), find(records, (uint64_t)unit + 1),
	};
}

bool
drops_has(struct drops_cursor *c, uint64_t offset)
{
	while (c->at < c->end && load_le64(c->at + 8) < offset)
		c->at += RECORD_LEN;
	if (c->at == c->end || load_le64(c->at + 8) != offset)
		return false;
	c->at += RECORD_LEN;
	return true;
}
