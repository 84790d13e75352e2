/*
 * fail.h - system calls that fail when told to.
 *
 * For tests that are linked with --wrap=read,--wrap=writev,--wrap=fsync,
 * --wrap=syncfs,--wrap=renameat (LDFLAGS_<module> in the Makefile).
 */
#ifndef TESTS_FAIL_H
#define TESTS_FAIL_H

#include <stdbool.h>

enum fail_call {
	FAIL_READ, FAIL_WRITE, FAIL_FSYNC, FAIL_SYNCFS, FAIL_RENAME, FAIL_CALLS,
};

/* The `nth` call from now on, from 1, fails with this errno, once. */
void fail_at(enum fail_call call, unsigned nth, int code);

/* Reads and writes move a byte, two, three .. seven, a byte, and so on. */
void fail_short(bool on);

/* No more of that.  Returns whether what fail_at() asked for has happened. */
bool fail_stop(void);

#endif
