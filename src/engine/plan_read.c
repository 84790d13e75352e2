/* plan_read.c - what the readers of a plan's sections have in common. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "engine/plan_internal.h"

/* ---- memory -------------------------------------------------------------- */

void *
plan_take(struct plan *p, size_t n, size_t size, struct err *err)
{
	const size_t len = n > 0 ? n * size : 1;
	void *const m = arena_take(&p->mem, len, err);

	if (m != NULL)
		memset(m, 0, len);
	return m;
}

const char *
plan_keep(struct plan *p, struct span text, struct err *err)
{
	char *const copy = plan_take(p, text.len + 1, 1, err);

	if (copy != NULL && text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

const char *
plan_format(struct plan *p, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);

	char *const text = plan_take(p, (size_t)n + 1, 1, err);
	if (text == NULL)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

static void
release(const struct plan_owned *o)
{
	switch (o->kind) {
	case OWNED_EXPR:
		expr_free(o->thing);
		break;
	case OWNED_UPDATE:
		update_free(o->thing);
		break;
	case OWNED_REMAP:
		remap_free(o->thing);
		break;
	case OWNED_REWRITE:
		rewrite_free(o->thing);
		break;
	case OWNED_PATH:
		path_free(o->thing);
		break;
	case OWNED_NAMES:
		plan_names_free(o->thing);
	}
}

int
plan_own(struct plan *p, int kind, void *thing, struct err *err)
{
	struct plan_owned *const o = plan_take(p, 1, sizeof(*o), err);

	if (o == NULL) {
		const struct plan_owned lost = {
			.kind = (__typeof__(lost.kind))kind, .thing = thing,
		};

		release(&lost);
		return -1;
	}
	o->kind = (__typeof__(o->kind))kind;
	o->thing = thing;
	o->next = p->parts->owned;
	p->parts->owned = o;
	return 0;
}

void
plan_release(struct plan *p)
{
	for (; p->parts->owned != NULL; p->parts->owned = p->parts->owned->next)
		release(p->parts->owned);
}

int
plan_grow(struct plan *p, void *array, size_t n, size_t size, struct err *err)
{
	void **const at = array;
	void *wider;

	if ((n & (n - 1)) != 0)
		return 0;
	wider = plan_take(p, n > 0 ? 2 * n : 1, size, err);
	if (wider == NULL)
		return -1;
	if (n > 0)
		memcpy(wider, *at, n * size);
	*at = wider;
	return 0;
}

/* ---- places and warnings ------------------------------------------------- */

struct plan_place
plan_place_of(const struct tree *t)
{
	return (struct plan_place){ t->doc->name, t->line, t->column };
}

int
plan_warn(struct plan *p, const char *name, struct plan_place place,
	  struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	if (plan_grow(p, &p->warnings, p->nwarnings, sizeof(*p->warnings),
		      err) != 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct plan_warning *const w = &p->warnings[p->nwarnings];
	*w = (struct plan_warning){ name, NULL, place };
	w->text = plan_keep(p, span_of(text), err);
	p->nwarnings += w->text != NULL;
	return w->text != NULL ? 0 : -1;
}

/* ---- nodes --------------------------------------------------------------- */

static size_t
count(const char *const *words)
{
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	return n;
}

/* "a, b or c" */
static void
list(const char *const *words, const char *last, char *out, size_t len)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; words[i] != NULL && at < len; i++) {
		const char *const before = i == 0 ? "" :
			words[i + 1] == NULL ? last : ", ";
		const int n = snprintf(out + at, len - at, "%s%s", before,
				       words[i]);

		at += (size_t)n;
	}
}

int
plan_check_map(const struct tree *t, const char *what,
	       const char *const *known, struct err *err)
{
	if (t->kind != TREE_MAP)
		return tree_err(t, err, "%s must be a map, not %s", what,
				tree_kind_name(t));
	for (uint32_t i = 0; i < t->nkids; i += 2) {
		const char *const name = (const char *)t->kids[i].text.ptr;
		char all[300];
		size_t k = 0;

		while (known[k] != NULL && strcmp(known[k], name) != 0)
			k++;
		if (known[k] != NULL)
			continue;
		const char *const near =
			plan_nearest(name, known, count(known));
		if (near != NULL)
			return tree_err(&t->kids[i], err, "unknown key '%s'; "
					"did you mean '%s'?", name, near);
		list(known, " and ", all, sizeof(all));
		return tree_err(&t->kids[i], err, "unknown key '%s'; %s has %s",
				name, what, all);
	}
	return 0;
}

int
plan_read_text(const struct tree *t, const char *name, const char **out,
	       struct err *err)
{
	if (!tree_is_scalar(t) || t->kind == TREE_NULL)
		return tree_err(t, err, "'%s' must be text, not %s", name,
				tree_kind_name(t));
	if (t->text.len == 0)
		return tree_err(t, err, "'%s' is empty", name);
	*out = (const char *)t->text.ptr;
	return 0;
}

/* Of a scalar, what it is; else what kind of thing. */
static int
refuse(const struct tree *t, const char *name, const char *wanted,
       struct err *err)
{
	if (tree_is_scalar(t) && t->text.len > 0)
		return tree_err(t, err, "'%s' must be %s, not '%s'", name,
				wanted, t->text.ptr);
	return tree_err(t, err, "'%s' must be %s, not %s", name, wanted,
			tree_kind_name(t));
}

int
plan_read_bool(const struct tree *t, const char *name, bool *out,
	       struct err *err)
{
	if (t->kind != TREE_BOOL)
		return refuse(t, name, "true or false", err);
	*out = t->truth;
	return 0;
}

int
plan_read_uint(const struct tree *t, const char *name, uint64_t *out,
	       struct err *err)
{
	return tree_uint(t, out) == 0 ? 0 :
		refuse(t, name, "a whole number", err);
}

int
plan_read_word(const struct tree *t, const char *name,
	       const char *const *words, unsigned *out, struct err *err)
{
	const char *text;
	char all[300];

	if (plan_read_text(t, name, &text, err) != 0)
		return -1;
	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		*out = i;
		return 0;
	}
	const char *const near = plan_nearest(text, words, count(words));
	if (near != NULL)
		return tree_err(t, err, "'%s' cannot be '%s'; did you mean "
				"'%s'?", name, text, near);
	list(words, " or ", all, sizeof(all));
	return tree_err(t, err, "'%s' cannot be '%s'; it is %s", name, text,
			all);
}

int
plan_text_field(const struct tree *map, const char *name, const char **out,
		struct err *err)
{
	const struct tree *const t = tree_get(map, name);

	return t == NULL ? 0 : plan_read_text(t, name, out, err);
}

int
plan_bool_field(const struct tree *map, const char *name, bool *out,
		struct err *err)
{
	const struct tree *const t = tree_get(map, name);

	return t == NULL ? 0 : plan_read_bool(t, name, out, err);
}

/* ---- files --------------------------------------------------------------- */

const char *
plan_join(struct plan *p, const char *folder, const char *path,
	  struct err *err)
{
	if (path[0] == '/' || folder[0] == '\0')
		return plan_keep(p, span_of(path), err);
	return plan_format(p, err, "%s%s%s", folder,
			   strcmp(folder, "/") == 0 ? "" : "/", path);
}

/* "" is the current folder. */
const char *
plan_folder_of(struct plan *p, const char *path, struct err *err)
{
	const char *const slash = strrchr(path, '/');
	const size_t n = slash == NULL ? 0 : slash == path ? 1 :
			 (size_t)(slash - path);

	return plan_keep(p, (struct span){ (const uint8_t *)path, n }, err);
}

static int
refill(int fd, uint8_t *to, size_t len)
{
	while (len > 0) {
		const ssize_t n = read(fd, to, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		to += n;
		len -= (size_t)n;
	}
	return 0;
}

struct span
plan_slurp(struct plan *p, const char *path, struct err *err)
{
	const struct span none = { NULL, 0 };
	/* A pipe would keep us waiting; it is refused below. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	uint8_t *text = NULL;

	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, ERR_USAGE, "%s: %m", path);
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_USAGE, "%s: not a file", path);
		goto done;
	}
	if (st.st_size > PLAN_MAX_FILE) {
		err_set(err, ERR_USAGE, "%s: more than %d bytes", path,
			PLAN_MAX_FILE);
		goto done;
	}
	text = plan_take(p, (size_t)st.st_size + 1, 1, err);
	if (text != NULL && refill(fd, text, (size_t)st.st_size) != 0) {
		err_set(err, ERR_USAGE, "%s: cannot be read whole", path);
		text = NULL;
	}
done:
	if (fd >= 0)
		close(fd);
	return text != NULL ? (struct span){ text, (size_t)st.st_size } : none;
}

const struct plan_file *
plan_note_file(struct plan *p, const char *path, const char *role,
	       struct plan_place place, struct err *err)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (strcmp(p->files[i].path, path) == 0)
			return &p->files[i];
	if (plan_grow(p, &p->files, p->nfiles, sizeof(*p->files), err) != 0)
		return NULL;
	p->files[p->nfiles] = (struct plan_file){
		.path = path, .role = role, .place = place,
		.absent = access(path, F_OK) != 0,
	};
	return &p->files[p->nfiles++];
}
