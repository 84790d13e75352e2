/* test_sigv4.c - signatures, against AWS's own vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "io/file.h"
#include "tests/guard.h"

enum { MOST = 32 };

struct vector {
	const struct tree *t;
	struct span method, path, query, body;
	struct sigv4_header headers[MOST];
	size_t nheaders;
};

static struct span
text(const struct tree *t, const char *name)
{
	const struct tree *const v = tree_get(t, name);

	return v == NULL || v->kind != TREE_TEXT ? (struct span){ NULL, 0 }
		: v->text;
}

static bool
truth(const struct tree *t, const char *name)
{
	return tree_get(t, name)->truth;
}

static struct span
upto(struct span *s, const char *mark)
{
	const uint8_t *const at = memmem(s->ptr, s->len, mark, strlen(mark));
	const size_t n = at == NULL ? s->len : (size_t)(at - s->ptr);
	const struct span head = { s->ptr, n };
	const size_t used = at == NULL ? n : n + strlen(mark);

	*s = (struct span){ s->ptr + used, s->len - used };
	return head;
}

static struct span
lower(struct span s, struct arena *mem)
{
	struct err err;
	struct span copy = arena_copy(mem, s, &err);
	uint8_t *const p = arena_take(mem, s.len + 1, &err);

	for (size_t i = 0; i < s.len; i++)
		p[i] = (uint8_t)(copy.ptr[i] >= 'A' && copy.ptr[i] <= 'Z'
				 ? copy.ptr[i] + 32 : copy.ptr[i]);
	return (struct span){ p, s.len };
}

static void
add(struct vector *v, struct span name, struct span value)
{
	assert_true(v->nheaders < MOST);
	v->headers[v->nheaders++] = (struct sigv4_header){ name, value };
}

/* The request as the suite writes it: like HTTP, lines perhaps folded. */
static void
parse(struct vector *v, struct arena *mem)
{
	struct span rest = text(v->t, "request");
	struct span line = upto(&rest, "\n");

	v->method = upto(&line, " ");
	line.len -= strlen(" HTTP/1.1");
	v->path = upto(&line, "?");
	v->query = line;
	while (rest.len > 0) {
		line = upto(&rest, "\n");
		if (line.len == 0)
			break;
		while (rest.len > 0 && rest.ptr[0] == ' ') {
			const struct span more = upto(&rest, "\n");

			line.len = (size_t)(more.ptr + more.len - line.ptr);
		}
		const struct span name = upto(&line, ":");
		add(v, lower(name, mem), line);
	}
	v->body = rest;
}

static uint8_t
digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static struct span
decoded(struct span s, struct arena *mem)
{
	struct err err;
	uint8_t *const p = arena_take(mem, s.len + 1, &err);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '%') {
			p[n++] = (uint8_t)(digit(s.ptr[i + 1]) << 4 |
					   digit(s.ptr[i + 2]));
			i += 2;
		} else {
			p[n++] = s.ptr[i];
		}
	return (struct span){ p, n };
}

static void
make_query(struct span rest, struct buf *out, struct arena *mem)
{
	struct sigv4_param params[MOST];
	struct err err;
	size_t n = 0;

	while (rest.len > 0) {
		struct span value = upto(&rest, "&");
		const struct span name = upto(&value, "=");

		params[n++] = (struct sigv4_param){ decoded(name, mem),
						    decoded(value, mem) };
	}
	assert_int_equal(sigv4_query(params, n, out, &err), 0);
}

static void
check(const struct tree *t, struct arena *mem)
{
	struct vector v = { .t = t };
	struct buf query = { 0 }, out = { 0 }, canonical = { 0 };
	struct sigv4 s = {
		.access_key = text(t, "access_key"),
		.secret_key = text(t, "secret_key"),
		.region = text(t, "region"), .service = text(t, "service"),
	};
	char date[SIGV4_DATE_LEN + 1], hash[SIGV4_HEX_LEN + 1], method[16];
	struct tm tm = { 0 };
	struct err err;

	parse(&v, mem);
	assert_non_null(strptime((const char *)text(t, "timestamp").ptr,
				 "%Y-%m-%dT%H:%M:%SZ", &tm));
	sigv4_date(timegm(&tm), date);
	add(&v, span_of("x-amz-date"), span_of(date));
	if (text(t, "token").ptr != NULL && !truth(t, "omit_token"))
		add(&v, span_of("x-amz-security-token"), text(t, "token"));
	sigv4_hash(v.body, hash);
	if (truth(t, "sign_body"))
		add(&v, span_of("x-amz-content-sha256"), span_of(hash));
	make_query(v.query, &query, mem);
	snprintf(method, sizeof(method), "%.*s", (int)v.method.len,
		 (const char *)v.method.ptr);

	const struct sigv4_request r = {
		.method = method, .path = guard_copy(v.path.ptr, v.path.len),
		.keep_dots = !truth(t, "normalize"), .query = buf_span(&query),
		.headers = v.headers, .nheaders = v.nheaders,
		.payload = span_of(hash),
	};
	assert_int_equal(sigv4_sign(&s, &r, date, &out, &canonical, &err), 0);
	if (!span_equal(buf_span(&canonical), text(t, "canonical")))
		fail_msg("%s: signed was\n%.*s\nand not\n%s",
			 (const char *)text(t, "name").ptr, (int)canonical.len,
			 (const char *)canonical.ptr,
			 (const char *)text(t, "canonical").ptr);
	assert_true(out.len > SIGV4_HEX_LEN);
	assert_memory_equal(out.ptr + out.len - SIGV4_HEX_LEN,
			    text(t, "signature").ptr, SIGV4_HEX_LEN);
	buf_free(&query);
	buf_free(&out);
	buf_free(&canonical);
	sigv4_free(&s);
}

static void
signs_as_aws_does(void **state)
{
	struct arena mem = { 0 };
	struct buf all = { 0 };
	struct err err;
	struct span rest;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(file_load("fixtures/sigv4/vectors.jsonl", 1 << 20,
				   &all, &err), 0);
	rest = buf_span(&all);
	while (rest.len > 0) {
		const struct tree *const t = json_parse_line(
			upto(&rest, "\n"), "vectors", ++n, &mem, &err);

		if (t == NULL)
			fail_msg("%s", err.text);
		check(t, &mem);
	}
	assert_int_equal(n, 38);
	buf_free(&all);
	arena_free(&mem);
}

static void
takes_another_key_on_another_day(void **state)
{
	struct sigv4 s = {
		.access_key = span_of("A"), .secret_key = span_of("B"),
		.region = span_of("r"), .service = span_of("s3"),
	};
	const struct sigv4_request r = {
		.method = "GET", .path = span_of("/"),
		.payload = span_of("UNSIGNED-PAYLOAD"),
	};
	struct buf first = { 0 }, second = { 0 }, again = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(sigv4_sign(&s, &r, "20250101T000000Z", &first, NULL,
				    &err), 0);
	assert_int_equal(sigv4_sign(&s, &r, "20250102T000000Z", &second, NULL,
				    &err), 0);
	s.day[0] = '\0';
	assert_int_equal(sigv4_sign(&s, &r, "20250102T000000Z", &again, NULL,
				    &err), 0);
	assert_false(span_equal(buf_span(&first), buf_span(&second)));
	assert_true(span_equal(buf_span(&again), buf_span(&second)));
	sigv4_free(&s);
	buf_free(&first);
	buf_free(&second);
	buf_free(&again);
}

static void
encodes_all_bytes(void **state)
{
	struct buf out = { 0 };
	struct err err;
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(sigv4_encode(guard_copy(bytes, 256), true, &out,
				      &err), 0);
	assert_int_equal(out.len, 67 + 3 * (256 - 67));
	assert_memory_equal(out.ptr, "%00%01", 6);
	assert_memory_equal(out.ptr + 3 * 0x2d, "-./0123456789%3A", 16);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_as_aws_does),
		cmocka_unit_test(takes_another_key_on_another_day),
		cmocka_unit_test(encodes_all_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
