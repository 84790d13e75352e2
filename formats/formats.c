#include "formats/formats.h"

#include <string.h>

#include "formats/batchwrite.h"
#include "formats/csv.h"
#include "formats/ddbjson.h"
#include "formats/ddbjson_record.h"
#include "formats/dumpjson.h"
#include "formats/gzip.h"
#include "formats/ion.h"
#include "formats/zstd.h"

static const struct item_format *const ITEM_FORMATS[] = {
	&ddbjson_format,
	&ddbjson_record_format,
	&ion_format,
	&ion_record_format,
	&plainjson_format,
	&typedjson_format,
	&scanjson_format,
	&csv_format,
	&batchwrite_format,
	NULL,			/* the last */
};

static const struct byte_format *const BYTE_FORMATS[] = {
	&gzip_format,
	&zstd_format,
	NULL,			/* the last */
};

const struct item_format *
item_format_named(const char *name)
{
	for (size_t i = 0; ITEM_FORMATS[i] != NULL; i++)
		if (strcmp(ITEM_FORMATS[i]->name, name) == 0)
			return ITEM_FORMATS[i];
	return NULL;
}

const struct item_format *
item_format_of(struct span head)
{
	const struct item_format *best = NULL;
	int most = 0;

	for (size_t i = 0; ITEM_FORMATS[i] != NULL; i++) {
		const int bits = ITEM_FORMATS[i]->sniff(head);

		if (bits > most) {
			most = bits;
			best = ITEM_FORMATS[i];
		}
	}
	return best;
}

const struct byte_format *
byte_format_named(const char *name)
{
	for (size_t i = 0; BYTE_FORMATS[i] != NULL; i++)
		if (strcmp(BYTE_FORMATS[i]->name, name) == 0)
			return BYTE_FORMATS[i];
	return NULL;
}

const struct byte_format *
byte_format_of(struct span head)
{
	const struct byte_format *best = NULL;
	int most = 0;

	for (size_t i = 0; BYTE_FORMATS[i] != NULL; i++) {
		const int bits = BYTE_FORMATS[i]->sniff(head);

		if (bits > most) {
			most = bits;
			best = BYTE_FORMATS[i];
		}
	}
	return best;
}
