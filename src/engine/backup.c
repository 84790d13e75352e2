/*
 * backup.c - what is to be read, and the ends of it; backup_segment.c reads.
 *
 * The journal beside a table's folder has the notes `table` (which table: its
 * ARN, id and time of creation), `started` and `segments`, and a record for
 * each file: unit `part * segments + segment`, with the key that the next part
 * begins behind as its extra, none after the last.  `ended` says that the
 * manifests are there.
 */
#include "engine/backup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aws/backups.h"
#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/tables.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "engine/backup_internal.h"
#include "engine/crew.h"
#include "engine/folderlock.h"
#include "engine/journal.h"
#include "engine/sides.h"
#include "formats/ddbjson.h"
#include "formats/jsonraw.h"
#include "formats/manifest.h"
#include "formats/tree.h"
#include "io/file.h"

enum {
	THREADS = 8,
	SEGMENT_LEN = 64 * 1024 * 1024,	/* of a table, as last counted */
	FEWEST_SEGMENTS = 4, MOST_SEGMENTS = 256,
	TIME_LEN = 32,
};

static int
path_of(const struct backup *b, const char *fmt, const char *name,
	char path[PATH_MAX], struct err *err)
{
	char file[512];

	snprintf(file, sizeof(file), fmt, name);
	return snprintf(path, PATH_MAX, "%s/%s", b->o.dir, file) < PATH_MAX
		? 0 : err_set(err, ERR_LIMIT, "'%s': too long a path",
			      b->o.dir);
}

/* ---- looking ------------------------------------------------------------- */

static void
now_text(char out[TIME_LEN])
{
	struct timespec t;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(out, TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, TIME_LEN - n, ".%03ldZ", t.tv_nsec / 1000000);
}

/* A note that is kept once it is there; its text, in the journal's memory. */
static struct span
settle_note(struct journal *j, const char *name, const char *text,
	    struct err *err)
{
	if (journal_noted(j, name).len == 0 &&
	    journal_note(j, name, span_of(text), err) != 0)
		return (struct span){ NULL, 0 };
	return journal_noted(j, name);
}

/* Which table it is; another one of that name is not gone on with. */
static int
check_identity(struct backup_job *t, struct err *err)
{
	const struct tree *const made = tree_get(t->table.tree,
						 "CreationDateTime");
	const char *const arn = dynamodb_text(t->table.tree, "TableArn");
	const char *const id = dynamodb_text(t->table.tree, "TableId");
	char text[600];
	struct span noted;

	snprintf(text, sizeof(text), "%.300s %.100s %.40s",
		 arn != NULL ? arn : t->shown.name, id != NULL ? id : "-",
		 made != NULL ? (const char *)made->text.ptr : "-");
	noted = settle_note(t->journal, "table", text, err);
	if (noted.ptr == NULL)
		return -1;
	return span_is(noted, text) ? 0
		: err_set(err, ERR_REFUSED, "what is there of table '%s' is of "
			  "another one; name another folder", t->shown.name);
}

static unsigned
wanted_segments(const struct dynamodb_table *t)
{
	const uint64_t n = t->len / SEGMENT_LEN;

	return n < FEWEST_SEGMENTS ? FEWEST_SEGMENTS
		: n < MOST_SEGMENTS ? (unsigned)n : MOST_SEGMENTS;
}

static int
open_journal(struct backup *b, struct backup_job *t, struct err *err)
{
	char path[PATH_MAX], text[TIME_LEN];
	struct span noted;

	if (path_of(b, ".%s.journal", t->shown.name, path, err) != 0)
		return -1;
	t->journal = journal_open(path, err);
	if (t->journal == NULL || check_identity(t, err) != 0 ||
	    journal_sweep(t->journal, b->o.dir, err) != 0)
		return -1;
	now_text(text);
	noted = settle_note(t->journal, "started", text, err);
	if (noted.ptr == NULL)
		return -1;
	snprintf(t->started, sizeof(t->started), "%.*s", (int)noted.len,
		 (const char *)noted.ptr);
	snprintf(text, sizeof(text), "%u", wanted_segments(&t->table));
	noted = settle_note(t->journal, "segments", text, err);
	if (noted.ptr == NULL)
		return -1;
	snprintf(text, sizeof(text), "%.*s", (int)noted.len,
		 (const char *)noted.ptr);
	t->shown.segments = (unsigned)strtoul(text, NULL, 10);
	if (t->shown.segments == 0 || t->shown.segments > MOST_SEGMENTS)
		return err_set(err, ERR_INPUT, "'%s/.%s.journal' says %s "
			       "segments", b->o.dir, t->shown.name, text);
	t->shown.was_done = journal_noted(t->journal, "ended").len > 0;
	return 0;
}

/* What earlier attempts have of it. */
static void
count_there(struct backup_job *t)
{
	for (unsigned s = 0; s < t->shown.segments; s++)
		for (uint32_t part = 0;; part++) {
			const struct journal_unit *const u = journal_unit(
				t->journal, part * t->shown.segments + s);

			if (u == NULL)
				break;
			for (size_t i = 0; i < u->nfiles; i++) {
				atomic_fetch_add(&t->items, u->files[i].items);
				atomic_fetch_add(&t->len,
						 u->files[i].plain_len);
			}
			if (u->extra.len == 0) {
				atomic_fetch_add(&t->done, 1);
				break;
			}
		}
}

static int
look_at(struct backup *b, const char *name, struct backup_job *t,
	struct err *err)
{
	char path[PATH_MAX];
	int rc;

	t->shown.name = name;
	rc = dynamodb_describe(b->service, name, &t->table, err);
	if (rc == 0)
		return err_set(err, ERR_REFUSED, "there is no table '%s' at "
			       "%s", name, service_url(b->service));
	if (rc < 0)
		return -1;
	t->shown.expected = t->table.nitems;
	if (path_of(b, "%s/data", name, path, err) != 0 ||
	    file_make_folder(path, err) != 0 || open_journal(b, t, err) != 0)
		return -1;
	count_there(t);
	return 0;
}

struct backup *
backup_open(const struct backup_options *o, struct err *err)
{
	struct backup *const b = calloc(1, sizeof(*b));
	char path[PATH_MAX];

	if (b == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	b->o = *o;
	b->lock_fd = -1;
	pthread_mutex_init(&b->lock, NULL);
	b->list = calloc(o->ntables + 1, sizeof(*b->list));
	if (b->list == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto failed;
	}
	if (path_of(b, "%s", "job.json", path, err) != 0)
		goto failed;
	if (access(path, F_OK) == 0) {
		err_set(err, ERR_REFUSED, "'%s' is the folder of a job; name "
			"another one", o->dir);
		goto failed;
	}
	b->lock_fd = folder_lock(o->dir, "makes a backup into", err);
	if (b->lock_fd < 0)
		goto failed;
	b->side = sides_open(o->side, o->usual, err);
	if (b->side == NULL ||
	    (b->service = dynamodb_open(b->side, err)) == NULL)
		goto failed;
	for (size_t i = 0; i < o->ntables; i++, b->n++)
		if (look_at(b, o->tables[i], &b->list[i], err) != 0)
			goto failed;
	return b;
failed:
	backup_close(b);
	return NULL;
}

void
backup_close(struct backup *b)
{
	if (b == NULL)
		return;
	/* The one that failed is not counted. */
	for (size_t i = 0; b->list != NULL && i < b->o.ntables; i++) {
		journal_close(b->list[i].journal);
		dynamodb_table_free(&b->list[i].table);
	}
	free(b->list);
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	service_close(b->service);
	side_close(b->side);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

bool
backup_table(const struct backup *b, size_t i, struct backup_table *out)
{
	struct backup_job *const t = i < b->n ? &b->list[i] : NULL;

	if (t == NULL)
		return false;
	*out = t->shown;
	out->items = atomic_load(&t->items);
	out->len = atomic_load(&t->len);
	out->done = atomic_load(&t->done);
	return true;
}

/* ---- the end of a table -------------------------------------------------- */

static int
save(const struct backup *b, const char *table, const char *name,
     struct span bytes, struct err *err)
{
	char path[PATH_MAX], file[400];

	snprintf(file, sizeof(file), "%s/%s", table, name);
	return path_of(b, "%s", file, path, err) != 0 ? -1
		: file_save_safe(path, bytes, err);
}

static int
save_manifest(const struct backup *b, const char *table, const char *name,
	      struct span bytes, struct err *err)
{
	uint8_t sum[MANIFEST_CHECKSUM_LEN];
	char file[64];

	manifest_checksum(bytes, sum);
	snprintf(file, sizeof(file), "%s.md5", name);
	if (save(b, table, file, (struct span){ sum, sizeof(sum) }, err) != 0)
		return -1;
	snprintf(file, sizeof(file), "%s.json", name);
	return save(b, table, file, bytes, err);
}

/* The lines of manifest-files.json, segment after segment. */
static int
list_files(struct backup_job *t, struct buf *out, uint64_t *nitems,
	   struct err *err)
{
	const size_t skip = strlen(t->shown.name) + 1;
	bool more;

	for (unsigned s = 0; s < t->shown.segments; s++)
		for (uint32_t part = 0; part == 0 || more; part++) {
			const struct journal_unit *const u = journal_unit(
				t->journal, part * t->shown.segments + s);

			if (u == NULL)
				return err_set(err, ERR_INPUT, "part %u of "
					       "segment %u of table '%s' is "
					       "missing; run again", part, s,
					       t->shown.name);
			more = u->extra.len > 0;
			for (size_t i = 0; i < u->nfiles; i++) {
				const struct journal_file *const f =
					&u->files[i];
				char key[64];
				struct manifest_file m = {
					.key = key, .nitems = f->items,
					.has_md5 = true,
				};

				snprintf(key, sizeof(key), "%.*s",
					 (int)(f->path.len - skip),
					 (const char *)f->path.ptr + skip);
				memcpy(m.md5, f->md5, sizeof(m.md5));
				*nitems += f->items;
				if (manifest_write_file(&m, out, err) != 0)
					return -1;
			}
		}
	return 0;
}

static int
write_summary(const struct backup_job *t, uint64_t nitems, struct buf *out,
	      struct err *err)
{
	const char *const arn = dynamodb_text(t->table.tree, "TableArn");
	char ended[TIME_LEN], usual[400], export[600];
	struct manifest_summary m = {
		.version = "2020-06-30", .start_time = t->started,
		.end_time = ended, .export_time = t->started,
		.table_id = dynamodb_text(t->table.tree, "TableId"),
		.files_key = "manifest-files.json", .nitems = nitems,
		.output_format = "DYNAMODB_JSON",
	};
	struct tm tm = { 0 };

	now_text(ended);
	snprintf(usual, sizeof(usual), "arn:aws:dynamodb:local:000000000000:"
		 "table/%.255s", t->shown.name);
	m.table_arn = arn != NULL ? arn : usual;
	strptime(t->started, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(export, sizeof(export), "%.400s/export/%011lld000-%08x",
		 m.table_arn, (long long)timegm(&tm), (unsigned)
		 (keyhash64_of(span_of(m.table_arn)) & UINT32_MAX));
	m.export_arn = export;
	return manifest_write_summary(&m, out, err);
}

/*
 * What DescribeTable said, and beside it TTL, which it does not say: a
 * definition that `tables create` takes.
 */
static int
write_definition(struct backup *b, const struct backup_job *t, struct buf *out,
		 struct err *err)
{
	const struct span answer = t->table.tree->doc->source;
	struct span table = jsonraw_member(answer, "Table");
	struct buf ttl = { 0 };
	struct pitr pitr;
	int rc = tables_ttl(b->service, t->shown.name, &ttl, err);

	if (rc >= 0 && table.len < 2)
		rc = err_set(err, ERR_REMOTE, "DescribeTable of '%s' gives no "
			     "table", t->shown.name);
	if (rc >= 0 &&
	    (buf_append(out, span_of("{\"Table\":"), err) != 0 ||
	     buf_append(out, (struct span){ table.ptr, table.len - 1 }, err)
	     != 0))
		rc = -1;
	if (rc > 0 &&
	    (buf_append(out, span_of(",\"TimeToLiveSpecification\":"
				     "{\"Enabled\":true,\"AttributeName\":"),
			err) != 0 ||
	     ddbjson_encode_text(buf_span(&ttl), out, err) != 0 ||
	     buf_append(out, span_of("}"), err) != 0))
		rc = -1;
	buf_free(&ttl);
	if (rc < 0)
		return -1;
	rc = pitr_look(b->service, t->shown.name, &pitr, err);
	if (rc < 0 ||
	    (rc > 0 && pitr.on &&
	     buf_append(out, span_of(",\"PointInTimeRecoverySpecification\":"
				     "{\"PointInTimeRecoveryEnabled\":true}"),
			err) != 0))
		return -1;
	return buf_append(out, span_of("}}\n"), err);
}

static int
finish(struct backup *b, struct backup_job *t, struct err *err)
{
	struct buf files = { 0 }, summary = { 0 }, definition = { 0 };
	const char *const name = t->shown.name;
	uint64_t nitems = 0;
	int rc = -1;

	if (t->shown.was_done)
		return 0;
	if (list_files(t, &files, &nitems, err) == 0 &&
	    write_definition(b, t, &definition, err) == 0 &&
	    save(b, name, "table.json", buf_span(&definition), err) == 0 &&
	    save_manifest(b, name, "manifest-files", buf_span(&files), err)
	    == 0 &&
	    write_summary(t, nitems, &summary, err) == 0 &&
	    save_manifest(b, name, "manifest-summary", buf_span(&summary),
			  err) == 0)
		rc = journal_note(t->journal, "ended", span_of("yes"), err);
	buf_free(&files);
	buf_free(&summary);
	buf_free(&definition);
	return rc;
}

/* ---- the work ------------------------------------------------------------ */

/* The next segment that is not done; false if there is none. */
static bool
take(struct backup *b, struct backup_job **t, unsigned *segment)
{
	bool some = false;

	pthread_mutex_lock(&b->lock);
	while (!some && b->next_table < b->n && !b->failed) {
		*t = &b->list[b->next_table];
		if (b->next_segment == (*t)->shown.segments ||
		    (*t)->shown.was_done) {
			b->next_table++;
			b->next_segment = 0;
			continue;
		}
		*segment = b->next_segment++;
		some = true;
	}
	pthread_mutex_unlock(&b->lock);
	return some;
}

static int
work(void *context, struct err *err)
{
	struct backup *const b = context;
	struct backup_job *t;
	unsigned segment;
	int rc = 0;

	while (rc == 0 && take(b, &t, &segment)) {
		rc = backup_segment(b, t, segment, err);
		if (rc == 0)
			atomic_fetch_add(&t->done, 1);
		else
			err_at(err, "table '%s'", t->shown.name);
	}
	if (rc != 0) {
		pthread_mutex_lock(&b->lock);
		b->failed = true;
		pthread_mutex_unlock(&b->lock);
	}
	return rc;
}

int
backup_run(struct backup *b, struct err *err)
{
	const unsigned n = b->o.threads > 0 ? b->o.threads : THREADS;

	for (size_t i = 0; i < b->n; i++)
		if (!b->list[i].shown.was_done)
			atomic_store(&b->list[i].done, 0);
	if (crew_do(n, work, b, err) != 0)
		return -1;
	for (size_t i = 0; i < b->n; i++)
		if (finish(b, &b->list[i], err) != 0)
			return -1;
	return 0;
}
