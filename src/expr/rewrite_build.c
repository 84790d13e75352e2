/* rewrite_build.c - compile the rules of one table. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "expr/rewrite_internal.h"

struct builder {
	struct rewrite *rw;
	const struct rewrite_options *o;
	size_t alternative;	/* at which it stands, for errors */
	struct err *err;
};

static void *
allocate(size_t n, size_t size, struct err *err)
{
	void *const p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	return p;
}

/* Can the two mean one value in one container? */
static bool
parts_meet(const struct path_part *a, const struct path_part *b)
{
	const bool a_list = a->kind == PATH_INDEX ||
			    a->kind == PATH_ALL_ELEMENTS;
	const bool b_list = b->kind == PATH_INDEX ||
			    b->kind == PATH_ALL_ELEMENTS;

	if (a_list != b_list)
		return false;
	if (a->kind == PATH_NAME && b->kind == PATH_NAME)
		return span_equal(a->name, b->name);
	if (a->kind == PATH_INDEX && b->kind == PATH_INDEX)
		return a->index == b->index;
	return true;
}

/* A path that ends at a list or set also means what is in it. */
static bool
paths_meet(const struct path *a, const struct path *b)
{
	if (a->nparts > b->nparts)
		return paths_meet(b, a);
	for (size_t i = 0; i < a->nparts; i++)
		if (!parts_meet(&a->parts[i], &b->parts[i]))
			return false;
	if (a->nparts == b->nparts)
		return true;

	const enum path_kind next = b->parts[a->nparts].kind;

	return b->nparts == a->nparts + 1 &&
	       (next == PATH_INDEX || next == PATH_ALL_ELEMENTS);
}

static bool
paths_equal(const struct path *a, const struct path *b)
{
	if (a->nparts != b->nparts)
		return false;
	for (size_t i = 0; i < a->nparts; i++)
		if (a->parts[i].kind != b->parts[i].kind ||
		    !parts_meet(&a->parts[i], &b->parts[i]))
			return false;
	return true;
}

static const struct rewrite_table *
find_table(const struct builder *b, struct span name)
{
	for (size_t i = 0; i < b->o->ntables; i++)
		if (span_equal(b->o->tables[i].name, name))
			return &b->o->tables[i];
	err_set(b->err, ERR_USAGE, "the plan has no table '%.*s'",
		(int)(name.len < 200 ? name.len : 200),
		(const char *)name.ptr);
	return NULL;
}

static struct hole
hole_of(const struct rewrite_table *t, bool is_id)
{
	return (struct hole){
		.remap = t->remap, .table = t->number,
		.flags = (uint8_t)((is_id ? USE_IS_ID : 0) |
				   (t->skip && !is_id ? USE_UNCHECKED : 0)),
	};
}

/* The table of `{id}`, which may be NULL; or -1 with an error. */
static int
table_of(struct builder *b, const struct rule *rule,
	 const struct rewrite_alternative *a, const struct rewrite_table **out)
{
	*out = rule->is_id ? &b->o->tables[b->o->own] : NULL;
	if (a->table.len > 0) {
		*out = find_table(b, a->table);
		if (*out == NULL)
			return -1;
	}
	return 0;
}

static int
fill_holes(struct builder *b, struct choice *c, const struct rule *rule,
	   const struct rewrite_table *own)
{
	bool own_used = own == NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->pattern.nparts; i++) {
		const struct pattern_part *const part = &c->pattern.parts[i];

		if (part->kind == PATTERN_TEXT)
			continue;
		if (part->kind == PATTERN_ANY) {
			c->holes[n++] = (struct hole){ .any = true };
			continue;
		}

		const bool is_own = span_is(part->text, "id");
		const struct rewrite_table *const t =
			is_own ? own : find_table(b, part->text);

		if (is_own && own == NULL)
			return err_set(b->err, ERR_USAGE, "{id} in a pattern "
				       "needs 'table' to say whose id it is");
		if (t == NULL)
			return -1;
		own_used |= is_own;
		c->holes[n++] = hole_of(t, is_own && rule->is_id);
		c->nids++;
	}
	c->nholes = n;
	if (!own_used)
		return err_set(b->err, ERR_USAGE, "the pattern has no {id}, "
			       "which would be an id of table '%.*s'",
			       (int)own->name.len, (const char *)own->name.ptr);
	return 0;
}

static int
build_choice(struct builder *b, struct choice *c, const struct rule *rule,
	     const struct rewrite_alternative *a)
{
	const struct rewrite_table *table;

	c->when = a->when;
	if (table_of(b, rule, a, &table) != 0)
		return -1;
	c->whole = a->pattern.len == 0;
	if (!c->whole &&
	    pattern_parse(&c->pattern, a->pattern, NULL, b->err) != 0)
		return -1;
	c->holes = allocate(c->whole ? 1 : c->pattern.ncaught,
			    sizeof(*c->holes), b->err);
	if (c->holes == NULL)
		return -1;
	if (!c->whole)
		return fill_holes(b, c, rule, table);
	if (table == NULL)
		return err_set(b->err, ERR_USAGE, "a reference without a "
			       "pattern needs 'table'");
	c->holes[0] = hole_of(table, rule->is_id);
	c->nholes = c->nids = 1;
	return 0;
}

/* "Contacts", "Contacts as 'C#{id}'", "'{A}#{B}'"; appended. */
static int
describe(const struct rewrite_alternative *a, struct buf *out, struct err *err)
{
	if (out->len > 0 && buf_printf(out, err, " or ") != 0)
		return -1;
	if (a->table.len > 0 && buf_append(out, a->table, err) != 0)
		return -1;
	if (a->table.len > 0 && a->pattern.len > 0 &&
	    buf_printf(out, err, " as ") != 0)
		return -1;
	if (a->pattern.len == 0)
		return a->table.len > 0 ? 0 : buf_printf(out, err, "id");
	return buf_printf(out, err, "'%.*s'", (int)a->pattern.len,
			  (const char *)a->pattern.ptr);
}

static char *
finish_text(struct buf *b, struct err *err)
{
	if (buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err) != 0)
		return NULL;
	return (char *)b->ptr;
}

static int
describe_rule(struct rule *rule, const struct rewrite_rule *from,
	      struct err *err)
{
	struct buf b = { 0 };
	int rc = 0;

	if (rule->target_text != NULL) {
		rc = buf_append(&b, span_of(rule->target_text), err);
		free(rule->target_text);
		rule->target_text = NULL;
	}
	for (size_t i = 0; rc == 0 && i < from->nalternatives; i++)
		rc = describe(&from->alternatives[i], &b, err);
	if (rc == 0)
		rule->target_text = finish_text(&b, err);
	if (rule->target_text == NULL)
		buf_free(&b);
	if (rc != 0 || rule->target_text == NULL)
		return -1;
	if (rule->path_text != NULL)
		return 0;

	b = (struct buf){ 0 };
	if (path_print(&rule->path, &b, err) == 0)
		rule->path_text = finish_text(&b, err);
	if (rule->path_text == NULL)
		buf_free(&b);
	return rule->path_text != NULL ? 0 : -1;
}

static bool
is_key(const struct rewrite_options *o, const struct path *p)
{
	for (size_t i = 0; i < o->nkey; i++)
		if (p->nparts == 1 && p->parts[0].kind == PATH_NAME &&
		    span_equal(p->parts[0].name, o->key[i]))
			return true;
	return false;
}

/* The rule that `from` adds to, a new one, or NULL with an error. */
static struct rule *
rule_for(struct builder *b, const struct rewrite_rule *from)
{
	struct rewrite *const rw = b->rw;

	for (size_t i = 0; i < rw->nrules; i++) {
		struct rule *const r = &rw->rules[i];

		if (r->is_id == from->is_id &&
		    paths_equal(&r->path, from->path))
			return r;
		if (!paths_meet(&r->path, from->path))
			continue;
		if (r->is_id != from->is_id && paths_equal(&r->path,
							   from->path))
			err_set(b->err, ERR_USAGE, "'%s' is said to be an id "
				"and a reference", r->path_text);
		else
			err_set(b->err, ERR_USAGE, "the path of another rule, "
				"'%s', can mean the same value", r->path_text);
		return NULL;
	}

	struct rule *const r = &rw->rules[rw->nrules];

	if (path_copy(&r->path, from->path, b->err) != 0)
		return NULL;
	rw->nrules++;
	r->is_id = from->is_id;
	r->is_key = is_key(b->o, &r->path);
	r->next = NONE;
	return r;
}

static void
free_choices(struct choice *choices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pattern_free(&choices[i].pattern);
		free(choices[i].holes);
	}
	free(choices);
}

static int
build_rule(struct builder *b, const struct rewrite_rule *from)
{
	struct rule *const r = rule_for(b, from);
	struct choice *choices;

	if (r == NULL)
		return -1;
	choices = allocate(r->nchoices + from->nalternatives,
			   sizeof(*choices), b->err);
	if (choices == NULL)
		return -1;
	if (r->nchoices > 0)
		memcpy(choices, r->choices, r->nchoices * sizeof(*choices));
	free(r->choices);
	r->choices = choices;
	for (size_t i = 0; i < from->nalternatives; i++) {
		struct choice *const c = &r->choices[r->nchoices++];

		b->alternative = i;
		if (build_choice(b, c, r, &from->alternatives[i]) != 0)
			return -1;
		if (c->nholes > b->rw->max_caught)
			b->rw->max_caught = c->nholes;
	}
	const bool one = r->path.nparts == 1 && r->nchoices == 1 &&
			 r->choices[0].whole && r->choices[0].when == NULL;
	r->simple = one && remap_is_plain(r->choices[0].holes[0].remap);
	/* An id that is looked up before it is written takes the long way. */
	r->quick = one && remap_is_quick(r->choices[0].holes[0].remap) &&
		   (b->o->dangling == DANGLING_REPORT ||
		    b->o->dangling == DANGLING_FAIL);
	if (r->nchoices > b->rw->max_choices)
		b->rw->max_choices = r->nchoices;
	return describe_rule(r, from, b->err);
}

/* An id that stays, where the plan says that it is something else as well. */
static bool
gives_way(const struct rewrite_rule *rules, size_t n, size_t i,
	  const struct rewrite_options *o)
{
	if (!rules[i].is_id || o->tables[o->own].remap != NULL)
		return false;
	for (size_t j = 0; j < n; j++)
		if (!rules[j].is_id &&
		    paths_meet(rules[i].path, rules[j].path))
			return true;
	return false;
}

/* Put rule `i` behind the others with its first name. */
static void
link_rule(struct rewrite *rw, uint32_t i)
{
	const struct path_part *const first = &rw->rules[i].path.parts[0];
	uint32_t *at = &rw->other;

	if (first->kind == PATH_NAME) {
		size_t s = first->hash & rw->mask;

		while (rw->slots[s].rule != NONE &&
		       !span_equal((struct span){ rw->slots[s].name,
						  rw->slots[s].len },
				   first->name))
			s = (s + 1) & rw->mask;
		rw->slots[s].name = first->name.ptr;
		rw->slots[s].len = (uint32_t)first->name.len;
		rw->slots[s].hash = first->hash;
		at = &rw->slots[s].rule;
	}
	while (*at != NONE)
		at = &rw->rules[*at].next;
	*at = i;
}

static int
build_slots(struct rewrite *rw, struct err *err)
{
	size_t n = 16;

	while (n < 8 * rw->nrules)
		n *= 2;
	rw->slots = allocate(n, sizeof(*rw->slots), err);
	if (rw->slots == NULL)
		return -1;
	rw->mask = n - 1;
	rw->other = NONE;
	for (size_t i = 0; i < n; i++)
		rw->slots[i].rule = NONE;
	for (uint32_t i = 0; i < rw->nrules; i++)
		link_rule(rw, i);
	return 0;
}

struct rewrite *
rewrite_new(const struct rewrite_rule *rules, size_t nrules,
	    const struct rewrite_options *options, size_t *rule,
	    size_t *alternative, struct err *err)
{
	struct builder b = { .o = options, .err = err };
	size_t i = 0;

	b.rw = allocate(1, sizeof(*b.rw), err);
	if (b.rw == NULL)
		return NULL;
	b.rw->dangling = options->dangling;
	b.rw->strict_ids = options->strict_ids;
	b.rw->rules = allocate(nrules, sizeof(*b.rw->rules), err);
	if (b.rw->rules == NULL)
		goto done;
	for (; i < nrules; i++) {
		b.alternative = 0;
		if (!gives_way(rules, nrules, i, options) &&
		    build_rule(&b, &rules[i]) != 0)
			goto done;
	}
	if (build_slots(b.rw, err) == 0)
		return b.rw;
done:
	if (rule != NULL)
		*rule = i < nrules ? i : 0;
	if (alternative != NULL)
		*alternative = b.alternative;
	rewrite_free(b.rw);
	return NULL;
}

void
rewrite_free(struct rewrite *rw)
{
	if (rw == NULL)
		return;
	for (size_t i = 0; i < rw->nrules; i++) {
		struct rule *const r = &rw->rules[i];

		path_free(&r->path);
		free_choices(r->choices, r->nchoices);
		free(r->path_text);
		free(r->target_text);
	}
	free(rw->rules);
	free(rw->slots);
	free(rw);
}

size_t
rewrite_nrules(const struct rewrite *rw)
{
	return rw->nrules;
}

const char *
rewrite_rule_path(const struct rewrite *rw, size_t i)
{
	return rw->rules[i].path_text;
}

const char *
rewrite_rule_target(const struct rewrite *rw, size_t i)
{
	return rw->rules[i].target_text;
}

bool
rewrite_rule_is_id(const struct rewrite *rw, size_t i)
{
	return rw->rules[i].is_id;
}

bool
rewrite_rule_takes_all(const struct rewrite *rw, size_t i)
{
	return rw->rules[i].simple;
}

bool
rewrite_is_quick(const struct rewrite *rw)
{
	for (size_t i = 0; i < rw->nrules; i++)
		if (!rw->rules[i].quick)
			return false;
	return true;
}

bool
rewrite_is_clean(const struct rewrite *rw)
{
	for (size_t i = 0; i < rw->nrules; i++)
		if (!rw->rules[i].quick ||
		    !rw->rules[i].choices[0].holes[0].remap->clean)
			return false;
	return true;
}

struct span
rewrite_rule_name(const struct rewrite *rw, size_t i)
{
	return rw->rules[i].path.parts[0].name;
}
