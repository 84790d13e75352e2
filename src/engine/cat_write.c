/* cat_write.c - items to text, in the format that was asked for. */
#include <string.h>

#include "base/err.h"
#include "engine/cat_internal.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/plainjson.h"
#include "model/item.h"
#include "model/projection.h"

int
cat_style_init(struct cat_style *s, const char *name,
	       const struct projection *select, struct err *err)
{
	*s = (struct cat_style){ .select = select };
	if (name != NULL && strcmp(name, "json") == 0)
		return 0;
	s->format = name == NULL ? &ddbjson_format : item_format_named(name);
	if (s->format == NULL || s->format->encode == NULL)
		return err_set(err, ERR_USAGE, "--as %s is not yet in this "
			       "version", name);
	return 0;
}

int
cat_writer_init(struct cat_writer *w, const struct cat_style *style,
		struct err *err)
{
	*w = (struct cat_writer){ .style = style };
	if (style->format == NULL || style->format->encode_start == NULL)
		return 0;
	w->encoder = style->format->encode_start(NULL, err);
	return w->encoder != NULL ? 0 : -1;
}

void
cat_writer_free(struct cat_writer *w)
{
	if (w->encoder != NULL)
		w->style->format->encode_stop(w->encoder);
}

int
cat_write(struct cat_writer *w, const struct item *item, struct arena *mem,
	  struct buf *out, struct err *err)
{
	const struct cat_style *const s = w->style;
	struct item some = *item;

	if (s->select != NULL &&
	    projection_apply(s->select, &item->map, mem, &some.map, err) != 0)
		return -1;
	return s->format == NULL ? plainjson_encode(&some, mem, out, err)
		: s->format->encode(w->encoder, &some, out, err);
}

size_t
cat_text_of(struct span text, uint64_t n)
{
	const uint8_t *at = text.ptr, *const end = text.ptr + text.len;

	while (n > 0 && at < end) {
		const uint8_t *const line = memchr(at, '\n',
						   (size_t)(end - at));

		at = line == NULL ? end : line + 1;
		n--;
	}
	return (size_t)(at - text.ptr);
}
