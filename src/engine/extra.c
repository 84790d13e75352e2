/*
 * Layout, little-endian: packed_len, plain_len, blank_lines, damaged,
 * superseded, gone, lost (8 bytes each); per plan table pk and sk types (2
 * bytes each), written, deleted and made (8); then the nleft counters (8 each).
 * The journal checksums it.
 */
#include "engine/extra.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "engine/counts.h"

enum { HEAD_LEN = 7 * 8, TABLE_LEN = 2 + 2 + 8 + 8 + 8 };

static size_t
length(size_t ntables, size_t nleft)
{
	return HEAD_LEN + ntables * TABLE_LEN + nleft * 8;
}

int
extra_write(const struct extra *e, size_t ntables, size_t nleft,
	    struct buf *out, struct err *err)
{
	const size_t len = length(ntables, nleft);
	uint8_t *p = buf_reserve(out, len, err);

	if (p == NULL)
		return -1;
	store_le64(p, e->packed_len);
	store_le64(p + 8, e->plain_len);
	store_le64(p + 16, e->blank_lines);
	store_le64(p + 24, e->damaged);
	store_le64(p + 32, e->superseded);
	store_le64(p + 40, e->gone);
	store_le64(p + 48, e->lost);
	p += HEAD_LEN;
	for (size_t i = 0; i < ntables; i++, p += TABLE_LEN) {
		store_le32(p, e->types[i].pk |
			      (uint32_t)e->types[i].sk << 16);
		store_le64(p + 4, e->written[i]);
		store_le64(p + 12, e->deleted[i]);
		store_le64(p + 20, e->counts[i].made);
	}
	for (size_t i = 0; i < nleft; i++, p += 8)
		store_le64(p, e->left[i]);
	buf_commit(out, len);
	return 0;
}

int
extra_add(struct span bytes, size_t ntables, size_t nleft, struct extra *to,
	  struct err *err)
{
	const uint8_t *p = bytes.ptr;

	if (bytes.len != length(ntables, nleft))
		return err_set(err, ERR_INPUT, "a journal record of another "
			       "plan");
	to->packed_len += load_le64(p);
	to->plain_len += load_le64(p + 8);
	to->blank_lines += load_le64(p + 16);
	to->damaged += load_le64(p + 24);
	to->superseded += load_le64(p + 32);
	to->gone += load_le64(p + 40);
	to->lost += load_le64(p + 48);
	p += HEAD_LEN;
	for (size_t i = 0; i < ntables; i++, p += TABLE_LEN) {
		to->types[i].pk |= load_le16(p);
		to->types[i].sk |= load_le16(p + 2);
		to->written[i] += load_le64(p + 4);
		to->deleted[i] += load_le64(p + 12);
		to->counts[i].made += load_le64(p + 20);
	}
	for (size_t i = 0; i < nleft; i++, p += 8)
		to->left[i] += load_le64(p);
	return 0;
}
