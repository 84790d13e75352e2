/*
 * script.h - a transformation written in Lua, run over items in a sandbox.
 *
 *	function transform(item, context)
 *		item.total = item.price * item.quantity
 *		return item
 *	end
 *
 * `transform` returns nothing (the item is dropped), an item, several (`return
 * a, b`) or a list of items.  docs/LUA.md says what Lua sees of an item and
 * what it may call.  What a script gives depends on the item and nothing else:
 *
 *  - The chunk is run anew for each item, with globals of its own; what stays,
 *    the libraries, cannot be changed.  So no item sees what another left.
 *  - There is no clock, no randomness and no address to be seen, and pairs()
 *    goes through a table in the order of its keys.
 *  - Instructions and memory are bounded for each item.  Instructions are
 *    counted, not timed, so that the same items fail everywhere.  An item that
 *    meets a bound has a second try in a sandbox without anything before it.
 *
 * LuaJIT runs without its compiler: compiled code cannot be interrupted.
 */
#ifndef EXPR_SCRIPT_H
#define EXPR_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;
struct err;
struct item;
struct script;
struct value;

struct script_limits {
	uint64_t instructions;	/* for one item */
	size_t memory;		/* bytes that Lua may hold */
};

enum {
	SCRIPT_INSTRUCTIONS = 10 * 1000 * 1000,
	SCRIPT_MEMORY = 64 << 20,
};

/* What `context` holds.  The same pointers are the same texts. */
struct script_context {
	struct span table;	/* plan table */
	struct span run_time;	/* canonical N text, epoch seconds */
};

/*
 * Read the script `text`, which is called `name` in messages, and run its chunk
 * once.  `limits` may be NULL: the usual ones.  NULL on failure: ERR_USAGE,
 * with file and line, if it is no such script.  A script belongs to one thread.
 */
struct script *script_new(const char *name, struct span text,
			  const struct script_limits *limits,
			  struct err *err);
void script_free(struct script *s);	/* NULL is fine */

/*
 * Give the item to `transform`.  *out are the maps of what it returned, *n of
 * them: in the arena, and where nothing was changed shared with the item, which
 * stays as it is.  Returns 0; or -1, ERR_INPUT with the script's file and line
 * if it failed for this item.
 */
int script_run(struct script *s, const struct item *item,
	       const struct script_context *context, struct arena *mem,
	       struct value **out, size_t *n, struct err *err);

#endif
