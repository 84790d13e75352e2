#include "engine/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "io/file.h"

enum { HEAD_LEN = 64, HASH_AT = 32, RECORD_LEN = 24 };

static const char MAGIC[] = "dynamill push 1";

/* One unit: bit i is item base + i. */
struct marks {
	uint64_t base;		/* a multiple of 64; all before it are there */
	uint64_t written;	/* what the file says */
	uint64_t *words;
	size_t n, cap, first;	/* words[first] to words[n - 1] */
	bool listed;
};

struct progress {
	int fd;
	char *path;
	struct keyhash of;
	struct marks *units;
	uint32_t nunits;
	uint32_t *changed;	/* units to write */
	uint32_t nchanged;
	struct buf text;
};

static int
failed(const struct progress *p, struct err *err)
{
	return err_set(err, ERR_SYSTEM, "'%s': %m", p->path);
}

static int
write_all(const struct progress *p, struct span s, struct err *err)
{
	return file_append(p->fd, p->path, s, err);
}

/* ---- opening ------------------------------------------------------------ */

static int
begin(struct progress *p, struct err *err)
{
	uint8_t head[HEAD_LEN] = { 0 };

	memcpy(head, MAGIC, sizeof(MAGIC));
	store_le64(head + HASH_AT, p->of.lo);
	store_le64(head + HASH_AT + 8, p->of.hi);
	if (ftruncate(p->fd, 0) != 0)
		return failed(p, err);
	return write_all(p, (struct span){ head, sizeof(head) }, err);
}

/* Where the first record is that is torn, or says nonsense. */
static size_t
good_end(struct span s)
{
	size_t at = HEAD_LEN;

	while (at + RECORD_LEN <= s.len &&
	       load_le64(s.ptr + at + 16) ==
	       keyhash64_of((struct span){ s.ptr + at, 16 }))
		at += RECORD_LEN;
	return at;
}

/* The highest of each unit counts: records of several processes are joined. */
static int
take_records(struct progress *p, const char *path, struct span s,
	     struct err *err)
{
	for (size_t at = HEAD_LEN; at < s.len; at += RECORD_LEN) {
		const uint64_t unit = load_le64(s.ptr + at);
		const uint64_t n = load_le64(s.ptr + at + 8);
		struct marks *const m = &p->units[unit < p->nunits ? unit : 0];

		if (unit >= p->nunits)
			return err_set(err, ERR_INPUT, "'%s' tells of file %"
				       PRIu64 ", and there are %" PRIu32,
				       path, unit, p->nunits);
		if (n <= m->written)
			continue;
		m->written = n;
		m->base = n & ~(uint64_t)63;
		m->first = m->n = 0;
	}
	return 0;
}

/* The items of the last, unfinished word. */
static int
fill_words(struct progress *p, struct err *err)
{
	for (uint32_t i = 0; i < p->nunits; i++)
		for (uint64_t k = p->units[i].base; k < p->units[i].written;
		     k++)
			if (progress_add(p, i, k, err) != 0)
				return -1;
	return 0;
}

/* The bytes of a record, up to what is torn; none if it was not begun. */
static int
load_record(const char *path, struct buf *text, struct err *err)
{
	if (file_load(path, SIZE_MAX / 4, text, err) != 0)
		return -1;
	if (text->len < HEAD_LEN)	/* killed before that */
		buf_reset(text);
	else if (memcmp(text->ptr, MAGIC, sizeof(MAGIC)) != 0)
		return err_set(err, ERR_INPUT, "'%s' is no record of a push",
			       path);
	else
		text->len = good_end(buf_span(text));
	return 0;
}

static int
check_of(const struct buf *text, struct keyhash of, const char *path,
	 struct err *err)
{
	if (load_le64(text->ptr + HASH_AT) == of.lo &&
	    load_le64(text->ptr + HASH_AT + 8) == of.hi)
		return 0;
	return err_set(err, ERR_REFUSED, "'%s' is of other items or another "
		       "table; if that push is to be forgotten, remove it",
		       path);
}

static int
read_file(struct progress *p, bool *resumed, struct err *err)
{
	struct buf text = { 0 };
	int rc = load_record(p->path, &text, err);

	*resumed = rc == 0 && text.len > 0;
	if (rc == 0 && text.len == 0) {
		rc = begin(p, err);
		goto done;
	}
	if (rc != 0 || (rc = check_of(&text, p->of, p->path, err)) != 0)
		goto done;
	rc = -1;
	if (ftruncate(p->fd, (off_t)text.len) != 0 ||
	    lseek(p->fd, 0, SEEK_END) < 0)
		failed(p, err);
	else if (take_records(p, p->path, buf_span(&text), err) == 0)
		rc = fill_words(p, err);
done:
	buf_free(&text);
	return rc;
}

int
progress_join(struct progress *p, const char *path, struct err *err)
{
	struct buf text = { 0 };
	int rc = access(path, F_OK) != 0 ? 0 : load_record(path, &text, err);

	if (text.len > 0 && rc == 0)
		rc = check_of(&text, p->of, path, err) != 0 ||
		     take_records(p, path, buf_span(&text), err) != 0 ||
		     fill_words(p, err) != 0 ? -1 : 1;
	buf_free(&text);
	return rc;
}

int
progress_append(const char *to, const char *from, struct err *err)
{
	struct progress p = { .fd = -1, .path = (char *)(uintptr_t)to };
	struct buf old = { 0 }, new = { 0 };
	struct span more;
	int rc = -1;

	if (load_record(to, &old, err) != 0 ||
	    load_record(from, &new, err) != 0)
		goto done;
	more = buf_span(&new);
	if (old.len > 0 && new.len > 0) {
		p.of.lo = load_le64(old.ptr + HASH_AT);
		p.of.hi = load_le64(old.ptr + HASH_AT + 8);
		if (check_of(&new, p.of, from, err) != 0)
			goto done;
		more.ptr += HEAD_LEN;
		more.len -= HEAD_LEN;
	}
	p.fd = open(to, O_WRONLY | O_CLOEXEC);
	if (p.fd < 0 || ftruncate(p.fd, (off_t)old.len) != 0 ||
	    lseek(p.fd, 0, SEEK_END) < 0)
		failed(&p, err);
	else if (write_all(&p, more, err) == 0)
		rc = file_wait(p.fd) == 0 ? 0 : failed(&p, err);
done:
	if (p.fd >= 0)
		close(p.fd);
	buf_free(&old);
	buf_free(&new);
	return rc;
}

bool
progress_has_any(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size >= HEAD_LEN + RECORD_LEN;
}

struct progress *
progress_open(const char *path, struct keyhash of, uint32_t nunits,
	      bool *resumed, struct err *err)
{
	struct progress *const p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->fd = -1;
	p->of = of;
	p->nunits = nunits;
	p->path = strdup(path);
	p->units = calloc((size_t)nunits + 1, sizeof(*p->units));
	p->changed = calloc((size_t)nunits + 1, sizeof(*p->changed));
	if (p->path == NULL || p->units == NULL || p->changed == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	p->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (p->fd < 0) {
		failed(p, err);
		goto fail;
	}
	if (read_file(p, resumed, err) == 0)
		return p;
fail:
	progress_close(p);
	return NULL;
}

void
progress_close(struct progress *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; p->units != NULL && i < p->nunits; i++)
		free(p->units[i].words);
	free(p->units);
	free(p->changed);
	buf_free(&p->text);
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p);
}

/* ---- items -------------------------------------------------------------- */

uint64_t
progress_of(const struct progress *p, uint32_t unit)
{
	const struct marks *const m = &p->units[unit];

	if (m->first == m->n)
		return m->base;
	return m->base + (uint64_t)__builtin_ctzll(~m->words[m->first]);
}

static int
grow(struct marks *m, size_t need, struct err *err)
{
	size_t cap = m->cap > 0 ? m->cap : 16;
	uint64_t *more;

	/* First what is in front and free. */
	if (m->first > 0) {
		memmove(m->words, m->words + m->first,
			(m->n - m->first) * sizeof(*m->words));
		m->n -= m->first;
		m->first = 0;
	}
	while (cap < need + 1)
		cap *= 2;
	if (cap > m->cap) {
		more = realloc(m->words, cap * sizeof(*more));
		if (more == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		m->words = more;
		m->cap = cap;
	}
	return 0;
}

int
progress_add(struct progress *p, uint32_t unit, uint64_t item,
	     struct err *err)
{
	struct marks *const m = &p->units[unit];
	const size_t word = (size_t)((item - m->base) / 64);

	if (item < m->base)
		return 0;
	if (m->first + word >= m->cap && grow(m, word + 1, err) != 0)
		return -1;
	while (m->n <= m->first + word)
		m->words[m->n++] = 0;
	m->words[m->first + word] |= (uint64_t)1 << (item - m->base) % 64;
	while (m->first < m->n && m->words[m->first] == UINT64_MAX) {
		m->first++;
		m->base += 64;
	}
	if (!m->listed && progress_of(p, unit) > m->written) {
		m->listed = true;
		p->changed[p->nchanged++] = unit;
	}
	return 0;
}

int
progress_write(struct progress *p, bool safe, struct err *err)
{
	buf_reset(&p->text);
	for (uint32_t i = 0; i < p->nchanged; i++) {
		struct marks *const m = &p->units[p->changed[i]];
		uint8_t record[RECORD_LEN];

		m->written = progress_of(p, p->changed[i]);
		m->listed = false;
		store_le64(record, p->changed[i]);
		store_le64(record + 8, m->written);
		store_le64(record + 16, keyhash64_of((struct span){ record,
								     16 }));
		if (buf_append(&p->text, (struct span){ record, RECORD_LEN },
			       err) != 0)
			return -1;
	}
	p->nchanged = 0;
	if (write_all(p, buf_span(&p->text), err) != 0)
		return -1;
	return !safe || file_wait(p->fd) == 0 ? 0 : failed(p, err);
}
