#include "engine/updates.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/differ.h"
#include "formats/ddbjson.h"
#include "formats/jsonraw.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"
#include "model/compare.h"
#include "model/item.h"

struct updates {
	char *path;
	const uint8_t *text;		/* NULL: there are none */
	size_t len, at;
	uint64_t count, number;
};

/* ---- making -------------------------------------------------------------- */

struct making {
	struct sink *sink;
	struct buf line;
	struct arena mem;
	uint64_t added, removed;
};

/* Append the attributes of `a` that are not the same in `b`, as a map. */
static int
put_others(struct making *m, const struct value *a, const struct value *b,
	   struct err *err)
{
	struct value *const kids = arena_take(&m->mem, (a->len + 1U) *
					      sizeof(*kids), err);
	uint32_t n = 0;

	if (kids == NULL)
		return -1;
	for (uint32_t i = 0; i < a->len; i += 2) {
		struct span name;

		if (value_text(&a->kids[i], &m->mem, &name, err) != 0)
			return -1;
		const struct value *const other = value_attr(b, name,
							     name_hash(name));
		const int same = other == NULL ? 0
			: value_equal(&a->kids[i + 1], other, &m->mem, err);

		if (same < 0)
			return -1;
		if (same > 0)
			continue;
		kids[n++] = a->kids[i];
		kids[n++] = a->kids[i + 1];
	}
	const struct value map = value_of_kids(VALUE_M, kids, n);

	return ddbjson_encode_map(&map, &m->line, err);
}

/* The attributes of the key, in a map of their own over `kids`. */
static struct value
key_of(const struct plan_key *key, const struct value *map,
       struct value kids[4])
{
	const char *const names[] = { key->pk.name, key->sk.name };
	uint32_t n = 0;

	for (int i = 0; i < 2; i++) {
		const struct span name = span_of(names[i] != NULL ? names[i]
						 : "");
		const struct value *const v = names[i] == NULL ? NULL
			: value_attr(map, name, name_hash(name));

		if (v == NULL)
			continue;
		kids[n++] = value_of_name(name);
		kids[n++] = *v;
	}
	return value_of_kids(VALUE_M, kids, n);
}

static int
put_line(struct making *m, const struct differ_found *f, struct err *err)
{
	const struct value *const was = f->was == NULL ? NULL
		: &f->was->item->map;
	const struct value *const is = &f->is->item->map;
	struct value kids[4];
	const struct value key = key_of(f->key, is, kids);

	if (buf_append(&m->line, span_of("{\"Key\":"), err) != 0 ||
	    ddbjson_encode_map(&key, &m->line, err) != 0)
		return -1;
	if (was == NULL)
		return buf_append(&m->line, span_of(",\"New\":"), err) != 0 ||
		       ddbjson_encode_map(is, &m->line, err) != 0 ? -1 : 0;
	return buf_append(&m->line, span_of(",\"Was\":"), err) != 0 ||
	       put_others(m, was, is, err) != 0 ||
	       buf_append(&m->line, span_of(",\"Is\":"), err) != 0 ||
	       put_others(m, is, was, err) != 0 ? -1 : 0;
}

static int
see(void *context, const struct differ_found *f, struct err *err)
{
	struct making *const m = context;

	/* What the plan drops stays as it is. */
	m->removed += f->kind == DIFFER_REMOVED;
	m->added += f->kind == DIFFER_ADDED;
	if (f->kind == DIFFER_REMOVED)
		return 0;
	buf_reset(&m->line);
	arena_reset(&m->mem);
	if (put_line(m, f, err) != 0 ||
	    buf_append(&m->line, span_of("}\n"), err) != 0)
		return -1;
	return sink_write(m->sink, buf_span(&m->line), err);
}

static int
end(void *context, const struct differ_sums *s, struct err *err)
{
	(void)context;
	if (s->only_a || s->only_b)
		return err_set(err, ERR_INPUT, "table '%s' is only in %s",
			       s->a != NULL ? s->a : s->b, s->only_a
			       ? "the export" : "what the job wrote");
	return 0;
}

/* Lines that are no items: the run has rejected them. */
static int
tell(void *context, struct span note, struct err *err)
{
	(void)context;
	(void)note;
	(void)err;
	return 0;
}

static int
compare(struct making *m, const struct updates_options *o, struct err *err)
{
	return differ_do(&(struct differ_options){
		.a = { .paths = o->sources, .npaths = o->nsources,
		       .tables = &o->table, .ntables = 1 },
		.b = { .paths = &o->out, .npaths = 1 },
		.threads = o->threads, .memory = o->memory, .tmp = o->tmp,
		.cancel = o->cancel, .see = see, .end = end, .tell = tell,
		.context = m,
	}, err);
}

int
updates_make(const struct updates_options *o, struct err *err)
{
	struct making m = { 0 };
	int rc = -1;

	if (access(o->path, F_OK) == 0)
		return 0;
	m.sink = sink_open(file_drain(o->path, err), NULL, 0, false, err);
	if (m.sink != NULL)
		rc = compare(&m, o, err);
	if (rc == 0 && m.removed > 0 && m.added > 0)
		rc = err_set(err, ERR_REFUSED, "table '%s': %" PRIu64 " item%s "
			     "of the export not in the output, and %" PRIu64
			     " of the output not in the export: an update keeps "
			     "keys; run the plan into another table", o->table,
			     m.removed, plural(m.removed), m.added);
	if (rc == 0)
		rc = sink_commit(m.sink, NULL, err);
	if (rc == 0)
		rc = file_sync(o->path, err);
	sink_close(m.sink);
	buf_free(&m.line);
	arena_free(&m.mem);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

static int
map_file(struct updates *u, struct err *err)
{
	const int fd = open(u->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc = fd < 0 || fstat(fd, &st) != 0 ? -1 : 0;
	void *p = NULL;

	if (rc == 0 && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd,
			 0);
		rc = p == MAP_FAILED ? -1 : 0;
	}
	if (rc != 0)
		err_set(err, ERR_SYSTEM, "'%s': %m", u->path);
	else if (p != NULL) {
		u->text = p;
		u->len = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

struct updates *
updates_open(const char *path, struct err *err)
{
	struct updates *const u = calloc(1, sizeof(*u));

	if (u == NULL || (u->path = strdup(path)) == NULL) {
		free(u);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (map_file(u, err) != 0) {
		updates_close(u);
		return NULL;
	}
	for (size_t i = 0; i < u->len; i++) {
		const uint8_t *const p = memchr(u->text + i, '\n', u->len - i);

		if (p == NULL)
			break;
		i = (size_t)(p - u->text);
		u->count++;
	}
	return u;
}

void
updates_close(struct updates *u)
{
	if (u == NULL)
		return;
	if (u->text != NULL)
		munmap((void *)(uintptr_t)u->text, u->len);
	free(u->path);
	free(u);
}

uint64_t
updates_count(const struct updates *u)
{
	return u->count;
}

struct keyhash
updates_hash(const struct updates *u)
{
	return keyhash_of((struct span){ u->text, u->len });
}

void
updates_rewind(struct updates *u)
{
	u->at = 0;
	u->number = 0;
}

int
updates_next(struct updates *u, struct updates_line *out, struct err *err)
{
	const uint8_t *const end = u->at == u->len ? NULL
		: memchr(u->text + u->at, '\n', u->len - u->at);
	struct span line;

	if (u->at == u->len)
		return 0;
	line = (struct span){ u->text + u->at, end == NULL ? 0
		: (size_t)(end - u->text) - u->at };
	*out = (struct updates_line){
		.number = u->number, .key = jsonraw_member(line, "Key"),
		.was = jsonraw_member(line, "Was"),
		.is = jsonraw_member(line, "Is"),
		.made = jsonraw_member(line, "New"),
	};
	if (out->key.ptr == NULL ||
	    (out->made.ptr == NULL && (out->was.ptr == NULL ||
				       out->is.ptr == NULL)))
		return err_set(err, ERR_INPUT, "'%s': line %" PRIu64 " is no "
			       "change", u->path, u->number + 1);
	u->at += line.len + 1;
	u->number++;
	return 1;
}

/* ---- changes ------------------------------------------------------------- */

struct still_change *
updates_changes(const struct value *was, const struct value *is, size_t *n,
		struct arena *mem, struct err *err)
{
	const struct value *const maps[] = { was, is };
	struct still_change *const list = arena_take(mem, ((size_t)was->len +
		is->len + 1) * sizeof(*list), err);

	*n = 0;
	for (int k = 0; k < 2 && list != NULL; k++)
		for (uint32_t i = 0; i < maps[k]->len; i += 2) {
			const struct value *const v = &maps[k]->kids[i + 1];
			struct span name;

			if (value_text(&maps[k]->kids[i], mem, &name, err)
			    != 0)
				return NULL;
			const struct value *const other = value_attr(
				maps[1 - k], name, name_hash(name));

			if (k == 1 && other != NULL)
				continue;	/* seen from the other side */
			list[(*n)++] = (struct still_change){
				.name = name, .was = k == 0 ? v : NULL,
				.is = k == 0 ? other : v,
			};
		}
	return list;
}

int
updates_holds(const struct still_change *c, size_t n, bool after,
	      const struct value *item, struct arena *mem, struct err *err)
{
	int same = 1;

	for (size_t i = 0; i < n && same > 0; i++) {
		const struct value *const want = after ? c[i].is : c[i].was;
		const struct value *const has = value_attr(item, c[i].name,
			name_hash(c[i].name));

		same = want == NULL || has == NULL ? want == has
			: value_equal(want, has, mem, err);
	}
	return same;
}
