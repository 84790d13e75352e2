#include "engine/progress.h"

#include <errno.h>
#include <fcntl.h>
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
	while (s.len > 0) {
		const ssize_t n = write(p->fd, s.ptr, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(p, err);
		s.ptr += n;
		s.len -= (size_t)n;
	}
	return 0;
}

/* ---- opening ------------------------------------------------------------ */

static int
begin(struct progress *p, struct keyhash of, struct err *err)
{
	uint8_t head[HEAD_LEN] = { 0 };

	memcpy(head, MAGIC, sizeof(MAGIC));
	store_le64(head + HASH_AT, of.lo);
	store_le64(head + HASH_AT + 8, of.hi);
	if (ftruncate(p->fd, 0) != 0)
		return failed(p, err);
	return write_all(p, (struct span){ head, sizeof(head) }, err);
}

/* Records up to the first that is torn or says nonsense; where that is. */
static size_t
take_records(struct progress *p, struct span s)
{
	size_t at = HEAD_LEN;

	for (; at + RECORD_LEN <= s.len; at += RECORD_LEN) {
		const uint8_t *const r = s.ptr + at;
		const uint64_t unit = load_le64(r), n = load_le64(r + 8);
		const uint64_t sum = keyhash64_of((struct span){ r, 16 });

		if (load_le64(r + 16) != sum || unit >= p->nunits)
			break;
		p->units[unit].written = n;
		p->units[unit].base = n & ~(uint64_t)63;
	}
	return at;
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

static int
read_file(struct progress *p, struct keyhash of, bool *resumed,
	  struct err *err)
{
	struct buf text = { 0 };
	struct stat st;
	int rc = 0;
	size_t end;

	*resumed = false;
	if (fstat(p->fd, &st) != 0)
		return failed(p, err);
	if (st.st_size < HEAD_LEN)	/* killed before it was begun */
		return begin(p, of, err);
	rc = file_load(p->path, SIZE_MAX / 4, &text, err);
	if (rc == 0 && (text.len < HEAD_LEN ||
			memcmp(text.ptr, MAGIC, sizeof(MAGIC)) != 0))
		rc = err_set(err, ERR_INPUT, "'%s' is no record of a push",
			     p->path);
	if (rc == 0 && (load_le64(text.ptr + HASH_AT) != of.lo ||
			load_le64(text.ptr + HASH_AT + 8) != of.hi))
		rc = err_set(err, ERR_REFUSED, "'%s' is of other items or "
			     "another table; if that push is to be forgotten, "
			     "remove it", p->path);
	if (rc == 0) {
		*resumed = true;
		end = take_records(p, buf_span(&text));
		if (ftruncate(p->fd, (off_t)end) != 0 ||
		    lseek(p->fd, 0, SEEK_END) < 0)
			rc = failed(p, err);
	}
	buf_free(&text);
	return rc == 0 ? fill_words(p, err) : -1;
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
	if (read_file(p, of, resumed, err) == 0)
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
