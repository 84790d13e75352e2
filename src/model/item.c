/*
 * item.c - what is worth a function about values; the layout is in item.h.
 *
 * Where a value stands in the input follows from its text, since the line is
 * compact JSON:
 *
 *	{"S":"text"}	six bytes before the text, two after it (N, B alike)
 *	"text"		one before and one after: a member of a set
 *	{"BOOL":true}	eight bytes before, one after (NULL alike)
 *
 * A container cannot be told from its children, so it has its VALUE_PLACE.  The
 * plain text of a NAME with an escape is preceded in the arena by a struct span
 * with its bytes in the input.
 */
#include "model/item.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/utf8.h"

static_assert(sizeof(struct value) == 16, "a value is 16 bytes");
static_assert(sizeof(struct span) == ARENA_ALIGN,
	      "the text after a name's raw bytes is aligned");

static const char *const type_names[] = {
	[VALUE_S] = "S", [VALUE_N] = "N", [VALUE_B] = "B",
	[VALUE_BOOL] = "BOOL", [VALUE_NULL] = "NULL",
	[VALUE_M] = "M", [VALUE_L] = "L",
	[VALUE_SS] = "SS", [VALUE_NS] = "NS", [VALUE_BS] = "BS",
};

const char *
value_type_name(enum value_type type)
{
	assert(type >= VALUE_S && type <= VALUE_BS);
	return type_names[type];
}

enum value_type
value_type_named(struct span name)
{
	for (int t = VALUE_S; t <= VALUE_BS; t++)
		if (span_is(name, type_names[t]))
			return (enum value_type)t;
	return (enum value_type)0;
}

uint16_t
name_hash(struct span name)
{
	const uint8_t *const p = name.ptr;
	const size_t n = name.len;
	uint64_t first = 0;

	if (n >= 8)
		return name_hash_slack(p, n);
	if (n >= 4)
		first = load_le32(p) |
			(uint64_t)load_le32(p + n - 4) << 8 * (n - 4);
	else
		for (size_t i = 0; i < n; i++)
			first |= (uint64_t)p[i] << 8 * i;
	return name_mix(first, 0, n);
}

struct value
value_of_name(struct span text)
{
	return (struct value){ .text = text.ptr, .len = (uint32_t)text.len,
			       .type = VALUE_NAME, .hash = name_hash(text) };
}

struct value
value_of_text(enum value_type type, struct span text)
{
	return (struct value){ .text = text.ptr, .len = (uint32_t)text.len,
			       .type = (uint8_t)type };
}

struct value
value_of_bool(bool b)
{
	return (struct value){ .type = VALUE_BOOL,
			       .flags = b ? VALUE_TRUE : 0 };
}

struct value
value_of_null(void)
{
	return (struct value){ .type = VALUE_NULL };
}

struct value
value_of_kids(enum value_type type, struct value *kids, uint32_t n)
{
	return (struct value){ .kids = kids, .len = n,
			       .type = (uint8_t)type };
}

/* The character that an escape's letter stands for; 0 if it is none. */
static uint8_t
escaped(uint8_t letter)
{
	switch (letter) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case '"': case '\\': case '/': return letter;
	default: return 0;
	}
}

/* Four hexadecimal digits; anything else is more than 0xffff. */
static uint32_t
hex4(const uint8_t *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		const uint8_t c = p[i] | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else
			return UINT32_MAX;
	}
	return v;
}

/*
 * Undo the escape at the front of `s` into `out`: the bytes it gives, and in
 * *used those it took.  Decoders have checked it; half a surrogate pair, or an
 * escape that is none, becomes U+FFFD rather than a read too far.
 */
static size_t
unescape_one(struct span s, uint8_t out[4], size_t *used)
{
	const uint8_t *const p = s.ptr;
	const uint8_t plain = s.len >= 2 ? escaped(p[1]) : 0;

	*used = s.len < 2 ? s.len : 2;
	if (plain != 0) {
		out[0] = plain;
		return 1;
	}

	uint32_t c = s.len >= 6 && p[1] == 'u' ? hex4(p + 2) : UINT32_MAX;
	if (c <= 0xffff)
		*used = 6;
	if (c >= 0xd800 && c < 0xdc00 && s.len >= 12 && p[6] == '\\' &&
	    p[7] == 'u') {
		const uint32_t low = hex4(p + 8);

		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			*used = 12;
		}
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	return utf8_put(c, out);
}

/* Undo all escapes of `s`; to nowhere if `out` is NULL.  Returns the length. */
static size_t
unescape(struct span s, uint8_t *out)
{
	size_t n = 0;

	while (s.len > 0) {
		const uint8_t *const esc = memchr(s.ptr, '\\', s.len);
		const size_t run = esc == NULL ? s.len
					       : (size_t)(esc - s.ptr);
		uint8_t bytes[4];
		size_t used = 0, got = 0;

		if (out != NULL && run > 0)
			memcpy(out + n, s.ptr, run);
		n += run;
		s = (struct span){ s.ptr + run, s.len - run };
		if (s.len > 0)
			got = unescape_one(s, bytes, &used);
		if (out != NULL && got > 0)
			memcpy(out + n, bytes, got);
		n += got;
		s = (struct span){ s.ptr + used, s.len - used };
	}
	return n;
}

int
value_text(const struct value *v, struct arena *a, struct span *out,
	   struct err *err)
{
	assert(v->type <= VALUE_B);
	*out = (struct span){ v->text, v->len };
	if ((v->flags & VALUE_ESC) == 0 || v->type == VALUE_NAME)
		return 0;

	/* No escape is shorter than what it stands for. */
	uint8_t *const p = arena_take(a, v->len + 4, err);
	if (p == NULL)
		return -1;
	*out = (struct span){ p, unescape(*out, p) };
	return 0;
}

int
value_name_unescape(struct value *out, struct span raw, struct arena *a,
		    struct err *err)
{
	uint8_t *const p = arena_take(a, sizeof(raw) + raw.len + 4, err);

	if (p == NULL)
		return -1;
	memcpy(p, &raw, sizeof(raw));

	const struct span text = { p + sizeof(raw),
				   unescape(raw, p + sizeof(raw)) };
	*out = value_of_name(text);
	out->flags = VALUE_RAW | VALUE_ESC;
	return 0;
}

struct span
value_name_raw(const struct value *name)
{
	struct span raw = { name->text, name->len };

	assert(name->type == VALUE_NAME && (name->flags & VALUE_RAW) != 0);
	if ((name->flags & VALUE_ESC) != 0)
		memcpy(&raw, name->text - sizeof(raw), sizeof(raw));
	return raw;
}

struct span
value_raw(const struct value *v)
{
	assert((v->flags & VALUE_RAW) != 0);
	switch (v->type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		if (v->text[-2] != ':')
			return (struct span){ v->text - 1, v->len + 2U };
		return (struct span){ v->text - 6, v->len + 8U };
	case VALUE_BOOL:
	case VALUE_NULL:
		return (struct span){ v->text - 8, v->len + 9U };
	default:
		assert(v->kids[-1].type == VALUE_PLACE);
		return (struct span){ v->kids[-1].text, v->kids[-1].len };
	}
}

/* All of a value but its pointer, as one word. */
static inline uint64_t
word(const struct value *v)
{
	uint64_t w;

	memcpy(&w, (const uint8_t *)v + 8, sizeof(w));
	return w;
}

struct value *
value_attr(const struct value *m, struct span name, uint16_t hash)
{
	/* Length, type and hash at once: a false hit is rare. */
	const struct value key = { .len = (uint32_t)name.len,
				   .type = VALUE_NAME, .hash = hash };
	const struct value all = { .len = UINT32_MAX, .type = UINT8_MAX,
				   .hash = UINT16_MAX };
	const uint64_t want = word(&key), mask = word(&all);
	struct value *const end = m->kids + m->len;

	assert(m->type == VALUE_M);
	for (struct value *v = m->kids; v < end; v += 2)
		if ((word(v) & mask) == want &&
		    memcmp(v->text, name.ptr, name.len) == 0)
			return v + 1;
	return NULL;
}

int
value_own(struct value *v, uint32_t more, struct arena *a, struct err *err)
{
	const size_t n = (size_t)v->len + more;

	if (n > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "more than %u values in one",
			       UINT32_MAX);

	struct value *const kids = arena_take(a, n * sizeof(*kids), err);
	if (kids == NULL)
		return -1;
	if (v->len > 0)
		memcpy(kids, v->kids, v->len * sizeof(*kids));
	v->kids = kids;
	v->flags &= (uint8_t)~VALUE_RAW;
	return 0;
}

int
value_own_all(struct value *v, struct arena *a, struct err *err)
{
	const uint32_t step = v->type == VALUE_M ? 2 : 1;

	if (!value_is_container(v))
		return 0;
	if (value_own(v, 0, a, err) != 0)
		return -1;
	for (uint32_t i = step - 1; i < v->len; i += step)
		if (value_own_all(&v->kids[i], a, err) != 0)
			return -1;
	return 0;
}

int
value_set_attr(struct value *m, struct span name, const struct value *v,
	       struct arena *a, struct err *err)
{
	const struct value key = value_of_name(name);
	struct value *const old = value_attr(m, name, key.hash);

	if (old != NULL) {
		*old = *v;
		m->flags &= (uint8_t)~VALUE_RAW;
		return 0;
	}

	/* The array taken last can grow where it is, so that many appends cost
	 * no more than their slots. */
	if (m->len > 0 && (uint8_t *)(m->kids + m->len) == a->at &&
	    (size_t)(a->end - a->at) >= 2 * sizeof(*v))
		a->at += 2 * sizeof(*v);
	else if (value_own(m, 2, a, err) != 0)
		return -1;
	m->kids[m->len] = key;
	m->kids[m->len + 1] = *v;
	m->len += 2;
	m->flags &= (uint8_t)~VALUE_RAW;
	return 0;
}

void
value_remove_attr(struct value *m, struct value *attr)
{
	const struct value *const end = m->kids + m->len;

	assert(attr > m->kids && attr < end);
	memmove(attr - 1, attr + 1, (size_t)((const uint8_t *)end -
					     (const uint8_t *)(attr + 1)));
	m->len -= 2;
	m->flags &= (uint8_t)~VALUE_RAW;
}

/* Bytes that the base64 of a B stands for. */
static uint64_t
decoded_len(const struct value *v)
{
	const struct span text = { v->text, v->len };
	uint64_t n = (v->flags & VALUE_ESC) != 0 ? unescape(text, NULL)
						 : text.len;

	n = n / 4 * 3;
	for (uint32_t i = v->len; i > 0 && v->text[i - 1] == '='; i--)
		n--;
	return n;
}

static uint64_t
size_of_kids(const struct value *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->len; i++)
		sum += v->kids[i].type == VALUE_NAME ? v->kids[i].len
						     : value_size(&v->kids[i]);
	return sum;
}

uint64_t
value_size(const struct value *v)
{
	const struct span text = { v->text, v->len };

	switch (v->type) {
	case VALUE_S:
		return (v->flags & VALUE_ESC) != 0 ? unescape(text, NULL)
						   : text.len;
	case VALUE_N:
		return decimal_stored_len(text);
	case VALUE_B:
		return decoded_len(v);
	case VALUE_BOOL:
	case VALUE_NULL:
		return 1;
	case VALUE_L:
		return 3 + v->len + size_of_kids(v);
	case VALUE_M:
		return 3 + v->len / 2 + size_of_kids(v);
	default:
		return size_of_kids(v);
	}
}

uint64_t
item_size(const struct item *item)
{
	return size_of_kids(&item->map);
}
