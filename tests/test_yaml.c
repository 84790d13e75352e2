/* test_yaml.c - YAML to trees: places, the core schema, and hostile files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/tree.h"
#include "formats/yaml.h"
#include "tests/guard.h"

static struct arena mem;

static const struct tree *
parse(const char *text, struct err *err)
{
	*err = (struct err){ 0 };
	return yaml_parse(guard_copy((const uint8_t *)text, strlen(text)),
			  "p.yaml", &mem, err);
}

static const struct tree *
good(const char *text)
{
	struct err err;
	const struct tree *const t = parse(text, &err);

	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

static void
bad(const char *text, const char *message)
{
	struct err err;

	assert_null(parse(text, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_string_equal(err.text, message);
}

static int
forget(void **state)
{
	(void)state;
	arena_free(&mem);
	return 0;
}

static void
knows_where_everything_stands(void **state)
{
	const struct tree *const t = good("a: 1\n"
					  "bé: {cü: [x, y]}\n"
					  "d:\n"
					  "  - e\n");

	(void)state;
	assert_int_equal(t->nkids, 6);
	assert_int_equal(tree_get(t, "a")->column, 4);

	const struct tree *const b = tree_get(t, "bé");
	assert_int_equal(b->line, 2);
	assert_int_equal(b->column, 5);
	const struct tree *const y = &tree_get(b, "cü")->kids[1];
	assert_int_equal(y->line, 2);
	assert_int_equal(y->column, 14);

	const struct tree *const e = &tree_get(t, "d")->kids[0];
	assert_int_equal(e->line, 4);
	assert_int_equal(e->column, 5);
	assert_null(tree_get(t, "x"));
	assert_null(tree_get(e, "x"));
}

static void
tells_types_by_the_core_schema(void **state)
{
	static const struct { const char *text; enum tree_kind kind; } cases[] = {
		{ "null", TREE_NULL }, { "~", TREE_NULL }, { "", TREE_NULL },
		{ "NULL", TREE_NULL }, { "nULL", TREE_TEXT },
		{ "true", TREE_BOOL }, { "False", TREE_BOOL },
		{ "yes", TREE_TEXT }, { "no", TREE_TEXT }, { "on", TREE_TEXT },
		{ "0", TREE_NUMBER }, { "0123", TREE_NUMBER },
		{ "-1.5e3", TREE_NUMBER }, { "+.5", TREE_NUMBER },
		{ "1.", TREE_NUMBER }, { "0x1F", TREE_NUMBER },
		{ "0o17", TREE_NUMBER }, { "0o18", TREE_TEXT },
		{ ".inf", TREE_NUMBER }, { "1_000", TREE_TEXT },
		{ "1:30", TREE_TEXT }, { "2001-01-01", TREE_TEXT },
		{ "1e", TREE_TEXT }, { "-", TREE_TEXT }, { ".", TREE_TEXT },
		{ "'1'", TREE_TEXT }, { "\"true\"", TREE_TEXT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];

		if (strcmp(cases[i].text, "-") == 0)
			continue;	/* a list */
		snprintf(text, sizeof(text), "a: %s\n", cases[i].text);
		const struct tree *const a = tree_get(good(text), "a");
		if (a->kind != cases[i].kind)
			fail_msg("'%s' is %s", cases[i].text,
				 tree_kind_name(a));
	}
}

static void
finds_a_byte_of_text_back_in_the_source(void **state)
{
	static const struct {
		const char *source, *part;	/* which part of a's text */
		uint32_t line, column;		/* and where that stands */
	} cases[] = {
		{ "a: SET x = 1", "x", 1, 8 },
		{ "a: 'it''s x'", "x", 1, 11 },
		{ "a: \"\\u00e9\\n\\\"x\"", "x", 1, 15 },
		{ "a: \"\\U0001F600 é x\"", "x", 1, 18 },
		{ "a: \"\\u20ac\\u20acx\"", "x", 1, 17 },
		{ "a: \"one\\\n    two x\"", "x", 2, 9 },
		{ "a: one\n   two\n\n   x four", "x", 4, 4 },
		{ "a: >\n  one\n  two  x\n", "x", 3, 8 },
		{ "a: |-\n    one\n     x two\n", "x", 3, 6 },
		{ "a: >  # why\n  é x\n", "x", 2, 5 },
		{ "a: |\r\n  one\r\n  x\r\n", "x", 3, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tree *const a =
			tree_get(good(cases[i].source), "a");
		const char *const text = (const char *)a->text.ptr;
		uint32_t line, column;

		tree_place(a, (size_t)(strstr(text, cases[i].part) - text),
			   &line, &column);
		if (line != cases[i].line || column != cases[i].column)
			fail_msg("%zu: %u:%u", i, line, column);
		/* The end and beyond are somewhere, too. */
		tree_place(a, a->text.len + 9, &line, &column);
	}
}

static void
knows_text_that_a_comment_ended(void **state)
{
	static const struct { const char *source; bool cut; } cases[] = {
		{ "a: x = 'b # c'", true }, { "a: x # c", true },
		{ "a: x\t# c", true }, { "a: x", false }, { "a: x#c", false },
		{ "a: 'x' # c", false }, { "a: x\n# c", false },
		{ "a: one\n  two # c", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tree_ends_at_comment(tree_get(
			good(cases[i].source), "a")), cases[i].cut);
}

static void
repeats_what_an_alias_names(void **state)
{
	const struct tree *const t = good("a: &x {k: [1, 2]}\n"
					  "b: *x\n"
					  "c: &x 3\n"
					  "d: *x\n");

	(void)state;
	assert_int_equal(tree_get(tree_get(t, "b"), "k")->nkids, 2);
	assert_int_equal(tree_get(t, "b")->line, 1);
	assert_true(span_is(tree_get(t, "d")->text, "3"));
}

static void
takes_json_as_it_is(void **state)
{
	const struct tree *const t =
		good("{\"a\": [1, {\"b\": \"\\u00e9\\/\"}], \"c\":null}");

	(void)state;
	assert_true(span_is(tree_get(&tree_get(t, "a")->kids[1], "b")->text,
			    "é/"));
	assert_int_equal(tree_get(t, "c")->kind, TREE_NULL);
}

static void
says_what_is_wrong_and_where(void **state)
{
	(void)state;
	bad("a: 1\nb: 2\na: 3\n",
	    "p.yaml:3:1: 'a' is there twice; first in line 1");
	bad("", "p.yaml:1:1: nothing in it");
	bad("# only this\n", "p.yaml:2:1: nothing in it");
	bad("a: 1\n---\nb: 2\n",
	    "p.yaml:2:1: a second document begins here; a plan is one");
	bad("a: !!str 1\n", "p.yaml:1:4: tags are not allowed");
	bad("a: !x 1\n", "p.yaml:1:4: tags are not allowed");
	bad("a: !<tag:x> {}\n", "p.yaml:1:4: tags are not allowed");
	bad("a: !x!y 1\n", "p.yaml:1:4: tags are not allowed");
	bad("a: &x {b: 1}\nc:\n  <<: *x\n",
	    "p.yaml:3:3: merge keys ('<<') are not allowed");
	bad("a: *x\n", "p.yaml:1:4: there is no anchor '&x' before this alias");
	bad("a: &x [*x]\n",
	    "p.yaml:1:8: there is no anchor '&x' before this alias");
	bad("? [a]\n: 1\n",
	    "p.yaml:1:3: a name must be text, not a list or a map");
	bad("a: b: c\n",
	    "p.yaml:1:5: a ':' where no name can stand; text that holds ': ' "
	    "must be quoted or written under '>'");
	bad("a: \"x\\0y\"\n", "p.yaml:1:4: text with a NUL in it");
	bad("a: @x\n", "p.yaml:1:4: no text can start with this character "
	    "(a tab, '@', '`' or '%'); quote it");
	bad("a: [1, 2\n", "p.yaml:2:1: while parsing a flow sequence, did not "
	    "find expected ',' or ']'");
	bad("a: '\xff'\n", "p.yaml: invalid leading UTF-8 octet at byte 4");
}

static void
bounds_aliases_that_multiply(void **state)
{
	char text[2048] = "a: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
	struct err err;

	(void)state;
	for (int i = 1; i < 12; i++) {
		const size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "b%d: &a%d [*a%d,*a%d,"
			 "*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
			 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	}
	assert_null(parse(text, &err));
	assert_string_equal(err.text, "p.yaml:7:5: more than 1000000 values, "
			    "counting those that aliases repeat");
}

static void
bounds_depth_also_of_aliases_in_aliases(void **state)
{
	struct buf b = { 0 };
	struct err err;

	(void)state;
	for (int i = 0; i < 3000; i++)
		assert_int_equal(buf_append(&b, span_of("["), &err), 0);
	assert_null(yaml_parse(buf_span(&b), "p.yaml", &mem, &err));
	assert_string_equal(err.text, "p.yaml:1:65: nested more than 64 deep");

	buf_reset(&b);
	assert_int_equal(buf_printf(&b, &err, "- &a0 x\n"), 0);
	for (int i = 1; i < 100; i++)
		assert_int_equal(buf_printf(&b, &err, "- &a%d [*a%d]\n", i,
					    i - 1), 0);
	assert_null(yaml_parse(buf_span(&b), "p.yaml", &mem, &err));
	assert_string_equal(err.text, "p.yaml:66:3: nested more than 64 deep");

	buf_reset(&b);
	for (int i = 0; i < 1100; i++)
		assert_int_equal(buf_printf(&b, &err, "- &a%d x\n", i), 0);
	assert_null(yaml_parse(buf_span(&b), "p.yaml", &mem, &err));
	assert_string_equal(err.text, "p.yaml:1001:3: more than 1000 anchors");
	buf_free(&b);
}

/* Every prefix of a plan is refused or read, and nothing else happens. */
static void
survives_every_truncation(void **state)
{
	static const char text[] =
		"a: &x {k: [1, \"\\u00e9\", 'it''s']}\nb: *x\nc: >-\n  folded\n"
		"  text\nd: |\n  literal\n? e\n: - f\n  - ? g\n    : h\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct err err = { 0 };
		const struct tree *const t =
			yaml_parse(guard_copy((const uint8_t *)text, n),
				   "p.yaml", &mem, &err);

		assert_true((t == NULL) == (err.code != ERR_NONE));
	}
}

static void
passes_over_a_byte_order_mark(void **state)
{
	const struct tree *const t = good("\xef\xbb\xbf" "a: {b: x}\n");

	(void)state;
	assert_true(span_is(tree_get(tree_get(t, "a"), "b")->text, "x"));
	assert_int_equal(tree_get(t, "a")->column, 4);
	bad("\xef\xbb\xbf" "a: !t x\n", "p.yaml:1:4: tags are not allowed");
	bad("\xef\xbb\xbf", "p.yaml:1:1: nothing in it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(knows_where_everything_stands,
					  forget),
		cmocka_unit_test_teardown(tells_types_by_the_core_schema,
					  forget),
		cmocka_unit_test_teardown(
			finds_a_byte_of_text_back_in_the_source, forget),
		cmocka_unit_test_teardown(knows_text_that_a_comment_ended,
					  forget),
		cmocka_unit_test_teardown(repeats_what_an_alias_names, forget),
		cmocka_unit_test_teardown(takes_json_as_it_is, forget),
		cmocka_unit_test_teardown(says_what_is_wrong_and_where, forget),
		cmocka_unit_test_teardown(bounds_aliases_that_multiply, forget),
		cmocka_unit_test_teardown(
			bounds_depth_also_of_aliases_in_aliases, forget),
		cmocka_unit_test_teardown(passes_over_a_byte_order_mark,
					  forget),
		cmocka_unit_test_teardown(survives_every_truncation, forget),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
