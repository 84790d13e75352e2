/* test_script.c - Lua over items: what it sees, gives back, and may not do. */
#include "expr/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/item.h"

static struct arena mem;
static struct err err;
static struct ddbjson *reader;
static struct buf text;
static struct script_limits limits = { 200000, 8 << 20 };

static struct item *
item_of(const char *attributes)
{
	char line[4096];

	snprintf(line, sizeof(line), "{\"Item\":{%s}}", attributes);
	struct item *const item = ddbjson_decode_line(reader, span_of(line),
						      &mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", line, err.text);
	return item;
}

static struct script_context context = {
	{ (const uint8_t *)"Things", 6 },
	{ (const uint8_t *)"1735689600.5", 12 },
};

static struct script *
load(const char *lua)
{
	arena_reset(&mem);
	return script_new("t.lua", span_of(lua), &limits, &err);
}

/* The attributes that come of an item, `|` between several; or the message. */
static const char *
run_with(struct script *s, const char *attributes)
{
	struct value *out;
	size_t n;

	buf_reset(&text);
	if (script_run(s, item_of(attributes), &context, &mem, &out, &n, &err) != 0) {
		assert_int_equal(err.code, ERR_INPUT);
		return err.text;
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			assert_int_equal(buf_append(&text, span_of("|"),
						    &err), 0);
		assert_int_equal(ddbjson_encode_map(&out[i], &text, &err), 0);
	}
	assert_int_equal(buf_append(&text, (struct span){
				    (const uint8_t *)"", 1 }, &err), 0);
	return (const char *)text.ptr;
}

/* With `lua` as the body of transform(). */
static const char *
run(const char *lua, const char *attributes)
{
	static char kept[65536];
	char whole[8192];

	snprintf(whole, sizeof(whole),
		 "function transform(item, context) %s end", lua);
	struct script *const s = load(whole);
	if (s == NULL)
		fail_msg("%s", err.text);
	snprintf(kept, sizeof(kept), "%s", run_with(s, attributes));
	script_free(s);
	return kept;
}

#define EXPECT(lua, in, out) assert_string_equal(run(lua, in), out)

static void
expect_error(const char *lua, const char *in, const char *part)
{
	const char *const got = run(lua, in);

	if (strstr(got, part) == NULL)
		fail_msg("'%s' is not in: %s", part, got);
}

#define ID "\"id\":{\"S\":\"a\"}"
#define EVERY \
	"\"s\":{\"S\":\"x\\\"y\\u00e9\"},\"n\":{\"N\":\"+1.50\"}," \
	"\"b\":{\"B\":\"AAEC\"},\"t\":{\"BOOL\":true},\"z\":{\"NULL\":true}," \
	"\"m\":{\"M\":{\"k\":{\"L\":[{\"S\":\"1\"},{\"M\":{}}]}}}," \
	"\"l\":{\"L\":[]},\"ss\":{\"SS\":[\"b\",\"a\"]}," \
	"\"ns\":{\"NS\":[\"1\",\"1E40\"]},\"bs\":{\"BS\":[\"AA==\"]}"

static void
an_item_that_is_returned_is_as_it_was(void **state)
{
	(void)state;
	EXPECT("return item", EVERY, "{" EVERY "}");
	EXPECT("for k, v in pairs(item) do item[k] = v end return item",
	       EVERY, "{" EVERY "}");
	EXPECT("local new = {} for k, v in pairs(item) do new[k] = v end "
	       "item.l = nil item.l = list{} return item",
	       "\"l\":{\"L\":[]}", "{\"l\":{\"L\":[]}}");
}

static void
what_is_unchanged_shares_the_item_s_value(void **state)
{
	struct value *out;
	size_t n;

	(void)state;
	struct script *const s = load(
		"function transform(item)\n"
		"  for _, v in pairs(item) do\n"
		"    if type(v) == 'table' then for _ in pairs(v) do end end\n"
		"  end\n"
		"  item.m.k[1] = '1'\n"
		"  return item\n"
		"end");
	assert_non_null(s);
	const struct item *const item = item_of(EVERY);
	assert_int_equal(script_run(s, item, &context, &mem, &out, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_ptr_equal(out[0].kids, item->map.kids);
	script_free(s);
}

static void
a_map_within_the_item_may_become_one(void **state)
{
	struct value *out;
	size_t n;

	(void)state;
	struct script *const s = load("function transform(item) return item.m, "
				      "{item.m} end");
	assert_non_null(s);
	const struct item *const item = item_of("\"m\":{\"M\":{" ID "}}");
	assert_int_equal(script_run(s, item, &context, &mem, &out, &n, &err),
			 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(out[i].len, 2);
		assert_int_equal(out[i].flags & VALUE_RAW, 0);
		assert_ptr_not_equal(out[i].kids, item->map.kids[1].kids);
	}
	assert_ptr_not_equal(out[0].kids, out[1].kids);
	script_free(s);
}

static void
a_deep_copy_is_equal(void **state)
{
	(void)state;
	EXPECT("local function copy(v) "
	       "if type(v) == 'set' then return set(v) end "
	       "if type(v) ~= 'table' then return v end "
	       "if getmetatable(v) == 'list' then local l = list{} "
	       "for i, x in ipairs(v) do l[i] = copy(x) end return l end "
	       "local m = {} for k, x in pairs(v) do m[k] = copy(x) end "
	       "return m end return copy(item)", EVERY,
	       "{\"b\":{\"B\":\"AAEC\"},\"bs\":{\"BS\":[\"AA==\"]},"
	       "\"l\":{\"L\":[]},\"m\":{\"M\":{\"k\":{\"L\":[{\"S\":\"1\"},"
	       "{\"M\":{}}]}}},\"n\":{\"N\":\"1.5\"},\"ns\":{\"NS\":[\"1\","
	       "\"10000000000000000000000000000000000000000\"]},"
	       "\"s\":{\"S\":\"x\\\"y\303\251\"},"
	       "\"ss\":{\"SS\":[\"b\",\"a\"]},\"t\":{\"BOOL\":true},"
	       "\"z\":{\"NULL\":true}}");
}

static void
attributes_are_set_removed_and_added_in_order(void **state)
{
	(void)state;
	EXPECT("item.b = nil item.a = item.a .. '!' item.y = 1 item.x = true "
	       "return item",
	       "\"c\":{\"N\":\"7\"},\"b\":{\"S\":\"gone\"},"
	       "\"a\":{\"S\":\"hi\"}",
	       "{\"c\":{\"N\":\"7\"},\"a\":{\"S\":\"hi!\"},"
	       "\"x\":{\"BOOL\":true},\"y\":{\"N\":\"1\"}}");
	EXPECT("local b = item.b item.b = nil if item.b == nil then item.b2 = "
	       "b end return item", "\"b\":{\"S\":\"v\"}",
	       "{\"b2\":{\"S\":\"v\"}}");
	EXPECT("item.m.new = {1, 'two', {three = null}} item.m.k = nil "
	       "return item", "\"m\":{\"M\":{\"k\":{\"S\":\"v\"}}}",
	       "{\"m\":{\"M\":{\"new\":{\"L\":[{\"N\":\"1\"},{\"S\":\"two\"},"
	       "{\"M\":{\"three\":{\"NULL\":true}}}]}}}}");
}

static void
nothing_one_or_several_come_of_an_item(void **state)
{
	(void)state;
	EXPECT("return nil", ID, "");
	EXPECT("", ID, "");
	EXPECT("return {}", ID, "");
	EXPECT("return {id = 'b'}", ID, "{\"id\":{\"S\":\"b\"}}");
	EXPECT("return item, {id = 'b'}", ID,
	       "{\"id\":{\"S\":\"a\"}}|{\"id\":{\"S\":\"b\"}}");
	EXPECT("local all = {} for i = 1, 3 do all[i] = {n = i} end "
	       "return all", ID,
	       "{\"n\":{\"N\":\"1\"}}|{\"n\":{\"N\":\"2\"}}|"
	       "{\"n\":{\"N\":\"3\"}}");
	expect_error("return 'x'", ID,
		     "t.lua: transform() returned a string, not an item");
	expect_error("return {item, 3}", ID, "returned a number, not an item");
}

static void
numbers_are_exact(void **state)
{
	(void)state;
	EXPECT("item.n = item.n + 1 return item", "\"n\":{\"N\":\"41\"}",
	       "{\"n\":{\"N\":\"42\"}}");
	EXPECT("item.n = item.n + '0.1' return item and nil or nil",
	       "\"n\":{\"N\":\"41\"}", "");
	EXPECT("item.n = item.n * 3 return item", "\"n\":{\"N\":\"0.1\"}",
	       "{\"n\":{\"N\":\"0.3\"}}");
	EXPECT("item.n = 2 * item.n - decimal('0.2') return item",
	       "\"n\":{\"N\":\"0.1\"}", "{\"n\":{\"N\":\"0\"}}");
	EXPECT("item.n = item.n + 1 return item",
	       "\"n\":{\"N\":\"12345678901234567890123456789012345678\"}",
	       "{\"n\":{\"N\":\"12345678901234567890123456789012345679\"}}");
	EXPECT("return {n = #tostring(-item.n), same = -item.n == "
	       "decimal('-1E-130'), neg = 0 > -item.n}",
	       "\"n\":{\"N\":\"1E-130\"}",
	       "{\"n\":{\"N\":\"133\"},\"neg\":{\"BOOL\":true},"
	       "\"same\":{\"BOOL\":true}}");
	EXPECT("return {same = item.n / 3 == decimal("
	       "'3.3333333333333333333333333333333333333E124')}",
	       "\"n\":{\"N\":\"1E125\"}", "{\"same\":{\"BOOL\":true}}");
	EXPECT("item.n = decimal.round(decimal.div(item.n, 3), 2) "
	       "return item", "\"n\":{\"N\":\"2\"}",
	       "{\"n\":{\"N\":\"0.67\"}}");
	EXPECT("return {eq = item.n == 3, lt = item.n < 3.0 + 0, "
	       "gt = item.n > 2, ne = item.n ~= '2.5', "
	       "same = item.n == decimal('2.50'), "
	       "whole = item.n + item.n == 5, ty = type(item.n), "
	       "s = 'n=' .. item.n .. '!', t = tostring(item.n), "
	       "f = string.format('%s', item.n), c = decimal.compare(item.n, 9)}",
	       "\"n\":{\"N\":\"2.5\"}",
	       "{\"c\":{\"N\":\"-1\"},\"eq\":{\"BOOL\":false},"
	       "\"f\":{\"S\":\"2.5\"},\"gt\":{\"BOOL\":true},"
	       "\"lt\":{\"BOOL\":true},\"ne\":{\"BOOL\":true},"
	       "\"s\":{\"S\":\"n=2.5!\"},\"same\":{\"BOOL\":true},"
	       "\"t\":{\"S\":\"2.5\"},\"ty\":{\"S\":\"decimal\"},"
	       "\"whole\":{\"BOOL\":true}}");
}

static void
numbers_that_may_not_be_exact_are_refused(void **state)
{
	(void)state;
	expect_error("item.n = item.n / 2 return item", "\"n\":{\"N\":\"1\"}",
		     "returned 'n': 0.5, which may not be exact");
	expect_error("item.n = 2^53 return item", ID, "may not be exact");
	expect_error("item.n = 0/0 return item", ID, "may not be exact");
	expect_error("item.n = item.n * 0.1 return item",
		     "\"n\":{\"N\":\"1.5\"}",
		     "t.lua:1: 0.1 may not be exact; write decimal('0.1')");
	expect_error("item.n = item.n + 'x' return item",
		     "\"n\":{\"N\":\"1.5\"}", "arithmetic on a string");
	expect_error("item.n = decimal('x')", ID, "decimal(): ");
	expect_error("item.n = item.n / 0", "\"n\":{\"N\":\"1.5\"}", "t.lua:1: ");
	expect_error("item.n = 1LL return item", ID, "a cdata, which is no");
	expect_error("item.n.a = 1LL", "\"n\":{\"N\":\"1.5\"}", "const");
}

static void
sets_binaries_and_null_are_values_of_their_own(void **state)
{
	(void)state;
	EXPECT("return {ss = type(item.ss), b = type(item.b), "
	       "z = type(item.z), isnull = item.z == null, "
	       "n = #item.ss, bytes = #item.b, l = type(item.l)}", EVERY,
	       "{\"b\":{\"S\":\"binary\"},\"bytes\":{\"N\":\"3\"},"
	       "\"isnull\":{\"BOOL\":true},\"l\":{\"S\":\"table\"},"
	       "\"n\":{\"N\":\"2\"},\"ss\":{\"S\":\"set\"},"
	       "\"z\":{\"S\":\"null\"}}");
	EXPECT("item.ss:add('c') item.ss:add('a') item.ss:remove('b') "
	       "item.has = item.ss:has('c') and not item.ss:has('b') "
	       "return item", "\"ss\":{\"SS\":[\"b\",\"a\"]}",
	       "{\"ss\":{\"SS\":[\"a\",\"c\"]},\"has\":{\"BOOL\":true}}");
	EXPECT("return {ns = set{1, decimal('1.5'), decimal('1.50'), 1}, "
	       "bs = set{binary('a'), binary.from_base64('YQ==')}, "
	       "b = binary('\\0\\1\\2'), same = binary('a') == binary('a'), "
	       "raw = item.b:bytes() == '\\0\\1\\2', e = list{}, m = {}}",
	       "\"b\":{\"B\":\"AAEC\"}",
	       "{\"b\":{\"B\":\"AAEC\"},\"bs\":{\"BS\":[\"YQ==\"]},"
	       "\"e\":{\"L\":[]},\"m\":{\"M\":{}},"
	       "\"ns\":{\"NS\":[\"1\",\"1.5\"]},\"raw\":{\"BOOL\":true},"
	       "\"same\":{\"BOOL\":true}}");
	EXPECT("local d = decimal('2.5') "
	       "local a = item.ns:has(d) and item.ns:has(decimal('3.7') - "
	       "decimal('1.2')) and not item.ns:has(decimal('1.5')) "
	       "item.ns:add(d) item.ns:remove(item.big) "
	       "item.ok = a and #item.ns == 2 return item",
	       "\"ns\":{\"NS\":[\"2.50\",\"12345678901234567890.50\","
	       "\"1\"]},\"big\":{\"N\":\"12345678901234567890.5\"}",
	       "{\"ns\":{\"NS\":[\"2.50\",\"1\"]},"
	       "\"big\":{\"N\":\"12345678901234567890.5\"},"
	       "\"ok\":{\"BOOL\":true}}");
	expect_error("return null", ID, "returned a null, not an item");
	expect_error("return {s = set{}}", ID, "'s': an empty set");
	expect_error("return {s = set{1, 'a'}}", ID, "or of several of them");
	expect_error("return {s = set{{}}}", ID, "or of several of them");
	expect_error("return {s = set{item}}", ID, "or of several of them");
	expect_error("return {n = decimal('0.5') % 2}", ID, "not % or ^");
	EXPECT("return {id = decimal('0.5') .. 'a\\0b' .. decimal('1.5')}", ID,
	       "{\"id\":{\"S\":\"0.5a\\u0000b1.5\"}}");
}

static void
what_is_no_value_is_refused_by_its_path(void **state)
{
	(void)state;
	expect_error("item.a = {b = {1, function() end}} return item", ID,
		     "returned 'a.b[2]': a function, which is no value");
	expect_error("item.a = {1, nil, 3} return item", ID,
		     "'a': a list with a hole");
	expect_error("item.a = {1, x = 2} return item", ID,
		     "'a': a list with a key that is a string");
	expect_error("item.a = {x = 2, [true] = 1} return item", ID,
		     "'a': a map with a key that is a boolean");
	expect_error("item.a = {[null] = 1} return item", ID,
		     "a map with a key that is a userdata");
	expect_error("item.a = '\\255' return item", ID, "no UTF-8");
	expect_error("item['\\255'] = 1 return item", ID, "name that is no");
	expect_error("item[''] = 1 return item", ID, "name of 0 bytes");
	expect_error("item.a = {} local a = item.a for i = 1, 40 do "
		     "a.a = {} a = a.a end return item", ID, "deeper than 32");
	expect_error("item.a = item return item", ID, "deeper than 32");
	expect_error("local t = {} for i = 1, 30 do t = {a = t, b = t} end "
		     "return t", ID, "more than 64 MiB");
	expect_error("for i = 1, 30 do item = {a = item, b = item} end "
		     "return item", ID, "more than 64 MiB");
}

static void
errors_say_file_and_line(void **state)
{
	(void)state;
	expect_error("\n\nitem.x = item.y.z return item", ID,
		     "t.lua:3: attempt to index field 'y' (a nil value)");
	expect_error("error('no price')", ID, "t.lua:1: no price");
	expect_error("error('bad \\255\\27[31m\\nred')", ID,
		     "t.lua:1: bad \357\277\275\\u001b[31m\\nred");
	expect_error("error({})", ID, "t.lua: error() with a table, no text");
	expect_error("error()", ID, "t.lua: error() with a nil, no text");
}

static void
a_script_that_is_none_is_told_with_its_line(void **state)
{
	static const char *const cases[][2] = {
		{ "function transform(item)\n return item\n", "t.lua:3: 'end' "
		  "expected (to close 'function' at line 1) near '<eof>'" },
		{ "x =\n= 2", "t.lua:2: unexpected symbol near '='" },
		{ "", "t.lua: the script has no 'function transform(item, "
		  "context)'" },
		{ "transform = 3", "t.lua: the script has no 'function" },
		{ "\nlocal x = nil + 1", "t.lua:2: attempt to perform "
		  "arithmetic on a nil value" },
		{ "while true do end", "t.lua:1: more than 200000 "
		  "instructions" },
		{ "\033LJ\2", "t.lua: this is bytecode" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_null(load(cases[i][0]));
		assert_int_equal(err.code, ERR_USAGE);
		if (strncmp(err.text, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s, not %s", err.text, cases[i][1]);
	}
}

static void
a_loop_without_end_ends(void **state)
{
	static const char want[] = "t.lua:2: more than 200000 instructions "
		"for one item; does a loop never end?";
	struct script *const s = load(
		"function transform(item)\n"
		"  while item.loop do end\n"
		"  return item\n"
		"end");

	(void)state;
	assert_non_null(s);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(run_with(s, "\"loop\":{\"BOOL\":true}"),
				    want);
		assert_string_equal(run_with(s, ID), "{" ID "}");
	}
	script_free(s);
	/* Nor can the script catch it, */
	expect_error("while true do pcall(function() while true do end end) "
		     "end", ID, "more than 200000 instructions");
	expect_error("local function f() return pcall(f) and f() end "
		     "while true do f() end", ID, "more than 200000");
	/* ... or hide in a library. */
	expect_error("local s = ('x'):rep(1000000) while true do "
		     "s:find('y', 1, true) end", ID, "more than 200000");
	expect_error("local s = ('x'):rep(10000) s:match('.-.-.-.-y')", ID,
		     "t.lua:1: more than 200000");
	expect_error("(('('):rep(100000)):gsub('%b()', '')", ID,
		     "more than 200000");
	expect_error("local t = {} for i = 1, 1e9 do table.insert(t, 1, i) "
		     "end", ID, "more than 200000");
	expect_error("local t = {3, 1, 2} table.sort(t, function() while true "
		     "do end end)", ID, "more than 200000");
}

/* ... nor run over our own stack, which is none of Lua's. */
static void
calls_within_calls_have_a_bound(void **state)
{
	(void)state;
	expect_error("local function f() return ('a'):gsub('a', f) end f()",
		     ID, "more than 200 functions within each other");
	expect_error("local t = setmetatable({}, {}) getmetatable(t).__index ="
		     " function() return (('a'):gsub('a', t)) end "
		     "return {id = t.x}", ID, "more than 200 functions");
	expect_error("local m = {} m.__tostring = function(x) return "
		     "tostring(x) end tostring(setmetatable({}, m))", ID,
		     "more than 200 functions");
	expect_error("local function f() return 1 + f() end f()", ID,
		     "t.lua: stack overflow");
	/* What failed counts no more. */
	EXPECT("for i = 1, 1000 do pcall(string.gsub, 'a', 'a', error) end "
	       "return {id = ('a'):gsub('a', function() return 'b' end)}",
	       ID, "{\"id\":{\"S\":\"b\"}}");
}

/* table.sort() compares within Lua's own code, which counts no instructions. */
static void
sorting_takes_instructions(void **state)
{
	(void)state;
	expect_error("local t = {} for i = 1, 5000 do t[i] = -i end "
		     "for i = 1, 100 do table.sort(t) end return item", ID,
		     "more than 200000");
	EXPECT("local t = {3, 1, 2} table.sort(t, function(a, b) return a > b "
	       "end) return {id = table.concat(t, ',')}", ID,
	       "{\"id\":{\"S\":\"3,2,1\"}}");
}

static void
memory_has_a_bound(void **state)
{
	struct script *const s = load(
		"function transform(item)\n"
		"  if item.big then\n"
		"    local t = {}\n"
		"    for i = 1, 1e9 do t[i] = ('x'):rep(1000000 + i) end\n"
		"  end\n"
		"  return item\n"
		"end");

	(void)state;
	assert_non_null(s);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(run_with(s, "\"big\":{\"BOOL\":true}"),
				    "t.lua:4: more than 8 MiB of memory for "
				    "one item");
		assert_string_equal(run_with(s, ID), "{" ID "}");
	}
	script_free(s);
	expect_error("pcall(string.rep, 'x', 1e9) return item", ID,
		     "more than 8 MiB of memory");
}

static void
garbage_of_many_items_is_no_item_s_fault(void **state)
{
	struct script *const s = load(
		"function transform(item)\n"
		"  item.x = ('x'):rep(1000000) .. item.id\n"
		"  item.x = nil\n"
		"  return item\n"
		"end");

	(void)state;
	assert_non_null(s);
	for (int i = 0; i < 200; i++) {
		arena_reset(&mem);
		assert_string_equal(run_with(s, ID), "{" ID "}");
	}
	script_free(s);
}

static void
nothing_reaches_out_of_the_sandbox(void **state)
{
	static const char *const gone[] = {
		"io", "os", "ffi", "package", "require", "debug", "print",
		"load", "loadstring", "dofile", "loadfile", "coroutine",
		"rawset", "rawget", "getfenv", "setfenv", "collectgarbage",
		"_G", "newproxy", "jit", "xpcall",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++) {
		char lua[64], want[64];

		snprintf(lua, sizeof(lua), "local x = %s return item",
			 gone[i]);
		snprintf(want, sizeof(want), "there is no '%s' in a script",
			 gone[i]);
		expect_error(lua, ID, want);
	}
	EXPECT("return {d = string.dump == nil, r = math.random == nil, "
	       "s = math.randomseed == nil, f = table.foreach == nil, "
	       "m = getmetatable('') == false, n = getmetatable(item), "
	       "g = getmetatable(string) == false, "
	       "x = tostring(1/decimal('2.5')), y = nothing == nil}", ID,
	       "{\"d\":{\"BOOL\":true},\"f\":{\"BOOL\":true},"
	       "\"g\":{\"BOOL\":true},\"m\":{\"BOOL\":true},"
	       "\"n\":{\"S\":\"map\"},\"r\":{\"BOOL\":true},"
	       "\"s\":{\"BOOL\":true},\"x\":{\"S\":\"0.4\"},"
	       "\"y\":{\"BOOL\":true}}");
}

static void
no_item_sees_what_another_left(void **state)
{
	static const char *const scripts[] = {
		"n = 0 function transform(item) n = n + 1 item.n = n "
		"return item end",
		"local n = 0 function transform(item) n = n + 1 item.n = n "
		"return item end",
		"local t = {n = 0} function transform(item) t.n = t.n + 1 "
		"item.n = t.n return item end",
		"function transform(item) seen = (seen or 0) + 1 item.n = "
		"seen return item end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct script *const s = load(scripts[i]);

		assert_non_null(s);
		for (int k = 0; k < 3; k++)
			assert_string_equal(run_with(s, ID),
					    "{" ID ",\"n\":{\"N\":\"1\"}}");
		script_free(s);
	}
	expect_error("string.x = 1", ID, "'x' cannot be set here");
	expect_error("decimal.x = 1", ID, "'x' cannot be set here");
	expect_error("context.x = 1", ID, "'x' cannot be set here");
	expect_error("table.insert(math, 1)", ID, "table expected");
	expect_error("setmetatable(item, {})", ID, "protected metatable");
	expect_error("setmetatable(string, {})", ID, "table expected");
	expect_error("(''):x()", ID, "attempt to call method 'x'");
}

static void
order_and_texts_are_the_same_every_time(void **state)
{
	(void)state;
	EXPECT("local s = '' for k, v in pairs({b = 1, a = 2, [10] = 3, "
	       "[2] = 4, [true] = 5, c = 6}) do s = s .. tostring(k) .. "
	       "tostring(v) end item.s = s return item", ID,
	       "{" ID ",\"s\":{\"S\":\"true52410" "3a2b1c6\"}}");
	EXPECT("local s = '' for k in pairs(item) do s = s .. k "
	       "item[k] = nil item.c = nil end return {s = s}",
	       "\"c\":{\"S\":\"\"},\"a\":{\"S\":\"\"},\"b\":{\"S\":\"\"}",
	       "{\"s\":{\"S\":\"ab\"}}");
	EXPECT("return {t = tostring({}), f = tostring(print_ or type), "
	       "u = string.format('%s %s %q', {}, null, 'x'), "
	       "e = next({}) == nil, n = next(item)}", ID,
	       "{\"e\":{\"BOOL\":true},\"f\":{\"S\":\"function\"},"
	       "\"n\":{\"S\":\"id\"},\"t\":{\"S\":\"table\"},"
	       "\"u\":{\"S\":\"table null \\\"x\\\"\"}}");
	expect_error("return {x = ('%5p'):format({})}", ID, "no meaning here");
	expect_error("for k in pairs({[{}] = 1}) do end", ID, "no place in an");
	expect_error("for k in next, item do end", ID, "use pairs()");
}

static void
patterns_are_lua_s(void **state)
{
	static const char *const cases[][2] = {
		{ "('a.b'):find('.', 1, true)", "2,2" },
		{ "('hello'):find('l+')", "3,4" },
		{ "('hello'):find('(l)(l)')", "3,4,l,l" },
		{ "('hello'):find('')", "1,0" },
		{ "('hello'):find('', 6)", "6,5" },
		{ "('hello'):find('', 7)", "6,5" },
		{ "('hello'):find('o', -1)", "5,5" },
		{ "('hello'):find('^l', 3)", "3,3" },
		{ "('a\\0b'):find('%z')", "2,2" },
		{ "('key = value'):match('^(%w+)%s*=%s*(%w+)$')", "key,value" },
		{ "('2025-02-01'):match('(%d+)-(%d+)')", "2025,02" },
		{ "('hello'):match('()ll()')", "3,5" },
		{ "('f(a(b)c)d'):match('%b()')", "(a(b)c)" },
		{ "('THE (quick) fox'):find('%f[%a]%a+%f[%A]', 4)", "6,10" },
		{ "('abab'):match('(ab)%1')", "ab" },
		{ "('a]b-c'):match('[]%-]+', 3)", "-" },
		{ "('x^y'):match('[x^]+')", "x^" },
		{ "('abc'):match('[^a-b]')", "c" },
		{ "('aXb'):match('%u%l?')", "Xb" },
		{ "('<<a>>'):match('<(.-)>')", "<a" },
		{ "('abc'):gsub('%w', '%0%0')", "aabbcc,3" },
		{ "('abc'):gsub('', '-')", "-a-b-c-,4" },
		{ "('hello world'):gsub('o', 'O', 1)", "hellO world,1" },
		{ "('a b'):gsub('(%w) (%w)', '%2 %1 %%')", "b a %,1" },
		{ "('$x $y'):gsub('%$(%w)', {x = 1})", "1 $y,2" },
		{ "('abc'):gsub('%w', function(c) if c == 'b' then return "
		  "'B' end end)", "aBc,3" },
		{ "('abc'):gsub('^a', 'x')", "xbc,1" },
		{ "('abc'):gsub('b', 7)", "a7c,1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char lua[512], want[128];

		snprintf(lua, sizeof(lua), "local r, s = {%s}, '' for i = 1, "
			 "math.max(1, #r) do s = s .. (i > 1 and ',' or '') "
			 ".. tostring(r[i]) end return {s = s}", cases[i][0]);
		snprintf(want, sizeof(want), "{\"s\":{\"S\":\"%s\"}}",
			 cases[i][1]);
		EXPECT(lua, ID, want);
	}
	EXPECT("local s = '' for k, v in ('a=1, b=2'):gmatch('(%w)=(%w)') do "
	       "s = s .. k .. v end for p in ('ab'):gmatch('()') do "
	       "s = s .. p end return {s = s}", ID,
	       "{\"s\":{\"S\":\"a1b2123\"}}");
	expect_error("('a'):find('[a')", ID, "malformed pattern (missing ']')");
	expect_error("('a'):find('%')", ID, "malformed pattern (ends with");
	expect_error("('a'):find('(a')", ID, "unfinished capture");
	expect_error("('a'):match('a)')", ID, "invalid pattern capture");
	expect_error("('a'):find('%1')", ID, "invalid capture index");
	expect_error("('a'):find('%f')", ID, "missing '[' after");
	expect_error("('a'):find('%b(')", ID, "missing arguments to '%b'");
	expect_error("('a'):gsub('a', '%2')", ID, "invalid capture index");
	expect_error("('x'):rep(300):find(('(x)'):rep(33))", ID,
		     "too many captures");
	expect_error("('x'):rep(300):find(('x?'):rep(300))", ID,
		     "pattern too complex");
}

static void
the_context_says_table_and_time(void **state)
{
	const struct span things = context.table;
	struct script *const s = load("function transform(i, context) "
				      "return {t = context.table} end");

	(void)state;
	assert_non_null(s);
	assert_string_equal(run_with(s, ID), "{\"t\":{\"S\":\"Things\"}}");
	context.table = span_of("Others");
	assert_string_equal(run_with(s, ID), "{\"t\":{\"S\":\"Others\"}}");
	context.table = things;
	script_free(s);
	EXPECT("return {t = context.table, at = context.run_time}", ID,
	       "{\"at\":{\"N\":\"1735689600.5\"},\"t\":{\"S\":\"Things\"}}");
}

/*
 * Canonical text of typed attributes with spaces: decoded and encoded again, or
 * NULL if `line` is none.
 */
static const char *
tidy(const char *line, size_t len)
{
	static char out[4096];
	struct buf made = { 0 };
	char whole[4096];

	snprintf(whole, sizeof(whole), "{\"Item\":%.*s}", (int)len, line);
	const struct item *const item = ddbjson_decode_line(reader,
		span_of(whole), &mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", whole, err.text);
	assert_int_equal(ddbjson_encode_map(&item->map, &made, &err), 0);
	snprintf(out, sizeof(out), "%.*s", (int)made.len,
		 (const char *)made.ptr);
	buf_free(&made);
	return out;
}

/* The block of `kind` that comes next in *at, which goes behind it. */
static struct span
block(const char **at, const char *kind)
{
	char mark[16];

	snprintf(mark, sizeof(mark), "```%s\n", kind);
	const char *p = strstr(*at, mark);
	if (p == NULL)
		return (struct span){ NULL, 0 };
	p += strlen(mark);
	const char *const end = strstr(p, "```");
	assert_non_null(end);
	*at = end + 3;
	return (struct span){ (const uint8_t *)p, (size_t)(end - p) };
}

static void
the_examples_of_the_manual_are_true(void **state)
{
	struct buf file = { 0 };
	unsigned n = 0;

	(void)state;
	assert_int_equal(file_load("docs/LUA.md", 1 << 20, &file, &err), 0);
	assert_int_equal(buf_append(&file, (struct span){
				    (const uint8_t *)"", 1 }, &err), 0);
	const char *at = (const char *)file.ptr;
	const struct span given = block(&at, "json");
	for (;; n++) {
		const struct span lua = block(&at, "lua");
		char in[4096], want[4096] = "";
		struct script *s;

		if (lua.ptr == NULL)
			break;
		const struct span out = block(&at, "json");
		for (const char *p = (const char *)out.ptr,
		     *end = p + out.len; p < end;) {
			const char *const nl = memchr(p, '\n',
						      (size_t)(end - p));
			const size_t len = strlen(want);

			snprintf(want + len, sizeof(want) - len, "%s%s",
				 len > 0 ? "|" : "",
				 tidy(p, (size_t)(nl - p)));
			p = nl + 1;
		}
		s = script_new("t.lua", lua, NULL, &err);
		if (s == NULL)
			fail_msg("%s", err.text);
		snprintf(in, sizeof(in), "%s",
			 tidy((const char *)given.ptr, given.len - 1));
		in[strlen(in) - 1] = '\0';
		assert_string_equal(run_with(s, in + 1), want);
		script_free(s);
	}
	assert_true(n >= 3);
	buf_free(&file);
}

static int
set_up(void **state)
{
	(void)state;
	cpu_init(NULL);
	reader = ddbjson_new(&err);
	return reader == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ddbjson_free(reader);
	arena_free(&mem);
	buf_free(&text);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_that_is_returned_is_as_it_was),
		cmocka_unit_test(what_is_unchanged_shares_the_item_s_value),
		cmocka_unit_test(a_map_within_the_item_may_become_one),
		cmocka_unit_test(a_deep_copy_is_equal),
		cmocka_unit_test(attributes_are_set_removed_and_added_in_order),
		cmocka_unit_test(nothing_one_or_several_come_of_an_item),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(numbers_that_may_not_be_exact_are_refused),
		cmocka_unit_test(sets_binaries_and_null_are_values_of_their_own),
		cmocka_unit_test(what_is_no_value_is_refused_by_its_path),
		cmocka_unit_test(errors_say_file_and_line),
		cmocka_unit_test(a_script_that_is_none_is_told_with_its_line),
		cmocka_unit_test(a_loop_without_end_ends),
		cmocka_unit_test(calls_within_calls_have_a_bound),
		cmocka_unit_test(sorting_takes_instructions),
		cmocka_unit_test(memory_has_a_bound),
		cmocka_unit_test(garbage_of_many_items_is_no_item_s_fault),
		cmocka_unit_test(nothing_reaches_out_of_the_sandbox),
		cmocka_unit_test(no_item_sees_what_another_left),
		cmocka_unit_test(order_and_texts_are_the_same_every_time),
		cmocka_unit_test(patterns_are_lua_s),
		cmocka_unit_test(the_context_says_table_and_time),
		cmocka_unit_test(the_examples_of_the_manual_are_true),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
