/*
 * test_merge_index.c - an index is the same bytes, whoever built it: one thread
 * or two, with memory or without, all units at once or merged from parts.
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
#include "base/dice.h"
#include "base/err.h"
#include "engine/join.h"
#include "engine/keyfile.h"
#include "engine/merge_index.h"
#include "formats/keyindex.h"
#include "io/file.h"

enum { NUNITS = 9, EACH = 7000, NTABLES = 2 };

static const uint32_t UNITS[NUNITS] = { 0, 1, 2, 3, 5, 8, 130, 131, 70000 };
static const struct join_table TABLES[NTABLES] = { { "One" }, { "Two" } };
static const struct join_target TARGET = { JOIN_NONE };

static char top[64];

static int
make_top(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test_merge.XXXXXX");
	return mkdtemp(top) == NULL;
}

static int
remove_top(void **state)
{
	(void)state;
	return file_remove_folder(top);
}

/*
 * Item `i` of a unit: some ids are on several items, of other units too, and a
 * few of those have come from another source id.
 */
static void
log_item(struct keyfile *k, uint32_t unit, uint64_t i)
{
	const uint64_t n = unit * 1000003ULL + i;
	const uint64_t id = i % 11 == 0 ? i % 300 : n;
	const struct keyhash key = { .lo = dice_mix(~id), .hi = dice_mix(id) };
	char text[48];

	snprintf(text, sizeof(text), i % 3 == 0 ?
		 "%08llx-0000-4000-8000-000000000000" : "id %llu",
		 (unsigned long long)(i % 77 == 0 ? n : id));
	keyfile_id(k, 0, key, i * 700, i % 3 == 1 ? 'N' : 'S', span_of(text));
	if (i % 4 == 0)
		keyfile_id(k, 1, key, i * 700, 'B', span_of(text));
}

/* A job of those units that `which` has a bit for. */
static void
make_job(const char *name, unsigned which, char dir[96])
{
	const struct keyfile_sizes sizes = { NTABLES, 0, 1 };
	struct keyfile_info info;
	struct err err;
	struct keyfile *const k = keyfile_new(&sizes, &err);
	char path[128];

	snprintf(dir, 96, "%s/%s", top, name);
	snprintf(path, sizeof(path), "%s/index/tmp", dir);
	assert_int_equal(file_make_folder(path, &err), 0);
	snprintf(path, sizeof(path), "%s/index/units", dir);
	assert_int_equal(file_make_folder(path, &err), 0);
	for (unsigned u = 0; u < NUNITS; u++) {
		if ((which >> u & 1) == 0)
			continue;
		assert_int_equal(keyfile_start(k, dir, UNITS[u], &err), 0);
		for (uint64_t i = 0; i < EACH; i++)
			log_item(k, UNITS[u], i);
		assert_int_equal(keyfile_commit(k, &info, &err), 0);
	}
	keyfile_free(k);
}

static void
build(const char *dir, unsigned which, size_t memory, unsigned threads)
{
	uint32_t units[NUNITS];
	struct join_result result;
	struct err err;
	struct join j = {
		.job_dir = dir, .units = units, .tables = TABLES,
		.ntables = NTABLES, .targets = &TARGET, .ntargets = 1,
		.memory = memory, .threads = threads,
	};

	for (unsigned u = 0; u < NUNITS; u++)
		if (which >> u & 1)
			units[j.nunits++] = UNITS[u];
	assert_int_equal(join_run(&j, &result, &err), 0);
	join_result_free(&result);
}

static struct buf
load(const char *folder, const char *file)
{
	struct buf b = { 0 };
	struct err err;
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	if (file_load(path, 1 << 30, &b, &err) != 0)
		fail_msg("%s", err.text);
	return b;
}

static void
same_files(const char *a, const char *b)
{
	static const char *const FILES[] = {
		"One.idx", "One.ids", "Two.idx", "Two.ids",
	};

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		struct buf x = load(a, FILES[i]), y = load(b, FILES[i]);

		assert_true(x.len > 1000);
		assert_int_equal(x.len, y.len);
		assert_memory_equal(x.ptr, y.ptr, x.len);
		buf_free(&x);
		buf_free(&y);
	}
}

/* "DIR/index" of a job that is made and built. */
static void
make_index(const char *name, unsigned which, size_t memory, unsigned threads,
	   char folder[128])
{
	char dir[96];

	make_job(name, which, dir);
	build(dir, which, memory, threads);
	snprintf(folder, 128, "%s/index", dir);
}

enum { ALL = (1 << NUNITS) - 1 };

static void
is_the_same_for_any_threads_and_memory(void **state)
{
	char a[128], b[128];

	(void)state;
	make_index("one-thread", ALL, 1 << 30, 1, a);
	make_index("two-threads", ALL, 1 << 30, 2, b);
	same_files(a, b);
	make_index("no-memory", ALL, JOIN_MIN_MEMORY, 2, b);
	same_files(a, b);
}

static void
merge_all(const char *const *folders, size_t n, const char *to)
{
	struct merge_index_result r;
	struct err err;

	for (size_t t = 0; t < NTABLES; t++)
		if (merge_index(folders, n, TABLES[t].name, to, NULL, &r,
				&err) != 0)
			fail_msg("%s", err.text);
}

static void
is_the_same_when_merged_from_parts(void **state)
{
	/* Halves, every other unit, three with one empty, all from one. */
	static const unsigned parts[][4] = {
		{ 0x00f, 0x1f0 }, { 0x155, 0x0aa }, { 0x111, 0, 0x0ee },
		{ ALL }, { 0x002, 0x100, 0x0fc, 0x001 },
	};
	char whole[128], to[128];
	struct err err;

	(void)state;
	make_index("whole", ALL, 1 << 30, 1, whole);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char folders[4][128], name[32];
		const char *list[4];
		size_t n = 0;
		unsigned seen = 0;

		for (; n < 4 && (n == 0 || parts[i][n] != 0 || seen != ALL);
		     n++) {
			snprintf(name, sizeof(name), "part%zu-%zu", i, n);
			make_index(name, parts[i][n], 1 << 22, 1, folders[n]);
			list[n] = folders[n];
			seen |= parts[i][n];
		}
		assert_int_equal(seen, ALL);
		snprintf(to, sizeof(to), "%s/merged%zu", top, i);
		assert_int_equal(file_make_folder(to, &err), 0);
		merge_all(list, n, to);
		same_files(whole, to);
	}
}

static void
counts_what_meets_across_parts(void **state)
{
	char a[128], b[128], whole[128], to[128];
	const char *const list[] = { a, b };
	const uint32_t units[] = { 0, 1, 2, 3 };
	const struct join j = {
		.job_dir = whole, .units = units, .nunits = 4,
		.tables = TABLES, .ntables = NTABLES, .targets = &TARGET,
		.ntargets = 1,
	};
	struct merge_index_result r;
	struct join_result want;
	struct err err;

	(void)state;
	make_job("meet", 0xf, whole);
	assert_int_equal(join_run(&j, &want, &err), 0);
	make_index("meet-a", 0x5, 1 << 22, 1, a);
	make_index("meet-b", 0xa, 1 << 22, 1, b);
	snprintf(to, sizeof(to), "%s/met", top);
	assert_int_equal(file_make_folder(to, &err), 0);
	assert_int_equal(merge_index(list, 2, "One", to, NULL, &r, &err), 0);
	assert_int_equal(r.items, want.tables[0].items);
	assert_int_equal(r.ids, want.tables[0].ids);
	assert_int_equal(r.collisions, want.tables[0].collisions);
	assert_true(r.collisions > 0 && r.ids < r.items);
	assert_int_equal(r.doubles, r.items - r.ids);
	assert_int_equal(r.first_doubles.n, JOIN_EXAMPLES);
	assert_int_equal(r.first_collisions.n, want.tables[0].ncollision);
	join_result_free(&want);
}

static void
refuses_a_unit_twice_and_leaves_nothing(void **state)
{
	char a[128], b[128], to[128], path[160];
	const char *const list[] = { a, b };
	struct merge_index_result r;
	struct err err = { 0 };

	(void)state;
	make_index("twice-a", 0x3, 1 << 22, 1, a);
	make_index("twice-b", 0x6, 1 << 22, 1, b);
	snprintf(to, sizeof(to), "%s/twice", top);
	assert_int_equal(file_make_folder(to, &err), 0);
	assert_int_equal(merge_index(list, 2, "One", to, NULL, &r, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "unit 1 "));
	snprintf(path, sizeof(path), "%s/One.idx", to);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(rmdir(to), 0);
}

static void
refuses_damage_wherever_it_is(void **state)
{
	static const char *const FILES[] = { "One.idx", "One.ids" };
	char a[128], to[128], path[160];
	const char *const list[] = { a };
	struct merge_index_result r;
	struct err err;

	(void)state;
	make_index("damaged", 0x1, 1 << 22, 1, a);
	snprintf(to, sizeof(to), "%s/damaged-to", top);
	assert_int_equal(file_make_folder(to, &err), 0);
	for (size_t f = 0; f < 2; f++) {
		struct buf bytes = load(a, FILES[f]);

		snprintf(path, sizeof(path), "%s/%s", a, FILES[f]);
		for (uint64_t i = 0; i < 60; i++) {
			const size_t at = (size_t)(i < 20 ? i * 3 :
				dice_mix(i) % bytes.len);

			bytes.ptr[at] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(file_save(path, buf_span(&bytes),
						   &err), 0);
			assert_int_equal(merge_index(list, 1, "One", to, NULL,
						     &r, &err), -1);
			assert_int_equal(err.code, ERR_INPUT);
			bytes.ptr[at] ^= (uint8_t)(1 << i % 8);
		}
		assert_int_equal(file_save(path, buf_span(&bytes), &err), 0);
		buf_free(&bytes);
	}
	assert_int_equal(merge_index(list, 1, "One", to, NULL, &r, &err), 0);
}

static void
stops_when_it_is_told(void **state)
{
	const atomic_bool cancel = true;
	char a[128], to[128];
	const char *const list[] = { a };
	struct merge_index_result r;
	struct err err;

	(void)state;
	make_index("stopped", 0x1, 1 << 22, 1, a);
	snprintf(to, sizeof(to), "%s/stopped-to", top);
	assert_int_equal(file_make_folder(to, &err), 0);
	assert_int_equal(merge_index(list, 1, "One", to, &cancel, &r, &err),
			 -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_int_equal(rmdir(to), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_same_for_any_threads_and_memory),
		cmocka_unit_test(is_the_same_when_merged_from_parts),
		cmocka_unit_test(counts_what_meets_across_parts),
		cmocka_unit_test(refuses_a_unit_twice_and_leaves_nothing),
		cmocka_unit_test(refuses_damage_wherever_it_is),
		cmocka_unit_test(stops_when_it_is_told),
	};

	return cmocka_run_group_tests_name("merge_index", tests, make_top,
					   remove_top);
}
