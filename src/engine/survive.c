#include "engine/survive.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/plan.h"
#include "model/compare.h"
#include "model/path.h"

/* ---- what stands at a path ----------------------------------------------- */

/* Called with each value, at any depth below the path, that is no container. */
typedef int see(void *context, const struct value *v, struct err *err);

static int
see_all(const struct value *v, see *each, void *context, struct err *err)
{
	if (!value_is_container(v))
		return v->type == VALUE_NAME ? 0 : each(context, v, err);
	for (uint32_t i = 0; i < v->len; i++)
		if (see_all(&v->kids[i], each, context, err) != 0)
			return -1;
	return 0;
}

static int
follow(const struct path *p, size_t from, const struct value *v, see *each,
       void *context, struct err *err)
{
	const struct path_part *const part = &p->parts[from];

	if (from == p->nparts)
		return see_all(v, each, context, err);
	if (part->kind == PATH_NAME || part->kind == PATH_INDEX) {
		v = path_step(part, v);
		return v == NULL ? 0
			: follow(p, from + 1, v, each, context, err);
	}

	const bool map = v->type == VALUE_M;
	if (map != (part->kind == PATH_ALL_VALUES) || !value_is_container(v))
		return 0;
	for (uint32_t i = map; i < v->len; i += map ? 2 : 1)
		if (follow(p, from + 1, &v->kids[i], each, context, err) != 0)
			return -1;
	return 0;
}

/* ---- originals ----------------------------------------------------------- */

struct collecting {
	struct original **list;
	const struct plan_masked *of;
	uint32_t table;
	struct arena *mem;
};

static int
collect(void *context, const struct value *v, struct err *err)
{
	const struct collecting *const c = context;
	struct original *o;
	struct span text;

	if (v->type != VALUE_S && v->type != VALUE_N && v->type != VALUE_B)
		return 0;
	if (value_text(v, c->mem, &text, err) != 0)
		return -1;
	if (text.len == 0)
		return 0;
	o = arena_take(c->mem, sizeof(*o), err);
	if (o == NULL)
		return -1;
	*o = (struct original){
		.next = *c->list, .of = c->of, .table = c->table,
		.value = value_of_text((enum value_type)v->type, text),
	};
	*c->list = o;
	return 0;
}

int
survive_collect(const struct plan_table *t, uint32_t table,
		const struct item *item, struct original **list,
		struct arena *mem, struct err *err)
{
	struct collecting c = { .list = list, .table = table, .mem = mem };

	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nmasked; k++) {
			c.of = &t->passes[i].masked[k];
			if (follow(&c.of->path, 0, &item->map, collect, &c,
				   err) != 0)
				return -1;
		}
	return 0;
}

/* ---- what became of them ------------------------------------------------- */

struct looking {
	const struct original *list;
	uint32_t table;
	const struct plan_masked *at;	/* whose values are looked at */
	struct arena *mem;
};

static bool
is_long(const struct value *v)
{
	return v->type == VALUE_S && v->len >= SURVIVE_LONG;
}

static int
survives(const struct original *o, struct span where, struct err *err)
{
	return err_set(err, ERR_INPUT, "an original value of '%s' is in '%.*s'",
		       o->of->text, (int)(where.len < 120 ? where.len : 120),
		       (const char *)where.ptr);
}

/* Is the value at a masked path one of the short originals? */
static int
look_at(void *context, const struct value *v, struct err *err)
{
	const struct looking *const l = context;

	for (const struct original *o = l->list; o != NULL; o = o->next) {
		if (o->table != l->table || o->value.type != v->type ||
		    is_long(&o->value))
			continue;
		const int rc = value_equal(&o->value, v, l->mem, err);
		if (rc != 0)
			return rc < 0 ? -1 :
				survives(o, span_of(l->at->text), err);
	}
	return 0;
}

/* Is a long original anywhere in it? */
static int
look_into(const struct looking *l, const struct value *v, struct span top,
	  struct err *err)
{
	struct span text;

	if (value_is_container(v)) {
		for (uint32_t i = 0; i < v->len; i++)
			if (look_into(l, &v->kids[i], top, err) != 0)
				return -1;
		return 0;
	}
	if (v->type != VALUE_S && v->type != VALUE_NAME)
		return 0;
	if (value_text(v, l->mem, &text, err) != 0)
		return -1;
	for (const struct original *o = l->list; o != NULL; o = o->next)
		if (o->table == l->table && is_long(&o->value) &&
		    memmem(text.ptr, text.len, o->value.text,
			   o->value.len) != NULL)
			return survives(o, top, err);
	return 0;
}

int
survive_check(const struct plan_table *t, uint32_t table,
	      const struct original *list, const struct item *item,
	      struct arena *mem, struct err *err)
{
	struct looking l = { .list = list, .table = table, .mem = mem };
	const struct value *const kids = item->map.kids;

	for (uint32_t i = 0; i < item->map.len; i++) {
		const struct value *const name = &kids[i - i % 2];

		if (look_into(&l, &kids[i],
			      (struct span){ name->text, name->len }, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nmasked; k++) {
			l.at = &t->passes[i].masked[k];
			if (follow(&l.at->path, 0, &item->map, look_at, &l,
				   err) != 0)
				return -1;
		}
	return 0;
}
