/* inflate_x86.c - the loop with BMI2's shifts and copies of 32 bytes. */
#include "formats/inflate_internal.h"

#if defined(__x86_64__)

#include "formats/inflate_loop.h"

__attribute__((target("bmi,bmi2,avx2"))) enum inflate_pause
inflate_loop_x86(const struct inflate_tables *t, struct inflate_cursor *c,
		 struct inflate_bits *b)
{
	return inflate_loop_any(t, c, b);
}

#endif
