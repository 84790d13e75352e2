/*
 * file_sync.c - to wait for the disk, as seldom as can be.
 *
 * A wait costs the disk a round of its own, whatever it is for: fifty small
 * files one by one take ten times as long as all that there is at once.  But
 * "all" is of everybody who writes to that file system, so we look first how
 * much the system has to write.
 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

uint64_t
file_begin(int fd, uint64_t from, uint64_t to, uint64_t enough)
{
#ifdef __linux__
	if (to - from >= enough) {
		sync_file_range(fd, (off_t)from, (off_t)(to - from),
				SYNC_FILE_RANGE_WRITE);
		return to;
	}
#else
	(void)fd;
	(void)to;
	(void)enough;
#endif
	return from;
}

int
file_wait(int fd)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc != 0 && errno == EINTR);
	return rc != 0 && errno == EINVAL ? 0 : rc;
}

int
file_sync(const char *path, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	rc = file_wait(fd);
	if (rc != 0) {
		err_set(err, ERR_SYSTEM, "'%s': %m", path);
		unlink(path);	/* nothing, if it is a folder */
	}
	close(fd);
	return rc;
}

/* The number of KiB that /proc/meminfo has under a name. */
static uint64_t
kib_of(const char *text, const char *name)
{
	const char *const p = strstr(text, name);

	return p == NULL ? 0 : strtoull(p + strlen(name), NULL, 10);
}

/* How many bytes the system has to write; UINT64_MAX if it does not say. */
static uint64_t
waiting(void)
{
	struct buf text = { 0 };
	struct err trouble;
	uint64_t n = UINT64_MAX;

	if (file_load("/proc/meminfo", 1 << 20, &text, &trouble) == 0 &&
	    buf_printf(&text, &trouble, "\n") == 0 &&
	    strstr((const char *)text.ptr, "\nDirty:") != NULL)
		n = 1024 * (kib_of((const char *)text.ptr, "\nDirty:") +
			    kib_of((const char *)text.ptr, "\nWriteback:"));
	buf_free(&text);
	return n;
}

int
file_sync_around(const char *path, uint64_t ours)
{
	enum { OTHERS = 128 << 20 };	/* a moment's work for a disk */
	const uint64_t n = waiting();
	int fd, rc = 0;

	if (n > ours && n - ours > OTHERS)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
#ifdef __linux__
	/* If it fails, who waits for each file hears which one it was. */
	rc = syncfs(fd) == 0;
#endif
	close(fd);
	return rc;
}
