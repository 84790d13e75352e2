/* csv_split.c - the grammar of CSV (RFC 4180), and whether a text may be it. */
#include <string.h>

#include "formats/csv.h"

/* A row under way. */
struct splitter {
	const uint8_t *p, *end;
	bool last;
	uint8_t delimiter;
	const uint8_t *at;
	const char *why;
};

static enum csv_row
bad(struct splitter *s, const char *why)
{
	s->at = s->p;
	s->why = why;
	return CSV_BAD;
}

/* What is in quotes; s->p is behind the closing one afterwards. */
static enum csv_row
in_quotes(struct splitter *s, struct csv_field *f)
{
	const uint8_t *const start = ++s->p;

	f->quoted = true;
	for (;;) {
		const uint8_t *const quote = memchr(s->p, '"',
						    (size_t)(s->end - s->p));

		if (quote == NULL && !s->last)
			return CSV_MORE;
		if (quote == NULL) {
			s->p = start - 1;
			return bad(s, "a quote that is not closed");
		}
		s->p = quote + 1;
		if (s->p == s->end && !s->last)
			return CSV_MORE;
		if (s->p == s->end || *s->p != '"') {
			f->text = (struct span){ start,
						 (size_t)(quote - start) };
			return CSV_GOOD;
		}
		f->doubled = true;
		s->p++;
	}
}

/* What is not; s->p is at what ends it afterwards. */
static enum csv_row
bare(struct splitter *s, struct csv_field *f)
{
	const uint8_t *const start = s->p;

	while (s->p < s->end && *s->p != s->delimiter && *s->p != '\n' &&
	       *s->p != '\r') {
		if (*s->p == '"')
			return bad(s, "a quote in a field that is not in "
				   "quotes; double it, and put the field in "
				   "quotes");
		s->p++;
	}
	f->text = (struct span){ start, (size_t)(s->p - start) };
	return CSV_GOOD;
}

/* Is the row at its end?  If so, s->p is behind that. */
static enum csv_row
row_end(struct splitter *s, bool *is_end)
{
	*is_end = true;
	if (s->p == s->end)
		return s->last ? CSV_GOOD : CSV_MORE;
	if (*s->p == '\n') {
		s->p++;
		return CSV_GOOD;
	}
	if (*s->p == '\r') {
		if (s->p + 1 == s->end && !s->last)
			return CSV_MORE;
		if (s->p + 1 == s->end || s->p[1] == '\n') {
			s->p += s->p + 1 == s->end ? 1 : 2;
			return CSV_GOOD;
		}
		return bad(s, "a carriage return in a field that is not in "
			   "quotes");
	}
	*is_end = false;
	return CSV_GOOD;
}

enum csv_row
csv_split(struct span text, bool last, uint8_t delimiter,
	  struct csv_field *fields, size_t most, size_t *n,
	  const uint8_t **end, const uint8_t **at, const char **why)
{
	struct splitter s = {
		.p = text.ptr, .end = text.ptr + text.len, .last = last,
		.delimiter = delimiter,
	};
	enum csv_row rc;

	for (*n = 0;; s.p++) {
		struct csv_field f = { 0 };
		bool is_end = false;

		rc = s.p < s.end && *s.p == '"' ? in_quotes(&s, &f)
						: bare(&s, &f);
		if (rc == CSV_GOOD) {
			if (*n < most)
				fields[*n] = f;
			++*n;
			rc = row_end(&s, &is_end);
		}
		if (rc == CSV_GOOD && !is_end && *s.p != delimiter)
			rc = bad(&s, "text behind a closing quote");
		if (rc != CSV_GOOD || is_end)
			break;
	}
	*end = s.p;
	*at = s.at;
	*why = s.why;
	return rc;
}

struct span
csv_text(const struct csv_field *f, uint8_t *out)
{
	size_t n = 0;

	if (!f->doubled)
		return f->text;
	for (size_t i = 0; i < f->text.len; i++) {
		out[n++] = f->text.ptr[i];
		i += f->text.ptr[i] == '"';
	}
	return (struct span){ out, n };
}
