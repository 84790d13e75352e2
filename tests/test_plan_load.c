/*
 * test_plan_load.c - plans as a whole: those in tests/plans/good are taken,
 * each of those in tests/plans/bad is refused with the words that it says.
 *
 * A plan there may begin with lines for this test:
 *	#! expect LINE:COLUMN: TEXT	the message; `...` at its end: and more
 *	#! expect TEXT			a message without a place in the plan
 *	#! found NAME...		the tables in the exports
 *	#! stage NAME, #! only NAME, #! with FILE (a second plan)
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/plan_internal.h"
#include "expr/rewrite.h"

static const char good_folder[] = "tests/plans/good";
static const char bad_folder[] = "tests/plans/bad";

enum { MAX_FOUND = 16 };

struct orders {
	char path[256], second[256];
	char expect[512], found[512], stage[64], only[64];
	struct plan_found tables[MAX_FOUND];
	size_t ntables;
	bool resolve;
};

static const char *
variable(void *context, const char *name)
{
	(void)context;
	if (strcmp(name, "SECRET") == 0)
		return "sixteen bytes or more";
	if (strcmp(name, "SHORT") == 0)
		return "short";
	return NULL;
}

/* ---- the lines for us ---------------------------------------------------- */

static void
take(const char *line, const char *word, char *out, size_t len)
{
	const size_t n = strlen(word);

	if (strncmp(line + 3, word, n) != 0)
		return;
	assert_true(strlen(line + 3 + n) < len);
	memcpy(out, line + 3 + n, strlen(line + 3 + n) + 1);
}

static void
read_orders(struct orders *o, const char *folder, const char *file)
{
	char line[600], second[128] = "";
	FILE *f;

	*o = (struct orders){ .path = "" };
	snprintf(o->path, sizeof(o->path), "%s/%s", folder, file);
	f = fopen(o->path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL &&
	       strncmp(line, "#! ", 3) == 0) {
		line[strcspn(line, "\n")] = '\0';
		take(line, "expect ", o->expect, sizeof(o->expect));
		take(line, "found ", o->found, sizeof(o->found));
		take(line, "stage ", o->stage, sizeof(o->stage));
		take(line, "only ", o->only, sizeof(o->only));
		take(line, "with ", second, sizeof(second));
		o->resolve |= strncmp(line, "#! found", 8) == 0;
	}
	fclose(f);
	if (second[0] != '\0')
		snprintf(o->second, sizeof(o->second), "%s/%s", folder, second);
	for (char *s = o->found; *s != '\0';) {
		const size_t n = strcspn(s, " ");
		const bool last = s[n] == '\0';

		s[n] = '\0';
		assert_true(o->ntables < MAX_FOUND);
		o->tables[o->ntables++] = (struct plan_found){
			.name = s, .what = "exports/01",
		};
		s += last ? n : n + 1;
	}
}

static struct plan *
obey(struct orders *o, struct err *err)
{
	const char *const paths[] = { o->path, o->second };
	const char *const only[] = { o->only };
	const struct plan_options options = {
		.variable = variable, .only = only,
		.nonly = o->only[0] != '\0',
		.stage = o->stage[0] != '\0' ? o->stage : NULL,
	};
	struct plan *const p = plan_load(paths, o->second[0] != '\0' ? 2 : 1,
					 &options, err);

	if (p == NULL || !o->resolve ||
	    plan_resolve(p, o->tables, o->ntables, err) == 0)
		return p;
	plan_free(p);
	return NULL;
}

/* ---- every file ---------------------------------------------------------- */

static bool
is_first(const char *name)
{
	const size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".yaml") == 0 && name[0] != '_';
}

static int
each(const char *folder, int (*what)(const char *file))
{
	DIR *const d = opendir(folder);
	const struct dirent *e;
	int n = 0, wrong = 0;

	if (d == NULL)
		fail_msg("%s is not here: run this from the project's folder",
			 folder);
	while ((e = readdir(d)) != NULL) {
		if (!is_first(e->d_name))
			continue;
		n++;
		wrong += what(e->d_name) != 0;
	}
	closedir(d);
	if (wrong > 0)
		fail_msg("%d of %d", wrong, n);
	return n;
}

static int
is_refused(const char *file)
{
	struct err err = { 0 };
	struct orders o;
	char expect[800];

	read_orders(&o, bad_folder, file);
	struct plan *const p = obey(&o, &err);

	/* Beginning with a digit, it is a place in this plan. */
	snprintf(expect, sizeof(expect), "%s%s%s",
		 o.expect[0] >= '0' && o.expect[0] <= '9' ? o.path : "",
		 o.expect[0] >= '0' && o.expect[0] <= '9' ? ":" : "", o.expect);
	size_t n = strlen(expect);
	const bool begins = n > 3 && strcmp(expect + n - 3, "...") == 0;
	if (begins)
		n -= 3;
	plan_free(p);
	if (p == NULL && err.code == ERR_USAGE &&
	    (begins ? strncmp(err.text, expect, n) :
	     strcmp(err.text, expect)) == 0)
		return 0;
	print_error("%s: %s\n\texpected: %s\n", file, p != NULL ? "taken" :
		    err.text, expect);
	return -1;
}

static int
is_taken(const char *file)
{
	struct err err = { 0 };
	struct orders o;

	read_orders(&o, good_folder, file);
	struct plan *const p = obey(&o, &err);
	if (p == NULL)
		print_error("%s: %s\n", file, err.text);
	plan_free(p);
	return p != NULL ? 0 : -1;
}

static void
refuses_every_bad_plan_in_its_own_words(void **state)
{
	(void)state;
	assert_true(each(bad_folder, is_refused) > 80);
}

static void
takes_every_good_plan(void **state)
{
	(void)state;
	assert_true(each(good_folder, is_taken) >= 5);
}

/* ---- the plan of the manual ---------------------------------------------- */

static void
copy_manual_plan(const char *to)
{
	FILE *const from = fopen("docs/PLAN.md", "r");
	FILE *const out = fopen(to, "w");
	char line[512];
	bool inside = false;

	assert_non_null(from);
	assert_non_null(out);
	while (fgets(line, sizeof(line), from) != NULL) {
		if (strncmp(line, "```", 3) == 0) {
			if (inside)
				break;
			inside = strcmp(line, "```yaml\n") == 0;
		} else if (inside) {
			fputs(line, out);
		}
	}
	assert_true(inside);
	fclose(from);
	fclose(out);
}

static void
takes_the_plan_of_the_manual(void **state)
{
	char path[] = "/tmp/test_plan_load.XXXXXX";
	const char *const paths[] = { path };
	struct plan_options options = { .stage = NULL };
	struct plan_place at;
	struct err err;

	(void)state;
	close(mkstemp(path));
	copy_manual_plan(path);
	struct plan *p = plan_load(paths, 1, &options, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(p->name, "20250201-staging-to-production");
	assert_int_equal(p->ntables, 7);
	assert_false(p->confirm);
	const struct plan_table *const t =
		&p->tables[plan_table_named(p, "Projects")];
	assert_int_equal(t->level, 2);
	assert_string_equal(t->from, "Projects-fvn7t5hbobaxjklhrqzdl4ac34-NONE");
	assert_int_equal(t->nrules, 7);
	assert_null(plan_not_yet(p, &at));
	plan_free(p);

	options.stage = "prod";
	p = plan_load(paths, 1, &options, &err);
	assert_non_null(p);
	assert_true(p->confirm);
	plan_free(p);
	options.stage = "dev";
	p = plan_load(paths, 1, &options, &err);
	assert_non_null(p);
	assert_string_equal(p->target.environment, "dev-123");
	assert_string_equal(p->tables[0].to, "Properties-dev-123-NONE");
	plan_free(p);
	unlink(path);
}

/* ---- what became of it --------------------------------------------------- */

static struct plan *
taken(const char *file)
{
	static struct orders o;	/* its names live as long as the plan */
	struct err err = { 0 };

	read_orders(&o, good_folder, file);
	struct plan *const p = obey(&o, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	return p;
}

static const struct plan_table *
table(const struct plan *p, const char *name)
{
	const uint32_t i = plan_table_named(p, name);

	if (i == PLAN_NONE)
		fail_msg("no table %s", name);
	return &p->tables[i];
}

static void
gives_globs_their_real_names(void **state)
{
	struct plan *const p = taken("globs.yaml");

	(void)state;
	assert_int_equal(p->ntables, 5);
	/* In the plan's order, and by name where a glob stood. */
	assert_string_equal(p->tables[0].name, "Users");
	assert_string_equal(p->tables[1].name, "LogA");
	assert_string_equal(p->tables[2].name, "LogB");
	assert_string_equal(p->tables[3].name, "LogAudit1");
	assert_string_equal(p->tables[4].name, "LogExact");

	assert_string_equal(table(p, "LogA")->from, "LogA-src");
	assert_string_equal(table(p, "LogA")->to, "LogA-dst");
	assert_int_equal(table(p, "LogA")->passes[0].nsteps, 0);
	assert_int_equal(table(p, "LogAudit1")->passes[0].nsteps, 1);
	assert_true(table(p, "LogExact")->skip);
	assert_false(table(p, "LogA")->glob);
	/* The hash knows the real name, so two tables have two ways. */
	assert_non_null(table(p, "LogA")->remap);
	assert_ptr_not_equal(table(p, "LogA")->remap, table(p, "LogB")->remap);
	for (uint32_t i = 0; i < p->ntables; i++)
		assert_int_not_equal(p->tables[i].input, PLAN_NONE);
	plan_free(p);
}

static void
lets_several_tables_read_one_export(void **state)
{
	struct plan *const p = taken("of.yaml");
	const struct plan_input *const in = &p->inputs[0];

	(void)state;
	assert_int_equal(p->ninputs, 2);
	assert_string_equal(in->name, "Main-src");
	assert_int_equal(in->ntables, 3);
	assert_string_equal(p->tables[in->tables[0]].name, "Users");
	assert_string_equal(p->tables[in->tables[1]].name, "Orders");
	assert_string_equal(p->tables[in->tables[2]].name, "Main");
	assert_int_equal(p->inputs[1].ntables, 0);	/* skipped */
	assert_string_equal(table(p, "Users")->to, "Users-dst");
	plan_free(p);
}

static void
finds_levels_and_circles(void **state)
{
	struct plan *const p = taken("levels.yaml");
	static const struct {
		const char *name;
		uint32_t level;
		bool cycle, self;
	} expect[] = {
		{ "A", 1, false, false }, { "B", 2, false, false },
		{ "C", 3, true, false }, { "D", 3, true, true },
		{ "E", 4, false, false }, { "F", 1, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		const struct plan_table *const t = table(p, expect[i].name);

		assert_int_equal(t->level, expect[i].level);
		assert_int_equal(t->cycle, expect[i].cycle);
		assert_int_equal(t->self_ref, expect[i].self);
	}
	/* A keeps its ids and B refers to it: its key is an id to check. */
	assert_int_equal(table(p, "A")->nrules, 1);
	assert_true(table(p, "A")->rules[0].is_id);
	assert_null(table(p, "A")->remap);
	plan_free(p);
}

static void
takes_keys_and_types_from_definitions(void **state)
{
	struct plan *const p = taken("create.yaml");
	const struct plan_table *const t = table(p, "Things");

	(void)state;
	assert_non_null(t->create);
	assert_string_equal(t->key.pk.name, "pk");
	assert_int_equal(t->key.pk.type, VALUE_S);
	assert_int_equal(t->key.sk.type, VALUE_N);
	assert_int_equal(t->create->nindexes, 2);
	assert_string_equal(t->create->indexes[0].name, "byOwner");
	assert_int_equal(t->create->indexes[0].key.pk.type, VALUE_B);
	assert_true(t->create->indexes[1].local);
	assert_int_equal(p->nfiles, 3);
	assert_int_equal(p->nwarnings, 1);
	assert_string_equal(p->warnings[0].name, "local-indexes");
	/* Empty is described only; no export holds it, and none need. */
	assert_true(table(p, "Empty")->filled);
	assert_int_equal(table(p, "Empty")->input, PLAN_NONE);
	plan_free(p);
}

static void
applies_two_plans_in_one_pass(void **state)
{
	struct plan *const p = taken("two.yaml");
	const struct plan_table *const t = table(p, "Users");

	(void)state;
	assert_int_equal(p->ntables, 2);
	assert_string_equal(t->from, "Users-src");
	assert_string_equal(t->to, "Users-later");
	assert_string_equal(table(p, "Logs")->to, "Logs-later");
	assert_int_equal(t->npasses, 2);
	assert_int_equal(t->passes[0].plan, 0);
	assert_int_equal(t->passes[0].nsteps, 1);
	assert_int_equal(t->passes[1].plan, 1);
	assert_int_equal(t->passes[1].nasserts, 1);
	/* Keys are the last one's, ids are made for the first one's target. */
	assert_string_equal(t->key.pk.name, "uid");
	assert_string_equal(t->source_key.pk.name, "id");
	assert_string_equal(p->ids.environment, "dst");
	assert_string_equal(p->target.environment, "later");
	plan_free(p);
}

static void
reads_every_kind_of_step(void **state)
{
	static const enum plan_step_kind kinds[] = {
		STEP_UPDATE, STEP_RENAME, STEP_VERSION, STEP_EXPAND,
		STEP_CONTRACT, STEP_EMIT, STEP_PIPE, STEP_LUA,
	};
	struct plan *const p = taken("steps.yaml");
	const struct plan_pass *const pass = table(p, "T")->passes;

	(void)state;
	assert_int_equal(pass->nsteps, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pass->steps[i].kind, kinds[i]);
	assert_non_null(pass->steps[0].when);
	assert_true(pass->steps[1].overwrite);
	assert_int_equal(pass->steps[1].nrenames, 2);
	assert_int_equal(pass->steps[2].version.nupgrades, 2);
	assert_int_equal(pass->steps[2].version.to, 3);
	assert_int_equal(pass->steps[5].nemits, 2);
	assert_string_equal(pass->steps[5].emits[1].as, "v");
	assert_int_equal(pass->steps[5].emits[1].nfields, 2);
	assert_int_equal(pass->steps[5].emits[1].table,
			 plan_table_named(p, "U"));
	assert_string_equal(pass->steps[6].argv[1], "-n");
	assert_null(pass->steps[6].argv[2]);
	assert_string_equal(pass->steps[6].folder, good_folder);
	assert_string_equal(pass->steps[7].file, "tests/plans/good/x.lua");
	plan_free(p);
}

static void
warns_of_what_is_no_error(void **state)
{
	struct plan *const p = taken("warnings.yaml");
	struct err err;

	(void)state;
	assert_int_equal(p->nwarnings, 4);
	assert_string_equal(p->warnings[0].name, "long-numbers");
	assert_int_equal(p->warnings[0].place.line, 6);
	assert_string_equal(p->warnings[1].name, "no-environment");
	assert_string_equal(p->warnings[2].name, "unused-definition");
	assert_string_equal(p->warnings[3].name, "empty-glob");
	/* 10^18 numbers: 10^8 ids are too few to meet, 10^9 are not. */
	assert_int_equal(plan_warn_collisions(p, 0, 10000000, &err), 0);
	assert_int_equal(p->nwarnings, 4);
	assert_int_equal(plan_warn_collisions(p, 0, 1000000000, &err), 0);
	assert_int_equal(p->nwarnings, 5);
	plan_free(p);
}

static void
warns_of_steps_that_see_nothing(void **state)
{
	struct plan *const p = taken("idle.yaml");

	(void)state;
	assert_int_equal(p->nwarnings, 1);
	assert_string_equal(p->warnings[0].name, "idle-steps");
	assert_int_equal(p->warnings[0].place.line, 9);
	plan_free(p);
}

static void
says_what_is_not_there(void **state)
{
	struct plan *const p = taken("absent.yaml");
	struct err err;

	(void)state;
	assert_int_equal(plan_ready(p, &err), -1);
	assert_string_equal(err.text, "tests/plans/good/absent.yaml:2:20: there"
			    " is no 'tests/plans/good/nowhere'");
	plan_free(p);
}

/* A plan cut anywhere is refused or read; nothing else happens. */
static void
survives_every_truncation(void **state)
{
	char path[] = "/tmp/test_plan_load.XXXXXX";
	const char *const paths[] = { path };
	FILE *f = fopen("tests/plans/good/steps.yaml", "r");
	char text[4096];

	(void)state;
	assert_non_null(f);
	const size_t len = fread(text, 1, sizeof(text), f);
	fclose(f);
	close(mkstemp(path));
	for (size_t n = 0; n < len; n++) {
		struct err err = { 0 };

		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(text, 1, n, f), n);
		fclose(f);
		struct plan *const p = plan_load(paths, 1, NULL, &err);
		assert_true((p == NULL) == (err.code != ERR_NONE));
		plan_free(p);
	}
	unlink(path);
}

static void
matches_globs(void **state)
{
	(void)state;
	assert_true(plan_glob_matches("a*b*c", "aXbYbZc"));
	assert_false(plan_glob_matches("a*b*c", "aXbYbZ"));
	assert_true(plan_glob_matches("*", ""));
	assert_true(plan_glob_matches("a?c", "abc"));
	assert_false(plan_glob_matches("a?c", "ac"));
	assert_false(plan_glob_matches("abc", "abcd"));
	assert_true(plan_glob_matches("**a", "bba"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_bad_plan_in_its_own_words),
		cmocka_unit_test(takes_every_good_plan),
		cmocka_unit_test(takes_the_plan_of_the_manual),
		cmocka_unit_test(gives_globs_their_real_names),
		cmocka_unit_test(lets_several_tables_read_one_export),
		cmocka_unit_test(finds_levels_and_circles),
		cmocka_unit_test(takes_keys_and_types_from_definitions),
		cmocka_unit_test(applies_two_plans_in_one_pass),
		cmocka_unit_test(reads_every_kind_of_step),
		cmocka_unit_test(warns_of_what_is_no_error),
		cmocka_unit_test(warns_of_steps_that_see_nothing),
		cmocka_unit_test(says_what_is_not_there),
		cmocka_unit_test(survives_every_truncation),
		cmocka_unit_test(matches_globs),
	};

	return cmocka_run_group_tests_name("plan_load", tests, NULL, NULL);
}
