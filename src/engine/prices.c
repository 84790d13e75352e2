#include "engine/prices.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/plan.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

static const double GB = 1024.0 * 1024 * 1024;

enum { OVERHEAD = 100 };	/* bytes that storage counts beside an item */

/* ---- names --------------------------------------------------------------- */

struct field {
	const char *name;
	size_t at;
};

static const struct field TEXTS[] = {
	{ "region", offsetof(struct prices, region) },
	{ "date", offsetof(struct prices, date) },
	{ "currency", offsetof(struct prices, currency) },
	{ NULL, 0 },
};

static const struct field NUMBERS[] = {
	{ "import", offsetof(struct prices, import) },
	{ "hours", offsetof(struct prices, hours) },
	{ "importStart", offsetof(struct prices, import_start) },
	{ "importRate", offsetof(struct prices, import_rate) },
	{ "pushRate", offsetof(struct prices, push_rate) },
	{ NULL, 0 },
};

static const struct field CLASSES[] = {
	{ "standard", offsetof(struct prices, standard) },
	{ "infrequent", offsetof(struct prices, infrequent) },
	{ NULL, 0 },
};

static const struct field OF_CLASS[] = {
	{ "storage", offsetof(struct price_class, storage) },
	{ "write", offsetof(struct price_class, write) },
	{ "read", offsetof(struct price_class, read) },
	{ "writeCapacity", offsetof(struct price_class, write_capacity) },
	{ "readCapacity", offsetof(struct price_class, read_capacity) },
	{ NULL, 0 },
};

static const struct field *
find(const struct field *list, struct span name)
{
	for (; list->name != NULL; list++)
		if (span_is(name, list->name))
			return list;
	return NULL;
}

/* ---- what a plan says ---------------------------------------------------- */

static int
read_number(const struct tree *t, double *out, struct err *err)
{
	char *end = NULL;

	errno = 0;
	if (t->kind == TREE_NUMBER)
		*out = strtod((const char *)t->text.ptr, &end);
	if (t->kind != TREE_NUMBER || *end != '\0' || errno != 0 || *out < 0)
		return tree_err(t, err, "a price or rate is a number, 0 or "
				"more");
	return 0;
}

static int
read_class(struct price_class *c, const struct tree *says, struct err *err)
{
	if (says->kind != TREE_MAP)
		return tree_err(says, err, "the prices of a table class are a "
				"map, not %s", tree_kind_name(says));
	for (uint32_t i = 0; i < says->nkids; i += 2) {
		const struct field *const f = find(OF_CLASS,
						   says->kids[i].text);

		if (f == NULL)
			return tree_err(&says->kids[i], err, "unknown price "
				"'%s'; a table class has storage, write, read,"
				" writeCapacity and readCapacity",
				says->kids[i].text.ptr);
		if (read_number(&says->kids[i + 1], (double *)
				((char *)c + f->at), err) != 0)
			return -1;
	}
	return 0;
}

static int
read_field(struct prices *p, const struct tree *name, const struct tree *value,
	   struct err *err)
{
	char *const at = (char *)p;
	const struct field *f = find(CLASSES, name->text);

	if (f != NULL)
		return read_class((struct price_class *)(at + f->at), value,
				  err);
	f = find(NUMBERS, name->text);
	if (f != NULL)
		return read_number(value, (double *)(at + f->at), err);
	f = find(TEXTS, name->text);
	if (f == NULL)
		return tree_err(name, err, "unknown key '%s'; 'prices' has "
			"region, date, currency, standard, infrequent, import,"
			" hours, importStart, importRate and pushRate",
			name->text.ptr);
	if (!tree_is_scalar(value) || value->text.len == 0)
		return tree_err(value, err, "'%s' must be text", f->name);
	*(const char **)(at + f->at) = (const char *)value->text.ptr;
	return 0;
}

int
prices_read(struct prices *p, const struct tree *says, struct err *err)
{
	if (says->kind != TREE_MAP)
		return tree_err(says, err, "'prices' must be a map, not %s",
				tree_kind_name(says));
	for (uint32_t i = 0; i < says->nkids; i += 2)
		if (read_field(p, &says->kids[i], &says->kids[i + 1],
			       err) != 0)
			return -1;
	if (p->import_rate == 0 || p->push_rate == 0)
		return tree_err(says, err, "a rate of 0 would take for ever");
	return 0;
}

void
prices_write(const struct prices *p, struct jsonwrite *w)
{
	const char *const at = (const char *)p;

	jsonwrite_map(w);
	for (const struct field *f = TEXTS; f->name != NULL; f++)
		jsonwrite_put_text(w, f->name,
				   *(const char *const *)(at + f->at));
	for (const struct field *c = CLASSES; c->name != NULL; c++) {
		jsonwrite_name(w, c->name);
		jsonwrite_map(w);
		for (const struct field *f = OF_CLASS; f->name != NULL; f++) {
			jsonwrite_name(w, f->name);
			jsonwrite_fixed(w, *(const double *)(at + c->at +
							     f->at), 6);
		}
		jsonwrite_end(w);
	}
	for (const struct field *f = NUMBERS; f->name != NULL; f++) {
		jsonwrite_name(w, f->name);
		jsonwrite_fixed(w, *(const double *)(at + f->at), 6);
	}
	jsonwrite_end(w);
}

/* ---- estimates ----------------------------------------------------------- */

static const struct tree *
get(const struct tree *map, const char *name)
{
	return map == NULL ? NULL : tree_get(map, name);
}

/* Units of `what` that a table or index is provisioned with; 0: on demand. */
static double
units(const struct tree *def, const char *what)
{
	const struct tree *const t = get(get(def, "ProvisionedThroughput"),
					 what);
	uint64_t n = 0;

	return t != NULL && tree_uint(t, &n) == 0 ? (double)n : 0;
}

static bool
is_on_demand(const struct tree *def)
{
	const struct tree *mode = get(def, "BillingMode");

	if (mode == NULL)
		mode = get(get(def, "BillingModeSummary"), "BillingMode");
	return mode != NULL ? span_is(mode->text, "PAY_PER_REQUEST")
			    : units(def, "WriteCapacityUnits") == 0;
}

static bool
is_infrequent(const struct tree *def)
{
	const struct tree *c = get(def, "TableClass");

	if (c == NULL)
		c = get(get(def, "TableClassSummary"), "TableClass");
	return c != NULL && span_is(c->text, "STANDARD_INFREQUENT_ACCESS");
}

/* What capacity costs in a month, indexes with it. */
static double
capacity(const struct prices *p, const struct price_class *c,
	 const struct tree *def)
{
	const struct tree *const list = get(def, "GlobalSecondaryIndexes");
	double write = units(def, "WriteCapacityUnits");
	double read = units(def, "ReadCapacityUnits");

	for (uint32_t i = 0; list != NULL && i < list->nkids; i++) {
		write += units(&list->kids[i], "WriteCapacityUnits");
		read += units(&list->kids[i], "ReadCapacityUnits");
	}
	return (write * c->write_capacity + read * c->read_capacity) *
	       p->hours;
}

/*
 * Bytes that are stored: items with what storage counts beside them, in the
 * table and in its indexes.  One that does not hold all attributes is counted
 * as if it held a quarter.
 */
static double
stored(const struct plan_create *c, const struct price_load *load)
{
	const double mean = load->items > 0
		? (double)load->bytes / (double)load->items : 0;
	double sum = (double)load->bytes + (double)load->items * OVERHEAD;

	for (size_t i = 0; c != NULL && i < c->nindexes; i++)
		sum += (double)load->index_items[i] *
		       ((c->indexes[i].all ? mean : mean / 4) + OVERHEAD);
	return sum;
}

struct price_estimate
prices_estimate(const struct prices *p, const struct plan_create *c,
		const struct price_load *load)
{
	const struct tree *const def = c != NULL ? c->tree : NULL;
	const bool on_demand = def == NULL || is_on_demand(def);
	const struct price_class *const class = is_infrequent(def)
		? &p->infrequent : &p->standard;
	struct price_estimate e = {
		.push_units = load->units + load->index_units,
	};
	const double rate = on_demand ? p->push_rate
				      : units(def, "WriteCapacityUnits");

	e.import_cost = (double)load->json / GB * p->import;
	e.import_seconds = load->items == 0 ? 0
		: p->import_start + (double)load->json / p->import_rate;
	/* Provisioned capacity is paid for anyway, and by the month. */
	e.push_cost = on_demand ? (double)e.push_units / 1e6 * class->write
				: 0;
	/* Each index has its own units; the table's are what it waits for. */
	e.push_seconds = rate > 0 ? (double)load->units / rate : 0;
	e.storage = stored(c, load) / GB * class->storage;
	e.capacity = on_demand ? 0 : capacity(p, class, def);
	e.monthly = e.storage + e.capacity;
	return e;
}
