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

enum { DRIVE_MS = 200 };

struct scan {
	struct service *service;
	struct scan_options o;
	char *table;
	struct service_call call;	/* of the next page */
	struct buf body;
	bool asked;			/* it is under way */
	bool last;			/* there is no next page */
	struct buf page;		/* that is read */
	double units;			/* that it took */
};

/* Ask for the page behind `start`, or for the first. */
static int
ask(struct scan *s, struct span start, struct err *err)
{
	struct jsonwrite w;

	if (s->o.pace != NULL && s->o.pace(s->o.context, s->units, err) != 0)
		return -1;
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
	if (s->o.pace != NULL) {
		jsonwrite_name(&w, "ReturnConsumedCapacity");
		jsonwrite_text(&w, "TOTAL");
	}
	if (start.ptr != NULL) {
		jsonwrite_name(&w, "ExclusiveStartKey");
		jsonwrite_raw(&w, start);
	}
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) != 0)
		return -1;
	dynamodb_prepare(&s->call, "Scan", buf_span(&s->body));
	s->asked = true;
	return service_send(s->service, &s->call, err);
}

/* The read units that an answer says it took. */
static double
units_of(struct span answer)
{
	const struct span part = jsonraw_member(answer, "ConsumedCapacity");
	const struct span n = part.ptr == NULL ? part
		: jsonraw_member(part, "CapacityUnits");
	char text[32];

	snprintf(text, sizeof(text), "%.*s", (int)n.len, (const char *)n.ptr);
	return strtod(text, NULL);
}

int
scan_next(struct scan *s, struct scan_page *page, struct err *err)
{
	struct service_call *done = NULL;

	if (s->last)
		return 0;
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
	if (buf_append(&s->page, buf_span(&done->http.answer), err) != 0 ||
	    buf_append(&s->page, span_of("\n"), err) != 0)
		return -1;
	*page = (struct scan_page){
		.text = buf_span(&s->page),
		.next = jsonraw_member(buf_span(&s->page), "LastEvaluatedKey"),
	};
	/* None, {}, null. */
	s->last = page->next.len <= 2 || page->next.ptr[0] != '{';
	if (s->last)
		page->next.ptr = NULL;
	s->units = s->o.pace != NULL ? units_of(page->text) : 0;
	page->units = s->units;
	return s->last || ask(s, page->next, err) == 0 ? 1 : -1;
}

void
scan_close(struct scan *s)
{
	if (s == NULL)
		return;
	if (s->service != NULL && s->asked)
		service_stop(s->service, &s->call);
	service_call_free(&s->call);
	service_close(s->service);
	buf_free(&s->body);
	buf_free(&s->page);
	free(s->table);
	free(s);
}

struct scan *
scan_open(struct side *side, const struct scan_options *o, struct err *err)
{
	struct scan *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->o = *o;
	s->table = strdup(o->table);
	if (s->table == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else if ((s->service = dynamodb_open(side, err)) != NULL &&
		 ask(s, o->start, err) == 0)
		return s;
	scan_close(s);
	return NULL;
}

/* ---- as a feed ----------------------------------------------------------- */

struct scan_feed {
	struct feed feed;
	struct scan *scan;
	struct scan_page page;
	size_t at;
};

static ssize_t
read_scan(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct scan_feed *const f = (struct scan_feed *)feed;

	if (f->at == f->page.text.len) {
		const int rc = scan_next(f->scan, &f->page, err);

		f->at = 0;
		if (rc <= 0) {
			f->page.text.len = 0;
			return rc;
		}
	}
	if (n > f->page.text.len - f->at)
		n = f->page.text.len - f->at;
	memcpy(to, f->page.text.ptr + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static void
close_scan(struct feed *feed)
{
	scan_close(((struct scan_feed *)feed)->scan);
	free(feed);
}

struct feed *
scan_feed(struct side *side, const struct scan_options *o, struct err *err)
{
	struct scan_feed *const f = calloc(1, sizeof(*f));

	if (f == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	f->feed = (struct feed){ .read = read_scan, .close = close_scan };
	f->scan = scan_open(side, o, err);
	if (f->scan != NULL)
		return &f->feed;
	free(f);
	return NULL;
}
