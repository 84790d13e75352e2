/* program_internal.h - what the parts of a program share. */
#ifndef ENGINE_PROGRAM_INTERNAL_H
#define ENGINE_PROGRAM_INTERNAL_H

#include <stdbool.h>

#include "engine/program.h"

struct program_run {
	const struct program *program;
	struct rewrite_queue *queue;
	struct program_sums sums;
	bool *keyless;			/* nobody wants the table's keys */
	bool maps;			/* somebody looks at the maps after */
};

#endif
