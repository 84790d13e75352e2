/* cat_internal.h - what the parts of cat share. */
#ifndef ENGINE_CAT_INTERNAL_H
#define ENGINE_CAT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "formats/formats.h"

struct arena;
struct buf;
struct err;
struct item;
struct projection;

/* ---- how items become text: cat_write.c ---------------------------------- */

/* What all threads write by; const. */
struct cat_style {
	const struct projection *select;	/* NULL: whole items */
	const struct item_format *format;	/* NULL: plain JSON */
	bool csv;				/* columns are what is selected */
	struct item_rules rules;		/* of CSV */
};

/*
 * Find the format called `name`; NULL is dynamodb-json.  What it needs goes to
 * the arena.  0 or -1.
 */
int cat_style_init(struct cat_style *s, const char *name,
		   const struct projection *select, struct arena *mem,
		   struct err *err);

/* Append what comes before all items: of CSV the names of its columns. */
int cat_write_head(const struct cat_style *s, struct buf *out,
		   struct err *err);

/* One thread's part of it. */
struct cat_writer {
	const struct cat_style *style;
	void *encoder;
};

int cat_writer_init(struct cat_writer *w, const struct cat_style *style,
		    struct err *err);
void cat_writer_free(struct cat_writer *w);

/* Append an item.  0, or -1: ERR_INPUT if the format cannot say it. */
int cat_write(struct cat_writer *w, const struct item *item,
	      struct arena *mem, struct buf *out, struct err *err);

/* Where the text of the first `n` items of `text` ends. */
size_t cat_text_of(const struct cat_style *s, struct span text, uint64_t n);

#endif
