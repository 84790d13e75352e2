/*
 * A member of a record is a map of attributes, which is what stands behind
 * `{"Item":` in a full export.  So each is copied to a line of that form, and
 * the reader of items does the rest: all of its checks hold for images, and
 * what it makes of them are items in every respect.
 *
 * Here the ends of members are found, by counting braces between strings, and
 * what is wrong with a member is said of its place in the record.
 */
#include "formats/ddbjson_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "model/batch.h"
#include "model/compare.h"

enum member { METADATA, KEYS, OLD_IMAGE, NEW_IMAGE, NMEMBERS };

static const char *const NAMES[NMEMBERS] = {
	"Metadata", "Keys", "OldImage", "NewImage",
};

static const char HEAD[] = "{\"Item\":";

enum {
	HEAD_LEN = sizeof(HEAD) - 1,
	AROUND_LEN = HEAD_LEN + 2,	/* and its brace, and a line feed */
	NONE = -1,
};

/* A line of the block. */
struct line {
	size_t start, end;
	uint64_t number;
	bool blank, bad;
	struct err *why;		/* of what is bad, where: */
	size_t at;
	uint32_t parts[NMEMBERS];	/* numbers of lines of items, from 1 */
	size_t from[NMEMBERS];		/* where in the block the member is */
};

struct ddbjson_record {
	struct ddbjson *items;
	struct scan scan;
	struct buf text;		/* the members as lines of items */
	struct line lines[DDBJSON_RECORD_MAX_LINES];
	uint64_t offset;		/* of the next block in its file */
	uint64_t nlines, nblank;	/* before it */
};

struct ddbjson_record *
ddbjson_record_new(struct err *err)
{
	struct ddbjson_record *const d = calloc(1, sizeof(*d));

	if (d == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->items = ddbjson_new(err);
	if (d->items != NULL)
		return d;
	free(d);
	return NULL;
}

void
ddbjson_record_free(struct ddbjson_record *d)
{
	if (d == NULL)
		return;
	ddbjson_free(d->items);
	scan_free(&d->scan);
	buf_free(&d->text);
	free(d);
}

void
ddbjson_record_rewind(struct ddbjson_record *d)
{
	d->offset = d->nlines = d->nblank = 0;
}

/* ---- members of a line --------------------------------------------------- */

/* One line under way. */
struct reading {
	struct ddbjson_record *d;
	struct line *line;
	const uint8_t *text;		/* of the block */
	const uint32_t *quotes;		/* the next at or after `at` */
	size_t at;
	uint32_t *nparts;
	struct arena *mem;
	struct err *err;
};

/* The line is no record: say why.  Returns 0, or -1 if memory is refused. */
static int
refuse(struct reading *r, size_t at, const char *what, const char *expected)
{
	struct line *const l = r->line;

	l->bad = true;
	l->at = at < l->end ? at - l->start : l->end - l->start;
	l->why = arena_take(r->mem, sizeof(*l->why), r->err);
	if (l->why == NULL)
		return -1;
	if (what != NULL)
		err_set(l->why, ERR_INPUT, "%s", what);
	else if (at >= l->end)
		err_set(l->why, ERR_INPUT, "the line ends where %s should be",
			expected);
	else if (r->text[at] >= 0x20 && r->text[at] < 0x7F)
		err_set(l->why, ERR_INPUT, "'%c' where %s should be",
			r->text[at], expected);
	else
		err_set(l->why, ERR_INPUT, "byte 0x%02x where %s should be",
			r->text[at], expected);
	return 0;
}

static void
pass_blanks(struct reading *r)
{
	while (r->at < r->line->end &&
	       (r->text[r->at] == ' ' || r->text[r->at] == '\t' ||
		r->text[r->at] == '\r'))
		r->at++;
}

/* Step over this character and blanks around it.  Is it there? */
static bool
pass(struct reading *r, char c)
{
	pass_blanks(r);
	if (r->at >= r->line->end || r->text[r->at] != (uint8_t)c)
		return false;
	r->at++;
	pass_blanks(r);
	return true;
}

/* The string at r->at: where it ends, behind its quote; 0 if it does not. */
static size_t
string_end(struct reading *r)
{
	while (*r->quotes < r->at)
		r->quotes++;
	if (*r->quotes != r->at || r->at >= r->line->end ||
	    r->quotes[1] >= r->line->end)
		return 0;
	r->quotes += 2;
	return (size_t)r->quotes[-1] + 1;
}

/* Which member is called so; NONE if none is. */
static int
member_named(struct span name)
{
	for (int i = 0; i < NMEMBERS; i++)
		if (span_is(name, NAMES[i]))
			return i;
	return NONE;
}

/* Step over the map at r->at.  Returns 1, 0 or -1. */
static int
pass_map(struct reading *r)
{
	size_t depth = 0;

	if (r->at >= r->line->end || r->text[r->at] != '{')
		return refuse(r, r->at, NULL, "'{'");
	while (r->at < r->line->end) {
		const uint8_t c = r->text[r->at];

		if (c == '"') {
			const size_t start = r->at;

			r->at = string_end(r);
			if (r->at == 0)
				return refuse(r, start,
					      "a string that does not end",
					      NULL);
			continue;
		}
		r->at++;
		depth += c == '{';
		if (c == '}' && --depth == 0)
			return 1;
	}
	return refuse(r, r->at, NULL, "'}'");
}

/* Make a line of an item of the `len` bytes at `from`.  Returns 0 or -1. */
static int
add_part(struct reading *r, int member, size_t from, size_t len)
{
	struct buf *const text = &r->d->text;
	uint8_t *const p = buf_reserve(text, len + AROUND_LEN, r->err);

	if (p == NULL)
		return -1;
	memcpy(p, HEAD, HEAD_LEN);
	memcpy(p + HEAD_LEN, r->text + from, len);
	memcpy(p + HEAD_LEN + len, "}\n", 2);
	buf_commit(text, len + AROUND_LEN);
	r->line->parts[member] = ++*r->nparts;
	r->line->from[member] = from;
	return 0;
}

/* `"name":{...}` at r->at.  Returns 1, 0 or -1. */
static int
read_member(struct reading *r)
{
	const size_t start = r->at;
	const size_t end = string_end(r);

	if (end == 0)
		return refuse(r, start, NULL, "a member's name in quotes");

	const int member = member_named((struct span){
		r->text + start + 1, end - start - 2 });
	if (member == NONE)
		return refuse(r, start + 1, "no member of a record is called "
			      "so (Metadata, Keys, OldImage, NewImage)", NULL);
	if (r->line->parts[member] != 0)
		return refuse(r, start + 1, "a member that stands there twice",
			      NULL);
	r->at = end;
	if (!pass(r, ':'))
		return refuse(r, r->at, NULL, "':'");

	const size_t from = r->at;
	const int rc = pass_map(r);
	if (rc != 1)
		return rc;
	return add_part(r, member, from, r->at - from) != 0 ? -1 : 1;
}

/* All of a line.  Returns 0, or -1 if memory is refused. */
static int
read_line(struct reading *r)
{
	struct line *const l = r->line;
	int rc;

	r->at = l->start;
	if (l->number == 1 && l->end - l->start >= 3 &&
	    memcmp(r->text + r->at, "\xEF\xBB\xBF", 3) == 0)
		r->at += 3;
	pass_blanks(r);
	if (r->at == l->end) {
		l->blank = true;
		return 0;
	}
	if (!pass(r, '{'))
		return refuse(r, r->at, "not a record: the line should begin "
			      "with {\"Metadata\":{ or {\"Keys\":{", NULL);
	do {
		rc = read_member(r);
		if (rc != 1)
			return rc;
	} while (pass(r, ','));
	if (!pass(r, '}'))
		return refuse(r, r->at, NULL, "',' or '}'");
	if (r->at != l->end)
		return refuse(r, r->at, "more text after the record", NULL);
	if (l->parts[KEYS] == 0)
		return refuse(r, l->start, "a record without Keys", NULL);
	return 0;
}

/* ---- a block ------------------------------------------------------------- */

/* The lines of the block to lines of items.  Returns how many, or -1. */
static int
take_apart(struct ddbjson_record *d, struct span in, bool last,
	   struct arena *mem, size_t *used, struct err *err)
{
	const bool all = d->scan.nlines < DDBJSON_RECORD_MAX_LINES;
	const size_t nends = all ? d->scan.nlines : DDBJSON_RECORD_MAX_LINES;
	const uint32_t *quotes = d->scan.quotes;
	uint32_t nparts = 0;
	size_t start = 0;
	int n = 0;

	buf_reset(&d->text);
	for (size_t i = 0; i < nends + 1; i++) {
		const bool rest = i == nends;
		struct line *const l = &d->lines[n];

		if (rest && (!last || !all || start == in.len))
			break;
		*l = (struct line){
			.start = start,
			.end = rest ? in.len : d->scan.lines[i],
			.number = ++d->nlines,
		};
		while (*quotes < start)
			quotes++;

		struct reading r = {
			.d = d, .line = l, .text = in.ptr, .quotes = quotes,
			.nparts = &nparts, .mem = mem, .err = err,
		};
		if (read_line(&r) != 0)
			return -1;
		d->nblank += l->blank;
		start = l->end + !rest;
		n++;
	}
	*used = start;
	return n;
}

/* Where the parts of a batch are, by the numbers of their lines. */
struct parts {
	struct item *items;
	const struct reject *rejects;
	uint32_t nitems, nrejects;
};

/* Step to part `number`: its item, or NULL and *bad is its reject. */
static struct item *
next_part(struct parts *p, uint32_t number, const struct reject **bad)
{
	while (p->nitems > 0 && p->items->number < number) {
		p->items++;
		p->nitems--;
	}
	while (p->nrejects > 0 && p->rejects->number < number) {
		p->rejects++;
		p->nrejects--;
	}
	if (p->nrejects > 0 && p->rejects->number == number) {
		*bad = p->rejects;
		return NULL;
	}
	p->nitems--;	/* it gets another number, so step over it now */
	return p->items++;
}

static const char *
wrong_with_keys(const struct value *map)
{
	if (map->len != 2 && map->len != 4)
		return "Keys has neither one attribute nor two";
	for (uint32_t i = 1; i < map->len; i += 2)
		if (map->kids[i].type != VALUE_S &&
		    map->kids[i].type != VALUE_N &&
		    map->kids[i].type != VALUE_B)
			return "an attribute of Keys is neither S, N nor B";
		else if (map->kids[i].len == 0)
			return "an attribute of Keys is empty";
	return NULL;
}

/* Does the image have these keys?  Returns 1, 0, or -1. */
static int
has_keys(const struct value *image, const struct value *keys,
	 struct arena *mem, struct err *err)
{
	int rc = 1;

	for (uint32_t i = 0; i < keys->len && rc == 1; i += 2) {
		const struct value *const name = &keys->kids[i];
		const struct value *const v = value_attr(image,
			(struct span){ name->text, name->len }, name->hash);

		rc = v != NULL ? value_equal(name + 1, v, mem, err) : 0;
	}
	return rc;
}

int
ddbjson_record_check(const struct value *keys, const struct value *old,
		     const struct value *new, struct arena *mem,
		     const char **why, struct err *err)
{
	int rc = 1;

	*why = wrong_with_keys(keys);
	if (*why != NULL)
		return 0;
	if (old->type != 0)
		rc = has_keys(old, keys, mem, err);
	if (rc == 0)
		*why = "OldImage has another key than Keys";
	if (rc == 1 && new->type != 0) {
		rc = has_keys(new, keys, mem, err);
		if (rc == 0)
			*why = "NewImage has another key than Keys";
	}
	return rc < 0 ? -1 : 0;
}

/*
 * The parts of line `l`, put together.  Returns 1; 0 if one of them is bad,
 * which the line now says; or -1.
 */
static int
put_together(struct ddbjson_record *d, struct span in, struct line *l,
	     struct parts *parts, struct record *out, struct arena *mem,
	     struct err *err)
{
	struct item *items[NMEMBERS] = { NULL };
	const char *wrong;

	/* In the order in which they stand, which is that of their numbers. */
	for (int k = 0; k < NMEMBERS; k++) {
		const struct reject *bad = NULL;
		int m = NONE;

		for (int i = 0; i < NMEMBERS; i++)
			if (l->parts[i] != 0 && items[i] == NULL &&
			    (m == NONE || l->parts[i] < l->parts[m]))
				m = i;
		if (m == NONE)
			break;
		items[m] = next_part(parts, l->parts[m], &bad);
		if (bad != NULL) {
			const size_t at = bad->at > HEAD_LEN
					  ? bad->at - HEAD_LEN : 0;

			l->bad = true;
			l->at = l->from[m] - l->start + at;
			l->why = arena_take(mem, sizeof(*l->why), err);
			if (l->why == NULL)
				return -1;
			*l->why = bad->why;
			return 0;
		}
		items[m]->offset = d->offset + l->start;
		items[m]->number = l->number;
	}
	*out = (struct record){
		.line = { in.ptr + l->start, l->end - l->start },
		.offset = d->offset + l->start, .number = l->number,
		.keys = items[KEYS], .old = items[OLD_IMAGE],
		.new = items[NEW_IMAGE],
	};
	static const struct value none;
	if (ddbjson_record_check(&out->keys->map, out->old != NULL ?
				 &out->old->map : &none, out->new != NULL ?
				 &out->new->map : &none, mem, &wrong,
				 err) != 0)
		return -1;
	if (wrong == NULL)
		return 1;

	struct reading r = { .line = l, .mem = mem, .err = err };
	return refuse(&r, l->from[KEYS], wrong, NULL);
}

/* Records and rejects of the `n` lines, from what was made of their parts. */
static int
gather(struct ddbjson_record *d, struct span in, int n, struct batch *out,
       struct err *err)
{
	struct parts parts = {
		out->items, out->rejects, out->nitems, out->nrejects,
	};

	out->items = NULL;
	out->nitems = out->nrejects = 0;
	out->records = arena_take(&out->mem, ((size_t)n + 1) *
				  sizeof(*out->records), err);
	out->rejects = arena_take(&out->mem, ((size_t)n + 1) *
				  sizeof(*out->rejects), err);
	if (out->records == NULL || out->rejects == NULL)
		return -1;
	for (int i = 0; i < n; i++) {
		struct line *const l = &d->lines[i];

		if (l->blank)
			continue;
		if (!l->bad) {
			const int rc = put_together(d, in, l, &parts,
				&out->records[out->nrecords], &out->mem, err);

			if (rc < 0)
				return -1;
			out->nrecords += rc == 1;
			if (rc == 1)
				continue;
		}
		out->rejects[out->nrejects++] = (struct reject){
			.line = { in.ptr + l->start, l->end - l->start },
			.offset = d->offset + l->start, .number = l->number,
			.at = l->at, .why = *l->why,
		};
	}
	return 0;
}

int
ddbjson_record_decode(struct ddbjson_record *d, struct span in, bool last,
		      struct batch *out, size_t *used, struct err *err)
{
	size_t read;

	if (in.len > UINT32_MAX / 2)
		return err_set(err, ERR_LIMIT, "a block of over 2 GiB");
	if (scan_text(&d->scan, in, err) != 0)
		return -1;

	const int n = take_apart(d, in, last, &out->mem, used, err);
	if (n < 0)
		return -1;

	uint8_t *const slack = buf_reserve(&d->text, DDBJSON_SLACK, err);
	if (slack == NULL)
		return -1;
	memset(slack, 0, DDBJSON_SLACK);
	ddbjson_rewind(d->items);
	if (ddbjson_decode(d->items, buf_span(&d->text), true, out, &read,
			   err) != 0 ||
	    gather(d, in, n, out, err) != 0)
		return -1;
	d->offset += *used;
	return 0;
}

/* ---- as one of the formats ----------------------------------------------- */

static int
sniff(struct span head)
{
	const int bits = ddbjson_begins(head, "{\"Metadata\"");

	return bits > 0 ? bits : ddbjson_begins(head, "{\"Keys\"");
}

static void *
decode_start(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return ddbjson_record_new(err);
}

static void
decode_rewind(void *state)
{
	ddbjson_record_rewind(state);
}

static int
decode(void *state, struct span in, bool last, struct batch *out, size_t *used,
       struct err *err)
{
	return ddbjson_record_decode(state, in, last, out, used, err);
}

static uint64_t
decode_line(const void *state)
{
	const struct ddbjson_record *const d = state;

	return d->nlines + 1;
}

static uint64_t
decode_blanks(const void *state)
{
	const struct ddbjson_record *const d = state;

	return d->nblank;
}

static void
decode_stop(void *state)
{
	ddbjson_record_free(state);
}

const struct item_format ddbjson_record_format = {
	.name = "dynamodb-json-records",
	.suffix = ".json",
	.sniff = sniff,
	.decode_start = decode_start,
	.decode_rewind = decode_rewind,
	.decode = decode,
	.decode_line = decode_line,
	.decode_blanks = decode_blanks,
	.decode_stop = decode_stop,
	.records = &ddbjson_record_format,
};
