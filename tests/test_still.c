/* test_still.c - requests that change an item if it still is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "aws/still.h"
#include "base/arena.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "model/item.h"

static const struct still_of OF = {
	.table = "T", .key = { (const uint8_t *)"{\"k\":{\"S\":\"x\"}}", 15 },
	.pk = { (const uint8_t *)"k", 1 },
};

/* The map of an item, in `mem`. */
static const struct value *
map_of(const char *item, struct arena *mem)
{
	struct err err = { 0 };
	struct ddbjson *const d = ddbjson_new(&err);
	struct item *const i = ddbjson_decode_line(d, span_of(item), mem, &err);

	if (i == NULL)
		fail_msg("%s: %s", item, err.text);
	ddbjson_free(d);
	return &i->map;
}

/* A member of the request that was made, which is JSON. */
static const char *
text_of(const struct still *s, const char *name, struct arena *mem)
{
	struct err err = { 0 };
	const struct tree *const t = json_parse(buf_span(&s->body), "request",
						mem, &err);

	if (t == NULL)
		fail_msg("%s", err.text);
	return (const char *)tree_get(t, name)->text.ptr;
}

static void
compares_every_attribute_and_what_is_in_it(void **state)
{
	struct arena mem = { 0 };
	struct still s = { 0 };
	struct err err = { 0 };
	const struct value *const was = map_of("{\"Item\":{\"k\":{\"S\":\"x\"},"
		"\"n\":{\"N\":\"1\"},\"m\":{\"M\":{\"a.b\":{\"L\":[{\"NULL\":true"
		"},{\"M\":{}}]}}},\"s\":{\"SS\":[\"q\"]}}}", &mem);

	(void)state;
	assert_int_equal(still_delete(&s, &OF, was, &err), 0);
	assert_string_equal(text_of(&s, "ConditionExpression", &mem),
		"attribute_exists(#0) AND #1 = :0 AND size(#2) = :1 AND "
		"size(#2.#3) = :2 AND #2.#3[0] = :3 AND size(#2.#3[1]) = :4 "
		"AND attribute_type(#2.#3[1], :5) AND #4 = :6");
	still_free(&s);
	arena_free(&mem);
}

static void
stays_within_what_an_expression_can_hold(void **state)
{
	struct arena mem = { 0 };
	struct still s = { 0 };
	struct err err = { 0 };
	struct buf line = { 0 };
	const char *text;
	unsigned terms = 1;

	(void)state;
	buf_printf(&line, &err, "{\"Item\":{\"k\":{\"S\":\"x\"}");
	for (int i = 0; i < 300; i++)
		buf_printf(&line, &err, ",\"a%d\":{\"L\":[{\"N\":\"%d\"},"
			   "{\"L\":[]}]}", i, i);
	buf_printf(&line, &err, "}}%c", 0);
	assert_int_equal(still_put(&s, &OF, map_of((const char *)line.ptr,
						   &mem), span_of("{}"),
				   &err), 0);
	text = text_of(&s, "ConditionExpression", &mem);
	assert_true(strlen(text) <= 4096);
	for (const char *p = text; (p = strstr(p, " AND ")) != NULL; p++)
		terms++;
	assert_in_range(terms, 80, 150);
	buf_free(&line);
	still_free(&s);
	arena_free(&mem);
}

static void
updates_only_what_changed_and_only_where_it_is(void **state)
{
	struct arena mem = { 0 };
	struct still s = { 0 };
	struct err err = { 0 };
	const struct value one = value_of_text(VALUE_N, span_of("1"));
	const struct value yes = value_of_bool(true);
	const struct still_change changes[] = {
		{ span_of("a"), &one, NULL }, { span_of("b"), NULL, &yes },
		{ span_of("c"), &yes, &one },
	};

	(void)state;
	assert_int_equal(still_update(&s, &OF, changes, 3, &err), 0);
	assert_string_equal(text_of(&s, "ConditionExpression", &mem),
		"attribute_exists(#0) AND #1 = :0 AND attribute_not_exists(#2)"
		" AND #3 = :1");
	assert_string_equal(text_of(&s, "UpdateExpression", &mem),
		"SET #4 = :2, #5 = :3 REMOVE #6");
	still_free(&s);
	arena_free(&mem);
}

static void
an_update_that_cannot_be_conditional_is_refused(void **state)
{
	static char names[200][16];
	struct still_change changes[200];
	struct still s = { 0 };
	struct err err = { 0 };
	const struct value yes = value_of_bool(true);

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(names[i], sizeof(names[i]), "a%d", i);
		changes[i] = (struct still_change){ span_of(names[i]), &yes,
						    NULL };
	}
	assert_int_equal(still_update(&s, &OF, changes, 200, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(still_update(&s, &OF, changes, 20, &err), 0);
	still_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_every_attribute_and_what_is_in_it),
		cmocka_unit_test(stays_within_what_an_expression_can_hold),
		cmocka_unit_test(
			updates_only_what_changed_and_only_where_it_is),
		cmocka_unit_test(
			an_update_that_cannot_be_conditional_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
