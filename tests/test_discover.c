/*
 * test_discover.c - references that were planted are found, what only looks
 * like one is not, and nothing depends on the order of items.
 */
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
#include "engine/discover.h"
#include "engine/join.h"
#include "engine/keyfile.h"
#include "engine/plan.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/batch.h"

enum { MAX_TABLES = 4, MAX_PARTS = 8 };

/* Tables as lines, ids as they come, and what is declared. */
static struct buf lines[MAX_TABLES];
static struct buf ids[MAX_TABLES];	/* "S<text>\n" ... */
static struct discover_table tables[MAX_TABLES];
static uint32_t ntables;

static int
forget(void **state)
{
	(void)state;
	for (int i = 0; i < MAX_TABLES; i++) {
		buf_reset(&lines[i]);
		buf_reset(&ids[i]);
	}
	ntables = 0;
	return 0;
}

static int
free_all(void **state)
{
	(void)state;
	for (int i = 0; i < MAX_TABLES; i++) {
		buf_free(&lines[i]);
		buf_free(&ids[i]);
	}
	return 0;
}

static uint32_t
table(const char *name)
{
	tables[ntables] = (struct discover_table){ .name = name,
						   .set = ntables };
	return ntables++;
}

#define item(t, ...) do {						\
	struct err item_err;						\
	assert_int_equal(buf_printf(&lines[t], &item_err, "{\"Item\":{"	\
				    __VA_ARGS__), 0);			\
	assert_int_equal(buf_printf(&lines[t], &item_err, "}}\n"), 0);	\
} while (0)

#define id(t, ...) do {							\
	struct err id_err;						\
	assert_int_equal(buf_printf(&ids[t], &id_err, __VA_ARGS__), 0);	\
	assert_int_equal(buf_printf(&ids[t], &id_err, "\n"), 0);	\
} while (0)

/* A text that looks like a UUID, of a table and a number. */
static const char *
uuid(char kind, unsigned n)
{
	static char texts[16][40];
	static unsigned turn;
	char *const to = texts[turn++ % 16];

	snprintf(to, 40, "%08x-%04x-4%c00-8000-%012x",
		 n * 2654435761u, n & 0xffff, kind, n);
	return to;
}

/* Decode lines `first`, first + step, ... and show them, some at a time. */
static void
see(struct discover *d, uint32_t t, size_t first, size_t step)
{
	struct ddbjson *reader;
	struct batch batch = { .mem = { 0 } };
	struct buf text = { 0 };
	struct err err = { 0 };
	size_t at = 0, used;

	for (size_t n = 0; at < lines[t].len; n++) {
		const uint8_t *const from = lines[t].ptr + at;
		const size_t len = (size_t)((uint8_t *)memchr(from, '\n',
						lines[t].len - at) - from) + 1;

		if (n >= first && (n - first) % step == 0)
			assert_int_equal(buf_append(&text, (struct span){
						    from, len }, &err), 0);
		at += len;
	}
	assert_non_null(buf_reserve(&text, DDBJSON_SLACK, &err));
	memset(text.ptr + text.len, 0, DDBJSON_SLACK);
	reader = ddbjson_new(&err);
	for (at = 0; at < text.len; at += used) {
		batch_reset(&batch);
		assert_int_equal(ddbjson_decode(reader, (struct span){
				 text.ptr + at, text.len - at }, true, &batch,
				 &used, &err), 0);
		assert_int_equal(batch.nrejects, 0);
		/* Parts of one file. */
		for (uint32_t i = 0; i < batch.nitems; i++)
			batch.items[i].number = first + 1 +
				(batch.items[i].number - 1) * step;
		assert_int_equal(discover_see(d, t, &batch, &err), 0);
	}
	ddbjson_free(reader);
	batch_free(&batch);
	buf_free(&text);
}

static void
show_ids(struct discover_probe *p, uint32_t t)
{
	struct discover_ids sums = { 0 };

	for (size_t at = 0; at < ids[t].len;) {
		const uint8_t *const from = ids[t].ptr + at;
		const size_t len = (size_t)((uint8_t *)memchr(from, '\n',
						ids[t].len - at) - from);

		discover_probe_id(p, t, &sums, (char)from[0], (struct span){
				  from + 1, len - 1 });
		at += len + 1;
	}
	discover_probe_sum(p, t, &sums);
}

static void
print(const struct discover_result *r, struct buf *out)
{
	struct err err;

	for (size_t i = 0; i < r->nfound; i++) {
		const struct discover_found *const f = &r->found[i];

		assert_int_equal(discover_print(f, tables[f->table].name,
						tables[f->to].name, out,
						&err), 0);
		assert_int_equal(buf_printf(out, &err, "\n    %s\n", f->line),
				 0);
	}
	for (size_t i = 0; i < r->nnotes; i++)
		assert_int_equal(buf_printf(out, &err, "%s: %s\n",
				 tables[r->notes[i].table].name,
				 r->notes[i].text), 0);
	assert_int_equal(buf_append(out, (struct span){
			 (const uint8_t *)"", 1 }, &err), 0);
}

/* All of it by `nparts` observers, merged forth or back. */
static void
find_in_parts(size_t nparts, bool back, struct discover_result *r)
{
	struct err err = { 0 };
	struct discover *const d = discover_new(ntables, &err);
	struct discover *parts[MAX_PARTS];

	for (size_t i = 0; i < nparts; i++) {
		parts[i] = discover_new(ntables, &err);
		for (uint32_t t = 0; t < ntables; t++)
			see(parts[i], t, i, nparts);
	}
	for (size_t i = 0; i < nparts; i++) {
		const size_t k = back ? nparts - 1 - i : i;

		assert_int_equal(discover_merge(d, parts[k], &err), 0);
		discover_free(parts[k]);
	}

	struct discover_probe *const p = discover_probe_new(d, ntables, &err);
	assert_non_null(p);
	for (uint32_t t = 0; t < ntables; t++)
		show_ids(p, t);
	assert_int_equal(discover_judge(p, tables, r, &err), 0);
	discover_probe_free(p);
	discover_free(d);
}

/* What is found is this text, whoever looked. */
static void
expect(const char *text)
{
	static const size_t PARTS[] = { 1, 2, 7 };

	for (int back = 0; back < 2; back++)
		for (size_t i = 0; i < 3; i++) {
			struct discover_result r;
			struct buf out = { 0 };

			find_in_parts(PARTS[i], back, &r);
			print(&r, &out);
			assert_string_equal((const char *)out.ptr, text);
			buf_free(&out);
			discover_result_free(&r);
		}
}

/* ---- what is one --------------------------------------------------------- */

static void
add_contacts(uint32_t t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		item(t, "\"id\":{\"S\":\"%s\"},\"name\":{\"S\":\"No %u\"},"
		     "\"age\":{\"N\":\"%u\"}", uuid('c', i), i, i % 90);
		id(t, "S%s", uuid('c', i));
	}
}

static void
finds_ids_wherever_they_stand(void **state)
{
	static const char *const ID[] = { "id" };
	const uint32_t contacts = table("Contacts"), projects = table("Projects");

	(void)state;
	tables[contacts].declared = tables[projects].declared = ID;
	tables[contacts].ndeclared = tables[projects].ndeclared = 1;
	add_contacts(contacts, 50);
	for (unsigned i = 0; i < 200; i++) {
		item(projects, "\"id\":{\"S\":\"%s\"},"
		     "\"agentContactId\":{\"S\":\"%s\"},"
		     "\"parentId\":{\"S\":\"%s\"},"
		     "\"billing\":{\"M\":{\"by\":{\"M\":{\"contact\":"
		     "{\"S\":\"%s\"}}},\"total\":{\"N\":\"%u\"}}},"
		     "\"team\":{\"L\":[{\"M\":{\"contactId\":{\"S\":\"%s\"},"
		     "\"role\":{\"S\":\"agent\"}}}]},"
		     "\"watchers\":{\"SS\":[\"%s\",\"%s\"]},"
		     "\"a list\":{\"L\":[{\"S\":\"%s\"}]},"
		     "\"members\":{\"M\":{\"m%u\":{\"M\":{\"contact.id\":"
		     "{\"S\":\"%s\"}}}}},\"note\":{\"NULL\":true}",
		     uuid('p', i), uuid('c', i % 50), uuid('p', i / 2),
		     uuid('c', i % 40), i, uuid('c', i % 7), uuid('c', i % 50),
		     uuid('c', (i + 1) % 50), uuid('c', i % 20), i,
		     uuid('c', i % 3));
		id(projects, "S%s", uuid('p', i));
	}
	expect("Projects.\"a list\"[*] → Contacts  100 % of 200 values\n"
	       "    \"\\\"a list\\\"[*]\": Contacts\n"
	       "Projects.agentContactId → Contacts  100 % of 200 values\n"
	       "    agentContactId: Contacts\n"
	       "Projects.billing.by.contact → Contacts  100 % of 200 values\n"
	       "    billing.by.contact: Contacts\n"
	       "Projects.members.*.\"contact.id\" → Contacts  100 % of 200 "
	       "values\n"
	       "    \"members.*.\\\"contact.id\\\"\": Contacts\n"
	       "Projects.parentId → Projects  100 % of 200 values\n"
	       "    parentId: Projects\n"
	       "Projects.team[*].contactId → Contacts  100 % of 200 values\n"
	       "    \"team[*].contactId\": Contacts\n"
	       "Projects.watchers → Contacts  100 % of 400 values\n"
	       "    watchers: Contacts\n");
}

static void
counts_what_dangles(void **state)
{
	const uint32_t a = table("Accounts"), b = table("Bills");

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		/* A cycle: each refers to the other. */
		item(a, "\"last\":{\"S\":\"%s\"},\"x\":{\"S\":\"%s\"}",
		     uuid('b', i), uuid('x', i));
		item(b, "\"of\":{\"S\":\"%s\"},\"half\":{\"S\":\"%s\"}",
		     uuid('a', i % 20 == 0 ? 5000 + i : i),
		     uuid(i % 5 < 4 ? 'a' : 'x', i));
		id(a, "S%s", uuid('a', i));
		id(b, "S%s", uuid('b', i));
	}
	expect("Accounts.last → Bills  100 % of 300 values\n"
	       "    last: Bills\n"
	       "Bills.of → Accounts  95 % of 300 values, 15 dangling\n"
	       "    of: Accounts\n");
}

static void
finds_ids_inside_texts(void **state)
{
	const uint32_t users = table("Users"), orders = table("Orders"),
		       rows = table("Rows");

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		id(users, "S%s", uuid('u', i));
		id(orders, "So-%u", 100000000 + i * 7919);
		item(rows, "\"pk\":{\"S\":\"USER#%s\"},\"sk\":{\"S\":\"%s\"},"
		     "\"a\":{\"S\":\"A#%s#B\"},\"both\":{\"S\":\"%s/o-%u\"},"
		     "\"mixed\":{\"S\":\"%s#%s\"},\"urn\":{\"S\":\"user-%s\"},"
		     "\"at\":{\"S\":\"2024-11-17T05:%02u:12.660Z\"},"
		     "\"bad\":{\"S\":\"USER#%s\"}", uuid('u', i),
		     i % 3 == 0 ? "PROFILE" : "ORDER#2024", uuid('u', i % 9),
		     uuid('u', i), 100000000 + i * 7919,
		     i % 2 == 0 ? "USER" : "TEAM",
		     uuid(i % 2 == 0 ? 'u' : 't', i), uuid('u', i % 5), i % 60,
		     uuid(i % 2 == 0 ? 'u' : 'x', i));
	}
	expect("Rows.a 'A#{id}#B' → Users  100 % of 120 values\n"
	       "    a: {table: Users, pattern: \"A#{id}#B\"}\n"
	       "Rows.both '{Users}/{Orders}' → Users  100 % of 120 values\n"
	       "    both: {pattern: \"{Users}/{Orders}\"}\n"
	       "Rows.both '{Users}/{Orders}' → Orders  100 % of 120 values\n"
	       "    both: {pattern: \"{Users}/{Orders}\"}\n"
	       "Rows.mixed 'USER#{id}' → Users  100 % of 60 values\n"
	       "    mixed: {table: Users, pattern: \"USER#{id}\"}\n"
	       "Rows.pk 'USER#{id}' → Users  100 % of 120 values\n"
	       "    pk: {table: Users, pattern: \"USER#{id}\"}\n"
	       "Rows.urn 'user-{id}' → Users  100 % of 120 values\n"
	       "    urn: {table: Users, pattern: \"user-{id}\"}\n");
}

static void
proposes_no_pattern_that_takes_other_texts(void **state)
{
	const uint32_t users = table("Users"), rows = table("Rows");

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		id(users, "S%s", uuid('u', i));
		/* The longer ones are ids too; or are others' */
		item(rows, "\"good\":{\"S\":\"USER#%s%s\"},"
		     "\"bad\":{\"S\":\"USER#%s%s\"},"
		     "\"word\":{\"S\":\"USER#%s\"}", uuid('u', i),
		     i % 2 == 0 ? "#2024-01-01" : "",
		     uuid(i % 2 == 0 ? 'x' : 'u', i),
		     i % 2 == 0 ? "#2024-01-01" : "",
		     i % 50 == 0 ? "nobody" : uuid('u', i));
	}
	expect("Rows.good 'USER#{id}#*' → Users  100 % of 100 values\n"
	       "    good: [{table: Users, pattern: \"USER#{id}#*\"}, "
	       "{table: Users, pattern: \"USER#{id}\"}]\n"
	       "Rows.good 'USER#{id}' → Users  100 % of 100 values\n"
	       "    good: [{table: Users, pattern: \"USER#{id}#*\"}, "
	       "{table: Users, pattern: \"USER#{id}\"}]\n"
	       "Rows.word 'USER#{id}' → Users  98 % of 200 values, 4 dangling\n"
	       "    word: {table: Users, pattern: \"USER#{id}\"}\n");
}

static void
takes_numbers_and_binary_by_value(void **state)
{
	const uint32_t things = table("Things"), uses = table("Uses");

	(void)state;
	for (unsigned i = 1; i <= 60; i++) {
		id(things, "N%llu", 1000000007ull * 1000 * i);
		id(things, "Bbytes%06u", i);
		/* 1000000007E3 and 1000000007000.00 are one number. */
		item(uses, "\"a\":{\"N\":\"%lluE3\"},\"b\":{\"N\":\"%llu.00\"},"
		     "\"text\":{\"S\":\"%llu\"},\"bytes\":{\"B\":\"%s\"}",
		     1000000007ull * i, 1000000007ull * 1000 * i,
		     1000000007ull * 1000 * i,
		     i % 2 ? "Ynl0ZXMwMDAwMDE=" : "Ynl0ZXMwMDAwNDI=");
	}
	expect("Uses.a → Things  100 % of 60 values\n    a: Things\n"
	       "Uses.b → Things  100 % of 60 values\n    b: Things\n"
	       "Uses.bytes → Things  100 % of 60 values\n    bytes: Things\n");
}

/* ---- what is none -------------------------------------------------------- */

static void
small_numbers_are_ids_only_where_names_say_so(void **state)
{
	const uint32_t customers = table("Customers"), goods = table("Goods"),
		       orders = table("Orders");

	(void)state;
	for (unsigned i = 1; i <= 500; i++) {
		id(customers, "N%u", i);
		if (i <= 300)
			id(goods, "N%u", i);
		item(orders, "\"quantity\":{\"N\":\"%u\"},"
		     "\"customerId\":{\"N\":\"%u\"},\"customers\":{\"N\":\"3\"},"
		     "\"customerCount\":{\"N\":\"%u\"},"
		     "\"by\":{\"M\":{\"customer\":{\"N\":\"%u\"}}},"
		     "\"pos\":{\"NS\":[\"1\",\"%u\"]}", i % 10 + 1, i,
		     i % 7 + 1, i, i % 100 + 2);
	}
	expect("Orders.by.customer → Customers  100 % of 500 values\n"
	       "    by.customer: Customers\n"
	       "Orders.customerId → Customers  100 % of 500 values\n"
	       "    customerId: Customers\n"
	       "Orders.customers → Customers  100 % of 500 values\n"
	       "    customers: Customers\n");
}

static void
between_tables_that_share_ids_the_name_decides(void **state)
{
	static const char *const ID[] = { "id" };
	const uint32_t users = table("Users"), profiles = table("Profiles"),
		       rows = table("Rows");

	(void)state;
	tables[users].declared = tables[profiles].declared = ID;
	tables[users].ndeclared = tables[profiles].ndeclared = 1;
	for (unsigned i = 0; i < 100; i++) {
		item(users, "\"id\":{\"S\":\"%s\"}", uuid('u', i));
		item(profiles, "\"id\":{\"S\":\"%s\"}", uuid('u', i));
		id(users, "S%s", uuid('u', i));
		id(profiles, "S%s", uuid('u', i));
		item(rows, "\"userId\":{\"S\":\"%s\"},\"x\":{\"S\":\"%s\"},"
		     "\"of\":{\"M\":{\"profile\":{\"S\":\"%s\"}}}",
		     uuid('u', i), uuid('u', i), uuid('u', i));
	}
	expect("Rows.of.profile → Profiles  100 % of 100 values\n"
	       "    of.profile: Profiles\n"
	       "Rows.userId → Users  100 % of 100 values\n"
	       "    userId: Users\n"
	       "Rows: x: its values are ids of 'Users' and of 'Profiles' alike, "
	       "so that neither is proposed\n");
}

static void
says_nothing_of_what_is_declared(void **state)
{
	static const char *const DECLARED[] = { "a", "list[*]", "set", "pk" };
	const uint32_t users = table("Users"), rows = table("Rows");

	(void)state;
	tables[rows].declared = DECLARED;
	tables[rows].ndeclared = 4;
	for (unsigned i = 0; i < 30; i++) {
		id(users, "S%s", uuid('u', i));
		item(rows, "\"a\":{\"S\":\"%s\"},\"list\":{\"L\":[{\"S\":\"%s\"}"
		     "]},\"set\":{\"SS\":[\"%s\"]},\"pk\":{\"S\":\"USER#%s\"},"
		     "\"z\":{\"S\":\"%s\"}", uuid('u', i), uuid('u', i),
		     uuid('u', i), uuid('u', i), uuid('u', i));
	}
	expect("Rows.z → Users  100 % of 30 values\n    z: Users\n");
}

static void
a_table_that_is_left_out_is_no_target(void **state)
{
	const uint32_t users = table("Users"), rows = table("Rows");

	(void)state;
	tables[users].set = DISCOVER_NONE;
	for (unsigned i = 0; i < 30; i++) {
		id(users, "S%s", uuid('u', i));
		item(rows, "\"userId\":{\"S\":\"%s\"}", uuid('u', i));
	}
	expect("");
}

/* ---- how much of it ------------------------------------------------------ */

static void
samples_what_is_too_much_and_says_how_sure_it_is(void **state)
{
	const uint32_t a = table("Accounts"), b = table("Bills");
	const unsigned n = 4000;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		id(a, "S%s", uuid('a', i));
		item(b, "\"of\":{\"S\":\"%s\"},\"few\":{\"S\":\"%s\"},"
		     "\"all\":{\"S\":\"%s\"}",
		     uuid(i % 25 == 0 ? 'x' : 'a', i),
		     uuid(i % 100 == 0 ? 'x' : 'a', i % 300), uuid('a', i));
	}
	for (int back = 0; back < 2; back++) {
		struct discover_result r;

		find_in_parts(back ? 7 : 1, back, &r);
		assert_int_equal(r.nfound, 3);
		assert_string_equal(r.found[0].path, "all");
		assert_true(r.found[0].sampled && r.found[0].dangling == 0);
		assert_true(r.found[0].error > 0.002 &&
			    r.found[0].error < 0.004);

		/* 300 different values are all kept: exact. */
		assert_string_equal(r.found[1].path, "few");
		assert_false(r.found[1].sampled);
		assert_int_equal(r.found[1].values, n);
		assert_int_equal(r.found[1].dangling, n / 100);
		assert_true(r.found[1].error == 0);

		assert_string_equal(r.found[2].path, "of");
		assert_true(r.found[2].sampled);
		assert_int_equal(r.found[2].values, n);
		assert_true(r.found[2].error > 0.008 &&
			    r.found[2].error < 0.016);
		assert_true(r.found[2].share > 0.96 - 1.5 * r.found[2].error &&
			    r.found[2].share < 0.96 + 1.5 * r.found[2].error);
		assert_int_equal(r.found[2].resolved + r.found[2].dangling, n);
		discover_result_free(&r);
	}
}

/* Times are not cut for ids, but a pattern that would take them is none. */
static void
times_spoil_patterns_that_would_take_them(void **state)
{
	const uint32_t users = table("Users"), rows = table("Rows");

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		id(users, "S%s", uuid('u', i));
		item(rows, "\"n\":{\"N\":\"%u\"},\"pair\":{\"S\":\"%s:%s\"}", i,
		     uuid('u', i), uuid('u', (i * 7) % 200));
	}
	expect("Rows.pair '{id}:{id}' → Users  100 % of 200 values\n"
	       "    pair: {table: Users, pattern: \"{id}:{id}\"}\n"
	       "Rows.pair '{id}:{id}' → Users  100 % of 200 values\n"
	       "    pair: {table: Users, pattern: \"{id}:{id}\"}\n");
	for (unsigned i = 0; i < 200; i++)
		item(rows, "\"n\":{\"N\":\"%u\"},\"pair\":{\"S\":"
		     "\"2024-02-29T12:%02u:%02uZ\"}", i, i % 60, i % 7);
	expect("");
}

static void
names_without_end_take_no_memory_without_end(void **state)
{
	const uint32_t users = table("Users"), rows = table("Rows");

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		id(users, "S%s", uuid('u', i % 100));
		item(rows, "\"userId\":{\"S\":\"%s\"},\"n%u\":{\"S\":\"x\"},"
		     "\"map\":{\"M\":{\"k%u\":{\"M\":{\"in%u\":{\"M\":{\"user\":"
		     "{\"S\":\"%s\"}}}}}}},\"word\":{\"S\":\"W#T%c%c%c#%s\"}",
		     uuid('u', i % 100), i, i, i % 200, uuid('u', i % 100),
		     'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26,
		     uuid('u', i % 100));
	}
	/* Of those after the first 4,096 one in 8 was looked at. */
	expect("Rows.map.*.*.user → Users  about 100 % of about 20,000 values "
	       "(± 0.1 %)\n"
	       "    \"map.*.*.user\": Users\n"
	       "Rows.userId → Users  about 100 % of about 20,000 values "
	       "(± 0.1 %)\n"
	       "    userId: Users\n"
	       "Rows.word 'W#*#{id}' → Users  about 100 % of about 20,000 "
	       "values (± 0.1 %)\n"
	       "    word: {table: Users, pattern: \"W#*#{id}\"}\n"
	       "Rows: its items have more than 4096 attribute names: only so "
	       "many were looked at, those without digits first\n");
}

static void
of_many_items_looks_at_some_for_all(void **state)
{
	const uint32_t a = table("Accounts"), b = table("Bills");
	const unsigned n = 60000;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		id(a, "S%s", uuid('a', i));
		item(b, "\"few\":{\"S\":\"%s\"},\"n\":{\"N\":\"%u\"}",
		     uuid(i % 20 == 0 ? 'x' : 'a', i % 300), i);
	}
	for (int back = 0; back < 2; back++) {
		struct discover_result r;

		find_in_parts(back ? 5 : 1, back, &r);
		assert_int_equal(r.nfound, 1);
		assert_true(r.found[0].sampled && !r.found[0].counted);
		assert_in_range(r.found[0].values, n * 0.95, n * 1.05);
		/* Worth 60000^2 / (4096 + 3584 * 64 + 851 * 1024) values. */
		assert_true(r.found[0].error > 0.006 &&
			    r.found[0].error < 0.009);
		assert_true(r.found[0].share > 0.95 - 1.5 * r.found[0].error &&
			    r.found[0].share < 0.95 + 1.5 * r.found[0].error);
		discover_result_free(&r);
	}
}

/* ---- an index ------------------------------------------------------------ */

/* Beside a plan that declares `of`. */
static void
find_beside_plan(const char *dir, struct discover *d, struct buf *out)
{
	static const char PLAN[] =
		"dynamill: 1\nsource: {exports: [x]}\n"
		"target: {environment: t}\ntables:\n"
		"  Users: {key: [id], id: id}\n"
		"  Rows: {key: [pk], references: {of: Users}}\n";
	struct plan_found found[] = { { .name = "Users" }, { .name = "Rows" } };
	const struct plan_options options = { 0 };
	const char *const paths[] = { "/tmp/test_discover.yaml" };
	struct discover_result r;
	struct err err = { 0 };

	assert_int_equal(file_save(paths[0], span_of(PLAN), &err), 0);
	struct plan *const plan = plan_load(paths, 1, &options, &err);
	assert_non_null(plan);
	assert_int_equal(plan_resolve(plan, found, 2, &err), 0);
	assert_int_equal(discover_finish(d, plan, dir, &r, &err), 0);
	print(&r, out);
	discover_result_free(&r);
	plan_free(plan);
	unlink(paths[0]);
}

static void
reads_the_ids_of_an_index(void **state)
{
	static const struct join_table TABLES[] = { { "Users" }, { NULL } };
	static const uint32_t UNITS[] = { 0 };
	const struct keyfile_sizes sizes = { 2, 0, 0 };
	const uint32_t users = table("Users"), rows = table("Rows");
	char dir[] = "/tmp/test_discover.XXXXXX", path[96];
	struct join_result joined;
	struct discover_result r;
	struct keyfile_info info;
	struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	tables[rows].set = DISCOVER_NONE;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/index/tmp", dir);
	assert_int_equal(file_make_folder(path, &err), 0);
	snprintf(path, sizeof(path), "%s/index/units", dir);
	assert_int_equal(file_make_folder(path, &err), 0);

	struct keyfile *const k = keyfile_new(&sizes, &err);
	assert_int_equal(keyfile_start(k, dir, 0, &err), 0);
	for (unsigned i = 0; i < 500; i++) {
		const struct span text = span_of(uuid('u', i));

		/* Under their new ids, which discovery does not care for. */
		keyfile_id(k, users, keyhash_of_id('S', span_of(uuid('n', i))),
			   i, 'S', text);
		item(rows, "\"by\":{\"S\":\"%s\"},\"of\":{\"S\":\"%s\"},"
		     "\"pk\":{\"S\":\"USER#%s\"}",
		     uuid('u', i < 480 ? i : i + 1000), uuid('u', i),
		     uuid('u', i));
	}
	assert_int_equal(keyfile_commit(k, &info, &err), 0);
	keyfile_free(k);

	const struct join j = { .job_dir = dir, .units = UNITS, .nunits = 1,
				.tables = TABLES, .ntables = 2 };
	assert_int_equal(join_run(&j, &joined, &err), 0);
	join_result_free(&joined);

	struct discover *const d = discover_new(ntables, &err);
	see(d, rows, 0, 1);
	struct discover_probe *const p = discover_probe_new(d, ntables, &err);
	assert_int_equal(discover_probe_index(p, users, dir, "Users", &err),
			 0);
	assert_int_equal(discover_probe_index(p, rows, dir, "Rows", &err), 0);
	assert_int_equal(discover_judge(p, tables, &r, &err), 0);
	print(&r, &out);
	assert_string_equal((const char *)out.ptr,
			    "Rows.by → Users  96 % of 500 values, 20 dangling\n"
			    "    by: Users\n"
			    "Rows.of → Users  100 % of 500 values\n"
			    "    of: Users\n"
			    "Rows.pk 'USER#{id}' → Users  100 % of 500 values\n"
			    "    pk: {table: Users, pattern: \"USER#{id}\"}\n");
	discover_result_free(&r);
	discover_probe_free(p);

	/* What is declared is left out; a key that stays is looked at. */
	buf_reset(&out);
	find_beside_plan(dir, d, &out);
	assert_string_equal((const char *)out.ptr,
			    "Rows.by → Users  96 % of 500 values, 20 dangling\n"
			    "    by: Users\n"
			    "Rows.pk 'USER#{id}' → Users  100 % of 500 values\n"
			    "    pk: {table: Users, pattern: \"USER#{id}\"}\n");
	buf_free(&out);
	discover_free(d);
	assert_int_equal(file_remove_folder(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(finds_ids_wherever_they_stand, forget),
		cmocka_unit_test_setup(counts_what_dangles, forget),
		cmocka_unit_test_setup(finds_ids_inside_texts, forget),
		cmocka_unit_test_setup(
			proposes_no_pattern_that_takes_other_texts, forget),
		cmocka_unit_test_setup(takes_numbers_and_binary_by_value,
				       forget),
		cmocka_unit_test_setup(
			small_numbers_are_ids_only_where_names_say_so, forget),
		cmocka_unit_test_setup(
			between_tables_that_share_ids_the_name_decides, forget),
		cmocka_unit_test_setup(says_nothing_of_what_is_declared,
				       forget),
		cmocka_unit_test_setup(a_table_that_is_left_out_is_no_target,
				       forget),
		cmocka_unit_test_setup(
			samples_what_is_too_much_and_says_how_sure_it_is,
			forget),
		cmocka_unit_test_setup(
			times_spoil_patterns_that_would_take_them, forget),
		cmocka_unit_test_setup(of_many_items_looks_at_some_for_all,
				       forget),
		cmocka_unit_test_setup(
			names_without_end_take_no_memory_without_end, forget),
		cmocka_unit_test_setup(reads_the_ids_of_an_index, forget),
	};

	return cmocka_run_group_tests_name("discover", tests, NULL, free_all);
}
