/* init_read.c - all items of all files, the largest files first. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/init_internal.h"
#include "engine/place.h"
#include "engine/unit.h"
#include "formats/formats.h"
#include "io/source.h"
#include "model/batch.h"

enum { BLOCK_LEN = 64 * 1024, MAX_THREADS = 1024 };

struct one_file {
	const struct export_file *file;
	const struct item_format *format;	/* NULL: by its first bytes */
	uint32_t table, order;
	bool accepted;
};

struct reading {
	const struct init_look *look;
	struct one_file *files;
	size_t nfiles, next;
	pthread_mutex_t lock;
	bool stopped;
	struct err err;		/* the first */
};

/* What a thread reads with. */
struct reader {
	struct reading *all;
	const struct item_format *format;	/* of `decoder` */
	void *decoder;
	struct batch batch;
	uint64_t items, rejects;
};

static int
see(struct reader *r, struct source *s, void *eye, struct err *err)
{
	const atomic_bool *const cancel = r->all->look->in->options->cancel;
	size_t want = BLOCK_LEN, used;
	struct span block;
	int more;

	do {
		if (cancel != NULL &&
		    atomic_load_explicit(cancel, memory_order_relaxed))
			return err_set(err, ERR_CANCELLED, "interrupted");
		more = source_peek(s, want, &block, err);
		if (more < 0)
			return -1;
		/* No more than was asked for, so that a batch stays small. */
		const bool last = !more && block.len <= want;
		if (block.len > want)
			block.len = want;
		batch_reset(&r->batch);
		if (r->format->decode(r->decoder, block, last, &r->batch,
				      &used, err) != 0 ||
		    r->all->look->see(eye, &r->batch, err) != 0)
			return -1;
		r->items += r->batch.nitems;
		r->rejects += r->batch.nrejects;
		source_consume(s, used);
		want = used > 0 ? BLOCK_LEN : 2 * block.len;
		if (want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
			want = SOURCE_MAX_PEEK;
		more = !last || used < block.len;
	} while (more);
	return 0;
}

/* A decoder of the file's format, at its start. */
static int
choose(struct reader *r, const struct one_file *f, struct source *s,
       struct err *err)
{
	const struct unit unit = { .format = f->format };
	const struct item_format *const format = unit_format(&unit, s);

	if (r->decoder != NULL && r->format != format) {
		r->format->decode_stop(r->decoder);
		r->decoder = NULL;
	}
	r->format = format;
	if (r->decoder == NULL)
		r->decoder = format->decode_start(NULL, err);
	if (r->decoder == NULL)
		return -1;
	format->decode_rewind(r->decoder);
	return 0;
}

/* One file; its eye is closed under the lock. */
static int
read_file(struct reader *r, const struct one_file *f, struct err *err)
{
	struct init *const in = r->all->look->in;
	struct source *s = NULL;
	void *const eye = r->all->look->open(in, f->table, err);
	int rc = -1;

	if (eye == NULL)
		return -1;
	r->items = r->rejects = 0;
	if (!f->file->absent)
		s = source_open(place_feed(f->file->path, err), false, err);
	if (s != NULL && choose(r, f, s, err) == 0)
		rc = see(r, s, eye, err);
	source_close(s);
	if (f->file->absent || (rc != 0 && f->accepted &&
				err->code == ERR_INPUT))
		rc = 0;	/* as the user wishes: what could be read of it */
	if (rc != 0 && err->code != ERR_CANCELLED)
		err_at(err, "%s", f->file->path);

	pthread_mutex_lock(&r->all->lock);
	in->tables[f->table].items += r->items;
	in->tables[f->table].rejects += r->rejects;
	struct err trouble = { 0 };
	if (r->all->look->close(eye, &trouble) != 0 && rc == 0) {
		*err = trouble;
		rc = -1;
	}
	pthread_mutex_unlock(&r->all->lock);
	return rc;
}

static const struct one_file *
next_file(struct reading *all)
{
	const struct one_file *f = NULL;

	pthread_mutex_lock(&all->lock);
	if (!all->stopped && all->next < all->nfiles)
		f = &all->files[all->next++];
	pthread_mutex_unlock(&all->lock);
	return f;
}

static void *
work(void *argument)
{
	struct reader r = { .all = argument };
	const struct one_file *f;
	struct err err = { 0 };
	int rc = 0;

	while (rc == 0 && (f = next_file(r.all)) != NULL)
		rc = read_file(&r, f, &err);
	if (rc != 0) {
		pthread_mutex_lock(&r.all->lock);
		if (!r.all->stopped)
			r.all->err = err;
		r.all->stopped = true;
		pthread_mutex_unlock(&r.all->lock);
	}
	if (r.decoder != NULL)
		r.format->decode_stop(r.decoder);
	batch_free(&r.batch);
	return NULL;
}

static int
order(const void *a, const void *b)
{
	const struct one_file *const x = a, *const y = b;

	if (x->file->packed_len != y->file->packed_len)
		return x->file->packed_len > y->file->packed_len ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int
list_files(struct reading *all, struct err *err)
{
	const struct init *const in = all->look->in;
	const struct init_options *const o = in->options;
	size_t n = 0;

	for (size_t i = 0; i < in->exports.n; i++)
		n += in->exports.list[i].nfiles;
	all->files = calloc(n + 1, sizeof(*all->files));
	if (all->files == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < in->exports.n; i++)
		for (size_t k = 0; k < in->exports.list[i].nfiles; k++) {
			const struct export_file *const f =
				&in->exports.list[i].files[k];

			all->files[all->nfiles] = (struct one_file){
				.file = f, .table = in->table_of[i],
				.format = in->exports.list[i].kind ==
					EXPORT_PLAIN ? NULL :
					item_format_named(exports_format(
						&in->exports.list[i])),
				.order = (uint32_t)all->nfiles,
				.accepted = exports_accepts(f->path, o->accept,
							    o->naccept),
			};
			all->nfiles++;
		}
	qsort(all->files, all->nfiles, sizeof(*all->files), order);
	return 0;
}

int
init_read(struct init *in, const struct init_look *look, struct err *err)
{
	struct init_look own = *look;
	struct reading all = { .look = &own };
	pthread_t threads[MAX_THREADS];
	unsigned n = 0;

	own.in = in;
	if (list_files(&all, err) != 0)
		return -1;
	for (uint32_t i = 0; i < in->ntables; i++)
		in->tables[i].items = in->tables[i].rejects = 0;
	pthread_mutex_init(&all.lock, NULL);
	while (n + 1 < in->options->threads && n + 1 < all.nfiles &&
	       n < MAX_THREADS &&
	       pthread_create(&threads[n], NULL, work, &all) == 0)
		n++;
	work(&all);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	pthread_mutex_destroy(&all.lock);
	free(all.files);
	if (!all.stopped)
		return 0;
	*err = all.err;
	return -1;
}
