/*
 * test_rewrite.c - every rule about ids and references, from line to line.
 *
 * Lines are decoded, rewritten and encoded again.  In what is expected,
 * `<Contacts:c1>` stands for the new id of S `c1`, `<#Contacts:42>` for that of
 * N 42.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "expr/expr.h"
#include "expr/remap.h"
#include "expr/rewrite.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "model/path.h"
#include "tests/guard.h"

/* A stand-in: holds if the item has the attribute. */
struct expr {
	const char *attribute;
	bool fails;
	unsigned asked;
};

int
expr_test(const struct expr *e, const struct expr_run *run,
	  const struct item *item, struct err *err)
{
	const struct span name = span_of(e->attribute);
	unsigned asked = e->asked + 1;

	(void)run;
	memcpy((uint8_t *)(uintptr_t)&e->asked, &asked, sizeof(asked));
	if (e->fails)
		return err_set(err, ERR_INPUT, "no such thing");
	return value_attr(&item->map, name, name_hash(name)) != NULL;
}

enum { CONTACTS, PROJECTS, NUMBERS, KEPT, AUDIT, HISTORY, KEEPING, NTABLES };

static const char *const names[NTABLES] = {
	"Contacts", "Projects", "Numbers", "Kept", "Audit", "History",
	"Keeping",
};

static struct remap *remaps[NTABLES];
static struct rewrite_table tables[NTABLES];
static struct rewrite_options options;
static struct rewrite *rw;
static struct rewrite_queue *q;
static struct ddbjson *decoder;
static struct batch batch;
static struct err err;
static uint64_t left[16 * LEFT_KINDS];
static bool found;		/* by rewrite_collect_found() where it may be */
static unsigned nasked;		/* references, of the look-up */

/* A rule in short: the last alternative has neither table nor pattern. */
struct short_rule {
	const char *path;
	struct {
		const char *table, *pattern;
		const struct expr *when;
	} alternatives[4];
	bool is_id;
};

static int
start(void **state)
{
	const struct remap_row row = { span_of("old"), span_of("new") };
	struct remap_options o = { .form = REMAP_HEX, .length = 12,
				   .environment = span_of("prod") };

	(void)state;
	cpu_init(NULL);
	for (size_t i = 0; i < NTABLES; i++) {
		o.type = i == NUMBERS ? VALUE_N : 0;
		o.keep = span_of(i == KEEPING ? "^SYS-" : "");
		o.rows = &row;
		o.nrows = i == KEEPING;
		if (i != KEPT && i != AUDIT)
			remaps[i] = remap_new(span_of(names[i]), &o, &err);
		tables[i] = (struct rewrite_table){
			.name = span_of(names[i]), .remap = remaps[i],
			.number = 100 + (uint32_t)i,
			.skip = i == AUDIT || i == HISTORY };
	}
	options = (struct rewrite_options){ .tables = tables,
					    .ntables = NTABLES,
					    .own = PROJECTS };
	q = rewrite_queue_new(&err);
	decoder = ddbjson_new(&err);
	memset(left, 0, sizeof(left));
	nasked = 0;
	assert_non_null(q);
	assert_non_null(decoder);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rewrite_free(rw);
	rw = NULL;
	rewrite_queue_free(q);
	ddbjson_free(decoder);
	batch_free(&batch);
	for (size_t i = 0; i < NTABLES; i++) {
		remap_free(remaps[i]);
		remaps[i] = NULL;
	}
	return 0;
}

static struct rewrite *
try_compile(const struct short_rule *rules, size_t n, size_t *at, size_t *alt)
{
	struct rewrite_rule full[16];
	struct rewrite_alternative alternatives[16][4];
	struct path paths[16];
	struct rewrite *made;

	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (path_parse(&paths[i], span_of(rules[i].path), true, NULL,
			       &err) != 0)
			fail_msg("%s: %s", rules[i].path, err.text);
		for (; k < 4 && (k == 0 || rules[i].alternatives[k].table ||
				 rules[i].alternatives[k].pattern); k++) {
			const char *const t = rules[i].alternatives[k].table;
			const char *const p = rules[i].alternatives[k].pattern;

			alternatives[i][k] = (struct rewrite_alternative){
				.table = span_of(t != NULL ? t : ""),
				.pattern = span_of(p != NULL ? p : ""),
				.when = rules[i].alternatives[k].when };
		}
		full[i] = (struct rewrite_rule){ .is_id = rules[i].is_id,
			.path = &paths[i], .alternatives = alternatives[i],
			.nalternatives = k };
	}
	made = rewrite_new(full, n, &options, at, alt, &err);
	for (size_t i = 0; i < n; i++)
		path_free(&paths[i]);
	memset(alternatives, 0xee, sizeof(alternatives));
	return made;
}

static void
compile(const struct short_rule *rules, size_t n)
{
	rewrite_free(rw);
	rw = try_compile(rules, n, NULL, NULL);
	if (rw == NULL)
		fail_msg("%s", err.text);
}

#define COMPILE(...) do { \
	static const struct short_rule rules_[] = { __VA_ARGS__ }; \
	compile(rules_, sizeof(rules_) / sizeof(rules_[0])); \
} while (0)

/* The whole of `text`, which must be good lines. */
static void
decode(const char *text)
{
	static uint8_t in[1 << 20];
	const size_t len = strlen(text);
	size_t used;

	assert_true(len + DDBJSON_SLACK < sizeof(in));
	memcpy(in, text, len);
	batch_reset(&batch);
	ddbjson_rewind(decoder);
	assert_int_equal(ddbjson_decode(decoder, (struct span){ in, len },
					true, &batch, &used, &err), 0);
	if (batch.nrejects > 0)
		fail_msg("%s: %s", text, batch.rejects[0].why.text);
}

/* Every id is there but for those that begin with `gone`. */
static int
lookup(void *context, const struct rewrite_use *const *uses, size_t n,
       bool *there, struct err *e)
{
	(void)e;
	assert_ptr_equal(context, &nasked);
	for (size_t i = 0; i < n; i++) {
		const struct span id = uses[i]->source;

		there[i] = id.len < 4 || memcmp(id.ptr, "gone", 4) != 0;
		assert_int_equal(uses[i]->flags & (USE_IS_ID | USE_UNCHECKED),
				 0);
	}
	nasked += (unsigned)n;
	return 0;
}

static int
collect(uint32_t i)
{
	const struct expr_run run = { .mem = &batch.mem };
	struct item *const item = &batch.items[i];
	struct value *values[16];

	if (found && rewrite_is_quick(rw) && rewrite_nrules(rw) <= 16) {
		for (size_t k = 0; k < rewrite_nrules(rw); k++) {
			const struct span name = rewrite_rule_name(rw, k);

			values[k] = value_attr(&item->map, name,
					       name_hash(name));
		}
		return rewrite_collect_found(rw, q, &run, item, 1000 + i,
					     values, left, &err) < 0 ? -1 : 0;
	}
	return rewrite_collect(rw, q, &run, &batch.items[i], 1000 + i, left,
			       &err);
}

static void
flush(void)
{
	if (rewrite_flush(q, &batch.mem, &err) != 0)
		fail_msg("%s", err.text);
}

/* Decode and rewrite. */
static void
rewrite(const char *text)
{
	decode(text);
	rewrite_reset(q);
	for (uint32_t i = 0; i < batch.nitems; i++)
		if (collect(i) != 0)
			fail_msg("%s", err.text);
	flush();
}

/* Append the new id that `<...>` stands for; returns what follows. */
static const char *
expand_one(const char *p, struct buf *out)
{
	const char *const end = strchr(p, '>');
	const bool number = p[1] == '#';
	const char *const name = p + 1 + number;
	const char *const id = strchr(name, ':') + 1;
	const struct value v = value_of_text(number ? VALUE_N : VALUE_S,
		(struct span){ (const uint8_t *)id, (size_t)(end - id) });
	struct value got;

	for (size_t i = 0; i < NTABLES; i++) {
		const size_t n = strlen(names[i]);

		if (strncmp(name, names[i], n) != 0 || name[n] != ':')
			continue;
		assert_int_equal(remap_new_id(remaps[i], &v, &got, &batch.mem,
					      &err), 0);
		buf_append(out, (struct span){ got.text, got.len }, &err);
		return end + 1;
	}
	fail_msg("no table in '%s'", p);
	return NULL;
}

static void
expand(const char *text, struct buf *out)
{
	while (*text != '\0') {
		if (*text == '<') {
			text = expand_one(text, out);
			continue;
		}
		buf_append(out, (struct span){ (const uint8_t *)text++, 1 },
			   &err);
	}
	buf_append(out, (struct span){ (const uint8_t *)"", 1 }, &err);
}

/* The batch as it is now. */
static void
expect_items(const char *want)
{
	struct buf got = { 0 }, expanded = { 0 };

	expand(want, &expanded);
	assert_int_equal(ddbjson_encode(batch.items, batch.nitems, &got, &err),
			 0);
	buf_append(&got, (struct span){ (const uint8_t *)"", 1 }, &err);
	assert_string_equal((char *)got.ptr, (char *)expanded.ptr);
	buf_free(&got);
	buf_free(&expanded);
}

static void
expect(const char *text, const char *want)
{
	rewrite(text);
	expect_items(want);
}

static void
expect_same(const char *text)
{
	expect(text, text);
}

static void
expect_left(size_t rule, enum rewrite_left why, uint64_t n)
{
	assert_int_equal(left[rule * LEFT_KINDS + why], n);
}

static void
expect_bad_rules(const struct short_rule *rules, size_t n, const char *word)
{
	struct rewrite *const made = try_compile(rules, n, NULL, NULL);

	assert_null(made);
	assert_int_equal(err.code, ERR_USAGE);
	if (strstr(err.text, word) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, word);
}

#define EXPECT_BAD(word, ...) do { \
	static const struct short_rule rules_[] = { __VA_ARGS__ }; \
	expect_bad_rules(rules_, sizeof(rules_) / sizeof(rules_[0]), word); \
} while (0)

#define ID(p) { .path = p, .is_id = true }
#define REF(p, t) { .path = p, .alternatives = { { .table = t } } }
#define RULE(p, ...) { .path = p, .alternatives = { __VA_ARGS__ } }
#define ID_RULE(p, ...) { .path = p, .alternatives = { __VA_ARGS__ }, \
	.is_id = true }
#define TABLE(t) { .table = t }
#define PATTERN(p) { .pattern = p }
#define TABLE_PATTERN(t, p) { .table = t, .pattern = p }
#define WHEN(t, p, w) { .table = t, .pattern = p, .when = &(w) }

static void
ids_and_references_are_rewritten_where_they_stand(void **state)
{
	(void)state;
	COMPILE(ID("id"), REF("owner", "Contacts"),
		REF("profile.agent", "Contacts"));
	expect("{\"Item\":{\"id\":{\"S\":\"p1\"},\"n\":{\"N\":\"1\"},"
	       "\"owner\":{\"S\":\"c1\"},\"profile\":{\"M\":{\"a\":"
	       "{\"BOOL\":true},\"agent\":{\"S\":\"c2\"}}}}}\n"
	       "{\"Item\":{\"owner\":{\"S\":\"c1\"}}}\n"
	       "{\"Item\":{\"x\":{\"S\":\"c1\"}}}\n",
	       "{\"Item\":{\"id\":{\"S\":\"<Projects:p1>\"},\"n\":{\"N\":\"1\"}"
	       ",\"owner\":{\"S\":\"<Contacts:c1>\"},\"profile\":{\"M\":{\"a\":"
	       "{\"BOOL\":true},\"agent\":{\"S\":\"<Contacts:c2>\"}}}}}\n"
	       "{\"Item\":{\"owner\":{\"S\":\"<Contacts:c1>\"}}}\n"
	       "{\"Item\":{\"x\":{\"S\":\"c1\"}}}\n");
}

static void
uses_tell_what_was_met(void **state)
{
	const struct rewrite_use *u;
	size_t n;

	(void)state;
	COMPILE(REF("owner", "Contacts"), ID("id"), REF("log", "History"),
		REF("kept", "Kept"));
	rewrite("{\"Item\":{\"id\":{\"S\":\"p1\"},\"owner\":{\"N\":\"42.0\"},"
		"\"log\":{\"S\":\"h\"},\"kept\":{\"B\":\"AAEC\"}}}\n"
		"{\"Item\":{\"x\":{\"S\":\"1\"}}}\n"
		"{\"Item\":{\"id\":{\"S\":\"p2\"}}}\n");
	u = rewrite_uses(q, &n);
	assert_int_equal(n, 5);
	assert_int_equal(u[0].item, 1000);
	assert_int_equal(u[0].rule, 1);
	assert_int_equal(u[0].table, 100 + PROJECTS);
	assert_int_equal(u[0].flags, USE_IS_ID);
	assert_int_equal(u[0].type, VALUE_S);
	assert_true(span_is(u[0].source, "p1"));
	assert_int_equal(u[0].target.len, 12);

	assert_int_equal(u[1].rule, 0);
	assert_int_equal(u[1].table, 100 + CONTACTS);
	assert_int_equal(u[1].flags, 0);
	assert_int_equal(u[1].type, VALUE_N);
	assert_true(span_is(u[1].source, "42"));

	assert_int_equal(u[2].flags, USE_UNCHECKED);
	assert_int_equal(u[2].table, 100 + HISTORY);
	assert_int_equal(u[3].flags, USE_SAME);
	assert_int_equal(u[3].type, VALUE_B);
	assert_int_equal(u[3].source.len, 3);
	assert_memory_equal(u[3].source.ptr, "\0\1\2", 3);
	assert_int_equal(u[4].item, 1002);
	for (size_t i = 0; i < n; i++) {
		const struct keyhash k = keyhash_of_id(
			"SNB"[u[i].type - VALUE_S], u[i].target);

		assert_true(k.lo == u[i].key.lo && k.hi == u[i].key.hi);
	}
	rewrite_reset(q);
	rewrite_uses(q, &n);
	assert_int_equal(n, 0);
}

static void
type_n_gives_one_key_to_strings_and_numbers(void **state)
{
	const struct rewrite_use *u;
	size_t n;

	(void)state;
	COMPILE(REF("a", "Numbers"), REF("b", "Numbers"), REF("c", "Numbers"),
		RULE("d", PATTERN("N#{Numbers}")));
	expect("{\"Item\":{\"a\":{\"S\":\"42\"},\"b\":{\"N\":\"42\"},"
	       "\"c\":{\"S\":\"x\"},\"d\":{\"S\":\"N#42\"}}}\n",
	       "{\"Item\":{\"a\":{\"S\":\"<#Numbers:42>\"},\"b\":{\"N\":"
	       "\"<#Numbers:42>\"},\"c\":{\"S\":\"x\"},\"d\":{\"S\":"
	       "\"N#<#Numbers:42>\"}}}\n");
	expect_left(2, LEFT_NOT_AN_ID, 1);
	u = rewrite_uses(q, &n);
	assert_int_equal(n, 3);
	assert_true(u[0].key.lo == u[1].key.lo && u[0].key.hi == u[1].key.hi);
	assert_true(u[0].key.lo == u[2].key.lo && u[0].key.hi == u[2].key.hi);
	expect_same("{\"Item\":{\"d\":{\"S\":\"N#x\"}}}\n");
	expect_left(3, LEFT_NO_MATCH, 1);
}

static void
wildcards_reach_every_element_and_value(void **state)
{
	(void)state;
	COMPILE(REF("team[*].id", "Contacts"), REF("by.*", "Contacts"),
		REF("l[1]", "Contacts"), REF("deep.*[*].x", "Projects"));
	expect("{\"Item\":{\"team\":{\"L\":[{\"M\":{\"id\":{\"S\":\"a\"}}},"
	       "{\"M\":{\"x\":{\"S\":\"a\"}}},{\"S\":\"a\"},"
	       "{\"M\":{\"id\":{\"S\":\"b\"}}}]},"
	       "\"by\":{\"M\":{\"p\":{\"S\":\"a\"},\"q\":{\"S\":\"b\"}}},"
	       "\"l\":{\"L\":[{\"S\":\"a\"},{\"S\":\"b\"},{\"S\":\"c\"}]},"
	       "\"deep\":{\"M\":{\"k\":{\"L\":[{\"M\":{\"x\":{\"S\":\"a\"}}}]}"
	       ",\"z\":{\"S\":\"a\"}}}}}\n",
	       "{\"Item\":{\"team\":{\"L\":[{\"M\":{\"id\":{\"S\":"
	       "\"<Contacts:a>\"}}},{\"M\":{\"x\":{\"S\":\"a\"}}},"
	       "{\"S\":\"a\"},{\"M\":{\"id\":{\"S\":\"<Contacts:b>\"}}}]},"
	       "\"by\":{\"M\":{\"p\":{\"S\":\"<Contacts:a>\"},"
	       "\"q\":{\"S\":\"<Contacts:b>\"}}},"
	       "\"l\":{\"L\":[{\"S\":\"a\"},{\"S\":\"<Contacts:b>\"},"
	       "{\"S\":\"c\"}]},"
	       "\"deep\":{\"M\":{\"k\":{\"L\":[{\"M\":{\"x\":{\"S\":"
	       "\"<Projects:a>\"}}}]},\"z\":{\"S\":\"a\"}}}}}\n");
	for (size_t i = 0; i < 4 * LEFT_KINDS; i++)
		assert_int_equal(left[i], 0);
}

static void
an_absent_path_is_nothing(void **state)
{
	(void)state;
	COMPILE(REF("a.b", "Contacts"), REF("c[*]", "Contacts"),
		REF("d[3]", "Contacts"), REF("e.*", "Contacts"));
	expect_same("{\"Item\":{\"a\":{\"S\":\"x\"},\"c\":{\"M\":{}},"
		    "\"d\":{\"L\":[]},\"e\":{\"SS\":[\"x\"]}}}\n"
		    "{\"Item\":{\"a\":{\"M\":{\"c\":{\"S\":\"x\"}}},"
		    "\"c\":{\"S\":\"x\"},\"d\":{\"SS\":[\"a\",\"b\"]},"
		    "\"e\":{\"L\":[{\"S\":\"x\"}]}}}\n");
	for (size_t i = 0; i < 4 * LEFT_KINDS; i++)
		assert_int_equal(left[i], 0);
}

static void
a_list_or_set_stands_for_its_members(void **state)
{
	(void)state;
	COMPILE(REF("a", "Contacts"), REF("b[*]", "Contacts"));
	expect("{\"Item\":{\"a\":{\"L\":[{\"S\":\"x\"},{\"N\":\"7\"},"
	       "{\"NULL\":true},{\"L\":[{\"S\":\"y\"}]}]},"
	       "\"b\":{\"SS\":[\"x\",\"y\"]}}}\n"
	       "{\"Item\":{\"a\":{\"SS\":[\"x\"]},\"b\":{\"L\":[{\"S\":\"x\"}]}"
	       "}}\n"
	       "{\"Item\":{\"a\":{\"NS\":[\"7\",\"8\"]}}}\n",
	       "{\"Item\":{\"a\":{\"L\":[{\"S\":\"<Contacts:x>\"},{\"N\":"
	       "\"<#Contacts:7>\"},{\"NULL\":true},{\"L\":[{\"S\":\"y\"}]}]},"
	       "\"b\":{\"SS\":[\"<Contacts:x>\",\"<Contacts:y>\"]}}}\n"
	       "{\"Item\":{\"a\":{\"SS\":[\"<Contacts:x>\"]},\"b\":{\"L\":"
	       "[{\"S\":\"<Contacts:x>\"}]}}}\n"
	       "{\"Item\":{\"a\":{\"NS\":[\"<#Contacts:7>\",\"<#Contacts:8>\"]"
	       "}}}\n");
	expect_left(0, LEFT_NULL, 1);
	expect_left(0, LEFT_NOT_AN_ID, 1);
}

static void
binary_ids_become_sixteen_bytes(void **state)
{
	struct value v = value_of_text(VALUE_B, span_of("AP8B"));
	char want[256];

	(void)state;
	COMPILE(REF("a", "Contacts"), REF("s", "Contacts"));
	assert_int_equal(remap_new_id(remaps[CONTACTS], &v, &v, &batch.mem,
				      &err), 0);
	assert_int_equal(v.len, 24);
	snprintf(want, sizeof(want), "{\"Item\":{\"a\":{\"B\":\"%.*s\"},"
		 "\"s\":{\"BS\":[\"%.*s\"]}}}\n", (int)v.len,
		 (const char *)v.text, (int)v.len, (const char *)v.text);
	expect("{\"Item\":{\"a\":{\"B\":\"AP8B\"},\"s\":{\"BS\":[\"AP8B\"]}}}"
	       "\n", want);
}

static void
null_and_other_types_are_left_and_counted(void **state)
{
	(void)state;
	COMPILE(ID("id"), REF("a", "Contacts"));
	expect_same("{\"Item\":{\"id\":{\"NULL\":true},\"a\":{\"S\":\"\"}}}\n"
		    "{\"Item\":{\"id\":{\"BOOL\":true},\"a\":{\"M\":{}}}}\n"
		    "{\"Item\":{\"a\":{\"B\":\"\"}}}\n");
	expect_left(0, LEFT_NULL, 1);
	expect_left(0, LEFT_NOT_AN_ID, 1);
	expect_left(1, LEFT_NULL, 2);
	expect_left(1, LEFT_NOT_AN_ID, 1);
}

static void
strict_ids_reject_what_is_not_an_id(void **state)
{
	const struct rewrite_use *u;
	size_t n;

	(void)state;
	options.strict_ids = true;
	COMPILE(ID("id"), REF("a", "Contacts"));
	decode("{\"Item\":{\"id\":{\"S\":\"p\"},\"a\":{\"BOOL\":false}}}\n"
	       "{\"Item\":{\"id\":{\"S\":\"p\"},\"a\":{\"NULL\":true}}}\n");
	assert_int_equal(collect(0), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "'a' holds a value of type BOOL"));
	assert_int_equal(collect(1), 0);
	flush();
	/* Of the rejected item only the id is known, and nothing counted. */
	expect_items("{\"Item\":{\"id\":{\"S\":\"p\"},\"a\":{\"BOOL\":false}}}"
		     "\n{\"Item\":{\"id\":{\"S\":\"<Projects:p>\"},"
		     "\"a\":{\"NULL\":true}}}\n");
	u = rewrite_uses(q, &n);
	assert_int_equal(n, 2);
	assert_int_equal(u[0].item, 1000);
	assert_int_equal(u[0].flags, USE_IS_ID);
	assert_int_equal(u[1].item, 1001);
	assert_true(u[0].key.lo == u[1].key.lo);
	expect_left(1, LEFT_NOT_AN_ID, 0);
	expect_left(1, LEFT_NULL, 1);
}

static void
one_id_may_stand_in_several_places_of_an_item(void **state)
{
	(void)state;
	COMPILE(ID("id"), ID_RULE("pk", PATTERN("ITEM#{id}")),
		ID_RULE("gsi", PATTERN("{id}#{Contacts}")));
	expect("{\"Item\":{\"id\":{\"S\":\"p\"},\"pk\":{\"S\":\"ITEM#p\"},"
	       "\"gsi\":{\"S\":\"p#c\"}}}\n",
	       "{\"Item\":{\"id\":{\"S\":\"<Projects:p>\"},\"pk\":{\"S\":"
	       "\"ITEM#<Projects:p>\"},\"gsi\":{\"S\":\"<Projects:p>#"
	       "<Contacts:c>\"}}}\n");

	size_t n;
	const struct rewrite_use *const u = rewrite_uses(q, &n);

	assert_int_equal(n, 4);
	assert_int_equal(u[0].flags & USE_IS_ID, USE_IS_ID);
	assert_int_equal(u[1].flags & USE_IS_ID, USE_IS_ID);
	assert_int_equal(u[2].flags & USE_IS_ID, USE_IS_ID);
	assert_int_equal(u[3].flags & USE_IS_ID, 0);
}

static void
patterns_find_ids_inside_text(void **state)
{
	(void)state;
	COMPILE(RULE("gsi1pk", TABLE_PATTERN("Contacts", "CONTACT#{id}")),
		RULE("sk", TABLE_PATTERN("Contacts", "A#{id}#*"),
		     PATTERN("{Contacts}#{Projects}"),
		     PATTERN("*/{{{Contacts}}}")));
	expect("{\"Item\":{\"gsi1pk\":{\"S\":\"CONTACT#c\"},"
	       "\"sk\":{\"S\":\"A#c#rest#r\"}}}\n"
	       "{\"Item\":{\"sk\":{\"S\":\"c#p#p\"}}}\n"
	       "{\"Item\":{\"sk\":{\"S\":\"\\u0041\\n/{c}\"}}}\n",
	       "{\"Item\":{\"gsi1pk\":{\"S\":\"CONTACT#<Contacts:c>\"},"
	       "\"sk\":{\"S\":\"A#<Contacts:c>#rest#r\"}}}\n"
	       "{\"Item\":{\"sk\":{\"S\":\"<Contacts:c>#<Projects:p#p>\"}}}\n"
	       "{\"Item\":{\"sk\":{\"S\":\"A\\n/{<Contacts:c>}\"}}}\n");
	expect_same("{\"Item\":{\"gsi1pk\":{\"S\":\"contact#c\"},"
		    "\"sk\":{\"S\":\"none\"}}}\n"
		    "{\"Item\":{\"gsi1pk\":{\"S\":\"CONTACT#\"},"
		    "\"sk\":{\"N\":\"5\"}}}\n");
	expect_left(0, LEFT_NO_MATCH, 2);
	expect_left(1, LEFT_NO_MATCH, 1);
	expect_left(1, LEFT_NOT_AN_ID, 1);
}

static void
patterns_of_many_parts_keep_all_of_them(void **state)
{
	struct buf pattern = { 0 }, in = { 0 }, want = { 0 };
	struct short_rule rule = RULE("a", PATTERN(NULL));

	(void)state;
	for (int i = 0; i < 50; i++) {
		buf_printf(&pattern, &err, "%s/", i % 10 == 3 ? "{Contacts}"
							      : "*");
		buf_printf(&in, &err, "%d/", i);
		buf_printf(&want, &err, i % 10 == 3 ? "<Contacts:%d>/" : "%d/",
			   i);
	}
	buf_printf(&pattern, &err, "%c", 0);
	rule.alternatives[0].pattern = (char *)pattern.ptr;
	compile(&rule, 1);
	pattern.len = 0;
	buf_printf(&pattern, &err, "{\"Item\":{\"a\":{\"S\":\"%.*s\"}}}\n%c",
		   (int)in.len, (char *)in.ptr, 0);
	in.len = 0;
	buf_printf(&in, &err, "{\"Item\":{\"a\":{\"S\":\"%.*s\"}}}\n%c",
		   (int)want.len, (char *)want.ptr, 0);
	expect((char *)pattern.ptr, (char *)in.ptr);
	buf_free(&pattern);
	buf_free(&in);
	buf_free(&want);
}

static void
patterns_work_in_sets_and_lists(void **state)
{
	(void)state;
	COMPILE(RULE("a", TABLE_PATTERN("Contacts", "C#{id}")));
	expect("{\"Item\":{\"a\":{\"SS\":[\"C#1\",\"x\"]}}}\n"
	       "{\"Item\":{\"a\":{\"L\":[{\"S\":\"C#1\"},{\"S\":\"x\"}]}}}\n",
	       "{\"Item\":{\"a\":{\"SS\":[\"C#<Contacts:1>\",\"x\"]}}}\n"
	       "{\"Item\":{\"a\":{\"L\":[{\"S\":\"C#<Contacts:1>\"},"
	       "{\"S\":\"x\"}]}}}\n");
	expect_left(0, LEFT_NO_MATCH, 2);
}

static void
alternatives_are_tried_in_order_with_their_conditions(void **state)
{
	static struct expr is_order = { .attribute = "order" };
	static struct expr is_person = { .attribute = "person" };

	(void)state;
	COMPILE(RULE("ref[*]", WHEN("Projects", NULL, is_order),
		     WHEN("Contacts", "P#{id}", is_person),
		     WHEN("Contacts", NULL, is_person)));
	expect("{\"Item\":{\"ref\":{\"L\":[{\"S\":\"P#1\"},{\"S\":\"2\"}]},"
	       "\"order\":{\"S\":\"\"}}}\n"
	       "{\"Item\":{\"ref\":{\"L\":[{\"S\":\"P#1\"},{\"S\":\"2\"}]},"
	       "\"person\":{\"S\":\"\"}}}\n"
	       "{\"Item\":{\"ref\":{\"L\":[{\"S\":\"P#1\"},{\"S\":\"2\"}]}}}\n",
	       "{\"Item\":{\"ref\":{\"L\":[{\"S\":\"<Projects:P#1>\"},{\"S\":"
	       "\"<Projects:2>\"}]},\"order\":{\"S\":\"\"}}}\n"
	       "{\"Item\":{\"ref\":{\"L\":[{\"S\":\"P#<Contacts:1>\"},{\"S\":"
	       "\"<Contacts:2>\"}]},\"person\":{\"S\":\"\"}}}\n"
	       "{\"Item\":{\"ref\":{\"L\":[{\"S\":\"P#1\"},{\"S\":\"2\"}]}}}"
	       "\n");
	expect_left(0, LEFT_NO_MATCH, 2);
	/* Once an item, not once a value. */
	assert_int_equal(is_order.asked, 3);
}

static void
a_condition_that_fails_rejects_the_item(void **state)
{
	static struct expr bad = { .attribute = "x", .fails = true };
	size_t n;

	(void)state;
	COMPILE(ID("id"), RULE("a.b", WHEN("Projects", NULL, bad)));
	decode("{\"Item\":{\"id\":{\"S\":\"p\"},\"a\":{\"M\":{\"b\":{\"S\":"
	       "\"c\"}}}}}\n");
	assert_int_equal(collect(0), -1);
	assert_string_equal(err.text, "'when' of 'a.b': no such thing");
	flush();
	rewrite_uses(q, &n);
	assert_int_equal(n, 1);
	expect_items("{\"Item\":{\"id\":{\"S\":\"p\"},\"a\":{\"M\":{\"b\":"
		     "{\"S\":\"c\"}}}}}\n");
}

static void
tables_without_id_keep_their_ids_and_are_logged(void **state)
{
	const struct rewrite_use *u;
	size_t n;

	(void)state;
	COMPILE(REF("a", "Kept"), REF("n", "Kept"), REF("skipped", "Audit"),
		REF("history", "History"), RULE("p", PATTERN("{Kept}#*")));
	expect("{\"Item\":{\"a\":{\"S\":\"k\\u0031\"},\"n\":{\"N\":\"1.0\"},"
	       "\"skipped\":{\"S\":\"a\"},\"history\":{\"S\":\"h\"},"
	       "\"p\":{\"S\":\"\\u0031#x\"}}}\n",
	       "{\"Item\":{\"a\":{\"S\":\"k\\u0031\"},\"n\":{\"N\":\"1.0\"},"
	       "\"skipped\":{\"S\":\"a\"},\"history\":{\"S\":\"<History:h>\"},"
	       "\"p\":{\"S\":\"\\u0031#x\"}}}\n");
	u = rewrite_uses(q, &n);
	assert_int_equal(n, 5);
	assert_int_equal(u[0].flags, USE_SAME);
	assert_true(span_is(u[0].source, "k1"));
	assert_true(span_is(u[1].target, "1"));
	assert_int_equal(u[2].flags, USE_SAME | USE_UNCHECKED);
	assert_int_equal(u[3].flags, USE_UNCHECKED);
	assert_int_equal(u[4].flags, USE_SAME);
}

static void
an_item_that_nothing_changed_is_still_raw(void **state)
{
	(void)state;
	COMPILE(REF("a", "Kept"), REF("b.c", "Contacts"));
	rewrite("{\"Item\":{\"a\":{\"S\":\"k\"},\"b\":{\"M\":{}}}}\n"
		"{\"Item\":{\"b\":{\"M\":{\"c\":{\"S\":\"k\"},"
		"\"d\":{\"M\":{}}}}}}\n");
	assert_int_equal(batch.items[0].map.flags & VALUE_RAW, VALUE_RAW);

	const struct value *const map = &batch.items[1].map;

	assert_int_equal(map->flags & VALUE_RAW, 0);
	assert_int_equal(map->kids[1].flags & VALUE_RAW, 0);
	assert_int_equal(map->kids[1].kids[3].flags & VALUE_RAW, VALUE_RAW);
}

static void
keep_and_map_are_for_ids_and_references_alike(void **state)
{
	const struct rewrite_use *u;
	size_t n;

	(void)state;
	options.own = KEEPING;
	COMPILE(ID("id"), REF("a", "Keeping"));
	expect("{\"Item\":{\"id\":{\"S\":\"SYS-1\"},\"a\":{\"S\":\"old\"}}}\n"
	       "{\"Item\":{\"id\":{\"S\":\"old\"},\"a\":{\"S\":\"SYS-1\"}}}\n"
	       "{\"Item\":{\"id\":{\"S\":\"x\"},\"a\":{\"S\":\"x\"}}}\n",
	       "{\"Item\":{\"id\":{\"S\":\"SYS-1\"},\"a\":{\"S\":\"new\"}}}\n"
	       "{\"Item\":{\"id\":{\"S\":\"new\"},\"a\":{\"S\":\"SYS-1\"}}}\n"
	       "{\"Item\":{\"id\":{\"S\":\"<Keeping:x>\"},\"a\":{\"S\":"
	       "\"<Keeping:x>\"}}}\n");
	u = rewrite_uses(q, &n);
	assert_int_equal(n, 6);
	assert_int_equal(u[0].flags, USE_IS_ID | USE_SAME);
	assert_int_equal(u[1].flags, USE_MAPPED);
	assert_true(u[0].key.lo == u[3].key.lo);
	assert_true(u[1].key.lo == u[2].key.lo);
	assert_true(remap_row_used(remaps[KEEPING], 0));
}

static void
members_that_become_equal_merge(void **state)
{
	(void)state;
	COMPILE(REF("s", "Keeping"), REF("n.n", "Numbers"));
	expect("{\"Item\":{\"s\":{\"SS\":[\"a\",\"old\",\"new\",\"b\"]}}}\n"
	       "{\"Item\":{\"s\":{\"SS\":[\"old\",\"SYS-1\"]}}}\n",
	       "{\"Item\":{\"s\":{\"SS\":[\"<Keeping:a>\",\"new\","
	       "\"<Keeping:new>\",\"<Keeping:b>\"]}}}\n"
	       "{\"Item\":{\"s\":{\"SS\":[\"new\",\"SYS-1\"]}}}\n");
	expect_left(0, LEFT_MERGED, 0);
}

static void
merged_members_are_counted(void **state)
{
	const struct remap_row rows[] = {
		{ span_of("1"), span_of("x") }, { span_of("2"), span_of("x") },
		{ span_of("3"), span_of("\"") }, { span_of("4"), span_of("9") },
		{ span_of("5"), span_of("9.0") },
	};
	const struct remap_options o = { .rows = rows, .nrows = 5,
					 .keep = span_of("^[^1-5]") };

	(void)state;
	remap_free(remaps[KEEPING]);
	remaps[KEEPING] = remap_new(span_of("Keeping"), &o, &err);
	tables[KEEPING].remap = remaps[KEEPING];
	COMPILE(REF("s", "Keeping"), REF("n", "Keeping"));
	expect("{\"Item\":{\"s\":{\"SS\":[\"1\",\"a\",\"2\",\"x\",\"\\u0022\","
	       "\"3\"]},\"n\":{\"NS\":[\"4\",\"9.00\",\"5\"]}}}\n",
	       "{\"Item\":{\"s\":{\"SS\":[\"x\",\"a\",\"\\u0022\"]},"
	       "\"n\":{\"NS\":[\"9\"]}}}\n");
	expect_left(0, LEFT_MERGED, 3);
	expect_left(1, LEFT_MERGED, 2);
}

static void
large_sets_merge_too(void **state)
{
	enum { N = 3000 };
	struct remap_row rows[N];
	static char ids[N][8];
	struct remap_options o = { .rows = rows, .nrows = N };
	struct buf line = { 0 };

	(void)state;
	buf_printf(&line, &err, "{\"Item\":{\"s\":{\"SS\":[");
	for (unsigned i = 0; i < N; i++) {
		snprintf(ids[i], sizeof(ids[i]), "i%u", i);
		rows[i] = (struct remap_row){ span_of(ids[i]),
					      span_of(ids[i % 1000]) };
		buf_printf(&line, &err, "%s\"%s\"", i > 0 ? "," : "", ids[i]);
	}
	buf_printf(&line, &err, "]}}}\n%c", 0);
	remap_free(remaps[KEEPING]);
	remaps[KEEPING] = remap_new(span_of("Keeping"), &o, &err);
	tables[KEEPING].remap = remaps[KEEPING];
	COMPILE(REF("s", "Keeping"));
	rewrite((char *)line.ptr);
	expect_left(0, LEFT_MERGED, 2000);
	assert_int_equal(batch.items[0].map.kids[1].len, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_memory_equal(batch.items[0].map.kids[1].kids[i].text,
				    ids[i], strlen(ids[i]));
	buf_free(&line);
}

/* A line with every kind of reference, for the dangling rules. */
static const char everywhere[] =
	"{\"Item\":{\"id\":{\"S\":\"p\"},\"a\":{\"S\":\"gone\"},"
	"\"l\":{\"L\":[{\"S\":\"c\"},{\"S\":\"gone\"},{\"S\":\"d\"}]},"
	"\"m\":{\"M\":{\"x\":{\"S\":\"gone\"},\"y\":{\"S\":\"c\"}}},"
	"\"k\":{\"S\":\"c#gone\"}}}\n";

#define EVERYWHERE ID("id"), REF("a", "Contacts"), REF("l", "Contacts"), \
	REF("m.*", "Contacts"), RULE("k", PATTERN("{Contacts}#{Projects}"))

static void
look_up(enum rewrite_dangling d)
{
	options.dangling = d;
	rewrite_queue_check(q, lookup, &nasked);
}

static size_t
nverdicts(void)
{
	size_t n;

	rewrite_verdicts(q, &n);
	return n;
}

static void
report_and_fail_ask_nobody(void **state)
{
	(void)state;
	for (int d = DANGLING_REPORT; d <= DANGLING_FAIL; d++) {
		look_up((enum rewrite_dangling)d);
		COMPILE(EVERYWHERE);
		expect(everywhere, "{\"Item\":{\"id\":{\"S\":\"<Projects:p>\"}"
		       ",\"a\":{\"S\":\"<Contacts:gone>\"},\"l\":{\"L\":["
		       "{\"S\":\"<Contacts:c>\"},{\"S\":\"<Contacts:gone>\"},"
		       "{\"S\":\"<Contacts:d>\"}]},\"m\":{\"M\":{\"x\":{\"S\":"
		       "\"<Contacts:gone>\"},\"y\":{\"S\":\"<Contacts:c>\"}}},"
		       "\"k\":{\"S\":\"<Contacts:c>#<Projects:gone>\"}}}\n");
	}
	assert_int_equal(nasked, 0);
}

static void
keep_leaves_the_source_value_of_what_dangles(void **state)
{
	const struct rewrite_use *u;
	size_t n, ndangling = 0;

	(void)state;
	look_up(DANGLING_KEEP);
	COMPILE(EVERYWHERE);
	expect(everywhere, "{\"Item\":{\"id\":{\"S\":\"<Projects:p>\"},"
	       "\"a\":{\"S\":\"gone\"},\"l\":{\"L\":[{\"S\":\"<Contacts:c>\"},"
	       "{\"S\":\"gone\"},{\"S\":\"<Contacts:d>\"}]},\"m\":{\"M\":"
	       "{\"x\":{\"S\":\"gone\"},\"y\":{\"S\":\"<Contacts:c>\"}}},"
	       "\"k\":{\"S\":\"<Contacts:c>#gone\"}}}\n");
	assert_int_equal(nasked, 8);
	u = rewrite_uses(q, &n);
	for (size_t i = 0; i < n; i++)
		ndangling += (u[i].flags & USE_DANGLING) != 0;
	assert_int_equal(ndangling, 4);
	assert_int_equal(nverdicts(), 0);
}

static void
null_replaces_what_dangles(void **state)
{
	(void)state;
	look_up(DANGLING_NULL);
	COMPILE(EVERYWHERE);
	expect(everywhere, "{\"Item\":{\"id\":{\"S\":\"<Projects:p>\"},"
	       "\"a\":{\"NULL\":true},\"l\":{\"L\":[{\"S\":\"<Contacts:c>\"},"
	       "{\"NULL\":true},{\"S\":\"<Contacts:d>\"}]},\"m\":{\"M\":"
	       "{\"x\":{\"NULL\":true},\"y\":{\"S\":\"<Contacts:c>\"}}},"
	       "\"k\":{\"NULL\":true}}}\n");
	assert_int_equal(nverdicts(), 0);
}

static void
remove_takes_away_what_dangles(void **state)
{
	(void)state;
	look_up(DANGLING_REMOVE);
	COMPILE(EVERYWHERE);
	expect(everywhere, "{\"Item\":{\"id\":{\"S\":\"<Projects:p>\"},"
	       "\"l\":{\"L\":[{\"S\":\"<Contacts:c>\"},{\"S\":"
	       "\"<Contacts:d>\"}]},\"m\":{\"M\":"
	       "{\"y\":{\"S\":\"<Contacts:c>\"}}}}}\n");
	assert_int_equal(nverdicts(), 0);
}

static void
remove_empties_lists_and_maps_but_takes_empty_sets(void **state)
{
	(void)state;
	look_up(DANGLING_REMOVE);
	COMPILE(REF("l", "Contacts"), REF("s", "Contacts"),
		REF("m.x", "Contacts"), REF("m.s", "Contacts"),
		REF("m.l[*].s", "Contacts"), REF("m.l[*].t", "Contacts"));
	expect("{\"Item\":{\"l\":{\"L\":[{\"S\":\"gone\"}]},\"s\":{\"SS\":["
	       "\"gone1\",\"gone2\"]},\"m\":{\"M\":{\"x\":{\"S\":\"gone\"},"
	       "\"s\":{\"SS\":[\"c\",\"gone\",\"d\"]},\"l\":{\"L\":[{\"M\":"
	       "{\"t\":{\"S\":\"gone\"},\"s\":{\"SS\":[\"gone\"]},\"u\":"
	       "{\"S\":\"\"}}},{\"M\":{\"s\":{\"SS\":[\"gone\",\"c\"]},\"t\":"
	       "{\"S\":\"c\"}}}]}}}}}\n",
	       "{\"Item\":{\"l\":{\"L\":[]},\"m\":{\"M\":{\"s\":{\"SS\":["
	       "\"<Contacts:c>\",\"<Contacts:d>\"]},\"l\":{\"L\":[{\"M\":"
	       "{\"u\":{\"S\":\"\"}}},{\"M\":{\"s\":{\"SS\":["
	       "\"<Contacts:c>\"]},\"t\":{\"S\":\"<Contacts:c>\"}}}]}}}}}\n");
}

static void
what_dangles_in_a_key_rejects_the_item(void **state)
{
	const struct span keys[] = { span_of("id"), span_of("sk") };
	const struct rewrite_verdict *v;
	size_t n;

	(void)state;
	options.key = keys;
	options.nkey = 2;
	for (int d = DANGLING_NULL; d <= DANGLING_REMOVE; d++) {
		look_up((enum rewrite_dangling)d);
		COMPILE(ID("id"), REF("sk", "Contacts"), REF("a", "Contacts"));
		rewrite("{\"Item\":{\"id\":{\"S\":\"p\"},\"sk\":{\"S\":\"c\"},"
			"\"a\":{\"S\":\"gone\"}}}\n"
			"{\"Item\":{\"id\":{\"S\":\"p\"},\"sk\":{\"S\":\"gone\""
			"},\"a\":{\"S\":\"gone\"}}}\n");
		v = rewrite_verdicts(q, &n);
		assert_int_equal(n, 1);
		assert_int_equal(v[0].item, 1001);
		assert_true(v[0].rejected);
		assert_int_equal(v[0].why.code, ERR_INPUT);
		assert_non_null(strstr(v[0].why.text, "'sk'"));
	}
}

static void
null_in_a_set_rejects_the_item(void **state)
{
	const struct rewrite_verdict *v;
	size_t n;

	(void)state;
	look_up(DANGLING_NULL);
	COMPILE(REF("s", "Contacts"));
	rewrite("{\"Item\":{\"s\":{\"SS\":[\"gone1\",\"gone2\",\"c\"]}}}\n");
	v = rewrite_verdicts(q, &n);
	assert_int_equal(n, 1);
	assert_true(v[0].rejected);
	assert_non_null(strstr(v[0].why.text, "a set cannot hold NULL"));
}

static void
skip_item_names_each_item_once(void **state)
{
	const struct rewrite_verdict *v;
	size_t n;

	(void)state;
	look_up(DANGLING_SKIP_ITEM);
	COMPILE(EVERYWHERE);
	decode(everywhere);
	rewrite("{\"Item\":{\"a\":{\"S\":\"c\"}}}\n"
		"{\"Item\":{\"a\":{\"S\":\"gone\"},\"l\":{\"L\":[{\"S\":"
		"\"gone\"}]}}}\n"
		"{\"Item\":{\"a\":{\"S\":\"gone\"}}}\n");
	v = rewrite_verdicts(q, &n);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].item, 1001);
	assert_false(v[0].rejected);
	assert_int_equal(v[1].item, 1002);
	rewrite_reset(q);
	assert_int_equal(nverdicts(), 0);
}

static void
references_that_cannot_be_checked_never_dangle(void **state)
{
	(void)state;
	look_up(DANGLING_NULL);
	COMPILE(ID("id"), REF("a", "Audit"), REF("h", "History"));
	expect("{\"Item\":{\"id\":{\"S\":\"gone\"},\"a\":{\"S\":\"gone\"},"
	       "\"h\":{\"S\":\"gone\"}}}\n",
	       "{\"Item\":{\"id\":{\"S\":\"<Projects:gone>\"},\"a\":{\"S\":"
	       "\"gone\"},\"h\":{\"S\":\"<History:gone>\"}}}\n");
	assert_int_equal(nasked, 0);
}

static void
many_references_are_asked_for_in_batches(void **state)
{
	struct buf line = { 0 };

	(void)state;
	look_up(DANGLING_REMOVE);
	COMPILE(REF("l", "Contacts"));
	buf_printf(&line, &err, "{\"Item\":{\"l\":{\"L\":[{\"S\":\"gone\"}");
	for (unsigned i = 0; i < 199; i++)
		buf_printf(&line, &err, ",{\"S\":\"%s%u\"}",
			   i % 2 != 0 ? "gone" : "c", i);
	buf_printf(&line, &err, "]}}}\n%c", 0);
	rewrite((char *)line.ptr);
	assert_int_equal(nasked, 200);
	assert_int_equal(batch.items[0].map.kids[1].len, 100);
	buf_free(&line);
}

static void
items_of_several_tables_share_a_queue(void **state)
{
	struct rewrite *first;
	uint64_t other[LEFT_KINDS] = { 0 };
	const struct expr_run run = { .mem = &batch.mem };

	(void)state;
	COMPILE(REF("a", "Contacts"));
	first = rw;
	rw = NULL;
	COMPILE(REF("b", "Projects"), REF("a", "Projects"));
	decode("{\"Item\":{\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"2\"}}}\n"
	       "{\"Item\":{\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"2\"}}}\n"
	       "{\"Item\":{\"a\":{\"NULL\":true}}}\n");
	assert_int_equal(rewrite_collect(first, q, &run, &batch.items[0], 0,
					 other, &err), 0);
	assert_int_equal(collect(1), 0);
	assert_int_equal(rewrite_collect(first, q, &run, &batch.items[2], 2,
					 other, &err), 0);
	flush();
	expect_items("{\"Item\":{\"a\":{\"S\":\"<Contacts:1>\"},\"b\":{\"S\":"
		     "\"2\"}}}\n{\"Item\":{\"a\":{\"S\":\"<Projects:1>\"},"
		     "\"b\":{\"S\":\"<Projects:2>\"}}}\n"
		     "{\"Item\":{\"a\":{\"NULL\":true}}}\n");
	assert_int_equal(other[LEFT_NULL], 1);
	rewrite_free(first);
}

static void
uses_add_up_over_several_flushes(void **state)
{
	const struct rewrite_use *u;
	size_t n;

	(void)state;
	COMPILE(REF("a", "Contacts"));
	decode("{\"Item\":{\"a\":{\"S\":\"1\"}}}\n"
	       "{\"Item\":{\"a\":{\"S\":\"2\"}}}\n");
	assert_int_equal(collect(0), 0);
	flush();
	assert_int_equal(collect(1), 0);
	rewrite_uses(q, &n);
	assert_int_equal(n, 1);
	flush();
	u = rewrite_uses(q, &n);
	assert_int_equal(n, 2);
	assert_int_equal(u[1].item, 1001);
	expect_items("{\"Item\":{\"a\":{\"S\":\"<Contacts:1>\"}}}\n"
		     "{\"Item\":{\"a\":{\"S\":\"<Contacts:2>\"}}}\n");
}

static void
many_items_give_what_each_alone_gives(void **state)
{
	enum { N = 700 };
	struct buf in = { 0 }, want = { 0 };

	(void)state;
	COMPILE(ID("id"), REF("c[*]", "Contacts"));
	for (unsigned i = 0; i < N; i++) {
		buf_printf(&in, &err, "{\"Item\":{\"id\":{\"S\":\"%0*u\"},\"c\""
			   ":{\"L\":[{\"N\":\"%u\"},{\"S\":\"%u\"}]}}}\n",
			   (int)(i % 150 + 1), i, i, i);
		buf_printf(&want, &err, "{\"Item\":{\"id\":{\"S\":\"<Projects:"
			   "%0*u>\"},\"c\":{\"L\":[{\"N\":\"<#Contacts:%u>\"},"
			   "{\"S\":\"<Contacts:%u>\"}]}}}\n",
			   (int)(i % 150 + 1), i, i, i);
	}
	buf_printf(&in, &err, "%c", 0);
	buf_printf(&want, &err, "%c", 0);
	for (int m = 0; m < 2; m++) {
		cpu_init(m != 0 ? "sha" : NULL);
		expect((char *)in.ptr, (char *)want.ptr);
	}
	cpu_init(NULL);
	buf_free(&in);
	buf_free(&want);
}

static void
rules_say_what_they_are(void **state)
{
	(void)state;
	COMPILE(ID("id"), RULE("sk", TABLE_PATTERN("Contacts", "ORDER#{id}"),
				PATTERN("{Contacts}#{Projects}")),
		REF("team[*].contactId", "Contacts"),
		RULE("sk", TABLE("Projects")));
	assert_int_equal(rewrite_nrules(rw), 3);
	assert_true(rewrite_rule_is_id(rw, 0));
	assert_string_equal(rewrite_rule_path(rw, 0), "id");
	assert_string_equal(rewrite_rule_target(rw, 0), "id");
	assert_false(rewrite_rule_is_id(rw, 1));
	assert_string_equal(rewrite_rule_target(rw, 1),
			    "Contacts as 'ORDER#{id}' or "
			    "'{Contacts}#{Projects}' or Projects");
	assert_string_equal(rewrite_rule_path(rw, 2), "team[*].contactId");
}

static void
rules_with_one_path_become_one_rule(void **state)
{
	(void)state;
	COMPILE(ID_RULE("pk", PATTERN("A#{id}")),
		ID_RULE("pk", PATTERN("B#{id}")));
	expect("{\"Item\":{\"pk\":{\"S\":\"A#1\"}}}\n"
	       "{\"Item\":{\"pk\":{\"S\":\"B#1\"}}}\n"
	       "{\"Item\":{\"pk\":{\"S\":\"C#1\"}}}\n",
	       "{\"Item\":{\"pk\":{\"S\":\"A#<Projects:1>\"}}}\n"
	       "{\"Item\":{\"pk\":{\"S\":\"B#<Projects:1>\"}}}\n"
	       "{\"Item\":{\"pk\":{\"S\":\"C#1\"}}}\n");
	expect_left(0, LEFT_NO_MATCH, 1);
}

static void
rules_that_make_no_sense_are_refused(void **state)
{
	size_t at = 9, alt = 9;
	static const struct short_rule second[] = {
		ID("id"), RULE("a", TABLE("Contacts"), TABLE("Nobody")),
	};

	(void)state;
	EXPECT_BAD("no table 'Nobody'", REF("a", "Nobody"));
	EXPECT_BAD("no table 'Nobody'", RULE("a", PATTERN("x{Nobody}")));
	EXPECT_BAD("needs 'table'", RULE("a", PATTERN("x{id}")));
	EXPECT_BAD("needs 'table'", RULE("a", TABLE(NULL)));
	EXPECT_BAD("no {id}",
		   RULE("a", TABLE_PATTERN("Contacts", "{Projects}#x")));
	EXPECT_BAD("no {id}", ID_RULE("a", PATTERN("{Contacts}#x")));
	EXPECT_BAD("a pattern has",
		   RULE("a", TABLE_PATTERN("Contacts", "x{id")));
	EXPECT_BAD("an id and a reference", ID("a"), REF("a", "Contacts"));
	EXPECT_BAD("'a.*', can mean the same", REF("a.*", "Contacts"),
		   REF("a.b", "Contacts"));
	EXPECT_BAD("'a', can mean", REF("a", "Contacts"),
		   REF("a[*]", "Contacts"));
	EXPECT_BAD("can mean", REF("a[0]", "Contacts"),
		   REF("a[*]", "Contacts"));
	EXPECT_BAD("can mean", REF("a[0]", "Contacts"), REF("a", "Contacts"));
	assert_null(try_compile(second, 2, &at, &alt));
	assert_int_equal(at, 1);
	assert_int_equal(alt, 1);
}

static void
rules_whose_paths_never_meet_are_fine(void **state)
{
	(void)state;
	COMPILE(REF("a.b", "Contacts"), REF("a.c", "Contacts"),
		REF("a", "Contacts"), REF("l[0]", "Contacts"),
		REF("l[1]", "Contacts"), REF("x[*].y", "Contacts"),
		REF("x", "Contacts"));
	assert_int_equal(rewrite_nrules(rw), 7);
}

static void
an_id_that_stays_gives_way_to_a_reference(void **state)
{
	(void)state;
	options.own = KEPT;
	COMPILE(ID("userId"), REF("userId", "Contacts"));
	assert_int_equal(rewrite_nrules(rw), 1);
	expect("{\"Item\":{\"userId\":{\"S\":\"1\"}}}\n",
	       "{\"Item\":{\"userId\":{\"S\":\"<Contacts:1>\"}}}\n");
}

static void
no_rules_do_nothing(void **state)
{
	(void)state;
	compile(NULL, 0);
	expect_same("{\"Item\":{\"a\":{\"S\":\"1\"}}}\n");
}

/* A name's hash does not see the middle of a long name. */
static void
long_names_are_compared_to_the_last_byte(void **state)
{
	(void)state;
	COMPILE(REF("contact_the_first_of", "Contacts"));
	expect("{\"Item\":{\"contact_the_worst_of\":{\"S\":\"1\"},"
	       "\"contact_xhe_first_of\":{\"S\":\"1\"},"
	       "\"contact_the_firsx_of\":{\"S\":\"1\"},"
	       "\"contact_the_first_of\":{\"S\":\"1\"}}}\n",
	       "{\"Item\":{\"contact_the_worst_of\":{\"S\":\"1\"},"
	       "\"contact_xhe_first_of\":{\"S\":\"1\"},"
	       "\"contact_the_firsx_of\":{\"S\":\"1\"},"
	       "\"contact_the_first_of\":{\"S\":\"<Contacts:1>\"}}}\n");
}

static void
names_with_one_hash_slot_are_told_apart(void **state)
{
	enum { N = 60 };
	struct buf in = { 0 }, want = { 0 };

	(void)state;
	COMPILE(REF("a7", "Contacts"), REF("a17", "Contacts"),
		REF("a27", "Contacts"), REF("a37", "Contacts"));
	buf_printf(&in, &err, "{\"Item\":{\"z\":{\"S\":\"1\"}");
	buf_append(&want, buf_span(&in), &err);
	for (unsigned i = 0; i < N; i++) {
		buf_printf(&in, &err, ",\"a%u\":{\"S\":\"1\"}", i);
		buf_printf(&want, &err, ",\"a%u\":{\"S\":\"%s\"}", i,
			   i % 10 == 7 && i < 40 ? "<Contacts:1>" : "1");
	}
	buf_printf(&in, &err, "}}\n%c", 0);
	buf_printf(&want, &err, "}}\n%c", 0);
	expect((char *)in.ptr, (char *)want.ptr);
	buf_free(&in);
	buf_free(&want);
}

/* Decode and rewrite ids of 1 to 80 bytes; the values to expect of `own`. */
static void
compare_lengths(const struct remap *own)
{
	static const char DIGITS[] = "0123456789abcdef0123456789abcdef0123456"
		"789abcdef0123456789abcdef0123456789abcdef";
	struct buf in = { 0 };
	size_t n;

	for (int i = 1; i <= 80; i++)
		assert_int_equal(buf_printf(&in, &err, "{\"Item\":{\"id\":"
					    "{\"S\":\"%.*s\"}}}\n", i,
					    DIGITS), 0);
	assert_int_equal(buf_append(&in, (struct span){ (const uint8_t *)"",
							1 }, &err), 0);
	rewrite((const char *)in.ptr);
	buf_free(&in);

	const struct rewrite_use *const u = rewrite_uses(q, &n);
	assert_int_equal(n, 80);
	for (size_t i = 0; i < n; i++) {
		const struct span id = { (const uint8_t *)DIGITS, i + 1 };
		const struct value old = value_of_text(VALUE_S, id);
		const struct value *const is = &batch.items[i].map.kids[1];
		struct value want;

		assert_int_equal(remap_new_id(own, &old, &want, &batch.mem,
					      &err), 0);
		assert_int_equal(is->len, want.len);
		assert_memory_equal(is->text, want.text, want.len);
		assert_true(span_equal(u[i].source, id));
		assert_ptr_equal(u[i].target.ptr, is->text);
		assert_int_equal(u[i].target.len, is->len);
		const struct keyhash key = keyhash_of_id('S', u[i].target);
		assert_int_equal(u[i].key.lo, key.lo);
		assert_int_equal(u[i].key.hi, key.hi);
		assert_int_equal((batch.items[i].map.flags & VALUE_RAW) != 0,
				 (u[i].flags & USE_SAME) != 0);
		if ((is->flags & VALUE_CLEAN) != 0)
			assert_null(memchr(is->text, '"', is->len));
	}
}

static void
ids_of_every_length_and_form_are_what_one_alone_is(void **state)
{
	static const char *const prefixes[] = { "", "user\"", "x-" };
	static const char *const environments[] = {
		"", "production", "an environment so long that no id of its "
		"has room in a single block, or that none has a template at "
		"all, since there would be four blocks to it and more",
	};

	static const char *const keeps[] = {
		"", "^0123456789abc", "^.{20,30}$",
	};

	(void)state;
	for (unsigned i = 0; i < 4 * 3 * 3 * 2 * 2 * 3; i++) {
		const struct remap_options o = {
			.form = (enum remap_form)(REMAP_UUID + i % 4),
			.prefix = span_of(prefixes[i / 4 % 3]),
			.environment = span_of(environments[i / 12 % 3]),
			.secret = span_of(i / 36 % 2 == 0 ? ""
					  : "sixteen bytes of it"),
			.keep = span_of(keeps[i / 144]),
		};
		struct remap *const own = remap_new(span_of(names[PROJECTS]),
						    &o, &err);

		assert_non_null(own);
		cpu_init(i / 72 % 2 == 0 ? NULL : "sha");
		tables[PROJECTS].remap = own;
		COMPILE({ .path = "id", .is_id = true });
		compare_lengths(own);
		rewrite_free(rw);
		rw = NULL;
		remap_free(own);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_and_references_are_rewritten_where_they_stand),
		TEST(uses_tell_what_was_met),
		TEST(type_n_gives_one_key_to_strings_and_numbers),
		TEST(wildcards_reach_every_element_and_value),
		TEST(an_absent_path_is_nothing),
		TEST(a_list_or_set_stands_for_its_members),
		TEST(binary_ids_become_sixteen_bytes),
		TEST(null_and_other_types_are_left_and_counted),
		TEST(strict_ids_reject_what_is_not_an_id),
		TEST(one_id_may_stand_in_several_places_of_an_item),
		TEST(patterns_find_ids_inside_text),
		TEST(patterns_of_many_parts_keep_all_of_them),
		TEST(patterns_work_in_sets_and_lists),
		TEST(alternatives_are_tried_in_order_with_their_conditions),
		TEST(a_condition_that_fails_rejects_the_item),
		TEST(tables_without_id_keep_their_ids_and_are_logged),
		TEST(an_item_that_nothing_changed_is_still_raw),
		TEST(keep_and_map_are_for_ids_and_references_alike),
		TEST(members_that_become_equal_merge),
		TEST(merged_members_are_counted),
		TEST(large_sets_merge_too),
		TEST(report_and_fail_ask_nobody),
		TEST(keep_leaves_the_source_value_of_what_dangles),
		TEST(null_replaces_what_dangles),
		TEST(remove_takes_away_what_dangles),
		TEST(remove_empties_lists_and_maps_but_takes_empty_sets),
		TEST(what_dangles_in_a_key_rejects_the_item),
		TEST(null_in_a_set_rejects_the_item),
		TEST(skip_item_names_each_item_once),
		TEST(references_that_cannot_be_checked_never_dangle),
		TEST(many_references_are_asked_for_in_batches),
		TEST(items_of_several_tables_share_a_queue),
		TEST(uses_add_up_over_several_flushes),
		TEST(many_items_give_what_each_alone_gives),
		TEST(ids_of_every_length_and_form_are_what_one_alone_is),
		TEST(rules_say_what_they_are),
		TEST(rules_with_one_path_become_one_rule),
		TEST(rules_that_make_no_sense_are_refused),
		TEST(rules_whose_paths_never_meet_are_fine),
		TEST(an_id_that_stays_gives_way_to_a_reference),
		TEST(no_rules_do_nothing),
		TEST(long_names_are_compared_to_the_last_byte),
		TEST(names_with_one_hash_slot_are_told_apart),
	};

	/* Rules that are quick, mixed with values that are not. */
	const struct CMUnitTest again[] = {
		TEST(ids_and_references_are_rewritten_where_they_stand),
		TEST(uses_tell_what_was_met),
		TEST(an_absent_path_is_nothing),
		TEST(a_list_or_set_stands_for_its_members),
		TEST(binary_ids_become_sixteen_bytes),
		TEST(null_and_other_types_are_left_and_counted),
		TEST(strict_ids_reject_what_is_not_an_id),
		TEST(an_item_that_nothing_changed_is_still_raw),
		TEST(report_and_fail_ask_nobody),
		TEST(uses_add_up_over_several_flushes),
		TEST(many_items_give_what_each_alone_gives),
		TEST(ids_of_every_length_and_form_are_what_one_alone_is),
	};
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);

	found = true;
	return cmocka_run_group_tests_name("found before", again, NULL,
					   NULL) + failed;
}
