/*
 * join_ids.c - from the logs of a table's ids to its index.
 *
 * .ids is written as the logs are read, and each id goes on to be sorted with
 * its offset there and a hash of its source id, in one word; in the order of
 * keys the records of .idx are then written, and equal keys meet.  Two source
 * ids under one key are told by their hashes, of as many bits as the offset
 * leaves: 20 for 16 TiB of ids, more for less.  One in a million collisions of
 * such a table would be missed, of which there should not be any.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "engine/join_internal.h"
#include "engine/keysort.h"
#include "formats/keyuuid.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/mapping.h"

enum {
	STREAM_LEN = 256 * 1024,
	ROOM_LEN = KEYIDS_MAX_LEN + KEYLOG_MAX_ID,	/* what is put at once */
	BATCH = 128,
};

/* Bytes on their way to one region of a file. */
struct stream {
	uint8_t *buf;
	size_t len, full;	/* so much of it is sent at once */
	uint64_t at;		/* where they go; NULL drain: in `fd` */
	int fd;
	struct drain *drain;
	struct keysum sum;
};

struct builder {
	struct join_worker *worker;
	uint32_t table;
	struct keyindex_layout shape;
	char *idx_path, *idx_part, *ids_path;
	struct drain *drain;	/* of .ids */
	int fd;			/* of .idx */
	struct stream ids, fan, records;
	struct keysort *sort;
	unsigned at_bits;	/* of an offset in .ids; the rest is a hash */
	/* The run of equal keys that is being looked at. */
	uint64_t done;		/* records written */
	uint64_t place;		/* next entry of the fan */
	uint64_t hi, lo, at, source;	/* of its first record */
	bool collided;
	struct join_table_result *result;
	struct join_first collisions;
};

/* ---- streams ------------------------------------------------------------- */

static int
start_stream(struct stream *s, struct drain *drain, int fd, uint64_t at,
	     struct err *err)
{
	*s = (struct stream){ .drain = drain, .fd = fd, .at = at };
	/* Up to a multiple of its length in the file: see io/file.c. */
	s->full = STREAM_LEN - (size_t)(at % STREAM_LEN);
	keysum_start(&s->sum);
	s->buf = malloc(STREAM_LEN + ROOM_LEN);
	if (s->buf == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

static int
write_at(struct stream *s, struct span left, struct err *err)
{
	while (left.len > 0) {
		const ssize_t n = pwrite(s->fd, left.ptr, left.len,
					 (off_t)s->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_SYSTEM, "%m%s",
				       errno == ENOSPC ? "; make room and run "
				       "again" : "");
		left.ptr += n;
		left.len -= (size_t)n;
		s->at += (uint64_t)n;
	}
	return 0;
}

/* Send the first `n` bytes that wait on their way. */
static int
send(struct stream *s, size_t n, struct err *err)
{
	const struct span now = { s->buf, n };

	keysum_add(&s->sum, now);
	if ((s->drain != NULL ? s->drain->write(s->drain, now, err) :
	     write_at(s, now, err)) != 0)
		return -1;
	s->len -= n;
	memmove(s->buf, s->buf + n, s->len);
	s->full = STREAM_LEN;
	return 0;
}

static int
flush(struct stream *s, struct err *err)
{
	return send(s, s->len, err);
}

/* Where the next ROOM_LEN bytes or fewer go; NULL with *err set. */
static inline uint8_t *
room(struct stream *s, struct err *err)
{
	if (s->len >= s->full && send(s, s->full, err) != 0)
		return NULL;
	return s->buf + s->len;
}

/* ---- .ids ---------------------------------------------------------------- */

/*
 * A hash of a source id.  It is compared with others in this process and never
 * kept; most ids are the 16 bytes of a UUID, for which there is a short way.
 */
static inline uint64_t
hash_source(const struct keylog_record *r)
{
	if (r->type != KEYUUID_TYPE)
		return keyhash64_of(r->source) + (uint8_t)r->type;

	const uint64_t a = load_le64(r->source.ptr);
	const uint64_t b = load_le64(r->source.ptr + 8);
	const unsigned __int128 p = (unsigned __int128)
		(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
		(b ^ UINT64_C(0xc2b2ae3d27d4eb4f));

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline int
take_id(struct builder *b, uint32_t unit, const struct keylog_record *r,
	uint64_t *at, struct err *err)
{
	const struct keyids_item item = {
		unit, r->offset, r->type, r->source,
	};
	uint8_t *const p = room(&b->ids, err);

	if (p == NULL)
		return -1;
	const size_t len = keyids_put(p, &item);
	b->ids.len += len;
	if (*at >> b->at_bits != 0)
		return err_set(err, ERR_INPUT, "ids are longer than they were "
			       "counted");
	if (keysort_add(b->sort, r->key.hi, r->key.lo,
			hash_source(r) << b->at_bits | *at, err) != 0)
		return -1;
	*at += len;
	return 0;
}

static int
take_chunk(struct builder *b, uint32_t unit, struct keylog_cursor *c,
	   uint64_t *at, struct err *err)
{
	struct keylog_record records[BATCH];
	size_t n;

	do {
		if (keylog_ids(c, records, BATCH, &n, err) != 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (take_id(b, unit, &records[i], at, err) != 0)
				return -1;
	} while (n > 0);
	return 0;
}

/* Write .ids; its length goes to *len. */
static int
write_ids(struct builder *b, uint64_t *len, struct err *err)
{
	const struct join_state *const state = b->worker->state;
	struct join_reader r;
	int rc;

	keyids_put_header(b->ids.buf, b->shape.n);
	b->ids.len += KEYIDS_HEADER_LEN;
	*len = KEYIDS_HEADER_LEN;
	join_reader_start(&r, &state->logs, KEYLOG_ID, b->table,
			  b->worker->room);
	while ((rc = join_reader_chunk(&r, err)) > 0)
		if (take_chunk(b, state->join->units[r.unit], &r.cursor, len,
			       err) != 0)
			break;
	join_reader_close(&r);
	if (rc != 0 || flush(&b->ids, err) != 0 ||
	    b->drain->commit(b->drain, err) != 0)
		return -1;
	return 0;
}

/* ---- .idx ---------------------------------------------------------------- */

static inline void
put_entry(uint8_t *p, unsigned len, uint64_t n)
{
	if (len == 4)
		store_le32(p, (uint32_t)n);
	else
		store_le64(p, n);
}

/* The entries of the fan up to and including `last` are `n`. */
static inline int
fill_fan(struct builder *b, uint64_t last, uint64_t n, struct err *err)
{
	enum { SOME = 4 };
	const unsigned len = b->shape.fan_len;

	uint64_t left;

	do {
		/*
		 * There are none to four as a rule, and nobody can guess how
		 * many: write four, and count those that are meant.
		 */
		uint8_t *const p = room(&b->fan, err);

		if (p == NULL)
			return -1;
		for (unsigned i = 0; i < SOME; i++)
			put_entry(p + i * len, len, n);
		left = last + 1 - b->place;

		const unsigned now = left < SOME ? (unsigned)left : SOME;
		b->fan.len += (size_t)now * len;
		b->place += now;
	} while (left > SOME);
	return 0;
}

/* A record with the key of the one before it. */
static void
meet(struct builder *b, uint64_t at, uint64_t source)
{
	struct join_index *const x =
		&b->worker->state->indexes[b->table];

	x->doubles++;
	join_first_add(&x->first_doubles, b->at, at);
	if (source == b->source)
		return;
	join_first_add(&b->collisions, b->at, at);
	b->result->collisions += !b->collided;
	b->collided = true;
}

static inline int
put_record(struct builder *b, const uint64_t *r, struct err *err)
{
	const unsigned bits = b->shape.bits;
	const uint64_t at = r[2] & (((uint64_t)1 << b->at_bits) - 1);
	const uint64_t source = r[2] >> b->at_bits;
	const uint64_t place = bits == 0 ? 0 : r[0] >> (64 - bits);
	uint8_t *const p = room(&b->records, err);

	if (p == NULL || fill_fan(b, place, b->done, err) != 0)
		return -1;
	store_le64(p, r[0]);
	store_le64(p + 8, r[1]);
	store_le64(p + 16, at);
	b->records.len += KEYINDEX_RECORD_LEN;
	if (b->done++ > 0 && r[0] == b->hi && r[1] == b->lo) {
		meet(b, at, source);
		return 0;
	}
	b->hi = r[0];
	b->lo = r[1];
	b->at = at;
	b->source = source;
	b->collided = false;
	b->result->ids++;
	return 0;
}

static int
put_records(void *context, const uint64_t *records, size_t n,
	    struct err *err)
{
	struct builder *const b = context;

	for (size_t i = 0; i < n; i++)
		if (put_record(b, records + KEYSORT_WORDS * i, err) != 0)
			return -1;
	return 0;
}

/* End the fan, write the header, and give the file its name. */
static int
seal(struct builder *b, uint64_t ids_len, struct err *err)
{
	const struct keyindex_layout *const s = &b->shape;
	uint8_t header[KEYINDEX_HEADER_LEN];

	if (b->done != s->n)
		return err_set(err, ERR_INPUT, "%" PRIu64 " ids logged, but "
			       "%" PRIu64 " counted", b->done, s->n);
	if (fill_fan(b, (uint64_t)1 << s->bits, s->n, err) != 0)
		return -1;
	while ((b->place * s->fan_len + KEYINDEX_HEADER_LEN) < s->records_at) {
		uint8_t *const p = room(&b->fan, err);

		if (p == NULL)
			return -1;
		memset(p, 0, s->fan_len);
		b->fan.len += s->fan_len;
		b->place++;
	}
	if (flush(&b->fan, err) != 0 || flush(&b->records, err) != 0)
		return -1;
	keyindex_put_header(header, s, ids_len, keysum_get(&b->ids.sum),
			    keyindex_sum(keysum_get(&b->fan.sum),
					 keysum_get(&b->records.sum)));
	if (pwrite(b->fd, header, sizeof(header), 0) != sizeof(header) ||
	    (access(b->idx_path, F_OK) == 0 && file_wait(b->fd) != 0) ||
	    rename(b->idx_part, b->idx_path) != 0)
		return err_set(err, ERR_SYSTEM, "%m");
	return 0;
}

static int
start(struct builder *b, const struct join *j, struct err *err)
{
	const char *const name = j->tables[b->table].name;
	char *part;

	if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0')
		return err_set(err, ERR_USAGE, "'%s' is no name for an index",
			       name);
	if (asprintf(&part, ".%s", name) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	b->idx_part = join_path(j, part, ".idx.part");
	free(part);
	b->idx_path = join_path(j, name, ".idx");
	b->ids_path = join_path(j, name, ".ids");
	if (b->idx_part == NULL || b->idx_path == NULL || b->ids_path == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	b->drain = file_drain(b->ids_path, err);
	if (b->drain == NULL)
		return -1;
	b->fd = open(b->idx_part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		     0666);
	if (b->fd < 0)
		return err_set(err, ERR_SYSTEM, "%m");
	if (start_stream(&b->ids, b->drain, -1, 0, err) != 0 ||
	    start_stream(&b->fan, NULL, b->fd, KEYINDEX_HEADER_LEN, err) != 0 ||
	    start_stream(&b->records, NULL, b->fd, b->shape.records_at,
			 err) != 0)
		return -1;
	return 0;
}

static void
stop(struct builder *b)
{
	keysort_free(b->sort);
	free(b->ids.buf);
	free(b->fan.buf);
	free(b->records.buf);
	if (b->drain != NULL)
		b->drain->close(b->drain);
	if (b->fd >= 0) {
		close(b->fd);
		unlink(b->idx_part);	/* nothing, if it has its name */
	}
	free(b->idx_path);
	free(b->idx_part);
	free(b->ids_path);
}

/* ---- afterwards ---------------------------------------------------------- */

int
join_item(const struct join_index *x, uint64_t at, struct join_place *out,
	  struct err *err)
{
	struct keyids_item item;

	if (keyids_get(x->ids, at, &item, NULL, err) != 0)
		return -1;
	*out = (struct join_place){ item.unit, item.offset };
	return 0;
}

static int
name_pairs(const struct join_index *x, const struct join_first *from,
	   struct join_pair *to, uint32_t *n, struct err *err)
{
	*n = from->n;
	for (uint32_t i = 0; i < from->n; i++)
		if (join_item(x, from->pairs[i].a, &to[i].a, err) != 0 ||
		    join_item(x, from->pairs[i].b, &to[i].b, err) != 0)
			return -1;
	return 0;
}

/* Write both files; see what meets. */
static int
build(struct builder *b, struct err *err)
{
	struct join_state *const state = b->worker->state;
	struct join_index *const x = &state->indexes[b->table];
	char *const tmp = join_tmp(state->join);
	uint64_t ids_len;
	int rc = -1;

	/* The ids are as long as in the logs, what is around them is not. */
	const uint64_t most = KEYIDS_HEADER_LEN +
		join_logs_bytes(&state->logs, KEYLOG_ID, b->table) +
		b->shape.n * KEYIDS_MAX_LEN;

	b->at_bits = 64 - (unsigned)__builtin_clzll(most);
	b->at_bits = b->at_bits > 63 ? 63 : b->at_bits;
	b->fd = -1;
	if (tmp == NULL || start(b, state->join, err) != 0)
		goto done;
	b->sort = keysort_new(b->shape.n, state->memory, state->near, tmp,
			      err);
	if (b->sort == NULL || write_ids(b, &ids_len, err) != 0 ||
	    keysort_finish(b->sort, put_records, b, err) != 0 ||
	    seal(b, ids_len, err) != 0 ||
	    mapping_open(b->idx_path, &x->idx, err) != 0 ||
	    mapping_open(b->ids_path, &x->ids, err) != 0 ||
	    keyindex_open(&x->ix, x->idx, err) != 0)
		goto done;
	rc = name_pairs(x, &b->collisions, b->result->collision,
			&b->result->ncollision, err);
done:
	free(tmp);
	stop(b);
	return rc;
}

/* The keys of a target that are this table's ids. */
static int
check_target(struct join_worker *w, uint32_t t, uint32_t target,
	     struct err *err)
{
	struct join_state *const state = w->state;
	const struct join_index *const x = &state->indexes[t];
	struct join_target_result *const r = &state->result->targets[target];
	const uint64_t gone =
		join_logs_count(&state->logs, KEYLOG_UNWRITTEN, t) +
		join_logs_count(&state->logs, KEYLOG_REJECTED, t);
	struct join_first first = x->first_doubles;
	uint8_t *bits = NULL;
	size_t len;

	r->items = x->ix.shape.n - gone;
	r->duplicates = x->doubles;
	if (gone > 0 && x->doubles > 0) {
		if (join_mark(w, t, KEYLOG_UNWRITTEN, &bits, &len, err) != 0)
			return -1;
		join_count_doubles(&x->ix, bits, &r->duplicates, &first);
		join_unmark(bits, len);
	}
	return name_pairs(x, &first, r->duplicate, &r->nduplicate, err);
}

/* Does a reference that is checked point to it? */
static bool
is_referred_to(const struct join *j, uint32_t t)
{
	for (uint32_t i = 0; i < j->nrelations; i++)
		if (j->relations[i].checked && j->relations[i].table == t)
			return true;
	return false;
}

int
join_ids(struct join_worker *w, uint32_t t, struct err *err)
{
	struct join_state *const state = w->state;
	const struct join *const j = state->join;
	struct join_index *const x = &state->indexes[t];
	struct builder b = {
		.worker = w,
		.table = t,
		.shape = keyindex_layout(join_logs_count(&state->logs,
							 KEYLOG_ID, t)),
		.result = &state->result->tables[t],
	};

	b.result->items = b.shape.n;
	if (build(&b, err) != 0)
		return err_at(err, "index of '%s'", j->tables[t].name);
	if (is_referred_to(j, t) &&
	    join_logs_count(&state->logs, KEYLOG_REJECTED, t) > 0) {
		if (join_mark(w, t, KEYLOG_REJECTED, &x->dead, &x->dead_len,
			      err) != 0)
			return err_at(err, "index of '%s'", j->tables[t].name);
		join_keep_dead(&x->ix, x->dead);
	}
	for (uint32_t i = 0; i < j->ntargets; i++)
		if (j->targets[i].ids_of == t &&
		    check_target(w, t, i, err) != 0)
			return err_at(err, "index of '%s'", j->tables[t].name);
	return 0;
}
