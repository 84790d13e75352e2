/*
 * inflate_build.c - codes and tables of a block, of the lengths of its codes
 * (RFC 1951, section 3.2.2).
 */
#include <string.h>

#include "formats/inflate_internal.h"

const struct inflate_extra inflate_lengths[29] = {
	{ 3, 0 }, { 4, 0 }, { 5, 0 }, { 6, 0 }, { 7, 0 }, { 8, 0 }, { 9, 0 },
	{ 10, 0 }, { 11, 1 }, { 13, 1 }, { 15, 1 }, { 17, 1 }, { 19, 2 },
	{ 23, 2 }, { 27, 2 }, { 31, 2 }, { 35, 3 }, { 43, 3 }, { 51, 3 },
	{ 59, 3 }, { 67, 4 }, { 83, 4 }, { 99, 4 }, { 115, 4 }, { 131, 5 },
	{ 163, 5 }, { 195, 5 }, { 227, 5 }, { 258, 0 },
};

const struct inflate_extra inflate_dists[DIST_USED] = {
	{ 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 5, 1 }, { 7, 1 }, { 9, 2 },
	{ 13, 2 }, { 17, 3 }, { 25, 3 }, { 33, 4 }, { 49, 4 }, { 65, 5 },
	{ 97, 5 }, { 129, 6 }, { 193, 6 }, { 257, 7 }, { 385, 7 }, { 513, 8 },
	{ 769, 8 }, { 1025, 9 }, { 1537, 9 }, { 2049, 10 }, { 3073, 10 },
	{ 4097, 11 }, { 6145, 11 }, { 8193, 12 }, { 12289, 12 },
	{ 16385, 13 }, { 24577, 13 },
};

int
inflate_build_code(struct inflate_code *code, const uint8_t *lens,
		   unsigned nlens)
{
	unsigned count[MAX_BITS + 1] = { 0 }, next[MAX_BITS + 1];
	unsigned first = 0, at = 0, longest = 0;

	for (unsigned i = 0; i < nlens; i++)
		count[lens[i]]++;
	code->limit[0] = code->bias[0] = 0;
	for (unsigned n = 1; n <= MAX_BITS; n++) {
		first <<= 1;
		next[n] = at;
		code->bias[n] = (uint16_t)(at - first);
		first += count[n];
		at += count[n];
		if (count[n] > 0)
			longest = n;
		if (first > 1U << n)
			return -1;
		code->limit[n] = (uint16_t)(first << (MAX_BITS - n));
	}
	if (first < 1U << MAX_BITS && longest > 1)
		return -1;
	for (unsigned i = 0; i < nlens; i++)
		if (lens[i] > 0)
			code->symbols[next[lens[i]]++] = (uint16_t)i;
	return 0;
}

/* How many symbols have codes of up to n bits, and so come first. */
static unsigned
up_to(const struct inflate_code *code, unsigned n)
{
	return (uint16_t)(code->bias[n] + (code->limit[n] >> (MAX_BITS - n)));
}

/* The code after `code`, both of n bits and with the first bit lowest. */
static unsigned
next_code(unsigned code, unsigned n)
{
	unsigned bit = 1U << (n - 1);

	while (code & bit) {
		code ^= bit;
		bit >>= 1;
	}
	return code | bit;
}

/* The symbols with codes of up to LIT_BITS bits, in the order of the codes. */
struct short_codes {
	unsigned up_to[LIT_BITS + 1];	/* so many have up to n bits */
	uint16_t code[LIT_SYMBOLS];
	uint16_t symbol[LIT_SYMBOLS];
	/* Those that are lengths, by their bits with the extra ones. */
	unsigned nlens[LIT_BITS + 1];
	uint16_t lens[LIT_BITS + 1][29];
};

static void
list_short_codes(struct short_codes *s, const struct inflate_code *code)
{
	unsigned c = 0, i = 0;

	memset(s->nlens, 0, sizeof(s->nlens));
	s->up_to[0] = 0;
	for (unsigned n = 1; n <= LIT_BITS; n++) {
		s->up_to[n] = up_to(code, n);
		for (; i < s->up_to[n]; i++, c = next_code(c, n)) {
			const unsigned symbol = code->symbols[i];

			s->code[i] = (uint16_t)c;
			s->symbol[i] = (uint16_t)symbol;
			if (symbol <= END_OF_BLOCK || symbol >= LIT_USED)
				continue;
			const unsigned k =
				n + inflate_lengths[symbol - 257].nbits;
			if (k <= LIT_BITS)
				s->lens[k][s->nlens[k]++] = (uint16_t)i;
		}
	}
}

/* Put `e` wherever the low `n` bits are `at`. */
static void
put_all(uint64_t *table, size_t len, size_t at, unsigned n, uint64_t e)
{
	for (; at < len; at += (size_t)1 << n)
		table[at] = e;
}

/* Put the matches of `n` bits in all in both tables. */
static void
put_lens(const struct short_codes *s, unsigned n, uint64_t *lits,
	 uint64_t *rest)
{
	for (unsigned k = 0; k < s->nlens[n]; k++) {
		const unsigned i = s->lens[n][k];
		const struct inflate_extra l =
			inflate_lengths[s->symbol[i] - 257];

		for (unsigned v = 0; v < 1U << l.nbits; v++) {
			const uint64_t e = n | ENTRY_LEN(l.base + v);
			const unsigned at = s->code[i] | v << (n - l.nbits);

			if (n < LIT_BITS)
				rest[at] = e;
			put_all(lits, 1 << LIT_BITS, at, n, e);
		}
	}
}

/* Put what is no literal, for where put_lens() puts no match. */
static void
put_odd(const struct short_codes *s, uint64_t *lits)
{
	memset(lits, 0, sizeof(*lits) << LIT_BITS);
	for (unsigned n = 1; n <= LIT_BITS; n++)
		for (unsigned i = s->up_to[n - 1]; i < s->up_to[n]; i++)
			if (s->symbol[i] >= END_OF_BLOCK)
				put_all(lits, 1 << LIT_BITS, s->code[i], n,
					ENTRY_ODD(s->symbol[i], n));
}

/*
 * `rest` is, for every b in turn, what b bits begin with that come after a
 * literal: a table like lits, of 1 << b entries, but with a literal where the
 * second goes, and with ENTRY_NONE for what it cannot tell.  Added to the entry
 * of a literal of LIT_BITS - b bits it gives all that begin with that.
 */
static void
build_lits(uint64_t *lits, const struct short_codes *s)
{
	uint64_t rest[1 << (LIT_BITS - 1)];

	put_odd(s, lits);
	rest[0] = ENTRY_NONE;
	for (unsigned b = 0; b < LIT_BITS; b++) {
		if (b > 0) {
			memcpy(rest + (1U << (b - 1)), rest,
			       sizeof(rest[0]) << (b - 1));
			put_lens(s, b, lits, rest);
			for (unsigned i = s->up_to[b - 1]; i < s->up_to[b]; i++)
				if (s->symbol[i] < END_OF_BLOCK)
					rest[s->code[i]] = b | ENTRY_LITERAL |
						ENTRY_NONE |
						(uint64_t)s->symbol[i] << 24;
		}
		const unsigned n = LIT_BITS - b;

		for (unsigned i = s->up_to[n - 1]; i < s->up_to[n]; i++) {
			const uint64_t e = n | ENTRY_LITERAL |
					   (uint64_t)s->symbol[i] << 16;
			uint64_t *to = lits + s->code[i];

			if (s->symbol[i] >= END_OF_BLOCK)
				continue;
			for (unsigned j = 0; j < 1U << b; j++, to += 1U << n)
				*to = e + rest[j];
		}
	}
	put_lens(s, LIT_BITS, lits, NULL);
}

/* What to take for a match where there is none, if a literal follows. */
static void
build_literals(uint32_t *after, const struct short_codes *s)
{
	/*
	 * Far enough off for the copy that no one sees not to wait for what was
	 * just written, and with no bit where the literal goes.
	 */
	const unsigned dist = 1024;
	unsigned i = 0;

	after[0] = AFTER_DIST(dist, 0, 0);
	for (unsigned n = 1; n <= DIST_BITS; n++) {
		memcpy(after + (1U << (n - 1)), after,
		       sizeof(after[0]) << (n - 1));
		for (; i < s->up_to[n]; i++)
			if (s->symbol[i] < END_OF_BLOCK)
				after[s->code[i]] = AFTER_DIST(dist, n, n) |
					AFTER_LITERAL(s->symbol[i]);
	}
}

static void
build_dists(uint32_t *after, const struct inflate_code *code)
{
	unsigned c = 0, i = 0;

	after[0] = 0;
	for (unsigned n = 1; n <= DIST_BITS; n++) {
		memcpy(after + (1U << (n - 1)), after,
		       sizeof(after[0]) << (n - 1));
		for (; i < up_to(code, n); i++, c = next_code(c, n)) {
			const unsigned s = code->symbols[i];

			if (s < DIST_USED)
				after[c] = AFTER_DIST(inflate_dists[s].base, n,
						n + inflate_dists[s].nbits);
		}
	}
}

void
inflate_build_tables(struct inflate_tables *t)
{
	struct short_codes s;

	list_short_codes(&s, &t->lit_code);
	build_lits(t->lits, &s);
	build_dists(t->after, &t->dist_code);
	build_literals(t->after + (1 << DIST_BITS), &s);
}
