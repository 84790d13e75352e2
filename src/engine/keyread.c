#include "engine/keyread.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/keyhash.h"

enum { ENTRIES = 512 };		/* of the directory, at a time */

int
keyread_bytes(int fd, uint8_t *to, size_t n, uint64_t at, struct err *err)
{
	while (n > 0) {
		const ssize_t got = pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, ERR_SYSTEM, "%m");
		if (got == 0)
			return err_set(err, ERR_INPUT, "ends at byte %" PRIu64
				       ", %zu before it should", at, n);
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* Have the directory's entries from number `first` on, as many as fit. */
static int
turn_to(struct keyread *r, size_t first, struct err *err)
{
	const size_t left = (size_t)r->shape.nchunks - first;
	const size_t n = (left < ENTRIES ? left : ENTRIES) * KEYLOG_ENTRY_LEN;
	uint8_t *p;

	buf_reset(&r->entries);
	r->first = first;
	p = buf_reserve(&r->entries, n, err);
	if (p == NULL ||
	    keyread_bytes(r->fd, p, n, r->shape.directory_at +
			  first * KEYLOG_ENTRY_LEN, err) != 0)
		return -1;
	buf_commit(&r->entries, n);
	return 0;
}

/* Look through the directory once, and be left with its beginning. */
static int
check_directory(struct keyread *r, struct span header, struct err *err)
{
	struct keysum sum;

	keysum_start(&sum);
	for (size_t i = 0; i < r->shape.nchunks; i += ENTRIES) {
		if (turn_to(r, i, err) != 0)
			return -1;
		keysum_add(&sum, buf_span(&r->entries));
	}
	return keylog_check_directory(&r->shape, header, keysum_get(&sum),
				      err);
}

/* Read header, trailer and directory. */
static int
load(struct keyread *r, struct err *err)
{
	uint8_t header[KEYLOG_HEADER_LEN], trailer[KEYLOG_TRAILER_LEN];
	const struct span head = { header, sizeof(header) };
	struct stat st;

	if (fstat(r->fd, &st) != 0)
		return err_set(err, ERR_SYSTEM, "%m");

	const uint64_t len = (uint64_t)st.st_size;
	if (len < sizeof(header) + sizeof(trailer))
		return err_set(err, ERR_INPUT, "too short for a key log");
	if (keyread_bytes(r->fd, header, sizeof(header), 0, err) != 0 ||
	    keyread_bytes(r->fd, trailer, sizeof(trailer),
			  len - sizeof(trailer), err) != 0 ||
	    keylog_get_shape(head, (struct span){ trailer, sizeof(trailer) },
			     len, &r->shape, err) != 0)
		return -1;
	return check_directory(r, head, err);
}

int
keyread_open(struct keyread *r, const char *path, struct err *err)
{
	*r = KEYREAD_NONE;
	r->path = strdup(path);
	if (r->path == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		const enum err_code code = errno == ENOENT ? ERR_INPUT :
							     ERR_SYSTEM;

		return err_set(err, code, "'%s': %m", path);
	}
	return load(r, err) == 0 ? 0 : err_at(err, "'%s'", path);
}

int
keyread_entry(struct keyread *r, size_t i, struct keylog_chunk *out,
	      struct err *err)
{
	const size_t have = r->entries.len / KEYLOG_ENTRY_LEN;

	if ((i < r->first || i - r->first >= have) &&
	    turn_to(r, i, err) != 0)
		return err_at(err, "'%s'", r->path);
	if (keylog_get_chunk(&r->shape, r->entries.ptr + (i - r->first) *
			     KEYLOG_ENTRY_LEN, out, err) != 0)
		return err_at(err, "'%s'", r->path);
	return 0;
}

int
keyread_chunk(const struct keyread *r, const struct keylog_chunk *c,
	      uint8_t *to, struct err *err)
{
	if (keyread_bytes(r->fd, to, c->len, c->at, err) != 0 ||
	    keylog_check_chunk(c, (struct span){ to, c->len }, err) != 0)
		return err_at(err, "'%s'", r->path);
	return 0;
}

void
keyread_close(struct keyread *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->path);
	buf_free(&r->entries);
	*r = KEYREAD_NONE;
}
