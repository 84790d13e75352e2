#include "engine/generate.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/dice.h"
#include "base/err.h"
#include "formats/gzip.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"

enum {
	LEVEL = 6,			/* what AWS packs with */
	FILE_LEN = 256 * 1024 * 1024,	/* of text */
	PATH_LEN = 1024,
	ORDERS = 3,			/* for each customer */
};

static const char PLAN[] =
	"# How fast is this machine?  dynamill bench plan.yaml\n"
	"dynamill: 1\n"
	"name: bench\n"
	"source:\n"
	"  environment: staging\n"
	"  exports:\n"
	"    - {path: Customers, table: Customers}\n"
	"    - {path: Orders, table: Orders}\n"
	"target: {environment: production}\n"
	"\n"
	"tables:\n"
	"  Customers:\n"
	"    key: [id]\n"
	"    id: id\n"
	"    steps: &steps\n"
	"      - update: SET schemaVersion = 2 REMOVE legacyField\n"
	"      - rename: {statusCode: status}\n"
	"  Orders:\n"
	"    key: [id]\n"
	"    id: id\n"
	"    references: {customerId: Customers}\n"
	"    steps: *steps\n";

/* ---- dice ---------------------------------------------------------------- */

static uint64_t
mixed(uint64_t x)
{
	return dice_mix(x + DICE_STEP);
}

static uint64_t
throw(uint64_t *dice)
{
	return mixed((*dice)++);
}

/* ---- items --------------------------------------------------------------- */

/* The id of the `i`th item of a table. */
static int
put_id(const char *name, char table, uint64_t i, struct buf *out,
       struct err *err)
{
	const uint64_t a = mixed(i ^ (uint64_t)(uint8_t)table << 56);
	const uint64_t b = mixed(a);

	return buf_printf(out, err, "\"%s\":{\"S\":\"%08" PRIx64 "-%04" PRIx64
			  "-4%03" PRIx64 "-a%03" PRIx64 "-%012" PRIx64 "\"}",
			  name, a >> 32, a >> 16 & 0xffff, a & 0xfff,
			  b >> 52, b & 0xffffffffffff);
}

/* Words, until the item is as long as it should be. */
static int
put_note(size_t len, uint64_t *dice, struct buf *out, struct err *err)
{
	static const char *const WORDS[] = {
		"north", "window", "paid", "roof", "call back", "quote",
		"garden", "second floor", "agreed", "later", "brick", "door",
		"invoice", "cellar", "measured", "blue",
	};

	if (buf_printf(out, err, ",\"note\":{\"S\":\"") != 0)
		return -1;
	while (out->len < len)
		if (buf_printf(out, err, "%s ", WORDS[throw(dice) % 16]) != 0)
			return -1;
	return buf_printf(out, err, "\"}}}\n");
}

static int
put_item(bool order, uint64_t i, uint64_t customers, size_t item_len,
	 struct buf *out, struct err *err)
{
	static const char *const CODES[] = { "NEW", "OPEN", "PAID", "CLOSED" };
	const size_t len = out->len + item_len - (item_len > 8 ? 8 : 0);
	uint64_t dice = mixed(i) + order;
	const uint64_t a = throw(&dice), b = throw(&dice);

	if (buf_printf(out, err, "{\"Item\":{") != 0 ||
	    put_id("id", order ? 'o' : 'c', i, out, err) != 0)
		return -1;
	if (order && (buf_printf(out, err, ",") != 0 ||
		      put_id("customerId", 'c', b % customers, out, err) != 0))
		return -1;
	if (buf_printf(out, err, ",\"statusCode\":{\"S\":\"%s\"},\"legacyField\":"
		       "{\"S\":\"v%u\"},\"total\":{\"N\":\"%u.%02u\"},"
		       "\"createdAt\":{\"S\":\"2024-%02u-%02uT%02u:%02u:00Z\"},"
		       "\"active\":{\"BOOL\":%s},\"address\":{\"M\":{\"street\":"
		       "{\"S\":\"%u Main Street\"},\"zip\":{\"N\":\"%u\"}}},"
		       "\"tags\":{\"L\":[{\"S\":\"t%u\"},{\"S\":\"t%u\"}]}",
		       CODES[a % 4], (unsigned)(a >> 2 & 3),
		       (unsigned)(a >> 4 & 0xfff), (unsigned)(a >> 16) % 100,
		       (unsigned)(a >> 24) % 12 + 1, (unsigned)(a >> 28) % 28 + 1,
		       (unsigned)(a >> 34) % 24, (unsigned)(a >> 40) % 60,
		       a >> 63 != 0 ? "true" : "false", (unsigned)(b % 300),
		       (unsigned)(b >> 20) % 99999, (unsigned)(b >> 40) % 50,
		       (unsigned)(b >> 50) % 50) != 0)
		return -1;
	return put_note(len, &dice, out, err);
}

/* ---- files --------------------------------------------------------------- */

/* Items [*at, n) of a table, as far as one file goes. */
static int
write_file(const struct generate_options *o, const char *table,
	   const char *path, uint64_t customers, uint64_t *at, uint64_t n,
	   struct err *err)
{
	struct sink *const to = sink_open(file_drain(path, err), &gzip_format,
					  LEVEL, false, err);
	struct buf text = { 0 };
	uint64_t len = 0;
	int rc = to != NULL ? 0 : -1;

	while (rc == 0 && *at < n && len < FILE_LEN) {
		buf_reset(&text);
		while (rc == 0 && *at < n && text.len < GZIP_PIECE_LEN)
			rc = put_item(*table == 'O', (*at)++, customers,
				      o->item_len, &text, err);
		len += text.len;
		if (rc == 0)
			rc = sink_write(to, buf_span(&text), err);
		if (rc == 0 && o->cancel != NULL && atomic_load(o->cancel))
			rc = err_set(err, ERR_CANCELLED, "interrupted");
	}
	if (rc == 0)
		rc = sink_commit(to, NULL, err);
	sink_close(to);
	buf_free(&text);
	return rc == 0 ? 0 : err_at(err, "%s", path);
}

static int
write_table(const struct generate_options *o, const char *table,
	    uint64_t customers, uint64_t n, struct err *err)
{
	char path[PATH_LEN];
	uint64_t at = 0;

	snprintf(path, sizeof(path), "%s/%s", o->dir, table);
	if (file_make_folder(path, err) != 0)
		return -1;
	for (unsigned i = 0; at < n || i == 0; i++) {
		snprintf(path, sizeof(path), "%s/%s/%08u.json.gz", o->dir,
			 table, i);
		if (write_file(o, table, path, customers, &at, n, err) != 0)
			return -1;
	}
	return 0;
}

int
generate(const struct generate_options *o, struct err *err)
{
	const uint64_t customers = o->items / (ORDERS + 1) + 1;
	char path[PATH_LEN];

	if (snprintf(path, sizeof(path), "%s/plan.yaml", o->dir) >
	    PATH_LEN - 40)
		return err_set(err, ERR_USAGE, "'%s' is too long a name for "
			       "a folder", o->dir);
	if (write_table(o, "Customers", customers, customers, err) != 0 ||
	    write_table(o, "Orders", customers, o->items - (customers <
		    o->items ? customers : o->items), err) != 0)
		return -1;
	return file_save(path, span_of(PLAN), err);
}
