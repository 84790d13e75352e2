/*
 * direct.h - large files past the system's page cache.
 *
 * What goes through that needs memory: fresh pages must be found, and others
 * are given up for them, which for gigabytes costs several times the copy.  It
 * is worth it for what is looked at again soon.  Files of which that is not so
 * have a second descriptor here, which takes whole pages from where they are.
 * Everything else goes by the first one, as it would without this, and so does
 * all where the file system has no such way.
 */
#ifndef IO_DIRECT_H
#define IO_DIRECT_H

#include <stddef.h>
#include <stdint.h>

enum {
	DIRECT_ALIGN = 4096,		/* of addresses, lengths and places */
	DIRECT_LARGE = 256 << 20,	/* a file of so many bytes is worth it */
};

/* A second descriptor of what `fd` is, to be closed; -1: not here. */
int direct_of(int fd);

/*
 * All of the `n` bytes at `at`.  Returns 1 if it is done; 0 if it cannot be
 * this way, and whoever asks does it by the first descriptor, all of it; or -1
 * with errno.  Where it never can be done, *direct is closed and becomes -1.
 */
int direct_write(int *direct, const void *from, size_t n, uint64_t at);
int direct_read(int *direct, void *to, size_t n, uint64_t at);

#endif
