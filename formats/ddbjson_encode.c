/*
 * ddbjson_encode.c - items to lines of DynamoDB JSON.
 *
 * What a step left untouched still stands in the input, tags, commas and all.
 * Neighbours there that are neighbours here too are one stretch, copied at
 * once: an item with one changed attribute is two copies and the attribute.
 */
#include "formats/ddbjson.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/rematch.h"
#include "model/item.h"

/*
 * Bytes on their way: the buffer's free end, and a stretch of input that is not
 * yet copied.  Between calls there is always room for SMALL bytes, so that tags
 * and punctuation go out unasked.
 */
struct out {
	uint8_t *at, *end;		/* of the buffer */
	const uint8_t *from, *to;	/* the stretch; NULL if there is none */
	struct buf *buf;
	struct copied_list *copied;	/* NULL: nobody asks */
	struct err *err;
};

enum {
	SMALL = 192,		/* a tag, or what copy() writes too much */
	FIRST_ROOM = 4096,
	STEP = 128,		/* bytes copied at a time; see copy() */
};

static_assert((int)STEP <= (int)DDBJSON_SLACK,
	      "a copy may read as far behind a block as can be read");
static_assert((int)STEP <= (int)SMALL, "and write as far");

/* Make room for `n` bytes and SMALL more.  Returns 0 or -1. */
static int
grow(struct out *o, size_t n)
{
	o->buf->len = (size_t)(o->at - o->buf->ptr);
	const size_t room = n + 2 * SMALL + FIRST_ROOM;
	if (buf_reserve(o->buf, room, o->err) == NULL)
		return -1;
	o->at = o->buf->ptr + o->buf->len;
	o->end = o->buf->ptr + o->buf->cap;
	return 0;
}

static int
start(struct out *o, struct buf *buf, struct err *err)
{
	*o = (struct out){ .buf = buf, .err = err };
	if (buf_reserve(buf, FIRST_ROOM, err) == NULL)
		return -1;
	o->at = buf->ptr + buf->len;
	o->end = buf->ptr + buf->cap;
	return 0;
}

/* What was written is the buffer's. */
static int
finish(struct out *o, int rc)
{
	o->buf->len = (size_t)(o->at - o->buf->ptr);
	return rc;
}

/* At most SMALL bytes that are known where this is compiled. */
#define PUT_SMALL(o, text) \
	(memcpy((o)->at, text, sizeof(text) - 1), (o)->at += sizeof(text) - 1)

static inline int
put(struct out *o, const void *bytes, size_t n)
{
	if ((size_t)(o->end - o->at) < n + SMALL && grow(o, n) != 0)
		return -1;
	memcpy(o->at, bytes, n);
	o->at += n;
	return 0;
}

/* Note that `n` bytes of input go to o->at + `shift`; of none, text does. */
static inline int
note(struct out *o, const uint8_t *from, size_t n, ptrdiff_t shift)
{
	size_t to;

	if (o->copied == NULL)
		return 0;
	if (copied_reserve(o->copied, 1, o->err) != 0)
		return -1;
	to = (size_t)(o->at - o->buf->ptr + shift);
	if (n > 0)
		copied_note(o->copied, from, n, to);
	else
		copied_mark(o->copied, to);
	return 0;
}

/*
 * The same of input, which can be read for STEP bytes behind.  Lengths come as
 * they like, so most are copied without asking how long they are: a guess that
 * fails costs more than the bytes.
 */
static inline int
copy(struct out *o, const uint8_t *from, size_t n)
{
	if ((size_t)(o->end - o->at) < n + SMALL && grow(o, n) != 0)
		return -1;
	if (note(o, from, n, 0) != 0)
		return -1;
	memcpy(o->at, from, STEP);
	for (size_t i = STEP; i < n; i += STEP)
		memcpy(o->at + i, from + i, STEP);
	o->at += n;
	return 0;
}

static inline int
flush(struct out *o)
{
	const uint8_t *const from = o->from;

	if (from == NULL)
		return 0;
	o->from = NULL;
	return copy(o, from, (size_t)(o->to - from));
}

/* What JSON writes for a byte that cannot stand in a string as it is. */
static size_t
escape(uint8_t c, char to[6])
{
	static const char HEX[] = "0123456789abcdef";
	static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	to[0] = '\\';
	for (size_t i = 0; i < sizeof(SHORT) - 1; i += 2)
		if ((uint8_t)SHORT[i] == c) {
			to[1] = SHORT[i + 1];
			return 2;
		}
	memcpy(to + 1, "u00", 3);
	to[4] = HEX[c >> 4];
	to[5] = HEX[c & 15];
	return 6;
}

static int
put_text(struct out *o, struct span text)
{
	for (;;) {
		const size_t plain = scan_plain(text);
		char escaped[6];

		if (plain > 0 && put(o, text.ptr, plain) != 0)
			return -1;
		if (plain == text.len)
			return 0;
		if (put(o, escaped, escape(text.ptr[plain], escaped)) != 0)
			return -1;
		text.ptr += plain + 1;
		text.len -= plain + 1;
	}
}

/* The text of a value as it stands between quotes. */
static int
put_value_text(struct out *o, const struct value *v)
{
	if (note(o, NULL, 0, 0) != 0)
		return -1;
	if ((v->flags & (VALUE_RAW | VALUE_ESC | VALUE_CLEAN)) != 0 ||
	    v->type != VALUE_S)
		return put(o, v->text, v->len);
	return put_text(o, (struct span){ v->text, v->len });
}

static int put_value(struct out *o, const struct value *v);

/*
 * How much stands before and after the text of a value in the input, by type:
 * {"S":"..."}  and  {"BOOL":true}.  0 for containers.
 */
static const uint8_t BEFORE[VALUE_PLACE] = {
	[VALUE_S] = 6, [VALUE_N] = 6, [VALUE_B] = 6,
	[VALUE_BOOL] = 8, [VALUE_NULL] = 8,
};
static const uint8_t AFTER[VALUE_PLACE] = {
	[VALUE_S] = 2, [VALUE_N] = 2, [VALUE_B] = 2,
	[VALUE_BOOL] = 1, [VALUE_NULL] = 1,
};

/* Where a value stands in the input, if it does (VALUE_RAW). */
static inline void
stands(const struct value *v, const uint8_t **from, const uint8_t **to)
{
	if (BEFORE[v->type] != 0) {
		*from = v->text - BEFORE[v->type];
		*to = v->text + v->len + AFTER[v->type];
	} else {
		const struct value *const place = &v->kids[-1];

		*from = place->text;
		*to = place->text + place->len;
	}
}

/*
 * Add [from, to) of the input, with a comma before it unless it is the `first`
 * of its container.
 */
static inline int
put_stretch(struct out *o, const uint8_t *from, const uint8_t *to, bool first)
{
	if (!first && o->from != NULL && from == o->to + 1) {
		o->to = to;
		return 0;
	}
	if (flush(o) != 0)
		return -1;
	if (!first)
		PUT_SMALL(o, ",");
	o->from = from;
	o->to = to;
	return 0;
}

/*
 * How many slots of `n` are attributes that stand in the input as they do here,
 * side by side?  They end at *to.
 */
static inline uint32_t
untouched(const struct value *kids, uint32_t n, const uint8_t **to)
{
	const uint8_t *next = kids->text;	/* where a name must stand */
	uint32_t i;

	for (i = 0; i < n; i += 2) {
		const struct value *const name = &kids[i], *const v = name + 1;
		const uint8_t *const from = name->text + name->len + 2;
		const unsigned before = BEFORE[v->type];

		if (name->text != next || (v->flags & VALUE_RAW) == 0 ||
		    (name->flags & (VALUE_RAW | VALUE_ESC)) != VALUE_RAW)
			break;
		if (before != 0) {
			if (v->text != from + before)
				break;
			next = v->text + v->len + AFTER[v->type] + 2;
		} else {
			if (v->kids[-1].text != from)
				break;
			next = from + v->kids[-1].len + 2;
		}
	}
	*to = next - 2;
	return i;
}

/* An attribute that does not stand in the input so: name, colon and value. */
static int
put_attribute(struct out *o, const struct value *name, bool first)
{
	if (flush(o) != 0)
		return -1;
	if (!first)
		PUT_SMALL(o, ",");
	PUT_SMALL(o, "\"");
	if ((name->flags & VALUE_RAW) != 0) {
		const struct span raw = value_name_raw(name);

		if (note(o, raw.ptr - 1, raw.len + 3, -1) != 0 ||
		    put(o, raw.ptr, raw.len) != 0)
			return -1;
	} else if ((name->flags & VALUE_CLEAN) != 0) {
		if (put(o, name->text, name->len) != 0)
			return -1;
	} else if (put_text(o, (struct span){ name->text, name->len }) != 0) {
		return -1;
	}
	PUT_SMALL(o, "\":");
	return put_value(o, name + 1);
}

static int
put_map(struct out *o, const struct value *map)
{
	const struct value *const kids = map->kids;

	PUT_SMALL(o, "{");
	for (uint32_t i = 0, n; i < map->len; i += n) {
		const uint8_t *to;

		n = untouched(kids + i, map->len - i, &to);
		if (n > 0 && put_stretch(o, kids[i].text - 1, to, i == 0) != 0)
			return -1;
		if (n > 0)
			continue;
		n = 2;
		if (put_attribute(o, &kids[i], i == 0) != 0)
			return -1;
	}
	return flush(o) != 0 ? -1 : put(o, "}", 1);
}

static int
put_list(struct out *o, const struct value *list)
{
	PUT_SMALL(o, "[");
	for (uint32_t i = 0; i < list->len; i++) {
		const struct value *const v = &list->kids[i];
		const uint8_t *from, *to;

		if ((v->flags & VALUE_RAW) != 0) {
			stands(v, &from, &to);
			if (put_stretch(o, from, to, i == 0) != 0)
				return -1;
			continue;
		}
		if (flush(o) != 0)
			return -1;
		if (i > 0)
			PUT_SMALL(o, ",");
		if (put_value(o, v) != 0)
			return -1;
	}
	return flush(o) != 0 ? -1 : put(o, "]", 1);
}

static int
put_set(struct out *o, const struct value *set)
{
	PUT_SMALL(o, "[");
	for (uint32_t i = 0; i < set->len; i++) {
		if (i > 0)
			PUT_SMALL(o, ",");
		PUT_SMALL(o, "\"");
		if (put_value_text(o, &set->kids[i]) != 0 ||
		    put(o, "\"", 1) != 0)
			return -1;
	}
	return put(o, "]", 1);
}

/* The tag of a type, with its brace, colon and, before text, its quote. */
static void
put_tag(struct out *o, uint8_t type)
{
	const char *name;
	size_t n;

	switch (type) {
	case VALUE_S:
		PUT_SMALL(o, "{\"S\":\"");
		return;
	case VALUE_N:
		PUT_SMALL(o, "{\"N\":\"");
		return;
	case VALUE_B:
		PUT_SMALL(o, "{\"B\":\"");
		return;
	default:
		name = value_type_name((enum value_type)type);
		n = strlen(name);
		PUT_SMALL(o, "{\"");
		memcpy(o->at, name, n);
		o->at += n;
		PUT_SMALL(o, "\":");
	}
}

/* Depth is bounded: items are at most 32 levels deep. */
static int
put_value(struct out *o, const struct value *v)
{
	int rc = 0;

	if ((v->flags & VALUE_RAW) != 0) {
		const uint8_t *from, *to;

		stands(v, &from, &to);
		return copy(o, from, (size_t)(to - from));
	}
	/* Where it was a stretch that came before, there may be little room. */
	if (o->end - o->at < SMALL && grow(o, 0) != 0)
		return -1;
	put_tag(o, v->type);
	switch (v->type) {
	case VALUE_BOOL:
		if ((v->flags & VALUE_TRUE) != 0)
			PUT_SMALL(o, "true");
		else
			PUT_SMALL(o, "false");
		break;
	case VALUE_NULL:
		PUT_SMALL(o, "true");
		break;
	case VALUE_M:
		rc = put_map(o, v);
		break;
	case VALUE_L:
		rc = put_list(o, v);
		break;
	case VALUE_SS:
	case VALUE_NS:
	case VALUE_BS:
		rc = put_set(o, v);
		break;
	default:
		rc = put_value_text(o, v);
		if (rc == 0)
			PUT_SMALL(o, "\"");
	}
	return rc != 0 ? -1 : put(o, "}", 1);
}

int
ddbjson_encode_value(const struct value *v, struct buf *out, struct err *err)
{
	struct out o;

	return start(&o, out, err) != 0 ? -1 : finish(&o, put_value(&o, v));
}

int
ddbjson_encode_map(const struct value *map, struct buf *out, struct err *err)
{
	struct out o;

	return start(&o, out, err) != 0 ? -1 : finish(&o, put_map(&o, map));
}

int
ddbjson_encode_text(struct span text, struct buf *out, struct err *err)
{
	struct out o;

	if (start(&o, out, err) != 0)
		return -1;
	PUT_SMALL(&o, "\"");
	for (;;) {
		const size_t good = scan_utf8(text);
		struct span rest = { text.ptr + good, text.len - good };

		if (put_text(&o, (struct span){ text.ptr, good }) != 0)
			return finish(&o, -1);
		if (rest.len == 0)
			return finish(&o, put(&o, "\"", 1));
		if (put(&o, "\xEF\xBF\xBD", 3) != 0)
			return finish(&o, -1);
		text = (struct span){ rest.ptr + 1, rest.len - 1 };
	}
}

/* `n` bytes, `step` at a time, without asking how many they are. */
#define COPY(to, from, n, step) \
	do { \
		memcpy(to, from, step); \
		for (size_t i_ = step; i_ < (n); i_ += step) \
			memcpy((to) + i_, (from) + i_, step); \
	} while (0)

/* The item's line with its edits, for which there is room.  Returns its end. */
static inline __attribute__((always_inline)) uint8_t *
splice(const struct item *item, uint8_t *at)
{
	const uint8_t *from = item->line.ptr;

	for (uint32_t i = 0; i < item->nedits; i++) {
		const struct edit *const e = &item->edits[i];
		const size_t n = (size_t)(e->at - from);

		COPY(at, from, n, STEP);
		at += n;
		COPY(at, e->text, e->len, EDIT_SLACK);
		at += e->len;
		from = e->at + e->cut;
	}

	const size_t n = (size_t)(item->line.ptr + item->line.len - from);

	COPY(at, from, n, STEP);
	return at + n;
}

#if defined(__x86_64__)
/* The same with copies of 64 bytes. */
__attribute__((target("avx512f,avx512bw,avx512vl"))) static uint8_t *
splice_avx512(const struct item *item, uint8_t *at)
{
	return splice(item, at);
}
#endif

/* What put_edited() is about to copy. */
static int
note_edited(struct out *o, const struct item *item)
{
	const uint8_t *from = item->line.ptr;
	const uint8_t *const end = from + item->line.len;
	size_t to = (size_t)(o->at - o->buf->ptr);

	if (copied_reserve(o->copied, (size_t)item->nedits + 1, o->err) != 0)
		return -1;
	for (uint32_t i = 0; i < item->nedits; i++) {
		const struct edit *const e = &item->edits[i];

		copied_note(o->copied, from, (size_t)(e->at - from), to);
		to += (size_t)(e->at - from) + e->len;
		from = e->at + e->cut;
	}
	copied_note(o->copied, from, (size_t)(end - from), to);
	return 0;
}

static int
put_edited(struct out *o, const struct item *item)
{
	const size_t room = item->edited_len + (size_t)SMALL;
	uint8_t *end;

	if ((size_t)(o->end - o->at) < room && grow(o, room) != 0)
		return -1;
	if (o->copied != NULL && note_edited(o, item) != 0)
		return -1;
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX512))
		end = splice_avx512(item, o->at);
	else
#endif
		end = splice(item, o->at);
	assert((size_t)(end - o->at) == item->edited_len);
	o->at = end;
	PUT_SMALL(o, "\n");
	return 0;
}

static int
put_item(struct out *o, const struct item *item)
{
	if (item->edits != NULL)
		return put_edited(o, item);
	if ((item->map.flags & VALUE_RAW) != 0) {
		if (copy(o, item->line.ptr, item->line.len) != 0)
			return -1;
		PUT_SMALL(o, "\n");
		return o->end - o->at < SMALL ? grow(o, 0) : 0;
	}
	PUT_SMALL(o, "{\"Item\":");
	return put_map(o, &item->map) != 0 ? -1 : put(o, "}\n", 2);
}

int
ddbjson_encode(const struct item *items, size_t n, struct buf *out,
	       struct err *err)
{
	struct out o;
	int rc = start(&o, out, err);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = put_item(&o, &items[i]);
	return rc != 0 ? -1 : finish(&o, 0);
}

int
ddbjson_encode_noted(const struct item *item, struct buf *out,
		     struct copied_list *copied, struct err *err)
{
	struct out o;

	if (start(&o, out, err) != 0)
		return -1;
	o.copied = copied;
	return finish(&o, put_item(&o, item));
}
