/* test_display.c - how wide text is, and what of it is escaped. */
#include "base/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "tests/guard.h"

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

static void
text_is_as_wide_as_terminals_show_it(void **state)
{
	static const struct { const char *text; size_t width; } cases[] = {
		{ "", 0 }, { "abc", 3 },
		{ "caf\xc3\xa9", 4 },
		{ "cafe\xcc\x81", 4 },			/* a mark above */
		{ "\xe6\x97\xa5\xe6\x9c\xac", 4 },	/* two ideographs */
		{ "\xed\x95\x9c", 2 },			/* Hangul, whole */
		{ "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2 },	/* in parts */
		{ "\xef\xbd\xb1", 1 },			/* a half-width kana */
		{ "\xef\xbc\xa1", 2 },			/* a full-width A */
		{ "\xf0\x9f\x98\x80", 2 },		/* a face */
		{ "a\xe2\x80\x8bz", 2 },		/* no space between */
		{ "\xc2\xad", 1 },			/* a soft hyphen */
		{ "\xf0\xa0\x80\x80", 2 },		/* beyond the BMP */
		{ "\xff\xfe", 2 },			/* no UTF-8 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t got = display_width(guarded(cases[i].text));

		if (got != cases[i].width)
			fail_msg("'%s': %zu", cases[i].text, got);
	}
}

static void
what_is_no_utf8_is_taken_byte_by_byte(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xc3", "\xc3(", "\xc0\x80", "\xe0\x80\x80", "\xe2\x82",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5",
	};
	uint32_t c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(display_next(guarded(bad[i]), &c), 1);
		assert_int_equal(c, 0xfffd);
	}
	assert_int_equal(display_next(guarded("\xf4\x8f\xbf\xbf"), &c), 4);
	assert_int_equal(c, 0x10ffff);
	assert_int_equal(display_next(guarded("\xe2\x82\xac"), &c), 3);
	assert_int_equal(c, 0x20ac);
}

static void
expect_put(const char *text, bool quoted, const char *want)
{
	struct buf out = { 0 };
	struct err err;

	assert_int_equal(display_put(guarded(text), quoted, &out, &err), 0);
	if (!span_is(buf_span(&out), want))
		fail_msg("%.*s, not %s", (int)out.len, (char *)out.ptr, want);
	buf_free(&out);
}

static void
nothing_acts_on_the_terminal(void **state)
{
	(void)state;
	expect_put("plain \xc3\xa9 \"\\", false, "plain \xc3\xa9 \"\\");
	expect_put("say \"\\\"", true, "say \\\"\\\\\\\"");
	expect_put("\x1b[31m\x7f\xc2\x9b", false,
		   "\\u001b[31m\\u007f\\u009b");
	expect_put("\b\f\n\r\t\x01", true, "\\b\\f\\n\\r\\t\\u0001");
	/* Text that runs to the left, and line ends of another kind. */
	expect_put("a\xe2\x80\xae" "b\xe2\x81\xa6\xe2\x80\xa8", false,
		   "a\\u202eb\\u2066\\u2028");
	expect_put("\xff", false, "\xef\xbf\xbd");
}

static void
every_character_is_written_as_it_is_read(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10FFFF; c++) {
		uint8_t text[4];
		const size_t n = utf8_put(c, text);
		uint32_t read;

		if (c >= 0xD800 && c < 0xE000)
			continue;
		if (display_next((struct span){ text, n }, &read) != n ||
		    read != c)
			fail_msg("U+%04X", (unsigned)c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_written_as_it_is_read),
		cmocka_unit_test(text_is_as_wide_as_terminals_show_it),
		cmocka_unit_test(what_is_no_utf8_is_taken_byte_by_byte),
		cmocka_unit_test(nothing_acts_on_the_terminal),
	};

	return cmocka_run_group_tests_name("display", tests, NULL, NULL);
}
