/* test_journal.c - the journal: kept, torn, damaged; and the files it names. */
#include <errno.h>
#include <pthread.h>
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
#include "base/keyhash.h"
#include "engine/journal.h"
#include "engine/keyfile.h"
#include "io/file.h"
#include "tests/fail.h"

enum { HEADER_LEN = 16 };

static char dir[64], path[80];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return file_remove_folder(dir);
}

/* Without a way to the disk, which takes its time. */
static void
put_file(const uint8_t *bytes, size_t n)
{
	FILE *const f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct journal *
open_ok(void)
{
	struct err err;
	struct journal *const j = journal_open(path, &err);

	if (j == NULL)
		fail_msg("%s", err.text);
	return j;
}

/* Two tallies, two files and some text, all different for each unit. */
static void
add(struct journal *j, uint32_t unit)
{
	char extra[32], out[64], keys[64];
	struct journal_tally t[2] = { { .table = 3 }, { .table = unit } };
	struct journal_file f[2];
	struct err err;

	for (unsigned c = 0; c < JOURNAL_NCOUNTS; c++)
		t[1].n[c] = unit * 100 + c;
	snprintf(out, sizeof(out), "out/T/data/%08u.json.gz", unit);
	snprintf(keys, sizeof(keys), "index/units/%08u.keys", unit);
	f[0] = (struct journal_file){
		JOURNAL_OUT, 5, span_of(out), 1000 + unit, 77, { 1, 2, 3 },
		4000, 17,
	};
	f[1] = (struct journal_file){
		.kind = JOURNAL_KEYS, .path = span_of(keys), .size = unit,
	};
	snprintf(extra, sizeof(extra), "extra %u", unit);
	const struct journal_unit u = {
		unit, t, 2, f, 2, span_of(extra),
	};
	assert_int_equal(journal_add(j, &u, &err), 0);
}

static void
check_unit(struct journal *j, uint32_t unit)
{
	const struct journal_unit *const u = journal_unit(j, unit);
	char text[64];

	assert_non_null(u);
	assert_int_equal(u->unit, unit);
	assert_int_equal(u->ntallies, 2);
	assert_int_equal(u->tallies[0].table, 3);
	assert_int_equal(u->tallies[0].n[JOURNAL_REJECTED], 0);
	assert_int_equal(u->tallies[1].n[JOURNAL_REJECTED], unit * 100 + 6);
	assert_int_equal(u->nfiles, 2);
	snprintf(text, sizeof(text), "out/T/data/%08u.json.gz", unit);
	assert_true(span_is(u->files[0].path, text));
	assert_int_equal(u->files[0].kind, JOURNAL_OUT);
	assert_int_equal(u->files[0].table, 5);
	assert_int_equal(u->files[0].size, 1000 + unit);
	assert_int_equal(u->files[0].xxh3, 77);
	assert_int_equal(u->files[0].md5[2], 3);
	assert_int_equal(u->files[0].plain_len, 4000);
	assert_int_equal(u->files[0].items, 17);
	assert_int_equal(u->files[1].kind, JOURNAL_KEYS);
	snprintf(text, sizeof(text), "extra %u", unit);
	assert_true(span_is(u->extra, text));
}

static void
keeps_units_and_notes(void **state)
{
	struct journal *j;
	struct err err;
	uint32_t end;

	(void)state;
	unlink(path);
	for (int round = 0; round < 3; round++) {
		j = open_ok();
		assert_int_equal(journal_nunits(j, &end), round * 200);
		assert_int_equal(journal_torn(j), 0);
		for (uint32_t i = 0; i < 200; i++)
			add(j, i * 3 + (uint32_t)round);
		for (uint32_t i = 0; i < 600; i++)
			if ((int)(i % 3) <= round)
				check_unit(j, i);
			else
				assert_null(journal_unit(j, i));
		journal_close(j);
	}
	j = open_ok();
	assert_int_equal(journal_noted(j, "ended").len, 0);
	assert_int_equal(journal_note(j, "ended", span_of("yes"), &err), 0);
	assert_int_equal(journal_note(j, "other", span_of("x"), &err), 0);
	assert_true(span_is(journal_noted(j, "ended"), "yes"));
	assert_int_equal(journal_note(j, "ended", span_of(""), &err), 0);
	journal_close(j);
	j = open_ok();
	assert_int_equal(journal_noted(j, "ended").len, 0);
	assert_true(span_is(journal_noted(j, "other"), "x"));
	assert_int_equal(journal_nunits(j, &end), 600);
	assert_int_equal(end, 600);
	journal_close(j);
}

static void
takes_the_last_record_of_a_unit(void **state)
{
	const struct journal_unit bare = { .unit = 4 };
	struct journal *j;
	struct err err;

	(void)state;
	unlink(path);
	j = open_ok();
	add(j, 4);
	const struct journal_unit *const old = journal_unit(j, 4);
	assert_int_equal(journal_add(j, &bare, &err), 0);
	assert_int_equal(journal_unit(j, 4)->nfiles, 0);
	assert_int_equal(old->nfiles, 2);	/* lives on */
	assert_int_equal(journal_nunits(j, NULL), 1);
	journal_close(j);
	j = open_ok();
	assert_int_equal(journal_unit(j, 4)->nfiles, 0);
	journal_close(j);
}

/* A journal of three units, and where each record starts and the last ends. */
static void
make_three(struct buf *bytes, size_t at[4])
{
	struct err err;
	struct journal *j;

	unlink(path);
	journal_close(open_ok());
	for (uint32_t i = 0; i < 4; i++) {
		buf_reset(bytes);
		assert_int_equal(file_load(path, 1 << 20, bytes, &err), 0);
		at[i] = bytes->len;
		if (i == 3)
			break;
		j = open_ok();
		add(j, i);
		journal_close(j);
	}
}

static void
cuts_off_a_torn_record_wherever_it_is_torn(void **state)
{
	struct buf good = { 0 }, now = { 0 };
	size_t at[4];
	struct err err;

	(void)state;
	make_three(&good, at);
	for (size_t n = 0; n < good.len; n++) {
		const uint32_t whole = n < at[1] ? 0 : n < at[2] ? 1 : 2;
		const size_t begun = n < HEADER_LEN ? n : HEADER_LEN;
		const size_t torn = n - (n < at[0] ? begun : at[whole]);
		struct journal *j;

		put_file(good.ptr, n);
		j = journal_look(path, &err);
		assert_non_null(j);
		assert_int_equal(journal_nunits(j, NULL), whole);
		assert_int_equal(journal_torn(j), torn);
		journal_close(j);
		if (n % 16 != 5 && torn > 1)
			continue;	/* the rest goes to the disk */
		j = open_ok();
		assert_int_equal(journal_nunits(j, NULL), whole);
		assert_int_equal(journal_torn(j), torn);
		/* What is appended next stands where the torn one was. */
		for (uint32_t i = whole; i < 3; i++)
			add(j, i);
		journal_close(j);
		buf_reset(&now);
		assert_int_equal(file_load(path, 1 << 20, &now, &err), 0);
		assert_true(span_equal(buf_span(&now), buf_span(&good)));
	}
	buf_free(&good);
	buf_free(&now);
}

static void
notices_every_flipped_bit(void **state)
{
	struct buf good = { 0 };
	size_t at[4];
	struct err err;

	(void)state;
	make_three(&good, at);
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		const size_t byte = bit / 8;
		char text[48];
		struct journal *j;

		good.ptr[byte] ^= (uint8_t)(1u << bit % 8);
		put_file(good.ptr, good.len);
		good.ptr[byte] ^= (uint8_t)(1u << bit % 8);
		err = (struct err){ 0 };
		j = journal_look(path, &err);
		if (byte >= at[2] || (byte >= HEADER_LEN && byte < at[0])) {
			/*
			 * The last record: as if torn.  The first, which says
			 * when it was: nothing is believed.
			 */
			assert_non_null(j);
			assert_int_equal(journal_nunits(j, NULL),
					 byte >= at[2] ? 2 : 0);
			journal_close(j);
			continue;
		}
		assert_null(j);
		assert_int_equal(err.code, ERR_INPUT);
		if (byte < at[0])
			continue;
		snprintf(text, sizeof(text), "damaged journal at byte %zu",
			 byte < at[1] ? at[0] : at[1]);
		assert_non_null(strstr(err.text, text));
	}
	buf_free(&good);
}

/* A journal's beginning says which start of the machine it is of. */
static void
start_elsewhere(struct journal *j)
{
	struct err err;

	assert_int_equal(journal_note(j, "boot", span_of("another"), &err), 0);
}

/* Pages of a file get to the disk in any order. */
static void
believes_nothing_behind_a_hole_of_another_start(void **state)
{
	struct buf good = { 0 };
	size_t at[4];
	struct err err;
	struct journal *j;

	(void)state;
	unlink(path);
	j = open_ok();
	start_elsewhere(j);
	for (uint32_t i = 0; i < 3; i++) {
		buf_reset(&good);
		assert_int_equal(file_load(path, 1 << 20, &good, &err), 0);
		at[i] = good.len;
		add(j, i);
	}
	journal_close(j);
	buf_reset(&good);
	assert_int_equal(file_load(path, 1 << 20, &good, &err), 0);
	memset(good.ptr + at[1], 0, 40);
	put_file(good.ptr, good.len);
	j = journal_look(path, &err);
	assert_non_null(j);
	assert_int_equal(journal_nunits(j, NULL), 1);
	assert_int_equal(journal_torn(j), good.len - at[1]);
	journal_close(j);
	j = open_ok();
	check_unit(j, 0);
	add(j, 7);
	journal_close(j);
	j = open_ok();
	assert_int_equal(journal_nunits(j, NULL), 2);
	check_unit(j, 7);
	journal_close(j);

	/* Not even the first page. */
	memset(good.ptr, 0, at[0]);
	put_file(good.ptr, good.len);
	j = open_ok();
	assert_int_equal(journal_nunits(j, NULL), 0);
	add(j, 7);
	journal_close(j);
	j = open_ok();
	check_unit(j, 7);
	journal_close(j);
	buf_free(&good);
}

static void
cuts_off_what_a_crash_left_after_the_last(void **state)
{
	static const size_t lens[] = { 1, 15, 16, 24, 4096 };
	struct buf good = { 0 };
	size_t at[4];
	struct err err;

	(void)state;
	make_three(&good, at);
	for (size_t i = 0; i < 5; i++) {
		struct buf more = { 0 };
		struct journal *j;

		assert_int_equal(buf_append(&more, buf_span(&good), &err), 0);
		uint8_t *const p = buf_reserve(&more, lens[i], &err);
		memset(p, 0, lens[i]);
		buf_commit(&more, lens[i]);
		put_file(more.ptr, more.len);
		j = open_ok();
		assert_int_equal(journal_nunits(j, NULL), 3);
		assert_int_equal(journal_torn(j), lens[i]);
		journal_close(j);
		buf_free(&more);
	}
	buf_free(&good);
}

static void
takes_no_payload_for_a_record(void **state)
{
	struct buf good = { 0 }, now = { 0 };
	size_t at[4];
	struct err err;
	struct journal *j;

	(void)state;
	make_three(&good, at);
	/* A unit that carries a journal with it, torn at its last byte. */
	const struct journal_unit u = { .unit = 3, .extra = buf_span(&good) };
	j = open_ok();
	assert_int_equal(journal_add(j, &u, &err), 0);
	journal_close(j);
	assert_int_equal(file_load(path, 1 << 20, &now, &err), 0);
	put_file(now.ptr, now.len - 1);
	j = open_ok();
	assert_int_equal(journal_nunits(j, NULL), 3);
	journal_close(j);
	buf_free(&good);
	buf_free(&now);
}

static void
refuses_another_version_and_other_files(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(file_save(path, (struct span){
		(const uint8_t *)"dmjournl\2\0\0\0\0\0\0", 16 }, &err), 0);
	assert_null(journal_open(path, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "journal of version 2, not 1"));
	assert_int_equal(file_save(path, span_of("hello"), &err), 0);
	assert_null(journal_open(path, &err));
	assert_int_equal(err.code, ERR_INPUT);
}

static void
looks_without_touching(void **state)
{
	struct err err;
	struct journal *j;

	(void)state;
	unlink(path);
	j = journal_look(path, &err);
	assert_non_null(j);
	assert_int_equal(journal_nunits(j, NULL), 0);
	assert_null(journal_unit(j, 0));
	journal_close(j);
	assert_int_not_equal(access(path, F_OK), 0);
	journal_close(NULL);
}

static void *
add_many(void *arg)
{
	void **const a = arg;

	for (uint32_t i = 0; i < 25; i++)
		add(a[0], i * 4 + (uint32_t)(uintptr_t)a[1]);
	return NULL;
}

static void
takes_records_from_many_threads(void **state)
{
	pthread_t threads[4];
	void *args[4][2];
	struct journal *j;

	(void)state;
	unlink(path);
	j = open_ok();
	for (size_t i = 0; i < 4; i++) {
		args[i][0] = j;
		args[i][1] = (void *)(uintptr_t)i;
		assert_int_equal(pthread_create(&threads[i], NULL, add_many,
						args[i]), 0);
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	journal_close(j);
	j = open_ok();
	for (uint32_t i = 0; i < 100; i++)
		check_unit(j, i);
	journal_close(j);
}

static void
refuses_paths_that_lead_elsewhere(void **state)
{
	static const char *const bad[] = { "", "/etc/x", "out/../x", "..",
					   "out//x", "out/./x", "out/" };
	struct journal *j;
	struct err err;

	(void)state;
	unlink(path);
	j = open_ok();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct journal_file f = {
			.kind = JOURNAL_OUT, .path = span_of(bad[i]),
		};
		const struct journal_unit u = { .files = &f, .nfiles = 1 };

		assert_int_equal(journal_add(j, &u, &err), -1);
	}
	journal_close(j);
	j = open_ok();
	assert_int_equal(journal_nunits(j, NULL), 0);
	journal_close(j);
}

/* ---- files --------------------------------------------------------------- */

static void
save(const char *name, const char *text)
{
	char full[160];
	struct err err;

	snprintf(full, sizeof(full), "%s/%s", dir, name);
	*strrchr(full, '/') = '\0';
	assert_int_equal(file_make_folder(full, &err), 0);
	snprintf(full, sizeof(full), "%s/%s", dir, name);
	assert_int_equal(file_save(full, span_of(text), &err), 0);
}

static bool
is_there(const char *name)
{
	char full[160];

	snprintf(full, sizeof(full), "%s/%s", dir, name);
	return access(full, F_OK) == 0;
}

/* A unit with one data file that says "hello" and one part of rejects. */
static void
add_hello(struct journal *j)
{
	const struct journal_file f[] = {
		{
			.kind = JOURNAL_OUT,
			.path = span_of("out/T/data/00000000.json"),
			.size = 5, .xxh3 = keyhash64_of(span_of("hello")),
		}, {
			.kind = JOURNAL_REJECTS,
			.path = span_of("rejected/units/00000000-T.jsonl"),
			.size = 0, .xxh3 = keyhash64_of(span_of("")),
		},
	};
	const struct journal_unit u = { .files = f, .nfiles = 2 };
	struct err err;

	assert_int_equal(journal_add(j, &u, &err), 0);
}

static void
tells_whether_the_files_are_there(void **state)
{
	static const char data[] = "out.partial/T/data/00000000.json";
	struct journal *j;
	struct err why;
	char a[160], b[160];

	(void)state;
	unlink(path);
	j = open_ok();
	add_hello(j);
	const struct journal_unit *const u = journal_unit(j, 0);

	save("rejected/units/00000000-T.jsonl", "");
	assert_int_equal(journal_check_unit(dir, u, false, &why), 0);
	save(data, "hell");
	assert_int_equal(journal_check_unit(dir, u, false, &why), 0);
	assert_non_null(strstr(why.text, "has 4 bytes, but the journal says 5"));
	save(data, "hallo");
	assert_int_equal(journal_check_unit(dir, u, false, &why), 1);
	assert_int_equal(journal_check_unit(dir, u, true, &why), 0);
	save(data, "hello");
	assert_int_equal(journal_check_unit(dir, u, true, &why), 1);

	/* The same once the folder has its final name. */
	snprintf(a, sizeof(a), "%s/out.partial", dir);
	snprintf(b, sizeof(b), "%s/out", dir);
	assert_int_equal(rename(a, b), 0);
	assert_int_equal(journal_check_unit(dir, u, true, &why), 1);
	assert_int_equal(rename(b, a), 0);
	journal_close(j);
}

static void
sweeps_what_no_record_names(void **state)
{
	static const char *const go[] = {
		"out.partial/T/data/00000001.json",
		"out.partial/T/data/.00000000.json.part",
		"out.partial/T/.table.json.part",
		"out.partial/U/data/00000000.json",
		"index/units/00000000.keys",
		"index/tmp/join.0",
		"index/.T.idx.part",
		"rejected/units/00000000-U.jsonl",
		".job.json.part",
	};
	static const char *const stay[] = {
		"out.partial/T/data/00000000.json",
		"out.partial/T/table.json",
		"out.partial/T/notes.part",
		"rejected/units/00000000-T.jsonl",
		"rejected/20250201-T.jsonl",
		"index/T.idx",
		"job.json",
		"journal",
	};
	const size_t ngo = sizeof(go) / sizeof(go[0]);
	const size_t nstay = sizeof(stay) / sizeof(stay[0]);
	struct journal *j;
	struct err err;

	(void)state;
	unlink(path);
	for (size_t i = 0; i < ngo; i++)
		save(go[i], "x");
	for (size_t i = 0; i + 1 < nstay; i++)
		save(stay[i], "x");
	j = open_ok();
	add_hello(j);
	assert_int_equal(journal_sweep(j, dir, &err), 0);
	for (size_t i = 0; i < ngo; i++)
		if (is_there(go[i]))
			fail_msg("'%s' is still there", go[i]);
	for (size_t i = 0; i < nstay; i++)
		if (!is_there(stay[i]))
			fail_msg("'%s' is gone", stay[i]);
	journal_close(j);
}

enum damage { NONE, ZEROED, CUT, GONE };

/* Write a file of the unit, name it in `f`, and damage it. */
static void
make_file(struct journal_file *f, enum journal_file_kind kind,
	  const char *name, char text[64], enum damage d)
{
	const char *const real = kind == JOURNAL_OUT ? "out.partial" : "rejected";
	char full[160];

	snprintf(text, 64, "%s/%s", kind == JOURNAL_OUT ? "out" : real, name);
	*f = (struct journal_file){
		.kind = kind, .path = span_of(text),
		.size = 5, .xxh3 = keyhash64_of(span_of("hello")),
	};
	snprintf(full, sizeof(full), "%s/%s", real, name);
	save(full, d == CUT ? "hel" : d == ZEROED ? "hell0" : "hello");
	snprintf(full, sizeof(full), "%s/%s/%s", dir, real, name);
	if (d == GONE)
		unlink(full);
}

static void
make_keys(struct journal_file *f, uint32_t unit, char text[64], enum damage d)
{
	const struct keyfile_sizes sizes = { 1, 1, 1 };
	struct err err;
	struct keyfile *const k = keyfile_new(&sizes, &err);
	struct keyfile_info info;
	char full[160];

	assert_non_null(k);
	assert_int_equal(keyfile_start(k, dir, unit, &err), 0);
	for (uint64_t i = 0; i < 5000; i++)
		keyfile_ref(k, 0, (struct keyhash){ i, ~i }, 100 * i);
	assert_int_equal(keyfile_commit(k, &info, &err), 0);
	keyfile_free(k);
	keyfile_path(unit, text, 64);
	*f = (struct journal_file){
		.kind = JOURNAL_KEYS, .path = span_of(text),
		.size = info.size, .xxh3 = info.xxh3,
	};
	snprintf(full, sizeof(full), "%s/%s", dir, text);
	if (d == GONE)
		unlink(full);
	if (d == CUT)
		assert_int_equal(truncate(full, 4096), 0);
	if (d == ZEROED) {
		/* A page in the middle that never got there. */
		assert_int_equal(truncate(full, 4096), 0);
		assert_int_equal(truncate(full, (off_t)info.size), 0);
	}
}

/* Unit `unit` has three files; the one of kind `which` is damaged. */
static void
add_damaged(struct journal *j, uint32_t unit, enum journal_file_kind which,
	    enum damage d)
{
	char name[32], out[64], keys[64], rejects[64];
	struct journal_file f[3];
	const struct journal_unit u = { .unit = unit, .files = f, .nfiles = 3 };
	struct err err;

	snprintf(name, sizeof(name), "T/data/%08u.json", unit);
	make_file(&f[0], JOURNAL_OUT, name, out,
		  which == JOURNAL_OUT ? d : NONE);
	snprintf(name, sizeof(name), "units/%08u-T.jsonl", unit);
	make_file(&f[1], JOURNAL_REJECTS, name, rejects,
		  which == JOURNAL_REJECTS ? d : NONE);
	make_keys(&f[2], unit, keys, which == JOURNAL_KEYS ? d : NONE);
	assert_int_equal(journal_add(j, &u, &err), 0);
}

/* Ten units: the first is sound, and each other has another damage. */
static void
add_ten(struct journal *j)
{
	uint32_t unit = 0;

	add_damaged(j, unit++, JOURNAL_OUT, NONE);
	for (int kind = JOURNAL_OUT; kind <= JOURNAL_REJECTS; kind++)
		for (int d = ZEROED; d <= GONE; d++)
			add_damaged(j, unit++, (enum journal_file_kind)kind,
				    (enum damage)d);
}

static void
reads_all_files_after_another_start(void **state)
{
	struct journal *j;
	struct err err;
	char name[64];

	(void)state;
	unlink(path);
	j = open_ok();
	start_elsewhere(j);
	add_ten(j);
	journal_close(j);
	j = open_ok();
	assert_int_equal(journal_nunits(j, NULL), 10);
	assert_int_equal(journal_sweep(j, dir, &err), 0);
	assert_int_equal(journal_nunits(j, NULL), 1);
	for (uint32_t i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "index/units/%08u.keys", i);
		assert_int_equal(is_there(name), i == 0);
		snprintf(name, sizeof(name), "rejected/units/%08u-T.jsonl", i);
		assert_int_equal(is_there(name), i == 0);
		snprintf(name, sizeof(name), "out.partial/T/data/%08u.json", i);
		assert_int_equal(is_there(name), i == 0);
		assert_int_equal(journal_unit(j, i) != NULL, i == 0);
	}
	/* Who does them again finds their places free. */
	add_damaged(j, 4, JOURNAL_OUT, NONE);
	assert_int_equal(journal_nunits(j, NULL), 2);
	journal_close(j);

	/* From now on it is this start's: names and sizes will do. */
	save("out.partial/T/data/00000000.json", "hallo");
	j = open_ok();
	assert_int_equal(journal_sweep(j, dir, &err), 0);
	assert_non_null(journal_unit(j, 0));
	assert_non_null(journal_unit(j, 4));
	assert_true(is_there("out.partial/T/data/00000000.json"));
	assert_int_equal(journal_check_unit(dir, journal_unit(j, 0), false,
					    &err), 1);
	/* The old records are still in the file, but their files are not. */
	assert_int_equal(journal_check_unit(dir, journal_unit(j, 1), false,
					    &err), 0);
	journal_close(j);
}

static void
reads_no_file_after_a_death_of_the_process(void **state)
{
	struct journal *j;
	struct err err;

	(void)state;
	unlink(path);
	j = open_ok();
	add_ten(j);
	journal_close(j);
	j = open_ok();
	assert_int_equal(journal_sweep(j, dir, &err), 0);
	assert_int_equal(journal_nunits(j, NULL), 10);
	journal_close(j);
}

static void
waits_for_the_disk_only_after_much_work(void **state)
{
	struct journal_file f;
	const struct journal_unit u = { .unit = 1, .files = &f, .nfiles = 1 };
	struct journal *j;
	struct err err;
	char text[64];

	(void)state;
	unlink(path);
	j = open_ok();
	make_file(&f, JOURNAL_OUT, "T/data/00000001.json", text, NONE);
	fail_at(FAIL_FSYNC, 1, EIO);
	fail_at(FAIL_SYNCFS, 1, EIO);
	assert_int_equal(journal_add(j, &u, &err), 0);
	assert_false(fail_stop());

	/* A GiB, it says; and one file is refused. */
	f.size = 1 << 30;
	fail_at(FAIL_FSYNC, 1, EIO);
	fail_at(FAIL_SYNCFS, 1, EIO);
	assert_int_equal(journal_add(j, &u, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_true(fail_stop());
	assert_false(is_there("out.partial/T/data/00000001.json"));

	make_file(&f, JOURNAL_OUT, "T/data/00000001.json", text, NONE);
	f.size = 1 << 30;
	assert_int_equal(journal_add(j, &u, &err), 0);
	assert_true(is_there("out.partial/T/data/00000001.json"));
	journal_close(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_units_and_notes),
		cmocka_unit_test(takes_the_last_record_of_a_unit),
		cmocka_unit_test(cuts_off_a_torn_record_wherever_it_is_torn),
		cmocka_unit_test(notices_every_flipped_bit),
		cmocka_unit_test(believes_nothing_behind_a_hole_of_another_start),
		cmocka_unit_test(cuts_off_what_a_crash_left_after_the_last),
		cmocka_unit_test(takes_no_payload_for_a_record),
		cmocka_unit_test(refuses_another_version_and_other_files),
		cmocka_unit_test(looks_without_touching),
		cmocka_unit_test(takes_records_from_many_threads),
		cmocka_unit_test(refuses_paths_that_lead_elsewhere),
		cmocka_unit_test(tells_whether_the_files_are_there),
		cmocka_unit_test(sweeps_what_no_record_names),
		cmocka_unit_test(reads_all_files_after_another_start),
		cmocka_unit_test(reads_no_file_after_a_death_of_the_process),
		cmocka_unit_test(waits_for_the_disk_only_after_much_work),
	};

	return cmocka_run_group_tests_name("journal", tests, make_dir,
					   remove_dir);
}
