/*
 * stats_fates.c - what the plan made of the items: write units, what TTL would
 * delete at once, asserts that fail, reasons of rejects; and how an item is
 * named where the source has it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/stats_internal.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

enum {
	UNIT = 1024,			/* bytes that one write unit writes */
	MAX_OVERDUE = 5 * 366 * 86400,	/* older ones TTL leaves alone */
};

/* ---- places -------------------------------------------------------------- */

bool
place_before(const struct stats_place *a, const struct stats_place *b)
{
	return a->unit != b->unit ? a->unit < b->unit : a->line < b->line;
}

/* Cut where a character ends. */
static int
whole(struct span text, size_t max)
{
	size_t n = text.len < max ? text.len : max;

	while (n < text.len && n > 0 && (text.ptr[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

void
stats_key(const struct plan *plan, uint32_t table, const struct item *item,
	  char out[STATS_KEY])
{
	const struct plan_key *const key = &plan->tables[table].source_key;
	const struct plan_key_attr *const attrs[] = { &key->pk, &key->sk };
	struct arena mem = { .chunk_len = 4096 };
	size_t at = 0;
	struct err err;

	out[0] = '\0';
	for (int i = 0; i < 2 && attrs[i]->name != NULL; i++) {
		const struct span name = span_of(attrs[i]->name);
		const struct value *const v = value_attr(&item->map, name,
							 name_hash(name));
		struct span text;

		if (v == NULL || v->type > VALUE_B ||
		    value_text(v, &mem, &text, &err) != 0)
			continue;
		const char *const quote = v->type == VALUE_S ? "'" : "";
		at += (size_t)snprintf(out + at, STATS_KEY - at,
			"%s%.*s = %s%.*s%s", at > 0 ? ", " : "",
			whole(name, 30), attrs[i]->name, quote,
			whole(text, 60), (const char *)text.ptr, quote);
	}
	arena_free(&mem);
}

/* The place of a line, which the program may have changed since. */
static void
find_place(struct looker *l, const struct unit *unit, uint32_t table,
	   struct span line, uint64_t number, struct stats_place *out)
{
	static const uint8_t SLACK[DDBJSON_SLACK];
	struct err err;
	size_t used;

	*out = (struct stats_place){ .unit = unit->number, .line = number };
	if (l->reader == NULL)
		l->reader = ddbjson_new(&err);
	buf_reset(&l->text);
	batch_reset(l->batch);
	if (l->reader == NULL || buf_append(&l->text, line, &err) != 0 ||
	    buf_append(&l->text, (struct span){ SLACK, sizeof(SLACK) },
		       &err) != 0)
		return;
	ddbjson_rewind(l->reader);
	if (ddbjson_decode(l->reader, (struct span){ l->text.ptr, line.len },
			   true, l->batch, &used, &err) == 0 &&
	    l->batch->nitems == 1)
		stats_key(l->plan, table, &l->batch->items[0], out->key);
}

/* ---- lists --------------------------------------------------------------- */

static size_t
count_asserts(const struct plan_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->npasses; i++)
		n += t->passes[i].nasserts;
	return n;
}

static struct fates *
new_fates(const struct plan *plan, uint32_t table)
{
	const struct plan_table *const t = &plan->tables[table];
	const char *const ttl = t->create != NULL ? t->create->ttl : NULL;
	struct fates *const f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->table = table;
	f->sums.nasserts = count_asserts(t);
	f->asserts = calloc(f->sums.nasserts + 1, sizeof(*f->asserts));
	f->sums.asserts = f->asserts;
	f->sums.index_items = calloc((t->create != NULL ? t->create->nindexes
				      : 0) + 1, sizeof(uint64_t));
	if (ttl != NULL) {
		f->ttl = span_of(ttl);
		f->ttl_hash = name_hash(f->ttl);
	}
	if (f->asserts != NULL && f->sums.index_items != NULL)
		return f;
	fates_free(f);
	return NULL;
}

struct fates *
fates_of(struct fates **list, const struct plan *plan, uint32_t table,
	 struct err *err)
{
	struct fates *f = *list;

	while (f != NULL && f->table != table)
		f = f->next;
	if (f != NULL)
		return f;
	f = new_fates(plan, table);
	if (f == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	f->next = *list;
	*list = f;
	return f;
}

void
fates_free(struct fates *list)
{
	while (list != NULL) {
		struct fates *const f = list;

		list = f->next;
		free(f->asserts);
		free(f->reasons);
		free(f->told);
		free(f->sums.index_items);
		free(f);
	}
}

/* ---- asserts ------------------------------------------------------------- */

/* Of places in order, the first few. */
static void
keep_place(struct stats_assert *a, const struct stats_place *p)
{
	uint32_t i = a->nplaces;

	if (i == STATS_PLACES && !place_before(p, &a->places[i - 1]))
		return;
	a->nplaces += i < STATS_PLACES;
	i -= i == STATS_PLACES;
	for (; i > 0 && place_before(p, &a->places[i - 1]); i--)
		a->places[i] = a->places[i - 1];
	a->places[i] = *p;
}

/* The number of the assert that refused the item; -1 if none did. */
static int64_t
assert_of(const struct plan_table *t, const struct refusal *r)
{
	static const char SAYS[] = "assert does not hold: ";
	const size_t n = sizeof(SAYS) - 1;
	const bool fails = strncmp(r->why.text, SAYS, n) == 0;
	unsigned long number = 0, at = 0;

	if (strncmp(r->step, "assert ", 7) == 0)
		number = strtoul(r->step + 7, NULL, 10);
	if (number == 0)
		return -1;
	/* Several plans number theirs alike: the text tells which it is. */
	for (size_t i = 0; i < t->npasses; i++) {
		const struct plan_pass *const p = &t->passes[i];

		if (number <= p->nasserts &&
		    (!fails || strncmp(r->why.text + n,
				       p->asserts[number - 1].text,
				       strlen(r->why.text + n)) == 0))
			return (int64_t)(at + number - 1);
		at += p->nasserts;
	}
	return -1;
}

/* ---- reasons ------------------------------------------------------------- */

/* What differs from item to item, in quotes or digits, is left out. */
static void
make_plain(const char *text, char out[200])
{
	size_t n = 0;

	while (*text != '\0' && n < 199) {
		const char *const end = *text == '\'' ? strchr(text + 1, '\'')
						      : NULL;

		if (end != NULL) {
			out[n++] = '\'';
			text = end + 1;
		} else if (*text >= '0' && *text <= '9') {
			out[n++] = '0';
			text += strspn(text, "0123456789");
		} else {
			out[n++] = *text++;
		}
	}
	out[n] = '\0';
}

/* Add so many items with this reason; `r` is the first of them. */
static int
add_reason(struct fates *f, const struct reason *r)
{
	size_t i = 0;

	while (i < f->sums.nreasons &&
	       (strcmp(f->reasons[i].step, r->step) != 0 ||
		strcmp(f->reasons[i].plain, r->plain) != 0))
		i++;
	if (i == f->sums.nreasons && i < MAX_REASONS) {
		struct reason *const p = (i & (i - 1)) != 0 ? f->reasons :
			realloc(f->reasons, (i > 0 ? 2 * i : 1) * sizeof(*p));

		if (p == NULL)
			return -1;
		f->reasons = p;
		f->reasons[f->sums.nreasons++] = *r;
		return 0;
	}
	i -= i == MAX_REASONS;	/* among them all the same */
	f->reasons[i].items += r->items;
	if (place_before(&r->place, &f->reasons[i].place)) {
		memcpy(f->reasons[i].text, r->text, sizeof(r->text));
		f->reasons[i].place = r->place;
	}
	return 0;
}

static int
note_reason(struct fates *f, const char *step, const char *text,
	    struct looker *l, const struct unit *unit, struct span line,
	    uint64_t number, struct err *err)
{
	struct reason r = { .items = 1, .place = {
		.unit = unit->number, .line = number } };
	size_t i = 0;

	snprintf(r.step, sizeof(r.step), "%s", step);
	snprintf(r.text, sizeof(r.text), "%.*s",
		 whole(span_of(text), sizeof(r.text) - 1), text);
	make_plain(text, r.plain);
	/* To name the item is work: only if it will be told. */
	while (i < f->sums.nreasons &&
	       (strcmp(f->reasons[i].plain, r.plain) != 0 ||
		place_before(&r.place, &f->reasons[i].place)))
		i++;
	if (i == f->sums.nreasons && line.ptr != NULL)
		find_place(l, unit, f->table, line, number, &r.place);
	return add_reason(f, &r) == 0 ? 0 :
		err_set(err, ERR_SYSTEM, "out of memory");
}

static int
note_refusal(struct fates *f, const struct refusal *r, const struct batch *b,
	     const struct unit *unit, struct looker *l, struct err *err)
{
	const struct item *const item = &b->items[r->source];
	const struct plan_table *const t = &l->plan->tables[r->table];
	const int64_t number = assert_of(t, r);
	struct stats_place p = { .unit = unit->number, .line = item->number };

	if (number < 0)
		return note_reason(f, r->step, r->why.text, l, unit,
				   item->line, item->number, err);

	struct stats_assert *const a = &f->asserts[number];
	a->failed++;
	if (a->nplaces == STATS_PLACES &&
	    !place_before(&p, &a->places[STATS_PLACES - 1]))
		return 0;
	find_place(l, unit, r->table, item->line, item->number, &p);
	keep_place(a, &p);
	return 0;
}

/* ---- products ------------------------------------------------------------ */

static uint64_t
units_of(uint64_t size)
{
	return size > UNIT ? (size + UNIT - 1) / UNIT : 1;
}

/*
 * How many units an item of `before` bytes takes with its edits; 0 if that is
 * not sure.  Edits are of whole attributes, which count for no more than their
 * JSON; or of ids, S or N, of which a text byte counts for one at most, but a
 * number's first for two.
 */
static uint64_t
units_with_edits(const struct item *item, uint64_t before)
{
	enum { MORE = 2 };
	uint64_t less = 0, more = 0;

	for (uint32_t i = 0; i < item->nedits; i++) {
		less += item->edits[i].cut + (uint64_t)MORE;
		more += item->edits[i].len + (uint64_t)MORE;
	}

	const uint64_t low = units_of(before > less ? before - less : 0);
	return low == units_of(before + more) ? low : 0;
}

/* Its size; of an item that is edits of its line, only that line tells it. */
static int
size_of(const struct item *item, struct looker *l, uint64_t *size,
	struct err *err)
{
	static const uint8_t SLACK[DDBJSON_SLACK];
	size_t used;

	*size = 0;
	if (item->edits == NULL) {
		*size = item_size(item);
		return 0;
	}
	if (l->reader == NULL)
		l->reader = ddbjson_new(err);
	if (l->reader == NULL)
		return -1;
	buf_reset(&l->text);
	batch_reset(l->batch);
	if (ddbjson_encode(item, 1, &l->text, err) != 0)
		return -1;

	const size_t len = l->text.len;
	if (buf_append(&l->text, (struct span){ SLACK, sizeof(SLACK) },
		       err) != 0)
		return -1;
	ddbjson_rewind(l->reader);
	if (ddbjson_decode(l->reader, (struct span){ l->text.ptr, len }, true,
			   l->batch, &used, err) != 0)
		return -1;
	if (l->batch->nitems == 1)
		*size = item_size(&l->batch->items[0]);
	return 0;
}

static bool
has(const struct item *item, const char *name)
{
	const struct span text = span_of(name);

	return value_attr(&item->map, text, name_hash(text)) != NULL;
}

/* An index takes what has its keys: at once all of it, or a unit's worth. */
static void
note_indexes(struct fates *f, const struct plan_create *c,
	     const struct item *item, uint64_t units)
{
	for (size_t i = 0; i < c->nindexes; i++) {
		const struct plan_key *const key = &c->indexes[i].key;

		if (!has(item, key->pk.name) ||
		    (key->sk.name != NULL && !has(item, key->sk.name)))
			continue;
		f->sums.index_items[i]++;
		f->sums.index_units += c->indexes[i].all ? units : 1;
	}
}

/* DynamoDB deletes what is overdue, unless it is so by more than five years. */
static void
note_ttl(struct fates *f, const struct item *item, struct looker *l,
	 const struct unit *unit, uint32_t source)
{
	const struct value *const v = value_attr(&item->map, f->ttl,
						 f->ttl_hash);
	char text[DECIMAL_TEXT_LEN + 1];
	struct stats_place p = { .unit = unit->number, .line = item->number };

	if (v == NULL || v->type != VALUE_N) {
		f->sums.without++;
		return;
	}
	text[decimal_canonical((struct span){ v->text, v->len }, text)] = '\0';
	const double overdue = (double)l->run_time - strtod(text, NULL);
	if (overdue < 0 || overdue > MAX_OVERDUE)
		return;
	f->sums.expired++;
	if (f->sums.expired_first.line > 0 &&
	    !place_before(&p, &f->sums.expired_first))
		return;
	find_place(l, unit, source, item->line, item->number, &p);
	f->sums.expired_first = p;
}

/* `before` is the size of the item that it was made of. */
static int
count_units(const struct product *made, const struct batch *b, uint64_t before,
	    struct looker *l, uint64_t *units, struct err *err)
{
	const struct item *const item = made->item;
	uint64_t size;

	/* JSON says all that counts, and more. */
	*units = 1;
	if (made->len <= UNIT && l->plan->format == PLAN_DYNAMODB_JSON)
		return 0;
	*units = item->edits != NULL && item == &b->items[made->source]
		? units_with_edits(item, before) : 0;
	if (*units > 0)
		return 0;
	if (size_of(item, l, &size, err) != 0)
		return -1;
	*units = units_of(size);
	return 0;
}

static void
note_product(struct fates *f, const struct product *made, uint64_t units,
	     const struct program_result *result, struct looker *l,
	     const struct unit *unit)
{
	const struct plan_create *const c = l->plan->tables[f->table].create;

	f->sums.items++;
	f->sums.json += made->len;
	f->sums.units += units;
	if (c != NULL && c->nindexes > 0)
		note_indexes(f, c, made->item, units);
	if (f->ttl.ptr != NULL)
		note_ttl(f, made->item, l, unit, result->tables[made->source]);
}

int
fates_note(struct fates **list, const struct unit *unit,
	   const struct batch *b, const uint32_t *sizes,
	   const struct program_result *result, struct looker *l,
	   struct err *err)
{
	const uint32_t owner = l->plan->inputs[unit->input].tables[0];
	struct fates *f = NULL;

	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const made = &result->products[i];
		uint64_t units;

		if (made->item == NULL)
			continue;
		if (f == NULL || f->table != made->table)
			f = fates_of(list, l->plan, made->table, err);
		if (f == NULL || count_units(made, b, sizes[made->source], l,
					     &units, err) != 0)
			return -1;
		note_product(f, made, units, result, l, unit);
	}
	for (uint32_t i = 0; i < result->nrefusals; i++) {
		const struct refusal *const r = &result->refusals[i];

		f = fates_of(list, l->plan, r->table, err);
		if (f == NULL || note_refusal(f, r, b, unit, l, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < b->nrejects; i++) {
		const struct reject *const r = &b->rejects[i];

		f = fates_of(list, l->plan, owner, err);
		if (f == NULL ||
		    note_reason(f, "decode", r->why.text, l, unit,
				(struct span){ NULL, 0 }, r->number,
				err) != 0)
			return -1;
	}
	return 0;
}

/* ---- sums ---------------------------------------------------------------- */

int
fates_merge(struct fates *to, const struct fates *from)
{
	struct stats_table *const s = &to->sums;
	const struct stats_table *const t = &from->sums;

	s->items += t->items;
	s->json += t->json;
	s->units += t->units;
	s->index_units += t->index_units;
	s->expired += t->expired;
	s->without += t->without;
	if (t->expired > 0 && (s->expired_first.line == 0 ||
			       place_before(&t->expired_first,
					    &s->expired_first)))
		s->expired_first = t->expired_first;
	for (size_t i = 0; i < s->nasserts; i++) {
		to->asserts[i].failed += from->asserts[i].failed;
		for (uint32_t k = 0; k < from->asserts[i].nplaces; k++)
			keep_place(&to->asserts[i], &from->asserts[i].places[k]);
	}
	for (size_t i = 0; i < t->nreasons; i++)
		if (add_reason(to, &from->reasons[i]) != 0)
			return -1;
	return 0;
}

static int
most_first(const void *a, const void *b)
{
	const struct reason *const x = a, *const y = b;

	if (x->items != y->items)
		return x->items < y->items ? 1 : -1;
	return place_before(&x->place, &y->place) ? -1 : 1;
}

int
fates_settle(struct fates *f, struct err *err)
{
	const size_t n = f->sums.nreasons;

	f->told = calloc(n + 1, sizeof(*f->told));
	if (f->told == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (n > 1)
		qsort(f->reasons, n, sizeof(*f->reasons), most_first);
	for (size_t i = 0; i < n; i++)
		f->told[i] = (struct stats_reason){
			.step = f->reasons[i].step, .text = f->reasons[i].text,
			.items = f->reasons[i].items,
			.place = f->reasons[i].place,
		};
	f->sums.reasons = f->told;
	return 0;
}
