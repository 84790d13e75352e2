/* scan.c - the portable kernels, and the choice among all. */
#include "base/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/scan_internal.h"

/*
 * Length of the UTF-8 sequence at p (n > 0 bytes left), or 0 if it is none: no
 * overlong forms, no surrogates, nothing past U+10FFFF (RFC 3629, section 4).
 */
static size_t
sequence(const uint8_t *p, size_t n)
{
	const uint8_t c = p[0];
	uint8_t low = 0x80, high = 0xBF;
	size_t len;

	if (c < 0x80)
		return 1;
	if (c >= 0xC2 && c <= 0xDF) {
		len = 2;
	} else if (c >= 0xE0 && c <= 0xEF) {
		len = 3;
		low = c == 0xE0 ? 0xA0 : low;
		high = c == 0xED ? 0x9F : high;
	} else if (c >= 0xF0 && c <= 0xF4) {
		len = 4;
		low = c == 0xF0 ? 0x90 : low;
		high = c == 0xF4 ? 0x8F : high;
	} else {
		return 0;
	}
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

size_t
scan_utf8(struct span text)
{
	size_t at = 0;

	while (at < text.len) {
		const size_t len = sequence(text.ptr + at, text.len - at);

		if (len == 0)
			break;
		at += len;
	}
	return at;
}

/*
 * Check the UTF-8 of a piece, going back to the start of the sequence that the
 * piece before left unfinished; leave one at the end to the next piece.
 */
static bool
utf8_of_piece(struct scan_carry *carry, const uint8_t *p, size_t n)
{
	uint8_t joined[3 + 4];
	size_t back = 0, at = 0;

	if (carry->cut) {
		while ((carry->last[SCAN_STEP - 1 - back] & 0xC0) == 0x80)
			back++;
		back++;
		memcpy(joined, carry->last + SCAN_STEP - back, back);
		memcpy(joined + back, p, 4);
		const size_t len = sequence(joined, sizeof(joined) - 3 + back);
		if (len == 0)
			return false;
		at = len - back;
	}

	at += scan_utf8((struct span){ p + at, n - at });
	carry->cut = false;
	if (at == n)
		return true;

	/* Cut short?  Then it must be whole once any missing bytes come. */
	const size_t left = n - at;
	uint8_t whole[4] = { 0x80, 0x80, 0x80, 0x80 };
	if (left > 3)
		return false;
	memcpy(whole, p + at, left);
	if (left == 1) {	/* E0 and F0 want a second byte above 80 */
		whole[1] = whole[0] == 0xE0 ? 0xA0 :
			   whole[0] == 0xF0 ? 0x90 : 0x80;
	}
	carry->cut = sequence(whole, 4) > left;
	return carry->cut;
}

void
scan_piece_portable(struct scan *s, struct scan_carry *carry, const uint8_t *p,
		    size_t n, uint32_t base)
{
	uint64_t escaped = carry->escaped;

	for (size_t i = 0; i < n; i++) {
		const uint32_t at = base + (uint32_t)i;
		const uint8_t c = p[i];

		if (c == '"' && !escaped)
			s->quotes[s->nquotes++] = at;
		else if (c == '\\')
			s->escapes[s->nescapes++] = at;
		else if (c == '\n')
			s->lines[s->nlines++] = at;
		else if (c < 0x20)
			s->control = true;
		escaped = c == '\\' && !escaped;
	}
	carry->escaped = escaped;
	if (!utf8_of_piece(carry, p, n))
		s->bad_utf8 = true;
	memcpy(carry->last, p + n - SCAN_STEP, SCAN_STEP);
}

size_t
scan_plain_portable(struct span text)
{
	size_t i = 0;

	while (i < text.len && text.ptr[i] >= 0x20 && text.ptr[i] != '"' &&
	       text.ptr[i] != '\\')
		i++;
	return i;
}

static scan_piece_fn *
piece_kernel(void)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX512))
		return scan_piece_avx512;
	if (cpu_has(CPU_AVX2))
		return scan_piece_avx2;
#elif defined(__aarch64__)
	if (cpu_has(CPU_NEON))
		return scan_piece_neon;
#endif
	return scan_piece_portable;
}

size_t
scan_plain(struct span text)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX2))
		return scan_plain_avx2(text);
#elif defined(__aarch64__)
	if (cpu_has(CPU_NEON))
		return scan_plain_neon(text);
#endif
	return scan_plain_portable(text);
}

size_t
scan_lines_portable(struct span text)
{
	const uint8_t *at = text.ptr, *const end = text.ptr + text.len;
	size_t n = 0;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		n++;
	}
	return n;
}

size_t
scan_lines(struct span text)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX2))
		return scan_lines_avx2(text);
#endif
	return scan_lines_portable(text);
}

/* Make room for `more` slots, and what kernels write past the last. */
static int
grow(uint32_t **slots, size_t *cap, size_t n, size_t more, struct err *err)
{
	size_t want = *cap > 0 ? *cap : 4096;

	if (n + more <= *cap)
		return 0;
	while (want < n + more)
		want *= 2;
	uint32_t *const p = realloc(*slots, want * sizeof(*p));
	if (p == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	*slots = p;
	*cap = want;
	return 0;
}

int
scan_text(struct scan *s, struct span text, struct err *err)
{
	/* Small enough that slots are reserved for what is there, not feared. */
	enum { PIECE_LEN = 8 * 1024 };
	static_assert((int)SCAN_ROOM > (int)SCAN_SENTINELS,
		      "sentinels fit in the room");
	scan_piece_fn *const kernel = piece_kernel();
	struct scan_carry carry = { 0 };

	s->nquotes = s->nlines = s->nescapes = 0;
	s->control = s->bad_utf8 = false;
	for (size_t at = 0; at < text.len || at == 0;) {
		const size_t left = text.len - at;
		size_t n = left < PIECE_LEN ? left : PIECE_LEN;

		if (grow(&s->quotes, &s->quotes_cap, s->nquotes, n + SCAN_ROOM,
			 err) != 0 ||
		    grow(&s->lines, &s->lines_cap, s->nlines, n + SCAN_ROOM,
			 err) != 0 ||
		    grow(&s->escapes, &s->escapes_cap, s->nescapes,
			 n + SCAN_ROOM, err) != 0)
			return -1;
		if (n >= SCAN_STEP) {
			n -= n % SCAN_STEP;
			kernel(s, &carry, text.ptr + at, n, (uint32_t)at);
		} else {
			/* Blanks mean nothing to a kernel. */
			uint8_t end[SCAN_STEP];

			memset(end, ' ', sizeof(end));
			if (n > 0)
				memcpy(end, text.ptr + at, n);
			kernel(s, &carry, end, SCAN_STEP, (uint32_t)at);
		}
		at += n;
		if (n == 0)
			break;
	}
	if (carry.cut)
		s->bad_utf8 = true;

	for (size_t i = 0; i < SCAN_SENTINELS; i++)
		s->quotes[s->nquotes + i] = (uint32_t)text.len;
	s->escapes[s->nescapes] = (uint32_t)text.len;
	return 0;
}

void
scan_free(struct scan *s)
{
	free(s->quotes);
	free(s->lines);
	free(s->escapes);
	*s = (struct scan){ 0 };
}
