/*
 * service_judge.c - what an answer means: codes in JSON (DynamoDB), in XML (S3)
 * or in the status only (HEAD), and which of them pass.
 */
#include "aws/service_internal.h"

#include <stdio.h>
#include <string.h>

#include "aws/service.h"
#include "base/arena.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "formats/xml.h"

static const struct {
	const char *code;
	enum service_fault fault;
} CODES[] = {
	{ "ProvisionedThroughputExceededException", FAULT_THROTTLE },
	{ "ThrottlingException", FAULT_THROTTLE },
	{ "Throttling", FAULT_THROTTLE },
	{ "RequestLimitExceeded", FAULT_THROTTLE },
	{ "RequestThrottled", FAULT_THROTTLE },
	{ "RequestThrottledException", FAULT_THROTTLE },
	{ "TooManyRequestsException", FAULT_THROTTLE },
	{ "BandwidthLimitExceeded", FAULT_THROTTLE },
	{ "SlowDown", FAULT_THROTTLE },
	{ "ReplicatedWriteConflictException", FAULT_THROTTLE },
	{ "RequestTimeout", FAULT_PASSING },
	{ "RequestTimeoutException", FAULT_PASSING },
	{ "InternalError", FAULT_PASSING },
	{ "InternalServerError", FAULT_PASSING },
	{ "InternalFailure", FAULT_PASSING },
	{ "ServiceUnavailable", FAULT_PASSING },
	{ "OperationAborted", FAULT_PASSING },
	{ "ExpiredToken", FAULT_KEYS },
	{ "ExpiredTokenException", FAULT_KEYS },
	{ "TokenRefreshRequired", FAULT_KEYS },
	{ "RequestTimeTooSkewed", FAULT_CLOCK },
	{ "RequestExpired", FAULT_CLOCK },
	{ "InvalidSignatureException", FAULT_CLOCK },
	{ "SignatureDoesNotMatch", FAULT_CLOCK },
};

/* `com.amazonaws.dynamodb.v20120810#ThrottlingException`, or `...:http://x` */
static void
set_code(struct service_call *c, struct span code)
{
	const uint8_t *const hash = code.len == 0 ? NULL
		: memrchr(code.ptr, '#', code.len);

	if (hash != NULL) {
		code.len -= (size_t)(hash + 1 - code.ptr);
		code.ptr = hash + 1;
	}
	for (size_t i = 0; i < code.len; i++)
		if (code.ptr[i] == ':')
			code.len = i;
	snprintf(c->code, sizeof(c->code), "%.*s", (int)code.len,
		 (const char *)code.ptr);
}

static void
from_json(struct service_call *c, struct buf *message)
{
	struct arena mem = { 0 };
	struct err err;
	const struct tree *const t = json_parse(buf_span(&c->http.answer), "",
						&mem, &err);
	const struct tree *const type = t == NULL ? NULL
		: tree_get(t, "__type");
	const struct tree *text = t == NULL ? NULL : tree_get(t, "message");

	if (text == NULL && t != NULL)
		text = tree_get(t, "Message");
	if (type != NULL && type->kind == TREE_TEXT)
		set_code(c, type->text);
	if (text != NULL && text->kind == TREE_TEXT)
		buf_append(message, text->text, &err);
	arena_free(&mem);
}

static void
from_xml(struct service_call *c, struct buf *message)
{
	struct buf code = { 0 };
	struct err err;

	if (xml_find(buf_span(&c->http.answer), "Code", &code, &err) == 1)
		set_code(c, (struct span){ code.ptr, strlen(
			(const char *)code.ptr) });
	xml_find(buf_span(&c->http.answer), "Message", message, &err);
	buf_free(&code);
}

/* What the service says, in one line. */
static void
describe(struct service_call *c, struct buf *message)
{
	const int status = c->http.status;
	struct err err;

	if (buf_append(message, (struct span){ (const uint8_t *)"", 1 }, &err)
	    != 0)
		return;
	for (uint8_t *p = message->ptr; *p != '\0'; p++)
		if (*p < ' ')
			*p = ' ';
	if (c->code[0] != '\0')
		err_set(&c->why, ERR_REMOTE, "%s%s%.300s", c->code,
			message->ptr[0] != '\0' ? ": " : "",
			(const char *)message->ptr);
	else
		err_set(&c->why, ERR_REMOTE, "answers with status %d", status);
}

/* A wrong clock and a wrong secret have codes in common. */
static bool
is_about_time(const struct service_call *c)
{
	return strstr(c->code, "Time") != NULL ||
	       strstr(c->code, "Expired") != NULL ||
	       strstr(c->why.text, "expired") != NULL ||
	       strstr(c->why.text, "not yet current") != NULL ||
	       strstr(c->why.text, "Skewed") != NULL;
}

static enum service_fault
by_code(const struct service_call *c)
{
	const int status = c->http.status;

	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (strcmp(c->code, CODES[i].code) == 0)
			return CODES[i].fault != FAULT_CLOCK ||
			       is_about_time(c) ? CODES[i].fault
				: FAULT_FINAL;
	if (status == 429)
		return FAULT_THROTTLE;
	return status == 408 || (status >= 500 && status != 501)
		? FAULT_PASSING : FAULT_FINAL;
}

enum service_fault
service_judge(struct service_call *c)
{
	struct buf message = { 0 };
	enum service_fault fault;

	c->code[0] = '\0';
	c->why = c->http.why;
	if (c->why.code != ERR_NONE)
		return c->why.code == ERR_RETRY ? FAULT_PASSING : FAULT_FINAL;
	if (c->http.status / 100 == 2)
		return FAULT_NONE;
	if (c->http.answer.len > 0 && c->http.answer.ptr[0] == '{')
		from_json(c, &message);
	else
		from_xml(c, &message);
	describe(c, &message);
	buf_free(&message);
	fault = by_code(c);
	if (fault == FAULT_PASSING || fault == FAULT_THROTTLE)
		c->why.code = ERR_RETRY;
	return fault;
}
