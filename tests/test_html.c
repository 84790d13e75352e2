/* test_html.c - pages: of any JSON text, the same each time, and escaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/html.h"
#include "engine/html_graph.h"
#include "engine/html_internal.h"
#include "io/file.h"
#include "tests/guard.h"

static struct buf page;
static struct err err;

/* The page of `json`, as a C string. */
static const char *
make(html_maker *maker, const char *json)
{
	buf_reset(&page);
	err = (struct err){ 0 };
	if (maker(guard_copy((const uint8_t *)json, strlen(json)), &page,
		  &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(buf_append(&page, (struct span){
		(const uint8_t *)"", 1 }, &err), 0);
	return (const char *)page.ptr;
}

static void
has(const char *text)
{
	if (strstr((const char *)page.ptr, text) == NULL)
		fail_msg("the page does not have: %s", text);
}

static void
has_not(const char *text)
{
	if (strstr((const char *)page.ptr, text) != NULL)
		fail_msg("the page has: %s", text);
}

static void
what_the_text_lacks_is_left_out(void **state)
{
	static const char *const TEXTS[] = {
		"{}", "{\"total\": 1, \"tables\": {}, \"references\": 7}",
		"{\"tables\": [1, null, [], {\"rules\": [{\"to\": [{}]}]}], "
			"\"total\": {\"read\": -1, \"moved\": 1e999}}",
		"{\"plan\": [\"x\"], \"references\": [{}], \"discovered\": "
			"[{\"sampled\": true}], \"cycles\": [1, [{}]], "
			"\"problems\": [0, {}], \"prices\": [[1, {\"a\": "
			"null}]]}",
		"{\"tables\": [{\"attributes\": [{\"types\": {\"S\": -1}, "
			"\"examples\": [{}], \"mixed\": 3}], \"itemBytes\": "
			"{\"histogram\": [{}, {\"items\": 5}]}, \"asserts\": "
			"[{}], \"ttl\": 4, \"level\": 18446744073709551615}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		make(html_report, TEXTS[i]);
		has("</html>");
		make(html_analysis, TEXTS[i]);
		has("</html>");
	}
}

static void
what_is_no_json_map_is_refused(void **state)
{
	static const char *const TEXTS[] = { "", "[]", "{", "{\"a\": \"\xff\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		buf_reset(&page);
		assert_int_equal(html_report(span_of(TEXTS[i]), &page, &err),
				 -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void
names_stay_text(void **state)
{
	(void)state;
	make(html_report, "{\"plan\": \"</title><script>x()</script>\", "
	     "\"tables\": [{\"table\": \"\\\"><img src=x onerror=y()>\", "
	     "\"rules\": [{\"path\": \"<b>\\u202e\\u0000\", \"to\": "
	     "[{\"table\": \"'&\", \"references\": 2, \"dangling\": 1, "
	     "\"danglingExamples\": [\"<i>\"]}]}]}]}");
	has("&lt;script&gt;x()&lt;/script&gt;");
	has("&quot;&gt;&lt;img src=x onerror=y()&gt;");
	has("&lt;b&gt;[U+202E]\u2400");
	has("&lt;i&gt;");
	has_not("<script>x");
	has_not("<img");
	has_not("<b>");
	has_not("<i>");
	has_not("\u202e");
}

static void
the_account_says_whether_it_meets(void **state)
{
	(void)state;
	make(html_report, "{\"total\": {\"read\": 1234, \"moved\": 1230, "
	     "\"filtered\": 3, \"rejected\": 1}}");
	has("\u2713 meets what was read");
	has(">1,234<");
	has(">99.7 %<");
	has_not("does not meet");
	make(html_report, "{\"total\": {\"read\": 1234, \"moved\": 1230}}");
	has("\u2717 does not meet what was read");
	has(">1,230<");
}

static void
a_text_makes_the_same_page_each_time(void **state)
{
	static const char JSON[] = "{\"plan\": \"p\", \"references\": [{"
		"\"table\": \"A\", \"path\": \"x\", \"to\": \"B\"}]}";
	char *first;

	(void)state;
	first = strdup(make(html_analysis, JSON));
	assert_non_null(first);
	assert_string_equal(make(html_analysis, JSON), first);
	free(first);
}

static void
numbers_read_well(void **state)
{
	char out[HTML_NUMBER];

	(void)state;
	assert_string_equal(html_count(0, out), "0");
	assert_string_equal(html_count(999, out), "999");
	assert_string_equal(html_count(UINT64_MAX, out),
			    "18,446,744,073,709,551,615");
	assert_string_equal(html_bytes(999, out), "999 B");
	assert_string_equal(html_bytes(16031, out), "16.0 kB");
	assert_string_equal(html_bytes(999960, out), "1.0 MB");
	assert_string_equal(html_binary(2048, out), "2 KiB");
	assert_string_equal(html_binary(1500, out), "1.5 KiB");
	assert_string_equal(html_seconds(.036, out), "0.036 s");
	assert_string_equal(html_seconds(75, out), "75 s");
	assert_string_equal(html_seconds(600, out), "10 min");
	assert_string_equal(html_seconds(7500, out), "2 h 05 min");
	assert_string_equal(html_seconds(-1, out), "?");
	assert_string_equal(html_money(12.5, out), "$12.50");
	assert_string_equal(html_money(.0127, out), "$0.0127");
	assert_string_equal(html_money(.00004, out), "<$0.0001");
	assert_string_equal(html_money(0, out), "$0.00");
	assert_string_equal(html_plural(1, "item", out), "1 item");
	assert_string_equal(html_plural(1000, "item", out), "1,000 items");
}

static void
a_share_is_all_or_nothing_only_when_it_is(void **state)
{
	char out[HTML_NUMBER];

	(void)state;
	assert_string_equal(html_share(5, 5, out), "100 %");
	assert_string_equal(html_share(99999, 100000, out), "> 99.9 %");
	assert_string_equal(html_share(998, 1000, out), "99.8 %");
	assert_string_equal(html_share(1, 100000, out), "< 0.1 %");
	assert_string_equal(html_share(0, 100000, out), "0 %");
	assert_string_equal(html_share(0, 0, out), "0 %");
}

static void
times_come_in_two_ways(void **state)
{
	char out[HTML_NUMBER];

	(void)state;
	assert_string_equal(html_time(span_of("1795272430"), out),
			    "2026-11-21 14:47:10 UTC");
	assert_string_equal(html_time(span_of("2026-11-21T14:47:10Z"), out),
			    "2026-11-21 14:47:10 UTC");
	assert_string_equal(html_time(span_of("yesterday"), out), "yesterday");
	assert_string_equal(html_time(span_of(""), out), "");
	assert_string_equal(html_time(span_of("99999999999999999999"), out),
			    "99999999999999999999");
}

/* ---- the picture --------------------------------------------------------- */

static void
link_nodes(struct html_graph *g, const char *from, const char *to)
{
	const uint32_t a = html_graph_node(g, span_of(from));
	const uint32_t b = html_graph_node(g, span_of(to));

	html_graph_link(g, &(struct html_link){ .from = a, .to = b,
						.path = span_of("x") });
}

static void
levels_are_found_by_what_refers_to_what(void **state)
{
	static const struct { const char *name; uint32_t level; } WANT[] = {
		{ "A", 1 }, { "B", 2 }, { "C", 3 }, { "D", 3 }, { "E", 4 },
		{ "S", 1 },
	};
	struct graph_layout l;
	struct html_graph g;
	struct arena mem = { 0 };

	(void)state;
	assert_int_equal(html_graph_start(&g, &mem, &err), 0);
	link_nodes(&g, "E", "C");
	link_nodes(&g, "E", "A");
	link_nodes(&g, "B", "A");
	link_nodes(&g, "C", "D");	/* C and D are a cycle */
	link_nodes(&g, "D", "C");
	link_nodes(&g, "C", "B");
	link_nodes(&g, "S", "S");	/* S refers to itself */
	assert_int_equal(graph_layout(&l, &g, &mem, &err), 0);
	assert_int_equal(l.ncolumns, 4);
	for (size_t i = 0; i < sizeof(WANT) / sizeof(WANT[0]); i++) {
		const uint32_t n = html_graph_node(&g, span_of(WANT[i].name));

		assert_int_equal(g.nodes[n].level, WANT[i].level);
		assert_int_equal(l.slots[n].column, WANT[i].level - 1);
	}
	arena_free(&mem);
}

/* Every shape that chance gives, up to the limits: nothing lies on another. */
static void
tables_and_passing_links_do_not_touch(void **state)
{
	static const uint32_t SIZES[][2] = {
		{ 1, 0 }, { 2, 3 }, { 9, 14 }, { 40, 90 }, { 120, 300 },
		{ HTML_MAX_NODES, HTML_MAX_LINKS },
	};
	uint64_t dice = 88172645463325252;

	(void)state;
	for (size_t k = 0; k < sizeof(SIZES) / sizeof(SIZES[0]); k++) {
		struct graph_layout l;
		struct html_graph g;
		struct arena mem = { 0 };

		assert_int_equal(html_graph_start(&g, &mem, &err), 0);
		for (uint32_t i = 0; i < SIZES[k][0]; i++) {
			char name[16];

			snprintf(name, sizeof(name), "T%u", i);
			html_graph_node(&g, arena_copy(&mem, span_of(name),
						       &err));
		}
		for (uint32_t i = 0; i < SIZES[k][1]; i++) {
			dice ^= dice << 13;
			dice ^= dice >> 7;
			dice ^= dice << 17;
			const uint32_t a = (uint32_t)(dice % g.nnodes);
			const uint32_t b = (uint32_t)(dice / 7 % g.nnodes);

			html_graph_link(&g, &(struct html_link){
				.from = a > b ? a : b, .to = a > b ? b : a,
				.kind = dice % 5 == 0, .path = span_of("x"),
			});
		}
		assert_int_equal(graph_layout(&l, &g, &mem, &err), 0);
		for (uint32_t i = 0; i < l.nslots; i++) {
			const struct graph_slot *const s = &l.slots[i];

			assert_true(s->y >= GRAPH_TOP);
			assert_true(s->y + s->height <= l.height);
			for (uint32_t j = 0; j < i; j++) {
				const struct graph_slot *const t = &l.slots[j];

				if (s->column == t->column &&
				    s->y < t->y + t->height &&
				    t->y < s->y + s->height)
					fail_msg("slots %u and %u touch", i,
						 j);
			}
		}
		arena_free(&mem);
	}
}

static void
a_graph_too_large_is_not_drawn(void **state)
{
	struct buf json = { 0 };

	(void)state;
	assert_int_equal(buf_printf(&json, &err, "{\"references\": ["), 0);
	for (int i = 0; i < HTML_MAX_NODES; i++)
		assert_int_equal(buf_printf(&json, &err, "%s{\"table\": "
			"\"T%d\", \"path\": \"x\", \"to\": \"T%d\"}",
			i > 0 ? "," : "", i, i + 1), 0);
	assert_int_equal(buf_printf(&json, &err, "]}"), 0);
	make(html_analysis, (const char *)json.ptr);
	has("too many tables or relationships for a picture");
	has(">T299<");
	buf_free(&json);
}

/* ---- files --------------------------------------------------------------- */

static void
what_is_no_page_does_not_stop_the_job(void **state)
{
	char path[] = "/tmp/test_html.XXXXXX";
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	err = (struct err){ 0 };
	assert_int_equal(html_save(path, html_report, span_of("{\"a\": 1"),
				   &err), 0);
	assert_int_equal(err.code, ERR_NONE);
	buf_reset(&page);
	assert_int_equal(file_load(path, 1 << 20, &page, &err), 0);
	assert_int_equal(buf_append(&page, (struct span){
		(const uint8_t *)"", 1 }, &err), 0);
	has("cannot be shown as a page (report.json:1:");
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_text_lacks_is_left_out),
		cmocka_unit_test(what_is_no_json_map_is_refused),
		cmocka_unit_test(names_stay_text),
		cmocka_unit_test(the_account_says_whether_it_meets),
		cmocka_unit_test(a_text_makes_the_same_page_each_time),
		cmocka_unit_test(numbers_read_well),
		cmocka_unit_test(a_share_is_all_or_nothing_only_when_it_is),
		cmocka_unit_test(times_come_in_two_ways),
		cmocka_unit_test(levels_are_found_by_what_refers_to_what),
		cmocka_unit_test(tables_and_passing_links_do_not_touch),
		cmocka_unit_test(a_graph_too_large_is_not_drawn),
		cmocka_unit_test(what_is_no_page_does_not_stop_the_job),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
