#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/direct.h"
#include "io/drain.h"
#include "io/feed.h"

struct file_feed {
	struct feed feed;
	int fd;
	char *path;
};

struct file_drain {
	struct drain drain;
	int fd;
	int direct;		/* of the same file, or -1: io/direct.h */
	int folder;		/* -1 for standard output */
	bool made, committed;
	char *path;		/* as the caller said it */
	const char *name;	/* its last part */
	char *temp;
	uint8_t *held;		/* bytes that do not fill a step */
	size_t nheld;
	off_t written, begun;	/* bytes; of them on their way to the disk */
};

enum {
	/*
	 * Writes begin and end at multiples of this, but for the last: file
	 * systems keep such pages together, at a third less time.
	 */
	STEP_LEN = 64 * 1024,
	ENOUGH_LEN = 1024 * 1024,	/* of the last of a file */
};

const char *
file_advice(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "; make room and run again";
	case EFBIG:
		return "; raise the limit of file sizes ('ulimit -f')";
	case EMFILE:
		return "; raise the limit of open files ('ulimit -n')";
	default:
		return "";
	}
}

/* "'path': what errno says", and what to do about it where that is plain. */
static int
complain(struct err *err, const char *path)
{
	const bool lost = errno == ENOENT || errno == ENOTDIR ||
			  errno == EISDIR;

	return err_set(err, lost ? ERR_INPUT : ERR_SYSTEM, "'%s': %m%s", path,
		       file_advice(errno));
}

/* The same where we write: nothing about that is the input's fault. */
static int
complain_out(struct err *err, const char *path)
{
	const bool closed = errno == EACCES || errno == EPERM ||
			    errno == EROFS || errno == ENOTDIR;

	complain(err, path);
	err->code = ERR_SYSTEM;
	return closed ? err_advise(err, "name a place that can be written to")
		      : -1;
}

static ssize_t
read_file(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct file_feed *const f = (struct file_feed *)feed;
	ssize_t got;

	do
		got = read(f->fd, to, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? complain(err, f->path) : got;
}

static void
close_feed(struct feed *feed)
{
	struct file_feed *const f = (struct file_feed *)feed;

	if (f->fd > STDERR_FILENO)
		close(f->fd);
	free(f->path);
	free(f);
}

static struct feed *
new_feed(int fd, const char *path, struct err *err)
{
	struct file_feed *const f = malloc(sizeof(*f));
	char *const copy = strdup(path);

	if (f == NULL || copy == NULL) {
		free(f);
		free(copy);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	*f = (struct file_feed){
		.feed = { .read = read_file, .close = close_feed },
		.fd = fd, .path = copy,
	};
	return &f->feed;
}

struct feed *
file_feed(const char *path, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0) {
		complain(err, path);
		return NULL;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		err_set(err, ERR_INPUT, "'%s' is a folder, not a file", path);
		close(fd);
		return NULL;
	}

	/* Only a hint: it fails on pipes, and that is fine. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);

	struct feed *const f = new_feed(fd, path, err);
	if (f == NULL)
		close(fd);
	return f;
}

struct feed *
stdin_feed(struct err *err)
{
	return new_feed(STDIN_FILENO, "standard input", err);
}

static int
write_all(int fd, struct iovec *parts, int n, const char *path,
	  struct err *err)
{
	while (n > 0) {
		ssize_t put = writev(fd, parts, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return complain_out(err, path);
		while (n > 0 && (size_t)put >= parts->iov_len) {
			put -= (ssize_t)parts->iov_len;
			parts++;
			n--;
		}
		if (n > 0) {
			parts->iov_base = (uint8_t *)parts->iov_base + put;
			parts->iov_len -= (size_t)put;
		}
	}
	return 0;
}

static struct iovec
part_of(struct span bytes)
{
	struct iovec v = { .iov_len = bytes.len };

	/* It is only read, which the type cannot say. */
	memcpy(&v.iov_base, &bytes.ptr, sizeof(bytes.ptr));
	return v;
}

static void
write_behind(struct file_drain *f, uint64_t enough)
{
	f->begun = (off_t)file_begin(f->fd, (uint64_t)f->begun,
				     (uint64_t)f->written, enough);
}

static int
hold(struct file_drain *f, struct span bytes, struct err *err)
{
	if (f->held == NULL)
		f->held = malloc(STEP_LEN);
	if (f->held == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (bytes.len > 0)
		memcpy(f->held + f->nheld, bytes.ptr, bytes.len);
	f->nheld += bytes.len;
	return 0;
}

/* All of it past the page cache.  Returns 1, 0 if that cannot be, or -1. */
static int
write_past(struct file_drain *f, struct span bytes, struct err *err)
{
	const off_t end = f->written + (off_t)bytes.len;
	int rc;

	if (f->nheld > 0 || bytes.len == 0)
		return 0;
	rc = direct_write(&f->direct, bytes.ptr, bytes.len,
			  (uint64_t)f->written);
	if (rc > 0 && lseek(f->fd, end, SEEK_SET) != end)
		rc = -1;
	if (rc < 0)
		return complain_out(err, f->path);
	if (rc > 0)
		f->written = f->begun = end;
	return rc;
}

static int
write_file(struct drain *drain, struct span bytes, struct err *err)
{
	struct file_drain *const f = (struct file_drain *)drain;
	const size_t all = f->nheld + bytes.len;

	if (f->direct >= 0) {
		const int rc = write_past(f, bytes, err);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	if (all >= STEP_LEN) {
		const size_t now = all - all % STEP_LEN;
		const size_t n = now - f->nheld;
		struct iovec parts[] = {
			part_of((struct span){ f->held, f->nheld }),
			part_of((struct span){ bytes.ptr, n }),
		};

		if (write_all(f->fd, parts, 2, f->path, err) != 0)
			return -1;
		bytes.ptr += n;
		bytes.len -= n;
		f->nheld = 0;
		f->written += (off_t)now;
		write_behind(f, FILE_BEHIND);
	}
	return hold(f, bytes, err);
}

static int
commit_file(struct drain *drain, struct err *err)
{
	struct file_drain *const f = (struct file_drain *)drain;
	struct iovec rest = { f->held, f->nheld };

	if (write_all(f->fd, &rest, 1, f->path, err) != 0)
		return -1;
	f->written += (off_t)f->nheld;
	f->nheld = 0;
	write_behind(f, ENOUGH_LEN);
	/* What was good is only ever replaced by what is on the disk. */
	if (faccessat(f->folder, f->name, F_OK, 0) == 0 &&
	    file_wait(f->fd) != 0)
		return complain_out(err, f->path);

	/* Some tell only now that there was no room. */
	const int rc = close(f->fd);
	f->fd = -1;
	if ((rc != 0 && errno != EINTR) ||
	    renameat(f->folder, f->temp, f->folder, f->name) != 0)
		return complain_out(err, f->path);
	f->committed = true;
	return 0;
}

static void
close_drain(struct drain *drain)
{
	struct file_drain *const f = (struct file_drain *)drain;

	if (f->direct >= 0)
		close(f->direct);
	if (f->fd >= 0)
		close(f->fd);
	if (f->made && !f->committed)
		unlinkat(f->folder, f->temp, 0);
	if (f->folder >= 0)
		close(f->folder);
	free(f->path);
	free(f->temp);
	free(f->held);
	free(f);
}

/* Set ->path, ->name, ->temp and ->folder. */
static int
find_place(struct file_drain *f, const char *path, struct err *err)
{
	const char *const slash = strrchr(path, '/');
	const size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char *folder = NULL;

	f->path = strdup(path);
	folder = n == 0 ? strdup(".") : strndup(path, n);
	if (f->path == NULL || folder == NULL ||
	    asprintf(&f->temp, ".%s.part", path + n) < 0) {
		f->temp = NULL;
		free(folder);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	f->name = f->path + n;
	f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->folder < 0)
		complain_out(err, folder);
	free(folder);
	return f->folder < 0 ? -1 : 0;
}

struct drain *
file_drain(const char *path, struct err *err)
{
	struct file_drain *const f = calloc(1, sizeof(*f));

	if (f == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	f->drain = (struct drain){ write_file, commit_file, close_drain };
	f->fd = f->direct = f->folder = -1;
	if (find_place(f, path, err) != 0)
		goto fail;
	f->fd = openat(f->folder, f->temp,
		       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		       0666);
	f->made = f->fd >= 0;
	if (f->made)
		return &f->drain;
	complain_out(err, path);
fail:
	close_drain(&f->drain);
	return NULL;
}

void
file_past_cache(struct drain *drain)
{
	struct file_drain *const f = (struct file_drain *)drain;

	if (f->direct < 0)
		f->direct = direct_of(f->fd);
}

static int
write_stdout(struct drain *drain, struct span bytes, struct err *err)
{
	struct iovec all = part_of(bytes);

	(void)drain;
	return write_all(STDOUT_FILENO, &all, 1, "standard output", err);
}

static int
commit_stdout(struct drain *drain, struct err *err)
{
	(void)drain;
	(void)err;
	return 0;
}

static void
close_stdout(struct drain *drain)
{
	(void)drain;
}

struct drain *
stdout_drain(struct err *err)
{
	static struct drain d = { write_stdout, commit_stdout, close_stdout };

	(void)err;
	return &d;
}

int
file_load(const char *path, size_t limit, struct buf *out, struct err *err)
{
	struct feed *const f = file_feed(path, err);
	const size_t from = out->len;
	ssize_t n = f == NULL ? -1 : 1;

	while (n > 0) {
		uint8_t *const to = buf_reserve(out, STEP_LEN, err);

		n = to == NULL ? -1 : f->read(f, to, STEP_LEN, err);
		if (n > 0)
			buf_commit(out, (size_t)n);
		if (out->len - from > limit)
			n = err_set(err, ERR_LIMIT, "'%s' is longer than %zu "
				    "bytes", path, limit);
	}
	if (f != NULL)
		f->close(f);
	return (int)n;
}

int
file_save(const char *path, struct span bytes, struct err *err)
{
	struct drain *const d = file_drain(path, err);
	int rc;

	if (d == NULL)
		return -1;
	rc = d->write(d, bytes, err);
	if (rc == 0)
		rc = d->commit(d, err);
	d->close(d);
	return rc;
}

int
file_save_safe(const char *path, struct span bytes, struct err *err)
{
	const char *const slash = strrchr(path, '/');
	char *folder;
	int rc;

	if (file_save(path, bytes, err) != 0 || file_sync(path, err) != 0)
		return -1;
	folder = slash == NULL ? strdup(".") :
		 strndup(path, (size_t)(slash - path) + 1);
	rc = folder == NULL ? err_set(err, ERR_SYSTEM, "out of memory") :
	     file_sync(folder, err);
	free(folder);
	return rc;
}

size_t
file_most_open(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) != 0)
		return 256;
	return most.rlim_cur > INT_MAX ? INT_MAX : (size_t)most.rlim_cur;
}

void
file_raise_limit(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
		most.rlim_cur = most.rlim_max;
		setrlimit(RLIMIT_NOFILE, &most);
	}
}

/* Returns 0, or -1 with errno set: also if something else is called so. */
static int
make_one(const char *path)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (stat(path, &st) != 0)
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) ? 0 : -1;
}

int
file_make_folder(const char *path, struct err *err)
{
	char *const copy = strdup(path);
	int rc = 0;

	if (copy == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (char *p = copy; rc == 0 && *p != '\0'; ) {
		p += strspn(p, "/");
		p += strcspn(p, "/");

		const char kept = *p;
		*p = '\0';
		if (*copy != '\0' && make_one(copy) != 0)
			rc = complain_out(err, copy);
		*p = kept;
	}
	free(copy);
	return rc;
}

/* Goes on past what stays: the rest may still be in somebody's way. */
static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

int
file_remove_folder(const char *path)
{
	enum { MOST_OPEN = 16 };
	struct stat st;

	nftw(path, remove_one, MOST_OPEN, FTW_DEPTH | FTW_PHYS);
	return lstat(path, &st) != 0 ? 0 : -1;
}

int
file_append(int fd, const char *path, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		const ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain_out(err, path);
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

int
file_cut_torn(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char piece[4096];

	while (end > 0) {
		const off_t from = end > (off_t)sizeof(piece)
			? end - (off_t)sizeof(piece) : 0;
		const ssize_t n = pread(fd, piece, (size_t)(end - from), from);
		const char *const last = n != end - from ? NULL
			: memrchr(piece, '\n', (size_t)n);

		if (n != end - from)
			return -1;
		if (last != NULL) {
			end = from + (last + 1 - piece);
			break;
		}
		end = from;
	}
	return end < 0 ? -1 : ftruncate(fd, end);
}
