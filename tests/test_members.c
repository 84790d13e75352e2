/* test_members.c - the files in archives, sound and hostile. */
#include <setjmp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/err.h"
#include "formats/members.h"

static char path[] = "/tmp/test-members-XXXXXX";

/* ---- archives to read ---------------------------------------------------- */

static struct archive *
begin(int format, int filter)
{
	struct archive *const a = archive_write_new();

	assert_non_null(a);
	assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
	assert_true(archive_write_add_filter(a, filter) >= ARCHIVE_WARN);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	return a;
}

static void
add(struct archive *a, const char *name, unsigned type, const char *link,
    const void *bytes, size_t len)
{
	struct archive_entry *const e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)len);
	if (link != NULL && type == AE_IFLNK)
		archive_entry_set_symlink(e, link);
	else if (link != NULL)
		archive_entry_set_hardlink(e, link);
	assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
	if (len > 0 && link == NULL)
		assert_int_equal(archive_write_data(a, bytes, len), len);
	archive_entry_free(e);
}

static void
add_file(struct archive *a, const char *name, const char *text)
{
	add(a, name, AE_IFREG, NULL, text, strlen(text));
}

static void
end(struct archive *a)
{
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

/* ---- tests --------------------------------------------------------------- */

static const struct { int format, filter; } KINDS[] = {
	{ ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_NONE },
	{ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP },
	{ ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_XZ },
	{ ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_ZSTD },
	{ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_BZIP2 },
	{ ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE },
	{ ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE },
};
enum { NKINDS = sizeof(KINDS) / sizeof(KINDS[0]) };

static struct archive *
begin_kind(int k)
{
	return begin(KINDS[k].format, KINDS[k].filter);
}

static void
must_read(struct members *m, const char *text)
{
	struct err err = { 0 };
	char got[64];
	size_t len = 0;
	ssize_t n;

	while ((n = members_read(m, (uint8_t *)got + len, 3, &err)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(got, text, len);
}

static void
every_kind_gives_its_files_in_order(void **state)
{
	(void)state;
	for (int k = 0; k < NKINDS; k++) {
		struct archive *const a = begin_kind(k);
		struct err err = { 0 };
		struct member f;

		add_file(a, "./x/one.json", "first");
		add(a, "x/folder", AE_IFDIR, NULL, NULL, 0);
		add_file(a, ".//x//two.json", "the second");
		add_file(a, "three", "passed over");
		add_file(a, "empty", "");
		end(a);

		struct members *const m = members_open(path, NULL, &err);
		assert_non_null(m);
		assert_int_equal(members_next(m, &f, &err), 1);
		assert_string_equal(f.name, "x/one.json");
		assert_int_equal(f.number, 0);
		must_read(m, "first");
		assert_int_equal(members_next(m, &f, &err), 1);
		/* 7z puts folders and empty files behind the others. */
		assert_string_equal(f.name, "x/two.json");
		must_read(m, "the second");
		assert_int_equal(members_next(m, &f, &err), 1);
		assert_string_equal(f.name, "three");
		assert_int_equal(f.len, 11);
		assert_int_equal(members_next(m, &f, &err), 1);
		assert_string_equal(f.name, "empty");
		assert_int_equal(f.number, 3);
		must_read(m, "");
		assert_int_equal(members_next(m, &f, &err), 0);
		members_close(m);
	}
}

/* ---- from elsewhere ------------------------------------------------------ */

static struct {
	FILE *f;
	long fails_at;		/* no byte from there on can be had */
	size_t nread;
	bool closed;
} elsewhere;

static ssize_t
read_elsewhere(void *context, uint8_t *to, size_t n, struct err *err)
{
	assert_ptr_equal(context, &elsewhere);
	if (ftell(elsewhere.f) >= elsewhere.fails_at)
		return err_set(err, ERR_REMOTE, "the line is dead");
	n = fread(to, 1, n < 100 ? n : 100, elsewhere.f);
	elsewhere.nread += n;
	return (ssize_t)n;
}

static int64_t
seek_elsewhere(void *context, int64_t to, int whence, struct err *err)
{
	assert_ptr_equal(context, &elsewhere);
	(void)err;
	assert_int_equal(fseek(elsewhere.f, to, whence), 0);
	return ftell(elsewhere.f);
}

static void
close_elsewhere(void *context)
{
	(void)context;
	fclose(elsewhere.f);
	elsewhere.closed = true;
}

static struct members *
open_elsewhere(long fails_at, struct err *err)
{
	const struct members_input in = {
		&elsewhere, read_elsewhere, seek_elsewhere, close_elsewhere,
	};

	elsewhere.f = fopen(path, "rb");
	elsewhere.fails_at = fails_at;
	elsewhere.nread = 0;
	elsewhere.closed = false;
	assert_non_null(elsewhere.f);
	return members_open_input(&in, NULL, err);
}

static void
every_kind_is_read_from_elsewhere(void **state)
{
	(void)state;
	for (int k = 0; k < NKINDS; k++) {
		struct archive *const a = begin_kind(k);
		struct err err = { 0 };
		struct member f;

		add_file(a, "one", "first");
		add_file(a, "two", "the second");
		end(a);

		struct members *const m = open_elsewhere(LONG_MAX, &err);
		assert_non_null(m);
		assert_int_equal(members_next(m, &f, &err), 1);
		must_read(m, "first");
		assert_int_equal(members_next(m, &f, &err), 1);
		assert_string_equal(f.name, "two");
		must_read(m, "the second");
		assert_int_equal(members_next(m, &f, &err), 0);
		members_close(m);
		assert_true(elsewhere.closed);
	}
}

static void
what_nobody_wants_of_a_tar_or_zip_is_not_read(void **state)
{
	static uint8_t noise[3 << 20];
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)((x = x * 1103515245 + 12345) >> 16);
	for (int k = 0; k < 3; k++) {
		struct archive *const a = begin(k == 0 ? ARCHIVE_FORMAT_ZIP
			: ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, k < 2
			? ARCHIVE_FILTER_NONE : ARCHIVE_FILTER_GZIP);
		struct err err = { 0 };
		struct member f;
		uint8_t some[10];

		for (int i = 0; i < 3; i++)
			add(a, "noise", AE_IFREG, NULL, noise, sizeof(noise));
		add_file(a, "last", "that");
		end(a);

		struct members *const m = open_elsewhere(LONG_MAX, &err);
		assert_non_null(m);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(members_next(m, &f, &err), 1);
			if (i == 1)
				assert_int_equal(members_read(m, some,
						 sizeof(some), &err), 10);
			if (i == 1)
				assert_memory_equal(some, noise, 10);
		}
		assert_int_equal(members_next(m, &f, &err), 1);
		assert_string_equal(f.name, "last");
		must_read(m, "that");
		assert_int_equal(members_next(m, &f, &err), 0);
		members_close(m);
		/* Of what is packed all of it, unpacked or not. */
		if (k < 2)
			assert_in_range(elsewhere.nread, 0, 2 << 20);
		else
			assert_true(elsewhere.nread > 6 << 20);
	}
}

/* That is passed over, too: on disk, and elsewhere. */
static void
a_tar_that_was_cut_off_within_a_file_is_damaged(void **state)
{
	static uint8_t zeros[3 << 20];

	(void)state;
	for (int remote = 0; remote < 2; remote++) {
		struct archive *const a = begin(
			ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
			ARCHIVE_FILTER_NONE);
		struct err err = { 0 };
		struct members *m;
		struct member f;

		add(a, "a", AE_IFREG, NULL, zeros, sizeof(zeros));
		add(a, "b", AE_IFREG, NULL, zeros, sizeof(zeros));
		end(a);
		for (long n = 6 << 20; n > 3 << 20; n -= 1300000) {
			assert_int_equal(truncate(path, n), 0);
			m = remote ? open_elsewhere(LONG_MAX, &err)
				: members_open(path, NULL, &err);
			assert_non_null(m);
			assert_int_equal(members_next(m, &f, &err), 1);
			assert_int_equal(members_next(m, &f, &err), 1);
			assert_int_equal(members_next(m, &f, &err), -1);
			assert_int_equal(err.code, ERR_INPUT);
			members_close(m);
		}
	}
}

/* That is not the archive's fault. */
static void
what_cannot_be_read_says_why(void **state)
{
	(void)state;
	for (int k = 0; k < NKINDS; k++) {
		struct archive *const a = begin_kind(k);
		struct err err = { 0 };
		struct member f;
		struct members *m;
		uint8_t byte;
		int rc = 1;

		add_file(a, "one", "first");
		end(a);
		m = open_elsewhere(0, &err);
		while (m != NULL && rc > 0 &&
		       (rc = members_next(m, &f, &err)) > 0)
			rc = members_read(m, &byte, 1, &err) < 0 ? -1 : 1;
		assert_true(m == NULL || rc < 0);
		members_close(m);
		assert_true(elsewhere.closed);
		assert_int_equal(err.code, ERR_REMOTE);
		assert_string_equal(err.text, "the line is dead");
	}
}

/* Read all of the archive, as far as it goes. */
static int
read_all(const struct members_limits *limits, struct err *err)
{
	struct members *const m = members_open(path, limits, err);
	static uint8_t piece[1 << 16];
	struct member f;
	int rc = m == NULL ? -1 : 1;

	while (rc > 0 && (rc = members_next(m, &f, err)) > 0) {
		ssize_t n;

		while ((n = members_read(m, piece, sizeof(piece), err)) > 0)
			;
		rc = n < 0 ? -1 : 1;
	}
	members_close(m);
	return rc;
}

static void
hostile_members_are_refused(void **state)
{
	static const struct {
		const char *name, *link;
		unsigned type;
		const char *says;
	} BAD[] = {
		{ "../x", NULL, AE_IFREG, "leads out" },
		{ "a/../../x", NULL, AE_IFREG, "leads out" },
		{ "a/..", NULL, AE_IFREG, "leads out" },
		{ "/etc/passwd", NULL, AE_IFREG, "leads out" },
		{ "a\\..\\x", NULL, AE_IFREG, "leads out" },
		{ "a\x1b[2J", NULL, AE_IFREG, "leads out" },
		{ "l", "/etc/passwd", AE_IFLNK, "is a link" },
		{ "l", "good", AE_IFREG, "is a link" },
		{ "d", NULL, AE_IFCHR, "neither file nor folder" },
		{ "p", NULL, AE_IFIFO, "neither file nor folder" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct archive *const a = begin(
			ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
			ARCHIVE_FILTER_GZIP);
		struct err err = { 0 };

		add_file(a, "good", "x");
		add(a, BAD[i].name, BAD[i].type, BAD[i].link, "x",
		    BAD[i].type == AE_IFREG && BAD[i].link == NULL);
		end(a);
		assert_int_equal(read_all(NULL, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		if (strstr(err.text, BAD[i].says) == NULL)
			fail_msg("%s: %s", BAD[i].name, err.text);
	}
}

static void
a_bomb_is_stopped(void **state)
{
	static uint8_t zeros[1 << 20];
	const struct members_limits few = { .unpacked = 10 << 20 };
	const struct members_limits low = { .ratio = 100 };
	const struct members_limits high = { .ratio = 1000000 };
	const struct members_limits two = { .count = 1 };

	(void)state;
	for (int passed = 0; passed < 2; passed++) {
		struct archive *const a = begin(
			ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
			ARCHIVE_FILTER_ZSTD);
		struct err err = { 0 };
		struct archive_entry *const e = archive_entry_new();

		archive_entry_set_pathname(e, "zeros");
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_size(e, (la_int64_t)100 << 20);
		archive_write_header(a, e);
		for (int i = 0; i < 100; i++)
			archive_write_data(a, zeros, sizeof(zeros));
		archive_entry_free(e);
		add_file(a, "next", "x");
		end(a);

		if (passed) {	/* also where nobody reads it */
			struct members *const m = members_open(path, NULL,
							       &err);
			struct member f;

			assert_int_equal(members_next(m, &f, &err), 1);
			assert_int_equal(members_next(m, &f, &err), -1);
			assert_int_equal(err.code, ERR_INPUT);
			members_close(m);
			continue;
		}
		assert_int_equal(read_all(NULL, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.text, "1000 times"));
		assert_int_equal(read_all(&low, &err), -1);
		assert_non_null(strstr(err.text, "100 times"));
		assert_int_equal(read_all(&few, &err), -1);
		assert_non_null(strstr(err.text, "10485760 bytes"));
		assert_int_equal(read_all(&two, &err), -1);
		assert_int_equal(read_all(&high, &err), 0);
	}
}

static void
damage_is_told_with_its_place(void **state)
{
	(void)state;
	for (int k = 0; k < NKINDS; k++) {
		struct archive *const a = begin_kind(k);
		static char text[300 * 1024];
		struct err err = { 0 };
		uint64_t dice = 1;

		for (size_t i = 0; i < sizeof(text); i++) {
			dice = dice * 6364136223846793005u + 1;
			text[i] = (char)('a' + (dice >> 40) % 26);
		}
		add(a, "one", AE_IFREG, NULL, text, sizeof(text));
		add(a, "two", AE_IFREG, NULL, text, sizeof(text));
		end(a);
		assert_int_equal(read_all(NULL, &err), 0);
		assert_int_equal(truncate(path, 100 * 1024), 0);
		assert_int_equal(read_all(NULL, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.text, "byte"));
		assert_null(strstr(err.text, "byte -"));
	}
}

static void
a_tar_that_ends_between_two_files_was_cut_off(void **state)
{
	struct archive *const a = begin(ARCHIVE_FORMAT_TAR_USTAR,
					ARCHIVE_FILTER_NONE);
	struct err err = { 0 };

	(void)state;
	add_file(a, "one", "1");
	add_file(a, "two", "2");
	end(a);
	assert_int_equal(read_all(NULL, &err), 0);
	for (int blocks = 2; blocks <= 4; blocks += 2) {
		assert_int_equal(truncate(path, (6 - blocks) * 512), 0);
		assert_int_equal(read_all(NULL, &err), -1);
		assert_non_null(strstr(err.text, "cut off"));
	}
}

static void
what_is_no_archive_is_refused(void **state)
{
	struct err err = { 0 };
	FILE *const f = fopen(path, "w");

	(void)state;
	fputs("{\"Item\":{}}\n", f);
	fclose(f);
	assert_int_equal(read_all(NULL, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(members_open("/nowhere/at-all.tar", NULL, &err));
	assert_true(members_is_name("a/b.TAR.gz"));
	assert_true(members_is_name("x.7z"));
	assert_false(members_is_name(".zip"));
	assert_false(members_is_name("a.json.gz"));
	assert_true(members_sniff((struct span){
		(const uint8_t *)"PK\003\004", 4 }));
	assert_false(members_sniff(span_of("{\"Item\":{}}")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_gives_its_files_in_order),
		cmocka_unit_test(every_kind_is_read_from_elsewhere),
		cmocka_unit_test(what_nobody_wants_of_a_tar_or_zip_is_not_read),
		cmocka_unit_test(a_tar_that_was_cut_off_within_a_file_is_damaged),
		cmocka_unit_test(what_cannot_be_read_says_why),
		cmocka_unit_test(hostile_members_are_refused),
		cmocka_unit_test(a_bomb_is_stopped),
		cmocka_unit_test(damage_is_told_with_its_place),
		cmocka_unit_test(a_tar_that_ends_between_two_files_was_cut_off),
		cmocka_unit_test(what_is_no_archive_is_refused),
	};

	const int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
