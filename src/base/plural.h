/* plural.h - "1 item", "2 items": a noun behind a count. */
#ifndef BASE_PLURAL_H
#define BASE_PLURAL_H

#include <stdint.h>

/* What a noun ends with behind `n`, as in "%" PRIu64 " item%s". */
static inline const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

#endif
