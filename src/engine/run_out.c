/*
 * run_out.c - what out/ holds beside the data: per target table the manifests
 * of an export, so that it can be read as one (run_table.c has table.json).
 * And rejected/, whose parts become one file a table.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/run_internal.h"
#include "engine/store.h"
#include "formats/formats.h"
#include "formats/jsonwrite.h"
#include "formats/manifest.h"
#include "io/drain.h"
#include "io/feed.h"
#include "io/file.h"
#include "io/sink.h"

enum { PATH_LEN = 1024, PIECE_LEN = 64 * 1024 };

/* The path of `file` of a target, while the job is not done. */
static void
target_path(const struct run *r, const char *target, const char *file,
	    char path[PATH_LEN])
{
	snprintf(path, PATH_LEN, "%s/%s/%s/%s", r->work, JOB_OUT_PARTIAL,
		 target, file);
}

int
run_save_out(const struct run *r, const char *target, const char *file,
	     struct span bytes, struct err *err)
{
	char path[PATH_LEN];

	if (r->store != NULL) {
		snprintf(path, sizeof(path), "%s/%s", target, file);
		return store_save(r->store, path, bytes, err);
	}
	target_path(r, target, file, path);
	return file_save(path, bytes, err);
}

/* The same, and before it its checksum: it is there when both are. */
static int
save_manifest(const struct run *r, const char *target, const char *name,
	      struct span bytes, struct err *err)
{
	uint8_t sum[MANIFEST_CHECKSUM_LEN];
	char file[64];

	manifest_checksum(bytes, sum);
	snprintf(file, sizeof(file), "%s.md5", name);
	if (run_save_out(r, target, file, (struct span){ sum, sizeof(sum) },
			 err) != 0)
		return -1;
	snprintf(file, sizeof(file), "%s.json", name);
	return run_save_out(r, target, file, bytes, err);
}

/* Does anything go to this plan table's target? */
static bool
is_used(const struct run *r, uint32_t table)
{
	const struct plan_table *const t = &r->plan->tables[table];

	return !t->skip && !t->glob &&
	       (t->input != PLAN_NONE || t->filled);
}

bool
run_speaks_for_target(const struct run *r, uint32_t table)
{
	if (!is_used(r, table))
		return false;
	/* One that is skipped may bear the name that another goes to. */
	for (uint32_t i = 0; i < table; i++)
		if (is_used(r, i) &&
		    r->targets[i].number == r->targets[table].number)
			return false;
	return true;
}

/* The export that the table's first unit came of; NULL for plain files. */
static const struct manifest_summary *
source_summary(const struct run *r, const struct plan_table *t)
{
	for (size_t i = 0; i < r->exports.n; i++)
		if (r->found[i].input == t->input &&
		    r->exports.list[i].summary.table_arn != NULL)
			return &r->exports.list[i].summary;
	return NULL;
}

/*
 * ARN of the target: the source's, with another name at its end and the
 * target's account if the plan says one.
 */
static void
target_arn(const struct run *r, const struct manifest_summary *from,
	   const char *target, char *out, size_t size)
{
	const char *const account = r->plan->target.account;
	const char *const arn = from != NULL && from->table_arn != NULL
		? from->table_arn : "arn:aws:dynamodb:local:000000000000:x";
	const char *fields[5] = { arn };
	int n = 1;

	for (const char *p = arn; n < 5 && (p = strchr(p, ':')) != NULL; n++)
		fields[n] = ++p;
	if (n < 5) {
		snprintf(out, size, "%s", arn);
		return;
	}
	const char *const end = strchr(fields[4], ':');
	snprintf(out, size, "%.*s%.*s:table/%s", (int)(fields[4] - arn), arn,
		 account != NULL ? (int)strlen(account)
			: (int)(end != NULL ? end - fields[4] : 0),
		 account != NULL ? account : fields[4], target);
}

/* As the summaries of exports and ImportTable call it. */
static const char *
output_format(enum plan_out_format f)
{
	switch (f) {
	case PLAN_ION:
		return "ION";
	case PLAN_CSV:
		return "CSV";
	case PLAN_BATCH_REQUESTS:
		return "BATCH_REQUESTS";
	default:
		return "DYNAMODB_JSON";
	}
}

/* What a reader of CSV has to know. */
static int
tell_csv(const struct item_rules *rules, struct manifest_summary *m,
	 char mark[2], struct buf *columns, struct err *err)
{
	if (rules->delimiter != 0 && rules->delimiter != ',') {
		mark[0] = (char)rules->delimiter;
		m->csv_delimiter = mark;
	}
	if (!rules->no_header)
		return 0;
	for (size_t i = 0; i < rules->ncolumns; i++)
		if ((i > 0 && buf_append(columns, span_of(","), err) != 0) ||
		    buf_append(columns, rules->columns[i], err) != 0)
			return -1;
	if (buf_append(columns, (struct span){ (const uint8_t *)"", 1 },
		       err) != 0)
		return -1;
	m->csv_columns = (const char *)columns->ptr;
	return 0;
}

static int
write_summary(struct run *r, uint32_t table, uint64_t nitems,
	      struct buf *out, struct err *err)
{
	const struct plan_table *const t = &r->plan->tables[table];
	const struct manifest_summary *const from = source_summary(r, t);
	struct manifest_summary m = from != NULL ? *from
						 : (struct manifest_summary){
		.version = "2020-06-30",
	};
	char arn[512], export[640], mark[2] = "";
	struct buf columns = { 0 };

	target_arn(r, from, r->targets[table].name, arn, sizeof(arn));
	snprintf(export, sizeof(export), "%s/export/%s", arn,
		 from != NULL && from->id != NULL ? from->id
						  : "00000000000000-00000000");
	m.table_arn = arn;
	m.export_arn = export;
	m.table_id = NULL;
	m.s3_bucket = m.s3_prefix = NULL;
	m.sse_algorithm = m.sse_kms_key = NULL;
	m.files_key = "manifest-files.json";
	m.billed_len = 0;
	m.nitems = nitems;
	m.output_format = output_format(r->plan->format);
	m.csv_delimiter = m.csv_columns = NULL;
	int rc = 0;
	if (r->plan->format == PLAN_CSV)
		rc = tell_csv(r->targets[table].rules, &m, mark, &columns,
			      err);
	if (rc == 0)
		rc = manifest_write_summary(&m, out, err);
	buf_free(&columns);
	return rc;
}

/* The lines of a manifest for all files of a kind; how many items they have. */
static int
list_files(struct run *r, uint32_t table, enum journal_file_kind kind,
	   struct buf *out, uint64_t *nitems, struct err *err)
{
	const char *const target = r->targets[table].name;

	*nitems = 0;
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *const u = journal_unit(r->journal,
								  i);

		for (size_t k = 0; u != NULL && k < u->nfiles; k++) {
			const struct journal_file *const f = &u->files[k];
			char key[PATH_LEN];
			const size_t skip = strlen(r->out != NULL ?
				JOB_REMOTE "/" : JOB_OUT "/") +
				strlen(target) + 1;

			if (f->kind != kind ||
			    f->table != r->targets[table].number)
				continue;
			snprintf(key, sizeof(key), "%.*s",
				 (int)(f->path.len - skip),
				 (const char *)f->path.ptr + skip);
			struct manifest_file m = {
				.key = key, .nitems = f->items,
				.has_md5 = true,
			};
			memcpy(m.md5, f->md5, sizeof(m.md5));
			*nitems += f->items;
			if (manifest_write_file(&m, out, err) != 0)
				return -1;
		}
	}
	return 0;
}

static int
make_folder(const struct run *r, const char *target, const char *name,
	    struct err *err)
{
	char path[PATH_LEN];

	if (r->store != NULL)
		return 0;	/* S3 has none */
	target_path(r, target, name, path);
	return file_make_folder(path, err);
}

/* The manifests of one target. */
static int
write_manifests(struct run *r, uint32_t table, struct err *err)
{
	const char *const target = r->targets[table].name;
	struct buf files = { 0 }, summary = { 0 };
	uint64_t nitems;
	int rc = -1;

	if (list_files(r, table, JOURNAL_OUT, &files, &nitems, err) == 0 &&
	    save_manifest(r, target, "manifest-files", buf_span(&files),
			  err) == 0 &&
	    write_summary(r, table, nitems, &summary, err) == 0)
		rc = save_manifest(r, target, "manifest-summary",
				   buf_span(&summary), err);
	buf_free(&files);
	buf_free(&summary);
	return rc;
}

/* ---- changes ------------------------------------------------------------- */

/* What the folder of puts and deletes is of, as one line of JSON. */
static int
write_changes_summary(struct run *r, uint32_t table, uint64_t nputs,
		      uint64_t ndeletes, struct buf *out, struct err *err)
{
	const struct manifest_summary *const from =
		source_summary(r, &r->plan->tables[table]);
	struct jsonwrite w;

	jsonwrite_start(&w, out, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "table", r->targets[table].name);
	jsonwrite_put_text(&w, "exportArn",
			   from != NULL ? from->export_arn : NULL);
	jsonwrite_put_text(&w, "exportFromTime",
			   from != NULL ? from->from_time : NULL);
	jsonwrite_put_text(&w, "exportToTime",
			   from != NULL ? from->to_time : NULL);
	jsonwrite_put_bool(&w, "reverted", r->plan->revert);
	jsonwrite_put_uint(&w, "putCount", nputs);
	jsonwrite_put_uint(&w, "deleteCount", ndeletes);
	jsonwrite_put_text(&w, "order", "deletes, then puts");
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

/*
 * Those of a target whose source is an increment alone.  They have other names
 * than an export's, because the puts alone are not the table: nobody should
 * import them.
 */
static int
write_changes(struct run *r, uint32_t table, struct err *err)
{
	const char *const target = r->targets[table].name;
	struct buf puts = { 0 }, deletes = { 0 }, summary = { 0 };
	uint64_t nputs, ndeletes;
	int rc = -1;

	if (list_files(r, table, JOURNAL_OUT, &puts, &nputs, err) == 0 &&
	    list_files(r, table, JOURNAL_DELETES, &deletes, &ndeletes,
		       err) == 0 &&
	    save_manifest(r, target, "manifest-puts", buf_span(&puts),
			  err) == 0 &&
	    save_manifest(r, target, "manifest-deletes", buf_span(&deletes),
			  err) == 0 &&
	    write_changes_summary(r, table, nputs, ndeletes, &summary,
				  err) == 0)
		rc = save_manifest(r, target, "manifest-changes",
				   buf_span(&summary), err);
	buf_free(&puts);
	buf_free(&deletes);
	buf_free(&summary);
	return rc;
}

int
run_make_folders(struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++)
		if (run_speaks_for_target(r, i) &&
		    (make_folder(r, r->targets[i].name, "data", err) != 0 ||
		     (run_is_changes(r, i) &&
		      make_folder(r, r->targets[i].name, JOB_DELETES, err)
		      != 0)))
			return -1;
	return 0;
}

int
run_write_manifests(struct run *r, struct err *err)
{
	/* Whose beginning was told twice, since the first answer was lost. */
	if (run_abort_uploads(r, err) != 0 ||
	    (r->store != NULL && store_check_claim(r->store, err) != 0))
		return -1;
	for (uint32_t i = 0; i < r->plan->ntables; i++)
		if (run_speaks_for_target(r, i) &&
		    (run_is_changes(r, i) ? write_changes : write_manifests)
		    (r, i, err) != 0)
			return -1;
	return 0;
}

/* ---- rejected/ ----------------------------------------------------------- */

/* Append the file at `path` to the sink, a piece at a time. */
static int
copy_file(const char *path, uint8_t *piece, struct sink *sink,
	  struct err *err)
{
	struct feed *const feed = file_feed(path, err);
	ssize_t n;

	if (feed == NULL)
		return -1;
	while ((n = feed->read(feed, piece, PIECE_LEN, err)) > 0)
		if (sink_write(sink, (struct span){ piece, (size_t)n },
			       err) != 0) {
			n = -1;
			break;
		}
	feed->close(feed);
	return n < 0 ? -1 : 0;
}

/* The parts of one table, in unit order, into one file. */
static int
join_rejects(struct run *r, uint32_t table, struct err *err)
{
	uint8_t *const piece = malloc(PIECE_LEN);
	struct sink *sink = NULL;
	char path[PATH_LEN];
	int rc = piece != NULL ? 0 : err_set(err, ERR_SYSTEM, "out of memory");

	snprintf(path, sizeof(path), "%s/%s/%s.jsonl", r->work, JOB_REJECTED,
		 r->plan->tables[table].name);
	if (rc == 0)
		sink = sink_open(file_drain(path, err), NULL, 0, false, err);
	if (sink == NULL)
		rc = -1;
	for (uint32_t i = 0; i < r->nunits && rc == 0; i++) {
		const struct journal_unit *const u = journal_unit(r->journal,
								  i);

		for (size_t k = 0; u != NULL && k < u->nfiles && rc == 0;
		     k++) {
			const struct journal_file *const f = &u->files[k];

			if (f->kind != JOURNAL_REJECTS || f->table != table)
				continue;
			snprintf(path, sizeof(path), "%s/%.*s", r->work,
				 (int)f->path.len, (const char *)f->path.ptr);
			rc = copy_file(path, piece, sink, err);
		}
	}
	if (rc == 0)
		rc = sink_commit(sink, NULL, err);
	sink_close(sink);
	free(piece);
	return rc;
}

int
run_join_rejects(struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++)
		if (r->account.tables[i].rejected > 0 &&
		    join_rejects(r, i, err) != 0)
			return -1;
	return 0;
}
