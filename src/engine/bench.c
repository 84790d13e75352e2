#include "engine/bench.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/bench_internal.h"
#include "engine/plan.h"
#include "engine/run_internal.h"
#include "formats/formats.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"
#include "engine/place.h"

#define SAMPLE ((uint64_t)128 << 20)

enum { REPEAT = 3, PIECE_LEN = 64 * 1024, PATH_LEN = 512 };

const char *
bench_stage_name(enum bench_stage s)
{
	static const char *const NAMES[BENCH_NSTAGES] = {
		"unpack", "decode", "transform", "encode", "pack",
	};

	return NAMES[s];
}

/* ---- time ---------------------------------------------------------------- */

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of all threads that there are and were. */
static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A counter of this thread's cycles, or -1: not on this machine. */
static int
open_cycles(void)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(a),
		.config = PERF_COUNT_HW_CPU_CYCLES, .exclude_kernel = 1,
	};

	return (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static uint64_t
read_cycles(int fd)
{
	uint64_t n = 0;

	return fd >= 0 && read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* ---- which files --------------------------------------------------------- */

/* Only these are done: the first of each input, then all up to the sample. */
static int
choose_files(const struct bench_options *o, struct run *r,
	     struct bench_result *out, struct err *err)
{
	const uint64_t most = o->sample > 0 ? o->sample : SAMPLE;
	bool *const met = calloc(r->plan->ninputs + 1, sizeof(*met));
	uint64_t len = 0;

	if (met == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	out->nfiles = out->nall = 0;
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct unit *const u = &r->units[i];

		if (r->done[i])
			continue;
		out->nall++;
		if (met[u->input] && len + u->packed_len > most) {
			r->done[i] = true;
			continue;
		}
		met[u->input] = true;
		len += u->packed_len;
		out->nfiles++;
	}
	free(met);
	return out->nfiles > 0 ? 0 : err_set(err, ERR_INPUT, "there are no "
					     "data files to measure with");
}

static int
check_plan(struct run *r, struct err *err)
{
	for (int s = SURVEY_STATE; s <= SURVEY_KEYS; s++)
		if (run_needs(r, (enum run_survey)s))
			return err_set(err, ERR_USAGE, "this plan reads its "
				       "exports more than once; measure it "
				       "without '--on-duplicate' and with "
				       "'dangling: report', or a full export "
				       "alone");
	if (strncmp(run_out(r), "s3://", 5) == 0)
		return err_set(err, ERR_USAGE, "this plan writes to %s, and a "
			       "measurement writes nowhere; take 'out' out of "
			       "it", run_out(r));
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct unit *const u = &r->units[i];

		if (!r->done[i] && (u->archive != NULL || u->increment ||
				    strcmp(u->path, "-") == 0))
			return err_set(err, ERR_USAGE, "'%s' is in an archive,"
				       " standard input or of an increment; "
				       "measure with data files of a full "
				       "export", u->path);
	}
	return 0;
}

/* Open the run, in a folder of its own below `top`. */
static struct run *
open_run(const struct bench_options *o, const struct run_options *ro,
	 struct bench_result *out, struct err *err)
{
	struct run *const r = run_open(ro, err);

	if (r != NULL && check_plan(r, err) == 0 &&
	    choose_files(o, r, out, err) == 0)
		return r;
	run_close(r);
	return NULL;
}

/* ---- the floor ----------------------------------------------------------- */

static int
recompress(const struct run *r, const struct unit *u, const char *path,
	   struct err *err)
{
	struct source *const from = source_open(unit_feed(u, err), false, err);
	struct sink *to = NULL;
	struct span piece;
	int more = -1;

	if (from != NULL)
		to = sink_open(file_drain(path, err), r->shared.pack,
			       r->shared.level, false, err);
	if (to != NULL) {
		do {
			more = source_peek(from, PIECE_LEN, &piece, err);
			if (more >= 0 && sink_write(to, piece, err) != 0)
				more = -1;
			if (more >= 0)
				source_consume(from, piece.len);
		} while (more > 0);
		if (more == 0)
			more = sink_commit(to, NULL, err);
	}
	sink_close(to);
	source_close(from);
	return more == 0 ? 0 : err_at(err, "%s", u->path);
}

static int
take_floor(const struct run *r, const char *top, struct bench_time *best,
	   struct err *err)
{
	const double wall = seconds(CLOCK_MONOTONIC), cpu = cpu_seconds();
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/floor", top);
	for (uint32_t i = 0; i < r->nunits; i++)
		if (!r->done[i] &&
		    recompress(r, &r->units[i], path, err) != 0)
			return -1;
	unlink(path);

	const struct bench_time now = { 1, seconds(CLOCK_MONOTONIC) - wall,
					cpu_seconds() - cpu };
	if (best->threads == 0 || now.cpu < best->cpu)
		*best = now;
	return 0;
}

/* ---- stages and whole ---------------------------------------------------- */

/* One pass through the stages; the shortest of each counts. */
static int
take_stages(struct run *r, struct bench_result *out, struct err *err)
{
	struct bench_result now = { 0 };
	const int fd = open_cycles();
	const double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	int rc = 0;

	for (uint32_t i = 0; i < r->nunits && rc == 0; i++)
		if (!r->done[i])
			rc = bench_stages(&r->shared, &r->units[i], &now, err);
	const double took = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	const uint64_t cycles = read_cycles(fd);
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		return -1;
	out->ghz = took > 0 ? (double)cycles / took / 1e9 : 0;
	for (int s = 0; s < BENCH_NSTAGES; s++)
		if (out->items == 0 || now.stages[s] < out->stages[s])
			out->stages[s] = now.stages[s];
	out->items = now.items;
	out->made = now.made;
	out->packed_len = now.packed_len;
	out->plain_len = now.plain_len;
	out->made_len = now.made_len;
	out->out_len = now.out_len;
	return 0;
}

static int
take_run(const struct bench_options *o, struct run_options *ro,
	 unsigned threads, struct bench_result *out, struct bench_time *best,
	 struct err *err)
{
	struct run *r;
	int rc;

	ro->threads = threads;
	r = open_run(o, ro, out, err);
	if (r == NULL)
		return -1;
	const double wall = seconds(CLOCK_MONOTONIC), cpu = cpu_seconds();
	rc = run_units(r, err);
	const struct bench_time now = { threads,
		seconds(CLOCK_MONOTONIC) - wall, cpu_seconds() - cpu };
	run_close(r);
	file_remove_folder(ro->job_dir);
	if (rc == 0 && (best->threads == 0 || now.wall < best->wall))
		*best = now;
	return rc;
}

/* With one thread, two, four ... as many as there may be. */
static size_t
ways(unsigned most, unsigned threads[BENCH_MAX_RUNS])
{
	size_t n = 0;

	for (unsigned t = 1; t < most && n + 1 < BENCH_MAX_RUNS; t *= 2)
		threads[n++] = t;
	threads[n++] = most;
	return n;
}

static int
measure(const struct bench_options *o, const char *top,
	struct bench_result *out, struct err *err)
{
	const unsigned repeat = o->repeat > 0 ? o->repeat : REPEAT;
	struct run_options ro = o->run;
	unsigned threads[BENCH_MAX_RUNS];
	char job[PATH_LEN];
	struct run *r;
	int rc = 0;

	snprintf(job, sizeof(job), "%s/job", top);
	ro.job_dir = job;
	r = open_run(o, &ro, out, err);
	if (r == NULL)
		return -1;
	for (unsigned i = 0; i < repeat && rc == 0; i++) {
		rc = take_stages(r, out, err);
		if (rc == 0)
			rc = take_floor(r, top, &out->floor, err);
		if (rc == 0 && ro.cancel != NULL && atomic_load(ro.cancel))
			rc = err_set(err, ERR_CANCELLED, "interrupted");
	}
	run_close(r);
	file_remove_folder(job);
	out->nruns = ways(ro.threads > 0 ? ro.threads : 1, threads);
	for (unsigned i = 0; i < repeat && rc == 0; i++)
		for (size_t k = 0; k < out->nruns && rc == 0; k++)
			rc = take_run(o, &ro, threads[k], out, &out->runs[k],
				      err);
	return rc;
}

int
bench_do(const struct bench_options *o, struct bench_result *out,
	 struct err *err)
{
	char top[PATH_LEN / 2];
	const int n = snprintf(top, sizeof(top), "%s/dynamill-XXXXXX", o->tmp);

	*out = (struct bench_result){ 0 };
	if (n < 0 || (size_t)n >= sizeof(top) || mkdtemp(top) == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make a folder in '%s':"
			       " %m; TMPDIR names another", o->tmp);
	const int rc = measure(o, top, out, err);
	file_remove_folder(top);
	return rc;
}
