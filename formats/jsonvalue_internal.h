/*
 * jsonvalue_internal.h - the tokens of JSON, of which values are put together:
 * these, and those of jsonvalue.h.  Where nothing else is said they return one
 * of enum jsonvalue, and leave w->p as that says.
 */
#ifndef FORMATS_JSONVALUE_INTERNAL_H
#define FORMATS_JSONVALUE_INTERNAL_H

#include "formats/jsonvalue.h"

/* Say what is wrong at w->p.  JSON_BAD. */
int jsonvalue_bad(struct jsonwalk *w, const char *why);

/* The next byte that is no white space, or -1. */
static inline int
jsonvalue_peek(struct jsonwalk *w)
{
	if (w->p < w->end && *w->p > ' ')
		return *w->p;
	jsonvalue_space(w);
	return w->p < w->end ? *w->p : -1;
}

/* Step over `c`, which must come next. */
static inline int
jsonvalue_take(struct jsonwalk *w, int c, const char *expected)
{
	if (jsonvalue_peek(w) != c)
		return jsonvalue_wrong(w, expected);
	w->p++;
	return JSON_GOOD;
}

/* A number as it stands; its first character is at w->p. */
int jsonvalue_number(struct jsonwalk *w, struct span *out);

/* The word `text`, one of JSON's three, whose first letter is at w->p. */
int jsonvalue_word(struct jsonwalk *w, const char *text);

#endif
