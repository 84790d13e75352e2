/* ddbjson_check.c - escapes in a line of DynamoDB JSON. */
#include "formats/ddbjson.h"

#include <string.h>

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of the `\uXXXX` at p, or -1. */
static int
code_unit(const uint8_t *p, size_t len)
{
	int unit = 0;

	if (len < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		const int digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

size_t
ddbjson_escape(const uint8_t *text, size_t len)
{
	if (len < 2)
		return 0;
	if (text[1] != 'u')
		return memchr("\"\\/bfnrt", text[1], 8) != NULL ? 2 : 0;

	/* Half a surrogate pair is no character (RFC 3629). */
	const int unit = code_unit(text, len);
	if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
		return 0;
	if (unit < 0xD800 || unit > 0xDBFF)
		return 6;

	const int low = code_unit(text + 6, len - 6);
	return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
}
