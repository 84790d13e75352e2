#include "engine/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MAX_STATUS = 64 << 20 };

/* ---- times -------------------------------------------------------------- */

const char *
status_time(double t, char out[32])
{
	const time_t whole = (time_t)t;
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&whole, &tm) != NULL)
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

double
status_time_of(const char *text)
{
	struct tm tm = { 0 };
	const char *const end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end == NULL || *end != '\0' ? 0 : (double)timegm(&tm);
}

void
status_pace(struct status_table *t, uint64_t fresh, double seconds)
{
	t->rate = seconds > 0 ? (double)fresh / seconds : 0;
	t->left = t->done >= t->total ? 0 : t->rate > 0
		? (double)(t->total - t->done) / t->rate : -1;
}

/* ---- writing ------------------------------------------------------------ */

void
status_write_tables(struct jsonwrite *w, const struct status_table *t,
		    size_t n)
{
	jsonwrite_name(w, "tables");
	jsonwrite_list(w);
	for (size_t i = 0; i < n; i++) {
		jsonwrite_map(w);
		jsonwrite_put_text(w, "table", t[i].name);
		jsonwrite_put_uint(w, "done", t[i].done);
		jsonwrite_put_uint(w, "total", t[i].total);
		jsonwrite_put_uint(w, "items", t[i].items);
		jsonwrite_put_uint(w, "bad", t[i].bad);
		if (t[i].rate > 0) {
			jsonwrite_name(w, "itemsPerSecond");
			jsonwrite_fixed(w, t[i].rate, 0);
		}
		if (t[i].left >= 0) {
			jsonwrite_name(w, "secondsLeft");
			jsonwrite_fixed(w, t[i].left, 0);
		}
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
}

/* Not file_save(): that waits for the disk, once a second. */
static int
put(const char *dir, struct span text, struct err *err)
{
	char path[PATH_MAX], part[PATH_MAX];
	int fd, rc = 0;

	if (snprintf(path, sizeof(path), "%s/" JOB_STATUS, dir) >=
	    (int)sizeof(path) ||
	    snprintf(part, sizeof(part), "%s/." JOB_STATUS ".part", dir) >=
	    (int)sizeof(part))
		return err_set(err, ERR_USAGE, "'%s': too long a name", dir);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", part);
	if (write(fd, text.ptr, text.len) != (ssize_t)text.len)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", part);
	if (close(fd) != 0 && rc == 0)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", part);
	if (rc == 0 && rename(part, path) != 0)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", path);
	if (rc != 0)
		unlink(part);
	return rc;
}

int
status_save(const char *job_dir, const struct status *s, struct err *err)
{
	struct buf text = { 0 };
	struct jsonwrite w;
	char time[32];
	int rc;

	jsonwrite_start(&w, &text, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "stage", s->stage);
	jsonwrite_put_text(&w, "state", s->state);
	jsonwrite_put_uint(&w, "pid", s->pid);
	jsonwrite_put_text(&w, "host", s->host);
	jsonwrite_put_text(&w, "started", status_time(s->started, time));
	jsonwrite_put_text(&w, "updated", status_time(s->updated, time));
	status_write_tables(&w, s->tables, s->ntables);
	jsonwrite_put_text(&w, "error", s->error);
	jsonwrite_end(&w);
	rc = jsonwrite_finish(&w);
	if (rc == 0)
		rc = put(job_dir, buf_span(&text), err);
	buf_free(&text);
	return rc;
}

/* ---- reading ------------------------------------------------------------ */

static uint64_t
number_of(const struct tree *map, const char *name)
{
	const struct tree *const t = tree_get(map, name);
	uint64_t n = 0;

	return t != NULL && tree_uint(t, &n) == 0 ? n : 0;
}

int
status_read_tables(const struct tree *map, struct arena *mem,
		   const struct status_table **tables, size_t *n,
		   struct err *err)
{
	const struct tree *const list = tree_get(map, "tables");
	const uint32_t count = list != NULL && list->kind == TREE_LIST
		? list->nkids : 0;
	struct status_table *const t = arena_take(mem,
		(count + 1U) * sizeof(*t), err);

	if (t == NULL)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		const struct tree *const m = &list->kids[i];

		t[i] = (struct status_table){
			.name = tree_text(m, "table", ""),
			.done = number_of(m, "done"),
			.total = number_of(m, "total"),
			.items = number_of(m, "items"),
			.bad = number_of(m, "bad"),
			.rate = (double)number_of(m, "itemsPerSecond"),
			.left = tree_get(m, "secondsLeft") == NULL ? -1
				: (double)number_of(m, "secondsLeft"),
		};
	}
	*tables = t;
	*n = count;
	return 0;
}

int
status_load(const char *job_dir, struct status *s, struct arena *mem,
	    struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	struct err why = { 0 };
	struct span copy = { NULL, 0 };
	const struct tree *t = NULL;

	snprintf(path, sizeof(path), "%s/" JOB_STATUS, job_dir);
	if (file_load(path, MAX_STATUS, &text, &why) == 0)
		copy = arena_copy(mem, buf_span(&text), err);
	buf_free(&text);
	if (copy.ptr != NULL)
		t = json_parse(copy, JOB_STATUS, mem, &why);
	if (t == NULL)
		return 0;
	*s = (struct status){
		.stage = tree_text(t, "stage", ""),
		.state = tree_text(t, "state", ""),
		.error = tree_text(t, "error", ""),
		.host = tree_text(t, "host", ""),
		.pid = number_of(t, "pid"),
		.started = status_time_of(tree_text(t, "started", "")),
		.updated = status_time_of(tree_text(t, "updated", "")),
	};
	return status_read_tables(t, mem, &s->tables, &s->ntables, err) != 0
		? -1 : 1;
}
