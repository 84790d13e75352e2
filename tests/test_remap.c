/* test_remap.c - new ids: the published check values, and every option. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/cpu.h"
#include "base/err.h"
#include "expr/remap.h"
#include "expr/remap_internal.h"

static const char staging[] = "aqnqdrctpzfwfjwyxxsmu6peoq";
static struct arena mem;
static struct err err;

static struct remap_options
options_of(enum remap_form form, const char *environment)
{
	return (struct remap_options){ .form = form,
				       .environment = span_of(environment) };
}

static struct remap *
make(const char *table, const struct remap_options *o)
{
	struct remap *const r = remap_new(span_of(table), o, &err);

	if (r == NULL)
		fail_msg("%s", err.text);
	return r;
}

static void
expect_text(const struct remap *r, enum value_type type, struct span id,
	    const char *want)
{
	const struct value v = value_of_text(type, id);
	struct value got;

	if (remap_new_id(r, &v, &got, &mem, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(got.type, type);
	assert_int_equal(got.flags, 0);

	struct remap_logged log;
	assert_int_equal(remap_log(r, type, id, &log, &mem, &err), 1);
	if (type != VALUE_B)
		assert_memory_equal(log.target.ptr, want, log.target.len);
	else
		assert_int_equal(log.target.len,
				 base64_decoded_len(span_of(want)));
	if (got.len != strlen(want) || memcmp(got.text, want, got.len) != 0)
		fail_msg("'%.*s' instead of '%s'", (int)got.len,
			 (const char *)got.text, want);
}

static void
expect(const struct remap *r, enum value_type type, const char *id,
       const char *want)
{
	expect_text(r, type, span_of(id), want);
}

static void
expect_refused(const struct remap *r, struct value id)
{
	struct value got;

	assert_int_equal(remap_new_id(r, &id, &got, &mem, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void
expect_bad_options(struct remap_options o, const char *word)
{
	assert_null(remap_new(span_of("T"), &o, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.text, word));
}

static int
start(void **state)
{
	(void)state;
	cpu_init(NULL);
	return 0;
}

static int
clear(void **state)
{
	(void)state;
	arena_free(&mem);
	cpu_init(NULL);
	return 0;
}

/* An S in each form, as docs/IDS.md has them. */
static void
check_values_of_a_string_are_met(void **state)
{
	static const char id[] = "a1b2c3d4-1j2k3l4m";
	static const char *const masks[] = { NULL, "sha" };

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct remap_options o = options_of(REMAP_UUID, staging);
		struct remap *r = make("Contacts", &o);

		cpu_init(masks[m]);
		expect(r, VALUE_S, id, "38d012b0-50e6-8d9b-a0e7-0d62eeaff49e");
		remap_free(r);

		o = options_of(REMAP_HEX, staging);
		o.length = 12;
		r = make("Contacts", &o);
		expect(r, VALUE_S, id, "38d012b050e6");
		remap_free(r);

		o = options_of(REMAP_BASE32, staging);
		o.length = 26;
		r = make("Contacts", &o);
		expect(r, VALUE_S, id, "73815C2GWSESQR771NHEXBZMKV");
		remap_free(r);

		o = options_of(REMAP_NUMBER, staging);
		r = make("Contacts", &o);
		expect(r, VALUE_S, id, "11855686542218057");
		remap_free(r);
	}
}

/* Bytes 00 FF 01: their digest in each form, and what a B becomes. */
static void
check_values_of_bytes_are_met(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0xff, 0x01 };
	const struct span id = { bytes, sizeof(bytes) };
	struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *r = make("Contacts", &o);

	(void)state;
	expect_text(r, VALUE_S, id, "baeb40e7-87a9-85cd-a907-1c3de2e38b01");
	/* The same digest, 16 bytes of it as they are. */
	expect(r, VALUE_B, "AP8B", "uutA54epVc1pBxw94uOLAQ==");
	remap_free(r);

	o.form = REMAP_HEX;
	o.length = 12;
	r = make("Contacts", &o);
	expect_text(r, VALUE_S, id, "baeb40e787a9");
	remap_free(r);

	o.form = REMAP_BASE32;
	o.length = 26;
	r = make("Contacts", &o);
	expect_text(r, VALUE_S, id, "QBNM1SW7N5AWTT873GYY5RWB06");
	remap_free(r);

	o.form = REMAP_NUMBER;
	r = make("Contacts", &o);
	expect_text(r, VALUE_S, id, "493271823876815810");
	expect(r, VALUE_B, "AP8B", "uutA54epVc1pBxw94uOLAQ==");
	remap_free(r);
}

static void
check_values_of_a_number_are_met_however_it_is_written(void **state)
{
	struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *r = make("Properties", &o);

	(void)state;
	expect(r, VALUE_S, "42", "7ef366b6-80c4-8a59-b7a9-d6cd55a9399d");
	expect(r, VALUE_N, "42", "812588416848729671");
	expect(r, VALUE_N, "42.0", "812588416848729671");
	expect(r, VALUE_N, "4.2E1", "812588416848729671");
	expect(r, VALUE_N, "+042", "812588416848729671");
	remap_free(r);

	o.form = REMAP_HEX;
	o.length = 12;
	r = make("Properties", &o);
	expect(r, VALUE_S, "42", "7ef366b680c4");
	/* An S is taken as it stands: `42.0` is another id. */
	expect(r, VALUE_S, "42.0", "012e26300757");
	remap_free(r);

	o.form = REMAP_BASE32;
	o.length = 26;
	r = make("Properties", &o);
	expect(r, VALUE_S, "42", "FVSPDDM0RJ55JDX9TV6NBA9SKQ");
	remap_free(r);
}

static void
zero_and_its_negative_are_one_id(void **state)
{
	const struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *const r = make("Properties", &o);
	struct value a = value_of_text(VALUE_N, span_of("0"));
	struct value b = value_of_text(VALUE_N, span_of("-0.0"));

	(void)state;
	assert_int_equal(remap_new_id(r, &a, &a, &mem, &err), 0);
	assert_int_equal(remap_new_id(r, &b, &b, &mem, &err), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.text, b.text, a.len);
	remap_free(r);
}

/* The low digits of 2^256 - 1, and of numbers that start with zeros. */
static void
a_number_is_the_digest_modulo_a_power_of_ten(void **state)
{
	uint8_t digest[SHA256_LEN];
	uint8_t out[REMAP_MAX_DIGITS];

	(void)state;
	memset(digest, 0xff, sizeof(digest));
	assert_int_equal(remap_put(REMAP_NUMBER, 38, digest, out), 38);
	assert_memory_equal(out, "69984665640564039457584007913129639935",
			    38);
	assert_int_equal(remap_put(REMAP_NUMBER, 12, digest, out), 12);
	assert_memory_equal(out, "913129639935", 12);

	memset(digest, 0, sizeof(digest));
	assert_int_equal(remap_put(REMAP_NUMBER, 38, digest, out), 1);
	assert_int_equal(out[0], '1');
	digest[31] = 7;
	assert_int_equal(remap_put(REMAP_NUMBER, 38, digest, out), 1);
	assert_int_equal(out[0], '7');
	/* 10^12 is 0xe8d4a51000: it leaves nothing, and 0 becomes 1. */
	memcpy(digest + 27, "\xe8\xd4\xa5\x10\x00", 5);
	assert_int_equal(remap_put(REMAP_NUMBER, 12, digest, out), 1);
	assert_int_equal(out[0], '1');
	assert_int_equal(remap_put(REMAP_NUMBER, 13, digest, out), 13);
	assert_memory_equal(out, "1000000000000", 13);
}

static void
hex_and_base32_reach_their_longest(void **state)
{
	uint8_t digest[SHA256_LEN];
	uint8_t out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(digest); i++)
		digest[i] = (uint8_t)(i * 8 + 7);
	assert_int_equal(remap_put(REMAP_HEX, 64, digest, out), 64);
	assert_memory_equal(out, "070f171f272f373f474f575f676f777f"
			    "878f979fa7afb7bfc7cfd7dfe7eff7ff", 64);
	assert_int_equal(remap_put(REMAP_BASE32, 51, digest, out), 51);
	assert_memory_equal(out, "0W7HE7S75WVKYHTFAXFPEVVQFY3RZ5WZMYQVF"
			    "FY7SZBXZSZFYZZ", 51);
}

static void
expect_digest(const struct remap *r, struct span id, const char *table,
	      const char *environment, const char *secret)
{
	static uint8_t text[3000];
	struct remap_digest got;
	struct remap_id one;
	uint8_t want[SHA256_LEN];
	size_t n = strlen(table) + 1;

	memcpy(text, table, n);
	memcpy(text + n, id.ptr, id.len);
	n += id.len;
	text[n++] = 0;
	memcpy(text + n, environment, strlen(environment));
	n += strlen(environment);
	if (secret == NULL)
		assert_int_equal(EVP_Digest(text, n, want, NULL, EVP_sha256(),
					    NULL), 1);
	else
		assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret),
				     text, n, want, NULL));

	assert_int_equal(remap_understand(r, VALUE_S, id, &one, &mem, &err),
			 1);
	assert_int_equal(remap_digests(&one, 1, &got, &mem, &err), 0);
	assert_memory_equal(got.bytes, want, SHA256_LEN);
}

static void
ids_of_every_length_agree_with_libcrypto(void **state)
{
	static const char long_name[] = "a-name-so-long-that-the-message-has-"
		"no-template-at-all-because-it-would-take-more-than-three-"
		"blocks-of-64-bytes-0123456789";
	static const char *const names[] = { "T", "Contacts", long_name };
	static const char *const secrets[] = { NULL, "0123456789abcdef" };
	uint8_t id[2050];

	(void)state;
	for (size_t i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)('!' + i % 90);
	for (size_t t = 0; t < 3; t++)
		for (size_t s = 0; s < 2; s++) {
			struct remap_options o = options_of(0, staging);

			if (secrets[s] != NULL)
				o.secret = span_of(secrets[s]);

			struct remap *const r = make(names[t], &o);

			for (size_t n = 1; n <= sizeof(id);
			     n += n < 260 ? 1 : 179)
				expect_digest(r, (struct span){ id, n },
					      names[t], staging, secrets[s]);
			remap_free(r);
		}
}

static void
many_at_once_are_as_one_by_one(void **state)
{
	enum { N = 100 };
	struct remap_options o = options_of(REMAP_HEX, "prod");
	struct remap *const plain = make("Contacts", &o);
	struct remap_digest digests[N], digest;
	struct remap_id ids[N], one;
	char text[N][120];

	(void)state;
	o.secret = span_of("sixteen bytes ok");
	o.keep = span_of("^1");

	struct remap *const keyed = make("Contacts", &o);

	for (int i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), "%d%0*d", i, i, i);
		assert_int_equal(remap_understand(i % 3 != 0 ? plain : keyed,
				 VALUE_S, span_of(text[i]), &ids[i], &mem,
				 &err), 1);
	}
	assert_int_equal(remap_digests(ids, N, digests, &mem, &err), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(remap_understand(i % 3 != 0 ? plain : keyed,
				 VALUE_S, span_of(text[i]), &one, &mem, &err),
				 1);
		assert_int_equal(one.fixed, i % 3 == 0 && text[i][0] == '1');
		if (one.fixed)
			continue;
		assert_int_equal(remap_digests(&one, 1, &digest, &mem, &err),
				 0);
		assert_memory_equal(digest.bytes, digests[i].bytes,
				    SHA256_LEN);
	}
	remap_free(plain);
	remap_free(keyed);
}

static void
a_prefix_is_for_strings_only(void **state)
{
	struct remap_options o = options_of(REMAP_HEX, "prod");
	struct remap *r;

	(void)state;
	o.length = 12;
	o.prefix = span_of("C_");
	r = make("Properties", &o);
	expect(r, VALUE_S, "42", "C_7ef366b680c4");
	expect(r, VALUE_N, "42", "812588416848729671");
	remap_free(r);
}

static void
ids_that_keep_matches_stay(void **state)
{
	static const struct {
		const char *keep, *id;
		bool stays;
	} cases[] = {
		{ "^SYSTEM-", "SYSTEM-1", true },
		{ "^SYSTEM-", "SYSTEM-", true },
		{ "^SYSTEM-", "SYSTEM", false },
		{ "^SYSTEM-", "xSYSTEM-1", false },
		{ "SYSTEM-", "xSYSTEM-1", true },
		{ "^SYS", "SYS", true },
		{ "^ab*$", "a", true },
		{ "^ab*$", "abbb", true },
		{ "^ab*$", "abc", false },
		{ "^a?b", "b", true },
		{ "^ab{0,1}c", "ac", true },
		{ "^a|b", "xb", true },
		{ "^(root|SYSTEM-[0-9]+)$", "SYSTEM-12", true },
		{ "^(root|SYSTEM-[0-9]+)$", "SYSTEM-12x", false },
		{ "^SYSTEM-[0-9]+$", "SYSTEM-x", false },
		{ "\\.x$", "a.x", true },
		{ "^a\\.b", "a.b", true },
		{ "^a\\.b", "axb", false },
		{ "^$", "x", false },
		{ "^", "x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct remap_options o = options_of(REMAP_UUID, "prod");
		const struct value id =
			value_of_text(VALUE_S, span_of(cases[i].id));
		struct value got;
		struct remap *r;

		o.keep = span_of(cases[i].keep);
		r = make("T", &o);
		assert_int_equal(remap_new_id(r, &id, &got, &mem, &err), 0);
		if (span_is((struct span){ got.text, got.len }, cases[i].id) !=
		    cases[i].stays)
			fail_msg("keep '%s', id '%s'", cases[i].keep,
				 cases[i].id);
		remap_free(r);
	}
}

static void
a_bad_keep_is_refused_in_words(void **state)
{
	struct remap_options o = options_of(REMAP_UUID, "prod");

	(void)state;
	o.keep = span_of("^(a");
	expect_bad_options(o, "'keep' is no POSIX extended regular expression");
	o.keep = (struct span){ (const uint8_t *)"a\0b", 3 };
	expect_bad_options(o, "'keep'");
}

static void
a_map_wins_and_marks_its_rows(void **state)
{
	const struct remap_row rows[] = {
		{ span_of("a"), span_of("alpha") },
		{ span_of("SYSTEM-1"), span_of("one") },
		{ span_of("42"), span_of("4.2e3") },
		{ span_of("AP8B"), span_of("AAAA") },
		{ span_of("never"), span_of("met") },
	};
	struct remap_options o = options_of(REMAP_HEX, "prod");
	struct remap *r;

	(void)state;
	o.rows = rows;
	o.nrows = 5;
	o.keep = span_of("^SYSTEM-");
	o.prefix = span_of("C_");
	r = make("T", &o);
	assert_false(remap_row_used(r, 0));
	expect(r, VALUE_S, "a", "alpha");
	expect(r, VALUE_S, "SYSTEM-1", "one");
	expect(r, VALUE_S, "SYSTEM-2", "SYSTEM-2");
	expect(r, VALUE_N, "42.0", "4200");
	expect(r, VALUE_B, "AP8B", "AAAA");
	for (size_t i = 0; i < 4; i++)
		assert_true(remap_row_used(r, i));
	assert_false(remap_row_used(r, 4));
	expect_refused(r, value_of_text(VALUE_N, span_of("")));
	remap_free(r);
}

static void
a_map_that_gives_no_number_for_a_number_rejects(void **state)
{
	const struct remap_row rows[] = {
		{ span_of("42"), span_of("x") },
		{ span_of("AP8B"), span_of("no base64") },
	};
	struct remap_options o = options_of(REMAP_HEX, "prod");
	struct remap *r;

	(void)state;
	o.rows = rows;
	o.nrows = 2;
	r = make("T", &o);
	expect(r, VALUE_S, "42", "x");
	expect_refused(r, value_of_text(VALUE_N, span_of("42")));
	assert_string_equal(err.text,
			    "the map gives 'x', which is no number");
	expect_refused(r, value_of_text(VALUE_B, span_of("AP8B")));
	remap_free(r);
}

static void
a_bad_map_is_refused(void **state)
{
	const struct remap_row twice[] = {
		{ span_of("a"), span_of("b") }, { span_of("a"), span_of("c") },
	};
	const struct remap_row empty[] = { { span_of("a"), span_of("") } };
	struct remap_options o = options_of(REMAP_UUID, "prod");

	(void)state;
	o.rows = twice;
	o.nrows = 2;
	expect_bad_options(o, "'map' has 'a' twice");
	o.rows = empty;
	o.nrows = 1;
	expect_bad_options(o, "'map' has an empty id");
}

static void
a_large_map_finds_every_row(void **state)
{
	enum { N = 5000 };
	static char text[N][2][16];
	static struct remap_row rows[N];
	struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *r;

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(text[i][0], sizeof(text[i][0]), "%d", i);
		snprintf(text[i][1], sizeof(text[i][1]), "n%d", i);
		rows[i] = (struct remap_row){ span_of(text[i][0]),
					      span_of(text[i][1]) };
	}
	o.rows = rows;
	o.nrows = N;
	r = make("T", &o);
	for (int i = 0; i < N; i++)
		expect(r, VALUE_S, text[i][0], text[i][1]);
	remap_free(r);
}

static void
type_n_gives_strings_and_numbers_one_text(void **state)
{
	struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *r;

	(void)state;
	o.type = VALUE_N;
	o.prefix = span_of("C_");
	r = make("Properties", &o);
	expect(r, VALUE_N, "42", "812588416848729671");
	expect(r, VALUE_S, "42", "812588416848729671");
	expect(r, VALUE_S, "042", "812588416848729671");
	expect_refused(r, value_of_text(VALUE_S, span_of("a1b2")));
	assert_string_equal(err.text, "'a1b2' is not an id");
	remap_free(r);
}

static void
type_s_takes_numbers_only_where_both_share_a_text(void **state)
{
	struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *r;

	(void)state;
	o.type = VALUE_S;
	r = make("Properties", &o);
	expect(r, VALUE_S, "42", "7ef366b6-80c4-8a59-b7a9-d6cd55a9399d");
	expect_refused(r, value_of_text(VALUE_N, span_of("42")));
	remap_free(r);

	o.form = REMAP_NUMBER;
	r = make("Properties", &o);
	expect(r, VALUE_S, "42", "812588416848729671");
	expect(r, VALUE_N, "42", "812588416848729671");
	remap_free(r);
}

static void
what_is_no_id_is_refused(void **state)
{
	const struct remap_options o = options_of(REMAP_UUID, "prod");
	struct remap *const r = make("T", &o);

	(void)state;
	expect_refused(r, value_of_null());
	expect_refused(r, value_of_bool(true));
	expect_refused(r, value_of_text(VALUE_S, span_of("")));
	expect_refused(r, value_of_text(VALUE_B, span_of("")));
	remap_free(r);
}

static void
escapes_are_undone_before_hashing(void **state)
{
	struct remap_options o = options_of(REMAP_HEX, "prod");
	struct value v = value_of_text(VALUE_S, span_of("\\u00342"));
	struct value got;
	struct remap *r;

	(void)state;
	o.length = 12;
	r = make("Properties", &o);
	v.flags = VALUE_ESC;
	assert_int_equal(remap_new_id(r, &v, &got, &mem, &err), 0);
	assert_memory_equal(got.text, "7ef366b680c4", 12);
	remap_free(r);
}

static void
options_out_of_range_are_refused(void **state)
{
	struct remap_options o = { .form = REMAP_HEX, .length = 7 };

	(void)state;
	expect_bad_options(o, "'length' must be 8 to 64, not 7");
	o.length = 65;
	expect_bad_options(o, "'length'");
	o.form = REMAP_BASE32;
	o.length = 52;
	expect_bad_options(o, "'length' must be 8 to 51, not 52");
	o = (struct remap_options){ .digits = 11 };
	expect_bad_options(o, "'digits' must be 12 to 38, not 11");
	o.digits = 39;
	expect_bad_options(o, "'digits'");
	o = (struct remap_options){ .secret = span_of("fifteen bytes..") };
	expect_bad_options(o, "'secret'");
	assert_null(strstr(err.text, "fifteen"));
	o = (struct remap_options){ .type = VALUE_B };
	expect_bad_options(o, "'type'");
}

static void
forms_have_names(void **state)
{
	(void)state;
	assert_int_equal(remap_form_named(span_of("base32")), REMAP_BASE32);
	assert_string_equal(remap_form_name(REMAP_NUMBER), "number");
	assert_int_equal(remap_form_named(span_of("uuid4")), 0);
}

static void
expected_collisions_follow_the_square_of_the_ids(void **state)
{
	struct remap_options o = options_of(REMAP_HEX, "prod");
	struct remap *r;

	(void)state;
	o.length = 8;
	o.digits = 12;
	r = make("T", &o);
	/* 65536 * 65535 / 2 / 2^32 */
	assert_float_equal(remap_collisions(r, VALUE_S, 65536), 0.5, 0.001);
	assert_float_equal(remap_collisions(r, VALUE_N, 1e6), 0.5, 0.001);
	assert_true(remap_collisions(r, VALUE_B, 1e9) < 1e-20);
	assert_true(remap_collisions(r, VALUE_S, 0) < 1e-20);
	remap_free(r);
}

static void
a_secret_has_a_check_value_that_tells_it_apart(void **state)
{
	char a[REMAP_SECRET_CHECK_LEN], b[REMAP_SECRET_CHECK_LEN];

	(void)state;
	remap_secret_check(span_of("0123456789abcdef"), a);
	remap_secret_check(span_of("0123456789abcdef"), b);
	assert_int_equal(strlen(a), 16);
	assert_string_equal(a, b);
	remap_secret_check(span_of("0123456789abcdeF"), b);
	assert_string_not_equal(a, b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(check_values_of_a_string_are_met),
		TEST(check_values_of_bytes_are_met),
		TEST(check_values_of_a_number_are_met_however_it_is_written),
		TEST(zero_and_its_negative_are_one_id),
		TEST(a_number_is_the_digest_modulo_a_power_of_ten),
		TEST(hex_and_base32_reach_their_longest),
		TEST(ids_of_every_length_agree_with_libcrypto),
		TEST(many_at_once_are_as_one_by_one),
		TEST(a_prefix_is_for_strings_only),
		TEST(ids_that_keep_matches_stay),
		TEST(a_bad_keep_is_refused_in_words),
		TEST(a_map_wins_and_marks_its_rows),
		TEST(a_map_that_gives_no_number_for_a_number_rejects),
		TEST(a_bad_map_is_refused),
		TEST(a_large_map_finds_every_row),
		TEST(type_n_gives_strings_and_numbers_one_text),
		TEST(type_s_takes_numbers_only_where_both_share_a_text),
		TEST(what_is_no_id_is_refused),
		TEST(escapes_are_undone_before_hashing),
		TEST(options_out_of_range_are_refused),
		TEST(forms_have_names),
		TEST(expected_collisions_follow_the_square_of_the_ids),
		TEST(a_secret_has_a_check_value_that_tells_it_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
