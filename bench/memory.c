/*
 * memory.c - the transformation alone: lines in memory to lines in memory, one
 * thread, no file, no packing, no MD5; with every check that there is.
 *
 *	memory [--repeat N] PLAN TABLE FILE...
 *
 * FILE holds plain DynamoDB JSON lines of the plan's source TABLE. Each stage
 * is measured with the ones before it: decode; decode and encode, nothing
 * changed; decode, program, encode. Figures are the best of N passes, in GB of
 * input a second and in nanoseconds an item.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "bench/bench.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/batch.h"

enum {
	BLOCK_LEN = 64 * 1024,		/* as a worker takes it */
	LONGEST = 1 << 30,
};

enum stage { DECODE, COPY, TRANSFORM, NSTAGES };

static const char *const names[NSTAGES] = {
	"decode", "decode, encode", "decode, program, encode",
};

struct bench {
	struct ddbjson *reader;
	struct program_run *run;
	uint32_t input;
	struct batch batch;
	struct buf text;
	uint64_t items, made;
};

/* Take one block through the stages up to `last`; the bytes that it took. */
static size_t
take(struct bench *b, struct span block, bool is_last, enum stage last)
{
	struct err err = { ERR_NONE, "" };
	struct program_result result;
	size_t used;

	batch_reset(&b->batch);
	buf_reset(&b->text);
	if (ddbjson_decode(b->reader, block, is_last, &b->batch, &used,
			   &err) != 0)
		die(&err);
	b->items += b->batch.nitems;
	if (last == COPY && ddbjson_encode(b->batch.items, b->batch.nitems,
					   &b->text, &err) != 0)
		die(&err);
	if (last != TRANSFORM)
		return used;
	if (program_do(b->run, b->input, &b->batch, &result, &err) != 0)
		die(&err);
	for (uint32_t i = 0; i < result.nproducts; i++)
		if (ddbjson_encode(result.products[i].item, 1, &b->text,
				   &err) != 0)
			die(&err);
	b->made += result.nproducts;
	return used;
}

static double
pass(struct bench *b, struct span all, enum stage last)
{
	const double start = now(CLOCK_MONOTONIC);
	size_t at = 0, want = BLOCK_LEN;

	b->items = b->made = 0;
	ddbjson_rewind(b->reader);
	while (at < all.len) {
		const size_t left = all.len - at;
		const size_t n = left < want ? left : want;
		const size_t used = take(b, (struct span){ all.ptr + at, n },
					 n == left, last);

		at += used;
		want = used > 0 ? BLOCK_LEN : 2 * want;
	}
	return now(CLOCK_MONOTONIC) - start;
}

static void
prepare(struct bench *b, const char *plan_path, const char *table)
{
	const struct plan_options options = { .only = &table, .nonly = 1 };
	struct plan_found found = { .name = table, .what = "memory" };
	struct err err = { ERR_NONE, "" };
	struct plan *plan = plan_load(&plan_path, 1, &options, &err);

	if (plan == NULL || plan_resolve(plan, &found, 1, &err) != 0)
		die(&err);

	struct program *program = program_new(plan, span_of("0"), &err);
	if (program == NULL)
		die(&err);
	b->run = program_run_new(program, &err);
	b->reader = ddbjson_new(&err);
	if (b->run == NULL || b->reader == NULL)
		die(&err);
	b->input = found.input;

	size_t n;
	const struct span *const wanted = program_watched(program, b->input,
							  &n);
	ddbjson_watch(b->reader, wanted, n);
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	struct buf all = { 0 };
	struct err err = { ERR_NONE, "" };
	unsigned long repeat = 5;
	int at = 1;

	cpu_init(getenv("CPU_MASK"));
	if (argc > 2 && strcmp(argv[1], "--repeat") == 0) {
		repeat = strtoul(argv[2], NULL, 10);
		at = 3;
	}
	if (argc - at < 3) {
		fprintf(stderr, "usage: memory [--repeat N] PLAN TABLE "
			"FILE...\n");
		return 2;
	}
	prepare(&b, argv[at], argv[at + 1]);
	for (int i = at + 2; i < argc; i++)
		if (file_load(argv[i], LONGEST, &all, &err) != 0)
			die(&err);
	if (buf_reserve(&all, DDBJSON_SLACK, &err) == NULL)
		die(&err);
	memset(all.ptr + all.len, 0, DDBJSON_SLACK);

	for (enum stage s = DECODE; s < NSTAGES; s++) {
		double best = 1e9;

		for (unsigned long i = 0; i < repeat; i++) {
			const double t = pass(&b, buf_span(&all), s);

			best = t < best ? t : best;
		}
		printf("%-24s %.2f GB/s %6.0f ns/item\n", names[s],
		       (double)all.len / best / 1e9,
		       best * 1e9 / (double)b.items);
	}
	printf("%" PRIu64 " items, %zu bytes, %" PRIu64 " made\n", b.items,
	       all.len, b.made);
	return b.made == b.items ? 0 : 1;
}
