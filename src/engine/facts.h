/*
 * facts.h - how job.json names files and sources, and what it says of them: for
 * who writes it, and for who asks later whether they are still the same.
 */
#ifndef ENGINE_FACTS_H
#define ENGINE_FACTS_H

#include <limits.h>
#include <stddef.h>

struct err;
struct export;

enum {
	FACT_LEN = 80,			/* of a value, with its NUL */
	FACT_NAME_LEN = PATH_MAX + 24,
};

/*
 * What names a file from wherever the command is given: the same plan by
 * another way is the same plan.
 */
void fact_full_name(const char *path, char out[PATH_MAX]);

/* "sha256:..." of a file's bytes.  Returns 0 or -1. */
int fact_of_file(const char *path, char out[FACT_LEN], struct err *err);

/* The name and value of a source, the `number`th. */
void fact_source_name(const struct export *e, size_t number,
		      char out[FACT_NAME_LEN]);
int fact_of_source(const struct export *e, char out[FACT_LEN],
		   struct err *err);

#endif
