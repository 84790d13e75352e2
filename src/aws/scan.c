#include "aws/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/jsonraw.h"
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
	next = jsonraw_member(buf_span(&s->page), "LastEvaluatedKey");
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
