/* lookup_item.c - the lines of items, from the files that they came in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lookup_internal.h"
#include "io/file.h"
#include "io/source.h"

enum { BLOCK_LEN = 64 * 1024 };

/* A file on the way to its items. */
struct reader {
	struct source *source;
	uint64_t at, line;	/* where it is; number of the line there */
	bool begins;		/* a line does */
};

static uint64_t
count_lines(struct span s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == '\n';
	return n;
}

/* Go on to byte `offset`. */
static int
go_to(struct reader *r, uint64_t offset, struct err *err)
{
	struct span block;

	while (r->at < offset) {
		const int more = source_peek(r->source, BLOCK_LEN, &block,
					     err);

		if (more < 0)
			return -1;
		if (block.len > offset - r->at)
			block.len = (size_t)(offset - r->at);
		if (block.len == 0)
			return err_set(err, ERR_INPUT, "there is no byte %"
				       PRIu64, offset);
		r->line += count_lines(block);
		r->begins = block.ptr[block.len - 1] == '\n';
		r->at += block.len;
		source_consume(r->source, block.len);
	}
	return r->begins ? 0 :
		err_set(err, ERR_INPUT, "no line begins at byte %" PRIu64,
			offset);
}

/* The line that begins here, without its end; a copy. */
static int
copy_line(struct reader *r, struct arena *mem, struct span *out,
	  struct err *err)
{
	size_t want = BLOCK_LEN;
	struct span block;

	for (;;) {
		const int more = source_peek(r->source, want, &block, err);
		const uint8_t *const end = more < 0 || block.len == 0 ? NULL :
			memchr(block.ptr, '\n', block.len);

		if (more < 0)
			return -1;
		if (end != NULL)
			block.len = (size_t)(end - block.ptr);
		if (end != NULL || !more)
			break;
		want = 2 * block.len;
		if (want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
			want = SOURCE_MAX_PEEK;
	}
	if (block.len > 0 && block.ptr[block.len - 1] == '\r')
		block.len--;
	*out = arena_copy(mem, block, err);
	return out->ptr == NULL ? -1 : 0;
}

/* Items of one file, in the order of their offsets. */
static int
read_file(struct lookup *l, struct lookup_found **list, size_t n,
	  struct err *err)
{
	struct reader r = { .line = 1, .begins = true };
	int rc = 0;

	if (strcmp(list[0]->file, "-") == 0)
		return 0;	/* standard input is gone */
	r.source = source_open(file_feed(list[0]->file, err), false, err);
	if (r.source == NULL)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = go_to(&r, list[i]->offset, err);
		if (rc == 0)
			rc = copy_line(&r, &l->answers, &list[i]->item, err);
		list[i]->line = r.line;
	}
	source_close(r.source);
	return rc == 0 ? 0 : err_at(err, "%s", list[0]->file);
}

static int
by_place(const void *a, const void *b)
{
	const struct lookup_found *const x =
		*(const struct lookup_found *const *)a;
	const struct lookup_found *const y =
		*(const struct lookup_found *const *)b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int
lookup_items(struct lookup *l, struct lookup_answer *answers, size_t n,
	     struct err *err)
{
	struct lookup_found **list;
	size_t m = 0, k = 0;

	if (l->lost.code != ERR_NONE) {
		*err = l->lost;
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		for (struct lookup_found *f = answers[i].first; f != NULL;
		     f = f->next)
			m++;
	list = arena_take(&l->answers, (m + 1) * sizeof(*list), err);
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (struct lookup_found *f = answers[i].first; f != NULL;
		     f = f->next)
			list[k++] = f;
	qsort(list, m, sizeof(struct lookup_found *), by_place);
	for (size_t i = 0, end; i < m; i = end) {
		for (end = i + 1; end < m && list[end]->unit == list[i]->unit;
		     end++)
			;
		if (read_file(l, list + i, end - i, err) != 0)
			return -1;
	}
	return 0;
}
