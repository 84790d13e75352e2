/*
 * journal_unit.c - what a journal's record of a unit holds.
 *
 * Payload of a unit
 *	 0   4  number of the unit
 *	 4   4  number of tallies
 *	 8   4  number of files
 *	12   4  length of what the caller adds
 *	16  ..  tallies, 64 bytes each: number of the plan table, 4 bytes of
 *		zero, then read, moved, filtered, skipped, dropped, duplicate,
 *		rejected, 8 bytes each
 *	 .  ..  files: kind (1 data, 2 key log, 3 rejects, 4 deletes), number of the
 *		table, length of the path, zero, 4 bytes each; size, XXH3-64, unpacked
 *		length, items, 8 bytes each; MD5; the path
 *	 .  ..  what the caller adds
 */
#include "engine/journal.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "engine/journal_internal.h"

enum {
	UNIT_LEN = 16, TALLY_LEN = 64, FILE_LEN = 64,
	MAX_PATH = 4095,
};

_Static_assert(8 + 8 * JOURNAL_NCOUNTS == TALLY_LEN, "as specified");

const char *
journal_count_name(enum journal_count c)
{
	static const char *const NAMES[JOURNAL_NCOUNTS] = {
		"read", "moved", "filtered", "skipped", "dropped", "duplicate",
		"rejected",
	};

	return NAMES[c];
}

/* Relative, and nothing in it leads elsewhere? */
static bool
is_path(struct span p)
{
	size_t from = 0;

	if (p.len == 0 || p.len > MAX_PATH || memchr(p.ptr, 0, p.len) != NULL)
		return false;
	for (size_t i = 0; i <= p.len; i++) {
		if (i < p.len && p.ptr[i] != '/')
			continue;
		const struct span part = { p.ptr + from, i - from };
		if (part.len == 0 || span_is(part, ".") || span_is(part, ".."))
			return false;
		from = i + 1;
	}
	return true;
}

int
journal_put_unit(struct buf *out, const struct journal_unit *u, struct err *err)
{
	uint8_t head[FILE_LEN] = { 0 };

	store_le32(head, u->unit);
	store_le32(head + 4, (uint32_t)u->ntallies);
	store_le32(head + 8, (uint32_t)u->nfiles);
	store_le32(head + 12, (uint32_t)u->extra.len);
	if (buf_append(out, (struct span){ head, UNIT_LEN }, err) != 0)
		return -1;
	for (size_t i = 0; i < u->ntallies; i++) {
		const struct journal_tally *const t = &u->tallies[i];

		store_le32(head, t->table);
		store_le32(head + 4, 0);
		for (size_t c = 0; c < JOURNAL_NCOUNTS; c++)
			store_le64(head + 8 + 8 * c, t->n[c]);
		if (buf_append(out, (struct span){ head, TALLY_LEN }, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < u->nfiles; i++) {
		const struct journal_file *const f = &u->files[i];

		/* It could not be read back. */
		if (!is_path(f->path))
			return err_set(err, ERR_USAGE, "'%.*s' is no path "
				       "inside a job", (int)f->path.len,
				       (const char *)f->path.ptr);
		store_le32(head, f->kind);
		store_le32(head + 4, f->table);
		store_le32(head + 8, (uint32_t)f->path.len);
		store_le32(head + 12, 0);
		store_le64(head + 16, f->size);
		store_le64(head + 24, f->xxh3);
		store_le64(head + 32, f->plain_len);
		store_le64(head + 40, f->items);
		memcpy(head + 48, f->md5, sizeof(f->md5));
		if (buf_append(out, (struct span){ head, FILE_LEN },
			       err) != 0 ||
		    buf_append(out, f->path, err) != 0)
			return -1;
	}
	return buf_append(out, u->extra, err);
}

static void
get_tally(const uint8_t *p, struct journal_tally *out)
{
	out->table = load_le32(p);
	for (size_t c = 0; c < JOURNAL_NCOUNTS; c++)
		out->n[c] = load_le64(p + 8 + 8 * c);
}

/* Take a file off the front of *s; false if there is none. */
static bool
get_file(struct span *s, struct journal_file *out)
{
	const uint8_t *const p = s->ptr;

	if (s->len < FILE_LEN)
		return false;
	const uint32_t kind = load_le32(p), n = load_le32(p + 8);
	if (kind < JOURNAL_OUT || kind > JOURNAL_DELETES ||
	    n > s->len - FILE_LEN)
		return false;
	*out = (struct journal_file){
		.kind = (enum journal_file_kind)kind,
		.table = load_le32(p + 4),
		.path = { p + FILE_LEN, n },
		.size = load_le64(p + 16),
		.xxh3 = load_le64(p + 24),
		.plain_len = load_le64(p + 32),
		.items = load_le64(p + 40),
	};
	memcpy(out->md5, p + 48, sizeof(out->md5));
	s->ptr += FILE_LEN + n;
	s->len -= FILE_LEN + n;
	return is_path(out->path);
}

/* What a sound checksum and no sense mean: not written by this program. */
int
journal_no_sense(struct err *err)
{
	return err_set(err, ERR_INPUT, "record that this version does not "
		       "know");
}

struct journal_unit *
journal_get_unit(struct span s, struct arena *mem, struct err *err)
{
	if (s.len < UNIT_LEN)
		goto bad;

	const uint32_t ntallies = load_le32(s.ptr + 4);
	const uint32_t nfiles = load_le32(s.ptr + 8);
	const uint32_t nextra = load_le32(s.ptr + 12);
	if (ntallies > s.len / TALLY_LEN || nfiles > s.len / FILE_LEN)
		goto bad;

	/* One copy of the payload carries all the texts. */
	s = arena_copy(mem, s, err);
	struct journal_unit *const u = arena_take(mem, sizeof(*u), err);
	struct journal_tally *const tallies =
		arena_take(mem, ntallies * sizeof(*tallies), err);
	struct journal_file *const files =
		arena_take(mem, nfiles * sizeof(*files), err);
	if (s.ptr == NULL || u == NULL || tallies == NULL || files == NULL)
		return NULL;

	const uint32_t unit = load_le32(s.ptr);
	s.ptr += UNIT_LEN;
	s.len -= UNIT_LEN;
	if (unit == UINT32_MAX || s.len < (size_t)ntallies * TALLY_LEN)
		goto bad;
	for (uint32_t i = 0; i < ntallies; i++)
		get_tally(s.ptr + (size_t)i * TALLY_LEN, &tallies[i]);
	s.ptr += (size_t)ntallies * TALLY_LEN;
	s.len -= (size_t)ntallies * TALLY_LEN;
	for (uint32_t i = 0; i < nfiles; i++)
		if (!get_file(&s, &files[i]))
			goto bad;
	if (s.len != nextra)
		goto bad;

	*u = (struct journal_unit){
		.unit = unit,
		.tallies = tallies, .ntallies = ntallies,
		.files = files, .nfiles = nfiles,
		.extra = s,
	};
	return u;
bad:
	journal_no_sense(err);
	return NULL;
}
