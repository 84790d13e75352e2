/* base64.c - by table, a group of four characters at a time. */
#include "base/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What a character stands for; N, a bit that no value has, if nothing. */
enum { N = 0x80 };

static const uint8_t values[256] = {
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, 62, N, N, N, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, N, N, N, N, N, N,
	N, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, N, N, N, N, N,
	N, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, N, N, N, N, N,
#define N4 N, N, N, N
#define N16 N4, N4, N4, N4
	N16, N16, N16, N16, N16, N16, N16, N16,
};

/* The last group may end in one or two `=`. */
static bool
check_last(const uint8_t *p)
{
	const uint8_t a = values[p[0]], b = values[p[1]], c = values[p[2]];

	if (p[3] != '=')
		return ((a | b | c | values[p[3]]) & N) == 0;
	if (p[2] != '=')
		return ((a | b | c) & N) == 0 && (c & 3) == 0;
	return ((a | b) & N) == 0 && (b & 15) == 0;
}

bool
base64_check(struct span text)
{
	if (text.len == 0)
		return true;
	if (text.len % 4 != 0)
		return false;

	const uint8_t *p = text.ptr;
	const uint8_t *const last = p + text.len - 4;
	unsigned seen = 0;

	/* Several groups a turn: the loads do not wait for each other. */
	for (; last - p >= 16; p += 16) {
		const unsigned a = values[p[0]] | values[p[1]] |
			values[p[2]] | values[p[3]];
		const unsigned b = values[p[4]] | values[p[5]] |
			values[p[6]] | values[p[7]];
		const unsigned c = values[p[8]] | values[p[9]] |
			values[p[10]] | values[p[11]];
		const unsigned d = values[p[12]] | values[p[13]] |
			values[p[14]] | values[p[15]];

		seen |= a | b | c | d;
	}
	for (; p < last; p++)
		seen |= values[*p];
	return (seen & N) == 0 && check_last(last);
}

size_t
base64_decoded_len(struct span text)
{
	if (text.len < 4)
		return 0;
	return text.len / 4 * 3 - (text.ptr[text.len - 1] == '=') -
		(text.ptr[text.len - 2] == '=');
}

size_t
base64_encoded_len(size_t n)
{
	return n / 3 * 4 + (n % 3 != 0 ? 4 : 0);
}

static uint32_t
join(const uint8_t *p)
{
	return (uint32_t)values[p[0]] << 18 | (uint32_t)values[p[1]] << 12 |
	       (uint32_t)values[p[2]] << 6 | values[p[3]];
}

void
base64_decode(struct span text, uint8_t *out)
{
	const size_t len = base64_decoded_len(text);
	const uint8_t *p = text.ptr;
	size_t i = 0;

	for (; i + 3 <= len; i += 3, p += 4) {
		const uint32_t v = join(p);

		out[i] = (uint8_t)(v >> 16);
		out[i + 1] = (uint8_t)(v >> 8);
		out[i + 2] = (uint8_t)v;
	}
	if (i == len)
		return;
	out[i] = (uint8_t)(values[p[0]] << 2 | values[p[1]] >> 4);
	if (i + 1 < len)
		out[i + 1] = (uint8_t)(values[p[1]] << 4 | values[p[2]] >> 2);
}

void
base64_encode(struct span bytes, uint8_t *out)
{
	const uint8_t *p = bytes.ptr;
	size_t n = bytes.len;

	for (; n >= 3; n -= 3, p += 3, out += 4) {
		out[0] = (uint8_t)alphabet[p[0] >> 2];
		out[1] = (uint8_t)alphabet[(p[0] & 3) << 4 | p[1] >> 4];
		out[2] = (uint8_t)alphabet[(p[1] & 15) << 2 | p[2] >> 6];
		out[3] = (uint8_t)alphabet[p[2] & 63];
	}
	if (n == 0)
		return;

	const unsigned second = n > 1 ? p[1] : 0;

	out[0] = (uint8_t)alphabet[p[0] >> 2];
	out[1] = (uint8_t)alphabet[(p[0] & 3u) << 4 | second >> 4];
	out[2] = n > 1 ? (uint8_t)alphabet[(second & 15) << 2] : '=';
	out[3] = '=';
}
