/*
 * unit_records.c - base and increments: which items of a batch are the table's
 * at the end, and what becomes of the images of an increment alone.
 *
 * Of a base and its increments every item and record that another one came
 * after is left out, and so are deletions; the new images that are left go on
 * as if they stood in a full export.
 *
 * Of an increment alone a record is one item on its way: the new image, or the
 * old one if it was deleted.  The old images of the others are run through a
 * program of their own, whose account nobody reads; what they would have been
 * written as, and the new image is not, is to be deleted.
 */
#include "engine/unit_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "engine/keyfile.h"
#include "engine/latest.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/gzip.h"
#include "model/batch.h"

enum { AT_ONCE = 128, ENOUGH_TEXT = GZIP_PIECE_LEN };

static const struct plan_input *
input_of(const struct unit_run *r)
{
	return &r->shared->plan->inputs[r->unit->input];
}

/* ---- base and increments ------------------------------------------------- */

/* The hash of a record's source key. */
static int
hash_record(struct unit_run *r, const struct record *from,
	    struct keyhash *out, struct err *err)
{
	const struct sourcekey *const key = &input_of(r)->key;
	const struct value *const map = &from->keys->map;
	int rc = 0;

	if (sourcekey_fits(key, map))
		rc = sourcekey_hash(key, map, &r->bench->batch.mem, out, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return err_set(err, ERR_INPUT, "line %" PRIu64 ": Keys has other "
		       "attributes than the records before it; is that an "
		       "export of this table?", from->number);
}

/* A survey: note the key of every record. */
static int
note_keys(struct unit_run *r, struct err *err)
{
	const struct batch *const b = &r->bench->batch;
	struct keyhash key;

	for (uint32_t i = 0; i < b->nrecords; i++) {
		if (hash_record(r, &b->records[i], &key, err) != 0)
			return -1;
		keyfile_pk(r->keys, r->unit->input, key, b->records[i].offset);
	}
	return 0;
}

/* Item `i` of the batch is now number `to`. */
static void
keep_base(struct batch *b, uint32_t i, uint32_t to)
{
	b->items[to] = b->items[i];
	if (b->sizes != NULL)
		b->sizes[to] = b->sizes[i];
}

/* Leave out the items of a base that a record came after. */
static int
take_base(struct unit_run *r, struct err *err)
{
	const struct plan_input *const in = input_of(r);
	struct batch *const b = &r->bench->batch;
	struct keyhash keys[AT_ONCE];
	uint64_t last[AT_ONCE];
	uint32_t kept = 0;

	for (uint32_t from = 0; from < b->nitems; from += AT_ONCE) {
		const uint32_t n = b->nitems - from < AT_ONCE
				   ? b->nitems - from : AT_ONCE;
		bool has[AT_ONCE];

		for (uint32_t i = 0; i < n; i++) {
			const int rc = sourcekey_hash(&in->key,
				&b->items[from + i].map, &b->mem, &keys[i],
				err);

			if (rc < 0)
				return -1;
			has[i] = rc == 1;
			if (rc == 0)
				keys[i] = (struct keyhash){ 0, 0 };
		}
		latest_find(r->shared->latest, r->unit->input, keys, n, last);
		for (uint32_t i = 0; i < n; i++)
			if (has[i] && last[i] != LATEST_NONE)
				r->superseded++;
			else
				keep_base(b, from + i, kept++);
	}
	b->nitems = kept;
	return 0;
}

/* Room for one item a record. */
static int
make_room(struct batch *b, struct err *err)
{
	b->items = arena_take(&b->mem, (b->nrecords + 1U) * sizeof(*b->items),
			      err);
	return b->items == NULL ? -1 : 0;
}

/* An image of record `i` is the next item. */
static void
take_image(struct batch *b, uint32_t i, const struct item *image)
{
	if (b->sizes != NULL)
		b->sizes[b->nitems] = b->sizes[i];
	b->items[b->nitems++] = *image;
}

/* The new images of the records that no other came after. */
static int
take_latest(struct unit_run *r, struct err *err)
{
	struct batch *const b = &r->bench->batch;
	const struct unit *const u = r->unit;

	if (make_room(b, err) != 0)
		return -1;
	for (uint32_t i = 0; i < b->nrecords; i++) {
		const struct record *const from = &b->records[i];
		struct keyhash key;
		uint64_t last;

		if (hash_record(r, from, &key, err) != 0)
			return -1;
		latest_find(r->shared->latest, u->input, &key, 1, &last);
		if (last != latest_place(u->number, from->offset))
			r->superseded++;
		else if (from->new == NULL)
			r->gone++;
		else
			take_image(b, i, from->new);
	}
	return 0;
}

/* ---- an increment alone -------------------------------------------------- */

/* One item a record: what is there now, or else what was. */
static int
take_changes(struct unit_run *r, struct err *err)
{
	struct batch *const b = &r->bench->batch;
	bool *const gone = arena_take(&b->mem, b->nrecords + 1U, err);

	if (gone == NULL || make_room(b, err) != 0)
		return -1;
	for (uint32_t i = 0; i < b->nrecords; i++) {
		struct record *const from = &b->records[i];

		if (r->shared->plan->revert) {
			struct item *const old = from->old;

			from->old = from->new;
			from->new = old;
		}
		gone[i] = from->new == NULL;
		b->items[b->nitems++] = from->new != NULL ? *from->new :
			from->old != NULL ? *from->old : *from->keys;
		if (gone[i] && from->old == NULL && !input_of(r)->new_only)
			return err_set(err, ERR_INPUT, "line %" PRIu64 ": a "
				       "record without an image, in an export "
				       "of old and new images", from->number);
	}
	b->gone = gone;
	b->keys_alone = input_of(r)->new_only;
	return 0;
}

int
unit_take_records(struct unit_run *r, struct err *err)
{
	const struct plan_input *const in = input_of(r);

	if (r->shared->keys_only)
		return note_keys(r, err);
	if (in->kind == INPUT_CHANGES)
		return take_changes(r, err);
	if (in->kind == INPUT_STATE && r->unit->increment)
		return take_latest(r, err);
	if (in->kind == INPUT_STATE && in->key.n > 0)
		return take_base(r, err);
	return 0;
}

int
unit_run_olds(struct unit_run *r, struct unit_olds *olds, struct err *err)
{
	struct batch *const b = &r->bench->batch;
	const struct batch whole = *b;
	struct item *items;
	uint32_t n = 0;

	*olds = (struct unit_olds){ .whose = NULL };
	if (b->gone == NULL || input_of(r)->new_only)
		return 0;
	if (r->before == NULL) {
		r->before = program_run_new(r->shared->program, err);
		if (r->before == NULL)
			return -1;
		program_keep_maps(r->before);
	}
	program_lend(r->before, r->bench->outputs);
	items = arena_take(&b->mem, (b->nitems + 1U) * sizeof(*items), err);
	olds->whose = arena_take(&b->mem, (b->nitems + 1U) *
				 sizeof(*olds->whose), err);
	if (items == NULL || olds->whose == NULL)
		return -1;
	for (uint32_t i = 0; i < b->nitems; i++)
		if (b->records[i].new != NULL && b->records[i].old != NULL) {
			olds->whose[n] = i;
			items[n++] = *b->records[i].old;
		}

	/* The same arena, which cannot be in two batches. */
	b->items = items;
	b->nitems = n;
	b->nrejects = 0;
	b->gone = NULL;
	const int rc = program_do(r->before, r->unit->input, b, &olds->result,
				  err);
	b->items = whole.items;
	b->nitems = whole.nitems;
	b->nrejects = whole.nrejects;
	b->gone = whole.gone;
	return rc;
}

/* ---- deletes ------------------------------------------------------------- */

/* Append the key of an item that is to be deleted, as a line. */
static int
put_key(const struct plan_key *key, const struct item *item, struct buf *out,
	struct err *err)
{
	const char *const names[] = { key->pk.name, key->sk.name };
	struct value kids[4];
	uint32_t n = 0;

	for (int i = 0; i < 2; i++) {
		if (names[i] == NULL)
			continue;
		const struct span name = span_of(names[i]);
		const struct value *const v = value_attr(&item->map, name,
							 name_hash(name));

		/* The program has seen to it that there is one. */
		if (v == NULL)
			return err_set(err, ERR_SYSTEM, "an item without its "
				       "key '%s'", names[i]);
		kids[n++] = value_of_name(name);
		kids[n++] = *v;
	}

	const struct value map = value_of_kids(VALUE_M, kids, n);
	if (buf_append(out, span_of("{\"Keys\":"), err) != 0 ||
	    ddbjson_encode_map(&map, out, err) != 0)
		return -1;
	return buf_append(out, span_of("}\n"), err);
}

static int
put_delete(struct unit_run *r, const struct product *p, struct err *err)
{
	const struct plan_table *const t = &r->shared->plan->tables[p->table];
	const struct unit_observer *const observer = r->shared->observer;

	r->deleted[p->table]++;
	if (observer != NULL && observer->deleted != NULL &&
	    observer->deleted(r->eye, p->table, p->item, err) != 0)
		return -1;
	if (r->shared->survey)
		return 0;

	struct output *const o =
		&r->deletes[r->shared->targets[p->table].number];
	o->items++;
	return put_key(&t->key, p->item, &o->text, err);
}

/* Is it written again, under the same key, by the products from `p` on? */
static bool
is_put(const struct unit_run *r, const struct product *old,
       const struct product *p, const struct product *end, uint32_t item)
{
	const struct run_target *const t = r->shared->targets;

	for (; p < end && p->source == item; p++)
		if (p->item != NULL && p->key.lo == old->key.lo &&
		    p->key.hi == old->key.hi &&
		    t[p->table].number == t[old->table].number)
			return true;
	return false;
}

int
unit_put_deletes(struct unit_run *r, const struct unit_olds *olds,
		 struct program_result *result, struct err *err)
{
	struct batch *const b = &r->bench->batch;
	struct product *p = result->products;
	const struct product *const end = p + result->nproducts;
	const struct product *old = olds->result.products;
	const struct product *const old_end = old + olds->result.nproducts;

	if (b->gone == NULL)
		return 0;
	for (uint32_t i = 0; i < b->nitems; i++) {
		/* Of a refused record nothing is done. */
		const bool done = result->fates[i] != FATE_REFUSED;

		for (; old < old_end && olds->whose[old->source] == i; old++)
			if (done && !is_put(r, old, p, end, i) &&
			    put_delete(r, old, err) != 0)
				return -1;
		for (; p < end && p->source == i; p++) {
			if (!b->gone[i] || p->item == NULL)
				continue;
			if (put_delete(r, p, err) != 0)
				return -1;
			p->item = NULL;
		}
	}
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->deletes[i];

		if (unit_pass_on(r, o, &o->text, o->text.len -
				 o->text.len % ENOUGH_TEXT, true, err) != 0)
			return -1;
	}
	return 0;
}
