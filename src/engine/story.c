#include "engine/story.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MAX_STORY = 256 << 20 };

/* ---- adding ------------------------------------------------------------- */

static void
write_text(struct jsonwrite *w, const char *name, const char *text)
{
	jsonwrite_put_text(w, name, text != NULL ? text : "");
}

static int
encode(const struct story_stage *s, struct buf *out, struct err *err)
{
	struct jsonwrite w;
	char time[32];

	jsonwrite_start(&w, out, true, err);
	jsonwrite_map(&w);
	write_text(&w, "stage", s->name);
	jsonwrite_name(&w, "status");
	jsonwrite_int(&w, s->status);
	write_text(&w, "started", status_time(s->started, time));
	jsonwrite_name(&w, "seconds");
	jsonwrite_fixed(&w, s->seconds, 3);
	write_text(&w, "by", s->by);
	write_text(&w, "host", s->host);
	write_text(&w, "version", s->version);
	write_text(&w, "note", s->note);
	write_text(&w, "error", s->error);
	jsonwrite_name(&w, "accepted");
	jsonwrite_list(&w);
	for (size_t i = 0; i < s->naccepted; i++)
		jsonwrite_text(&w, s->accepted[i]);
	jsonwrite_end(&w);
	status_write_tables(&w, s->tables, s->ntables);
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

/* Does the file end in the middle of a line?  Then what follows begins one. */
static bool
is_torn(int fd)
{
	const off_t end = lseek(fd, 0, SEEK_END);
	char last = '\n';

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

int
story_add(const char *job_dir, const struct story_stage *s, struct err *err)
{
	char path[PATH_MAX];
	struct buf line = { 0 };
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/" JOB_STORY, job_dir);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	if ((is_torn(fd) && buf_append(&line, span_of("\n"), err) != 0) ||
	    encode(s, &line, err) != 0 ||
	    buf_append(&line, span_of("\n"), err) != 0 ||
	    file_append(fd, path, buf_span(&line), err) != 0)
		rc = -1;
	else if (file_wait(fd) != 0)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", path);
	if (close(fd) != 0 && rc == 0)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", path);
	buf_free(&line);
	return rc;
}

/* ---- reading ------------------------------------------------------------ */

static double
real_of(const struct tree *map, const char *name)
{
	const struct tree *const t = tree_get(map, name);

	return t != NULL && t->kind == TREE_NUMBER
		? strtod((const char *)t->text.ptr, NULL) : 0;
}

static int
decode(const struct tree *t, struct story_stage *s, struct arena *mem,
       struct err *err)
{
	const struct tree *const list = tree_get(t, "accepted");
	const uint32_t n = list != NULL && list->kind == TREE_LIST
		? list->nkids : 0;
	const char **const accepted = arena_take(mem,
		(n + 1U) * sizeof(*accepted), err);

	if (accepted == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		accepted[i] = (const char *)list->kids[i].text.ptr;
	*s = (struct story_stage){
		.name = tree_text(t, "stage", ""),
		.status = (int)real_of(t, "status"),
		.started = status_time_of(tree_text(t, "started", "")),
		.seconds = real_of(t, "seconds"), .by = tree_text(t, "by", ""),
		.host = tree_text(t, "host", ""),
		.version = tree_text(t, "version", ""),
		.note = tree_text(t, "note", ""),
		.error = tree_text(t, "error", ""),
		.accepted = accepted, .naccepted = n,
	};
	return status_read_tables(t, mem, &s->tables, &s->ntables, err);
}

static int
decode_all(struct span text, struct story *s, struct arena *mem,
	   struct err *err)
{
	size_t nlines = 0;

	for (size_t i = 0; i < text.len; i++)
		nlines += text.ptr[i] == '\n';
	s->stages = arena_take(mem, (nlines + 1) * sizeof(*s->stages), err);
	if (s->stages == NULL)
		return -1;
	while (text.len > 0) {
		const uint8_t *const end = memchr(text.ptr, '\n', text.len);
		const struct span line = {
			text.ptr, end == NULL ? 0 : (size_t)(end - text.ptr)
		};
		struct err torn;
		const struct tree *t;

		if (end == NULL)
			break;
		t = json_parse(line, JOB_STORY, mem, &torn);
		if (t != NULL && t->kind == TREE_MAP &&
		    decode(t, &s->stages[s->n++], mem, err) != 0)
			return -1;
		text.ptr += line.len + 1;
		text.len -= line.len + 1;
	}
	return 0;
}

int
story_load(const char *job_dir, struct story *s, struct arena *mem,
	   struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	struct span copy;
	int rc = 0;

	*s = (struct story){ 0 };
	snprintf(path, sizeof(path), "%s/" JOB_STORY, job_dir);
	if (access(path, F_OK) != 0)
		return 0;
	rc = file_load(path, MAX_STORY, &text, err);
	copy = rc == 0 ? arena_copy(mem, buf_span(&text), err)
		       : (struct span){ NULL, 0 };
	buf_free(&text);
	return copy.ptr == NULL ? -1 : decode_all(copy, s, mem, err);
}

const struct story_stage *
story_last(const struct story *s, const char *name)
{
	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->stages[i].name, name) == 0)
			return &s->stages[i];
	return NULL;
}
