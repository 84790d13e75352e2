/*
 * job.h - the folder of a job: who works in it, and what the job is.
 *
 * A folder becomes a job when job.json appears in it.  That file keeps facts,
 * name by name, in groups: the plan and every file it names, the sources, the
 * options that change bytes.  Who opens the job again hands in the facts as
 * they are now; any difference is refused and named, with both values.
 * docs/JOB.md shows the folder.
 *
 * One process at a time: the lock is held from job_open() to job_close(), and
 * goes with the process if that dies.  A job may be shared by any number of
 * threads once it is open.  While there is no journal, only surveys were made,
 * and a difference makes it start afresh.
 */
#ifndef ENGINE_JOB_H
#define ENGINE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct job;

enum { JOB_VERSION = 1 };

/*
 * One thing that job.json keeps.  Texts are UTF-8.  Facts of one group stand
 * together and differ in name; their order counts too.  Never a secret: of
 * that, remap_secret_check().
 */
struct job_fact {
	const char *group;	/* "files", "sources", "options" */
	const char *name;	/* "plans/a.yaml", "--level" */
	const char *value;	/* "6" */
	/*
	 * The value that the job was started with is kept, whatever this says:
	 * its run time.  See job_value().
	 */
	bool keep;
	bool mendable;		/* --accept sets `keep`: say so */
};

/* Names of all that a job holds, relative to its folder. */
#define JOB_JOURNAL	"journal"
#define JOB_INDEX	"index"
#define JOB_UNITS	"index/units"	/* key logs */
#define JOB_TMP		"index/tmp"	/* empty but while join_run() runs */
#define JOB_OUT		"out"
#define JOB_OUT_PARTIAL	"out.partial"
#define JOB_REMOTE	"s3"		/* not there: see job_out() */
#define JOB_REJECTED	"rejected"
#define JOB_REJECTS	"rejected/units"	/* their parts, unit by unit */
#define JOB_REFUSED	"rejected/push"	/* by the service, for good */
#define JOB_DROPS	"index/drops"	/* of a survey: see drops.h */
#define JOB_DELETES	"deletes"	/* beside a table's data/ */
#define JOB_LATEST	"index/latest"	/* of a survey: see latest.h */
#define JOB_PUSH	"push"	/* how far items are in the service: progress.h */
#define JOB_PUSH_SHARDS	JOB_PUSH "/shards"	/* see deliver_shard.h */
#define JOB_UNDO	"undo"	/* what they wrote over: undo.h */
#define JOB_ROLLBACK	"rollback"	/* how far that is undone: rollback.h */
#define JOB_TRIAL	"trial.json"	/* what is put for a moment: tryout.h */
#define JOB_SURVEY	"survey"	/* passes without output: see run.h */
#define JOB_SHARDS	"shards"	/* parts of a divided job: see shard.h */

/*
 * Open the job in `dir`, or start it there: make the folder, take the lock,
 * write or compare job.json, make the folders above.  NULL with *err set:
 * ERR_REFUSED if another process works in it (its pid and host are told), if
 * a fact differs, or if the folder holds other things and no job; ERR_INPUT if
 * job.json is damaged.
 */
struct job *job_open(const char *dir, const struct job_fact *facts,
		     size_t nfacts, struct err *err);

/*
 * Open a job that several processes work in at once, each in a part: job.json
 * is written by whoever comes first, and compared by the others; nothing is
 * locked.  Errors as of job_open().
 */
struct job *job_open_parted(const char *dir, const struct job_fact *facts,
			    size_t nfacts, struct err *err);

/*
 * Make `folder`, and make it the job's: with a lock and the folders of its own,
 * and job.json from above.  Returns 1; 0 if another process has it, which goes
 * to `holder`, and nothing changed; or -1.  Where there are no locks, a folder
 * that is there is taken only if it is `old`: nobody works in it any more.
 */
int job_enter(struct job *j, const char *folder, bool old, char *holder,
	      size_t size, struct err *err);

/*
 * Open a job that is there, comparing nothing: with the lock, for a command
 * that works in it (push, import), or without, for one that only looks
 * (status, lookup).  NULL with ERR_USAGE if there is no job in `dir`.
 */
struct job *job_open_as_is(const char *dir, bool lock, struct err *err);

/*
 * The same, with others that open it so: each works in a part of its own.  Who
 * wants it whole is refused meanwhile, and so are these while somebody has it.
 */
struct job *job_open_shared(const char *dir, struct err *err);

/* Does another process hold the lock?  "pid 4711 on host" goes to `holder`. */
bool job_in_use(const char *dir, char *holder, size_t size);

const char *job_dir(const struct job *j);
bool job_started_now(const struct job *j);	/* there was none before */

/* What job.json keeps; NULL if it has no such fact.  Lives as long as `j`. */
const char *job_value(const struct job *j, const char *group,
		      const char *name);
const struct job_fact *job_facts(const struct job *j, size_t *n);

/* Is out/ there under its final name? */
bool job_is_out(const struct job *j);

/* Where its output is: DIR/out, or s3://...  Lives as long as `j`. */
const char *job_out(const struct job *j);

/*
 * Wait until all that is in the job is on the disk; to be done before anything
 * says that it has ended.  A file that is refused there is removed, and an
 * error.
 */
int job_sync(const struct job *j, struct err *err);

/*
 * out.partial/ -> out/, with all that is in the job on the disk when this
 * returns; nothing if done before.
 */
int job_put_out(const struct job *j, struct err *err);

/* out/ -> out.partial/ again, because something in it must be redone. */
int job_take_back(const struct job *j, struct err *err);

/*
 * `need` more bytes fit where `dir` is, or ERR_SYSTEM with what is there and
 * what is asked for.
 */
int job_check_space(const char *dir, uint64_t need, struct err *err);

void job_close(struct job *j);	/* NULL is fine */

#endif
