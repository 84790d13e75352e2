/* dumpjson_internal.h - where a reader of JSON dumps is, for its two parts. */
#ifndef FORMATS_DUMPJSON_INTERNAL_H
#define FORMATS_DUMPJSON_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "formats/dumpjson.h"
#include "formats/textplace.h"

struct batch;
struct compose;
struct itemtypes;

enum { MOST_COLUMNS = 4096 };	/* before an item that begins its line */

enum kind { PLAIN, TYPED, SCAN, REQUESTS };

enum level { TOP, LIST, PAGE, ITEMS };

/* What may come next in a LIST, in ITEMS, in a PAGE. */
enum next {
	FIRST,			/* an element, or the end */
	ELEMENT,		/* an element: a comma was there */
	COMMA,			/* a comma, or the end */
	VALUE,			/* of a page's Item */
};

/* What is being passed over. */
struct skip {
	bool on, in_string, escaped;
	bool closed;		/* a bracket was, down to depth 0 */
	bool in_line;		/* it did not begin its line */
	uint64_t depth, column;
};

struct page {
	uint64_t offset, line, column, count, nitems, nrejects;
	bool in_line, has_items, has_count, is_part;
};

struct dumpjson {
	enum kind kind;
	struct compose *to;
	struct itemtypes *types;
	enum dumpjson_look look;	/* of SCAN: OTHER is not known yet */
	bool plain_items;		/* of SCAN, once that is known */
	struct textplace at;		/* of the next byte */
	bool blank;			/* nothing else in the line so far */
	enum level level;
	enum next next;
	bool in_list;			/* pages are */
	uint64_t list_line;		/* where the array began */
	struct page page;
	struct skip skip;
	struct err damage;		/* the first; for the end */
	uint8_t table[255];		/* of REQUESTS: its name, */
	size_t table_len;		/* ... 0 if none was met */
	bool other_table;		/* those at hand are not for that one */
};

/* A block under way. */
struct block {
	struct dumpjson *d;
	struct batch *out;
	const uint8_t *p, *end;		/* what is to be read */
	const uint8_t *begin;
	bool last;
	uint32_t items_cap;
	struct err *err;
};

/* Go on to `to`, which is not behind white space alone. */
void dumpjson_advance(struct block *b, const uint8_t *to);

uint64_t dumpjson_column(const struct dumpjson *d);

int dumpjson_add_reject(struct block *b, struct span text, const uint8_t *at,
			const struct err *why);

/* ---- dumpjson_skip.c ----------------------------------------------------- */

/* Go on passing over.  Returns whether something new begins. */
bool dumpjson_skip(struct block *b);

/*
 * What begins at b->p is wrong at `at`: reject it, up to where something new
 * begins.  Returns 1, 0 if more text is needed to see where that is, or -1.
 */
int dumpjson_reject(struct block *b, const uint8_t *at, const struct err *why);

/* The same of the byte at b->p, which is not what it should be. */
int dumpjson_reject_byte(struct block *b, const char *expected);

/* ---- dumpjson_request.c -------------------------------------------------- */

struct jsonwalk;

/* What stands around an item; as jsonvalue.h says. */
int dumpjson_open_request(struct jsonwalk *w);
int dumpjson_close_request(struct jsonwalk *w);

/*
 * Requests for this table come.  Those for another than the first one's are no
 * items: d->other_table, and JSON_BAD with the reason.
 */
void dumpjson_take_table(struct dumpjson *d, struct span name);
int dumpjson_other_table(const struct dumpjson *d, struct err *why);

#endif
