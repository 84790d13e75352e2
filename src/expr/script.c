#include "expr/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/luajit.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/display.h"
#include "base/err.h"
#include "expr/script_internal.h"
#include "model/item.h"

enum {
	STRIDE = 1000,		/* instructions between two looks */
	FREE_BLOCK = 64 * 1024,	/* larger ones cost instructions */
	BYTES_A_STEP = 64,	/* ... one for so many bytes */
	BYTECODE = 0x1b,	/* what it begins with */
	MOST_DEPTH = 200,	/* as Lua has it, LUAI_MAXCCALLS */
};

/* ---- bounds -------------------------------------------------------------- */

struct script *
script_of(lua_State *lua)
{
	void *s;

	lua_getallocf(lua, &s);
	return s;
}

/* Lua's memory.  What is large takes time, so it takes instructions too. */
static void *
allocate(void *context, void *old, size_t old_len, size_t len)
{
	struct script *const s = context;

	if (len == 0) {
		free(old);
		s->held -= old_len;
		return NULL;
	}
	if (len > old_len && len - old_len > s->limits.memory - s->held) {
		s->starved = true;
		return NULL;
	}

	void *const p = realloc(old, len);
	if (p == NULL) {
		s->starved = true;
		return NULL;
	}
	s->held += len - old_len;
	if (len > FREE_BLOCK)
		s->left -= (int64_t)(len / BYTES_A_STEP);
	return p;
}

void *
script_take(lua_State *lua, size_t n)
{
	struct script *const s = script_of(lua);
	void *const p = arena_take(s->mem, n > 0 ? n : 1, s->err);

	if (p == NULL) {
		s->broke = true;
		lua_pushliteral(lua, "out of memory");
		lua_error(lua);
	}
	return p;
}

/*
 * The item has met its bound, where the text on the stack says.  From now on
 * every instruction fails, so that no pcall() of the script goes on.
 */
static void look(lua_State *lua, lua_Debug *at);

static void __attribute__((noreturn))
exhaust(lua_State *lua)
{
	char text[96];

	lua_sethook(lua, look, LUA_MASKCOUNT, 1);
	snprintf(text, sizeof(text), "more than %" PRIu64 " instructions for "
		 "one item; does a loop never end?",
		 script_of(lua)->limits.instructions);
	lua_pushstring(lua, text);
	lua_concat(lua, 2);
	lua_error(lua);
	abort();
}

/* Called every STRIDE instructions. */
static void
look(lua_State *lua, lua_Debug *at)
{
	struct script *const s = script_of(lua);

	lua_getinfo(lua, "Sl", at);
	s->line = at->currentline;
	s->left -= s->slow ? 1 : STRIDE;
	if (s->left > 0)
		return;
	lua_pushfstring(lua, "%s:%d: ", at->short_src, at->currentline);
	exhaust(lua);
}

void
script_charge(lua_State *lua, size_t n)
{
	struct script *const s = script_of(lua);

	s->left -= (int64_t)n;
	if (s->left > 0)
		return;
	luaL_where(lua, 1);
	exhaust(lua);
}

void
script_enter(lua_State *lua)
{
	if (++script_of(lua)->depth > MOST_DEPTH)
		luaL_error(lua, "more than %d functions within each other",
			   MOST_DEPTH);
}

void
script_leave(lua_State *lua)
{
	script_of(lua)->depth--;
}

/* ---- one item ------------------------------------------------------------ */

/* Run the chunk with new globals, and leave its `transform` on the stack. */
static void
run_chunk(lua_State *lua)
{
	script_push(lua, SCRIPT_CHUNK);
	lua_createtable(lua, 0, 2);
	script_push(lua, SCRIPT_GLOBALS);
	lua_setmetatable(lua, -2);
	lua_pushvalue(lua, -1);
	lua_setfenv(lua, -3);
	lua_insert(lua, -2);
	lua_call(lua, 0, 0);
	lua_pushliteral(lua, "transform");
	lua_rawget(lua, -2);
	lua_remove(lua, -2);
	if (!lua_isfunction(lua, -1))
		luaL_error(lua, "%s: the script has no 'function "
			   "transform(item, context)'", script_of(lua)->name + 1);
}

/* What `context` is, for the items to come. */
static void
set_context(lua_State *lua, const struct script_context *c)
{
	lua_createtable(lua, 0, 2);
	if (c->table.ptr != NULL) {
		lua_pushlstring(lua, (const char *)c->table.ptr, c->table.len);
		lua_setfield(lua, -2, "table");
	}
	if (c->run_time.ptr != NULL) {
		script_push_number(lua, c->run_time);
		lua_setfield(lua, -2, "run_time");
	}
	script_seal(lua);
	lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_CONTEXT);
}

static int
body(lua_State *lua)
{
	struct script *const s = script_of(lua);

	run_chunk(lua);
	if (s->item == NULL)
		return 0;

	const int first = lua_gettop(lua);
	if (!s->has_context || memcmp(&s->context, s->next_context,
				      sizeof(s->context)) != 0)
		set_context(lua, s->next_context);
	s->context = *s->next_context;
	s->has_context = true;
	script_push_value(lua, &s->item->map);
	script_push(lua, SCRIPT_CONTEXT);
	lua_call(lua, 2, LUA_MULTRET);
	script_collect(lua, first);
	return 0;
}

/* ---- a sandbox ----------------------------------------------------------- */

/* All that stays from item to item.  Its argument is where to note failure. */
static int
open_sandbox(lua_State *lua)
{
	struct script *const s = script_of(lua);

	luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	script_open_tables(lua);
	script_open_library(lua);

	lua_createtable(lua, 0, 2);
	lua_insert(lua, -2);
	lua_setfield(lua, -2, "__index");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_GLOBALS);

	lua_pushcfunction(lua, body);
	lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_BODY);
	/* "t": no bytecode, which could do anything. */
	if (luaL_loadbufferx(lua, (const char *)s->text, s->text_len, s->name,
			     "t") != 0) {
		if (s->text_len > 0 && s->text[0] == BYTECODE)
			luaL_error(lua, "%s: this is bytecode of Lua; only "
				   "text is taken", s->name + 1);
		lua_error(lua);
	}
	lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_CHUNK);
	return 0;
}

/* Lua's error, which is on the stack, as ours. */
static int
complain(struct script *s, int rc, enum err_code code, struct err *err)
{
	const char *const text = lua_tostring(s->lua, -1);

	if (s->broke)
		return -1;
	if (rc == LUA_ERRMEM || s->starved)
		return err_set(err, code, "%s:%d: more than %zu MiB of memory "
			       "for one item", s->name + 1, s->line,
			       s->limits.memory >> 20);
	if (text == NULL)
		return err_set(err, code, "%s: error() with a %s, no text",
			       s->name + 1, luaL_typename(s->lua, -1));

	if (strcmp(text, "stack overflow") == 0)
		return err_set(err, code, "%s: stack overflow; does a function "
			       "call itself without end?", s->name + 1);

	/* It may hold anything, and is to be read on a terminal. */
	struct buf shown = { 0 };
	if (display_put(span_of(text), false, &shown, err) == 0)
		err_set(err, code, "%.*s", (int)shown.len,
			shown.len > 0 ? (const char *)shown.ptr : "");
	buf_free(&shown);
	return -1;
}

/* A sandbox that knows nothing but the script. */
static int
start(struct script *s, struct err *err)
{
	lua_State *const lua = lua_newstate(allocate, s);

	s->lua = lua;
	s->has_context = false;
	if (lua == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory for Lua");

	const int rc = lua_cpcall(lua, open_sandbox, NULL);
	return rc == 0 ? 0 : complain(s, rc, ERR_USAGE, err);
}

static void
stop(struct script *s)
{
	if (s->lua != NULL)
		lua_close(s->lua);
	s->lua = NULL;
}

/* One try.  Returns what lua_pcall() does. */
static int
attempt(struct script *s)
{
	s->left = (int64_t)s->limits.instructions;
	s->starved = s->broke = false;
	s->nout = s->made = 0;
	s->depth = 0;
	s->line = 0;
	lua_sethook(s->lua, look, LUA_MASKCOUNT, s->slow ? 1 : STRIDE);
	lua_settop(s->lua, 0);
	script_push(s->lua, SCRIPT_BODY);
	return lua_pcall(s->lua, 0, 0, 0);
}

/*
 * A try that met a bound is made again in a new sandbox: what other items left
 * behind must not decide, and this time it is seen in which line it is.
 */
static int
run(struct script *s, enum err_code code, struct err *err)
{
	int rc = attempt(s);
	const bool again = rc == LUA_ERRMEM || s->starved || s->left <= 0;

	if (again && !s->broke) {
		stop(s);
		if (start(s, err) != 0)
			return -1;
		s->slow = s->starved;
		rc = attempt(s);
		s->slow = false;
	}
	if (rc != 0 || s->starved || s->broke)
		complain(s, rc, code, err);
	if (again && !s->broke) {
		struct err ignored;

		stop(s);
		if (start(s, &ignored) != 0)
			return -1;
	}
	return rc != 0 || s->starved || s->broke ? -1 : 0;
}

struct script *
script_new(const char *name, struct span text,
	   const struct script_limits *limits, struct err *err)
{
	static const struct script_limits usual = {
		SCRIPT_INSTRUCTIONS, SCRIPT_MEMORY,
	};
	struct script *const s = calloc(1, sizeof(*s));
	const size_t name_len = strlen(name);

	if (s == NULL)
		goto failed;
	s->limits = limits != NULL ? *limits : usual;
	s->name = malloc(name_len + 2);
	s->text = malloc(text.len + 1);
	if (s->name == NULL || s->text == NULL)
		goto failed;
	s->name[0] = '@';
	memcpy(s->name + 1, name, name_len + 1);
	if (text.len > 0)
		memcpy(s->text, text.ptr, text.len);
	s->text_len = text.len;
	s->err = err;
	if (start(s, err) != 0 || run(s, ERR_USAGE, err) != 0) {
		script_free(s);
		return NULL;
	}
	return s;
failed:
	err_set(err, ERR_SYSTEM, "out of memory");
	script_free(s);
	return NULL;
}

void
script_free(struct script *s)
{
	if (s == NULL)
		return;
	stop(s);
	free(s->name);
	free(s->text);
	free(s);
}

int
script_run(struct script *s, const struct item *item,
	   const struct script_context *context, struct arena *mem,
	   struct value **out, size_t *n, struct err *err)
{
	s->item = item;
	s->next_context = context;
	s->mem = mem;
	s->err = err;
	s->out = NULL;
	s->out_cap = 0;
	if (run(s, ERR_INPUT, err) != 0)
		return -1;
	*out = s->out;
	*n = s->nout;
	return 0;
}
