#include "cli/ways.h"

#include <stdio.h>
#include <string.h>

#include "aws/side.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "engine/plan.h"
#include "engine/sides.h"

/* Is it a host of AWS's own, also by the name that somebody gave it? */
static bool
is_of_aws(const char *url)
{
	static const char *const ENDS[] = {
		".amazonaws.com", ".amazonaws.com.cn", ".api.aws",
	};
	const char *const host = strstr(url, "://");
	const size_t n = host == NULL ? 0 : strcspn(host + 3, ":/");

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
		const size_t len = strlen(ENDS[i]);

		if (n > len &&
		    strncasecmp(host + 3 + n - len, ENDS[i], len) == 0)
			return true;
	}
	return false;
}

/*
 * Does the target stand in for the service?  A side that cannot be opened here
 * may be opened where the migration is done.
 */
static bool
is_stand_in(const struct plan *p)
{
	struct err ignored;
	struct buf url = { 0 };
	struct side *const side = sides_open(&p->target, environment_side(),
					     &ignored);
	const bool said = side != NULL &&
		side_endpoint(side, "dynamodb", "us-east-1", &url, &ignored)
		== 1 && !is_of_aws((const char *)url.ptr);

	buf_free(&url);
	side_close(side);
	return said;
}

const char *
ways_why_not(const struct options *o, const struct plan *p, bool address)
{
	if (o->no_import)
		return "--no-import is said";
	if (p->format == PLAN_BATCH_REQUESTS)
		return "batch-requests are for no import";
	if (o->import)
		return NULL;
	if (o->to == NULL && p->out == NULL && !address)
		return "an import needs an address in S3 (--to)";
	return is_stand_in(p) ? "the endpoint is not AWS's (--import imports "
				"all the same)" : NULL;
}

void
ways_words(const struct plan *p, const struct plan_table *t,
	   const char *why_not, char out[WAYS_WORDS_LEN])
{
	const char *why = why_not;

	for (size_t i = 0; t->create != NULL && i < t->create->nindexes; i++)
		if (t->create->indexes[i].local)
			why = "an import makes no local indexes";
	if (why == NULL)
		snprintf(out, WAYS_WORDS_LEN, "import; or push, where such a "
			 "table is already: an import makes a new one");
	else
		snprintf(out, WAYS_WORDS_LEN, "%s: %s",
			 p->format == PLAN_BATCH_REQUESTS ? "push"
			 : "tables create, then push", why);
}
