#include "formats/jsonvalue.h"

#include "base/arena.h"
#include "base/err.h"
#include "formats/compose.h"
#include "formats/itemtypes.h"
#include "formats/jsonvalue_internal.h"
#include "model/item.h"

/* What compose.h said of a value that ends at w->p and begins at `start`. */
static int
composed(struct jsonwalk *w, const uint8_t *start, int rc)
{
	if (rc == 0)
		w->p = start;
	return rc;
}

/* ---- typed values -------------------------------------------------------- */

static int members(struct jsonwalk *w, bool typed,
		   const struct itemtypes *types);

/* The tag of a typed value, with its colon. */
static int
tag(struct jsonwalk *w, enum value_type *type)
{
	struct span name;
	bool escaped;
	int rc;

	if (jsonvalue_peek(w) != '"')
		return jsonvalue_wrong(w, "a type in quotes");
	const uint8_t *const start = w->p;
	rc = jsonvalue_string(w, &name, &escaped);
	if (rc != JSON_GOOD)
		return rc;
	*type = value_type_named(name);
	if (*type == 0) {
		w->p = start + 1;
		err_set(w->err, ERR_INPUT, "'%.*s' is not a DynamoDB type "
			"(S, N, B, BOOL, NULL, M, L, SS, NS, BS)",
			(int)(name.len < 40 ? name.len : 40),
			(const char *)name.ptr);
		return JSON_BAD;
	}
	return jsonvalue_take(w, ':', "':'");
}

/* A string that is to be of this type. */
static int
text_of(struct jsonwalk *w, enum value_type type)
{
	struct span text;
	bool escaped;
	int rc;

	if (jsonvalue_peek(w) != '"')
		return jsonvalue_wrong(w, "a string in quotes");
	const uint8_t *const start = w->p;
	rc = jsonvalue_string(w, &text, &escaped);
	if (rc != JSON_GOOD)
		return rc;
	return composed(w, start + 1,
			compose_text(w->to, type, text, escaped
				     ? COMPOSE_ESCAPED : COMPOSE_CLEAN,
				     w->err));
}

static int
typed_bool(struct jsonwalk *w, enum value_type type)
{
	const int c = jsonvalue_peek(w);
	int rc;

	if (c != 't' && (c != 'f' || type == VALUE_NULL))
		return jsonvalue_wrong(w, type == VALUE_NULL ? "true"
							     : "true or false");
	rc = jsonvalue_word(w, c == 't' ? "true" : "false");
	if (rc != JSON_GOOD)
		return rc;
	return type == VALUE_NULL ? compose_null(w->to, w->err)
				  : compose_bool(w->to, c == 't', w->err);
}

static int elements(struct jsonwalk *w, enum value_type type, bool typed,
		    const struct itemtypes *types);

static int
typed_value(struct jsonwalk *w)
{
	enum value_type type = 0;
	int rc = jsonvalue_take(w, '{', "'{'");
	const uint8_t *const start = w->p - 1;

	if (rc != JSON_GOOD || (rc = tag(w, &type)) != JSON_GOOD)
		return rc;
	switch (type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		rc = text_of(w, type);
		break;
	case VALUE_BOOL:
	case VALUE_NULL:
		rc = typed_bool(w, type);
		break;
	default:
		if (jsonvalue_peek(w) != (type == VALUE_M ? '{' : '['))
			return jsonvalue_wrong(w, type == VALUE_M ? "'{'"
								  : "'['");
		rc = composed(w, start, compose_open(w->to, type, w->err));
		if (rc != JSON_GOOD)
			return rc;
		rc = type == VALUE_M ? members(w, true, NULL)
				     : elements(w, type, true, NULL);
		if (rc == JSON_GOOD)
			rc = composed(w, w->p - 1,
				      compose_close(w->to, w->err));
	}
	return rc != JSON_GOOD ? rc : jsonvalue_take(w, '}', "'}'");
}

/* ---- plain values -------------------------------------------------------- */

static int
unfit(struct jsonwalk *w, const uint8_t *start, const char *what,
      enum value_type type)
{
	w->p = start;
	err_set(w->err, ERR_INPUT, "%s where 'types' says %s", what,
		value_type_name(type));
	return JSON_BAD;
}

/* A string where `types` says something, or a set's member. */
static int
typed_text(struct jsonwalk *w, const uint8_t *start, enum value_type type,
	   struct span text, bool escaped)
{
	const struct value v = {
		.text = text.ptr, .len = (uint32_t)text.len, .type = VALUE_S,
		.flags = escaped ? VALUE_RAW | VALUE_ESC : VALUE_RAW,
	};

	switch (type) {
	case VALUE_S:
		return compose_text(w->to, type, text, escaped
				    ? COMPOSE_ESCAPED : COMPOSE_CLEAN, w->err);
	case VALUE_N:
	case VALUE_B:
		if (value_text(&v, w->mem, &text, w->err) != 0)
			return JSON_NO_MEMORY;
		return composed(w, start, compose_text(w->to, type, text,
						       COMPOSE_PLAIN, w->err));
	case VALUE_BOOL:
		if (span_is(text, "true") || span_is(text, "false"))
			return compose_bool(w->to, span_is(text, "true"),
					    w->err);
		return unfit(w, start, "a string", type);
	default:
		return unfit(w, start, "a string", type);
	}
}

static int
plain_string(struct jsonwalk *w, enum value_type type)
{
	const uint8_t *const start = w->p;
	struct span text;
	bool escaped;
	const int rc = jsonvalue_string(w, &text, &escaped);

	return rc != JSON_GOOD ? rc :
		typed_text(w, start, type != 0 ? type : VALUE_S, text, escaped);
}

static int
plain_number(struct jsonwalk *w, enum value_type type)
{
	const uint8_t *const start = w->p;
	struct span text;
	const int rc = jsonvalue_number(w, &text);

	if (rc != JSON_GOOD)
		return rc;
	if (type == 0)
		type = VALUE_N;
	if (type != VALUE_N && type != VALUE_S)
		return unfit(w, start, "a number", type);
	return composed(w, start, compose_text(w->to, type, text,
					       COMPOSE_CLEAN, w->err));
}

static int
plain_bool(struct jsonwalk *w, enum value_type type)
{
	const uint8_t *const start = w->p;
	const bool yes = *start == 't';
	const int rc = jsonvalue_word(w, yes ? "true" : "false");

	if (rc != JSON_GOOD)
		return rc;
	if (type != 0 && type != VALUE_BOOL)
		return unfit(w, start, yes ? "true" : "false", type);
	return compose_bool(w->to, yes, w->err);
}

static int
plain_container(struct jsonwalk *w, const struct itemtypes *types, bool map)
{
	const uint8_t *const start = w->p;
	enum value_type type = types != NULL ? types->type : 0;
	int rc;

	if (type == 0)
		type = map ? VALUE_M : VALUE_L;
	if (map ? type != VALUE_M : type < VALUE_L)
		return unfit(w, start, map ? "an object" : "an array", type);
	rc = composed(w, start, compose_open(w->to, type, w->err));
	if (rc != JSON_GOOD)
		return rc;
	rc = map ? members(w, false, types) : elements(w, type, false, types);
	return rc != JSON_GOOD ? rc :
		composed(w, start, compose_close(w->to, w->err));
}

/*
 * The tag of the object that begins at w->p, if it is one and nothing stands
 * beside it, stepped over with its colon; else w->p stays, and 0 is returned.
 */
static enum value_type
find_tag(struct jsonwalk *w)
{
	const uint8_t *const start = w->p, *value;
	enum value_type type = 0;
	struct span name;
	bool escaped;

	w->p++;
	if (jsonvalue_peek(w) == '"' && w->end - w->p > 2 && w->p[1] == '$' &&
	    jsonvalue_string(w, &name, &escaped) == JSON_GOOD) {
		name.ptr++;
		name.len--;
		type = value_type_named(name);
	}
	if (type != 0 && jsonvalue_peek(w) == ':') {
		value = ++w->p;
		if (jsonvalue_skip(w) == JSON_GOOD &&
		    jsonvalue_peek(w) == '}') {
			w->p = value;
			return type;
		}
	}
	w->p = start;
	return 0;
}

/* {"$SS": ...} behind its colon. */
static int
tagged_value(struct jsonwalk *w, enum value_type type)
{
	const struct itemtypes of = { .type = type };
	const int c = jsonvalue_peek(w);
	const bool number = c == '-' || (c >= '0' && c <= '9');
	int rc;

	if (type <= VALUE_B && c != '"' && !(type == VALUE_N && number))
		return jsonvalue_wrong(w, "a string in quotes");
	if (type == VALUE_BOOL && c != 't' && c != 'f')
		return jsonvalue_wrong(w, "true or false");
	if (type == VALUE_NULL && c != 'n')
		return jsonvalue_wrong(w, "null");
	if (type >= VALUE_M && c != (type == VALUE_M ? '{' : '['))
		return jsonvalue_wrong(w, type == VALUE_M ? "'{'" : "'['");
	rc = jsonvalue_plain(w, &of);
	return rc != JSON_GOOD ? rc : jsonvalue_take(w, '}', "'}'");
}

int
jsonvalue_plain(struct jsonwalk *w, const struct itemtypes *types)
{
	const enum value_type type = types != NULL ? types->type : 0;
	const int c = jsonvalue_peek(w);
	int rc;

	switch (c) {
	case '"':
		return plain_string(w, type);
	case '{':
		if (w->tagged && types == NULL) {
			const enum value_type tag = find_tag(w);

			if (tag != 0)
				return tagged_value(w, tag);
		}
		return plain_container(w, types, true);
	case '[':
		return plain_container(w, types, false);
	case 't':
	case 'f':
		return plain_bool(w, type);
	case 'n':
		/* No value, so of no type either. */
		rc = jsonvalue_word(w, "null");
		return rc != JSON_GOOD ? rc : compose_null(w->to, w->err);
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return plain_number(w, type);
		return jsonvalue_wrong(w, "a JSON value");
	}
}

/* ---- containers ---------------------------------------------------------- */

/* A member of a set: text, or of a plain NS a number. */
static int
member(struct jsonwalk *w, enum value_type type, bool typed)
{
	const int c = jsonvalue_peek(w);

	if (typed)
		return text_of(w, type);
	if (c == '"')
		return plain_string(w, type);
	if (type == VALUE_N && (c == '-' || (c >= '0' && c <= '9')))
		return plain_number(w, type);
	return jsonvalue_wrong(w, type == VALUE_N ? "a number, a member of NS,"
			       : "a string, a member of the set,");
}

/* What stands between the brackets of a list or set, and those. */
static int
elements(struct jsonwalk *w, enum value_type type, bool typed,
	 const struct itemtypes *types)
{
	const struct value set = { .type = (uint8_t)type };
	int rc = jsonvalue_take(w, '[', "'['");

	if (rc != JSON_GOOD)
		return rc;
	if (jsonvalue_peek(w) == ']') {
		w->p++;
		return JSON_GOOD;
	}
	for (uint32_t i = 0;; i++) {
		if (type != VALUE_L)
			rc = member(w, value_member_type(&set), typed);
		else if (typed)
			rc = typed_value(w);
		else
			rc = jsonvalue_plain(w, itemtypes_of_element(types, i));
		if (rc != JSON_GOOD)
			return rc;
		const int c = jsonvalue_peek(w);
		if (c != ',' && c != ']')
			return jsonvalue_wrong(w, "',' or ']'");
		w->p++;
		if (c == ']')
			return JSON_GOOD;
	}
}

static int
members(struct jsonwalk *w, bool typed, const struct itemtypes *types)
{
	int rc = jsonvalue_take(w, '{', "'{'");

	if (rc != JSON_GOOD)
		return rc;
	if (jsonvalue_peek(w) == '}') {
		w->p++;
		return JSON_GOOD;
	}
	for (;;) {
		struct span name;
		bool escaped;

		if (jsonvalue_peek(w) != '"')
			return jsonvalue_wrong(w, "an attribute name in "
					       "quotes");
		const uint8_t *const start = w->p;
		rc = jsonvalue_string(w, &name, &escaped);
		if (rc == JSON_GOOD)
			rc = composed(w, start, compose_name(w->to, name,
				escaped ? COMPOSE_ESCAPED : COMPOSE_CLEAN,
				w->err));
		if (rc == JSON_GOOD)
			rc = jsonvalue_take(w, ':', "':'");
		if (rc == JSON_GOOD)
			rc = typed ? typed_value(w) : jsonvalue_plain(w,
				itemtypes_of_name(types,
						  compose_name_of(w->to)));
		if (rc != JSON_GOOD)
			return rc;
		const int c = jsonvalue_peek(w);
		if (c != ',' && c != '}')
			return jsonvalue_wrong(w, "',' or '}'");
		w->p++;
		if (c == '}')
			return JSON_GOOD;
	}
}

int
jsonvalue_item(struct jsonwalk *w, bool typed, const struct itemtypes *types)
{
	return members(w, typed, types);
}
