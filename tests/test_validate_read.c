/*
 * test_validate_read.c - the YAML file of validate: values by its rules, typed
 * or plain, and what is wrong with a file, with its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/validate_internal.h"
#include "formats/ddbjson.h"
#include "formats/tree.h"
#include "formats/yaml.h"
#include "io/file.h"

static struct err err;
static char path[] = "/tmp/test_validate.XXXXXX.yaml";

static int
make_file(void **state)
{
	(void)state;
	const int fd = mkstemps(path, 5);

	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* The value that `yaml` stands for, as DynamoDB JSON; "!reason" if none. */
static void
means(const char *yaml, const char *want)
{
	struct arena mem = { 0 };
	struct buf text = { 0 };
	struct value v;
	const struct tree *const t = yaml_parse(span_of(yaml), "y", &mem, &err);

	if (t == NULL)
		fail_msg("%s: %s", yaml, err.text);
	if (rules_value(t, &mem, &v, &err) != 0)
		buf_printf(&text, &err, "!%s", err.text);
	else
		ddbjson_encode_value(&v, &text, &err);
	buf_printf(&text, &err, "%c", 0);
	if (want[0] == '!' ? strstr((char *)text.ptr, want + 1) == NULL
			   : strcmp((char *)text.ptr, want) != 0)
		fail_msg("%s: %s", yaml, (char *)text.ptr);
	buf_free(&text);
	arena_free(&mem);
}

static void
plain_values_are_what_they_look_like(void **state)
{
	(void)state;
	means("text", "{\"S\":\"text\"}");
	means("'12'", "{\"S\":\"12\"}");
	means("12", "{\"N\":\"12\"}");
	means("-1.50", "{\"N\":\"-1.50\"}");
	means("true", "{\"BOOL\":true}");
	means("null", "{\"NULL\":true}");
	means("[1, a, [], {}]", "{\"L\":[{\"N\":\"1\"},{\"S\":\"a\"},"
	      "{\"L\":[]},{\"M\":{}}]}");
	means("{a: 1, b: {c: x}}", "{\"M\":{\"a\":{\"N\":\"1\"},\"b\":"
	      "{\"M\":{\"c\":{\"S\":\"x\"}}}}}");
	means("2024-01-01", "{\"S\":\"2024-01-01\"}");
}

static void
a_map_of_one_type_is_a_typed_value(void **state)
{
	(void)state;
	means("{S: 12}", "{\"S\":\"12\"}");
	means("{N: '12'}", "{\"N\":\"12\"}");
	means("{B: AP8=}", "{\"B\":\"AP8=\"}");
	means("{BOOL: false}", "{\"BOOL\":false}");
	means("{NULL: true}", "{\"NULL\":true}");
	means("{SS: [b, 1]}", "{\"SS\":[\"b\",\"1\"]}");
	means("{NS: [1, '2']}", "{\"NS\":[\"1\",\"2\"]}");
	means("{BS: [AP8=]}", "{\"BS\":[\"AP8=\"]}");
	means("{L: [{N: '1'}, x]}",
	      "{\"L\":[{\"N\":\"1\"},{\"S\":\"x\"}]}");
	means("{M: {S: {S: x}}}", "{\"M\":{\"S\":{\"S\":\"x\"}}}");
	/* What cannot be the typed form is a map. */
	means("{S: {a: 1}}", "{\"M\":{\"S\":{\"M\":{\"a\":{\"N\":\"1\"}}"
	      "}}}");
	means("{S: x, N: 1}",
	      "{\"M\":{\"S\":{\"S\":\"x\"},\"N\":{\"N\":\"1\"}}}");
	means("{SS: x}", "{\"M\":{\"SS\":{\"S\":\"x\"}}}");
}

static void
values_that_dynamodb_has_not_are_refused(void **state)
{
	(void)state;
	means("{N: many}", "!y:1:5");
	means("{B: '?'}", "!not base64");
	means("{SS: []}", "!never empty");
	means("{NS: [1, x]}", "!y:1:10");
	means("{SS: [[a]]}", "!text or numbers");
	means("1234567890123456789012345678901234567890", "!38");
}

static int
read_text(const char *text, struct rules *rules, struct arena *mem)
{
	if (file_save(path, span_of(text), &err) != 0)
		fail_msg("%s", err.text);
	return rules_read(rules, path, mem, &err);
}

static void
rules_are_read_with_their_keys(void **state)
{
	struct arena mem = { 0 };
	struct rules r;

	(void)state;
	if (read_text("tables:\n"
		      "  A:\n"
		      "    - {key: {id: x}, item: {n: 1, id: x}}\n"
		      "    - {key: {sk: 2, pk: y}, absent: true}\n"
		      "  B:\n"
		      "    - {key: {pk: y, sk: 2.0}, attributes: {a.b: 1},\n"
		      "       assert: n > 1}\n"
		      "    - {key: {id: z}, assert: [n > 1, m > 2]}\n"
		      "    - {key: {pk: y, sk: 3}, item: {}}\n",
		      &r, &mem) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(r.n, 5);
	assert_true(r.list[0].whole);
	assert_int_equal(r.list[0].item.len, 4);
	assert_true(r.list[1].absent);
	assert_int_equal(r.list[2].nattrs, 1);
	assert_int_equal(r.list[2].nconditions, 1);
	assert_int_equal(r.list[3].nconditions, 2);
	assert_int_equal(r.list[4].item.len, 4);	/* the key's */
	assert_int_equal(r.nnames, 4);
	assert_true(span_is(r.names[1].names[0], "pk"));
	assert_true(strstr(r.list[1].place, ".yaml:4") != NULL);

	/* A key is the same however its number is written. */
	struct keyhash one, other;
	assert_int_equal(rules_hash(&r.names[1], &r.list[1].key, &mem, &one,
				    &err), 1);
	assert_int_equal(rules_hash(&r.names[2], &r.list[2].key, &mem, &other,
				    &err), 1);
	assert_memory_equal(&one, &other, sizeof(one));
	assert_int_equal(rules_hash(&r.names[0], &r.list[2].key, &mem, &other,
				    &err), 0);
	rules_free(&r);
	arena_free(&mem);
}

static void
what_is_wrong_has_its_place(void **state)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "[]", ":1:1: 'tables:" },
		{ "tables: {A: {}}", ":1:13: a list" },
		{ "tables: {A: [x]}", "a map is expected" },
		{ "tables:\n  A:\n    - {item: {}}", ":3:7: 'key' is missing" },
		{ "tables: {A: [{key: id}]}", "'key' is a map" },
		{ "tables: {A: [{key: {}}]}", "'key' is a map" },
		{ "tables: {A: [{key: {id: [x]}}]}", "S, N or B" },
		{ "tables: {A: [{key: {id: x}, itme: {}}]}",
		  ":1:29: unknown word 'itme'" },
		{ "tables: {A: [{key: {id: x}, absent: no way}]}",
		  "true or false" },
		{ "tables: {A: [{key: {id: x}, absent: true, item: {}}]}",
		  "what is absent" },
		{ "tables: {A: [{key: {id: x}, attributes: {a..b: 1}}]}",
		  "a name is expected" },
		{ "tables: {A: [{key: {id: x}, assert: n >}]}", "column 4" },
		{ "tables: {A: [{key: {id: x}, assert: [1]}]}",
		  "'assert' is a condition" },
		{ "tables: {A: []}\nother: 1", "nothing beside it" },
		{ "tables: {A: [}", ":1:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct arena mem = { 0 };
		struct rules r;

		err = (struct err){ 0 };
		if (read_text(wrong[i].text, &r, &mem) == 0)
			fail_msg("'%s' is taken", wrong[i].text);
		assert_int_equal(err.code, ERR_USAGE);
		if (strstr(err.text, wrong[i].why) == NULL)
			fail_msg("'%s': %s", wrong[i].text, err.text);
		rules_free(&r);
		arena_free(&mem);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_values_are_what_they_look_like),
		cmocka_unit_test(a_map_of_one_type_is_a_typed_value),
		cmocka_unit_test(values_that_dynamodb_has_not_are_refused),
		cmocka_unit_test(rules_are_read_with_their_keys),
		cmocka_unit_test(what_is_wrong_has_its_place),
	};

	return cmocka_run_group_tests_name("validate_read", tests, make_file,
					   remove_file);
}
