/*
 * ddbjson_plain.c - the short way through a line, which nearly all lines go.
 *
 * It looks for the forms that exports hold, by eights and fours of bytes, and
 * keeps everything that it needs in registers.  It takes a line only if all of
 * it is right; of any other it says nothing, and ddbjson_walk.c, which knows
 * every form and what to say where there is none, begins it anew.
 *
 * Children must lie side by side, so while a container is open nothing else may
 * go where its children go.  As only one is open at each depth, each depth has
 * a piece of the arena to itself, where children go straight to their place.
 * Only so many depths, and not if the line is long, for each would need room
 * for all of it; there they go to a stack, and to the arena when their number
 * is known.
 *
 * Throughout, q[0] is the first quote that has not been passed, and every quote
 * is compared with what should stand there before it is passed: so when a name
 * comes next, q[0] is where it opens.
 */
#include "formats/ddbjson_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/chars.h"
#include "base/cpu.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/distinct.h"

/*
 * What stands between a name and its value, by fours: `":{"`, and a tag; behind
 * a text, `"}`, and with the next name `"},"`.
 */
#define NAME_END 0x227B3A22u
#define TAG_S 0x223A2253u		/* `S":"` */
#define TAG_N 0x223A224Eu
#define TAG_B 0x223A2242u
#define TAG_M 0x7B3A224Du		/* `M":{` */
#define TAG_L 0x5B3A224Cu		/* `L":[` */
#define TAG_BOOL 0x4C4F4F42u
#define TAG_NULL 0x4C4C554Eu
#define TAG_SET 0x3A225300u		/* `?S":` */
#define TAG_SET_MASK 0xFFFFFF00u
#define VALUE_BEGIN 0x227Bu		/* `{"` */
#define TEXT_END 0x7D22u
#define TEXT_NEXT 0x222C7D22u

/* Behind `{"BOOL` and `{"NULL`. */
#define TRUE_FORM 0x007D657572743A22u	/* `":true}` */
#define TRUE_MASK 0x00FFFFFFFFFFFFFFu
#define FALSE_FORM 0x7D65736C61663A22u	/* `":false}` */

/* A container around the one at hand. */
struct frame {
	struct value *self;	/* its own slot */
	struct value *first;	/* child */
	/* Of the container around it, while this one is open. */
	uint64_t seen;
	bool odd, in_map;
};

struct plain {
	struct ddbjson *d;
	struct walk *w;
	struct err *err;
	const uint32_t *escapes;	/* that have not been passed */
	struct frame frames[ITEM_MAX_DEPTH + 1];
};

/* Up to where strings end and hold no escape. */
static inline size_t
limit_of(const struct walk *w, const uint32_t *escapes)
{
	return *escapes < w->end ? *escapes : w->end;
}

/* A value, all but its text in one store. */
static inline void
put(struct value *v, const uint8_t *text, size_t len, uint32_t type,
    uint32_t flags)
{
	v->text = text;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t rest = (uint32_t)len |
			      (uint64_t)(type | flags << 8) << 32;

	memcpy((uint8_t *)v + offsetof(struct value, len), &rest, 8);
#else
	v->len = (uint32_t)len;
	v->type = (uint8_t)type;
	v->flags = (uint8_t)flags;
	v->hash = 0;
#endif
}

/*
 * Numbers as most are: at most 16 characters, digits but for a sign before and
 * a point between them.  Without a branch: they differ too much to be guessed.
 */
static inline bool
plain_number(const uint8_t *p, size_t len)
{
	const size_t sign = *p == '-', n = len - sign;
	const struct chars16 c = chars16_of(p + sign);
	const uint32_t all = ((uint32_t)1 << (n & 31)) - 1;
	const uint32_t between = all >> 1 & ~(uint32_t)1;
	const uint32_t other = ~c.digits & all;

	return n - 1 < 16 && ((other & ~(c.points & between)) |
			      (other & (other - 1))) == 0;
}

static __attribute__((noinline)) bool
rare_number(struct span text)
{
	struct err err;

	return decimal_check(text, &err) == 0;
}

/* The name from `name` to `end`, whatever it is, if its value follows. */
static inline bool
name_of(const uint8_t *name, const uint8_t *end, struct value *v)
{
	const size_t len = (size_t)(end - name);

	put(v, name, len, VALUE_NAME, VALUE_RAW);
	v->hash = name_hash_slack(name, len);
	return len - 1 < NAME_MAX_LEN && load_le32(end) == NAME_END;
}

/* The name that opens at q[0] and is not known, into its slot. */
static __attribute__((noinline)) bool
unknown_name(struct plain *s, const uint32_t *q, struct value *v)
{
	const struct walk *const w = s->w;
	const uint8_t *const name = w->text + q[0] + 1;
	const uint8_t *const end = w->text + q[1];
	struct known_names *const names = &s->d->names;

	if (q[1] >= limit_of(w, s->escapes) || !name_of(name, end, v))
		return false;
	known_learn(names, v, known_slot(names, name, end));
	return true;
}

/* Are all names different?  If not, or if that is too long to tell, false. */
static __attribute__((noinline)) bool
names_differ(struct plain *s, struct value *kids, size_t n)
{
	struct ddbjson *const d = s->d;
	bool met = false;
	uint32_t twice;

	if (++d->epoch == 0) {
		memset(d->seen, 0, sizeof(d->seen));
		d->epoch = 1;
	}
	for (size_t i = 0; i < n; i += 2) {
		uint16_t *const slot = &d->seen[kids[i].hash % SEEN_SLOTS];

		met |= *slot == d->epoch;
		*slot = d->epoch;
	}
	return !met || distinct_names(kids, (uint32_t)n, s->w->mem, &twice,
				      s->err) == 1;
}

/* The escapes before `close`: are they right?  Step over them. */
static __attribute__((noinline)) bool
pass_escapes(struct plain *s, size_t close)
{
	const struct walk *const w = s->w;
	size_t next = 0;	/* before it, a backslash has been seen to */

	for (; *s->escapes < close; s->escapes++) {
		const size_t at = *s->escapes;

		if (at < next)
			continue;
		const size_t len = ddbjson_escape(w->text + at, close - at);
		if (len == 0)
			return false;
		next = at + len;
	}
	return true;
}

/* The `n` children at `first`, to the arena, as those of `v`. */
static inline bool
keep_kids(struct plain *s, struct value *v, const struct value *first,
	  size_t n, const uint8_t *end)
{
	struct value *const kids = arena_take(s->w->mem,
		(n + 1) * sizeof(*kids), s->err);

	if (kids == NULL)
		return false;
	put(kids, v->text, (size_t)(end - v->text), VALUE_PLACE, 0);
	for (size_t i = 0; i < n; i++)
		kids[i + 1] = first[i];
	v->kids = kids + 1;
	v->len = (uint32_t)n;
	return true;
}

/*
 * The set whose `{` is at `p` and whose members' first quote should be at q[0],
 * into `v`; `free` is where the stack is.  Returns what follows it, or NULL.
 */
static __attribute__((noinline)) const uint8_t *
plain_set(struct plain *s, const uint8_t *p, const uint32_t *q,
	  struct value *v, struct value *free)
{
	const struct walk *const w = s->w;
	const size_t limit = limit_of(w, s->escapes);
	const enum value_type type = p[2] == 'S' ? VALUE_S
				: p[2] == 'N' ? VALUE_N : VALUE_B;
	struct value *m = free;
	uint32_t twice;

	if ((p[2] != 'S' && p[2] != 'N' && p[2] != 'B') || p[6] != '[')
		return NULL;
	put(v, p, 0, (uint32_t)(VALUE_SS + type - VALUE_S), VALUE_RAW);
	p += 6;
	do {
		const struct span t = { p + 2, q[1] - q[0] - 1 };

		if (w->text + q[0] != p + 1 || q[1] >= limit ||
		    (type == VALUE_N && !plain_number(t.ptr, t.len) &&
		     !rare_number(t)) ||
		    (type == VALUE_B && !base64_check(t)))
			return NULL;
		put(m++, t.ptr, t.len, type, VALUE_RAW);
		p = t.ptr + t.len + 1;
		q += 2;
	} while (*p == ',');
	if (p[0] != ']' || p[1] != '}' ||
	    !keep_kids(s, v, free, (size_t)(m - free), p + 2) ||
	    distinct_members(v, w->mem, &twice, s->err) != 1)
		return NULL;
	return p + 2;
}

/* A BOOL or NULL behind whose name `p` is.  Returns its length, or 0. */
static inline uint32_t
plain_word(const uint8_t *p, bool is_bool, struct value *v)
{
	const uint64_t tail = load_le64(p + 8);
	const bool yes = (tail & TRUE_MASK) == TRUE_FORM;
	const uint32_t len = yes ? 4 : 5;
	const uint32_t is_true = (uint32_t)(yes & is_bool) * VALUE_TRUE;

	put(v, p + 10, len, is_bool ? VALUE_BOOL : VALUE_NULL,
	    VALUE_RAW | is_true);
	return yes | (is_bool & (tail == FALSE_FORM)) ? len : 0;
}

/*
 * The text behind whose attribute's name `p` is, of a kind that is rare: with
 * escapes, in a list, base64.  Returns what follows it, or NULL.
 */
static __attribute__((noinline)) const uint8_t *
rare_text(struct plain *s, const uint8_t *p, const uint32_t *q,
	  struct value *v)
{
	const uint32_t tag = load_le32(p + 4);
	const size_t close = q[5];
	const uint8_t *const end = s->w->text + close;
	const struct span t = { p + 8, (size_t)(end - p - 8) };
	const bool escaped = *s->escapes < close;

	if (close >= s->w->end || load_le16(end) != TEXT_END ||
	    (escaped && (tag != TAG_S || !pass_escapes(s, close))))
		return NULL;
	put(&v[1], t.ptr, t.len, tag == TAG_S ? VALUE_S
		: tag == TAG_N ? VALUE_N : VALUE_B,
	    VALUE_RAW | (escaped ? VALUE_ESC : 0));
	if (tag == TAG_S || (tag == TAG_N && rare_number(t)) ||
	    (tag == TAG_B && base64_check(t)))
		return end + 2;
	return NULL;
}

static __attribute__((noinline)) bool
make_room(struct ddbjson *d, const struct walk *w, size_t depths, size_t deep,
	  size_t slots, struct err *err)
{
	enum { USUAL = 1024 };

	if (d->stack_cap < deep) {
		struct value *const p = realloc(d->stack, 2 * deep * sizeof(*p));

		if (p == NULL)
			return false;
		d->stack = p;
		d->stack_cap = 2 * deep;
	}
	for (size_t i = 0; i < depths; i++) {
		struct room *const r = &d->rooms[i];
		const size_t n = slots < USUAL ? USUAL : slots;

		if ((size_t)(r->end - r->at) >= slots)
			continue;
		r->at = arena_take(w->mem, n * sizeof(*r->at), err);
		r->end = r->at + n;
		if (r->at == NULL) {
			r->end = NULL;
			return false;
		}
	}
	return true;
}

/*
 * Room for all the slots that the line could need, by the bytes that a slot
 * takes at least: in sets three, else six.  Returns at how many depths children
 * have their place, or 0 if memory is refused.
 */
static inline size_t
room_for_line(struct ddbjson *d, const struct walk *w, struct err *err)
{
	enum { SPARE = 16, LONG_LINE = 8192 };
	const size_t len = w->end - w->start;
	const size_t deep = len / 2 + SPARE, slots = len / 4 + SPARE;
	const size_t depths = len < LONG_LINE ? PLACED_DEPTHS : 1;
	bool enough = d->stack_cap >= deep;

	for (size_t i = 0; i < depths; i++)
		enough &= (size_t)(d->rooms[i].end - d->rooms[i].at) >= slots;
	return enough || make_room(d, w, depths, deep, slots, err) ? depths : 0;
}

/*
 * All of it in one function, for the sake of registers; its labels are what a
 * line can hold next.  Compiled for each kind of processor and names (below):
 * `wide` says whether 32 bytes are compared by one instruction, `known` whether
 * names are looked for at all.
 */
static inline __attribute__((always_inline)) bool
plain_line(struct ddbjson *d, struct walk *w, struct value *map, bool wide,
	   bool known)
{
	enum { HEAD_LEN = 9 };	/* {"Item":{ */
	const struct known_names *const names = &d->names;
	const uint8_t *const text = w->text;
	const uint8_t *p = text + w->start;
	const uint32_t *q = w->quotes + 2;
	struct err err;
	struct plain s;
	struct frame *f = s.frames;
	struct value *v;
	uint64_t seen = 0;
	bool in_map = true, odd = false;
	uint32_t tag;
	/* Of strings that are sure to be plain: in a list none is. */
	size_t limit = limit_of(w, w->escapes);
	const size_t depths = room_for_line(d, w, &err);
	const struct frame *const placed = s.frames + depths;

	if (w->end - w->start < HEAD_LEN || depths == 0 ||
	    memcmp(p, "{\"Item\":{", HEAD_LEN) != 0)
		return false;
	s.d = d;
	s.w = w;
	s.err = &err;
	s.escapes = w->escapes;
	put(map, p + HEAD_LEN - 1, 0, VALUE_M, VALUE_RAW);
	f->self = map;
	f->first = v = d->rooms[0].at + 1;
	p += HEAD_LEN;

opened:
	if (*p == (in_map ? '}' : ']'))
		goto closed;
	if (!in_map)
		goto element;
	if (*p != '"')
		return false;
	p++;
name:
	/* Which begins at p. */
	{
		const uint8_t *const name = p;

		p = text + q[1];
		const struct known *const k = known_at(names,
				known_slot(names, name, p));

		if (!known) {
			if (q[1] >= limit || !name_of(name, p, v))
				return false;
			odd = true;
		} else if (wide ? chars32_differ_wide(name, k->form, k->need)
			 : (chars32_differ(name, k->form) & k->need) != 0) {
			if (!unknown_name(&s, q, v))
				return false;
			odd = true;
		} else {
			*v = k->name;
			v->text = name;
			if ((seen & k->bit) != 0)
				return false;
			seen |= k->bit;
		}
	}
	if (load_le32(p + 4) == TAG_S) {
		const size_t close = q[5];
		const uint8_t *const end = text + close;

		if (close >= limit)
			goto rare;
		put(&v[1], p + 8, (size_t)(end - p - 8), VALUE_S, VALUE_RAW);
		q += 6;
		v += 2;
		p = end + 4;
		if (load_le32(end) == TEXT_NEXT)
			goto name;
		p = end + 2;
		if (load_le16(end) != TEXT_END)
			return false;
		goto next;
	}
value:
	tag = load_le32(p + 4);
	if (tag == TAG_N) {
		const size_t close = q[5];
		const uint8_t *const end = text + close;
		const struct span t = { p + 8, (size_t)(end - p - 8) };

		if (close >= limit)
			goto rare;
		put(&v[1], t.ptr, t.len, VALUE_N, VALUE_RAW);
		if (!plain_number(t.ptr, t.len) && !rare_number(t))
			return false;
		q += 6;
		v += 2;
		p = end + 4;
		if (load_le32(end) == TEXT_NEXT)
			goto name;
		p = end + 2;
		if (load_le16(end) != TEXT_END)
			return false;
		goto next;
	}
	if (q[3] >= w->end)
		return false;
	if (tag == TAG_BOOL || tag == TAG_NULL) {
		const uint32_t len = plain_word(p, tag == TAG_BOOL, &v[1]);

		if (len == 0)
			return false;
		q += 4;
		v += 2;
		p += 11 + len;
		goto next;
	}
	if (tag == TAG_M || tag == TAG_L) {
		if (f == s.frames + ITEM_MAX_DEPTH)
			return false;
		put(&v[1], p + 2, 0, tag == TAG_M ? VALUE_M : VALUE_L,
		    VALUE_RAW);
		f->seen = seen;
		f->odd = odd;
		f->in_map = in_map;
		f++;
		f->self = v + 1;
		/* A list's element is written as if a name were before it. */
		v = f < placed ? d->rooms[f - s.frames].at + 1
			: f == placed ? d->stack + 1 : v + 2;
		f->first = v;
		seen = 0;
		odd = false;
		in_map = tag == TAG_M;
		limit = in_map ? limit_of(w, s.escapes) : 0;
		q += 4;
		p += 8;
		goto opened;
	}
	if ((tag & TAG_SET_MASK) == TAG_SET) {
		p = plain_set(&s, p + 2, q + 4, &v[1],
			      f < placed ? d->stack : v + 2);
		if (p == NULL)
			return false;
		q += 4 + 2 * v[1].len;
		v += 2;
		goto next;
	}
rare:
	p = rare_text(&s, p, q, v);
	if (p == NULL)
		return false;
	limit = in_map ? limit_of(w, s.escapes) : 0;
	q += 6;
	v += 2;
next:
	if (*p == ',') {
		p++;
		if (!in_map)
			goto element;
		if (*p++ == '"')
			goto name;
		return false;
	}
closed:
	if (p[0] != (in_map ? '}' : ']') || p[1] != '}' ||
	    (odd && !names_differ(&s, f->first, (size_t)(v - f->first))))
		return false;
	p += 2;
	if (f < placed) {
		struct value *const kids = f->first;

		put(kids - 1, f->self->text, (size_t)(p - f->self->text),
		    VALUE_PLACE, 0);
		f->self->kids = kids;
		f->self->len = (uint32_t)(v - kids);
		d->rooms[f - s.frames].at = v;
	} else if (!keep_kids(&s, f->self, f->first, (size_t)(v - f->first),
			      p)) {
		return false;
	}
	if (f > s.frames) {
		v = f->self + 1;
		f--;
		seen = f->seen;
		odd = f->odd;
		in_map = f->in_map;
		limit = in_map ? limit_of(w, s.escapes) : 0;
		goto next;
	}
	if (p != text + w->end)
		return false;
	w->quotes = q;
	w->escapes = s.escapes;
	return true;

element:
	if (load_le16(p) != VALUE_BEGIN)
		return false;
	p -= 2;
	q -= 2;
	v--;
	if (load_le32(p + 4) == TAG_S)
		goto rare;
	goto value;
}

static bool
plain_line_new(struct ddbjson *d, struct walk *w, struct value *map)
{
	return plain_line(d, w, map, false, false);
}

static bool
plain_line_known(struct ddbjson *d, struct walk *w, struct value *map)
{
	return plain_line(d, w, map, false, true);
}

#if defined(__x86_64__)
static CHARS_WIDE bool
plain_line_wide(struct ddbjson *d, struct walk *w, struct value *map)
{
	return plain_line(d, w, map, true, true);
}
#endif

ddbjson_plain_fn *
ddbjson_plain(bool known)
{
	if (!known)
		return plain_line_new;
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX512))
		return plain_line_wide;
#endif
	return plain_line_known;
}
