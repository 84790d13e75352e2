/*
 * join.c - the end checks, as tasks for a few threads.
 *
 * First the indexes and the primary keys, then the references, which need the
 * indexes; in each half the largest task first.  No task looks at another's
 * result, so their order does not matter.
 */
#include "engine/join.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/join_internal.h"
#include "io/mapping.h"

enum {
	USUAL_MEMORY = 1 << 30,
	MAX_THREADS = 64,
	/* A worker's buffers: reading, three streams, batches. */
	OWN_MEMORY = 4 << 20,
	/*
	 * What all sort in memory rather than in a file, which is somewhat
	 * faster: 600,000 ids for one thread.
	 */
	NEAR_MEMORY = 16 << 20,
	MAX_MAPPINGS = 50000,	/* Linux has 65530 for a process */
	/* Of a thread; more is of no use where records are few: see useful(). */
	USEFUL_MEMORY = 16 << 20,
	USEFUL_BYTES = 2,	/* of a record */
};

struct task {
	int (*run)(struct join_worker *w, uint32_t number, struct err *err);
	uint32_t number;
	uint64_t size;		/* records */
};

/* A half's tasks, and how far they are. */
struct queue {
	struct join_state *state;
	struct task *tasks;
	size_t n;
	atomic_size_t next;
	unsigned threads;
	uint64_t size;		/* of all of them */
	pthread_mutex_t lock;
	struct err err;		/* the first */
};

static int
larger_first(const void *a, const void *b)
{
	const struct task *const x = a, *const y = b;

	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void
add(struct queue *q, int (*run)(struct join_worker *, uint32_t, struct err *),
    uint32_t number, uint64_t size)
{
	q->tasks[q->n++] = (struct task){ run, number, size };
}

/* How many of the threads a task should have: in all no more than there are. */
static unsigned
share(const struct queue *q, const struct task *t)
{
	const unsigned __int128 all = (unsigned __int128)q->threads * t->size;

	return q->size == 0 || all < q->size ? 1 : (unsigned)(all / q->size);
}

static void *
work(void *arg)
{
	struct queue *const q = arg;
	struct join_worker w = { q->state, malloc(KEYLOG_MAX), 1 };
	struct err err = { 0 };
	int rc = 0;

	if (w.room == NULL)
		rc = err_set(&err, ERR_SYSTEM, "out of memory");
	while (rc == 0) {
		const size_t i = atomic_fetch_add(&q->next, 1);

		if (i >= q->n)
			break;
		w.threads = share(q, &q->tasks[i]);
		rc = q->tasks[i].run(&w, q->tasks[i].number, &err);
	}
	if (rc != 0) {
		atomic_store(&q->next, q->n);
		pthread_mutex_lock(&q->lock);
		if (q->err.code == ERR_NONE)
			q->err = err;
		pthread_mutex_unlock(&q->lock);
	}
	free(w.room);
	return NULL;
}

/* Do all tasks of the queue, this thread among `threads`. */
static int
do_all(struct queue *q, unsigned threads, struct err *err)
{
	pthread_t others[MAX_THREADS];
	unsigned n = 0;

	qsort(q->tasks, q->n, sizeof(*q->tasks), larger_first);
	atomic_store(&q->next, 0);
	q->threads = threads;
	q->size = 0;
	for (size_t i = 0; i < q->n; i++)
		q->size += q->tasks[i].size;
	q->err = (struct err){ 0 };
	while (n + 1 < threads && n + 1 < q->n &&
	       pthread_create(&others[n], NULL, work, q) == 0)
		n++;
	work(q);
	while (n > 0)
		pthread_join(others[--n], NULL);
	q->n = 0;
	if (q->err.code == ERR_NONE)
		return 0;
	*err = q->err;
	return -1;
}

static int
run_all(struct join_state *s, unsigned threads, struct err *err)
{
	const struct join *const j = s->join;
	const struct join_logs *const l = &s->logs;
	const size_t most = (size_t)j->ntables + j->nrelations + j->ntargets;
	struct queue q = { .state = s };
	int rc;

	q.tasks = calloc(most + 1, sizeof(*q.tasks));
	if (q.tasks == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	pthread_mutex_init(&q.lock, NULL);
	for (uint32_t i = 0; i < j->ntables; i++)
		if (j->tables[i].name != NULL)
			add(&q, join_ids, i, join_logs_count(l, KEYLOG_ID, i));
	for (uint32_t i = 0; i < j->ntargets && !j->only_ids; i++)
		if (j->targets[i].ids_of == JOIN_NONE)
			add(&q, join_pks, i, join_logs_count(l, KEYLOG_PK, i));
	rc = do_all(&q, threads, err);
	for (uint32_t i = 0; rc == 0 && i < j->nrelations && !j->only_ids; i++)
		add(&q, join_refs, i, join_logs_count(l, KEYLOG_REF, i));
	if (rc == 0)
		rc = do_all(&q, threads, err);
	pthread_mutex_destroy(&q.lock);
	free(q.tasks);
	return rc;
}

static void
free_indexes(struct join_state *s)
{
	for (uint32_t i = 0; s->indexes != NULL && i < s->join->ntables; i++) {
		const struct join_index *const x = &s->indexes[i];

		join_unmark(x->dead, x->dead_len);
		mapping_close(x->idx);
		mapping_close(x->ids);
	}
	free(s->indexes);
}

/* Two files of each part are mapped by each thread that merges a table. */
static unsigned
count_threads(const struct join *j)
{
	const size_t most = j->nparts == 0 ? MAX_THREADS :
			    MAX_MAPPINGS / (2 * j->nparts);
	size_t n = j->threads == 0 ? 1 : j->threads;

	n = n > MAX_THREADS ? MAX_THREADS : n;
	n = n > most ? most : n;
	return n > 0 ? (unsigned)n : 1;
}

/*
 * How much memory is of use to a thread.  What is sorted goes through files in
 * any case unless it is small (NEAR_MEMORY), and then a fraction of its length
 * is enough to read it back in parts that are sorted at once.
 */
static size_t
useful(const struct join_state *s, unsigned threads)
{
	const struct join *const j = s->join;
	uint64_t n = 0;

	for (uint32_t i = 0; i < j->ntables; i++)
		n += join_logs_count(&s->logs, KEYLOG_ID, i);
	for (uint32_t i = 0; i < j->nrelations; i++)
		n += join_logs_count(&s->logs, KEYLOG_REF, i);
	for (uint32_t i = 0; i < j->ntargets; i++)
		n += join_logs_count(&s->logs, KEYLOG_PK, i);
	n = n / threads > SIZE_MAX / USEFUL_BYTES ? SIZE_MAX
						  : n / threads * USEFUL_BYTES;
	return n > USEFUL_MEMORY ? (size_t)n : USEFUL_MEMORY;
}

/* Of so much, what is not a worker's buffers. */
static size_t
without_own(size_t memory)
{
	return memory > 2 * OWN_MEMORY ? memory - OWN_MEMORY : memory / 2;
}

static void
share_memory(struct join_state *s, unsigned threads)
{
	const size_t most = s->join->memory == 0 ? USUAL_MEMORY
						 : s->join->memory;
	const size_t enough = useful(s, threads);
	const size_t memory = (most < JOIN_MIN_MEMORY ? JOIN_MIN_MEMORY : most)
			      / threads;

	s->mapped = without_own(memory);
	s->memory = without_own(memory < enough ? memory : enough);
	s->near = NEAR_MEMORY / threads;
}

int
join_run(const struct join *j, struct join_result *out, struct err *err)
{
	const unsigned threads = count_threads(j);
	struct join_state s = { .join = j, .result = out };
	int rc = -1;

	out->tables = calloc((size_t)j->ntables + 1, sizeof(*out->tables));
	out->relations = calloc((size_t)j->nrelations + 1,
				sizeof(*out->relations));
	out->targets = calloc((size_t)j->ntargets + 1, sizeof(*out->targets));
	s.indexes = calloc((size_t)j->ntables + 1, sizeof(*s.indexes));
	if (out->tables == NULL || out->relations == NULL ||
	    out->targets == NULL || s.indexes == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		rc = join_logs_open(&s.logs, j, err);
	if (rc == 0) {
		share_memory(&s, threads);
		rc = run_all(&s, threads, err);
	}
	free_indexes(&s);
	join_logs_close(&s.logs);
	if (rc != 0)
		join_result_free(out);
	return rc;
}

void
join_result_free(struct join_result *r)
{
	free(r->tables);
	free(r->relations);
	free(r->targets);
	*r = (struct join_result){ 0 };
}
