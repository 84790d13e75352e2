/* test_pattern.c - what patterns take, what they refuse, and how fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "expr/pattern.h"
#include "tests/guard.h"

/* What `pattern` catches in `value`, joined by `|`; "-" if it does not match */
static const char *
catches(const char *pattern, const char *value)
{
	static char out[256];
	const struct span text = guard_copy((const uint8_t *)value,
					    strlen(value));
	struct span caught[8];
	struct pattern p;
	struct err err;
	size_t n = 0;

	if (pattern_parse(&p, guard_copy((const uint8_t *)pattern,
					 strlen(pattern)), NULL, &err) != 0)
		fail_msg("%s: %s", pattern, err.text);
	assert_true(p.ncaught <= 8);
	snprintf(out, sizeof(out), "-");
	if (pattern_match(&p, text, caught)) {
		out[0] = '\0';
		for (size_t i = 0; i < p.ncaught; i++)
			n += (size_t)snprintf(out + n, sizeof(out) - n,
					      "%s%.*s", i > 0 ? "|" : "",
					      (int)caught[i].len,
					      (const char *)caught[i].ptr);
	}
	pattern_free(&p);
	return out;
}

static void
an_id_stands_between_texts(void **state)
{
	(void)state;
	assert_string_equal(catches("ITEM#{id}", "ITEM#123"), "123");
	assert_string_equal(catches("{id}#END", "1#END"), "1");
	assert_string_equal(catches("a{id}b", "axxb"), "xx");
	assert_string_equal(catches("{id}", "all of it"), "all of it");
}

static void
the_whole_value_must_match(void **state)
{
	(void)state;
	assert_string_equal(catches("ITEM#{id}", "xITEM#1"), "-");
	assert_string_equal(catches("{id}#END", "1#END!"), "-");
	assert_string_equal(catches("ITEM#{id}", "item#1"), "-");
	assert_string_equal(catches("ITEM#{id}", "ITE"), "-");
	assert_string_equal(catches("a{id}a", "a"), "-");
	assert_string_equal(catches("ab{id}ba", "aba"), "-");
}

static void
an_id_takes_at_least_one_character(void **state)
{
	(void)state;
	assert_string_equal(catches("ITEM#{id}", "ITEM#"), "-");
	assert_string_equal(catches("{A}#{B}", "#b"), "-");
	assert_string_equal(catches("{A}#{B}", "a#"), "-");
	assert_string_equal(catches("{id}", ""), "-");
	assert_string_equal(catches("a{id}b", "ab"), "-");
}

static void
an_id_takes_as_few_characters_as_possible(void **state)
{
	(void)state;
	assert_string_equal(catches("{A}#{B}", "a#b#c"), "a|b#c");
	assert_string_equal(catches("{A}#{B}", "##b"), "#|b");
	assert_string_equal(catches("{A}#{B}", "#a#b"), "#a|b");
	assert_string_equal(catches("{A}#x", "a#x#x"), "a#x");
	assert_string_equal(catches("{A}#{B}#{C}", "a#b#c#d"), "a|b|c#d");
	assert_string_equal(catches("{A}ab{B}ab", "1ab2ab3ab"), "1|2ab3");
	assert_string_equal(catches("{A}aab{B}", "xaaab"), "-");
	assert_string_equal(catches("{A}aab{B}", "xaaaby"), "xa|y");
}

static void
a_star_takes_any_text_or_none(void **state)
{
	(void)state;
	assert_string_equal(catches("*#{id}", "#1"), "|1");
	assert_string_equal(catches("*#{id}", "x#1#2"), "x|1#2");
	assert_string_equal(catches("{id}#*", "1#"), "1|");
	assert_string_equal(catches("{id}#*", "1#2#3"), "1|2#3");
	assert_string_equal(catches("v*:{id}/*.json", "v12:a/b.json"),
			    "12|a|b");
}

static void
doubled_braces_are_braces(void **state)
{
	(void)state;
	assert_string_equal(catches("{{{id}}}", "{1}"), "1");
	assert_string_equal(catches("}}{id}{{", "}1{"), "1");
	assert_string_equal(catches("{{id}}{A}", "{id}x"), "x");
}

static void
names_and_text_are_kept_apart(void **state)
{
	struct pattern p;
	struct err err;

	(void)state;
	assert_int_equal(pattern_parse(&p, span_of("a{{b{Con-1}c*"), NULL,
				       &err), 0);
	assert_int_equal(p.nparts, 4);
	assert_true(span_is(p.parts[0].text, "a{b"));
	assert_int_equal(p.parts[1].kind, PATTERN_ID);
	assert_true(span_is(p.parts[1].text, "Con-1"));
	assert_true(span_is(p.parts[2].text, "c"));
	assert_int_equal(p.parts[3].kind, PATTERN_ANY);
	pattern_free(&p);
}

static void
what_makes_no_pattern_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *word;
	} bad[] = {
		{ "ITEM#", 0, "no {id}" },
		{ "", 0, "no {id}" },
		{ "*", 0, "no {id}" },
		{ "ITEM#{id", 5, "nothing closes" },
		{ "a{id}b{", 6, "nothing closes" },
		{ "a}b{id}", 1, "closes nothing" },
		{ "a{}b", 1, "without a table" },
		{ "a{b{c}", 1, "without a table" },
		{ "{A}{B}", 3, "between" },
		{ "{A}*", 3, "between" },
		{ "*{A}", 1, "between" },
		{ "**{A}", 1, "between" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct span text = guard_copy(
			(const uint8_t *)bad[i].text, strlen(bad[i].text));
		struct pattern p;
		struct err err;
		size_t at = 99;

		if (pattern_parse(&p, text, &at, &err) != -1)
			fail_msg("'%s' taken", bad[i].text);
		assert_int_equal(err.code, ERR_USAGE);
		assert_int_equal(at, bad[i].at);
		assert_non_null(strstr(err.text, bad[i].word));
	}
}

/* With a matcher that goes back, this would not end in our lifetime. */
static void
hostile_text_takes_no_longer_than_other_text(void **state)
{
	enum { LEN = 400 * 1024 };
	char *const text = malloc(LEN);
	char pattern[128] = "";
	struct span caught[32];
	struct pattern p;
	struct err err;

	(void)state;
	memset(text, 'a', LEN);
	for (size_t i = 0; i < 20; i++)
		memcpy(pattern + 4 * i, "{A}a", 4);
	memcpy(pattern + 80, "{A}b", 5);
	assert_int_equal(pattern_parse(&p, span_of(pattern), NULL, &err), 0);
	assert_false(pattern_match(&p, (struct span){ (uint8_t *)text, LEN },
				   caught));
	text[LEN - 1] = 'b';
	assert_true(pattern_match(&p, (struct span){ (uint8_t *)text, LEN },
				  caught));
	assert_int_equal(caught[0].len, 1);
	assert_int_equal(caught[20].len, LEN - 1 - 40);
	pattern_free(&p);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_stands_between_texts),
		cmocka_unit_test(the_whole_value_must_match),
		cmocka_unit_test(an_id_takes_at_least_one_character),
		cmocka_unit_test(an_id_takes_as_few_characters_as_possible),
		cmocka_unit_test(a_star_takes_any_text_or_none),
		cmocka_unit_test(doubled_braces_are_braces),
		cmocka_unit_test(names_and_text_are_kept_apart),
		cmocka_unit_test(
			what_makes_no_pattern_is_refused_with_its_place),
		cmocka_unit_test(hostile_text_takes_no_longer_than_other_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
