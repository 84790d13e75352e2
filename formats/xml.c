#include "formats/xml.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

void
xml_start(struct xml *x, struct span text)
{
	*x = (struct xml){ .rest = text };
}

static int
bad(struct err *err, const char *why)
{
	err_set(err, ERR_INPUT, "no XML that can be read: %s", why);
	return XML_BAD;
}

static void
skip(struct xml *x, size_t n)
{
	x->rest.ptr += n;
	x->rest.len -= n;
}

/* Step behind `mark`; false if there is none. */
static bool
skip_behind(struct xml *x, const char *mark)
{
	const uint8_t *const at = memmem(x->rest.ptr, x->rest.len, mark,
					 strlen(mark));

	if (at == NULL)
		return false;
	skip(x, (size_t)(at - x->rest.ptr) + strlen(mark));
	return true;
}

static bool
starts(const struct xml *x, const char *mark)
{
	const size_t n = strlen(mark);

	return x->rest.len >= n && memcmp(x->rest.ptr, mark, n) == 0;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t
name_len(struct span s)
{
	size_t n = 0;

	while (n < s.len && !is_space(s.ptr[n]) && s.ptr[n] != '>' &&
	       s.ptr[n] != '/' && s.ptr[n] != '<' && s.ptr[n] != '=')
		n++;
	return n;
}

static struct span
without_prefix(struct span name)
{
	const uint8_t *const colon = name.len == 0 ? NULL
		: memchr(name.ptr, ':', name.len);

	if (colon == NULL)
		return name;
	return (struct span){ colon + 1,
			      name.len - (size_t)(colon + 1 - name.ptr) };
}

/* Attributes, up to the end of the tag. */
static bool
skip_attributes(struct xml *x)
{
	while (x->rest.len > 0) {
		const uint8_t c = x->rest.ptr[0];

		if (c == '>' || starts(x, "/>"))
			return true;
		skip(x, 1);
		if (c == '<')
			return false;
		if ((c == '"' || c == '\'') &&
		    !skip_behind(x, c == '"' ? "\"" : "'"))
			return false;
	}
	return false;
}

static int
open_tag(struct xml *x, struct span *out, struct err *err)
{
	skip(x, 1);
	const struct span name = { x->rest.ptr, name_len(x->rest) };

	if (name.len == 0)
		return bad(err, "a tag without a name");
	if (x->depth == XML_MAX_DEPTH)
		return bad(err, "too many elements in each other");
	skip(x, name.len);
	if (!skip_attributes(x))
		return bad(err, "a tag that does not end");
	x->empty = starts(x, "/>");
	skip(x, x->empty ? 2 : 1);
	x->open[x->depth++] = name;
	x->begun = true;
	*out = without_prefix(name);
	return XML_OPEN;
}

static int
close_tag(struct xml *x, struct span *out, struct err *err)
{
	skip(x, 2);
	const struct span name = { x->rest.ptr, name_len(x->rest) };

	skip(x, name.len);
	while (x->rest.len > 0 && is_space(x->rest.ptr[0]))
		skip(x, 1);
	if (!starts(x, ">") || x->depth == 0 ||
	    !span_equal(name, x->open[x->depth - 1]))
		return bad(err, "an element that is not closed as it was "
			   "opened");
	skip(x, 1);
	x->depth--;
	*out = without_prefix(name);
	return XML_CLOSE;
}

/* Text up to the next tag; outside of all elements only white space. */
static int
take_text(struct xml *x, struct span *out, struct err *err)
{
	const uint8_t *const at = memchr(x->rest.ptr, '<', x->rest.len);

	*out = (struct span){ x->rest.ptr, at == NULL ? x->rest.len
			      : (size_t)(at - x->rest.ptr) };
	skip(x, out->len);
	if (x->depth > 0)
		return XML_TEXT;
	for (size_t i = 0; i < out->len; i++)
		if (!is_space(out->ptr[i]))
			return bad(err, "text outside of its elements");
	return -1;
}

/* What stands for itself: -1 if it was stepped over, else an event. */
static int
step(struct xml *x, struct span *out, struct err *err)
{
	if (x->rest.ptr[0] != '<')
		return take_text(x, out, err);
	if (starts(x, "<?"))
		return skip_behind(x, "?>") ? -1
			: bad(err, "a declaration that does not end");
	if (starts(x, "<!--"))
		return skip_behind(x, "-->") ? -1
			: bad(err, "a comment that does not end");
	if (starts(x, "<!"))
		return bad(err, "a declaration that is not expected");
	if (starts(x, "</"))
		return close_tag(x, out, err);
	return x->depth == 0 && x->begun ? bad(err, "more than one element")
		: open_tag(x, out, err);
}

enum xml_event
xml_next(struct xml *x, struct span *out, struct err *err)
{
	int event = -1;

	if (x->empty) {
		x->empty = false;
		*out = without_prefix(x->open[--x->depth]);
		return XML_CLOSE;
	}
	while (event < 0 && x->rest.len > 0)
		event = step(x, out, err);
	if (event >= 0)
		return (enum xml_event)event;
	if (x->depth > 0 || !x->begun)
		return (enum xml_event)bad(err, "it ends too early");
	return XML_END;
}

/* ---- text --------------------------------------------------------------- */

/* `#38` or `#x26`: the character, or 0 if there is none of that number. */
static uint32_t
by_number(struct span s)
{
	const bool hex = s.len > 1 && s.ptr[1] == 'x';
	uint32_t c = 0;

	for (size_t i = hex ? 2 : 1; i < s.len; i++) {
		const uint8_t d = s.ptr[i];
		const uint32_t v = d >= '0' && d <= '9' ? d - '0' + 0u
			: hex && (d | 32) >= 'a' && (d | 32) <= 'f'
			? (d | 32) - 'a' + 10u : 99;

		if (v == 99 || c > 0x10ffff)
			return 0;
		c = c * (hex ? 16 : 10) + v;
	}
	return c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : c;
}

static uint32_t
character(struct span s)
{
	static const struct {
		const char *name;
		uint32_t c;
	} NAMED[] = {
		{ "amp", '&' }, { "lt", '<' }, { "gt", '>' },
		{ "quot", '"' }, { "apos", '\'' },
	};

	if (s.len > 0 && s.ptr[0] == '#')
		return by_number(s);
	for (size_t i = 0; i < sizeof(NAMED) / sizeof(NAMED[0]); i++)
		if (span_is(s, NAMED[i].name))
			return NAMED[i].c;
	return 0;
}

int
xml_unescape(struct span text, struct buf *out, struct err *err)
{
	uint8_t *const to = buf_reserve(out, text.len + 1, err);
	size_t n = 0;

	if (to == NULL)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '&') {
			to[n++] = text.ptr[i];
			continue;
		}
		const uint8_t *const end = memchr(text.ptr + i, ';',
						  text.len - i);
		const uint32_t c = end == NULL ? 0 : character((struct span){
			text.ptr + i + 1,
			(size_t)(end - text.ptr) - i - 1 });

		if (c == 0) {
			bad(err, "an entity that is not known");
			return -1;
		}
		n += utf8_put(c, to + n);
		i = (size_t)(end - text.ptr);
	}
	buf_commit(out, n);
	return 0;
}

int
xml_find(struct span text, const char *name, struct buf *out, struct err *err)
{
	struct xml x;
	struct span s;
	enum xml_event e;
	unsigned depth = 0;	/* that it was found at */

	xml_start(&x, text);
	while ((e = xml_next(&x, &s, err)) != XML_END) {
		if (e == XML_BAD)
			return -1;
		if (e == XML_OPEN && depth == 0 && span_is(s, name))
			depth = x.depth;
		else if (e == XML_CLOSE && depth > 0 && x.depth < depth)
			break;
		else if (e == XML_TEXT && depth > 0 &&
			 xml_unescape(s, out, err) != 0)
			return -1;
	}
	uint8_t *const end = buf_reserve(out, 1, err);
	if (end == NULL)
		return -1;
	*end = '\0';
	return depth > 0;
}
