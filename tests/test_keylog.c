/* test_keylog.c - key logs: written, read back, damaged and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/dice.h"
#include "base/err.h"
#include "engine/keyfile.h"
#include "engine/keyread.h"
#include "formats/keyuuid.h"
#include "io/file.h"
#include "tests/guard.h"

enum { NTABLES = 3, NRELATIONS = 5, NTARGETS = 2 };

static char dir[64];

static int
make_dir(void **state)
{
	struct err err;
	char units[96];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_keylog.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(units, sizeof(units), "%s/index/units", dir);
	return file_make_folder(units, &err);
}

static int
remove_dir(void **state)
{
	(void)state;
	return file_remove_folder(dir);
}

static struct keyfile *
new_file(void)
{
	const struct keyfile_sizes sizes = { NTABLES, NRELATIONS, NTARGETS };
	struct err err;
	struct keyfile *const k = keyfile_new(&sizes, &err);

	assert_non_null(k);
	return k;
}

static void
path_of(uint32_t unit, char *out, size_t size)
{
	char name[40];

	keyfile_path(unit, name, sizeof(name));
	snprintf(out, size, "%s/%s", dir, name);
}

/* What was logged, to be found again in the order of each section. */
struct entry {
	enum keylog_kind kind;
	uint32_t number;
	struct keyhash key;
	uint64_t offset;
	char type, source[40];
};

static struct entry
draw(uint64_t *seed, uint64_t offset)
{
	static const uint32_t most[] = { 0, NTABLES, NRELATIONS, NTARGETS,
					 NTABLES, NTABLES };
	struct entry e = { .offset = offset };

	e.kind = (enum keylog_kind)(1 + dice_throw(seed) % KEYLOG_NKINDS);
	e.number = (uint32_t)(dice_throw(seed) % most[e.kind]);
	e.key = (struct keyhash){ dice_throw(seed), dice_throw(seed) };
	if (e.kind == KEYLOG_ID) {
		e.type = "SNB"[dice_throw(seed) % 3];
		snprintf(e.source, 1 + dice_throw(seed) % 37, "%036llu",
			 (unsigned long long)dice_throw(seed));
		if (dice_throw(seed) % 2 == 0)
			snprintf(e.source, sizeof(e.source), "%08x-%04x-%04x-"
				 "%04x-%012llx", (unsigned)dice_throw(seed),
				 (unsigned)(dice_throw(seed) & 0xffff),
				 (unsigned)(dice_throw(seed) & 0xffff),
				 (unsigned)(dice_throw(seed) & 0xffff),
				 (unsigned long long)dice_throw(seed) >> 16);
	}
	return e;
}

static void
log_one(struct keyfile *k, const struct entry *e)
{
	if (e->kind == KEYLOG_ID)
		keyfile_id(k, e->number, e->key, e->offset, e->type,
			   span_of(e->source));
	else
		keyfile_log(k, e->kind, e->number, e->key, e->offset);
}

/* Write `n` random records as unit `unit`; they go to `all`. */
static struct keyfile_info
write_log(uint32_t unit, struct entry *all, size_t n)
{
	struct keyfile *const k = new_file();
	struct keyfile_info info;
	struct err err;
	uint64_t seed = unit, offset = 0;

	assert_int_equal(keyfile_start(k, dir, unit, &err), 0);
	for (size_t i = 0; i < n; i++) {
		const uint64_t r = dice_throw(&seed);

		/* Mostly forward, at times the same, back, or far away. */
		if (r % 97 == 0)
			offset = r;
		else if (r % 5 != 0)
			offset += r % 1500;
		all[i] = draw(&seed, offset);
		log_one(k, &all[i]);
	}
	assert_int_equal(keyfile_commit(k, &info, &err), 0);
	keyfile_free(k);
	return info;
}

/* Is it the id that was logged?  A UUID is packed if it is a string. */
static void
check_source(const struct keylog_record *got, const struct entry *e)
{
	char text[KEYUUID_TEXT_LEN];

	if (e->type != 'S' || strchr(e->source, '-') == NULL) {
		assert_int_equal(got->type, e->type);
		assert_true(span_is(got->source, e->source));
		return;
	}
	assert_int_equal(got->type, KEYUUID_TYPE);
	assert_int_equal(got->source.len, KEYUUID_LEN);
	keyuuid_text(got->source.ptr, text);
	assert_memory_equal(text, e->source, sizeof(text));
}

/* Match a chunk's records with what was logged, from *from on. */
static void
match_chunk(const struct keylog_chunk *c, struct span bytes,
	    const struct entry *all, size_t n, size_t *from)
{
	struct keylog_cursor cursor;
	struct keylog_record got;
	struct err err;
	uint32_t count = 0;
	int rc;

	keylog_start(&cursor, c, bytes);
	while ((rc = keylog_next(&cursor, &got, &err)) > 0) {
		const struct entry *e;

		do {
			assert_true(*from < n);
			e = &all[(*from)++];
		} while (e->kind != c->kind || e->number != c->number);
		assert_true(got.key.hi == e->key.hi && got.key.lo == e->key.lo);
		assert_true(got.offset == e->offset);
		if (c->kind == KEYLOG_ID) {
			check_source(&got, e);
		}
		count++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(count, c->count);
}

static void
gives_back_what_was_logged(void **state)
{
	enum { N = 60000 };
	struct entry *const all = calloc(N, sizeof(*all));
	uint8_t *const room = malloc(KEYLOG_MAX);
	size_t from[KEYLOG_NKINDS + 1][NRELATIONS] = { 0 };
	struct keyread r;
	struct err err;
	char path[128];
	uint64_t records = 0;
	struct stat st;

	(void)state;
	const struct keyfile_info info = write_log(7, all, N);
	path_of(7, path, sizeof(path));
	assert_int_equal(info.records, N);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(info.size, st.st_size);
	assert_int_equal(keyfile_check(path, info.xxh3, &err), 1);
	assert_int_equal(keyfile_check(path, info.xxh3 + 1, &err), 0);

	assert_int_equal(keyread_open(&r, path, &err), 0);
	assert_int_equal(r.shape.unit, 7);
	assert_true(r.shape.nchunks > 20);
	for (size_t i = 0; i < r.shape.nchunks; i++) {
		struct keylog_chunk c;

		assert_int_equal(keyread_entry(&r, i, &c, &err), 0);
		assert_int_equal(keyread_chunk(&r, &c, room, &err), 0);
		match_chunk(&c, (struct span){ room, c.len }, all, N,
			    &from[c.kind][c.number]);
		records += c.count;
	}
	assert_int_equal(records, N);
	keyread_close(&r);
	free(room);
	free(all);
}

/* Of a log of any length: its directory is held a piece at a time. */
static void
gives_back_thousands_of_chunks(void **state)
{
	enum { N = 5000 };
	struct keyfile *const k = new_file();
	uint8_t *const room = malloc(KEYLOG_MAX);
	struct keyfile_info info;
	struct keylog_cursor cursor;
	struct keylog_record got;
	struct keylog_chunk c;
	struct keyread r;
	struct err err;
	char path[128];

	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(keyfile_start(k, dir, 21, &err), 0);
		for (uint64_t i = 0; i < N; i++) {
			keyfile_ref(k, (uint32_t)(i % NRELATIONS),
				    (struct keyhash){ i, ~i }, i);
			keyfile_end_part(k);
		}
		assert_int_equal(keyfile_commit(k, &info, &err), 0);
	}
	keyfile_free(k);
	path_of(21, path, sizeof(path));
	assert_int_equal(keyfile_check(path, info.xxh3, &err), 1);
	assert_int_equal(keyread_open(&r, path, &err), 0);
	assert_int_equal(r.shape.nchunks, N);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(keyread_entry(&r, i, &c, &err), 0);
		assert_int_equal(c.number, i % NRELATIONS);
		assert_int_equal(keyread_chunk(&r, &c, room, &err), 0);
		keylog_start(&cursor, &c, (struct span){ room, c.len });
		assert_int_equal(keylog_next(&cursor, &got, &err), 1);
		assert_true(got.key.lo == i && got.offset == i);
	}
	/* And in any order. */
	for (size_t i = N; i-- > 0; i -= i > 700 ? 700 : 0) {
		assert_int_equal(keyread_entry(&r, i, &c, &err), 0);
		assert_int_equal(c.number, i % NRELATIONS);
	}
	keyread_close(&r);
	free(room);
}

static void
writes_the_same_bytes_twice(void **state)
{
	struct entry all[100];
	char path[128];
	struct buf a = { 0 }, b = { 0 };
	struct err err;

	(void)state;
	path_of(9, path, sizeof(path));
	write_log(9, all, 100);
	assert_int_equal(file_load(path, 1 << 20, &a, &err), 0);
	write_log(9, all, 100);
	assert_int_equal(file_load(path, 1 << 20, &b, &err), 0);
	assert_true(span_equal(buf_span(&a), buf_span(&b)));
	buf_free(&a);
	buf_free(&b);
}

static void
leaves_nothing_of_an_abandoned_log(void **state)
{
	struct keyfile *const k = new_file();
	struct keyfile_info info;
	struct err err;
	char path[128];

	(void)state;
	path_of(11, path, sizeof(path));
	assert_int_equal(keyfile_start(k, dir, 11, &err), 0);
	keyfile_pk(k, 0, (struct keyhash){ 1, 2 }, 3);
	keyfile_abandon(k);
	assert_int_not_equal(access(path, F_OK), 0);

	/* And its records do not come up in the next one. */
	assert_int_equal(keyfile_start(k, dir, 12, &err), 0);
	assert_int_equal(keyfile_commit(k, &info, &err), 0);
	assert_int_equal(info.records, 0);
	path_of(12, path, sizeof(path));
	assert_int_equal(keyfile_check(path, info.xxh3, &err), 1);
	keyfile_free(k);
	keyfile_free(NULL);
}

static void
keeps_long_ids_apart(void **state)
{
	struct keyfile *const k = new_file();
	struct keyfile_info info;
	struct keyread r;
	struct keylog_chunk c;
	struct keylog_cursor cursor;
	struct keylog_record a, b;
	struct err err;
	char path[128];
	uint8_t id[5000], room[3 * 4096], kept[KEYLOG_MAX_ID];

	(void)state;
	memset(id, 'x', sizeof(id));
	assert_int_equal(keyfile_start(k, dir, 13, &err), 0);
	keyfile_id(k, 0, (struct keyhash){ 1, 1 }, 0, 'S',
		   (struct span){ id, sizeof(id) });
	id[4999] = 'y';
	keyfile_id(k, 0, (struct keyhash){ 1, 1 }, 9, 'S',
		   (struct span){ id, sizeof(id) });
	assert_int_equal(keyfile_commit(k, &info, &err), 0);
	path_of(13, path, sizeof(path));
	assert_int_equal(keyread_open(&r, path, &err), 0);
	assert_int_equal(keyread_entry(&r, 0, &c, &err), 0);
	assert_int_equal(keyread_chunk(&r, &c, room, &err), 0);
	keylog_start(&cursor, &c, (struct span){ room, c.len });
	assert_int_equal(keylog_next(&cursor, &a, &err), 1);
	assert_int_equal(a.source.len, KEYLOG_MAX_ID);
	assert_int_equal(a.type, 's');
	memcpy(kept, a.source.ptr, a.source.len);
	assert_int_equal(keylog_next(&cursor, &b, &err), 1);
	assert_int_not_equal(memcmp(kept, b.source.ptr, b.source.len), 0);
	keyread_close(&r);
	keyfile_free(k);
}

static void
tells_a_full_disk_at_commit(void **state)
{
	struct keyfile *const k = new_file();
	struct keyfile_info info;
	struct err err = { 0 };
	char path[128], part[128];

	(void)state;
	path_of(14, path, sizeof(path));
	snprintf(part, sizeof(part), "%s/index/units/.00000014.keys.part", dir);
	assert_int_equal(keyfile_start(k, dir, 14, &err), 0);
	/* The folder goes away below it: the rename cannot succeed. */
	assert_int_equal(unlink(part), 0);
	for (uint64_t i = 0; i < 10000; i++)
		keyfile_ref(k, 1, (struct keyhash){ i, i }, i);
	assert_int_equal(keyfile_commit(k, &info, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	keyfile_free(k);
}

/* Is any difference to a sound log noticed when all of it is checked? */
static void
notices_every_truncation_and_flip(void **state)
{
	struct entry all[12];
	struct buf good = { 0 };
	struct err err;
	char path[128], other[128];

	(void)state;
	const struct keyfile_info info = write_log(15, all, 12);
	path_of(15, path, sizeof(path));
	path_of(16, other, sizeof(other));
	assert_int_equal(file_load(path, 1 << 20, &good, &err), 0);
	for (size_t n = 0; n < good.len; n++) {
		assert_int_equal(file_save(other, (struct span){ good.ptr, n },
					   &err), 0);
		assert_int_equal(keyfile_check(other, info.xxh3, &err), 0);
	}
	for (size_t i = 0; i < good.len; i++) {
		good.ptr[i] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(file_save(other, buf_span(&good), &err), 0);
		assert_int_equal(keyfile_check(other, info.xxh3, &err), 0);
		good.ptr[i] ^= (uint8_t)(1u << i % 8);
	}
	buf_free(&good);
}

/* A chunk whose bytes lie: against an unmapped page, until it ends. */
static void
survives_hostile_chunks(void **state)
{
	struct keylog_chunk c = { .kind = KEYLOG_ID, .end = UINT64_MAX };
	uint64_t seed = 99;
	int good = 0, bad = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint8_t bytes[80];
		struct keylog_cursor cursor;
		struct keylog_record got;
		struct err err;
		const size_t n = dice_throw(&seed) % sizeof(bytes);
		int rc;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)dice_throw(&seed);
		if (n > 19) {
			bytes[16] &= 0x7f;
			bytes[17] = 'S';
			bytes[18] &= 0x3f;
		}
		c.count = (uint32_t)(n / 19);
		keylog_start(&cursor, &c, guard_copy(bytes, n));
		while ((rc = keylog_next(&cursor, &got, &err)) > 0)
			good++;
		bad += rc < 0;
	}
	assert_true(good > 100);
	assert_true(bad > 100);
}

static void
refuses_offsets_beyond_the_chunks_end(void **state)
{
	const uint8_t bytes[17] = { [16] = 2 * 7 };
	struct keylog_chunk c = { .kind = KEYLOG_PK, .count = 1, .end = 8 };
	struct keylog_cursor cursor;
	struct keylog_record got;
	struct err err;

	(void)state;
	keylog_start(&cursor, &c, guard_copy(bytes, sizeof(bytes)));
	assert_int_equal(keylog_next(&cursor, &got, &err), 1);
	assert_int_equal(got.offset, 7);
	c.end = 7;
	keylog_start(&cursor, &c, guard_copy(bytes, sizeof(bytes)));
	assert_int_equal(keylog_next(&cursor, &got, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void
refuses_impossible_shapes(void **state)
{
	struct keylog_shape s = { .unit = 1, .directory_at = 32 + 20,
				  .nchunks = 1 };
	uint8_t head[KEYLOG_HEADER_LEN], tail[KEYLOG_TRAILER_LEN];
	const struct span h = { head, sizeof(head) }, t = { tail, sizeof(tail) };
	const uint64_t len = 32 + 20 + 48 + 32;
	struct keylog_shape got;
	struct err err;

	(void)state;
	keylog_put_header(head, 1);
	keylog_put_trailer(tail, &s);
	assert_int_equal(keylog_get_shape(h, t, len, &got, &err), 0);
	assert_int_equal(keylog_get_shape(h, t, len - 1, &got, &err), -1);
	assert_int_equal(keylog_get_shape(h, t, len + 48, &got, &err), -1);
	assert_int_equal(keylog_get_shape(h, t, 40, &got, &err), -1);
	s.nchunks = UINT64_MAX / 48 + 2;
	keylog_put_trailer(tail, &s);
	assert_int_equal(keylog_get_shape(h, t, len, &got, &err), -1);
	s.nchunks = 1;
	s.directory_at = 4;
	keylog_put_trailer(tail, &s);
	assert_int_equal(keylog_get_shape(h, t, 4 + 48 + 32, &got, &err), -1);
	head[8] = 1;
	assert_int_equal(keylog_get_shape(h, t, len, &got, &err), -1);
	assert_string_equal(err.text, "key log of version 1, not 2");
}

static void
refuses_impossible_chunks(void **state)
{
	const struct keylog_shape s = { .directory_at = 1000, .nchunks = 1 };
	const struct keylog_chunk ok = { KEYLOG_REF, 1, 17, 1, 983, 0, 5 };
	struct keylog_chunk bad[6], got;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		bad[i] = ok;
	bad[0].kind = (enum keylog_kind)6;
	bad[1].at = 984;
	bad[2].at = 31;
	bad[3].count = 2;
	bad[4].count = 0;
	bad[5].at = UINT64_MAX;
	for (size_t i = 0; i < 7; i++) {
		struct buf directory = { 0 };

		assert_int_equal(keylog_put_chunk(i < 6 ? &bad[i] : &ok,
						  &directory, &err), 0);
		assert_int_equal(keylog_get_chunk(&s, directory.ptr,
						  &got, &err), i < 6 ? -1 : 0);
		buf_free(&directory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_logged),
		cmocka_unit_test(gives_back_thousands_of_chunks),
		cmocka_unit_test(writes_the_same_bytes_twice),
		cmocka_unit_test(leaves_nothing_of_an_abandoned_log),
		cmocka_unit_test(keeps_long_ids_apart),
		cmocka_unit_test(tells_a_full_disk_at_commit),
		cmocka_unit_test(notices_every_truncation_and_flip),
		cmocka_unit_test(survives_hostile_chunks),
		cmocka_unit_test(refuses_offsets_beyond_the_chunks_end),
		cmocka_unit_test(refuses_impossible_shapes),
		cmocka_unit_test(refuses_impossible_chunks),
	};

	return cmocka_run_group_tests_name("keylog", tests, make_dir,
					   remove_dir);
}
