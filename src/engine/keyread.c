#include "engine/keyread.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

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

	const size_t n = (size_t)r->shape.nchunks * KEYLOG_ENTRY_LEN;
	uint8_t *const p = buf_reserve(&r->directory, n, err);
	if (p == NULL ||
	    keyread_bytes(r->fd, p, n, r->shape.directory_at, err) != 0)
		return -1;
	buf_commit(&r->directory, n);
	return keylog_check_directory(&r->shape, head, buf_span(&r->directory),
				      err);
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
keyread_entry(const struct keyread *r, size_t i, struct keylog_chunk *out,
	      struct err *err)
{
	if (keylog_get_chunk(&r->shape, buf_span(&r->directory), i, out,
			     err) != 0)
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
	buf_free(&r->directory);
	*r = KEYREAD_NONE;
}
