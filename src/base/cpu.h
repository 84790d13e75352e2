/*
 * cpu.h - what this processor can do, decided once, before threads start.
 *
 * Vector kernels exist per feature and do the same thing (STYLE.md); a mask
 * turns features off, so that every kernel can be tested on one machine.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

enum cpu_feature {
	CPU_AVX2 = 1,		/* with BMI1, BMI2, PCLMUL */
	CPU_AVX512 = 2,		/* F, BW, VL, VBMI, VBMI2 */
	CPU_SHA = 4,		/* x86 SHA extensions, with SSE4.1 */
	CPU_NEON = 8,
};

/*
 * Find out what there is, less what `mask` names ("avx2,sha"); NULL or ""
 * masks nothing.  Without avx2 there is no avx512 either.  May be called again
 * by tests, while one thread runs.
 */
void cpu_init(const char *mask);

/* Is it there, and not masked?  Calls cpu_init(NULL) if nobody has. */
bool cpu_has(enum cpu_feature f);

/* The features in use, as a word for a job's record: "avx512 avx2 sha". */
const char *cpu_name(void);

#endif
