/*
 * replay.c - run a fuzzer without a fuzzer: every file that is named, or lies
 * under a folder that is, as it is and changed in so many ways.
 *
 *	replay_<name> [-n CHANGES] PATH...
 *
 * The dice fall the same way every time. On a crash the bytes at fault are in
 * build/crash; put them into fixtures/ and mend the code.
 */
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/fuzz/fuzz.h"

enum { MOST = 256 * 1024, GROWTH = 64 };

static uint8_t original[MOST + GROWTH], changed[MOST + GROWTH];
static size_t changed_len;
static unsigned long changes = 40, nruns, nfiles;
static uint64_t dice = 1;

static size_t
below(size_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (size_t)(dice % n);
}

/* A byte, a bit, a stretch taken away, put in twice or over another. */
static size_t
change(uint8_t *b, size_t len)
{
	static const char odd[] = "\"\\{}[]:,\n\r\t 0-eE.\xc3\xa9\xed\xff\x80";
	const size_t at = below(len), n = 1 + below(16);

	switch (below(6)) {
	case 0:
		b[at] ^= (uint8_t)(1u << below(8));
		return len;
	case 1:
		b[at] = (uint8_t)odd[below(sizeof(odd))];
		return len;
	case 2:
		if (at + n > len)
			return at;
		memmove(b + at, b + at + n, len - at - n);
		return len - n;
	case 3:
		if (at + n > len || len + n > MOST)
			return len;
		memmove(b + at + n, b + at, len - at);
		return len + n;
	case 4:
		if (at + n <= len)
			memmove(b + at, b + below(len - n + 1), n);
		return len;
	default:
		memmove(b + at + 1, b + at, len - at);
		b[at] = (uint8_t)odd[below(sizeof(odd))];
		return len + 1;
	}
}

static void
keep_crash(int signal_number)
{
	FILE *f = fopen("build/crash", "w");

	if (f != NULL) {
		fwrite(changed, 1, changed_len, f);
		fclose(f);
	}
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static int
try_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;

	FILE *plain = fuzz_packed ? fopen(path, "r") : NULL;
	gzFile file = fuzz_packed ? NULL : gzopen(path, "r");
	long len = 0;
	if (plain != NULL) {
		len = (long)fread(original, 1, MOST, plain);
		fclose(plain);
	} else if (file != NULL) {
		len = gzread(file, original, MOST);
		gzclose(file);
	}
	if (len < 0)		/* a damaged gzip is for fuzz_unpack */
		return 0;

	nfiles++;
	for (unsigned long i = 0; i <= changes; i++) {
		memcpy(changed, original, (size_t)len);
		changed_len = (size_t)len;
		for (size_t k = i == 0 ? 0 : 1 + below(4);
		     k > 0 && changed_len > 0; k--)
			changed_len = change(changed, changed_len);
		LLVMFuzzerTestOneInput(changed, changed_len);
		nruns++;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	signal(SIGABRT, keep_crash);
	signal(SIGSEGV, keep_crash);
	signal(SIGBUS, keep_crash);
	for (int c; (c = getopt(argc, argv, "n:")) != -1;) {
		if (c != 'n')
			return 2;
		changes = strtoul(optarg, NULL, 10);
	}
	for (int i = optind; i < argc; i++)
		if (nftw(argv[i], try_file, 16, FTW_PHYS) != 0) {
			perror(argv[i]);
			return 1;
		}
	printf("%s: %lu files, %lu runs\n", argv[0], nfiles, nruns);
	return nfiles == 0;
}
