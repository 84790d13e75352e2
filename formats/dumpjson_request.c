/*
 * dumpjson_request.c - items in the requests of a BatchWriteItem: an element of
 * the table's list is
 *
 *	{"PutRequest":{"Item":{...}}}
 *
 * and a {"DeleteRequest":...} is no item.
 */
#include "formats/dumpjson_internal.h"

#include <string.h>

#include "base/err.h"
#include "formats/jsonvalue.h"

/* This character, and white space before it. */
static int
take(struct jsonwalk *w, char c, const char *expected)
{
	jsonvalue_space(w);
	if (w->p == w->end || *w->p != (uint8_t)c)
		return jsonvalue_wrong(w, expected);
	w->p++;
	return JSON_GOOD;
}

/* `{"name":` */
static int
take_name(struct jsonwalk *w, const char *name, const char *expected)
{
	struct span found;
	bool escaped;
	int rc = take(w, '{', "'{'");

	jsonvalue_space(w);
	const uint8_t *const at = w->p;
	if (rc == JSON_GOOD)
		rc = jsonvalue_string(w, &found, &escaped);
	if (rc == JSON_GOOD && !span_is(found, name)) {
		w->p = at;
		if (span_is(found, "DeleteRequest"))
			err_set(w->err, ERR_INPUT, "a request to delete is no "
				"item");
		else
			err_set(w->err, ERR_INPUT, "'%.*s' where %s should be",
				(int)(found.len < 40 ? found.len : 40),
				(const char *)found.ptr, expected);
		return JSON_BAD;
	}
	if (rc == JSON_GOOD)
		rc = take(w, ':', "':'");
	jsonvalue_space(w);
	return rc;
}

int
dumpjson_open_request(struct jsonwalk *w)
{
	const int rc = take_name(w, "PutRequest", "'PutRequest'");

	return rc == JSON_GOOD ? take_name(w, "Item", "'Item'") : rc;
}

int
dumpjson_close_request(struct jsonwalk *w)
{
	const int rc = take(w, '}', "'}'");

	return rc == JSON_GOOD ? take(w, '}', "'}'") : rc;
}

void
dumpjson_take_table(struct dumpjson *d, struct span name)
{
	if (d->table_len == 0 && name.len <= sizeof(d->table)) {
		if (name.len > 0)
			memcpy(d->table, name.ptr, name.len);
		d->table_len = name.len;
	}
	d->other_table = !span_equal(name, (struct span){ d->table,
							  d->table_len });
}

int
dumpjson_other_table(const struct dumpjson *d, struct err *why)
{
	err_set(why, ERR_INPUT, "a request for another table than '%.*s', "
		"which those before are for: put it into a file of its own",
		(int)d->table_len, (const char *)d->table);
	return JSON_BAD;
}
