#include "io/archive_feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "formats/members.h"
#include "io/feed.h"

static struct members_limits usual;

struct archive_stream {
	struct archive_place place;
	char *path, *etag;		/* its texts */
	struct members *members;	/* NULL: not open */
	uint64_t next;			/* number of the next file */
};

struct archived {
	struct feed feed;
	struct archive_stream *stream;
	bool own;			/* the stream is its own */
};

void
archive_feed_limit(const struct members_limits *limits)
{
	usual = *limits;
}

/* ---- archives that are no files on disk ---------------------------------- */

static ssize_t
read_packed(void *context, uint8_t *to, size_t n, struct err *err)
{
	struct feed *const f = context;

	return f->read(f, to, n, err);
}

static int64_t
seek_packed(void *context, int64_t to, int whence, struct err *err)
{
	struct feed *const f = context;

	return f->seek(f, to, whence, err);
}

static void
close_packed(void *context)
{
	struct feed *const f = context;

	f->close(f);
}

struct members *
archive_members(const struct archive_place *p, struct err *err)
{
	struct members_input in = {
		.read = read_packed, .seek = seek_packed,
		.close = close_packed,
	};

	if (p->open == NULL)
		return members_open(p->path, &usual, err);
	in.context = p->open(p->path, p->etag, err);
	return in.context == NULL ? NULL
		: members_open_input(&in, &usual, err);
}

/* ---- streams ------------------------------------------------------------- */

static char *
copy(const char *text, struct err *err)
{
	char *const s = strdup(text);

	if (s == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	return s;
}

struct archive_stream *
archive_stream_new(const struct archive_place *p, struct err *err)
{
	struct archive_stream *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->path = copy(p->path, err);
	s->etag = copy(p->etag == NULL ? "" : p->etag, err);
	s->place = (struct archive_place){ s->path, s->etag, p->open };
	if (s->path != NULL && s->etag != NULL)
		return s;
	archive_stream_free(s);
	return NULL;
}

void
archive_stream_free(struct archive_stream *s)
{
	if (s == NULL)
		return;
	members_close(s->members);
	free(s->path);
	free(s->etag);
	free(s);
}

bool
archive_stream_is(const struct archive_stream *s,
		  const struct archive_place *p)
{
	return strcmp(s->path, p->path) == 0 &&
	       strcmp(s->etag, p->etag == NULL ? "" : p->etag) == 0;
}

static ssize_t
read_file(struct feed *f, uint8_t *to, size_t n, struct err *err)
{
	const struct archived *const a = (const struct archived *)f;

	return members_read(a->stream->members, to, n, err);
}

static void
close_file(struct feed *f)
{
	struct archived *const a = (struct archived *)f;

	if (a->own)
		archive_stream_free(a->stream);
	free(a);
}

static struct feed *
new_feed(struct archive_stream *s, bool own, struct err *err)
{
	struct archived *const a = calloc(1, sizeof(*a));

	if (a == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	a->feed.read = read_file;
	a->feed.close = close_file;
	a->stream = s;
	a->own = own;
	return &a->feed;
}

/*
 * Step to the file with that number, or that name if it is not NULL.  Returns 0
 * or -1.
 */
static int
step_to(struct archive_stream *s, uint64_t number, const char *name,
	struct err *err)
{
	struct member m;
	int rc;

	if (s->members == NULL || number < s->next) {
		members_close(s->members);
		s->members = archive_members(&s->place, err);
		s->next = 0;
	}
	if (s->members == NULL)
		return -1;
	while ((rc = members_next(s->members, &m, err)) > 0) {
		s->next = m.number + 1;
		if (name != NULL ? strcmp(m.name, name) == 0
				 : m.number == number)
			return 0;
	}
	return rc < 0 ? -1 : err_set(err, ERR_INPUT, "the archive holds no "
				     "such file any more");
}

struct feed *
archive_stream_feed(struct archive_stream *s, uint64_t number,
		    struct err *err)
{
	return step_to(s, number, NULL, err) == 0 ? new_feed(s, false, err)
						  : NULL;
}

struct feed *
archive_feed(const struct archive_place *p, const char *name, struct err *err)
{
	struct archive_stream *const s = archive_stream_new(p, err);
	struct feed *f = NULL;

	if (s != NULL && step_to(s, 0, name, err) == 0)
		f = new_feed(s, true, err);
	if (f == NULL)
		archive_stream_free(s);
	return f;
}
