#include "engine/rules.h"

#include <string.h>

#include "base/arena.h"
#include "engine/plan.h"
#include "formats/formats.h"
#include "formats/manifest.h"

static void
set_key(const struct plan_key_attr *a, struct span *name, uint8_t *type)
{
	if (a->name == NULL)
		return;
	*name = span_of(a->name);
	*type = (uint8_t)a->type;
}

/* Key attributes of a table and its indexes whose types are known. */
static int
set_keys(struct item_rules *r, const struct plan_key *key,
	 const struct plan_create *create, struct arena *mem, struct err *err)
{
	const size_t nattrs = create != NULL ? create->nattrs : 0;
	struct item_rule_type *const list = arena_take(mem, (nattrs + 2) *
						       sizeof(*list), err);
	size_t n = 0;

	if (list == NULL)
		return -1;
	set_key(&key->pk, &r->pk, &r->pk_type);
	set_key(&key->sk, &r->sk, &r->sk_type);
	if (r->pk_type != 0)
		list[n++] = (struct item_rule_type){ r->pk, r->pk_type };
	if (r->sk_type != 0)
		list[n++] = (struct item_rule_type){ r->sk, r->sk_type };
	for (size_t i = 0; i < nattrs; i++)
		if (create->attrs[i].type != 0)
			list[n++] = (struct item_rule_type){
				span_of(create->attrs[i].name),
				(uint8_t)create->attrs[i].type,
			};
	r->keys = list;
	r->nkeys = n;
	return 0;
}

static struct item_rules *
make(struct arena *mem, struct err *err)
{
	struct item_rules *const r = arena_take(mem, sizeof(*r), err);

	if (r != NULL)
		*r = (struct item_rules){ 0 };
	return r;
}

/* "a,b" as the columns. */
static int
set_columns(struct item_rules *r, const char *text, struct arena *mem,
	    struct err *err)
{
	struct span *const list = arena_take(mem, (strlen(text) + 1) *
					     sizeof(*list), err);
	size_t n = 0;

	if (list == NULL)
		return -1;
	for (const char *p = text;; p += list[n++].len + 1) {
		list[n] = (struct span){ (const uint8_t *)p,
					 strcspn(p, ",") };
		if (p[list[n].len] == '\0')
			break;
	}
	r->columns = list;
	r->ncolumns = n + 1;
	return 0;
}

/* What the manifest of our own CSV says. */
static int
set_summary(struct item_rules *r, const struct manifest_summary *m,
	    struct arena *mem, struct err *err)
{
	if (m == NULL)
		return 0;
	const char *const mark = m->csv_delimiter;
	if (r->delimiter == 0 && mark != NULL && strlen(mark) == 1 &&
	    strchr(",;:|\t ", *mark) != NULL)
		r->delimiter = (uint8_t)*mark;
	return r->ncolumns > 0 || m->csv_columns == NULL ? 0 :
		set_columns(r, m->csv_columns, mem, err);
}

const struct item_rules *
rules_of_export(const struct manifest_summary *summary,
		const struct plan_key *key, struct arena *mem,
		struct err *err)
{
	struct item_rules *const r = make(mem, err);

	return r != NULL && set_keys(r, key, NULL, mem, err) == 0 &&
	       set_summary(r, summary, mem, err) == 0 ? r : NULL;
}

const struct item_rules *
rules_to_read(const struct plan_source *source, const struct plan_table *table,
	      const struct manifest_summary *summary, struct arena *mem,
	      struct err *err)
{
	struct item_rules *const r = make(mem, err);

	if (r == NULL)
		return NULL;
	r->types = source->types;
	r->ntypes = source->ntypes;
	r->delimiter = source->delimiter;
	r->columns = source->columns;
	r->ncolumns = source->ncolumns;
	if (table != NULL && set_keys(r, &table->source_key, NULL, mem,
				      err) != 0)
		return NULL;
	return set_summary(r, summary, mem, err) == 0 ? r : NULL;
}

const struct item_rules *
rules_to_write(const struct plan *plan, const struct plan_table *table,
	       struct arena *mem, struct err *err)
{
	const struct plan_columns *const c = plan_columns_of(plan, table->name);
	struct item_rules *const r = make(mem, err);

	if (r == NULL || set_keys(r, &table->key, table->create, mem,
				  err) != 0)
		return NULL;
	r->table = span_of(table->to != NULL ? table->to : table->name);
	r->delimiter = plan->csv.delimiter;
	r->no_header = plan->csv.no_header;
	r->lossy = plan->csv.lossy;
	if (c != NULL) {
		r->columns = c->names;
		r->ncolumns = c->n;
	}
	return r;
}
