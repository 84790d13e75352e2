/*
 * fuzz_archive.c - any bytes as an archive: the names of its files are sane and
 * it comes to no more than its limits; and each file alone, by its number or
 * its name, gives what it gave when all were read one after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "formats/members.h"
#include "io/archive_feed.h"
#include "io/feed.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 1 << 20, COUNT = 40, STEP = 5000 };

const int fuzz_packed = 1;

static void
must(int good)
{
	if (!good)
		abort();
}

/* Archives are read by their path: one in memory, written anew each time. */
static void
write_archive(char *path, size_t room, const uint8_t *data, size_t len)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("archive", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 0) == 0 &&
	     pwrite(fd, data, len, 0) == (ssize_t)len);
	snprintf(path, room, "/proc/self/fd/%d", fd);
}

static void
check_name(const char *name)
{
	must(*name != '\0' && *name != '/' && strstr(name, "//") == NULL);
	must(strncmp(name, "../", 3) != 0 && strstr(name, "/../") == NULL);
	must(strcmp(name, "..") != 0 && strlen(name) <= MEMBERS_MAX_NAME);
	for (const char *p = name; *p != '\0'; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7F && *p != '\\');
}

/* What a file of it holds; returns 0, or -1 with *err set. */
static int
read_member(struct members *m, struct buf *out, struct err *err)
{
	ssize_t n;

	do {
		uint8_t *const to = buf_reserve(out, STEP, err);

		must(to != NULL);
		n = members_read(m, to, STEP, err);
		must(n <= STEP && (n < 0) == (err->code != ERR_NONE));
		buf_commit(out, n > 0 ? (size_t)n : 0);
	} while (n > 0);
	return n < 0 ? -1 : 0;
}

static void
same_by_feed(struct feed *f, struct span text)
{
	struct err err = { ERR_NONE, "" };
	struct buf again = { 0 };
	ssize_t n;

	must(f != NULL);
	do {
		uint8_t *const to = buf_reserve(&again, STEP, &err);

		must(to != NULL);
		n = f->read(f, to, 1 + again.len % STEP, &err);
		buf_commit(&again, n > 0 ? (size_t)n : 0);
	} while (n > 0);
	must(n == 0 && span_equal(buf_span(&again), text));
	buf_free(&again);
	f->close(f);
}

/* Read all of it, and the last file that could be read once more. */
static void
go_through(const char *path, const struct members_limits *limits,
	   struct archive_stream *s)
{
	struct err err = { ERR_NONE, "" };
	struct members *const m = members_open(path, limits, &err);
	struct member f;
	struct buf text = { 0 };
	uint64_t number = 0, sum = 0;
	int rc = 0;

	must((m == NULL) == (err.code != ERR_NONE));
	while (m != NULL && (rc = members_next(m, &f, &err)) > 0) {
		check_name(f.name);
		must(f.number == number++ && number <= limits->count);
		if (number % 3 == 0)	/* passed over */
			continue;
		buf_reset(&text);
		if (read_member(m, &text, &err) != 0)
			break;
		sum += text.len;
		must(sum <= limits->unpacked);

		struct err other = { ERR_NONE, "" };
		same_by_feed(archive_stream_feed(s, f.number, &other),
			     buf_span(&text));
	}
	must((rc < 0) <= (err.code != ERR_NONE));
	members_close(m);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct members_limits limits = { .unpacked = MOST,
					       .count = COUNT };
	struct err err = { ERR_NONE, "" };
	char path[64];

	if (len > MOST)
		return 0;
	archive_feed_limit(&limits);
	write_archive(path, sizeof(path), data, len);
	members_sniff((struct span){ data, len });

	struct archive_stream *const s = archive_stream_new(
		&(struct archive_place){ .path = path }, &err);
	must(s != NULL);
	go_through(path, &limits, s);
	archive_stream_free(s);
	return 0;
}
