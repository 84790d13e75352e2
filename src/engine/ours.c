#include "engine/ours.h"

#include <stdbool.h>
#include <stdlib.h>

#include "aws/getitems.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/compare.h"
#include "model/item.h"

struct ours {
	struct getitems *get;
	struct ddbjson *reader;
	struct arena mem;		/* of what is compared */
	struct buf text;		/* of all items that were added */
	struct buf line;
	size_t at[GETITEMS_MOST + 1], n;	/* where they are in it */
	uint64_t same, others;
};

struct ours *
ours_new(struct service *s, const char *table, struct span pk, struct span sk,
	 struct err *err)
{
	struct ours *const o = calloc(1, sizeof(*o));

	if (o == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	o->get = getitems_new(s, table, pk, sk, err);
	o->reader = o->get == NULL ? NULL : ddbjson_new(err);
	if (o->reader != NULL)
		return o;
	ours_free(o);
	return NULL;
}

void
ours_free(struct ours *o)
{
	if (o == NULL)
		return;
	getitems_free(o->get);
	ddbjson_free(o->reader);
	arena_free(&o->mem);
	buf_free(&o->text);
	buf_free(&o->line);
	free(o);
}

/* The map of {...}; NULL with *err set. */
static const struct value *
decode(struct ours *o, struct span json, struct err *err)
{
	const struct item *item = NULL;

	buf_reset(&o->line);
	if (buf_append(&o->line, span_of("{\"Item\":"), err) == 0 &&
	    buf_append(&o->line, json, err) == 0 &&
	    buf_append(&o->line, span_of("}"), err) == 0)
		item = ddbjson_decode_line(o->reader, buf_span(&o->line),
					   &o->mem, err);
	return item == NULL ? NULL : &item->map;
}

static int
is_same(struct ours *o, struct span made, struct span there, struct err *err)
{
	const struct value *a, *b;
	int rc = 0;

	if (there.ptr == NULL)		/* it is gone again */
		return 0;
	a = decode(o, made, err);
	b = a == NULL ? NULL : decode(o, there, err);
	rc = b == NULL ? -1 : value_equal(a, b, &o->mem, err);
	arena_reset(&o->mem);
	return rc;
}

static int
look(struct ours *o, struct err *err)
{
	struct getitems_one list[GETITEMS_MOST];
	const size_t n = o->n;
	struct err why;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		list[i] = (struct getitems_one){ .from = {
			o->text.ptr + o->at[i], o->at[i + 1] - o->at[i] } };
	o->n = 0;
	if (n == 0)
		return 0;
	if (getitems_ask(o->get, list, n, &why) != 0) {
		o->others += n;
		if (why.code == ERR_REMOTE)
			return 0;
		*err = why;
		return -1;
	}
	for (size_t i = 0; i < n && rc >= 0; i++) {
		rc = is_same(o, list[i].from, list[i].item, err);
		o->same += rc > 0;
		o->others += rc == 0;
	}
	return rc < 0 ? -1 : 0;
}

int
ours_add(struct ours *o, struct span item, struct err *err)
{
	if (o->n == 0)
		buf_reset(&o->text);
	o->at[o->n] = o->text.len;
	if (buf_append(&o->text, item, err) != 0)
		return -1;
	o->at[++o->n] = o->text.len;
	return o->n < GETITEMS_MOST ? 0 : look(o, err);
}

int
ours_count(struct ours *o, uint64_t *same, uint64_t *others, struct err *err)
{
	if (look(o, err) != 0)
		return -1;
	*same += o->same;
	*others += o->others;
	o->same = o->others = 0;
	return 0;
}
