/* csv_read.c - rows of CSV to items, and the format's row in the table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/compose.h"
#include "formats/csv.h"
#include "formats/formats.h"
#include "formats/itemtypes.h"
#include "formats/jsonvalue.h"
#include "formats/textplace.h"
#include "model/batch.h"

enum {
	MAX_ITEMS = 1024,	/* a batch */
	MAX_COLUMNS = 64 * 1024,	/* more than an item can have */
	SNIFF_ROWS = 16,
};

struct column {
	struct value name;		/* its text is the column's own */
	const struct itemtypes *types;	/* or NULL */
	enum value_type type;
};

struct csv {
	const struct item_rules *rules;
	struct compose *to;
	struct itemtypes *types;
	uint8_t delimiter;
	struct column *columns;
	size_t ncolumns;
	struct csv_field *fields;	/* ncolumns */
	struct textplace at;
	uint64_t nblank;
};

/* ---- columns ------------------------------------------------------------- */

static void
forget_columns(struct csv *c)
{
	for (size_t i = 0; i < c->ncolumns; i++)
		free((void *)(uintptr_t)c->columns[i].name.text);
	free(c->columns);
	free(c->fields);
	c->columns = NULL;
	c->fields = NULL;
	c->ncolumns = 0;
}

/* The type of a column, by the plan's types or as a key. */
static void
set_type(const struct csv *c, struct column *col)
{
	const struct span name = { col->name.text, col->name.len };

	col->types = itemtypes_of_name(c->types, &col->name);
	col->type = col->types != NULL ? col->types->type : 0;
	for (size_t i = 0; col->type == 0 && c->rules != NULL &&
	     i < c->rules->nkeys; i++)
		if (span_equal(c->rules->keys[i].path, name))
			col->type = (enum value_type)c->rules->keys[i].type;
	if (col->type == 0)
		col->type = VALUE_S;
}

static int
add_column(struct csv *c, struct span name, struct err *err)
{
	uint8_t *const copy = malloc(name.len + 1);
	struct column *const col = &c->columns[c->ncolumns];

	if (copy == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	memcpy(copy, name.ptr, name.len);
	*col = (struct column){
		.name = value_of_name((struct span){ copy, name.len }),
	};
	c->ncolumns++;
	set_type(c, col);
	if (name.len == 0)
		return err_set(err, ERR_INPUT, "column %zu has no name",
			       c->ncolumns);
	if (scan_utf8(name) < name.len)
		return err_set(err, ERR_INPUT, "the name of column %zu is not "
			       "UTF-8", c->ncolumns);
	for (size_t i = 0; i + 1 < c->ncolumns; i++)
		if (c->columns[i].name.hash == col->name.hash &&
		    span_equal((struct span){ c->columns[i].name.text,
					      c->columns[i].name.len }, name))
			return err_set(err, ERR_INPUT, "two columns are called "
				       "'%.*s'", (int)(name.len < 100 ?
				       name.len : 100),
				       (const char *)name.ptr);
	return 0;
}

static int
room_for_columns(struct csv *c, size_t n, struct err *err)
{
	forget_columns(c);
	c->columns = calloc(n + 1, sizeof(*c->columns));
	c->fields = calloc(n + 1, sizeof(*c->fields));
	return c->columns != NULL && c->fields != NULL ? 0 :
		err_set(err, ERR_SYSTEM, "out of memory");
}

static int
columns_of_rules(struct csv *c, struct err *err)
{
	const struct item_rules *const r = c->rules;

	if (room_for_columns(c, r->ncolumns, err) != 0)
		return -1;
	for (size_t i = 0; i < r->ncolumns; i++)
		if (add_column(c, r->columns[i], err) != 0)
			return -1;
	return 0;
}

/* ---- state --------------------------------------------------------------- */

static void
stop(void *state)
{
	struct csv *const c = state;

	if (c == NULL)
		return;
	forget_columns(c);
	compose_free(c->to);
	itemtypes_free(c->types);
	free(c);
}

static void *
start(const struct item_rules *rules, struct err *err)
{
	struct csv *const c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	c->rules = rules;
	c->delimiter = rules != NULL && rules->delimiter != 0
		? rules->delimiter : ',';
	c->at.line = 1;
	c->to = compose_new(err);
	if (c->to == NULL || itemtypes_new(rules, &c->types, err) != 0) {
		stop(c);
		return NULL;
	}
	if (rules != NULL && rules->ncolumns > 0 &&
	    columns_of_rules(c, err) != 0) {
		stop(c);
		return NULL;
	}
	return c;
}

static void
rewind_state(void *state)
{
	struct csv *const c = state;

	c->at = (struct textplace){ .line = 1 };
	c->nblank = 0;
	if (c->rules == NULL || c->rules->ncolumns == 0)
		forget_columns(c);
}

static uint64_t
line_of(const void *state)
{
	return ((const struct csv *)state)->at.line;
}

static uint64_t
blanks(const void *state)
{
	return ((const struct csv *)state)->nblank;
}

/* ---- rows ---------------------------------------------------------------- */

struct block {
	struct csv *c;
	struct batch *out;
	const uint8_t *p, *end;
	bool last;
	struct err *err;
};

/* Behind the row or line that begins at b->p. */
static void
go_to(struct block *b, const uint8_t *to)
{
	textplace_pass(&b->c->at, b->p, to);
	b->p = to;
}

/* The row from b->p to `end` is no item.  Returns 1 or -1. */
static int
reject(struct block *b, const uint8_t *end, const uint8_t *at,
       const struct err *why)
{
	const uint8_t *to = end;

	while (to > b->p && (to[-1] == '\n' || to[-1] == '\r'))
		to--;
	if (textplace_reject(&b->c->at, b->p, (struct span){ b->p,
			     (size_t)(to - b->p) }, at < end ? at : b->p, why,
			     b->out, b->err) != 0)
		return -1;
	go_to(b, end);
	return 1;
}

/* A row that cannot be split is over where its line is. */
static int
reject_line(struct block *b, const uint8_t *at, const char *text)
{
	const uint8_t *end = memchr(at, '\n', (size_t)(b->end - at));
	struct textplace there = b->c->at;
	struct err why;

	textplace_pass(&there, b->p, at);
	if (there.line == b->c->at.line)
		err_set(&why, ERR_INPUT, "%s", text);
	else
		err_set(&why, ERR_INPUT, "%s; its row begins in line %" PRIu64
			": is there a quote too many or too few?", text,
			b->c->at.line);
	if (end == NULL && !b->last)
		return 0;
	return reject(b, end != NULL ? end + 1 : b->end, at, &why);
}

/* A field that holds plain JSON.  Returns 1, 0 or -1. */
static int
read_json(struct block *b, const struct column *col, struct span text,
	  struct err *why)
{
	struct jsonwalk w = {
		.p = text.ptr, .end = text.ptr + text.len, .last = true,
		.to = b->c->to, .mem = &b->out->mem, .err = why,
	};
	const int rc = jsonvalue_plain(&w, col->types);

	if (rc != JSON_GOOD)
		return rc;
	jsonvalue_space(&w);
	if (w.p == w.end)
		return 1;
	err_set(why, ERR_INPUT, "more text after the JSON of a field");
	return 0;
}

static int
read_field(struct block *b, const struct column *col, struct span text,
	   struct err *why)
{
	struct compose *const to = b->c->to;

	switch (col->type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		return compose_text(to, col->type, text, COMPOSE_PLAIN, why);
	case VALUE_BOOL:
		if (span_is(text, "true") || span_is(text, "false"))
			return compose_bool(to, span_is(text, "true"), why);
		err_set(why, ERR_INPUT, "a BOOL is 'true' or 'false', not "
			"'%.*s'", (int)(text.len < 40 ? text.len : 40),
			(const char *)text.ptr);
		return 0;
	default:
		return read_json(b, col, text, why);
	}
}

/* The fields of a row as attributes.  Returns 1; 0 with *at set; or -1. */
static int
read_fields(struct block *b, const uint8_t **at, struct err *why)
{
	struct csv *const c = b->c;
	int rc = compose_item(c->to, why);

	for (size_t i = 0; rc == 1 && i < c->ncolumns; i++) {
		const struct csv_field *const f = &c->fields[i];
		const struct value *const name = &c->columns[i].name;
		struct span text = f->text;

		*at = text.ptr;
		if (text.len == 0)
			continue;
		const size_t good = scan_utf8(text);
		if (good < text.len) {
			*at += good;
			err_set(why, ERR_INPUT, "column '%.*s': invalid "
				"UTF-8", (int)(name->len < 100 ? name->len
							       : 100),
				(const char *)name->text);
			return 0;
		}
		if (f->doubled) {
			uint8_t *const p = arena_take(&b->out->mem, text.len,
						      why);

			if (p == NULL)
				return -1;
			text = csv_text(f, p);
		}
		rc = compose_name(c->to, (struct span){ name->text, name->len },
				  COMPOSE_PLAIN, why);
		if (rc == 1)
			rc = read_field(b, &c->columns[i], text, why);
		if (rc == 0)
			err_at(why, "column '%.*s'", (int)(name->len < 100
			       ? name->len : 100), (const char *)name->text);
	}
	return rc;
}

/* The names of the columns, from the first row.  Returns 1, 0 or -1. */
static int
read_header(struct block *b)
{
	struct csv *const c = b->c;
	const struct span text = { b->p, (size_t)(b->end - b->p) };
	const uint8_t *end, *at;
	const char *why;
	size_t n, again;
	enum csv_row rc = csv_split(text, b->last, c->delimiter, NULL, 0, &n,
				    &end, &at, &why);

	if (rc == CSV_MORE)
		return 0;
	if (rc == CSV_BAD)
		return err_set(b->err, ERR_INPUT, "line %" PRIu64 ", byte "
			       "%" PRIu64 ": the header: %s", c->at.line,
			       (uint64_t)(at - b->p) + 1, why);
	if (n > MAX_COLUMNS)
		return err_set(b->err, ERR_INPUT, "line %" PRIu64 ": a header "
			       "of %zu columns", c->at.line, n);
	if (room_for_columns(c, n, b->err) != 0)
		return -1;
	csv_split(text, b->last, c->delimiter, c->fields, n, &again, &end, &at,
		  &why);
	for (size_t i = 0; i < n; i++) {
		uint8_t *const p = arena_take(&b->out->mem,
					      c->fields[i].text.len + 1,
					      b->err);

		if (p == NULL)
			return -1;
		if (add_column(c, csv_text(&c->fields[i], p), b->err) != 0)
			return err_at(b->err, "line %" PRIu64 ": the header",
				      c->at.line);
	}
	go_to(b, end);
	return 1;
}

static int
read_row(struct block *b)
{
	struct csv *const c = b->c;
	struct item *const item = &b->out->items[b->out->nitems];
	const uint8_t *end, *at;
	const char *text;
	struct err why;
	size_t n;
	int rc;

	switch (csv_split((struct span){ b->p, (size_t)(b->end - b->p) },
			  b->last, c->delimiter, c->fields, c->ncolumns, &n,
			  &end, &at, &text)) {
	case CSV_MORE:
		return 0;
	case CSV_BAD:
		return reject_line(b, at, text);
	default:
		break;
	}
	if (n != c->ncolumns) {
		err_set(&why, ERR_INPUT, "%zu fields, where there are %zu "
			"columns", n, c->ncolumns);
		return reject(b, end, b->p, &why);
	}
	rc = read_fields(b, &at, &why);
	if (rc == 1) {
		*item = (struct item){ .offset = c->at.offset,
				       .number = c->at.line };
		at = b->p;
		rc = compose_end(c->to, item, &why);
	}
	if (rc == 0)
		return reject(b, end, at, &why);
	if (rc < 0) {
		*b->err = why;
		return -1;
	}
	b->out->sizes[b->out->nitems++] = (uint32_t)(end - b->p);
	go_to(b, end);
	return 1;
}

/* An empty line, the header, or a row.  Returns 1, 0 or -1. */
static int
step(struct block *b)
{
	if (b->p == b->end)
		return 0;
	if (*b->p == '\r' && b->p + 1 == b->end && !b->last)
		return 0;
	if (*b->p == '\n' || (*b->p == '\r' && (b->p + 1 == b->end ||
						b->p[1] == '\n'))) {
		const uint8_t *const lf = memchr(b->p, '\n',
						 (size_t)(b->end - b->p));

		b->c->nblank++;
		go_to(b, lf != NULL ? lf + 1 : b->end);
		return 1;
	}
	return b->c->columns == NULL ? read_header(b) : read_row(b);
}

static int
decode(void *state, struct span in, bool last, struct batch *out, size_t *used,
       struct err *err)
{
	struct csv *const c = state;
	struct block b = {
		.c = c, .out = out, .p = in.ptr, .end = in.ptr + in.len,
		.last = last, .err = err,
	};
	int rc = 1;

	out->items = arena_take(&out->mem, MAX_ITEMS * sizeof(*out->items),
				err);
	out->sizes = arena_take(&out->mem, MAX_ITEMS * sizeof(*out->sizes),
				err);
	if (out->items == NULL || out->sizes == NULL ||
	    compose_batch(c->to, &out->mem, 2 * in.len, err) != 1)
		return -1;
	if (c->at.offset == 0 && in.len >= 3 &&
	    memcmp(in.ptr, "\xEF\xBB\xBF", 3) == 0) {
		go_to(&b, in.ptr + 3);
		c->at.line_at = 3;
	}
	while (rc == 1 && out->nitems < MAX_ITEMS && out->nrejects < MAX_ITEMS)
		rc = step(&b);
	*used = (size_t)(b.p - in.ptr);
	return rc < 0 ? -1 : 0;
}

/* ---- telling CSV from other texts ---------------------------------------- */

/* Could these be the names of columns? */
static bool
is_header(const struct csv_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct span t = fields[i].text;

		if (t.len == 0 || t.len > 255 || scan_utf8(t) < t.len)
			return false;
		for (size_t k = 0; k < t.len; k++)
			if (t.ptr[k] < 0x20 || strchr("{}[]\"", t.ptr[k])
			    != NULL)
				return false;
	}
	return true;
}

/* Behind line ends. */
static struct span
pass_ends(struct span text)
{
	while (text.len > 0 && (*text.ptr == '\n' || *text.ptr == '\r'))
		text = (struct span){ text.ptr + 1, text.len - 1 };
	return text;
}

/* Has one of the first rows `n` fields?  What is no row is passed over. */
static bool
has_row(struct span text, size_t n)
{
	const uint8_t *end, *at;
	const char *why;
	size_t fields;

	for (int i = 0; i < SNIFF_ROWS; i++) {
		text = pass_ends(text);
		if (text.len == 0)
			return false;
		if (csv_split(text, true, ',', NULL, 0, &fields, &end, &at,
			      &why) != CSV_GOOD)
			end = memchr(text.ptr, '\n', text.len);
		else if (fields == n)
			return true;
		if (end == NULL)
			return false;
		text = (struct span){ end, (size_t)(text.ptr + text.len - end) };
	}
	return false;
}

/*
 * Two columns or more with commas between, and as many fields in a row below:
 * that is not much, but other formats are surer of what is theirs.
 */
static int
sniff(struct span head)
{
	struct csv_field fields[CSV_SNIFF_COLUMNS];
	const uint8_t *end, *at;
	const char *why;
	size_t n;

	if (head.len >= 3 && memcmp(head.ptr, "\xEF\xBB\xBF", 3) == 0)
		head = (struct span){ head.ptr + 3, head.len - 3 };
	head = pass_ends(head);
	if (csv_split(head, true, ',', fields, CSV_SNIFF_COLUMNS, &n, &end,
		      &at, &why) != CSV_GOOD || n < 2 ||
	    n > CSV_SNIFF_COLUMNS || !is_header(fields, n))
		return 0;
	head = (struct span){ end, head.len - (size_t)(end - head.ptr) };
	return has_row(head, n) ? 6 : 0;
}

const struct item_format csv_format = {
	.name = "csv",
	.suffix = ".csv",
	.sniff = sniff,
	.decode_start = start,
	.decode_rewind = rewind_state,
	.decode = decode,
	.decode_line = line_of,
	.decode_blanks = blanks,
	.decode_stop = stop,
	.encode_start = csv_encode_start,
	.encode = csv_encode,
	.encode_lost = csv_encode_lost,
	.encode_stop = csv_encode_stop,
};
