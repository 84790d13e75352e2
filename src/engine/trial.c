#include "engine/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/exports.h"
#include "engine/increments.h"
#include "engine/itemkey.h"
#include "engine/program.h"
#include "engine/reading.h"
#include "engine/sources.h"
#include "engine/target.h"
#include "engine/trial_internal.h"
#include "engine/unit.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

/* ---- which items --------------------------------------------------------- */

/* Is no more wanted of this input? */
static bool
is_enough(const struct trial *t, uint32_t input)
{
	const struct plan_input *const in = &t->plan->inputs[input];

	for (size_t i = 0; i < t->options->nkeys; i++)
		if (t->keys[i].found < t->limit)
			return false;
	for (size_t i = 0; i < in->ntables && t->options->nkeys == 0; i++)
		if (t->shown[in->tables[i]] < t->limit)
			return false;
	return true;
}

/*
 * May one more of this table be shown?  Then it is counted.  What none of
 * several readers takes is shown if it is met, but not looked for, and not in
 * the place of an item that one takes.
 */
static bool
take_place(struct trial *t, uint32_t table, bool left_out)
{
	const struct plan_input *const in = &t->plan->inputs[t->input];
	uint64_t *const n = left_out && in->ntables > 1
		? &t->nobodys[t->input] : &t->shown[table];

	if (t->options->nkeys == 0 && *n >= t->limit)
		return false;
	++*n;
	return true;
}

/* Has it that key, by the names of a table that reads it?  1, 0 or -1. */
static int
has_key(struct trial *t, const struct itemkey *key, const struct item *item,
	struct err *err)
{
	const struct plan_input *const in = &t->plan->inputs[t->input];
	int rc = 0;

	for (size_t i = 0; i < in->ntables && rc == 0; i++)
		rc = itemkey_fits(key, &t->names[in->tables[i]], item,
				  &t->batch->mem, err);
	return rc;
}

/*
 * Is it an item that is looked for?  Any is, if there are no keys; else it has
 * one or several of those that have not enough items yet.
 */
static int
is_wanted(struct trial *t, const struct item *item, struct err *err)
{
	const size_t n = t->options->nkeys;
	int any = n == 0;

	for (size_t i = 0; i < n; i++) {
		struct trial_wanted *const k = &t->keys[i];
		const int fits = k->found >= t->limit
			? 0 : has_key(t, &k->key, item, err);

		if (fits < 0)
			return -1;
		k->fits = fits > 0;
		any |= fits;
	}
	return any;
}

/* Does it pass --where?  What the condition cannot be said of does not. */
static int
passes(struct trial *t, const struct item *item, struct err *err)
{
	const struct expr_run run = {
		.mem = &t->batch->mem, .run_time = span_of(t->options->run_time),
	};

	if (t->where == NULL)
		return 1;
	const int yes = expr_test(t->where, &run, item, err);
	return yes < 0 && err->code == ERR_INPUT ? 0 : yes;
}

/* ---- one item ------------------------------------------------------------ */

/*
 * Decode its line once more, for the program to change.  Of what is a key alone
 * nothing is asked that only an item could say.
 */
static int
copy_item(struct trial *t, const struct item *item, bool key, struct err *err)
{
	static const bool gone[] = { true };

	batch_reset(&t->copy);
	t->copy.gone = key ? gone : NULL;
	t->copy.keys_alone = key;
	t->copy.items = ddbjson_decode_line(t->again, item->line, &t->copy.mem, err);
	if (t->copy.items == NULL)
		return -1;
	t->copy.nitems = 1;
	t->copy.items[0].number = item->number;
	t->copy.items[0].offset = item->offset;
	return 0;
}

/*
 * Write the items that it became, and read them again: what is shown is what a
 * run writes, within DynamoDB's size.  *made has one for each product, NULL for
 * those taken back.
 */
static int
write_products(struct trial *t, struct program_result *result,
	       const struct item ***made, struct err *err)
{
	*made = arena_take(&t->copy.mem,
			   (result->nproducts + 1) * sizeof(**made), err);
	if (*made == NULL)
		return -1;
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct item *const item = result->products[i].item;
		struct err why;

		(*made)[i] = NULL;
		buf_reset(&t->encoded);
		if (ddbjson_encode(item, 1, &t->encoded, err) != 0)
			return -1;
		if (target_check_size(item, t->encoded.len, &why) != 0) {
			program_take_back(t->run, result, i, &why);
			continue;
		}
		(*made)[i] = ddbjson_decode_line(t->again, buf_span(&t->encoded),
					  &t->copy.mem, err);
		if ((*made)[i] == NULL)
			return err_at(err, "what becomes of line %" PRIu64,
				      item->number);
	}
	return 0;
}

/* What the `where` was that the item did not pass, if that is plain. */
static const char *
which_where(const struct trial *t, uint32_t table)
{
	const struct plan_table *const p = &t->plan->tables[table];
	const char *text = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->npasses; i++)
		if (p->passes[i].where != NULL) {
			text = p->passes[i].where_text;
			n++;
		}
	return t->plan->inputs[t->input].ntables == 1 && n == 1 ? text : NULL;
}

/* Where it was left out, and why, in words. */
static int
say_why(struct trial *t, const struct program_result *result,
	struct trial_item *out, struct err *err)
{
	const struct counts *const c =
		&program_sums_of(t->run)->counts[out->table];
	const char *const where = which_where(t, out->table);
	struct buf text = { 0 };

	out->step = out->reason = "";
	if (result->nrefusals > 0) {
		out->fate = TRIAL_REJECTED;
		out->step = result->refusals[0].step;
		out->reason = result->refusals[0].why.text;
		return 0;
	}
	out->fate = c->moved > 0 ? TRIAL_MOVED : c->skipped > 0 ? TRIAL_SKIPPED
		  : c->dropped > 0 ? TRIAL_DROPPED : TRIAL_FILTERED;
	if (out->fate != TRIAL_FILTERED)
		return 0;
	out->reason = "no 'where' takes it";
	if (where == NULL)
		return 0;
	if (buf_printf(&text, err, "does not hold: %s%c", where, 0) != 0)
		return -1;
	out->reason = (const char *)arena_copy(&t->copy.mem, buf_span(&text),
					       err).ptr;
	buf_free(&text);
	return out->reason != NULL ? 0 : -1;
}

/* The items that it became, with their rows. */
static int
add_outputs(struct trial *t, const struct program_result *result,
	    const struct item *const *made, struct trial_item *out,
	    struct err *err)
{
	struct trial_output *const outputs = arena_take(&t->copy.mem,
		(result->nproducts + 1) * sizeof(*outputs), err);

	if (outputs == NULL)
		return -1;
	out->outputs = outputs;
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		struct trial_output *const to = &outputs[out->noutputs];

		if (made[i] == NULL || out->fate != TRIAL_MOVED)
			continue;
		*to = (struct trial_output){ .table = p->table,
					     .item = made[i] };
		out->noutputs++;
		if (trial_rows(&t->lore[out->table], out->before,
			       &t->copy.mem, to, err) != 0)
			return -1;
	}
	return 0;
}

/* Is it one to be shown?  1, 0 or -1. */
static int
is_chosen(struct trial *t, const struct item *item, struct err *err)
{
	const int yes = is_wanted(t, item, err);

	return yes > 0 ? passes(t, item, err) : yes;
}

/*
 * Show it, if there is place for one more: *placed says that there is, because
 * it is of a record of which something was shown.
 */
static int
show(struct trial *t, const struct item *item, const char *image, bool *placed,
     struct err *err)
{
	struct program_result result;
	const struct item **made;
	struct trial_item out = {
		.file = t->file->path, .line = item->number, .before = item,
		.image = image,
	};
	const bool key = image != NULL && strcmp(image, "key") == 0;

	program_clear_sums(t->run);
	if (copy_item(t, item, key, err) != 0 ||
	    program_do(t->run, t->input, &t->copy, &result, err) != 0 ||
	    write_products(t, &result, &made, err) != 0)
		return -1;
	out.table = result.tables[0];
	if (say_why(t, &result, &out, err) != 0)
		return -1;
	if (!*placed && !take_place(t, out.table, out.fate == TRIAL_FILTERED))
		return 0;
	for (size_t i = 0; i < t->options->nkeys && !*placed; i++)
		t->keys[i].found += t->keys[i].fits;
	*placed = true;
	if (add_outputs(t, &result, made, &out, err) != 0)
		return -1;
	return t->see(t->context, &out, err);
}

static int
consider(struct trial *t, const struct item *item, struct err *err)
{
	const int yes = is_chosen(t, item, err);
	bool placed = false;

	return yes <= 0 ? yes : show(t, item, NULL, &placed, err);
}

/* A record is chosen by the image that is there now, or by what was. */
static int
consider_record(struct trial *t, const struct record *r, struct err *err)
{
	const struct item *const old = t->plan->revert ? r->new : r->old;
	const struct item *const new = t->plan->revert ? r->old : r->new;
	const struct item *const main = new != NULL ? new :
					old != NULL ? old : r->keys;
	const int yes = is_chosen(t, main, err);
	bool placed = false;

	if (yes <= 0)
		return yes;
	if (main == r->keys)
		return show(t, main, "key", &placed, err);
	if (old != NULL && show(t, old, "old", &placed, err) != 0)
		return -1;
	if (new == NULL || (old != NULL && !placed))
		return 0;
	return show(t, new, "new", &placed, err);
}

/* A line that is no item is one that `run` would reject. */
static int
consider_reject(struct trial *t, const struct reject *r, struct err *err)
{
	const uint32_t table = t->plan->inputs[t->input].tables[0];
	struct err why = r->why;
	const struct trial_item out = {
		.table = table, .file = t->file->path, .line = r->number,
		.fate = TRIAL_REJECTED, .step = "decode", .reason = why.text,
	};

	if (t->where != NULL || t->options->nkeys > 0 ||
	    !take_place(t, table, false))
		return 0;
	err_at(&why, "byte %" PRIu64, r->at + 1);
	return t->see(t->context, &out, err);
}

/* ---- one file ------------------------------------------------------------ */

/* The items of a batch, and its bad lines, in the order of lines. */
static int
go_through(struct trial *t, struct err *err)
{
	struct batch *const b = t->batch;
	uint32_t i = 0, k = 0;

	while ((i < b->nitems || k < b->nrejects) && !is_enough(t, t->input)) {
		const bool good = k == b->nrejects || (i < b->nitems &&
			b->items[i].number < b->rejects[k].number);

		if ((!good ? consider_reject(t, &b->rejects[k], err) :
		     b->nrecords > 0 ? consider_record(t, &b->records[i], err)
				     : consider(t, &b->items[i], err)) != 0)
			return -1;
		i += good;
		k += !good;
	}
	return 0;
}

static int
read_file(struct trial *t, struct err *err)
{
	const struct trial_options *const o = t->options;
	const struct unit u = {
		.path = t->file->path, .name = t->file->name, .nitems = -1,
		.format = t->increment != NULL
			? increments_format(t->increment) : t->how->format,
		.rules = t->how->rules, .increment = t->increment != NULL,
		.accepted = exports_accepts(t->file->path, o->accept,
					    o->naccept),
	};
	int rc = 0;

	if (reading_start(t->reading, &u, false, err) != 0)
		return -1;
	while (rc == 0 && !is_enough(t, t->input) &&
	       (rc = reading_next(t->reading, &t->batch, err)) > 0) {
		if (o->cancel != NULL && atomic_load(o->cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		rc = go_through(t, err);
	}
	return rc;
}

int
trial_do(struct trial *t, trial_see *see, void *context, struct err *err)
{
	t->see = see;
	t->context = context;
	for (size_t i = 0; i < t->exports.n; i++) {
		const struct export *const e = &t->exports.list[i];

		t->input = t->found[i].input;
		t->how = &t->found[i];
		if (!sources_is_read(t->plan, t->input))
			continue;
		t->increment = t->plan->inputs[t->input].kind == INPUT_CHANGES
			? e : NULL;
		if (e->kind == EXPORT_INCREMENTAL && t->increment == NULL)
			continue;	/* items as they were in the base */
		for (size_t k = 0; k < e->nfiles; k++) {
			t->file = &e->files[k];
			if (is_enough(t, t->input))
				break;
			if (!t->file->absent && read_file(t, err) != 0)
				return -1;
		}
	}
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

const struct plan *
trial_plan(const struct trial *t)
{
	return t->plan;
}

uint64_t
trial_of_table(const struct trial *t, uint32_t table)
{
	return t->shown[table];
}

uint64_t
trial_of_key(const struct trial *t, size_t key)
{
	return t->keys[key].found;
}

const char *
trial_fate_name(enum trial_fate f)
{
	static const char *const NAMES[] = {
		[TRIAL_MOVED] = "moved", [TRIAL_FILTERED] = "filtered",
		[TRIAL_SKIPPED] = "skipped", [TRIAL_DROPPED] = "dropped",
		[TRIAL_REJECTED] = "rejected",
	};

	return NAMES[f];
}
