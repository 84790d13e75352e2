/* stats.c - eyes on the units that go by, and their sum. */
#include "engine/stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/stats_internal.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

enum { FIRST_BUSY = 64 };

struct eye;

typedef int walk_fn(struct eye *e, struct node *n, const struct value *v,
		    uint32_t item, struct err *err);

/* What looks on at one unit of an input after the other. */
struct eye {
	struct stats *stats;
	struct eye *next;		/* that rests, or of all */
	struct eye *next_of_all;
	const struct unit *unit;
	struct stats_input sums;
	struct paths paths;
	struct fates *fates;		/* of tables that were met */
	bool wide;			/* with AVX-512 */
	values_take_fn *take;
	struct node **busy;		/* where values wait */
	uint32_t nbusy, busy_cap;
	uint32_t sizes[DDBJSON_MAX_LINES];	/* of the batch's items */
	struct arena scratch;
	struct looker looker;
	struct batch batch;
};

struct stats {
	const struct plan *plan;
	int64_t run_time;
	pthread_mutex_t lock;
	struct eye *all;
	struct eye **resting;		/* one list an input */
	struct stats_input *inputs;
	struct paths *paths;
	struct fates **tables;		/* one a plan table, once settled */
	struct fates *fates;		/* the same as a list */
};

/* ---- an item ------------------------------------------------------------- */

/* Take in what waits anywhere, but for what is pending. */
static int
take_waiting(struct eye *e, struct err *err)
{
	while (e->nbusy > 0) {
		struct node *const n = e->busy[--e->nbusy];

		n->busy = false;
		if (e->take(&e->paths, n, e->sizes, &e->scratch, err) != 0)
			return -1;
	}
	return 0;
}

/* Take in all there is: there may be fewer paths after it. */
static int
take_all(struct eye *e, struct err *err)
{
	return take_waiting(e, err) != 0 ? -1
		: paths_put_pending(&e->paths, err);
}

/* The first value at a path in this batch, or one more than can wait there. */
static __attribute__((noinline)) int
make_way(struct eye *e, struct node *n, struct err *err)
{
	if (n->nseen == SEEN &&
	    e->take(&e->paths, n, e->sizes, &e->scratch, err) != 0)
		return -1;
	/* Taken in because it was full, it is still among the busy. */
	if (n->busy)
		return 0;
	if (e->nbusy == e->busy_cap) {
		const uint32_t cap = e->busy_cap == 0 ? FIRST_BUSY
						      : 2 * e->busy_cap;
		struct node **const p = realloc(e->busy, cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		e->busy = p;
		e->busy_cap = cap;
	}
	e->busy[e->nbusy++] = n;
	n->busy = true;
	return 0;
}

/* Through what is in a container; see walk(). */
static walk_fn walk_any;
#if defined(__x86_64__)
static walk_fn walk_wide;
#else
#define walk_wide walk_any
#endif

/* Of a value at a path that there is no room for only the size counts. */
static int
leave_out(struct eye *e, const struct value *v, uint32_t item,
	  const struct err *err)
{
	if (err->code != ERR_NONE)
		return -1;
	e->paths.left_out++;
	e->sizes[item] += (uint32_t)value_size(v);
	if (v->type == VALUE_S)
		e->sizes[item] -= v->len;
	return 0;
}

/* A value at a path.  Of what is no text or number there is little to say. */
static inline __attribute__((always_inline)) int
note(struct eye *e, struct node *n, const struct value *v, uint32_t item,
     bool wide, struct err *err)
{
	if (v->type <= VALUE_B) {
		if ((n->nseen == 0 || n->nseen == SEEN) &&
		    make_way(e, n, err) != 0)
			return -1;

		struct value *const at = &n->seen[n->nseen++];
		*at = *v;
		at->hash = (uint16_t)item;	/* of a value it says nothing */
		return 0;
	}
	n->types[v->type]++;
	if (value_is_container(v))
		return wide ? walk_wide(e, n, v, item, err)
			    : walk_any(e, n, v, item, err);
	n->truths += v->type == VALUE_BOOL && (v->flags & VALUE_TRUE) != 0;
	e->sizes[item] += 1;
	return 0;
}

/* The path of a name that is not where it should be.  NULL as paths_add(). */
static __attribute__((noinline)) struct node *
look_for(struct eye *e, struct node *map, const struct value *name,
	 struct err *err)
{
	struct node *const kid = paths_find(map, name);

	if (kid != NULL)
		return kid;
	if (paths_is_full(map) && take_all(e, err) != 0)
		return NULL;
	err->code = ERR_NONE;
	return paths_add(&e->paths, map, name, err);
}

static inline __attribute__((always_inline)) int
walk_map(struct eye *e, struct node *n, const struct value *map, uint32_t item,
	 bool wide, struct err *err)
{
	const struct value *const end = map->kids + map->len;
	uint32_t size = 0;

	for (const struct value *name = map->kids; name < end; name += 2) {
		struct node *kid = *paths_guess(n, name->hash);

		size += name->len;
		if (name[1].type == VALUE_S)
			size += name[1].len;
		/* Of another not so many bytes may be there to be read. */
		if ((name->flags & (VALUE_RAW | VALUE_ESC)) != VALUE_RAW ||
		    !node_is_quickly(kid, name, wide)) {
			kid = look_for(e, n, name, err);
			if (kid == NULL) {
				if (leave_out(e, name + 1, item, err) != 0)
					return -1;
				continue;
			}
		}
		if (note(e, kid, name + 1, item, wide, err) != 0)
			return -1;
	}
	e->sizes[item] += size;
	return 0;
}

/* What is in a container, which counts as DynamoDB's rules have it. */
static inline __attribute__((always_inline)) int
walk(struct eye *e, struct node *n, const struct value *v, uint32_t item,
     bool wide, struct err *err)
{
	if (v->type == VALUE_M) {
		e->sizes[item] += 3 + v->len / 2;
		return walk_map(e, n, v, item, wide, err);
	}
	if (v->type == VALUE_L)
		e->sizes[item] += 3 + v->len;
	for (uint32_t i = 0; i < v->len; i++) {
		if (v->kids[i].type == VALUE_S)
			e->sizes[item] += v->kids[i].len;
		err->code = ERR_NONE;

		struct node *const at = paths_element(&e->paths, n, err);
		if ((at == NULL ? leave_out(e, &v->kids[i], item, err)
		     : note(e, at, &v->kids[i], item, wide, err)) != 0)
			return -1;
	}
	return 0;
}

static int
walk_any(struct eye *e, struct node *n, const struct value *v, uint32_t item,
	 struct err *err)
{
	return walk(e, n, v, item, false, err);
}

static int
walk_items(struct eye *e, const struct batch *b, struct err *err)
{
	for (uint32_t i = 0; i < b->nitems; i++)
		if (walk_map(e, e->paths.root, &b->items[i].map, i, false,
			     err) != 0)
			return -1;
	return 0;
}

#if defined(__x86_64__)
static CHARS_WIDE int
walk_wide(struct eye *e, struct node *n, const struct value *v, uint32_t item,
	  struct err *err)
{
	return walk(e, n, v, item, true, err);
}

static CHARS_WIDE int
walk_items_wide(struct eye *e, const struct batch *b, struct err *err)
{
	for (uint32_t i = 0; i < b->nitems; i++)
		if (walk_map(e, e->paths.root, &b->items[i].map, i, true,
			     err) != 0)
			return -1;
	return 0;
}
#else
#define walk_items_wide walk_items
#endif

/* ---- sizes --------------------------------------------------------------- */

static bool
larger(const struct stats_large *a, const struct stats_large *b)
{
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes;
	return place_before(&a->place, &b->place);
}

/* Is it among the largest?  Then put it there. */
static void
keep_large(struct stats_input *s, const struct stats_large *x)
{
	uint32_t i = s->nlargest;

	if (i == STATS_LARGEST && !larger(x, &s->largest[i - 1]))
		return;
	s->nlargest += i < STATS_LARGEST;
	i -= i == STATS_LARGEST;
	for (; i > 0 && larger(x, &s->largest[i - 1]); i--)
		s->largest[i] = s->largest[i - 1];
	s->largest[i] = *x;
}

static void
note_size(struct eye *e, const struct item *item, uint64_t size)
{
	const struct plan *const p = e->stats->plan;
	struct stats_input *const s = &e->sums;
	const unsigned bits = size > 1
		? 64 - (unsigned)__builtin_clzll(size - 1) : 0;

	s->sizes[bits < STATS_SIZES ? bits : STATS_SIZES - 1]++;
	if (s->items == 0 || size < s->min)
		s->min = size;
	if (size > s->max)
		s->max = size;
	s->items++;
	s->bytes += size;
	s->json += item->line.len + 1;
	if (s->nlargest == STATS_LARGEST &&
	    size < s->largest[STATS_LARGEST - 1].bytes)
		return;

	struct stats_large x = { .bytes = size, .place = {
		.unit = e->unit->number, .line = item->number } };
	stats_key(p, p->inputs[e->unit->input].tables[0], item, x.place.key);
	keep_large(s, &x);
}

static void
add_sums(struct stats_input *to, const struct stats_input *from)
{
	if (from->items == 0)
		return;
	if (to->items == 0 || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->items += from->items;
	to->bytes += from->bytes;
	to->json += from->json;
	for (int i = 0; i < STATS_SIZES; i++)
		to->sizes[i] += from->sizes[i];
	for (uint32_t i = 0; i < from->nlargest; i++)
		keep_large(to, &from->largest[i]);
}

/* ---- the observer -------------------------------------------------------- */

static int
before(void *context, const struct batch *b, struct err *err)
{
	struct eye *const e = context;

	memset(e->sizes, 0, b->nitems * sizeof(e->sizes[0]));
	if ((e->wide ? walk_items_wide(e, b, err)
		     : walk_items(e, b, err)) != 0)
		return -1;
	if (take_waiting(e, err) != 0)
		return -1;
	for (uint32_t i = 0; i < b->nitems; i++)
		note_size(e, &b->items[i], e->sizes[i]);
	arena_reset(&e->scratch);
	return 0;
}

static int
after(void *context, const struct batch *b,
      const struct program_result *result, struct err *err)
{
	struct eye *const e = context;

	return fates_note(&e->fates, e->unit, b, e->sizes, result, &e->looker,
			  err);
}

static void
eye_free(struct eye *e)
{
	fates_free(e->fates);
	free(e->busy);
	paths_free(&e->paths);
	arena_free(&e->scratch);
	ddbjson_free(e->looker.reader);
	buf_free(&e->looker.text);
	batch_free(&e->batch);
	free(e);
}

static struct eye *
eye_new(struct stats *s, struct err *err)
{
	struct eye *const e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->stats = s;
	e->wide = cpu_has(CPU_AVX512);
	e->take = values_taker();
	e->looker.batch = &e->batch;
	e->looker.plan = s->plan;
	e->looker.run_time = s->run_time;
	if (paths_init(&e->paths, err) == 0)
		return e;
	eye_free(e);
	return NULL;
}

/* One that rests, which has seen units of the same input, or a new one. */
static void *
open_eye(void *context, const struct unit *u, struct err *err)
{
	struct stats *const s = context;
	struct eye *e;

	pthread_mutex_lock(&s->lock);
	e = s->resting[u->input];
	if (e != NULL)
		s->resting[u->input] = e->next;
	pthread_mutex_unlock(&s->lock);
	if (e == NULL) {
		e = eye_new(s, err);
		if (e == NULL)
			return NULL;
		pthread_mutex_lock(&s->lock);
		e->next_of_all = s->all;
		s->all = e;
		pthread_mutex_unlock(&s->lock);
	}
	e->unit = u;
	return e;
}

/* A unit that was not carried through ends the pass: nobody will ask. */
static int
close_eye(void *context, bool whole, struct err *err)
{
	struct eye *const e = context;
	struct stats *const s = e->stats;

	(void)whole;
	(void)err;
	pthread_mutex_lock(&s->lock);
	e->next = s->resting[e->unit->input];
	s->resting[e->unit->input] = e;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

struct unit_observer
stats_observer(struct stats *s)
{
	return (struct unit_observer){
		.context = s, .open = open_eye, .before = before,
		.after = after, .edits = true, .close = close_eye,
	};
}

/* ---- all of it ----------------------------------------------------------- */

struct stats *
stats_new(const struct plan *plan, int64_t run_time, struct err *err)
{
	const size_t n = plan->ninputs;
	struct stats *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->plan = plan;
	s->run_time = run_time;
	pthread_mutex_init(&s->lock, NULL);
	s->resting = calloc(n + 1, sizeof(*s->resting));
	s->inputs = calloc(n + 1, sizeof(*s->inputs));
	s->paths = calloc(n + 1, sizeof(*s->paths));
	s->tables = calloc(plan->ntables + 1, sizeof(*s->tables));
	if (s->resting != NULL && s->inputs != NULL && s->paths != NULL &&
	    s->tables != NULL)
		return s;
	err_set(err, ERR_SYSTEM, "out of memory");
	stats_free(s);
	return NULL;
}

void
stats_free(struct stats *s)
{
	if (s == NULL)
		return;
	while (s->all != NULL) {
		struct eye *const e = s->all;

		s->all = e->next_of_all;
		eye_free(e);
	}
	for (size_t i = 0; s->paths != NULL && i < s->plan->ninputs; i++)
		paths_free(&s->paths[i]);
	fates_free(s->fates);
	free(s->tables);
	free(s->paths);
	free(s->inputs);
	free(s->resting);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* What one eye has seen of its input, and of all tables. */
static int
add_eye(struct stats *s, struct eye *e, uint32_t input, struct err *err)
{
	if (paths_put_pending(&e->paths, err) != 0)
		return -1;
	if (s->paths[input].root == NULL &&
	    paths_init(&s->paths[input], err) != 0)
		return -1;
	add_sums(&s->inputs[input], &e->sums);
	if (paths_merge(&s->paths[input], &e->paths, err) != 0)
		return -1;
	for (const struct fates *f = e->fates; f != NULL; f = f->next)
		if (fates_merge(s->tables[f->table], f) != 0)
			return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

/* One for every table, also where no item came by. */
static int
list_tables(struct stats *s, struct err *err)
{
	for (uint32_t i = 0; i < s->plan->ntables; i++) {
		s->tables[i] = fates_of(&s->fates, s->plan, i, err);
		if (s->tables[i] == NULL)
			return -1;
	}
	return 0;
}

int
stats_settle(struct stats *s, struct err *err)
{
	if (list_tables(s, err) != 0)
		return -1;
	for (uint32_t i = 0; i < s->plan->ninputs; i++) {
		for (struct eye *e = s->resting[i]; e != NULL; e = e->next)
			if (add_eye(s, e, i, err) != 0)
				return -1;
		s->inputs[i].left_out = s->paths[i].left_out;
	}
	for (struct fates *f = s->fates; f != NULL; f = f->next)
		if (fates_settle(f, err) != 0)
			return -1;
	return 0;
}

const struct stats_input *
stats_of_input(const struct stats *s, uint32_t input)
{
	return &s->inputs[input];
}

const struct stats_table *
stats_of_table(const struct stats *s, uint32_t table)
{
	return &s->tables[table]->sums;
}

const struct stats_attribute *
stats_attributes(const struct stats *s, uint32_t input, struct arena *mem,
		 size_t *n, size_t *left_out, struct err *err)
{
	return paths_list(&s->paths[input], mem, n, left_out, err);
}

double
stats_error(const struct stats *s, uint32_t input)
{
	const uint32_t k = s->paths[input].k;

	return sketch_error(&(struct sketch){
		.bound = 1, .k = k, .n = k > 0 ? k : STATS_SKETCH });
}
