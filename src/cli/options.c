#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/options_internal.h"

enum {
	OPT_JOB = 256, OPT_STAGE, OPT_THREADS, OPT_MEMORY, OPT_LIMIT,
	OPT_LEVEL, OPT_RUN_TIME, OPT_ON_BAD_ITEM, OPT_ON_DUPLICATE,
	OPT_STRICT_IDS, OPT_REVERT, OPT_MAX_UNPACKED, OPT_MAX_RATIO,
	OPT_DRY_RUN, OPT_QUIET, OPT_VERBOSE, OPT_NO_PROGRESS,
	OPT_OUTPUT, OPT_TABLE, OPT_ACCEPT, OPT_KEY, OPT_WHERE, OPT_WRITE,
	OPT_TYPE, OPT_ITEM, OPT_ALL, OPT_TABLES_FROM, OPT_FORCE, OPT_AS,
	OPT_AFTER,
	OPT_SELECT, OPT_IGNORE, OPT_LOG, OPT_LOG_ITEMS, OPT_WATCH,
	OPT_FROM, OPT_UNTIL, OPT_NO_ROLLBACK, OPT_IMPORT,
	OPT_NO_IMPORT, OPT_EXPORT,
	OPT_YES, OPT_CONFIRM, OPT_ENV_FILE,
	OPT_SHARD, OPT_SCRATCH, OPT_VERIFY,
	OPT_AGAINST, OPT_PLAN, OPT_LIVE, OPT_PARTIAL, OPT_EXACT,
	OPT_INTO_EXISTING, OPT_ONLY_NEW, OPT_NO_UNDO, OPT_UPDATE,
	OPT_KEEP_TABLES, OPT_MAX_WCU,
	OPT_MAX_RCU, OPT_CONSISTENT, OPT_BUCKET, OPT_PREFIX, OPT_BUCKET_OWNER,
	OPT_KMS_KEY, OPT_FROM_TIME, OPT_TO_TIME, OPT_NEW_IMAGE, OPT_NO_WAIT,
	OPT_TO, OPT_BACKUP, OPT_INTO, OPT_DAYS, OPT_NAME,
	OPT_SAMPLE, OPT_REPEAT, OPT_GENERATE, OPT_ITEM_SIZE,
	OPT_PROFILE, OPT_REGION, OPT_ENDPOINT_URL, OPT_READ_TIMEOUT,
	OPT_HELP,
	OPT_OUT = 'o',
};

static const struct option LONG[] = {
	{ "job", required_argument, NULL, OPT_JOB },
	{ "stage", required_argument, NULL, OPT_STAGE },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "level", required_argument, NULL, OPT_LEVEL },
	{ "run-time", required_argument, NULL, OPT_RUN_TIME },
	{ "on-bad-item", required_argument, NULL, OPT_ON_BAD_ITEM },
	{ "on-duplicate", required_argument, NULL, OPT_ON_DUPLICATE },
	{ "strict-ids", no_argument, NULL, OPT_STRICT_IDS },
	{ "revert", no_argument, NULL, OPT_REVERT },
	{ "max-unpacked", required_argument, NULL, OPT_MAX_UNPACKED },
	{ "max-ratio", required_argument, NULL, OPT_MAX_RATIO },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "no-progress", no_argument, NULL, OPT_NO_PROGRESS },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "table", required_argument, NULL, OPT_TABLE },
	{ "accept", required_argument, NULL, OPT_ACCEPT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "where", required_argument, NULL, OPT_WHERE },
	{ "write", no_argument, NULL, OPT_WRITE },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "item", no_argument, NULL, OPT_ITEM },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "tables-from", required_argument, NULL, OPT_TABLES_FROM },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "after", required_argument, NULL, OPT_AFTER },
	{ "as", required_argument, NULL, OPT_AS },
	{ "select", required_argument, NULL, OPT_SELECT },
	{ "ignore", required_argument, NULL, OPT_IGNORE },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "log-items", no_argument, NULL, OPT_LOG_ITEMS },
	{ "watch", no_argument, NULL, OPT_WATCH },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "no-rollback", no_argument, NULL, OPT_NO_ROLLBACK },
	{ "import", no_argument, NULL, OPT_IMPORT },
	{ "no-import", no_argument, NULL, OPT_NO_IMPORT },
	{ "export", required_argument, NULL, OPT_EXPORT },
	{ "yes", no_argument, NULL, OPT_YES },
	{ "confirm", required_argument, NULL, OPT_CONFIRM },
	{ "env-file", required_argument, NULL, OPT_ENV_FILE },
	{ "shard", required_argument, NULL, OPT_SHARD },
	{ "scratch", required_argument, NULL, OPT_SCRATCH },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "against", required_argument, NULL, OPT_AGAINST },
	{ "plan", required_argument, NULL, OPT_PLAN },
	{ "live", no_argument, NULL, OPT_LIVE },
	{ "partial", no_argument, NULL, OPT_PARTIAL },
	{ "exact", no_argument, NULL, OPT_EXACT },
	{ "into-existing", no_argument, NULL, OPT_INTO_EXISTING },
	{ "only-new", no_argument, NULL, OPT_ONLY_NEW },
	{ "no-undo", no_argument, NULL, OPT_NO_UNDO },
	{ "update", no_argument, NULL, OPT_UPDATE },
	{ "keep-tables", no_argument, NULL, OPT_KEEP_TABLES },
	{ "max-wcu", required_argument, NULL, OPT_MAX_WCU },
	{ "max-rcu", required_argument, NULL, OPT_MAX_RCU },
	{ "consistent", no_argument, NULL, OPT_CONSISTENT },
	{ "bucket", required_argument, NULL, OPT_BUCKET },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "bucket-owner", required_argument, NULL, OPT_BUCKET_OWNER },
	{ "kms-key", required_argument, NULL, OPT_KMS_KEY },
	{ "from-time", required_argument, NULL, OPT_FROM_TIME },
	{ "to-time", required_argument, NULL, OPT_TO_TIME },
	{ "new-image", no_argument, NULL, OPT_NEW_IMAGE },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "to", required_argument, NULL, OPT_TO },
	{ "backup", required_argument, NULL, OPT_BACKUP },
	{ "into", required_argument, NULL, OPT_INTO },
	{ "days", required_argument, NULL, OPT_DAYS },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "sample", required_argument, NULL, OPT_SAMPLE },
	{ "repeat", required_argument, NULL, OPT_REPEAT },
	{ "generate", required_argument, NULL, OPT_GENERATE },
	{ "item-size", required_argument, NULL, OPT_ITEM_SIZE },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "region", required_argument, NULL, OPT_REGION },
	{ "endpoint-url", required_argument, NULL, OPT_ENDPOINT_URL },
	{ "read-timeout", required_argument, NULL, OPT_READ_TIMEOUT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* A whole number from 1 to `most`. */
static int
number(const char *option, const char *text, uint64_t most, uint64_t *out,
       struct err *err)
{
	char *end;

	errno = 0;
	const unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    v == 0 || v > most)
		return err_set(err, ERR_USAGE, "--%s takes a number from 1 to "
			       "%llu, not '%s'", option,
			       (unsigned long long)most, text);
	*out = v;
	return 0;
}

/* A number of bytes, with K, M, G or T behind it or not. */
static int
size(const char *option, const char *text, uint64_t *out, struct err *err)
{
	static const char UNITS[] = "KMGT";
	char *end;
	unsigned shift = 0;

	errno = 0;
	const unsigned long long v = strtoull(text, &end, 10);
	if (*end != '\0') {
		const char *const unit = strchr(UNITS, *end & ~0x20);

		if (unit != NULL && *unit != '\0') {	/* "5 " has none */
			shift = 10 * (unsigned)(unit - UNITS + 1);
			end++;
			if (strcmp(end, "iB") == 0 || strcmp(end, "B") == 0)
				end += strlen(end);
		}
	}
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    v > UINT64_MAX >> shift || v == 0)
		return err_set(err, ERR_USAGE, "--%s takes a size such as "
			       "512M or 2G, not '%s'", option, text);
	*out = (uint64_t)v << shift;
	return 0;
}

/* One of the words; its number, or -1. */
static int
choice(const char *option, const char *text, const char *const *words,
       struct err *err)
{
	char list[80] = "";
	size_t at = 0;

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
				       i == 0 ? "" : words[i + 1] != NULL
				       ? ", " : " or ", words[i]);
	}
	return err_set(err, ERR_USAGE, "--%s takes %s, not '%s'", option, list,
		       text);
}

/* Options that are there or not, and those whose value stays as it stands. */
static const struct {
	int option;
	size_t at;		/* in struct options */
} FLAGS[] = {
	{ OPT_STRICT_IDS, offsetof(struct options, strict_ids) },
	{ OPT_REVERT, offsetof(struct options, revert) },
	{ OPT_DRY_RUN, offsetof(struct options, dry_run) },
	{ OPT_QUIET, offsetof(struct options, quiet) },
	{ OPT_VERBOSE, offsetof(struct options, verbose) },
	{ OPT_NO_PROGRESS, offsetof(struct options, no_progress) },
	{ OPT_ITEM, offsetof(struct options, item) },
	{ OPT_ALL, offsetof(struct options, all) },
	{ OPT_WRITE, offsetof(struct options, write) },
	{ OPT_WATCH, offsetof(struct options, watch) },
	{ OPT_LOG_ITEMS, offsetof(struct options, log_items) },
	{ OPT_NO_ROLLBACK, offsetof(struct options, no_rollback) },
	{ OPT_IMPORT, offsetof(struct options, import) },
	{ OPT_NO_IMPORT, offsetof(struct options, no_import) },
	{ OPT_FORCE, offsetof(struct options, force) },
	{ OPT_LIVE, offsetof(struct options, live) },
	{ OPT_PARTIAL, offsetof(struct options, partial) },
	{ OPT_EXACT, offsetof(struct options, exact) },
	{ OPT_YES, offsetof(struct options, yes) },
	{ OPT_INTO_EXISTING, offsetof(struct options, into_existing) },
	{ OPT_ONLY_NEW, offsetof(struct options, only_new) },
	{ OPT_NO_UNDO, offsetof(struct options, no_undo) },
	{ OPT_UPDATE, offsetof(struct options, update) },
	{ OPT_KEEP_TABLES, offsetof(struct options, keep_tables) },
	{ OPT_CONSISTENT, offsetof(struct options, consistent) },
	{ OPT_NEW_IMAGE, offsetof(struct options, new_image) },
	{ OPT_NO_WAIT, offsetof(struct options, no_wait) },
	{ OPT_VERIFY, offsetof(struct options, verify) },
}, TEXTS[] = {
	{ OPT_JOB, offsetof(struct options, job) },
	{ OPT_AFTER, offsetof(struct options, after) },
	{ OPT_STAGE, offsetof(struct options, stage) },
	{ OPT_RUN_TIME, offsetof(struct options, run_time) },
	{ OPT_WHERE, offsetof(struct options, where) },
	{ OPT_OUT, offsetof(struct options, out) },
	{ OPT_SELECT, offsetof(struct options, select) },
	{ OPT_IGNORE, offsetof(struct options, ignore) },
	{ OPT_LOG, offsetof(struct options, log) },
	{ OPT_FROM, offsetof(struct options, from) },
	{ OPT_UNTIL, offsetof(struct options, until) },
	{ OPT_AGAINST, offsetof(struct options, against) },
	{ OPT_PLAN, offsetof(struct options, plan) },
	{ OPT_CONFIRM, offsetof(struct options, confirm) },
	{ OPT_SHARD, offsetof(struct options, shard) },
	{ OPT_SCRATCH, offsetof(struct options, scratch) },
	{ OPT_ENV_FILE, offsetof(struct options, env_file) },
	{ OPT_PROFILE, offsetof(struct options, profile) },
	{ OPT_REGION, offsetof(struct options, region) },
	{ OPT_ENDPOINT_URL, offsetof(struct options, endpoint_url) },
	{ OPT_BUCKET, offsetof(struct options, bucket) },
	{ OPT_PREFIX, offsetof(struct options, prefix) },
	{ OPT_BUCKET_OWNER, offsetof(struct options, bucket_owner) },
	{ OPT_KMS_KEY, offsetof(struct options, kms_key) },
	{ OPT_FROM_TIME, offsetof(struct options, from_time) },
	{ OPT_TO_TIME, offsetof(struct options, to_time) },
	{ OPT_TO, offsetof(struct options, to) },
	{ OPT_EXPORT, offsetof(struct options, export) },
	{ OPT_BACKUP, offsetof(struct options, backup) },
	{ OPT_INTO, offsetof(struct options, into) },
	{ OPT_NAME, offsetof(struct options, name) },
};

/* An option that one of these tables has.  Returns whether it was. */
static bool
set_plain(struct options *o, int option, const char *value)
{
	unsigned char *const at = (unsigned char *)o;
	const bool yes = true;

	for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++)
		if (FLAGS[i].option == option) {
			memcpy(at + FLAGS[i].at, &yes, sizeof(yes));
			return true;
		}
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		if (TEXTS[i].option == option) {
			memcpy(at + TEXTS[i].at, &value, sizeof(value));
			return true;
		}
	return false;
}

/* One whose value is one of a few words.  1, 0 if it is none such, or -1. */
static int
set_choice(struct options *o, int option, const char *value, struct err *err)
{
	static const char *const BAD_ITEM[] = { "reject", "fail", NULL };
	static const char *const DUPLICATE[] = {
		"fail", "keep-first", "keep-last", "reject", NULL,
	};
	static const char *const OUTPUT[] = {
		"text", "json", "csv", "junit", NULL,
	};
	static const char *const TYPE[] = { "S", "N", "B", NULL };
	static const char *const AS[] = {
		"dynamodb-json", "json", "ion", "csv", NULL,
	};
	int rc;

	switch (option) {
	case OPT_ON_BAD_ITEM:
		rc = choice("on-bad-item", value, BAD_ITEM, err);
		o->fail_on_bad_item = rc == 1;
		break;
	case OPT_ON_DUPLICATE:
		rc = choice("on-duplicate", value, DUPLICATE, err);
		if (rc >= 0)
			o->on_duplicate = (enum on_duplicate)rc;
		break;
	case OPT_OUTPUT:
		rc = choice("output", value, OUTPUT, err);
		if (rc >= 0)
			o->output = (enum output_format)rc;
		break;
	case OPT_TYPE:
		rc = choice("type", value, TYPE, err);
		o->type = rc < 0 ? 0 : TYPE[rc][0];
		break;
	case OPT_AS:
		rc = choice("as", value, AS, err);
		o->as = value;
		break;
	default:
		return 0;
	}
	return rc < 0 ? -1 : 1;
}

/* Whole numbers from 1 on. */
static const struct {
	int option;
	const char *name;
	uint64_t most;
	bool is_short;		/* an int, signed or not; else 64 bits */
	size_t at;		/* in struct options */
} NUMBERS[] = {
	{ OPT_THREADS, "threads", 1024, true,
	  offsetof(struct options, threads) },
	{ OPT_LEVEL, "level", 9, true, offsetof(struct options, level) },
	{ OPT_REPEAT, "repeat", 1000, true, offsetof(struct options, repeat) },
	{ OPT_READ_TIMEOUT, "read-timeout", 3600, true,
	  offsetof(struct options, read_timeout) },
	{ OPT_LIMIT, "limit", UINT64_MAX / 2, false,
	  offsetof(struct options, limit) },
	{ OPT_MAX_RATIO, "max-ratio", UINT32_MAX, false,
	  offsetof(struct options, max_ratio) },
	{ OPT_GENERATE, "generate", 1000000000000, false,
	  offsetof(struct options, generate) },
	{ OPT_MAX_WCU, "max-wcu", 40 * 1000 * 1000, false,
	  offsetof(struct options, max_wcu) },
	{ OPT_MAX_RCU, "max-rcu", 40 * 1000 * 1000, false,
	  offsetof(struct options, max_rcu) },
	{ OPT_DAYS, "days", 35, false, offsetof(struct options, days) },
};

/* One of them, or a size.  Returns 1, 0 if it is none such, or -1. */
static int
set_number(struct options *o, int option, const char *value, struct err *err)
{
	uint64_t n = 0;

	switch (option) {
	case OPT_MEMORY:
		if (size("memory", value, &n, err) != 0)
			return -1;
		o->memory = n;
		return 1;
	case OPT_MAX_UNPACKED:
		return size("max-unpacked", value, &o->max_unpacked, err) != 0
			? -1 : 1;
	case OPT_SAMPLE:
		return size("sample", value, &o->sample, err) != 0 ? -1 : 1;
	case OPT_ITEM_SIZE:
		return size("item-size", value, &o->item_size, err) != 0
			? -1 : 1;
	}
	for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
		unsigned char *const at = (unsigned char *)o + NUMBERS[i].at;

		if (NUMBERS[i].option != option)
			continue;
		if (number(NUMBERS[i].name, value, NUMBERS[i].most, &n,
			   err) != 0)
			return -1;

		const unsigned few = (unsigned)n;
		if (NUMBERS[i].is_short)
			memcpy(at, &few, sizeof(few));
		else
			memcpy(at, &n, sizeof(n));
		return 1;
	}
	return 0;
}

/* One that may be given more than once.  Returns 1, 0 or -1 likewise. */
static int
set_list(struct options *o, int option, const char *value, struct err *err)
{
	const struct {
		int option;
		const char *name;
		const char **words;
		size_t *n;
	} lists[] = {
		{ OPT_TABLE, "table", o->tables, &o->ntables },
		{ OPT_KEY, "key", o->keys, &o->nkeys },
		{ OPT_TABLES_FROM, "tables-from", o->tables_from,
		  &o->ntables_from },
		{ OPT_ACCEPT, "accept", o->accept, &o->naccept },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (lists[i].option != option)
			continue;
		if (*lists[i].n == OPTIONS_MAX_WORDS)
			return err_set(err, ERR_USAGE, "--%s given more than "
				       "%d times", lists[i].name,
				       OPTIONS_MAX_WORDS);
		lists[i].words[(*lists[i].n)++] = value;
		return 1;
	}
	return 0;
}

/* One option with its value.  Returns 0 or -1. */
static int
set(struct options *o, int option, const char *value, struct err *err)
{
	int rc;

	if (set_plain(o, option, value))
		return 0;
	rc = set_choice(o, option, value, err);
	if (rc == 0)
		rc = set_number(o, option, value, err);
	if (rc == 0)
		rc = set_list(o, option, value, err);
	if (rc == 0) {
		assert(option == 'h' || option == OPT_HELP);
		o->help = true;
	}
	return rc < 0 ? -1 : 0;
}

static bool
is_json(const char *word)
{
	const size_t n = strlen(word);

	return word[0] != '-' && n > 5 && strcmp(word + n - 5, ".json") == 0;
}

int
options_parse(struct options *o, int argc, char **argv, struct err *err)
{
	int option;

	*o = (struct options){ 0 };
	opterr = 0;
	optind = 0;	/* start afresh, words and options mixed */
	while ((option = getopt_long(argc, argv, ":ho:", LONG, NULL)) != -1) {
		const char *const word = argv[optind - 1];

		if (option == ':')
			return err_set(err, ERR_USAGE, "option '%s' needs a "
				       "value", word);
		if (option == '?')
			return err_set(err, ERR_USAGE, "unknown option '%s'; "
				       "see 'dynamill %s --help'", word,
				       argv[0]);
		if (set(o, option, optarg, err) != 0)
			return -1;
		/* What the shell made of a glob. */
		while (option == OPT_TABLES_FROM && optind < argc &&
		       strcmp(argv[0], "init") == 0 &&
		       is_json(argv[optind]))
			if (set(o, option, argv[optind++], err) != 0)
				return -1;
	}
	o->said = (const char *const *)argv + 1;
	o->noptions = (size_t)optind - 1;
	o->nwords = (size_t)(argc - optind);
	o->args = (const char *const *)(argv + optind);
	o->nargs = (size_t)(argc - optind);
	return options_check(o, argv[0], err);
}

static const char *
variable(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

struct plan_options
options_plan(const struct options *o)
{
	return (struct plan_options){
		.stage = o->stage, .variable = variable,
		.only = o->tables, .nonly = o->ntables,
		.strict_ids = o->strict_ids, .revert = o->revert,
		.dumps = o->dumps, .ndumps = o->ndumps,
	};
}

unsigned
options_threads(const struct options *o)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);

	return o->threads > 0 ? o->threads : n > 0 ? (unsigned)n : 1;
}

int
options_time(const char *option, const char *text, int64_t *out,
	     struct err *err)
{
	struct tm tm = { 0 };
	const char *end;

	*out = 0;
	if (text == NULL)
		return 0;
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	const int day = tm.tm_mday, second = tm.tm_sec;
	const int64_t when = (int64_t)timegm(&tm);
	/* timegm() makes 2 March of 30 February, and strptime() takes both. */
	if (end == NULL || strcmp(end, "Z") != 0 || tm.tm_mday != day ||
	    tm.tm_sec != second)
		return err_set(err, ERR_USAGE, "--%s takes a time such as "
			       "2025-02-01T12:00:00Z, not '%s'", option, text);
	*out = when;
	return 0;
}

int
options_run_time(const struct options *o, char out[32], struct err *err)
{
	int64_t when;

	if (options_time("run-time", o->run_time, &when, err) != 0)
		return -1;
	if (o->run_time == NULL)
		when = (int64_t)time(NULL);
	snprintf(out, 32, "%lld", (long long)when);
	return 0;
}
