#include "aws/dynamodb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/service.h"
#include "aws/side.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/jsonraw.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

struct service *
dynamodb_open(struct side *side, struct err *err)
{
	return service_open(side, &(struct service_options){
		.name = "dynamodb" }, err);
}

/* `target` of the header: every operation that is used, under its name. */
static const char *const TARGETS[] = {
	"DynamoDB_20120810.BatchGetItem", "DynamoDB_20120810.BatchWriteItem",
	"DynamoDB_20120810.CreateTable", "DynamoDB_20120810.DeleteItem",
	"DynamoDB_20120810.DeleteTable",
	"DynamoDB_20120810.DescribeContinuousBackups",
	"DynamoDB_20120810.DescribeTable",
	"DynamoDB_20120810.DescribeTimeToLive", "DynamoDB_20120810.GetItem",
	"DynamoDB_20120810.ListTables", "DynamoDB_20120810.PutItem",
	"DynamoDB_20120810.Scan", "DynamoDB_20120810.TagResource",
	"DynamoDB_20120810.UpdateContinuousBackups",
	"DynamoDB_20120810.UpdateTable",
	"DynamoDB_20120810.UpdateItem", "DynamoDB_20120810.UpdateTimeToLive",
	"DynamoDB_20120810.ImportTable", "DynamoDB_20120810.DescribeImport",
	"DynamoDB_20120810.ExportTableToPointInTime",
	"DynamoDB_20120810.DescribeExport", "DynamoDB_20120810.ListExports",
	"DynamoDB_20120810.CreateBackup", "DynamoDB_20120810.DescribeBackup",
	"DynamoDB_20120810.RestoreTableFromBackup",
	"DynamoDB_20120810.RestoreTableToPointInTime",
};

static const char *
target(const char *operation)
{
	const size_t prefix = strlen("DynamoDB_20120810.");

	for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++)
		if (strcmp(TARGETS[i] + prefix, operation) == 0)
			return TARGETS[i];
	return operation;
}

void
dynamodb_prepare(struct service_call *c, const char *operation,
		 struct span body)
{
	c->http.method = "POST";
	c->http.body = body;
	c->path = "/";
	c->query = NULL;
	c->nheaders = 2;
	c->headers[0] = (struct service_header){
		"content-type", span_of("application/x-amz-json-1.0") };
	c->headers[1] = (struct service_header){
		"x-amz-target", span_of(target(operation)) };
}

const struct tree *
dynamodb_ask(struct service *s, const char *operation, struct span body,
	     struct arena *mem, char *code, struct err *err)
{
	struct service_call c = { 0 };
	const struct tree *t = NULL;
	struct span text = { NULL, 0 };

	dynamodb_prepare(&c, operation, body);
	if (code != NULL)
		code[0] = '\0';
	if (service_ask(s, &c, err) == 0) {
		/* The tree points into its text. */
		text = arena_copy(mem, buf_span(&c.http.answer), err);
		if (text.ptr != NULL)
			t = json_parse(text, operation, mem, err);
	} else if (code != NULL) {
		snprintf(code, SERVICE_CODE_LEN, "%s", c.code);
	}
	service_call_free(&c);
	if (t == NULL)
		err_at(err, "%s", operation);
	return t;
}

const struct tree *
dynamodb_ask_about(struct service *s, const char *operation, const char *name,
		   const char *value, struct arena *mem, char *code,
		   struct err *err)
{
	struct buf body = { 0 };
	struct jsonwrite w;
	const struct tree *t = NULL;

	if (code != NULL)
		code[0] = '\0';
	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	dynamodb_member(&w, name, value);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) == 0)
		t = dynamodb_ask(s, operation, buf_span(&body), mem, code,
				 err);
	buf_free(&body);
	return t;
}

void
dynamodb_member(struct jsonwrite *w, const char *name, const char *value)
{
	if (value == NULL)
		return;
	jsonwrite_put_text(w, name, value);
}

const char *
dynamodb_text(const struct tree *t, const char *name)
{
	const struct tree *const v = t == NULL ? NULL : tree_get(t, name);

	return v == NULL || v->kind != TREE_TEXT ? NULL
		: (const char *)v->text.ptr;
}

uint64_t
dynamodb_number(const struct tree *t, const char *name)
{
	const struct tree *const v = t == NULL ? NULL : tree_get(t, name);
	uint64_t n = 0;

	return v == NULL || tree_uint(v, &n) != 0 ? 0 : n;
}

int64_t
dynamodb_time(const struct tree *t, const char *name)
{
	const struct tree *const v = t == NULL ? NULL : tree_get(t, name);

	return v == NULL || v->kind != TREE_NUMBER ? 0
		: (int64_t)strtod((const char *)v->text.ptr, NULL);
}

int
dynamodb_pause(struct service *s, unsigned *ms, unsigned most,
	       struct err *err)
{
	enum { FIRST_MS = 50, SLICE_MS = 200 };
	unsigned left = *ms == 0 ? FIRST_MS : *ms;

	*ms = 2 * left < most ? 2 * left : most;
	while (left > 0) {
		const unsigned n = left < SLICE_MS ? left : SLICE_MS;

		if (side_is_cancelled(service_side(s)))
			return err_set(err, ERR_CANCELLED, "interrupted");
		nanosleep(&(struct timespec){ 0, (long)n * 1000000 }, NULL);
		left -= n;
	}
	return 0;
}

/* ---- tables ------------------------------------------------------------- */

static void
take(struct dynamodb_table *t)
{
	const struct tree *const throughput = tree_get(
		t->tree, "ProvisionedThroughput");
	const struct tree *const stream = tree_get(t->tree,
						   "StreamSpecification");
	const struct tree *const enabled = stream == NULL ? NULL
		: tree_get(stream, "StreamEnabled");
	const struct tree *const replicas = tree_get(t->tree, "Replicas");
	const struct tree *const safe = tree_get(t->tree,
						 "DeletionProtectionEnabled");

	t->status = dynamodb_text(t->tree, "TableStatus");
	t->nitems = dynamodb_number(t->tree, "ItemCount");
	t->len = dynamodb_number(t->tree, "TableSizeBytes");
	t->rcu = dynamodb_number(throughput, "ReadCapacityUnits");
	t->wcu = dynamodb_number(throughput, "WriteCapacityUnits");
	t->protected = safe != NULL && safe->truth;
	t->global = replicas != NULL && replicas->nkids > 0;
	if (enabled != NULL && enabled->truth)
		t->stream = dynamodb_text(stream, "StreamViewType");
}

int
dynamodb_describe(struct service *s, const char *table,
		  struct dynamodb_table *t, struct err *err)
{
	char code[SERVICE_CODE_LEN];
	const struct tree *answer;
	int rc = -1;

	*t = (struct dynamodb_table){ 0 };
	answer = dynamodb_ask_about(s, "DescribeTable", "TableName", table,
				    &t->mem, code, err);
	if (answer == NULL && strcmp(code, "ResourceNotFoundException") == 0)
		return 0;
	t->tree = answer == NULL ? NULL : tree_get(answer, "Table");
	if (t->tree != NULL) {
		take(t);
		if (t->status != NULL)
			rc = 1;
	}
	if (answer != NULL && rc < 0)
		err_set(err, ERR_REMOTE, "DescribeTable: an answer without "
			"the table's status");
	return rc < 0 ? err_at(err, "table '%s'", table) : rc;
}

void
dynamodb_table_free(struct dynamodb_table *t)
{
	arena_free(&t->mem);
	*t = (struct dynamodb_table){ 0 };
}

int
dynamodb_is_empty(struct service *s, const char *table, bool *empty,
		  struct err *err)
{
	struct service_call c = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	int rc;

	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "TableName", table);
	jsonwrite_put_uint(&w, "Limit", 1);
	jsonwrite_put_bool(&w, "ConsistentRead", true);
	dynamodb_member(&w, "Select", "COUNT");
	jsonwrite_end(&w);
	rc = jsonwrite_finish(&w);
	if (rc == 0) {
		dynamodb_prepare(&c, "Scan", buf_span(&body));
		rc = service_ask(s, &c, err);
	}
	/* As the answer stands: a key in it may hold what json.h refuses. */
	if (rc == 0)
		*empty = span_is(jsonraw_member(buf_span(&c.http.answer),
						"Count"), "0");
	service_call_free(&c);
	buf_free(&body);
	return rc == 0 ? 0 : err_at(err, "table '%s': Scan", table);
}

int
dynamodb_list(struct service *s,
	      int (*each)(void *context, const char *name, struct err *err),
	      void *context, struct err *err)
{
	struct arena mem = { 0 };
	struct buf body = { 0 }, last = { 0 };
	bool more = true;
	int rc = 0;

	while (more && rc == 0) {
		struct jsonwrite w;

		buf_reset(&body);
		jsonwrite_start(&w, &body, true, err);
		jsonwrite_map(&w);
		if (last.len > 0) {
			jsonwrite_name(&w, "ExclusiveStartTableName");
			jsonwrite_span(&w, buf_span(&last));
		}
		jsonwrite_end(&w);
		arena_reset(&mem);
		const struct tree *const t = jsonwrite_finish(&w) != 0 ? NULL
			: dynamodb_ask(s, "ListTables", buf_span(&body), &mem,
				       NULL, err);
		const struct tree *const names = t == NULL ? NULL
			: tree_get(t, "TableNames");
		const struct tree *const next = t == NULL ? NULL
			: tree_get(t, "LastEvaluatedTableName");

		if (t == NULL)
			rc = -1;
		for (uint32_t i = 0; names != NULL && i < names->nkids &&
		     rc == 0; i++)
			if (names->kids[i].kind == TREE_TEXT)
				rc = each(context, (const char *)
					  names->kids[i].text.ptr, err);
		more = next != NULL && next->kind == TREE_TEXT;
		buf_reset(&last);
		if (more && rc == 0)
			rc = buf_append(&last, next->text, err);
	}
	arena_free(&mem);
	buf_free(&body);
	buf_free(&last);
	return rc;
}
