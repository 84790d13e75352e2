/* script_internal.h - what the parts of a sandbox share. */
#ifndef EXPR_SCRIPT_INTERNAL_H
#define EXPR_SCRIPT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <luajit-2.1/lua.h>

#include "base/decimal.h"
#include "expr/script.h"

struct arena;
struct err;
struct item;
struct value;

/* What the registry holds under these numbers. */
enum {
	SCRIPT_BODY = 1,	/* the function that runs an item */
	SCRIPT_CHUNK,
	SCRIPT_GLOBALS,		/* metatable of the globals of an item */
	SCRIPT_CONTEXT,
	SCRIPT_MAP,		/* metatables */
	SCRIPT_LIST,
	SCRIPT_SET,
	SCRIPT_BINARY,
	SCRIPT_DECIMAL,		/* makes an empty decimal */
	SCRIPT_IS_DECIMAL,
	SCRIPT_REFS,
};

struct script {
	lua_State *lua;
	char *name;		/* "@" and the name, as Lua wants it */
	uint8_t *text;
	size_t text_len;
	struct script_limits limits;
	struct script_context context;	/* that SCRIPT_CONTEXT is of */
	bool has_context;

	size_t held;		/* bytes that Lua holds */
	int64_t left;		/* instructions, of this item */
	bool starved;		/* memory was refused, for this item */
	bool slow;		/* look at every instruction */
	unsigned depth;		/* functions of C that call the script */
	int line;		/* if slow: of the last one */

	/* The item at hand. */
	const struct item *item;
	const struct script_context *next_context;
	struct arena *mem;
	struct value *out;
	size_t nout, out_cap;
	size_t made;		/* bytes of values made so far */
	struct err *err;	/* set if the arena refused */
	bool broke;		/* it did */
};

/*
 * What a table was made of, under the key script_shadow_key() in the table.
 * The attributes of a map come into it when they are asked for.
 */
struct shadow {
	const struct value *of;
	bool *loaded;		/* of a map: by attribute */
};

/* The sandbox that a state belongs to. */
struct script *script_of(lua_State *lua);

/* Take arena memory; an error of Lua if it is refused. */
void *script_take(lua_State *lua, size_t n);

/*
 * Instructions that a function of C takes without being seen; an error of Lua
 * if the item has no more.
 */
void script_charge(lua_State *lua, size_t n);

/*
 * Around what calls the script from within a function of C: an error of Lua if
 * too many are within each other, for our stack is not Lua's.
 */
void script_enter(lua_State *lua);
void script_leave(lua_State *lua);

/* What type() says of the value there. */
const char *script_type_name(lua_State *lua, int at);

/* Put a value of the registry on the stack. */
static inline void
script_push(lua_State *lua, int ref)
{
	lua_rawgeti(lua, LUA_REGISTRYINDEX, ref);
}

/* ---- script_in.c: from items --------------------------------------------- */

void script_push_value(lua_State *lua, const struct value *v);
/* The shadow of a table, or NULL. */
struct shadow *script_shadow(lua_State *lua, int at);
/* Put all attributes of a map into its table. */
void script_load_all(lua_State *lua, int at);
/* The metatables of maps and lists. */
void script_open_tables(lua_State *lua);
/* Is the value at `at` a table with this metatable? */
bool script_has_meta(lua_State *lua, int at, int ref);

/* ---- script_out.c: to items ---------------------------------------------- */

/* What `transform` returned: the values from `first` on. */
void script_collect(lua_State *lua, int first);

/* ---- script_decimal.c ---------------------------------------------------- */

/* A number as Lua sees it: its own where that is exact, else a decimal. */
void script_push_number(lua_State *lua, struct span text);
/* Canonical text of the number there; 0 if it is none, or not exact. */
size_t script_number_text(lua_State *lua, int at,
			  char out[DECIMAL_TEXT_LEN]);
bool script_is_decimal(lua_State *lua, int at);
/* decimal and its functions; needs LuaJIT's ffi, which nobody else gets. */
void script_open_decimal(lua_State *lua);

/* ---- script_set.c -------------------------------------------------------- */

bool script_is_binary(lua_State *lua, int at);
/* The base64 of a binary. */
struct span script_binary_text(lua_State *lua, int at);
void script_push_binary(lua_State *lua, struct span base64);
/* set, list, map, binary and null, into the table on top. */
void script_open_kinds(lua_State *lua);

/* ---- script_pattern.c ---------------------------------------------------- */

enum {
	SCRIPT_CAPTURES = 32,
	SCRIPT_STEPS = 16,	/* comparisons that are an instruction */
};

struct script_match {
	lua_State *lua;
	const uint8_t *src, *end;	/* the text */
	const uint8_t *pat_end;
	size_t steps;
	int depth, n;
	struct {
		const uint8_t *at;
		ptrdiff_t len;
	} captures[SCRIPT_CAPTURES];
};

/* Where a match of the pattern `p` that begins at `s` ends; NULL: nowhere. */
const uint8_t *script_match_at(struct script_match *m, const uint8_t *s,
			       const uint8_t *p);
/* Capture k, from 0; of a pattern without captures 0 is the whole match. */
void script_push_capture(const struct script_match *m, int k,
			 const uint8_t *s, const uint8_t *end);
/* All of them; without any the whole match, if `whole`.  How many. */
int script_push_captures(const struct script_match *m, const uint8_t *s,
			 const uint8_t *end, bool whole);

/* ---- script_find.c ------------------------------------------------------- */

/* find, match, gmatch and gsub, into the table on top. */
void script_open_patterns(lua_State *lua);

/* ---- script_lib.c -------------------------------------------------------- */

/* The globals that a script may use, as a table on the stack. */
void script_open_library(lua_State *lua);
/* A thing with these fields that cannot be changed, of the table on top. */
void script_seal(lua_State *lua);

#endif
