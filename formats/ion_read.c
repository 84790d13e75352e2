/*
 * ion_read.c - a block of Ion text to a batch of items, or to records.
 *
 * A value is read without asking where lines end.  Only between values lines
 * count: to say where a value stands, and to find the next one after one that
 * is bad, for only a line can begin one that is certain to be meant so.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/ion.h"
#include "formats/ion_internal.h"
#include "model/batch.h"

enum {
	STACK_CAP = 1024,	/* to start with */
	MAX_UNCLOSED = 64,	/* of a file: each is looked for far ahead */
	MAX_RECORDS = 256,	/* at once; of up to three items each */
};

/* Text under way: a block up to its last line feed, or a copy of the rest. */
struct block {
	struct ion *d;
	struct batch *out;
	struct ion_text t;
	const uint8_t *base;		/* where the text begins */
	uint64_t offset, column;	/* of `base` */
	const uint8_t *counted;		/* up to where lines are counted */
	uint64_t line;			/* number of the line there */
	const uint8_t *last;		/* end of the value before */
	const uint8_t *from;		/* of the value at hand, with marker */
	bool final;			/* nothing comes behind the text */
	bool full;			/* nor can more be shown */
	struct ion_found *found;
	uint32_t nfound, found_cap, rejects_cap;
	struct err why;			/* what is wrong with it */
	struct err *err;
};

struct ion *
ion_new(bool records, struct err *err)
{
	struct ion *const d = calloc(1, sizeof(*d));

	if (d == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->records = records;
	d->stack_cap = STACK_CAP;
	d->stack = calloc(STACK_CAP, sizeof(*d->stack));
	d->lines = ddbjson_new(err);
	if (d->stack == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	if (d->stack != NULL && d->lines != NULL)
		return d;
	ion_free(d);
	return NULL;
}

void
ion_free(struct ion *d)
{
	if (d == NULL)
		return;
	ddbjson_free(d->lines);
	buf_free(&d->json);
	ion_symbols_free(&d->symbols);
	free(d->stack);
	free(d);
}

void
ion_rewind(struct ion *d)
{
	d->nunclosed = 0;
	ion_symbols_forget(&d->symbols);
	d->offset = d->nlines = d->column = d->touched = d->nblank = 0;
}

uint64_t
ion_line(const struct ion *d)
{
	return d->nlines + 1;
}

uint64_t
ion_blank_lines(const struct ion *d)
{
	return d->nblank;
}

/* ---- lines --------------------------------------------------------------- */

static uint64_t
count_lines(const uint8_t *from, const uint8_t *to)
{
	uint64_t n = 0;

	while (from < to &&
	       (from = memchr(from, '\n', (size_t)(to - from))) != NULL) {
		from++;
		n++;
	}
	return n;
}

/* The number of the line of `p`, which is at or behind the last one asked. */
static uint64_t
line_at(struct block *b, const uint8_t *p)
{
	b->line += count_lines(b->counted, p);
	b->counted = p;
	return b->line;
}

/* Where the line that `p` is in begins, as far as it is in the text. */
static const uint8_t *
line_start(const struct block *b, const uint8_t *p)
{
	const uint8_t *const feed = p == b->base ? NULL
		: memrchr(b->base, '\n', (size_t)(p - b->base));

	return feed == NULL ? b->base : feed + 1;
}

/* A value is in these lines: those since the last one are passed over. */
static void
touch(struct ion *d, uint64_t first, uint64_t last)
{
	if (first > d->touched + 1)
		d->nblank += first - d->touched - 1;
	if (last > d->touched)
		d->touched = last;
}

/* ---- what comes of a value ----------------------------------------------- */

/* Room for one more of `size` bytes in a list; NULL if memory is refused. */
static void *
make_room(struct block *b, void *list, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return list;

	const uint32_t more = *cap > 0 ? 2 * *cap : 64;
	void *const p = arena_take(&b->out->mem, more * size, b->err);
	if (p == NULL)
		return NULL;
	if (n > 0)
		memcpy(p, list, n * size);
	*cap = more;
	return p;
}

static uint64_t
offset_of(const struct block *b, const uint8_t *p)
{
	return b->offset + (uint64_t)(p - b->base);
}

static int
add_found(struct block *b, struct ion_found *f)
{
	const uint8_t *const end = b->t.at;

	b->found = make_room(b, b->found, b->nfound, &b->found_cap,
			     sizeof(*b->found));
	if (b->found == NULL)
		return -1;
	f->number = line_at(b, b->from);
	f->offset = offset_of(b, b->from);
	f->text = (struct span){ b->from, (size_t)(end - b->from) };
	b->found[b->nfound++] = *f;
	touch(b->d, f->number, line_at(b, end));
	return 0;
}

/* File what stands before `to` as a reject for what is wrong at `wrong`. */
static int
add_reject(struct block *b, const uint8_t *wrong, const uint8_t *to)
{
	struct batch *const out = b->out;
	const uint8_t *const start = line_start(b, wrong), *end = to;
	const uint64_t first = line_at(b, b->from);

	out->rejects = make_room(b, out->rejects, out->nrejects,
				 &b->rejects_cap, sizeof(*out->rejects));
	if (out->rejects == NULL)
		return -1;
	if (end > b->from && end[-1] == '\n')
		end--;
	if (end > b->from && end[-1] == '\r')
		end--;
	out->rejects[out->nrejects++] = (struct reject){
		.line = { b->from, (size_t)(end - b->from) },
		.offset = offset_of(b, b->from),
		.number = first + count_lines(b->from, wrong),
		.at = (uint64_t)(wrong - start) +
		      (start == b->base ? b->column : 0),
		.why = b->why,
	};
	touch(b->d, first, line_at(b, end));
	return 0;
}

/* ---- after a bad value --------------------------------------------------- */

/* Blanks at the front of the line that `p` is in, if nothing else is there. */
static size_t
indent(const struct block *b, const uint8_t *p)
{
	const uint8_t *const start = line_start(b, p);

	if (start == b->base && b->column > 0)
		return 0;
	for (const uint8_t *q = start; q < p; q++)
		if (*q != ' ' && *q != '\t')
			return 0;
	return (size_t)(p - start);
}

/*
 * Does a new value begin in this line?  A version marker says so; a brace does
 * if the bad one had no marker either, and is not deeper in than that began,
 * as what is inside of it would be.
 */
static bool
begins_value(const struct block *b, const uint8_t *line)
{
	static const char MARKER[] = "$ion_1_0";
	const uint8_t *p = line;

	while (*p == ' ' || *p == '\t')
		p++;
	if (memcmp(p, MARKER, sizeof(MARKER) - 1) == 0)
		return ION_IDENTIFIER[p[sizeof(MARKER) - 1]] == 0;
	return p[0] == '{' && p[1] != '{' && *b->from != '$' &&
	       (size_t)(p - line) <= indent(b, b->from);
}

/*
 * The line to go on with after what is wrong at `wrong`; NULL if there is none
 * in the text.  Inside of a value (`deep`) any brace could be one of its own.
 */
static const uint8_t *
next_line(const struct block *b, const uint8_t *wrong, bool deep)
{
	const uint8_t *line = line_start(b, wrong);

	if (line <= b->from)
		line = (const uint8_t *)memchr(wrong, '\n', (size_t)
					       (b->t.end - wrong)) + 1;
	while (line < b->t.end && deep && !begins_value(b, line))
		line = (const uint8_t *)memchr(line, '\n', (size_t)
					       (b->t.end - line)) + 1;
	return line < b->t.end ? line : NULL;
}

enum { DONE = 0, GO_ON = 1 };

/* The value from b->from on is bad, or not whole: `rc` says which. */
static int
refuse(struct block *b, int rc, bool deep)
{
	struct ion *const d = b->d;
	const uint8_t *wrong = b->t.wrong, *to;
	const bool first = b->out->nrejects + b->nfound == 0;

	if (rc == ION_FAILED) {
		*b->err = b->why;
		return -1;
	}
	/* More text might mend it, unless there is no more. */
	if (rc == ION_SHORT && !b->final &&
	    (!b->full || !first || d->nunclosed == MAX_UNCLOSED)) {
		b->t.at = b->last;
		return DONE;
	}
	if (rc == ION_SHORT && ++d->nunclosed >= MAX_UNCLOSED)
		wrong = b->t.end;
	if (wrong == b->t.end)
		wrong--;
	to = next_line(b, wrong, deep);
	if (to == NULL && !b->final && !(b->full && first)) {
		b->t.at = b->last;
		return DONE;
	}
	if (to == NULL)
		to = b->t.end;
	if (to <= wrong) {
		wrong = to - 1;
		err_set(&b->why, ERR_INPUT, "the value is cut off: another one "
			"begins in the next line");
	}
	if (add_reject(b, wrong, to) != 0)
		return -1;
	b->t.at = to;
	b->t.unclosed = false;
	return GO_ON;
}

/* ---- one value ----------------------------------------------------------- */

/* The struct at t->at.  Returns GO_ON, DONE or -1. */
static int
decode_struct(struct block *b)
{
	struct ion_found f;
	const int rc = b->d->records ? ion_record(b->d, &b->t, &f)
				     : ion_item(b->d, &b->t, &f);

	if (rc != ION_OK)
		return refuse(b, rc, true);
	return add_found(b, &f) != 0 ? -1 : GO_ON;
}

/* A table of symbols, behind its `::`.  Returns GO_ON, DONE or -1. */
static int
decode_table(struct block *b)
{
	struct ion_text *const t = &b->t;
	struct ion *const d = b->d;
	const uint8_t *from;
	struct value map;
	int rc = ion_blank(t);

	from = t->at;
	if (rc == ION_OK && (*from != '{' || from[1] == '{'))
		rc = ion_wrong(t, from, "a symbol table");
	if (rc == ION_OK) {
		d->in_table = true;
		rc = ion_struct(d, t, ITEM_MAX_DEPTH, &map);
		d->in_table = false;
	}
	if (rc == ION_OK)
		rc = ion_symbols_take(&d->symbols, &map, t, from);
	if (rc != ION_OK)
		return refuse(b, rc, true);
	b->last = t->at;	/* not to be taken twice */
	return GO_ON;
}

/*
 * A word or a quoted symbol where a value should be, and whether it is one of
 * what comes: with `more` text to be had, that is waited for.
 */
static int
read_word(struct ion_text *t, bool more, struct span *word, bool *quoted,
	  bool *annotates)
{
	uint8_t flags;
	int rc = ION_OK;

	*quoted = *t->at == '\'';
	if (*quoted)
		rc = ion_quoted(t, word, &flags);
	else
		*word = ion_identifier(t);
	if (rc != ION_OK)
		return rc;

	const uint8_t *const end = t->at;
	rc = ion_blank(t);
	/* Of a marker it does not matter what comes. */
	if (rc == ION_SHORT && !more &&
	    !span_is(*word, "$ion_symbol_table")) {
		t->at = t->end;
		t->unclosed = false;
		rc = ION_OK;
	}
	*annotates = t->at < t->end && t->at[0] == ':' && t->at[1] == ':';
	if (rc == ION_OK && !*annotates)
		t->at = end;
	return rc;
}

/*
 * A word where a value should be: version markers are passed over, and tables
 * of symbols are taken note of.
 */
static int
decode_word(struct block *b, const uint8_t **marker)
{
	struct ion_text *const t = &b->t;
	const uint8_t *const from = t->at;
	bool quoted, annotates;
	struct span word;
	const int rc = read_word(t, !b->final && !b->full, &word, &quoted,
				 &annotates);

	if (rc != ION_OK)
		return refuse(b, rc, false);
	if (annotates && (span_is(word, "$ion_symbol_table") ||
			  (span_is(word, "$3") && !quoted))) {
		t->at += 2;
		return decode_table(b);
	}
	if (span_is(word, "$ion_1_0") && !annotates && !quoted) {
		ion_symbols_forget(&b->d->symbols);
		*marker = from;
		return GO_ON;
	}
	if (word.len > 5 && memcmp(word.ptr, "$ion_", 5) == 0 &&
	    ION_IDENTIFIER[word.ptr[5]] == 1 && !annotates && !quoted)
		ion_refuse(t, from, "only Ion 1.0 is read");
	else
		ion_refuse(t, from, "not an item: a value should begin with "
			   "$ion_1_0 {Item:{");
	return refuse(b, ION_BAD, false);
}

/* All that comes up to the end of the next value.  GO_ON, DONE or -1. */
static int
next(struct block *b)
{
	struct ion_text *const t = &b->t;
	const uint8_t *marker = NULL;

	b->last = t->at;
	for (;;) {
		b->from = t->at;
		if (t->at == t->end)
			return DONE;

		const int rc = ion_blank(t);
		if (rc == ION_SHORT && !t->unclosed) {
			t->at = t->end;
			return DONE;
		}
		if (rc != ION_OK) {
			b->from = rc == ION_SHORT ? t->wrong
						  : b->from;
			return refuse(b, rc, true);
		}
		b->from = t->at;
		if (marker != NULL && memchr(marker, '\n', (size_t)
					     (t->at - marker)) == NULL)
			b->from = marker;
		if (t->at[0] == '{' && t->at[1] != '{')
			return decode_struct(b);
		marker = NULL;
		if (ION_IDENTIFIER[*t->at] != 3 &&
		    (*t->at != '\'' || ion_is_long(t->at))) {
			ion_refuse(t, t->at, "not an item: a value should "
				   "begin with $ion_1_0 {Item:{");
			return refuse(b, ION_BAD, false);
		}

		const uint32_t n = b->out->nrejects;
		const int done = decode_word(b, &marker);
		if (done != GO_ON || b->out->nrejects > n)
			return done;
	}
}

/* ---- a block ------------------------------------------------------------- */

static bool
is_enough(const struct block *b)
{
	return b->out->nrejects + b->nfound >=
	       (b->d->records ? MAX_RECORDS : ION_MAX_VALUES);
}

/*
 * Decode the values in `text`, which ends in a line feed, or is empty; *used
 * says how much they were.
 */
static int
decode_text(struct block *b, struct span text, size_t *used)
{
	struct ion *const d = b->d;
	const uint8_t *const start = text.ptr;
	int rc = GO_ON;

	b->base = b->counted = start;
	b->offset = d->offset;
	b->column = d->column;
	b->line = d->nlines + 1;
	b->t = (struct ion_text){
		.at = start, .end = start + text.len, .mem = &b->out->mem,
		.err = &b->why, .symbols = &d->symbols,
	};
	if (b->offset == 0 && text.len >= 3 &&
	    memcmp(start, "\xEF\xBB\xBF", 3) == 0)
		b->t.at += 3;
	while (rc == GO_ON && !is_enough(b))
		rc = next(b);
	if (rc < 0)
		return -1;

	const uint8_t *const end = b->t.at;
	*used = (size_t)(end - start);
	d->nlines = line_at(b, end) - 1;
	d->column = (uint64_t)(end - line_start(b, end)) +
		    (line_start(b, end) == start ? d->column : 0);
	d->offset += *used;
	return 0;
}

/* What is behind the last line feed of a file: as a line like any other. */
static int
decode_rest(struct block *b, struct span rest, size_t *used)
{
	struct ion *const d = b->d;
	uint8_t *const copy = arena_take(&b->out->mem, rest.len + 1 + ION_SLACK,
					 b->err);

	if (copy == NULL)
		return -1;
	memcpy(copy, rest.ptr, rest.len);
	copy[rest.len] = '\n';
	memset(copy + rest.len + 1, 0, ION_SLACK);
	if (decode_text(b, (struct span){ copy, rest.len + 1 }, used) != 0)
		return -1;
	if (*used > rest.len) {		/* a line feed that is not there */
		*used = rest.len;
		d->offset--;
		d->nlines--;
		d->column = 1;		/* of a line that was not ended */
	}
	return 0;
}

static int
decode(struct block *b, struct span in, bool last, size_t *used)
{
	static const uint8_t BINARY[] = { 0xE0, 0x01, 0x00, 0xEA };
	struct ion *const d = b->d;
	const uint8_t *const feed = in.len == 0 ? NULL
		: memrchr(in.ptr, '\n', in.len);
	const size_t lines = feed == NULL ? 0 : (size_t)(feed + 1 - in.ptr);
	size_t more = 0;

	*used = 0;
	if (d->offset == 0 && in.len >= sizeof(BINARY) &&
	    memcmp(in.ptr, BINARY, sizeof(BINARY)) == 0)
		return err_set(b->err, ERR_INPUT, "this is Ion's binary form; "
			       "make text of it first (the 'ion' command line "
			       "tool does)");
	b->final = last && lines == in.len;
	b->full = in.len >= ION_MAX_LEN;
	if (lines > 0 && decode_text(b, (struct span){ in.ptr, lines },
				     used) != 0)
		return -1;
	if (last && lines < in.len && !is_enough(b)) {
		b->final = true;
		if (decode_rest(b, (struct span){ in.ptr + *used,
						  in.len - *used }, &more) != 0)
			return -1;
		*used += more;
	}
	if (last && *used == in.len)
		touch(d, d->nlines + (d->column > 0) + 1, 0);
	return 0;
}

int
ion_decode(struct ion *d, struct span in, bool last, struct batch *out,
	   size_t *used, struct err *err)
{
	struct block b = { .d = d, .out = out, .err = err };

	if (decode(&b, in, last, used) != 0)
		return -1;

	return ion_make_items(d, b.found, b.nfound, out, err);
}
