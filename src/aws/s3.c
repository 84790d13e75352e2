#include "aws/s3.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3_internal.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/sigv4.h"
#include "base/err.h"
#include "formats/xml.h"

enum {
	NAME_LEN = 64,		/* of a bucket, and a NUL */
	REGION_LEN = 48,
	MOST_IDLE = 64,
};

struct s3_bucket {
	char name[NAME_LEN];
	char region[REGION_LEN];
	char host[NAME_LEN];	/* in front of AWS's; "" if it is no host name */
	char path[NAME_LEN + 1];	/* elsewhere */
	bool located;
	struct service *idle[MOST_IDLE];
	size_t nidle;
	struct s3_bucket *next;
};

struct s3 {
	struct side *side;
	pthread_mutex_t lock;
	struct s3_bucket *buckets;
	atomic_bool conditions;		/* it was seen to know of them */
};

struct s3 *
s3_new(struct side *side, struct err *err)
{
	struct s3 *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->side = side;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void
close_idle(struct s3_bucket *b)
{
	while (b->nidle > 0)
		service_close(b->idle[--b->nidle]);
}

void
s3_free(struct s3 *s)
{
	if (s == NULL)
		return;
	while (s->buckets != NULL) {
		struct s3_bucket *const b = s->buckets;

		s->buckets = b->next;
		close_idle(b);
		free(b);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int
s3_split(const char *path, struct span *bucket, const char **key,
	 struct err *err)
{
	const char *const name = path + strlen("s3://");
	size_t n;

	if (strncmp(path, "s3://", 5) != 0)
		return err_set(err, ERR_USAGE, "'%s' is not s3://BUCKET/KEY",
			       path);
	n = strcspn(name, "/");
	if (n < 3 || n >= NAME_LEN ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < n || name[0] == '.')
		return err_set(err, ERR_USAGE, "'%s': '%.*s' is no name of a "
			       "bucket", path, (int)n, name);
	*bucket = (struct span){ (const uint8_t *)name, n };
	*key = name + n + (name[n] == '/');
	return 0;
}

/* ---- buckets ------------------------------------------------------------- */

/* A label of a host name; TLS certificates of AWS have no dots there. */
static bool
is_label(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
	       strlen(name) && name[0] != '-' && name[strlen(name) - 1] != '-';
}

static struct s3_bucket *
find(struct s3 *s, struct span name, struct err *err)
{
	struct s3_bucket *b = s->buckets;
	struct err unknown = { 0 };
	const char *const region = side_region(s->side, &unknown);

	while (b != NULL && !span_is(name, b->name))
		b = b->next;
	if (b != NULL)
		return b;
	b = calloc(1, sizeof(*b));
	if (b == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	snprintf(b->name, sizeof(b->name), "%.*s", (int)name.len,
		 (const char *)name.ptr);
	if (is_label(b->name))
		memcpy(b->host, b->name, sizeof(b->host));
	snprintf(b->path, sizeof(b->path), "/%s", b->name);
	snprintf(b->region, sizeof(b->region), "%s", region == NULL
		 ? "us-east-1" : region);
	b->next = s->buckets;
	s->buckets = b;
	return b;
}

static struct service *
connect_to(struct s3 *s, const struct s3_bucket *b, struct err *err)
{
	const bool label = b->host[0] != '\0';

	return service_open(s->side, &(struct service_options){
		.name = "s3", .region = b->region,
		.host_prefix = label ? b->host : NULL,
		.path_prefix = b->path,
		.always_path = !label,
	}, err);
}

/*
 * Which region is it in?  AWS says so in a header of nearly every answer, also
 * of those that refuse.
 */
static int
locate(struct s3 *s, struct s3_bucket *b, struct service **service,
       struct err *err)
{
	struct service_call c = {
		.http = { .method = "HEAD" }, .path = "/", .attempts = 3,
	};
	struct err ignored = { 0 };
	struct span region;

	if (service_is_custom(*service)) {
		b->located = true;
		return 0;
	}
	if (service_ask(*service, &c, &ignored) != 0 &&
	    ignored.code == ERR_CANCELLED) {
		*err = ignored;
		return -1;
	}
	region = http_field(&c.http, "x-amz-bucket-region");
	b->located = true;
	if (region.len > 0 && region.len < REGION_LEN &&
	    !span_is(region, b->region)) {
		memcpy(b->region, region.ptr, region.len);
		b->region[region.len] = '\0';
		service_close(*service);
		*service = connect_to(s, b, err);
	}
	service_call_free(&c);
	return *service == NULL ? -1 : 0;
}

struct service *
s3_take(struct s3 *s, struct span bucket, struct s3_bucket **which,
	struct err *err)
{
	struct service *service = NULL;
	struct s3_bucket *b;

	pthread_mutex_lock(&s->lock);
	b = find(s, bucket, err);
	if (b != NULL && b->nidle > 0) {
		service = b->idle[--b->nidle];
	} else if (b != NULL) {
		service = connect_to(s, b, err);
		if (service != NULL && !b->located &&
		    locate(s, b, &service, err) != 0) {
			service_close(service);
			service = NULL;
		}
	}
	pthread_mutex_unlock(&s->lock);
	*which = b;
	return service;
}

void
s3_give(struct s3 *s, struct s3_bucket *b, struct service *service)
{
	pthread_mutex_lock(&s->lock);
	if (b->nidle < MOST_IDLE) {
		b->idle[b->nidle++] = service;
		service = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	service_close(service);
}

/* ---- one request -------------------------------------------------------- */

int
s3_key_path(const char *key, struct buf *out, struct err *err)
{
	buf_reset(out);
	if (buf_append(out, span_of("/"), err) != 0 ||
	    sigv4_encode(span_of(key), true, out, err) != 0)
		return -1;
	return buf_append(out, (struct span){ (const uint8_t *)"", 1 }, err);
}

int
s3_open_way(struct s3 *s, const char *path, struct s3_way *way,
	    struct err *err)
{
	struct span bucket;
	const char *key;

	*way = (struct s3_way){ .s3 = s };
	if (s3_split(path, &bucket, &key, err) != 0 ||
	    s3_key_path(key, &way->path, err) != 0)
		return -1;
	way->service = s3_take(s, bucket, &way->bucket, err);
	return way->service == NULL ? -1 : 0;
}

void
s3_close_way(struct s3_way *way)
{
	if (way->service != NULL)
		s3_give(way->s3, way->bucket, way->service);
	buf_free(&way->path);
	way->service = NULL;
}

static int
ask(struct s3 *s, const char *path, struct service_call *c, struct err *err)
{
	struct s3_way way = { 0 };
	int rc = s3_open_way(s, path, &way, err);

	if (rc == 0) {
		c->path = (const char *)way.path.ptr;
		rc = service_ask(way.service, c, err);
	}
	s3_close_way(&way);
	return rc == 0 ? 0 : err_at(err, "%s", path);
}

int
s3_load(struct s3 *s, const char *path, size_t limit, struct buf *out,
	struct err *err)
{
	struct service_call c = {
		.http = { .method = "GET", .limit = limit },
	};
	int rc = ask(s, path, &c, err);

	if (rc == 0)
		rc = buf_append(out, buf_span(&c.http.answer), err);
	service_call_free(&c);
	return rc;
}

int
s3_head(struct service *service, const char *path, uint64_t *len,
	struct err *err)
{
	struct service_call c = { .http = { .method = "HEAD" }, .path = path };
	int rc = service_ask(service, &c, err);
	struct span text;

	if (rc != 0 && c.http.status == 404)
		rc = 1;
	text = http_field(&c.http, "content-length");
	*len = rc == 0 && text.ptr != NULL
		? strtoull((const char *)text.ptr, NULL, 10) : 0;
	service_call_free(&c);
	return rc < 0 ? -1 : rc == 0;
}

int
s3_look(struct s3 *s, const char *path, uint64_t *len, struct err *err)
{
	struct s3_way way = { 0 };
	int rc = s3_open_way(s, path, &way, err);

	if (rc == 0)
		rc = s3_head(way.service, (const char *)way.path.ptr, len,
			     err);
	s3_close_way(&way);
	return rc < 0 ? err_at(err, "%s", path) : rc;
}

int
s3_save(struct s3 *s, const char *path, struct span bytes, struct err *err)
{
	struct service_call c = {
		.http = { .method = "PUT", .body = bytes },
	};
	const int rc = ask(s, path, &c, err);

	service_call_free(&c);
	return rc;
}

int
s3_save_new(struct s3 *s, const char *path, struct span bytes,
	    struct err *err)
{
	struct service_call c = {
		.http = { .method = "PUT", .body = bytes },
		.headers = { { "if-none-match", span_of("*") } },
		.nheaders = 1,
	};
	int rc = ask(s, path, &c, err) == 0 ? 1 : -1;
	const int status = c.http.status;

	service_call_free(&c);
	/* 409: another such request is under way. */
	if (rc < 0 && (status == 412 || status == 409))
		rc = 0;
	/* Some say that they do not know the header. */
	if (rc < 0 && status == 501)
		rc = s3_save(s, path, bytes, err) == 0 ? 1 : -1;
	return rc;
}

bool
s3_knows_conditions(struct s3 *s)
{
	return atomic_load(&s->conditions);
}

void
s3_note_conditions(struct s3 *s)
{
	atomic_store(&s->conditions, true);
}

int
s3_remove(struct s3 *s, const char *path, struct err *err)
{
	struct service_call c = { .http = { .method = "DELETE" } };
	const int rc = ask(s, path, &c, err);

	service_call_free(&c);
	return rc;
}

/* ---- listings ----------------------------------------------------------- */

/* What a page says, and whether there is another. */
struct page {
	struct buf key, len, etag, token;
	bool more, encoded;
	size_t n, most;
	int (*each)(void *context, const struct s3_object *o, struct err *err);
	void *context;
};

void
s3_decode(struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++) {
		const uint8_t c = b->ptr[i];

		if (c == '%' && i + 2 < b->len && isxdigit(b->ptr[i + 1]) &&
		    isxdigit(b->ptr[i + 2])) {
			const char hex[3] = { (char)b->ptr[i + 1],
					      (char)b->ptr[i + 2], '\0' };

			b->ptr[n++] = (uint8_t)strtoul(hex, NULL, 16);
			i += 2;
		} else {
			b->ptr[n++] = c == '+' ? ' ' : c;
		}
	}
	b->len = n;
}

static const char *
as_text(struct buf *b, struct err *err)
{
	uint8_t *const end = buf_reserve(b, 1, err);

	if (end == NULL)
		return NULL;
	*end = '\0';
	return (const char *)b->ptr;
}

static int
take_object(struct page *p, struct err *err)
{
	struct s3_object o;

	if (p->encoded)
		s3_decode(&p->key);
	if (p->key.len == 0 || memchr(p->key.ptr, '\0', p->key.len) != NULL)
		return err_set(err, ERR_REMOTE, "a listing with a key that is "
			       "none");
	o.key = as_text(&p->key, err);
	o.etag = as_text(&p->etag, err);
	if (o.key == NULL || o.etag == NULL || as_text(&p->len, err) == NULL)
		return -1;
	o.len = strtoull((const char *)p->len.ptr, NULL, 10);
	p->n++;
	return p->each(p->context, &o, err);
}

/* Where the text of an element goes; NULL: nowhere. */
static struct buf *
place_of(struct page *p, struct span name, bool within)
{
	if (within && span_is(name, "Key"))
		return &p->key;
	if (within && span_is(name, "Size"))
		return &p->len;
	if (within && span_is(name, "ETag"))
		return &p->etag;
	if (!within && span_is(name, "NextContinuationToken"))
		return &p->token;
	return NULL;
}

static int
read_page(struct page *p, struct span text, struct err *err)
{
	struct buf *to = NULL;
	struct span s;
	struct xml x;
	enum xml_event e;
	bool within = false;	/* a Contents */
	int rc;

	buf_reset(&p->key);
	rc = xml_find(text, "EncodingType", &p->key, err);
	if (rc < 0)
		return -1;
	p->encoded = rc > 0 && strcmp((const char *)p->key.ptr, "url") == 0;
	rc = 0;
	buf_reset(&p->key);
	xml_start(&x, text);
	buf_reset(&p->token);
	while (rc == 0 && (e = xml_next(&x, &s, err)) != XML_END) {
		if (e == XML_BAD)
			return -1;
		if (e == XML_TEXT && to != NULL)
			rc = xml_unescape(s, to, err);
		if (e == XML_OPEN)
			to = place_of(p, s, within);
		if (e == XML_CLOSE)
			to = NULL;
		if (!span_is(s, "Contents"))
			continue;
		within = e == XML_OPEN;
		if (e == XML_CLOSE && (p->most == 0 || p->n < p->most))
			rc = take_object(p, err);
		buf_reset(&p->key);
		buf_reset(&p->len);
		buf_reset(&p->etag);
	}
	p->more = p->token.len > 0 && (p->most == 0 || p->n < p->most);
	return rc;
}

static int
ask_page(struct service *service, struct page *p, const char *prefix,
	 struct buf *query, struct service_call *c, struct err *err)
{
	struct sigv4_param params[5] = {
		{ span_of("list-type"), span_of("2") },
		{ span_of("encoding-type"), span_of("url") },
		{ span_of("prefix"), span_of(prefix) },
	};
	char most[16];
	size_t n = 3;

	snprintf(most, sizeof(most), "%zu", p->most);
	if (p->most > 0 && p->most < 1000)
		params[n++] = (struct sigv4_param){ span_of("max-keys"),
						    span_of(most) };
	if (p->token.len > 0)
		params[n++] = (struct sigv4_param){
			span_of("continuation-token"), buf_span(&p->token) };
	buf_reset(query);
	if (sigv4_query(params, n, query, err) != 0 ||
	    as_text(query, err) == NULL)
		return -1;
	c->path = service_is_custom(service) ? "" : "/";
	c->query = (const char *)query->ptr;
	return service_ask(service, c, err);
}

int
s3_list(struct s3 *s, const char *path, size_t most,
	int (*each)(void *context, const struct s3_object *o,
		    struct err *err),
	void *context, struct err *err)
{
	struct page p = {
		.more = true, .most = most, .each = each, .context = context,
	};
	struct service_call c = { .http = { .method = "GET" } };
	struct buf query = { 0 };
	struct s3_way way = { 0 };
	struct span bucket;
	const char *prefix;
	int rc = s3_split(path, &bucket, &prefix, err);

	if (rc == 0)
		rc = s3_open_way(s, path, &way, err);
	while (rc == 0 && p.more) {
		rc = ask_page(way.service, &p, prefix, &query, &c, err);
		if (rc == 0)
			rc = read_page(&p, buf_span(&c.http.answer), err);
	}
	if (rc < 0)
		err_at(err, "%s", path);
	s3_close_way(&way);
	service_call_free(&c);
	buf_free(&query);
	buf_free(&p.key);
	buf_free(&p.len);
	buf_free(&p.etag);
	buf_free(&p.token);
	return rc;
}
