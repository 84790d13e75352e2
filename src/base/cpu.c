#include "base/cpu.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum cpu_feature feature;
	const char *name;
} NAMES[] = {
	{ CPU_AVX512, "avx512" },
	{ CPU_AVX2, "avx2" },
	{ CPU_SHA, "sha" },
	{ CPU_NEON, "neon" },
};

enum { NNAMES = sizeof(NAMES) / sizeof(NAMES[0]) };

static unsigned features;
static bool known;
static char text[64];

static unsigned
detect(void)
{
	unsigned f = 0;

#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("pclmul"))
		f |= CPU_AVX2;
	if ((f & CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("avx512vbmi2"))
		f |= CPU_AVX512;

	/* gcc 12 has no word for SHA: leaf 7, EBX, bit 29. */
	unsigned a = 7, b, c = 0, d;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if ((b >> 29 & 1) != 0 && __builtin_cpu_supports("sse4.1"))
		f |= CPU_SHA;
#elif defined(__aarch64__)
	f |= CPU_NEON;		/* part of the base architecture */
#endif
	return f;
}

/* Is `name` one of the words, comma-separated, of `list`? */
static bool
listed(const char *list, const char *name)
{
	const size_t len = strlen(name);

	for (const char *p = list; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, len) == 0 &&
		    (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

void
cpu_init(const char *mask)
{
	features = detect();
	for (size_t i = 0; i < NNAMES; i++)
		if (mask != NULL && listed(mask, NAMES[i].name))
			features &= ~(unsigned)NAMES[i].feature;
	if ((features & CPU_AVX2) == 0)
		features &= ~(unsigned)CPU_AVX512;

	text[0] = '\0';
	for (size_t i = 0; i < NNAMES; i++)
		if (features & (unsigned)NAMES[i].feature) {
			const size_t n = strlen(text);

			snprintf(text + n, sizeof(text) - n, "%s%s",
				 n > 0 ? " " : "", NAMES[i].name);
		}
	if (text[0] == '\0')
		snprintf(text, sizeof(text), "portable");
	known = true;
}

bool
cpu_has(enum cpu_feature f)
{
	if (!known)
		cpu_init(NULL);
	return (features & (unsigned)f) != 0;
}

const char *
cpu_name(void)
{
	if (!known)
		cpu_init(NULL);
	return text;
}
