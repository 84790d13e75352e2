/*
 * transform.c - the transform alone: plain lines in memory to plain lines in
 * memory, on one core, with all that a run checks, and nothing of a run around
 * it - no file, no packing, no checksum, no log.
 *
 *	transform PLAN TABLE=FILE...
 *
 * Each FILE holds unpacked lines of the source table TABLE.  Prints the bytes,
 * the items and the best and median seconds of CPU of seven rounds over all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/batch.h"

enum { MAX_FILES = 64, ROUNDS = 7, BLOCK_LEN = 64 * 1024 };

struct text {
	struct buf bytes;
	uint32_t input;
};

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
fail(const struct err *err)
{
	fprintf(stderr, "transform: %s\n", err->text);
	return 1;
}

/* All of one text, block by block, as a worker does it.  Returns items. */
static int64_t
carry(const struct text *t, struct program_run *run, struct ddbjson *reader,
      struct batch *batch, struct buf *out, struct err *err)
{
	const size_t len = t->bytes.len - DDBJSON_SLACK;
	size_t at = 0;
	int64_t items = 0;

	ddbjson_rewind(reader);
	while (at < len) {
		const size_t n = len - at < BLOCK_LEN ? len - at : BLOCK_LEN;
		const struct span block = { t->bytes.ptr + at, n };
		struct program_result result;
		size_t used;

		batch_reset(batch);
		if (ddbjson_decode(reader, block, at + n == len, batch, &used,
				   err) != 0 ||
		    program_do(run, t->input, batch, &result, err) != 0)
			return -1;
		buf_reset(out);
		for (uint32_t i = 0; i < result.nproducts; i++)
			if (ddbjson_encode(result.products[i].item, 1, out,
					   err) != 0)
				return -1;
		items += result.nproducts;
		at += used;
	}
	return items;
}

static int
by_time(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
load(int argc, char **argv, struct text *texts, struct plan_found *found,
     struct err *err)
{
	for (int i = 2; i < argc; i++) {
		char *const file = strchr(argv[i], '=');
		struct buf *const b = &texts[i - 2].bytes;

		if (file == NULL)
			return err_set(err, ERR_USAGE, "TABLE=FILE, not '%s'",
				       argv[i]);
		*file = '\0';
		found[i - 2] = (struct plan_found){ .name = argv[i],
						    .what = file + 1 };
		uint8_t slack[DDBJSON_SLACK] = { 0 };
		if (file_load(file + 1, SIZE_MAX / 8, b, err) != 0 ||
		    buf_append(b, (struct span){ slack, sizeof(slack) },
			       err) != 0)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct text texts[MAX_FILES];
	static struct plan_found found[MAX_FILES];
	const int n = argc - 2;
	struct err err = { 0 };
	double seconds[ROUNDS];
	uint64_t len = 0, items = 0;

	if (n < 1 || n > MAX_FILES) {
		fprintf(stderr, "usage: transform PLAN TABLE=FILE...\n");
		return 2;
	}
	cpu_init(getenv("CPU_MASK"));
	const char *const path = argv[1];
	struct plan *const plan = plan_load(&path, 1,
					    &(struct plan_options){ 0 }, &err);
	if (plan == NULL || load(argc, argv, texts, found, &err) != 0 ||
	    plan_resolve(plan, found, (size_t)n, &err) != 0)
		return fail(&err);
	struct program *const program = program_new(plan, span_of("0"), &err);
	struct program_run *const run = program != NULL
		? program_run_new(program, &err) : NULL;
	struct ddbjson *const reader = ddbjson_new(&err);
	struct batch batch = { .mem.chunk_len = 256 * 1024 };
	struct buf out = { 0 };
	if (run == NULL || reader == NULL)
		return fail(&err);

	for (int i = 0; i < n; i++) {
		texts[i].input = found[i].input;
		len += texts[i].bytes.len - DDBJSON_SLACK;
	}
	for (int k = 0; k < ROUNDS; k++) {
		const double start = cpu_seconds();

		items = 0;
		for (int i = 0; i < n; i++) {
			const int64_t made = carry(&texts[i], run, reader,
						   &batch, &out, &err);
			if (made < 0)
				return fail(&err);
			items += (uint64_t)made;
		}
		seconds[k] = cpu_seconds() - start;
	}
	qsort(seconds, ROUNDS, sizeof(seconds[0]), by_time);
	printf("%" PRIu64 " bytes, %" PRIu64 " items, best %.4f s, median "
	       "%.4f s, %.2f GB/s, %.0f ns an item\n", len, items, seconds[0],
	       seconds[ROUNDS / 2], (double)len / 1e9 / seconds[ROUNDS / 2],
	       seconds[ROUNDS / 2] * 1e9 / (double)items);
	program_run_free(run);
	program_free(program);
	ddbjson_free(reader);
	batch_free(&batch);
	buf_free(&out);
	for (int i = 0; i < n; i++)
		buf_free(&texts[i].bytes);
	plan_free(plan);
	return 0;
}
