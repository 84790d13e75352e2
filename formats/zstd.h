/*
 * zstd.h - Zstandard (RFC 8878), read and written.
 *
 * Reading takes any number of frames, skippable ones too, and checks the
 * checksums of those that have one.  Writing gives one frame with a checksum;
 * levels are Zstandard's own, 1 being the usual one.
 */
#ifndef FORMATS_ZSTD_H
#define FORMATS_ZSTD_H

#include "formats/formats.h"

extern const struct byte_format zstd_format;

#endif
