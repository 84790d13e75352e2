/*
 * ion_items.c - what a struct of Ion text stands for: an item, or the record of
 * an incremental export; and the items of a batch that come of it.
 *
 * They are written as lines of DynamoDB JSON and read again from those.  So
 * they are the same whatever they came of, for all that works on items' lines.
 */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/ddbjson_record.h"
#include "formats/ion.h"
#include "formats/ion_internal.h"
#include "model/batch.h"

/*
 * Behind `{` at t->at: is `Item` first, and a struct?  Then t->at is there.
 * What is wrong with the name, whoever reads it next will say.
 */
static bool
is_wrapped(struct ion_text *t)
{
	struct ion_text look = *t;
	struct value name;
	struct err ignored;

	look.err = &ignored;
	look.at++;
	if (ion_blank(&look) != ION_OK || *look.at == '}' ||
	    ion_field(&look, &name) != ION_OK ||
	    !span_is((struct span){ name.text, name.len }, "Item") ||
	    look.at[0] != '{' || look.at[1] == '{')
		return false;
	t->at = look.at;
	return true;
}

/* The end of `{Item:{...}`, behind the inner brace. */
static int
end_wrapped(struct ion_text *t)
{
	int rc = ion_blank(t);

	if (rc == ION_OK && *t->at == ',') {
		t->at++;
		rc = ion_blank(t);
	}
	if (rc != ION_OK)
		return rc;
	if (*t->at != '}')
		return ion_refuse(t, t->at, "nothing but the item may stand "
				  "beside 'Item'");
	t->at++;
	return ION_OK;
}

/*
 * The parts of a record, if this is one: Keys, and nothing that a record has
 * not.
 */
static bool
take_record(const struct value *map, struct ion_found *f)
{
	static const char *const NAMES[] = {
		"Keys", "OldImage", "NewImage", "Metadata",
	};

	*f = (struct ion_found){ .number = 0 };
	for (uint32_t i = 0; i < map->len; i += 2) {
		const struct span name = { map->kids[i].text,
					   map->kids[i].len };
		size_t k = 0;

		while (k <= ION_PARTS && !span_is(name, NAMES[k]))
			k++;
		if (k > ION_PARTS || map->kids[i + 1].type != VALUE_M)
			return false;
		if (k < ION_PARTS)
			f->parts[k] = map->kids[i + 1];
	}
	return f->parts[0].type == VALUE_M;
}

int
ion_record(struct ion *d, struct ion_text *t, struct ion_found *f)
{
	const uint8_t *const from = t->at;
	const char *wrong = NULL;
	struct value map;

	/* Its images are one level down. */
	const int rc = ion_struct(d, t, ITEM_MAX_DEPTH + 1, &map);
	if (rc != ION_OK)
		return rc;
	if (!take_record(&map, f))
		wrong = "no record of an incremental export";
	else if (ddbjson_record_check(&f->parts[0], &f->parts[1], &f->parts[2],
				      t->mem, &wrong, t->err) != 0)
		return ION_FAILED;
	return wrong == NULL ? ION_OK : ion_refuse(t, from, wrong);
}

int
ion_item(struct ion *d, struct ion_text *t, struct ion_found *f)
{
	const uint8_t *const from = t->at;
	const bool wrapped = is_wrapped(t);
	struct value map;

	int rc = ion_struct(d, t, ITEM_MAX_DEPTH, &map);
	if (rc == ION_OK && wrapped)
		rc = end_wrapped(t);
	else if (rc == ION_OK && take_record(&map, f))
		rc = ion_refuse(t, from, "a record of an incremental export "
				"among items");
	*f = (struct ion_found){ .parts[0] = map };
	return rc;
}

/* Their lines, and what the reader of those makes of them. */
static int
read_lines(struct ion *d, const struct ion_found *found, uint32_t nfound,
	   struct batch *out, struct err *err)
{
	uint32_t n = 0;
	size_t used;

	buf_reset(&d->json);
	for (uint32_t i = 0; i < nfound; i++)
		for (size_t k = 0; k < ION_PARTS; k++) {
			const struct item one = { .map = found[i].parts[k] };

			if (one.map.type == 0)
				continue;
			if (ddbjson_encode(&one, 1, &d->json, err) != 0)
				return -1;
			n++;
		}

	uint8_t *const slack = buf_reserve(&d->json, DDBJSON_SLACK, err);
	if (slack == NULL)
		return -1;
	memset(slack, 0, DDBJSON_SLACK);
	ddbjson_rewind(d->lines);
	if (ddbjson_decode(d->lines, buf_span(&d->json), true, out, &used,
			   err) != 0)
		return -1;
	if (out->nitems != n)	/* cannot be, and must not go unseen */
		return err_set(err, ERR_INPUT, "Ion that DynamoDB JSON "
			       "cannot say: %s", out->nrejects == 0 ? "?" :
			       out->rejects[out->nrejects - 1].why.text);
	return 0;
}

/* The items, by turns, as parts of records. */
static int
make_records(const struct ion_found *found, uint32_t nfound,
	     struct batch *out, struct err *err)
{
	struct item *next = out->items;

	out->records = arena_take(&out->mem, (nfound + (size_t)1) *
				  sizeof(*out->records), err);
	if (out->records == NULL)
		return -1;
	for (; out->nrecords < nfound; out->nrecords++) {
		const struct ion_found *const f = &found[out->nrecords];
		struct item *parts[ION_PARTS] = { NULL };

		for (size_t k = 0; k < ION_PARTS; k++) {
			if (f->parts[k].type == 0)
				continue;
			next->offset = f->offset;
			next->number = f->number;
			parts[k] = next++;
		}
		out->records[out->nrecords] = (struct record){
			.line = f->text, .offset = f->offset,
			.number = f->number, .keys = parts[0],
			.old = parts[1], .new = parts[2],
		};
	}
	out->items = NULL;
	out->nitems = 0;
	return 0;
}

int
ion_make_items(struct ion *d, const struct ion_found *found, uint32_t n,
	       struct batch *out, struct err *err)
{
	if (read_lines(d, found, n, out, err) != 0)
		return -1;
	out->sizes = arena_take(&out->mem, (n + (size_t)1) *
				sizeof(*out->sizes), err);
	if (out->sizes == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		out->sizes[i] = (uint32_t)found[i].text.len;
	if (d->records)
		return make_records(found, n, out, err);
	for (uint32_t i = 0; i < n; i++) {
		out->items[i].offset = found[i].offset;
		out->items[i].number = found[i].number;
	}
	return 0;
}
