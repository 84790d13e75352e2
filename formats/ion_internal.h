/* ion_internal.h - what the parts of the Ion reader share. */
#ifndef FORMATS_ION_INTERNAL_H
#define FORMATS_ION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "model/item.h"

struct arena;
struct batch;
struct ddbjson;
struct err;

enum {
	ION_SEEN_SLOTS = 2048,	/* of the filter for names met twice */
	ION_FIRST_SYMBOL = 10,	/* behind the ids that Ion itself has */
};

/* The table of symbols at hand: ids of other tables, then its own. */
struct ion_symbols {
	uint64_t imported;	/* ids without a text here */
	struct ion_symbol_text *list;
	uint32_t n, cap;
	struct buf text;
};

struct ion {
	struct value *stack;	/* of containers not yet closed */
	size_t stack_cap;
	uint16_t seen[ION_SEEN_SLOTS];
	uint16_t epoch;		/* marks the slots of the map at hand */
	bool records;		/* are wanted, not items */
	struct ddbjson *lines;	/* reads what was made of the items */
	struct buf json;	/* that */
	struct ion_symbols symbols;
	bool in_table;		/* what is read is a table of them */
	unsigned nunclosed;	/* comments and the like without an end */
	uint64_t offset;	/* of the next block in its file */
	uint64_t nlines;	/* line feeds before the next block */
	uint64_t column;	/* bytes before it in its line */
	uint64_t touched;	/* the last line that a value is in */
	uint64_t nblank;
};

/*
 * Text under way.  Its last byte is a line feed, which ends every token but
 * long strings, blobs and comments; so only those, and what skips white space,
 * need to ask where the end is.
 */
struct ion_text {
	const uint8_t *at, *end;
	struct arena *mem;
	struct err *err;
	const struct ion_symbols *symbols;
	const uint8_t *wrong;	/* after ION_BAD and ION_SHORT: where */
	bool unclosed;		/* what began there does not end */
};

/* What the functions below return. */
enum {
	ION_FAILED = -1,	/* memory is refused */
	ION_BAD = 0,		/* *err says why, t->wrong where */
	ION_OK = 1,
	ION_SHORT = 2,		/* as ION_BAD, but more text might mend it */
	ION_OPENED = 3,		/* a container whose children come next */
};

/* Say what is wrong at `where`, or what should be there.  Both: ION_BAD. */
int ion_refuse(struct ion_text *t, const uint8_t *where, const char *why);
int ion_wrong(struct ion_text *t, const uint8_t *where, const char *expected);

/* What may stand in an identifier, and in its first place. */
extern const uint8_t ION_IDENTIFIER[256];	/* 1: later, 3: first too */

/* Step over white space and comments. */
int ion_blank_slow(struct ion_text *t);

static inline int
ion_blank(struct ion_text *t)
{
	const uint8_t c = *t->at;

	return c > ' ' && c != '/' ? ION_OK : ion_blank_slow(t);
}

/*
 * The text in quotes at t->at; `flags` gets VALUE_CLEAN if nothing in it needs
 * escaping in JSON.  A long string begins with three quotes, and takes those
 * behind it that continue it.
 */
int ion_quoted(struct ion_text *t, struct span *out, uint8_t *flags);
int ion_long_string(struct ion_text *t, struct span *out);

static inline bool
ion_is_long(const uint8_t *p)
{
	return p[0] == '\'' && p[1] == '\'' && p[2] == '\'';
}

/* The number at t->at, in canonical text. */
int ion_number(struct ion_text *t, struct value *v);

/* The identifier at t->at, as it stands. */
static inline struct span
ion_identifier(struct ion_text *t)
{
	const uint8_t *const from = t->at;

	while (ION_IDENTIFIER[*t->at] != 0)
		t->at++;
	return (struct span){ from, (size_t)(t->at - from) };
}

/* What a symbol's id stands for: ION_OK with its text, if it has any. */
int ion_symbol(struct ion_text *t, struct span *id);

/* Make `table`, a struct, the table at hand.  What is wrong is at `where`. */
int ion_symbols_take(struct ion_symbols *s, const struct value *table,
		     struct ion_text *t, const uint8_t *where);
/* No symbols but Ion's own. */
void ion_symbols_forget(struct ion_symbols *s);
void ion_symbols_free(struct ion_symbols *s);
/* The text of the symbol with these digits.  False if there is none. */
bool ion_symbols_find(const struct ion_symbols *s, struct span id,
		      struct span *text);

/* A field's name, and behind it its colon and white space. */
int ion_field(struct ion_text *t, struct value *name);

/*
 * The struct at t->at, `{` and all, into `map`: containers in it are at most
 * `depth` levels deep.
 */
int ion_struct(struct ion *d, struct ion_text *t, size_t depth,
	       struct value *map);

/*
 * What a value stands for: an item, or Keys, OldImage and NewImage; and where
 * it stands.
 */
enum { ION_PARTS = 3 };

struct ion_found {
	struct value parts[ION_PARTS];	/* of type 0 if it has none */
	struct span text;
	uint64_t offset, number;
};

/* The struct at t->at as an item or record: its parts. */
int ion_item(struct ion *d, struct ion_text *t, struct ion_found *f);
int ion_record(struct ion *d, struct ion_text *t, struct ion_found *f);

/* All that was found as items or records of the batch.  Returns 0 or -1. */
int ion_make_items(struct ion *d, const struct ion_found *found, uint32_t n,
		   struct batch *out, struct err *err);

#endif
