/*
 * shard.h - the folders of the parts of a divided job.
 *
 *	JOB/shards/ROUND/count	how many shards there are
 *	JOB/shards/ROUND/I/K/	attempt K at shard I: what a job's folder is
 *	JOB/shards/ROUND/I/done	which attempt counts; shards/ROUND/I is done
 *
 * ROUND is what is divided: the run, or one of its surveys.  An attempt belongs
 * to the process that holds its lock.  Who comes while it is held, or to a file
 * system without locks, makes an attempt of its own: to the same bytes, and the
 * first that ends counts.  `count` and `done` appear whole and never change.
 */
#ifndef ENGINE_SHARD_H
#define ENGINE_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/survey.h"

struct err;
struct job;

enum {
	SHARD_ATTEMPTS = 999,
	/* "/shards/state/10000/999" and a NUL, behind the job's folder. */
	SHARD_FOLDER_LEN = 24,
};

/* One shard of a round. */
struct shard {
	const char *job_dir;
	enum run_survey round;
	uint32_t number;	/* from 1 */
};

/* "state", "ids", "keys", "run" */
const char *shard_round_name(enum run_survey round);

/* Is the round divided: has a shard of it begun, and is it not yet merged? */
bool shard_is_round(const char *job_dir, enum run_survey round);

/* The last round of a job that is divided; false: none is. */
bool shard_find_round(const char *job_dir, enum run_survey *round);

/* Its shards' number, or 0 with *err set. */
uint32_t shard_count(const char *job_dir, enum run_survey round,
		     struct err *err);

/*
 * The round is divided into so many: say so, if nobody did.  ERR_REFUSED if it
 * is divided otherwise.
 */
int shard_divide(const char *job_dir, enum run_survey round, uint32_t count,
		 struct err *err);

/* "JOB/shards/run/3/1"; attempt 0: the shard's, without it. */
void shard_folder(const struct shard *s, unsigned attempt, char *out,
		  size_t size);

/*
 * Make an attempt's folder that of a job from job_open_parted(): the one that
 * is done, else one that nobody works at, else a new one.  `busy` is set to who
 * works at another ("pid 4711 on host"), or to "".
 */
int shard_enter(const struct shard *s, struct job *j, unsigned *attempt,
		char *busy, size_t size, struct err *err);

/* The attempt that is done; 0 if none is. */
unsigned shard_done(const struct shard *s);

/*
 * This attempt is done.  *winner is set to the one that counts, which is
 * another if that was done before.
 */
int shard_set_done(const struct shard *s, unsigned attempt, unsigned *winner,
		   struct err *err);

/* It is not done after all: what it made is gone. */
int shard_unset_done(const struct shard *s, struct err *err);

/* ---- looking ------------------------------------------------------------- */

enum shard_state {
	SHARD_MISSING,		/* not begun */
	SHARD_BUSY,		/* somebody works at it */
	SHARD_STOPPED,		/* begun, and not ended */
	SHARD_DONE,
};

/*
 * How a shard is; `text` is who works at it, or why it stopped, if that is
 * known.
 */
enum shard_state shard_look(const struct shard *s, char *text, size_t size);

/*
 * Are all of a round done?  If not, ERR_REFUSED names those that are not, of a
 * job that is called `name`;
 * `tell`, unless NULL, is called with each of them.
 */
typedef void shard_tell(void *context, uint32_t number, uint32_t count,
			enum shard_state state, const char *text);
int shard_check(const char *job_dir, const char *name, enum run_survey round,
		shard_tell *tell, void *context, struct err *err);

/* Leave behind why an attempt stopped, for shard_look(); NULL: it goes on. */
void shard_set_failed(const char *attempt, const char *why);

/* Remove an attempt, or all of a round. */
void shard_remove_attempt(const char *attempt);
void shard_remove_round(const char *job_dir, enum run_survey round);

#endif
