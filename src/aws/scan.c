#include "aws/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/jsonwrite.h"
#include "io/feed.h"

enum { DRIVE_MS = 200, PATIENCE = 100 };

struct scan {
	struct feed feed;
	struct service *service;
	struct scan_options o;
	char *table;
	struct service_call call;	/* of the next page */
	struct buf body;
	bool asked;			/* it is under way */
	bool last;			/* there is no next page */
	struct buf page;		/* that is read */
	size_t at;
};

/* ---- the key to go on with ---------------------------------------------- */

/* The end of the string that begins at `at`, behind its quote; 0: none. */
static size_t
skip_string(struct span s, size_t at)
{
	for (at++; at < s.len; at++) {
		if (s.ptr[at] == '\\')
			at++;
		else if (s.ptr[at] == '"')
			return at + 1;
	}
	return 0;
}

/* The end of the value that begins at `at`; 0 if it does not end. */
static size_t
skip_value(struct span s, size_t at)
{
	unsigned depth = 0;

	while (at < s.len) {
		const uint8_t c = s.ptr[at];

		if (c == '"') {
			at = skip_string(s, at);
			if (at == 0 || depth == 0)
				return at;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']' || c == ',') && depth == 0)
			return at;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return 0;
}

static size_t
skip_space(struct span s, size_t at)
{
	while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\n' ||
			      s.ptr[at] == '\r' || s.ptr[at] == '\t'))
		at++;
	return at;
}

/* The value called `name` of the object, as it stands; .ptr NULL: none. */
static struct span
member(struct span s, const char *name)
{
	size_t at = skip_space(s, 0) + 1;	/* behind the brace */

	while (at > 0 && at < s.len) {
		at = skip_space(s, at);
		if (at >= s.len || s.ptr[at] != '"')
			break;
		const size_t end = skip_string(s, at);
		if (end == 0)
			break;
		const struct span key = { s.ptr + at + 1, end - at - 2 };
		const size_t value = skip_space(s, skip_space(s, end) + 1);
		at = skip_value(s, value);
		if (at > 0 && span_is(key, name))
			return (struct span){ s.ptr + value, at - value };
		if (at > 0)
			at = skip_space(s, at) + 1;	/* the comma */
	}
	return (struct span){ NULL, 0 };
}

/* ---- pages -------------------------------------------------------------- */

/* Ask for the page behind `start`, or for the first. */
static int
ask(struct scan *s, struct span start, struct err *err)
{
	struct jsonwrite w;

	buf_reset(&s->body);
	jsonwrite_start(&w, &s->body, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "TableName");
	jsonwrite_text(&w, s->table);
	if (s->o.nsegments > 1) {
		jsonwrite_name(&w, "Segment");
		jsonwrite_uint(&w, s->o.segment);
		jsonwrite_name(&w, "TotalSegments");
		jsonwrite_uint(&w, s->o.nsegments);
	}
	if (s->o.consistent) {
		jsonwrite_name(&w, "ConsistentRead");
		jsonwrite_bool(&w, true);
	}
	if (start.ptr != NULL) {
		jsonwrite_name(&w, "ExclusiveStartKey");
		jsonwrite_raw(&w, start);
	}
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) != 0)
		return -1;
	dynamodb_prepare(&s->call, "Scan", buf_span(&s->body));
	s->call.attempts = PATIENCE;
	s->asked = true;
	return service_send(s->service, &s->call, err);
}

/* The page that was asked for; then the next is. */
static int
take_page(struct scan *s, struct err *err)
{
	struct service_call *done = NULL;
	struct span next;

	while (done == NULL) {
		if (service_drive(s->service, DRIVE_MS, err) != 0)
			return -1;
		done = service_finished(s->service);
	}
	s->asked = false;
	if (done->why.code != ERR_NONE) {
		*err = done->why;
		return -1;
	}
	buf_reset(&s->page);
	s->at = 0;
	if (buf_append(&s->page, buf_span(&done->http.answer), err) != 0 ||
	    buf_append(&s->page, span_of("\n"), err) != 0)
		return -1;
	next = member(buf_span(&s->page), "LastEvaluatedKey");
	s->last = next.len <= 2 || next.ptr[0] != '{';	/* none, {}, null */
	return s->last ? 0 : ask(s, next, err);
}

static ssize_t
read_scan(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct scan *const s = (struct scan *)feed;

	if (s->at == s->page.len && s->last)
		return 0;
	if (s->at == s->page.len && take_page(s, err) != 0)
		return -1;
	if (n > s->page.len - s->at)
		n = s->page.len - s->at;
	memcpy(to, s->page.ptr + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static void
close_scan(struct feed *feed)
{
	struct scan *const s = (struct scan *)feed;

	if (s->service != NULL && s->asked)
		service_stop(s->service, &s->call);
	service_call_free(&s->call);
	service_close(s->service);
	buf_free(&s->body);
	buf_free(&s->page);
	free(s->table);
	free(s);
}

struct feed *
scan_feed(struct side *side, const struct scan_options *o, struct err *err)
{
	struct scan *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->feed = (struct feed){ read_scan, close_scan };
	s->o = *o;
	s->table = strdup(o->table);
	if (s->table == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else if ((s->service = dynamodb_open(side, err)) != NULL &&
		 ask(s, (struct span){ NULL, 0 }, err) == 0)
		return &s->feed;
	close_scan(&s->feed);
	return NULL;
}
