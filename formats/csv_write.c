/*
 * csv_write.c - items to rows of CSV, or why one cannot be a row.
 *
 * An import makes an S of every field that is no key, so anything else would
 * lose its type.  It is refused, unless the rules say `lossy`: then it is
 * written as the text that the reader of CSV takes for it if it is told the
 * type, and counted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/csv.h"
#include "formats/formats.h"
#include "formats/plainjson.h"
#include "model/item.h"

struct column {
	struct span name;
	uint16_t hash;
	enum value_type type;	/* 0: a key of any type */
};

struct writer {
	const struct item_rules *rules;
	struct column *columns;
	size_t ncolumns;
	uint8_t delimiter;
	bool begun;		/* the header is written */
	uint64_t lost;		/* values */
	struct arena mem;	/* texts of the item at hand */
	struct buf text;	/* of the field at hand */
};

/* What an import makes of the column. */
static enum value_type
type_of(const struct item_rules *r, struct span name)
{
	for (size_t i = 0; i < r->nkeys; i++)
		if (span_equal(r->keys[i].path, name))
			return (enum value_type)r->keys[i].type;
	if (span_equal(r->pk, name) || span_equal(r->sk, name))
		return (enum value_type)0;
	return VALUE_S;
}

void *
csv_encode_start(const struct item_rules *rules, struct err *err)
{
	struct writer *const w = calloc(1, sizeof(*w));

	if (rules == NULL || rules->ncolumns == 0) {
		free(w);
		err_set(err, ERR_USAGE, "CSV needs its columns: say which "
			"attributes they are");
		return NULL;
	}
	if (w != NULL)
		w->columns = calloc(rules->ncolumns, sizeof(*w->columns));
	if (w == NULL || w->columns == NULL) {
		free(w);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	w->rules = rules;
	w->delimiter = rules->delimiter != 0 ? rules->delimiter : ',';
	w->begun = rules->no_header;
	for (; w->ncolumns < rules->ncolumns; w->ncolumns++) {
		const struct span name = rules->columns[w->ncolumns];

		w->columns[w->ncolumns] = (struct column){
			.name = name, .hash = name_hash(name),
			.type = type_of(rules, name),
		};
	}
	return w;
}

void
csv_encode_stop(void *state)
{
	struct writer *const w = state;

	if (w == NULL)
		return;
	arena_free(&w->mem);
	buf_free(&w->text);
	free(w->columns);
	free(w);
}

uint64_t
csv_encode_lost(const void *state)
{
	return ((const struct writer *)state)->lost;
}

/* ---- fields -------------------------------------------------------------- */

static bool
needs_quotes(const struct writer *w, struct span text)
{
	if (text.len == 0)
		return false;
	if (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ')
		return true;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == w->delimiter || text.ptr[i] == '"' ||
		    text.ptr[i] == '\n' || text.ptr[i] == '\r')
			return true;
	return false;
}

static int
put_field(struct writer *w, struct span text, struct buf *out, struct err *err)
{
	if (!needs_quotes(w, text))
		return buf_append(out, text, err);

	uint8_t *const start = buf_reserve(out, 2 * text.len + 2, err);
	uint8_t *p = start;
	if (p == NULL)
		return -1;
	*p++ = '"';
	for (size_t i = 0; i < text.len; i++) {
		*p++ = text.ptr[i];
		if (text.ptr[i] == '"')
			*p++ = '"';
	}
	*p++ = '"';
	buf_commit(out, (size_t)(p - start));
	return 0;
}

static int
put_header(struct writer *w, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < w->ncolumns; i++)
		if ((i > 0 && buf_append(out, (struct span){ &w->delimiter, 1 },
					 err) != 0) ||
		    put_field(w, w->columns[i].name, out, err) != 0)
			return -1;
	return buf_append(out, span_of("\n"), err);
}

/* "attribute 'x' ..." */
static int
refuse(struct span name, struct err *err, const char *what)
{
	return err_set(err, ERR_INPUT, "attribute '%.*s' %s; leave it out, or "
		       "say 'csv: {lossy: true}'", (int)(name.len < 255 ?
		       name.len : 255), (const char *)name.ptr, what);
}

static int
refuse_type(struct span name, const struct value *v, struct err *err)
{
	char what[80];
	size_t n = 0;
	const char *const parts[] = {
		"is of type ", value_type_name((enum value_type)v->type),
		", which an import of CSV makes an S",
	};

	for (size_t i = 0; i < 3; i++) {
		memcpy(what + n, parts[i], strlen(parts[i]));
		n += strlen(parts[i]);
	}
	what[n] = '\0';
	return refuse(name, err, what);
}

/* The value as text, in w->text if it stands nowhere.  Returns 0 or -1. */
static int
text_of(struct writer *w, const struct value *v, struct span *text,
	struct err *err)
{
	switch (v->type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		return value_text(v, &w->mem, text, err);
	case VALUE_BOOL:
		*text = span_of((v->flags & VALUE_TRUE) != 0 ? "true"
							      : "false");
		return 0;
	case VALUE_NULL:
		*text = (struct span){ NULL, 0 };
		return 0;
	default:
		buf_reset(&w->text);
		if (plainjson_encode_value(v, &w->mem, &w->text, err) != 0)
			return -1;
		*text = buf_span(&w->text);
		return 0;
	}
}

/* One field.  *lost counts what it does not say. */
static int
put_value(struct writer *w, const struct column *c, const struct value *v,
	  struct buf *out, uint64_t *lost, struct err *err)
{
	const bool lossy = w->rules->lossy;
	struct span text;

	if (v->type != c->type && !(c->type == 0 && v->type <= VALUE_B)) {
		if (!lossy)
			return refuse_type(c->name, v, err);
		++*lost;
	} else if (v->len == 0) {
		if (!lossy)
			return refuse(c->name, err, "is an empty text, which "
				      "an import of CSV leaves out");
		++*lost;
	}
	if (text_of(w, v, &text, err) != 0)
		return -1;
	if (text.len > 0 && (memchr(text.ptr, '\n', text.len) != NULL ||
			     memchr(text.ptr, '\r', text.len) != NULL)) {
		if (!lossy)
			return refuse(c->name, err, "has a line end in it, "
				      "which an import of CSV may take for the "
				      "end of the item");
		++*lost;
	}
	return put_field(w, text, out, err);
}

/* An attribute that has no column. */
static int
refuse_extra(const struct writer *w, const struct value *map, struct err *err)
{
	for (uint32_t i = 0; i < map->len; i += 2) {
		const struct span name = { map->kids[i].text,
					   map->kids[i].len };
		bool known = false;

		for (size_t k = 0; k < w->ncolumns; k++)
			known |= span_equal(w->columns[k].name, name);
		if (!known)
			return refuse(name, err, "is not among the columns");
	}
	return 0;
}

static int
put_row(struct writer *w, const struct value *map, struct buf *out,
	uint64_t *lost, struct err *err)
{
	const size_t before = out->len;
	uint32_t found = 0;

	for (size_t i = 0; i < w->ncolumns; i++) {
		const struct column *const c = &w->columns[i];
		const struct value *const v = value_attr(map, c->name, c->hash);

		if (i > 0 && buf_append(out, (struct span){ &w->delimiter, 1 },
					err) != 0)
			return -1;
		if (v == NULL)
			continue;
		found++;
		if (put_value(w, c, v, out, lost, err) != 0)
			return -1;
	}
	if (found < map->len / 2) {
		if (!w->rules->lossy)
			return refuse_extra(w, map, err);
		*lost += map->len / 2 - found;
	}
	/* An empty line would be passed over. */
	if (out->len == before)
		return err_set(err, ERR_INPUT, "none of the columns has a "
			       "value");
	return buf_append(out, span_of("\n"), err);
}

int
csv_encode(void *state, const struct item *item, struct buf *out,
	   struct err *err)
{
	struct writer *const w = state;
	const size_t before = out->len;
	uint64_t lost = 0;

	arena_reset(&w->mem);
	if ((!w->begun && put_header(w, out, err) != 0) ||
	    put_row(w, &item->map, out, &lost, err) != 0) {
		out->len = before;
		return -1;
	}
	w->begun = true;
	w->lost += lost;
	return 0;
}
