/*
 * script_in.c - items as Lua sees them.
 *
 * A map becomes an empty table, and an attribute comes into it when the script
 * asks for it: most scripts look at a few of many.  The table's shadow knows
 * which ones did, so that a removed attribute stays removed, and so that what
 * nobody touched can go out as it came in.  Lists and sets are filled at once,
 * because `#` asks nobody.
 */
#include <string.h>

#include <luajit-2.1/lauxlib.h>

#include "base/err.h"
#include "expr/script_internal.h"
#include "model/item.h"

/* The key of a table's shadow: an address that no script can name. */
static const char shadow_key;

static void
push_shadow_key(lua_State *lua)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&shadow_key);
}

struct shadow *
script_shadow(lua_State *lua, int at)
{
	struct shadow *s;

	lua_pushvalue(lua, at);
	push_shadow_key(lua);
	lua_rawget(lua, -2);
	s = lua_touserdata(lua, -1);
	lua_pop(lua, 2);
	return s;
}

/* Note in the table on top what it was made of. */
static struct shadow *
set_shadow(lua_State *lua, const struct value *v)
{
	struct shadow *const s = script_take(lua, sizeof(*s));

	s->of = v;
	s->loaded = NULL;
	push_shadow_key(lua);
	lua_pushlightuserdata(lua, s);
	lua_rawset(lua, -3);
	return s;
}

bool
script_has_meta(lua_State *lua, int at, int ref)
{
	bool same;

	if (!lua_getmetatable(lua, at))
		return false;
	script_push(lua, ref);
	same = lua_rawequal(lua, -1, -2);
	lua_pop(lua, 2);
	return same;
}

static void
push_map(lua_State *lua, const struct value *v)
{
	const size_t n = v->len / 2;

	lua_createtable(lua, 0, 4);
	struct shadow *const s = set_shadow(lua, v);
	if (n > 0) {
		s->loaded = script_take(lua, n);
		memset(s->loaded, 0, n);
	}
	script_push(lua, SCRIPT_MAP);
	lua_setmetatable(lua, -2);
}

static void
push_elements(lua_State *lua, const struct value *v, int meta)
{
	lua_createtable(lua, (int)v->len, 1);
	set_shadow(lua, v);
	for (uint32_t i = 0; i < v->len; i++) {
		script_push_value(lua, &v->kids[i]);
		lua_rawseti(lua, -2, (int)i + 1);
	}
	script_push(lua, meta);
	lua_setmetatable(lua, -2);
}

static void
push_text(lua_State *lua, const struct value *v)
{
	struct script *const s = script_of(lua);
	struct span text;

	if (value_text(v, s->mem, &text, s->err) != 0) {
		s->broke = true;
		luaL_error(lua, "out of memory");
	}
	if (v->type == VALUE_S)
		lua_pushlstring(lua, (const char *)text.ptr, text.len);
	else if (v->type == VALUE_N)
		script_push_number(lua, text);
	else
		script_push_binary(lua, text);
}

void
script_push_value(lua_State *lua, const struct value *v)
{
	luaL_checkstack(lua, 8, "too deep");
	switch (v->type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		push_text(lua, v);
		break;
	case VALUE_BOOL:
		lua_pushboolean(lua, (v->flags & VALUE_TRUE) != 0);
		break;
	case VALUE_NULL:
		lua_pushlightuserdata(lua, NULL);
		break;
	case VALUE_M:
		push_map(lua, v);
		break;
	case VALUE_L:
		push_elements(lua, v, SCRIPT_LIST);
		break;
	default:
		push_elements(lua, v, SCRIPT_SET);
		break;
	}
}

/* The attribute of a map's shadow that the key at `at` names; or NULL. */
static const struct value *
find(lua_State *lua, const struct shadow *s, int at, size_t *number)
{
	struct span name;

	if (lua_type(lua, at) != LUA_TSTRING)
		return NULL;
	name.ptr = (const uint8_t *)lua_tolstring(lua, at, &name.len);

	const struct value *const v = value_attr(s->of, name, name_hash(name));
	if (v != NULL)
		*number = (size_t)(v - s->of->kids) / 2;
	return v;
}

/* map.name, where the table has none: it may not be loaded yet. */
static int
index_map(lua_State *lua)
{
	struct shadow *const s = script_shadow(lua, 1);
	size_t i = 0;
	const struct value *const v = s != NULL ? find(lua, s, 2, &i) : NULL;

	if (v == NULL || s->loaded[i]) {
		lua_pushnil(lua);
		return 1;
	}
	s->loaded[i] = true;
	script_push_value(lua, v);
	lua_pushvalue(lua, 2);
	lua_pushvalue(lua, -2);
	lua_rawset(lua, 1);
	return 1;
}

/* map.name = value, where the table has none. */
static int
assign_map(lua_State *lua)
{
	struct shadow *const s = script_shadow(lua, 1);
	size_t i = 0;

	if (s != NULL && find(lua, s, 2, &i) != NULL)
		s->loaded[i] = true;
	lua_settop(lua, 3);
	lua_rawset(lua, 1);
	return 0;
}

void
script_load_all(lua_State *lua, int at)
{
	struct shadow *const s = script_shadow(lua, at);

	if (s == NULL || s->of->type != VALUE_M)
		return;
	lua_pushvalue(lua, at);
	for (uint32_t i = 0; i < s->of->len / 2; i++) {
		const struct value *const name = &s->of->kids[2 * i];

		if (s->loaded[i])
			continue;
		s->loaded[i] = true;
		lua_pushlstring(lua, (const char *)name->text, name->len);
		script_push_value(lua, name + 1);
		lua_rawset(lua, -3);
	}
	lua_pop(lua, 1);
}

/* A metatable that scripts can neither see nor change. */
static void
new_meta(lua_State *lua, int ref, const char *name)
{
	lua_createtable(lua, 0, 4);
	lua_pushstring(lua, name);
	lua_setfield(lua, -2, "__metatable");
	lua_pushvalue(lua, -1);
	lua_rawseti(lua, LUA_REGISTRYINDEX, ref);
}

void
script_open_tables(lua_State *lua)
{
	new_meta(lua, SCRIPT_MAP, "map");
	lua_pushcfunction(lua, index_map);
	lua_setfield(lua, -2, "__index");
	lua_pushcfunction(lua, assign_map);
	lua_setfield(lua, -2, "__newindex");
	new_meta(lua, SCRIPT_LIST, "list");
	new_meta(lua, SCRIPT_SET, "set");
	new_meta(lua, SCRIPT_BINARY, "binary");
	lua_pop(lua, 4);
}
