/*
 * keyuuid.h - source ids that are UUIDs in lower case, as the 16 bytes that
 * they say: key logs and the indexes of ids are then half as long.
 *
 * The type letter 'U' stands for that; it is never the type of anything else.
 */
#ifndef FORMATS_KEYUUID_H
#define FORMATS_KEYUUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { KEYUUID_LEN = 16, KEYUUID_TEXT_LEN = 36, KEYUUID_TYPE = 'U' };

/* False, and `to` is anything, if keyuuid_text() would not give it back. */
bool keyuuid_pack(struct span text, uint8_t to[KEYUUID_LEN]);

void keyuuid_text(const uint8_t from[KEYUUID_LEN],
		  char to[KEYUUID_TEXT_LEN]);

#endif
