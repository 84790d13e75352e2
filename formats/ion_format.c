/* ion_format.c - Ion text as one of the formats. */
#include <string.h>

#include "formats/formats.h"
#include "formats/ion.h"

/* Behind the comment at `at`, which begins with a slash; or `at`. */
static size_t
pass_comment(struct span head, size_t at)
{
	size_t i = at + 2;

	if (head.len < at + 2 ||
	    (head.ptr[at + 1] != '/' && head.ptr[at + 1] != '*'))
		return at;
	if (head.ptr[at + 1] == '/') {
		while (i < head.len && head.ptr[i] != '\n' &&
		       head.ptr[i] != '\r')
			i++;
		return i;
	}
	while (i + 1 < head.len &&
	       (head.ptr[i] != '*' || head.ptr[i + 1] != '/'))
		i++;
	return i + 1 < head.len ? i + 2 : head.len;
}

/* Behind white space and comments. */
static size_t
pass_blank(struct span head, size_t at)
{
	for (;;) {
		const size_t from = at;

		while (at < head.len && (head.ptr[at] == ' ' ||
		       (head.ptr[at] >= '\t' && head.ptr[at] <= '\r')))
			at++;
		if (at < head.len && head.ptr[at] == '/')
			at = pass_comment(head, at);
		if (at == from)
			return at;
	}
}

/* The bits of `text`, if it stands at *at, which then is behind it. */
static int
take(struct span head, size_t *at, const char *text)
{
	const size_t len = strlen(text);

	if (head.len - *at < len || memcmp(head.ptr + *at, text, len) != 0)
		return 0;
	*at += len;
	return 8 * (int)len;
}

/* `{Item:`, whatever blanks are in it: no JSON, where names have quotes. */
static int
begins_item(struct span head, size_t at)
{
	int bits = take(head, &at, "{"), name;

	at = pass_blank(head, at);
	name = take(head, &at, "Item");
	if (name == 0)
		name = take(head, &at, "'Item'");
	at = pass_blank(head, at);
	return bits > 0 && name > 0 && take(head, &at, ":") > 0
		? bits + name + 8 : 0;
}

/*
 * A version marker, a table of symbols, or an item as it stands behind one,
 * behind comments if there are any; the binary form too, for the reader says
 * best what is to be done about that.
 */
static int
sniff(struct span head)
{
	static const uint8_t BINARY[] = { 0xE0, 0x01, 0x00, 0xEA };
	const size_t start = pass_blank(head, 0);
	size_t at = start;
	int bits = take(head, &at, "$ion_1_0");

	if (bits == 0)
		bits = take(head, &at, "$ion_symbol_table");
	if (bits == 0)
		bits = take(head, &at, "'$ion_symbol_table'");
	if (bits > 0)
		return bits;
	if (head.len >= sizeof(BINARY) &&
	    memcmp(head.ptr, BINARY, sizeof(BINARY)) == 0)
		return 8 * (int)sizeof(BINARY);
	return begins_item(head, start);
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
