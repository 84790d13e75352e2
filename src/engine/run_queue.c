/*
 * run_queue.c - in which order units are begun: the largest first; but those of
 * an archive that can only be read from its start one after the other, as they
 * stand there, so that it is read once.
 */
#include <stdlib.h>

#include "engine/place.h"
#include "engine/run_internal.h"
#include "io/archive_feed.h"

static int
largest_first(const void *a, const void *b)
{
	const struct unit *const x = *(const struct unit *const *)a;
	const struct unit *const y = *(const struct unit *const *)b;

	if (x->packed_len != y->packed_len)
		return x->packed_len < y->packed_len ? 1 : -1;
	return x->number < y->number ? -1 : 1;
}

static int
by_member(const void *a, const void *b)
{
	const struct unit *const x = *(const struct unit *const *)a;
	const struct unit *const y = *(const struct unit *const *)b;

	return (x->member > y->member) - (x->member < y->member);
}

/* Chain the units of one archive; the first goes to the queue. */
static int
chain(struct run *r, struct unit **units, uint32_t n, struct err *err)
{
	const struct archive_place place = place_archive(units[0]->archive,
							 units[0]->etag);
	struct archive_stream **const more = realloc(r->streams,
		(r->nstreams + 1) * sizeof(*more));
	struct archive_stream *const s = archive_stream_new(&place, err);

	if (more == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		r->streams = more;
	if (more == NULL || s == NULL) {
		archive_stream_free(s);
		return -1;
	}
	r->streams[r->nstreams++] = s;
	qsort(units, n, sizeof(*units), by_member);
	for (uint32_t i = 0; i < n; i++) {
		units[i]->stream = s;
		units[i]->next = i + 1 < n ? units[i + 1] : NULL;
	}
	r->queue[r->nqueue++] = units[0];
	return 0;
}

int
run_queue(struct run *r, struct err *err)
{
	struct unit **const same = calloc(r->nunits + 1U, sizeof(*same));
	bool *const taken = calloc(r->nunits + 1U, sizeof(*taken));
	int rc = 0;

	if (same == NULL || taken == NULL)
		rc = err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < r->nunits && rc == 0; i++) {
		const char *const archive = r->units[i].archive;
		uint32_t n = 0;

		if (r->done[i] || taken[i])
			continue;
		/* A zip is read anywhere, by any number of threads. */
		if (archive == NULL || place_leaps(archive)) {
			r->queue[r->nqueue++] = &r->units[i];
			continue;
		}
		for (uint32_t k = i; k < r->nunits; k++) {
			/* One text for all of its files: exports_place(). */
			if (r->done[k] || r->units[k].archive != archive)
				continue;
			taken[k] = true;
			same[n++] = &r->units[k];
		}
		rc = chain(r, same, n, err);
	}
	free(same);
	free(taken);
	if (rc == 0)
		qsort(r->queue, r->nqueue, sizeof(*r->queue), largest_first);
	return rc;
}
