/* fuzz_trees.c - any bytes as YAML, as JSON, and as an export's manifests. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/manifest.h"
#include "formats/yaml.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

static void
agree(int failed, struct err *err)
{
	if ((failed != 0) != (err->code != ERR_NONE))
		abort();
	*err = (struct err){ ERR_NONE, "" };
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct span text = { len > 0 ? bytes : (const uint8_t *)"", len };
	struct arena mem = { .limit = 64 * 1024 * 1024 };
	struct err err = { ERR_NONE, "" };
	struct manifest_summary summary;
	struct manifest_file *files;
	size_t n;

	if (len > 64 * 1024)
		return 0;
	agree(yaml_parse(text, "it", &mem, &err) == NULL, &err);
	arena_reset(&mem);
	agree(json_parse(text, "it", &mem, &err) == NULL, &err);
	arena_reset(&mem);
	agree(manifest_read_summary(text, "it", &mem, &summary, &err), &err);
	arena_reset(&mem);
	agree(manifest_read_files(text, "it", &mem, &files, &n, &err), &err);
	arena_free(&mem);
	return 0;
}
