/* test_path.c - paths: what is one, where it leads, how it is printed. */
#include "model/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/item.h"
#include "tests/guard.h"

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

static void
expect_printed(const char *text, const char *want)
{
	struct path p, copy;
	struct buf out = { 0 };
	struct err err = { 0 };
	size_t at = 0;

	if (path_parse(&p, guarded(text), true, &at, &err) != 0)
		fail_msg("%s: %zu: %s", text, at, err.text);
	assert_int_equal(path_copy(&copy, &p, &err), 0);
	path_free(&p);
	assert_int_equal(path_print(&copy, &out, &err), 0);
	if (!span_is(buf_span(&out), want))
		fail_msg("%s: %.*s", text, (int)out.len, (char *)out.ptr);
	path_free(&copy);
	buf_free(&out);
}

static void
paths_are_printed_as_expressions_take_them(void **state)
{
	(void)state;
	expect_printed("a", "a");
	expect_printed("a.b[3].c", "a.b[3].c");
	expect_printed("a[0][4294967295]", "a[0][4294967295]");
	expect_printed("\"a\"", "a");
	expect_printed("\"a.b\".c", "\"a.b\".c");
	expect_printed("\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\"");
	expect_printed("team[*].contactId", "team[*].contactId");
	expect_printed("prices.*.amount", "prices.*.amount");
	expect_printed("__typename", "__typename");
	/* Names that an expression would not take as they are. */
	expect_printed("created-at", "\"created-at\"");
	expect_printed("aws:region", "\"aws:region\"");
	expect_printed("2fa", "\"2fa\"");
	expect_printed("caf\xc3\xa9", "\"caf\xc3\xa9\"");
	expect_printed("set.End.sets", "\"set\".\"End\".sets");
}

static void
expect_refused(const char *text, bool wildcards, size_t want, const char *why)
{
	struct path p;
	struct err err = { 0 };
	size_t at = 99;

	if (path_parse(&p, guarded(text), wildcards, &at, &err) == 0)
		fail_msg("%s is taken", text);
	assert_int_equal(err.code, ERR_USAGE);
	if (at != want || strstr(err.text, why) == NULL)
		fail_msg("%s: %zu: %s", text, at, err.text);
	assert_null(p.parts);
}

static void
what_is_wrong_has_its_place(void **state)
{
	(void)state;
	expect_refused("", true, 0, "name is expected");
	expect_refused("a.", true, 2, "name is expected");
	expect_refused(".a", true, 0, "name is expected");
	expect_refused("a..b", true, 2, "name is expected");
	expect_refused("[0]", true, 0, "name is expected");
	expect_refused("a b", true, 1, "'.' or '['");
	expect_refused("a[", true, 2, "number is expected");
	expect_refused("a[x]", true, 2, "number is expected");
	expect_refused("a[1", true, 3, "']'");
	expect_refused("a[-1]", true, 2, "number is expected");
	expect_refused("a[4294967296]", true, 11, "too large");
	expect_refused("a.\"b", true, 2, "does not end");
	expect_refused("\"\"", true, 0, "empty name");
	expect_refused("a[*]", false, 2, "not allowed");
	expect_refused("a.*", false, 2, "not allowed");
	expect_refused("*", true, 0, "not allowed");
}

static void
a_path_leads_to_a_value_or_nowhere(void **state)
{
	static const char *const paths[][2] = {
		{ "s", "one" }, { "l[0]", "two" }, { "l[1].s", "one" },
		{ "l[2]", NULL }, { "l.s", NULL }, { "s[0]", NULL },
		{ "s.s", NULL }, { "nope", NULL }, { "nope.s", NULL },
		{ "set[0]", NULL },
	};
	struct value one = value_of_text(VALUE_S, span_of("one"));
	struct value two = value_of_text(VALUE_S, span_of("two"));
	struct value inner[] = { value_of_name(span_of("s")), one };
	struct value list[] = { two, value_of_kids(VALUE_M, inner, 2) };
	struct value kids[] = {
		value_of_name(span_of("s")), one,
		value_of_name(span_of("l")), value_of_kids(VALUE_L, list, 2),
		value_of_name(span_of("set")), value_of_kids(VALUE_SS, list, 1),
	};
	const struct value map = value_of_kids(VALUE_M, kids, 6);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct path p;
		struct err err;

		assert_int_equal(path_parse(&p, span_of(paths[i][0]), false,
					    NULL, &err), 0);
		const struct value *const v = path_follow(&p, &map);
		if (v == NULL ? paths[i][1] != NULL :
		    !span_is((struct span){ v->text, v->len }, paths[i][1]))
			fail_msg("%s", paths[i][0]);
		path_free(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_printed_as_expressions_take_them),
		cmocka_unit_test(what_is_wrong_has_its_place),
		cmocka_unit_test(a_path_leads_to_a_value_or_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
