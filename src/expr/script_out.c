/*
 * script_out.c - what a script returned, as items again.
 *
 * What came of an item and was not changed goes out as the very value that it
 * was, so that an encoder can copy its bytes.  Attributes keep their order; new
 * ones follow, in the order of their names.
 */
#include <stdlib.h>
#include <string.h>

#include <luajit-2.1/lauxlib.h>

#include "base/err.h"
#include "base/scan.h"
#include "expr/script_internal.h"
#include "model/item.h"

enum {
	MOST_BYTES = 64 << 20,	/* of values, from one item */
};

/* Where in what was returned we are, for messages. */
struct trail {
	const struct trail *up;
	struct span name;	/* .ptr NULL: an element */
	size_t number;		/* from 1 */
	unsigned depth;
};

static bool convert(lua_State *lua, int at, const struct value *was,
		    const struct trail *trail, struct value *out);

/* Push "address.tel[2]". */
static void
push_trail(lua_State *lua, const struct trail *t)
{
	if (t->up == NULL) {
		lua_pushliteral(lua, "");
		return;
	}
	push_trail(lua, t->up);
	if (t->name.ptr == NULL) {
		lua_pushfstring(lua, "[%d]", (int)t->number);
		lua_concat(lua, 2);
		return;
	}
	lua_pushstring(lua, t->up->up == NULL ? "" : ".");
	lua_pushlstring(lua, (const char *)t->name.ptr, t->name.len);
	lua_concat(lua, 3);
}

static void __attribute__((noreturn, format(printf, 3, 4)))
refuse(lua_State *lua, const struct trail *t, const char *fmt, ...)
{
	const char *const script = script_of(lua)->name + 1;
	va_list args;

	va_start(args, fmt);
	if (t->up == NULL) {
		lua_pushfstring(lua, "%s: transform() returned ", script);
	} else {
		push_trail(lua, t);
		lua_pushfstring(lua, "%s: transform() returned '%s': ",
				script, lua_tostring(lua, -1));
	}
	lua_pushvfstring(lua, fmt, args);
	va_end(args);
	lua_concat(lua, 2);
	lua_error(lua);
	abort();
}

/* Count what a value takes; shared tables could make it grow without end. */
static void
count(lua_State *lua, const struct trail *t, size_t n)
{
	struct script *const s = script_of(lua);

	s->made += n + sizeof(struct value);
	if (s->made > MOST_BYTES)
		refuse(lua, t, "more than %d MiB", MOST_BYTES >> 20);
}

static struct span
copy(lua_State *lua, struct span text)
{
	uint8_t *const p = script_take(lua, text.len);

	if (text.len > 0)
		memcpy(p, text.ptr, text.len);
	return (struct span){ p, text.len };
}

/* A text of a type; is it the one that was there? */
static bool
put_text(lua_State *lua, const struct trail *t, enum value_type type,
	 struct span text, const struct value *was, struct value *out)
{
	struct script *const s = script_of(lua);

	if (was != NULL && was->type == type) {
		struct span old;

		if (value_text(was, s->mem, &old, s->err) != 0) {
			s->broke = true;
			luaL_error(lua, "out of memory");
		}
		if (type == VALUE_N ? decimal_compare(old, text) == 0
				    : span_equal(old, text)) {
			*out = *was;
			return true;
		}
	}
	count(lua, t, text.len);
	*out = value_of_text(type, copy(lua, text));
	return false;
}

static bool
put_string(lua_State *lua, int at, const struct value *was,
	   const struct trail *t, struct value *out)
{
	struct span text;

	text.ptr = (const uint8_t *)lua_tolstring(lua, at, &text.len);
	if (scan_utf8(text) < text.len)
		refuse(lua, t, "a string that is no UTF-8; binary(s) makes a "
		       "B of bytes");
	return put_text(lua, t, VALUE_S, text, was, out);
}

static bool
put_number(lua_State *lua, int at, const struct value *was,
	   const struct trail *t, struct value *out)
{
	char text[DECIMAL_TEXT_LEN];
	const size_t n = script_number_text(lua, at, text);

	if (n == 0)
		refuse(lua, t, "%s, which may not be exact; use decimal()",
		       lua_tostring(lua, at));
	return put_text(lua, t, VALUE_N,
			(struct span){ (const uint8_t *)text, n }, was, out);
}

static bool
put_bool(lua_State *lua, int at, const struct value *was, struct value *out)
{
	const bool yes = lua_toboolean(lua, at) != 0;

	if (was != NULL && was->type == VALUE_BOOL &&
	    ((was->flags & VALUE_TRUE) != 0) == yes) {
		*out = *was;
		return true;
	}
	*out = value_of_bool(yes);
	return false;
}

static bool
put_null(const struct value *was, struct value *out)
{
	const bool same = was != NULL && was->type == VALUE_NULL;

	*out = same ? *was : value_of_null();
	return same;
}

/* Is the key of lua_next() the one that is ours?  The other is null. */
static bool
is_shadow_key(lua_State *lua)
{
	return lua_type(lua, -2) == LUA_TLIGHTUSERDATA &&
	       lua_touserdata(lua, -2) != NULL;
}

/* ---- maps ---------------------------------------------------------------- */

/* How many names the table there has. */
static size_t
count_names(lua_State *lua, int at, const struct trail *t)
{
	size_t n = 0;

	for (lua_pushnil(lua); lua_next(lua, at) != 0; lua_pop(lua, 1)) {
		const int type = lua_type(lua, -2);

		if (type == LUA_TSTRING)
			n++;
		else if (!is_shadow_key(lua))
			refuse(lua, t, "a map with a key that is a %s",
			       lua_typename(lua, type));
	}
	return n;
}

static int
compare_names(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* The value of `name` in the table there. */
static void
get_field(lua_State *lua, int at, struct span name)
{
	lua_pushlstring(lua, (const char *)name.ptr, name.len);
	lua_rawget(lua, at);
}

/* The names that are not in `of`, sorted. */
static struct span *
find_new(lua_State *lua, int at, const struct value *of, size_t room,
	 size_t *n)
{
	struct span *const names = script_take(lua, room * sizeof(*names));

	*n = 0;
	for (lua_pushnil(lua); lua_next(lua, at) != 0; lua_pop(lua, 1)) {
		struct span name;

		if (lua_type(lua, -2) != LUA_TSTRING)
			continue;
		name.ptr = (const uint8_t *)lua_tolstring(lua, -2, &name.len);
		if (of == NULL ||
		    value_attr(of, name, name_hash(name)) == NULL)
			names[(*n)++] = name;
	}
	if (*n > 1)
		qsort(names, *n, sizeof(*names), compare_names);
	return names;
}

static void
put_new(lua_State *lua, int at, const struct value *of, size_t n,
	const struct trail *up, struct value *map)
{
	size_t nnames;
	const struct span *const names = find_new(lua, at, of, n, &nnames);

	for (size_t i = 0; i < nnames; i++) {
		const struct trail t = { up, names[i], 0, up->depth + 1 };

		if (names[i].len == 0 || names[i].len > NAME_MAX_LEN)
			refuse(lua, up, "an attribute name of %d bytes",
			       (int)names[i].len);
		if (scan_utf8(names[i]) < names[i].len)
			refuse(lua, up, "an attribute name that is no UTF-8");
		get_field(lua, at, names[i]);
		count(lua, up, names[i].len);
		map->kids[map->len] = value_of_name(copy(lua, names[i]));
		convert(lua, lua_gettop(lua), NULL, &t,
			&map->kids[map->len + 1]);
		map->len += 2;
		lua_pop(lua, 1);
	}
}

/* Attributes that were there before.  Are they as they were? */
static bool
put_old(lua_State *lua, int at, const struct shadow *s,
	const struct trail *up, struct value *map, size_t *present)
{
	bool same = true;

	for (uint32_t i = 0; i < s->of->len; i += 2) {
		const struct value *const name = &s->of->kids[i];
		struct value *const to = map->kids + map->len;
		const struct trail t = { up, { name->text, name->len }, 0,
					 up->depth + 1 };

		if (!s->loaded[i / 2]) {
			to[0] = name[0];
			to[1] = name[1];
			map->len += 2;
			continue;
		}
		get_field(lua, at, (struct span){ name->text, name->len });
		if (lua_isnil(lua, -1)) {
			same = false;
		} else {
			to[0] = name[0];
			if (!convert(lua, lua_gettop(lua), name + 1, &t,
				     &to[1]))
				same = false;
			map->len += 2;
			(*present)++;
		}
		lua_pop(lua, 1);
	}
	return same;
}

static bool
put_map(lua_State *lua, int at, const struct value *was,
	const struct trail *t, struct value *out)
{
	const struct shadow *const s = script_shadow(lua, at);
	const size_t n = count_names(lua, at, t);
	const size_t room = (s != NULL ? s->of->len : 0) + 2 * n;
	size_t present = 0;
	bool same = s != NULL;

	count(lua, t, room * sizeof(*out));
	*out = value_of_kids(VALUE_M, script_take(lua, room * sizeof(*out)),
			     0);
	if (s != NULL)
		same = put_old(lua, at, s, t, out, &present);
	if (n > present) {
		put_new(lua, at, s != NULL ? s->of : NULL, n, t, out);
		same = false;
	}
	if (!same)
		return false;
	*out = *s->of;
	return s->of == was;
}

/* ---- lists and sets ------------------------------------------------------ */

/* The length of a list that has no holes and nothing but elements. */
static size_t
list_len(lua_State *lua, int at, const struct trail *t)
{
	const size_t n = lua_objlen(lua, at);
	size_t found = 0;

	for (lua_pushnil(lua); lua_next(lua, at) != 0; lua_pop(lua, 1)) {
		const int type = lua_type(lua, -2);

		if (is_shadow_key(lua))
			continue;
		if (type != LUA_TNUMBER)
			refuse(lua, t, "a list with a key that is a %s",
			       lua_typename(lua, type));
		found++;
	}
	if (found != n)
		refuse(lua, t, "a list with a hole in it");
	return n;
}

static bool
put_list(lua_State *lua, int at, const struct value *was,
	 const struct trail *t, struct value *out)
{
	const struct shadow *const s = script_shadow(lua, at);
	const size_t n = list_len(lua, at, t);
	bool same = s != NULL && s->of->len == n;

	count(lua, t, n * sizeof(*out));
	*out = value_of_kids(VALUE_L, script_take(lua, n * sizeof(*out)),
			     (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct trail here = { t, { NULL, 0 }, i + 1, t->depth + 1 };
		const struct value *const old = s != NULL && i < s->of->len
			? &s->of->kids[i] : NULL;

		lua_rawgeti(lua, at, (int)i + 1);
		if (!convert(lua, lua_gettop(lua), old, &here, &out->kids[i]))
			same = false;
		lua_pop(lua, 1);
	}
	if (!same)
		return false;
	*out = *s->of;
	return s->of == was;
}

struct member {
	struct span text;
	uint32_t number;
};

static int
compare_members(const void *a, const void *b)
{
	const struct member *const x = a, *const y = b;
	const int c = span_compare(x->text, y->text);

	return c != 0 ? c : (x->number > y->number) - (x->number < y->number);
}

/* Leave out what is there already.  Members that are equal have equal texts. */
static void
merge(lua_State *lua, struct value *set)
{
	struct script *const s = script_of(lua);
	struct member *const m = script_take(lua, set->len * sizeof(*m));
	char canonical[DECIMAL_TEXT_LEN];
	uint32_t n = 0;

	for (uint32_t i = 0; i < set->len; i++) {
		m[i].number = i;
		if (value_text(&set->kids[i], s->mem, &m[i].text,
			       s->err) != 0) {
			s->broke = true;
			luaL_error(lua, "out of memory");
		}
		if (set->type != VALUE_NS)
			continue;
		m[i].text = copy(lua, (struct span){
			(const uint8_t *)canonical,
			decimal_canonical(m[i].text, canonical) });
	}
	qsort(m, set->len, sizeof(*m), compare_members);
	for (uint32_t i = 1; i < set->len; i++)
		if (span_equal(m[i - 1].text, m[i].text))
			set->kids[m[i].number].type = 0;
	for (uint32_t i = 0; i < set->len; i++)
		if (set->kids[i].type != 0)
			set->kids[n++] = set->kids[i];
	set->len = n;
}

static bool
put_set(lua_State *lua, int at, const struct value *was,
	const struct trail *t, struct value *out)
{
	const struct shadow *const s = script_shadow(lua, at);
	const bool same = put_list(lua, at, was, t, out);

	if (s != NULL && out->kids == s->of->kids)
		return same;
	if (out->len == 0)
		refuse(lua, t, "an empty set, which DynamoDB has none of");
	const uint8_t type = out->kids[0].type;
	for (uint32_t i = 0; i < out->len; i++)
		if (out->kids[i].type != type || type > VALUE_B)
			refuse(lua, t, "a set of other things than strings, "
			       "numbers or binaries, or of several of them");
	out->type = (uint8_t)(type - VALUE_S + VALUE_SS);
	if (out->len > 1)
		merge(lua, out);
	return false;
}

/* ---- any value ----------------------------------------------------------- */

/* A table of the script's own is a list if it has elements, else a map. */
static bool
put_table(lua_State *lua, int at, const struct value *was,
	  const struct trail *t, struct value *out)
{
	if (script_has_meta(lua, at, SCRIPT_SET))
		return put_set(lua, at, was, t, out);
	if (script_has_meta(lua, at, SCRIPT_LIST) ||
	    (!script_has_meta(lua, at, SCRIPT_MAP) && lua_objlen(lua, at) > 0))
		return put_list(lua, at, was, t, out);
	return put_map(lua, at, was, t, out);
}

/* Convert the value there.  Is it `was`, unchanged? */
static bool
convert(lua_State *lua, int at, const struct value *was,
	const struct trail *t, struct value *out)
{
	const int type = lua_type(lua, at);

	if (t->depth > ITEM_MAX_DEPTH)
		refuse(lua, t, "deeper than %d levels", ITEM_MAX_DEPTH);
	luaL_checkstack(lua, 8, "too deep");
	count(lua, t, 0);
	switch (type) {
	case LUA_TSTRING:
		return put_string(lua, at, was, t, out);
	case LUA_TNUMBER:
		return put_number(lua, at, was, t, out);
	case LUA_TBOOLEAN:
		return put_bool(lua, at, was, out);
	case LUA_TLIGHTUSERDATA:
		return put_null(was, out);
	case LUA_TTABLE:
		return put_table(lua, at, was, t, out);
	default:
		if (script_is_binary(lua, at))
			return put_text(lua, t, VALUE_B,
					script_binary_text(lua, at), was, out);
		if (script_is_decimal(lua, at))
			return put_number(lua, at, was, t, out);
		refuse(lua, t, "a %s, which is no value", luaL_typename(lua,
									at));
	}
}

/* ---- results ------------------------------------------------------------- */

/*
 * A map from within the item becomes one: it needs slots of its own, and where
 * it stands in the input is not where an item does.
 */
static void
set_free(lua_State *lua, int at, struct value *map)
{
	const struct shadow *const from = script_shadow(lua, at);
	struct script *const s = script_of(lua);

	if (from == NULL || from->of == &s->item->map ||
	    map->kids != from->of->kids)
		return;

	const size_t len = map->len * sizeof(*map);
	struct value *const kids = script_take(lua, len);
	if (len > 0)
		memcpy(kids, map->kids, len);
	map->kids = kids;
	map->flags &= (uint8_t)~VALUE_RAW;
}

static void
add_item(lua_State *lua, int at)
{
	static const struct trail top = { 0 };
	struct script *const s = script_of(lua);

	if (lua_type(lua, at) != LUA_TTABLE ||
	    script_has_meta(lua, at, SCRIPT_SET))
		refuse(lua, &top, "a %s, not an item",
		       script_type_name(lua, at));
	if (s->nout == s->out_cap) {
		const size_t cap = s->out_cap > 0 ? 2 * s->out_cap : 4;
		struct value *const more = script_take(lua,
						       cap * sizeof(*more));

		if (s->nout > 0)
			memcpy(more, s->out, s->nout * sizeof(*more));
		s->out = more;
		s->out_cap = cap;
	}
	put_map(lua, at, &s->item->map, &top, &s->out[s->nout]);
	set_free(lua, at, &s->out[s->nout]);
	s->nout++;
}

/* Is it a list of items, not one?  No item has elements. */
static bool
is_list(lua_State *lua, int at)
{
	if (lua_type(lua, at) != LUA_TTABLE ||
	    script_has_meta(lua, at, SCRIPT_MAP))
		return false;
	if (script_has_meta(lua, at, SCRIPT_LIST) || lua_objlen(lua, at) > 0)
		return true;
	lua_pushnil(lua);
	if (lua_next(lua, at) == 0)
		return true;		/* {}: of none */
	lua_pop(lua, 2);
	return false;
}

void
script_collect(lua_State *lua, int first)
{
	static const struct trail top = { 0 };
	const int last = lua_gettop(lua);

	luaL_checkstack(lua, 16, "too many results");
	for (int at = first; at <= last; at++) {
		if (lua_isnil(lua, at))
			continue;
		if (!is_list(lua, at)) {
			add_item(lua, at);
			continue;
		}
		const size_t n = list_len(lua, at, &top);
		for (size_t i = 0; i < n; i++) {
			lua_rawgeti(lua, at, (int)i + 1);
			add_item(lua, lua_gettop(lua));
			lua_pop(lua, 1);
		}
	}
}
