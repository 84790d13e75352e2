#include "aws/rights.h"

#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"

#define NO_ITEM "{\"dynamill whoami\":{\"NULL\":true}}"

/* A body is `before`, the table's name in JSON, `after`. */
static const struct probe {
	struct right right;
	const char *before, *after;
} PROBES[RIGHTS] = {
	{ { "Scan", "push, backup, validate --live", true, false },
	  "{\"TableName\":", ",\"ExclusiveStartKey\":" NO_ITEM "}" },
	{ { "BatchGetItem", "push --into-existing, rollback", false, false },
	  "{\"RequestItems\":{", ":{\"Keys\":[" NO_ITEM "]}}}" },
	{ { "BatchWriteItem", "push", false, false },
	  "{\"RequestItems\":{",
	  ":[{\"PutRequest\":{\"Item\":" NO_ITEM "}}]}}" },
	{ { "PutItem", "push --only-new, rollback", false, false },
	  "{\"TableName\":", ",\"Item\":" NO_ITEM "}" },
	{ { "UpdateItem", "push --update", false, false },
	  "{\"TableName\":", ",\"Key\":" NO_ITEM "}" },
	{ { "DeleteItem", "rollback", false, false },
	  "{\"TableName\":", ",\"Key\":" NO_ITEM "}" },
};

/* 1 if it is denied, 0 if not, or -1. */
static int
ask(struct service *s, const char *table, const struct probe *p,
    struct err *err)
{
	struct service_call c = { 0 };
	struct buf body = { 0 };
	int rc = -1;

	if (buf_append(&body, span_of(p->before), err) != 0 ||
	    json_quote(span_of(table), &body, err) != 0 ||
	    buf_append(&body, span_of(p->after), err) != 0)
		goto done;
	dynamodb_prepare(&c, p->right.call, buf_span(&body));
	if (service_ask(s, &c, err) == 0)
		rc = 0;
	else if (c.code[0] != '\0' && err->code == ERR_REMOTE)
		rc = strcmp(c.code, "AccessDeniedException") == 0;
	else
		err_at(err, "%s", p->right.call);
done:
	service_call_free(&c);
	buf_free(&body);
	return rc;
}

int
rights_look(struct service *s, const char *table, bool only_read,
	    struct right list[RIGHTS], struct err *err)
{
	int n = 0;

	for (size_t i = 0; i < RIGHTS; i++) {
		const struct probe *const p = &PROBES[i];
		int denied;

		if (only_read && !p->right.scans)
			continue;
		denied = ask(s, table, p, err);
		if (denied < 0)
			return -1;
		list[n] = p->right;
		list[n++].denied = denied > 0;
	}
	return n;
}
