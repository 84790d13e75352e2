#include "io/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

int
direct_of(int fd)
{
#if defined(__linux__) && defined(O_DIRECT)
	char path[40];
	const int flags = fcntl(fd, F_GETFL);

	/* By its number: a file that has no name any more has this one. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return flags < 0 ? -1 :
		open(path, (flags & O_ACCMODE) | O_DIRECT | O_CLOEXEC);
#else
	(void)fd;
	return -1;
#endif
}

static bool
fits(const void *p, size_t n, uint64_t at)
{
	return ((uintptr_t)p | n | at) % DIRECT_ALIGN == 0;
}

/* That was the system's answer; what is left to say to whoever asked. */
static int
judge(int *direct, ssize_t got)
{
	if (got < 0 && errno != EINVAL && errno != EOPNOTSUPP)
		return -1;
	if (got < 0) {
		close(*direct);
		*direct = -1;
	}
	return 0;
}

int
direct_write(int *direct, const void *from, size_t n, uint64_t at)
{
	const uint8_t *p = from;

	if (*direct < 0 || !fits(p, n, at))
		return 0;
	while (n > 0) {
		const ssize_t put = pwrite(*direct, p, n, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0 || put % DIRECT_ALIGN != 0)
			return judge(direct, put);
		p += put;
		n -= (size_t)put;
		at += (uint64_t)put;
	}
	return 1;
}

int
direct_read(int *direct, void *to, size_t n, uint64_t at)
{
	uint8_t *p = to;

	if (*direct < 0 || !fits(p, n, at))
		return 0;
	while (n > 0) {
		const ssize_t got = pread(*direct, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || got % DIRECT_ALIGN != 0)
			return judge(direct, got);
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 1;
}
