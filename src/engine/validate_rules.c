/* validate_rules.c - does a dump hold what a YAML file says of its items? */
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/crew.h"
#include "engine/reading.h"
#include "engine/rows.h"
#include "engine/validate_internal.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "model/compare.h"

/* An item that no rule speaks of, with --exact; or a line that is none. */
struct stray {
	uint32_t unit;
	uint64_t line;
	const char *text;	/* what is wrong with the line */
	struct span item;	/* DynamoDB JSON; .ptr NULL: a bad line */
	uint32_t names;		/* by which it was looked for */
};

struct checking {
	const struct validate_options *options;
	struct validate_sums *sums;
	struct dump dump;
	struct arena mem;	/* of what was found; under the lock */
	struct rules rules;
	struct rows_ignored ignored;
	_Atomic uint32_t next;
	atomic_bool stop;
	pthread_mutex_t lock;
	struct buf strays;
	bool *is_state;		/* one a table: it has increments */
	struct buf finds;	/* of those; struct validate_find */
	struct ddbjson *reader;	/* of what is checked at the end */
};

/* ---- finding ------------------------------------------------------------- */

struct hand {
	struct checking *all;
	struct reading *reading;
	const struct unit *unit;
	struct buf text;
	uint64_t nitems;
};

/* Are these rules about this table? */
static bool
speaks_of(const struct checking *c, const struct rule_names *n, uint32_t table)
{
	const char *const name = c->dump.tables[table].name;

	if (name != NULL && fnmatch(n->table, name, 0) == 0)
		return true;
	/* A dump whose table nothing names is meant by a file with one. */
	return name == NULL && c->dump.ntables == 1;
}

/* Would this be the first item of the rule? */
static bool
comes_first(const struct rule *r, uint32_t unit, uint64_t line)
{
	return r->times == 0 || unit < r->unit ||
	       (unit == r->unit && line < r->number);
}

/*
 * An item of a table with increments: whether it is still there, all of it will
 * tell.
 */
static int
add_find(struct hand *h, const struct item *item, uint32_t rule,
	 uint32_t names, struct err *err)
{
	struct checking *const c = h->all;
	struct validate_find f = {
		.unit = h->unit->number, .line = item->number, .rule = rule,
		.names = names,
	};
	struct span text;
	int rc = -1;

	/* The line is the record's. */
	buf_reset(&h->text);
	if (ddbjson_encode(item, 1, &h->text, err) != 0)
		return -1;
	text = (struct span){ h->text.ptr, h->text.len - 1 };
	pthread_mutex_lock(&c->lock);
	f.item = arena_copy(&c->mem, text, err);
	if (f.item.ptr != NULL)
		rc = buf_append(&c->finds, (struct span){
			(const uint8_t *)&f, sizeof(f) }, err);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* This is the item of rule `r`, if it is the first. */
static void
settle(struct rule *r, uint32_t unit, uint64_t line, struct span item)
{
	if (comes_first(r, unit, line)) {
		r->line = item;
		r->unit = unit;
		r->number = line;
	}
	r->times++;
}

/* The item that rule `r` means: keep it, if it is the first. */
static int
keep(struct hand *h, struct rule *r, const struct item *item, struct err *err)
{
	struct span text, copy;
	int rc = 0;

	if (reading_text(h->reading, item, &h->text, &text, err) != 0)
		return -1;
	pthread_mutex_lock(&h->all->lock);
	copy = comes_first(r, h->unit->number, item->number)
		? arena_copy(&h->all->mem, text, err) : text;
	if (copy.ptr == NULL)
		rc = -1;
	else
		settle(r, h->unit->number, item->number, copy);
	pthread_mutex_unlock(&h->all->lock);
	return rc;
}

static int
add_stray(struct hand *h, const struct stray *s, struct span item,
	  const char *text, struct err *err)
{
	struct checking *const c = h->all;
	struct stray copy = *s;
	int rc = -1;

	pthread_mutex_lock(&c->lock);
	if (item.ptr != NULL)
		copy.item = arena_copy(&c->mem, item, err);
	else
		copy.text = (const char *)arena_copy(&c->mem, (struct span){
			(const uint8_t *)text, strlen(text) + 1 }, err).ptr;
	if (copy.item.ptr != NULL || copy.text != NULL)
		rc = buf_append(&c->strays, (struct span){
			(const uint8_t *)&copy, sizeof(copy) }, err);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* The first of the sorted keys that is not less. */
static size_t
lower_bound(const struct rule_names *n, struct keyhash key)
{
	size_t low = 0, high = n->nrules;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const struct keyhash *const k = &n->keys[mid];

		if (k->hi < key.hi || (k->hi == key.hi && k->lo < key.lo))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int
look_up(struct hand *h, const struct item *item, struct arena *mem,
	struct err *err)
{
	struct checking *const c = h->all;
	bool spoken = false, known = false;
	struct stray stray = { .unit = h->unit->number, .line = item->number };
	struct span text;

	for (uint32_t i = 0; i < c->rules.nnames; i++) {
		const struct rule_names *const n = &c->rules.names[i];
		struct keyhash key;

		if (!speaks_of(c, n, h->unit->input))
			continue;
		spoken = true;
		stray.names = i;
		const int rc = rules_hash(n, &item->map, mem, &key, err);
		if (rc < 0)
			return -1;
		for (size_t k = rc == 0 ? n->nrules : lower_bound(n, key);
		     k < n->nrules && n->keys[k].hi == key.hi &&
		     n->keys[k].lo == key.lo; k++) {
			known = true;
			if ((c->is_state[h->unit->input]
			     ? add_find(h, item, n->rules[k], i, err)
			     : keep(h, &c->rules.list[n->rules[k]], item,
				    err)) != 0)
				return -1;
		}
	}
	if (!c->options->exact || !spoken || known)
		return 0;
	if (c->is_state[h->unit->input])
		return add_find(h, item, UINT32_MAX, stray.names, err);
	if (reading_text(h->reading, item, &h->text, &text, err) != 0)
		return -1;
	return add_stray(h, &stray, text, NULL, err);
}

/* A record becomes its new image, if it has one. */
static bool
take_image(struct item *record)
{
	const struct span name = span_of("NewImage");
	const struct value *const image = value_attr(&record->map, name,
						     name_hash(name));

	if (image == NULL)
		return false;
	record->map = *image;
	return true;
}

static int
read_unit(struct hand *h, struct err *err)
{
	const atomic_bool *const cancel = h->all->options->cancel;
	struct batch *b;
	int rc;

	if (reading_start(h->reading, h->unit, false, err) != 0)
		return -1;
	while ((rc = reading_next(h->reading, &b, err)) > 0) {
		if (atomic_load(&h->all->stop) ||
		    (cancel != NULL && atomic_load(cancel)))
			return err_set(err, ERR_CANCELLED, "interrupted");
		for (uint32_t i = 0; i < b->nrejects; i++)
			if (add_stray(h, &(struct stray){
					.unit = h->unit->number,
					.line = b->rejects[i].number },
				      (struct span){ NULL, 0 },
				      b->rejects[i].why.text, err) != 0)
				return -1;
		for (uint32_t i = 0; i < b->nitems; i++) {
			if (h->unit->increment && !take_image(&b->items[i]))
				continue;
			if (look_up(h, &b->items[i], &b->mem, err) != 0)
				return -1;
		}
		h->nitems += b->nitems;
	}
	return rc;
}

static int
work(void *context, struct err *err)
{
	struct checking *const c = context;
	struct hand h = { .all = c, .reading = reading_new(err) };
	int rc = h.reading != NULL ? 0 : -1;
	uint32_t n;

	while (rc == 0 &&
	       (n = atomic_fetch_add(&c->next, 1)) < c->dump.nunits) {
		h.unit = &c->dump.units[n];
		rc = read_unit(&h, err);
	}
	if (rc != 0)
		atomic_store(&c->stop, true);
	pthread_mutex_lock(&c->lock);
	c->sums->items += h.nitems;
	pthread_mutex_unlock(&c->lock);
	buf_free(&h.text);
	reading_free(h.reading);
	return rc;
}

/* Of tables with increments: what is left at the end, to its rules. */
static int
settle_states(struct checking *c, struct err *err)
{
	struct validate_find *const finds = (void *)c->finds.ptr;
	size_t n = c->finds.len / sizeof(*finds);

	if (n == 0)
		return 0;
	if (validate_states(c->options, &c->dump, finds, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct validate_find *const f = &finds[i];
		const struct stray stray = {
			.unit = f->unit, .line = f->line, .item = f->item,
			.names = f->names,
		};

		if (f->rule != UINT32_MAX)
			settle(&c->rules.list[f->rule], f->unit, f->line,
			       f->item);
		else if (buf_append(&c->strays, (struct span){
				(const uint8_t *)&stray, sizeof(stray) },
				    err) != 0)
			return -1;
	}
	return 0;
}

static int
note_states(struct checking *c, struct err *err)
{
	c->is_state = arena_take(&c->mem, c->dump.ntables + 1U, err);
	if (c->is_state == NULL)
		return -1;
	for (uint32_t i = 0; i < c->dump.ntables; i++)
		c->is_state[i] = validate_is_state(&c->dump, i);
	return 0;
}

/* ---- checking what was found --------------------------------------------- */

static int
see(struct checking *c, const struct rule *r, struct validate_check *check,
    struct err *err)
{
	check->table = r->table;
	check->key = &r->key;
	check->name = r->place;
	if (check->text == NULL)
		check->text = "";
	if (r->times > 0) {
		check->file = c->dump.units[r->unit].path;
		check->line = r->number;
	}
	return validate_see(c->options, c->sums, check, err);
}

static int
add_attr_row(const struct rule_attr *a, const struct value *is,
	     struct arena *mem, struct row *out, struct err *err)
{
	struct buf path = { 0 };
	int rc = path_print(&a->path, &path, err);

	*out = (struct row){ .depth = a->path.nparts, .was = &a->value,
			     .is = is };
	if (rc == 0)
		out->path = arena_copy(mem, buf_span(&path), err);
	buf_free(&path);
	return out->path.ptr != NULL ? 0 : -1;
}

/* Where the item is not as the rule has it. */
static int
find_rows(struct checking *c, const struct rule *r, const struct item *item,
	  struct arena *mem, struct row **rows, size_t *n, struct err *err)
{
	if (r->whole)
		return rows_of(&c->ignored, &r->item, &item->map, mem, rows, n,
			       err);
	*n = 0;
	*rows = arena_take(mem, (r->nattrs + 1) * sizeof(**rows), err);
	if (*rows == NULL)
		return -1;
	for (size_t i = 0; i < r->nattrs; i++) {
		const struct rule_attr *const a = &r->attrs[i];
		const struct value *const is = path_follow(&a->path,
							   &item->map);
		const int same = is == NULL ? 0 :
			value_equal(&a->value, is, mem, err);

		if (same < 0 || (same == 0 &&
				 add_attr_row(a, is, mem, &(*rows)[(*n)++],
					      err) != 0))
			return -1;
	}
	return 0;
}

/* The conditions that do not hold, each a check.  How many, or -1. */
static int
check_conditions(struct checking *c, const struct rule *r,
		 const struct item *item, struct arena *mem, struct err *err)
{
	const struct expr_run run = {
		.mem = mem, .run_time = span_of(c->options->run_time),
	};
	int n = 0;

	for (size_t i = 0; i < r->nconditions; i++) {
		char text[1024];
		struct err why = { 0 };
		struct validate_check check = { .kind = VALIDATE_BROKEN,
						.text = text };
		const int holds = expr_test(r->conditions[i].expr, &run, item,
					    &why);

		if (holds > 0)
			continue;
		if (holds < 0 && why.code != ERR_INPUT) {
			*err = why;
			return -1;
		}
		snprintf(text, sizeof(text), "does not hold: %s%s%s%s",
			 r->conditions[i].text, holds < 0 ? " (" : "",
			 why.text, holds < 0 ? ")" : "");
		if (see(c, r, &check, err) != 0)
			return -1;
		n++;
	}
	return n;
}

static int
check_found(struct checking *c, const struct rule *r, struct arena *mem,
	    struct err *err)
{
	const struct item *const item = ddbjson_decode_line(c->reader, r->line,
							    mem, err);
	struct validate_check check = { .kind = VALIDATE_DIFFERENT };
	struct row *rows;
	int broken;

	if (item == NULL ||
	    find_rows(c, r, item, mem, &rows, &check.nrows, err) != 0)
		return -1;
	broken = check_conditions(c, r, item, mem, err);
	if (broken < 0)
		return -1;
	check.rows = rows;
	if (check.nrows > 0)
		return see(c, r, &check, err);
	check.kind = VALIDATE_SOUND;
	return broken > 0 ? 0 : see(c, r, &check, err);
}

static int
check_rule(struct checking *c, const struct rule *r, struct err *err)
{
	struct validate_check check = { 0 };
	struct arena mem = { 0 };
	char text[96];
	int rc;

	if (r->times > 1) {
		snprintf(text, sizeof(text), "%llu items have this key",
			 (unsigned long long)r->times);
		check.kind = VALIDATE_EXTRA;
		check.text = text;
		if (!r->absent && see(c, r, &check, err) != 0)
			return -1;
	}
	check = (struct validate_check){ 0 };
	if ((r->times > 0) == r->absent) {
		check.kind = r->absent ? VALIDATE_EXTRA : VALIDATE_MISSING;
		return see(c, r, &check, err);
	}
	if (r->absent)
		return see(c, r, &check, err);
	rc = check_found(c, r, &mem, err);
	arena_free(&mem);
	return rc;
}

/* ---- strays -------------------------------------------------------------- */

static int
order_strays(const void *a, const void *b)
{
	const struct stray *const x = a, *const y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static int
see_stray(struct checking *c, const struct stray *s, struct err *err)
{
	const struct unit *const u = &c->dump.units[s->unit];
	struct value kids[2 * RULE_MAX_KEY], key;
	struct arena mem = { 0 };
	struct validate_check check = {
		.kind = VALIDATE_BAD_LINE, .name = reading_name(u),
		.table = c->dump.tables[u->input].name,
		.text = s->text != NULL ? s->text : "",
		.file = u->path, .line = s->line,
	};
	int rc = 0;

	if (s->item.ptr != NULL) {
		const struct rule_names *const n = &c->rules.names[s->names];
		const struct item *const item = ddbjson_decode_line(c->reader,
			s->item, &mem, err);
		uint32_t k = 0;

		for (size_t i = 0; item != NULL && i < n->n; i++) {
			const struct value *const v = value_attr(&item->map,
				n->names[i], n->hashes[i]);

			if (v == NULL)
				continue;
			kids[k++] = value_of_name(n->names[i]);
			kids[k++] = *v;
		}
		key = value_of_kids(VALUE_M, kids, k);
		check.kind = VALIDATE_EXTRA;
		check.key = &key;
		check.name = "";
		rc = item == NULL ? -1 : 0;
	}
	if (rc == 0)
		rc = validate_see(c->options, c->sums, &check, err);
	arena_free(&mem);
	return rc;
}

static int
check_all(struct checking *c, struct err *err)
{
	void *const strays = c->strays.ptr;
	const struct stray *const list = strays;
	const size_t n = c->strays.len / sizeof(*list);
	int rc = 0;

	c->reader = ddbjson_new(err);
	if (c->reader == NULL)
		return -1;
	for (size_t i = 0; i < c->rules.n && rc == 0; i++)
		rc = check_rule(c, &c->rules.list[i], err);
	if (n > 1)
		qsort(strays, n, sizeof(*list), order_strays);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = see_stray(c, &list[i], err);
	return rc;
}

int
validate_rules(const struct validate_options *o, struct validate_sums *s,
	       struct err *err)
{
	struct checking c = { .options = o, .sums = s };
	struct dump_options dump = o->dump;
	int rc = rows_ignored_parse(&c.ignored, o->ignore, err);

	*s = (struct validate_sums){ 0 };
	dump.records = true;
	pthread_mutex_init(&c.lock, NULL);
	if (rc == 0)
		rc = rules_read(&c.rules, o->against, &c.mem, err);
	if (rc == 0)
		rc = dump_find(&dump, &c.dump, err);
	if (rc == 0)
		rc = dump_check_states(&c.dump, err);
	if (rc == 0)
		rc = note_states(&c, err);
	if (rc == 0)
		rc = exports_check(&c.dump.exports, o->dump.accept,
				   o->dump.naccept, err);
	if (rc == 0)
		rc = crew_do(o->threads > 0 ? o->threads : 1, work, &c, err);
	s->files = c.dump.nunits;
	if (rc == 0)
		rc = settle_states(&c, err);
	if (rc == 0)
		rc = check_all(&c, err);
	ddbjson_free(c.reader);
	rules_free(&c.rules);
	rows_ignored_free(&c.ignored);
	buf_free(&c.strays);
	buf_free(&c.finds);
	dump_free(&c.dump);
	arena_free(&c.mem);
	pthread_mutex_destroy(&c.lock);
	return rc;
}
