/*
 * undo_past.c - the record of what was written over, read again: a file as long
 * as the job's items are many says where the first line of each is, so that
 * neither memory nor order matter.  Further lines, of what was in flight when a
 * push was interrupted, are few and stand in a list.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/outfiles.h"
#include "engine/undo.h"
#include "formats/jsonraw.h"
#include "io/spill.h"

/* A line behind the first one of its item. */
struct later {
	uint64_t item, at;
};

struct undo_past {
	const uint8_t *text;		/* the record, mapped */
	size_t len;
	uint64_t *first;		/* of each item: where its line is, + 1 */
	size_t first_len;		/* bytes; 0: there is no record */
	const struct outfiles_part *part;
	uint64_t *base;			/* of a unit's items, in `first` */
	uint64_t counts[UNDO_LEFT + 1];
	struct buf later;		/* struct later, in order */
};

static const uint8_t *
map_record(const char *path, size_t *len, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = NULL;
	struct stat st;

	*len = 0;
	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, ERR_SYSTEM, "'%s': %m", path);
	} else if (st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd,
			 0);
		if (p == MAP_FAILED) {
			err_set(err, ERR_SYSTEM, "'%s': %m", path);
			p = NULL;
		} else {
			*len = (size_t)st.st_size;
		}
	}
	if (fd >= 0)
		close(fd);
	return p;
}

/* Room for a number for each item, in a file without a name. */
static int
make_index(struct undo_past *p, uint64_t nitems, const char *tmp,
	   struct err *err)
{
	p->first_len = (size_t)(nitems + 1) * sizeof(*p->first);
	p->first = (void *)spill_zeros(tmp, p->first_len, err);
	return p->first != NULL ? 0 : -1;
}

/* A number, and *at behind it; -1 if there is none. */
static int
read_number(struct span s, size_t *at, uint64_t *out)
{
	const size_t start = *at;

	*out = 0;
	while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
		if (*out > UINT64_MAX / 16)
			return -1;
		*out = *out * 10 + (uint64_t)(s.ptr[(*at)++] - '0');
	}
	return *at > start ? 0 : -1;
}

static bool
skip_text(struct span s, size_t *at, const char *text)
{
	const size_t n = strlen(text);

	if (s.len - *at < n || memcmp(s.ptr + *at, text, n) != 0)
		return false;
	*at += n;
	return true;
}

/* The number of the item that a line is of; -1 if it is no line. */
static int
read_at(const struct undo_past *p, struct span line, uint64_t *item)
{
	uint64_t unit, number;
	size_t at = 0;

	if (!skip_text(line, &at, "{\"At\":[") ||
	    read_number(line, &at, &unit) != 0 || !skip_text(line, &at, ",") ||
	    read_number(line, &at, &number) != 0 ||
	    !skip_text(line, &at, "],\"Key\":{") || unit >= p->part->n ||
	    number >= p->base[unit + 1] - p->base[unit])
		return -1;
	*item = p->base[unit] + number;
	return 0;
}

static struct undo_was
read_line(struct span line)
{
	struct undo_was w = {
		.kind = UNDO_ITEM, .item = jsonraw_member(line, "Item"),
	};

	if (w.item.ptr == NULL)
		w.kind = jsonraw_member(line, "Left").ptr != NULL ? UNDO_LEFT
			: UNDO_ABSENT;
	return w;
}

/* .ptr is NULL if it has no end. */
static struct span
line_at(const struct undo_past *p, size_t at)
{
	const uint8_t *const end = memchr(p->text + at, '\n', p->len - at);

	return (struct span){ end == NULL ? NULL : p->text + at,
			      end == NULL ? 0 : (size_t)(end - p->text) - at };
}

/* Nothing was put then; what was there is in the line of what was put later. */
static bool
was_left(const struct undo_past *p, uint64_t item)
{
	return read_line(line_at(p, (size_t)p->first[item] - 1)).kind ==
	       UNDO_LEFT;
}

static int
note_line(struct undo_past *p, uint64_t item, size_t at, struct span line,
	  struct err *err)
{
	const enum undo_kind kind = read_line(line).kind;
	const struct later l = { item, at };

	if (p->first[item] == 0 || was_left(p, item)) {
		p->counts[UNDO_LEFT] -= p->first[item] != 0;
		p->first[item] = at + 1;
		p->counts[kind]++;
		return 0;
	}
	/* What is left there is not written over. */
	return kind == UNDO_LEFT ? 0 : buf_append(&p->later,
		(struct span){ (const uint8_t *)&l, sizeof(l) }, err);
}

static int
by_item(const void *a, const void *b)
{
	const struct later *const x = a, *const y = b;

	return x->item != y->item ? (x->item > y->item) - (x->item < y->item)
				  : (x->at > y->at) - (x->at < y->at);
}

static int
index_lines(struct undo_past *p, const char *path, struct err *err)
{
	uint64_t item, number = 1;

	for (size_t at = 0; at < p->len; number++) {
		const struct span line = line_at(p, at);

		if (line.ptr == NULL)	/* torn: it was never trusted */
			break;
		if (read_at(p, line, &item) != 0)
			return err_set(err, ERR_INPUT, "'%s': line %" PRIu64
				       " is no record of this job's push",
				       path, number);
		if (note_line(p, item, at, line, err) != 0)
			return -1;
		at += line.len + 1;
	}
	if (p->later.len > 0)
		qsort(p->later.ptr, p->later.len / sizeof(struct later),
		      sizeof(struct later), by_item);
	return 0;
}

static int
number_items(struct undo_past *p, uint64_t *nitems, struct err *err)
{
	*nitems = 0;
	p->base = calloc((size_t)p->part->n + 1, sizeof(*p->base));
	if (p->base == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < p->part->n; i++) {
		p->base[i] = *nitems;
		*nitems += (uint64_t)p->part->units[i].nitems;
	}
	p->base[p->part->n] = *nitems;
	return 0;
}

struct undo_past *
undo_past_open(const char *path, const struct outfiles_part *part,
	       const char *tmp, struct err *err)
{
	struct undo_past *const p = calloc(1, sizeof(*p));
	struct err why = { 0 };
	uint64_t nitems;

	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->part = part;
	p->text = map_record(path, &p->len, &why);
	if (why.code != ERR_NONE)
		*err = why;
	else if (p->text == NULL ||
		 (number_items(p, &nitems, err) == 0 &&
		  make_index(p, nitems, tmp, err) == 0 &&
		  index_lines(p, path, err) == 0))
		return p;
	undo_past_close(p);
	return NULL;
}

void
undo_past_close(struct undo_past *p)
{
	if (p == NULL)
		return;
	if (p->text != NULL)
		munmap((void *)(uintptr_t)p->text, p->len);
	if (p->first != NULL)
		munmap(p->first, p->first_len);
	buf_free(&p->later);
	free(p->base);
	free(p);
}

uint64_t
undo_past_count(const struct undo_past *p, enum undo_kind kind)
{
	return p->counts[kind];
}

struct undo_was
undo_past_get(const struct undo_past *p, uint32_t unit, uint64_t number)
{
	const uint64_t at = p->text == NULL ? 0
		: p->first[p->base[unit] + number];

	return at == 0 ? (struct undo_was){ .kind = UNDO_NOTHING }
		: read_line(line_at(p, (size_t)at - 1));
}

/* How many lines of the list are of items before this one. */
static size_t
later_before(const struct undo_past *p, uint64_t item)
{
	const struct later *const list = (const void *)p->later.ptr;
	size_t low = 0, high = p->later.len / sizeof(*list);

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (list[mid].item < item)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct undo_was
undo_past_back(const struct undo_past *p, uint32_t unit, uint64_t number,
	       size_t back)
{
	const struct later *const list = (const void *)p->later.ptr;
	const uint64_t item = p->text == NULL ? 0 : p->base[unit] + number;
	size_t from, n;

	if (p->later.len == 0)
		return back == 0 ? undo_past_get(p, unit, number)
			: (struct undo_was){ .kind = UNDO_NOTHING };
	from = later_before(p, item);
	n = later_before(p, item + 1) - from;
	if (back < n)
		return read_line(line_at(p, (size_t)list[from + n - 1 -
							 back].at));
	return back == n ? undo_past_get(p, unit, number)
		: (struct undo_was){ .kind = UNDO_NOTHING };
}
