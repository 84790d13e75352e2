/*
 * path.c - parse, follow and print paths.
 *
 * A path is one block of memory: its parts, then the bytes of their names.
 */
#include "model/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/item.h"

/* Text being parsed, and the path growing from it. */
struct reader {
	struct span text;
	size_t at;
	bool wildcards;
	struct path *path;
	uint8_t *names;		/* where the next name's bytes go */
};

static const char *const words[] = {
	"ADD", "AND", "BETWEEN", "CASE", "DELETE", "ELSE", "END", "FALSE", "IN",
	"NOT", "NULL", "OR", "REMOVE", "SET", "THEN", "TRUE", "WHEN",
};

static bool
same_word(struct span name, const char *word)
{
	size_t i = 0;

	for (; i < name.len && word[i] != '\0'; i++)
		if ((name.ptr[i] & 0xdf) != (uint8_t)word[i])
			return false;
	return i == name.len && word[i] == '\0';
}

bool
path_is_word(struct span name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (same_word(name, words[i]))
			return true;
	return false;
}

/* A path for up to `nparts` parts with `nbytes` of names; NULL parts if not. */
static uint8_t *
make(struct path *p, size_t nparts, size_t nbytes, struct err *err)
{
	*p = (struct path){ 0 };
	if (nparts > SIZE_MAX / 2 / sizeof(*p->parts) - nbytes) {
		err_set(err, ERR_LIMIT, "out of memory");
		return NULL;
	}
	p->parts = malloc(nparts * sizeof(*p->parts) + nbytes + 1);
	if (p->parts == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	return (uint8_t *)(p->parts + nparts);
}

static bool
more(const struct reader *r)
{
	return r->at < r->text.len;
}

/* Does the text go on with `c`?  Then step over it. */
static bool
take(struct reader *r, char c)
{
	if (!more(r) || r->text.ptr[r->at] != (uint8_t)c)
		return false;
	r->at++;
	return true;
}

/* May it stand in a name without quotes? */
static bool
is_bare(uint8_t c)
{
	return c > ' ' && c != 0x7f && strchr(".[]\"'`,()*", c) == NULL;
}

static struct path_part *
append(struct reader *r, enum path_kind kind)
{
	struct path_part *const part = &r->path->parts[r->path->nparts++];

	*part = (struct path_part){ .kind = kind };
	return part;
}

static int
read_quoted(struct reader *r, size_t start, struct err *err)
{
	uint8_t *const name = r->names;

	for (;;) {
		if (!more(r)) {
			r->at = start;
			return err_set(err, ERR_USAGE, "a name in double quotes "
				       "that does not end");
		}
		const uint8_t c = r->text.ptr[r->at++];
		if (c == '"' && !take(r, '"'))
			break;
		*r->names++ = c;
	}
	if (r->names == name) {
		r->at = start;
		return err_set(err, ERR_USAGE, "an empty name");
	}

	struct path_part *const part = append(r, PATH_NAME);
	part->name = (struct span){ name, (size_t)(r->names - name) };
	part->hash = name_hash(part->name);
	return 0;
}

static int
read_name(struct reader *r, struct err *err)
{
	const size_t start = r->at;

	if (take(r, '"'))
		return read_quoted(r, start, err);
	while (more(r) && is_bare(r->text.ptr[r->at]))
		*r->names++ = r->text.ptr[r->at++];

	const size_t n = r->at - start;
	if (n == 0 && !more(r))
		return err_set(err, ERR_USAGE, "a name is expected at the end");
	if (n == 0 && r->text.ptr[r->at] == '*')
		return err_set(err, ERR_USAGE, "'*' is not allowed here");
	if (n == 0)
		return err_set(err, ERR_USAGE, "a name is expected, not '%c'; "
			       "other names go into double quotes",
			       r->text.ptr[r->at]);

	struct path_part *const part = append(r, PATH_NAME);
	part->name = (struct span){ r->names - n, n };
	part->hash = name_hash(part->name);
	return 0;
}

static int
read_index(struct reader *r, struct err *err)
{
	const size_t start = r->at;
	uint64_t n = 0;

	if (take(r, '*')) {
		if (!r->wildcards) {
			r->at = start;
			return err_set(err, ERR_USAGE,
				       "'[*]' is not allowed here");
		}
		append(r, PATH_ALL_ELEMENTS);
	} else {
		for (; more(r); r->at++) {
			const uint8_t c = r->text.ptr[r->at];

			if (c < '0' || c > '9')
				break;
			n = n * 10 + (uint64_t)(c - '0');
			if (n > UINT32_MAX)
				return err_set(err, ERR_USAGE,
					       "an index that is too large");
		}
		if (r->at == start)
			return err_set(err, ERR_USAGE, "a number is expected "
				       "after '['");
		append(r, PATH_INDEX)->index = (uint32_t)n;
	}
	if (!take(r, ']'))
		return err_set(err, ERR_USAGE, "']' is expected");
	return 0;
}

static int
read_path(struct reader *r, struct err *err)
{
	int rc = read_name(r, err);

	while (rc == 0 && more(r)) {
		if (take(r, '[')) {
			rc = read_index(r, err);
		} else if (!take(r, '.')) {
			rc = err_set(err, ERR_USAGE, "'.' or '[' is expected");
		} else if (r->wildcards && take(r, '*')) {
			append(r, PATH_ALL_VALUES);
		} else {
			rc = read_name(r, err);
		}
	}
	return rc;
}

int
path_parse(struct path *p, struct span text, bool wildcards, size_t *at,
	   struct err *err)
{
	struct reader r = { .text = text, .wildcards = wildcards, .path = p };
	size_t nparts = 1;

	for (size_t i = 0; i < text.len; i++)
		nparts += text.ptr[i] == '.' || text.ptr[i] == '[';
	r.names = make(p, nparts, text.len, err);
	if (r.names == NULL)
		return -1;

	const int rc = read_path(&r, err);
	if (rc != 0) {
		if (at != NULL)
			*at = r.at;
		path_free(p);
	}
	return rc;
}

int
path_copy(struct path *p, const struct path *from, struct err *err)
{
	size_t nbytes = 0;

	for (size_t i = 0; i < from->nparts; i++)
		nbytes += from->parts[i].name.len;

	struct path copy;
	uint8_t *names = make(&copy, from->nparts, nbytes, err);
	if (names == NULL)
		return -1;
	copy.nparts = from->nparts;
	for (size_t i = 0; i < from->nparts; i++) {
		struct path_part *const part = &copy.parts[i];

		*part = from->parts[i];
		if (part->kind != PATH_NAME)
			continue;
		memcpy(names, part->name.ptr, part->name.len);
		part->name.ptr = names;
		names += part->name.len;
	}
	*p = copy;
	return 0;
}

void
path_free(struct path *p)
{
	free(p->parts);
	*p = (struct path){ 0 };
}

struct value *
path_step(const struct path_part *part, const struct value *in)
{
	if (part->kind == PATH_NAME && in->type == VALUE_M)
		return value_attr(in, part->name, part->hash);
	if (part->kind == PATH_INDEX && in->type == VALUE_L &&
	    part->index < in->len)
		return &in->kids[part->index];
	return NULL;
}

struct value *
path_follow(const struct path *p, const struct value *map)
{
	struct value *v = path_step(&p->parts[0], map);

	for (size_t i = 1; i < p->nparts && v != NULL; i++)
		v = path_step(&p->parts[i], v);
	return v;
}

/* Can it stand in an expression as it is? */
static bool
is_plain(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		const uint8_t c = name.ptr[i], low = c | 0x20;

		if (c != '_' && !(low >= 'a' && low <= 'z') &&
		    !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return name.len > 0 && !path_is_word(name);
}

int
path_print_name(struct span name, struct buf *out, struct err *err)
{
	if (is_plain(name))
		return buf_append(out, name, err);

	uint8_t *const start = buf_reserve(out, 2 * name.len + 2, err);
	uint8_t *p = start;
	if (p == NULL)
		return -1;
	*p++ = '"';
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"')
			*p++ = '"';
		*p++ = name.ptr[i];
	}
	*p++ = '"';
	buf_commit(out, (size_t)(p - start));
	return 0;
}

int
path_print(const struct path *p, struct buf *out, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->nparts && rc == 0; i++) {
		const struct path_part *const part = &p->parts[i];

		switch (part->kind) {
		case PATH_NAME:
			if (i > 0)
				rc = buf_append(out, span_of("."), err);
			if (rc == 0)
				rc = path_print_name(part->name, out, err);
			break;
		case PATH_INDEX:
			rc = buf_printf(out, err, "[%u]", part->index);
			break;
		case PATH_ALL_ELEMENTS:
			rc = buf_append(out, span_of("[*]"), err);
			break;
		case PATH_ALL_VALUES:
			rc = buf_append(out, span_of(".*"), err);
			break;
		}
	}
	return rc;
}
