#include "io/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "io/file.h"

struct spill {
	const char *tmp, *advice;
	int fd;			/* -1: nothing was written */
	uint64_t len;
	void *map;		/* of len + SPILL_SLACK bytes; or NULL */
};

int
spill_file(const char *tmp, struct err *err)
{
	char *name;

	if (asprintf(&name, "%s/dynamill.XXXXXX", tmp) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	const int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		err_set(err, ERR_SYSTEM, "'%s': %m", name);
	else
		unlink(name);
	free(name);
	return fd;
}

static int
cannot_write(const char *tmp, const char *advice, struct err *err)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return err_set(err, ERR_SYSTEM, "a file in '%s': %m; %s", tmp,
			       advice);
	return err_set(err, ERR_SYSTEM, "a file in '%s': %m%s", tmp,
		       file_advice(errno));
}

uint8_t *
spill_zeros(const char *tmp, size_t len, struct err *err)
{
	const int fd = spill_file(tmp, err);
	void *p = MAP_FAILED;

	if (fd < 0)
		return NULL;
	/* Not a hole: with a full disk that would be a SIGBUS. */
	errno = posix_fallocate(fd, 0, (off_t)len);
	if (errno == 0)
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		cannot_write(tmp, "make room", err);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

struct spill *
spill_new(const char *tmp, const char *advice, struct err *err)
{
	struct spill *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->tmp = tmp;
	s->advice = advice;
	s->fd = -1;
	return s;
}

void
spill_free(struct spill *s)
{
	if (s == NULL)
		return;
	spill_unmap(s);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int
spill_write(struct spill *s, struct span bytes, struct err *err)
{
	if (s->fd < 0)
		s->fd = spill_file(s->tmp, err);
	if (s->fd < 0)
		return -1;
	while (bytes.len > 0) {
		const ssize_t n = pwrite(s->fd, bytes.ptr, bytes.len,
					 (off_t)s->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_write(s->tmp, s->advice, err);
		bytes.ptr += n;
		bytes.len -= (size_t)n;
		s->len += (uint64_t)n;
	}
	return 0;
}

uint64_t
spill_len(const struct spill *s)
{
	return s->len;
}

int
spill_map(struct spill *s, struct span *out, struct err *err)
{
	const size_t len = s->len + SPILL_SLACK;

	*out = (struct span){ NULL, 0 };
	if (s->fd < 0)
		return 0;
	if (s->map == NULL) {
		/* A page behind the end of the file could not be read. */
		if (ftruncate(s->fd, (off_t)len) != 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m", s->tmp);
		void *const p = mmap(NULL, len, PROT_READ, MAP_SHARED, s->fd,
				     0);
		if (p == MAP_FAILED)
			return err_set(err, ERR_SYSTEM, "'%s': %m", s->tmp);
		s->map = p;
	}
	*out = (struct span){ s->map, s->len };
	return 0;
}

void
spill_unmap(struct spill *s)
{
	if (s->map != NULL)
		munmap(s->map, s->len + SPILL_SLACK);
	s->map = NULL;
}
