/*
 * sha256.c - over libcrypto, or over our own kernels where there are some.
 *
 * Of libcrypto only the compression of one block is used: anything that fetches
 * an algorithm, SHA256() included, costs several times what a short message
 * does, and interim states, which HMAC wants to keep, cannot be had from EVP.
 */
#include "base/sha256.h"

#include <string.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/cpu.h"
#include "base/sha256_internal.h"

const struct sha256_state sha256_start = { {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
} };

const uint32_t sha256_constants[64] __attribute__((aligned(64))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void
store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void
store(const struct sha256_state *s, uint8_t out[SHA256_LEN])
{
	for (size_t i = 0; i < 8; i++)
		store_be32(out + 4 * i, s->h[i]);
}

static void
update_libcrypto(struct sha256_state *s, const uint8_t *blocks, size_t nblocks)
{
	SHA256_CTX c = { .md_len = SHA256_LEN };

	memcpy(c.h, s->h, sizeof(s->h));
	for (size_t i = 0; i < nblocks; i++)
		SHA256_Transform(&c, blocks + i * SHA256_BLOCK_LEN);
	memcpy(s->h, c.h, sizeof(s->h));
}

static void
update(struct sha256_state *s, const uint8_t *blocks, size_t nblocks)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_SHA)) {
		sha256_x86_update(s, blocks, nblocks);
		return;
	}
#endif
	update_libcrypto(s, blocks, nblocks);
}

void
sha256_pad(uint8_t *blocks, size_t len, size_t before)
{
	const size_t end = sha256_nblocks(len) * SHA256_BLOCK_LEN;
	const uint64_t nbits = (uint64_t)(before + len) * 8;

	blocks[len] = 0x80;
	memset(blocks + len + 1, 0, end - 8 - len - 1);
	store_be32(blocks + end - 8, (uint32_t)(nbits >> 32));
	store_be32(blocks + end - 4, (uint32_t)nbits);
}

static uint32_t
turn(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

void
sha256_last_init(struct sha256_last *l, const uint8_t *block)
{
	uint32_t w[64];

	memcpy(l->block, block, SHA256_BLOCK_LEN);
	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 |
		       (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (size_t i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^
			w[i - 15] >> 3) +
		       (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^
			w[i - 2] >> 10);
	for (size_t i = 0; i < 64; i++)
		l->words[i] = w[i] + sha256_constants[i];
}

/* Hash `bytes` on from *s, after `before` others, to the end. */
static void
finish(struct sha256_state *s, struct span bytes, size_t before,
       uint8_t out[SHA256_LEN])
{
	const size_t nwhole = bytes.len / SHA256_BLOCK_LEN;
	const size_t at = nwhole * SHA256_BLOCK_LEN;
	uint8_t tail[2 * SHA256_BLOCK_LEN];

	update(s, bytes.ptr, nwhole);
	if (bytes.len > at)
		memcpy(tail, bytes.ptr + at, bytes.len - at);
	sha256_pad(tail, bytes.len - at, before + at);
	update(s, tail, sha256_nblocks(bytes.len - at));
	store(s, out);
}

void
sha256_of(struct span bytes, uint8_t out[SHA256_LEN])
{
	struct sha256_state s = sha256_start;

	finish(&s, bytes, 0, out);
}

void
sha256_key_init(struct sha256_key *k, struct span key)
{
	uint8_t pad[SHA256_BLOCK_LEN] = { 0 };

	if (key.len > sizeof(pad))
		sha256_of(key, pad);
	else if (key.len > 0)
		memcpy(pad, key.ptr, key.len);

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	k->inner = sha256_start;
	update(&k->inner, pad, 1);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	k->outer = sha256_start;
	update(&k->outer, pad, 1);
}

void
sha256_hmac(struct span key, struct span bytes, uint8_t out[SHA256_LEN])
{
	struct sha256_key k;

	sha256_key_init(&k, key);
	finish(&k.inner, bytes, SHA256_BLOCK_LEN, out);
	finish(&k.outer, (struct span){ out, SHA256_LEN }, SHA256_BLOCK_LEN,
	       out);
}

static void
do_one(const struct sha256_job *job)
{
	struct sha256_state s = *job->start;

	update(&s, job->blocks, job->nblocks);
	if (job->last != NULL)
		update(&s, job->last->block, 1);
	store(&s, job->out);
}

#if defined(__x86_64__)
enum { LANES = 4, SIDE_BY_SIDE = 3 };	/* blocks: as many or fewer */

static void
do_few(const struct sha256_job *const *jobs, size_t n)
{
	if (n >= 2)
		sha256_x86_two(jobs);
	if (n % 2 != 0)
		do_one(jobs[n - 1]);
}

static void
do_batch(const struct sha256_job *jobs, size_t n)
{
	/* Jobs that wait for others of as many blocks, with `last` or not. */
	const struct sha256_job *waiting[2 * SIDE_BY_SIDE + 2][LANES];
	size_t nwaiting[2 * SIDE_BY_SIDE + 2] = { 0 };

	for (size_t i = 0; i < n; i++) {
		const size_t k = 2 * jobs[i].nblocks + (jobs[i].last != NULL);

		if (k >= 2 * SIDE_BY_SIDE + 2) {
			do_one(&jobs[i]);
			continue;
		}
		waiting[k][nwaiting[k]++] = &jobs[i];
		if (nwaiting[k] == LANES) {
			sha256_x86_four(waiting[k]);
			nwaiting[k] = 0;
		}
	}
	for (size_t k = 1; k < 2 * SIDE_BY_SIDE + 2; k++)
		do_few(waiting[k], nwaiting[k]);
}
#endif

void
sha256_batch(const struct sha256_job *jobs, size_t n)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_SHA)) {
		do_batch(jobs, n);
		return;
	}
#endif
	for (size_t i = 0; i < n; i++)
		do_one(&jobs[i]);
}
