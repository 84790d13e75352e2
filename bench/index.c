/*
 * index.c - the index of ids: built from key logs into files, then asked.
 *
 *	index [--memory MIB] [--repeat N] [--refs 1] IDS FOLDER
 *
 * Writes key logs of IDS items with source ids that are UUIDs, as a run does,
 * in 16 units; builds .idx and .ids from them with one thread, as the end
 * checks do; and looks ids up in batches, some that are there and some that
 * are not, the files being in the page cache.  FOLDER must not exist; it is
 * left behind.  With --refs 1 each item refers to another, and one in a
 * thousand to none: these are joined too.
 *
 * Printed: seconds to build and to join, the most memory that was held then, of
 * the process's own and with what is mapped, and nanoseconds an id to look up
 * (the best of N).  Memory that a virtual machine has not used for some
 * seconds may have to be fetched from its host, which at 2 s a GB was more than
 * all the program does: so another process touches as much as the build will
 * take, and gives it back as it is taken.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/dice.h"
#include "base/err.h"
#include "bench/bench.h"
#include "bench/keylogs.h"
#include "engine/join.h"
#include "formats/keyindex.h"
#include "io/mapping.h"

enum {
	BATCH = 256,		/* as rewrites ask */
	NASKED = 1 << 22,
};

/* ---- memory at hand ------------------------------------------------------ */

/*
 * A process that has touched memory, and gives it back piece by piece as the
 * files grow that are built.
 */
struct keeper {
	pid_t pid;
	int ready[2], alive[2];
};

static uint64_t
size_of(const char *dir, const char *name)
{
	char path[600];
	struct stat st;

	snprintf(path, sizeof(path), "%s/index/.Ids.%s.part", dir, name);
	if (stat(path, &st) == 0)
		return (uint64_t)st.st_size;
	snprintf(path, sizeof(path), "%s/index/Ids.%s", dir, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void __attribute__((noreturn))
keep(const struct keeper *k, const char *dir, uint64_t len)
{
	enum { STEP = 8 << 20, AHEAD = 64 << 20 };
	struct pollfd end = { .fd = k->alive[0] };
	uint64_t given = 0;
	struct sysinfo si;

	sysinfo(&si);
	const uint64_t most = (uint64_t)si.freeram * si.mem_unit / 8 * 7;
	len = (len < most ? len : most) / STEP * STEP;
	uint8_t *const p = mmap(NULL, len + STEP, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		len = 0;	/* then it takes longer */
	} else {
		madvise(p, len, MADV_HUGEPAGE);
		memset(p, 1, len);
	}
	if (write(k->ready[1], "", 1) != 1)
		_exit(1);
	while (poll(&end, 1, 1) == 0)
		/* Beside .ids grows what is yet to be sorted. */
		while (given < len && given < AHEAD + size_of(dir, "ids") / 10 *
		       21 + size_of(dir, "idx")) {
			munmap(p + given, STEP);
			given += STEP;
		}
	_exit(0);
}

/* Have the system at hand what the build of `n` ids will ask for. */
static struct keeper
start_keeper(const char *dir, uint64_t n)
{
	enum { EACH = 80 };
	struct keeper k;
	char c;

	if (pipe(k.ready) != 0 || pipe(k.alive) != 0)
		exit(2);
	fflush(stdout);
	k.pid = fork();
	if (k.pid == 0) {
		close(k.ready[0]);
		close(k.alive[1]);
		keep(&k, dir, n * EACH);
	}
	close(k.ready[1]);
	close(k.alive[0]);
	if (k.pid < 0 || read(k.ready[0], &c, 1) != 1)
		exit(2);
	return k;
}

static void
end_keeper(const struct keeper *k)
{
	close(k->ready[0]);
	close(k->alive[1]);
	waitpid(k->pid, NULL, 0);
}

/* ---- looking on ---------------------------------------------------------- */

/* A moment, and what the process had used by then, of it in the kernel. */
struct moment {
	double wall, cpu, sys;
};

static struct moment
this_moment(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (struct moment){
		.wall = now(CLOCK_MONOTONIC),
		.cpu = now(CLOCK_PROCESS_CPUTIME_ID),
		.sys = (double)r.ru_stime.tv_sec +
		       (double)r.ru_stime.tv_usec / 1e6,
	};
}

/*
 * A thread that looks on while the index is built and joined: how much memory
 * is held, and when the index has its name, which is where joining begins.
 */
struct watch {
	pthread_t thread;
	atomic_bool stop;
	char idx[600];
	struct moment built;
	uint64_t own, all;	/* pages, at most */
};

static void
look(struct watch *w)
{
	uint64_t all = 0, shared = 0;
	char text[200], *p;
	const int fd = open("/proc/self/statm", O_RDONLY);
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n > 0) {
		text[n] = '\0';
		strtoull(text, &p, 10);
		all = strtoull(p, &p, 10);
		shared = strtoull(p, &p, 10);
	}
	w->all = all > w->all ? all : w->all;
	if (all > shared && all - shared > w->own)
		w->own = all - shared;
	if (w->built.wall <= 0 && access(w->idx, F_OK) == 0)
		w->built = this_moment();
}

static void *
look_on(void *arg)
{
	struct watch *const w = arg;

	while (!atomic_load(&w->stop)) {
		look(w);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return NULL;
}

static void
say(const char *what, struct moment from, struct moment to)
{
	printf("%s %.3f s wall, %.3f s cpu, of it %.3f s in the kernel\n", what,
	       to.wall - from.wall, to.cpu - from.cpu, to.sys - from.sys);
}

static void
build(const char *dir, uint64_t n, size_t memory, bool refs)
{
	static const struct join_table table = { "Ids" };
	static const struct join_target target = { 0 };
	static const struct join_relation relation = { 0, true };
	uint32_t units[NUNITS];
	const struct join j = {
		.job_dir = dir, .units = units, .nunits = NUNITS,
		.tables = &table, .ntables = 1, .targets = &target,
		.ntargets = 1, .relations = &relation, .nrelations = 1,
		.memory = memory, .threads = 1,
	};
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct watch w = { .own = 0 };
	struct join_result result;
	struct err err = { ERR_NONE, "" };

	for (uint32_t u = 0; u < NUNITS; u++)
		units[u] = u;
	snprintf(w.idx, sizeof(w.idx), "%s/index/Ids.idx", dir);
	if (pthread_create(&w.thread, NULL, look_on, &w) != 0)
		exit(2);

	const struct moment start = this_moment();
	if (join_run(&j, &result, &err) != 0)
		die(&err);
	const struct moment end = this_moment();

	atomic_store(&w.stop, true);
	pthread_join(w.thread, NULL);
	say("build", start, w.built.wall > 0 && refs ? w.built : end);
	if (refs)
		say("join", w.built.wall > 0 ? w.built : end, end);
	printf("held %" PRIu64 " MiB, %" PRIu64 " MiB with what is mapped\n",
	       w.own * page >> 20, w.all * page >> 20);
	if (result.tables[0].ids != n || result.relations[0].dangling !=
	    (refs ? (n + DANGLING - 1) / DANGLING : 0)) {
		fprintf(stderr, "index: %" PRIu64 " ids, %" PRIu64
			" dangling\n", result.tables[0].ids,
			result.relations[0].dangling);
		exit(1);
	}
	join_result_free(&result);
}

/* Nanoseconds of CPU an id, the best of some passes. */
static double
ask(const struct keyindex *ix, const struct keyhash *keys, unsigned repeat,
    uint64_t *hits)
{
	uint64_t found[BATCH];
	double best = 1e9;

	for (unsigned r = 0; r < repeat; r++) {
		const double start = now(CLOCK_PROCESS_CPUTIME_ID);

		*hits = 0;
		for (size_t i = 0; i < NASKED; i += BATCH) {
			keyindex_find_all(ix, keys + i, BATCH, found);
			for (size_t k = 0; k < BATCH; k++)
				*hits += found[k] != UINT64_MAX;
		}

		const double t = now(CLOCK_PROCESS_CPUTIME_ID) - start;
		best = t < best ? t : best;
	}
	return best / NASKED * 1e9;
}

static void
look_up(const char *dir, uint64_t n, unsigned repeat)
{
	struct keyhash *const keys = malloc(NASKED * sizeof(*keys));
	struct keyindex ix;
	struct span bytes;
	struct err err = { ERR_NONE, "" };
	char path[600];
	uint64_t hits;

	snprintf(path, sizeof(path), "%s/index/Ids.idx", dir);
	if (keys == NULL || mapping_open(path, &bytes, &err) != 0)
		die(&err);
	mapping_at_random(bytes);	/* as a run does */
	if (keyindex_open(&ix, bytes, &err) != 0 ||
	    keyindex_verify(&ix, &err) != 0)
		die(&err);
	for (int miss = 0; miss < 2; miss++) {
		for (size_t i = 0; i < NASKED; i++)
			keys[i] = key_of(dice_mix(i + 99) % n + (miss ? n : 0));

		const double ns = ask(&ix, keys, repeat, &hits);
		printf("%s %.1f ns\n", miss ? "miss" : "hit", ns);
		if (hits != (miss ? 0 : NASKED)) {
			fprintf(stderr, "index: %" PRIu64 " hits\n", hits);
			exit(1);
		}
	}
	free(keys);
	mapping_close(bytes);
}

int
main(int argc, char **argv)
{
	unsigned long memory = 0, repeat = 3, refs = 0;

	cpu_init(getenv("CPU_MASK"));
	for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argc -= 2, argv += 2) {
		const unsigned long v = strtoul(argv[2], NULL, 10);

		if (strcmp(argv[1], "--memory") == 0)
			memory = v << 20;
		else if (strcmp(argv[1], "--refs") == 0)
			refs = v;
		else
			repeat = v;
	}
	if (argc != 3 || strtoull(argv[1], NULL, 10) == 0) {
		fprintf(stderr, "usage: index [--memory MIB] [--repeat N] "
			"[--refs 1] IDS FOLDER\n");
		return 2;
	}

	const uint64_t n = strtoull(argv[1], NULL, 10);
	make_logs(argv[2], n, 0, 1, refs > 0);
	const struct keeper keeper = start_keeper(argv[2], n);
	printf("begin\n");
	fflush(stdout);
	build(argv[2], n, memory, refs > 0);
	fflush(stdout);
	end_keeper(&keeper);
	look_up(argv[2], n, (unsigned)repeat);
	return 0;
}
