/* init_read.c - all items of all files, the largest files first. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/crew.h"
#include "engine/init_internal.h"
#include "engine/reading.h"
#include "engine/unit.h"
#include "formats/formats.h"
#include "model/batch.h"

struct one_file {
	struct unit unit;	/* no MD5, no count: that is for `run` */
	uint32_t table;
	bool absent;
};

struct pass {
	const struct init_look *look;
	struct one_file *files;
	size_t nfiles, next;
	pthread_mutex_t lock;
	bool stopped;
};

/* Show the file to `eye`, and count what is in it. */
static int
show(struct pass *p, struct reading *r, const struct one_file *f, void *eye,
     uint64_t *items, uint64_t *rejects, struct err *err)
{
	const atomic_bool *const cancel = p->look->in->options->cancel;
	struct batch *b;
	int rc = reading_start(r, &f->unit, false, err);

	while (rc == 0 && (rc = reading_next(r, &b, err)) > 0) {
		if (cancel != NULL &&
		    atomic_load_explicit(cancel, memory_order_relaxed))
			return err_set(err, ERR_CANCELLED, "interrupted");
		*items += b->nitems;
		*rejects += b->nrejects;
		rc = p->look->see(eye, b, err);
		if (rc == 0)
			continue;
		return err_at(err, "%s", f->unit.path);
	}
	return rc;
}

/* One file; its eye is closed under the lock. */
static int
read_file(struct pass *p, struct reading *r, const struct one_file *f,
	  struct err *err)
{
	struct init_table *const t = &p->look->in->tables[f->table];
	void *const eye = p->look->open(p->look->in, f->table, err);
	uint64_t items = 0, rejects = 0;
	struct err trouble = { 0 };
	int rc = 0;

	if (eye == NULL)
		return -1;
	if (!f->absent)
		rc = show(p, r, f, eye, &items, &rejects, err);
	pthread_mutex_lock(&p->lock);
	t->items += items;
	t->rejects += rejects;
	if (p->look->close(eye, &trouble) != 0 && rc == 0) {
		*err = trouble;
		rc = -1;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static const struct one_file *
next_file(struct pass *p)
{
	const struct one_file *f = NULL;

	pthread_mutex_lock(&p->lock);
	if (!p->stopped && p->next < p->nfiles)
		f = &p->files[p->next++];
	pthread_mutex_unlock(&p->lock);
	return f;
}

static int
work(void *context, struct err *err)
{
	struct pass *const p = context;
	struct reading *const r = reading_new(err);
	const struct one_file *f;
	int rc = r == NULL ? -1 : 0;

	while (rc == 0 && (f = next_file(p)) != NULL)
		rc = read_file(p, r, f, err);
	if (rc != 0) {
		pthread_mutex_lock(&p->lock);
		p->stopped = true;
		pthread_mutex_unlock(&p->lock);
	}
	reading_free(r);
	return rc;
}

static int
order(const void *a, const void *b)
{
	const struct unit *const x = &((const struct one_file *)a)->unit;
	const struct unit *const y = &((const struct one_file *)b)->unit;

	if (x->packed_len != y->packed_len)
		return x->packed_len > y->packed_len ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static void
add_file(struct pass *p, size_t export, const struct export_file *f)
{
	const struct init *const in = p->look->in;
	const struct export *const e = &in->exports.list[export];
	struct one_file *const to = &p->files[p->nfiles];

	*to = (struct one_file){
		.unit = {
			.number = (uint32_t)p->nfiles, .path = f->path,
			.name = f->name, .packed_len = f->packed_len,
			.etag = f->etag, .archive = f->archive,
			.member = f->member, .nitems = -1,
			.format = e->kind == EXPORT_PLAIN ? NULL :
				  item_format_named(exports_format(e)),
			.accepted = exports_accepts(f->path,
						    in->options->accept,
						    in->options->naccept),
		},
		.table = in->table_of[export], .absent = f->absent,
	};
	p->nfiles++;
}

static int
list_files(struct pass *p, struct err *err)
{
	const struct exports *const x = &p->look->in->exports;
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		n += x->list[i].nfiles;
	p->files = calloc(n + 1, sizeof(*p->files));
	if (p->files == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->list[i].nfiles &&
		     x->list[i].kind != EXPORT_INCREMENTAL; k++)
			add_file(p, i, &x->list[i].files[k]);
	qsort(p->files, p->nfiles, sizeof(*p->files), order);
	return 0;
}

int
init_read(struct init *in, const struct init_look *look, struct err *err)
{
	struct init_look own = *look;
	struct pass p = { .look = &own };
	unsigned n = in->options->threads;
	int rc;

	own.in = in;
	if (list_files(&p, err) != 0)
		return -1;
	for (uint32_t i = 0; i < in->ntables; i++)
		in->tables[i].items = in->tables[i].rejects = 0;
	if (n > p.nfiles)
		n = (unsigned)p.nfiles;
	pthread_mutex_init(&p.lock, NULL);
	rc = crew_do(n, work, &p, err);
	pthread_mutex_destroy(&p.lock);
	free(p.files);
	return rc;
}
