/*
 * backup_segment.c - a segment of a table, page by page into files of some tens
 * of megabytes.  Items stay as the service writes them.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aws/http.h"
#include "aws/scan.h"
#include "aws/side.h"
#include "base/arena.h"
#include "base/err.h"
#include "engine/backup_internal.h"
#include "engine/journal.h"
#include "formats/formats.h"
#include "formats/jsonraw.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"

enum {
	PART_LEN = 16 * 1024 * 1024,	/* of text in a file, about */
	ENOUGH_TEXT = 256 * 1024,	/* for the packer */
	SLICE_MS = 200,
};

/* A segment under way. */
struct segment {
	struct backup *b;
	struct backup_job *t;
	unsigned number;
	uint32_t part;
	char path[400];		/* of the file, below the folder */
	struct sink *sink;	/* NULL: no item of this part yet */
	struct buf text;
	uint64_t items, len;	/* of this part */
};

/* ---- as fast as may be --------------------------------------------------- */

/* Wait until the last page is paid for. */
static int
pace(void *context, double units, struct err *err)
{
	struct backup *const b = context;
	const double rate = (double)b->o.max_rcu;
	double wait_ms;

	do {
		const uint64_t now = http_clock();

		pthread_mutex_lock(&b->lock);
		if (b->tokens_at == 0)
			b->tokens_at = now;
		b->tokens += (double)(now - b->tokens_at) * rate / 1000;
		if (b->tokens > rate)
			b->tokens = rate;	/* what was not used is gone */
		b->tokens_at = now;
		b->tokens -= units;
		units = 0;
		wait_ms = b->tokens >= 0 ? 0 : -b->tokens * 1000 / rate;
		pthread_mutex_unlock(&b->lock);
		if (side_is_cancelled(b->side))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (wait_ms > SLICE_MS)
			wait_ms = SLICE_MS;
		if (wait_ms > 0)
			nanosleep(&(struct timespec){ 0,
				  (long)(wait_ms * 1000000) }, NULL);
	} while (wait_ms > 0);
	return 0;
}

/* ---- items --------------------------------------------------------------- */

static int
pass_on(struct segment *s, struct err *err)
{
	if (s->sink == NULL) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", s->b->o.dir, s->path);
		s->sink = sink_open(file_drain(path, err),
				    byte_format_named("gzip"), 0, true, err);
		if (s->sink == NULL)
			return -1;
	}
	if (sink_write(s->sink, buf_span(&s->text), err) != 0)
		return -1;
	s->len += s->text.len;
	buf_reset(&s->text);
	return 0;
}

/* An item as it stands; what is a line end in it is no part of a text. */
static int
add_item(struct segment *s, struct span item, struct err *err)
{
	const size_t at = s->text.len + strlen("{\"Item\":");

	if (item.len < 2 || item.ptr[0] != '{')
		return err_set(err, ERR_REMOTE, "Scan gives an item that is "
			       "none");
	if (buf_append(&s->text, span_of("{\"Item\":"), err) != 0 ||
	    buf_append(&s->text, item, err) != 0)
		return -1;
	if (memchr(item.ptr, '\n', item.len) != NULL)
		for (size_t i = at; i < s->text.len; i++)
			if (s->text.ptr[i] == '\n' || s->text.ptr[i] == '\r')
				s->text.ptr[i] = ' ';
	if (buf_append(&s->text, span_of("}\n"), err) != 0)
		return -1;
	s->items++;
	return s->text.len < ENOUGH_TEXT ? 0 : pass_on(s, err);
}

static int
add_page(struct segment *s, struct span page, struct err *err)
{
	const struct span list = jsonraw_member(page, "Items");
	const uint64_t items = s->items, len = s->len + s->text.len;
	struct span item;
	size_t at = 0;

	if (list.ptr == NULL || list.ptr[0] != '[')
		return err_set(err, ERR_REMOTE, "Scan gives no 'Items'");
	while ((item = jsonraw_next(list, &at)).ptr != NULL)
		if (add_item(s, item, err) != 0)
			return -1;
	atomic_fetch_add(&s->t->items, s->items - items);
	atomic_fetch_add(&s->t->len, s->len + s->text.len - len);
	if (s->b->o.watch != NULL)
		s->b->o.watch(s->b->o.context, s->b);
	return 0;
}

/* ---- files --------------------------------------------------------------- */

static void
begin_part(struct segment *s)
{
	char path[PATH_MAX];

	s->items = s->len = 0;
	snprintf(s->path, sizeof(s->path), "%s/data/%05u-%05u.json.gz",
		 s->t->shown.name, s->number, s->part);
	/* One that no record is of, if there is one. */
	snprintf(path, sizeof(path), "%s/%s", s->b->o.dir, s->path);
	unlink(path);
}

/* The part ends here; the next one begins behind `next`. */
static int
end_part(struct segment *s, struct span next, struct err *err)
{
	struct journal_file f = {
		.kind = JOURNAL_OUT, .path = span_of(s->path),
		.items = s->items,
	};
	struct sink_stats stats;
	size_t nfiles = 0;

	if (s->text.len > 0 && pass_on(s, err) != 0)
		return -1;
	if (s->sink != NULL) {
		if (sink_commit(s->sink, &stats, err) != 0)
			return -1;
		sink_close(s->sink);
		s->sink = NULL;
		f.size = stats.packed_len;
		f.xxh3 = stats.xxh3;
		f.plain_len = stats.plain_len;
		memcpy(f.md5, stats.md5, sizeof(f.md5));
		nfiles = 1;
	}
	if (journal_add(s->t->journal, &(struct journal_unit){
		.unit = s->part * s->t->shown.segments + s->number,
		.files = &f, .nfiles = nfiles, .extra = next,
	}, err) != 0)
		return -1;
	s->part++;
	begin_part(s);
	return 0;
}

/* Behind what is there; 1, or 0 if that is all. */
static int
find_start(struct segment *s, struct arena *mem, struct span *start,
	   struct err *err)
{
	const struct journal_unit *u;

	*start = (struct span){ NULL, 0 };
	while ((u = journal_unit(s->t->journal, s->part *
				 s->t->shown.segments + s->number)) != NULL) {
		if (u->extra.len == 0)
			return 0;
		*start = u->extra;
		s->part++;
	}
	if (start->ptr == NULL)
		return 1;
	*start = arena_copy(mem, *start, err);
	return start->ptr == NULL ? -1 : 1;
}

int
backup_segment(struct backup *b, struct backup_job *t, unsigned number,
	       struct err *err)
{
	struct segment s = { .b = b, .t = t, .number = number };
	struct scan_options o = {
		.table = t->shown.name, .segment = number,
		.nsegments = t->shown.segments,
		.consistent = b->o.consistent,
		.pace = b->o.max_rcu > 0 ? pace : NULL, .context = b,
	};
	struct arena mem = { 0 };
	struct scan_page page;
	struct scan *scan = NULL;
	int rc = find_start(&s, &mem, &o.start, err);

	if (rc > 0) {
		begin_part(&s);
		scan = scan_open(b->side, &o, err);
		rc = scan == NULL ? -1 : 1;
	}
	while (rc > 0 && (rc = scan_next(scan, &page, err)) > 0) {
		if (add_page(&s, page.text, err) != 0)
			rc = -1;
		else if ((page.next.ptr == NULL || s.len >= PART_LEN) &&
			 end_part(&s, page.next, err) != 0)
			rc = -1;
	}
	scan_close(scan);
	sink_close(s.sink);
	buf_free(&s.text);
	arena_free(&mem);
	return rc;
}
