/*
 * dumpjson.c - JSON of several shapes to batches of items.
 *
 *	object object ...		one after the other, a line each or not
 *	[object, object, ...]		in arrays
 *	{"Items":[object, ...], ...}	in pages, those as above
 *	{"Item":object, ...}
 *
 * The reader knows where it is by `level`, and what must come next by `next`;
 * an item is read once all of it is there, everything else byte by byte.
 *
 * After an item that is none it goes on at what may be the next: behind the
 * brackets that the bad one opened, where a string ends with its line at the
 * latest, or at a line that begins with a brace in the same column as the bad
 * one did.  How far it is there is part of the state, too, so that what is
 * skipped may be of any length.
 */
#include "formats/dumpjson_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/plural.h"
#include "formats/batchwrite.h"
#include "formats/compose.h"
#include "formats/formats.h"
#include "formats/itemtypes.h"
#include "formats/jsonvalue.h"
#include "model/batch.h"

enum {
	MAX_ITEMS = 1024,	/* a batch */
	GAP_LEN = 64 * 1024,	/* white space in which a comma is looked for */
};

/* ---- state --------------------------------------------------------------- */

static void
rewind_state(void *state)
{
	struct dumpjson *const d = state;

	*d = (struct dumpjson){
		.kind = d->kind, .to = d->to, .types = d->types,
		.at.line = 1, .blank = true,
	};
}

static void
stop(void *state)
{
	struct dumpjson *const d = state;

	if (d == NULL)
		return;
	compose_free(d->to);
	itemtypes_free(d->types);
	free(d);
}

static void *
start(enum kind kind, const struct item_rules *rules, struct err *err)
{
	struct dumpjson *const d = calloc(1, sizeof(*d));

	if (d == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->kind = kind;
	d->to = compose_new(err);
	if (d->to == NULL || itemtypes_new(rules, &d->types, err) != 0) {
		stop(d);
		return NULL;
	}
	rewind_state(d);
	return d;
}

static uint64_t
line_of(const void *state)
{
	return ((const struct dumpjson *)state)->at.line;
}

static uint64_t
blanks(const void *state)
{
	(void)state;
	return 0;
}

/* The file is at its end: did it end where it should? */
static int
end(const void *state, struct err *err)
{
	const struct dumpjson *const d = state;

	if (d->damage.code != ERR_NONE) {
		*err = d->damage;
		return -1;
	}
	if (d->level == PAGE || d->level == ITEMS)
		return err_set(err, ERR_INPUT, "the page that begins in line "
			       "%" PRIu64 " does not end: the file is cut short",
			       d->page.line);
	if (d->level == LIST)
		return err_set(err, ERR_INPUT, "the array that begins in line "
			       "%" PRIu64 " does not end: the file is cut short",
			       d->list_line);
	return 0;
}

/* ---- a block under way --------------------------------------------------- */

void
dumpjson_advance(struct block *b, const uint8_t *to)
{
	struct dumpjson *const d = b->d;

	if (to > b->p)
		d->blank = to[-1] == '\n';
	textplace_pass(&d->at, b->p, to);
	b->p = to;
}

static void
pass_space(struct block *b)
{
	const uint8_t *p = b->p;
	const uint64_t line = b->d->at.line;

	while (p < b->end && (*p == ' ' || *p == '\n' || *p == '\t' ||
			      *p == '\r'))
		p++;
	textplace_pass(&b->d->at, b->p, p);
	b->d->blank |= b->d->at.line != line;
	b->p = p;
}

uint64_t
dumpjson_column(const struct dumpjson *d)
{
	return d->at.offset - d->at.line_at;
}

int
dumpjson_add_reject(struct block *b, struct span text, const uint8_t *at,
	   const struct err *why)
{
	return textplace_reject(&b->d->at, b->p, text, at, why, b->out,
				b->err);
}

/* ---- items --------------------------------------------------------------- */

/*
 * May an item end at `p`, by what follows?  If not, *at is the byte that does
 * and *why says so.
 */
static enum jsonvalue
follows(const struct block *b, const uint8_t *p, const uint8_t **at,
	struct err *why)
{
	const enum level level = b->d->level;
	const uint8_t *const from = p;

	for (; p < b->end; p++) {
		if (*p == '\n' && level == TOP)
			return JSON_GOOD;
		if (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
			break;
		if (p - from >= GAP_LEN)
			return JSON_GOOD;
	}
	if (p == b->end)
		return b->last ? JSON_GOOD : JSON_MORE;
	if (level == TOP ? *p == '{' : *p == ',' ||
	    *p == (level == PAGE ? '}' : ']'))
		return JSON_GOOD;

	struct jsonwalk w = { .p = p, .end = b->end, .err = why };
	jsonvalue_wrong(&w, level == TOP ? "the end of the line, or an item," :
			level == PAGE ? "',' or '}'" : "',' or ']'");
	*at = p;
	return JSON_BAD;
}

/* Are the items of these pages typed?  The first that says so is asked. */
static enum jsonvalue
settle_look(const struct block *b, bool *plain)
{
	struct dumpjson *const d = b->d;

	if (d->kind != SCAN || d->look == DUMPJSON_TYPED) {
		*plain = d->kind == PLAIN || d->plain_items;
		return JSON_GOOD;
	}

	const enum dumpjson_look look = dumpjson_look((struct span){
			b->p, (size_t)(b->end - b->p) });
	if (look == DUMPJSON_UNSURE && !b->last)
		return JSON_MORE;
	*plain = look == DUMPJSON_OTHER;
	if (look == DUMPJSON_TYPED || look == DUMPJSON_OTHER) {
		d->look = DUMPJSON_TYPED;
		d->plain_items = *plain;
	}
	return JSON_GOOD;
}

/* The item that begins at b->p.  Returns 1, 0 if more is needed, or -1. */
static int
read_item(struct block *b)
{
	struct dumpjson *const d = b->d;
	struct item *const item = &b->out->items[b->out->nitems];
	struct err why;
	struct jsonwalk w = {
		.p = b->p, .end = b->end, .last = b->last, .to = d->to,
		.mem = &b->out->mem, .err = &why,
	};
	const uint8_t *at = NULL;
	bool plain = false;
	int rc = settle_look(b, &plain);

	if (rc == JSON_GOOD)
		rc = compose_item(d->to, &why);
	if (rc == JSON_GOOD && d->kind == REQUESTS)
		rc = d->other_table ? dumpjson_other_table(d, &why)
				    : dumpjson_open_request(&w);
	if (rc == JSON_GOOD)
		rc = jsonvalue_item(&w, !plain, d->types);
	if (rc == JSON_GOOD && d->kind == REQUESTS)
		rc = dumpjson_close_request(&w);
	if (rc == JSON_GOOD) {
		at = w.p;
		rc = follows(b, w.p, &w.p, &why);
	}
	if (rc == JSON_GOOD) {
		*item = (struct item){ .offset = d->at.offset,
				       .number = d->at.line };
		rc = compose_end(d->to, item, &why);
		if (rc == JSON_BAD)
			w.p = at - 1;
	}
	switch (rc) {
	case JSON_GOOD:
		b->out->sizes[b->out->nitems++] = (uint32_t)(at - b->p);
		d->page.nitems++;
		dumpjson_advance(b, at);
		d->next = COMMA;
		return 1;
	case JSON_BAD:
		return dumpjson_reject(b, w.p, &why);
	case JSON_MORE:
		return 0;
	default:
		*b->err = why;
		return -1;
	}
}

/* ---- pages --------------------------------------------------------------- */

static void
begin_page(struct block *b)
{
	struct dumpjson *const d = b->d;

	d->page = (struct page){
		.offset = d->at.offset, .line = d->at.line,
		.column = dumpjson_column(d),
		.in_line = !d->blank || dumpjson_column(d) > MOST_COLUMNS,
	};
	d->level = PAGE;
	d->next = FIRST;
	dumpjson_advance(b, b->p + 1);
}

/* The brace of a page is at b->p.  Returns 1, 0 or -1. */
static int
end_page(struct block *b)
{
	struct dumpjson *const d = b->d;
	const struct page *const page = &d->page;

	if (!page->has_items) {
		const uint64_t back = d->at.offset - page->offset;
		const uint8_t *const from = back <= (uint64_t)(b->p - b->begin)
			? b->p - back : b->begin;
		struct err why;

		err_set(&why, ERR_INPUT, d->kind == REQUESTS
			? "an object without requests for a table" :
			"an object with neither 'Items' nor 'Item' in it");
		const struct span text = { from, (size_t)(b->p + 1 - from) };

		if (dumpjson_add_reject(b, text, b->p, &why) != 0)
			return -1;
	}
	/* What is rejected may have been more than one, or less. */
	if (page->has_items && page->has_count && !page->is_part &&
	    (page->nitems > page->count ||
	     page->nitems + page->nrejects < page->count) &&
	    d->damage.code == ERR_NONE)
		err_set(&d->damage, ERR_INPUT, "the page that begins in line "
			"%" PRIu64 " has %" PRIu64 " item%s, and says 'Count': "
			"%" PRIu64, page->line, page->nitems,
			plural(page->nitems), page->count);
	d->level = d->in_list ? LIST : TOP;
	d->next = COMMA;
	dumpjson_advance(b, b->p + 1);
	return 1;
}

/* The number that a member's value is, if it is one. */
static void
read_count(struct page *page, const uint8_t *p, const uint8_t *to)
{
	uint64_t n = 0;

	page->has_count = p < to && to - p < 19;
	for (; p < to; p++) {
		page->has_count &= *p >= '0' && *p <= '9';
		n = 10 * n + (uint64_t)(*p - '0');
	}
	page->count = n;
}

/* A member of a page: its name is at b->p.  Returns 1, 0 or -1. */
static int
read_member(struct block *b)
{
	struct dumpjson *const d = b->d;
	struct err why;
	struct jsonwalk w = { .p = b->p, .end = b->end, .last = b->last,
			      .mem = &b->out->mem, .err = &why };
	struct span name;
	bool escaped;
	int rc = jsonvalue_string(&w, &name, &escaped);

	if (rc == JSON_GOOD) {
		jsonvalue_space(&w);
		rc = w.p < w.end && *w.p == ':' ? JSON_GOOD :
			jsonvalue_wrong(&w, "':'");
	}
	if (rc == JSON_GOOD) {
		w.p++;
		jsonvalue_space(&w);
		if (w.p == w.end)
			rc = jsonvalue_wrong(&w, "a value");
	}
	const uint8_t *const value = w.p;
	if (rc == JSON_GOOD && *value == '[' &&
	    (d->kind == REQUESTS || span_is(name, "Items"))) {
		if (d->kind == REQUESTS)
			dumpjson_take_table(d, name);
		dumpjson_advance(b, value + 1);
		d->page.has_items = true;
		d->level = ITEMS;
		d->next = FIRST;
		return 1;
	}
	if (rc == JSON_GOOD && d->kind == SCAN && span_is(name, "Item") &&
	    *value == '{') {
		dumpjson_advance(b, value);
		d->page.has_items = true;
		d->next = VALUE;
		return 1;
	}
	if (rc == JSON_GOOD)
		rc = jsonvalue_skip(&w);
	if (rc != JSON_GOOD)
		return rc == JSON_MORE ? 0 : dumpjson_reject(b, w.p, &why);
	if (span_is(name, "Count"))
		read_count(&d->page, value, w.p);
	d->page.is_part |= span_is(name, "NextToken");
	dumpjson_advance(b, w.p);
	d->next = COMMA;
	return 1;
}

/* ---- levels -------------------------------------------------------------- */

static int
element(struct block *b)
{
	if (b->d->kind >= SCAN && b->d->level <= LIST) {
		begin_page(b);
		return 1;
	}
	return read_item(b);
}

/* In an array: an element, a comma, or the end.  Returns 1, 0 or -1. */
static int
step_list(struct block *b)
{
	struct dumpjson *const d = b->d;
	const uint8_t c = *b->p;

	if (c == ']' && d->next != ELEMENT) {
		d->level = d->level == ITEMS ? PAGE : TOP;
		d->next = COMMA;
		d->in_list &= d->level == PAGE;
		dumpjson_advance(b, b->p + 1);
		return 1;
	}
	if (d->next == COMMA) {
		if (c != ',')
			return dumpjson_reject_byte(b, "',' or ']'");
		d->next = ELEMENT;
		dumpjson_advance(b, b->p + 1);
		return 1;
	}
	return c == '{' ? element(b) : dumpjson_reject_byte(b, "'{' of an item");
}

static int
step_page(struct block *b)
{
	struct dumpjson *const d = b->d;
	const uint8_t c = *b->p;

	if (d->next == VALUE)
		return read_item(b);
	if (c == '}' && d->next != ELEMENT)
		return end_page(b);
	if (d->next == COMMA) {
		if (c != ',')
			return dumpjson_reject_byte(b, "',' or '}'");
		d->next = ELEMENT;
		dumpjson_advance(b, b->p + 1);
		return 1;
	}
	return c == '"' ? read_member(b) : dumpjson_reject_byte(b, "a name in quotes");
}

static int
step_top(struct block *b)
{
	struct dumpjson *const d = b->d;

	if (*b->p == '{')
		return element(b);
	if (*b->p != '[')
		return dumpjson_reject_byte(b, "'{' or '['");
	d->list_line = d->at.line;
	d->in_list = true;
	d->level = LIST;
	d->next = FIRST;
	dumpjson_advance(b, b->p + 1);
	return 1;
}

/* One thing after the other.  Returns 1, 0 if more text is needed, or -1. */
static int
step(struct block *b)
{
	struct dumpjson *const d = b->d;

	if (d->skip.on && !dumpjson_skip(b))
		return 0;
	pass_space(b);
	if (b->p == b->end)
		return 0;
	switch (d->level) {
	case TOP:
		return step_top(b);
	case PAGE:
		return step_page(b);
	default:
		return step_list(b);
	}
}

static int
decode(void *state, struct span in, bool last, struct batch *out, size_t *used,
       struct err *err)
{
	struct dumpjson *const d = state;
	struct block b = {
		.d = d, .out = out, .p = in.ptr, .begin = in.ptr,
		.end = in.ptr + in.len, .last = last, .err = err,
	};
	int rc = 1;

	/* `{}` and a comma are the least that an item can be. */
	b.items_cap = in.len / 3 < MAX_ITEMS ? (uint32_t)(in.len / 3) + 1
					     : MAX_ITEMS;
	out->items = arena_take(&out->mem, b.items_cap * sizeof(*out->items),
				err);
	out->sizes = arena_take(&out->mem, b.items_cap * sizeof(*out->sizes),
				err);
	if (out->items == NULL || out->sizes == NULL ||
	    compose_batch(d->to, &out->mem, 2 * in.len, err) != 1)
		return -1;
	if (d->at.offset == 0 && in.len >= 3 &&
	    memcmp(in.ptr, "\xEF\xBB\xBF", 3) == 0) {
		dumpjson_advance(&b, in.ptr + 3);
		d->at.line_at = 3;
		d->blank = true;
	}
	while (rc == 1 && out->nitems < b.items_cap &&
	       out->nrejects < MAX_ITEMS)
		rc = step(&b);
	*used = (size_t)(b.p - in.ptr);
	return rc < 0 ? -1 : 0;
}

/* ---- the rows ------------------------------------------------------------ */

static void *
start_plain(const struct item_rules *rules, struct err *err)
{
	return start(PLAIN, rules, err);
}

static void *
start_typed(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return start(TYPED, NULL, err);
}

static void *
start_scan(const struct item_rules *rules, struct err *err)
{
	return start(SCAN, rules, err);
}

static void *
start_requests(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return start(REQUESTS, NULL, err);
}

#define READER(starter) \
	.suffix = ".json", .decode_start = starter, \
	.decode_rewind = rewind_state, .decode = decode, \
	.decode_line = line_of, .decode_blanks = blanks, .decode_end = end, \
	.decode_stop = stop

const struct item_format plainjson_format = {
	.name = "json", .sniff = dumpjson_sniff_plain, READER(start_plain),
};

const struct item_format typedjson_format = {
	.name = "typed-json", .sniff = dumpjson_sniff_typed,
	READER(start_typed),
};

const struct item_format batchwrite_format = {
	.name = "batch-requests", .sniff = dumpjson_sniff_requests,
	READER(start_requests),
	.encode_start = batchwrite_start, .encode_full = batchwrite_full,
	.encode = batchwrite_encode, .encode_end = batchwrite_end,
	.encode_stop = batchwrite_stop,
};

const struct item_format scanjson_format = {
	.name = "scan", .sniff = dumpjson_sniff_scan, READER(start_scan),
};
