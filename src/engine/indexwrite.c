#include "engine/indexwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/plural.h"
#include "io/direct.h"
#include "io/drain.h"
#include "io/file.h"

enum {
	WHOLE_ROOM = (INDEXWRITE_ROOM + DIRECT_ALIGN - 1) / DIRECT_ALIGN *
		     DIRECT_ALIGN,
};

static int
start_stream(struct indexwrite_stream *s, struct drain *drain, int fd,
	     int *direct, uint64_t at, bool large, struct err *err)
{
	*s = (struct indexwrite_stream){ .drain = drain, .fd = fd,
					 .direct = direct, .at = at,
					 .begun = at };
	s->each = large ? INDEXWRITE_LARGE : INDEXWRITE_SMALL;
	/* Up to a multiple of its length in the file: see io/file.c. */
	s->full = s->each - (size_t)(at % s->each);
	keysum_start(&s->sum);
	s->buf = aligned_alloc(DIRECT_ALIGN, s->each + WHOLE_ROOM);
	if (s->buf == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

static int
cannot_write(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "%m%s", errno == ENOSPC
		       ? "; make room and run again" : "");
}

static int
write_at(struct indexwrite_stream *s, struct span left, struct err *err)
{
	const int rc = direct_write(s->direct, left.ptr, left.len, s->at);

	if (rc < 0)
		return cannot_write(err);
	if (rc > 0) {
		s->at += left.len;
		return 0;
	}
	while (left.len > 0) {
		const ssize_t n = pwrite(s->fd, left.ptr, left.len,
					 (off_t)s->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_write(err);
		left.ptr += n;
		left.len -= (size_t)n;
		s->at += (uint64_t)n;
	}
	s->begun = file_begin(s->fd, s->begun, s->at, FILE_BEHIND);
	return 0;
}

/* Send the first `n` bytes that wait on their way. */
int
indexwrite_send(struct indexwrite_stream *s, size_t n, struct err *err)
{
	const struct span now = { s->buf, n };

	keysum_add(&s->sum, now);
	if ((s->drain != NULL ? s->drain->write(s->drain, now, err) :
	     write_at(s, now, err)) != 0)
		return -1;
	s->len -= n;
	memmove(s->buf, s->buf + n, s->len);
	s->full = s->each;
	return 0;
}

static int
flush(struct indexwrite_stream *s, struct err *err)
{
	return indexwrite_send(s, s->len, err);
}

int
indexwrite_ids(struct indexwrite *w, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		uint8_t *const p = indexwrite_room(&w->ids, err);
		const size_t n = bytes.len < INDEXWRITE_ROOM ? bytes.len
							     : INDEXWRITE_ROOM;

		if (p == NULL)
			return -1;
		memcpy(p, bytes.ptr, n);
		bytes.ptr += n;
		bytes.len -= n;
		w->ids.len += n;
		w->ids_len += n;
	}
	return 0;
}

int
indexwrite_start(struct indexwrite *w, const char *folder, const char *name,
		 uint64_t n, bool large, struct err *err)
{
	*w = (struct indexwrite){ .shape = keyindex_layout(n), .fd = -1,
				  .direct = -1 };
	if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
		return err_set(err, ERR_USAGE, "'%s' is no name for an index",
			       name);
	if (asprintf(&w->idx_part, "%s/.%s.idx.part", folder, name) < 0)
		w->idx_part = NULL;
	if (asprintf(&w->idx_path, "%s/%s.idx", folder, name) < 0)
		w->idx_path = NULL;
	if (asprintf(&w->ids_path, "%s/%s.ids", folder, name) < 0)
		w->ids_path = NULL;
	if (w->idx_part == NULL || w->idx_path == NULL || w->ids_path == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	w->drain = file_drain(w->ids_path, err);
	if (w->drain == NULL)
		return -1;
	w->fd = open(w->idx_part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		     0666);
	if (w->fd < 0)
		return err_set(err, ERR_SYSTEM, "%m");
	const bool past = large && w->shape.file_len >= DIRECT_LARGE;
	if (past) {
		w->direct = direct_of(w->fd);
		file_past_cache(w->drain);
	}
	if (start_stream(&w->ids, w->drain, -1, NULL, 0, past, err) != 0 ||
	    start_stream(&w->fan, NULL, w->fd, &w->direct, KEYINDEX_HEADER_LEN,
			 large, err) != 0 ||
	    start_stream(&w->records, NULL, w->fd, &w->direct,
			 w->shape.records_at, large, err) != 0)
		return -1;
	keyids_put_header(w->ids.buf, n);
	w->ids.len = KEYIDS_HEADER_LEN;
	w->ids_len = KEYIDS_HEADER_LEN;
	return 0;
}

int
indexwrite_end_ids(struct indexwrite *w, struct err *err)
{
	return flush(&w->ids, err) != 0 ? -1 : w->drain->commit(w->drain, err);
}

int
indexwrite_end(struct indexwrite *w, struct err *err)
{
	const struct keyindex_layout *const s = &w->shape;
	uint8_t header[KEYINDEX_HEADER_LEN];

	if (w->done != s->n)
		return err_set(err, ERR_INPUT, "%" PRIu64 " id%s logged, but "
			       "%" PRIu64 " counted", w->done, plural(w->done),
			       s->n);
	if (indexwrite_fan(w, (uint64_t)1 << s->bits, s->n, err) != 0)
		return -1;
	while ((w->place * s->fan_len + KEYINDEX_HEADER_LEN) < s->records_at) {
		uint8_t *const p = indexwrite_room(&w->fan, err);

		if (p == NULL)
			return -1;
		memset(p, 0, s->fan_len);
		w->fan.len += s->fan_len;
		w->place++;
	}
	if (flush(&w->fan, err) != 0 || flush(&w->records, err) != 0)
		return -1;
	keyindex_put_header(header, s, w->ids_len, keysum_get(&w->ids.sum),
			    keyindex_sum(keysum_get(&w->fan.sum),
					 keysum_get(&w->records.sum)));
	if (pwrite(w->fd, header, sizeof(header), 0) != sizeof(header) ||
	    (access(w->idx_path, F_OK) == 0 && file_wait(w->fd) != 0) ||
	    rename(w->idx_part, w->idx_path) != 0)
		return err_set(err, ERR_SYSTEM, "%m");
	return 0;
}

void
indexwrite_stop(struct indexwrite *w)
{
	free(w->ids.buf);
	free(w->fan.buf);
	free(w->records.buf);
	if (w->drain != NULL)
		w->drain->close(w->drain);
	if (w->direct >= 0)
		close(w->direct);
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->idx_part);	/* nothing, if it has its name */
	}
	free(w->idx_path);
	free(w->idx_part);
	free(w->ids_path);
}
