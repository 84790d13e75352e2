#include "engine/itemkey.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/compare.h"

/* ---- reading ------------------------------------------------------------- */

/* The tables whose keys are meant; none: any name may be a key's. */
struct tables {
	const struct itemkey_names *names;
	size_t n;
};

static bool
is_known(const struct tables *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->names[i].pk != NULL)
			return true;
	return false;
}

/* Could the name of an attribute be meant, where nobody knows the tables? */
static bool
is_word(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		const uint8_t c = name.ptr[i], low = c | 0x20;

		if (!(low >= 'a' && low <= 'z') && c < 0x80 && c != '_' &&
		    (i == 0 || !((c >= '0' && c <= '9') || c == '-' ||
				 c == '.' || c == ':' || c == '#')))
			return false;
	}
	return name.len > 0;
}

static bool
is_key_name(const struct tables *t, struct span name)
{
	for (size_t i = 0; i < t->n; i++)
		if ((t->names[i].pk != NULL && span_is(name, t->names[i].pk)) ||
		    (t->names[i].sk != NULL && span_is(name, t->names[i].sk)))
			return true;
	return !is_known(t) && is_word(name);
}

/* Of the text up to a `=`, the name of a key attribute; else empty. */
static struct span
name_before(const struct tables *t, const char *text)
{
	const struct span name = {
		(const uint8_t *)text, strcspn(text, "="),
	};

	return text[name.len] == '=' && is_key_name(t, name)
		? name : (struct span){ NULL, 0 };
}

/* The comma before the next `name=`, or the end. */
static const char *
end_of_value(const struct tables *t, const char *text)
{
	const char *s = strchr(text, ',');

	while (s != NULL && name_before(t, s + 1).len == 0)
		s = strchr(s + 1, ',');
	return s != NULL ? s : text + strlen(text);
}

/* `{S=abc}`, as the AWS CLI's short form has it: its type. */
static void
take_type(struct itemkey_attr *a)
{
	const char *const s = (const char *)a->text.ptr;
	const size_t n = a->text.len;

	if (n < 4 || s[0] != '{' || s[2] != '=' || s[n - 1] != '}')
		return;

	const enum value_type type = value_type_named(
		(struct span){ a->text.ptr + 1, 1 });
	if (type == 0)
		return;
	a->type = type;
	a->text = (struct span){ a->text.ptr + 3, n - 4 };
}

/* Can there be such a value? */
static int
check_type(const struct itemkey_attr *a, const char *text, struct err *err)
{
	if ((a->type == VALUE_N && decimal_check(a->text, err) != 0) ||
	    (a->type == VALUE_B && !base64_check(a->text)))
		return err_set(err, ERR_USAGE, "--key '%s': '%.*s' is not of "
			       "type %s", text, (int)a->text.len,
			       (const char *)a->text.ptr,
			       value_type_name(a->type));
	return 0;
}

static int
read_pairs(struct itemkey *k, const char *text, const struct tables *t,
	   struct err *err)
{
	for (const char *s = text;; ) {
		const struct span name = name_before(t, s);
		struct itemkey_attr *const a = &k->attrs[k->nattrs];

		if (k->nattrs == 2)
			return err_set(err, ERR_USAGE, "--key '%s': a key has "
				       "one attribute or two", text);
		const char *const value = s + name.len + 1;
		s = end_of_value(t, value);
		*a = (struct itemkey_attr){
			.name = name, .hash = name_hash(name),
			.text = { (const uint8_t *)value, (size_t)(s - value) },
		};
		take_type(a);
		k->nattrs++;
		if (check_type(a, text, err) != 0)
			return -1;
		if (*s == '\0')
			return 0;
		s++;
	}
}

/* The attributes of `{"id":{"S":"x"}}`, by the decoder of items. */
static int
read_json(struct itemkey *k, const char *text, struct arena *mem,
	  struct err *err)
{
	struct ddbjson *const reader = ddbjson_new(err);
	const struct item *item = NULL;
	struct buf line = { 0 };
	struct err why = { 0 };
	int rc = -1;

	if (reader == NULL)
		return -1;
	if (buf_printf(&line, err, "{\"Item\":") != 0 ||
	    buf_append(&line, span_of(text), err) != 0 ||
	    buf_append(&line, span_of("}"), err) != 0)
		goto done;
	for (size_t i = 0; i < line.len; i++)	/* however it was typed */
		if (line.ptr[i] == '\n')
			line.ptr[i] = ' ';
	item = ddbjson_decode_line(reader, buf_span(&line), mem, &why);
	if (item == NULL)
		err_set(err, ERR_USAGE, "--key '%s': %s; such as "
			"{\"id\":{\"S\":\"x\"}}", text, why.text);
	else if (item->map.len == 0)
		err_set(err, ERR_USAGE, "--key '%s' names no attribute", text);
	else
		rc = 0;
	if (rc == 0)
		k->map = item->map;
done:
	buf_free(&line);
	ddbjson_free(reader);
	return rc;
}

/* Is there a table that a partition key alone is the key of? */
static int
check_bare(const char *text, const struct tables *t, struct err *err)
{
	const struct itemkey_names *two = NULL;

	for (size_t i = 0; i < t->n; i++) {
		if (t->names[i].pk == NULL)
			continue;
		if (t->names[i].sk == NULL)
			return 0;
		two = &t->names[i];
	}
	if (two == NULL)
		return err_set(err, ERR_USAGE, "--key '%s': of which "
			       "attribute? nothing says the key of a table "
			       "that is read; say 'name=%s'", text, text);
	return err_set(err, ERR_USAGE, "--key '%s': there is a sort key too; "
		       "say '%s=...,%s=...'", text, two->pk, two->sk);
}

int
itemkey_read(struct itemkey *k, const char *text,
	     const struct itemkey_names *names, size_t n, struct arena *mem,
	     struct err *err)
{
	const struct tables t = { names, n };

	*k = (struct itemkey){ 0 };
	if (text[0] == '\0')
		return err_set(err, ERR_USAGE, "--key takes a key, such as "
			       "id=x");
	if (text[strspn(text, " \t\n")] == '{')
		return read_json(k, text, mem, err);
	if (name_before(&t, text).len > 0)
		return read_pairs(k, text, &t, err);
	k->bare = span_of(text);
	return check_bare(text, &t, err);
}

/* ---- looking ------------------------------------------------------------- */

/* Is this `text`, read as what the value is?  Returns 1, 0 or -1. */
static int
says(const struct value *v, struct span text, struct arena *mem,
     struct err *err)
{
	struct err ignored;

	if ((v->type == VALUE_N && decimal_check(text, &ignored) != 0) ||
	    (v->type == VALUE_B && !base64_check(text)) ||
	    (v->type != VALUE_S && v->type != VALUE_N && v->type != VALUE_B))
		return 0;

	const struct value want = value_of_text((enum value_type)v->type,
						text);
	return value_equal(v, &want, mem, err);
}

static int
fits_pairs(const struct itemkey *k, const struct item *item,
	   struct arena *mem, struct err *err)
{
	int rc = 1;

	for (size_t i = 0; i < k->nattrs && rc == 1; i++) {
		const struct itemkey_attr *const a = &k->attrs[i];
		const struct value *const v = value_attr(&item->map, a->name,
							 a->hash);

		rc = v == NULL || (a->type != 0 && a->type != v->type)
			? 0 : says(v, a->text, mem, err);
	}
	return rc;
}

static int
fits_map(const struct value *map, const struct item *item, struct arena *mem,
	 struct err *err)
{
	int rc = 1;

	for (uint32_t i = 0; i < map->len && rc == 1; i += 2) {
		const struct value *const name = &map->kids[i];
		const struct value *const v = value_attr(&item->map,
			(struct span){ name->text, name->len }, name->hash);

		rc = v == NULL ? 0 : value_equal(v, name + 1, mem, err);
	}
	return rc;
}

/* Is it the partition key, of a table that has no other? */
static int
fits_bare(const struct itemkey *k, const struct itemkey_names *names,
	  const struct item *item, struct arena *mem, struct err *err)
{
	if (names->pk == NULL || names->sk != NULL)
		return 0;

	const struct span name = span_of(names->pk);
	const struct value *const v = value_attr(&item->map, name,
						 name_hash(name));
	return v == NULL ? 0 : says(v, k->bare, mem, err);
}

int
itemkey_fits(const struct itemkey *k, const struct itemkey_names *names,
	     const struct item *item, struct arena *mem, struct err *err)
{
	if (k->map.type != 0)
		return fits_map(&k->map, item, mem, err);
	if (k->nattrs > 0)
		return fits_pairs(k, item, mem, err);
	return fits_bare(k, names, item, mem, err);
}
