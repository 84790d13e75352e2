/*
 * plainjson.h - items as JSON that has no types: one object a line, for jq and
 * for people.
 *
 *	S	a string
 *	N	a number, exact: its text, or without what JSON has no words for
 *		(`+1`, `.5`, `007`) in DynamoDB's own, canonical text
 *	B	its base64, as a string
 *	BOOL	true, false
 *	NULL	null
 *	M, L	an object, an array
 *	SS NS BS	an array, in the order of the input
 *
 * What was a set, a list or binary cannot be told from the text.  Where that
 * matters there is tagged JSON, which jsonvalue.h reads: the same, but
 *
 *	N	of more than 15 digits: {"$N":"12345678901234567890"}
 *	B	{"$B":"AAEC"}
 *	SS NS BS	{"$SS":["a","b"]}, members as strings
 *	M	with one attribute that begins with `$`: {"$M":{"$x":1}}
 */
#ifndef FORMATS_PLAINJSON_H
#define FORMATS_PLAINJSON_H

struct arena;
struct buf;
struct err;
struct item;
struct value;

/*
 * Append an item as a line, or a value.  The arena is for numbers written with
 * escapes.  Returns 0, or -1 if memory is refused.
 */
int plainjson_encode(const struct item *item, struct arena *mem,
		     struct buf *out, struct err *err);
int plainjson_encode_value(const struct value *v, struct arena *mem,
			   struct buf *out, struct err *err);
int plainjson_encode_tagged(const struct item *item, struct arena *mem,
			    struct buf *out, struct err *err);

#endif
