/*
 * dumpjson_skip.c - past what is no item, to what may be the next: see the head
 * of dumpjson.c.
 */
#include "formats/dumpjson_internal.h"

#include "formats/jsonvalue.h"

enum { WHOLE_LEN = 1024 * 1024 };	/* of a bad item that is shown whole */

/*
 * May an item begin anew in the line that begins at `p`, in this column?  *cut
 * says that nobody knows, because the text ends before.
 */
static bool
begins_anew(const struct block *b, const uint8_t *p, uint64_t column,
	    bool *cut)
{
	for (uint64_t i = 0; i < column; i++, p++) {
		if (p == b->end) {
			*cut |= !b->last;
			return false;
		}
		if (*p != ' ' && *p != '\t')
			return false;
	}
	*cut |= p == b->end && !b->last;
	return p < b->end && *p == '{';
}

/* Is this byte the end of what is passed over?  It is not part of it. */
static bool
ends_skip(enum level level, const struct skip *s, uint8_t c)
{
	if (s->depth > 0 || s->in_string)
		return false;
	switch (level) {
	case TOP:
		return c == '{' && s->closed;
	case PAGE:
		return c == ',' || c == '}';
	default:
		return c == ',' || c == ']';
	}
}

/* One byte of it. */
static void
skip_byte(struct skip *s, uint8_t c)
{
	if (s->in_string) {
		if (c == '\n' || (c == '"' && !s->escaped))
			s->in_string = false;
		s->escaped = c == '\\' && !s->escaped;
		return;
	}
	switch (c) {
	case '"':
		s->in_string = true;
		s->escaped = false;
		break;
	case '{':
	case '[':
		s->depth++;
		break;
	case '}':
	case ']':
		s->closed |= s->depth == 1;
		s->depth -= s->depth > 0;
		break;
	default:
		break;
	}
}

/* What find_end() found. */
struct found {
	const uint8_t *to;
	bool is_end;		/* else there is no more text to look at */
	enum level level;	/* what is then to be expected */
	enum next next;
};

/* Does something new begin in the line behind the line end at `p`? */
static bool
line_begins(const struct block *b, const struct skip *s, const uint8_t *p,
	    struct found *f, bool *cut)
{
	const struct dumpjson *const d = b->d;

	if (d->level == TOP && s->depth == 0)
		return true;
	f->next = ELEMENT;
	if (!s->in_line && d->level != PAGE &&
	    begins_anew(b, p + 1, s->column, cut))
		return true;
	if (d->level >= PAGE && !d->page.in_line &&
	    begins_anew(b, p + 1, d->page.column, cut)) {
		f->level = d->in_list ? LIST : TOP;
		return true;
	}
	f->next = COMMA;
	return false;
}

/* From b->p to where something new begins. */
static struct found
find_end(const struct block *b, struct skip *s)
{
	struct found f = { .level = b->d->level, .next = COMMA };
	bool cut = false;

	for (f.to = b->p; f.to < b->end; f.to++) {
		f.is_end = ends_skip(f.level, s, *f.to);
		if (f.is_end)
			return f;

		const struct skip before = *s;
		skip_byte(s, *f.to);
		if (*f.to != '\n')
			continue;
		f.is_end = line_begins(b, s, f.to, &f, &cut);
		if (f.is_end)
			f.to++;
		if (cut && !f.is_end)
			*s = before;
		if (cut || f.is_end)
			return f;
	}
	return f;
}

bool
dumpjson_skip(struct block *b)
{
	struct dumpjson *const d = b->d;
	const struct found f = find_end(b, &d->skip);

	dumpjson_advance(b, f.to);
	if (!f.is_end)
		return false;
	d->skip.on = false;
	d->level = f.level;
	d->next = f.next;
	return true;
}

int
dumpjson_reject(struct block *b, const uint8_t *at, const struct err *why)
{
	struct dumpjson *const d = b->d;
	const struct skip begin = {
		.on = true, .in_line = !d->blank || dumpjson_column(d) > MOST_COLUMNS,
		.column = dumpjson_column(d),
	};
	struct skip s = begin;
	struct found f = find_end(b, &s);

	if (!f.is_end && !b->last && b->end - b->p < WHOLE_LEN)
		return 0;
	while (f.to > b->p + 1 && (f.to[-1] == '\n' || f.to[-1] == '\r' ||
				   f.to[-1] == ' ' || f.to[-1] == '\t'))
		f.to--;
	f.to += f.to == b->p;
	if (dumpjson_add_reject(b, (struct span){ b->p, (size_t)(f.to - b->p) },
		       at, why) != 0)
		return -1;
	d->page.nrejects++;
	d->skip = begin;
	dumpjson_skip(b);
	return 1;
}

int
dumpjson_reject_byte(struct block *b, const char *expected)
{
	struct err why;
	struct jsonwalk w = { .p = b->p, .end = b->end, .last = true,
			      .err = &why };

	jsonvalue_wrong(&w, expected);
	return dumpjson_reject(b, b->p, &why);
}
