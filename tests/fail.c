#include "tests/fail.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

static unsigned left[FAIL_CALLS];	/* calls until it fails; 0: never */
static int codes[FAIL_CALLS];
static bool cut, happened;
static unsigned turn;

ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __real_writev(int fd, const struct iovec *parts, int n);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);

void
fail_at(enum fail_call call, unsigned nth, int code)
{
	left[call] = nth;
	codes[call] = code;
	happened = false;
}

void
fail_short(bool on)
{
	cut = on;
}

bool
fail_stop(void)
{
	for (int i = 0; i < FAIL_CALLS; i++)
		left[i] = 0;
	cut = false;
	return happened;
}

static bool
fails(enum fail_call call)
{
	if (left[call] == 0 || --left[call] > 0)
		return false;
	happened = true;
	errno = codes[call];
	return true;
}

static size_t
cut_to(size_t n)
{
	const size_t most = 1 + turn++ % 7;

	return cut && n > most ? most : n;
}

ssize_t
__wrap_read(int fd, void *to, size_t n)
{
	return fails(FAIL_READ) ? -1 : __real_read(fd, to, cut_to(n));
}

ssize_t
__wrap_writev(int fd, const struct iovec *parts, int n)
{
	struct iovec some[2];

	if (fails(FAIL_WRITE))
		return -1;
	if (!cut || n > 2)
		return __real_writev(fd, parts, n);
	for (int i = 0; i < n; i++) {
		some[i] = parts[i];
		some[i].iov_len = cut_to(some[i].iov_len);
		if (some[i].iov_len < parts[i].iov_len)
			return __real_writev(fd, some, i + 1);
	}
	return __real_writev(fd, parts, n);
}

int
__wrap_fsync(int fd)
{
	return fails(FAIL_FSYNC) ? -1 : __real_fsync(fd);
}

int
__wrap_syncfs(int fd)
{
	return fails(FAIL_SYNCFS) ? -1 : __real_syncfs(fd);
}

int
__wrap_renameat(int from, const char *old, int to, const char *new)
{
	return fails(FAIL_RENAME) ? -1 : __real_renameat(from, old, to, new);
}
