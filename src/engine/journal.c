/*
 * JOURNAL, VERSION 1.  All integers are little-endian.
 *
 * Header, 16 bytes
 *	 0   8  magic, "dmjournl"
 *	 8   4  version, 1
 *	12   4  zero
 *
 * Records, one after the other
 *	 0   4  length of the payload, n
 *	 4   4  type: 1 unit, 2 note
 *	 8   8  XXH3-64 of bytes 0 to 7 and of the record's place in the file,
 *		as 8 bytes
 *	16   n  payload
 *	 .   8  XXH3-64 of the payload
 *
 * The head has a checksum of its own, and its place in it, so that a record
 * can be known anywhere and by nothing else: if what is read is no whole record
 * and none follows anywhere behind it, it was torn by a crash; if one does, the
 * journal is damaged.  But if the machine was started anew since the record
 * before it was made, pages of the file may be missing in any order: then the
 * rest of it is torn, whatever it holds.
 *
 * The note "boot" is the id that the system gave to the time since it was
 * started, and comes before the records that were made in it.
 *
 * Payload of a note: length of the name in 4 bytes, the name, the text.  That
 * of a unit is at the head of journal_unit.c.
 */
#include "engine/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "engine/journal_internal.h"
#include "io/file.h"

static const uint8_t HEADER[] = "dmjournl\1\0\0\0\0\0\0";

enum {
	HEADER_LEN = 16,
	HEAD_LEN = 16,		/* of a record */
	SUM_LEN = 8,
	MAX_PAYLOAD = 64 << 20,
};

_Static_assert(sizeof(HEADER) == HEADER_LEN, "the header is as specified");

enum { TYPE_UNIT = 1, TYPE_NOTE = 2 };

/* ---- in memory ----------------------------------------------------------- */

static struct journal_unit **
slot(struct journal_unit **slots, size_t n, uint32_t unit)
{
	size_t i = unit * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (n - 1);

	while (slots[i] != NULL && slots[i]->unit != unit)
		i = (i + 1) & (n - 1);
	return &slots[i];
}

int
journal_rehash(struct journal *j, size_t n, struct err *err)
{
	struct journal_unit **const slots = calloc(n, sizeof(*slots));

	if (slots == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < j->nslots; i++)
		if (j->slots[i] != NULL)
			*slot(slots, n, j->slots[i]->unit) = j->slots[i];
	free(j->slots);
	j->slots = slots;
	j->nslots = n;
	return 0;
}

static int
keep_unit(struct journal *j, struct journal_unit *u, struct err *err)
{
	if (2 * ((size_t)j->nunits + 1) > j->nslots &&
	    journal_rehash(j, j->nslots == 0 ? 64 : 2 * j->nslots, err) != 0)
		return -1;

	struct journal_unit **const at = slot(j->slots, j->nslots, u->unit);
	if (*at == NULL)
		j->nunits++;
	if (u->unit >= j->end)
		j->end = u->unit + 1;
	*at = u;
	return 0;
}

static void
keep_note(struct journal *j, struct note *n)
{
	for (struct note *old = j->notes; old != NULL; old = old->next)
		if (span_equal(old->name, n->name)) {
			old->text = n->text;
			return;
		}
	n->next = j->notes;
	j->notes = n;
}

static int
load_unit(struct journal *j, struct span s, struct err *err)
{
	struct journal_unit *const u = journal_get_unit(s, &j->mem, err);

	return u == NULL ? -1 : keep_unit(j, u, err);
}

static int
load_note(struct journal *j, struct span s, struct err *err)
{
	if (s.len < 4 || load_le32(s.ptr) > s.len - 4)
		return journal_no_sense(err);

	const uint32_t n = load_le32(s.ptr);
	struct note *const note = arena_take(&j->mem, sizeof(*note), err);
	s = arena_copy(&j->mem, s, err);
	if (note == NULL || s.ptr == NULL)
		return -1;
	*note = (struct note){
		.name = { s.ptr + 4, n },
		.text = { s.ptr + 4 + n, s.len - 4 - n },
	};
	keep_note(j, note);
	return 0;
}

static int
load_payload(struct journal *j, uint32_t type, struct span s, struct err *err)
{
	switch (type) {
	case TYPE_UNIT:
		return load_unit(j, s, err);
	case TYPE_NOTE:
		return load_note(j, s, err);
	default:
		return journal_no_sense(err);
	}
}

struct span
journal_find_note(const struct journal *j, const char *name)
{
	for (const struct note *n = j->notes; n != NULL; n = n->next)
		if (span_is(n->name, name))
			return n->text;
	return (struct span){ NULL, 0 };
}

/* ---- records ------------------------------------------------------------- */

static uint64_t
head_sum(const uint8_t *head, uint64_t at)
{
	uint8_t all[16];

	memcpy(all, head, 8);
	store_le64(all + 8, at);
	return keyhash64_of((struct span){ all, sizeof(all) });
}

/* Is there the head of a record at `at`? */
static bool
is_head(struct span all, uint64_t at)
{
	return all.len - at >= HEAD_LEN &&
	       load_le64(all.ptr + at + 8) == head_sum(all.ptr + at, at) &&
	       load_le32(all.ptr + at) <= MAX_PAYLOAD;
}

/* The payload of the record at `at`, if it is all there and sound. */
static bool
is_record(struct span all, uint64_t at, struct span *payload)
{
	if (!is_head(all, at))
		return false;

	const uint32_t n = load_le32(all.ptr + at);
	if (all.len - at - HEAD_LEN < (size_t)n + SUM_LEN)
		return false;
	*payload = (struct span){ all.ptr + at + HEAD_LEN, n };
	return load_le64(payload->ptr + n) == keyhash64_of(*payload);
}

/* Read all records.  Sets ->len to where the last whole one ends. */
static int
load(struct journal *j, struct span all, struct err *err)
{
	uint64_t at = HEADER_LEN;
	struct span payload;

	while (at < all.len && is_record(all, at, &payload)) {
		if (load_payload(j, load_le32(all.ptr + at + 4), payload,
				 err) != 0)
			return err_at(err, "journal at byte %" PRIu64, at);
		at += HEAD_LEN + payload.len + SUM_LEN;
	}
	j->len = at;
	j->torn = all.len - at;
	if (!journal_is_of_this_boot(j))
		return 0;
	for (uint64_t i = at + 1; i < all.len; i++)
		if (is_head(all, i))
			return err_set(err, ERR_INPUT, "damaged journal at "
				       "byte %" PRIu64, at);
	return 0;
}

/* Is it what a crash leaves of a journal whose beginning never got to disk? */
static bool
is_unborn(struct span all)
{
	size_t n = 0;

	while (n < all.len && n < HEADER_LEN && all.ptr[n] == 0)
		n++;
	return n == all.len || n == HEADER_LEN ||
	       (all.len < HEADER_LEN && memcmp(all.ptr, HEADER, all.len) == 0);
}

static int
write_at(int fd, struct span s, uint64_t at, struct err *err)
{
	while (s.len > 0) {
		const ssize_t n = pwrite(fd, s.ptr, s.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_SYSTEM, "%m%s",
				       file_advice(errno));
		s.ptr += n;
		s.len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* Open it to append, as what `load` found to be whole, or begin it. */
static int
settle(struct journal *j, bool unborn, struct err *err)
{
	if (unborn && file_save(j->path, (struct span){ HEADER, HEADER_LEN },
				err) != 0)
		return -1;
	j->fd = open(j->path, O_RDWR | O_CLOEXEC);
	if (j->fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", j->path);
	if (!unborn && j->torn > 0 &&
	    (ftruncate(j->fd, (off_t)j->len) != 0 || fsync(j->fd) != 0))
		return err_set(err, ERR_SYSTEM, "'%s': %m", j->path);
	return 0;
}

/* Read what is at ->path; a missing file is unborn. */
static int
read_all(struct journal *j, bool *unborn, struct err *err)
{
	struct buf all = { 0 };
	int rc = 0;

	if (access(j->path, F_OK) == 0)
		rc = file_load(j->path, SIZE_MAX / 8, &all, err);
	const struct span s = buf_span(&all);
	*unborn = rc == 0 && is_unborn(s);
	if (rc != 0)
		goto done;
	if (*unborn)
		j->len = HEADER_LEN;
	else if (s.len < HEADER_LEN || memcmp(s.ptr, HEADER, 8) != 0)
		rc = err_set(err, ERR_INPUT, "damaged journal at byte 0");
	else if (memcmp(s.ptr, HEADER, HEADER_LEN) != 0)
		rc = err_set(err, ERR_INPUT, "journal of version %" PRIu32
			     ", not 1", load_le32(s.ptr + 8));
	else
		rc = load(j, s, err);
done:
	buf_free(&all);
	return rc;
}

/* Begin a record in ->out; its payload is to follow. */
static int
begin(struct journal *j, struct err *err)
{
	buf_reset(&j->out);
	if (buf_reserve(&j->out, HEAD_LEN, err) == NULL)
		return -1;
	buf_commit(&j->out, HEAD_LEN);
	return 0;
}

int
journal_wait(struct journal *j, struct err *err)
{
	if (fdatasync(j->fd) == 0)
		return 0;
	j->broken = true;
	return err_set(err, ERR_SYSTEM, "%m");
}

/* Frame the record in ->out and write it. */
static int
append(struct journal *j, uint32_t type, struct err *err)
{
	const struct span payload = { j->out.ptr + HEAD_LEN,
				      j->out.len - HEAD_LEN };
	uint8_t *const sum = buf_reserve(&j->out, SUM_LEN, err);

	if (sum == NULL)
		return -1;
	if (payload.len > MAX_PAYLOAD)
		return err_set(err, ERR_LIMIT, "record of %zu bytes",
			       payload.len);
	store_le64(sum, keyhash64_of((struct span){ j->out.ptr + HEAD_LEN,
						     payload.len }));
	buf_commit(&j->out, SUM_LEN);
	store_le32(j->out.ptr, (uint32_t)payload.len);
	store_le32(j->out.ptr + 4, type);
	store_le64(j->out.ptr + 8, head_sum(j->out.ptr, j->len));

	if (j->broken)
		return err_set(err, ERR_SYSTEM, "could not be written before");
	if (write_at(j->fd, buf_span(&j->out), j->len, err) != 0) {
		/* The next one goes in its place, or it is torn. */
		j->broken = ftruncate(j->fd, (off_t)j->len) != 0;
		return -1;
	}
	j->len += j->out.len;
	return 0;
}

/* Keep in memory what was appended, by reading it as if from disk. */
static int
keep(struct journal *j, uint32_t type, struct err *err)
{
	const struct span payload = { j->out.ptr + HEAD_LEN,
				      j->out.len - HEAD_LEN - SUM_LEN };

	return load_payload(j, type, payload, err);
}

static int
note(struct journal *j, const char *name, struct span text, struct err *err)
{
	const struct span s = span_of(name);
	uint8_t len[4];

	store_le32(len, (uint32_t)s.len);
	if (begin(j, err) != 0 ||
	    buf_append(&j->out, (struct span){ len, 4 }, err) != 0 ||
	    buf_append(&j->out, s, err) != 0 ||
	    buf_append(&j->out, text, err) != 0 ||
	    append(j, TYPE_NOTE, err) != 0)
		return -1;
	return keep(j, TYPE_NOTE, err);
}

static struct journal *
open_it(const char *path, bool write, struct err *err)
{
	struct journal *const j = calloc(1, sizeof(*j));
	bool unborn;

	if (j == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	j->fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	journal_read_boot(j);
	j->path = strdup(path);
	if (j->path == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	if (read_all(j, &unborn, err) != 0) {
		err_at(err, "'%s'", path);
		goto fail;
	}
	if (!write)
		return j;
	/* Nothing in it is older than what will be. */
	if (settle(j, unborn, err) == 0 &&
	    (j->len > HEADER_LEN || note(j, JOURNAL_BOOT, span_of(j->boot), err) == 0))
		return j;
fail:
	journal_close(j);
	return NULL;
}

struct journal *
journal_open(const char *path, struct err *err)
{
	return open_it(path, true, err);
}

struct journal *
journal_look(const char *path, struct err *err)
{
	return open_it(path, false, err);
}

/* ---- adding -------------------------------------------------------------- */

int
journal_add(struct journal *j, const struct journal_unit *u, struct err *err)
{
	int rc = -1;

	assert(j->fd >= 0 && u->unit < UINT32_MAX);
	pthread_mutex_lock(&j->lock);
	if (begin(j, err) == 0 && journal_put_unit(&j->out, u, err) == 0 &&
	    append(j, TYPE_UNIT, err) == 0 && keep(j, TYPE_UNIT, err) == 0)
		rc = journal_put_off(j, *slot(j->slots, j->nslots, u->unit),
				     err);
	pthread_mutex_unlock(&j->lock);
	if (rc != 0)
		return err_at(err, "'%s'", j->path);
	return journal_sync_late(j, err);
}

int
journal_note(struct journal *j, const char *name, struct span text,
	     struct err *err)
{
	assert(j->fd >= 0);
	pthread_mutex_lock(&j->lock);
	int rc = note(j, name, text, err);
	if (rc == 0)
		rc = journal_wait(j, err);
	pthread_mutex_unlock(&j->lock);
	return rc == 0 ? 0 : err_at(err, "'%s'", j->path);
}

/* ---- looking ------------------------------------------------------------- */

struct span
journal_noted(struct journal *j, const char *name)
{
	pthread_mutex_lock(&j->lock);
	const struct span text = journal_find_note(j, name);
	pthread_mutex_unlock(&j->lock);
	return text;
}

const struct journal_unit *
journal_unit(struct journal *j, uint32_t unit)
{
	const struct journal_unit *u = NULL;

	pthread_mutex_lock(&j->lock);
	if (j->nslots > 0)
		u = *slot(j->slots, j->nslots, unit);
	pthread_mutex_unlock(&j->lock);
	return u;
}

uint32_t
journal_nunits(struct journal *j, uint32_t *end)
{
	pthread_mutex_lock(&j->lock);
	const uint32_t n = j->nunits;
	if (end != NULL)
		*end = j->end;
	pthread_mutex_unlock(&j->lock);
	return n;
}

uint64_t
journal_torn(const struct journal *j)
{
	return j->torn;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	pthread_mutex_destroy(&j->lock);
	free(j->path);
	free(j->slots);
	free(j->late);
	arena_free(&j->mem);
	buf_free(&j->out);
	free(j);
}
