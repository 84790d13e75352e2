/*
 * token.h - a name that nobody else has: 128 random bits as 32 digits.
 */
#ifndef BASE_TOKEN_H
#define BASE_TOKEN_H

struct err;

enum { TOKEN_LEN = 33 };	/* with its NUL */

/* Returns 0 or -1. */
int token_make(char out[TOKEN_LEN], struct err *err);

#endif
