/* deliver_run.c - the items of one table on their way. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/http.h"
#include "aws/push.h"
#include "base/err.h"
#include "engine/deliver_internal.h"
#include "engine/job.h"
#include "engine/ours.h"
#include "engine/progress.h"
#include "engine/reading.h"
#include "engine/undo.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/batch.h"

enum {
	SIDE_BY_SIDE = 8,	/* files whose items go in turns */
	SYNC_MS = 1000,
};

/* A file under way. */
struct stream {
	struct reading *reading;
	struct batch *batch;
	uint32_t unit;
	uint32_t at;		/* in the batch */
	uint64_t number;	/* of the item at hand, in the unit */
	uint64_t skip;		/* so many of it are there already */
	bool open;
};

struct sender {
	struct deliver *d;
	struct delivery *t;
	unsigned part;
	const struct outfiles_part *files;	/* of it */
	struct progress *progress;
	struct push *push;
	struct stream streams[SIDE_BY_SIDE];
	uint32_t next;		/* unit to open */
	struct arena mem;	/* for one item */
	struct buf text;
	struct span pk, sk;
	uint16_t pk_hash, sk_hash;
	int refused_fd;		/* -1: no item was refused yet */
	uint64_t synced;	/* when */
	bool told;		/* something is to be written */
	uint64_t units, throttled;	/* of the parts before */
	struct undo *undo;	/* or NULL */
	struct ours *ours;	/* NULL: nothing is in doubt yet */
	struct push_item held[UNDO_AT_ONCE];	/* until that is kept, ... */
	size_t held_at[UNDO_AT_ONCE], nheld;
	struct buf texts;			/* ... with their texts */
};

/* ---- what push tells ---------------------------------------------------- */

static int
mark(struct sender *s, const struct push_item *item, struct err *err)
{
	s->told = true;
	return progress_add(s->progress, undo_unit(item->tag),
			    undo_number(item->tag), err);
}

/*
 * It was there: perhaps by an attempt of which the answer was lost, be it one
 * of an earlier process, or one that libcurl has repeated by itself.
 */
static int
doubt(struct sender *s, const struct push_item *item, struct err *err)
{
	if (s->ours == NULL)
		s->ours = ours_new(s->d->service, s->t->shown.name, s->pk,
				   s->sk, err);
	return s->ours == NULL ? -1 : ours_add(s->ours, item->json, err);
}

static int
accepted(void *context, const struct push_item *item, bool existed,
	 struct err *err)
{
	struct sender *const s = context;

	if (existed && (!item->known || s->t->recorded))
		return doubt(s, item, err) != 0 ? -1 : mark(s, item, err);
	s->t->shown.deleted += item->gone;
	s->t->shown.accepted += !item->gone && !existed;
	s->t->shown.existed += existed;
	return mark(s, item, err);
}

int
deliver_open_refused(const struct deliver *d, const struct delivery *t,
		     char path[PATH_MAX], int *fd, struct err *err)
{
	snprintf(path, PATH_MAX, "%s/" JOB_REFUSED, d->records);
	if (*fd < 0 && file_make_folder(path, err) != 0)
		return -1;
	snprintf(path, PATH_MAX, "%s/" JOB_REFUSED "/%s.jsonl", d->records,
		 t->shown.name);
	if (*fd < 0)
		*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			   0666);
	return *fd >= 0 ? 0 : err_set(err, ERR_SYSTEM, "'%s': %m", path);
}

int
deliver_refused_before(struct deliver *d, struct delivery *t, struct err *err)
{
	const uint64_t before = t->shown.before + t->shown.deletes_before;
	char path[PATH_MAX], piece[4096];
	uint64_t lines = 0;
	ssize_t n;
	int fd;

	snprintf(path, PATH_MAX, "%s/" JOB_REFUSED "/%s.jsonl", d->records,
		 t->shown.name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
			: err_set(err, ERR_SYSTEM, "'%s': %m", path);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += piece[i] == '\n';
	close(fd);
	if (n < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	/* One may stand there twice, where a kill came before it was noted. */
	t->shown.refused_before = lines < before ? lines : before;
	/* Of a push that is to be forgotten: it begins anew. */
	if (before == 0 && !d->o.look_only && unlink(path) != 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	return 0;
}

/* One line of rejected/push/<table>.jsonl. */
static int
write_refused(struct sender *s, const struct push_item *item, const char *why,
	      struct err *err)
{
	struct buf line = { 0 };
	char path[PATH_MAX];
	int rc = 0;

	if (deliver_open_refused(s->d, s->t, path, &s->refused_fd, err) != 0)
		return -1;
	if (buf_append(&line, span_of(item->gone ? "{\"Keys\":"
				      : "{\"Item\":"), err) != 0 ||
	    buf_append(&line, item->json, err) != 0 ||
	    buf_append(&line, span_of(",\"reason\":"), err) != 0 ||
	    ddbjson_encode_text(span_of(why), &line, err) != 0 ||
	    buf_append(&line, span_of(",\"step\":\"push\"}\n"), err) != 0)
		rc = -1;
	else
		rc = file_append(s->refused_fd, path, buf_span(&line), err);
	buf_free(&line);
	return rc;
}

static int
refused(void *context, const struct push_item *item, const char *why,
	struct err *err)
{
	struct sender *const s = context;

	if (write_refused(s, item, why, err) != 0)
		return -1;
	s->t->shown.deletes_refused += item->gone;
	s->t->shown.refused += !item->gone;
	return mark(s, item, err);
}

/* What was told is in the file at once, and on the disk each second. */
static int
note(struct sender *s, struct err *err)
{
	const uint64_t now = http_clock();
	const bool safe = now - s->synced >= SYNC_MS;

	if (!s->told && !safe)
		return 0;
	s->told = false;
	if (safe) {
		const struct push_stats stats = push_stats(s->push);

		s->synced = now;
		s->t->shown.units = s->units + stats.units;
		s->t->shown.throttled = s->throttled + stats.throttled;
		if (s->d->o.watch != NULL)
			s->d->o.watch(s->d->o.context, s->d);
	}
	return progress_write(s->progress, safe, err);
}

/* ---- items -------------------------------------------------------------- */

static int
key_text(struct sender *s, const struct value *map, struct span name,
	 uint16_t hash, enum value_type *type, struct span *out,
	 struct err *err)
{
	const struct value *const v = value_attr(map, name, hash);

	if (v == NULL || v->type < VALUE_S || v->type > VALUE_B)
		return err_set(err, ERR_INPUT, "key attribute '%.*s' is "
			       "missing", (int)name.len,
			       (const char *)name.ptr);
	*type = (enum value_type)v->type;
	return value_text(v, &s->mem, out, err);
}

/* What the held items write over is on the disk; now they may go. */
static int
release(struct sender *s, struct err *err)
{
	for (size_t i = 0; i < s->nheld; i++)
		s->held[i].json.ptr = s->texts.ptr + s->held_at[i];
	if (s->nheld > 0 &&
	    undo_keep(s->undo, s->held, s->nheld, err) != 0)
		return -1;
	for (size_t i = 0; i < s->nheld; i++)
		if (push_put(s->push, &s->held[i], err) != 0)
			return -1;
	s->nheld = 0;
	buf_reset(&s->texts);
	return 0;
}

static int
hold(struct sender *s, const struct push_item *item, struct err *err)
{
	if (s->nheld == UNDO_AT_ONCE && release(s, err) != 0)
		return -1;
	s->held[s->nheld] = *item;
	s->held_at[s->nheld++] = s->texts.len;
	return buf_append(&s->texts, item->json, err);
}

/* What is put; of a delete, the key. */
static const struct value *
map_of(const struct sender *s, const struct item *item)
{
	const struct span name = span_of(READING_KEYS);
	const struct value *const keys = s->part == PART_PUTS ? &item->map
		: value_attr(&item->map, name, name_hash(name));

	return keys != NULL && keys->type == VALUE_M ? keys : NULL;
}

static int
put(struct sender *s, struct stream *f, const struct item *item,
    struct err *err)
{
	enum value_type pk_type, sk_type = 0;
	struct span pk, sk = { NULL, 0 };
	const uint64_t size = item_size(item);
	const struct value *const map = map_of(s, item);
	struct push_item out = {
		.units = (uint32_t)((size + 1023) / 1024),
		.gone = s->part == PART_DELETES,
		.tag = undo_tag(f->unit, f->number),
	};

	arena_reset(&s->mem);
	if (map == NULL)
		return err_set(err, ERR_INPUT, "a line without Keys");
	if (key_text(s, map, s->pk, s->pk_hash, &pk_type, &pk, err) != 0 ||
	    (s->sk.ptr != NULL &&
	     key_text(s, map, s->sk, s->sk_hash, &sk_type, &sk, err) != 0))
		return -1;
	buf_reset(&s->text);
	if (ddbjson_encode_map(map, &s->text, err) != 0)
		return -1;
	out.json = buf_span(&s->text);
	out.key = push_key(pk_type, pk, sk_type, sk);
	return s->undo != NULL ? hold(s, &out, err)
		: push_put(s->push, &out, err);
}

/* Open the table's next file; false if there is none. */
static int
open_next(struct sender *s, struct stream *f, struct err *err)
{
	while (s->next < s->files->n &&
	       !delivery_is_ours(s->d, s->t, s->next))
		s->next++;
	if (s->next == s->files->n)
		return 0;
	if (f->reading == NULL)
		f->reading = reading_new(err);
	if (f->reading == NULL)
		return -1;
	f->unit = s->next++;
	f->batch = NULL;
	f->number = 0;
	f->skip = progress_of(s->progress, f->unit);
	f->open = true;
	return reading_start(f->reading, &s->files->units[f->unit], true,
			     err) != 0 ? -1 : 1;
}

/* The next item of a file is at hand: 1; 0 if it has none left, or -1. */
static int
advance(struct sender *s, struct stream *f, struct err *err)
{
	for (;;) {
		while (f->batch == NULL || f->at == f->batch->nitems) {
			const int rc = reading_next(f->reading, &f->batch,
						    err);

			f->at = 0;
			if (rc <= 0)
				return rc;
			if (f->batch->nrejects > 0)
				return err_set(err, ERR_INPUT, "'%s': line %llu "
					"is no item", s->files->units[f->unit]
					.path, (unsigned long long)
					f->batch->rejects[0].number);
		}
		if (f->number >= f->skip)
			return 1;
		f->number++;
		f->at++;
	}
}

/* One item of each file in turn, until none has any. */
static int
send_all(struct sender *s, struct err *err)
{
	bool any = true;

	while (any) {
		any = false;
		for (unsigned i = 0; i < SIDE_BY_SIDE; i++) {
			struct stream *const f = &s->streams[i];
			int rc = f->open ? 1 : open_next(s, f, err);

			if (rc < 0)
				return -1;
			if (rc == 0)
				continue;
			any = true;
			rc = advance(s, f, err);
			if (rc < 0)
				return -1;
			if (rc == 0) {
				f->open = false;
				continue;
			}
			if (put(s, f, &f->batch->items[f->at], err) != 0)
				return err_at(err, "%s", s->files->units[
					f->unit].path);
			f->at++;
			f->number++;
		}
		if (note(s, err) != 0)
			return -1;
	}
	if (release(s, err) != 0)
		return -1;
	return push_flush(s->push, err);
}

/* Only where there is something to write over. */
static int
open_undo(struct sender *s, struct err *err)
{
	const struct deliver_options *const o = &s->d->o;
	const char *const name = s->t->shown.name;
	const bool needed = o->into_existing || s->part == PART_DELETES ||
			    (o->only_new && !s->t->footprint.was_empty);
	char path[PATH_MAX];

	if (!needed || o->no_undo)
		return 0;
	snprintf(path, sizeof(path), "%s/" JOB_UNDO, s->d->records);
	if (file_make_folder(path, err) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/" JOB_UNDO "/%s%s.jsonl",
		 s->d->records, name, s->part == PART_DELETES ? "~deletes" : "");
	s->undo = undo_open(path, s->d->service, name, s->pk, s->sk,
			    o->only_new && s->part == PART_PUTS, err);
	return s->undo == NULL ? -1 : 0;
}

static void
close_sender(struct sender *s)
{
	push_free(s->push);
	for (unsigned i = 0; i < SIDE_BY_SIDE; i++)
		reading_free(s->streams[i].reading);
	if (s->refused_fd >= 0)
		close(s->refused_fd);
	undo_close(s->undo);
	ours_free(s->ours);
	arena_free(&s->mem);
	buf_free(&s->texts);
	buf_free(&s->text);
}

static int
run_part(struct deliver *d, struct delivery *t, unsigned part,
	 struct err *err)
{
	struct sender s = {
		.d = d, .t = t, .part = part, .refused_fd = -1,
		.files = delivery_part(t, part), .progress = t->progress[part],
		.synced = http_clock(), .pk = span_of(t->key.pk.name),
		.units = t->shown.units, .throttled = t->shown.throttled,
	};
	struct push_options o = {
		.table = t->shown.name,
		.max_wcu = deliver_share(d, d->o.max_wcu),
		.wcu = deliver_share(d, t->wcu),
		.only_new = d->o.only_new && part == PART_PUTS,
		.accepted = accepted, .refused = refused, .context = &s,
	};
	struct push_stats stats;
	struct err ignored;
	int rc;

	s.pk_hash = name_hash(s.pk);
	if (t->key.sk.name != NULL) {
		s.sk = span_of(t->key.sk.name);
		s.sk_hash = name_hash(s.sk);
	}
	o.pk = s.pk;
	o.sk = s.sk;
	s.push = push_new(d->service, &o, err);
	rc = s.push == NULL || open_undo(&s, err) != 0 ? -1
		: send_all(&s, err);
	if (rc == 0 && s.ours != NULL)
		rc = ours_count(s.ours, &t->shown.accepted, &t->shown.existed,
				err);
	/* What was accepted is noted whatever came after it. */
	if (progress_write(s.progress, true, rc == 0 ? err : &ignored) != 0)
		rc = -1;
	if (s.push != NULL) {
		stats = push_stats(s.push);
		t->shown.units = s.units + stats.units;
		t->shown.throttled = s.throttled + stats.throttled;
	}
	close_sender(&s);
	return rc;
}

/* What undoing it will have to know, before the first item goes. */
static int
save_footprint(struct deliver *d, struct delivery *t, struct err *err)
{
	struct footprint *const f = &t->footprint;
	struct footprint now;

	/* Another shard may have come first. */
	if (footprint_load(d->o.job_dir, t->shown.name, &now, err) < 0)
		return -1;
	if (now.pushed)
		*f = now;
	if (!f->pushed)
		f->was_empty = t->shown.empty && !t->shown.resumed;
	f->pushed = true;
	f->no_undo |= d->o.no_undo && !f->was_empty;
	return footprint_save(d->o.job_dir, t->shown.name, f, err);
}

/* Where there are shards: one after the other. */
static int
leave_footprint(struct deliver *d, struct delivery *t, struct err *err)
{
	int lock, rc;

	if (d->o.nshards == 0)
		return save_footprint(d, t, err);
	lock = deliver_shard_lock(d, err);
	if (lock < 0)
		return -1;
	rc = save_footprint(d, t, err);
	if (rc == 0)
		rc = deliver_shard_begin(d, t, err);
	deliver_shard_unlock(lock);
	return rc;
}

int
deliver_table_run(struct deliver *d, struct delivery *t, struct err *err)
{
	if (leave_footprint(d, t, err) != 0)
		return -1;
	/* An item may be put where another one was deleted. */
	for (unsigned part = 0; part < PARTS; part++)
		if (t->progress[part] != NULL &&
		    run_part(d, t, part, err) != 0)
			return -1;
	return 0;
}
