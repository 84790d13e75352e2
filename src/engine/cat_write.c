/* cat_write.c - items to text, in the format that was asked for. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/cat_internal.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/plainjson.h"
#include "model/item.h"
#include "model/path.h"
#include "model/projection.h"

/* The name of a column: an attribute's as it is, else its path. */
static int
column_of(const struct path *p, struct arena *mem, struct span *out,
	  struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	*out = p->parts[0].name;
	if (p->nparts == 1)
		return 0;
	rc = path_print(p, &text, err);
	if (rc == 0)
		*out = arena_copy(mem, buf_span(&text), err);
	buf_free(&text);
	return out->ptr != NULL ? rc : -1;
}

static int
make_columns(struct cat_style *s, struct arena *mem, struct err *err)
{
	const size_t n = s->select != NULL ? projection_npaths(s->select) : 0;
	struct span *const columns = arena_take(mem, (n + 1) *
						sizeof(*columns), err);

	if (columns == NULL)
		return -1;
	if (n == 0)
		return err_set(err, ERR_USAGE, "--as csv needs its columns: "
			       "name them by --select");
	for (size_t i = 0; i < n; i++)
		if (column_of(projection_path(s->select, i), mem, &columns[i],
			      err) != 0)
			return -1;
	/* For people and spreadsheets: what a field cannot say is left out. */
	s->rules = (struct item_rules){
		.columns = columns, .ncolumns = n, .no_header = true,
		.lossy = true,
	};
	return 0;
}

int
cat_style_init(struct cat_style *s, const char *name,
	       const struct projection *select, struct arena *mem,
	       struct err *err)
{
	*s = (struct cat_style){ .select = select };
	if (name != NULL && strcmp(name, "json") == 0)
		return 0;
	s->csv = name != NULL && strcmp(name, "csv") == 0;
	s->format = name == NULL ? &ddbjson_format : item_format_named(name);
	if (s->format == NULL || s->format->encode == NULL)
		return err_set(err, ERR_USAGE, "--as %s is not yet in this "
			       "version", name);
	return s->csv ? make_columns(s, mem, err) : 0;
}

int
cat_writer_init(struct cat_writer *w, const struct cat_style *style,
		struct err *err)
{
	*w = (struct cat_writer){ .style = style };
	if (style->format == NULL || style->format->encode_start == NULL)
		return 0;
	w->encoder = style->format->encode_start(style->csv ? &style->rules
							    : NULL, err);
	return w->encoder != NULL ? 0 : -1;
}

void
cat_writer_free(struct cat_writer *w)
{
	if (w->encoder != NULL)
		w->style->format->encode_stop(w->encoder);
}

/* The item as its columns: an attribute for each path that it has. */
static int
flatten(const struct cat_style *s, const struct value *map, struct arena *mem,
	struct value *out, struct err *err)
{
	const size_t n = s->rules.ncolumns;
	struct value *const kids = arena_take(mem, 2 * n * sizeof(*kids), err);
	uint32_t k = 0;

	if (kids == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct value *const v =
			path_follow(projection_path(s->select, i), map);

		if (v == NULL)
			continue;
		kids[k++] = value_of_name(s->rules.columns[i]);
		kids[k++] = *v;
	}
	*out = value_of_kids(VALUE_M, kids, k);
	return 0;
}

int
cat_write(struct cat_writer *w, const struct item *item, struct arena *mem,
	  struct buf *out, struct err *err)
{
	const struct cat_style *const s = w->style;
	struct item some = *item;
	int rc = 0;

	if (s->csv)
		rc = flatten(s, &item->map, mem, &some.map, err);
	else if (s->select != NULL)
		rc = projection_apply(s->select, &item->map, mem, &some.map,
				      err);
	if (rc != 0)
		return -1;
	return s->format == NULL ? plainjson_encode(&some, mem, out, err)
		: s->format->encode(w->encoder, &some, out, err);
}

/* It is the row of an item whose values are the names. */
int
cat_write_head(const struct cat_style *s, struct buf *out, struct err *err)
{
	struct cat_writer w = { 0 };
	struct arena mem = { 0 };
	struct item names = { 0 };
	int rc = -1;

	if (!s->csv)
		return 0;
	struct value *const kids = arena_take(&mem, 2 * s->rules.ncolumns *
					      sizeof(*kids), err);
	if (kids != NULL && cat_writer_init(&w, s, err) == 0) {
		for (size_t i = 0; i < s->rules.ncolumns; i++) {
			kids[2 * i] = value_of_name(s->rules.columns[i]);
			kids[2 * i + 1] = value_of_text(VALUE_S,
							s->rules.columns[i]);
		}
		names.map = value_of_kids(VALUE_M, kids, (uint32_t)
					  (2 * s->rules.ncolumns));
		rc = s->format->encode(w.encoder, &names, out, err);
		cat_writer_free(&w);
	}
	arena_free(&mem);
	return rc;
}

/* The end of the line at `at`; in CSV a field in quotes may hold others. */
static const uint8_t *
end_of_line(const struct cat_style *s, const uint8_t *at, const uint8_t *end)
{
	bool quoted = false;

	if (!s->csv) {
		const uint8_t *const line = memchr(at, '\n',
						   (size_t)(end - at));

		return line == NULL ? end : line + 1;
	}
	for (; at < end; at++) {
		quoted ^= *at == '"';
		if (*at == '\n' && !quoted)
			return at + 1;
	}
	return end;
}

size_t
cat_text_of(const struct cat_style *s, struct span text, uint64_t n)
{
	const uint8_t *at = text.ptr, *const end = text.ptr + text.len;

	for (; n > 0 && at < end; n--)
		at = end_of_line(s, at, end);
	return (size_t)(at - text.ptr);
}
