/*
 * validate_live.c - is in the target tables what a job wrote?
 *
 * Each table is read whole, by parallel Scan with consistent reads, and
 * compared with the job's output as `diff` does; nobody's counts are believed.
 * Where the table held items before, others than the job's are no difference.
 * Of an increment alone what it puts must be there, and what it deletes must
 * not.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/getitems.h"
#include "aws/http.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/footprint.h"
#include "engine/job.h"
#include "engine/outfiles.h"
#include "engine/place.h"
#include "engine/reading.h"
#include "engine/recall.h"
#include "engine/rows.h"
#include "engine/sides.h"
#include "engine/status.h"
#include "engine/tabledef.h"
#include "engine/validate_internal.h"
#include "formats/ddbjson.h"
#include "formats/tree.h"
#include "model/batch.h"

enum { TELL_MS = 200 };

struct live {
	const struct validate_options *options;
	struct validate_sums *sums;
	struct arena mem;
	struct job *job;
	struct plan *plan;
	struct outfiles out;
	struct side *side;
	struct service *service;
	/* How far it is: a table of the list for each of ->out. */
	struct status_table *tables;
	size_t at;		/* the one that is compared */
	uint64_t failed;	/* checks, of those before it */
	uint64_t began, table_began, told;	/* by http_clock() */
};

/* A segment of a Scan and a line in it say nothing to anybody. */
static int
see(void *context, const struct validate_check *c, struct err *err)
{
	const struct live *const l = context;
	struct validate_check shown = *c;

	shown.file = NULL;
	shown.line = 0;
	return l->options->see(l->options->context, &shown, err);
}

/* ---- how far it is ------------------------------------------------------- */

static int
begin_progress(struct live *l, struct err *err)
{
	l->tables = arena_take(&l->mem, (l->out.n + 1) * sizeof(*l->tables),
			       err);
	if (l->tables == NULL)
		return -1;
	for (size_t i = 0; i < l->out.n; i++)
		l->tables[i] = (struct status_table){
			.name = l->out.tables[i].name,
			.total = l->out.tables[i].puts.nitems +
				 l->out.tables[i].deletes.nitems,
		};
	l->began = http_clock();
	return 0;
}

/* One after the other, so those to come wait for those before them. */
static void
tell(struct live *l)
{
	const struct validate_options *const o = l->options;
	const double took = (double)(http_clock() - l->began) / 1e3;
	uint64_t done = 0;
	double before = 0;

	for (size_t i = 0; i <= l->at && i < l->out.n; i++)
		done += l->tables[i].done;
	for (size_t i = 0; i < l->out.n; i++) {
		struct status_table *const t = &l->tables[i];
		const double rest = (double)(t->total - t->done);

		before += done > 0 ? took * rest / (double)done : 0;
		t->left = t->done == t->total ? 0 : done > 0 ? before : -1;
	}
	if (o->progress != NULL)
		o->progress(o->context, l->tables, l->out.n);
}

/* So many items of the table were read. */
static void
count(void *context, uint64_t nitems)
{
	struct live *const l = context;
	struct status_table *const t = &l->tables[l->at];
	const uint64_t now = http_clock();

	if (now < l->told + TELL_MS)
		return;
	l->told = now;
	/* There may be others beside the job's. */
	t->done = t->items = nitems < t->total ? nitems : t->total;
	t->rate = now > l->table_began
		? (double)nitems * 1e3 / (double)(now - l->table_began) : 0;
	tell(l);
}

static void
begin_table(struct live *l, size_t at)
{
	l->at = at;
	l->table_began = http_clock();
	tell(l);
}

static void
end_table(struct live *l)
{
	struct status_table *const t = &l->tables[l->at];

	t->done = t->items = t->total;
	t->rate = 0;
	t->bad = l->sums->failed - l->failed;
	l->failed = l->sums->failed;
	tell(l);
}

/* ---- a table ------------------------------------------------------------- */

static void
add_sums(struct validate_sums *to, const struct validate_sums *s)
{
	to->checks += s->checks;
	to->failed += s->failed;
	to->damaged |= s->damaged;
	to->items += s->items;
	to->packed_len += s->packed_len;
}

/* Were there items of others in it when the job began to write? */
static int
had_others(const struct live *l, const char *table, bool *others,
	   struct err *err)
{
	struct footprint f;
	const int rc = footprint_load(l->options->job, table, &f, err);

	*others = f.pushed && !f.was_empty;
	return rc < 0 ? -1 : 0;
}

static int
compare(struct live *l, const struct outfiles_table *t, struct err *err)
{
	struct validate_options o = *l->options;
	struct validate_sums sums;
	char live[PATH_MAX];
	const char *const path = live;
	bool others;

	if (had_others(l, t->name, &others, err) != 0)
		return -1;
	snprintf(live, sizeof(live), "dynamodb://%s", t->name);
	o.dump = (struct dump_options){ .paths = &path, .npaths = 1 };
	o.against = t->folder;
	o.exact = !others;
	o.see = see;
	o.count = count;
	o.context = l;
	if (validate_golden(&o, &sums, err) != 0)
		return -1;
	add_sums(l->sums, &sums);
	return 0;
}

/* ---- an increment alone -------------------------------------------------- */

/* Items of a part, GETITEMS_MOST at a time, as the table has them now. */
struct looking {
	struct live *l;
	const struct outfiles_table *t;
	struct getitems *get;
	struct ddbjson *reader;
	struct arena mem;
	struct buf texts, line;
	size_t text_at[GETITEMS_MOST];
	size_t n;
	uint64_t nseen;
	bool puts;
	struct buf found;	/* struct keyhash: what is put, in order */
};

static int
by_hash(const void *a, const void *b)
{
	const struct keyhash *const x = a, *const y = b;

	return x->hi != y->hi ? (x->hi < y->hi ? -1 : 1)
		: (x->lo > y->lo) - (x->lo < y->lo);
}

static const struct value *
decode(struct looking *k, struct span json, struct err *err)
{
	const struct item *item = NULL;

	buf_reset(&k->line);
	if (buf_append(&k->line, span_of("{\"Item\":"), err) == 0 &&
	    buf_append(&k->line, json, err) == 0 &&
	    buf_append(&k->line, span_of("}"), err) == 0)
		item = ddbjson_decode_line(k->reader, buf_span(&k->line),
					   &k->mem, err);
	return item == NULL ? NULL : &item->map;
}

/* Is one as it should be?  A key that was deleted may have been put again. */
static int
look_at(struct looking *k, const struct getitems_one *one,
	const struct plan_key *key, struct err *err)
{
	const bool again = !k->puts && k->found.len > 0 &&
		bsearch(&one->key, k->found.ptr, k->found.len /
			sizeof(one->key), sizeof(one->key), by_hash) != NULL;
	struct validate_check c = {
		.kind = VALIDATE_SOUND, .table = k->t->name, .name = "",
		.text = "",
	};
	const struct value *const mine = decode(k, one->from, err);
	const struct value *const live = mine == NULL || one->item.ptr == NULL
		? NULL : decode(k, one->item, err);
	struct value kids[4], of;
	struct row *rows;

	if (mine == NULL || (one->item.ptr != NULL && live == NULL))
		return -1;
	k->l->sums->items++;
	validate_key_of(key, mine, kids, &of);
	c.key = &of;
	if (!k->puts && live != NULL && !again) {
		c.kind = VALIDATE_EXTRA;
		c.text = "it is to be deleted";
	} else if (k->puts && live == NULL) {
		c.kind = VALIDATE_MISSING;
	} else if (k->puts) {
		if (rows_of(NULL, mine, live, &k->mem, &rows, &c.nrows, err)
		    != 0)
			return -1;
		c.rows = rows;
		if (c.nrows > 0)
			c.kind = VALIDATE_DIFFERENT;
	}
	return validate_see(k->l->options, k->l->sums, &c, err);
}

static int
look_at_some(struct looking *k, const struct plan_key *key, struct err *err)
{
	struct getitems_one ones[GETITEMS_MOST];

	arena_reset(&k->mem);
	for (size_t i = 0; i < k->n; i++) {
		const size_t end = i + 1 < k->n ? k->text_at[i + 1]
			: k->texts.len;

		ones[i] = (struct getitems_one){ .from = {
			k->texts.ptr + k->text_at[i], end - k->text_at[i] } };
	}
	if (getitems_ask(k->get, ones, k->n, err) != 0)
		return -1;
	for (size_t i = 0; i < k->n; i++) {
		if (look_at(k, &ones[i], key, err) != 0 ||
		    (k->puts && buf_append(&k->found, (struct span){
				(const uint8_t *)&ones[i].key,
				sizeof(ones[i].key) }, err) != 0))
			return -1;
	}
	k->nseen += k->n;
	k->n = 0;
	buf_reset(&k->texts);
	count(k->l, k->nseen);
	return 0;
}

static int
look_at_file(struct looking *k, struct reading *r, const struct unit *u,
	     const struct plan_key *key, struct err *err)
{
	const struct span keys = span_of(READING_KEYS);
	struct batch *b;
	int rc = reading_start(r, u, true, err);

	while (rc == 0 && (rc = reading_next(r, &b, err)) > 0) {
		if (b->nrejects > 0)
			return err_set(err, ERR_INPUT, "'%s': line %llu is no "
				       "item", u->path, (unsigned long long)
				       b->rejects[0].number);
		for (uint32_t i = 0; rc >= 0 && i <= b->nitems; i++) {
			rc = 0;
			if (k->n == GETITEMS_MOST)
				rc = look_at_some(k, key, err);
			if (rc != 0 || i == b->nitems)
				continue;
			const struct value *const map = k->puts
				? &b->items[i].map
				: value_attr(&b->items[i].map, keys,
					     name_hash(keys));

			k->text_at[k->n++] = k->texts.len;
			rc = map == NULL ? err_set(err, ERR_INPUT, "'%s': a "
				"line without Keys", u->path)
				: ddbjson_encode_map(map, &k->texts, err);
		}
	}
	return rc;
}

static int
look_at_part(struct looking *k, const struct outfiles_part *part,
	     const struct plan_key *key, struct err *err)
{
	struct reading *const r = reading_new(err);
	int rc = r == NULL ? -1 : 0;

	for (uint32_t i = 0; i < part->n && rc == 0; i++)
		rc = look_at_file(k, r, &part->units[i], key, err);
	reading_free(r);
	return rc != 0 ? -1 : look_at_some(k, key, err);
}

static int
check_changes(struct live *l, const struct outfiles_table *t,
	      const struct tree *table, struct err *err)
{
	const char *const range = tabledef_key(table, "RANGE");
	const struct plan_key key = {
		.pk = { tabledef_key(table, "HASH"), 0 },
		.sk = { *range != '\0' ? range : NULL, 0 },
	};
	struct looking k = { .l = l, .t = t, .puts = true };
	const struct span sk = key.sk.name == NULL ? (struct span){ NULL, 0 }
		: span_of(key.sk.name);
	int rc = -1;

	k.reader = ddbjson_new(err);
	if (*key.pk.name == '\0')
		err_set(err, ERR_REMOTE, "table '%s': DescribeTable says no "
			"key", t->name);
	else if (k.reader != NULL)
		k.get = getitems_new(l->service, t->name, span_of(key.pk.name),
				     sk, err);
	if (k.get != NULL)
		rc = look_at_part(&k, &t->puts, &key, err);
	if (rc == 0 && k.found.len > 0)
		qsort(k.found.ptr, k.found.len / sizeof(struct keyhash),
		      sizeof(struct keyhash), by_hash);
	k.puts = false;
	if (rc == 0)
		rc = look_at_part(&k, &t->deletes, &key, err);
	getitems_free(k.get);
	ddbjson_free(k.reader);
	arena_free(&k.mem);
	buf_free(&k.texts);
	buf_free(&k.line);
	buf_free(&k.found);
	return rc;
}

/* ---- all of them --------------------------------------------------------- */

/* What was proved of another account's or region's table is no proof. */
static int
check_place(const struct live *l, const char *name, const struct tree *table,
	    struct err *err)
{
	struct footprint f;

	if (footprint_load(l->options->job, name, &f, err) < 0)
		return -1;
	return footprint_is_near(&f, table) ? 0
		: err_set(err, ERR_REFUSED, "table '%s' at %s is not the one "
			  "that the job wrote to, which is %.300s; is the "
			  "account or the region another one?", name,
			  service_url(l->service), f.of);
}

static int
check_table(struct live *l, const struct outfiles_table *t, struct err *err)
{
	struct dynamodb_table table;
	const int there = dynamodb_describe(l->service, t->name, &table, err);
	const struct validate_check none = {
		.kind = VALIDATE_MISSING, .table = t->name, .name = "",
		.text = "the whole table: there is none of that name",
	};

	int rc = there < 0 ? -1 : 0;

	if (there > 0)
		rc = check_place(l, t->name, table.tree, err);
	if (rc == 0 && there == 0)
		rc = validate_see(l->options, l->sums, &none, err);
	else if (rc == 0)
		rc = t->changes ? check_changes(l, t, table.tree, err)
			: compare(l, t, err);
	dynamodb_table_free(&table);
	return rc;
}

static int
open_live(struct live *l, struct err *err)
{
	const struct validate_options *const o = l->options;
	struct recall recall;

	l->job = job_open_as_is(o->job, false, err);
	if (l->job == NULL || recall_job(&recall, l->job, &l->mem, err) != 0)
		return -1;
	recall.plan.variable = o->plan_options.variable;
	recall.plan.context = o->plan_options.context;
	l->plan = plan_load(recall.plans, recall.nplans, &recall.plan, err);
	if (l->plan == NULL)
		return -1;
	if (!job_is_out(l->job))
		return err_set(err, ERR_USAGE, "job '%s' is not done: run it "
			       "to its end first", o->job);
	place_output(&l->plan->target, job_out(l->job));
	place_source(&l->plan->target);
	place_read_consistently(true);
	if (outfiles_find(job_out(l->job), o->dump.tables, o->dump.ntables,
			  &l->out, err) != 0)
		return -1;
	l->side = place_side(err);
	if (l->side == NULL ||
	    sides_check_account(l->side, &l->plan->target, err) != 0)
		return -1;
	l->service = dynamodb_open(l->side, err);
	return l->service == NULL ? -1 : 0;
}

static void
close_live(struct live *l)
{
	service_close(l->service);
	outfiles_free(&l->out);
	place_read_consistently(false);
	place_source(NULL);
	place_output(NULL, NULL);
	plan_free(l->plan);
	job_close(l->job);
	arena_free(&l->mem);
}

int
validate_live(const struct validate_options *o, struct validate_sums *s,
	      struct err *err)
{
	struct live l = { .options = o, .sums = s };
	int rc;

	*s = (struct validate_sums){ 0 };
	rc = open_live(&l, err);
	if (rc == 0)
		rc = begin_progress(&l, err);
	for (size_t i = 0; rc == 0 && i < l.out.n; i++) {
		begin_table(&l, i);
		rc = check_table(&l, &l.out.tables[i], err);
		if (rc == 0)
			end_table(&l);
	}
	close_live(&l);
	return rc;
}
