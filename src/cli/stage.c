#include "cli/stage.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/help.h"
#include "cli/log.h"
#include "cli/options.h"
#include "engine/seal.h"
#include "engine/status.h"
#include "engine/story.h"
#include "formats/jsonwrite.h"

enum {
	MAX_TABLES = 4096,	/* those beyond are not told of */
	MAX_BEFORE = 4,
};

static struct {
	const struct options *options;
	const char *name;		/* NULL: there is none */
	char *job;
	double started, told;
	struct status_table tables[MAX_TABLES];
	size_t ntables;
	struct arena names;
	char note[512], error[512];
	/* Of stages before there was a job: for its story, once it is. */
	struct story_stage before[MAX_BEFORE];
	size_t nbefore;
} stage;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *
host(void)
{
	static char name[128];

	if (name[0] == '\0' && gethostname(name, sizeof(name) - 1) != 0)
		snprintf(name, sizeof(name), "unknown");
	return name;
}

static const char *
user(void)
{
	const struct passwd *const p = getpwuid(getuid());

	return p != NULL ? p->pw_name : "unknown";
}

/* ---- while it goes on --------------------------------------------------- */

static void
tell(const char *state)
{
	struct err ignored;

	stage.told = now();
	if (stage.job != NULL)
		status_save(stage.job, &(struct status){
			.stage = stage.name, .state = state,
			.error = stage.error, .host = host(),
			.pid = (uint64_t)getpid(), .started = stage.started,
			.updated = stage.told, .tables = stage.tables,
			.ntables = stage.ntables,
		}, &ignored);
}

void
stage_begin(const struct options *o, const char *name, const char *job)
{
	struct jsonwrite *const w = log_begin(LOG_INFO, "stage-begin");

	stage.options = o;
	stage.name = name;
	free(stage.job);
	stage.job = job != NULL ? strdup(job) : NULL;
	stage.started = now();
	stage.ntables = 0;
	stage.note[0] = stage.error[0] = '\0';
	arena_reset(&stage.names);
	if (job != NULL)
		seal_break(job);
	if (w != NULL) {
		jsonwrite_put_text(w, "stage", name);
		if (job != NULL)
			jsonwrite_put_text(w, "job", job);
		log_end();
	}
	tell("running");
}

bool
stage_is_due(void)
{
	return stage.name != NULL && now() - stage.told >= 1;
}

void
stage_tables(const struct status_table *t, size_t n)
{
	const bool first = stage.ntables == 0;
	struct err ignored;

	if (stage.name == NULL)
		return;
	arena_reset(&stage.names);
	stage.ntables = 0;
	for (size_t i = 0; i < n && i < MAX_TABLES; i++) {
		const struct span s = { (const uint8_t *)t[i].name,
					strlen(t[i].name) + 1 };
		const struct span own = arena_copy(&stage.names, s, &ignored);

		if (own.ptr == NULL)
			break;
		stage.tables[i] = t[i];
		stage.tables[i].name = (const char *)own.ptr;
		stage.ntables++;
	}
	if (first || stage_is_due())
		tell("running");
}

void
stage_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(stage.note, sizeof(stage.note), fmt, ap);
	va_end(ap);
}

void
stage_failed(const char *text)
{
	snprintf(stage.error, sizeof(stage.error), "%s", text);
}

/* ---- the end ------------------------------------------------------------ */

static void
log_it(int status, double seconds)
{
	struct jsonwrite *const w = log_begin(status >= 2 ? LOG_ERROR :
		status == 1 ? LOG_WARNING : LOG_INFO, "stage-end");

	if (w == NULL)
		return;
	jsonwrite_put_text(w, "stage", stage.name);
	jsonwrite_name(w, "status");
	jsonwrite_int(w, status);
	jsonwrite_name(w, "seconds");
	jsonwrite_fixed(w, seconds, 3);
	status_write_tables(w, stage.tables, stage.ntables);
	log_end();
}

/* With what was done before there was a job. */
static int
add_all(const struct story_stage *told, struct err *err)
{
	for (size_t i = 0; i < stage.nbefore; i++)
		if (story_add(stage.job, &stage.before[i], err) != 0)
			return -1;
	stage.nbefore = 0;
	return story_add(stage.job, told, err);
}

int
stage_end(int status)
{
	const double seconds = now() - stage.started;
	struct err err;

	if (stage.name == NULL)
		return status;
	tell(status == 130 ? "interrupted" : status >= 2 ? "failed" : "done");
	log_it(status, seconds);
	const struct story_stage told = {
		.name = stage.name, .status = status,
		.started = stage.started, .seconds = seconds,
		.by = user(), .host = host(), .version = DYNAMILL_VERSION,
		.note = stage.note, .error = stage.error,
		.accepted = stage.options->accept,
		.naccepted = stage.options->naccept,
		.tables = stage.tables, .ntables = stage.ntables,
	};

	if (stage.job == NULL && stage.nbefore < MAX_BEFORE) {
		struct story_stage *const s = &stage.before[stage.nbefore++];

		*s = told;
		s->note = s->error = "";
		s->ntables = 0;
	} else if (stage.job != NULL && add_all(&told, &err) != 0 &&
		   status < 2) {
		status = 4;	/* else what was wrong is told already */
		log_problem(LOG_ERROR, stderr, "%s", err.text);
	}
	stage.name = NULL;
	free(stage.job);
	stage.job = NULL;
	arena_free(&stage.names);
	return status;
}
