/*
 * md5_lane.c - the lanes of a ring, hashed beside each other.
 *
 * Two MD5s go side by side in plain registers.  Where there are vectors a pass
 * of eight costs a tenth to a quarter more than that, and one of sixteen a
 * quarter more again, however many of them idle: so three make it worth while.
 */
#include "base/md5.h"

#include <stdbool.h>

#include "base/cpu.h"
#include "base/md5_internal.h"

enum {
	MOST = 64,		/* lanes that one turn looks at */
	TURN_LEN = 16 * 1024,	/* bytes before others have their turn */
};

void
md5_lane_start(struct md5_lane *l)
{
	md5_start(&l->md5);
	l->due = (struct span){ NULL, 0 };
	l->next = l->prev = l;
}

void
md5_lane_leave(struct md5_lane *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
	l->next = l->prev = l;
}

void
md5_lane_join(struct md5_lane *l, struct md5_lane *ring)
{
	md5_lane_leave(l);
	l->prev = ring;
	l->next = ring->next;
	ring->next->prev = l;
	ring->next = l;
}

void
md5_lane_owe(struct md5_lane *l, struct span bytes)
{
	md5_lane_settle(l);
	l->due = md5_trim(&l->md5, bytes);
}

static bool
has_vectors(void)
{
#if defined(__x86_64__)
	return cpu_has(CPU_AVX2);
#else
	return false;
#endif
}

static void
run_kernel(struct md5_wide *x, size_t nlanes, size_t nblocks)
{
#if defined(__x86_64__)
	const bool avx512 = cpu_has(CPU_AVX512);

	if (nlanes > 8)
		(avx512 ? md5_wide_16_avx512 : md5_wide_16_avx2)(x, nblocks);
	else
		(avx512 ? md5_wide_8_avx512 : md5_wide_8_avx2)(x, nblocks);
#else
	(void)x;
	(void)nlanes;
	(void)nblocks;
#endif
}

/* Take in `nblocks` of each of `n` lanes; what idles does as the first does. */
static void
take_wide(struct md5_lane *const *l, size_t n, size_t nblocks)
{
	struct md5_wide x;

	for (size_t i = 0; i < MD5_WIDE; i++) {
		const struct md5_lane *from = l[i < n ? i : 0];

		x.at[i] = from->due.ptr;
		for (size_t k = 0; k < 4; k++)
			x.state[k][i] = from->md5.state[k];
	}
	run_kernel(&x, n, nblocks);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 4; k++)
			l[i]->md5.state[k] = x.state[k][i];
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Let the first of the `n` lanes at `l`, as many as go side by side, take in
 * what they all have.  All but the first lane are sorted, longest debt first.
 * Lanes that wait overtake those that run before these are through, so that in
 * the end all finish together and none is left to go alone.
 */
static void
take_turn(struct md5_lane *const *l, size_t n)
{
	const size_t nrun = least(n, has_vectors() ? MD5_WIDE : 2);
	const size_t last = l[nrun - 1]->due.len;
	size_t len = least(l[0]->due.len, last);

	if (n > nrun)
		len = least(len, last - l[nrun]->due.len + TURN_LEN);
	if (nrun > 2)
		take_wide(l, nrun, len / 64);
	else if (nrun == 2)
		md5_take_both(l[0]->md5.state, l[0]->due.ptr,
			      l[1]->md5.state, l[1]->due.ptr, len / 64);
	else
		md5_take(l[0]->md5.state, l[0]->due.ptr, len / 64);
	for (size_t i = 0; i < nrun; i++) {
		l[i]->due.ptr += len;
		l[i]->due.len -= len;
	}
}

/* Find the lanes of a ring that owe something, starting with `l`. */
static size_t
gather(struct md5_lane *l, struct md5_lane **out)
{
	struct md5_lane *o = l;
	size_t n = 0;

	do {
		if (o->due.len > 0)
			out[n++] = o;
		o = o->next;
	} while (o != l && n < MOST);
	return n;
}

/* Longest debt first.  By insertion: they are few, and often in order. */
static void
sort(struct md5_lane **l, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct md5_lane *const it = l[i];
		size_t k = i;

		for (; k > 0 && l[k - 1]->due.len < it->due.len; k--)
			l[k] = l[k - 1];
		l[k] = it;
	}
}

void
md5_lane_settle(struct md5_lane *l)
{
	struct md5_lane *owing[MOST];

	while (l->due.len > 0) {
		const size_t n = gather(l, owing);

		sort(owing + 1, n - 1);
		take_turn(owing, n);
	}
}

void
md5_lane_settle_all(struct md5_lane *l)
{
	struct md5_lane *owing[MOST];
	size_t n;

	while ((n = gather(l, owing)) > 0) {
		sort(owing, n);
		take_turn(owing, n);
	}
}
