#include "engine/recall.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/job.h"
#include "engine/migrations.h"

/* The words of a text with a space between each. */
static int
split(struct arena *mem, const char *text, const char *const **out, size_t *n,
      struct err *err)
{
	const char **const words = arena_take(mem,
		(strlen(text) + 1) * sizeof(*words), err);

	if (words == NULL)
		return -1;
	*out = words;
	*n = 0;
	for (const char *end = text; *end != '\0'; text = end + 1) {
		end = strchrnul(text, ' ');

		const size_t len = (size_t)(end - text);
		char *const word = arena_take(mem, len + 1, err);
		if (word == NULL)
			return -1;
		memcpy(word, text, len);
		word[len] = '\0';
		words[(*n)++] = word;
		if (*end == '\0')
			break;
	}
	return 0;
}

/* An option; NULL where it says `usual`. */
static const char *
option(const struct job *job, const char *name, const char *usual)
{
	const char *const value = job_value(job, "options", name);

	return value != NULL && strcmp(value, usual) != 0 ? value : NULL;
}

static enum on_duplicate
on_duplicate_named(const char *name)
{
	enum on_duplicate d = DUPLICATE_REJECT;

	while (name != NULL && d > DUPLICATE_FAIL &&
	       strcmp(on_duplicate_name(d), name) != 0)
		d--;
	return name != NULL ? d : DUPLICATE_FAIL;
}

int
recall_job(struct recall *r, const struct job *job, struct arena *mem,
	   struct err *err)
{
	const char *const only = option(job, "--table", "all");
	const char *const limit = option(job, "--limit", "none");
	const char *const level = option(job, "--level", "usual");
	const struct job_fact *facts;
	const char **paths, **dumps;
	size_t n;

	facts = job_facts(job, &n);
	paths = arena_take(mem, (n + 1) * sizeof(*paths), err);
	dumps = arena_take(mem, (n + 1) * sizeof(*dumps), err);
	if (paths == NULL || dumps == NULL)
		return -1;
	*r = (struct recall){
		.plans = paths,
		.plan = {
			.stage = option(job, "--stage", "none"),
			.strict_ids = option(job, "--strict-ids", "no") != NULL,
			.revert = option(job, "--revert", "no") != NULL,
			.dumps = dumps,
		},
		.limit = limit != NULL ? strtoull(limit, NULL, 10) : 0,
		.level = level != NULL ? (int)strtol(level, NULL, 10) : 0,
		.on_duplicate = on_duplicate_named(
			option(job, "--on-duplicate", "fail")),
		.run_time = job_value(job, "run", "time"),
	};
	for (size_t i = 0; i < n; i++) {
		if (strcmp(facts[i].group, "plans") == 0)
			paths[r->nplans++] = facts[i].value;
		if (strcmp(facts[i].group, "dumps") == 0)
			dumps[r->plan.ndumps++] = facts[i].value;
		/* Those of a group stand together. */
		if (strcmp(facts[i].group, MIGRATIONS_GROUP) == 0 &&
		    r->napplied++ == 0)
			r->applied = &facts[i];
	}
	if (r->nplans == 0)
		return err_set(err, ERR_INPUT, "job.json names no plan");
	return only == NULL ? 0 : split(mem, only, &r->plan.only,
					&r->plan.nonly, err);
}

int
recall_same(const struct job *then, const struct job *now, struct err *err)
{
	static const char *const GROUPS[] = {
		"plans", "files", "sources", "ids",
	};
	size_t n;
	const struct job_fact *const facts = job_facts(now, &n);

	for (size_t i = 0; i < n; i++) {
		bool counts = false;

		for (size_t k = 0; k < sizeof(GROUPS) / sizeof(GROUPS[0]); k++)
			counts |= strcmp(facts[i].group, GROUPS[k]) == 0;
		if (!counts)
			continue;

		const char *const was = job_value(then, facts[i].group,
						  facts[i].name);
		if (was == NULL || strcmp(was, facts[i].value) != 0)
			return err_set(err, ERR_REFUSED, "'%s' is not as it "
				       "was when the job was started",
				       facts[i].name);
	}
	return 0;
}
