/*
 * library.h - libraries that are loaded when they are first needed: linked,
 * they would cost every start of the program, also those that never use them.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stddef.h>

struct err;

struct library_function {
	const char *name;
	size_t at;		/* of the pointer to it, in the caller's struct */
};

struct library {
	const char *const *files;	/* its names on systems, usual ones first */
	size_t nfiles;
	const struct library_function *functions;
	size_t nfunctions;
	const char *absent;	/* what to say where it is not here */
	const char *name, *oldest;	/* "libcurl", and the version needed */
};

/* Load it for good, and set all pointers in `to`.  0, or -1: ERR_SYSTEM. */
int library_load(const struct library *l, void *to, struct err *err);

#endif
