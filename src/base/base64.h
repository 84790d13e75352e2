/*
 * base64.h - standard, padded base64 (RFC 4648, section 4).
 *
 * Only the one canonical text of some bytes is well-formed: the bits of the
 * last character that stand for nothing must be zero.  So equal bytes have
 * equal texts.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Is `text` well-formed?  Empty text is. */
bool base64_check(struct span text);

/* Bytes that `text`, checked, stands for; and bytes of text for `n` bytes. */
size_t base64_decoded_len(struct span text);
size_t base64_encoded_len(size_t n);

/* Both write exactly as many bytes as the two above say. */
void base64_decode(struct span text, uint8_t *out);
void base64_encode(struct span bytes, uint8_t *out);

#endif
