/*
 * replay.c - every file of the folders named, through a fuzzer's entry point:
 * what it has found stays found, on machines without clang too.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/file.h"

enum { MAX_LEN = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
replay(const char *folder)
{
	DIR *const dir = opendir(folder);
	const struct dirent *d;
	struct buf bytes = { 0 };
	int n = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	while ((d = readdir(dir)) != NULL) {
		char path[4096];
		struct err err;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		buf_reset(&bytes);
		if (file_load(path, MAX_LEN, &bytes, &err) != 0) {
			fprintf(stderr, "%s\n", err.text);
			n = -1;
			break;
		}
		LLVMFuzzerTestOneInput(bytes.ptr, bytes.len);
		n++;
	}
	closedir(dir);
	buf_free(&bytes);
	return n;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const int n = replay(argv[i]);

		if (n <= 0)
			return EXIT_FAILURE;
		printf("%s: %d replayed\n", argv[i], n);
	}
	return EXIT_SUCCESS;
}
