/*
 * rollback_table.c - one table undone: as a whole, or item by item in two
 * passes, of which the first acts and the second looks at what came of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/http.h"
#include "aws/push.h"
#include "aws/still.h"
#include "aws/tables.h"
#include "base/err.h"
#include "engine/job.h"
#include "engine/progress.h"
#include "engine/rollback_internal.h"
#include "engine/updates.h"
#include "formats/ddbjson.h"
#include "formats/jsonwrite.h"
#include "io/file.h"
#include "model/compare.h"
#include "model/item.h"

enum {
	SYNC_MS = 1000,
	GOING_S = 3600,		/* until a table is gone */
};

/* What an item is now. */
enum state { AS_BEFORE, AS_WRITTEN, OTHER };

struct roller {
	struct rollback *r;
	struct rolling *t;
	struct push *push;
	struct getitems *get;
	struct ddbjson *reader;
	struct still still;
	struct arena mem;		/* for UNDO_AT_ONCE items */
	struct buf line, key;
	uint64_t synced;
	int list;			/* of what others changed */
	char path[PATH_MAX];		/* of that */
	struct buf deleted;		/* struct keyhash: keys of deletes */
	char refusal[200];		/* the service's last one */
};

/* ---- what push tells ----------------------------------------------------- */

static int
accepted(void *context, const struct push_item *item, bool failed,
	 struct err *err)
{
	struct roller *const x = context;
	const bool put = strcmp(item->call, "DeleteItem") != 0;

	(void)err;
	/* One whose condition does not hold is looked at in the end. */
	x->t->shown.restored += !failed && put;
	x->t->shown.removed += !failed && !put;
	return 0;
}

static int
refused(void *context, const struct push_item *item, const char *why,
	struct err *err)
{
	struct roller *const x = context;

	(void)item;
	(void)err;
	/* That it was not done is seen in the end. */
	snprintf(x->refusal, sizeof(x->refusal), "%s", why);
	return 0;
}

/* ---- items --------------------------------------------------------------- */

/* The map of {...}; NULL with *err set. */
static const struct value *
decode(struct roller *x, struct span json, struct err *err)
{
	const struct item *item = NULL;

	buf_reset(&x->line);
	if (buf_append(&x->line, span_of("{\"Item\":"), err) == 0 &&
	    buf_append(&x->line, json, err) == 0 &&
	    buf_append(&x->line, span_of("}"), err) == 0)
		item = ddbjson_decode_line(x->reader, buf_span(&x->line),
					   &x->mem, err);
	return item == NULL ? NULL : &item->map;
}

/* 1, 0 or -1. */
static int
is_equal(struct roller *x, const struct value *live, struct span json,
	 struct err *err)
{
	const struct value *const v = decode(x, json, err);

	return v == NULL ? -1 : value_equal(live, v, &x->mem, err);
}

/* The attributes that an update changed, as they were and as they are. */
static struct still_change *
changes_of(struct roller *x, const struct op *op, size_t *n, struct err *err)
{
	const struct value *const was = decode(x, op->was, err);
	const struct value *const is = was == NULL ? NULL
		: decode(x, op->is, err);

	return is == NULL ? NULL : updates_changes(was, is, n, &x->mem, err);
}

static int
judge_update(struct roller *x, const struct op *op, const struct value *live,
	     enum state *state, struct err *err)
{
	size_t n;
	const struct still_change *const c = changes_of(x, op, &n, err);
	int same;

	*state = OTHER;
	if (c == NULL || live == NULL)
		return c == NULL ? -1 : 0;
	same = updates_holds(c, n, false, live, &x->mem, err);
	if (same > 0)
		*state = AS_BEFORE;
	if (same != 0)
		return same < 0 ? -1 : 0;
	same = updates_holds(c, n, true, live, &x->mem, err);
	if (same > 0)
		*state = AS_WRITTEN;
	return same < 0 ? -1 : 0;
}

/* The request that brings back what an update changed, in x->still. */
static int
word_update(struct roller *x, const struct op *op, const struct still_of *of,
	    const struct value *live, struct err *err)
{
	size_t n;
	struct still_change *const c = changes_of(x, op, &n, err);

	if (c == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		c[i].is = c[i].was;
		c[i].was = value_attr(live, c[i].name, name_hash(c[i].name));
	}
	return still_update(&x->still, of, c, n, err);
}

static int
judge(struct roller *x, const struct op *op, const struct value *live,
      enum state *state, struct err *err)
{
	int same = 0;

	if (op->partial)
		return judge_update(x, op, live, state, err);
	*state = AS_BEFORE;
	if (op->gone && op->prior == PRIOR_UNKNOWN) {
		*state = live == NULL ? AS_WRITTEN : AS_BEFORE;
		return 0;
	}
	if (live == NULL && op->prior != PRIOR_ITEM)
		return 0;
	if (live != NULL && op->prior == PRIOR_ITEM)
		same = is_equal(x, live, op->was, err);
	if (same != 0)
		return same < 0 ? -1 : 0;
	*state = AS_WRITTEN;
	if (live == NULL || op->gone)
		same = live == NULL && op->gone;
	else
		same = is_equal(x, live, op->json, err);
	if (same == 0)
		*state = OTHER;
	return same < 0 ? -1 : 0;
}

static int
undo(struct roller *x, const struct op *op, const struct getitems_one *one,
     const struct value *live, struct err *err)
{
	struct still_of of = { .table = x->t->shown.name, .pk = x->t->pk };
	struct push_item item = { .key = one->key, .tag = op->tag };
	int rc;

	buf_reset(&x->key);
	if (getitems_key(x->get, op->json, &x->key, err) != 0)
		return -1;
	of.key = buf_span(&x->key);
	if (op->partial) {
		item.call = "UpdateItem";
		item.units = (uint32_t)(one->item.len / 1024 + 1);
		rc = word_update(x, op, &of, live, err);
	} else if (op->prior == PRIOR_ITEM) {
		item.call = "PutItem";
		item.units = (uint32_t)(op->was.len / 1024 + 1);
		rc = still_put(&x->still, &of, live, op->was, err);
	} else {
		item.call = "DeleteItem";
		item.units = (uint32_t)(one->item.len / 1024 + 1);
		rc = still_delete(&x->still, &of, live, err);
	}
	item.json = buf_span(&x->still.body);
	return rc != 0 ? -1 : push_put(x->push, &item, err);
}

static int
act(struct roller *x, const struct op *op, const struct getitems_one *one,
    struct err *err)
{
	const struct value *const live = one->item.ptr == NULL ? NULL
		: decode(x, one->item, err);
	enum state state;

	if ((one->item.ptr != NULL && live == NULL) ||
	    judge(x, op, live, &state, err) != 0)
		return -1;
	x->t->shown.looked_at++;
	x->t->shown.already += state == AS_BEFORE;
	if (state == AS_BEFORE)
		return 0;
	if (!x->r->o.force && (state == OTHER || op->prior == PRIOR_UNKNOWN))
		return 0;
	/* Of what was in flight only our own is known to be ours. */
	if (state == OTHER && !op->sent)
		return 0;
	/* There is no bringing back. */
	if (live == NULL && (op->partial || op->prior == PRIOR_UNKNOWN))
		return 0;
	return undo(x, op, one, live, err);
}

/* One that is not as it was, for a person. */
static int
list_one(struct roller *x, const struct op *op,
	 const struct getitems_one *one, enum state state, struct err *err)
{
	const bool refusal = state == AS_WRITTEN && op->prior != PRIOR_UNKNOWN;
	const char *const why = refusal ? "the service did not take it back"
		: state == AS_WRITTEN
		? "nothing was kept of what was there (--no-undo)"
		: x->r->o.force && !op->sent
		? "it is not known that the job ever wrote it"
		: one->item.ptr == NULL ? "it is gone since"
		: "it was changed since";
	char text[300];
	struct jsonwrite w;
	struct buf line = { 0 };
	int rc;

	snprintf(text, sizeof(text), "%s%s%s", why, refusal &&
		 x->refusal[0] != '\0' ? ": " : "", refusal ? x->refusal
		 : "");
	x->t->shown.changed++;
	buf_reset(&x->key);
	if (getitems_key(x->get, op->json, &x->key, err) != 0)
		return -1;
	jsonwrite_start(&w, &line, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "Key");
	jsonwrite_raw(&w, buf_span(&x->key));
	jsonwrite_put_text(&w, "reason", text);
	jsonwrite_end(&w);
	rc = jsonwrite_finish(&w);
	if (rc == 0)
		rc = buf_append(&line, span_of("\n"), err);
	if (rc == 0)
		rc = file_append(x->list, x->path, buf_span(&line), err);
	buf_free(&line);
	return rc;
}

static int
by_hash(const void *a, const void *b)
{
	const struct keyhash *const x = a, *const y = b;

	return x->hi != y->hi ? (x->hi < y->hi ? -1 : 1)
		: (x->lo > y->lo) - (x->lo < y->lo);
}

static bool
was_deleted(const struct roller *x, struct keyhash key)
{
	return x->deleted.len > 0 &&
	       bsearch(&key, x->deleted.ptr, x->deleted.len / sizeof(key),
		       sizeof(key), by_hash) != NULL;
}

static int
verify(struct roller *x, const struct op *op, const struct getitems_one *one,
       struct err *err)
{
	const struct value *const live = one->item.ptr == NULL ? NULL
		: decode(x, one->item, err);
	enum state state;

	/* A key that was deleted and put again is as it was before both. */
	if (op->gone && op->prior != PRIOR_UNKNOWN) {
		if (buf_append(&x->deleted, (struct span){
			       (const uint8_t *)&one->key, sizeof(one->key) },
			       err) != 0)
			return -1;
	} else if (!op->gone && was_deleted(x, one->key)) {
		return 0;
	}
	if ((one->item.ptr != NULL && live == NULL) ||
	    judge(x, op, live, &state, err) != 0)
		return -1;
	x->t->shown.verified += state == AS_BEFORE;
	return state == AS_BEFORE ? 0 : list_one(x, op, one, state, err);
}

/* ---- passes -------------------------------------------------------------- */

static int
note(struct roller *x, struct progress *p, struct err *err)
{
	const uint64_t now = http_clock();
	const bool safe = now - x->synced >= SYNC_MS;

	if (safe) {
		x->synced = now;
		if (x->r->o.watch != NULL)
			x->r->o.watch(x->r->o.context, x->r);
	}
	return p == NULL ? 0 : progress_write(p, safe, err);
}

/*
 * A put that was looked at more than once before it was acknowledged: the last
 * that is not our own item is what it wrote over.  0 or -1.
 */
static int
take_latest(struct roller *x, struct op *op, struct err *err)
{
	const struct undo_past *const p = x->t->past[ROLL_PUTS];
	struct undo_was w, older;

	/* An update has no such record. */
	if (p == NULL || op->gone || op->prior == PRIOR_UNKNOWN)
		return 0;
	w = undo_past_back(p, undo_unit(op->tag), undo_number(op->tag), 0);
	for (size_t i = 1;; i++) {
		const struct value *was;
		int ours;

		older = undo_past_back(p, undo_unit(op->tag),
				       undo_number(op->tag), i);
		if (older.kind == UNDO_NOTHING)		/* the first one */
			return 0;
		if (w.kind == UNDO_ABSENT) {
			op->prior = PRIOR_ABSENT;
			return 0;
		}
		was = decode(x, w.item, err);
		ours = was == NULL ? -1 : is_equal(x, was, op->json, err);
		if (ours < 0)
			return -1;
		if (ours == 0) {
			op->prior = PRIOR_ITEM;
			op->was = w.item;
			return 0;
		}
		w = older;
	}
}

/*
 * What a push read that had been begun without keeping anything, and then went
 * on with keeping, may be its own put: of that nothing is known but whether the
 * table had been empty.
 */
static int
doubt(struct roller *x, struct op *op, struct err *err)
{
	const struct footprint *const f = &x->t->footprint;
	const struct value *was;
	int same;

	if (op->partial || op->gone || op->prior != PRIOR_ITEM ||
	    (!f->was_empty && !f->no_undo))
		return 0;
	was = decode(x, op->was, err);
	same = was == NULL ? -1 : is_equal(x, was, op->json, err);
	if (same > 0)
		op->prior = f->was_empty ? PRIOR_ABSENT : PRIOR_UNKNOWN;
	return same < 0 ? -1 : 0;
}

/* What is at hand; then its writes are over. */
static int
do_some(struct roller *x, struct op *list, size_t n, struct progress *p,
	struct err *err)
{
	struct getitems_one ones[UNDO_AT_ONCE];

	arena_reset(&x->mem);
	for (size_t i = 0; i < n; i++)
		ones[i] = (struct getitems_one){ .from = list[i].json };
	if (getitems_ask(x->get, ones, n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (take_latest(x, &list[i], err) != 0 ||
		    doubt(x, &list[i], err) != 0 ||
		    (p != NULL ? act : verify)(x, &list[i], &ones[i], err)
		    != 0)
			return -1;
	if (p == NULL)
		return 0;
	if (push_flush(x->push, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (progress_add(p, undo_unit(list[i].tag),
				 undo_number(list[i].tag), err) != 0)
			return -1;
	return 0;
}

/* With a progress this acts, without it looks. */
static int
pass(struct roller *x, unsigned roll, struct progress *p, struct err *err)
{
	struct ops *const o = ops_new(x->t, roll, p, err);
	struct err ignored;
	struct op *list;
	int n = o == NULL ? -1 : 1;

	while (n > 0 && (n = ops_next(o, &list, err)) > 0)
		if (do_some(x, list, (size_t)n, p, err) != 0 ||
		    note(x, p, err) != 0)
			n = -1;
	ops_free(o);
	if (p != NULL &&
	    progress_write(p, true, n == 0 ? err : &ignored) != 0)
		n = -1;
	return n;
}

static int
open_list(struct roller *x, struct err *err)
{
	snprintf(x->path, sizeof(x->path), "%s/" JOB_ROLLBACK
		 "/%s~changed.jsonl", x->r->o.job_dir, x->t->shown.name);
	x->list = open(x->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		       0666);
	return x->list >= 0 ? 0 : err_set(err, ERR_SYSTEM, "'%s': %m",
					  x->path);
}

static int
do_items(struct roller *x, struct err *err)
{
	for (unsigned roll = 0; roll < ROLLS; roll++)
		if (x->t->progress[roll] != NULL &&
		    pass(x, roll, x->t->progress[roll], err) != 0)
			return -1;
	if (open_list(x, err) != 0)
		return -1;
	/* Deletes first: verify() wants their keys, in order. */
	for (unsigned roll = ROLLS; roll-- > 0;) {
		if (x->t->progress[roll] != NULL &&
		    pass(x, roll, NULL, err) != 0)
			return -1;
		if (x->deleted.len > 0)
			qsort(x->deleted.ptr, x->deleted.len /
			      sizeof(struct keyhash), sizeof(struct keyhash),
			      by_hash);
	}
	return 0;
}

static int
open_roller(struct roller *x, struct err *err)
{
	const struct rolling *const t = x->t;

	x->reader = ddbjson_new(err);
	if (x->reader == NULL)
		return -1;
	x->get = getitems_new(x->r->service, t->shown.name, t->pk, t->sk,
			      err);
	if (x->get == NULL)
		return -1;
	x->push = push_new(x->r->service, &(struct push_options){
		.table = t->shown.name, .pk = t->pk, .sk = t->sk,
		.max_wcu = x->r->o.max_wcu, .wcu = t->wcu, .calls = true,
		.accepted = accepted, .refused = refused, .context = x,
	}, err);
	return x->push != NULL ? 0 : -1;
}

static void
close_roller(struct roller *x)
{
	push_free(x->push);
	getitems_free(x->get);
	ddbjson_free(x->reader);
	still_free(&x->still);
	arena_free(&x->mem);
	buf_free(&x->line);
	buf_free(&x->key);
	buf_free(&x->deleted);
	if (x->list >= 0)
		close(x->list);
}

static int
run_items(struct rollback *r, struct rolling *t, struct err *err)
{
	struct roller x = {
		.r = r, .t = t, .list = -1, .synced = http_clock(),
	};
	int rc = open_roller(&x, err);

	t->footprint.undoing = true;
	t->footprint.undone = false;
	if (rc == 0)
		rc = footprint_save(r->o.job_dir, t->shown.name,
				    &t->footprint, err);
	if (rc == 0)
		rc = do_items(&x, err);
	close_roller(&x);
	if (rc != 0)
		return -1;
	if (t->shown.changed == 0)
		return footprint_retire(r->o.job_dir, t->shown.name, false,
					err);
	t->footprint.undone = true;
	return footprint_save(r->o.job_dir, t->shown.name, &t->footprint,
			      err);
}

int
rollback_table_run(struct rollback *r, struct rolling *t, struct err *err)
{
	int ours = 0;

	/* We may have been killed behind the request. */
	if (t->going && tables_wait(r->service, t->shown.name, NULL,
				    GOING_S, err) != 0)
		return -1;
	if (t->shown.there && t->shown.goes)
		ours = rollback_is_ours(r, t, err);
	if (ours < 0)
		return -1;
	if (ours > 0) {
		if (tables_delete(r->service, t->shown.name, err) < 0)
			return -1;
		t->shown.deleted = true;
	}
	/* It may be there all the same, for other credentials. */
	if (!t->shown.there && !r->o.force)
		return 0;
	if (!t->shown.there || t->shown.deleted)
		return footprint_retire(r->o.job_dir, t->shown.name, true,
					err);
	return run_items(r, t, err);
}
