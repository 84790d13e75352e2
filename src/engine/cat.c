#include "engine/cat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/cat_internal.h"
#include "engine/crew.h"
#include "engine/inorder.h"
#include "engine/itemkey.h"
#include "engine/reading.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "model/projection.h"

enum {
	USUAL_MEMORY = 256 * 1024 * 1024,
	MAX_THREADS = 256,
};

enum kind { TEXT, NOTE, DAMAGE };

/* What all threads share: const but for what is atomic, or under inorder's
 * protection. */
struct cat {
	const struct cat_options *options;
	struct dump dump;
	struct arena mem;
	struct expr *where;
	struct projection *select;
	struct cat_style style;
	struct itemkey *keys;
	struct itemkey_names *names;	/* one a table */
	atomic_bool *found;		/* one a key */
	_Atomic uint64_t *left;		/* one a table: still to be printed */
	_Atomic uint32_t next;		/* unit to take */
	_Atomic uint64_t bad;
	struct inorder *order;
	struct cat_result *result;	/* only in the turn of a unit */
	uint32_t nfull;			/* tables with nothing left; likewise */
};

/* A thread, and the unit it has in hand. */
struct worker {
	struct cat *cat;
	struct reading *reading;
	struct cat_writer writer;
	const struct unit *unit;
	struct batch *batch;
	struct buf text, note;
	struct span run;	/* lines side by side in the input, not yet in
				 * `text` */
	uint64_t nitems;	/* in both */
	uint64_t taken;		/* of the unit, before those */
};

/* ---- in the turn of a unit ----------------------------------------------- */

/* As many of the items as are still wanted of their table. */
static int
print(struct cat *c, const struct inorder_piece *p, struct err *err)
{
	const uint32_t table = c->dump.units[p->unit].input;
	const uint64_t left = atomic_load(&c->left[table]);
	const uint64_t n = p->nitems < left ? p->nitems : left;
	struct span text = p->text;

	if (n < p->nitems)
		text.len = cat_text_of(&c->style, text, n);
	if (n > 0 && c->options->print(c->options->context, text, err) != 0)
		return -1;
	c->result->items += n;
	atomic_store(&c->left[table], left - n);
	c->nfull += n > 0 && left == n;
	return c->nfull == c->dump.ntables;
}

static int
hand_on(void *context, const struct inorder_piece *p, struct err *err)
{
	struct cat *const c = context;

	if (p->kind == TEXT)
		return print(c, p, err);
	c->result->damaged += p->kind == DAMAGE;
	return c->options->tell(c->options->context, p->text, err);
}

/* ---- one unit ------------------------------------------------------------ */

/* Hand on what there is.  Returns 0, 1 if no more is wanted, or -1. */
static int
put(struct worker *w, enum kind kind, struct span text, struct err *err)
{
	const struct inorder_piece piece = {
		.unit = w->unit->number, .kind = (int)kind, .text = text,
		.nitems = kind == TEXT ? w->nitems : 0,
	};

	return inorder_put(w->cat->order, &piece, err);
}

/* Bring the lines that stand side by side to the others. */
static int
end_run(struct worker *w, struct err *err)
{
	const struct span run = w->run;

	w->run = (struct span){ NULL, 0 };
	if (run.ptr == NULL)
		return 0;
	if (buf_append(&w->text, run, err) != 0)
		return -1;
	return buf_append(&w->text, span_of("\n"), err);
}

/* Hand on the text so far; returns as put() does. */
static int
flush(struct worker *w, struct err *err)
{
	struct span text = w->run;
	int rc;

	/* A batch whose lines are all taken needs no copy. */
	if (w->text.len == 0 && text.ptr != NULL &&
	    text.ptr[text.len] == '\n') {
		text.len++;
		w->run = (struct span){ NULL, 0 };
	} else {
		if (end_run(w, err) != 0)
			return -1;
		text = buf_span(&w->text);
	}
	rc = w->nitems > 0 ? put(w, TEXT, text, err) : 0;
	w->taken += w->nitems;
	w->nitems = 0;
	buf_reset(&w->text);
	return rc;
}

/* Tell something of the unit, in its place among the items. */
static int
tell(struct worker *w, enum kind kind, struct err *err)
{
	const int rc = flush(w, err);

	return rc != 0 ? rc : put(w, kind, buf_span(&w->note), err);
}

static int
tell_bad(struct worker *w, uint64_t line, const struct err *why,
	 struct err *err)
{
	atomic_fetch_add(&w->cat->bad, 1);
	buf_reset(&w->note);
	if (buf_printf(&w->note, err, "%s: line %" PRIu64 "%s%s",
		       reading_name(w->unit), line,
		       strncmp(why->text, "byte ", 5) == 0 ? ", " : ": ",
		       why->text) != 0)
		return -1;
	return tell(w, NOTE, err);
}

static int
tell_reject(struct worker *w, const struct reject *r, struct err *err)
{
	struct err why = r->why;

	err_at(&why, "byte %" PRIu64, r->at + 1);
	return tell_bad(w, r->number, &why, err);
}

/* Is it one of those that are looked for?  1, 0 or -1. */
static int
has_key(struct worker *w, const struct item *item, struct err *err)
{
	struct cat *const c = w->cat;
	int any = c->options->nkeys == 0;
	struct item keys;

	if (any == 0 && w->unit->increment) {
		const struct span name = span_of(READING_KEYS);

		keys = *item;
		keys.map = *value_attr(&item->map, name, name_hash(name));
		item = &keys;
	}
	for (size_t i = 0; i < c->options->nkeys; i++) {
		const int fits = itemkey_fits(&c->keys[i],
					      &c->names[w->unit->input], item,
					      &w->batch->mem, err);

		if (fits < 0)
			return -1;
		if (fits > 0)
			atomic_store(&c->found[i], true);
		any |= fits;
	}
	return any;
}

static int
is_wanted(struct worker *w, const struct item *item, struct err *err)
{
	const struct cat *const c = w->cat;
	const struct expr_run run = {
		.mem = &w->batch->mem,
		.run_time = span_of(c->options->run_time),
	};
	const int yes = has_key(w, item, err);

	if (yes <= 0 || c->where == NULL)
		return yes;

	/* What the condition cannot be said of does not pass. */
	const int holds = expr_test(c->where, &run, item, err);
	return holds < 0 && err->code == ERR_INPUT ? 0 : holds;
}

/* Its line, as it stands in the input. */
static int
add_line(struct worker *w, const struct item *item, struct err *err)
{
	struct span *const run = &w->run;

	if (run->ptr != NULL && item->line.ptr == run->ptr + run->len + 1 &&
	    run->ptr[run->len] == '\n') {
		run->len += item->line.len + 1;
	} else {
		if (end_run(w, err) != 0)
			return -1;
		*run = item->line;
	}
	w->nitems++;
	return 0;
}

static int
add_item(struct worker *w, const struct item *item, struct err *err)
{
	const struct cat_style *const s = &w->cat->style;

	if (s->format == &ddbjson_format && s->select == NULL &&
	    reading_format(w->reading) == &ddbjson_format)
		return add_line(w, item, err);
	if (cat_write(&w->writer, item, &w->batch->mem, &w->text, err) == 0) {
		w->nitems++;
		return 0;
	}
	if (err->code != ERR_INPUT)
		return -1;
	const struct err why = *err;
	return tell_bad(w, item->number, &why, err);
}

/* Has this unit, or have those before it, all that is wanted? */
static bool
is_enough(const struct worker *w)
{
	const uint64_t limit = w->cat->options->limit;

	return limit > 0 && (w->taken + w->nitems >= limit ||
	       w->nitems >= atomic_load(&w->cat->left[w->unit->input]));
}

/* The items and bad lines of a batch.  Returns as put() does. */
static int
go_through(struct worker *w, struct err *err)
{
	const struct batch *const b = w->batch;
	uint32_t i = 0, k = 0;
	int rc = 0;

	while ((i < b->nitems || k < b->nrejects) && rc == 0 &&
	       !is_enough(w)) {
		if (k < b->nrejects && (i == b->nitems ||
		    b->rejects[k].number < b->items[i].number)) {
			rc = tell_reject(w, &b->rejects[k++], err);
			continue;
		}
		const struct item *const item = &b->items[i++];
		const int yes = is_wanted(w, item, err);
		rc = yes > 0 ? add_item(w, item, err) : yes;
	}
	return rc == 0 ? flush(w, err) : rc;
}

static int
tell_damage(struct worker *w, struct err *err)
{
	buf_reset(&w->note);
	if (buf_printf(&w->note, err, "%s", err->text) != 0)
		return -1;
	return tell(w, DAMAGE, err);
}

/* Returns as put() does. */
static int
read_unit(struct worker *w, struct err *err)
{
	const atomic_bool *const cancel = w->cat->options->cancel;
	int rc;

	w->taken = 0;
	if (!is_enough(w) &&
	    reading_start(w->reading, w->unit, false, err) != 0)
		return -1;
	while (!is_enough(w)) {
		if (cancel != NULL && atomic_load(cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		rc = reading_next(w->reading, &w->batch, err);
		if (rc == 0)
			return 0;
		if (rc < 0)
			return err->code == ERR_INPUT ? tell_damage(w, err)
						      : -1;
		rc = go_through(w, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* One thread: unit after unit. */
static int
work(void *context, struct err *err)
{
	struct cat *const c = context;
	struct worker w = { .cat = c };
	int rc = -1;

	w.reading = reading_new(err);
	if (w.reading == NULL || cat_writer_init(&w.writer, &c->style, err) != 0)
		goto done;
	rc = 0;
	while (rc == 0) {
		const uint32_t n = atomic_fetch_add(&c->next, 1);

		if (n >= c->dump.nunits)
			break;
		w.unit = &c->dump.units[n];
		rc = read_unit(&w, err);
		if (rc == 0)
			rc = inorder_end(c->order, n, err);
	}
done:
	if (rc < 0)
		inorder_stop(c->order);
	cat_writer_free(&w.writer);
	buf_free(&w.text);
	buf_free(&w.note);
	reading_free(w.reading);
	return rc < 0 ? -1 : 0;
}

/* ---- all of it ----------------------------------------------------------- */

static int
read_keys(struct cat *c, struct err *err)
{
	const struct cat_options *const o = c->options;
	const uint32_t ntables = c->dump.ntables;

	c->keys = arena_take(&c->mem, (o->nkeys + 1) * sizeof(*c->keys), err);
	c->found = arena_take(&c->mem, (o->nkeys + 1) * sizeof(*c->found), err);
	c->names = arena_take(&c->mem, (ntables + 1) * sizeof(*c->names), err);
	if (c->keys == NULL || c->found == NULL || c->names == NULL)
		return -1;
	for (uint32_t i = 0; i < ntables; i++)
		c->names[i] = (struct itemkey_names){
			c->dump.tables[i].key.pk.name,
			c->dump.tables[i].key.sk.name,
		};
	for (size_t i = 0; i < o->nkeys; i++) {
		atomic_init(&c->found[i], false);
		if (itemkey_read(&c->keys[i], o->keys[i], c->names, ntables,
				 &c->mem, err) != 0)
			return -1;
	}
	return 0;
}

static int
compile(struct cat *c, struct err *err)
{
	const struct cat_options *const o = c->options;
	const struct expr_scope scope = { 0 };
	size_t at;

	if (o->where != NULL) {
		c->where = expr_parse_condition(span_of(o->where), &scope, &at,
						err);
		if (c->where == NULL)
			return err_at(err, "--where, column %zu", at + 1);
	}
	if (o->select != NULL) {
		c->select = projection_parse(span_of(o->select), err);
		if (c->select == NULL)
			return err_at(err, "--select");
	}
	return cat_style_init(&c->style, o->as, c->select, &c->mem, err);
}

static int
make_left(struct cat *c, struct err *err)
{
	c->left = arena_take(&c->mem, (c->dump.ntables + 1) *
			     sizeof(*c->left), err);
	if (c->left == NULL)
		return -1;
	for (uint32_t i = 0; i < c->dump.ntables; i++)
		atomic_init(&c->left[i], c->options->limit > 0
			    ? c->options->limit : UINT64_MAX);
	return 0;
}

/* What the manifests find wrong, before anything is read. */
static int
tell_damages(struct cat *c, struct err *err)
{
	const struct cat_options *const o = c->options;
	const struct exports *const x = &c->dump.exports;
	struct buf note = { 0 };
	int rc = 0;

	for (size_t i = 0; i < x->ndamages && rc == 0; i++) {
		const struct export_damage *const d = &x->damages[i];

		if (exports_accepts(d->path, o->dump.accept, o->dump.naccept))
			continue;
		buf_reset(&note);
		c->result->damaged++;
		rc = buf_printf(&note, err, "'%s' %s", d->path, d->text);
		if (rc == 0)
			rc = o->tell(o->context, buf_span(&note), err);
	}
	buf_free(&note);
	return rc;
}

static int
print_head(struct cat *c, struct err *err)
{
	struct buf text = { 0 };
	int rc = cat_write_head(&c->style, &text, err);

	if (rc == 0 && text.len > 0)
		rc = c->options->print(c->options->context, buf_span(&text),
				       err);
	buf_free(&text);
	return rc;
}

static int
go(struct cat *c, struct err *err)
{
	const struct cat_options *const o = c->options;
	unsigned n = o->threads > 0 ? o->threads : 1;

	if (compile(c, err) != 0 ||
	    dump_find(&o->dump, &c->dump, err) != 0 ||
	    read_keys(c, err) != 0 || make_left(c, err) != 0 ||
	    tell_damages(c, err) != 0 || print_head(c, err) != 0)
		return -1;
	c->order = inorder_new(c->dump.nunits, o->memory > 0 ? o->memory
			       : USUAL_MEMORY, hand_on, c, err);
	if (c->order == NULL)
		return -1;
	if (n > c->dump.nunits)
		n = c->dump.nunits;
	return n == 0 ? 0 : crew_do(n < MAX_THREADS ? n : MAX_THREADS, work, c,
				    err);
}

/* Keys that no item has, after all was read. */
static int
tell_missing(struct cat *c, struct err *err)
{
	const struct cat_options *const o = c->options;
	struct buf note = { 0 };
	int rc = 0;

	for (size_t i = 0; i < o->nkeys && rc == 0; i++) {
		if (atomic_load(&c->found[i]))
			continue;
		buf_reset(&note);
		c->result->missing++;
		rc = buf_printf(&note, err, "no item has the key '%s'",
				o->keys[i]);
		if (rc == 0)
			rc = o->tell(o->context, buf_span(&note), err);
	}
	buf_free(&note);
	return rc;
}

int
cat_do(const struct cat_options *o, struct cat_result *r, struct err *err)
{
	struct cat c = { .options = o, .result = r };

	*r = (struct cat_result){ 0 };
	int rc = go(&c, err);

	if (rc == 0)
		rc = tell_missing(&c, err);
	r->bad = atomic_load(&c.bad);
	inorder_free(c.order);
	expr_free(c.where);
	projection_free(c.select);
	dump_free(&c.dump);
	arena_free(&c.mem);
	return rc;
}
