/* divide_files.c - which shard does which data file. */
#include <stdlib.h>

#include "base/err.h"
#include "engine/divide.h"
#include "engine/unit.h"
#include "formats/members.h"

/* The number of the first file that goes with this one. */
static uint32_t
block_of(const struct unit *files, uint32_t file)
{
	const char *const archive = files[file].archive;
	uint32_t i = 0;

	if (archive == NULL || members_leaps(archive))
		return file;
	while (files[i].archive != archive)
		i++;
	return i;
}

int
divide_files(const struct unit *files, const bool *done, uint32_t n,
	     uint32_t nshards, uint32_t *owner, struct err *err)
{
	struct divide_unit *const units = calloc(n + 1U, sizeof(*units));
	int rc;

	if (units == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < n; i++)
		units[i] = (struct divide_unit){
			.size = files[i].packed_len,
			.block = block_of(files, i),
			.some = done == NULL || !done[i],
		};
	rc = divide(units, n, nshards, owner, err);
	free(units);
	return rc;
}
