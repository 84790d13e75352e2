/*
 * Packed bytes gather in a buffer; when it holds enough they go to the drain.
 * They stay where they are until the MD5 of them was taken, which is done with
 * those of other streams if somebody sees to it, and at the latest before the
 * buffer is needed again.  What is written goes through in steps, so that the
 * buffer stays small however much is written at once.
 */
#include "io/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "base/md5.h"
#include "formats/formats.h"
#include "io/drain.h"

enum {
	STEP_LEN = 256 * 1024,	/* text that is packed at a time */
	DRAIN_LEN = 256 * 1024,	/* packed bytes that have to be written */
};

struct sink {
	struct drain *drain;
	const struct byte_format *pack;		/* NULL: not packed */
	void *state;
	bool failed, want_md5;
	struct buf out;
	bool drained;		/* what is in `out` is only owed to the MD5 */
	struct sink_stats stats;
	struct md5_lane md5;
	struct keysum xxh3;
};

struct sink *
sink_open(struct drain *drain, const struct byte_format *pack, int level,
	  bool md5, struct err *err)
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
	s->want_md5 = md5;
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

struct md5_lane *
sink_md5_lane(struct sink *s)
{
	return &s->md5;
}

static int
drain_bytes(struct sink *s, struct span bytes, struct err *err)
{
	if (s->want_md5)
		md5_lane_owe(&s->md5, bytes);
	keysum_add(&s->xxh3, bytes);
	s->stats.packed_len += bytes.len;
	return s->drain->write(s->drain, bytes, err);
}

/* Send what has gathered if there is at least `enough` of it. */
static int
drain_out(struct sink *s, size_t enough, struct err *err)
{
	if (s->drained || s->out.len < enough || s->out.len == 0)
		return 0;
	s->drained = true;
	return drain_bytes(s, buf_span(&s->out), err);
}

/* The buffer is needed again. */
static void
make_room(struct sink *s)
{
	if (!s->drained)
		return;
	md5_lane_settle(&s->md5);
	buf_reset(&s->out);
	s->drained = false;
}

static int
write_packed(struct sink *s, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		const size_t n = bytes.len < STEP_LEN ? bytes.len : STEP_LEN;

		make_room(s);
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
	make_room(s);
	if (s->out.len + bytes.len < DRAIN_LEN)
		return buf_append(&s->out, bytes, err);
	if (drain_out(s, 0, err) != 0)
		return -1;
	make_room(s);
	if (bytes.len < DRAIN_LEN)
		return buf_append(&s->out, bytes, err);

	const int rc = drain_bytes(s, bytes, err);
	md5_lane_settle(&s->md5);	/* they are not ours to keep */
	return rc;
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
sink_pause(struct sink *s, struct err *err)
{
	if (drain_out(s, 0, err) == 0)
		return 0;
	s->failed = true;
	return -1;
}

int
sink_commit(struct sink *s, struct sink_stats *stats, struct err *err)
{
	if (s->failed)
		return err_set(err, ERR_SYSTEM, "commit after a failed write");
	make_room(s);
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
		md5_lane_settle(&s->md5);
		if (s->want_md5)
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
