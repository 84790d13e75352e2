/*
 * run_queue.c - in which order units are begun: the largest first; but those of
 * an archive that can only be read from its start one after the other, as they
 * stand there, so that it is read once; or in a few such chains.
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

/* How many of these, from the first on, make up such a share of the whole? */
static uint32_t
share(struct unit *const *units, uint32_t n, uint32_t nshares)
{
	uint64_t all = 0, some = 0;
	uint32_t i = 0;

	for (uint32_t k = 0; k < n; k++)
		all += units[k]->packed_len;
	while (i < n && (i == 0 || some + units[i]->packed_len / 2 <=
			 all / nshares))
		some += units[i++]->packed_len;
	return nshares == 1 ? n : i;
}

static int
by_member(const void *a, const void *b)
{
	const struct unit *const x = *(const struct unit *const *)a;
	const struct unit *const y = *(const struct unit *const *)b;

	return (x->member > y->member) - (x->member < y->member);
}

/* Chain units of one archive; the first goes to the queue. */
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
	for (uint32_t i = 0; i < n; i++) {
		units[i]->stream = s;
		units[i]->next = i + 1 < n ? units[i + 1] : NULL;
	}
	r->queue[r->nqueue++] = units[0];
	return 0;
}

/* The units of one archive, in as many chains as can be read side by side. */
static int
chain_all(struct run *r, struct unit **units, uint32_t n, struct err *err)
{
	uint32_t nchains = place_passes(units[0]->archive) &&
		r->options->threads > 1 ? r->options->threads : 1;

	qsort(units, n, sizeof(*units), by_member);
	while (n > 0) {
		const uint32_t some = share(units, n, nchains);

		if (chain(r, units, some, err) != 0)
			return -1;
		units += some;
		n -= some;
		nchains -= nchains > 1;
	}
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
		rc = chain_all(r, same, n, err);
	}
	free(same);
	free(taken);
	if (rc == 0)
		qsort(r->queue, r->nqueue, sizeof(*r->queue), largest_first);
	return rc;
}
