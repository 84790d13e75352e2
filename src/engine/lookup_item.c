/* lookup_item.c - the lines of items, from the files that they came in. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lookup_internal.h"
#include "engine/reading.h"
#include "engine/unit.h"
#include "model/batch.h"

/* Take what a batch has of the items from list[*i] on. */
static int
take_items(const struct batch *b, struct lookup_found **list, size_t n,
	   size_t *i, struct arena *mem, struct err *err)
{
	for (uint32_t k = 0; k < b->nitems && *i < n; k++) {
		const struct item *const item = &b->items[k];

		for (; *i < n && list[*i]->offset == item->offset; ++*i) {
			list[*i]->line = item->number;
			list[*i]->item = arena_copy(mem, item->line, err);
			if (list[*i]->item.ptr == NULL)
				return -1;
		}
		if (*i < n && list[*i]->offset < item->offset)
			return err_set(err, ERR_INPUT, "%s: no item at byte %"
				       PRIu64, list[*i]->file,
				       list[*i]->offset);
	}
	return 0;
}

/* Items of one file, in the order of their offsets. */
static int
read_file(struct lookup *l, struct reading *r, struct lookup_found **list,
	  size_t n, struct err *err)
{
	/* Damage is for who reads all of it. */
	const struct unit u = {
		.path = list[0]->file, .name = list[0]->file, .nitems = -1,
		.accepted = true,
	};
	struct batch *b;
	size_t i = 0;
	int more = 1;

	if (strcmp(u.path, "-") == 0)
		return 0;	/* standard input is gone */
	if (reading_start(r, &u, false, err) != 0)
		return -1;
	while (i < n && (more = reading_next(r, &b, err)) > 0)
		if (take_items(b, list, n, &i, &l->answers, err) != 0)
			return -1;
	if (more < 0)
		return -1;
	return i == n ? 0 :
		err_set(err, ERR_INPUT, "%s: no item at byte %" PRIu64, u.path,
			list[i]->offset);
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

	struct reading *const r = reading_new(err);
	int rc = r == NULL ? -1 : 0;
	for (size_t i = 0, end; i < m && rc == 0; i = end) {
		for (end = i + 1; end < m && list[end]->unit == list[i]->unit;
		     end++)
			;
		rc = read_file(l, r, list + i, end - i, err);
	}
	reading_free(r);
	return rc;
}
