/*
 * script_decimal.c - numbers, exact.
 *
 * A whole number of up to 15 digits is a number of Lua, which is exact.  Any
 * other is a decimal: a value of LuaJIT's ffi, because those, unlike tables and
 * userdata, can be compared with Lua's numbers (`price > 10`).  All arithmetic
 * on decimals gives a Lua number again where one will do, so that two equal
 * numbers are equal in Lua whatever way they came about.
 *
 * A script cannot get at ffi itself, and can read but not write the words that
 * a decimal is made of.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/lualib.h>

#include "base/err.h"
#include "expr/script_internal.h"

enum {
	EXACT_DIGITS = 15,	/* of a whole number that is one of Lua's */
	CDATA_LEN = 48,		/* of a decimal: sign, 38 digits, exponent */
	LUA_TCDATA = 10,
};

static const double most_exact = 9007199254740991.0;	/* 2^53 - 1 */

static const char make_type[] =
	"local ffi, meta = ...\n"
	"local type = ffi.metatype("
	"'struct { const uint64_t a, b, c, d, e, f; }', meta)\n"
	"local istype = ffi.istype\n"
	"return type, function(x) return istype(type, x) end\n";

bool
script_is_decimal(lua_State *lua, int at)
{
	bool yes;

	if (lua_type(lua, at) != LUA_TCDATA)
		return false;
	lua_pushvalue(lua, at);
	script_push(lua, SCRIPT_IS_DECIMAL);
	lua_insert(lua, -2);
	lua_call(lua, 1, 1);
	yes = lua_toboolean(lua, -1) != 0;
	lua_pop(lua, 1);
	return yes;
}

/*
 * Canonical text as it is kept: short, with an exponent where there are many
 * zeros in front or behind.
 */
static void
shorten(const char *text, size_t len, char out[CDATA_LEN])
{
	size_t at = 0, n = 0;

	memset(out, 0, CDATA_LEN);
	if (len < CDATA_LEN) {
		memcpy(out, text, len);
		return;
	}
	if (text[0] == '-')
		out[n++] = text[at++];

	const char *const point = memchr(text, '.', len);
	size_t end = len;
	int exponent = 0;
	if (point != NULL) {		/* 0.000ddd */
		exponent = -(int)(len - (size_t)(point - text) - 1);
		at = (size_t)(point - text) + 1;
		while (at < end && text[at] == '0')
			at++;
	} else {			/* ddd000 */
		while (text[end - 1] == '0') {
			end--;
			exponent++;
		}
	}
	assert(n + end - at + 6 < CDATA_LEN);
	memcpy(out + n, text + at, end - at);
	n += end - at;
	out[n++] = 'E';
	if (exponent < 0) {
		out[n++] = '-';
		exponent = -exponent;
	}
	out[n++] = (char)('0' + exponent / 100);
	out[n++] = (char)('0' + exponent / 10 % 10);
	out[n] = (char)('0' + exponent % 10);
}

/* Push a number of which this is the canonical text. */
static void
push_canonical(lua_State *lua, const char *text, size_t len)
{
	const size_t sign = text[0] == '-';

	if (len - sign <= EXACT_DIGITS && memchr(text, '.', len) == NULL) {
		int64_t n = 0;

		for (size_t i = sign; i < len; i++)
			n = 10 * n + (text[i] - '0');
		lua_pushnumber(lua, (double)(sign ? -n : n));
		return;
	}
	script_push(lua, SCRIPT_DECIMAL);
	lua_call(lua, 0, 1);
	shorten(text, len, (char *)(uintptr_t)lua_topointer(lua, -1));
}

void
script_push_number(lua_State *lua, struct span text)
{
	char canonical[DECIMAL_TEXT_LEN];

	push_canonical(lua, canonical, decimal_canonical(text, canonical));
}

/* A whole number of Lua's. */
static size_t
print_whole(double x, char *out)
{
	uint64_t n = (uint64_t)fabs(x);
	char digits[20];
	size_t k = sizeof(digits), len = 0;

	do {
		digits[--k] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	if (x < 0)
		out[len++] = '-';
	memcpy(out + len, digits + k, sizeof(digits) - k);
	return len + sizeof(digits) - k;
}

size_t
script_number_text(lua_State *lua, int at, char out[DECIMAL_TEXT_LEN])
{
	if (lua_type(lua, at) == LUA_TNUMBER) {
		const double x = lua_tonumber(lua, at);

		return fabs(x) <= most_exact && floor(x) == x
			? print_whole(x, out) : 0;
	}
	if (!script_is_decimal(lua, at))
		return 0;

	const char *const text = lua_topointer(lua, at);
	return decimal_canonical((struct span){ (const uint8_t *)text,
						strnlen(text, CDATA_LEN) },
				 out);
}

/* The text of an operand; an error of Lua if it is no exact number. */
static struct span
operand(lua_State *lua, int at, char out[DECIMAL_TEXT_LEN])
{
	const size_t len = script_number_text(lua, at, out);

	if (len == 0 && lua_type(lua, at) == LUA_TNUMBER)
		luaL_error(lua, "%s may not be exact; write decimal('%s')",
			   lua_tostring(lua, at), lua_tostring(lua, at));
	if (len == 0)
		luaL_error(lua, "arithmetic on a %s; decimal(text) makes a "
			   "number of a text", luaL_typename(lua, at));
	return (struct span){ (const uint8_t *)out, len };
}

typedef size_t operation(struct span a, struct span b, char *out,
			 struct err *err);

static int
calculate(lua_State *lua, operation *what)
{
	char a[DECIMAL_TEXT_LEN], b[DECIMAL_TEXT_LEN], out[DECIMAL_TEXT_LEN];
	struct err err;
	const size_t n = what(operand(lua, 1, a), operand(lua, 2, b), out,
			      &err);

	if (n == 0)
		return luaL_error(lua, "%s", err.text);
	push_canonical(lua, out, n);
	return 1;
}

static int
add(lua_State *lua)
{
	return calculate(lua, decimal_add);
}

static int
subtract(lua_State *lua)
{
	return calculate(lua, decimal_sub);
}

static int
multiply(lua_State *lua)
{
	return calculate(lua, decimal_mul);
}

static int
divide(lua_State *lua)
{
	return calculate(lua, decimal_div);
}

static int
negate(lua_State *lua)
{
	lua_settop(lua, 1);
	lua_pushinteger(lua, 0);
	lua_insert(lua, 1);
	return calculate(lua, decimal_sub);
}

static int
compare(lua_State *lua)
{
	char a[DECIMAL_TEXT_LEN], b[DECIMAL_TEXT_LEN];

	return decimal_compare(operand(lua, 1, a), operand(lua, 2, b));
}

static int
is_less(lua_State *lua)
{
	lua_pushboolean(lua, compare(lua) < 0);
	return 1;
}

static int
is_at_most(lua_State *lua)
{
	lua_pushboolean(lua, compare(lua) <= 0);
	return 1;
}

/* Equal to something that is no number it is not. */
static int
is_equal(lua_State *lua)
{
	char a[DECIMAL_TEXT_LEN], b[DECIMAL_TEXT_LEN];
	const size_t n = script_number_text(lua, 1, a);
	const size_t m = script_number_text(lua, 2, b);

	lua_pushboolean(lua, n > 0 && n == m && memcmp(a, b, n) == 0);
	return 1;
}

static int
to_text(lua_State *lua)
{
	char out[DECIMAL_TEXT_LEN];

	lua_pushlstring(lua, out, script_number_text(lua, 1, out));
	return 1;
}

static int
append(lua_State *lua)
{
	for (int i = 1; i <= 2; i++) {
		char out[DECIMAL_TEXT_LEN];

		luaL_argcheck(lua, lua_isstring(lua, i) ||
			      script_is_decimal(lua, i), i, "a text or number "
			      "expected");
		if (script_is_decimal(lua, i))
			lua_pushlstring(lua, out,
					script_number_text(lua, i, out));
		else
			lua_pushvalue(lua, i);
	}
	lua_concat(lua, 2);
	return 1;
}

/* What there is no exact way for. */
static int
refuse(lua_State *lua)
{
	return luaL_error(lua, "a decimal takes + - * / and comparisons, "
			  "not %% or ^");
}

static int
compare_two(lua_State *lua)
{
	const int c = compare(lua);

	lua_pushinteger(lua, (c > 0) - (c < 0));
	return 1;
}

static int
round_to(lua_State *lua)
{
	char a[DECIMAL_TEXT_LEN], out[DECIMAL_TEXT_LEN];
	const lua_Integer digits = luaL_optinteger(lua, 2, 0);
	struct err err;

	if (digits < -130 || digits > 130)
		return luaL_error(lua, "digits must be -130 to 130");
	const size_t n = decimal_round(operand(lua, 1, a), (int)digits, out,
				       &err);
	if (n == 0)
		return luaL_error(lua, "%s", err.text);
	push_canonical(lua, out, n);
	return 1;
}

static int
magnitude(lua_State *lua)
{
	char a[DECIMAL_TEXT_LEN], out[DECIMAL_TEXT_LEN];

	push_canonical(lua, out, decimal_abs(operand(lua, 1, a), out));
	return 1;
}

/* decimal(x), of a text or a number.  Argument 1 is `decimal` itself. */
static int
make(lua_State *lua)
{
	struct err err;
	struct span text;

	if (lua_type(lua, 2) != LUA_TSTRING) {
		char out[DECIMAL_TEXT_LEN];

		text = operand(lua, 2, out);
		push_canonical(lua, out, text.len);
		return 1;
	}
	text.ptr = (const uint8_t *)lua_tolstring(lua, 2, &text.len);
	if (decimal_check(text, &err) != 0)
		return luaL_error(lua, "decimal(): %s", err.text);
	script_push_number(lua, text);
	return 1;
}

void
script_open_decimal(lua_State *lua)
{
	static const luaL_Reg meta[] = {
		{ "__add", add }, { "__sub", subtract },
		{ "__mul", multiply }, { "__div", divide },
		{ "__unm", negate }, { "__lt", is_less },
		{ "__le", is_at_most }, { "__eq", is_equal },
		{ "__tostring", to_text }, { "__concat", append },
		{ "__mod", refuse }, { "__pow", refuse },
		{ NULL, NULL },
	};
	static const luaL_Reg functions[] = {
		{ "add", add }, { "sub", subtract }, { "mul", multiply },
		{ "div", divide }, { "compare", compare_two },
		{ "round", round_to }, { "abs", magnitude },
		{ NULL, NULL },
	};

	if (luaL_loadbuffer(lua, make_type, sizeof(make_type) - 1,
			    "=decimal") != 0)
		lua_error(lua);
	lua_pushcfunction(lua, luaopen_ffi);
	lua_call(lua, 0, 1);
	lua_createtable(lua, 0, 12);
	luaL_register(lua, NULL, meta);
	lua_call(lua, 2, 2);
	lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_IS_DECIMAL);
	lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_DECIMAL);

	lua_createtable(lua, 0, 8);
	luaL_register(lua, NULL, functions);
	script_seal(lua);
	lua_getmetatable(lua, -1);
	lua_pushcfunction(lua, make);
	lua_setfield(lua, -2, "__call");
	lua_pop(lua, 1);
	lua_setfield(lua, -2, "decimal");
}
