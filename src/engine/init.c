/* init.c - from exports to a plan, step by step. */
#include "engine/init.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/init_internal.h"
#include "model/batch.h"

enum {
	USUAL_MEMORY = 1 << 30,
	MIN_KEYS = 1 << 10, MAX_KEYS = 1 << 23,	/* kept to see if unique */
	KEY_LEN = 64,		/* bytes that one takes, at most */
};

const char *
init_keep(struct init *in, struct span text, struct err *err)
{
	uint8_t *const p = arena_take(&in->mem, text.len + 1, err);

	if (p == NULL)
		return NULL;
	if (text.len > 0)
		memcpy(p, text.ptr, text.len);
	p[text.len] = '\0';
	return (const char *)p;
}

/* ---- tables -------------------------------------------------------------- */

/* The last part of a path without what comes after its first dot. */
static struct span
stem(const char *path)
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	for (size_t i = start + 1; i < end; i++)
		if (path[i] == '.')
			end = i;
	return (struct span){ (const uint8_t *)path + start, end - start };
}

/* A name as DynamoDB takes it, of a dump that does not say its own. */
static const char *
name_plain(struct init *in, const char *path, struct err *err)
{
	const struct span s = stem(path);
	char *const name = arena_take(&in->mem, s.len + 16, err);
	size_t n = 0;

	if (name == NULL)
		return NULL;
	for (size_t i = 0; i < s.len && n < 255; i++) {
		const uint8_t c = s.ptr[i];
		const bool fine = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
				  (c >= '0' && c <= '9') || c == '_' ||
				  c == '-' || (c == '.' && i > 0);

		if (fine)
			name[n++] = (char)c;
		else if (n > 0 && name[n - 1] != '_')
			name[n++] = '_';
	}
	name[n] = '\0';
	if (n < 3)	/* "*": a glob, or "." */
		memcpy(name + n, n == 0 ? "Table" : "-table",
		       n == 0 ? sizeof("Table") : sizeof("-table"));
	return name;
}

static int
refuse_twice(const struct init *in, size_t i, size_t k, struct err *err)
{
	const struct export *const a = &in->exports.list[k];
	const struct export *const b = &in->exports.list[i];

	if (a->kind == EXPORT_PLAIN)
		return err_set(err, ERR_USAGE, "%s and %s would both be table "
			       "'%s': give the folder that both are in, or one "
			       "of them", a->path, b->path,
			       in->tables[in->table_of[k]].source);
	return err_set(err, ERR_USAGE, "two full exports of table '%s': %s (of "
		       "%s) and %s (of %s); name the one that is meant",
		       a->summary.table, a->path,
		       a->summary.export_time != NULL
		       ? a->summary.export_time : "unknown time", b->path,
		       b->summary.export_time != NULL
		       ? b->summary.export_time : "unknown time");
}

static struct init_table *
table_named(struct init *in, const char *name)
{
	for (uint32_t i = 0; i < in->ntables; i++)
		if (strcmp(in->tables[i].source, name) == 0)
			return &in->tables[i];
	return NULL;
}

/* It goes onto the full export before it, and is not looked into here. */
static int
take_increment(struct init *in, size_t i, struct err *err)
{
	const struct export *const e = &in->exports.list[i];
	struct init_table *const t = table_named(in, e->summary.table);

	if (t == NULL)
		return err_set(err, ERR_USAGE, "'%s' is an increment of table "
			       "'%s': name its full export too, before it; for "
			       "the increment alone, take the plan that comes "
			       "of that and leave the full export out of it",
			       e->path, e->summary.table);
	in->table_of[i] = (uint32_t)(t - in->tables);
	t->nincrements++;
	return 0;
}

/* Which table is each export of? */
static int
list_tables(struct init *in, struct err *err)
{
	const size_t n = in->exports.n;

	in->tables = calloc(n + 1, sizeof(*in->tables));
	in->table_of = calloc(n + 1, sizeof(*in->table_of));
	if (in->tables == NULL || in->table_of == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct export *const e = &in->exports.list[i];
		const bool plain = e->summary.table == NULL;

		if (e->kind == EXPORT_INCREMENTAL && !plain) {
			if (take_increment(in, i, err) != 0)
				return -1;
			continue;
		}
		const char *const name = !plain ? e->summary.table :
			name_plain(in, in->options->dumps[e->entry], err);

		if (name == NULL || exports_readable(e, err) != 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (in->exports.list[k].kind != EXPORT_INCREMENTAL &&
			    strcmp(in->tables[in->table_of[k]].source,
				   name) == 0)
				return refuse_twice(in, i, k, err);
		in->table_of[i] = in->ntables;
		in->tables[in->ntables] = (struct init_table){
			.source = name, .name = name, .plain = plain,
		};
		pthread_mutex_init(&in->tables[in->ntables++].lock, NULL);
	}
	return 0;
}

/* ---- the environment that all names end in ------------------------------- */

static size_t
common_end(const struct init *in)
{
	const char *const first = in->tables[0].source;
	const size_t len = strlen(first);
	size_t n = len - 1;	/* something must be left of each name */

	for (uint32_t i = 0; i < in->ntables; i++) {
		const char *const name = in->tables[i].source;
		const size_t m = strlen(name);
		size_t k = 0;

		if (in->tables[i].plain)
			return 0;
		while (k < n && k + 1 < m &&
		       name[m - 1 - k] == first[len - 1 - k])
			k++;
		n = k;
	}
	return n;
}

/*
 * "Contacts-staging" and "Projects-staging" are of `staging`; what Amplify
 * calls Contacts-fvn7t5hb-NONE is of `fvn7t5hb`.
 */
static int
find_environment(struct init *in, struct err *err)
{
	static const char NONE[] = "-NONE";
	const size_t n = in->ntables > 1 ? common_end(in) : 0;
	const char *const first = in->tables[0].source;
	const char *end = first + strlen(first) - n;

	while (*end != '\0' && *end != '-')
		end++;
	size_t len = strlen(end);
	if (len > sizeof(NONE) && strcmp(end + len - sizeof(NONE) + 1,
					 NONE) == 0) {
		len -= sizeof(NONE) - 1;
		in->rest = NONE;
	} else {
		in->rest = "";
	}
	if (len < 2)
		return 0;
	in->environment = init_keep(in, (struct span){
				    (const uint8_t *)end + 1, len - 1 }, err);
	for (uint32_t i = 0; i < in->ntables; i++) {
		struct init_table *const t = &in->tables[i];
		const struct span name = {
			(const uint8_t *)t->source,
			strlen(t->source) - len - strlen(in->rest),
		};

		if (in->environment == NULL ||
		    (t->name = init_keep(in, name, err)) == NULL)
			return -1;
	}
	return 0;
}

/* ---- the first pass ------------------------------------------------------ */

struct eye {
	struct init *in;
	uint32_t table;
	struct discover *seen;
};

static void *
open_eye(struct init *in, uint32_t table, struct err *err)
{
	struct eye *const e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	*e = (struct eye){ in, table, discover_new(in->ntables, err) };
	if (e->seen == NULL) {
		free(e);
		return NULL;
	}
	return e;
}

static int
see(void *eye, const struct batch *b, struct err *err)
{
	const struct eye *const e = eye;

	return discover_see(e->seen, e->table, b, err);
}

static int
close_eye(void *eye, struct err *err)
{
	struct eye *const e = eye;
	const int rc = discover_merge(e->in->seen, e->seen, err);

	discover_free(e->seen);
	free(e);
	return rc;
}

static const struct init_look LOOK_AT_VALUES = {
	.open = open_eye, .see = see, .close = close_eye,
};

/* ---- all of it ----------------------------------------------------------- */

static int
find_exports(struct init *in, struct err *err)
{
	const struct init_options *const o = in->options;
	struct export_entry *const entries =
		arena_take(&in->mem, (o->ndumps + 1) * sizeof(*entries), err);

	if (entries == NULL)
		return -1;
	for (size_t i = 0; i < o->ndumps; i++) {
		if (strcmp(o->dumps[i], "-") == 0)
			return err_set(err, ERR_USAGE, "standard input comes "
				       "only once, and init reads twice: give "
				       "a file");
		entries[i] = (struct export_entry){ .path = o->dumps[i] };
	}
	if (exports_find(entries, o->ndumps, &in->exports, err) != 0 ||
	    exports_check(&in->exports, o->accept, o->naccept, err) != 0 ||
	    list_tables(in, err) != 0 || find_environment(in, err) != 0)
		return -1;
	for (uint32_t i = 0; i < in->ntables; i++) {
		struct init_table *const t = &in->tables[i];

		t->def = init_def_named(in, t->source);
		if (t->def == NULL)
			t->def = init_def_named(in, t->name);
	}
	return 0;
}

/* Sketches of all keys that are not sure, within the memory there is. */
static void
begin_keys(struct init *in, uint32_t nkeys)
{
	const size_t memory = in->options->memory > 0 ? in->options->memory
						      : USUAL_MEMORY;
	uint32_t k = MAX_KEYS;

	while (k > MIN_KEYS && (size_t)k * KEY_LEN * nkeys > memory)
		k /= 2;
	for (uint32_t i = 0; i < in->ntables; i++)
		for (size_t n = 0; n < in->tables[i].nkeys; n++)
			in->tables[i].keys[n].seen = sketch_of(k);
}

static int
look(struct init *in, struct err *err)
{
	uint32_t nsets = 0;

	in->seen = discover_new(in->ntables, err);
	if (in->seen == NULL || init_read(in, &LOOK_AT_VALUES, err) != 0)
		return -1;
	/* Settles what was seen, so that it can be asked. */
	in->probe = discover_probe_new(in->seen, in->ntables * INIT_MAX_KEYS,
				       err);
	if (in->probe == NULL)
		return -1;
	for (uint32_t i = 0; i < in->ntables; i++)
		if (init_guess_keys(in, i, &nsets, err) != 0)
			return -1;
	begin_keys(in, nsets);
	if (init_read(in, &INIT_LOOK_AT_KEYS, err) != 0 ||
	    init_choose_keys(in, err) != 0)
		return -1;
	return init_find_references(in, err);
}

static void
add_up(const struct init *in, struct init_sums *sums)
{
	*sums = (struct init_sums){ .tables = in->ntables };
	for (uint32_t i = 0; i < in->ntables; i++) {
		sums->skipped += in->tables[i].key == NULL;
		sums->items += in->tables[i].items;
		sums->rejects += in->tables[i].rejects;
	}
	for (size_t i = 0; i < in->found.nfound; i++)
		sums->references +=
			in->tables[in->found.found[i].table].key != NULL;
}

static void
end(struct init *in)
{
	for (uint32_t i = 0; i < in->ntables; i++) {
		for (size_t k = 0; k < in->tables[i].nkeys; k++)
			sketch_free(&in->tables[i].keys[k].seen);
		pthread_mutex_destroy(&in->tables[i].lock);
	}
	discover_result_free(&in->found);
	discover_probe_free(in->probe);
	discover_free(in->seen);
	free(in->defs);
	free(in->tables);
	free(in->table_of);
	exports_free(&in->exports);
	arena_free(&in->mem);
}

int
init_plan(const struct init_options *o, struct buf *out,
	  struct init_sums *sums, struct err *err)
{
	struct init in = { .options = o };
	int rc = -1;

	if (init_read_defs(&in, err) == 0 && find_exports(&in, err) == 0 &&
	    look(&in, err) == 0 && init_write(&in, out, err) == 0) {
		add_up(&in, sums);
		rc = 0;
	}
	end(&in);
	return rc;
}
