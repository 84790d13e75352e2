/*
 * ddbjson_record.h - the lines of incremental exports in DynamoDB JSON: a
 * record each of what became of one item in the export's window (Developer
 * Guide, S3DataExport.Output).
 *
 *	{"Metadata":{"WriteTimestampMicros":{"N":"1740797000000001"}},
 *	 "Keys":{"id":{"S":"a"}},"OldImage":{...},"NewImage":{...}}
 *
 * Keys is always there: one or two attributes, S, N or B.  Without OldImage the
 * item is new, without NewImage it is gone; but in exports of the view
 * NEW_IMAGE no record has an OldImage.  Images have the attributes of Keys,
 * with the same values.  Every member is a map of attributes and
 * is checked as strictly as an item is (ddbjson.h); members come in any order,
 * none twice and no others.  A line that fails is a reject of the batch.
 */
#ifndef FORMATS_DDBJSON_RECORD_H
#define FORMATS_DDBJSON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct batch;
struct ddbjson_record;
struct err;
struct item_format;

extern const struct item_format ddbjson_record_format;

struct ddbjson_record *ddbjson_record_new(struct err *err);
void ddbjson_record_free(struct ddbjson_record *d);	/* NULL is fine */

/* A new file begins: line 1, offset 0. */
void ddbjson_record_rewind(struct ddbjson_record *d);

/*
 * Decode the whole lines at the front of `in`, and the last one without a line
 * end too if this is `last`, but no more than DDBJSON_RECORD_MAX_LINES; *used
 * says how many bytes they took.  Records point into `in`, the batch, which was
 * reset, and the reader, until its next call.  Their images are items like
 * those of full exports, lines and all.  Returns 0, or -1 if memory is refused.
 */
enum { DDBJSON_RECORD_MAX_LINES = 256 };
int ddbjson_record_decode(struct ddbjson_record *d, struct span in, bool last,
			  struct batch *out, size_t *used, struct err *err);

/*
 * What is wrong with the members of a record, values of type 0 if they are not
 * there, or *why NULL.  Returns 0, or -1 if memory is refused.
 */
struct arena;
struct value;
int ddbjson_record_check(const struct value *keys, const struct value *old,
			 const struct value *new, struct arena *mem,
			 const char **why, struct err *err);

#endif
