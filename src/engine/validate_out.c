/*
 * validate_out.c - the files that one unit of a job wrote, item by item, beside
 * those that should be in them.
 *
 * A unit writes one file for each target, or of some formats several, one after
 * the other, and one of keys to delete, all in the order in which it reads.
 * CSV says less than items are: there each item that is expected is written and
 * read as CSV first.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/reading.h"
#include "engine/run_internal.h"
#include "engine/validate_internal.h"
#include "formats/csv.h"
#include "formats/ddbjson.h"
#include "formats/ddbjson_record.h"
#include "formats/formats.h"
#include "io/source.h"
#include "model/batch.h"
#include "model/compare.h"

enum { MAX_ITEMS = 100 };	/* of a file that are shown */

/* What an item is once it was written as CSV. */
struct echo {
	struct item_rules rules;
	void *writer, *reader;		/* NULL: not begun */
	struct buf text;
	struct batch batch;
};

struct outfile {
	struct reading *reading;	/* NULL: there is no file */
	struct unit unit;		/* to read it by */
	char *path;			/* NULL: not begun */
	const char *table;		/* target */
	const struct plan_key *key;
	struct item_rules rules;	/* to read it by */
	bool deletes;			/* keys, not items */
	uint32_t part;
	struct batch *batch;
	uint32_t at;			/* next item of the batch */
	struct item found;		/* of deletes: the key as an item */
	bool ended;
	bool lost;			/* what is in it cannot be told apart */
	uint64_t nbad;
	struct echo echo;
};

struct validate_outs {
	const struct run *run;
	const char *folder;		/* out/ */
	const struct unit *unit;
	struct validate_notes *notes;
	_Atomic uint64_t *compared;	/* items that are as they should be */
	struct outfile *files;		/* one a target number, */
	struct outfile *deletes;	/* ... likewise */
	struct buf expected, text;
};

struct validate_outs *
validate_outs_new(const struct run *run, const char *folder,
		  const struct unit *u, struct validate_notes *notes,
		  _Atomic uint64_t *compared, struct err *err)
{
	struct validate_outs *const o = calloc(1, sizeof(*o));

	if (o != NULL) {
		*o = (struct validate_outs){
			.run = run, .folder = folder, .unit = u,
			.notes = notes, .compared = compared,
			.files = calloc(run->ntargets + 1, sizeof(*o->files)),
			.deletes = calloc(run->ntargets + 1,
					  sizeof(*o->deletes)),
		};
	}
	if (o != NULL && o->files != NULL && o->deletes != NULL)
		return o;
	validate_outs_free(o);
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

static void
close_file(struct outfile *f)
{
	reading_free(f->reading);
	free(f->path);
	csv_encode_stop(f->echo.writer);
	csv_format.decode_stop(f->echo.reader);
	buf_free(&f->echo.text);
	batch_free(&f->echo.batch);
}

void
validate_outs_free(struct validate_outs *o)
{
	if (o == NULL)
		return;
	for (uint32_t i = 0; i < o->run->ntargets; i++) {
		if (o->files != NULL)
			close_file(&o->files[i]);
		if (o->deletes != NULL)
			close_file(&o->deletes[i]);
	}
	free(o->files);
	free(o->deletes);
	buf_free(&o->expected);
	buf_free(&o->text);
	free(o);
}

/* ---- what is in a file --------------------------------------------------- */

/* The name of the file, or of its part, as unit.c gives it; NULL: no memory. */
static char *
name_file(const struct validate_outs *o, const struct outfile *f,
	  struct err *err)
{
	const struct run_shared *const s = &o->run->shared;
	struct buf path = { 0 };
	char part[16] = "";

	if (!f->deletes && s->format->encode_full != NULL)
		snprintf(part, sizeof(part), "-%06u", f->part);
	if (buf_printf(&path, err, "%s/%s/%s/%08u%s%s%s%c", o->folder,
		       f->table, f->deletes ? JOB_DELETES : "data",
		       o->unit->number, part,
		       f->deletes ? ".json" : s->format->suffix,
		       s->pack != NULL ? s->pack->suffix : "", 0) == 0)
		return (char *)path.ptr;
	buf_free(&path);
	return NULL;
}

/* Begin with it, or its next part, if that is there. */
static int
open_file(const struct validate_outs *o, struct outfile *f, struct err *err)
{
	char *const path = name_file(o, f, err);

	if (path == NULL)
		return -1;

	const int there = place_look(path, err);
	f->ended = there <= 0;
	if (f->ended && f->path != NULL) {	/* the last part was the last */
		free(path);
		return there;
	}
	free(f->path);
	f->path = path;
	f->batch = NULL;
	if (f->ended)
		return there;
	f->unit = (struct unit){
		.number = o->unit->number, .path = f->path,
		.name = strrchr(f->path, '/') + 1, .nitems = -1,
		.format = f->deletes ? &ddbjson_record_format
				     : o->run->shared.format,
		.rules = f->deletes ? NULL : &f->rules,
		.increment = f->deletes,
	};
	if (f->reading == NULL)
		f->reading = reading_new(err);
	return f->reading == NULL ? -1
		: reading_start(f->reading, &f->unit, false, err);
}

/* The file that items of a plan table go to, begun; NULL on failure. */
static struct outfile *
file_of(struct validate_outs *o, struct outfile *files, uint32_t table,
	struct err *err)
{
	const struct run *const r = o->run;
	struct outfile *const f = &files[r->targets[table].number];

	if (f->path != NULL)
		return f;
	f->table = r->targets[table].name;
	f->key = &r->plan->tables[table].key;
	f->rules = validate_out_rules(r, table);
	f->deletes = files == o->deletes;
	return open_file(o, f, err) == 0 ? f : NULL;
}

/* A key to delete as an item: reading.c shows it as a record. */
static const struct item *
take_key(struct outfile *f, const struct item *record)
{
	f->found = *record;
	if (record->map.len >= 2 && record->map.kids[1].type == VALUE_M)
		f->found.map = record->map.kids[1];
	return &f->found;
}

/* The next item in it, in *out: NULL after the last.  Returns 0 or -1. */
static int
next_item(const struct validate_outs *o, struct outfile *f,
	  const struct item **out, struct err *err)
{
	struct err why = { 0 };
	int rc;

	*out = NULL;
	while (f->reading != NULL && !f->lost && !f->ended &&
	       (f->batch == NULL || f->at == f->batch->nitems)) {
		f->at = 0;
		rc = reading_next(f->reading, &f->batch, &why);
		/* Damage, and lines that are none, were told before. */
		f->lost = rc < 0 || (rc > 0 && f->batch->nrejects > 0);
		if (rc < 0 && why.code != ERR_INPUT) {
			*err = why;
			return -1;
		}
		f->ended = rc == 0;
		if (rc != 0 || f->deletes ||
		    o->run->shared.format->encode_full == NULL)
			continue;
		f->part++;
		if (open_file(o, f, err) != 0)
			return -1;
	}
	if (f->reading != NULL && !f->lost && !f->ended) {
		*out = &f->batch->items[f->at++];
		if (f->deletes)
			*out = take_key(f, *out);
	}
	return 0;
}

/* ---- comparing ----------------------------------------------------------- */

static int
encode(const struct item *item, struct buf *text, struct span *out,
       struct err *err)
{
	buf_reset(text);
	if (ddbjson_encode(item, 1, text, err) != 0)
		return -1;
	*out = (struct span){ text->ptr, text->len - 1 };
	return 0;
}

/* `found` may be NULL: there is none; `expected` too. */
static int
note(struct validate_outs *o, struct outfile *f, const struct item *expected,
     const struct item *found, const char *text, struct err *err)
{
	struct validate_note n = {
		.kind = found == NULL ? VALIDATE_MISSING :
			expected == NULL ? VALIDATE_EXTRA : VALIDATE_DIFFERENT,
		.unit = o->unit->number, .table = f->table, .file = f->path,
		.line = found != NULL ? found->number : UINT64_MAX,
		.text = text, .key = f->key,
	};

	if (++f->nbad > MAX_ITEMS)
		return 0;
	if (found == NULL)
		n.name = f->path;
	else if (encode(found, &o->text, &n.found, err) != 0)
		return -1;
	if (expected != NULL &&
	    encode(expected, &o->expected, &n.expected, err) != 0)
		return -1;
	if (found == NULL) {
		n.file = NULL;
		n.line = 0;
	}
	return validate_note(o->notes, &n, err);
}

static bool
same_attr(const char *name, const struct item *a, const struct item *b,
	  struct arena *mem)
{
	struct err unused;

	if (name == NULL)
		return true;

	const struct span s = span_of(name);
	const struct value *const x = value_attr(&a->map, s, name_hash(s));
	const struct value *const y = value_attr(&b->map, s, name_hash(s));

	return x != NULL && y != NULL && value_equal(x, y, mem, &unused) == 1;
}

static int
compare(struct validate_outs *o, struct outfile *f,
	const struct item *expected, struct err *err)
{
	const struct item *found;

	if (next_item(o, f, &found, err) != 0)
		return -1;
	if (f->lost)
		return 0;
	if (found == NULL)
		return note(o, f, expected, NULL, "", err);

	struct arena *const mem = &f->batch->mem;
	const int same = value_equal(&expected->map, &found->map, mem, err);
	if (same < 0)
		return -1;
	if (same > 0) {
		atomic_fetch_add_explicit(o->compared, 1,
					  memory_order_relaxed);
		return 0;
	}
	if (same_attr(f->key->pk.name, expected, found, mem) &&
	    same_attr(f->key->sk.name, expected, found, mem))
		return note(o, f, expected, found, "", err);
	f->lost = true;
	return note(o, f, expected, found, f->deletes
		    ? "another key stands in its place; the rest of the file "
		      "was not compared"
		    : "another item stands in its place; the rest of the file "
		      "was not compared", err);
}

/* ---- CSV ----------------------------------------------------------------- */

/* A writer and a reader of rows without a header. */
static int
start_echo(struct echo *e, const struct item_rules *rules, struct err *err)
{
	e->rules = *rules;
	e->rules.no_header = true;
	e->writer = csv_encode_start(&e->rules, err);
	if (e->writer != NULL)
		e->reader = csv_format.decode_start(&e->rules, err);
	return e->reader != NULL ? 0 : -1;
}

/*
 * What a row of CSV says of the item, in *out; NULL if nothing that could be
 * read again.
 */
static int
write_and_read(struct echo *e, const struct item *item,
	       const struct item **out, struct err *err)
{
	size_t used;

	buf_reset(&e->text);
	batch_reset(&e->batch);
	if (csv_encode(e->writer, item, &e->text, err) != 0)
		return -1;

	const struct span row = buf_span(&e->text);
	uint8_t *const slack = buf_reserve(&e->text, SOURCE_SLACK, err);
	if (slack == NULL)
		return -1;
	memset(slack, 0, SOURCE_SLACK);
	csv_format.decode_rewind(e->reader);
	if (csv_format.decode(e->reader, (struct span){ e->text.ptr, row.len },
			      true, &e->batch, &used, err) != 0)
		return -1;
	*out = e->batch.nitems == 1 ? &e->batch.items[0] : NULL;
	return 0;
}

/* ---- for validate_job.c -------------------------------------------------- */

struct item_rules
validate_out_rules(const struct run *r, uint32_t table)
{
	struct item_rules rules = *r->targets[table].rules;

	if (!rules.no_header) {		/* the file says them */
		rules.columns = NULL;
		rules.ncolumns = 0;
	}
	return rules;
}

int
validate_outs_put(struct validate_outs *o, uint32_t table,
		  const struct item *item, struct err *err)
{
	struct outfile *const f = file_of(o, o->files, table, err);

	if (f == NULL)
		return -1;
	if (o->run->shared.format == &csv_format) {
		if (f->echo.reader == NULL &&
		    start_echo(&f->echo, o->run->targets[table].rules,
			       err) != 0)
			return -1;
		if (write_and_read(&f->echo, item, &item, err) != 0)
			return -1;
		if (item == NULL) {	/* nor can what was written be read */
			f->lost = true;
			return 0;
		}
	}
	return compare(o, f, item, err);
}

int
validate_outs_delete(struct validate_outs *o, uint32_t table,
		     const struct item *item, struct err *err)
{
	struct outfile *const f = file_of(o, o->deletes, table, err);
	struct value kids[4];
	struct item key = { .number = item->number };

	if (f == NULL)
		return -1;
	validate_key_of(f->key, &item->map, kids, &key.map);
	return compare(o, f, &key, err);
}

/* Nothing may be left in a file. */
static int
check_rest(struct validate_outs *o, struct outfile *f, struct err *err)
{
	const struct item *found;
	char text[128];

	for (;;) {
		if (next_item(o, f, &found, err) != 0)
			return -1;
		if (found == NULL)
			break;
		if (note(o, f, NULL, found, "", err) != 0)
			return -1;
	}
	if (f->nbad <= MAX_ITEMS)
		return 0;
	snprintf(text, sizeof(text), "and %" PRIu64 " more %s%s of this file",
		 f->nbad - MAX_ITEMS, f->deletes ? "key" : "item",
		 plural(f->nbad - MAX_ITEMS));
	return validate_note(o->notes, &(struct validate_note){
		.kind = VALIDATE_DIFFERENT, .unit = o->unit->number,
		.table = f->table, .file = f->path, .line = UINT64_MAX,
		.text = text,
	}, err);
}

int
validate_outs_end(struct validate_outs *o, struct err *err)
{
	const struct plan *const p = o->run->plan;

	for (uint32_t i = 0; i < p->ntables; i++) {
		if (p->tables[i].skip || p->tables[i].glob)
			continue;
		if (file_of(o, o->files, i, err) == NULL ||
		    file_of(o, o->deletes, i, err) == NULL)
			return -1;
	}
	for (uint32_t i = 0; i < o->run->ntargets; i++)
		if ((o->files[i].path != NULL &&
		     check_rest(o, &o->files[i], err) != 0) ||
		    (o->deletes[i].path != NULL &&
		     check_rest(o, &o->deletes[i], err) != 0))
			return -1;
	return 0;
}
