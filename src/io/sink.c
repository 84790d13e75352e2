/*
 * Packed bytes gather in a buffer; when it holds enough they are hashed and go
 * to the drain.  What is written goes through in steps, so that the buffer
 * stays small however much is written at once.
 */
#include "io/sink.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "base/md5.h"
#include "formats/formats.h"
#include "io/drain.h"
#include "io/source.h"

enum {
	STEP_LEN = 256 * 1024,	/* text that is packed at a time */
	DRAIN_LEN = 64 * 1024,	/* packed bytes worth a write */
};

struct sink {
	struct drain *drain;
	const struct byte_format *pack;		/* NULL: not packed */
	void *state;
	bool failed;
	struct buf out;
	struct sink_stats stats;
	struct md5_lane md5;
	struct keysum xxh3;
};

struct sink *
sink_open(struct drain *drain, const struct byte_format *pack, int level,
	  struct err *err)
{
	if (drain == NULL)
		return NULL;

	struct sink *const s = aligned_alloc(_Alignof(struct sink),
					     sizeof(*s));
	if (s == NULL) {
		drain->close(drain);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	s->drain = drain;
	md5_lane_start(&s->md5);
	keysum_start(&s->xxh3);
	if (pack != NULL) {
		s->state = pack->pack_start(level, err);
		if (s->state == NULL) {
			sink_close(s);
			return NULL;
		}
		s->pack = pack;
	}
	return s;
}

void
sink_beside(struct sink *s, struct source *from)
{
	md5_lane_join(&s->md5, source_md5_lane(from));
}

static int
drain_bytes(struct sink *s, struct span bytes, struct err *err)
{
	/* Taken in at once, beside whatever others owe: see base/md5.h. */
	md5_lane_owe(&s->md5, bytes);
	md5_lane_settle(&s->md5);
	keysum_add(&s->xxh3, bytes);
	s->stats.packed_len += bytes.len;
	return s->drain->write(s->drain, bytes, err);
}

/* Send what has gathered if there is at least `enough` of it. */
static int
drain_out(struct sink *s, size_t enough, struct err *err)
{
	if (s->out.len < enough || s->out.len == 0)
		return 0;

	const int rc = drain_bytes(s, buf_span(&s->out), err);
	buf_reset(&s->out);
	return rc;
}

static int
write_packed(struct sink *s, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		const size_t n = bytes.len < STEP_LEN ? bytes.len : STEP_LEN;

		if (s->pack->pack(s->state, (struct span){ bytes.ptr, n },
				  false, &s->out, err) != 0 ||
		    drain_out(s, DRAIN_LEN, err) != 0)
			return -1;
		bytes.ptr += n;
		bytes.len -= n;
	}
	return 0;
}

static int
write_plain(struct sink *s, struct span bytes, struct err *err)
{
	if (s->out.len + bytes.len < DRAIN_LEN)
		return buf_append(&s->out, bytes, err);
	if (drain_out(s, 0, err) != 0)
		return -1;
	return bytes.len < DRAIN_LEN ? buf_append(&s->out, bytes, err) :
	       drain_bytes(s, bytes, err);
}

int
sink_write(struct sink *s, struct span bytes, struct err *err)
{
	s->stats.plain_len += bytes.len;
	if ((s->pack != NULL ? write_packed : write_plain)(s, bytes, err) == 0)
		return 0;
	s->failed = true;
	return -1;
}

int
sink_commit(struct sink *s, struct sink_stats *stats, struct err *err)
{
	if (s->failed)
		return err_set(err, ERR_SYSTEM, "commit after a failed write");
	if (s->pack != NULL &&
	    s->pack->pack(s->state, (struct span){ NULL, 0 }, true, &s->out,
			  err) != 0)
		return -1;
	if (drain_out(s, 0, err) != 0 ||
	    s->drain->commit(s->drain, err) != 0)
		return -1;
	if (stats != NULL) {
		*stats = s->stats;
		stats->xxh3 = keysum_get(&s->xxh3);
		md5_end(&s->md5.md5, stats->md5);
	}
	return 0;
}

void
sink_close(struct sink *s)
{
	if (s == NULL)
		return;
	if (s->pack != NULL)
		s->pack->pack_stop(s->state);
	md5_lane_leave(&s->md5);
	s->drain->close(s->drain);
	buf_free(&s->out);
	free(s);
}
