/*
 * floor.c - recompress an export and look at nothing: the least that a
 * transformation can cost who takes text apart and packs it again.
 *
 *	floor [--level N] [--threads N] [--pack gzip|zstd|none] [--md5]
 *	      [--only-read] [--own] IN OUT
 *
 * Every data file under IN (in a folder called data, or IN itself) is read,
 * unpacked, packed again and written to OUT/<number>, the largest first, one
 * file at a time for each thread. gzip is unpacked and packed by ISA-L, the
 * fastest library there is; with --own it is unpacked by the program's own
 * inflater. --md5 takes the MD5 of what is read and of what is written, as
 * manifests ask for; --only-read stops after unpacking.
 */
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <isa-l/igzip_lib.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/md5.h"
#include "formats/formats.h"
#include "io/drain.h"
#include "io/feed.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"

enum {
	MAX_FILES = 4096,
	MAX_THREADS = 64,
	PIECE = 64 * 1024,	/* as the program takes it */
	IN_LEN = 128 * 1024,	/* likewise */
};

struct data_file {
	char *path;
	uint64_t len;
};

struct options {
	const char *in, *out;
	const struct byte_format *pack;
	int level;
	uint64_t threads;
	bool md5, only_read, own;
};

struct work {
	const struct options *opt;
	pthread_mutex_t mutex;
	size_t next;			/* these three under the mutex */
	uint64_t plain_len;
	struct err err;
};

static struct data_file files[MAX_FILES];
static size_t nfiles;

static int
note(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;
	const bool in_data = ftw->base >= 6 &&
			     strncmp(name - 6, "/data/", 6) == 0;

	if (type != FTW_F || nfiles == MAX_FILES || *name == '.' ||
	    (!in_data && ftw->level > 1) || strstr(name, "manifest") != NULL)
		return 0;
	files[nfiles].path = strdup(path);
	files[nfiles].len = (uint64_t)st->st_size;
	return files[nfiles++].path == NULL;
}

static int
by_len(const void *a, const void *b)
{
	const struct data_file *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? 1 : -1;
	return strcmp(x->path, y->path);
}

/* ---- gzip by ISA-L, as a feed of text ------------------------------------ */

struct unpacked {
	struct feed feed;
	struct feed *from;
	bool want_md5, done;
	struct md5 md5;
	struct inflate_state state;
	uint8_t in[IN_LEN];
};

static ssize_t
read_unpacked(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct unpacked *const u = (struct unpacked *)feed;
	struct inflate_state *const s = &u->state;

	s->next_out = to;
	s->avail_out = (uint32_t)n;
	while (s->avail_out == n) {
		if (s->avail_in == 0 && !u->done) {
			const ssize_t got = u->from->read(u->from, u->in,
							  IN_LEN, err);

			if (got < 0)
				return -1;
			u->done = got == 0;
			s->next_in = u->in;
			s->avail_in = (uint32_t)got;
			if (u->want_md5)
				md5_add(&u->md5, (struct span){ u->in,
								(size_t)got });
		}
		if (s->block_state == ISAL_BLOCK_FINISH)
			return 0;	/* exports have one member a file */
		if (isal_inflate(s) < 0 || (u->done && s->avail_out == n))
			return err_set(err, ERR_INPUT, "not one gzip member");
	}
	return (ssize_t)(n - s->avail_out);
}

static void
close_unpacked(struct feed *feed)
{
	struct unpacked *const u = (struct unpacked *)feed;

	u->from->close(u->from);
	free(u);
}

static struct feed *
unpacked_feed(struct feed *from, bool md5, struct err *err)
{
	struct unpacked *const u = malloc(sizeof(*u));

	if (from == NULL)
		return NULL;
	if (u == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memset(u, 0, offsetof(struct unpacked, state));
	u->feed = (struct feed){
		.read = read_unpacked, .close = close_unpacked,
	};
	u->from = from;
	u->want_md5 = md5;
	md5_start(&u->md5);
	isal_inflate_init(&u->state);
	u->state.crc_flag = ISAL_GZIP;
	return &u->feed;
}

/* -------------------------------------------------------------------------- */

/* Move all of `from` to `to`, which is NULL to drop it. */
static int
move(struct source *from, struct sink *to, struct err *err)
{
	struct span piece;
	int more = 1;

	while (more > 0) {
		more = source_peek(from, PIECE, &piece, err);
		if (more < 0 || (to != NULL && sink_write(to, piece, err) != 0))
			return -1;
		source_consume(from, piece.len);
	}
	return to == NULL ? 0 : sink_commit(to, NULL, err);
}

static int
recompress(struct work *w, size_t number, struct err *err)
{
	const struct options *opt = w->opt;
	struct source *from = NULL;
	struct sink *to = NULL;
	char path[PATH_MAX];
	int rc = -1;

	struct feed *const file = file_feed(files[number].path, err);
	from = source_open(opt->own ? file : unpacked_feed(file, opt->md5, err),
			   opt->own && opt->md5, err);
	if (from == NULL)
		goto done;
	if (!opt->only_read) {
		snprintf(path, sizeof(path), "%s/%08zu", opt->out, number);
		to = sink_open(file_drain(path, err), opt->pack, opt->level,
			       opt->md5, err);
		if (to == NULL)
			goto done;
	}
	rc = move(from, to, err);
	if (rc == 0) {
		pthread_mutex_lock(&w->mutex);
		w->plain_len += source_stats(from).plain_len;
		pthread_mutex_unlock(&w->mutex);
	}
done:
	sink_close(to);
	source_close(from);
	return rc == 0 ? 0 : err_at(err, "%s", files[number].path);
}

static void *
worker(void *arg)
{
	struct work *w = arg;
	struct err err = { ERR_NONE, "" };

	for (;;) {
		pthread_mutex_lock(&w->mutex);
		const size_t number = w->next++;
		pthread_mutex_unlock(&w->mutex);
		if (number >= nfiles)
			return NULL;
		if (recompress(w, number, &err) != 0) {
			pthread_mutex_lock(&w->mutex);
			w->err = err;
			w->next = nfiles;
			pthread_mutex_unlock(&w->mutex);
		}
	}
}

static bool
parse(char **argv, struct options *o)
{
	for (char **a = argv + 1; *a != NULL; a++) {
		if (strcmp(*a, "--md5") == 0)
			o->md5 = true;
		else if (strcmp(*a, "--own") == 0)
			o->own = true;
		else if (strcmp(*a, "--only-read") == 0)
			o->only_read = true;
		else if (strcmp(*a, "--level") == 0 && a[1] != NULL)
			o->level = (int)strtol(*++a, NULL, 10);
		else if (strcmp(*a, "--threads") == 0 && a[1] != NULL)
			o->threads = strtoul(*++a, NULL, 10);
		else if (strcmp(*a, "--pack") == 0 && a[1] != NULL)
			o->pack = byte_format_named(*++a);
		else if (**a == '-' || o->out != NULL)
			return false;
		else if (o->in == NULL)
			o->in = *a;
		else
			o->out = *a;
	}
	return o->in != NULL && (o->out != NULL || o->only_read) &&
	       o->threads >= 1 && o->threads <= MAX_THREADS;
}

int
main(int argc, char **argv)
{
	struct options opt = { .threads = 1, .level = 0 };
	struct work w = { .opt = &opt, .mutex = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[MAX_THREADS];

	(void)argc;
	cpu_init(getenv("CPU_MASK"));
	opt.pack = byte_format_named("gzip");
	if (!parse(argv, &opt)) {
		fprintf(stderr, "usage: floor [--level N] [--threads N] [--pack"
			" FORMAT] [--md5] [--only-read] [--own] IN OUT\n");
		return 2;
	}
	if (opt.out != NULL && file_make_folder(opt.out, &w.err) != 0)
		goto done;
	if (nftw(opt.in, note, 16, FTW_PHYS) != 0 || nfiles == 0) {
		err_set(&w.err, ERR_INPUT, "'%s': no data files", opt.in);
		goto done;
	}
	qsort(files, nfiles, sizeof(files[0]), by_len);
	for (uint64_t i = 0; i < opt.threads; i++)
		if (pthread_create(&threads[i], NULL, worker, &w) != 0)
			return 4;
	for (uint64_t i = 0; i < opt.threads; i++)
		pthread_join(threads[i], NULL);
done:
	if (w.err.code != ERR_NONE) {
		fprintf(stderr, "floor: %s\n", w.err.text);
		return 4;
	}
	printf("%zu files, %" PRIu64 " bytes\n", nfiles, w.plain_len);
	return 0;
}
