/* test_markup.c - whatever the text is, it stays text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/markup.h"
#include "tests/guard.h"

static struct buf out;
static struct err err;
static struct markup m;

static void
start(void)
{
	buf_reset(&out);
	markup_start(&m, &out, &err);
}

static void
wrote(const char *expected)
{
	assert_int_equal(markup_finish(&m), 0);
	assert_int_equal(buf_append(&out, (struct span){
		(const uint8_t *)"", 1 }, &err), 0);
	assert_string_equal((const char *)out.ptr, expected);
}

/* `text` as it is written; it stands before an unmapped page. */
static void
becomes(const char *text, size_t len, const char *expected)
{
	const struct span s = guard_copy((const uint8_t *)text, len);

	start();
	markup_text(&m, s);
	wrote(expected);
}

#define BECOMES(text, expected) becomes(text, sizeof(text) - 1, expected)

static void
closes_what_it_opened(void **state)
{
	(void)state;
	start();
	markup_open(&m, "p", "class", "a", "id", (char *)NULL, NULL);
	markup_attr(&m, "data-v", "%d", 7);
	markup_open(&m, "b", NULL);
	markup_close(&m);
	markup_open(&m, "br", NULL);
	markup_close(&m);
	markup_raw(&m, span_of("<i/>"));
	markup_close(&m);
	wrote("<p class=\"a\" data-v=\"7\"><b></b><br /><i/></p>");
}

static void
markup_in_text_is_text(void **state)
{
	(void)state;
	BECOMES("<script>alert(1)</script>",
		"&lt;script&gt;alert(1)&lt;/script&gt;");
	BECOMES("a && \"b\" ]]> 'c'",
		"a &amp;&amp; &quot;b&quot; ]]&gt; &#39;c&#39;");
	BECOMES("&lt;", "&amp;lt;");
	BECOMES("", "");
}

static void
an_attribute_does_not_end_early(void **state)
{
	(void)state;
	start();
	markup_open(&m, "td", "title", "\" onclick='x' <>&\n", NULL);
	markup_attr_span(&m, "id", span_of("\"><script>"));
	markup_close(&m);
	wrote("<td title=\"&quot; onclick=&#39;x&#39; &lt;&gt;&amp;\u240a\" "
	      "id=\"&quot;&gt;&lt;script&gt;\"></td>");
}

static void
what_is_not_seen_is_named(void **state)
{
	(void)state;
	BECOMES("a\n\t\x01\x7f\0z",
		"a\u240a\u2409\u2401\u2421\u2400z");
	BECOMES("gpj\u202e.exe\u2066\u200f\u061c",
		"gpj[U+202E].exe[U+2066][U+200F][U+061C]");
	BECOMES("\xc2\x85\u200b\ufeff\u2028\U000e0041",
		"[U+0085][U+200B][U+FEFF][U+2028][U+E0041]");
	BECOMES("\xef\xbf\xbf\xf0\x9f\xbf\xbe", "[U+FFFF][U+1FFFE]");
}

static void
other_writing_stays_as_it_is(void **state)
{
	(void)state;
	BECOMES("Stra\u00dfe \u05e9\u05dc\u05d5\u05dd \u6771\u4eac",
		"Stra\u00dfe \u05e9\u05dc\u05d5\u05dd \u6771\u4eac");
	BECOMES("\U0001f468\u200d\U0001f469 \u0646\u200c\u0645",
		"\U0001f468\u200d\U0001f469 \u0646\u200c\u0645");
}

static void
what_is_no_utf8_is_replaced_byte_by_byte(void **state)
{
	(void)state;
	BECOMES("a\xff\xfe<", "a\ufffd\ufffd&lt;");
	BECOMES("\xe2\x82", "\ufffd\ufffd");
	BECOMES("\xc0\xbcscript", "\ufffd\ufffdscript");
	BECOMES("\xed\xa0\x80" "b", "\ufffd\ufffd\ufffd" "b");
	BECOMES("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd");
}

static void
long_text_is_cut_between_characters(void **state)
{
	(void)state;
	start();
	markup_clip(&m, span_of("\u00e4\u00e4\u00e4\u00e4"), 3);
	wrote("\u00e4\u00e4\u00e4\u2026 (8 bytes)");
	start();
	markup_clip(&m, span_of("<<<"), 3);
	wrote("&lt;&lt;&lt;");
	start();
	markup_printf(&m, "%s %d%%", "<b>", 5);
	wrote("&lt;b&gt; 5%");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closes_what_it_opened),
		cmocka_unit_test(markup_in_text_is_text),
		cmocka_unit_test(an_attribute_does_not_end_early),
		cmocka_unit_test(what_is_not_seen_is_named),
		cmocka_unit_test(other_writing_stays_as_it_is),
		cmocka_unit_test(what_is_no_utf8_is_replaced_byte_by_byte),
		cmocka_unit_test(long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests_name("markup", tests, NULL, NULL);
}
