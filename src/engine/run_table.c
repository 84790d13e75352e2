/*
 * run_table.c - table.json: a target table as ImportTable's
 * TableCreationParameters take it (API Reference, of that name).
 *
 * A definition under `create` is a CreateTable input or what DescribeTable
 * gives, and either says more than ImportTable takes: what it would refuse is
 * left out here, and what it must not lose is said in its words.
 */
#include <string.h>

#include "base/buf.h"
#include "engine/run_internal.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

/* ---- the key ------------------------------------------------------------- */

/* A key attribute of a target: what the plan says of it, and what was met. */
struct key_attr {
	const char *name;
	enum value_type type;	/* as said; 0: nowhere */
	uint16_t seen;		/* bits 1 << type */
};

static void
add_attr(struct key_attr *to, const struct plan_key_attr *from, uint16_t seen)
{
	to->name = from->name;
	to->seen |= seen;
	if (to->type == 0)
		to->type = from->type;
}

/* The type: what is said, else the one that was seen. */
static int
settle_type(const struct key_attr *a, const char *target,
	    enum value_type *type, struct err *err)
{
	enum value_type only = VALUE_S;	/* not one item: any will do */
	int n = 0;

	for (int t = VALUE_S; t <= VALUE_B; t++)
		if ((a->seen & 1 << t) != 0) {
			only = (enum value_type)t;
			n++;
		}
	*type = a->type != 0 ? a->type : only;
	if (n > 1 || (n == 1 && only != *type))
		return err_set(err, ERR_INPUT, "key attribute '%s' of target "
			       "table '%s' has values of several types; say "
			       "which is right: key: {%s: S}, in every plan "
			       "table that goes there", a->name, target,
			       a->name);
	return 0;
}

/* The key of a target, whichever plan tables its items come of. */
static int
settle_key(const struct run *r, uint32_t table, struct plan_key *key,
	   struct err *err)
{
	const char *const target = r->targets[table].name;
	struct key_attr pk = { 0 }, sk = { 0 };

	for (uint32_t i = table; i < r->plan->ntables; i++) {
		const struct plan_table *const t = &r->plan->tables[i];

		if (t->skip || t->glob ||
		    r->targets[i].number != r->targets[table].number)
			continue;
		add_attr(&pk, &t->key.pk, r->account.types[i].pk);
		add_attr(&sk, &t->key.sk, r->account.types[i].sk);
	}
	*key = r->plan->tables[table].key;
	if (settle_type(&pk, target, &key->pk.type, err) != 0)
		return -1;
	return key->sk.name == NULL ? 0 :
		settle_type(&sk, target, &key->sk.type, err);
}

static void
write_attribute(struct jsonwrite *w, const struct plan_key_attr *a)
{
	jsonwrite_map(w);
	jsonwrite_put_text(w, "AttributeName", a->name);
	jsonwrite_put_text(w, "AttributeType", value_type_name(a->type));
	jsonwrite_end(w);
}

static void
write_key(struct jsonwrite *w, const char *name, const char *type)
{
	if (name == NULL)
		return;
	jsonwrite_map(w);
	jsonwrite_put_text(w, "AttributeName", name);
	jsonwrite_put_text(w, "KeyType", type);
	jsonwrite_end(w);
}

static bool
in_key(const struct plan_key *key, const char *name)
{
	return strcmp(key->pk.name, name) == 0 ||
	       (key->sk.name != NULL && strcmp(key->sk.name, name) == 0);
}

/*
 * Just the attributes in a key of what is created: ImportTable makes no local
 * index, and CreateTable refuses a definition that no key uses.
 */
static void
write_attributes(struct jsonwrite *w, const struct plan_key *key,
		 const struct plan_create *c)
{
	write_attribute(w, &key->pk);
	if (key->sk.name != NULL)
		write_attribute(w, &key->sk);
	for (size_t i = 0; c != NULL && i < c->nattrs; i++) {
		bool used = false;

		if (in_key(key, c->attrs[i].name))
			continue;
		for (size_t k = 0; k < c->nindexes; k++)
			used |= !c->indexes[k].local &&
				in_key(&c->indexes[k].key, c->attrs[i].name);
		if (used)
			write_attribute(w, &c->attrs[i]);
	}
}

/* ---- the definition ------------------------------------------------------ */

static const struct tree *
get(const struct tree *map, const char *name)
{
	return map == NULL ? NULL : tree_get(map, name);
}

static void
copy_field(struct jsonwrite *w, const struct tree *map, const char *name)
{
	const struct tree *const t = get(map, name);

	if (t == NULL)
		return;
	jsonwrite_name(w, name);
	jsonwrite_tree(w, t);
}

/* Of the map `name`, two fields; DescribeTable gives others beside them. */
static void
copy_two(struct jsonwrite *w, const struct tree *map, const char *name,
	 const char *first, const char *second)
{
	const struct tree *const t = get(map, name);

	if (t == NULL || t->kind != TREE_MAP)
		return;
	jsonwrite_name(w, name);
	jsonwrite_map(w);
	copy_field(w, t, first);
	copy_field(w, t, second);
	jsonwrite_end(w);
}

/* An on-demand table must not name provisioned units, nor the reverse. */
static void
copy_throughput(struct jsonwrite *w, const struct tree *map, bool on_demand)
{
	if (on_demand)
		copy_two(w, map, "OnDemandThroughput", "MaxReadRequestUnits",
			 "MaxWriteRequestUnits");
	else
		copy_two(w, map, "ProvisionedThroughput", "ReadCapacityUnits",
			 "WriteCapacityUnits");
}

/* DescribeTable says 0 units of a table that is on demand. */
static bool
has_units(const struct tree *def)
{
	const struct tree *const units = get(get(def, "ProvisionedThroughput"),
					     "ReadCapacityUnits");
	uint64_t n;

	return units != NULL && (tree_uint(units, &n) != 0 || n > 0);
}

static bool
is_on_demand(const struct tree *def)
{
	const struct tree *mode = get(def, "BillingMode");

	if (mode == NULL)
		mode = get(get(def, "BillingModeSummary"),
				"BillingMode");
	return mode != NULL ? span_is(mode->text, "PAY_PER_REQUEST")
			    : !has_units(def);
}

/* What DescribeTable calls SSEDescription, or the input's own. */
static void
write_encryption(struct jsonwrite *w, const struct tree *def)
{
	const struct tree *const d = get(def, "SSEDescription");
	const struct tree *const status = get(d, "Status");
	const struct tree *const key = get(d, "KMSMasterKeyArn");

	if (get(def, "SSESpecification") != NULL || status == NULL ||
	    (!span_is(status->text, "ENABLED") &&
	     !span_is(status->text, "UPDATING"))) {
		copy_field(w, def, "SSESpecification");
		return;
	}
	jsonwrite_name(w, "SSESpecification");
	jsonwrite_map(w);
	jsonwrite_put_bool(w, "Enabled", true);
	copy_field(w, d, "SSEType");
	if (key != NULL) {
		jsonwrite_name(w, "KMSMasterKeyId");
		jsonwrite_tree(w, key);
	}
	jsonwrite_end(w);
}

static void
write_indexes(struct jsonwrite *w, const struct tree *def, bool on_demand)
{
	const struct tree *const list = get(def, "GlobalSecondaryIndexes");

	if (list == NULL || list->nkids == 0)	/* none; [] is refused */
		return;
	jsonwrite_name(w, "GlobalSecondaryIndexes");
	jsonwrite_list(w);
	for (uint32_t i = 0; i < list->nkids; i++) {
		const struct tree *const index = &list->kids[i];
		const struct tree *const warm = get(index,
							 "WarmThroughput");

		jsonwrite_map(w);
		copy_field(w, index, "IndexName");
		copy_field(w, index, "KeySchema");
		copy_field(w, index, "Projection");
		copy_throughput(w, index, on_demand);
		/* With a status it is what it was, and no wish. */
		if (get(warm, "Status") == NULL)
			copy_field(w, index, "WarmThroughput");
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
}

static void
write_definition(struct jsonwrite *w, const struct tree *def)
{
	const bool on_demand = def == NULL || is_on_demand(def);

	jsonwrite_put_text(w, "BillingMode",
			   on_demand ? "PAY_PER_REQUEST" : "PROVISIONED");
	if (def == NULL)
		return;
	copy_throughput(w, def, on_demand);
	write_encryption(w, def);
	write_indexes(w, def, on_demand);
}

static int
write_table(struct run *r, uint32_t table, struct err *err)
{
	const struct plan_create *const c = r->plan->tables[table].create;
	const char *const target = r->targets[table].name;
	struct plan_key key;
	struct buf text = { 0 };
	struct jsonwrite w;
	int rc = -1;

	if (settle_key(r, table, &key, err) != 0)
		return -1;
	jsonwrite_start(&w, &text, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "TableName", target);
	jsonwrite_name(&w, "AttributeDefinitions");
	jsonwrite_list(&w);
	write_attributes(&w, &key, c);
	jsonwrite_end(&w);
	jsonwrite_name(&w, "KeySchema");
	jsonwrite_list(&w);
	write_key(&w, key.pk.name, "HASH");
	write_key(&w, key.sk.name, "RANGE");
	jsonwrite_end(&w);
	write_definition(&w, c != NULL ? c->tree : NULL);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) == 0)
		rc = run_save_out(r, target, "table.json", buf_span(&text),
				  err);
	buf_free(&text);
	return rc;
}

int
run_write_tables(struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++)
		if (run_speaks_for_target(r, i) && !run_is_changes(r, i) &&
		    write_table(r, i, err) != 0)
			return -1;
	return 0;
}
