/*
 * survey.h - passes over a job's sources without output: which there are, and
 * which a run needs.
 *
 * A survey is a run (run.h) that reads, transforms and counts every item, makes
 * the index, and that is all.  It has its own journal, in the job's survey/,
 * and leaves its index in the job's index/, as a run does.
 */
#ifndef ENGINE_SURVEY_H
#define ENGINE_SURVEY_H

#include <stdbool.h>

struct err;
struct run;
struct run_options;

/*
 * SURVEY_STATE reads increments alone and finds out which of their records is
 * the last of its item; the others know.  SURVEY_IDS finds
 * out which ids there are, as if every reference were to an id that is there.
 * SURVEY_KEYS knows, so it gets the very items that the run will, and lists
 * those that --on-duplicate leaves out.  SURVEY_AGAIN knows those as well, and
 * is the run itself without its output, for whoever observes.
 */
enum run_survey {
	SURVEY_NONE,
	SURVEY_STATE,
	SURVEY_IDS,
	SURVEY_KEYS,
	SURVEY_AGAIN,
};

/* What a survey finds out: "which ids there are". */
const char *run_survey_words(enum run_survey survey);

/* Must this survey end before the run (or the later survey) can begin? */
bool run_needs(const struct run *r, enum run_survey survey);

/*
 * Which surveys must be made, in parts or not, before a run can be: a bit
 * 1 << SURVEY_... of each that has not ended.  Returns 0 or -1.
 */
int run_needed_surveys(const struct run_options *o, unsigned *which,
		       struct err *err);

/*
 * After a survey: fail if ids collide, which no run would get over.  Returns 0,
 * or -1 with ERR_INPUT set and both items named.
 */
int run_check_ids(struct run *r, struct err *err);

#endif
