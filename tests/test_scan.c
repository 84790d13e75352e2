/* test_scan.c - that every version of a kernel agrees with the portable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/chars.h"
#include "base/cpu.h"
#include "base/err.h"
#include "base/scan.h"
#include "tests/guard.h"

/* Turned off one after another: each line is one machine. */
static const char *const MASKS[] = {
	"", "avx512", "avx512,avx2,neon",
};
enum { NMASKS = sizeof(MASKS) / sizeof(MASKS[0]) };

static uint64_t seed = 42;

static uint32_t
dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static void
same(const struct scan *a, const struct scan *b)
{
	assert_int_equal(a->nquotes, b->nquotes);
	assert_int_equal(a->nlines, b->nlines);
	assert_int_equal(a->nescapes, b->nescapes);
	assert_memory_equal(a->quotes, b->quotes,
			    (a->nquotes + SCAN_SENTINELS) * sizeof(uint32_t));
	if (a->nlines > 0)
		assert_memory_equal(a->lines, b->lines,
				    a->nlines * sizeof(uint32_t));
	assert_memory_equal(a->escapes, b->escapes,
			    (a->nescapes + 1) * sizeof(uint32_t));
	assert_int_equal(a->control, b->control);
	assert_int_equal(a->bad_utf8, b->bad_utf8);
}

/* Scan with every version; the last is portable and the measure. */
static void
scan_all(struct scan s[NMASKS], struct span text)
{
	for (int i = 0; i < NMASKS; i++) {
		struct err err = { 0 };

		cpu_init(MASKS[i]);
		assert_int_equal(scan_text(&s[i], text, &err), 0);
	}
	for (int i = 0; i < NMASKS - 1; i++)
		same(&s[i], &s[NMASKS - 1]);
	assert_int_equal(s[NMASKS - 1].bad_utf8, scan_utf8(text) != text.len);
}

/* Text of pieces that make kernels stumble. */
static size_t
random_text(uint8_t *p, size_t len)
{
	static const char *const PIECES[] = {
		"\"", "\\", "\\\\", "\\\"", "\n", "a", "abcdefg", "{\"S\":\"",
		"\xC3\xA9", "\xE2\x9C\x93", "\xF0\x9F\x8F\xA0", "\xED\x9F\xBF",
		"\xF4\x8F\xBF\xBF", "\xE0\xA0\x80", "\xF0\x90\x80\x80",
	};
	static const char *const BAD[] = {
		"\x80", "\xC3", "\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
		"\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF", "\xE2\x9C",
		"\xF0\x9F\x8F", "\xF0\x8F\xBF\xBF", "\t", "\x01", "\x1F",
	};
	const bool bad = dice(3) == 0;
	const bool ascii = dice(4) == 0;
	size_t at = 0;

	while (at < len) {
		const char *const s = bad && dice(60) == 0
			? BAD[dice(sizeof(BAD) / sizeof(BAD[0]))]
			: PIECES[dice(ascii ? 8 : sizeof(PIECES) /
					      sizeof(PIECES[0]))];
		const size_t n = strlen(s);

		if (at + n > len)
			break;
		memcpy(p + at, s, n);
		at += n;
	}
	return at;
}

static void
every_version_agrees_on_random_text(void **state)
{
	struct scan s[NMASKS] = { 0 };
	uint8_t text[20000];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		const size_t max = i < 2900 ? 300 : sizeof(text);
		const size_t len = random_text(text, dice((uint32_t)max));

		scan_all(s, (struct span){ text, len });
	}
	for (int i = 0; i < NMASKS; i++)
		scan_free(&s[i]);
}

static void
nothing_past_the_text_is_read(void **state)
{
	struct scan s[NMASKS] = { 0 };
	uint8_t text[256];

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		memset(text, '"', sizeof(text));
		const struct span at_the_edge = guard_copy(text, len);

		scan_all(s, at_the_edge);
		assert_int_equal(s[0].nquotes, len);
		for (int i = 0; i < NMASKS; i++) {
			cpu_init(MASKS[i]);
			assert_int_equal(scan_plain(at_the_edge), 0);
		}
	}
	for (int i = 0; i < NMASKS; i++)
		scan_free(&s[i]);
}

static void
an_escaped_quote_is_told_after_any_run_of_backslashes(void **state)
{
	struct scan s[NMASKS] = { 0 };
	uint8_t text[400];

	(void)state;
	for (size_t start = 0; start < 130; start++)
		for (size_t run = 0; run < 140; run++) {
			memset(text, 'x', sizeof(text));
			memset(text + start, '\\', run);
			text[start + run] = '"';
			scan_all(s, (struct span){ text, sizeof(text) });
			assert_int_equal(s[0].nquotes, run % 2 == 0);
			assert_int_equal(s[0].nescapes, run);
		}
	for (int i = 0; i < NMASKS; i++)
		scan_free(&s[i]);
}

static void
a_sequence_cut_anywhere_is_bad_utf8(void **state)
{
	struct scan s[NMASKS] = { 0 };
	uint8_t text[200];

	(void)state;
	for (size_t at = 0; at < 130; at++)
		for (size_t keep = 1; keep <= 4; keep++) {
			memset(text, 'x', sizeof(text));
			memcpy(text + at, "\xF0\x9F\x8F\xA0", 4);

			const struct span cut = { text, at + keep };
			scan_all(s, cut);
			assert_int_equal(s[0].bad_utf8, keep < 4);

			/* The same with text after it. */
			text[at + keep] = 'x';
			scan_all(s, (struct span){ text, sizeof(text) });
			assert_int_equal(s[0].bad_utf8, keep < 4);
		}
	for (int i = 0; i < NMASKS; i++)
		scan_free(&s[i]);
}

static void
counts_line_feeds_wherever_they_are(void **state)
{
	enum { N = 300 };
	uint8_t text[N];

	(void)state;
	for (size_t len = 0; len < N; len++) {
		size_t n = 0;

		for (size_t i = 0; i < len; i++) {
			text[i] = (len * 7 + i * i) % 5 < 2 ? '\n' :
				  (uint8_t)(i * 31);
			n += text[i] == '\n';
		}

		const struct span copy = guard_copy(text, len);

		for (int m = 0; m < NMASKS; m++) {
			cpu_init(MASKS[m]);
			assert_int_equal(scan_lines(copy), n);
		}
	}
}

static void
plain_runs_end_at_the_first_byte_to_escape(void **state)
{
	uint8_t text[120];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++)
		for (unsigned c = 0; c < 256; c++) {
			memset(text, 'x', sizeof(text));
			text[at] = (uint8_t)c;
			const bool stops = c < 0x20 || c == '"' || c == '\\';
			for (int i = 0; i < NMASKS; i++) {
				cpu_init(MASKS[i]);
				assert_int_equal(
					scan_plain((struct span){
						text, sizeof(text) }),
					stops ? at : sizeof(text));
			}
		}
}

static void
sixteen_characters_at_once_are_as_one_by_one(void **state)
{
	uint8_t text[16];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(text); k++)
			text[k] = (uint8_t)(dice(4) == 0 ? dice(256)
							 : '-' + dice(14));

		const struct chars16 a = chars16_of(text);
		const struct chars16 b = chars16_portable(text);
		assert_int_equal(a.digits, b.digits);
		assert_int_equal(a.zeros, b.zeros);
		assert_int_equal(a.points, b.points);
		assert_int_equal(chars16_among(text, "1.:\xff"),
				 chars16_among_portable(text, "1.:\xff"));
	}
	for (int i = 0; i < 20000; i++) {
		static const uint8_t ODD[] = "\"'\\\n\x1f\x20\x7f\x80\xff";
		const uint8_t quote = i % 2 == 0 ? '"' : '\'';

		for (size_t k = 0; k < sizeof(text); k++)
			text[k] = (uint8_t)(dice(4) > 0 ? dice(256)
				: ODD[dice(sizeof(ODD))]);

		const struct chars16_text a = chars16_text_of(text, quote);
		const struct chars16_text b =
			chars16_text_portable(text, quote);
		assert_int_equal(a.stops, b.stops);
		assert_int_equal(a.high, b.high);
	}
}

static void
thirty_two_bytes_are_compared_at_once_as_one_by_one(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	cpu_init("");
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(a); k++) {
			a[k] = (uint8_t)dice(256);
			b[k] = dice(8) == 0 ? (uint8_t)dice(256) : a[k];
		}
		const uint32_t bits = chars32_differ_portable(a, b);
		const uint32_t need = dice(4) == 0 ? ~bits
						   : (uint32_t)1 << dice(32);

		assert_int_equal(chars32_differ(a, b), bits);
		if (cpu_has(CPU_AVX512))
			assert_int_equal(chars32_differ_wide(a, b, need),
					 (bits & need) != 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_agrees_on_random_text),
		cmocka_unit_test(nothing_past_the_text_is_read),
		cmocka_unit_test(
			an_escaped_quote_is_told_after_any_run_of_backslashes),
		cmocka_unit_test(a_sequence_cut_anywhere_is_bad_utf8),
		cmocka_unit_test(counts_line_feeds_wherever_they_are),
		cmocka_unit_test(plain_runs_end_at_the_first_byte_to_escape),
		cmocka_unit_test(sixteen_characters_at_once_are_as_one_by_one),
		cmocka_unit_test(
			thirty_two_bytes_are_compared_at_once_as_one_by_one),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
