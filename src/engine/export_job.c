/*
 * export_job.c - the journal has the notes `to`, where the exports go and of
 * which time they are (0: of when each was begun), and of each table
 * `export TABLE`: a token, the export's ARN, and its address, each `-` until it
 * is known.  The token is there before the service is asked: who asks again
 * with one token, within eight hours, gets the export that there is.  After
 * that it would be another one, so the table's exports, which the service knows
 * for 90 days, are looked through for the token first.
 *
 * `bucket-owner` and `kms-key` are noted too: what is begun later, or asked for
 * again, is asked for in the same words.
 */
#include "engine/export_job.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/s3.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/table_export.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/token.h"
#include "engine/folderlock.h"
#include "engine/journal.h"
#include "engine/sides.h"

enum { ADDRESS_LEN = 1400, ARN_LEN = 512, OPTION_LEN = 2100 };

struct exporting {
	const char *name;
	char token[TOKEN_LEN], arn[ARN_LEN], address[ADDRESS_LEN];	/* or "" */
	bool was_done;
	struct table_export export;
};

struct export_job {
	struct export_job_options o;
	int lock_fd;
	struct journal *journal;
	char to[ADDRESS_LEN], bucket[80];
	char owner[OPTION_LEN], key[OPTION_LEN];	/* as they were begun */
	const char *prefix;		/* in ->to; NULL: none */
	int64_t time;
	struct side *side;
	struct service *service;
	struct exporting *list;
	size_t n;
};

/* ---- the journal --------------------------------------------------------- */

static int
journal_path(const char *dir, char path[PATH_MAX], struct err *err)
{
	return snprintf(path, PATH_MAX, "%s/exports.journal", dir) < PATH_MAX
		? 0 : err_set(err, ERR_LIMIT, "'%s': too long a path", dir);
}

/* The next word of a note; `-` and none are "". */
static void
take_word(struct span *text, char *out, size_t len)
{
	const uint8_t *const end = memchr(text->ptr, ' ', text->len);
	const size_t n = end == NULL ? text->len : (size_t)(end - text->ptr);

	snprintf(out, len, "%.*s", (int)n, (const char *)text->ptr);
	if (strcmp(out, "-") == 0)
		out[0] = '\0';
	text->ptr += n + (end != NULL);
	text->len -= n + (end != NULL);
}

/* What is noted of ->name; nothing is as nothing. */
static void
read_note(struct journal *j, struct exporting *t)
{
	char name[300];
	struct span text;

	snprintf(name, sizeof(name), "export %s", t->name);
	text = journal_noted(j, name);
	t->token[0] = t->arn[0] = t->address[0] = '\0';
	if (text.len == 0)
		return;
	take_word(&text, t->token, sizeof(t->token));
	take_word(&text, t->arn, sizeof(t->arn));
	/* A prefix may have blanks. */
	if (text.len < sizeof(t->address) && !span_is(text, "-"))
		snprintf(t->address, sizeof(t->address), "%.*s", (int)text.len,
			 (const char *)text.ptr);
}

static int
write_note(struct export_job *e, const struct exporting *t, struct err *err)
{
	char name[300], text[TOKEN_LEN + ARN_LEN + ADDRESS_LEN + 8];

	snprintf(name, sizeof(name), "export %s", t->name);
	snprintf(text, sizeof(text), "%s %s %s", t->token,
		 t->arn[0] != '\0' ? t->arn : "-",
		 t->address[0] != '\0' ? t->address : "-");
	return journal_note(e->journal, name, span_of(text), err);
}

/*
 * An option as it was begun with, kept in `was`; or begun with now, where
 * nothing was.
 */
static int
keep(struct export_job *e, const char *name, const char **value, char *was,
     bool first, struct err *err)
{
	const struct span noted = journal_noted(e->journal, name);
	const struct span now = span_of(*value != NULL ? *value : "");

	if (now.len >= OPTION_LEN)
		return err_set(err, ERR_LIMIT, "--%s: too long", name);
	if (first)
		return now.len == 0 && noted.len == 0 ? 0
			: journal_note(e->journal, name, now, err);
	snprintf(was, OPTION_LEN, "%.*s", (int)noted.len,
		 (const char *)noted.ptr);
	if (*value != NULL && strcmp(*value, was) != 0)
		return err_set(err, ERR_REFUSED, "the exports were begun with"
			       "%s --%s%s%s; leave it as it was, or remove '%s'",
			       *was == '\0' ? "out" : "", name, *was == '\0'
			       ? "" : " ", was, e->o.dir);
	*value = *was != '\0' ? was : NULL;
	return 0;
}

/* Before `to`, which says that it was begun. */
static int
keep_options(struct export_job *e, bool first, struct err *err)
{
	return keep(e, "bucket-owner", &e->o.bucket_owner, e->owner, first,
		    err) != 0 ||
	       keep(e, "kms-key", &e->o.kms_key, e->key, first, err) != 0
		? -1 : 0;
}

/* Where to, and of when: as it was begun, or begun so. */
static int
settle(struct export_job *e, struct err *err)
{
	const struct span noted = journal_noted(e->journal, "to");
	const char *const to = e->o.to;
	char text[ADDRESS_LEN + 24], was[ADDRESS_LEN + 24];
	const char *address = was;

	e->time = e->o.time;
	if (noted.len == 0 && to == NULL)
		return err_set(err, ERR_USAGE, "where to are the tables to be "
			       "exported? s3://BUCKET/PREFIX");
	if (keep_options(e, noted.len == 0, err) != 0)
		return -1;
	if (noted.len == 0) {
		if (snprintf(text, sizeof(text), "%lld %s", (long long)e->time,
			     to) >= (int)sizeof(text))
			return err_set(err, ERR_LIMIT, "'%s': too long an "
				       "address", to);
		snprintf(e->to, sizeof(e->to), "%s", to);
		return journal_note(e->journal, "to", span_of(text), err);
	}
	snprintf(was, sizeof(was), "%.*s", (int)noted.len,
		 (const char *)noted.ptr);
	e->time = strtoll(was, NULL, 10);
	address += strcspn(was, " ");
	address += *address == ' ';
	snprintf(e->to, sizeof(e->to), "%.*s", ADDRESS_LEN - 1, address);
	if (to != NULL && strcmp(to, e->to) != 0)
		return err_set(err, ERR_REFUSED, "the tables are exported to "
			       "%s since this was begun, and not to %s; go on "
			       "with that, or remove '%s'", e->to, to,
			       e->o.dir);
	if (e->o.time != 0 && e->o.time != e->time)
		return err_set(err, ERR_REFUSED, "exports of another time were "
			       "begun; go on without a time, or remove '%s'",
			       e->o.dir);
	return 0;
}

/* ---- opening ------------------------------------------------------------- */

static int
split_address(struct export_job *e, struct err *err)
{
	struct span bucket;
	const char *key;

	if (s3_split(e->to, &bucket, &key, err) != 0)
		return -1;
	if (bucket.len >= sizeof(e->bucket))
		return err_set(err, ERR_USAGE, "'%s': no bucket is called like "
			       "that", e->to);
	snprintf(e->bucket, sizeof(e->bucket), "%.*s", (int)bucket.len,
		 (const char *)bucket.ptr);
	/* The service puts a slash behind it. */
	e->to[strlen(e->to) - (*key != '\0' &&
			       e->to[strlen(e->to) - 1] == '/')] = '\0';
	e->prefix = *key != '\0' ? key : NULL;
	return 0;
}

static int
reach(struct export_job *e, struct err *err)
{
	e->side = sides_open(e->o.side, e->o.usual, err);
	if (e->side == NULL ||
	    (e->o.side != NULL &&
	     sides_check_account(e->side, e->o.side, err) != 0))
		return -1;
	e->service = dynamodb_open(e->side, err);
	return e->service == NULL ? -1 : 0;
}

struct export_job *
export_job_open(const struct export_job_options *o, struct err *err)
{
	struct export_job *const e = calloc(1, sizeof(*e));
	char path[PATH_MAX];

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->o = *o;
	e->list = calloc(o->ntables + 1, sizeof(*e->list));
	e->lock_fd = -1;
	if (e->list == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else if (journal_path(o->dir, path, err) == 0)
		e->lock_fd = folder_lock(o->dir, "works in", err);
	if (e->lock_fd < 0 || (e->journal = journal_open(path, err)) == NULL ||
	    settle(e, err) != 0 || split_address(e, err) != 0) {
		export_job_close(e);
		return NULL;
	}
	for (; e->n < o->ntables; e->n++) {
		struct exporting *const t = &e->list[e->n];

		t->name = o->tables[e->n];
		read_note(e->journal, t);
		t->was_done = t->address[0] != '\0';
	}
	return e;
}

void
export_job_close(struct export_job *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->n; i++)
		table_export_free(&e->list[i].export);
	free(e->list);
	journal_close(e->journal);
	if (e->lock_fd >= 0)
		close(e->lock_fd);
	service_close(e->service);
	side_close(e->side);
	free(e);
}

bool
export_job_table(const struct export_job *e, size_t i,
		 struct export_job_table *out)
{
	const struct exporting *const t = i < e->n ? &e->list[i] : NULL;

	if (t == NULL)
		return false;
	*out = (struct export_job_table){
		.name = t->name, .status = t->export.status,
		.address = t->address[0] != '\0' ? t->address : NULL,
		.nitems = t->export.nitems, .was_done = t->was_done,
	};
	return true;
}

/* ---- making them --------------------------------------------------------- */

static struct table_export_options
options_of(const struct export_job *e, const struct exporting *t)
{
	return (struct table_export_options){
		.table = t->name, .bucket = e->bucket, .prefix = e->prefix,
		.bucket_owner = e->o.bucket_owner, .kms_key = e->o.kms_key,
		.time = e->time, .token = t->token,
	};
}

/* How is the one that was begun?  What has failed is begun anew. */
static int
look_at(struct export_job *e, struct exporting *t, struct err *err)
{
	if (t->address[0] != '\0' || t->arn[0] == '\0')
		return 0;
	if (table_export_look(e->service, t->arn, &t->export, err) != 0)
		return err_at(err, "table '%s'", t->name);
	if (strcmp(t->export.status, "FAILED") != 0)
		return 0;
	table_export_free(&t->export);
	t->token[0] = t->arn[0] = '\0';
	return 0;
}

/*
 * A token without an ARN: it was asked for, and the answer was not noted.  One
 * that came of it is this job's.
 */
static int
adopt(struct export_job *e, struct exporting *t, struct err *err)
{
	const struct table_export_options o = options_of(e, t);

	if (t->address[0] != '\0' || t->arn[0] != '\0' || t->token[0] == '\0')
		return 0;

	const int rc = table_export_find(e->service, &o, &t->export, err);

	if (rc <= 0)
		return rc;
	snprintf(t->arn, sizeof(t->arn), "%.*s", ARN_LEN - 1, t->export.arn);
	return write_note(e, t, err);
}

static int
begin(struct export_job *e, struct exporting *t, struct err *err)
{
	if (t->token[0] == '\0' && (token_make(t->token, err) != 0 ||
				    write_note(e, t, err) != 0))
		return -1;

	const struct table_export_options o = options_of(e, t);

	if (table_export_start(e->service, &o, &t->export, err) != 0)
		return -1;
	snprintf(t->arn, sizeof(t->arn), "%.*s", ARN_LEN - 1, t->export.arn);
	return write_note(e, t, err);
}

static bool
is_begun(const struct exporting *t)
{
	return t->address[0] != '\0' || t->arn[0] != '\0';
}

/* None of them, if one cannot be: they are to be of one time. */
static int
begin_all(struct export_job *e, struct err *err)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct table_export_options o = options_of(e,
								 &e->list[i]);

		if (!is_begun(&e->list[i]) &&
		    table_export_check(e->service, &o, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < e->n; i++)
		if (!is_begun(&e->list[i]) && begin(e, &e->list[i], err) != 0)
			return -1;
	return 0;
}

static void
show(void *context, const struct table_export *export)
{
	const struct export_job *const e = context;

	(void)export;
	if (e->o.watch != NULL)
		e->o.watch(e->o.context, e);
}

static int
finish(struct export_job *e, struct exporting *t, struct err *err)
{
	struct buf address = { 0 };
	int rc = -1;

	if (t->address[0] != '\0')
		return 0;
	if (table_export_wait(e->service, &t->export, show, e, err) != 0)
		return err_at(err, "table '%s'", t->name);
	if (table_export_address(&t->export, &address, err) == 0)
		rc = address.len < sizeof(t->address) ? 0
			: err_set(err, ERR_LIMIT, "'%s': too long an address",
				  (const char *)address.ptr);
	if (rc == 0)
		snprintf(t->address, sizeof(t->address), "%s",
			 (const char *)address.ptr);
	buf_free(&address);
	return rc == 0 ? write_note(e, t, err) : -1;
}

int
export_job_run(struct export_job *e, struct err *err)
{
	bool done = true;

	for (size_t i = 0; i < e->n; i++)
		done &= e->list[i].address[0] != '\0';
	if (done)
		return 0;	/* the service forgets them after a time */
	if (reach(e, err) != 0)
		return -1;
	for (size_t i = 0; i < e->n; i++)
		if (adopt(e, &e->list[i], err) != 0 ||
		    look_at(e, &e->list[i], err) != 0)
			return -1;
	if (begin_all(e, err) != 0)
		return -1;
	for (size_t i = 0; i < e->n; i++)
		if (finish(e, &e->list[i], err) != 0)
			return -1;
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

int
export_job_look(const char *dir, const char *const *tables, size_t n,
		const char **addresses, struct arena *mem, struct err *err)
{
	char path[PATH_MAX];
	struct journal *j;
	int rc = EXPORT_JOB_DONE;

	if (journal_path(dir, path, err) != 0)
		return -1;
	j = journal_look(path, err);
	if (j == NULL)
		return -1;
	if (journal_noted(j, "to").len == 0)
		rc = EXPORT_JOB_NONE;
	for (size_t i = 0; rc == EXPORT_JOB_DONE && i < n; i++) {
		struct exporting t = { .name = tables[i] };
		struct span own;

		read_note(j, &t);
		own = arena_copy(mem, (struct span){
			(const uint8_t *)t.address, strlen(t.address) + 1 },
			err);
		addresses[i] = (const char *)own.ptr;
		rc = own.ptr == NULL ? -1 : t.address[0] == '\0'
			? EXPORT_JOB_BEGUN : rc;
	}
	journal_close(j);
	return rc;
}
