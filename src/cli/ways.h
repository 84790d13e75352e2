/*
 * ways.h - which way tables go into DynamoDB: by an import, which makes them,
 * or by tables create and push.
 */
#ifndef CLI_WAYS_H
#define CLI_WAYS_H

#include <stdbool.h>

struct options;
struct plan;
struct plan_table;

/*
 * Why no table of the plan is imported, as far as that can be told beforehand;
 * NULL: those are that can be.  `address`: is there one in S3 to import from
 * that neither the options nor the plan say?
 */
const char *ways_why_not(const struct options *o, const struct plan *p,
			 bool address);

enum { WAYS_WORDS_LEN = 160 };

/* In words, with what ways_why_not() said. */
void ways_words(const struct plan *p, const struct plan_table *t,
		const char *why_not, char out[WAYS_WORDS_LEN]);

#endif
