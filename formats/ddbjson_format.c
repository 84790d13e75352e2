/* ddbjson_format.c - DynamoDB JSON lines as one of the formats. */
#include <string.h>

#include "formats/ddbjson.h"
#include "formats/ddbjson_record.h"
#include "formats/formats.h"

int
ddbjson_begins(struct span head, const char *text)
{
	const size_t len = strlen(text);
	size_t matched = 0;

	for (size_t i = 0; i < head.len && matched < len; i++) {
		const uint8_t c = head.ptr[i];

		if (c == (uint8_t)text[matched])
			matched++;
		else if (matched > 1 || (c != ' ' && c != '\t' &&
					 c != '\n' && c != '\r'))
			return 0;
	}
	return matched == len ? 8 * (int)matched : 0;
}

/* All that a line of ours can begin with. */
static int
sniff(struct span head)
{
	return ddbjson_begins(head, "{\"Item\"");
}

static void *
decode_start(const struct item_rules *rules, struct err *err)
{
	(void)rules;
	return ddbjson_new(err);
}

static void
decode_rewind(void *state)
{
	ddbjson_rewind(state);
}

static int
decode(void *state, struct span in, bool last, struct batch *out, size_t *used,
       struct err *err)
{
	return ddbjson_decode(state, in, last, out, used, err);
}

static uint64_t
decode_line(const void *state)
{
	return ddbjson_line(state);
}

static uint64_t
decode_blanks(const void *state)
{
	return ddbjson_blank_lines(state);
}

static void
decode_stop(void *state)
{
	ddbjson_free(state);
}

static int
encode(void *state, const struct item *item, struct buf *out, struct err *err)
{
	(void)state;
	return ddbjson_encode(item, 1, out, err);
}

/* Nothing is kept from one item to the next. */
const struct item_format ddbjson_format = {
	.name = "dynamodb-json",
	.suffix = ".json",
	.sniff = sniff,
	.decode_start = decode_start,
	.decode_rewind = decode_rewind,
	.decode = decode,
	.decode_line = decode_line,
	.decode_blanks = decode_blanks,
	.decode_stop = decode_stop,
	.encode = encode,
	.records = &ddbjson_record_format,
};
