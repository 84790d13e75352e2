/*
 * fuzz.h - what a fuzzer and replay.c agree on.
 *
 * A fuzzer is fuzz_<name>.c with the one function that libFuzzer calls. Linked
 * with replay.c instead of libFuzzer it needs no clang and runs anywhere.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Crash if something is wrong with what becomes of these bytes; return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Does it want files as they are, or unpacked if they are gzip? */
extern const int fuzz_packed;

#endif
