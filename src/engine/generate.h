/*
 * generate.h - exports to measure with, where there are none at hand: two
 * tables of made-up items, of which one refers to the other, and a plan.
 */
#ifndef ENGINE_GENERATE_H
#define ENGINE_GENERATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct generate_options {
	const char *dir;		/* made where it is missing */
	uint64_t items;			/* of both tables */
	size_t item_len;		/* bytes of JSON of one, about */
	const atomic_bool *cancel;
};

/*
 * Write dir/plan.yaml and dir/<table>/<number>.json.gz, packed as AWS packs
 * them; the same options give the same bytes.  Returns 0 or -1.
 */
int generate(const struct generate_options *o, struct err *err);

#endif
