/*
 * words.h - numbers, sizes, times and money as people write them, and text of
 * somebody else so that it can be read.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stdint.h>

struct buf;

/* "1.2 GB", as storage is counted: powers of ten. */
const char *words_bytes(uint64_t n, char out[16]);

/* "1,234,567" */
const char *words_count(uint64_t n, char out[32]);

/* "12 s", "5 min", "3.5 h", "2.1 days" */
const char *words_seconds(double s, char out[32]);

/* "$12.34", or "12.34 EUR"; what is less than a cent is "<$0.01". */
const char *words_money(double n, const char *currency, char out[64]);

/*
 * Text that may quote an item, as it can go to a terminal: what would act there
 * is escaped, line ends are kept.  In `room`, which is used again for the next;
 * to be freed with buf_free().
 */
const char *words_shown(const char *text, struct buf *room);

#endif
