/*
 * lua.c - a transformation as a script, on items in memory, one thread:
 *
 *	lua [--repeat N] SCRIPT FILE...
 *
 * FILE holds plain DynamoDB JSON lines.  What is measured is script_run() and
 * nothing else, in seconds of CPU.  The figure is the best of N passes.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "bench/bench.h"
#include "expr/script.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/batch.h"

enum {
	BLOCK_LEN = 64 * 1024,		/* as a worker takes it */
	LONGEST = 1 << 30,
};

struct bench {
	struct ddbjson *reader;
	struct script *script;
	struct batch batch;
	uint64_t items, made;
	double seconds;
};

/* One block; the bytes that it took. */
static size_t
take(struct bench *b, struct span block, bool is_last)
{
	static const struct script_context context = { .table = { NULL, 0 } };
	struct err err = { ERR_NONE, "" };
	size_t used;

	batch_reset(&b->batch);
	if (ddbjson_decode(b->reader, block, is_last, &b->batch, &used,
			   &err) != 0)
		die(&err);

	const double start = now(CLOCK_PROCESS_CPUTIME_ID);
	for (uint32_t i = 0; i < b->batch.nitems; i++) {
		struct value *out;
		size_t n;

		if (script_run(b->script, &b->batch.items[i], &context,
			       &b->batch.mem, &out, &n, &err) != 0)
			die(&err);
		b->made += n;
	}
	b->seconds += now(CLOCK_PROCESS_CPUTIME_ID) - start;
	b->items += b->batch.nitems;
	return used;
}

static double
pass(struct bench *b, struct span all)
{
	size_t at = 0, want = BLOCK_LEN;

	b->items = b->made = 0;
	b->seconds = 0;
	ddbjson_rewind(b->reader);
	while (at < all.len) {
		const size_t left = all.len - at;
		const size_t n = left < want ? left : want;
		const size_t used = take(b, (struct span){ all.ptr + at, n },
					 n == left);

		at += used;
		want = used > 0 ? BLOCK_LEN : 2 * want;
	}
	return b->seconds;
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	struct buf all = { 0 }, text = { 0 };
	struct err err = { ERR_NONE, "" };
	unsigned long repeat = 5;
	double best = 1e9;
	int at = 1;

	cpu_init(getenv("CPU_MASK"));
	if (argc > 2 && strcmp(argv[1], "--repeat") == 0) {
		repeat = strtoul(argv[2], NULL, 10);
		at = 3;
	}
	if (argc - at < 2) {
		fprintf(stderr, "usage: lua [--repeat N] SCRIPT FILE...\n");
		return 2;
	}
	if (file_load(argv[at], LONGEST, &text, &err) != 0)
		die(&err);
	for (int i = at + 1; i < argc; i++)
		if (file_load(argv[i], LONGEST, &all, &err) != 0)
			die(&err);
	if (buf_reserve(&all, DDBJSON_SLACK, &err) == NULL)
		die(&err);
	memset(all.ptr + all.len, 0, DDBJSON_SLACK);
	b.script = script_new(argv[at], buf_span(&text), NULL, &err);
	b.reader = ddbjson_new(&err);
	if (b.script == NULL || b.reader == NULL)
		die(&err);
	for (unsigned long i = 0; i < repeat; i++) {
		const double t = pass(&b, buf_span(&all));

		best = t < best ? t : best;
	}
	printf("%.0f items/s %6.0f ns/item\n", (double)b.items / best,
	       best * 1e9 / (double)b.items);
	printf("%" PRIu64 " items, %" PRIu64 " made\n", b.items, b.made);
	return 0;
}
