/* plan_ids.c - the `ids` section: forms, secret, the map of fixed ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"

/* ---- forms --------------------------------------------------------------- */

static int
read_number(const struct tree *map, const char *name, uint64_t least,
	    uint64_t most, unsigned *out, struct err *err)
{
	const struct tree *const t = tree_get(map, name);
	uint64_t n;

	if (t == NULL)
		return 0;
	if (plan_read_uint(t, name, &n, err) != 0)
		return -1;
	if (n < least || n > most)
		return tree_err(t, err, "'%s' must be %u to %u, not %s", name,
				(unsigned)least, (unsigned)most, t->text.ptr);
	*out = (unsigned)n;
	return 0;
}

/* The fields that the section and a table's id have in common. */
static int
read_form(const struct tree *t, struct remap_options *o, struct err *err)
{
	static const char *const forms[] = {
		"uuid", "hex", "base32", "number", NULL,
	};
	const struct tree *const form = tree_get(t, "form");
	const char *prefix = NULL;
	unsigned word;

	if (form != NULL) {
		if (plan_read_word(form, "form", forms, &word, err) != 0)
			return -1;
		o->form = remap_form_named(span_of(forms[word]));
	}
	if (read_number(t, "length", REMAP_MIN_LENGTH,
			o->form == REMAP_BASE32 ? REMAP_MAX_BASE32 :
			REMAP_MAX_HEX, &o->length, err) != 0 ||
	    read_number(t, "digits", REMAP_MIN_DIGITS, REMAP_MAX_DIGITS,
			&o->digits, err) != 0 ||
	    plan_text_field(t, "prefix", &prefix, err) != 0)
		return -1;
	if (prefix != NULL)
		o->prefix = span_of(prefix);
	return 0;
}

static int
read_type(const struct tree *t, struct remap_options *o, struct err *err)
{
	static const char *const types[] = { "S", "N", NULL };
	const struct tree *const type = tree_get(t, "type");
	unsigned word;

	if (type == NULL)
		return 0;
	if (plan_read_word(type, "type", types, &word, err) != 0)
		return -1;
	const enum value_type named = word == 0 ? VALUE_S : VALUE_N;
	if (o->type != 0 && o->type != named)
		return tree_err(type, err, "the ids of one table have one "
				"type; another was said before");
	o->type = named;
	return 0;
}

/* Of a table's `id`, in any of its forms; the paths are read later. */
int
plan_read_id_form(const struct tree *t, struct remap_options *o,
		  struct err *err)
{
	if (t->kind == TREE_LIST) {
		for (uint32_t i = 0; i < t->nkids; i++)
			if (t->kids[i].kind != TREE_LIST &&
			    plan_read_id_form(&t->kids[i], o, err) != 0)
				return -1;
		return 0;
	}
	if (t->kind != TREE_MAP)
		return 0;
	return read_form(t, o, err) != 0 ? -1 : read_type(t, o, err);
}

const char *
plan_id_form(struct plan *p, const struct remap_options *o, struct err *err)
{
	const unsigned length = o->length != 0 ? o->length : REMAP_LENGTH;
	const unsigned digits = o->digits != 0 ? o->digits : REMAP_DIGITS;
	const char *const before = o->prefix.len > 0 ? " after " : "";
	const char *const prefix = o->prefix.len > 0 ?
		(const char *)o->prefix.ptr : "";

	switch (o->form) {
	case REMAP_HEX:
	case REMAP_BASE32:
		return plan_format(p, err, "%s of %u characters%s%s",
				   remap_form_name(o->form), length, before,
				   prefix);
	case REMAP_NUMBER:
		return plan_format(p, err, "number of %u digits%s%s", digits,
				   before, prefix);
	default:
		return plan_format(p, err, "uuid%s%s", before, prefix);
	}
}

/* ---- the secret ---------------------------------------------------------- */

static int
read_secret(struct plan *p, const struct tree *t, struct err *err)
{
	const struct plan_options *const o = &p->parts->options;
	const char *text, *value = NULL;

	if (plan_read_text(t, "secret", &text, err) != 0)
		return -1;
	if (strncmp(text, "env:", 4) != 0 || text[4] == '\0')
		return tree_err(t, err, "a secret never stands in a plan: say "
				"'env:NAME', the variable that holds it");
	p->ids.secret_env = text + 4;
	if (o->variable != NULL)
		value = o->variable(o->context, p->ids.secret_env);
	if (value == NULL)
		return 0;	/* plan_ready() says so */
	if (strlen(value) < REMAP_MIN_SECRET)
		return tree_err(t, err, "the secret in %s has fewer than %d "
				"bytes", p->ids.secret_env, REMAP_MIN_SECRET);
	value = plan_keep(p, span_of(value), err);
	if (value == NULL)
		return -1;
	p->ids.secret = p->parts->ids.secret = span_of(value);
	return 0;
}

/* ---- the map: CSV with a header `table,source,target` -------------------- */

struct csv {
	struct plan *p;
	const char *path;
	const uint8_t *at, *end;
	uint32_t line;
	bool line_end;		/* the field last read was its line's last */
};

static int
fail(const struct csv *c, struct err *err, const char *text)
{
	return err_set(err, ERR_USAGE, "%s:%u: %s", c->path, c->line, text);
}

/* One field (RFC 4180), in the arena. */
static const char *
field(struct csv *c, struct err *err)
{
	const size_t left = (size_t)(c->end - c->at);
	const bool quoted = left > 0 && *c->at == '"';
	const uint8_t *from = c->at + quoted;
	size_t n = 0;

	/* How long it is at most, so that it is taken once. */
	while (from + n < c->end && (quoted || (from[n] != ',' &&
						from[n] != '\n'))) {
		if (quoted && from[n] == '"') {
			if (from + n + 1 >= c->end || from[n + 1] != '"')
				break;
			n++;
		}
		n++;
	}
	char *const text = plan_take(c->p, n + 1, 1, err);
	size_t len = 0;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (from[i] == '\0') {
			fail(c, err, "a NUL");
			return NULL;
		}
		text[len++] = (char)from[i];
		i += quoted && from[i] == '"';
	}
	from += n;
	if (quoted && from == c->end) {
		fail(c, err, "a quote without its end");
		return NULL;
	}
	from += quoted;
	if (!quoted && len > 0 && text[len - 1] == '\r')
		text[--len] = '\0';
	if (quoted && from < c->end && *from == '\r')
		from++;
	if (from < c->end && *from != ',' && *from != '\n') {
		fail(c, err, "something after a closing quote");
		return NULL;
	}
	c->line_end = from == c->end || *from == '\n';
	c->at = from + (from < c->end);
	return text;
}

static int
row(struct csv *c, const char *out[3], struct err *err)
{
	c->line++;
	for (size_t i = 0; i < 3; i++) {
		out[i] = field(c, err);
		if (out[i] == NULL)
			return -1;
		if (c->line_end != (i == 2))
			return fail(c, err, "a row has three fields: table, "
				    "source, target");
	}
	return 0;
}

static int
order_rows(const void *a, const void *b)
{
	const struct plan_remap_row *const x = a, *const y = b;
	const int by_table = strcmp(x->table, y->table);

	return by_table != 0 ? by_table :
		span_compare(x->row.source, y->row.source);
}

static int
read_rows(struct csv *c, struct err *err)
{
	struct plan_parts *const parts = c->p->parts;
	const char *f[3];

	/* A mark of the byte order is nothing to a reader of CSV. */
	if (c->end - c->at >= 3 && memcmp(c->at, "\xef\xbb\xbf", 3) == 0)
		c->at += 3;
	if (row(c, f, err) != 0 || strcmp(f[0], "table") != 0 ||
	    strcmp(f[1], "source") != 0 || strcmp(f[2], "target") != 0)
		return fail(c, err, "the first line must be "
			    "'table,source,target'");
	while (c->at < c->end) {
		if (row(c, f, err) != 0)
			return -1;
		if (f[1][0] == '\0' || f[2][0] == '\0')
			return fail(c, err, "an empty id");
		if (plan_grow(c->p, &parts->rows, parts->nrows,
			      sizeof(*parts->rows), err) != 0)
			return -1;
		parts->rows[parts->nrows++] = (struct plan_remap_row){
			f[0], { span_of(f[1]), span_of(f[2]) },
		};
	}
	return 0;
}

static int
read_map(struct plan *p, const struct plan_part *part, const struct tree *t,
	 struct err *err)
{
	const char *name;

	if (plan_read_text(t, "map", &name, err) != 0)
		return -1;
	const char *const path = plan_join(p, part->folder, name, err);
	const struct plan_file *const file = path == NULL ? NULL :
		plan_note_file(p, path, "ids.map", plan_place_of(t), err);
	if (file == NULL)
		return -1;
	if (file->absent)
		return 0;

	const struct span text = plan_slurp(p, path, err);
	struct csv c = {
		.p = p, .path = path, .at = text.ptr, .end = text.ptr + text.len,
	};
	if (text.ptr == NULL || read_rows(&c, err) != 0)
		return -1;

	struct plan_remap_row *const rows = p->parts->rows;
	qsort(rows, p->parts->nrows, sizeof(*rows), order_rows);
	for (size_t i = 0; i < p->parts->nrows; i++) {
		if (i > 0 && order_rows(&rows[i - 1], &rows[i]) == 0)
			return err_set(err, ERR_USAGE, "%s: '%s' of table '%s' "
				       "is there twice", path,
				       rows[i].row.source.ptr, rows[i].table);
		if ((i == 0 || strcmp(rows[i - 1].table, rows[i].table) != 0) &&
		    plan_check_table(p, t, rows[i].table, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- the section --------------------------------------------------------- */

int
plan_read_ids(struct plan *p, const struct plan_part *part, struct err *err)
{
	static const char *const known[] = {
		"form", "length", "digits", "keep", "prefix", "map", "secret",
		NULL,
	};
	struct remap_options *const o = &p->parts->ids;
	const struct tree *const t = part->ids;
	const char *keep = NULL;

	o->environment = span_of(p->ids.environment);
	if (t == NULL)
		return 0;
	if (plan_check_map(t, "'ids'", known, err) != 0 ||
	    read_form(t, o, err) != 0 ||
	    plan_text_field(t, "keep", &keep, err) != 0)
		return -1;
	if (keep != NULL)
		o->keep = span_of(keep);
	p->parts->ids_node = t;

	const struct tree *const secret = tree_get(t, "secret");
	return secret == NULL ? 0 : read_secret(p, secret, err);
}

/* Once the tables are known, since the rows name them. */
int
plan_read_id_map(struct plan *p, const struct plan_part *part, struct err *err)
{
	const struct tree *const map = part->ids == NULL ? NULL :
		tree_get(part->ids, "map");

	return map == NULL ? 0 : read_map(p, part, map, err);
}

static const struct remap_row *
rows_of(struct plan *p, const char *table, size_t *n, struct err *err)
{
	const struct plan_parts *const parts = p->parts;
	size_t from = 0, to = parts->nrows;

	while (from < to) {	/* the first row of the table or beyond */
		const size_t mid = from + (to - from) / 2;

		if (strcmp(parts->rows[mid].table, table) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	while (to < parts->nrows && strcmp(parts->rows[to].table, table) == 0)
		to++;
	*n = to - from;

	struct remap_row *const rows = plan_take(p, *n, sizeof(*rows), err);
	for (size_t i = 0; rows != NULL && i < *n; i++)
		rows[i] = parts->rows[from + i].row;
	return rows;
}

const struct remap *
plan_remap_of(struct plan *p, const char *table, struct err *err)
{
	struct plan_parts *const parts = p->parts;
	const uint32_t known = plan_names_get(&parts->remap_names, table);
	const struct plan_entry *const e = plan_entry_for(&parts->parts[0],
							  table);

	if (known != PLAN_NONE)
		return parts->remaps[known];
	if (e == NULL || !e->has_ids)
		return NULL;

	struct remap_options o = e->ids;
	o.rows = rows_of(p, table, &o.nrows, err);
	if (o.rows == NULL)
		return NULL;
	struct remap *const r = remap_new(span_of(table), &o, err);
	if (r == NULL) {
		const struct err why = *err;
		const struct tree *const ids = parts->ids_node;

		tree_err(ids != NULL ? ids : e->id_node, err, "%s", why.text);
		return NULL;
	}
	if (plan_own(p, OWNED_REMAP, r, err) != 0 ||
	    plan_grow(p, &parts->remaps, parts->nremaps,
		      sizeof(*parts->remaps), err) != 0 ||
	    plan_names_put(&parts->remap_names, table,
			   (uint32_t)parts->nremaps, err) != 0)
		return NULL;
	parts->remaps[parts->nremaps++] = r;
	return r;
}
