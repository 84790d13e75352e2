#include "engine/seal.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "engine/crew.h"
#include "engine/job.h"
#include "engine/status.h"
#include "io/file.h"
#include "io/mapping.h"

enum { HEX_LEN = 2 * SHA256_LEN, MAX_SEAL = 1 << 30 };

struct entry {
	const char *path;	/* relative to the job */
	char hex[HEX_LEN + 1];	/* as it is; "" where there is no such file */
	char told[HEX_LEN + 1];	/* as the list says; "" if it does not */
};

struct seal {
	const struct seal_options *o;
	struct arena mem;
	struct entry *list;
	size_t n, cap;
	_Atomic size_t next;	/* to be hashed */
	atomic_bool stop;
};

/* ---- which files -------------------------------------------------------- */

static bool
counts(const char *folder, const char *name)
{
	static const char *const NOT[] = {
		"lock", JOB_STATUS, JOB_SEAL, JOB_TRIAL,
	};

	for (size_t i = 0; *folder == '\0' && i < sizeof(NOT) / sizeof(NOT[0]);
	     i++)
		if (strcmp(name, NOT[i]) == 0)
			return false;
	return name[0] != '.';
}

static struct entry *
add(struct seal *s, const char *path, struct err *err)
{
	const struct span own = arena_copy(&s->mem, (struct span){
		(const uint8_t *)path, strlen(path) + 1 }, err);

	if (own.ptr == NULL)
		return NULL;
	if (s->n == s->cap) {
		const size_t cap = s->cap > 0 ? 2 * s->cap : 256;
		struct entry *const more = realloc(s->list,
						   cap * sizeof(*more));

		if (more == NULL) {
			err_set(err, ERR_SYSTEM, "out of memory");
			return NULL;
		}
		s->list = more;
		s->cap = cap;
	}
	s->list[s->n] = (struct entry){ .path = (const char *)own.ptr };
	return &s->list[s->n++];
}

/* The files in a folder of the job and below; "" is the job itself. */
static int
walk(struct seal *s, const char *folder, struct err *err)
{
	char path[PATH_MAX];
	const struct dirent *e;
	struct stat st;
	DIR *dir;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s", s->o->job_dir, folder);
	dir = opendir(path);
	if (dir == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (!counts(folder, e->d_name))
			continue;
		if (snprintf(path, sizeof(path), "%s%s%s", folder,
			     *folder != '\0' ? "/" : "", e->d_name) >=
		    (int)sizeof(path))
			rc = err_set(err, ERR_SYSTEM, "'%s': too long a name",
				     folder);
		else if (fstatat(dirfd(dir), e->d_name, &st,
				 AT_SYMLINK_NOFOLLOW) != 0)
			rc = err_set(err, ERR_SYSTEM, "'%s': %m", path);
		else if (S_ISDIR(st.st_mode))
			rc = walk(s, path, err);
		else if (S_ISREG(st.st_mode))
			rc = add(s, path, err) == NULL ? -1 : 0;
	}
	closedir(dir);
	return rc;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
		      ((const struct entry *)b)->path);
}

/* ---- their digests ------------------------------------------------------ */

static int
hash(struct seal *s, struct entry *e, struct err *err)
{
	uint8_t digest[SHA256_LEN];
	char path[PATH_MAX];
	struct span bytes;

	snprintf(path, sizeof(path), "%s/%s", s->o->job_dir, e->path);
	if (access(path, F_OK) != 0)
		return 0;
	if (mapping_open(path, &bytes, err) != 0)
		return -1;
	sha256_of(bytes, digest);
	mapping_close(bytes);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(e->hex + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static int
work(void *context, struct err *err)
{
	struct seal *const s = context;
	size_t i;

	while (!atomic_load(&s->stop) &&
	       (i = atomic_fetch_add(&s->next, 1)) < s->n) {
		if (s->o->cancel != NULL && atomic_load(s->o->cancel)) {
			atomic_store(&s->stop, true);
			return err_set(err, ERR_CANCELLED, "interrupted");
		}
		if (hash(s, &s->list[i], err) != 0) {
			atomic_store(&s->stop, true);
			return -1;
		}
	}
	return 0;
}

static int
hash_all(struct seal *s, struct err *err)
{
	if (s->n > 0)
		qsort(s->list, s->n, sizeof(*s->list), by_path);
	if (crew_do(s->o->threads > 0 ? s->o->threads : 1, work, s, err) != 0)
		return -1;
	return atomic_load(&s->stop)
		? err_set(err, ERR_CANCELLED, "interrupted") : 0;
}

static void
end(struct seal *s)
{
	arena_free(&s->mem);
	free(s->list);
}

/* ---- writing ------------------------------------------------------------ */

/* As sha256sum writes it, which escapes \ and line ends, and says so. */
static int
write_line(const struct entry *e, struct buf *out, struct err *err)
{
	const bool odd = strpbrk(e->path, "\\\n") != NULL;

	if (buf_printf(out, err, "%s%s  ", odd ? "\\" : "", e->hex) != 0)
		return -1;
	for (const char *s = e->path; *s != '\0'; s++)
		if (buf_append(out, *s == '\\' ? span_of("\\\\")
			       : *s == '\n' ? span_of("\\n")
			       : (struct span){ (const uint8_t *)s, 1 },
			       err) != 0)
			return -1;
	return buf_append(out, span_of("\n"), err);
}

int
seal_write(const struct seal_options *o, struct err *err)
{
	struct seal s = { .o = o };
	struct buf text = { 0 };
	char path[PATH_MAX];
	int rc = walk(&s, "", err);

	if (rc == 0)
		rc = hash_all(&s, err);
	for (size_t i = 0; rc == 0 && i < s.n; i++)
		rc = s.list[i].hex[0] == '\0' ? 0
			: write_line(&s.list[i], &text, err);
	snprintf(path, sizeof(path), "%s/" JOB_SEAL, o->job_dir);
	if (rc == 0)
		rc = file_save_safe(path, buf_span(&text), err);
	buf_free(&text);
	end(&s);
	return rc;
}

/* ---- comparing ---------------------------------------------------------- */

static bool
is_there(const char *job_dir, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" JOB_SEAL, job_dir);
	return access(path, F_OK) == 0;
}

bool
seal_is_there(const char *job_dir)
{
	char path[PATH_MAX];

	return is_there(job_dir, path);
}

void
seal_break(const char *job_dir)
{
	char path[PATH_MAX];

	if (is_there(job_dir, path))
		unlink(path);
}

/* The name in a line, unescaped in its place. */
static bool
read_name(char *name, bool odd)
{
	char *to = name;

	for (const char *s = name; *s != '\0'; s++) {
		if (odd && *s == '\\') {
			s++;
			if (*s != '\\' && *s != 'n')
				return false;
			*to++ = *s == 'n' ? '\n' : '\\';
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	/* Nothing outside the job is ever looked at. */
	return *name != '\0' && *name != '/' &&
	       strcmp(name, "..") != 0 && strncmp(name, "../", 3) != 0 &&
	       strstr(name, "/../") == NULL;
}

static int
read_line(struct seal *s, char *line, struct err *err)
{
	const bool odd = line[0] == '\\';
	char *const hex = line + odd;
	const size_t n = strspn(hex, "0123456789abcdef");
	struct entry *e;

	if (n != HEX_LEN || hex[n] != ' ' ||
	    (hex[n + 1] != ' ' && hex[n + 1] != '*') ||
	    !read_name(hex + n + 2, odd))
		return err_set(err, ERR_INPUT, "'%s/" JOB_SEAL "': a line "
			       "that is none", s->o->job_dir);
	e = add(s, hex + n + 2, err);
	if (e == NULL)
		return -1;
	memcpy(e->told, hex, HEX_LEN);
	return 0;
}

static int
read_list(struct seal *s, struct err *err)
{
	char path[PATH_MAX], *line;
	struct buf text = { 0 };
	int rc;

	is_there(s->o->job_dir, path);
	rc = file_load(path, MAX_SEAL, &text, err);
	if (rc == 0)
		rc = buf_append(&text, (struct span){ (const uint8_t *)"", 1 },
				err);
	line = (char *)text.ptr;
	while (rc == 0 && *line != '\0') {
		char *const stop = line + strcspn(line, "\n");
		const bool last = *stop == '\0';

		*stop = '\0';
		rc = read_line(s, line, err);
		line = stop + !last;
	}
	buf_free(&text);
	return rc;
}

/* Files that the list does not name; both are in order. */
static int
add_others(struct seal *s, struct err *err)
{
	struct seal there = { .o = s->o };
	const size_t n = s->n;
	int rc = walk(&there, "", err);

	if (n > 0)
		qsort(s->list, n, sizeof(*s->list), by_path);
	for (size_t i = 0; rc == 0 && i < there.n; i++)
		if (n == 0 || bsearch(&there.list[i], s->list, n,
				      sizeof(*s->list), by_path) == NULL)
			rc = add(s, there.list[i].path, err) == NULL ? -1 : 0;
	end(&there);
	return rc;
}

int
seal_check(const struct seal_options *o,
	   int (*see)(void *context, enum seal_kind kind, const char *path,
		      struct err *err),
	   void *context, struct err *err)
{
	struct seal s = { .o = o };
	int rc = read_list(&s, err);

	if (rc == 0)
		rc = add_others(&s, err);
	if (rc == 0)
		rc = hash_all(&s, err);
	for (size_t i = 0; rc == 0 && i < s.n; i++) {
		const struct entry *const e = &s.list[i];

		rc = see(context, e->told[0] == '\0' ? SEAL_EXTRA
			 : e->hex[0] == '\0' ? SEAL_MISSING
			 : strcmp(e->hex, e->told) != 0 ? SEAL_DIFFERENT
			 : SEAL_SAME, e->path, err);
	}
	end(&s);
	return rc;
}
