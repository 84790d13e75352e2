/*
 * KEY LOG, VERSION 2.  All integers are little-endian.
 *
 * Header, 32 bytes
 *	 0   8  magic, "dmkeylog"
 *	 8   4  version, 2
 *	12   4  number of the unit
 *	16  16  zero
 *
 * Chunks, one after the other: records of one kind and number.
 *
 * Directory, 48 bytes for each chunk, in the order of the chunks
 *	 0   4  kind: 1 id, 2 reference, 3 primary key, 4 unwritten, 5 rejected
 *	 4   4  number: of the plan table (1, 4, 5), relation (2), target (3)
 *	 8   4  bytes in the chunk, at most 1 MiB
 *	12   4  records in it
 *	16   8  where it starts in the file
 *	24   8  XXH3-64 of its bytes
 *	32   8  a number above every offset in it
 *	40   8  zero
 *
 * Trailer, 32 bytes, the last of the file
 *	 0   8  where the directory starts
 *	 8   8  number of chunks
 *	16   8  XXH3-64 of the header, bytes 0 to 15 of the trailer, and the
 *		XXH3-64 of the directory (8 bytes): the checksum of everything
 *	24   8  magic, "dmkeyend"
 *
 * A record
 *	 0   8  key, high half
 *	 8   8  key, low half
 *	16  ..  varint: the offset less that of the record before in the chunk
 *		(0 before the first), zigzag: 2n if n >= 0, else -2n - 1
 *	kind 1 only:
 *	    1  type of the source id: S, N or B; s, n or b if it is cut;
 *		U if it is S and a UUID in lower case
 *	    ..  varint: length of the source id, at most 2048
 *	    ..  the source id; if it is cut, its first 2032 bytes and then the
 *		XXH3-128 of all of it (high half, low half); of U, 16 bytes
 *
 * A varint has seven bits a byte, lowest first; 0x80 says that more follow.
 */
#include "formats/keylog.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "formats/keyuuid.h"

static const char MAGIC[] = "dmkeylog", END_MAGIC[] = "dmkeyend";

enum {
	VERSION = 2,
	MAGIC_LEN = 8,
	KEY_LEN = 16,
	RECORD_MIN = KEY_LEN + 1,
};

void
keylog_put_header(uint8_t to[KEYLOG_HEADER_LEN], uint32_t unit)
{
	memset(to, 0, KEYLOG_HEADER_LEN);
	memcpy(to, MAGIC, MAGIC_LEN);
	store_le32(to + 8, VERSION);
	store_le32(to + 12, unit);
}

int
keylog_put_chunk(const struct keylog_chunk *c, struct buf *directory,
		 struct err *err)
{
	uint8_t *const p = buf_reserve(directory, KEYLOG_ENTRY_LEN, err);

	if (p == NULL)
		return -1;
	store_le32(p, c->kind);
	store_le32(p + 4, c->number);
	store_le32(p + 8, c->len);
	store_le32(p + 12, c->count);
	store_le64(p + 16, c->at);
	store_le64(p + 24, c->xxh3);
	store_le64(p + 32, c->end);
	store_le64(p + 40, 0);
	buf_commit(directory, KEYLOG_ENTRY_LEN);
	return 0;
}

uint64_t
keylog_sum(struct span header, uint64_t directory, uint64_t at,
	   uint64_t nchunks)
{
	uint8_t all[KEYLOG_HEADER_LEN + 24];

	memcpy(all, header.ptr, KEYLOG_HEADER_LEN);
	store_le64(all + KEYLOG_HEADER_LEN, at);
	store_le64(all + KEYLOG_HEADER_LEN + 8, nchunks);
	store_le64(all + KEYLOG_HEADER_LEN + 16, directory);
	return keyhash64_of((struct span){ all, sizeof(all) });
}

void
keylog_put_trailer(uint8_t to[KEYLOG_TRAILER_LEN],
		   const struct keylog_shape *shape)
{
	store_le64(to, shape->directory_at);
	store_le64(to + 8, shape->nchunks);
	store_le64(to + 16, shape->xxh3);
	memcpy(to + 24, END_MAGIC, MAGIC_LEN);
}

int
keylog_get_shape(struct span header, struct span trailer, uint64_t file_len,
		 struct keylog_shape *out, struct err *err)
{
	if (header.len < KEYLOG_HEADER_LEN || trailer.len < KEYLOG_TRAILER_LEN ||
	    memcmp(header.ptr, MAGIC, MAGIC_LEN) != 0 ||
	    memcmp(trailer.ptr + 24, END_MAGIC, MAGIC_LEN) != 0)
		return err_set(err, ERR_INPUT, "not a key log, or not all of it");

	const uint32_t version = load_le32(header.ptr + 8);
	if (version != VERSION)
		return err_set(err, ERR_INPUT, "key log of version %" PRIu32
			       ", not %d", version, VERSION);

	const struct keylog_shape s = {
		.unit = load_le32(header.ptr + 12),
		.directory_at = load_le64(trailer.ptr),
		.nchunks = load_le64(trailer.ptr + 8),
		.xxh3 = load_le64(trailer.ptr + 16),
	};
	const uint64_t most = file_len - KEYLOG_TRAILER_LEN;

	if (file_len < KEYLOG_HEADER_LEN + KEYLOG_TRAILER_LEN ||
	    s.directory_at < KEYLOG_HEADER_LEN || s.directory_at > most ||
	    (most - s.directory_at) % KEYLOG_ENTRY_LEN != 0 ||
	    (most - s.directory_at) / KEYLOG_ENTRY_LEN != s.nchunks)
		return err_set(err, ERR_INPUT, "impossible key log: %" PRIu64
			       " chunks, directory at %" PRIu64 " of %" PRIu64
			       " bytes", s.nchunks, s.directory_at, file_len);
	*out = s;
	return 0;
}

int
keylog_check_directory(const struct keylog_shape *shape, struct span header,
		       uint64_t directory, struct err *err)
{
	if (keylog_sum(header, directory, shape->directory_at,
		       shape->nchunks) != shape->xxh3)
		return err_set(err, ERR_INPUT,
			       "damaged directory of a key log");
	return 0;
}

int
keylog_get_chunk(const struct keylog_shape *shape,
		 const uint8_t p[KEYLOG_ENTRY_LEN],
		 struct keylog_chunk *out, struct err *err)
{
	const uint32_t kind = load_le32(p);
	const struct keylog_chunk c = {
		.kind = (enum keylog_kind)kind,
		.number = load_le32(p + 4),
		.len = load_le32(p + 8),
		.count = load_le32(p + 12),
		.at = load_le64(p + 16),
		.xxh3 = load_le64(p + 24),
		.end = load_le64(p + 32),
	};

	if (kind < 1 || kind > KEYLOG_NKINDS || c.len > KEYLOG_MAX ||
	    c.count == 0 || c.count > c.len / RECORD_MIN ||
	    c.at < KEYLOG_HEADER_LEN || c.at > shape->directory_at ||
	    c.len > shape->directory_at - c.at)
		return err_set(err, ERR_INPUT,
			       "impossible chunk in a key log");
	*out = c;
	return 0;
}

int
keylog_check_chunk(const struct keylog_chunk *c, struct span bytes,
		   struct err *err)
{
	if (bytes.len != c->len || keyhash64_of(bytes) != c->xxh3)
		return err_set(err, ERR_INPUT, "damaged chunk of a key log at "
			       "byte %" PRIu64, c->at);
	return 0;
}

void
keylog_start(struct keylog_cursor *c, const struct keylog_chunk *chunk,
	     struct span bytes)
{
	*c = (struct keylog_cursor){
		.left = bytes, .end = chunk->end, .count = chunk->count,
		.kind = chunk->kind,
	};
}

/* Take a varint off the front; false if there is none of at most 64 bits. */
static inline bool
take_varint(struct span *s, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 10 && i < s->len; i++) {
		const uint8_t b = s->ptr[i];

		if (i == 9 && b > 1)
			return false;
		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (b < 0x80) {
			s->ptr += i + 1;
			s->len -= i + 1;
			*out = v;
			return true;
		}
	}
	return false;
}

bool
keylog_is_type(uint8_t letter)
{
	switch (letter) {
	case 'S':
	case 'N':
	case 'B':
	case 's':
	case 'n':
	case 'b':
	case KEYUUID_TYPE:
		return true;
	default:
		return false;
	}
}

/* Take type and bytes of a source id off the front. */
static bool
take_source(struct span *s, struct keylog_record *out)
{
	uint64_t len;

	if (s->len == 0 || !keylog_is_type(s->ptr[0]))
		return false;
	out->type = (char)s->ptr[0];
	s->ptr++;
	s->len--;
	if (!take_varint(s, &len) || len > KEYLOG_MAX_ID || len > s->len ||
	    (out->type == KEYUUID_TYPE && len != KEYUUID_LEN))
		return false;
	out->source = (struct span){ s->ptr, (size_t)len };
	s->ptr += len;
	s->len -= (size_t)len;
	return true;
}

int
keylog_next(struct keylog_cursor *c, struct keylog_record *out,
	    struct err *err)
{
	struct span s = c->left;
	uint64_t step;

	if (s.len == 0 && c->count == 0)
		return 0;
	if (s.len < RECORD_MIN || c->count == 0)
		goto bad;
	out->key.hi = load_le64(s.ptr);
	out->key.lo = load_le64(s.ptr + 8);
	s.ptr += KEY_LEN;
	s.len -= KEY_LEN;
	if (!take_varint(&s, &step))
		goto bad;
	c->offset += step >> 1 ^ (0 - (step & 1));
	if (c->offset >= c->end)
		goto bad;
	out->offset = c->offset;
	if (c->kind == KEYLOG_ID && !take_source(&s, out))
		goto bad;
	c->left = s;
	c->count--;
	return 1;
bad:
	return err_set(err, ERR_INPUT, "impossible record in a key log");
}

/*
 * Take key and offset of the record at `p`, if its step has three bytes or
 * fewer, as all have but of items of a megabyte.  There are four bytes behind
 * the key.  Returns what the step takes, or 0.
 */
static inline size_t
take_short(const uint8_t *p, struct keyhash *key, uint64_t *offset)
{
	const uint32_t v = load_le32(p + KEY_LEN);
	uint32_t step = v & 0x7f;
	size_t len = 1;

	if ((v & 0x80) != 0) {
		step |= v >> 1 & 0x7f << 7;
		len = 2;
		if ((v & 0x8000) != 0) {
			if ((v & 0x800000) != 0)
				return 0;
			step |= v >> 2 & 0x7f << 14;
			len = 3;
		}
	}
	key->hi = load_le64(p);
	key->lo = load_le64(p + 8);
	*offset += step >> 1 ^ (0 - (uint64_t)(step & 1));
	return len;
}

int
keylog_keys(struct keylog_cursor *c, struct keyhash *keys, uint64_t *offsets,
	    size_t most, size_t *n, struct err *err)
{
	size_t i = 0;
	int rc = 1;

	while (i < most && rc > 0) {
		const size_t all = most - i < c->count ? most - i : c->count;
		const uint8_t *p = c->left.ptr;
		uint64_t offset = c->offset;
		size_t left = c->left.len, k = i;

		for (; k < i + all && left >= KEYLOG_RECORD_LEN; k++) {
			uint64_t next = offset;
			const size_t len = take_short(p, &keys[k], &next);

			if (len == 0 || next >= c->end)
				break;
			offsets[k] = offset = next;
			p += KEY_LEN + len;
			left -= KEY_LEN + len;
		}
		c->left = (struct span){ p, left };
		c->offset = offset;
		c->count -= (uint32_t)(k - i);
		i = k;
		if (i == most)
			break;

		/* The last ones, and what is long or wrong. */
		struct keylog_record record;

		rc = keylog_next(c, &record, err);
		if (rc > 0) {
			keys[i] = record.key;
			offsets[i++] = record.offset;
		}
	}
	*n = i;
	return rc < 0 ? -1 : 0;
}

/*
 * Take the record of an id at `p`, of which `left` bytes are there.  Returns
 * its length if it is of the short kind, or 0.
 */
static inline size_t
take_short_id(const uint8_t *p, size_t left, uint64_t offset,
	      struct keylog_record *out)
{
	enum { MOST = KEY_LEN + 3 + 2 };

	if (left < MOST)
		return 0;
	out->offset = offset;
	const size_t step = take_short(p, &out->key, &out->offset);
	const size_t at = KEY_LEN + step;
	const size_t len = p[at + 1];

	if (step == 0 || len >= 0x80 || left - at - 2 < len)
		return 0;
	out->type = (char)p[at];
	out->source = (struct span){ p + at + 2, len };
	if (out->type == KEYUUID_TYPE)
		return len == KEYUUID_LEN ? at + 2 + len : 0;
	return keylog_is_type(p[at]) ? at + 2 + len : 0;
}

int
keylog_ids(struct keylog_cursor *c, struct keylog_record *out, size_t most,
	   size_t *n, struct err *err)
{
	size_t i = 0;
	int rc = 1;

	while (i < most && rc > 0) {
		const size_t len = c->count == 0 ? 0 :
			take_short_id(c->left.ptr, c->left.len, c->offset,
				      &out[i]);

		if (len > 0 && out[i].offset < c->end) {
			c->left.ptr += len;
			c->left.len -= len;
			c->offset = out[i++].offset;
			c->count--;
			continue;
		}
		rc = keylog_next(c, &out[i], err);
		i += rc > 0;
	}
	*n = i;
	return rc < 0 ? -1 : 0;
}
