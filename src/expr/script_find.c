/*
 * script_find.c - find, match, gmatch and gsub as Lua 5.1 has them, over the
 * patterns of script_pattern.c.
 */
#include <stdbool.h>
#include <string.h>

#include <luajit-2.1/lauxlib.h>

#include "expr/script_internal.h"

enum { ESC = '%' };

static struct span
argument(lua_State *lua, int at)
{
	struct span s;

	s.ptr = (const uint8_t *)luaL_checklstring(lua, at, &s.len);
	return s;
}

static struct script_match
begin(lua_State *lua, struct span text, struct span pattern)
{
	return (struct script_match){ .lua = lua, .src = text.ptr,
			       .end = text.ptr + text.len,
			       .pat_end = pattern.ptr + pattern.len };
}

static bool
is_plain(struct span pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (pattern.ptr[i] != 0 &&
		    strchr("^$*+?.([%-", pattern.ptr[i]) != NULL)
			return false;
	return true;
}

/* The byte that argument 3 says, from 0. */
static size_t
first_byte(lua_State *lua, size_t len)
{
	const lua_Integer i = luaL_optinteger(lua, 3, 1);

	if (i > 0)
		return (size_t)i - 1 < len ? (size_t)i - 1 : len;
	return i < 0 && (size_t)-i <= len ? len - (size_t)-i : 0;
}

static int
find_plain(lua_State *lua, struct span text, struct span what, size_t from)
{
	const uint8_t *const at = what.len == 0 ? text.ptr + from
		: memmem(text.ptr + from, text.len - from, what.ptr,
			 what.len);

	script_charge(lua, (text.len - from) / SCRIPT_STEPS);
	if (at == NULL) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, at - text.ptr + 1);
	lua_pushinteger(lua, at - text.ptr + (ptrdiff_t)what.len);
	return 2;
}

static int
find_or_match(lua_State *lua, bool find)
{
	const struct span text = argument(lua, 1);
	struct span pattern = argument(lua, 2);
	const size_t from = first_byte(lua, text.len);
	bool anchored = false;

	if (find && (lua_toboolean(lua, 4) || is_plain(pattern)))
		return find_plain(lua, text, pattern, from);
	if (pattern.len > 0 && *pattern.ptr == '^') {
		anchored = true;
		pattern.ptr++;
		pattern.len--;
	}

	struct script_match m = begin(lua, text, pattern);
	for (const uint8_t *s = text.ptr + from; s <= m.end; s++) {
		const uint8_t *const end = script_match_at(&m, s,
							    pattern.ptr);

		if (end != NULL && !find)
			return script_push_captures(&m, s, end, true);
		if (end != NULL) {
			lua_pushinteger(lua, s - text.ptr + 1);
			lua_pushinteger(lua, end - text.ptr);
			return 2 + script_push_captures(&m, s, end, false);
		}
		if (anchored)
			break;
	}
	lua_pushnil(lua);
	return 1;
}

static int
find(lua_State *lua)
{
	return find_or_match(lua, true);
}

static int
match_one(lua_State *lua)
{
	return find_or_match(lua, false);
}

/* Upvalues: text, pattern, where to go on. */
static int
match_next(lua_State *lua)
{
	const struct span text = argument(lua, lua_upvalueindex(1));
	const struct span pattern = argument(lua, lua_upvalueindex(2));
	struct script_match m = begin(lua, text, pattern);
	const size_t from = (size_t)lua_tointeger(lua, lua_upvalueindex(3));

	for (const uint8_t *s = text.ptr + from; s <= m.end; s++) {
		const uint8_t *const end = script_match_at(&m, s,
							    pattern.ptr);

		if (end == NULL)
			continue;
		lua_pushinteger(lua, end - text.ptr + (end == s));
		lua_replace(lua, lua_upvalueindex(3));
		return script_push_captures(&m, s, end, true);
	}
	return 0;
}

static int
match_each(lua_State *lua)
{
	argument(lua, 1);
	argument(lua, 2);
	lua_settop(lua, 2);
	lua_pushinteger(lua, 0);
	lua_pushcclosure(lua, match_next, 3);
	return 1;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The text of argument 3 with %0 to %9 filled in. */
static void
add_text(struct script_match *m, luaL_Buffer *b, const uint8_t *s,
	 const uint8_t *end)
{
	const struct span text = argument(m->lua, 3);

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ESC || ++i == text.len) {
			if (i < text.len)
				luaL_addchar(b, (char)text.ptr[i]);
		} else if (!is_digit(text.ptr[i])) {
			luaL_addchar(b, (char)text.ptr[i]);
		} else if (text.ptr[i] == '0') {
			luaL_addlstring(b, (const char *)s,
					(size_t)(end - s));
		} else {
			script_push_capture(m, text.ptr[i] - '1', s, end);
			if (!lua_isstring(m->lua, -1))
				luaL_error(m->lua, "invalid capture");
			luaL_addvalue(b);
		}
	}
}

/* What stands in the place of a match. */
static void
add_value(struct script_match *m, luaL_Buffer *b, const uint8_t *s,
	  const uint8_t *end)
{
	lua_State *const lua = m->lua;

	switch (lua_type(lua, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(lua, 3);
		lua_call(lua, script_push_captures(m, s, end, true), 1);
		break;
	case LUA_TTABLE:
		script_push_capture(m, 0, s, end);
		lua_gettable(lua, 3);
		break;
	default:
		add_text(m, b, s, end);
		return;
	}
	if (!lua_toboolean(lua, -1)) {
		lua_pop(lua, 1);
		lua_pushlstring(lua, (const char *)s, (size_t)(end - s));
	} else if (!lua_isstring(lua, -1)) {
		luaL_error(lua, "invalid replacement value (a %s)",
			   luaL_typename(lua, -1));
	}
	luaL_addvalue(b);
}

static int
replace(lua_State *lua)
{
	const struct span text = argument(lua, 1);
	struct span pattern = argument(lua, 2);
	const int type = lua_type(lua, 3);
	const lua_Number most = luaL_optnumber(lua, 4, (double)text.len + 1);
	const bool anchored = pattern.len > 0 && *pattern.ptr == '^';
	struct script_match m;
	const uint8_t *s = text.ptr;
	lua_Number n = 0;
	luaL_Buffer b;

	luaL_argcheck(lua, type == LUA_TNUMBER || type == LUA_TSTRING ||
		      type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
		      "string/function/table expected");
	if (type == LUA_TNUMBER)	/* as text, for add_text() */
		lua_tostring(lua, 3);
	if (anchored) {
		pattern.ptr++;
		pattern.len--;
	}
	m = begin(lua, text, pattern);
	luaL_buffinit(lua, &b);
	while (n < most) {
		const uint8_t *const end = script_match_at(&m, s,
							    pattern.ptr);

		if (end != NULL) {
			n++;
			script_enter(lua);
			add_value(&m, &b, s, end);
			script_leave(lua);
		}
		if (end != NULL && end > s)
			s = end;
		else if (s < m.end)
			luaL_addchar(&b, (char)*s++);
		else
			break;
		if (anchored)
			break;
	}
	luaL_addlstring(&b, (const char *)s, (size_t)(m.end - s));
	luaL_pushresult(&b);
	lua_pushnumber(lua, n);
	return 2;
}

void
script_open_patterns(lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "find", find }, { "match", match_one },
		{ "gmatch", match_each }, { "gsub", replace },
		{ NULL, NULL },
	};

	luaL_register(lua, NULL, functions);
}
