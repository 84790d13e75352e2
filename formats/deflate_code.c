/*
 * Lengths of an optimal prefix code by Moffat's and Katajainen's method ("In-
 * place calculation of minimum-redundancy codes", 1995), which needs nothing
 * but the sorted counts; where it exceeds what deflate allows, longer codes are
 * made of short ones until all fit.
 */
#include "formats/deflate_code.h"

#include <string.h>

enum {
	MAX_BITS = 15,
	MAX_LITLEN_BITS = 14,	/* of ours: deflate.c says why */
	MAX_LEN_BITS = 7,	/* of a code for lengths */
	MAX_SYMBOLS = LITLEN_SYMBOLS,
	REPEAT = 16,		/* the last length, 3 to 6 times */
	ZEROS = 17,		/* 3 to 10 */
	MORE_ZEROS = 18,	/* 11 to 138 */
};

/* ---- codes --------------------------------------------------------------- */

/* Sort by the low 32 bits, which are counts below 2^24, eight at a time. */
static void
sort(uint64_t *v, unsigned n)
{
	uint64_t other[MAX_SYMBOLS];
	uint64_t *from = v, *to = other;

	for (unsigned shift = 0; shift < 32; shift += 8) {
		uint16_t at[257] = { 0 };

		for (unsigned i = 0; i < n; i++)
			at[(from[i] >> shift & 255) + 1]++;
		if (at[(from[0] >> shift & 255) + 1] == n)
			continue;	/* they are all the same here */
		for (unsigned i = 1; i < 257; i++)
			at[i] = (uint16_t)(at[i] + at[i - 1]);
		for (unsigned i = 0; i < n; i++)
			to[at[from[i] >> shift & 255]++] = from[i];

		uint64_t *const swap = from;
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
}

/* From ascending counts of two symbols or more, depths in place. */
static void
make_depths(uint32_t *a, unsigned n)
{
	unsigned root = 0, leaf = 2, next;
	int avail, used, depth, r, k;

	a[0] += a[1];
	for (next = 1; next + 1 < n; next++) {
		if (leaf >= n || a[root] < a[leaf]) {
			a[next] = a[root];
			a[root++] = next;
		} else {
			a[next] = a[leaf++];
		}
		if (leaf >= n || (root < next && a[root] < a[leaf])) {
			a[next] += a[root];
			a[root++] = next;
		} else {
			a[next] += a[leaf++];
		}
	}
	/* Parents to depths of inner nodes, then those to depths of leaves. */
	a[n - 2] = 0;
	for (k = (int)n - 3; k >= 0; k--)
		a[k] = a[a[k]] + 1;
	avail = 1;
	used = depth = 0;
	r = (int)n - 2;
	k = (int)n - 1;
	while (avail > 0) {
		while (r >= 0 && a[r] == (uint32_t)depth) {
			used++;
			r--;
		}
		while (avail > used) {
			a[k--] = (uint32_t)depth;
			avail--;
		}
		avail = 2 * used;
		depth++;
		used = 0;
	}
}

/* How many codes there are of each length, none longer than `most`. */
static void
limit(uint16_t *ncodes, const uint32_t *depths, unsigned n, unsigned most)
{
	uint32_t total = 0;

	memset(ncodes, 0, (MAX_BITS + 1) * sizeof(*ncodes));
	for (unsigned i = 0; i < n; i++)
		ncodes[depths[i] < most ? depths[i] : most]++;
	for (unsigned b = 1; b <= most; b++)
		total += (uint32_t)ncodes[b] << (most - b);
	/* Of the longest, one goes beside a shorter one, both a bit longer. */
	for (; total > 1U << most; total--) {
		unsigned b = most - 1;

		ncodes[most]--;
		while (ncodes[b] == 0)
			b--;
		ncodes[b]--;
		ncodes[b + 1] = (uint16_t)(ncodes[b + 1] + 2);
	}
}

static uint16_t
reversed(unsigned v, unsigned n)
{
	v = (v & 0x5555) << 1 | (v >> 1 & 0x5555);
	v = (v & 0x3333) << 2 | (v >> 2 & 0x3333);
	v = (v & 0x0f0f) << 4 | (v >> 4 & 0x0f0f);
	v = (v & 0x00ff) << 8 | v >> 8;
	return (uint16_t)(v >> (16 - n));
}

/* Numbers for codes of these lengths, as RFC 1951 has them (3.2.2). */
static void
number(uint16_t *codes, const uint8_t *lens, unsigned nsymbols,
       const uint16_t *ncodes)
{
	unsigned next[MAX_BITS + 2] = { 0 };

	for (unsigned b = 1; b <= MAX_BITS; b++)
		next[b + 1] = (next[b] + ncodes[b]) << 1;
	for (unsigned s = 0; s < nsymbols; s++)
		if (lens[s] > 0)
			codes[s] = reversed(next[lens[s]]++, lens[s]);
}

/*
 * Some readers want at least two codes, and one that uses all bits.  Symbols
 * that are not needed are few bits.  Those that are needed once, as most are
 * said to be in a large block, come first: that need not be found out.
 */
static unsigned
collect(uint64_t *v, const uint32_t *counts, unsigned nsymbols)
{
	unsigned n = 0, once;

	/* What does not count is written, too, and then over. */
	for (unsigned s = 0; s < nsymbols; s++) {
		v[n] = (uint64_t)s << 32 | 1;
		n += counts[s] == 1;
	}
	once = n;
	for (unsigned s = 0; s < nsymbols; s++) {
		v[n] = (uint64_t)s << 32 | counts[s];
		n += counts[s] > 1;
	}
	if (n - once > 1)
		sort(v + once, n - once);
	for (unsigned s = 0; n < 2; s++)
		if (counts[s] == 0) {
			v[1] = v[0];
			v[0] = (uint64_t)s << 32;
			n++;
		}
	return n;
}

static void
make_code(uint16_t *codes, uint8_t *lens, const uint32_t *counts,
	  unsigned nsymbols, unsigned most)
{
	uint64_t v[MAX_SYMBOLS + 1];
	uint32_t depths[MAX_SYMBOLS] = { 0 };
	uint16_t ncodes[MAX_BITS + 1];
	const unsigned n = collect(v, counts, nsymbols);
	unsigned i = n;

	for (unsigned k = 0; k < n; k++)
		depths[k] = (uint32_t)v[k];
	make_depths(depths, n);
	limit(ncodes, depths, n, most);
	memset(lens, 0, nsymbols);
	for (unsigned b = 1; b <= most; b++)
		for (unsigned k = 0; k < ncodes[b]; k++)
			lens[v[--i] >> 32] = (uint8_t)b;
	number(codes, lens, nsymbols, ncodes);
}

void
deflate_codes(struct deflate_codes *c, const struct deflate_counts *from)
{
	make_code(c->litlen, c->litlen_len, from->litlens, LITLEN_SYMBOLS,
		  MAX_LITLEN_BITS);
	make_code(c->dist, c->dist_len, from->dists, DIST_SYMBOLS, MAX_BITS);
}

/* ---- how they are told --------------------------------------------------- */

/* A length, or several: a symbol, and its extra bits. */
struct run {
	uint8_t symbol, extra;
};

/* Lengths as runs.  Returns how many. */
static unsigned
find_runs(struct run *runs, const uint8_t *lens, unsigned n)
{
	unsigned nruns = 0;

	for (unsigned i = 0, k; i < n; i += k) {
		for (k = 1; i + k < n && lens[i + k] == lens[i]; k++)
			;
		if (lens[i] == 0 && k >= 3) {
			if (k > 138)
				k = 138;
			runs[nruns++] = k < 11 ?
				(struct run){ ZEROS, (uint8_t)(k - 3) } :
				(struct run){ MORE_ZEROS, (uint8_t)(k - 11) };
		} else if (lens[i] != 0 && k >= 4) {
			if (k > 7)
				k = 7;
			runs[nruns++] = (struct run){ lens[i], 0 };
			runs[nruns++] = (struct run){ REPEAT,
						      (uint8_t)(k - 4) };
		} else {
			runs[nruns++] = (struct run){ lens[i], 0 };
			k = 1;
		}
	}
	return nruns;
}

/* How many there are without those at the end that are 0, but `least`. */
static unsigned
used(const uint8_t *lens, unsigned n, unsigned least)
{
	while (n > least && lens[n - 1] == 0)
		n--;
	return n;
}

void
deflate_head(struct deflate_head *h, const struct deflate_codes *c)
{
	static const uint8_t ORDER[CODE_LEN_SYMBOLS] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1,
		15,
	};
	static const uint8_t EXTRA[CODE_LEN_SYMBOLS] = {
		[REPEAT] = 2, [ZEROS] = 3, [MORE_ZEROS] = 7,
	};
	uint8_t all[LITLEN_SYMBOLS + DIST_SYMBOLS];
	struct run runs[LITLEN_SYMBOLS + DIST_SYMBOLS];
	uint32_t counts[CODE_LEN_SYMBOLS] = { 0 };
	uint8_t lens[CODE_LEN_SYMBOLS];
	uint16_t codes[CODE_LEN_SYMBOLS];

	h->nlitlens = used(c->litlen_len, LITLEN_SYMBOLS, 257);
	h->ndists = used(c->dist_len, DIST_SYMBOLS, 1);
	memcpy(all, c->litlen_len, h->nlitlens);
	memcpy(all + h->nlitlens, c->dist_len, h->ndists);
	h->n = find_runs(runs, all, h->nlitlens + h->ndists);
	for (unsigned i = 0; i < h->n; i++)
		counts[runs[i].symbol]++;
	make_code(codes, lens, counts, CODE_LEN_SYMBOLS, MAX_LEN_BITS);
	for (unsigned i = 0; i < CODE_LEN_SYMBOLS; i++)
		h->lens[i] = lens[ORDER[i]];
	h->nlens = used(h->lens, CODE_LEN_SYMBOLS, 4);
	for (unsigned i = 0; i < h->n; i++) {
		const unsigned s = runs[i].symbol;

		h->pieces[i].bits = (uint16_t)(codes[s] |
					       runs[i].extra << lens[s]);
		h->pieces[i].n = (uint8_t)(lens[s] + EXTRA[s]);
	}
}
