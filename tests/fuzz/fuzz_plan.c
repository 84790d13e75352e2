/*
 * fuzz_plan.c - any text as a plan, and then with some tables found: refused
 * with an error, or taken without one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/plan.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

/* A plan is read by its path: one file in memory, written anew each time. */
static void
write_plan(char *path, size_t room, const uint8_t *data, size_t len)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("plan", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) != 0 ||
	    pwrite(fd, data, len, 0) != (ssize_t)len)
		abort();
	snprintf(path, room, "/proc/self/fd/%d", fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct plan_found found[] = {
		{ .name = "Users-src" }, { .name = "LogA-src" },
		{ .name = "Contacts" },
	};
	struct err err = { 0 };
	char path[64];
	const char *const paths[] = { path };

	write_plan(path, sizeof(path), data, len);
	struct plan *const p = plan_load(paths, 1, NULL, &err);
	if ((p == NULL) != (err.code != ERR_NONE))
		abort();
	if (p == NULL)
		return 0;
	plan_not_yet(p, NULL);
	if ((plan_resolve(p, found, 3, &err) != 0) != (err.code != ERR_NONE))
		abort();
	plan_free(p);
	return 0;
}
