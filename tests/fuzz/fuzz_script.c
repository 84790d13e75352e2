/*
 * fuzz_script.c - any items through Lua and back.
 *
 * A script that takes an item apart and puts it together anew must give an
 * equal one, and one that only looks at it the very same.
 */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/err.h"
#include "expr/script.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "model/compare.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

enum { MOST_ITEMS = 20 };

static const char COPY[] =
	"local function copy(v)\n"
	"  if type(v) == 'set' then return set(v) end\n"
	"  if type(v) == 'binary' then return binary(v:bytes()) end\n"
	"  if type(v) == 'decimal' then return decimal(tostring(v)) end\n"
	"  if type(v) ~= 'table' then return v end\n"
	"  if getmetatable(v) == 'list' then\n"
	"    local l = list{}\n"
	"    for i, x in ipairs(v) do l[i] = copy(x) end\n"
	"    return l\n"
	"  end\n"
	"  local m = {}\n"
	"  for k, x in pairs(v) do m[k] = copy(x) end\n"
	"  return map(m)\n"
	"end\n"
	"local function look(v)\n"
	"  if type(v) == 'table' then\n"
	"    for k, x in pairs(v) do look(x) v[k] = x end\n"
	"  end\n"
	"end\n"
	"function transform(item)\n"
	"  local anew = copy(item)\n"
	"  look(item)\n"
	"  return anew, item\n"
	"end\n";

static void
must(int good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct script_context context = { .table = { NULL, 0 } };
	static struct script *script;
	struct err err = { ERR_NONE, "" };
	struct batch b = { 0 };
	uint8_t *const copy = calloc(1, len + DDBJSON_SLACK);
	size_t used;

	cpu_init(NULL);
	if (script == NULL)
		script = script_new("t.lua", span_of(COPY), NULL, &err);

	struct ddbjson *const d = ddbjson_new(&err);
	must(script != NULL && copy != NULL && d != NULL);
	for (size_t i = 0; i < len; i++)
		copy[i] = bytes[i];
	must(ddbjson_decode(d, (struct span){ copy, len }, true, &b, &used,
			    &err) == 0);
	for (uint32_t i = 0; i < b.nitems && i < MOST_ITEMS; i++) {
		const struct item *const item = &b.items[i];
		struct value *out;
		size_t n;

		if (script_run(script, item, &context, &b.mem, &out, &n,
			       &err) != 0) {
			must(err.code == ERR_INPUT);
			continue;
		}
		must(n == 2 && out[1].kids == item->map.kids);
		must(value_equal(&item->map, &out[0], &b.mem, &err) == 1);
	}
	ddbjson_free(d);
	batch_free(&b);
	free(copy);
	return 0;
}
