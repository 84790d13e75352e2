/* test_item.c - values: where they stand, their text, attributes, size. */
#include "model/item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "tests/guard.h"

static struct arena mem;
static struct err err;

static struct value
text(enum value_type type, const char *s)
{
	return value_of_text(type, span_of(s));
}

/* The value of type `type` whose text is `inner` within `line`. */
static struct value
within(enum value_type type, const char *line, const char *inner)
{
	struct value v = text(type, inner);

	v.text = (const uint8_t *)strstr(line, inner);
	v.flags = VALUE_RAW;
	return v;
}

static void
expect_span(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("%.*s, not %s", (int)got.len, (const char *)got.ptr,
			 want);
}

static void
types_have_dynamodbs_names(void **state)
{
	(void)state;
	for (int t = VALUE_S; t <= VALUE_BS; t++) {
		const char *const name = value_type_name((enum value_type)t);

		assert_int_equal(value_type_named(span_of(name)), t);
	}
	assert_string_equal(value_type_name(VALUE_BOOL), "BOOL");
	assert_int_equal(value_type_named(span_of("s")), 0);
	assert_int_equal(value_type_named(span_of("")), 0);
}

static void
both_hashes_of_a_name_agree(void **state)
{
	char bytes[64];
	size_t differ = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)('!' + i);
	for (size_t n = 0; n <= 40; n++) {
		const struct span tight = guard_copy((uint8_t *)bytes, n);
		const struct span next = { (uint8_t *)bytes + 1, n };

		assert_int_equal(name_hash(tight),
				 name_hash_slack((uint8_t *)bytes, n));
		differ += n > 0 && name_hash(tight) != name_hash(next);
	}
	assert_true(differ >= 38);
}

static void
a_value_knows_where_it_stands(void **state)
{
	const char line[] = "{\"Item\":{\"a\":{\"S\":\"x1\"},\"n\":{\"N\":\"2\"},"
			    "\"t\":{\"BOOL\":true},\"f\":{\"BOOL\":false},"
			    "\"s\":{\"SS\":[\"m1\",\"m2\"]}}}";
	struct value v = within(VALUE_S, line, "x1");

	(void)state;
	expect_span(value_raw(&v), "{\"S\":\"x1\"}");
	v = within(VALUE_N, line, "2");
	v = within(VALUE_BOOL, line, "true");
	expect_span(value_raw(&v), "{\"BOOL\":true}");
	v = within(VALUE_BOOL, line, "false");
	expect_span(value_raw(&v), "{\"BOOL\":false}");
	v = within(VALUE_S, line, "m1");
	expect_span(value_raw(&v), "\"m1\"");
	v = within(VALUE_S, line, "m2");
	expect_span(value_raw(&v), "\"m2\"");

	struct value slots[2] = { { .text = (const uint8_t *)"{\"L\":[]}",
				    .len = 8, .type = VALUE_PLACE } };
	v = value_of_kids(VALUE_L, slots + 1, 0);
	v.flags = VALUE_RAW;
	expect_span(value_raw(&v), "{\"L\":[]}");
}

static void
text_is_unescaped_when_asked_for(void **state)
{
	static const char *const pairs[][2] = {
		{ "plain", "plain" }, { "", "" }, { "\\n", "\n" },
		{ "a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t", "a\"b\\c/d\b\f\n\r\t" },
		{ "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
		{ "\\ud83d\\ude00!", "\xf0\x9f\x98\x80!" },
		{ "\\ud83d!", "\xef\xbf\xbd!" },	/* half a pair */
		{ "\\ude00\\u0041", "\xef\xbf\xbd" "A" },
		{ "x\\", "x\xef\xbf\xbd" },		/* cut short */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const struct span in = guard_copy((const uint8_t *)pairs[i][0],
						  strlen(pairs[i][0]));
		struct value v = value_of_text(VALUE_S, in);
		struct span out;

		v.flags = VALUE_RAW | VALUE_ESC;
		assert_int_equal(value_text(&v, &mem, &out, &err), 0);
		expect_span(out, pairs[i][1]);
		assert_int_equal(value_size(&v), out.len);
		v.flags = VALUE_RAW;
		assert_int_equal(value_text(&v, &mem, &out, &err), 0);
		assert_ptr_equal(out.ptr, in.ptr);
	}
}

static void
a_name_with_an_escape_keeps_both_its_texts(void **state)
{
	const struct span raw = span_of("caf\\u00e9");
	struct value v;

	(void)state;
	assert_int_equal(value_name_unescape(&v, raw, &mem, &err), 0);
	expect_span((struct span){ v.text, v.len }, "caf\xc3\xa9");
	assert_ptr_equal(value_name_raw(&v).ptr, raw.ptr);
	assert_int_equal(value_name_raw(&v).len, raw.len);
	assert_int_equal(v.hash, name_hash(span_of("caf\xc3\xa9")));

	v = value_of_name(span_of("plain"));
	v.flags = VALUE_RAW;
	expect_span(value_name_raw(&v), "plain");
}

/* A map in the arena of attributes `names`, each of its own name as text. */
static struct value
map_of(const char *const *names, uint32_t n)
{
	struct value m = value_of_kids(VALUE_M, NULL, 0);

	for (uint32_t i = 0; i < n; i++) {
		const struct value v = text(VALUE_S, names[i]);

		assert_int_equal(value_set_attr(&m, span_of(names[i]), &v, &mem,
						&err), 0);
	}
	return m;
}

static struct value *
find(const struct value *m, const char *name)
{
	return value_attr(m, span_of(name), name_hash(span_of(name)));
}

static void
attributes_are_found_set_and_removed(void **state)
{
	static const char *const names[] = { "a", "bb", "", "ccc", "dddddddd",
					     "a long name of 22 bytes" };
	struct value m = map_of(names, 6);
	struct value v = text(VALUE_N, "1");

	(void)state;
	m.flags = VALUE_RAW;
	for (size_t i = 0; i < 6; i++)
		expect_span((struct span){ find(&m, names[i])->text,
					   find(&m, names[i])->len },
			    names[i]);
	assert_null(find(&m, "b"));
	assert_null(find(&m, "A"));

	assert_int_equal(value_set_attr(&m, span_of("bb"), &v, &mem, &err), 0);
	assert_int_equal(m.len, 12);
	assert_int_equal(m.flags, 0);
	assert_int_equal(find(&m, "bb")->type, VALUE_N);

	m.flags = VALUE_RAW;
	value_remove_attr(&m, find(&m, "a"));
	assert_int_equal(m.len, 10);
	assert_int_equal(m.flags, 0);
	assert_null(find(&m, "a"));
	assert_non_null(find(&m, "ccc"));
	value_remove_attr(&m, find(&m, "a long name of 22 bytes"));
	assert_int_equal(m.len, 8);
	assert_non_null(find(&m, "dddddddd"));
}

static void
an_array_of_its_own_leaves_the_shared_one(void **state)
{
	static const char *const names[] = { "a", "b" };
	const struct value m = map_of(names, 2);
	struct value copy = m;
	const struct value v = text(VALUE_N, "1");

	(void)state;
	copy.flags = VALUE_RAW;
	assert_int_equal(value_own(&copy, 0, &mem, &err), 0);
	assert_int_equal(copy.flags, 0);
	*find(&copy, "a") = v;
	assert_int_equal(find(&m, "a")->type, VALUE_S);

	/* Both grow from one array: the second may not write into the first. */
	struct value one = m, two = m;
	assert_int_equal(value_set_attr(&one, span_of("c"), &v, &mem, &err), 0);
	assert_int_equal(value_set_attr(&two, span_of("d"), &v, &mem, &err), 0);
	assert_non_null(find(&one, "c"));
	assert_null(find(&one, "d"));
	assert_non_null(find(&two, "d"));
	assert_int_equal(m.len, 4);
}

static void
memory_that_is_refused_is_an_error(void **state)
{
	struct arena small = { .limit = 1024, .chunk_len = 1024 };
	struct value m = value_of_kids(VALUE_M, NULL, 0);
	const struct value v = value_of_null();
	int rc = 0;

	(void)state;
	for (int i = 0; i < 100 && rc == 0; i++) {
		char name[2] = { (char)('0' + i), 0 };
		const struct span s = arena_copy(&mem, span_of(name), &err);

		rc = value_set_attr(&m, s, &v, &small, &err);
	}
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_LIMIT);
	arena_free(&small);
}

/* The Developer Guide's own example, and its rules for each type. */
static void
sizes_are_dynamodbs(void **state)
{
	static const char *const names[] = { "shirt-color", "shirt-size" };
	struct item item = { .map = map_of(names, 2) };
	struct value kids[4] = { text(VALUE_S, "abc"), text(VALUE_N, "12"),
				 text(VALUE_B, "AAAA"), value_of_null() };

	(void)state;
	*find(&item.map, "shirt-color") = text(VALUE_S, "R");
	*find(&item.map, "shirt-size") = text(VALUE_S, "M");
	assert_int_equal(item_size(&item), 23);
	assert_int_equal(value_size(&item.map), 23 + 3 + 2);
	assert_int_equal(value_size(&kids[2]), 3);

	const struct value list = value_of_kids(VALUE_L, kids, 4);
	assert_int_equal(value_size(&list), 3 + 4 + 3 + 2 + 3 + 1);
	const struct value set = value_of_kids(VALUE_SS, kids, 1);
	assert_int_equal(value_size(&set), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_dynamodbs_names),
		cmocka_unit_test(both_hashes_of_a_name_agree),
		cmocka_unit_test(a_value_knows_where_it_stands),
		cmocka_unit_test(text_is_unescaped_when_asked_for),
		cmocka_unit_test(a_name_with_an_escape_keeps_both_its_texts),
		cmocka_unit_test(attributes_are_found_set_and_removed),
		cmocka_unit_test(an_array_of_its_own_leaves_the_shared_one),
		cmocka_unit_test(memory_that_is_refused_is_an_error),
		cmocka_unit_test(sizes_are_dynamodbs),
	};
	const int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_free(&mem);
	return rc;
}
