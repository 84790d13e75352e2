/* test_updates.c - what changes in a live table: its lines, and both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/updates.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/item.h"
#include "tests/scratch.h"


static struct updates *
open_text(const char *text)
{
	struct err err = { 0 };
	struct updates *u;

	assert_int_equal(file_save(scratch, span_of(text), &err), 0);
	u = updates_open(scratch, &err);
	if (u == NULL)
		fail_msg("%s", err.text);
	return u;
}

static const struct value *
map_of(const char *attrs, struct arena *mem)
{
	char line[512];
	struct err err = { 0 };
	struct ddbjson *const d = ddbjson_new(&err);
	const struct item *item;

	snprintf(line, sizeof(line), "{\"Item\":%s}", attrs);
	item = ddbjson_decode_line(d, span_of(line), mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", line, err.text);
	ddbjson_free(d);
	return &item->map;
}

static void
lines_come_in_order_and_again(void **state)
{
	struct updates *const u = open_text(
		"{\"Key\":{\"k\":{\"S\":\"Was\"}},\"Was\":{},\"Is\":{\"a\":"
		"{\"M\":{\"New\":{\"N\":\"1\"}}}}}\n"
		"{\"Key\":{},\"New\":{\"Is\":{\"S\":\"x\"}}}\n");
	struct updates_line line;
	struct err err;

	(void)state;
	assert_int_equal(updates_count(u), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(updates_next(u, &line, &err), 1);
		assert_int_equal(line.number, 0);
		assert_true(span_is(line.was, "{}"));
		assert_null(line.made.ptr);
		assert_int_equal(updates_next(u, &line, &err), 1);
		assert_int_equal(line.number, 1);
		assert_null(line.is.ptr);
		assert_true(span_is(line.made, "{\"Is\":{\"S\":\"x\"}}"));
		assert_int_equal(updates_next(u, &line, &err), 0);
		updates_rewind(u);
	}
	updates_close(u);
	struct updates *const none = open_text("");
	assert_int_equal(updates_count(none), 0);
	assert_int_equal(updates_next(none, &line, &err), 0);
	updates_close(none);
}

static void
what_is_no_change_is_refused(void **state)
{
	static const char *const BAD[] = {
		"\n", "x\n", "{\"Key\":{}}\n", "{\"Key\":{},\"Was\":{}}\n",
		"{\"Was\":{},\"Is\":{}}\n", "{\"Key\":{},\"New\":{}}",
		"{\"Key\":{},\"Is\":{", "{\"Key\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct updates *const u = open_text(BAD[i]);
		struct updates_line line;
		struct err err = { 0 };

		assert_int_equal(updates_next(u, &line, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.text, "line 1"));
		updates_close(u);
	}
}

static void
attributes_stand_side_by_side(void **state)
{
	struct arena mem = { 0 };
	struct err err = { 0 };
	const struct value *const was = map_of("{\"a\":{\"N\":\"1.0\"},\"b\":"
					       "{\"S\":\"x\"}}", &mem);
	const struct value *const is = map_of("{\"c\":{\"BOOL\":true},\"a\":"
					      "{\"N\":\"2\"}}", &mem);
	const struct value *const before = map_of("{\"b\":{\"S\":\"x\"},\"z\":"
		"{\"S\":\"\"},\"a\":{\"N\":\"1\"}}", &mem);
	const struct value *const after = map_of("{\"a\":{\"N\":\"2\"},\"c\":"
		"{\"BOOL\":true},\"y\":{\"S\":\"\"}}", &mem);
	const struct value *const other = map_of("{\"a\":{\"N\":\"2\"},\"c\":"
		"{\"BOOL\":true},\"b\":{\"S\":\"x\"}}", &mem);
	size_t n;
	const struct still_change *const c = updates_changes(was, is, &n, &mem,
							     &err);

	(void)state;
	assert_non_null(c);
	assert_int_equal(n, 3);
	assert_true(span_is(c[1].name, "b"));
	assert_null(c[1].is);
	assert_true(span_is(c[2].name, "c"));
	assert_null(c[2].was);
	assert_int_equal(updates_holds(c, n, false, before, &mem, &err), 1);
	assert_int_equal(updates_holds(c, n, true, before, &mem, &err), 0);
	assert_int_equal(updates_holds(c, n, true, after, &mem, &err), 1);
	assert_int_equal(updates_holds(c, n, false, after, &mem, &err), 0);
	assert_int_equal(updates_holds(c, n, true, other, &mem, &err), 0);
	assert_int_equal(updates_holds(c, n, false, other, &mem, &err), 0);
	arena_free(&mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_in_order_and_again),
		cmocka_unit_test(what_is_no_change_is_refused),
		cmocka_unit_test(attributes_stand_side_by_side),
	};

	return cmocka_run_group_tests(tests, scratch_new,
				      scratch_gone);
}
