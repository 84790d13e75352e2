#include "io/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "io/direct.h"

int
mapping_open(const char *path, struct span *out, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = NULL;

	*out = (struct span){ NULL, 0 };
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "cannot open %s: %m", path);
	if (fstat(fd, &st) != 0) {
		err_set(err, ERR_SYSTEM, "cannot look at %s: %m", path);
		close(fd);
		return -1;
	}
	if (st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd,
			 0);
	if (p == MAP_FAILED) {
		err_set(err, ERR_SYSTEM, "cannot map %s: %m", path);
		close(fd);
		return -1;
	}
	close(fd);
	*out = (struct span){ p, (size_t)st.st_size };
	return 0;
}

/* The address as it was given to us by mmap(). */
static void *
address(struct span bytes)
{
	void *p;

	__builtin_memcpy(&p, &bytes.ptr, sizeof(p));
	return p;
}

/*
 * If it is large: where its pages must be read, 2 MiB at once, which also are
 * one page to the processor.
 */
static void
by_large_pages(struct span bytes)
{
#ifdef MADV_HUGEPAGE
	if (bytes.len >= DIRECT_LARGE)
		madvise(address(bytes), bytes.len, MADV_HUGEPAGE);
#else
	(void)bytes;
#endif
}

/* A quarter of the machine's memory will hold it, whatever else is there? */
static bool
is_kept(size_t len)
{
	const long pages = sysconf(_SC_PHYS_PAGES);
	const long page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 &&
	       len / (size_t)page <= (size_t)pages / 4;
}

void
mapping_at_random(struct span bytes)
{
	if (bytes.len == 0)
		return;
	/* It may not be there yet: then it comes by the piece, and stays. */
	if (is_kept(bytes.len))
		by_large_pages(bytes);
	madvise(address(bytes), bytes.len, MADV_RANDOM);
}

void
mapping_let_go(struct span bytes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	/* Whole pages; a neighbour's would be no harm, but is no use. */
	const size_t skip = (page - (uintptr_t)bytes.ptr % page) % page;

	if (bytes.len > skip + page)
		madvise(address((struct span){ bytes.ptr + skip, 0 }),
			(bytes.len - skip) / page * page, MADV_DONTNEED);
}

void
mapping_in_order(struct span bytes)
{
	if (bytes.len > 0)
		madvise(address(bytes), bytes.len, MADV_SEQUENTIAL);
}

void
mapping_fetch(struct span bytes, uint64_t at, uint64_t len)
{
	enum { PAGE = 4096 };	/* or a part of one */

	at -= at % PAGE;
	if (at >= bytes.len)
		return;
	if (len > bytes.len - at)
		len = bytes.len - at;
	madvise((char *)address(bytes) + at, (size_t)len, MADV_WILLNEED);
}

void
mapping_close(struct span bytes)
{
	if (bytes.len > 0)
		munmap(address(bytes), bytes.len);
}
