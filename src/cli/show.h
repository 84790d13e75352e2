/*
 * show.h - an item before and after the plan, for people and as JSON.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>

struct buf;
struct err;
struct plan;
struct trial_item;

struct show_style {
	unsigned width;		/* columns of a line */
	bool colour;
	bool full;		/* nothing is cut */
};

/* Below so many columns values stand one under the other. */
enum { SHOW_LEAST_WIDTH = 60, SHOW_USUAL_WIDTH = 80 };

/* How standard output is to be written to: see docs/TEST.md. */
struct show_style show_style_of_stdout(bool full);

/* Append the item side by side, or as one line of JSON.  Returns 0 or -1. */
int show_item(const struct show_style *style, const struct plan *plan,
	      const struct trial_item *item, struct buf *out,
	      struct err *err);
int show_item_json(const struct plan *plan, const struct trial_item *item,
		   struct buf *out, struct err *err);

#endif
