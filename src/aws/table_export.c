#include "aws/table_export.h"

#include <stdio.h>
#include <string.h>

#include "aws/backups.h"
#include "aws/dynamodb.h"
#include "aws/service.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

enum {
	MOST_MS = 20 * 1000,
	WINDOW_LEAST = 15 * 60, WINDOW_MOST = 24 * 60 * 60,
};

static int
take(const struct tree *answer, struct table_export *e, struct err *err)
{
	const struct tree *const t = tree_get(answer, "ExportDescription");

	e->arn = dynamodb_text(t, "ExportArn");
	e->status = dynamodb_text(t, "ExportStatus");
	e->manifest = dynamodb_text(t, "ExportManifest");
	e->bucket = dynamodb_text(t, "S3Bucket");
	e->prefix = dynamodb_text(t, "S3Prefix");
	e->failure = dynamodb_text(t, "FailureMessage");
	if (e->failure == NULL)
		e->failure = dynamodb_text(t, "FailureCode");
	e->token = dynamodb_text(t, "ClientToken");
	e->nitems = dynamodb_number(t, "ItemCount");
	e->billed_len = dynamodb_number(t, "BilledSizeBytes");
	return e->arn != NULL && e->status != NULL ? 0
		: err_set(err, ERR_REMOTE, "an answer without an export");
}

/* ---- beginning one ------------------------------------------------------- */

static void
put_time(struct jsonwrite *w, const char *name, int64_t time)
{
	if (time == 0)
		return;
	jsonwrite_name(w, name);
	jsonwrite_int(w, time);
}

static int
write_body(const struct table_export_options *o, const char *table_arn,
	   struct buf *body, struct err *err)
{
	struct jsonwrite w;

	jsonwrite_start(&w, body, true, err);
	jsonwrite_map(&w);
	dynamodb_member(&w, "TableArn", table_arn);
	dynamodb_member(&w, "S3Bucket", o->bucket);
	dynamodb_member(&w, "S3Prefix", o->prefix);
	dynamodb_member(&w, "S3BucketOwner", o->bucket_owner);
	dynamodb_member(&w, "S3SseAlgorithm", o->kms_key != NULL ? "KMS" : NULL);
	dynamodb_member(&w, "S3SseKmsKeyId", o->kms_key);
	dynamodb_member(&w, "ExportFormat", o->format != NULL ? o->format
	    : "DYNAMODB_JSON");
	dynamodb_member(&w, "ClientToken", o->token);
	put_time(&w, "ExportTime", o->time);
	if (o->from != 0) {
		dynamodb_member(&w, "ExportType", "INCREMENTAL_EXPORT");
		jsonwrite_name(&w, "IncrementalExportSpecification");
		jsonwrite_map(&w);
		put_time(&w, "ExportFromTime", o->from);
		put_time(&w, "ExportToTime", o->to);
		dynamodb_member(&w, "ExportViewType", o->view != NULL ? o->view
		    : "NEW_AND_OLD_IMAGES");
		jsonwrite_end(&w);
	}
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

/* What the service would refuse, and how to help it. */
static int
check(struct service *s, const struct table_export_options *o,
      struct err *err)
{
	struct pitr pitr;
	const int rc = pitr_look(s, o->table, &pitr, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_REFUSED, "%s knows no exports: it is "
			       "not the service; 'dynamill backup %s' reads "
			       "its tables", service_url(s), o->table);
	if (!pitr.on)
		return err_set(err, ERR_REFUSED, "point-in-time recovery of "
			       "table '%s' is off, and exports are made of it; "
			       "turn it on with 'dynamill pitr on %s' (it costs "
			       "money, and knows nothing of before)", o->table,
			       o->table);
	return 0;
}

/* The table, to be freed either way, and whether it can be exported. */
static int
look_at(struct service *s, const struct table_export_options *o,
	struct dynamodb_table *table, struct err *err)
{
	int rc;

	*table = (struct dynamodb_table){ 0 };
	if (o->from != 0 && (o->to - o->from < WINDOW_LEAST ||
			     o->to - o->from > WINDOW_MOST))
		return err_set(err, ERR_USAGE, "an incremental export is of 15 "
			       "minutes to 24 hours, not of %lld seconds",
			       (long long)(o->to - o->from));
	rc = dynamodb_describe(s, o->table, table, err);
	if (rc == 0)
		return err_set(err, ERR_REFUSED, "there is no table '%s' at %s",
			       o->table, service_url(s));
	return rc < 0 ? -1 : check(s, o, err);
}

int
table_export_check(struct service *s, const struct table_export_options *o,
		   struct err *err)
{
	struct dynamodb_table table;
	const int rc = look_at(s, o, &table, err);

	dynamodb_table_free(&table);
	return rc;
}

int
table_export_start(struct service *s, const struct table_export_options *o,
		   struct table_export *e, struct err *err)
{
	struct dynamodb_table table;
	struct buf body = { 0 };
	const struct tree *t = NULL;
	int rc = look_at(s, o, &table, err);

	*e = (struct table_export){ 0 };
	if (rc == 0)
		rc = write_body(o, dynamodb_text(table.tree, "TableArn"),
				&body, err);
	if (rc == 0) {
		t = dynamodb_ask(s, "ExportTableToPointInTime",
				 buf_span(&body), &e->mem, NULL, err);
		rc = t == NULL ? err_at(err, "table '%s'", o->table)
			: take(t, e, err);
	}
	dynamodb_table_free(&table);
	buf_free(&body);
	return rc;
}

/* ---- finding one that was begun ------------------------------------------ */

/* A page of ListExports, from `next` on if there is one. */
static const struct tree *
list_page(struct service *s, const char *table_arn, const char *next,
	  struct arena *mem, struct err *err)
{
	const struct tree *t = NULL;
	struct buf body = { 0 };
	struct jsonwrite w;

	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	dynamodb_member(&w, "TableArn", table_arn);
	dynamodb_member(&w, "NextToken", next);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) == 0)
		t = dynamodb_ask(s, "ListExports", buf_span(&body), mem, NULL,
				 err);
	buf_free(&body);
	return t;
}

/* The list has no tokens: each is looked at.  1, 0 or -1. */
static int
find_in_page(struct service *s, const struct tree *page, const char *token,
	     struct table_export *e, struct err *err)
{
	const struct tree *const list = tree_get(page, "ExportSummaries");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++) {
		const char *const arn = dynamodb_text(&list->kids[i],
						      "ExportArn");

		if (arn == NULL)
			continue;
		if (table_export_look(s, arn, e, err) != 0)
			return -1;
		if (e->token != NULL && strcmp(e->token, token) == 0)
			return 1;
	}
	return 0;
}

int
table_export_find(struct service *s, const struct table_export_options *o,
		  struct table_export *e, struct err *err)
{
	struct dynamodb_table table;
	struct arena mem = { 0 };
	const char *next = NULL;
	int rc = dynamodb_describe(s, o->table, &table, err);

	*e = (struct table_export){ 0 };
	if (rc > 0) {
		const char *const arn = dynamodb_text(table.tree, "TableArn");

		do {
			const struct tree *const page = list_page(s, arn, next,
								  &mem, err);

			rc = page == NULL ? -1
				: find_in_page(s, page, o->token, e, err);
			next = dynamodb_text(page, "NextToken");
		} while (rc == 0 && next != NULL);
	}
	if (rc <= 0)
		table_export_free(e);
	arena_free(&mem);
	dynamodb_table_free(&table);
	return rc < 0 ? err_at(err, "table '%s'", o->table) : rc;
}

/* ---- and seeing it through ---------------------------------------------- */

int
table_export_look(struct service *s, const char *arn, struct table_export *e,
		  struct err *err)
{
	struct table_export now = { 0 };
	const struct tree *const t = dynamodb_ask_about(s, "DescribeExport",
		"ExportArn", arn, &now.mem, NULL, err);

	if (t == NULL || take(t, &now, err) != 0) {
		arena_free(&now.mem);
		return -1;
	}
	arena_free(&e->mem);
	*e = now;
	return 0;
}

int
table_export_wait(struct service *s, struct table_export *e,
		  void (*watch)(void *context, const struct table_export *e),
		  void *context, struct err *err)
{
	unsigned ms = 0;

	for (;;) {
		if (watch != NULL)
			watch(context, e);
		if (strcmp(e->status, "COMPLETED") == 0)
			return 0;
		if (strcmp(e->status, "FAILED") == 0)
			return err_set(err, ERR_REMOTE, "%s has failed: %s",
				       e->arn, e->failure != NULL ? e->failure
				       : "the service does not say why");
		if (dynamodb_pause(s, &ms, MOST_MS, err) != 0)
			return err_at(err, "%s goes on", e->arn);
		if (table_export_look(s, e->arn, e, err) != 0)
			return -1;
	}
}

int
table_export_address(const struct table_export *e, struct buf *out,
		     struct err *err)
{
	const char *const id = strrchr(e->arn, '/');
	const char *const end = e->manifest == NULL ? NULL
		: strrchr(e->manifest, '/');
	int rc;

	if (end != NULL)
		rc = buf_printf(out, err, "s3://%s/%.*s/", e->bucket,
				(int)(end - e->manifest), e->manifest);
	else
		rc = buf_printf(out, err, "s3://%s/%s%sAWSDynamoDB/%s/",
				e->bucket, e->prefix != NULL ? e->prefix : "",
				e->prefix != NULL ? "/" : "",
				id != NULL ? id + 1 : e->arn);
	if (rc == 0)
		rc = buf_append(out, (struct span){ (const uint8_t *)"", 1 },
				err);
	if (rc == 0)
		out->len--;
	return rc;
}

void
table_export_free(struct table_export *e)
{
	arena_free(&e->mem);
	*e = (struct table_export){ 0 };
}
