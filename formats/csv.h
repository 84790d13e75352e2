/*
 * csv.h - CSV as ImportTable takes it (Developer Guide, S3DataImport.Format;
 * API CsvOptions), in and out.
 *
 *	header	the names of the columns, if the rules do not say them
 *	row	fields with a delimiter between, one for each column
 *	field	text without quotes; or in quotes, those in it doubled, and
 *		then delimiters and line ends may be in it, too
 *
 * Lines end in LF or CR LF; empty ones are passed over.  Every column is an S,
 * but for the keys of the table and its indexes, and for what the rules give a
 * type: N, B in base64, BOOL as `true` or `false`, and what has parts as plain
 * JSON.  A field with nothing in it is an attribute that is not there.
 */
#ifndef FORMATS_CSV_H
#define FORMATS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct item_format;

extern const struct item_format csv_format;

enum { CSV_SNIFF_COLUMNS = 256 };

/* One field of a row, as it stands. */
struct csv_field {
	struct span text;	/* without its quotes */
	bool quoted, doubled;	/* it was; and has doubled quotes in it */
};

/* What a row comes to. */
enum csv_row {
	CSV_BAD,		/* *at is where, *why what */
	CSV_GOOD,		/* *end is behind its line end */
	CSV_MORE,		/* it may end where more text comes */
};

/*
 * Split the row that `text` begins with into its fields, of which there is room
 * for `most`; *n counts all.  `last`: nothing comes after the text.
 */
enum csv_row csv_split(struct span text, bool last, uint8_t delimiter,
		       struct csv_field *fields, size_t most, size_t *n,
		       const uint8_t **end, const uint8_t **at,
		       const char **why);

/* The text of a field, at `out` if it has doubled quotes (no more room). */
struct span csv_text(const struct csv_field *f, uint8_t *out);

/* How CSV is written: csv_write.c. */
struct buf;
struct err;
struct item;
struct item_rules;

void *csv_encode_start(const struct item_rules *rules, struct err *err);
int csv_encode(void *state, const struct item *item, struct buf *out,
	       struct err *err);
uint64_t csv_encode_lost(const void *state);
void csv_encode_stop(void *state);

#endif
