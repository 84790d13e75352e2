/*
 * dumpjson_sniff.c - which kind of JSON it is, by its first item.
 *
 * Nothing is checked here but what tells the kinds apart: whoever reads it then
 * will say what is wrong with it.
 */
#include "formats/dumpjson.h"

#include <stdbool.h>
#include <string.h>

#include "model/item.h"

/* NULL in `p`: the text ended. */
struct look {
	const uint8_t *p, *end;
};

/* The next byte that is no white space, or -1. */
static int
peek(struct look *l)
{
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\n' ||
				 *l->p == '\t' || *l->p == '\r'))
		l->p++;
	return l->p < l->end ? *l->p : -1;
}

static bool
take(struct look *l, int c)
{
	if (peek(l) != c)
		return false;
	l->p++;
	return true;
}

/* Past the string at l->p; its text.  .ptr NULL if it does not end. */
static struct span
string(struct look *l)
{
	const uint8_t *const start = ++l->p;

	for (; l->p < l->end; l->p++) {
		if (*l->p == '"')
			return (struct span){ start,
					      (size_t)(l->p++ - start) };
		if (*l->p == '\\')
			l->p++;
	}
	l->p = l->end;
	return (struct span){ NULL, 0 };
}

/* Past any value, by its brackets.  False if it does not end. */
static bool
pass(struct look *l)
{
	size_t depth = 0;

	for (int c; (c = peek(l)) >= 0;) {
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return true;
		if (c == '"') {
			if (string(l).ptr == NULL)
				return false;
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			l->p++;
		}
	}
	return false;
}

/* Can a value of this type begin with `c`? */
static bool
fits(enum value_type type, int c)
{
	switch (type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		return c == '"';
	case VALUE_BOOL:
		return c == 't' || c == 'f';
	case VALUE_NULL:
		return c == 't';
	case VALUE_M:
		return c == '{';
	default:
		return c == '[';
	}
}

/* Ended too early, or was it something else? */
static enum dumpjson_look
other(struct look *l)
{
	return peek(l) < 0 ? DUMPJSON_UNSURE : DUMPJSON_OTHER;
}

/*
 * A name and the beginning of a typed value, up to where that holds it; does
 * that fit its type?
 */
static enum dumpjson_look
tagged(struct look *l, bool *fitting)
{
	if (peek(l) != '"')
		return other(l);
	if (string(l).ptr == NULL)
		return DUMPJSON_UNSURE;
	if (!take(l, ':') || !take(l, '{') || peek(l) != '"')
		return other(l);

	const struct span tag = string(l);
	const enum value_type type = tag.ptr != NULL ? value_type_named(tag)
						     : 0;
	if (tag.ptr == NULL)
		return DUMPJSON_UNSURE;
	if (type == 0)
		return DUMPJSON_OTHER;
	if (!take(l, ':') || peek(l) < 0)
		return other(l);
	*fitting = fits(type, peek(l));
	return DUMPJSON_TYPED;
}

/* One attribute, up to what follows it; *any is set if it fits its type. */
static enum dumpjson_look
attribute(struct look *l, bool *any)
{
	bool fitting;
	const enum dumpjson_look begin = tagged(l, &fitting);

	if (begin != DUMPJSON_TYPED)
		return begin;
	*any |= fitting;
	if (!pass(l))
		return DUMPJSON_UNSURE;
	return take(l, '}') ? DUMPJSON_TYPED : DUMPJSON_OTHER;
}

enum dumpjson_look
dumpjson_look(struct span text)
{
	struct look l = { text.ptr, text.ptr + text.len };
	bool any = false;

	if (!take(&l, '{'))
		return other(&l);
	if (peek(&l) == '}')
		return DUMPJSON_EMPTY;
	for (;;) {
		const enum dumpjson_look one = attribute(&l, &any);

		if (one != DUMPJSON_TYPED)
			return one;
		/* {"N":1} among those that fit is a mistake, to be told. */
		if (take(&l, '}'))
			return any ? DUMPJSON_TYPED : DUMPJSON_OTHER;
		if (!take(&l, ','))
			return other(&l);
	}
}

/* ---- the first item ------------------------------------------------------ */

/* To the first object; *list says whether it is in an array. */
static bool
begin(struct look *l, struct span head, bool *list)
{
	*l = (struct look){ head.ptr, head.ptr + head.len };
	if (head.len >= 3 && memcmp(head.ptr, "\xEF\xBB\xBF", 3) == 0)
		l->p += 3;
	*list = take(l, '[');
	return peek(l) == '{';
}

int
dumpjson_sniff_plain(struct span head)
{
	struct look l;
	bool list, empty = false;

	if (!begin(&l, head, &list))
		return list && (peek(&l) == ']' || peek(&l) < 0) ? 4 : 0;
	/* Empty ones say nothing. */
	while (take(&l, '{') && peek(&l) == '}') {
		l.p++;
		take(&l, ',');
		empty = true;
	}
	if (peek(&l) != '"')
		return empty && peek(&l) != '{' ? 8 : 0;
	/* Behind an empty one, DynamoDB JSON is still that. */
	return empty && span_is(string(&l), "Item") ? 0 : 12;
}

int
dumpjson_sniff_typed(struct span head)
{
	struct look l;
	bool list;

	if (!begin(&l, head, &list))
		return 0;
	/* Empty ones say nothing; the first that is not, does. */
	for (;;) {
		const struct span rest = { l.p, (size_t)(l.end - l.p) };
		const enum dumpjson_look look = dumpjson_look(rest);

		if (look == DUMPJSON_TYPED)
			return 40;
		if (look == DUMPJSON_UNSURE) {	/* but of the first one sure? */
			bool fitting;

			return take(&l, '{') &&
			       tagged(&l, &fitting) == DUMPJSON_TYPED &&
			       fitting ? 40 : 0;
		}
		if (look != DUMPJSON_EMPTY)
			return 0;
		l.p++;
		take(&l, '}');
		take(&l, ',');
	}
}

/* ---- requests ------------------------------------------------------------ */

/* `{"Things":[{"PutRequest":{`, with whatever white space. */
int
dumpjson_sniff_requests(struct span head)
{
	struct look l;
	bool list;

	if (!begin(&l, head, &list) || !take(&l, '{') || peek(&l) != '"' ||
	    string(&l).ptr == NULL || !take(&l, ':') || !take(&l, '[') ||
	    !take(&l, '{') || peek(&l) != '"')
		return 0;

	const struct span name = string(&l);
	if (name.ptr == NULL || (!span_is(name, "PutRequest") &&
				 !span_is(name, "DeleteRequest")))
		return 0;
	return take(&l, ':') && take(&l, '{') ? 90 : 0;
}

/* ---- pages --------------------------------------------------------------- */

enum {
	SEEN_ITEMS = 1, SEEN_ITEM = 2, SEEN_RAW = 4, SEEN_MORE = 8,
};

/* What a member of this name says; 0 if a page has none such. */
static int
member(struct span name)
{
	static const char *const MORE[] = {
		"Count", "ScannedCount", "LastEvaluatedKey", "NextToken",
		"ConsumedCapacity", "ResponseMetadata", "$metadata",
		"reason", "step", "file", "line", "byte",
	};

	if (span_is(name, "Items"))
		return SEEN_ITEMS;
	if (span_is(name, "Item"))
		return SEEN_ITEM;
	if (span_is(name, "raw"))
		return SEEN_RAW;
	for (size_t i = 0; i < sizeof(MORE) / sizeof(MORE[0]); i++)
		if (span_is(name, MORE[i]))
			return SEEN_MORE;
	return 0;
}

/*
 * `Items` is a list of objects, and nothing is beside it that a page does not
 * have; or there is something beside an `Item`, or a line end within it, which
 * DynamoDB JSON has not.
 */
int
dumpjson_sniff_scan(struct span head)
{
	struct look l;
	bool list;
	int seen = 0;

	if (!begin(&l, head, &list))
		return 0;
	const uint8_t *const start = l.p++;
	while (peek(&l) == '"') {
		const struct span name = string(&l);
		const int what = name.ptr != NULL ? member(name) : 0;

		if (what == 0 || !take(&l, ':'))
			return 0;
		seen |= what;
		if (what == SEEN_ITEM && peek(&l) != '{')
			return 0;
		if (what == SEEN_ITEMS) {
			struct look in = l;

			if (!take(&in, '['))
				return 0;
			if (peek(&in) >= 0 && peek(&in) != '{' &&
			    peek(&in) != ']')
				return 0;
		}
		if (!pass(&l) || !take(&l, ','))
			break;
	}

	const bool lines = memchr(start, '\n', (size_t)(l.p - start)) != NULL;
	if ((seen & SEEN_ITEMS) != 0 && (seen & (SEEN_ITEM | SEEN_RAW)) == 0)
		return 80;
	if ((seen & SEEN_ITEM) != 0 && ((seen & SEEN_MORE) != 0 || lines))
		return 80;
	return (seen & SEEN_RAW) != 0 && (seen & SEEN_MORE) != 0 ? 80 : 0;
}
