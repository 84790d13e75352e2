#include "aws/backups.h"

#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/tables.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

enum { MOST_MS = 10 * 1000 };

/* A body with the table's name, to be gone on with. */
static void
begin(struct jsonwrite *w, struct buf *body, const char *name,
      const char *value, struct err *err)
{
	buf_reset(body);
	jsonwrite_start(w, body, true, err);
	jsonwrite_map(w);
	jsonwrite_put_text(w, name, value);
}

static const struct tree *
ask(struct service *s, const char *operation, struct jsonwrite *w,
    struct arena *mem, struct err *err)
{
	jsonwrite_end(w);
	return jsonwrite_finish(w) != 0 ? NULL
		: dynamodb_ask(s, operation, buf_span(w->out), mem, NULL, err);
}

/* ---- point-in-time recovery --------------------------------------------- */

int
pitr_look(struct service *s, const char *table, struct pitr *out,
	  struct err *err)
{
	char code[SERVICE_CODE_LEN];
	struct arena mem = { 0 };
	const struct tree *t;
	const char *status;
	int rc = -1;

	*out = (struct pitr){ 0 };
	t = dynamodb_ask_about(s, "DescribeContinuousBackups", "TableName",
			       table, &mem, code, err);
	if (t != NULL) {
		t = tree_get(t, "ContinuousBackupsDescription");
		t = t == NULL ? NULL
			: tree_get(t, "PointInTimeRecoveryDescription");
		status = dynamodb_text(t, "PointInTimeRecoveryStatus");
		out->on = status != NULL && strcmp(status, "ENABLED") == 0;
		out->days = dynamodb_number(t, "RecoveryPeriodInDays");
		out->earliest = dynamodb_time(t, "EarliestRestorableDateTime");
		out->latest = dynamodb_time(t, "LatestRestorableDateTime");
		rc = 1;
	} else if (strncmp(code, "UnknownOperation", 16) == 0) {
		rc = 0;
	}
	arena_free(&mem);
	return rc < 0 ? err_at(err, "table '%s'", table) : rc;
}

int
pitr_turn_on(struct service *s, const char *table, uint64_t days,
	     struct err *err)
{
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	int rc = 0;

	begin(&w, &body, "TableName", table, err);
	jsonwrite_name(&w, "PointInTimeRecoverySpecification");
	jsonwrite_map(&w);
	jsonwrite_put_bool(&w, "PointInTimeRecoveryEnabled", true);
	if (days > 0)
		jsonwrite_put_uint(&w, "RecoveryPeriodInDays", days);
	jsonwrite_end(&w);
	if (ask(s, "UpdateContinuousBackups", &w, &mem, err) == NULL)
		rc = err_at(err, "table '%s'", table);
	arena_free(&mem);
	buf_free(&body);
	return rc;
}

/* ---- backups on demand --------------------------------------------------- */

/* Until the backup is there. */
static int
wait_for(struct service *s, const char *arn, struct err *err)
{
	struct arena mem = { 0 };
	unsigned ms = 0;
	int rc = 1;

	while (rc > 0) {
		const struct tree *t;
		const char *status;

		arena_reset(&mem);
		t = dynamodb_ask_about(s, "DescribeBackup", "BackupArn", arn,
				       &mem, NULL, err);
		t = t == NULL ? NULL : tree_get(t, "BackupDescription");
		t = t == NULL ? NULL : tree_get(t, "BackupDetails");
		status = dynamodb_text(t, "BackupStatus");
		if (t == NULL)
			rc = -1;
		else if (status == NULL || strcmp(status, "DELETED") == 0)
			rc = err_set(err, ERR_REMOTE, "the backup is gone");
		else if (strcmp(status, "CREATING") != 0)
			rc = 0;
		else if (dynamodb_pause(s, &ms, MOST_MS, err) != 0)
			rc = -1;
	}
	arena_free(&mem);
	return rc == 0 ? 0 : err_at(err, "%s", arn);
}

int
backup_make(struct service *s, const char *table, const char *name,
	    struct buf *arn, struct err *err)
{
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	const struct tree *t;
	const char *made;
	int rc = -1;

	begin(&w, &body, "TableName", table, err);
	jsonwrite_put_text(&w, "BackupName", name);
	t = ask(s, "CreateBackup", &w, &mem, err);
	made = t == NULL ? NULL
		: dynamodb_text(tree_get(t, "BackupDetails"), "BackupArn");
	if (t != NULL && made == NULL)
		err_set(err, ERR_REMOTE, "CreateBackup: an answer without an "
			"ARN");
	if (made != NULL && buf_printf(arn, err, "%s", made) == 0 &&
	    buf_append(arn, (struct span){ (const uint8_t *)"", 1 }, err) == 0)
		rc = wait_for(s, made, err);
	arena_free(&mem);
	buf_free(&body);
	return rc == 0 ? 0 : err_at(err, "table '%s'", table);
}

/* ---- tables again -------------------------------------------------------- */

int
table_restore(struct service *s, const struct table_restore *r,
	      struct err *err)
{
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	int rc = 0;

	begin(&w, &body, r->backup != NULL ? "BackupArn" : "SourceTableName",
	      r->backup != NULL ? r->backup : r->from, err);
	jsonwrite_put_text(&w, "TargetTableName", r->into);
	if (r->backup == NULL && r->time != 0) {
		jsonwrite_name(&w, "RestoreDateTime");
		jsonwrite_int(&w, r->time);
	} else if (r->backup == NULL) {
		jsonwrite_put_bool(&w, "UseLatestRestorableTime", true);
	}
	if (ask(s, r->backup != NULL ? "RestoreTableFromBackup"
		: "RestoreTableToPointInTime", &w, &mem, err) == NULL)
		rc = err_at(err, "table '%s'", r->into);
	arena_free(&mem);
	buf_free(&body);
	/* Hours are nothing unusual. */
	return rc != 0 || r->no_wait ? rc
		: tables_wait(s, r->into, "ACTIVE", 0, err);
}
