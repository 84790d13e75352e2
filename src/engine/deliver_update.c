/*
 * deliver_update.c - the backfill of a live table: what the plan made
 * different, item by item, where it still is as it was in the export.
 *
 * A request whose condition does not hold may be our own, of which the answer
 * was lost: the item is read, and has what it should have or is listed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/getitems.h"
#include "aws/http.h"
#include "aws/push.h"
#include "aws/still.h"
#include "base/err.h"
#include "engine/deliver_internal.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/progress.h"
#include "engine/sources.h"
#include "engine/updates.h"
#include "formats/ddbjson.h"
#include "formats/jsonraw.h"
#include "formats/jsonwrite.h"
#include "io/file.h"
#include "model/compare.h"
#include "model/item.h"

enum { AT_ONCE = GETITEMS_MOST, SYNC_MS = 1000, MOST_LIST = 1 << 30 };

/* One line under way. */
struct change {
	struct updates_line line;
	const struct value *made;	/* of a new item; else */
	struct still_change *list;
	size_t n;
	bool failed;			/* its condition did not hold */
	bool refused;
};

struct updater {
	struct deliver *d;
	struct delivery *t;
	struct span pk, sk;
	struct push *push;
	struct getitems *get;
	struct ddbjson *reader;
	struct still still;
	struct arena mem;		/* for AT_ONCE lines */
	struct buf line;
	struct change changes[AT_ONCE];
	size_t n;
	uint64_t synced;
	int list, refused;		/* of those that are lost; or -1 */
};

static void
path_of(const struct deliver *d, const struct delivery *t, const char *ending,
	char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" JOB_PUSH "/%s%s", d->o.job_dir,
		 t->shown.name, ending);
}

/* ---- looking ------------------------------------------------------------- */

/* Where the plan's exports are; what is live is none. */
static const char **
list_sources(struct deliver *d, size_t *n, struct err *err)
{
	const struct plan *const p = d->plan;
	const char **const list = arena_take(&d->mem, (p->nsources + 1) *
					     sizeof(*list), err);

	*n = 0;
	for (size_t i = 0; list != NULL && i < p->nsources; i++)
		if (!place_is_table(p->sources[i].full))
			list[(*n)++] = p->sources[i].full;
	return list;
}

static int
find_changes(struct deliver *d, struct delivery *t, const char *path,
	     struct err *err)
{
	struct updates_options o = {
		.path = path, .table = t->shown.name, .out = t->from->folder,
		.threads = d->o.threads, .memory = d->o.memory,
		.tmp = d->o.tmp, .cancel = d->o.cancel,
	};
	int rc;

	o.sources = list_sources(d, &o.nsources, err);
	if (o.sources == NULL)
		return -1;
	/* A later export would bless what was changed since the run's. */
	if (access(path, F_OK) != 0 &&
	    sources_check_same(d->plan, d->job, err) != 0)
		return -1;
	place_source(&d->plan->source);
	rc = updates_make(&o, err);
	place_source(NULL);
	return rc;
}

/* Is it of a line before `done`?  Then it was decided. */
static bool
is_decided(struct span line, uint64_t done)
{
	const struct span at = jsonraw_member(line, "At");

	return at.ptr != NULL && strtoull((const char *)at.ptr, NULL, 10) <
				 done;
}

/* What was listed and then not noted is decided again. */
static int
trim_list(struct delivery *t, const char *path, uint64_t done,
	  struct err *err)
{
	struct buf text = { 0 }, kept = { 0 };
	int rc = access(path, F_OK) != 0 ? 1
		: file_load(path, MOST_LIST, &text, err);

	for (size_t at = 0; rc == 0 && at < text.len;) {
		const uint8_t *const end = memchr(text.ptr + at, '\n',
						  text.len - at);
		const struct span line = { text.ptr + at, end == NULL ? 0
			: (size_t)(end + 1 - text.ptr) - at };

		if (end == NULL)
			break;
		if (is_decided(line, done)) {
			t->shown.lost++;
			rc = buf_append(&kept, line, err);
		}
		at += line.len;
	}
	if (rc == 0 && kept.len != text.len)
		rc = file_save_safe(path, buf_span(&kept), err);
	buf_free(&text);
	buf_free(&kept);
	return rc < 0 ? -1 : 0;
}

int
deliver_update_look(struct deliver *d, struct delivery *t,
		    const struct tree *table, struct err *err)
{
	char path[PATH_MAX];
	bool resumed;
	uint64_t done;

	if (t->from->changes)
		return err_set(err, ERR_USAGE, "'%s' is of an increment alone, "
			       "which is pushed without --update",
			       t->from->folder);
	snprintf(path, sizeof(path), "%s/" JOB_PUSH, d->o.job_dir);
	if (file_make_folder(path, err) != 0)
		return -1;
	path_of(d, t, "~updates.jsonl", path);
	if (find_changes(d, t, path, err) != 0)
		return -1;
	t->updates = updates_open(path, err);
	if (t->updates == NULL)
		return -1;
	t->shown.nitems = updates_count(t->updates);
	path_of(d, t, "~updates.done", path);
	if (d->o.look_only && access(path, F_OK) != 0)
		return 0;
	t->progress[PART_PUTS] = progress_open(path, footprint_hash("update",
		table, updates_hash(t->updates)), 1, &resumed, err);
	if (t->progress[PART_PUTS] == NULL)
		return -1;
	done = progress_of(t->progress[PART_PUTS], 0);
	path_of(d, t, "~changed.jsonl", path);
	if (trim_list(t, path, done, err) != 0)
		return -1;
	t->shown.before = done - t->shown.lost;
	t->shown.resumed = done > 0;
	return 0;
}

/* ---- what push tells ----------------------------------------------------- */

static int
accepted(void *context, const struct push_item *item, bool failed,
	 struct err *err)
{
	struct updater *const u = context;

	(void)err;
	u->changes[item->tag].failed = failed;
	u->t->shown.accepted += !failed;
	return 0;
}

static int
open_file(struct updater *u, int *fd, const char *ending, struct err *err)
{
	char path[PATH_MAX];

	path_of(u->d, u->t, ending, path);
	if (*fd < 0)
		*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			   0666);
	return *fd >= 0 ? 0 : err_set(err, ERR_SYSTEM, "'%s': %m", path);
}

/* A line for a person: which item, and why not. */
static int
write_line(struct updater *u, int fd, const struct change *c, const char *why,
	   struct err *err)
{
	struct buf line = { 0 };
	struct jsonwrite w;
	int rc;

	jsonwrite_start(&w, &line, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "At");
	jsonwrite_uint(&w, c->line.number);
	jsonwrite_name(&w, "Key");
	jsonwrite_raw(&w, c->line.key);
	jsonwrite_name(&w, "reason");
	jsonwrite_text(&w, why);
	jsonwrite_end(&w);
	rc = jsonwrite_finish(&w);
	if (rc == 0)
		rc = buf_append(&line, span_of("\n"), err);
	if (rc == 0 && write(fd, line.ptr, line.len) != (ssize_t)line.len)
		rc = err_set(err, ERR_SYSTEM, "what happened to items of '%s' "
			     "cannot be written: %m", u->t->shown.name);
	buf_free(&line);
	return rc;
}

static int
refuse(struct updater *u, struct change *c, const char *why, struct err *err)
{
	char path[PATH_MAX];

	c->refused = true;
	u->t->shown.refused++;
	if (deliver_open_refused(u->d, u->t, path, &u->refused, err) != 0)
		return -1;
	return write_line(u, u->refused, c, why, err);
}

static int
refused(void *context, const struct push_item *item, const char *why,
	struct err *err)
{
	struct updater *const u = context;

	return refuse(u, &u->changes[item->tag], why, err);
}

/* ---- items --------------------------------------------------------------- */

/* The map of {...}; NULL with *err set. */
static const struct value *
decode(struct updater *u, struct span json, struct err *err)
{
	const struct item *item = NULL;

	buf_reset(&u->line);
	if (buf_append(&u->line, span_of("{\"Item\":"), err) == 0 &&
	    buf_append(&u->line, json, err) == 0 &&
	    buf_append(&u->line, span_of("}"), err) == 0)
		item = ddbjson_decode_line(u->reader, buf_span(&u->line),
					   &u->mem, err);
	return item == NULL ? NULL : &item->map;
}

static int
read_change(struct updater *u, struct change *c, struct err *err)
{
	if (c->line.made.ptr != NULL) {
		c->made = decode(u, c->line.made, err);
		return c->made == NULL ? -1 : 0;
	}
	const struct value *const was = decode(u, c->line.was, err);
	const struct value *const is = was == NULL ? NULL
		: decode(u, c->line.is, err);

	c->list = is == NULL ? NULL
		: updates_changes(was, is, &c->n, &u->mem, err);
	return c->list == NULL ? -1 : 0;
}

static int
send_change(struct updater *u, struct change *c, struct err *err)
{
	const struct still_of of = {
		.table = u->t->shown.name, .key = c->line.key, .pk = u->pk,
	};
	struct push_item item = {
		.tag = (uint64_t)(c - u->changes),
		.call = c->made != NULL ? "PutItem" : "UpdateItem",
		.units = (uint32_t)((c->line.made.len + c->line.is.len) / 1024
				    + 1),
	};
	struct err why;
	const int rc = c->made != NULL
		? still_put(&u->still, &of, NULL, c->line.made, &why)
		: still_update(&u->still, &of, c->list, c->n, &why);

	if (rc != 0 && why.code == ERR_LIMIT)
		return refuse(u, c, why.text, err);
	if (rc != 0) {
		*err = why;
		return -1;
	}
	item.json = buf_span(&u->still.body);
	return push_put(u->push, &item, err);
}

/* One whose condition did not hold: is it there all the same? */
static int
settle(struct updater *u, const struct change *c, struct span now,
       struct err *err)
{
	const struct value *const live = now.ptr == NULL ? NULL
		: decode(u, now, err);
	int same = 0;

	if (now.ptr != NULL && live == NULL)
		return -1;
	if (live != NULL)
		same = c->made != NULL
			? value_equal(live, c->made, &u->mem, err)
			: updates_holds(c->list, c->n, true, live, &u->mem,
					err);
	if (same < 0)
		return -1;
	u->t->shown.existed += same > 0;
	u->t->shown.lost += same == 0;
	if (same > 0)
		return 0;
	if (open_file(u, &u->list, "~changed.jsonl", err) != 0)
		return -1;
	return write_line(u, u->list, c, live == NULL
			  ? "it is gone since the export" : c->made != NULL
			  ? "another item is there" :
			  "changed since the export", err);
}

static int
settle_failed(struct updater *u, struct err *err)
{
	struct getitems_one ones[AT_ONCE];
	const struct change *whose[AT_ONCE];
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		if (u->changes[i].failed) {
			ones[n] = (struct getitems_one){
				.from = u->changes[i].line.key };
			whose[n++] = &u->changes[i];
		}
	if (n == 0)
		return 0;
	if (getitems_ask(u->get, ones, n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (settle(u, whose[i], ones[i].item, err) != 0)
			return -1;
	/* Before anything says that they are decided. */
	return u->list < 0 || file_wait(u->list) == 0 ? 0
		: err_set(err, ERR_SYSTEM, "the list of what changed since the "
			  "export: %m");
}

/* ---- all of them --------------------------------------------------------- */

static int
note(struct updater *u, struct err *err)
{
	const uint64_t now = http_clock();
	const bool safe = now - u->synced >= SYNC_MS;

	if (safe) {
		const struct push_stats stats = push_stats(u->push);

		u->synced = now;
		u->t->shown.units = stats.units;
		u->t->shown.throttled = stats.throttled;
		if (u->d->o.watch != NULL)
			u->d->o.watch(u->d->o.context, u->d);
	}
	return progress_write(u->t->progress[PART_PUTS], safe, err);
}

/* What is at hand, to its end. */
static int
do_some(struct updater *u, struct err *err)
{
	arena_reset(&u->mem);
	for (size_t i = 0; i < u->n; i++)
		if (read_change(u, &u->changes[i], err) != 0 ||
		    send_change(u, &u->changes[i], err) != 0)
			return -1;
	if (push_flush(u->push, err) != 0 || settle_failed(u, err) != 0)
		return -1;
	for (size_t i = 0; i < u->n; i++)
		if (progress_add(u->t->progress[PART_PUTS], 0,
				 u->changes[i].line.number, err) != 0)
			return -1;
	u->n = 0;
	return note(u, err);
}

static int
do_all(struct updater *u, struct err *err)
{
	const uint64_t done = progress_of(u->t->progress[PART_PUTS], 0);
	struct updates_line line;
	int rc;

	updates_rewind(u->t->updates);
	while ((rc = updates_next(u->t->updates, &line, err)) > 0) {
		if (line.number < done)
			continue;
		u->changes[u->n++] = (struct change){ .line = line };
		if (u->n == AT_ONCE && do_some(u, err) != 0)
			return -1;
	}
	return rc < 0 ? -1 : do_some(u, err);
}

static int
open_updater(struct updater *u, struct err *err)
{
	const char *const name = u->t->shown.name;

	u->reader = ddbjson_new(err);
	if (u->reader == NULL)
		return -1;
	u->get = getitems_new(u->d->service, name, u->pk, u->sk, err);
	if (u->get == NULL)
		return -1;
	u->push = push_new(u->d->service, &(struct push_options){
		.table = name, .pk = u->pk, .sk = u->sk,
		.max_wcu = u->d->o.max_wcu, .wcu = u->t->wcu, .calls = true,
		.accepted = accepted, .refused = refused, .context = u,
	}, err);
	return u->push != NULL ? 0 : -1;
}

static void
close_updater(struct updater *u)
{
	if (u->push != NULL) {
		const struct push_stats stats = push_stats(u->push);

		u->t->shown.units = stats.units;
		u->t->shown.throttled = stats.throttled;
	}
	push_free(u->push);
	getitems_free(u->get);
	ddbjson_free(u->reader);
	still_free(&u->still);
	arena_free(&u->mem);
	buf_free(&u->line);
	if (u->list >= 0)
		close(u->list);
	if (u->refused >= 0)
		close(u->refused);
}

int
deliver_update_run(struct deliver *d, struct delivery *t, struct err *err)
{
	struct updater *const u = calloc(1, sizeof(*u));
	struct err ignored;
	int rc;

	if (u == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	*u = (struct updater){
		.d = d, .t = t, .pk = span_of(t->key.pk.name), .list = -1,
		.refused = -1, .synced = http_clock(),
	};
	if (t->key.sk.name != NULL)
		u->sk = span_of(t->key.sk.name);
	t->footprint.pushed = t->footprint.updated = true;
	rc = footprint_save(d->o.job_dir, t->shown.name, &t->footprint, err);
	if (rc == 0)
		rc = open_updater(u, err);
	if (rc == 0)
		rc = do_all(u, err);
	if (progress_write(t->progress[PART_PUTS], true, rc == 0 ? err
			   : &ignored) != 0)
		rc = -1;
	close_updater(u);
	free(u);
	return rc;
}
