/*
 * journal_disk.c - what the machine may forget.
 *
 * The process may die at any time, and what it wrote is still there.  If the
 * machine goes down, what was not on the disk yet is gone or half there, in any
 * order.  To wait for the disk unit by unit would cost more than the work, so
 * we wait now and then, and at the end; and after a new start of the machine
 * nothing counts that was not read again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/journal_internal.h"
#include "io/file.h"

enum {
	/* So much work, or so many seconds of it, a crash costs at most. */
	SYNC_LEN = 1 << 30,
	SYNC_SECONDS = 30,
};

/* ---- which start of the machine ------------------------------------------ */

static time_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

void
journal_read_boot(struct journal *j)
{
	struct buf id = { 0 };
	struct err trouble;

	j->synced = now();
	j->boot[0] = '\0';
	if (file_load("/proc/sys/kernel/random/boot_id", sizeof(j->boot) - 1,
		      &id, &trouble) == 0 && id.len > 0) {
		memcpy(j->boot, id.ptr, id.len);
		j->boot[id.len] = '\0';
		j->boot[strcspn(j->boot, "\n")] = '\0';
	}
	buf_free(&id);
}

bool
journal_is_of_this_boot(const struct journal *j)
{
	return j->boot[0] != '\0' &&
	       span_is(journal_find_note(j, JOURNAL_BOOT), j->boot);
}

/* Look through all units; whose files are not what was written, goes. */
static int
check_units(struct journal *j, const char *job_dir, struct err *err)
{
	for (size_t i = 0; i < j->nslots; i++) {
		struct journal_unit *const u = j->slots[i];
		struct err why;

		const int rc = u == NULL ? 1 :
			       journal_check_unit(job_dir, u, true, &why);
		if (rc < 0) {
			*err = why;
			return -1;
		}
		if (rc == 0) {
			j->slots[i] = NULL;
			j->nunits--;
		}
	}
	return journal_rehash(j, j->nslots, err);
}

int
journal_check_boot(struct journal *j, const char *job_dir, struct err *err)
{
	if (journal_is_of_this_boot(j))
		return 0;
	if (j->nslots > 0 && check_units(j, job_dir, err) != 0)
		return -1;
	return journal_note(j, JOURNAL_BOOT, span_of(j->boot), err);
}

/* ---- waiting for the disk ------------------------------------------------ */

int
journal_put_off(struct journal *j, const struct journal_unit *u,
		struct err *err)
{
	if (j->nlate == j->late_cap) {
		const size_t cap = j->late_cap == 0 ? 64 : 2 * j->late_cap;
		const struct journal_unit **const p =
			realloc(j->late, cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		j->late = p;
		j->late_cap = cap;
	}
	j->late[j->nlate++] = u;
	for (size_t i = 0; i < u->nfiles; i++)
		j->late_len += u->files[i].size;
	return 0;
}

/* Without the lock: others go on, and what they add is for the next time. */
static int
sync_units(struct journal *j, const struct journal_unit **units, size_t n,
	   struct err *err)
{
	const char *const slash = strrchr(j->path, '/');
	char *const dir = slash == NULL ? strdup(".") :
			  strndup(j->path, (size_t)(slash - j->path) + 1);
	int rc = -1;

	if (dir == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		rc = journal_sync_files(dir, units, n, err);
	free(dir);
	if (rc != 0)
		return -1;
	pthread_mutex_lock(&j->lock);
	rc = journal_wait(j, err);
	pthread_mutex_unlock(&j->lock);
	return rc == 0 ? 0 : err_at(err, "'%s'", j->path);
}

int
journal_sync_late(struct journal *j, struct err *err)
{
	const struct journal_unit **late = NULL;
	size_t n = 0;

	pthread_mutex_lock(&j->lock);
	if (j->late_len >= SYNC_LEN || now() - j->synced >= SYNC_SECONDS) {
		late = j->late;
		n = j->nlate;
		j->late = NULL;
		j->nlate = j->late_cap = 0;
		j->late_len = 0;
		j->synced = now();
	}
	pthread_mutex_unlock(&j->lock);

	const int rc = n == 0 ? 0 : sync_units(j, late, n, err);
	free(late);
	return rc;
}
