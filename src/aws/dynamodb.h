/*
 * dynamodb.h - calls of the DynamoDB API, one at a time: what is asked once in
 * a while.  Items go by push.h and scan.h.
 */
#ifndef AWS_DYNAMODB_H
#define AWS_DYNAMODB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

struct err;
struct jsonwrite;
struct service;
struct service_call;
struct side;
struct tree;

struct service *dynamodb_open(struct side *side, struct err *err);

/*
 * Make a call of this operation; `headers` and method are set, `body` stays the
 * caller's.
 */
void dynamodb_prepare(struct service_call *c, const char *operation,
		      struct span body);

/*
 * Ask, and read the answer into `mem`.  NULL with *err set; `code`, which may
 * be NULL and else has room for SERVICE_CODE_LEN, is then the service's word.
 */
const struct tree *dynamodb_ask(struct service *s, const char *operation,
				struct span body, struct arena *mem,
				char *code, struct err *err);

/*
 * The same with the one thing that it is about as its body: {"name": "value"}.
 */
const struct tree *dynamodb_ask_about(struct service *s, const char *operation,
				      const char *name, const char *value,
				      struct arena *mem, char *code,
				      struct err *err);

/* A member of a body; nothing if there is no value. */
void dynamodb_member(struct jsonwrite *w, const char *name, const char *value);

/*
 * What a map of an answer has by this name: NULL, 0 if it is nothing such.  A
 * time is seconds since 1970, parts of them cut off.
 */
const char *dynamodb_text(const struct tree *t, const char *name);
uint64_t dynamodb_number(const struct tree *t, const char *name);
int64_t dynamodb_time(const struct tree *t, const char *name);

/*
 * Wait between two looks at what takes its time: *ms, which is 0 at first and
 * grows up to `most`.  -1 with ERR_CANCELLED if somebody asks to stop.
 */
int dynamodb_pause(struct service *s, unsigned *ms, unsigned most,
		   struct err *err);

/* What DescribeTable says. */
struct dynamodb_table {
	struct arena mem;
	const struct tree *tree;	/* its "Table"; lives in mem */
	const char *status;		/* "ACTIVE", ... */
	uint64_t nitems, len;		/* some hours old */
	uint64_t rcu, wcu;		/* provisioned; 0: on demand */
	bool protected, global;
	const char *stream;		/* view type if there is one, or NULL */
};

/* Returns 1, 0 if there is no such table, or -1. */
int dynamodb_describe(struct service *s, const char *table,
		      struct dynamodb_table *t, struct err *err);
void dynamodb_table_free(struct dynamodb_table *t);

/* Does it hold no item now?  Returns 0 or -1. */
int dynamodb_is_empty(struct service *s, const char *table, bool *empty,
		      struct err *err);

/*
 * Call `each` with the name of every table, until it returns something else
 * than 0, which is returned; 0; or -1.
 */
int dynamodb_list(struct service *s,
		  int (*each)(void *context, const char *name,
			      struct err *err),
		  void *context, struct err *err);

#endif
