#include "aws/table_import.h"

#include <string.h>

#include "aws/dynamodb.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

enum { MOST_MS = 20 * 1000 };

static int
take(const struct tree *answer, struct table_import *i, struct err *err)
{
	const struct tree *const t = tree_get(answer,
					      "ImportTableDescription");

	i->arn = dynamodb_text(t, "ImportArn");
	i->status = dynamodb_text(t, "ImportStatus");
	i->log_group = dynamodb_text(t, "CloudWatchLogGroupArn");
	i->failure = dynamodb_text(t, "FailureMessage");
	if (i->failure == NULL)
		i->failure = dynamodb_text(t, "FailureCode");
	i->errors = dynamodb_number(t, "ErrorCount");
	i->processed = dynamodb_number(t, "ProcessedItemCount");
	i->imported = dynamodb_number(t, "ImportedItemCount");
	i->processed_len = dynamodb_number(t, "ProcessedSizeBytes");
	return i->arn != NULL && i->status != NULL ? 0
		: err_set(err, ERR_REMOTE, "an answer without an import");
}

static void
put_csv(struct jsonwrite *w, const struct table_import_options *o)
{
	jsonwrite_name(w, "InputFormatOptions");
	jsonwrite_map(w);
	jsonwrite_name(w, "Csv");
	jsonwrite_map(w);
	jsonwrite_name(w, "Delimiter");
	jsonwrite_span(w, (struct span){ (const uint8_t *)&o->delimiter, 1 });
	if (o->nheader > 0) {
		jsonwrite_name(w, "HeaderList");
		jsonwrite_list(w);
		for (size_t i = 0; i < o->nheader; i++)
			jsonwrite_span(w, o->header[i]);
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
	jsonwrite_end(w);
}

int
table_import_start(struct service *s, const struct table_import_options *o,
		   struct table_import *i, struct err *err)
{
	struct buf body = { 0 };
	struct jsonwrite w;
	const struct tree *t = NULL;

	*i = (struct table_import){ 0 };
	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	dynamodb_member(&w, "ClientToken", o->token);
	jsonwrite_name(&w, "S3BucketSource");
	jsonwrite_map(&w);
	dynamodb_member(&w, "S3Bucket", o->bucket);
	dynamodb_member(&w, "S3KeyPrefix", o->prefix);
	dynamodb_member(&w, "S3BucketOwner", o->bucket_owner);
	jsonwrite_end(&w);
	dynamodb_member(&w, "InputFormat", o->format);
	dynamodb_member(&w, "InputCompressionType", o->compression);
	if (strcmp(o->format, "CSV") == 0)
		put_csv(&w, o);
	jsonwrite_name(&w, "TableCreationParameters");
	jsonwrite_raw(&w, o->creation);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) == 0)
		t = dynamodb_ask(s, "ImportTable", buf_span(&body), &i->mem,
				 NULL, err);
	buf_free(&body);
	return t == NULL ? -1 : take(t, i, err);
}

int
table_import_look(struct service *s, const char *arn, struct table_import *i,
		  struct err *err)
{
	struct table_import now = { 0 };
	const struct tree *const t = dynamodb_ask_about(s, "DescribeImport",
		"ImportArn", arn, &now.mem, NULL, err);

	if (t == NULL || take(t, &now, err) != 0) {
		arena_free(&now.mem);
		return -1;
	}
	arena_free(&i->mem);
	*i = now;
	return 0;
}

int
table_import_wait(struct service *s, struct table_import *i,
		  void (*watch)(void *context, const struct table_import *i),
		  void *context, struct err *err)
{
	unsigned ms = 0;

	for (;;) {
		if (watch != NULL)
			watch(context, i);
		if (strcmp(i->status, "IN_PROGRESS") != 0 &&
		    strcmp(i->status, "CANCELLING") != 0)
			return 0;
		if (dynamodb_pause(s, &ms, MOST_MS, err) != 0)
			return err_at(err, "%s goes on", i->arn);
		if (table_import_look(s, i->arn, i, err) != 0)
			return -1;
	}
}

const char *
table_import_id(const struct table_import *i)
{
	const char *const slash = strrchr(i->arn, '/');

	return slash != NULL ? slash + 1 : i->arn;
}

void
table_import_free(struct table_import *i)
{
	arena_free(&i->mem);
	*i = (struct table_import){ 0 };
}
