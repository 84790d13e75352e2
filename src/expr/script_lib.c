/*
 * script_lib.c - what a script may call: Lua's own library without what reaches
 * out of the sandbox, and in other words where Lua's would tell addresses or
 * the order of its hash tables, which differ from run to run.
 */
#include <stdlib.h>
#include <string.h>

#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/lualib.h>

#include "expr/script_internal.h"
#include "model/item.h"

/* ---- things that cannot be changed --------------------------------------- */

static int
refuse_change(lua_State *lua)
{
	return luaL_error(lua, "'%s' cannot be set here: items must not see "
			  "what another left", lua_tostring(lua, 2));
}

void
script_seal(lua_State *lua)
{
	lua_newuserdata(lua, 0);
	lua_createtable(lua, 0, 4);
	lua_pushvalue(lua, -3);
	lua_setfield(lua, -2, "__index");
	lua_pushcfunction(lua, refuse_change);
	lua_setfield(lua, -2, "__newindex");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
	lua_remove(lua, -2);
}

/* A global that is not there: an idle hint, but for these. */
static int
missing(lua_State *lua)
{
	static const char *const out[] = {
		"io", "os", "ffi", "package", "require", "debug", "print",
		"load", "loadstring", "dofile", "loadfile", "coroutine",
		"rawset", "rawget", "getfenv", "setfenv", "collectgarbage",
		"_G", "newproxy", "jit", "xpcall",
	};
	const char *const name = lua_tostring(lua, 2);

	for (size_t i = 0; name != NULL && i < sizeof(out) / sizeof(*out); i++)
		if (strcmp(name, out[i]) == 0)
			return luaL_error(lua, "there is no '%s' in a script "
					  "of a plan", name);
	return 0;
}

/* ---- types and texts ----------------------------------------------------- */

const char *
script_type_name(lua_State *lua, int at)
{
	switch (lua_type(lua, at)) {
	case LUA_TLIGHTUSERDATA:
		return "null";
	case LUA_TUSERDATA:
		return script_is_binary(lua, at) ? "binary" : "userdata";
	case LUA_TTABLE:
		return script_has_meta(lua, at, SCRIPT_SET) ? "set" : "table";
	default:
		return script_is_decimal(lua, at) ? "decimal"
						  : luaL_typename(lua, at);
	}
}

static int
tell_type(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_pushstring(lua, script_type_name(lua, 1));
	return 1;
}

/* tostring() of the value there, pushed, without addresses. */
static void
push_text(lua_State *lua, int at)
{
	const int type = lua_type(lua, at);

	script_enter(lua);
	const bool told = luaL_callmeta(lua, at, "__tostring") != 0;
	script_leave(lua);
	if (told)
		return;
	if (type == LUA_TBOOLEAN)
		lua_pushstring(lua, lua_toboolean(lua, at) ? "true" : "false");
	else if (type == LUA_TNUMBER || type == LUA_TSTRING)
		lua_pushstring(lua, lua_tostring(lua, at));
	else
		lua_pushstring(lua, script_type_name(lua, at));
}

static int
to_string(lua_State *lua)
{
	luaL_checkany(lua, 1);
	if (lua_type(lua, 1) == LUA_TSTRING) {
		lua_settop(lua, 1);
		return 1;
	}
	lua_pushvalue(lua, 1);		/* lua_tostring() changes its value */
	lua_replace(lua, 1);
	push_text(lua, 1);
	return 1;
}

/* string.format(): upvalue 1 is Lua's. */
static int
format(lua_State *lua)
{
	const int n = lua_gettop(lua);
	const char *p = luaL_checkstring(lua, 1);

	for (; (p = strchr(p, '%')) != NULL; p += p[0] != '\0') {
		p += 1 + strspn(p + 1, "-+ #0123456789.");
		if (*p == 'p')
			return luaL_error(lua, "'%%p' has no meaning here");
	}
	for (int i = 2; i <= n; i++) {
		const int type = lua_type(lua, i);

		if (type <= LUA_TBOOLEAN || type == LUA_TNUMBER ||
		    type == LUA_TSTRING)
			continue;
		push_text(lua, i);
		lua_replace(lua, i);
	}
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, n, LUA_MULTRET);
	return lua_gettop(lua);
}

/* A function of C that looks at all that it is given: upvalue 1. */
static int
charged(lua_State *lua)
{
	const int n = lua_gettop(lua);
	size_t sum = 0;

	for (int i = 1; i <= n; i++)
		if (lua_type(lua, i) == LUA_TSTRING ||
		    lua_type(lua, i) == LUA_TTABLE)
			sum += lua_objlen(lua, i);
	script_charge(lua, sum / 16);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, n, LUA_MULTRET);
	return lua_gettop(lua);
}

/* table.sort(): upvalue 1 is Lua's, which compares about n log2(n) times. */
static int
sort(lua_State *lua)
{
	const size_t n = lua_type(lua, 1) == LUA_TTABLE ? lua_objlen(lua, 1)
							: 0;
	size_t log = 0;

	while (n >> log != 0)
		log++;
	script_charge(lua, n / 8 * log);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, lua_gettop(lua) - 1, 0);
	return 0;
}

/*
 * pcall().  An error costs more than an instruction, and that a bound was met
 * is nothing to go on after.
 */
static int
protect(lua_State *lua)
{
	struct script *const s = script_of(lua);
	const unsigned depth = s->depth;

	luaL_checkany(lua, 1);
	const int rc = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
	s->depth = depth;
	if (rc != 0)
		script_charge(lua, 100);
	if (rc != 0 && (s->left <= 0 || s->starved || s->broke))
		return lua_error(lua);
	lua_pushboolean(lua, rc == 0);
	lua_insert(lua, 1);
	return lua_gettop(lua);
}

/* ---- pairs --------------------------------------------------------------- */

struct key {
	int type;
	double number;		/* of a boolean too */
	struct span text;
};

static int
compare_keys(const void *a, const void *b)
{
	const struct key *const x = a, *const y = b;

	if (x->type != y->type)	/* numbers before strings */
		return (x->type > y->type) - (x->type < y->type);
	if (x->type == LUA_TSTRING)
		return span_compare(x->text, y->text);
	return (x->number > y->number) - (x->number < y->number);
}

/* The keys of argument 1, sorted, in memory of Lua's that is pushed. */
static struct key *
sort_keys(lua_State *lua, size_t *n)
{
	size_t room = 0;

	luaL_checktype(lua, 1, LUA_TTABLE);
	script_load_all(lua, 1);
	for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1))
		room++;
	script_charge(lua, room);

	struct key *const keys = lua_newuserdata(lua, room * sizeof(*keys));
	*n = 0;
	for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1)) {
		struct key k = { .type = lua_type(lua, -2) };

		if (k.type == LUA_TLIGHTUSERDATA)
			continue;
		if (k.type == LUA_TSTRING)
			k.text.ptr = (const uint8_t *)
				lua_tolstring(lua, -2, &k.text.len);
		else if (k.type == LUA_TNUMBER)
			k.number = lua_tonumber(lua, -2);
		else if (k.type == LUA_TBOOLEAN)
			k.number = lua_toboolean(lua, -2);
		else
			luaL_error(lua, "a %s as a key has no place in an "
				   "order; use a string or a number",
				   script_type_name(lua,
						    lua_gettop(lua) - 1));
		keys[(*n)++] = k;
	}
	if (*n > 1)
		qsort(keys, *n, sizeof(*keys), compare_keys);
	return keys;
}

static void
push_key(lua_State *lua, const struct key *k)
{
	if (k->type == LUA_TSTRING)
		lua_pushlstring(lua, (const char *)k->text.ptr, k->text.len);
	else if (k->type == LUA_TNUMBER)
		lua_pushnumber(lua, k->number);
	else
		lua_pushboolean(lua, k->number > 0);
}

/* The next pair: upvalues are the keys and the number of the last one. */
static int
step(lua_State *lua)
{
	lua_Integer i = lua_tointeger(lua, lua_upvalueindex(2));

	lua_settop(lua, 1);
	for (;;) {
		lua_rawgeti(lua, lua_upvalueindex(1), (int)++i);
		if (lua_isnil(lua, -1))
			return 1;
		lua_pushvalue(lua, -1);
		lua_rawget(lua, 1);
		if (!lua_isnil(lua, -1))	/* removed meanwhile */
			break;
		lua_pop(lua, 2);
	}
	lua_pushinteger(lua, i);
	lua_replace(lua, lua_upvalueindex(2));
	return 2;
}

static int
ordered_pairs(lua_State *lua)
{
	size_t n;
	const struct key *const keys = sort_keys(lua, &n);

	/* A removed key must not vanish while it is to come. */
	lua_createtable(lua, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		push_key(lua, &keys[i]);
		lua_rawseti(lua, -2, (int)i + 1);
	}
	lua_pushinteger(lua, 0);
	lua_pushcclosure(lua, step, 2);
	lua_pushvalue(lua, 1);
	lua_pushnil(lua);
	return 3;
}

/* next(t): the first pair, so that nil says that there is none. */
static int
first_pair(lua_State *lua)
{
	size_t n;

	if (!lua_isnoneornil(lua, 2))
		return luaL_error(lua, "next() with a key has no order here; "
				  "use pairs()");
	const struct key *const keys = sort_keys(lua, &n);
	if (n == 0) {
		lua_pushnil(lua);
		return 1;
	}
	push_key(lua, &keys[0]);
	lua_pushvalue(lua, -1);
	lua_rawget(lua, 1);
	return 2;
}

/* ---- putting it together ------------------------------------------------- */

static void
open_library(lua_State *lua, lua_CFunction library, const char *name)
{
	lua_pushcfunction(lua, library);
	lua_pushstring(lua, name);
	lua_call(lua, 1, 0);
}

/* Fields of the table on top of the stack that go to the one below. */
static void
take_fields(lua_State *lua, const char *const *names)
{
	for (; *names != NULL; names++) {
		lua_getfield(lua, -1, *names);
		lua_setfield(lua, -3, *names);
	}
}

/* Field `name` of the table on top becomes `f`, with what it was as upvalue. */
static void
wrap(lua_State *lua, const char *name, lua_CFunction f)
{
	lua_getfield(lua, -1, name);
	lua_pushcclosure(lua, f, 1);
	lua_setfield(lua, -2, name);
}

static void
remove_fields(lua_State *lua, const char *const *names)
{
	for (; *names != NULL; names++) {
		lua_pushnil(lua);
		lua_setfield(lua, -2, *names);
	}
}

/* The table on top is what its strings' methods are. */
static void
guard_strings(lua_State *lua)
{
	static const char *const gone[] = { "dump", "gfind", NULL };

	script_open_patterns(lua);
	wrap(lua, "rep", charged);
	wrap(lua, "reverse", charged);
	wrap(lua, "format", format);
	remove_fields(lua, gone);
	lua_pushliteral(lua, "");
	lua_getmetatable(lua, -1);
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_pop(lua, 2);
}

/* Put the global library `name`, sealed, into the table on top. */
static void
take_library(lua_State *lua, const char *name, const char *const *only)
{
	lua_getglobal(lua, name);
	if (only != NULL) {
		lua_createtable(lua, 0, 8);
		lua_insert(lua, -2);
		take_fields(lua, only);
		lua_pop(lua, 1);
	}
	script_seal(lua);
	lua_setfield(lua, -2, name);
}

static void
open_libraries(lua_State *lua)
{
	static const char *const chance[] = { "random", "randomseed", NULL };
	static const char *const tables[] = {
		"concat", "insert", "remove", "sort", NULL,
	};

	lua_getglobal(lua, "string");
	guard_strings(lua);
	lua_pop(lua, 1);
	lua_getglobal(lua, "math");
	remove_fields(lua, chance);
	lua_pop(lua, 1);
	lua_getglobal(lua, "table");
	for (const char *const *t = tables; *t != NULL; t++)
		wrap(lua, *t, strcmp(*t, "sort") == 0 ? sort : charged);
	lua_pop(lua, 1);
	take_library(lua, "string", NULL);
	take_library(lua, "math", NULL);
	take_library(lua, "bit", NULL);
	take_library(lua, "table", tables);
}

void
script_open_library(lua_State *lua)
{
	static const char *const kept[] = {
		"assert", "error", "ipairs", "select", "tonumber", "unpack",
		"rawequal", "setmetatable", "getmetatable", NULL,
	};
	static const luaL_Reg own[] = {
		{ "type", tell_type }, { "tostring", to_string },
		{ "pairs", ordered_pairs }, { "next", first_pair },
		{ "pcall", protect },
		{ NULL, NULL },
	};

	open_library(lua, luaopen_base, "");
	open_library(lua, luaopen_string, LUA_STRLIBNAME);
	open_library(lua, luaopen_table, LUA_TABLIBNAME);
	open_library(lua, luaopen_math, LUA_MATHLIBNAME);
	open_library(lua, luaopen_bit, LUA_BITLIBNAME);

	lua_createtable(lua, 0, 32);
	lua_pushvalue(lua, LUA_GLOBALSINDEX);
	take_fields(lua, kept);
	lua_pop(lua, 1);
	luaL_register(lua, NULL, own);
	open_libraries(lua);
	script_open_kinds(lua);
	script_open_decimal(lua);

	lua_createtable(lua, 0, 1);
	lua_pushcfunction(lua, missing);
	lua_setfield(lua, -2, "__index");
	lua_setmetatable(lua, -2);
}
