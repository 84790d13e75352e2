/*
 * KEY INDEX, VERSION 3: two files.  All integers are little-endian.
 *
 * TABLE.idx, header of 64 bytes
 *	 0   8  magic, "dmkeyidx"
 *	 8   4  version, 3
 *	12   4  b: how many of a key's high bits choose its place in the fan
 *	16   8  n: number of records
 *	24   8  length of an entry of the fan: 4, or 8 if n >= 2^32
 *	32   8  length of TABLE.ids
 *	40   8  XXH3-64 of all of TABLE.ids
 *	48   8  XXH3-64 of two XXH3-64: of the fan with what fills it up, and
 *		of the records
 *	56   8  XXH3-64 of bytes 0 to 55
 * Fan, 2^b + 1 entries: entry i is the number of records whose key has high
 * bits below i.  Filled up with zeros to a multiple of 64.
 * Records, 24 bytes each, in order of key (as one number of 128 bits), then of
 * their offset in TABLE.ids
 *	 0   8  key, high half: XXH3-128 of type letter and bytes of the new id
 *	 8   8  key, low half
 *	16   8  offset of the item in TABLE.ids
 *
 * b is the largest with n >= 2^b, and 0 for n = 0: keys are uniform, so that a
 * place in the fan has one or two records, most often in one cache line.
 *
 * TABLE.ids, header of 32 bytes
 *	 0   8  magic, "dmkeyids"
 *	 8   4  version, 3
 *	12   4  zero
 *	16   8  n: number of items
 *	24   8  zero
 * Items, in order of units and of the items in them
 *	varint: number of the unit
 *	varint: offset of the item's line in its unit, uncompressed
 *	1: type of the source id, as in a key log (keylog.c)
 *	varint: length of the source id
 *	the source id, cut or packed as there
 *
 * A varint has seven bits a byte, lowest first; 0x80 says that more follow.
 */
#include "formats/keyindex.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "formats/keylog.h"
#include "formats/keyuuid.h"

static const char IDX_MAGIC[] = "dmkeyidx", IDS_MAGIC[] = "dmkeyids";

enum {
	VERSION = 3, MAGIC_LEN = 8, ALIGN = 64, MAX_BITS = 48,
	FEW = 16,		/* records that are looked through one by one */
};

struct keyindex_layout
keyindex_layout(uint64_t n)
{
	struct keyindex_layout s = { .n = n };

	while (s.bits < MAX_BITS && n >> (s.bits + 1) > 0)
		s.bits++;
	s.fan_len = n < (uint64_t)1 << 32 ? 4 : 8;

	const uint64_t fan = (((uint64_t)1 << s.bits) + 1) * s.fan_len;
	s.records_at = (KEYINDEX_HEADER_LEN + fan + ALIGN - 1) / ALIGN * ALIGN;
	s.file_len = s.records_at + n * KEYINDEX_RECORD_LEN;
	return s;
}

void
keyindex_put_header(uint8_t to[KEYINDEX_HEADER_LEN],
		    const struct keyindex_layout *shape, uint64_t ids_len,
		    uint64_t ids_xxh3, uint64_t xxh3)
{
	memcpy(to, IDX_MAGIC, MAGIC_LEN);
	store_le32(to + 8, VERSION);
	store_le32(to + 12, shape->bits);
	store_le64(to + 16, shape->n);
	store_le64(to + 24, shape->fan_len);
	store_le64(to + 32, ids_len);
	store_le64(to + 40, ids_xxh3);
	store_le64(to + 48, xxh3);
	store_le64(to + 56, keyhash64_of((struct span){ to, 56 }));
}

uint64_t
keyindex_sum(uint64_t fan, uint64_t records)
{
	uint8_t both[16];

	store_le64(both, fan);
	store_le64(both + 8, records);
	return keyhash64_of((struct span){ both, sizeof(both) });
}

int
keyindex_open(struct keyindex *ix, struct span bytes, struct err *err)
{
	const uint8_t *const p = bytes.ptr;

	if (bytes.len < KEYINDEX_HEADER_LEN ||
	    memcmp(p, IDX_MAGIC, MAGIC_LEN) != 0)
		return err_set(err, ERR_INPUT, "not an id index");
	if (load_le32(p + 8) != VERSION)
		return err_set(err, ERR_INPUT, "id index of version %" PRIu32
			       ", not %d", load_le32(p + 8), VERSION);
	if (load_le64(p + 56) != keyhash64_of((struct span){ p, 56 }))
		return err_set(err, ERR_INPUT, "damaged id index");

	const uint64_t n = load_le64(p + 16);
	if (n > UINT64_MAX / 64)
		return err_set(err, ERR_INPUT, "impossible id index");

	const struct keyindex_layout s = keyindex_layout(n);
	if (load_le32(p + 12) != s.bits || load_le64(p + 24) != s.fan_len)
		return err_set(err, ERR_INPUT, "impossible id index");
	if (bytes.len != s.file_len)
		return err_set(err, ERR_INPUT, "id index of %" PRIu64 " ids "
			       "has %zu bytes, not %" PRIu64, n, bytes.len,
			       s.file_len);
	*ix = (struct keyindex){
		.fan = p + KEYINDEX_HEADER_LEN,
		.records = p + s.records_at,
		.shape = s,
		.ids_len = load_le64(p + 32),
		.ids_xxh3 = load_le64(p + 40),
		.xxh3 = load_le64(p + 48),
	};
	return 0;
}

/* ---- finding ------------------------------------------------------------- */

static inline uint64_t
place_of(const struct keyindex *ix, struct keyhash key)
{
	return ix->shape.bits == 0 ? 0 : key.hi >> (64 - ix->shape.bits);
}

static inline uint64_t
fan_at(const struct keyindex *ix, uint64_t i)
{
	return ix->shape.fan_len == 4 ? load_le32(ix->fan + 4 * i) :
					load_le64(ix->fan + 8 * i);
}

static inline struct keyhash
key_at(const struct keyindex *ix, uint64_t i)
{
	const uint8_t *const p = ix->records + i * KEYINDEX_RECORD_LEN;

	return (struct keyhash){ .lo = load_le64(p + 8), .hi = load_le64(p) };
}

static inline bool
is_before(struct keyhash a, struct keyhash b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

static inline bool
is_same(struct keyhash a, struct keyhash b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/* The records of `key`'s place: never more than there are. */
static inline void
bounds(const struct keyindex *ix, struct keyhash key, uint64_t *from,
       uint64_t *to)
{
	const uint64_t place = place_of(ix, key);
	const uint64_t a = fan_at(ix, place), b = fan_at(ix, place + 1);

	*to = b < ix->shape.n ? b : ix->shape.n;
	*from = a < *to ? a : *to;
}

/* The first in from ... to that is not before `key`. */
static uint64_t
lower(const struct keyindex *ix, struct keyhash key, uint64_t from,
      uint64_t to)
{
	while (from < to) {
		const uint64_t mid = from + (to - from) / 2;

		if (is_before(key_at(ix, mid), key))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* The number of the first record with `key` in its place, or UINT64_MAX. */
static inline uint64_t
find_in(const struct keyindex *ix, struct keyhash key, uint64_t from,
	uint64_t to)
{
	/* Many items with one id, or damage, make a place larger. */
	if (to - from > FEW) {
		from = lower(ix, key, from, to);
		return from < to && is_same(key_at(ix, from), key)
			? from : UINT64_MAX;
	}
	for (; from < to; from++)
		if (is_same(key_at(ix, from), key))
			return from;
	return UINT64_MAX;
}

uint64_t
keyindex_find(const struct keyindex *ix, struct keyhash key, uint64_t *first)
{
	uint64_t from, to, end;

	if (ix->shape.n == 0)
		return 0;
	bounds(ix, key, &from, &to);
	from = find_in(ix, key, from, to);
	if (from == UINT64_MAX)
		return 0;
	*first = from;

	/* The end of the run: leaps, then halves. */
	uint64_t step = 1;
	end = from + 1;
	while (end < to && is_same(key_at(ix, end), key)) {
		from = end;
		end = to - end > step ? end + step : to;
		step *= 2;
	}
	while (end - from > 1) {
		const uint64_t mid = from + (end - from) / 2;

		if (is_same(key_at(ix, mid), key))
			from = mid;
		else
			end = mid;
	}
	return end - *first;
}

/*
 * The lines of some records; of many only the first two.  A line that has been
 * asked for already costs as much as another: 47 ns a look-up, not 30.
 */
static inline void
ask_for(const uint8_t *p, const uint8_t *end)
{
	if (p == end)
		return;
	__builtin_prefetch(p);
	if ((((uintptr_t)p ^ (uintptr_t)(end - 1)) & ~(uintptr_t)(ALIGN - 1))
	    != 0)
		__builtin_prefetch(p + ALIGN);
}

void
keyindex_find_all(const struct keyindex *ix, const struct keyhash *keys,
		  size_t n, uint64_t *found)
{
	/*
	 * Three steps for each key, AHEAD keys apart, so that what one of them
	 * loads is there when the next one needs it.  What this costs is how
	 * many lines are asked for: none that is not looked at.
	 */
	enum { AHEAD = 16, RING = 32 };
	uint64_t from[RING], to[RING];

	if (ix->shape.n == 0) {
		memset(found, 0xff, n * sizeof(*found));
		return;
	}
	for (size_t i = 0; i < n + 2 * AHEAD; i++) {
		if (i < n)
			__builtin_prefetch(ix->fan + ix->shape.fan_len *
					   place_of(ix, keys[i]));
		if (i >= AHEAD && i - AHEAD < n) {
			const size_t k = i - AHEAD, r = k % RING;

			bounds(ix, keys[k], &from[r], &to[r]);
			ask_for(ix->records + from[r] * KEYINDEX_RECORD_LEN,
				ix->records + to[r] * KEYINDEX_RECORD_LEN);
		}
		if (i >= 2 * AHEAD) {
			const size_t k = i - 2 * AHEAD, r = k % RING;

			found[k] = find_in(ix, keys[k], from[r], to[r]);
		}
	}
}

int
keyindex_place(const struct keyindex *ix, struct keyhash key, uint64_t *from,
	       uint64_t *to, struct err *err)
{
	const uint64_t n = ix->shape.n, place = place_of(ix, key);
	const uint64_t a = fan_at(ix, place), b = fan_at(ix, place + 1);

	if (a > b || b > n ||
	    (a > 0 && place_of(ix, key_at(ix, a - 1)) >= place) ||
	    (b < n && place_of(ix, key_at(ix, b)) <= place) ||
	    (a < b && (place_of(ix, key_at(ix, a)) != place ||
		       place_of(ix, key_at(ix, b - 1)) != place)))
		return err_set(err, ERR_INPUT, "id index is wrong about place "
			       "%" PRIu64, place);

	/* Of many, those that are looked at to find it. */
	*from = a;
	*to = b;
	if (b - a > FEW) {
		const uint64_t at = lower(ix, key, a, b);

		*from = at > a ? at - 1 : a;
		*to = at + 1 < b ? at + 2 : b;
	}
	for (uint64_t i = *from; i + 1 < *to; i++)
		if (is_before(key_at(ix, i + 1), key_at(ix, i)))
			return err_set(err, ERR_INPUT, "id index is out of "
				       "order at record %" PRIu64, i + 1);
	return 0;
}

uint64_t
keyindex_at(const struct keyindex *ix, uint64_t i, struct keyhash *key)
{
	*key = key_at(ix, i);
	return load_le64(ix->records + i * KEYINDEX_RECORD_LEN + 16);
}

int
keyindex_check_sum(const struct keyindex *ix, struct err *err)
{
	const struct keyindex_layout *const s = &ix->shape;
	const struct span fan = {
		ix->fan, (size_t)(s->records_at - KEYINDEX_HEADER_LEN),
	};
	const struct span records = {
		ix->records, (size_t)(s->n * KEYINDEX_RECORD_LEN),
	};

	if (keyindex_sum(keyhash64_of(fan), keyhash64_of(records)) != ix->xxh3)
		return err_set(err, ERR_INPUT, "damaged id index");
	return 0;
}

int
keyindex_verify(const struct keyindex *ix, struct err *err)
{
	const struct keyindex_layout *const s = &ix->shape;
	uint64_t place = 0;

	if (keyindex_check_sum(ix, err) != 0)
		return -1;
	for (uint64_t i = 0; i < s->n; i++) {
		struct keyhash key, before = { 0, 0 };
		uint64_t at_before = 0;
		const uint64_t at = keyindex_at(ix, i, &key);

		if (i > 0)
			at_before = keyindex_at(ix, i - 1, &before);
		if (at < KEYIDS_HEADER_LEN || at >= ix->ids_len ||
		    is_before(key, before) ||
		    (is_same(key, before) && i > 0 && at <= at_before))
			return err_set(err, ERR_INPUT, "id index is out of "
				       "order at record %" PRIu64, i);
		for (; place <= place_of(ix, key); place++)
			if (fan_at(ix, place) != i)
				goto bad_fan;
	}
	for (; place <= (uint64_t)1 << s->bits; place++)
		if (fan_at(ix, place) != s->n)
			goto bad_fan;
	return 0;
bad_fan:
	return err_set(err, ERR_INPUT, "id index is wrong about place %" PRIu64,
		       place);
}

/* ---- .ids ---------------------------------------------------------------- */

void
keyids_put_header(uint8_t to[KEYIDS_HEADER_LEN], uint64_t n)
{
	memset(to, 0, KEYIDS_HEADER_LEN);
	memcpy(to, IDS_MAGIC, MAGIC_LEN);
	store_le32(to + 8, VERSION);
	store_le64(to + 16, n);
}

int
keyids_open(struct span ids, const struct keyindex *ix, struct err *err)
{
	if (ids.len < KEYIDS_HEADER_LEN ||
	    memcmp(ids.ptr, IDS_MAGIC, MAGIC_LEN) != 0 ||
	    load_le32(ids.ptr + 8) != VERSION)
		return err_set(err, ERR_INPUT, "not the ids of an index");
	if (ids.len != ix->ids_len || load_le64(ids.ptr + 16) != ix->shape.n)
		return err_set(err, ERR_INPUT, "ids of another index, or not "
			       "all of them");
	return 0;
}

static size_t
put_varint(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

size_t
keyids_put(uint8_t *to, const struct keyids_item *item)
{
	uint8_t *p = to;

	p += put_varint(p, item->unit);
	p += put_varint(p, item->offset);
	*p++ = (uint8_t)item->type;
	p += put_varint(p, item->source.len);
	if (item->source.len > 0)
		memcpy(p, item->source.ptr, item->source.len);
	return (size_t)(p - to) + item->source.len;
}

static size_t
varint_len(uint64_t v)
{
	return (70 - (size_t)__builtin_clzll(v | 1)) / 7;
}

size_t
keyids_len(const struct keyids_item *item)
{
	return varint_len(item->unit) + varint_len(item->offset) + 1 +
	       varint_len(item->source.len) + item->source.len;
}

/* Take a varint at *at; false if there is none of at most 64 bits. */
static bool
get_varint(struct span s, uint64_t *at, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10 && *at < s.len; i++) {
		const uint8_t b = s.ptr[(*at)++];

		if (i == 9 && b > 1)
			return false;
		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (b < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

int
keyids_get(struct span ids, uint64_t at, struct keyids_item *out,
	   uint64_t *next, struct err *err)
{
	uint64_t unit, len;

	if (!get_varint(ids, &at, &unit) || unit > UINT32_MAX ||
	    !get_varint(ids, &at, &out->offset) || at >= ids.len)
		goto bad;
	out->unit = (uint32_t)unit;
	out->type = (char)ids.ptr[at++];
	if (!keylog_is_type((uint8_t)out->type) ||
	    !get_varint(ids, &at, &len) || len > KEYLOG_MAX_ID ||
	    len > ids.len - at ||
	    (out->type == KEYUUID_TYPE && len != KEYUUID_LEN))
		goto bad;
	out->source = (struct span){ ids.ptr + at, (size_t)len };
	if (next != NULL)
		*next = at + len;
	return 0;
bad:
	return err_set(err, ERR_INPUT, "damaged ids of an index");
}
