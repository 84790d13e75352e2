/* ion_format.c - Ion text as one of the formats. */
#include <string.h>

#include "formats/formats.h"
#include "formats/ion.h"

/* Does `head`, but for white space, begin with `text`?  The bits of that. */
static int
begins(struct span head, const char *text)
{
	const size_t len = strlen(text);
	size_t i = 0;

	while (i < head.len && (head.ptr[i] == ' ' || (head.ptr[i] >= '\t' &&
						       head.ptr[i] <= '\r')))
		i++;
	return head.len - i >= len && memcmp(head.ptr + i, text, len) == 0
		? 8 * (int)len : 0;
}

/*
 * A version marker, or an item as it stands behind one; the binary form too,
 * for the reader says best what is to be done about that.
 */
static int
sniff(struct span head)
{
	static const uint8_t BINARY[] = { 0xE0, 0x01, 0x00, 0xEA };
	const int bits = begins(head, "$ion_1_0");

	if (bits > 0)
		return bits;
	if (head.len >= sizeof(BINARY) &&
	    memcmp(head.ptr, BINARY, sizeof(BINARY)) == 0)
		return 8 * (int)sizeof(BINARY);
	return begins(head, "{Item:");
}

static void *
decode_start(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return ion_new(false, err);
}

static void *
record_start(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return ion_new(true, err);
}

static void
decode_rewind(void *state)
{
	ion_rewind(state);
}

static int
decode(void *state, struct span in, bool last, struct batch *out, size_t *used,
       struct err *err)
{
	return ion_decode(state, in, last, out, used, err);
}

static uint64_t
decode_line(const void *state)
{
	return ion_line(state);
}

static uint64_t
decode_blanks(const void *state)
{
	return ion_blank_lines(state);
}

static void
decode_stop(void *state)
{
	ion_free(state);
}

static void *
encode_start(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return ion_writer_new(err);
}

static int
encode(void *state, const struct item *item, struct buf *out, struct err *err)
{
	return ion_encode(state, item, out, err);
}

static void
encode_stop(void *state)
{
	ion_writer_free(state);
}

const struct item_format ion_format = {
	.name = "ion",
	.suffix = ".ion",
	.sniff = sniff,
	.decode_start = decode_start,
	.decode_rewind = decode_rewind,
	.decode = decode,
	.decode_line = decode_line,
	.decode_blanks = decode_blanks,
	.decode_stop = decode_stop,
	.encode_start = encode_start,
	.encode = encode,
	.encode_stop = encode_stop,
	.records = &ion_record_format,
};

/* Not told by its first bytes: whoever reads increments knows it from ION. */
static int
sniff_no_more(struct span head)
{
	(void)head;
	return 0;
}

const struct item_format ion_record_format = {
	.name = "ion-records",
	.suffix = ".ion",
	.sniff = sniff_no_more,
	.decode_start = record_start,
	.decode_rewind = decode_rewind,
	.decode = decode,
	.decode_line = decode_line,
	.decode_blanks = decode_blanks,
	.decode_stop = decode_stop,
	.records = &ion_record_format,
};
