/* test_sourcekey.c - keys that are equal by value have one hash, others not. */
#include "engine/sourcekey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/item.h"

static struct arena mem;
static struct ddbjson *reader;
static struct err err;

/* The map of an item that is written so. */
static const struct value *
map_of(const char *attributes)
{
	char line[512];
	const struct item *item;

	snprintf(line, sizeof(line), "{\"Item\":{%s}}", attributes);
	item = ddbjson_decode_line(reader, span_of(line), &mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", line, err.text);
	return &item->map;
}

static struct sourcekey
key_of(const char *attributes)
{
	struct sourcekey k;

	assert_int_equal(sourcekey_of(&k, map_of(attributes), &mem, &err), 0);
	return k;
}

static int
same(const struct sourcekey *k, const char *a, const char *b)
{
	struct keyhash x, y;

	assert_int_equal(sourcekey_hash(k, map_of(a), &mem, &x, &err), 1);
	assert_int_equal(sourcekey_hash(k, map_of(b), &mem, &y, &err), 1);
	return x.hi == y.hi && x.lo == y.lo;
}

static void
a_key_has_one_attribute_or_two(void **state)
{
	struct sourcekey k;

	(void)state;
	assert_int_equal(sourcekey_of(&k, map_of(""), &mem, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(sourcekey_of(&k, map_of("\"a\":{\"S\":\"1\"},"
		"\"b\":{\"S\":\"1\"},\"c\":{\"S\":\"1\"}"), &mem, &err), -1);
	k = key_of("\"sk\":{\"N\":\"1\"},\"pk\":{\"S\":\"x\"}");
	assert_int_equal(k.n, 2);
	assert_true(span_is(k.names[0], "pk"));
	assert_true(span_is(k.names[1], "sk"));
}

static void
it_fits_maps_of_just_those_attributes(void **state)
{
	const struct sourcekey k = key_of("\"b\":{\"N\":\"1\"},"
					  "\"a\":{\"S\":\"x\"}");

	(void)state;
	assert_true(sourcekey_fits(&k, map_of("\"a\":{\"S\":\"\"},"
					      "\"b\":{\"S\":\"\"}")));
	assert_false(sourcekey_fits(&k, map_of("\"a\":{\"S\":\"x\"}")));
	assert_false(sourcekey_fits(&k, map_of("\"a\":{\"S\":\"x\"},"
					       "\"c\":{\"N\":\"1\"}")));
	assert_false(sourcekey_fits(&k, map_of("\"a\":{\"S\":\"x\"},"
		"\"b\":{\"N\":\"1\"},\"c\":{\"N\":\"1\"}")));
}

static void
spelling_and_order_do_not_matter(void **state)
{
	const struct sourcekey one = key_of("\"k\":{\"N\":\"1\"}");
	const struct sourcekey two = key_of("\"b\":{\"N\":\"1\"},"
					    "\"a\":{\"S\":\"x\"}");

	(void)state;
	assert_true(same(&one, "\"k\":{\"N\":\"1\"}", "\"k\":{\"N\":\"1.0\"}"));
	assert_true(same(&one, "\"k\":{\"N\":\"-0\"}", "\"k\":{\"N\":\"0e9\"}"));
	assert_true(same(&one, "\"k\":{\"S\":\"\\u0041\\/\"}",
			 "\"k\":{\"S\":\"A/\"},\"other\":{\"L\":[]}"));
	assert_true(same(&one, "\"k\":{\"B\":\"AP8=\"}",
			 "\"k\":{\"B\":\"AP\\u0038=\"}"));
	assert_true(same(&two, "\"a\":{\"S\":\"x\"},\"b\":{\"N\":\"10\"}",
			 "\"b\":{\"N\":\"1e1\"},\"a\":{\"S\":\"x\"}"));
}

static void
type_value_and_attribute_matter(void **state)
{
	const struct sourcekey one = key_of("\"k\":{\"N\":\"1\"}");
	const struct sourcekey two = key_of("\"b\":{\"N\":\"1\"},"
					    "\"a\":{\"S\":\"x\"}");

	(void)state;
	assert_false(same(&one, "\"k\":{\"N\":\"1\"}", "\"k\":{\"S\":\"1\"}"));
	assert_false(same(&one, "\"k\":{\"B\":\"AA==\"}",
			  "\"k\":{\"B\":\"AAA=\"}"));
	assert_false(same(&one, "\"k\":{\"S\":\"a\"}", "\"k\":{\"S\":\"A\"}"));
	/* What is whose. */
	assert_false(same(&two, "\"a\":{\"S\":\"x\"},\"b\":{\"S\":\"y\"}",
			  "\"a\":{\"S\":\"y\"},\"b\":{\"S\":\"x\"}"));
	assert_false(same(&two, "\"a\":{\"S\":\"xy\"},\"b\":{\"S\":\"\"}",
			  "\"a\":{\"S\":\"x\"},\"b\":{\"S\":\"y\"}"));
}

static void
what_is_no_key_has_no_hash(void **state)
{
	static const char *const NONE[] = {
		"", "\"other\":{\"S\":\"x\"}", "\"k\":{\"BOOL\":true}",
		"\"k\":{\"M\":{}}", "\"k\":{\"SS\":[\"a\"]}",
		"\"k\":{\"NULL\":true}",
	};
	const struct sourcekey k = key_of("\"k\":{\"N\":\"1\"}");
	const struct sourcekey unknown = { .n = 0 };
	struct keyhash h;

	(void)state;
	for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
		assert_int_equal(sourcekey_hash(&k, map_of(NONE[i]), &mem, &h,
						&err), 0);
	assert_int_equal(sourcekey_hash(&unknown, map_of("\"k\":{\"N\":\"1\"}"),
					&mem, &h, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_one_attribute_or_two),
		cmocka_unit_test(it_fits_maps_of_just_those_attributes),
		cmocka_unit_test(spelling_and_order_do_not_matter),
		cmocka_unit_test(type_value_and_attribute_matter),
		cmocka_unit_test(what_is_no_key_has_no_hash),
	};

	reader = ddbjson_new(&err);
	if (reader == NULL)
		return 1;
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ddbjson_free(reader);
	arena_free(&mem);
	return failed;
}
