/*
 * sha256_x86.c - kernels over the SHA extensions of x86-64.
 *
 * One message leaves the processor half idle, since each instruction waits for
 * the one before.  So two or four messages of as many blocks go side by side.
 */
#include "base/sha256_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH_LANE UNROLL for (int w = 0; w < nlanes; w++)

/* A state as the instructions want it: words A B E F, and C D G H. */
struct lane {
	__m128i abef, cdgh;
};

INLINE __m128i
load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE __m128i
swap_words(__m128i v)
{
	return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b,
						  0x0405060700010203));
}

INLINE struct lane
lane_of(const struct sha256_state *s)
{
	const __m128i badc = _mm_shuffle_epi32(load(s->h), 0xb1);
	const __m128i hgfe = _mm_shuffle_epi32(load(s->h + 4), 0x1b);

	return (struct lane){
		.abef = _mm_alignr_epi8(badc, hgfe, 8),
		.cdgh = _mm_blend_epi16(hgfe, badc, 0xf0),
	};
}

/* Back to A B C D and E F G H. */
INLINE void
split(const struct lane *l, __m128i *abcd, __m128i *efgh)
{
	const __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b);
	const __m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);

	*abcd = _mm_blend_epi16(feba, dchg, 0xf0);
	*efgh = _mm_alignr_epi8(dchg, feba, 8);
}

/* One block of each lane. */
INLINE void
compress(struct lane *lanes, const uint8_t *const *blocks, const int nlanes)
{
	__m128i m[4][4];	/* the next 16 words of the schedule */
	struct lane l[4];

	EACH_LANE {
		l[w] = lanes[w];
		UNROLL for (int i = 0; i < 4; i++)
			m[w][i] = swap_words(load(blocks[w] + 16 * i));
	}
	UNROLL for (int r = 0; r < 16; r++) {
		EACH_LANE {
			__m128i *const now = &m[w][r & 3];
			const __m128i k = _mm_add_epi32(*now,
				_mm_load_si128((const __m128i *)
					       (sha256_constants + 4 * r)));
			l[w].cdgh = _mm_sha256rnds2_epu32(l[w].cdgh,
							  l[w].abef, k);
			l[w].abef = _mm_sha256rnds2_epu32(l[w].abef, l[w].cdgh,
						_mm_shuffle_epi32(k, 0x0e));
			if (r >= 12)
				continue;

			const __m128i last = m[w][(r + 3) & 3];
			const __m128i t = _mm_add_epi32(
				_mm_sha256msg1_epu32(*now, m[w][(r + 1) & 3]),
				_mm_alignr_epi8(last, m[w][(r + 2) & 3], 4));

			*now = _mm_sha256msg2_epu32(t, last);
		}
	}
	EACH_LANE {
		lanes[w].abef = _mm_add_epi32(lanes[w].abef, l[w].abef);
		lanes[w].cdgh = _mm_add_epi32(lanes[w].cdgh, l[w].cdgh);
	}
}

/* The last block of each lane, whose schedule is known. */
INLINE void
compress_last(struct lane *lanes, const struct sha256_job *const *jobs,
	      const int nlanes)
{
	struct lane l[4];

	EACH_LANE
		l[w] = lanes[w];
	UNROLL for (int r = 0; r < 16; r++)
		EACH_LANE {
			const __m128i k = load(jobs[w]->last->words + 4 * r);

			l[w].cdgh = _mm_sha256rnds2_epu32(l[w].cdgh,
							  l[w].abef, k);
			l[w].abef = _mm_sha256rnds2_epu32(l[w].abef, l[w].cdgh,
						_mm_shuffle_epi32(k, 0x0e));
		}
	EACH_LANE {
		lanes[w].abef = _mm_add_epi32(lanes[w].abef, l[w].abef);
		lanes[w].cdgh = _mm_add_epi32(lanes[w].cdgh, l[w].cdgh);
	}
}

INLINE void
run(const struct sha256_job *const *jobs, const int nlanes)
{
	const size_t nblocks = jobs[0]->nblocks;
	const uint8_t *blocks[4];
	struct lane lanes[4];

	EACH_LANE {
		lanes[w] = lane_of(jobs[w]->start);
		blocks[w] = jobs[w]->blocks;
	}
	for (size_t i = 0; i < nblocks; i++) {
		compress(lanes, blocks, nlanes);
		EACH_LANE
			blocks[w] += SHA256_BLOCK_LEN;
	}
	if (jobs[0]->last != NULL)
		compress_last(lanes, jobs, nlanes);
	EACH_LANE {
		__m128i abcd, efgh;

		split(&lanes[w], &abcd, &efgh);
		_mm_storeu_si128((__m128i *)jobs[w]->out, swap_words(abcd));
		_mm_storeu_si128((__m128i *)(jobs[w]->out + 16),
				 swap_words(efgh));
	}
}

TARGET void
sha256_x86_two(const struct sha256_job *const *jobs)
{
	run(jobs, 2);
}

TARGET void
sha256_x86_four(const struct sha256_job *const *jobs)
{
	run(jobs, 4);
}

TARGET void
sha256_x86_update(struct sha256_state *s, const uint8_t *blocks, size_t nblocks)
{
	struct lane l = lane_of(s);
	__m128i abcd, efgh;

	for (size_t i = 0; i < nblocks; i++) {
		compress(&l, &blocks, 1);
		blocks += SHA256_BLOCK_LEN;
	}
	split(&l, &abcd, &efgh);
	_mm_storeu_si128((__m128i *)s->h, abcd);
	_mm_storeu_si128((__m128i *)(s->h + 4), efgh);
}

#endif
