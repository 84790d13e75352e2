#include "aws/tables.h"

#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

enum { MOST_MS = 5000, PATIENCE_S = 3600 };

const struct tree *
tables_definition(const struct tree *root)
{
	const struct tree *const table = tree_get(root, "Table");

	return table != NULL ? table : root;
}

const char *
tables_name(const struct tree *definition)
{
	return dynamodb_text(definition, "TableName");
}

/* ---- CreateTable input -------------------------------------------------- */

static bool
is_one_of(struct span name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (span_is(name, *names))
			return true;
	return false;
}

/* A throughput that means something: DescribeTable says 0 on demand. */
static bool
is_throughput(const struct tree *t)
{
	return t != NULL && dynamodb_number(t, "ReadCapacityUnits") > 0 &&
	       dynamodb_number(t, "WriteCapacityUnits") > 0;
}

static bool
is_on_demand(const struct tree *t)
{
	const char *const mode = dynamodb_text(t, "BillingMode");
	const char *const summary = dynamodb_text(tree_get(t, "BillingModeSummary"),
					 "BillingMode");

	if (mode == NULL && summary == NULL)
		return !is_throughput(tree_get(t, "ProvisionedThroughput"));
	return strcmp(mode != NULL ? mode : summary, "PAY_PER_REQUEST") == 0;
}

static void copy(struct jsonwrite *w, const struct tree *t);

static void
copy_scalar(struct jsonwrite *w, const struct tree *t)
{
	if (t->kind == TREE_TEXT)
		jsonwrite_span(w, t->text);
	else if (t->kind == TREE_NULL)
		jsonwrite_null(w);
	else
		jsonwrite_raw(w, t->text);
}

static void
copy(struct jsonwrite *w, const struct tree *t)
{
	const bool map = t->kind == TREE_MAP;

	if (tree_is_scalar(t)) {
		copy_scalar(w, t);
		return;
	}
	(map ? jsonwrite_map : jsonwrite_list)(w);
	for (uint32_t i = 0; i < t->nkids; i++)
		if (map && i % 2 == 0)
			jsonwrite_name_span(w, t->kids[i].text);
		else
			copy(w, &t->kids[i]);
	jsonwrite_end(w);
}

/* Those of a map's attributes that the request has a place for. */
static void
copy_some(struct jsonwrite *w, const struct tree *map,
	  const char *const *names, bool on_demand)
{
	for (uint32_t i = 0; i + 1 < map->nkids; i += 2) {
		const struct span name = map->kids[i].text;
		const struct tree *const v = &map->kids[i + 1];
		const bool throughput = span_is(name, "ProvisionedThroughput");

		if (!is_one_of(name, names) || v->kind == TREE_NULL ||
		    (throughput && (on_demand || !is_throughput(v))))
			continue;
		jsonwrite_name_span(w, name);
		if (!throughput) {
			copy(w, v);
			continue;
		}
		jsonwrite_map(w);
		jsonwrite_name(w, "ReadCapacityUnits");
		jsonwrite_uint(w, dynamodb_number(v, "ReadCapacityUnits"));
		jsonwrite_name(w, "WriteCapacityUnits");
		jsonwrite_uint(w, dynamodb_number(v, "WriteCapacityUnits"));
		jsonwrite_end(w);
	}
}

static void
copy_indexes(struct jsonwrite *w, const struct tree *t, const char *name,
	     bool on_demand)
{
	static const char *const INDEX[] = {
		"IndexName", "KeySchema", "Projection",
		"ProvisionedThroughput", "OnDemandThroughput", NULL,
	};
	const struct tree *const list = tree_get(t, name);

	if (list == NULL || list->kind != TREE_LIST || list->nkids == 0)
		return;
	jsonwrite_name(w, name);
	jsonwrite_list(w);
	for (uint32_t i = 0; i < list->nkids; i++) {
		jsonwrite_map(w);
		copy_some(w, &list->kids[i], INDEX, on_demand);
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
}

/* Encryption: DescribeTable has other words for it. */
static void
copy_encryption(struct jsonwrite *w, const struct tree *t)
{
	const struct tree *const given = tree_get(t, "SSESpecification");
	const struct tree *const found = tree_get(t, "SSEDescription");
	const char *const key = dynamodb_text(found, "KMSMasterKeyArn");

	if (given != NULL) {
		jsonwrite_name(w, "SSESpecification");
		copy(w, given);
	} else if (key != NULL) {
		jsonwrite_name(w, "SSESpecification");
		jsonwrite_map(w);
		jsonwrite_name(w, "Enabled");
		jsonwrite_bool(w, true);
		jsonwrite_name(w, "SSEType");
		jsonwrite_text(w, "KMS");
		jsonwrite_name(w, "KMSMasterKeyId");
		jsonwrite_text(w, key);
		jsonwrite_end(w);
	}
}

int
tables_input(const struct tree *t, struct buf *out, struct err *err)
{
	static const char *const TABLE[] = {
		"TableName", "KeySchema", "AttributeDefinitions",
		"ProvisionedThroughput", "OnDemandThroughput",
		"StreamSpecification", "DeletionProtectionEnabled", "Tags",
		"TableClass", "WarmThroughput", "ResourcePolicy", NULL,
	};
	const bool on_demand = is_on_demand(t);
	const char *const class = dynamodb_text(tree_get(t, "TableClassSummary"),
				       "TableClass");
	struct jsonwrite w;

	jsonwrite_start(&w, out, true, err);
	jsonwrite_map(&w);
	copy_some(&w, t, TABLE, on_demand);
	jsonwrite_name(&w, "BillingMode");
	jsonwrite_text(&w, on_demand ? "PAY_PER_REQUEST" : "PROVISIONED");
	copy_indexes(&w, t, "GlobalSecondaryIndexes", on_demand);
	copy_indexes(&w, t, "LocalSecondaryIndexes", on_demand);
	copy_encryption(&w, t);
	if (class != NULL && dynamodb_text(t, "TableClass") == NULL) {
		jsonwrite_name(&w, "TableClass");
		jsonwrite_text(&w, class);
	}
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

/* ---- waiting ------------------------------------------------------------ */

int
tables_wait(struct service *s, const char *name, const char *status,
	    unsigned seconds, struct err *err)
{
	const uint64_t start = http_clock();
	unsigned ms = 0;
	int rc = 1;

	for (;;) {
		struct dynamodb_table t;
		bool done;

		rc = dynamodb_describe(s, name, &t, err);
		done = rc < 0 || (status == NULL ? rc == 0 : rc > 0 &&
				  strcmp(t.status, status) == 0);
		dynamodb_table_free(&t);
		if (done)
			return rc < 0 ? -1 : 0;
		if (seconds > 0 && http_clock() - start >
		    (uint64_t)seconds * 1000)
			return err_set(err, ERR_RETRY, "table '%s' is not %s "
				       "after %u minutes", name, status != NULL
				       ? status : "gone", seconds / 60);
		if (dynamodb_pause(s, &ms, MOST_MS, err) != 0)
			return -1;
	}
}

/* ---- making ------------------------------------------------------------- */

static const char *
key_of(const struct tree *t, const char *kind)
{
	const struct tree *const list = tree_get(t, "KeySchema");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++) {
		const char *const type = dynamodb_text(&list->kids[i], "KeyType");

		if (type != NULL && strcmp(type, kind) == 0)
			return dynamodb_text(&list->kids[i], "AttributeName");
	}
	return NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A call with the table's name and one more thing out of the definition. */
static int
set_after(struct service *s, const struct tree *t, const char *operation,
	  const char *what, struct err *err)
{
	const struct tree *const value = tree_get(t, what);
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	int rc = 0;

	if (value == NULL ||
	    (value->kind != TREE_MAP && value->kind != TREE_BOOL))
		return 0;
	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "TableName");
	jsonwrite_text(&w, tables_name(t));
	jsonwrite_name(&w, what);
	copy(&w, value);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) != 0 ||
	    dynamodb_ask(s, operation, buf_span(&body), &mem, NULL, err)
	    == NULL)
		rc = err_at(err, "table '%s' is made, but", tables_name(t));
	arena_free(&mem);
	buf_free(&body);
	return rc;
}

static int
make(struct service *s, const struct tree *t, struct err *err)
{
	struct arena mem = { 0 };
	struct buf body = { 0 };
	const char *const name = tables_name(t);
	int rc = tables_input(t, &body, err);

	if (rc == 0 && dynamodb_ask(s, "CreateTable", buf_span(&body), &mem,
				    NULL, err) == NULL)
		rc = err_at(err, "table '%s'", name);
	arena_free(&mem);
	buf_free(&body);
	return rc;
}

int
tables_look(struct service *s, const struct tree *t, struct err *err)
{
	const char *const name = tables_name(t);
	struct dynamodb_table there;
	int rc;

	if (name == NULL)
		return err_set(err, ERR_USAGE, "a definition without a "
			       "'TableName'");
	rc = dynamodb_describe(s, name, &there, err);
	if (rc > 0 &&
	    (!same_text(key_of(t, "HASH"), key_of(there.tree, "HASH")) ||
	     !same_text(key_of(t, "RANGE"), key_of(there.tree, "RANGE"))))
		rc = err_set(err, ERR_REFUSED, "table '%s' is there with "
			     "another key", name);
	dynamodb_table_free(&there);
	return rc;
}

int
tables_create(struct service *s, const struct tree *t, struct err *err)
{
	const int rc = tables_look(s, t, err);

	if (rc < 0 || (rc == 0 && make(s, t, err) != 0))
		return -1;
	if (tables_wait(s, tables_name(t), "ACTIVE", PATIENCE_S, err) != 0)
		return -1;
	if (rc > 0)
		return 0;
	if (set_after(s, t, "UpdateTimeToLive", "TimeToLiveSpecification",
		      err) != 0 ||
	    set_after(s, t, "UpdateContinuousBackups",
		      "PointInTimeRecoverySpecification", err) != 0)
		return -1;
	return 1;
}

/* TagResource wants to know the table by its ARN. */
static int
set_tags(struct service *s, const struct tree *t, const char *arn,
	 struct err *err)
{
	const struct tree *const tags = tree_get(t, "Tags");
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	int rc = 0;

	if (tags == NULL || tags->kind != TREE_LIST || tags->nkids == 0 ||
	    arn == NULL)
		return 0;
	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "ResourceArn");
	jsonwrite_text(&w, arn);
	jsonwrite_name(&w, "Tags");
	jsonwrite_tree(&w, tags);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) != 0 ||
	    dynamodb_ask(s, "TagResource", buf_span(&body), &mem, NULL, err)
	    == NULL)
		rc = err_at(err, "table '%s' is made, but", tables_name(t));
	arena_free(&mem);
	buf_free(&body);
	return rc;
}

static bool
is_true(const struct tree *t)
{
	return t != NULL && t->kind == TREE_BOOL && t->truth;
}

int
tables_settle(struct service *s, const struct tree *t, struct err *err)
{
	const char *const name = tables_name(t);
	struct dynamodb_table there;
	struct buf ttl = { 0 };
	int rc = dynamodb_describe(s, name, &there, err);

	if (rc == 0)
		rc = err_set(err, ERR_REMOTE, "there is no table '%s'", name);
	else if (rc > 0)
		rc = tree_get(t, "TimeToLiveSpecification") == NULL ? 0
			: tables_ttl(s, name, &ttl, err) < 0 ? -1 : 0;
	if (rc == 0 && ttl.len == 0)
		rc = set_after(s, t, "UpdateTimeToLive",
			       "TimeToLiveSpecification", err);
	if (rc == 0)
		rc = set_after(s, t, "UpdateContinuousBackups",
			       "PointInTimeRecoverySpecification", err);
	if (rc == 0 && there.stream == NULL)
		rc = set_after(s, t, "UpdateTable", "StreamSpecification",
			       err);
	if (rc == 0)
		rc = tables_wait(s, name, "ACTIVE", PATIENCE_S, err);
	if (rc == 0 && !there.protected &&
	    is_true(tree_get(t, "DeletionProtectionEnabled")))
		rc = set_after(s, t, "UpdateTable",
			       "DeletionProtectionEnabled", err);
	if (rc == 0)
		rc = set_tags(s, t, dynamodb_text(there.tree, "TableArn"),
			      err);
	dynamodb_table_free(&there);
	buf_free(&ttl);
	return rc < 0 ? -1 : 0;
}

int
tables_ttl(struct service *s, const char *name, struct buf *attribute,
	   struct err *err)
{
	char code[SERVICE_CODE_LEN];
	struct arena mem = { 0 };
	const struct tree *t = dynamodb_ask_about(s, "DescribeTimeToLive",
		"TableName", name, &mem, code, err);
	const char *status, *by;
	int rc = -1;

	if (t != NULL) {
		t = tree_get(t, "TimeToLiveDescription");
		status = dynamodb_text(t, "TimeToLiveStatus");
		by = dynamodb_text(t, "AttributeName");
		rc = status != NULL && by != NULL &&
		     strncmp(status, "ENABL", 5) == 0;
		if (rc > 0 && buf_append(attribute, span_of(by), err) != 0)
			rc = -1;
	} else if (strncmp(code, "UnknownOperation", 16) == 0) {
		rc = 0;
	}
	arena_free(&mem);
	return rc < 0 ? err_at(err, "table '%s'", name) : rc;
}

int
tables_delete(struct service *s, const char *name, struct err *err)
{
	char code[SERVICE_CODE_LEN];
	struct arena mem = { 0 };
	const struct tree *const answer = dynamodb_ask_about(s, "DeleteTable",
		"TableName", name, &mem, code, err);
	const bool none = strcmp(code, "ResourceNotFoundException") == 0;

	arena_free(&mem);
	if (none)
		return 0;
	if (answer == NULL)
		return err_at(err, "table '%s'", name);
	return tables_wait(s, name, NULL, PATIENCE_S, err) == 0 ? 1 : -1;
}
