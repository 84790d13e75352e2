#include "engine/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/file.h"

struct undo {
	int fd;
	char *path;
	bool leaves;
	struct getitems *get;
	struct buf lines;
};

static int
failed(const struct undo *u, struct err *err)
{
	return err_set(err, ERR_SYSTEM, "'%s': %m", u->path);
}

struct undo *
undo_open(const char *path, struct service *s, const char *table,
	  struct span pk, struct span sk, bool leaves, struct err *err)
{
	struct undo *const u = calloc(1, sizeof(*u));

	if (u == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	u->fd = -1;
	u->leaves = leaves;
	u->path = strdup(path);
	if (u->path == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	u->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (u->fd < 0) {
		failed(u, err);
		goto fail;
	}
	/* What a torn line is of was not sent. */
	if (file_cut_torn(u->fd) != 0) {
		failed(u, err);
		goto fail;
	}
	u->get = getitems_new(s, table, pk, sk, err);
	if (u->get != NULL)
		return u;
fail:
	undo_close(u);
	return NULL;
}

void
undo_close(struct undo *u)
{
	if (u == NULL)
		return;
	if (u->fd >= 0)
		close(u->fd);
	getitems_free(u->get);
	buf_free(&u->lines);
	free(u->path);
	free(u);
}

static int
save(struct undo *u, struct err *err)
{
	if (file_append(u->fd, u->path, buf_span(&u->lines), err) != 0)
		return -1;
	return file_wait(u->fd) == 0 ? 0 : failed(u, err);
}

/* A line of the record. */
static int
add_line(struct undo *u, uint64_t tag, const struct getitems_one *was,
	 struct err *err)
{
	struct buf *const b = &u->lines;
	int rc = 0;

	if (buf_printf(b, err, "{\"At\":[%" PRIu32 ",%" PRIu64 "],\"Key\":",
		       undo_unit(tag), undo_number(tag)) != 0 ||
	    getitems_key(u->get, was->from, b, err) != 0)
		return -1;
	if (was->item.ptr != NULL && u->leaves)
		rc = buf_append(b, span_of(",\"Left\":true"), err);
	else if (was->item.ptr != NULL)
		rc = buf_append(b, span_of(",\"Item\":"), err) != 0 ? -1
			: buf_append(b, was->item, err);
	return rc != 0 ? -1 : buf_append(b, span_of("}\n"), err);
}

int
undo_keep(struct undo *u, struct push_item *items, size_t n,
	  struct err *err)
{
	struct getitems_one list[UNDO_AT_ONCE];

	buf_reset(&u->lines);
	for (size_t i = 0; i < n; i++)
		list[i] = (struct getitems_one){ .from = items[i].json };
	if (getitems_ask(u->get, list, n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		items[i].known = list[i].item.ptr != NULL;
		if (add_line(u, items[i].tag, &list[i], err) != 0)
			return -1;
	}
	return save(u, err);
}
