/*
 * test_stats.c - what the statistics say of items, however they came by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/stats.h"
#include "engine/stats_words.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

static struct err err;
static uint32_t seed;

static uint32_t
pick(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

/* ---- a plan of one table, and units of text ------------------------------ */

static uint32_t table_numbers[] = { 0 };
static struct plan_input input = { .name = "T", .tables = table_numbers,
				   .ntables = 1 };
static struct plan_table table = {
	.name = "T", .source_key = { .pk = { .name = "id" } },
};
static const struct plan plan = {
	.tables = &table, .ntables = 1, .inputs = &input, .ninputs = 1,
};

/* Batches of a unit go by, of up to `most` bytes of whole lines each. */
struct pass {
	struct stats *stats;
	struct unit_observer observer;
	struct unit unit;
	void *eye;
	struct ddbjson *reader;
	struct batch batch;
	struct buf text;
	size_t at;
};

static void
start(struct pass *p, struct stats *s, uint32_t unit)
{
	static const uint8_t slack[DDBJSON_SLACK];

	p->stats = s;
	p->observer = stats_observer(s);
	p->unit = (struct unit){ .number = unit };
	p->eye = p->observer.open(s, &p->unit, &err);
	p->reader = ddbjson_new(&err);
	p->at = 0;
	assert_non_null(p->eye);
	buf_append(&p->text, (struct span){ slack, sizeof(slack) }, &err);
	p->text.len -= sizeof(slack);
}

/* One batch; false after the last.  *bytes adds up what item_size() says. */
static bool
go(struct pass *p, size_t most, uint64_t *bytes)
{
	struct program_result none = { .nproducts = 0 };
	size_t n = p->text.len - p->at, used = 0;

	if (n == 0)
		return false;
	for (size_t want = most; n > most && used == 0; want *= 2) {
		batch_reset(&p->batch);
		if (want > n)
			want = n;
		assert_int_equal(0, ddbjson_decode(p->reader, (struct span){
			p->text.ptr + p->at, want }, want == n, &p->batch,
			&used, &err));
	}
	if (used == 0) {
		batch_reset(&p->batch);
		assert_int_equal(0, ddbjson_decode(p->reader, (struct span){
			p->text.ptr + p->at, n }, true, &p->batch, &used,
			&err));
	}
	p->at += used;
	for (uint32_t i = 0; i < p->batch.nitems; i++)
		*bytes += item_size(&p->batch.items[i]);
	assert_int_equal(0, p->observer.before(p->eye, &p->batch, &err));
	assert_int_equal(0, p->observer.after(p->eye, &p->batch, &none, &err));
	return true;
}

static void
stop(struct pass *p)
{
	assert_int_equal(0, p->observer.close(p->eye, true, &err));
	ddbjson_free(p->reader);
	batch_free(&p->batch);
	buf_free(&p->text);
	*p = (struct pass){ .at = 0 };
}

/* All of a text as one unit. */
static struct stats *
stats_of(const char *lines)
{
	struct stats *const s = stats_new(&plan, 0, &err);
	struct pass p = { .at = 0 };
	uint64_t bytes = 0;

	buf_append(&p.text, span_of(lines), &err);
	start(&p, s, 0);
	while (go(&p, 200, &bytes))
		;
	stop(&p);
	assert_int_equal(0, stats_settle(s, &err));
	assert_int_equal(bytes, stats_of_input(s, 0)->bytes);
	return s;
}

static struct arena mem;

static const struct stats_attribute *
attribute(const struct stats *s, const char *path)
{
	size_t n, left_out;
	const struct stats_attribute *const list =
		stats_attributes(s, 0, &mem, &n, &left_out, &err);

	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].path, path) == 0)
			return &list[i];
	fail_msg("there is no path %s", path);
	return NULL;
}

static void
expect_bounds(const struct stats *s, const char *path, const char *min,
	      const char *max)
{
	const struct stats_attribute *const a = attribute(s, path);

	assert_string_equal(a->min, min);
	assert_string_equal(a->max, max);
}

/* ---- paths and values ---------------------------------------------------- */

static void
paths_are_those_of_maps_lists_and_sets(void **state)
{
	static const char *const want[] = {
		"\"a b\"", "l", "l[*]", "l[*].x", "l[*][*]", "m", "m.k",
		"m.k.deep", "s", "s[*]",
	};
	struct stats *const s = stats_of(
		"{\"Item\":{\"m\":{\"M\":{\"k\":{\"M\":{\"deep\":"
		"{\"BOOL\":true}}}}},\"a b\":{\"NULL\":true}}}\n"
		"{\"Item\":{\"l\":{\"L\":[{\"M\":{\"x\":{\"N\":\"1\"}}},"
		"{\"L\":[{\"S\":\"y\"}]},{\"M\":{}}]}}}\n"
		"{\"Item\":{\"s\":{\"SS\":[\"u\",\"v\"]}}}\n");
	size_t n, left_out;
	const struct stats_attribute *const list =
		stats_attributes(s, 0, &mem, &n, &left_out, &err);

	(void)state;
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list[i].path, want[i]);
	assert_int_equal(attribute(s, "l[*]")->present, 3);
	assert_int_equal(attribute(s, "l[*]")->types[VALUE_M], 2);
	assert_true(attribute(s, "l[*]")->mixed);
	assert_int_equal(attribute(s, "s")->types[VALUE_SS], 1);
	assert_int_equal(attribute(s, "s[*]")->distinct, 2);
	assert_string_equal(attribute(s, "m.k.deep")->examples[0], "true");
	assert_int_equal(stats_of_input(s, 0)->items, 3);
	stats_free(s);
}

static void
numbers_are_ordered_by_value_and_texts_by_bytes(void **state)
{
	struct stats *const s = stats_of(
		"{\"Item\":{\"n\":{\"N\":\"9\"},\"t\":{\"S\":\"9\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"1E+2\"},\"t\":{\"S\":\"10\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"-0.5\"},\"t\":{\"S\":\"\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"-0.50\"},"
		"\"t\":{\"S\":\"abcdefgh\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"100\"},"
		"\"t\":{\"S\":\"abcdefghi\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"99.99999999999999999999999999999\"},"
		"\"t\":{\"S\":\"abc\\u0041\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"-0.4999999999999999999999999999\"},"
		"\"t\":{\"S\":\"abcdefghi\"}}}\n");

	(void)state;
	expect_bounds(s, "n", "-0.5", "100");
	expect_bounds(s, "t", "", "abcdefghi");
	assert_int_equal(attribute(s, "n")->distinct, 5);
	assert_int_equal(attribute(s, "t")->distinct, 6);
	assert_false(attribute(s, "n")->mixed);
	stats_free(s);
}

static void
the_least_stays_the_least_among_numbers_near_it(void **state)
{
	struct stats *const s = stats_of(
		"{\"Item\":{\"n\":{\"N\":\"1.00000000000001\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"1.00000000000002\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"1\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"1.00000000000003\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"1.0000000000000000000000004\"}}}\n"
		"{\"Item\":{\"n\":{\"N\":\"1.000000000000029999999999\"}}}\n");

	(void)state;
	expect_bounds(s, "n", "1", "1.00000000000003");
	stats_free(s);
}

/* That sizes are those of item_size() is what stats_of() looks at. */
static void
numbers_of_digits_are_read_whatever_stands_before_and_behind(void **state)
{
	static const char *const texts[] = {
		"0", "7", "10", "100", "1000", "1001", "99999999", "12345678",
		"123456789", "100000000", "00", "007", "0.5", "-1", "1.5",
		"12/4", "1e3", "10000000", "90000001", "-33.865143", "0.05",
		"0.00000001", "-0.10203", "1234567.12345678", "12345678.5",
		"1.123456789", "100.25", "12.50", "1000.001", "01.5", "9.",
		"-7", "-100", "-10.5",
	};
	struct buf lines = { 0 };
	struct stats *s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_append(&lines, span_of("{\"Item\":{\"n\":{\"N\":\""), &err);
		buf_append(&lines, span_of(texts[i]), &err);
		buf_append(&lines, span_of("\"}}}\n"), &err);
	}
	buf_append(&lines, (struct span){ (const uint8_t *)"", 1 }, &err);
	s = stats_of((const char *)lines.ptr);
	expect_bounds(s, "n", "-100", "123456789");
	/* One is none; 00 is 0, 007 is 7, 1e3 is 1000, and 01.5 is 1.5. */
	assert_int_equal(attribute(s, "n")->present,
			 sizeof(texts) / sizeof(texts[0]) - 1);
	assert_int_equal(attribute(s, "n")->distinct,
			 sizeof(texts) / sizeof(texts[0]) - 5);
	stats_free(s);
	buf_free(&lines);
}

static void
names_are_found_in_whatever_order_they_come(void **state)
{
	enum { NAMES = 12, ITEMS = 500 };
	uint64_t want[NAMES] = { 0 };
	struct buf lines = { 0 };
	struct stats *s;

	(void)state;
	seed = 7;
	for (int i = 0; i < ITEMS; i++) {
		const uint32_t first = pick(NAMES), step = 1 + 4 * pick(2);
		const char *comma = "";

		buf_append(&lines, span_of("{\"Item\":{\"m\":{\"M\":{"), &err);
		for (uint32_t k = 0; k < NAMES; k++) {
			const uint32_t n = (first + k * step) % NAMES;
			char text[64];

			if (pick(3) == 0)
				continue;
			snprintf(text, sizeof(text), "%s\"attribute%u\":"
				 "{\"S\":\"%u\"}", comma, n, n);
			buf_append(&lines, span_of(text), &err);
			want[n]++;
			comma = ",";
		}
		buf_append(&lines, span_of("}}}}\n"), &err);
	}
	buf_append(&lines, (struct span){ (const uint8_t *)"", 1 }, &err);
	s = stats_of((const char *)lines.ptr);
	for (uint32_t n = 0; n < NAMES; n++) {
		char path[32], value[16];

		snprintf(path, sizeof(path), "m.attribute%u", n);
		snprintf(value, sizeof(value), "%u", n);
		assert_int_equal(attribute(s, path)->present, want[n]);
		assert_int_equal(attribute(s, path)->distinct, 1);
		expect_bounds(s, path, value, value);
	}
	stats_free(s);
	buf_free(&lines);
}

static void
mixed_types_are_told_but_null_is_none(void **state)
{
	struct stats *const s = stats_of(
		"{\"Item\":{\"a\":{\"N\":\"7\"},\"b\":{\"S\":\"x\"}}}\n"
		"{\"Item\":{\"a\":{\"N\":\"8\"},\"b\":{\"NULL\":true}}}\n"
		"{\"Item\":{\"a\":{\"S\":\"7\"}}}\n");

	(void)state;
	assert_true(attribute(s, "a")->mixed);
	assert_false(attribute(s, "b")->mixed);
	assert_int_equal(attribute(s, "a")->distinct, 3);
	expect_bounds(s, "a", "7", "8");	/* of the numbers: they are more */
	stats_free(s);
}

static void
long_texts_are_cut_between_characters(void **state)
{
	struct buf lines = { 0 };
	struct stats *s;

	(void)state;
	buf_printf(&lines, &err, "{\"Item\":{\"a\":{\"S\":\"%099d\xc3\xa9"
		   "x\"}}}\n", 0);
	buf_printf(&lines, &err, "{\"Item\":{\"a\":{\"S\":\"%0100d\"}}}\n", 1);
	buf_append(&lines, (struct span){ (const uint8_t *)"", 1 }, &err);
	s = stats_of((const char *)lines.ptr);

	const struct stats_attribute *const a = attribute(s, "a");
	assert_int_equal(strlen(a->min), 100);
	assert_int_equal(strlen(a->max), 99 + 3);
	assert_string_equal(a->max + 99, "\xe2\x80\xa6");
	buf_free(&lines);
	stats_free(s);
}

/* ---- many items at random ------------------------------------------------ */

static void
put_number(struct buf *b)
{
	static const char *const odd[] = {
		"0", "-0", "0.10", "1E-130", "9.9E+125", "1e5", "+7", "007",
		"12345678901234567890123456789012345678", "5.", "-0.00", ".5",
		"-.05E-3",
	};
	const uint32_t kind = pick(8);

	if (kind == 0)
		buf_printf(b, &err, "%s", odd[pick(13)]);
	else if (kind < 4)
		buf_printf(b, &err, "%s%u", pick(2) ? "-" : "",
			   pick(kind == 1 ? 10 : 65000));
	else
		buf_printf(b, &err, "%s%u.%0*u", pick(2) ? "-" : "",
			   pick(3000), (int)pick(6) + 1, pick(2000));
}

static void
put_value(struct buf *b, int depth)
{
	static const char *const texts[] = {
		"", "a", "abcdefg", "abcdefgh", "abcdefghi", "\\u00e9\\n",
		"a text of more than sixteen bytes", "\xc3\xa4\xf0\x9f\x98\x80",
		"exactly 16 bytes", "exactly 17 bytes!",
	};
	const uint32_t kind = pick(depth > 0 ? 11 : 7);

	switch (kind) {
	case 0: case 1: case 2:
		buf_printf(b, &err, "{\"S\":\"%s\"}", texts[pick(10)]);
		break;
	case 3: case 4:
		buf_printf(b, &err, "{\"N\":\"");
		put_number(b);
		buf_printf(b, &err, "\"}");
		break;
	case 5:
		buf_printf(b, &err, pick(2) ? "{\"BOOL\":false}"
			   : pick(2) ? "{\"NULL\":true}" : "{\"BOOL\":true}");
		break;
	case 6:
		buf_printf(b, &err, pick(2) ? "{\"B\":\"AAECAw==\"}"
			   : "{\"B\":\"\\u0041AEC\"}");
		break;
	case 7:
		buf_printf(b, &err, pick(2) ? "{\"SS\":[\"x\",\"yy\"]}" :
			   "{\"NS\":[\"%u\",\"-2.5\"]}", pick(9));
		break;
	case 8:
		buf_printf(b, &err, "{\"L\":[");
		for (uint32_t i = pick(4); i > 0; i--) {
			put_value(b, depth - 1);
			buf_printf(b, &err, i > 1 ? "," : "");
		}
		buf_printf(b, &err, "]}");
		break;
	default:
		buf_printf(b, &err, "{\"M\":{");
		for (uint32_t i = pick(4), k = 0; k < i; k++) {
			buf_printf(b, &err, "%s\"k%u\":", k > 0 ? "," : "",
				   4 * k + pick(4));
			put_value(b, depth - 1);
		}
		buf_printf(b, &err, "}}");
	}
}

/* Items of which one map has very many names. */
static void
put_items(struct buf *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		buf_printf(b, &err, "{\"Item\":{\"id\":{\"S\":\"%u\"}", i);
		for (uint32_t k = 0; k < 6; k++) {
			buf_printf(b, &err, ",\"a%u\":", 3 * k + pick(3));
			put_value(b, 3);
		}
		if (pick(2) == 0) {
			buf_printf(b, &err, ",\"byId\":{\"M\":{\"x%u\":",
				   pick(500));
			put_value(b, 2);
			buf_printf(b, &err, "}}");
		}
		buf_printf(b, &err, "}}\n");
	}
}

/* All that the statistics say, as text. */
static void
print(const struct stats *s, struct buf *out)
{
	const struct stats_input *const in = stats_of_input(s, 0);
	size_t n, left_out;
	const struct stats_attribute *const list =
		stats_attributes(s, 0, &mem, &n, &left_out, &err);

	buf_printf(out, &err, "%ju %ju %ju %ju %ju\n", (uintmax_t)in->items,
		   (uintmax_t)in->bytes, (uintmax_t)in->min,
		   (uintmax_t)in->max, (uintmax_t)in->left_out);
	for (uint32_t i = 0; i < in->nlargest; i++)
		buf_printf(out, &err, "%ju %u %ju %s\n",
			   (uintmax_t)in->largest[i].bytes,
			   in->largest[i].place.unit,
			   (uintmax_t)in->largest[i].place.line,
			   in->largest[i].place.key);
	for (size_t i = 0; i < n; i++) {
		const struct stats_attribute *const a = &list[i];

		buf_printf(out, &err, "%s %ju %ju %d '%s' '%s'", a->path,
			   (uintmax_t)a->present, (uintmax_t)a->distinct,
			   a->mixed, a->min != NULL ? a->min : "",
			   a->max != NULL ? a->max : "");
		for (int t = VALUE_S; t < VALUE_PLACE; t++)
			buf_printf(out, &err, " %ju", (uintmax_t)a->types[t]);
		for (unsigned k = 0; k < a->nexamples; k++)
			buf_printf(out, &err, " '%s'", a->examples[k]);
		buf_printf(out, &err, "\n");
	}
	buf_append(out, (struct span){ (const uint8_t *)"", 1 }, &err);
}

enum { UNITS = 4, ITEMS = 700 };

/* The same units, one after the other or side by side, in batches as large. */
static void
pass_by(const struct buf *texts, bool together, size_t most, struct buf *out)
{
	struct stats *const s = stats_new(&plan, 0, &err);
	struct pass p[UNITS] = { { .at = 0 } };
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < UNITS; i++) {
		const uint32_t u = together ? UNITS - 1 - i : i;

		buf_append(&p[i].text, buf_span(&texts[u]), &err);
		start(&p[i], s, u);
		if (together)
			continue;
		while (go(&p[i], most, &bytes))
			;
		stop(&p[i]);
	}
	for (bool more = together; more;) {
		more = false;
		for (uint32_t i = 0; i < UNITS; i++)
			more |= go(&p[i], most, &bytes);
	}
	for (uint32_t i = 0; together && i < UNITS; i++)
		stop(&p[i]);
	assert_int_equal(0, stats_settle(s, &err));
	assert_int_equal(bytes, stats_of_input(s, 0)->bytes);
	print(s, out);
	stats_free(s);
}

static void
neither_order_nor_batches_change_the_result(void **state)
{
	static const size_t most[] = { 300, 5000, 100000 };
	struct buf texts[UNITS] = { { 0 } };
	struct buf first = { 0 }, other = { 0 };

	(void)state;
	seed = 1;
	for (int i = 0; i < UNITS; i++)
		put_items(&texts[i], ITEMS);
	pass_by(texts, false, 64 * 1024, &first);
	assert_non_null(strstr((const char *)first.ptr, "\nbyId.* "));
	assert_null(strstr((const char *)first.ptr, "\nbyId.x"));
	for (size_t i = 0; i < 6; i++) {
		buf_reset(&other);
		pass_by(texts, i % 2 == 0, most[i / 2], &other);
		assert_string_equal((const char *)first.ptr,
				    (const char *)other.ptr);
	}
	for (int i = 0; i < UNITS; i++)
		buf_free(&texts[i]);
	buf_free(&first);
	buf_free(&other);
}

static void
what_there_is_no_room_for_is_counted(void **state)
{
	struct buf lines = { 0 };
	struct stats *s;
	size_t n, left_out;

	(void)state;
	/* 900 names, each of a map of 60: more paths than are told. */
	for (int i = 0; i < 900; i++) {
		buf_printf(&lines, &err, "{\"Item\":{\"m%d\":{\"M\":{", i);
		for (int k = 0; k < 60; k++)
			buf_printf(&lines, &err, "%s\"k%d\":{\"S\":\"x\"}",
				   k > 0 ? "," : "", k);
		buf_printf(&lines, &err, "}}}}\n");
	}
	buf_append(&lines, (struct span){ (const uint8_t *)"", 1 }, &err);
	s = stats_of((const char *)lines.ptr);
	stats_attributes(s, 0, &mem, &n, &left_out, &err);
	assert_int_equal(n, STATS_PATHS);
	assert_int_equal(n + left_out + stats_of_input(s, 0)->left_out,
			 900 * 61);
	buf_free(&lines);
	stats_free(s);
}

/* Items with 300 attributes, all of different values, some to each unit. */
static struct stats *
stats_of_many(unsigned nunits)
{
	enum { NAMES = 300, MANY = 1200 };
	struct stats *const s = stats_new(&plan, 0, &err);
	struct pass p[4] = { { .at = 0 } };
	uint64_t bytes = 0;

	for (unsigned i = 0; i < MANY; i++) {
		struct buf *const to = &p[i % nunits].text;

		buf_printf(to, &err, "{\"Item\":{");
		for (unsigned k = 0; k < NAMES; k++)
			buf_printf(to, &err, "%s\"a%u\":{\"S\":\"%x\"}",
				   k > 0 ? "," : "", k, i * 2654435761u + k);
		buf_printf(to, &err, "}}\n");
	}
	/* All at once, so that each has an eye of its own. */
	for (unsigned i = 0; i < nunits; i++)
		start(&p[i], s, i);
	for (unsigned i = 0; i < nunits; i++)
		while (go(&p[i], 100000, &bytes))
			;
	for (unsigned i = 0; i < nunits; i++)
		stop(&p[i]);
	assert_int_equal(0, stats_settle(s, &err));
	return s;
}

static void
of_many_paths_with_many_values_less_is_kept_of_each(void **state)
{
	struct stats *const a = stats_of_many(1);
	struct stats *const b = stats_of_many(4);
	const double error = stats_error(a, 0);

	(void)state;
	assert_true(error > 0.044 && error < 0.0443);	/* 1 / sqrt(512) */
	assert_true(stats_error(b, 0) == error);
	for (unsigned k = 0; k < 300; k += 50) {
		char path[16];

		snprintf(path, sizeof(path), "a%u", k);
		assert_in_range(attribute(a, path)->distinct, 980, 1200);
		assert_int_equal(attribute(b, path)->distinct,
				 attribute(a, path)->distinct);
	}
	stats_free(a);
	stats_free(b);
}

static void
the_largest_come_first_and_ties_by_place(void **state)
{
	struct buf lines = { 0 };
	struct stats *s;

	(void)state;
	for (int i = 0; i < 30; i++)
		buf_printf(&lines, &err, "{\"Item\":{\"id\":{\"S\":\"%02d\"},"
			   "\"x\":{\"S\":\"%.*s\"}}}\n", i, i % 3, "xyz");
	buf_append(&lines, (struct span){ (const uint8_t *)"", 1 }, &err);
	s = stats_of((const char *)lines.ptr);

	const struct stats_input *const in = stats_of_input(s, 0);
	assert_int_equal(in->nlargest, STATS_LARGEST);
	assert_int_equal(in->min, 2 + 2 + 1);
	assert_int_equal(in->max, 2 + 2 + 1 + 2);
	for (uint32_t i = 0; i < STATS_LARGEST; i++) {
		assert_int_equal(in->largest[i].bytes, in->max);
		assert_int_equal(in->largest[i].place.line, 3 * i + 3);
	}
	assert_string_equal(in->largest[1].place.key, "id = '05'");
	assert_int_equal(in->sizes[3], 30);
	buf_free(&lines);
	stats_free(s);
}

/* Units of an item of `n` bytes that an edit makes larger by `more`. */
static uint64_t
units_of_edited(uint32_t n, uint32_t more)
{
	static const uint8_t text[64 + EDIT_SLACK] =
		"0123456789012345678901234567890123456789";
	struct stats *const s = stats_new(&plan, 0, &err);
	struct pass p = { .at = 0 };
	uint64_t bytes = 0;

	buf_printf(&p.text, &err, "{\"Item\":{\"id\":{\"S\":\"01234567\"},"
		   "\"x\":{\"S\":\"%0*d\"}}}\n", (int)n - 11, 0);
	start(&p, s, 0);
	assert_true(go(&p, 1 << 20, &bytes));
	assert_int_equal(n, bytes);

	/* The same batch, as if it had gone through a program. */
	struct item *const item = &p.batch.items[0];
	struct edit edit = { item->map.kids[1].text, text, 8, 8 + more };
	struct product made = { .item = item,
				.len = (uint32_t)item->line.len + 1 + more };
	uint32_t tables[1] = { 0 };
	const struct program_result result = {
		.products = &made, .nproducts = 1, .tables = tables,
	};

	item->edits = &edit;
	item->nedits = 1;
	item->edited_len = made.len - 1;
	assert_int_equal(0, p.observer.after(p.eye, &p.batch, &result, &err));
	stop(&p);
	assert_int_equal(0, stats_settle(s, &err));
	const uint64_t units = stats_of_table(s, 0)->units;
	stats_free(s);
	return units;
}

static void
edits_that_bring_an_item_over_a_write_unit_are_noticed(void **state)
{
	(void)state;
	for (uint32_t n = 960; n < 1080; n++)
		for (uint32_t more = 0; more <= 30; more += 10)
			assert_int_equal(n + more > 1024 ? 2 : 1,
					 units_of_edited(n, more));
	assert_int_equal(units_of_edited(2048, 0), 2);
	assert_int_equal(units_of_edited(2040, 9), 3);
	assert_int_equal(units_of_edited(500, 9), 1);
}

/* ---- words --------------------------------------------------------------- */

/* A text of `n` bytes between others, which count for nothing. */
static const uint8_t *
amid(const char *text, size_t n)
{
	static uint8_t room[256];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (uint8_t)pick(256);
	memcpy(room + 16, text, n);
	return room + 16;
}

static void
a_hash_is_of_the_text_alone(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[80];
		const size_t n = pick(i % 2 == 0 ? 20 : sizeof(text) + 1);

		for (size_t k = 0; k < n; k++)
			text[k] = (char)pick(256);
		for (int k = 0; k < 3; k++) {
			const uint8_t *const p = amid(text, n);

			assert_true(hash_of((uint8_t *)text, n, VALUE_S) ==
				    hash_slack(p, n, VALUE_S));
			assert_true(n > 16 ||
				    hash_of((uint8_t *)text, n, VALUE_N) ==
				    hash_rest(VALUE_N * HASH_B, p, n, VALUE_N));
			assert_true(key_of((uint8_t *)text, n) ==
				    key_slack(p, n));
		}
	}
}

/* What is said of a number is so, if anything is said. */
static bool
is_told(const char *text, struct simple *s)
{
	char canonical[DECIMAL_TEXT_LEN];
	const struct span all = span_of(text);
	struct err why;

	if (decimal_check(all, &why) != 0 ||
	    !read_simple(amid(text, all.len), all.len, s))
		return false;

	const size_t n = decimal_canonical(all, canonical);
	assert_int_equal(n, s->len);
	assert_memory_equal(canonical, text, n);
	assert_int_equal(decimal_stored_len(all), s->size);
	return true;
}

static void
simple_numbers_are_as_long_and_large_as_decimals(void **state)
{
	static const char SIGNS[] = "-.0159";
	uint32_t told = 0;

	(void)state;
	/* All short ones, and as many more. */
	for (uint32_t i = 0; i < 2 * 6 * 6 * 6 * 6 * 6 * 6; i++) {
		char text[24];
		struct simple s;
		uint32_t k = i, n = 1;

		for (; k > 0 && n < 7; k /= 6, n++)
			text[n - 1] = SIGNS[k % 6];
		if (i >= 6 * 6 * 6 * 6 * 6 * 6)
			for (n = 1; n <= 1 + pick(20); n++)
				text[n - 1] = SIGNS[1 + pick(5)];
		text[n - 1] = '\0';
		told += is_told(text, &s);
	}
	assert_in_range(told, 1000, 100000);
}

static void
keys_of_simple_numbers_have_their_order(void **state)
{
	char a[24], b[24];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct simple x, y;

		snprintf(a, sizeof(a), "%s%u.%u", pick(3) == 0 ? "-" : "",
			 pick(4) == 0 ? 0 : pick(1 << pick(16)), pick(2000));
		snprintf(b, sizeof(b), "%s%u", pick(3) == 0 ? "-" : "",
			 pick(1 << pick(16)));
		if (!is_told(a, &x) || !is_told(b, &y))
			continue;
		const int c = decimal_compare(span_of(a), span_of(b));
		assert_true(c == 0 || x.key == y.key ||
			    (c < 0) == (x.key < y.key));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_those_of_maps_lists_and_sets),
		cmocka_unit_test(numbers_are_ordered_by_value_and_texts_by_bytes),
		cmocka_unit_test(the_least_stays_the_least_among_numbers_near_it),
		cmocka_unit_test(
			numbers_of_digits_are_read_whatever_stands_before_and_behind),
		cmocka_unit_test(names_are_found_in_whatever_order_they_come),
		cmocka_unit_test(mixed_types_are_told_but_null_is_none),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(neither_order_nor_batches_change_the_result),
		cmocka_unit_test(what_there_is_no_room_for_is_counted),
		cmocka_unit_test(
			of_many_paths_with_many_values_less_is_kept_of_each),
		cmocka_unit_test(the_largest_come_first_and_ties_by_place),
		cmocka_unit_test(
			edits_that_bring_an_item_over_a_write_unit_are_noticed),
		cmocka_unit_test(a_hash_is_of_the_text_alone),
		cmocka_unit_test(simple_numbers_are_as_long_and_large_as_decimals),
		cmocka_unit_test(keys_of_simple_numbers_have_their_order),
	};
	const int failed = cmocka_run_group_tests_name("stats", tests, NULL,
						       NULL);

	arena_free(&mem);
	return failed;
}
