/*
 * keyfile.c - sections of records, buffered apart, flushed to one file.
 *
 * A section gets its buffer with its first record in a unit and gives it back
 * at the unit's end, so that a job with a thousand relations holds no more
 * buffers than the busiest unit has sections.  The directory, which grows with
 * the unit, spills into a file without a name.
 */
#include "engine/keyfile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/keyread.h"
#include "formats/keyuuid.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/spill.h"

enum { DIRECTORY_LEN = 64 * 1024 };	/* of it that is held in memory */

struct keyfile_inner {
	struct keyfile_section *sections;	/* of all kinds */
	size_t nsections;
	struct keyfile_section **used;		/* in this unit */
	size_t nused;
	uint8_t **pool;				/* buffers nobody uses */
	size_t npool;
	uint8_t *bin;				/* for records after an error */
	struct drain *file;
	bool is_part;				/* no file, but what is kept */
	struct buf kept;
	struct buf directory;			/* of a part: of the structs */
	struct spill *spilled;			/* of the directory, the start */
	struct keysum directory_sum;		/* likewise */
	char *folder;				/* of the log */
	uint64_t at;				/* bytes in the file */
	uint64_t records, nchunks;
	uint32_t unit;
	struct err err;				/* the first */
};

void
keyfile_path(uint32_t unit, char *out, size_t size)
{
	snprintf(out, size, "index/units/%08u.keys", unit);
}

struct keyfile *
keyfile_new(const struct keyfile_sizes *sizes, struct err *err)
{
	const size_t n[KEYLOG_NKINDS + 1] = {
		[KEYLOG_ID] = sizes->ntables,
		[KEYLOG_REF] = sizes->nrelations,
		[KEYLOG_PK] = sizes->ntargets,
		[KEYLOG_UNWRITTEN] = sizes->ntables,
		[KEYLOG_REJECTED] = sizes->ntables,
	};
	struct keyfile *const k = calloc(1, sizeof(*k));
	struct keyfile_inner *const in = calloc(1, sizeof(*in));
	size_t all = 0;

	for (unsigned kind = 1; kind <= KEYLOG_NKINDS; kind++)
		all += n[kind];
	if (k == NULL || in == NULL)
		goto fail;
	k->inner = in;
	in->sections = calloc(all + 1, sizeof(*in->sections));
	in->used = calloc(all + 1, sizeof(struct keyfile_section *));
	in->pool = calloc(all + 1, sizeof(uint8_t *));
	in->bin = malloc(KEYLOG_CHUNK_LEN);
	if (in->sections == NULL || in->used == NULL || in->pool == NULL ||
	    in->bin == NULL)
		goto fail;

	in->nsections = all;
	struct keyfile_section *s = in->sections;
	for (unsigned kind = 1; kind <= KEYLOG_NKINDS; kind++) {
		k->by_kind[kind] = s;
		for (uint32_t i = 0; i < n[kind]; i++, s++) {
			s->kind = (enum keylog_kind)kind;
			s->number = i;
		}
	}
	return k;
fail:
	err_set(err, ERR_SYSTEM, "out of memory");
	if (k == NULL || k->inner == NULL)
		free(in);
	keyfile_free(k);
	return NULL;
}

/* Give the buffers back, forget what is in them. */
static void
clear(struct keyfile *k)
{
	struct keyfile_inner *const in = k->inner;

	for (size_t i = 0; i < in->nused; i++) {
		struct keyfile_section *const s = in->used[i];

		if (s->start != in->bin)
			in->pool[in->npool++] = s->start;
		s->start = s->at = s->stop = NULL;
		s->offset = s->end = s->count = 0;
	}
	in->nused = 0;
}

int
keyfile_start(struct keyfile *k, const char *job_dir, uint32_t unit,
	      struct err *err)
{
	struct keyfile_inner *const in = k->inner;
	uint8_t header[KEYLOG_HEADER_LEN];
	char name[40], *path;

	keyfile_abandon(k);
	keyfile_path(unit, name, sizeof(name));
	if (asprintf(&path, "%s/%s", job_dir, name) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	in->file = file_drain(path, err);
	in->folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	free(path);
	if (in->folder == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	if (in->file == NULL || in->folder == NULL)
		return -1;

	keysum_start(&in->directory_sum);
	in->unit = unit;
	in->is_part = false;
	in->at = sizeof(header);
	in->records = in->nchunks = 0;
	in->err = (struct err){ 0 };
	buf_reset(&in->directory);
	keylog_put_header(header, unit);
	return in->file->write(in->file, (struct span){ header, sizeof(header) },
			       err);
}

void
keyfile_start_part(struct keyfile *k)
{
	struct keyfile_inner *const in = k->inner;

	keyfile_abandon(k);
	in->is_part = true;
	in->at = 0;
	in->records = in->nchunks = 0;
	in->err = (struct err){ 0 };
	buf_reset(&in->directory);
	buf_reset(&in->kept);
}

/* What there is of the directory, behind what was spilled before. */
static int
spill(struct keyfile_inner *in, struct err *err)
{
	if (in->spilled == NULL)
		in->spilled = spill_new(in->folder,
					"make room and run again", err);
	if (in->spilled == NULL ||
	    spill_write(in->spilled, buf_span(&in->directory), err) != 0)
		return -1;
	keysum_add(&in->directory_sum, buf_span(&in->directory));
	buf_reset(&in->directory);
	return 0;
}

/* The chunk at the end of the log, and its entry. */
static int
put_chunk(struct keyfile_inner *in, const struct keylog_chunk *c,
	  struct span bytes, struct err *err)
{
	if (in->is_part)
		return buf_append(&in->directory, (struct span){
				  (const uint8_t *)c, sizeof(*c) }, err) != 0
		       ? -1 : buf_append(&in->kept, bytes, err);
	if (keylog_put_chunk(c, &in->directory, err) != 0 ||
	    (in->directory.len >= DIRECTORY_LEN && spill(in, err) != 0))
		return -1;
	return in->file->write(in->file, bytes, err);
}

/* Send what is in the buffer to the file.  Its records start anew. */
static void
flush(struct keyfile_inner *in, struct keyfile_section *s)
{
	const struct span bytes = { s->start, (size_t)(s->at - s->start) };
	const struct keylog_chunk c = {
		.kind = s->kind,
		.number = s->number,
		.len = (uint32_t)bytes.len,
		.count = s->count,
		.at = in->at,
		.xxh3 = in->err.code == ERR_NONE ? keyhash64_of(bytes) : 0,
		.end = s->end,
	};

	s->at = s->start;
	s->offset = s->end = s->count = 0;
	if (bytes.len == 0 || in->err.code != ERR_NONE)
		return;
	if (put_chunk(in, &c, bytes, &in->err) != 0)
		return;
	in->at += bytes.len;
	in->records += c.count;
	in->nchunks++;
}

/* In an order that does not depend on what came first. */
void
keyfile_end_part(struct keyfile *k)
{
	for (size_t i = 0; i < k->inner->nsections; i++)
		if (k->inner->sections[i].start != NULL)
			flush(k->inner, &k->inner->sections[i]);
}

int
keyfile_add_part(struct keyfile *k, struct keyfile *part, bool over,
		 struct err *err)
{
	struct keyfile_inner *const in = k->inner;
	struct keyfile_inner *const from = part->inner;
	struct keylog_chunk c;

	if (over)
		keyfile_end_part(part);
	if (from->err.code != ERR_NONE) {
		*err = from->err;
		return -1;
	}
	for (uint64_t i = 0; i < from->nchunks; i++) {
		memcpy(&c, from->directory.ptr + i * sizeof(c), sizeof(c));

		const struct span bytes = { from->kept.ptr + c.at, c.len };
		c.at = in->at;
		if (put_chunk(in, &c, bytes, err) != 0)
			return -1;
		in->at += bytes.len;
		in->records += c.count;
		in->nchunks++;
	}
	from->at = from->nchunks = 0;
	buf_reset(&from->directory);
	buf_reset(&from->kept);
	return 0;
}

void
keyfile_turn(struct keyfile *k, struct keyfile_section *s)
{
	struct keyfile_inner *const in = k->inner;

	assert(in->file != NULL || in->is_part);
	if (s->start != NULL) {
		flush(in, s);
		return;
	}
	if (in->npool > 0)
		s->start = in->pool[--in->npool];
	else
		s->start = malloc(KEYLOG_CHUNK_LEN);
	if (s->start == NULL) {
		s->start = in->bin;
		if (in->err.code == ERR_NONE)
			err_set(&in->err, ERR_SYSTEM, "out of memory");
	}
	in->used[in->nused++] = s;
	s->at = s->start;
	s->stop = s->start + KEYLOG_CHUNK_LEN - KEYLOG_RECORD_LEN;
}

/* What is kept of an id that is too long: see keylog.c. */
static struct span
cut(struct span id, uint8_t to[KEYLOG_MAX_ID])
{
	const struct keyhash all = keyhash_of(id);

	memcpy(to, id.ptr, KEYLOG_MAX_ID - 16);
	store_le64(to + KEYLOG_MAX_ID - 16, all.hi);
	store_le64(to + KEYLOG_MAX_ID - 8, all.lo);
	return (struct span){ to, KEYLOG_MAX_ID };
}

void
keyfile_id(struct keyfile *k, uint32_t table, struct keyhash key,
	   uint64_t offset, char type, struct span source)
{
	struct keyfile_section *const s = &k->by_kind[KEYLOG_ID][table];
	uint8_t room[KEYLOG_MAX_ID];

	if (source.len > KEYLOG_MAX_ID) {
		source = cut(source, room);
		type = (char)(type | 0x20);
	}
	if (s->at >= s->stop ||
	    (size_t)(s->stop - s->at) < source.len + KEYLOG_ID_LEN)
		keyfile_turn(k, s);
	/* The first turn found a buffer, which had room for every record. */
	uint8_t *p = keyfile_put(s, key, offset);
	/* Most are packed to where they go: fewer bytes than their text. */
	if (type == 'S' && keyuuid_pack(source, p + 2)) {
		p[0] = KEYUUID_TYPE;
		p[1] = KEYUUID_LEN;
		s->at = p + 2 + KEYUUID_LEN;
		return;
	}
	*p++ = (uint8_t)type;
	p = keyfile_put_varint(p, source.len);
	if (source.len > 0)
		memcpy(p, source.ptr, source.len);
	s->at = p + source.len;
}

/* The directory, whole, at the end of the log. */
static int
write_directory(struct keyfile_inner *in, struct err *err)
{
	struct span start = { NULL, 0 };

	if (in->spilled != NULL && spill_map(in->spilled, &start, err) != 0)
		return -1;
	return (start.len > 0 && in->file->write(in->file, start, err) != 0) ||
	       in->file->write(in->file, buf_span(&in->directory), err) != 0
		? -1 : 0;
}

int
keyfile_commit(struct keyfile *k, struct keyfile_info *out, struct err *err)
{
	struct keyfile_inner *const in = k->inner;
	uint8_t header[KEYLOG_HEADER_LEN], trailer[KEYLOG_TRAILER_LEN];
	int rc = -1;

	assert(in->file != NULL);
	keyfile_end_part(k);
	if (in->err.code != ERR_NONE) {
		*err = in->err;
		goto done;
	}

	keysum_add(&in->directory_sum, buf_span(&in->directory));
	keylog_put_header(header, in->unit);
	const struct keylog_shape shape = {
		.unit = in->unit,
		.directory_at = in->at,
		.nchunks = in->nchunks,
		.xxh3 = keylog_sum((struct span){ header, sizeof(header) },
				   keysum_get(&in->directory_sum), in->at,
				   in->nchunks),
	};
	keylog_put_trailer(trailer, &shape);
	if (write_directory(in, err) != 0 ||
	    in->file->write(in->file, (struct span){ trailer, sizeof(trailer) },
			    err) != 0 ||
	    in->file->commit(in->file, err) != 0)
		goto done;
	*out = (struct keyfile_info){
		.size = in->at + in->nchunks * KEYLOG_ENTRY_LEN +
			sizeof(trailer),
		.xxh3 = shape.xxh3,
		.records = in->records,
	};
	rc = 0;
done:
	keyfile_abandon(k);	/* what was committed stays */
	return rc;
}

void
keyfile_abandon(struct keyfile *k)
{
	struct keyfile_inner *const in = k->inner;

	clear(k);
	if (in->file != NULL)
		in->file->close(in->file);
	in->file = NULL;
	spill_free(in->spilled);
	in->spilled = NULL;
	free(in->folder);
	in->folder = NULL;
}

void
keyfile_free(struct keyfile *k)
{
	if (k == NULL)
		return;
	if (k->inner != NULL) {
		if (k->inner->used != NULL)
			keyfile_abandon(k);
		for (size_t i = 0; i < k->inner->npool; i++)
			free(k->inner->pool[i]);
		free(k->inner->sections);
		free(k->inner->used);
		free(k->inner->pool);
		free(k->inner->bin);
		buf_free(&k->inner->directory);
		buf_free(&k->inner->kept);
		free(k->inner);
	}
	free(k);
}

int
keyfile_check(const char *path, uint64_t xxh3, struct err *why)
{
	uint8_t *const room = malloc(KEYLOG_MAX);
	struct keyread r = KEYREAD_NONE;
	int rc = room == NULL ? err_set(why, ERR_SYSTEM, "out of memory") :
				keyread_open(&r, path, why);

	if (rc == 0 && r.shape.xxh3 != xxh3)
		rc = err_set(why, ERR_INPUT, "'%s' is another key log", path);
	for (size_t i = 0; rc == 0 && i < r.shape.nchunks; i++) {
		struct keylog_chunk c;

		rc = keyread_entry(&r, i, &c, why);
		if (rc == 0)
			rc = keyread_chunk(&r, &c, room, why);
	}
	keyread_close(&r);
	free(room);
	if (rc == 0)
		return 1;
	return why->code == ERR_INPUT ? 0 : -1;
}
