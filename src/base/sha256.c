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
	/* Jobs that wait for others of as many blocks. */
	const struct sha256_job *waiting[SIDE_BY_SIDE + 1][LANES];
	size_t nwaiting[SIDE_BY_SIDE + 1] = { 0 };

	for (size_t i = 0; i < n; i++) {
		const size_t k = jobs[i].nblocks;

		if (k > SIDE_BY_SIDE) {
			do_one(&jobs[i]);
			continue;
		}
		waiting[k][nwaiting[k]++] = &jobs[i];
		if (nwaiting[k] == LANES) {
			sha256_x86_four(waiting[k]);
			nwaiting[k] = 0;
		}
	}
	for (size_t k = 1; k <= SIDE_BY_SIDE; k++)
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
