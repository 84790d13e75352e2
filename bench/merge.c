/*
 * merge.c - indexes of the shards of a job, merged as `dynamill merge` does it.
 *
 *	merge [--parts P] [--repeat N] IDS FOLDER
 *
 * Makes P indexes (7) of IDS ids each, source ids that are UUIDs, 16 units a
 * part; then merges them, and for comparison copies their files byte by byte.
 * Each time all pages of the files are given back to the system first, so that
 * both are read from the disk. FOLDER must not exist; it is removed.
 *
 * Printed: seconds of both, bytes, and the most memory that was held and is no
 * file's. Needs 104 bytes of disk an id, and 40 more of a part's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/err.h"
#include "bench/bench.h"
#include "bench/keylogs.h"
#include "engine/join.h"
#include "engine/merge_index.h"
#include "io/file.h"

enum { MAX_PARTS = 64, PIECE_LEN = 1 << 20 };

static const char *const ENDINGS[] = { "idx", "ids" };

static void __attribute__((noreturn))
die_of(const char *what)
{
	fprintf(stderr, "merge: %s: %m\n", what);
	exit(2);
}

/* KiB of this process that are no file's. */
static long
anonymous(void)
{
	struct err err;
	struct buf text = { 0 };
	const char *at;
	long n = 0;

	if (file_load("/proc/self/status", 1 << 16, &text, &err) != 0 ||
	    buf_append(&text, (struct span){ (const uint8_t *)"", 1 },
		       &err) != 0)
		die(&err);
	at = strstr((const char *)text.ptr, "RssAnon:");
	if (at != NULL)
		n = strtol(at + 8, NULL, 10);
	buf_free(&text);
	return n;
}

/* ---- the parts ----------------------------------------------------------- */

static void
make_part(const char *dir, uint64_t n, uint32_t part, uint32_t parts)
{
	static const struct join_table table = { "Ids" };
	static const struct join_target target = { 0 };
	struct err err = { ERR_NONE, "" };
	struct join_result result;
	uint32_t units[NUNITS];
	char path[600];

	make_logs(dir, n, part, parts, false);
	for (uint32_t u = 0; u < NUNITS; u++)
		units[u] = unit_of(u, part, parts);
	const struct join j = {
		.job_dir = dir, .units = units, .nunits = NUNITS,
		.tables = &table, .ntables = 1, .targets = &target,
		.ntargets = 1, .threads = 1, .only_ids = true,
	};
	if (join_run(&j, &result, &err) != 0)
		die(&err);
	join_result_free(&result);
	snprintf(path, sizeof(path), "%s/index/units", dir);
	file_remove_folder(path);
}

/* ---- reading and writing ------------------------------------------------- */

/* On the disk, and nowhere else. */
static uint64_t
forget(const char *folder)
{
	uint64_t len = 0;

	for (int i = 0; i < 2; i++) {
		char path[600];
		struct stat st;

		snprintf(path, sizeof(path), "%s/Ids.%s", folder, ENDINGS[i]);
		const int fd = open(path, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) != 0 || fsync(fd) != 0 ||
		    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
			die_of(path);
		len += (uint64_t)st.st_size;
		close(fd);
	}
	return len;
}

/* All bytes of a folder to the end of `to`. */
static void
copy(const char *folder, int to, uint8_t *piece)
{
	for (int i = 0; i < 2; i++) {
		char path[600];
		ssize_t n;

		snprintf(path, sizeof(path), "%s/Ids.%s", folder, ENDINGS[i]);
		const int fd = open(path, O_RDONLY);
		if (fd < 0)
			die_of(path);
		while ((n = read(fd, piece, PIECE_LEN)) > 0)
			if (write(to, piece, (size_t)n) != n)
				die_of("copy");
		close(fd);
	}
}

struct setup {
	const char *top;
	const char *folders[MAX_PARTS];
	uint32_t parts;
	uint64_t n;
};

static uint64_t
forget_all(const struct setup *s)
{
	uint64_t len = 0;

	for (uint32_t i = 0; i < s->parts; i++)
		len += forget(s->folders[i]);
	return len;
}

static double
time_copy(const struct setup *s)
{
	uint8_t *const piece = malloc(PIECE_LEN);
	char path[600];
	double start;

	snprintf(path, sizeof(path), "%s/copy", s->top);
	forget_all(s);
	start = now(CLOCK_MONOTONIC);

	const int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (to < 0 || piece == NULL)
		die_of(path);
	for (uint32_t i = 0; i < s->parts; i++)
		copy(s->folders[i], to, piece);
	if (fsync(to) != 0)
		die_of(path);
	start = now(CLOCK_MONOTONIC) - start;
	close(to);
	unlink(path);
	free(piece);
	return start;
}

static double
time_merge(const struct setup *s, double *cpu, long *memory)
{
	struct merge_index_result r;
	struct err err = { ERR_NONE, "" };
	char to[600];
	double start;

	snprintf(to, sizeof(to), "%s/merged", s->top);
	if (file_make_folder(to, &err) != 0)
		die(&err);
	forget_all(s);
	*cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	start = now(CLOCK_MONOTONIC);
	if (merge_index(s->folders, s->parts, "Ids", to, NULL, &r, &err) != 0)
		die(&err);
	/* What was sorted and read before is not of the merge: it is given back. */
	*memory = anonymous();
	forget(to);	/* which waits for the disk */
	start = now(CLOCK_MONOTONIC) - start;
	*cpu = now(CLOCK_PROCESS_CPUTIME_ID) - *cpu;
	if (r.items != s->n * s->parts || r.ids != r.items)
		die(&(struct err){ ERR_INPUT, "not all ids are there" });
	file_remove_folder(to);
	return start;
}

int
main(int argc, char **argv)
{
	struct setup s = { .parts = 7 };
	unsigned repeat = 3;
	uint64_t len;

	for (; argc > 3; argv += 2, argc -= 2) {
		const unsigned long v = strtoul(argv[2], NULL, 10);

		if (strcmp(argv[1], "--parts") == 0)
			s.parts = (uint32_t)v;
		else if (strcmp(argv[1], "--repeat") == 0)
			repeat = (unsigned)v;
		else
			break;
	}
	if (argc != 3 || s.parts == 0 || s.parts > MAX_PARTS) {
		fprintf(stderr, "usage: merge [--parts P] [--repeat N] IDS "
			"FOLDER\n");
		return 2;
	}
	cpu_init(getenv("CPU_MASK"));
	s.n = strtoull(argv[1], NULL, 10);
	s.top = argv[2];
	if (mkdir(s.top, 0777) != 0)
		die_of(s.top);
	for (uint32_t i = 0; i < s.parts; i++) {
		char *dir, *index;

		if (asprintf(&dir, "%s/%u", s.top, i) < 0 ||
		    asprintf(&index, "%s/index", dir) < 0)
			die_of("memory");
		make_part(dir, s.n, i, s.parts);
		s.folders[i] = index;
		free(dir);
	}
	len = forget_all(&s);
	printf("%u parts of %" PRIu64 " ids, %.2f GB\n", s.parts, s.n,
	       (double)len / 1e9);
	fflush(stdout);
	for (unsigned i = 0; i < repeat; i++) {
		const double copied = time_copy(&s);
		double cpu;
		long memory;
		const double merged = time_merge(&s, &cpu, &memory);

		printf("merged in %.2f s (%.2f s of CPU, %.0f ns an id, %.0f "
		       "MB/s), copied in %.2f s; %ld KiB of memory held\n",
		       merged, cpu, cpu * 1e9 / (double)(s.n * s.parts),
		       (double)len / 1e6 / merged, copied, memory);
		fflush(stdout);
	}
	file_remove_folder(s.top);
	return 0;
}
