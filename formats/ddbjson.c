/* ddbjson.c - a block of lines to a batch of items. */
#include "formats/ddbjson.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/ddbjson_internal.h"
#include "model/batch.h"

struct ddbjson *
ddbjson_new(struct err *err)
{
	enum { STACK_CAP = 1024 };	/* to start with */
	struct ddbjson *const d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->stack = calloc(STACK_CAP, sizeof(*d->stack));
	if (d == NULL || d->stack == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		free(d);
		return NULL;
	}
	d->stack_cap = STACK_CAP;
	known_reset(&d->names);
	return d;
}

void
ddbjson_free(struct ddbjson *d)
{
	if (d == NULL)
		return;
	scan_free(&d->scan);
	scan_free(&d->one);
	free(d->stack);
	free(d);
}

void
ddbjson_watch(struct ddbjson *d, const struct span *names, size_t n)
{
	assert(n <= DDBJSON_WATCHED);
	if (d->names.watched == names && d->names.nwatched == n)
		return;
	d->names.watched = names;
	d->names.nwatched = (uint32_t)n;
	known_reset(&d->names);
}

void
ddbjson_rewind(struct ddbjson *d)
{
	d->offset = 0;
	d->nlines = 0;
	d->nblank = 0;
}

void
ddbjson_seek(struct ddbjson *d, uint64_t offset, uint64_t nlines)
{
	d->offset = offset;
	d->nlines = nlines;
	d->nblank = 0;
}

uint64_t
ddbjson_line(const struct ddbjson *d)
{
	return d->nlines + 1;
}

uint64_t
ddbjson_blank_lines(const struct ddbjson *d)
{
	return d->nblank;
}

/* A block under way. */
struct block {
	struct ddbjson *d;
	struct batch *out;
	struct span text;
	const uint32_t *quotes, *escapes;	/* of the lines to come */
	uint32_t rejects_cap;
	struct err *err;
};

static int
add_reject(struct block *b, struct span line, uint64_t number, uint64_t at,
	   const struct err *why)
{
	struct batch *const out = b->out;

	if (out->nrejects == b->rejects_cap) {
		const uint32_t cap = b->rejects_cap > 0 ? 2 * b->rejects_cap
							: 4;
		struct reject *const p = arena_take(&out->mem,
						    cap * sizeof(*p), b->err);

		if (p == NULL)
			return -1;
		if (out->nrejects > 0)
			memcpy(p, out->rejects, out->nrejects * sizeof(*p));
		out->rejects = p;
		b->rejects_cap = cap;
	}
	out->rejects[out->nrejects++] = (struct reject){
		.line = line,
		.offset = b->d->offset + (uint64_t)(line.ptr - b->text.ptr),
		.number = number,
		.at = at,
		.why = *why,
	};
	return 0;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Does the blank at `i` stand inside a word, as in "t rue"? */
static bool
parts_word(struct span line, size_t i)
{
	if (i == 0 || !is_letter(line.ptr[i - 1]))
		return false;
	while (i < line.len && is_blank(line.ptr[i]))
		i++;
	return i < line.len && is_letter(line.ptr[i]);
}

/*
 * Copy `line` without the white space between its tokens.  If `upto` bytes of
 * the copy are asked for, return how many of the line they took instead.
 */
static size_t
compact(struct span line, uint8_t *to, size_t upto)
{
	bool in_string = false, escaped = false;
	size_t n = 0;

	for (size_t i = 0; i < line.len; i++) {
		const uint8_t c = line.ptr[i];

		if (!in_string && is_blank(c) && !parts_word(line, i))
			continue;
		if (n == upto)
			return i;
		if (to != NULL)
			to[n] = !in_string && is_blank(c) ? ' ' : c;
		n++;
		if (c == '"' && !escaped)
			in_string = !in_string;
		escaped = c == '\\' && in_string && !escaped;
	}
	return upto == SIZE_MAX ? n : line.len;
}

/* The first byte of `line` that must be escaped in a string, or its length. */
static size_t
control_at(struct span line)
{
	size_t i = 0;

	while (i < line.len && line.ptr[i] >= 0x20)
		i++;
	return i;
}

/*
 * The second look at a line that the walk refused, or that may hold bytes which
 * the walk does not look at: without its white space, if it has any.  Returns 1
 * with the item, 0 after a reject or nothing but white space, or -1.
 */
static int
look_again(struct block *b, struct span line, uint64_t number,
	   struct item *item)
{
	struct ddbjson *const d = b->d;
	struct span text = line;
	struct err why = { 0 };

	if (number == 1 && line.len >= 3 &&
	    memcmp(line.ptr, "\xEF\xBB\xBF", 3) == 0)
		text = (struct span){ line.ptr + 3, line.len - 3 };

	const size_t bad = scan_utf8(text);
	if (bad < text.len) {
		err_set(&why, ERR_INPUT, "invalid UTF-8");
		return add_reject(b, line, number,
				  (uint64_t)(text.ptr + bad - line.ptr), &why);
	}

	const size_t len = compact(text, NULL, SIZE_MAX);
	if (len == 0) {
		d->nblank++;
		return 0;
	}
	uint8_t *const copy = arena_take(&b->out->mem, len + DDBJSON_SLACK,
					 b->err);
	if (copy == NULL)
		return -1;
	compact(text, copy, SIZE_MAX);
	memset(copy + len, 0, DDBJSON_SLACK);
	if (scan_text(&d->one, (struct span){ copy, len }, b->err) != 0)
		return -1;

	struct walk w = {
		.text = copy, .quotes = d->one.quotes,
		.escapes = d->one.escapes, .end = len, .mem = &b->out->mem,
	};
	const size_t control = control_at((struct span){ copy, len });
	int rc = 0;
	if (control < len) {
		err_set(&why, ERR_INPUT, "a control character (0x%02x) that "
			"is not escaped", copy[control]);
		w.at = control;
	} else {
		rc = d->plain(d, &w, &item->map) ? 1 :
			ddbjson_walk(d, &w, &item->map, &why);
	}
	if (rc < 0)
		*b->err = why;
	if (rc == 0)
		return add_reject(b, line, number,
			(uint64_t)(text.ptr - line.ptr) +
			compact(text, NULL, w.at), &why);
	item->line = (struct span){ copy, len };
	return rc;
}

/* One line of the block, from `start` to `end`. */
static int
decode_line(struct block *b, size_t start, size_t end, uint64_t number)
{
	struct ddbjson *const d = b->d;
	const struct span line = { b->text.ptr + start, end - start };
	struct item *const item = &b->out->items[b->out->nitems];
	struct walk w = {
		.text = b->text.ptr, .quotes = b->quotes, .escapes = b->escapes,
		.start = start, .end = end, .mem = &b->out->mem,
	};
	int rc = 0;

	*item = (struct item){
		.line = line, .offset = d->offset + start, .number = number,
	};
	/* What the walk does not look at, if the block has any. */
	const bool doubtful =
		(d->scan.control && control_at(line) < line.len) ||
		(d->scan.bad_utf8 && scan_utf8(line) < line.len);
	if (!doubtful) {
		struct err why;

		rc = d->plain(d, &w, &item->map) ? 1 :
			ddbjson_walk(d, &w, &item->map, &why);
		if (rc < 0)
			*b->err = why;
	}
	if (rc == 1) {
		b->quotes = w.quotes;
		b->escapes = w.escapes;
	} else {
		while (*b->quotes < end)
			b->quotes++;
		while (*b->escapes < end)
			b->escapes++;
		if (rc == 0)
			rc = look_again(b, line, number, item);
	}
	if (rc < 0)
		return -1;
	b->out->nitems += rc == 1;
	return 0;
}

int
ddbjson_decode(struct ddbjson *d, struct span in, bool last, struct batch *out,
	       size_t *used, struct err *err)
{
	struct block b = { .d = d, .out = out, .text = in, .err = err };
	size_t start = 0;

	if (in.len > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "a block of over 4 GiB");
	if (scan_text(&d->scan, in, err) != 0)
		return -1;
	d->plain = ddbjson_plain(known_begin(&d->names));
	memset(d->rooms, 0, sizeof(d->rooms));
	b.quotes = d->scan.quotes;
	b.escapes = d->scan.escapes;

	const bool all = d->scan.nlines < DDBJSON_MAX_LINES;
	const size_t nlines = all ? d->scan.nlines : DDBJSON_MAX_LINES;
	out->items = arena_take(&out->mem, (nlines + 1) * sizeof(*out->items),
				err);
	if (out->items == NULL)
		return -1;
	for (size_t i = 0; i < nlines; i++) {
		const size_t end = d->scan.lines[i];

		if (decode_line(&b, start, end, ++d->nlines) != 0)
			return -1;
		start = end + 1;
	}
	if (last && all && start < in.len) {
		if (decode_line(&b, start, in.len, ++d->nlines) != 0)
			return -1;
		start = in.len;
	}
	known_end(&d->names, d->scan.nquotes);
	d->offset += start;
	*used = start;
	return 0;
}

struct item *
ddbjson_decode_line(struct ddbjson *d, struct span line, struct arena *mem,
		    struct err *err)
{
	uint8_t *const p = arena_take(mem, line.len + DDBJSON_SLACK, err);
	struct batch batch = { 0 };
	size_t used;

	if (p == NULL)
		return NULL;
	memcpy(p, line.ptr, line.len);
	memset(p + line.len, 0, DDBJSON_SLACK);
	ddbjson_rewind(d);
	batch.mem = *mem;	/* lent, so that what is decoded stays */
	const int rc = ddbjson_decode(d, (struct span){ p, line.len },
				      true, &batch, &used, err);
	*mem = batch.mem;
	if (rc != 0)
		return NULL;
	if (batch.nrejects > 0)
		*err = batch.rejects[0].why;
	else if (batch.nitems != 1)
		err_set(err, ERR_INPUT, "not one item");
	else
		return batch.items;
	return NULL;
}
