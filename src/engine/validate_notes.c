/* validate_notes.c - checks that failed, found by threads side by side. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/rows.h"
#include "engine/validate_internal.h"
#include "formats/ddbjson.h"

enum {
	MEMORY = 256 << 20,	/* of texts and items; then they are counted */
};

struct kept {
	struct validate_note note;
	uint64_t number;	/* in the order in which they came */
};

struct validate_notes {
	pthread_mutex_t lock;
	struct arena mem;
	struct buf list;	/* of struct kept */
	uint64_t n, left_out;
	size_t used;
	struct ddbjson *reader;
};

struct validate_notes *
validate_notes_new(struct err *err)
{
	struct validate_notes *const n = calloc(1, sizeof(*n));

	if (n == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&n->lock, NULL);
	n->reader = ddbjson_new(err);
	if (n->reader != NULL)
		return n;
	validate_notes_free(n);
	return NULL;
}

void
validate_notes_free(struct validate_notes *n)
{
	if (n == NULL)
		return;
	ddbjson_free(n->reader);
	buf_free(&n->list);
	arena_free(&n->mem);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static int
keep(struct validate_notes *n, struct span *s, struct err *err)
{
	if (s->ptr == NULL)
		return 0;
	*s = arena_copy(&n->mem, *s, err);
	n->used += s->len;
	return s->ptr != NULL ? 0 : -1;
}

static int
keep_text(struct validate_notes *n, const char **text, struct err *err)
{
	struct span s = { NULL, 0 };

	if (*text != NULL)
		s = (struct span){ (const uint8_t *)*text, strlen(*text) + 1 };
	if (keep(n, &s, err) != 0)
		return -1;
	*text = (const char *)s.ptr;
	return 0;
}

static int
add(struct validate_notes *n, const struct validate_note *note,
    struct err *err)
{
	struct kept k = { *note, n->n++ };

	if (n->used > MEMORY) {
		n->left_out++;
		return 0;
	}
	if (keep_text(n, &k.note.text, err) != 0 ||
	    keep_text(n, &k.note.file, err) != 0 ||
	    keep_text(n, &k.note.name, err) != 0 ||
	    keep(n, &k.note.expected, err) != 0 ||
	    keep(n, &k.note.found, err) != 0)
		return -1;
	n->used += sizeof(k);
	return buf_append(&n->list, (struct span){ (const uint8_t *)&k,
						   sizeof(k) }, err);
}

int
validate_note(struct validate_notes *n, const struct validate_note *note,
	      struct err *err)
{
	pthread_mutex_lock(&n->lock);
	const int rc = add(n, note, err);
	pthread_mutex_unlock(&n->lock);
	return rc;
}

/* Of one unit and line they stay as one thread found them. */
static int
order(const void *a, const void *b)
{
	const struct kept *const x = a, *const y = b;

	if (x->note.unit != y->note.unit)
		return x->note.unit < y->note.unit ? -1 : 1;
	if (x->note.line != y->note.line)
		return x->note.line < y->note.line ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static int
show(struct validate_notes *n, const struct validate_note *note,
     const struct validate_options *o, struct validate_sums *s,
     struct err *err)
{
	const bool of_item = note->key != NULL;
	const struct item *expected = NULL, *found = NULL;
	struct validate_check c = {
		.kind = note->kind, .table = note->table, .text = note->text,
		.name = note->name != NULL ? note->name : "",
		.file = note->file, .line = note->line,
	};
	struct arena mem = { 0 };
	struct value kids[4], key;
	struct row *rows = NULL;
	int rc = 0;

	if (note->expected.ptr != NULL)
		expected = ddbjson_decode_line(n->reader, note->expected, &mem,
					       err);
	if (note->found.ptr != NULL)
		found = ddbjson_decode_line(n->reader, note->found, &mem, err);
	if ((note->expected.ptr != NULL && expected == NULL) ||
	    (note->found.ptr != NULL && found == NULL))
		rc = -1;
	if (rc == 0 && of_item && (expected != NULL || found != NULL)) {
		validate_key_of(note->key, expected != NULL ? &expected->map
							    : &found->map,
				kids, &key);
		c.key = key.len > 0 ? &key : NULL;
	}
	if (c.key == NULL && note->name == NULL)
		c.name = note->file;
	if (rc == 0 && expected != NULL && found != NULL)
		rc = rows_of(NULL, &expected->map, &found->map, &mem, &rows,
			     &c.nrows, err);
	c.rows = rows;
	if (rc == 0)
		rc = validate_see(o, s, &c, err);
	arena_free(&mem);
	return rc;
}

int
validate_notes_show(struct validate_notes *n, const struct validate_options *o,
		    struct validate_sums *s, struct err *err)
{
	struct kept *const list = (struct kept *)(void *)n->list.ptr;
	const size_t count = n->list.len / sizeof(*list);

	if (count > 1)
		qsort(list, count, sizeof(*list), order);
	for (size_t i = 0; i < count; i++)
		if (show(n, &list[i].note, o, s, err) != 0)
			return -1;
	s->checks += n->left_out;
	s->failed += n->left_out;
	return 0;
}
