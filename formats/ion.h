/*
 * ion.h - Amazon Ion text, as table exports hold and ImportTable takes it
 * (Developer Guide, S3DataExport.Output and S3DataImport.Format; the Ion 1.0
 * specification): a stream of values, in practice one a line,
 *
 *	$ion_1_0 {Item:{id:"1",n:1.5,ss:$dynamodb_SS::["a","b"]}}
 *	$ion_1_0 {Metadata:{...},Keys:{id:"1"},OldImage:{...},NewImage:{...}}
 *
 * the second of which are records of incremental exports (ddbjson_record.h).
 *
 *	S	string			M	struct
 *	N	decimal			L	list
 *	B	blob			SS	list annotated $dynamodb_SS
 *	BOOL	bool			NS	list annotated $dynamodb_NS
 *	NULL	null, of any type	BS	list annotated $dynamodb_BS
 *
 * Reading takes what can stand for an item, however it is written: white space
 * and comments wherever Ion has them, long strings, quoted symbols, all
 * escapes, integers in three bases, underscores, floats that are what they
 * say; a struct without `Item` around it.  It refuses, with line and column,
 * what DynamoDB has no type for (symbols, timestamps, clobs, s-expressions,
 * other annotations), and what its own rules forbid: see ddbjson.h.  A value
 * that fails is a reject of the batch, and the next one is looked for at the
 * next line that begins like one.
 *
 * Writing gives one text for one value: see ion_encode().
 */
#ifndef FORMATS_ION_H
#define FORMATS_ION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct batch;
struct buf;
struct err;
struct ion;
struct item;
struct ion_writer;
struct item_format;

extern const struct item_format ion_format, ion_record_format;

/* A reader of items, or of the records of incremental exports. */
struct ion *ion_new(bool records, struct err *err);
void ion_free(struct ion *d);		/* NULL is fine */

/* A new file begins: line 1, offset 0. */
void ion_rewind(struct ion *d);

/*
 * Decode the whole values at the front of `in`, and what is left too if this is
 * `last`, but no more than ION_MAX_VALUES; *used says how many bytes they
 * took.  At least ION_SLACK bytes behind `in` can be read.  What is read
 * becomes items with a line of DynamoDB JSON each, in which their values stand
 * as if they had been read from that; the lines stay until the next call.  An
 * item's number is that of the line in which its value begins, its offset that
 * of the value, or of its version marker in the same line.  Returns 0, or -1
 * if memory is refused or this is Ion's binary form.
 *
 * A value that is not whole within ION_MAX_LEN bytes is a reject.
 */
enum {
	ION_SLACK = 128,
	ION_MAX_VALUES = 1024,
	ION_MAX_LEN = 16 * 1024 * 1024,
};
int ion_decode(struct ion *d, struct span in, bool last, struct batch *out,
	       size_t *used, struct err *err);

/* The number of the next line, from 1. */
uint64_t ion_line(const struct ion *d);

/* Lines of this file that were passed over, for no value is in them. */
uint64_t ion_blank_lines(const struct ion *d);

struct ion_writer *ion_writer_new(struct err *err);
void ion_writer_free(struct ion_writer *w);	/* NULL is fine */

/*
 * Append an item as a line, `$ion_1_0 {Item:{...}}`, in the words of AWS's own
 * exports.  Whatever the value was read from, equal values get equal text:
 *
 * - no white space but behind the marker; attributes and elements in their
 *   order;
 * - a name stands bare if it is an identifier, no keyword and no symbol id,
 *   else in single quotes;
 * - in text only quotes, backslashes and control characters are escaped:
 *   \0 \a \b \t \n \v \f \r, else \xHH;
 * - a number is a decimal always, its trailing zeros in the exponent: 1. 1.5
 *   0.000001 1.5d-7 6d2 0. (what Java's BigDecimal has, stripped of them).
 */
int ion_encode(struct ion_writer *w, const struct item *item, struct buf *out,
	       struct err *err);

#endif
