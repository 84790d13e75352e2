/*
 * s3_uploads.c - uploads that were begun and never finished, found by
 * ListMultipartUploads and called off.
 *
 * Who is killed cannot abort: the parts stay, cost money, and no listing of
 * objects shows them.
 */
#include <stdlib.h>
#include <string.h>

#include "aws/s3_internal.h"
#include "aws/service.h"
#include "aws/sigv4.h"
#include "base/err.h"
#include "formats/xml.h"

/* What a page says, and where the next one begins. */
struct uploads {
	struct buf list;	/* key, NUL, id, NUL, and so on */
	struct buf key, id;
	struct buf next_key, next_id;
	bool encoded;
	size_t n;
};

static int
end_text(struct buf *b, struct err *err)
{
	return buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err);
}

static int
note(struct uploads *u, struct err *err)
{
	if (u->encoded)
		s3_decode(&u->key);
	if (u->key.len == 0 || u->id.len == 0 ||
	    memchr(u->key.ptr, '\0', u->key.len) != NULL ||
	    memchr(u->id.ptr, '\0', u->id.len) != NULL)
		return err_set(err, ERR_REMOTE, "a listing with an upload that "
			       "is none");
	u->n++;
	return buf_append(&u->list, buf_span(&u->key), err) != 0 ||
	       end_text(&u->list, err) != 0 ||
	       buf_append(&u->list, buf_span(&u->id), err) != 0 ||
	       end_text(&u->list, err) != 0 ? -1 : 0;
}

/* Where the text of an element goes; NULL: nowhere. */
static struct buf *
place_of(struct uploads *u, struct span name, bool within)
{
	if (within && span_is(name, "Key"))
		return &u->key;
	if (within && span_is(name, "UploadId"))
		return &u->id;
	if (!within && span_is(name, "NextKeyMarker"))
		return &u->next_key;
	if (!within && span_is(name, "NextUploadIdMarker"))
		return &u->next_id;
	return NULL;
}

static int
read_page(struct uploads *u, struct span text, struct err *err)
{
	struct buf word = { 0 }, *to = NULL;
	struct span s;
	struct xml x;
	enum xml_event e;
	bool within = false;
	int rc;

	buf_reset(&u->next_key);
	buf_reset(&u->next_id);
	rc = xml_find(text, "EncodingType", &word, err);
	u->encoded = rc > 0 && strcmp((const char *)word.ptr, "url") == 0;
	rc = rc < 0 ? -1 : 0;
	xml_start(&x, text);
	while (rc == 0 && (e = xml_next(&x, &s, err)) != XML_END) {
		if (e == XML_BAD)
			rc = -1;
		if (e == XML_TEXT && to != NULL)
			rc = xml_unescape(s, to, err);
		if (e == XML_OPEN)
			to = place_of(u, s, within);
		if (e == XML_CLOSE)
			to = NULL;
		if (rc != 0 || e == XML_TEXT || !span_is(s, "Upload"))
			continue;
		within = e == XML_OPEN;
		if (e == XML_CLOSE)
			rc = note(u, err);
		buf_reset(&u->key);
		buf_reset(&u->id);
	}
	/* Of the last page some say where it ends. */
	buf_reset(&word);
	if (rc == 0)
		rc = xml_find(text, "IsTruncated", &word, err);
	if (rc > 0 && strcmp((const char *)word.ptr, "true") != 0)
		buf_reset(&u->next_key);
	buf_free(&word);
	if (rc >= 0 && u->encoded)
		s3_decode(&u->next_key);
	return rc < 0 ? -1 : 0;
}

static int
ask_page(struct s3_way *way, struct uploads *u, const char *prefix,
	 struct service_call *c, struct err *err)
{
	struct sigv4_param params[5] = {
		{ span_of("uploads"), span_of("") },
		{ span_of("encoding-type"), span_of("url") },
		{ span_of("prefix"), span_of(prefix) },
	};
	struct buf query = { 0 };
	size_t n = 3;
	int rc = -1;

	if (u->next_key.len > 0) {
		params[n++] = (struct sigv4_param){ span_of("key-marker"),
						    buf_span(&u->next_key) };
		params[n++] = (struct sigv4_param){
			span_of("upload-id-marker"), buf_span(&u->next_id) };
	}
	if (sigv4_query(params, n, &query, err) == 0 &&
	    end_text(&query, err) == 0) {
		c->path = service_is_custom(way->service) ? "" : "/";
		c->query = (const char *)query.ptr;
		rc = service_ask(way->service, c, err);
	}
	c->query = NULL;
	buf_free(&query);
	return rc;
}

static int
call_off(struct s3_way *way, const char *key, const char *id, struct err *err)
{
	struct service_call c = { .http = { .method = "DELETE" } };
	struct buf query = { 0 };
	int rc = -1;

	if (s3_key_path(key, &way->path, err) == 0 &&
	    sigv4_query(&(struct sigv4_param){ span_of("uploadId"),
					       span_of(id) }, 1, &query,
			err) == 0 && end_text(&query, err) == 0) {
		c.path = (const char *)way->path.ptr;
		c.query = (const char *)query.ptr;
		rc = service_ask(way->service, &c, err);
		/* It was finished or called off meanwhile. */
		if (rc != 0 && strcmp(c.code, "NoSuchUpload") == 0)
			rc = 0;
	}
	service_call_free(&c);
	buf_free(&query);
	return rc;
}

static int
call_off_all(struct s3_way *way, const struct uploads *u, struct err *err)
{
	const char *at = (const char *)u->list.ptr;

	for (size_t i = 0; i < u->n; i++) {
		const char *const id = at + strlen(at) + 1;

		if (call_off(way, at, id, err) != 0)
			return -1;
		at = id + strlen(id) + 1;
	}
	return 0;
}

int
s3_abort_uploads(struct s3 *s, const char *path, size_t *n, struct err *err)
{
	struct service_call c = { .http = { .method = "GET" } };
	struct s3_way way = { 0 };
	struct uploads u = { 0 };
	struct span bucket;
	const char *prefix;
	bool unlisted = false;
	int rc = s3_split(path, &bucket, &prefix, err);

	*n = 0;
	if (rc == 0)
		rc = s3_open_way(s, path, &way, err);
	do {
		if (rc == 0)
			rc = ask_page(&way, &u, prefix, &c, err);
		/* Some services know no such call. */
		unlisted = rc != 0 && (c.http.status == 501 ||
				       c.http.status == 405);
		if (rc == 0)
			rc = read_page(&u, buf_span(&c.http.answer), err);
	} while (rc == 0 && u.next_key.len > 0);
	if (rc == 0)
		rc = call_off_all(&way, &u, err);
	if (rc == 0)
		*n = u.n;
	else
		err_at(err, "%s", path);
	s3_close_way(&way);
	service_call_free(&c);
	buf_free(&u.list);
	buf_free(&u.key);
	buf_free(&u.id);
	buf_free(&u.next_key);
	buf_free(&u.next_id);
	return unlisted ? 1 : rc;
}
