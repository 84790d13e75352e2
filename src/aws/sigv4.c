#include "aws/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

static const char ALGORITHM[] = "AWS4-HMAC-SHA256";

static bool
is_unreserved(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
	       c == '~';
}

int
sigv4_encode(struct span s, bool slash, struct buf *out, struct err *err)
{
	static const char HEX[] = "0123456789ABCDEF";
	uint8_t *const to = buf_reserve(out, 3 * s.len + 1, err);
	size_t n = 0;

	if (to == NULL)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		const uint8_t c = s.ptr[i];

		if (is_unreserved(c) || (slash && c == '/')) {
			to[n++] = c;
			continue;
		}
		to[n++] = '%';
		to[n++] = (uint8_t)HEX[c >> 4];
		to[n++] = (uint8_t)HEX[c & 15];
	}
	buf_commit(out, n);
	return 0;
}

/* A parameter that is encoded, in the text of all of them. */
struct place {
	const uint8_t *text;
	size_t name, name_len, value, value_len;
};

static int
compare_places(const void *a, const void *b)
{
	const struct place *const p = a, *const q = b;
	const int c = span_compare(
		(struct span){ p->text + p->name, p->name_len },
		(struct span){ q->text + q->name, q->name_len });

	return c != 0 ? c : span_compare(
		(struct span){ p->text + p->value, p->value_len },
		(struct span){ q->text + q->value, q->value_len });
}

int
sigv4_query(const struct sigv4_param *params, size_t n, struct buf *out,
	    struct err *err)
{
	struct place *const places = calloc(n + 1, sizeof(*places));
	struct buf text = { 0 };
	int rc = places != NULL ? 0
		: err_set(err, ERR_SYSTEM, "out of memory");

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct place *const p = &places[i];

		p->name = text.len;
		rc = sigv4_encode(params[i].name, false, &text, err);
		p->name_len = text.len - p->name;
		p->value = text.len;
		if (rc == 0)
			rc = sigv4_encode(params[i].value, false, &text, err);
		p->value_len = text.len - p->value;
	}
	for (size_t i = 0; i < n; i++)
		if (rc == 0)
			places[i].text = text.ptr;
	if (rc == 0)
		qsort(places, n, sizeof(*places), compare_places);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = buf_printf(out, err, "%s%.*s=%.*s", i == 0 ? "" : "&",
				(int)places[i].name_len,
				(const char *)text.ptr + places[i].name,
				(int)places[i].value_len,
				(const char *)text.ptr + places[i].value);
	buf_free(&text);
	free(places);
	return rc;
}

void
sigv4_date(time_t when, char out[SIGV4_DATE_LEN + 1])
{
	struct tm tm = { 0 };

	gmtime_r(&when, &tm);
	strftime(out, SIGV4_DATE_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
}

static void
to_hex(const uint8_t digest[SHA256_LEN], char out[SIGV4_HEX_LEN + 1])
{
	static const char HEX[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_LEN; i++) {
		out[2 * i] = HEX[digest[i] >> 4];
		out[2 * i + 1] = HEX[digest[i] & 15];
	}
	out[SIGV4_HEX_LEN] = '\0';
}

void
sigv4_hash(struct span bytes, char out[SIGV4_HEX_LEN + 1])
{
	uint8_t digest[SHA256_LEN];

	sha256_of(bytes, digest);
	to_hex(digest, out);
}

/* ---- the canonical request ---------------------------------------------- */

/* A path without `.`, `..` and empty parts (RFC 3986, 5.2.4). */
static int
without_dots(struct span path, struct buf *out, struct err *err)
{
	size_t start, end;
	bool open = true;	/* does it end in a slash? */

	for (start = 0; start < path.len; start = end + 1) {
		for (end = start; end < path.len && path.ptr[end] != '/'; )
			end++;
		const struct span part = { path.ptr + start, end - start };

		open = end < path.len || part.len == 0 ||
		       span_is(part, ".") || span_is(part, "..");
		if (span_is(part, "..")) {
			while (out->len > 0 && out->ptr[--out->len] != '/')
				;
		} else if (part.len > 0 && !span_is(part, ".")) {
			if (buf_append(out, span_of("/"), err) != 0 ||
			    buf_append(out, part, err) != 0)
				return -1;
		}
	}
	return open || out->len == 0 ? buf_append(out, span_of("/"), err) : 0;
}

static int
add_path(const struct sigv4_request *r, struct buf *out, struct err *err)
{
	struct buf plain = { 0 };
	int rc;

	if (r->path_is_final || span_is(r->path, "/"))
		return buf_append(out, r->path, err);
	rc = r->keep_dots ? buf_append(&plain, r->path, err)
		: without_dots(r->path, &plain, err);
	if (rc == 0)
		rc = sigv4_encode(buf_span(&plain), true, out, err);
	buf_free(&plain);
	return rc;
}

/* A value without space around it, and with one for several within. */
static int
add_value(struct span v, struct buf *out, struct err *err)
{
	uint8_t *const to = buf_reserve(out, v.len + 1, err);
	size_t n = 0;
	bool space = false;

	if (to == NULL)
		return -1;
	for (size_t i = 0; i < v.len; i++) {
		const uint8_t c = v.ptr[i];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			space = n > 0;
			continue;
		}
		if (space)
			to[n++] = ' ';
		space = false;
		to[n++] = c;
	}
	buf_commit(out, n);
	return 0;
}

/* Headers in the order of their names; those of one name stay in theirs. */
static void
sort_headers(const struct sigv4_request *r,
	     const struct sigv4_header *out[SIGV4_MAX_HEADERS])
{
	for (size_t i = 0; i < r->nheaders; i++) {
		size_t at = i;

		for (; at > 0 && span_compare(out[at - 1]->name,
					      r->headers[i].name) > 0; at--)
			out[at] = out[at - 1];
		out[at] = &r->headers[i];
	}
}

static int
add_headers(const struct sigv4_request *r, struct buf *out,
	    struct buf *names, struct err *err)
{
	const struct sigv4_header *sorted[SIGV4_MAX_HEADERS];

	sort_headers(r, sorted);
	for (size_t i = 0; i < r->nheaders; i++) {
		const struct span name = sorted[i]->name;

		if (i > 0 && span_equal(name, sorted[i - 1]->name)) {
			if (buf_append(out, span_of(","), err) != 0)
				return -1;
		} else if ((i > 0 && (buf_append(out, span_of("\n"), err) != 0
			     || buf_append(names, span_of(";"), err) != 0)) ||
			   buf_append(out, name, err) != 0 ||
			   buf_append(out, span_of(":"), err) != 0 ||
			   buf_append(names, name, err) != 0) {
			return -1;
		}
		if (add_value(sorted[i]->value, out, err) != 0)
			return -1;
	}
	return buf_append(out, span_of("\n\n"), err);
}

static int
add_canonical(const struct sigv4_request *r, struct buf *out,
	      struct buf *names, struct err *err)
{
	if (buf_printf(out, err, "%s\n", r->method) != 0 ||
	    add_path(r, out, err) != 0 ||
	    buf_append(out, span_of("\n"), err) != 0 ||
	    buf_append(out, r->query, err) != 0 ||
	    buf_append(out, span_of("\n"), err) != 0 ||
	    add_headers(r, out, names, err) != 0 ||
	    buf_append(out, buf_span(names), err) != 0 ||
	    buf_append(out, span_of("\n"), err) != 0)
		return -1;
	return buf_append(out, r->payload, err);
}

/* ---- the signature ------------------------------------------------------ */

/* The key of the day, unless it is there. */
static int
take_key(struct sigv4 *s, const char *date, struct err *err)
{
	uint8_t a[SHA256_LEN], b[SHA256_LEN];
	struct buf secret = { 0 };

	if (memcmp(s->day, date, 8) == 0)
		return 0;
	if (buf_append(&secret, span_of("AWS4"), err) != 0 ||
	    buf_append(&secret, s->secret_key, err) != 0)
		return -1;
	sha256_hmac(buf_span(&secret),
		    (struct span){ (const uint8_t *)date, 8 }, a);
	sha256_hmac((struct span){ a, sizeof(a) }, s->region, b);
	sha256_hmac((struct span){ b, sizeof(b) }, s->service, a);
	sha256_hmac((struct span){ a, sizeof(a) }, span_of("aws4_request"),
		    s->key);
	explicit_bzero(secret.ptr, secret.len);
	buf_free(&secret);
	memcpy(s->day, date, 8);
	return 0;
}

void
sigv4_free(struct sigv4 *s)
{
	buf_free(&s->text);
	buf_free(&s->names);
	buf_free(&s->sign);
	explicit_bzero(s, sizeof(*s));
}

/* Several texts, one after the other. */
static int
add(struct buf *b, const struct span *parts, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (buf_append(b, parts[i], err) != 0)
			return -1;
	return 0;
}

int
sigv4_sign(struct sigv4 *s, const struct sigv4_request *r,
	   const char *date, struct buf *out, struct buf *canonical,
	   struct err *err)
{
	char hex[SIGV4_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];
	const struct span scope[] = {
		{ (const uint8_t *)date, 8 }, span_of("/"), s->region,
		span_of("/"), s->service, span_of("/aws4_request"),
	};
	const size_t nscope = sizeof(scope) / sizeof(scope[0]);

	if (r->nheaders > SIGV4_MAX_HEADERS)
		return err_set(err, ERR_LIMIT, "more than %d headers to sign",
			       SIGV4_MAX_HEADERS);
	buf_reset(&s->text);
	buf_reset(&s->names);
	buf_reset(&s->sign);
	if (take_key(s, date, err) != 0 ||
	    add_canonical(r, &s->text, &s->names, err) != 0)
		return -1;
	sigv4_hash(buf_span(&s->text), hex);
	if (add(&s->sign, (const struct span[]){
		span_of(ALGORITHM), span_of("\n"), span_of(date),
		span_of("\n") }, 4, err) != 0 ||
	    add(&s->sign, scope, nscope, err) != 0 ||
	    add(&s->sign, (const struct span[]){
		span_of("\n"), span_of(hex) }, 2, err) != 0)
		return -1;
	sha256_hmac((struct span){ s->key, sizeof(s->key) },
		    buf_span(&s->sign), digest);
	to_hex(digest, hex);
	if (add(out, (const struct span[]){
		span_of(ALGORITHM), span_of(" Credential="), s->access_key,
		span_of("/") }, 4, err) != 0 ||
	    add(out, scope, nscope, err) != 0 ||
	    add(out, (const struct span[]){
		span_of(", SignedHeaders="), buf_span(&s->names),
		span_of(", Signature="), span_of(hex) }, 4, err) != 0)
		return -1;
	return canonical == NULL ? 0
		: buf_append(canonical, buf_span(&s->text), err);
}
