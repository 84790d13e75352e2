/* show_json.c - an item before and after, as one line of JSON. */
#include "cli/show.h"

#include "base/buf.h"
#include "cli/show_internal.h"
#include "engine/plan.h"
#include "engine/trial.h"
#include "formats/ddbjson.h"
#include "formats/jsonwrite.h"
#include "model/item.h"

/* A line on its way; `piece` holds what is already JSON. */
struct line {
	struct jsonwrite w;
	struct buf piece;
	struct err *err;
};

/* A value with its type, or null. */
static void
put_value(struct line *l, const struct value *v)
{
	buf_reset(&l->piece);
	if (v == NULL)
		jsonwrite_null(&l->w);
	else if (ddbjson_encode_value(v, &l->piece, l->err) != 0)
		l->w.failed = true;
	else
		jsonwrite_raw(&l->w, buf_span(&l->piece));
}

static void
put_map(struct line *l, const struct value *map)
{
	buf_reset(&l->piece);
	if (ddbjson_encode_map(map, &l->piece, l->err) != 0)
		l->w.failed = true;
	else
		jsonwrite_raw(&l->w, buf_span(&l->piece));
}

/* The key of the source item, as far as it is there. */
static void
put_key(struct line *l, const struct plan_table *t, const struct item *item)
{
	const struct plan_key_attr attrs[] = {
		t->source_key.pk, t->source_key.sk,
	};

	jsonwrite_map(&l->w);
	for (int i = 0; i < 2; i++) {
		const struct value *const v = show_key_attr(&attrs[i], item);

		if (v == NULL)
			continue;
		jsonwrite_name(&l->w, attrs[i].name);
		put_value(l, v);
	}
	jsonwrite_end(&l->w);
}

static void
put_changes(struct line *l, const struct trial_output *o)
{
	jsonwrite_name(&l->w, "changes");
	jsonwrite_list(&l->w);
	for (size_t i = 0; o != NULL && i < o->nrows; i++) {
		const struct trial_row *const r = &o->rows[i];

		if (r->kind == ROW_SAME)
			continue;
		jsonwrite_map(&l->w);
		jsonwrite_name(&l->w, "path");
		jsonwrite_span(&l->w, r->path);
		if (r->from.ptr != NULL) {
			jsonwrite_name(&l->w, "from");
			jsonwrite_span(&l->w, r->from);
		}
		jsonwrite_name(&l->w, "was");
		put_value(l, r->was);
		jsonwrite_name(&l->w, "is");
		put_value(l, r->is);
		jsonwrite_end(&l->w);
	}
	jsonwrite_end(&l->w);
}

static void
put_after(struct line *l, const struct plan *plan,
	  const struct trial_item *item)
{
	jsonwrite_name(&l->w, "after");
	jsonwrite_list(&l->w);
	for (size_t i = 0; i < item->noutputs; i++) {
		const struct trial_output *const o = &item->outputs[i];
		const struct plan_table *const t = &plan->tables[o->table];

		jsonwrite_map(&l->w);
		jsonwrite_put_text(&l->w, "table", t->name);
		jsonwrite_put_text(&l->w, "target",
				   t->to != NULL ? t->to : t->name);
		jsonwrite_name(&l->w, "item");
		put_map(l, &o->item->map);
		if (i > 0)
			put_changes(l, o);
		jsonwrite_end(&l->w);
	}
	jsonwrite_end(&l->w);
}

static void
put_reason(struct line *l, const char *name, const char *text)
{
	jsonwrite_name(&l->w, name);
	if (text[0] == '\0')
		jsonwrite_null(&l->w);
	else
		jsonwrite_text(&l->w, text);
}

int
show_item_json(const struct plan *plan, const struct trial_item *item,
	       struct buf *out, struct err *err)
{
	const struct plan_table *const t = &plan->tables[item->table];
	struct line l = { .err = err };

	jsonwrite_start(&l.w, out, true, err);
	jsonwrite_map(&l.w);
	jsonwrite_put_text(&l.w, "table", t->name);
	jsonwrite_put_text(&l.w, "file", item->file);
	jsonwrite_put_uint(&l.w, "line", item->line);
	jsonwrite_name(&l.w, "key");
	if (item->before == NULL)
		jsonwrite_null(&l.w);
	else
		put_key(&l, t, item->before);
	jsonwrite_name(&l.w, "image");
	if (item->image == NULL)
		jsonwrite_null(&l.w);
	else
		jsonwrite_text(&l.w, item->image);
	jsonwrite_put_text(&l.w, "fate", trial_fate_name(item->fate));
	put_reason(&l, "reason", item->reason);
	put_reason(&l, "step", item->step);
	jsonwrite_name(&l.w, "before");
	if (item->before == NULL)
		jsonwrite_null(&l.w);
	else
		put_map(&l, &item->before->map);
	put_after(&l, plan, item);
	put_changes(&l, item->noutputs > 0 ? &item->outputs[0] : NULL);
	jsonwrite_end(&l.w);

	int rc = jsonwrite_finish(&l.w);
	if (rc == 0)
		rc = buf_append(out, span_of("\n"), err);
	buf_free(&l.piece);
	return rc;
}
