/* test_xml.c - the XML of S3 and STS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/xml.h"
#include "tests/guard.h"

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

/* All events: <name, >name, text in brackets; or what is wrong. */
static const char *
events(const char *text)
{
	static struct buf out;
	static struct err err;
	struct span s;
	struct xml x;
	enum xml_event e;

	buf_reset(&out);
	xml_start(&x, guarded(text));
	while ((e = xml_next(&x, &s, &err)) != XML_END) {
		if (e == XML_BAD)
			return strchr(err.text, ':') + 2;
		buf_printf(&out, &err, e == XML_TEXT ? "[%.*s]"
			   : e == XML_OPEN ? "<%.*s" : ">%.*s", (int)s.len,
			   (const char *)s.ptr);
	}
	buf_append(&out, (struct span){ (const uint8_t *)"", 1 }, &err);
	return (const char *)out.ptr;
}

static const char *
found(const char *text, const char *name)
{
	static struct buf out;
	struct err err;

	buf_reset(&out);
	return xml_find(guarded(text), name, &out, &err) != 1 ? NULL
		: (const char *)out.ptr;
}

static void
gives_elements_and_text(void **state)
{
	(void)state;
	assert_string_equal(events("<?xml version='1.0'?>\n<!-- a < b -->"
		"<a x='1>2' y=\"/\">t<b/>&amp;<s:c >u</s:c></a>\n"),
		"<a[t]<b>b[&amp;]<c[u]>c>a");
}

static void
refuses_what_is_not_well_formed(void **state)
{
	(void)state;
	assert_string_equal(events(""), "it ends too early");
	assert_string_equal(events("<a><b></b>"), "it ends too early");
	assert_string_equal(events("<a>"), "it ends too early");
	assert_string_equal(events("<a"), "a tag that does not end");
	assert_string_equal(events("<a x='"), "a tag that does not end");
	assert_string_equal(events("<a></b>"), "an element that is not closed "
			    "as it was opened");
	assert_string_equal(events("</a>"), "an element that is not closed as "
			    "it was opened");
	assert_string_equal(events("<a/><b/>"), "more than one element");
	assert_string_equal(events("x<a/>"), "text outside of its elements");
	assert_string_equal(events("<!DOCTYPE a><a/>"), "a declaration that is "
			    "not expected");
	assert_string_equal(events("<!-- "), "a comment that does not end");
	assert_string_equal(events("<>"), "a tag without a name");
}

static void
bounds_the_depth(void **state)
{
	char deep[200] = "";

	(void)state;
	for (int i = 0; i < 33; i++)
		memcpy(deep + 3 * i, "<a>", 4);
	assert_string_equal(events(deep), "too many elements in each other");
}

static void
knows_entities(void **state)
{
	(void)state;
	assert_string_equal(found("<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x20AC;"
				  "&#x1F600;</a>", "a"),
			    "<>&\"'A\u20ac\U0001F600");
	assert_null(found("<a>&nbsp;</a>", "a"));
	assert_null(found("<a>&#xD800;</a>", "a"));
	assert_null(found("<a>&#x110000;</a>", "a"));
	assert_null(found("<a>&#99999999999;</a>", "a"));
	assert_null(found("<a>&#0;</a>", "a"));
	assert_null(found("<a>& b</a>", "a"));
}

static void
finds_the_first_of_a_name(void **state)
{
	static const char TEXT[] = "<E><Error><Code>Slow</Code><Code>2</Code>"
		"<Message/></Error></E>";

	(void)state;
	assert_string_equal(found(TEXT, "Code"), "Slow");
	assert_string_equal(found(TEXT, "Message"), "");
	assert_null(found(TEXT, "Nothing"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_elements_and_text),
		cmocka_unit_test(refuses_what_is_not_well_formed),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(knows_entities),
		cmocka_unit_test(finds_the_first_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
