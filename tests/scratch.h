/* scratch.h - a file in /tmp that is a test's own, and gone behind it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

extern char scratch[64];	/* its path */

/* For cmocka, around a test or a group: there is none; it goes. */
int scratch_new(void **state);
int scratch_gone(void **state);

#endif
