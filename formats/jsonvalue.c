#include "formats/jsonvalue.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/compose.h"
#include "formats/ddbjson.h"
#include "formats/itemtypes.h"
#include "model/item.h"

enum {
	SKIP_DEPTH = 64,	/* of what is left out */
	WORD_LEN = 16,		/* more than any type's tag */
};

/* ---- tokens -------------------------------------------------------------- */

void
jsonvalue_space(struct jsonwalk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' ||
				 *w->p == '\t' || *w->p == '\r'))
		w->p++;
}

/* Say what is wrong at w->p. */
static int
bad(struct jsonwalk *w, const char *why)
{
	err_set(w->err, ERR_INPUT, "%s", why);
	return JSON_BAD;
}

int
jsonvalue_wrong(struct jsonwalk *w, const char *expected)
{
	if (w->p >= w->end && !w->last)
		return JSON_MORE;
	if (w->p >= w->end)
		err_set(w->err, ERR_INPUT, "the text ends where %s should be",
			expected);
	else if (*w->p >= 0x20 && *w->p < 0x7F)
		err_set(w->err, ERR_INPUT, "'%c' where %s should be", *w->p,
			expected);
	else
		err_set(w->err, ERR_INPUT, "byte 0x%02x where %s should be",
			*w->p, expected);
	return JSON_BAD;
}

/* The next byte that is no white space, or -1. */
static inline int
peek(struct jsonwalk *w)
{
	if (w->p < w->end && *w->p > ' ')
		return *w->p;
	jsonvalue_space(w);
	return w->p < w->end ? *w->p : -1;
}

/* Step over `c`, which must come next. */
static inline int
take(struct jsonwalk *w, int c, const char *expected)
{
	if (peek(w) != c)
		return jsonvalue_wrong(w, expected);
	w->p++;
	return JSON_GOOD;
}

/* Bytes of a string from `p` on that may stand there as they are. */
static inline size_t
plain_run(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p;

	for (int i = 0; i < 24 && q < end; i++, q++)
		if (*q < 0x20 || *q == '"' || *q == '\\')
			return (size_t)(q - p);
	return (size_t)(q - p) +
	       scan_plain((struct span){ q, (size_t)(end - q) });
}

static bool
is_ascii(const uint8_t *p, size_t n)
{
	uint64_t all = 0, word;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		all |= word;
	}
	for (; i < n; i++)
		all |= p[i];
	return (all & 0x8080808080808080u) == 0;
}

int
jsonvalue_string(struct jsonwalk *w, struct span *out, bool *escaped)
{
	const uint8_t *start;

	if (peek(w) != '"')
		return jsonvalue_wrong(w, "a string in quotes");
	start = ++w->p;
	*escaped = false;
	for (;;) {
		const uint8_t *const run = w->p;
		const size_t n = plain_run(run, w->end);

		w->p += n;
		if (w->p == w->end)
			return w->last ? bad(w, "a string that does not end")
				       : JSON_MORE;
		if (!is_ascii(run, n)) {
			const size_t good = scan_utf8((struct span){ run, n });

			if (good < n) {
				w->p = run + good;
				return bad(w, "invalid UTF-8");
			}
		}
		if (*w->p == '"')
			break;
		if (*w->p == '\n')
			return bad(w, "a string that does not end");
		if (*w->p != '\\') {
			err_set(w->err, ERR_INPUT, "a control character "
				"(0x%02x) that is not escaped", *w->p);
			return JSON_BAD;
		}

		const size_t left = (size_t)(w->end - w->p);
		const size_t len = ddbjson_escape(w->p, left);
		if (len == 0)
			return left < 12 && !w->last ? JSON_MORE :
				bad(w, "invalid escape in a string");
		w->p += len;
		*escaped = true;
	}
	*out = (struct span){ start, (size_t)(w->p - start) };
	w->p++;
	return JSON_GOOD;
}

/* How many digits come next, stepped over. */
static size_t
digits(struct jsonwalk *w)
{
	const uint8_t *const start = w->p;

	while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		w->p++;
	return (size_t)(w->p - start);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? */
static int
number(struct jsonwalk *w, struct span *out)
{
	const uint8_t *const start = w->p;

	if (*w->p == '-')
		w->p++;
	if (w->p < w->end && *w->p == '0')
		w->p++;
	else if (digits(w) == 0)
		return jsonvalue_wrong(w, "a digit");
	if (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		return bad(w, "a number with a leading zero");
	if (w->p < w->end && *w->p == '.') {
		w->p++;
		if (digits(w) == 0)
			return jsonvalue_wrong(w, "a digit");
	}
	if (w->p < w->end && (*w->p | 0x20) == 'e') {
		w->p++;
		if (w->p < w->end && (*w->p == '-' || *w->p == '+'))
			w->p++;
		if (digits(w) == 0)
			return jsonvalue_wrong(w, "a digit");
	}
	if (w->p == w->end && !w->last)
		return JSON_MORE;
	*out = (struct span){ start, (size_t)(w->p - start) };
	return JSON_GOOD;
}

/* One of the words of JSON, whose first letter stands at w->p. */
static int
word(struct jsonwalk *w, const char *text)
{
	const size_t n = strlen(text), left = (size_t)(w->end - w->p);
	const size_t k = n < left ? n : left;

	if (memcmp(w->p, text, k) != 0)
		return jsonvalue_wrong(w, "a JSON value");
	if (k < n) {
		w->p = w->end;
		return jsonvalue_wrong(w, "true, false or null");
	}
	w->p += n;
	return JSON_GOOD;
}

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

	if (peek(w) != '"')
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
	return take(w, ':', "':'");
}

/* A string that is to be of this type. */
static int
text_of(struct jsonwalk *w, enum value_type type)
{
	struct span text;
	bool escaped;
	int rc;

	if (peek(w) != '"')
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
	const int c = peek(w);
	int rc;

	if (c != 't' && (c != 'f' || type == VALUE_NULL))
		return jsonvalue_wrong(w, type == VALUE_NULL ? "true"
							     : "true or false");
	rc = word(w, c == 't' ? "true" : "false");
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
	int rc = take(w, '{', "'{'");
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
		if (peek(w) != (type == VALUE_M ? '{' : '['))
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
	return rc != JSON_GOOD ? rc : take(w, '}', "'}'");
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
	const int rc = number(w, &text);

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
	const int rc = word(w, yes ? "true" : "false");

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
	if (peek(w) == '"' && w->end - w->p > 2 && w->p[1] == '$' &&
	    jsonvalue_string(w, &name, &escaped) == JSON_GOOD) {
		name.ptr++;
		name.len--;
		type = value_type_named(name);
	}
	if (type != 0 && peek(w) == ':') {
		value = ++w->p;
		if (jsonvalue_skip(w) == JSON_GOOD && peek(w) == '}') {
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
	const int c = peek(w);
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
	return rc != JSON_GOOD ? rc : take(w, '}', "'}'");
}

int
jsonvalue_plain(struct jsonwalk *w, const struct itemtypes *types)
{
	const enum value_type type = types != NULL ? types->type : 0;
	const int c = peek(w);
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
		rc = word(w, "null");
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
	const int c = peek(w);

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
	int rc = take(w, '[', "'['");

	if (rc != JSON_GOOD)
		return rc;
	if (peek(w) == ']') {
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
		const int c = peek(w);
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
	int rc = take(w, '{', "'{'");

	if (rc != JSON_GOOD)
		return rc;
	if (peek(w) == '}') {
		w->p++;
		return JSON_GOOD;
	}
	for (;;) {
		struct span name;
		bool escaped;

		if (peek(w) != '"')
			return jsonvalue_wrong(w, "an attribute name in "
					       "quotes");
		const uint8_t *const start = w->p;
		rc = jsonvalue_string(w, &name, &escaped);
		if (rc == JSON_GOOD)
			rc = composed(w, start, compose_name(w->to, name,
				escaped ? COMPOSE_ESCAPED : COMPOSE_CLEAN,
				w->err));
		if (rc == JSON_GOOD)
			rc = take(w, ':', "':'");
		if (rc == JSON_GOOD)
			rc = typed ? typed_value(w) : jsonvalue_plain(w,
				itemtypes_of_name(types,
						  compose_name_of(w->to)));
		if (rc != JSON_GOOD)
			return rc;
		const int c = peek(w);
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

/* ---- what is left out ---------------------------------------------------- */

static int
skip(struct jsonwalk *w, unsigned depth)
{
	struct span text;
	bool escaped;
	const int c = peek(w);
	int rc = JSON_GOOD;

	if (c == '"')
		return jsonvalue_string(w, &text, &escaped);
	if (c == '-' || (c >= '0' && c <= '9'))
		return number(w, &text);
	if (c == 't' || c == 'f' || c == 'n')
		return word(w, c == 't' ? "true" : c == 'f' ? "false" : "null");
	if (c != '{' && c != '[')
		return jsonvalue_wrong(w, "a JSON value");
	if (depth == SKIP_DEPTH)
		return bad(w, "nested deeper than 64 levels");

	const int end = c == '{' ? '}' : ']';
	w->p++;
	if (peek(w) == end) {
		w->p++;
		return JSON_GOOD;
	}
	for (;;) {
		if (c == '{') {
			rc = jsonvalue_string(w, &text, &escaped);
			if (rc == JSON_GOOD)
				rc = take(w, ':', "':'");
		}
		if (rc == JSON_GOOD)
			rc = skip(w, depth + 1);
		if (rc != JSON_GOOD)
			return rc;
		const int next = peek(w);
		if (next != ',' && next != end)
			return jsonvalue_wrong(w, c == '{' ? "',' or '}'"
							   : "',' or ']'");
		w->p++;
		if (next == end)
			return JSON_GOOD;
	}
}

int
jsonvalue_skip(struct jsonwalk *w)
{
	return skip(w, 0);
}
