/*
 * script_set.c - the values that Lua has no words for: null, binary, set; and
 * list and map, where `{}` would not say which.
 *
 * A set is a table of its members, so that `#`, ipairs and table.sort work; its
 * metatable says that it is one.
 */
#include <string.h>

#include <luajit-2.1/lauxlib.h>

#include "base/base64.h"
#include "expr/script_internal.h"
#include "model/item.h"

/* ---- binary -------------------------------------------------------------- */

bool
script_is_binary(lua_State *lua, int at)
{
	return lua_type(lua, at) == LUA_TUSERDATA &&
	       script_has_meta(lua, at, SCRIPT_BINARY);
}

struct span
script_binary_text(lua_State *lua, int at)
{
	return (struct span){ lua_touserdata(lua, at), lua_objlen(lua, at) };
}

void
script_push_binary(lua_State *lua, struct span base64)
{
	void *const p = lua_newuserdata(lua, base64.len);

	if (base64.len > 0)
		memcpy(p, base64.ptr, base64.len);
	script_push(lua, SCRIPT_BINARY);
	lua_setmetatable(lua, -2);
}

static struct span
check_binary(lua_State *lua)
{
	if (!script_is_binary(lua, 1))
		luaL_error(lua, "a binary expected, not a %s",
			   luaL_typename(lua, 1));
	return script_binary_text(lua, 1);
}

static struct span
check_string(lua_State *lua, int at)
{
	struct span s;

	luaL_checktype(lua, at, LUA_TSTRING);
	s.ptr = (const uint8_t *)lua_tolstring(lua, at, &s.len);
	return s;
}

/* binary(bytes); argument 1 is `binary` itself. */
static int
make_binary(lua_State *lua)
{
	const struct span bytes = check_string(lua, 2);
	const size_t n = base64_encoded_len(bytes.len);
	uint8_t *const p = lua_newuserdata(lua, n);

	base64_encode(bytes, p);
	script_push(lua, SCRIPT_BINARY);
	lua_setmetatable(lua, -2);
	return 1;
}

static int
binary_from_base64(lua_State *lua)
{
	const struct span text = check_string(lua, 1);

	if (!base64_check(text))
		return luaL_error(lua, "invalid base64");
	script_push_binary(lua, text);
	return 1;
}

static int
binary_base64(lua_State *lua)
{
	const struct span text = check_binary(lua);

	lua_pushlstring(lua, (const char *)text.ptr, text.len);
	return 1;
}

static int
binary_bytes(lua_State *lua)
{
	const struct span text = check_binary(lua);
	const size_t n = base64_decoded_len(text);
	uint8_t *const p = lua_newuserdata(lua, n);

	base64_decode(text, p);
	lua_pushlstring(lua, (const char *)p, n);
	return 1;
}

static int
binary_len(lua_State *lua)
{
	lua_pushnumber(lua, (double)base64_decoded_len(check_binary(lua)));
	return 1;
}

static int
binary_equal(lua_State *lua)
{
	lua_pushboolean(lua, script_is_binary(lua, 1) &&
			script_is_binary(lua, 2) &&
			span_equal(script_binary_text(lua, 1),
				   script_binary_text(lua, 2)));
	return 1;
}

/* ---- sets, lists, maps --------------------------------------------------- */

/* A copy of argument 1's elements with that metatable. */
static int
make_elements(lua_State *lua, int meta)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	const size_t n = lua_objlen(lua, 1);

	script_charge(lua, n);
	lua_createtable(lua, (int)n, 0);
	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(lua, 1, (int)i);
		lua_rawseti(lua, -2, (int)i);
	}
	script_push(lua, meta);
	lua_setmetatable(lua, -2);
	return 1;
}

static int
make_set(lua_State *lua)
{
	return make_elements(lua, SCRIPT_SET);
}

static int
make_list(lua_State *lua)
{
	return make_elements(lua, SCRIPT_LIST);
}

static int
make_map(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_createtable(lua, 0, 4);
	script_load_all(lua, 1);
	for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1)) {
		if (lua_type(lua, -2) == LUA_TLIGHTUSERDATA)
			continue;
		lua_pushvalue(lua, -2);
		lua_pushvalue(lua, -2);
		lua_rawset(lua, -5);
		script_charge(lua, 1);
	}
	script_push(lua, SCRIPT_MAP);
	lua_setmetatable(lua, -2);
	return 1;
}

static void
check_set(lua_State *lua)
{
	if (lua_type(lua, 1) != LUA_TTABLE ||
	    !script_has_meta(lua, 1, SCRIPT_SET))
		luaL_error(lua, "a set expected; set:has(x) needs a colon");
	luaL_checkany(lua, 2);
}

/*
 * Is the value on top of the stack argument 2, whose text is `text` if it is a
 * number?  Of decimals lua_equal() knows nothing.
 */
static bool
is_second(lua_State *lua, struct span text)
{
	char out[DECIMAL_TEXT_LEN];

	if (!script_is_decimal(lua, -1) && !script_is_decimal(lua, 2))
		return lua_equal(lua, -1, 2) != 0;

	const size_t n = script_number_text(lua, lua_gettop(lua), out);
	return n > 0 && span_equal(text, (struct span){ (uint8_t *)out, n });
}

/* Where argument 2 is in the set, from 1; or 0. */
static size_t
where(lua_State *lua, size_t n)
{
	char out[DECIMAL_TEXT_LEN];
	const struct span text = {
		(uint8_t *)out, script_number_text(lua, 2, out)
	};

	script_charge(lua, n);
	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(lua, 1, (int)i);
		const bool same = is_second(lua, text);
		lua_pop(lua, 1);
		if (same)
			return i;
	}
	return 0;
}

static int
set_has(lua_State *lua)
{
	check_set(lua);
	lua_pushboolean(lua, where(lua, lua_objlen(lua, 1)) > 0);
	return 1;
}

static int
set_add(lua_State *lua)
{
	check_set(lua);
	const size_t n = lua_objlen(lua, 1);

	if (where(lua, n) == 0) {
		lua_pushvalue(lua, 2);
		lua_rawseti(lua, 1, (int)n + 1);
	}
	return 0;
}

static int
set_remove(lua_State *lua)
{
	check_set(lua);
	const size_t n = lua_objlen(lua, 1);
	const size_t at = where(lua, n);

	if (at == 0)
		return 0;
	for (size_t i = at; i < n; i++) {
		lua_rawgeti(lua, 1, (int)i + 1);
		lua_rawseti(lua, 1, (int)i);
	}
	lua_pushnil(lua);
	lua_rawseti(lua, 1, (int)n);
	return 0;
}

static void
open_binary(lua_State *lua)
{
	static const luaL_Reg methods[] = {
		{ "bytes", binary_bytes }, { "base64", binary_base64 },
		{ NULL, NULL },
	};

	script_push(lua, SCRIPT_BINARY);
	lua_createtable(lua, 0, 2);
	luaL_register(lua, NULL, methods);
	lua_setfield(lua, -2, "__index");
	lua_pushcfunction(lua, binary_len);
	lua_setfield(lua, -2, "__len");
	lua_pushcfunction(lua, binary_equal);
	lua_setfield(lua, -2, "__eq");
	lua_pop(lua, 1);

	lua_createtable(lua, 0, 1);
	lua_pushcfunction(lua, binary_from_base64);
	lua_setfield(lua, -2, "from_base64");
	script_seal(lua);
	lua_getmetatable(lua, -1);
	lua_pushcfunction(lua, make_binary);
	lua_setfield(lua, -2, "__call");
	lua_pop(lua, 1);
	lua_setfield(lua, -2, "binary");
}

void
script_open_kinds(lua_State *lua)
{
	static const luaL_Reg methods[] = {
		{ "has", set_has }, { "add", set_add },
		{ "remove", set_remove }, { NULL, NULL },
	};

	open_binary(lua);
	script_push(lua, SCRIPT_SET);
	lua_createtable(lua, 0, 4);
	luaL_register(lua, NULL, methods);
	lua_setfield(lua, -2, "__index");
	lua_pop(lua, 1);
	lua_pushcfunction(lua, make_set);
	lua_setfield(lua, -2, "set");
	lua_pushcfunction(lua, make_list);
	lua_setfield(lua, -2, "list");
	lua_pushcfunction(lua, make_map);
	lua_setfield(lua, -2, "map");
	lua_pushlightuserdata(lua, NULL);
	lua_setfield(lua, -2, "null");
}
