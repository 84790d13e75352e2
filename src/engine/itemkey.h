/*
 * itemkey.h - which items a --key means.
 *
 *	{"id":{"S":"x"}}	as the AWS CLI takes it
 *	id={S=x}		its short form
 *	id=x, pk=x,sk=y		a value without a type has the item's
 *	x			of tables that have no sort key
 */
#ifndef ENGINE_ITEMKEY_H
#define ENGINE_ITEMKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/item.h"

struct arena;
struct err;

/* The key attributes of a table; NULL where there is none, or none known. */
struct itemkey_names {
	const char *pk, *sk;
};

/* An attribute that a key names, and the text that it must have. */
struct itemkey_attr {
	struct span name, text;
	uint16_t hash;
	enum value_type type;	/* 0: the item's own */
};

struct itemkey {
	struct itemkey_attr attrs[2];
	size_t nattrs;		/* 0: `bare` or `map` says it */
	struct span bare;	/* the partition key; .ptr NULL if not */
	struct value map;	/* typed attributes; of type 0 if not */
};

/*
 * Read `text`, whose pieces stay there or go to the arena.  With the names of
 * tables, only those are taken for names of attributes: a value may then hold
 * a `,` and a `=`.  Without, any are.  Returns 0, or -1 with ERR_USAGE.
 */
int itemkey_read(struct itemkey *k, const char *text,
		 const struct itemkey_names *names, size_t n,
		 struct arena *mem, struct err *err);

/* Has an item of a table with these names that key?  Returns 1, 0 or -1. */
int itemkey_fits(const struct itemkey *k, const struct itemkey_names *names,
		 const struct item *item, struct arena *mem, struct err *err);

#endif
