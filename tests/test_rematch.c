/*
 * test_rematch.c - texts that come out of gzip, changed and packed again with
 * their matches: what zlib reads is the text, whatever the notes say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/deflate.h"
#include "formats/gzip.h"
#include "formats/rematch.h"

enum {
	MAX_LEN = 4 << 20,
	STEP = 64 * 1024,
};

static uint64_t seed = 1;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* ---- input --------------------------------------------------------------- */

struct input {
	uint8_t *text;
	size_t len, packed_len;
	uint32_t *tokens;
	size_t n;
};

/* Lines as exports have them, of about `len` bytes. */
static void
make_lines(struct input *in, size_t len)
{
	in->text = malloc(len + 4096);
	assert_non_null(in->text);
	in->len = 0;
	while (in->len < len) {
		char *const p = (char *)in->text + in->len;

		in->len += (size_t)snprintf(p, 4096,
			"{\"Item\":{\"id\":{\"S\":\"%08x%08x%08x\"},\"legacyField\":"
			"{\"S\":\"v%u\"},\"statusCode\":{\"S\":\"%s\"},\"address\":"
			"{\"M\":{\"street\":{\"S\":\"%u Main Street\"},\"zip\":"
			"{\"N\":\"%u\"}}},\"active\":{\"BOOL\":%s}}}\n",
			chance(1u << 31), chance(1u << 31), chance(1u << 31),
			chance(3), chance(2) ? "OPEN" : "CLOSED", chance(300),
			chance(99999), chance(2) ? "true" : "false");
	}
}

/* Pack it with zlib, and have the tokens of that. */
static void
pack_and_trace(struct input *in, int level, int strategy)
{
	const size_t cap = in->len + in->len / 1000 + 1000;
	uint8_t *const packed = malloc(cap);
	uint8_t *const got = malloc(in->len + 1);
	z_stream z = { .next_in = in->text, .avail_in = (uInt)in->len };
	struct gzip_trace trace = { .cap = GZIP_TOKENS(in->len + 1) };
	struct room room = { got, in->len + 1 };
	struct err err;

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 31, 8, strategy),
			 Z_OK);
	z.next_out = packed;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	in->packed_len = z.total_out;
	deflateEnd(&z);

	struct span rest = { packed, in->packed_len };
	void *const u = gzip_format.unpack_start(&err);

	trace.tokens = malloc(trace.cap * sizeof(*trace.tokens));
	assert_non_null(u);
	assert_non_null(trace.tokens);
	while (gzip_unpack_traced(u, &rest, true, &room, &trace, &err) > 0)
		;
	assert_int_equal(room.len, 1);
	in->tokens = trace.tokens;
	in->n = trace.n;
	gzip_format.unpack_stop(u);
	free(packed);
	free(got);
}

static void
free_input(struct input *in)
{
	free(in->text);
	free(in->tokens);
}

/* ---- output -------------------------------------------------------------- */

/* What becomes of a piece of input. */
struct edit {
	size_t from, len;
	bool copied;		/* else random text in its place */
	size_t noted;		/* where the notes say that it came from */
};

struct output {
	struct buf text, packed;
};

static void
append(struct buf *b, const uint8_t *p, size_t n)
{
	struct err err;

	assert_int_equal(buf_append(b, (struct span){ p, n }, &err), 0);
}

/* Pack the edits, some a call, with a cut here and there if so wished. */
static void
pack_edits(struct rematch *r, const struct input *in, const struct edit *edits,
	   size_t nedits, size_t batch, size_t cut, struct output *out)
{
	struct matches m = { in->tokens, in->n, 0 };
	struct buf text = { 0 };
	struct copied *const copied = calloc(batch, sizeof(*copied));
	struct err err;
	size_t ncopied = 0;

	*out = (struct output){ { 0 }, { 0 } };
	for (size_t i = 0; i < nedits; i++) {
		const struct edit *const e = &edits[i];

		if (e->copied) {
			copied[ncopied++] = (struct copied){
				e->noted, (uint32_t)text.len, (uint32_t)e->len };
			append(&text, in->text + e->from, e->len);
			append(&out->text, in->text + e->from, e->len);
		} else {
			uint8_t c[40];

			for (unsigned k = 0; k < sizeof(c); k++)
				c[k] = (uint8_t)"0123456789abcdef"[
					(e->from * 31 + k * k * 7) % 16];
			append(&text, c, e->len % sizeof(c));
			append(&out->text, c, e->len % sizeof(c));
		}
		if ((i + 1) % batch != 0 && i + 1 < nedits)
			continue;
		assert_int_equal(rematch_add(r, &text, copied, ncopied, &m,
					     &out->packed, &err), 0);
		ncopied = 0;
		if (cut > 0 && (i + 1) / batch % cut == 0)
			assert_int_equal(rematch_cut(r, &text, &out->packed,
						     &err), 0);
	}
	assert_int_equal(rematch_len(r), out->text.len);
	assert_int_equal(rematch_end(r, &text, &out->packed, &err), 0);
	free(copied);
	buf_free(&text);
}

static void
assert_reads_back(const struct output *out)
{
	uint8_t *const got = malloc(out->text.len + 1);
	z_stream z = { .avail_in = (uInt)out->packed.len };

	assert_non_null(got);
	z.next_in = out->packed.ptr;
	z.next_out = got;
	z.avail_out = (uInt)out->text.len + 1;
	assert_int_equal(inflateInit2(&z, 31), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, out->text.len);
	if (out->text.len > 0)
		assert_memory_equal(got, out->text.ptr, out->text.len);
	inflateEnd(&z);
	free(got);
}

static void
free_output(struct output *out)
{
	buf_free(&out->text);
	buf_free(&out->packed);
}

/* Cut the input in pieces of up to `most` bytes; one in `every` is replaced. */
static size_t
make_edits(struct edit *edits, const struct input *in, uint32_t most,
	   uint32_t every)
{
	size_t n = 0;

	for (size_t at = 0; at < in->len; n++) {
		size_t len = 1 + chance(most);

		if (len > in->len - at)
			len = in->len - at;
		edits[n] = (struct edit){ at, len, every == 0 ||
					  chance(every) > 0, at };
		at += len;
	}
	return n;
}

static struct edit edits[MAX_LEN];

/* ---- tests --------------------------------------------------------------- */

static void
what_is_only_copied_packs_as_well_as_before(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct input in;
	struct output out;

	(void)state;
	make_lines(&in, 2 << 20);
	pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);
	pack_edits(r, &in, edits, make_edits(edits, &in, STEP, 0), 1, 0, &out);
	assert_reads_back(&out);
	assert_true(out.packed.len < in.packed_len + in.packed_len / 50);
	free_output(&out);
	free_input(&in);
	rematch_free(r);
}

/* As a plan does it: an id replaced, an attribute gone, in every line. */
static void
edited_lines_keep_most_of_their_matches(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct input in;
	struct output out;
	size_t n = 0;

	(void)state;
	make_lines(&in, 2 << 20);
	pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);
	for (size_t at = 0; at < in.len;) {
		const uint8_t *const line = in.text + at;
		const uint8_t *const gone = memmem(line, in.len - at,
						   "\"legacyField", 12);
		const uint8_t *const back = memmem(line, in.len - at,
						   "\"statusCode", 11);
		const uint8_t *const end = memchr(line, '\n', in.len - at);
		const size_t id = at + 20;

		edits[n++] = (struct edit){ at, 20, true, at };
		edits[n++] = (struct edit){ id, 24, false, id };
		edits[n++] = (struct edit){ id + 24, (size_t)(gone - line) - 44,
					    true, id + 24 };
		edits[n++] = (struct edit){ (size_t)(back - in.text),
					    (size_t)(end + 1 - back), true,
					    (size_t)(back - in.text) };
		at = (size_t)(end + 1 - in.text);
	}
	pack_edits(r, &in, edits, n, 400, 0, &out);
	assert_reads_back(&out);
	/* Not more than it was, though there is a little less of it. */
	assert_true(out.packed.len < in.packed_len);
	free_output(&out);
	free_input(&in);
	rematch_free(r);
}

/* An attribute that all lines are given: 27 bytes, 18 of them as literals. */
static void
what_is_put_in_again_and_again_is_a_match(void **state)
{
	static const uint8_t MORE[] = ",\"schemaVersion\":{\"N\":\"2\"}";
	enum { MORE_LEN = sizeof(MORE) - 1 };
	struct rematch *const r = rematch_new(NULL);
	struct matches m;
	struct buf text = { 0 }, all = { 0 };
	struct output out = { { 0 }, { 0 } };
	struct copied *copied;
	struct input in;
	struct err err;
	size_t n = 0, nlines = 0;

	(void)state;
	make_lines(&in, 1 << 20);
	pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);
	m = (struct matches){ in.tokens, in.n, 0 };
	copied = calloc(in.len / 100, sizeof(*copied));
	for (size_t at = 0; at < in.len; nlines++) {
		const uint8_t *const end = memchr(in.text + at, '\n',
						  in.len - at);
		const size_t len = (size_t)(end - 2 - (in.text + at));

		copied[n++] = (struct copied){ at, (uint32_t)text.len,
					       (uint32_t)len };
		append(&text, in.text + at, len);
		append(&text, MORE, MORE_LEN);
		append(&text, (const uint8_t *)"}}\n", 3);
		at += len + 3;
	}
	append(&all, text.ptr, text.len);
	assert_int_equal(rematch_add(r, &text, copied, n, &m, &out.packed,
				     &err), 0);
	assert_int_equal(rematch_end(r, &text, &out.packed, &err), 0);
	out.text = all;
	assert_reads_back(&out);
	assert_true(out.packed.len < in.packed_len + 10 * nlines);
	free(copied);
	buf_free(&text);
	free_output(&out);
	free_input(&in);
	rematch_free(r);
}

static void
any_edits_of_any_gzip_read_back(void **state)
{
	static const int HOW[][2] = {
		{ 6, Z_DEFAULT_STRATEGY }, { 1, Z_DEFAULT_STRATEGY },
		{ 9, Z_FILTERED }, { 6, Z_HUFFMAN_ONLY }, { 6, Z_RLE },
		{ 0, Z_DEFAULT_STRATEGY }, { 6, Z_FIXED },
	};
	struct rematch *const r = rematch_new(NULL);

	(void)state;
	for (unsigned round = 0; round < 70; round++) {
		const int *const how = HOW[round % 7];
		const uint32_t most = round % 3 == 0 ? 60 : round % 3 == 1
			? 700 : 100000;
		struct input in;
		struct output out;

		make_lines(&in, 1 + chance(400000));
		pack_and_trace(&in, how[0], how[1]);
		rematch_reset(r);
		pack_edits(r, &in, edits, make_edits(edits, &in, most,
						     2 + chance(8)),
			   1 + chance(300), chance(4), &out);
		assert_reads_back(&out);
		free_output(&out);
		free_input(&in);
	}
	rematch_free(r);
}

/* Notes that are wrong, out of order, or about nothing. */
static void
wrong_notes_cost_size_and_no_bytes(void **state)
{
	struct rematch *const r = rematch_new(NULL);

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct input in;
		struct output out;

		make_lines(&in, 1 + chance(300000));
		pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);

		const size_t n = make_edits(edits, &in, 300, 5);
		for (size_t i = 0; i < n; i++) {
			if (chance(10) == 0)
				edits[i].noted += chance(100);
			if (chance(10) == 0)
				edits[i].noted -= edits[i].noted > 200
					? chance(200) : 0;
			if (chance(40) == 0)
				edits[i].noted = (size_t)chance(1u << 31) << 4;
		}
		for (size_t i = 0; i < in.n; i++)
			if (chance(30) == 0)
				in.tokens[i] = token_of(chance(511),
							3 + chance(256),
							1 + chance(32768));
		rematch_reset(r);
		pack_edits(r, &in, edits, n, 1 + chance(500), chance(3), &out);
		assert_reads_back(&out);
		free_output(&out);
		free_input(&in);
	}
	rematch_free(r);
}

static void
poor_input_is_searched_for_matches(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct input in;
	struct output out;

	(void)state;
	make_lines(&in, 2 << 20);
	pack_and_trace(&in, 0, Z_DEFAULT_STRATEGY);	/* none of its own */
	pack_edits(r, &in, edits, make_edits(edits, &in, 700, 0), 100, 0, &out);
	assert_reads_back(&out);
	assert_true(out.packed.len < in.len / 3);
	free_output(&out);
	free_input(&in);
	rematch_free(r);
}

static void
the_same_again_gives_the_same_bytes_on_any_processor(void **state)
{
	static const char *const MASKS[] = {
		"", "avx512", "avx512,avx2", "avx512,avx2,sha",
	};
	struct rematch *const r = rematch_new(NULL);
	struct input in;
	struct output first = { { 0 }, { 0 } };

	(void)state;
	make_lines(&in, 600000);
	pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);

	const size_t n = make_edits(edits, &in, 200, 6);
	for (unsigned i = 0; i < 4; i++) {
		struct output out;

		cpu_init(MASKS[i]);
		rematch_reset(r);
		pack_edits(r, &in, edits, n, 300, 2, &out);
		if (i == 0) {
			first = out;
			continue;
		}
		assert_int_equal(out.packed.len, first.packed.len);
		assert_memory_equal(out.packed.ptr, first.packed.ptr,
				    first.packed.len);
		free_output(&out);
	}
	cpu_init(getenv("CPU_MASK"));
	free_output(&first);
	free_input(&in);
	rematch_free(r);
}

static void
a_cut_makes_what_follows_independent(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct input in;
	struct output out;
	size_t cut, at;

	(void)state;
	make_lines(&in, 300000);
	pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);

	const size_t n = make_edits(edits, &in, 500, 6);
	pack_edits(r, &in, edits, n, n / 2, 1, &out);
	assert_reads_back(&out);
	/* From the border on it is a stream of its own, of the second half. */
	for (cut = 10; cut + 4 < out.packed.len; cut++)
		if (memcmp(out.packed.ptr + cut, "\0\0\xff\xff", 4) == 0)
			break;
	cut += 4;
	assert_true(cut < out.packed.len);

	uint8_t *const got = malloc(out.text.len);
	z_stream z = { .next_in = out.packed.ptr + cut };
	z.avail_in = (uInt)(out.packed.len - cut);
	z.next_out = got;
	z.avail_out = (uInt)out.text.len;
	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	at = out.text.len - z.total_out;
	assert_true(at > 0);
	assert_memory_equal(got, out.text.ptr + at, z.total_out);
	inflateEnd(&z);
	free(got);
	free_output(&out);
	free_input(&in);
	rematch_free(r);
}

/*
 * Pack [from, end) of the text as a part, all copied, in pieces; the tokens are
 * those up to `ahead` bytes behind it.
 */
static struct gzip_sum
pack_part(struct rematch *r, const struct input *in, size_t from, size_t end,
	  size_t ahead, struct buf *out)
{
	struct matches m = { in->tokens, 0, 0 - (uint64_t)from };
	struct buf text = { 0 };
	struct err err;
	size_t known = 0;

	while (m.n < in->n && known < end + ahead)
		known += token_text(in->tokens[m.n++]);
	rematch_part(r, from == 0);
	for (size_t at = from; at < end;) {
		const size_t len = end - at < STEP ? end - at : STEP;
		const struct copied c = { at - from, (uint32_t)text.len,
					  (uint32_t)len };

		append(&text, in->text + at, len);
		assert_int_equal(rematch_add(r, &text, &c, 1, &m, out, &err),
				 0);
		at += len;
	}

	const struct gzip_sum sum = rematch_sum(r);
	assert_int_equal(rematch_cut(r, &text, out, &err), 0);
	assert_int_equal(text.len, 0);
	buf_free(&text);
	return sum;
}

static void
parts_do_not_depend_on_others_and_are_joined(void **state)
{
	struct rematch *const one = rematch_new(NULL);
	struct gzip_sum all = { 0 };
	struct output out = { { 0 }, { 0 } };
	struct input in;
	struct err err;

	(void)state;
	make_lines(&in, 1 << 20);
	pack_and_trace(&in, 6, Z_DEFAULT_STRATEGY);
	append(&out.text, in.text, in.len);
	assert_int_equal(gzip_head(REMATCH_LEVEL, &out.packed, &err), 0);
	for (size_t from = 0, end; from < in.len; from = end) {
		struct rematch *const alone = rematch_new(NULL);
		const size_t before = out.packed.len;
		struct buf other = { 0 };

		end = from + 150000 + chance(100000);
		end = end < in.len ? end : in.len;
		const struct gzip_sum sum = pack_part(one, &in, from, end, 0,
						      &out.packed);
		/* Nor on how much is known of what comes. */
		pack_part(alone, &in, from, end, in.len, &other);
		assert_int_equal(other.len, out.packed.len - before);
		assert_memory_equal(other.ptr, out.packed.ptr + before,
				    other.len);
		all = gzip_join(all, sum);
		buf_free(&other);
		rematch_free(alone);
	}
	assert_int_equal(gzip_tail(all, &out.packed, &err), 0);
	assert_int_equal(all.len, in.len);
	assert_reads_back(&out);
	/* Each has forgotten what was before, which in real files is little. */
	assert_true(out.packed.len < in.packed_len * 3 / 2);
	free_output(&out);
	free_input(&in);
	rematch_free(one);
}

static void
nothing_is_a_member_too(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct output out = { { 0 }, { 0 } };
	struct buf text = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(rematch_end(r, &text, &out.packed, &err), 0);
	assert_reads_back(&out);
	free_output(&out);
	rematch_free(r);
}

/* Some optimal packers cut matches short that could go on. */
static void
matches_that_go_on_over_the_next_ones_are_no_trouble(void **state)
{
	static const char HALF[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	enum { LEN = sizeof(HALF) - 1, AWAY = 700 };
	struct rematch *const r = rematch_new(NULL);
	struct input in = { .text = malloc(2 * LEN), .len = 2 * LEN };
	struct output out;
	size_t n = 0;

	(void)state;
	assert_non_null(in.text);
	memcpy(in.text, HALF, LEN);
	memcpy(in.text + LEN, HALF, LEN);
	in.tokens = calloc(LEN, sizeof(*in.tokens));
	assert_non_null(in.tokens);
	for (size_t at = 0; at + 4 <= LEN; at += 4)
		in.tokens[in.n++] = token_of(at == 0 ? LEN : 0, 4, LEN);
	/* Many literals before the first, which is then looked at closely. */
	for (size_t i = 0; i < AWAY; i += 7)
		edits[n++] = (struct edit){ i * i, 7 + 40, false, 0 };
	edits[n++] = (struct edit){ 0, in.len, true, 0 };
	pack_edits(r, &in, edits, n, n, 0, &out);
	assert_reads_back(&out);
	free_output(&out);
	free_input(&in);
	rematch_free(r);
}

/* Matches of one distance, in a row, in place of one. */
static void
split_matches(struct input *in)
{
	uint32_t *const tokens = calloc(8 * in->n + 8, sizeof(*tokens));
	size_t n = 0;

	assert_non_null(tokens);
	for (size_t i = 0; i < in->n; i++) {
		const uint32_t t = in->tokens[i], dist = token_dist(t);
		uint32_t lits = token_lits(t), len = token_len(t);

		for (unsigned k = 0; lits != TOKEN_ONLY_LITS && len >= 6 &&
		     k < 6; k++) {
			const uint32_t m = 3 + chance(len - 5 < 9 ? len - 5 :
						      9);

			tokens[n++] = token_of(lits, m, dist);
			lits = 0;
			len -= m;
		}
		tokens[n++] = lits == TOKEN_ONLY_LITS ? t :
			      token_of(lits, len, dist);
	}
	free(in->tokens);
	in->tokens = tokens;
	in->n = n;
}

static void
split_matches_are_joined_again(void **state)
{
	struct rematch *const r = rematch_new(NULL);

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct input in;
		struct output out;

		make_lines(&in, 1 + chance(200000));
		pack_and_trace(&in, round % 2 == 0 ? 9 : 1, Z_DEFAULT_STRATEGY);
		split_matches(&in);
		rematch_reset(r);
		pack_edits(r, &in, edits, make_edits(edits, &in,
						     20u << chance(8),
						     2 + chance(30)),
			   1 + chance(300), chance(4), &out);
		assert_reads_back(&out);
		free_output(&out);
		free_input(&in);
	}
	rematch_free(r);
}

static void
text_without_a_match_does_not_pile_up(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct matches none = { NULL, 0, 0 };
	struct output out = { { 0 }, { 0 } };
	struct buf text = { 0 };
	uint8_t noise[4096];
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 1024; i++) {
		for (unsigned k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)chance(256);
		append(&text, noise, sizeof(noise));
		append(&out.text, noise, sizeof(noise));
		assert_int_equal(rematch_add(r, &text, NULL, 0, &none,
					     &out.packed, &err), 0);
		assert_true(text.len < 400 * 1024);
	}
	assert_int_equal(rematch_end(r, &text, &out.packed, &err), 0);
	assert_reads_back(&out);
	buf_free(&text);
	free_output(&out);
	rematch_free(r);
}

/* Little at a time, so that nothing is looked for; then it is, in all that. */
static void
text_that_waited_is_searched_too(void **state)
{
	struct rematch *const r = rematch_new(NULL);
	struct matches none = { NULL, 0, 0 };
	struct output out = { { 0 }, { 0 } };
	struct buf text = { 0 };
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		char line[200];
		int n = snprintf(line, sizeof(line), "{\"Item\":{\"id\":{\"S\":"
				 "\"%08x\"},\"n\":{\"N\":\"%u\"}}}\n",
				 chance(1u << 31), chance(1000));

		if (i % 50 == 40)
			n += snprintf(line + n, sizeof(line) - (size_t)n,
				      "%0*u", 120, chance(100000));
		append(&text, (uint8_t *)line, (size_t)n);
		append(&out.text, (uint8_t *)line, (size_t)n);
		assert_int_equal(rematch_add(r, &text, NULL, 0, &none,
					     &out.packed, &err), 0);
	}
	assert_int_equal(rematch_end(r, &text, &out.packed, &err), 0);
	assert_reads_back(&out);
	assert_true(out.packed.len < out.text.len / 2);
	buf_free(&text);
	free_output(&out);
	rematch_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_only_copied_packs_as_well_as_before),
		cmocka_unit_test(edited_lines_keep_most_of_their_matches),
		cmocka_unit_test(what_is_put_in_again_and_again_is_a_match),
		cmocka_unit_test(any_edits_of_any_gzip_read_back),
		cmocka_unit_test(wrong_notes_cost_size_and_no_bytes),
		cmocka_unit_test(poor_input_is_searched_for_matches),
		cmocka_unit_test(
			the_same_again_gives_the_same_bytes_on_any_processor),
		cmocka_unit_test(a_cut_makes_what_follows_independent),
		cmocka_unit_test(parts_do_not_depend_on_others_and_are_joined),
		cmocka_unit_test(nothing_is_a_member_too),
		cmocka_unit_test(
			matches_that_go_on_over_the_next_ones_are_no_trouble),
		cmocka_unit_test(split_matches_are_joined_again),
		cmocka_unit_test(text_without_a_match_does_not_pile_up),
		cmocka_unit_test(text_that_waited_is_searched_too),
	};

	cpu_init(getenv("CPU_MASK"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
