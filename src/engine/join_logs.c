/*
 * join_logs.c - many key logs, read section by section.
 *
 * What is held of them is a few words for each unit and each section, and a bit
 * for each pair of them; the directories are read again with each section.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/join_internal.h"
#include "engine/keyfile.h"

static int
open_log(const struct join *j, uint32_t unit, struct keyread *out,
	 struct err *err)
{
	char name[40], *path;
	int rc;

	*out = KEYREAD_NONE;
	keyfile_path(unit, name, sizeof(name));
	if (asprintf(&path, "%s/%s", j->job_dir, name) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	rc = keyread_open(out, path, err);
	if (rc == 0 && out->shape.unit != unit)
		rc = err_set(err, ERR_INPUT, "'%s' is the log of unit %" PRIu32,
			     path, out->shape.unit);
	free(path);
	return rc;
}

static size_t
section_of(const struct join_logs *l, enum keylog_kind kind, uint32_t number)
{
	return l->first[kind] + number;
}

static size_t
nsections(const struct join_logs *l)
{
	return l->first[KEYLOG_NKINDS + 1];
}

static bool
has(const struct join_logs *l, size_t unit, size_t section)
{
	const size_t i = unit * nsections(l) + section;

	return l->has[i / 8] >> i % 8 & 1;
}

/* Take note of a unit's directory. */
static int
survey(struct join_logs *l, size_t unit, struct err *err)
{
	struct keyread log;
	uint64_t end = 0;
	int rc = open_log(l->join, l->join->units[unit], &log, err);

	for (size_t i = 0; rc == 0 && i < log.shape.nchunks; i++) {
		struct keylog_chunk c;

		rc = keyread_entry(&log, i, &c, err);
		if (rc != 0)
			break;
		const size_t s = section_of(l, c.kind, c.number);
		if (s < l->first[c.kind] || s >= l->first[c.kind + 1]) {
			rc = err_set(err, ERR_INPUT, "'%s' is the log of "
				     "another job", log.path);
			break;
		}
		const size_t bit = unit * nsections(l) + s;
		l->has[bit / 8] |= (uint8_t)(1u << bit % 8);
		l->counts[s] += c.count;
		l->bytes[s] += c.len;
		end = c.end > end ? c.end : end;
	}
	if (rc == 0 && end > UINT64_MAX - l->base[unit])
		rc = err_set(err, ERR_INPUT, "impossible offset in '%s'",
			     log.path);
	l->base[unit + 1] = l->base[unit] + end;
	keyread_close(&log);
	return rc;
}

int
join_logs_open(struct join_logs *l, const struct join *j, struct err *err)
{
	const size_t n[KEYLOG_NKINDS + 1] = {
		[KEYLOG_ID] = j->ntables,
		[KEYLOG_REF] = j->nrelations,
		[KEYLOG_PK] = j->ntargets,
		[KEYLOG_UNWRITTEN] = j->ntables,
		[KEYLOG_REJECTED] = j->ntables,
	};

	*l = (struct join_logs){ .join = j };
	for (size_t kind = 1; kind <= KEYLOG_NKINDS; kind++)
		l->first[kind + 1] = l->first[kind] + n[kind];
	l->counts = calloc(nsections(l) + 1, sizeof(*l->counts));
	l->bytes = calloc(nsections(l) + 1, sizeof(*l->bytes));
	l->has = calloc(j->nunits * nsections(l) / 8 + 1, 1);
	l->base = calloc(j->nunits + 1, sizeof(*l->base));
	if (l->counts == NULL || l->bytes == NULL || l->has == NULL ||
	    l->base == NULL) {
		join_logs_close(l);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	for (size_t i = 0; i < j->nunits; i++)
		if (survey(l, i, err) != 0) {
			join_logs_close(l);
			return -1;
		}
	return 0;
}

void
join_logs_close(struct join_logs *l)
{
	free(l->counts);
	free(l->bytes);
	free(l->has);
	free(l->base);
	*l = (struct join_logs){ 0 };
}

uint64_t
join_logs_count(const struct join_logs *l, enum keylog_kind kind,
		uint32_t number)
{
	return l->counts[section_of(l, kind, number)];
}

uint64_t
join_logs_bytes(const struct join_logs *l, enum keylog_kind kind,
		uint32_t number)
{
	return l->bytes[section_of(l, kind, number)];
}

struct join_place
join_logs_place(const struct join_logs *l, uint64_t place)
{
	size_t a = 0, b = l->join->nunits;

	/* The last unit that starts at or before it and holds something. */
	while (b - a > 1) {
		const size_t mid = a + (b - a) / 2;

		if (l->base[mid] <= place)
			a = mid;
		else
			b = mid;
	}
	return (struct join_place){ l->join->units[a], place - l->base[a] };
}

/* ---- reading ------------------------------------------------------------- */

void
join_reader_start(struct join_reader *r, const struct join_logs *l,
		  enum keylog_kind kind, uint32_t number, uint8_t *room)
{
	*r = (struct join_reader){
		.logs = l, .kind = kind, .number = number,
		.log = KEYREAD_NONE, .room = room,
	};
}

/* Open the next unit that has the section.  Returns 1, 0 or -1. */
static int
next_unit(struct join_reader *r, struct err *err)
{
	const struct join *const j = r->logs->join;
	const size_t s = section_of(r->logs, r->kind, r->number);

	keyread_close(&r->log);
	while (r->next_unit < j->nunits && !has(r->logs, r->next_unit, s))
		r->next_unit++;
	if (r->next_unit == j->nunits)
		return 0;
	r->unit = r->next_unit++;
	r->entry = 0;
	return open_log(j, j->units[r->unit], &r->log, err) == 0 ? 1 : -1;
}

int
join_reader_chunk(struct join_reader *r, struct err *err)
{
	const atomic_bool *const cancel = r->logs->join->cancel;
	struct keylog_chunk c;

	if (cancel != NULL &&
	    atomic_load_explicit(cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "interrupted");
	for (;;) {
		if (r->log.fd < 0 || r->entry == r->log.shape.nchunks) {
			const int rc = next_unit(r, err);

			if (rc <= 0)
				return rc;
			continue;
		}
		if (keyread_entry(&r->log, r->entry++, &c, err) != 0)
			return -1;
		if (c.kind == r->kind && c.number == r->number)
			break;
	}
	if (keyread_chunk(&r->log, &c, r->room, err) != 0)
		return -1;
	keylog_start(&r->cursor, &c, (struct span){ r->room, c.len });
	return 1;
}

void
join_reader_close(struct join_reader *r)
{
	keyread_close(&r->log);
}

/* ---- examples ------------------------------------------------------------ */

void
join_first_add(struct join_first *f, uint64_t a, uint64_t b)
{
	uint32_t i = f->n;

	while (i > 0 && f->pairs[i - 1].b > b)
		i--;
	/* An item that refers to nothing five times is one example. */
	if (i == JOIN_EXAMPLES ||
	    (i > 0 && f->pairs[i - 1].b == b && f->pairs[i - 1].a == a))
		return;
	if (f->n < JOIN_EXAMPLES)
		f->n++;
	memmove(&f->pairs[i + 1], &f->pairs[i],
		(f->n - i - 1) * sizeof(f->pairs[0]));
	f->pairs[i].a = a;
	f->pairs[i].b = b;
}

char *
join_folder(const struct join *j)
{
	char *path;

	return asprintf(&path, "%s/index", j->job_dir) < 0 ? NULL : path;
}

char *
join_tmp(const struct join *j)
{
	char *path;

	return asprintf(&path, "%s/index/tmp", j->job_dir) < 0 ? NULL : path;
}
