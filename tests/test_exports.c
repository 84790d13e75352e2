/*
 * test_exports.c - exports and data files are found wherever they were put, and
 * what is not as the manifests say is told.
 */
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
#include "base/err.h"
#include "base/md5.h"
#include "engine/exports.h"
#include "formats/manifest.h"
#include "io/file.h"

static char root[64];

static int
make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_exports.XXXXXX");
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int
remove_root(void **state)
{
	(void)state;
	return file_remove_folder(root);
}

static const char *
under_root(const char *path)
{
	static char full[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(full[i], sizeof(full[i]), "%s/%s", root, path);
	return full[i];
}

/* A file with this text, and the folders above it. */
static void
put(const char *path, const char *text)
{
	struct err err = { 0 };
	char full[256];

	snprintf(full, sizeof(full), "%s", under_root(path));
	*strrchr(full, '/') = '\0';
	if (file_make_folder(full, &err) != 0 ||
	    file_save(under_root(path), span_of(text), &err) != 0)
		fail_msg("%s", err.text);
}

static void
put_checksum(const char *folder, const char *name, struct span json)
{
	char path[200], text[MANIFEST_CHECKSUM_LEN + 1] = "";

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	manifest_checksum(json, (uint8_t *)text);
	put(path, text);
}

/*
 * An export of `table` with the files a (1 item) and b (2 items), whose keys
 * begin with `key`, in the folder `at`; the files go to `data`.
 */
static void
put_export(const char *at, const char *data, const char *key,
	   const char *prefix, const char *table, unsigned nitems)
{
	struct buf files = { 0 }, summary = { 0 };
	struct err err;
	char path[200];

	for (int i = 0; i < 2; i++) {
		struct manifest_file f = { .nitems = (uint64_t)i + 1 };
		char full_key[200];

		snprintf(path, sizeof(path), "%s/%c.json.gz", data, "ab"[i]);
		put(path, path);
		md5_of(span_of(path), f.md5);
		snprintf(full_key, sizeof(full_key), "%s%c.json.gz", key,
			 "ab"[i]);
		f.key = full_key;
		assert_int_equal(manifest_write_file(&f, &files, &err), 0);
	}
	buf_append(&files, (struct span){ (const uint8_t *)"", 1 }, &err);
	snprintf(path, sizeof(path), "%s/manifest-files.json", at);
	put(path, (const char *)files.ptr);
	put_checksum(at, "manifest-files.md5",
		     (struct span){ files.ptr, files.len - 1 });

	buf_printf(&summary, &err, "{\"tableArn\":\"arn:aws:dynamodb:r:1:"
		   "table/%s\",\"exportTime\":\"t\",\"s3Prefix\":%s%s%s,"
		   "\"itemCount\":%u}", table, prefix == NULL ? "" : "\"",
		   prefix == NULL ? "null" : prefix,
		   prefix == NULL ? "" : "\"", nitems);
	buf_append(&summary, (struct span){ (const uint8_t *)"", 1 }, &err);
	snprintf(path, sizeof(path), "%s/manifest-summary.json", at);
	put(path, (const char *)summary.ptr);
	put_checksum(at, "manifest-summary.checksum",
		     (struct span){ summary.ptr, summary.len - 1 });
	buf_free(&files);
	buf_free(&summary);
}

static int
find(const char *path, struct exports *x, struct err *err)
{
	const struct export_entry e = { under_root(path), NULL, NULL };

	*err = (struct err){ 0 };
	return exports_find(&e, 1, x, err);
}

/* Find one export and no damage, with files whose paths end in a and b. */
static void
good(const char *path, const char *a, const char *b)
{
	const char *const want[] = { a, b };
	struct exports x;
	struct err err;

	if (find(path, &x, &err) != 0 || exports_check(&x, NULL, 0, &err) != 0)
		fail_msg("%s: %s", path, err.text);
	assert_int_equal(x.n, 1);
	assert_int_equal(x.list[0].nfiles, 2);
	for (size_t i = 0; i < 2; i++) {
		const char *const got = x.list[0].files[i].path;

		assert_true(strlen(got) >= strlen(want[i]));
		assert_string_equal(got + strlen(got) - strlen(want[i]),
				    want[i]);
		assert_true(x.list[0].files[i].packed_len > 0);
	}
	exports_free(&x);
}

/* There is this one damage, and it can be accepted. */
static void
damaged(const char *path, const char *text, const char *accept)
{
	struct exports x;
	struct err err;

	if (find(path, &x, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(exports_check(&x, NULL, 0, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(exports_check(&x, &accept, 1, &err), 0);
	exports_free(&x);
}

static void
bad(const char *path, const char *text, enum err_code code)
{
	struct exports x;
	struct err err;

	assert_int_equal(find(path, &x, &err), -1);
	assert_int_equal(err.code, code);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
	exports_free(&x);
}

#define ID "01700000000000-0123abcd"

static void
finds_an_export_by_any_folder_above_or_in_it(void **state)
{
	(void)state;
	put_export("d/AWSDynamoDB/" ID, "d/AWSDynamoDB/" ID "/data",
		   "AWSDynamoDB/" ID "/data/", NULL, "T", 3);
	put("d/AWSDynamoDB/" ID "/_started", "");
	const char *const a = ID "/data/a.json.gz", *const b = ID
		"/data/b.json.gz";

	good("d", a, b);
	good("d/", a, b);
	good("d/AWSDynamoDB", a, b);
	good("d/AWSDynamoDB/" ID, a, b);
	good("d/AWSDynamoDB/" ID "/data", a, b);
	good("d/AWSDynamoDB/" ID "/manifest-summary.json", a, b);
	good("d/AWSDynamoDB/" ID "/manifest-files.json", a, b);
	good("d/*/" ID, a, b);
}

static void
takes_what_the_manifests_say(void **state)
{
	struct exports x;
	struct err err;

	(void)state;
	put_export("d/" ID, "d/" ID "/data", "AWSDynamoDB/" ID "/data/", NULL,
		   "My.Table-1", 3);
	assert_int_equal(find("d", &x, &err), 0);
	assert_int_equal(x.list[0].kind, EXPORT_FULL);
	assert_string_equal(x.list[0].summary.table, "My.Table-1");
	assert_string_equal(x.list[0].summary.export_time, "t");
	assert_int_equal(x.list[0].files[1].nitems, 2);
	assert_true(x.list[0].files[1].has_md5);
	assert_string_equal(x.list[0].files[1].name, "b.json.gz");
	assert_int_equal(exports_readable(&x.list[0], &err), 0);
	exports_free(&x);
}

static void
finds_files_wherever_the_export_was_moved(void **state)
{
	(void)state;

	/* The prefix is in the key, as AWS does it, and on disk. */
	put_export("p/pre/fix/AWSDynamoDB/" ID,
		   "p/pre/fix/AWSDynamoDB/" ID "/data",
		   "pre/fix/AWSDynamoDB/" ID "/data/", "pre/fix", "T", 3);
	good("p", ID "/data/a.json.gz", ID "/data/b.json.gz");

	/* Only the export's own folder was copied. */
	put_export("m/copy", "m/copy/data", "pre/fix/AWSDynamoDB/" ID "/data/",
		   "pre/fix", "T", 3);
	good("m", "m/copy/data/a.json.gz", "m/copy/data/b.json.gz");

	/* Shared data outside of it, as incremental exports have. */
	put_export("i/AWSDynamoDB/" ID, "i/AWSDynamoDB/data",
		   "AWSDynamoDB/data/", NULL, "T", 3);
	good("i", "i/AWSDynamoDB/data/a.json.gz",
	     "i/AWSDynamoDB/data/b.json.gz");

	/* The same, and the key lacks the prefix that the summary has. */
	put_export("k/pre/AWSDynamoDB/" ID, "k/pre/x/AWSDynamoDB/data",
		   "AWSDynamoDB/data/", "x/", "T", 3);
	good("k/pre/AWSDynamoDB/" ID, "k/pre/x/AWSDynamoDB/data/a.json.gz",
	     "k/pre/x/AWSDynamoDB/data/b.json.gz");

	/* Ours: keys relative to the summary. */
	put_export("o/Target", "o/Target/data", "data/", NULL, "T", 3);
	put("o/Target/table.json", "{}");
	good("o", "o/Target/data/a.json.gz", "o/Target/data/b.json.gz");
}

static void
reads_a_copy_and_not_the_original_beside_it(void **state)
{
	(void)state;
	put_export("AWSDynamoDB/" ID, "AWSDynamoDB/" ID "/data",
		   "AWSDynamoDB/" ID "/data/", NULL, "T", 3);
	put_export("copy", "copy/data", "AWSDynamoDB/" ID "/data/", NULL, "T",
		   3);
	good("copy", "copy/data/a.json.gz", "copy/data/b.json.gz");
}

static void
finds_several_exports_in_the_order_of_their_paths(void **state)
{
	static const char *const TABLES[] = { "B", "A", "C" };
	struct exports x;
	struct err err;

	(void)state;
	put_export("d/2", "d/2/data", "data/", NULL, "A", 3);
	put_export("d/10/x", "d/10/x/data", "data/", NULL, "B", 3);
	put_export("d/3", "d/3/data", "data/", NULL, "C", 3);
	assert_int_equal(find("d", &x, &err), 0);
	assert_int_equal(x.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(x.list[i].summary.table, TABLES[i]);
	exports_free(&x);
}

static void
takes_a_folder_glob_or_file_without_manifests(void **state)
{
	(void)state;
	put("d/b.json", "b");
	put("d/a.json.gz", "a");
	put("d/.hidden", "h");
	put("d/_SUCCESS", "s");
	put("d/manifest-copy.json", "m");
	put("d/a.md5", "m");
	good("d", "d/a.json.gz", "d/b.json");
	good("d/*", "d/a.json.gz", "d/b.json");
	good("d/[ab].*", "d/a.json.gz", "d/b.json");

	struct exports x;
	struct err err;
	assert_int_equal(find("d/b.json", &x, &err), 0);
	assert_int_equal(x.n, 1);
	assert_int_equal(x.list[0].kind, EXPORT_PLAIN);
	assert_int_equal(x.list[0].nfiles, 1);
	assert_int_equal(x.list[0].files[0].nitems, -1);
	assert_int_equal(x.list[0].files[0].packed_len, 1);
	assert_null(x.list[0].summary.table);
	exports_free(&x);

	put("d/sub/c", "c");
	assert_int_equal(find("d", &x, &err), 0);
	assert_int_equal(x.list[0].nfiles, 3);
	assert_string_equal(x.list[0].files[2].name, "c");
	exports_free(&x);
}

static void
takes_standard_input(void **state)
{
	const struct export_entry e = { "-", NULL, NULL };
	struct exports x;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(exports_find(&e, 1, &x, &err), 0);
	assert_int_equal(x.list[0].nfiles, 1);
	assert_string_equal(x.list[0].files[0].path, "-");
	exports_free(&x);
}

static void
tells_what_is_not_as_the_manifests_say(void **state)
{
	(void)state;
	put_export("d", "d/data", "data/", NULL, "T", 3);
	put("d/data/c.json.gz", "c");
	damaged("d", "not in the manifest", "c.json.gz");
	unlink(under_root("d/data/c.json.gz"));

	unlink(under_root("d/data/a.json.gz"));
	damaged("d", "not there", "data/a.json.gz");

	put_export("e", "e/data", "data/", NULL, "T", 4);
	damaged("e", "says 4 items, but its files have 3",
		"manifest-summary.json");

	put_export("f", "f/data", "data/", NULL, "T", 3);
	put("f/manifest-files.md5", "AAAAAAAAAAAAAAAAAAAAAA==");
	damaged("f", "checksum", "f/manifest-files.json");
	put_export("g", "g/data", "data/", NULL, "T", 3);
	put("g/manifest-summary.checksum", "");
	damaged("g", "checksum", "manifest-summary.json");

	put_export("h/x", "h/x/data", "data/", NULL, "T", 3);
	put("h/loose.json", "{}");
	damaged("h", "in none of them", "loose.json");
}

static void
accepts_whole_names_only(void **state)
{
	static const char *const NO[] = { "son.gz", "json.gz", "", "x/a.json.gz",
					  "/d/data/a.json.gz/" };
	static const char *const YES[] = { "a.json.gz", "data/a.json.gz",
					   "/d/data/a.json.gz" };

	(void)state;
	assert_false(exports_accepts("/d/data/a.json.gz", NO, 5));
	for (size_t i = 0; i < 3; i++)
		assert_true(exports_accepts("/d/data/a.json.gz", &YES[i], 1));
}

static void
refuses_what_holds_nothing_to_read(void **state)
{
	(void)state;
	put("d/_started", "");
	bad("d", "neither an export nor a data file", ERR_INPUT);
	bad("nowhere", "No such file", ERR_INPUT);
	bad("d/*.json", "nothing is called so", ERR_INPUT);
	put("e/manifest-files.json", "");
	bad("e", "manifest-summary.json' is missing", ERR_INPUT);
	put_export("m", "m/data", "data/", NULL, "T", 2);
	put("m/manifest-files.json", "{\"itemCount\":1,\"dataFileS3Key\":"
	    "\"data/a.json.gz\"}\n{\"itemCount\":1,\"dataFileS3Key\":"
	    "\"data/a.json.gz\"}\n");
	bad("m", "manifest-files.json' has 'a.json.gz' twice", ERR_INPUT);
	put("t/x.tar.gz", "x");
	bad("t", "x.tar.gz': cannot be opened", ERR_INPUT);

	const struct export_entry e = { "s3://bucket/x", NULL, NULL };
	struct exports x;
	struct err err = { 0 };
	assert_int_equal(exports_find(&e, 1, &x, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	exports_free(&x);
}

static void
refuses_a_manifest_that_leads_out_of_the_export(void **state)
{
	(void)state;
	put("x/a.json.gz", "");
	put_export("d", "d/data", "../x/", NULL, "T", 3);
	bad("d", "leads out", ERR_INPUT);
	put_export("e", "e/data", "/x/", NULL, "T", 3);
	bad("e", "leads out", ERR_INPUT);

	/* Dots in a name lead nowhere; these files are just not there. */
	struct exports x;
	struct err err;
	put_export("f", "f/data", "data/..", NULL, "T", 3);
	assert_int_equal(find("f", &x, &err), 0);
	assert_int_equal(x.ndamages, 4);
	assert_int_equal(exports_check(&x, NULL, 0, &err), -1);
	assert_memory_equal(err.text, "4 damages, the first of which: ", 31);
	exports_free(&x);
}

static void
refuses_to_read_a_file_twice(void **state)
{
	struct export_entry e[2];
	struct exports x;
	struct err err = { 0 };

	(void)state;
	put_export("d", "d/data", "data/", NULL, "T", 3);
	e[0] = (struct export_entry){ under_root("d"), NULL, NULL };
	e[1] = (struct export_entry){ under_root("d/data"), NULL, NULL };
	assert_int_equal(exports_find(e, 2, &x, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, "read twice"));
	exports_free(&x);
}

static void
says_which_exports_are_not_read_yet(void **state)
{
	struct export e = { .kind = EXPORT_INCREMENTAL, .path = "p" };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(exports_readable(&e, &err), -1);
	assert_non_null(strstr(err.text, "incremental"));
	e.kind = EXPORT_FULL;
	assert_int_equal(exports_readable(&e, &err), 0);
	assert_string_equal(exports_format(&e), "dynamodb-json");
	e.summary.output_format = "ION";
	assert_int_equal(exports_readable(&e, &err), 0);
	assert_string_equal(exports_format(&e), "ion");
	e.summary.output_format = "PARQUET";
	assert_int_equal(exports_readable(&e, &err), -1);
	assert_non_null(strstr(err.text, "PARQUET"));
}

/* Exports that AWS wrote, where somebody has put them. */
static void
reads_real_exports(void **state)
{
	static const struct { const char *path; size_t nfiles; } REAL[] = {
		{ "../shared/real-exports/amplify-full", 4 },
		{ "../shared/real-exports/scylla-migrator-full", 1 },
	};
	const char *const accept = "manifest-summary.json";

	(void)state;
	if (access(REAL[0].path, R_OK) != 0) {
		print_message("no %s: skipped\n", REAL[0].path);
		skip();
	}
	for (size_t i = 0; i < 2; i++) {
		const struct export_entry e = { REAL[i].path, NULL, NULL };
		struct exports x;
		struct err err = { 0 };

		assert_int_equal(exports_find(&e, 1, &x, &err), 0);
		assert_int_equal(x.n, 1);
		assert_int_equal(x.list[0].nfiles, REAL[i].nfiles);
		assert_int_equal(x.list[0].summary.nitems, 3);

		/* Its account was changed by hand, and the checksum was not. */
		assert_int_equal(x.ndamages, i == 0);
		assert_int_equal(exports_check(&x, &accept, 1, &err), 0);
		for (size_t k = 0; k < x.list[0].nfiles; k++) {
			const struct export_file *f = &x.list[0].files[k];
			struct buf bytes = { 0 };
			uint8_t md5[MD5_LEN];

			assert_int_equal(file_load(f->path, 1 << 20, &bytes,
						   &err), 0);
			md5_of(buf_span(&bytes), md5);
			assert_memory_equal(md5, f->md5, MD5_LEN);
			buf_free(&bytes);
		}
		exports_free(&x);
	}
}

int
main(void)
{
#define WITH_ROOT(t) cmocka_unit_test_setup_teardown(t, make_root, remove_root)
	const struct CMUnitTest tests[] = {
		WITH_ROOT(finds_an_export_by_any_folder_above_or_in_it),
		WITH_ROOT(takes_what_the_manifests_say),
		WITH_ROOT(finds_files_wherever_the_export_was_moved),
		WITH_ROOT(reads_a_copy_and_not_the_original_beside_it),
		WITH_ROOT(finds_several_exports_in_the_order_of_their_paths),
		WITH_ROOT(takes_a_folder_glob_or_file_without_manifests),
		cmocka_unit_test(takes_standard_input),
		WITH_ROOT(tells_what_is_not_as_the_manifests_say),
		cmocka_unit_test(accepts_whole_names_only),
		WITH_ROOT(refuses_what_holds_nothing_to_read),
		WITH_ROOT(refuses_a_manifest_that_leads_out_of_the_export),
		WITH_ROOT(refuses_to_read_a_file_twice),
		cmocka_unit_test(says_which_exports_are_not_read_yet),
		cmocka_unit_test(reads_real_exports),
	};

	return cmocka_run_group_tests_name("exports", tests, NULL, NULL);
}
