/*
 * discover_probe.c - hold ids against samples: one look into a hash table for
 * each id, and for most of them only into a bit map that fits a cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/discover_judge.h"
#include "engine/discover_value.h"
#include "formats/keyindex.h"
#include "formats/keyuuid.h"

enum {
	PATH_LEN = 4096,
	LONG_TEXT = 8, LONG_DIGITS = 9,
	LOOK_FIRST = 64,	/* of a sample, before all of it */
};

static uint64_t
range_of(uint64_t hash)
{
	return hash >> (64 - PROBE_RANGE_BITS);
}

static void
note_hash(struct discover_probe *p, uint64_t hash)
{
	uint64_t i = hash & p->mask;
	const uint64_t bit = (hash >> 20) & p->filter_mask;

	while (p->hashes[i] != 0 && p->hashes[i] != hash)
		i = (i + 1) & p->mask;
	p->hashes[i] = hash;
	p->filter[bit / 64] |= (uint64_t)1 << (bit % 64);
	p->ranges[range_of(hash) / 64] |= (uint64_t)1 << (range_of(hash) % 64);
}

static uint64_t
count_entries(const struct discover *d)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < d->ntrees; i++)
		for (uint32_t k = 0; k < d->trees[i].nnodes; k++)
			n += d->trees[i].nodes[k].sample.n;
	return n;
}

static void
note_all(struct discover_probe *p)
{
	for (uint32_t i = 0; i < p->d->ntrees; i++)
		for (uint32_t k = 0; k < p->d->trees[i].nnodes; k++) {
			const struct sketch *const s =
				&p->d->trees[i].nodes[k].sample;

			for (uint32_t e = 0; s->n > 0 && e <= s->mask; e++)
				if (*sketch_slot(s, e) != 0)
					note_hash(p, *sketch_slot(s, e));
		}
}

struct discover_probe *
discover_probe_new(struct discover *d, uint32_t nsets, struct err *err)
{
	struct discover_probe *const p = calloc(1, sizeof(*p));
	uint64_t nslots = 1024;

	if (p == NULL)
		goto failed;
	for (uint32_t i = 0; i < d->ntrees; i++)
		if (tree_settle(&d->trees[i], err) != 0) {
			discover_probe_free(p);
			return NULL;
		}
	while (nslots < 2 * count_entries(d))
		nslots *= 2;
	p->d = d;
	p->mask = nslots - 1;
	p->filter_mask = 8 * nslots - 1;
	p->nsets = nsets;
	p->hashes = calloc(nslots, sizeof(*p->hashes));
	p->filter = calloc(8 * nslots / 64, sizeof(*p->filter));
	p->sums = calloc(nsets + (size_t)1, sizeof(*p->sums));
	p->marks = calloc(nsets + (size_t)1, sizeof(*p->marks));
	if (p->hashes == NULL || p->filter == NULL || p->sums == NULL ||
	    p->marks == NULL)
		goto failed;
	for (uint32_t i = 0; i < nsets; i++) {
		p->marks[i] = calloc(nslots / 64, sizeof(*p->marks[i]));
		if (p->marks[i] == NULL)
			goto failed;
	}
	note_all(p);
	return p;
failed:
	discover_probe_free(p);
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

void
discover_probe_free(struct discover_probe *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; p->marks != NULL && i < p->nsets; i++)
		free(p->marks[i]);
	free(p->marks);
	free(p->sums);
	free(p->filter);
	free(p->hashes);
	free(p);
}

/* The slot of a hash, or UINT64_MAX. */
static uint64_t
slot_of(const struct discover_probe *p, uint64_t hash)
{
	uint64_t i = hash & p->mask;

	while (p->hashes[i] != hash) {
		if (p->hashes[i] == 0)
			return UINT64_MAX;
		i = (i + 1) & p->mask;
	}
	return i;
}

static bool
is_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.len > 0;
}

void
discover_probe_id(struct discover_probe *p, uint32_t set,
		  struct discover_ids *sums, char type, struct span id)
{
	const uint64_t hash = discover_hash(type, id);
	const uint64_t bit = (hash >> 20) & p->filter_mask;
	const uint64_t range = range_of(hash);

	sums->n++;
	sums->len += id.len;
	sums->digits += is_digits(id);
	if ((p->ranges[range / 64] >> (range % 64) & 1) == 0 ||
	    (p->filter[bit / 64] >> (bit % 64) & 1) == 0)
		return;
	const uint64_t i = slot_of(p, hash);
	if (i != UINT64_MAX)
		atomic_fetch_or_explicit(&p->marks[set][i / 64],
					 (uint64_t)1 << (i % 64),
					 memory_order_relaxed);
}

void
discover_probe_sum(struct discover_probe *p, uint32_t set,
		   const struct discover_ids *sums)
{
	p->sums[set].n += sums->n;
	p->sums[set].len += sums->len;
	p->sums[set].digits += sums->digits;
}

/* ---- an index ------------------------------------------------------------ */

/* Map a file whole.  Returns 1, 0 if there is none, or -1. */
static int
map(const char *path, struct span *out, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "cannot open %s: %m", path);
	if (fstat(fd, &st) != 0) {
		err_set(err, ERR_SYSTEM, "cannot look at %s: %m", path);
		close(fd);
		return -1;
	}
	*out = (struct span){ NULL, (size_t)st.st_size };
	if (out->len > 0) {
		void *const at = mmap(NULL, out->len, PROT_READ, MAP_PRIVATE,
				      fd, 0);

		if (at == MAP_FAILED) {
			err_set(err, ERR_SYSTEM, "cannot map %s: %m", path);
			close(fd);
			return -1;
		}
		out->ptr = at;
		madvise(at, out->len, MADV_SEQUENTIAL);
	}
	close(fd);
	return 1;
}

static void
unmap(struct span s)
{
	if (s.ptr != NULL)
		munmap((void *)(uintptr_t)s.ptr, s.len);
}

static int
probe_ids(struct discover_probe *p, uint32_t set, struct span idx,
	  struct span ids, struct err *err)
{
	struct discover_ids sums = { 0 };
	struct keyindex index;
	uint64_t at = KEYIDS_HEADER_LEN;

	if (keyindex_open(&index, idx, err) != 0 ||
	    keyids_open(ids, &index, err) != 0)
		return -1;
	while (at < ids.len) {
		char uuid[KEYUUID_TEXT_LEN];
		struct keyids_item item;

		if (keyids_get(ids, at, &item, &at, err) != 0)
			return -1;
		if (item.type == KEYUUID_TYPE &&
		    item.source.len == KEYUUID_LEN) {
			keyuuid_text(item.source.ptr, uuid);
			item.type = 'S';
			item.source = (struct span){ (const uint8_t *)uuid,
						     sizeof(uuid) };
		}
		discover_probe_id(p, set, &sums, item.type, item.source);
	}
	discover_probe_sum(p, set, &sums);
	return 0;
}

int
discover_probe_index(struct discover_probe *p, uint32_t set,
		     const char *job_dir, const char *name, struct err *err)
{
	char path[PATH_LEN];
	struct span idx = { NULL, 0 }, ids = { NULL, 0 };

	snprintf(path, sizeof(path), "%s/index/%s.idx", job_dir, name);
	int rc = map(path, &idx, err);
	if (rc > 0) {
		snprintf(path, sizeof(path), "%s/index/%s.ids", job_dir, name);
		rc = map(path, &ids, err);
	}
	if (rc > 0 && probe_ids(p, set, idx, ids, err) != 0)
		rc = err_at(err, "%s", path);
	unmap(ids);
	unmap(idx);
	return rc < 0 ? -1 : 0;
}

/* ---- what was hit -------------------------------------------------------- */

/*
 * The share of values among a sample of different ones, each with how often it
 * came, is a ratio; its error is that of ratios. If nothing missed, or nothing
 * hit, the error is that of three in as many as the sample is worth.
 */
static double
error_of(double all, double squares, double missed, double share)
{
	const double worth = all * all / squares;

	if (share <= 0 || share >= 1)
		return worth > 3 ? 3 / worth : 1;
	return 1.96 * sqrt(missed) / all;
}

struct fit
probe_fit(const struct discover_probe *p, const struct node *n, uint32_t set,
	  bool thinned)
{
	const struct sketch *const s = &n->sample;
	struct fit f = { .values = n->values };
	double all = 0, hits = 0, squares = 0, hit_squares = 0;

	for (uint32_t i = 0; s->n > 0 && i <= s->mask; i++) {
		const uint64_t *const e = sketch_slot(s, i);
		const uint64_t slot = *e == 0 ? UINT64_MAX : slot_of(p, *e);
		const double c = (double)e[1];

		if (slot == UINT64_MAX)
			continue;
		all += c;
		squares += c * c;
		if ((atomic_load_explicit(&p->marks[set][slot / 64],
					  memory_order_relaxed) >>
		     (slot % 64) & 1) == 0)
			continue;
		hits += c;
		hit_squares += c * c;
		f.nhit++;
	}
	if (all <= 0)
		return f;
	f.share = hits / all;
	f.resolved = (uint64_t)(f.share * (double)f.values + 0.5);
	if (!sketch_is_whole(s))
		f.error = error_of(all, squares, (1 - f.share) * (1 - f.share) *
				   hit_squares + f.share * f.share *
				   (squares - hit_squares), f.share);
	else if (thinned)
		f.error = error_of((double)n->values, (double)n->squares,
				   (double)n->squares * f.share *
				   (1 - f.share), f.share);
	f.thinned = thinned;
	f.sampled = thinned || !sketch_is_whole(s);
	return f;
}

bool
probe_hits(const struct discover_probe *p, const struct node *n, uint32_t set)
{
	struct node few = *n;
	uint32_t seen = 0, i = 0;

	for (; n->sample.n > 0 && i <= n->sample.mask && seen < LOOK_FIRST;
	     i++)
		seen += *sketch_slot(&n->sample, i) != 0;
	if (seen < LOOK_FIRST)
		return n->sample.n > 0;
	few.sample.mask = i - 1;
	return probe_fit(p, &few, set, false).nhit > 0;
}

bool
probe_is_wide(const struct discover_probe *p, uint32_t set)
{
	const struct discover_ids *const ids = &p->sums[set];
	const double mean = ids->n > 0 ? (double)ids->len / (double)ids->n : 0;
	double there_could_be = 1;

	if (2 * ids->digits <= ids->n)
		return mean >= LONG_TEXT;
	for (int i = 0; i < (int)mean && i < 40; i++)
		there_could_be *= 10;
	return mean >= LONG_DIGITS &&
	       (double)ids->n < there_could_be / 1000;
}

double
discover_share(const struct discover_probe *p, uint32_t table,
	       struct span name, uint32_t set)
{
	const struct tree_of_paths *const t = &p->d->trees[table];
	const struct part part = { PART_NAME, name, name_hash(name), 0, 0 };
	const uint32_t node = t->nnodes > 0 ? tree_find(t, 0, &part) : NO_NODE;

	if (node == NO_NODE || !probe_hits(p, &t->nodes[node], set))
		return 0;
	return probe_fit(p, &t->nodes[node], set, t->thinned).share;
}
