/*
 * plan_programs.c - the steps `pipe` and `lua`, which leave it to a program.
 *
 *	pipe: [node, transforms/account.js]
 *	pipe: {command: [...], as: dynamodb-json, timeout: 300, env: [TOKEN]}
 *	lua: transforms/account.lua
 *	lua: {script: transforms/account.lua, instructions: 50000000, memory: 256}
 */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "engine/plan_internal.h"
#include "expr/script.h"

enum {
	TIMEOUT = 60,		/* seconds, unless the step says it */
	MOST_SECONDS = 24 * 60 * 60,
	MOST_MIB = 4096,
};

#define MOST_INSTRUCTIONS UINT64_C(1000000000000)

/*
 * An argument with a slash in it, like the `transforms/account.ts` of
 * [npx, tsx, transforms/account.ts], is a file that the plan names.
 */
static int
note_argument(struct plan *p, const struct plan_part *part,
	      const struct tree *t, struct err *err)
{
	const char *const arg = (const char *)t->text.ptr;

	if (arg[0] == '-' || arg[0] == '/' || arg[0] == '@' ||
	    strchr(arg, '/') == NULL || strstr(arg, "://") != NULL)
		return 0;
	const char *const path = plan_join(p, part->folder, arg, err);
	return path != NULL && plan_note_file(p, path, "pipe",
					      plan_place_of(t), err) != NULL ?
		0 : -1;
}

static int
read_command(struct plan *p, const struct plan_part *part,
	     const struct tree *t, const char *name, struct plan_step *step,
	     struct err *err)
{
	if (t->kind != TREE_LIST || t->nkids == 0)
		return tree_err(t, err, "'%s' must be a list, the program and "
				"its arguments; not %s", name,
				t->kind == TREE_LIST ? "an empty one"
						     : tree_kind_name(t));
	const char **const argv = plan_take(p, (size_t)t->nkids + 1,
					    sizeof(*argv), err);
	if (argv == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++) {
		const struct tree *const arg = &t->kids[i];

		if (!tree_is_scalar(arg) || arg->kind == TREE_NULL)
			return tree_err(arg, err, "an argument must be text, "
					"not %s", tree_kind_name(arg));
		argv[i] = (const char *)arg->text.ptr;
		if (note_argument(p, part, arg, err) != 0)
			return -1;
	}
	step->argv = argv;
	step->folder = part->folder;
	return 0;
}

/* Variable `name`, if it is set, as the next of `env`. */
static int
pass_on(struct plan *p, const char *name, const char **env, size_t *n,
	struct err *err)
{
	const struct plan_options *const o = &p->parts->options;
	const char *const value = o->variable == NULL ? NULL
		: o->variable(o->context, name);

	if (value == NULL)
		return 0;
	env[*n] = plan_format(p, err, "%s=%s", name, value);
	return env[(*n)++] != NULL ? 0 : -1;
}

/*
 * What a program needs to be found and to run, and what the step names; nothing
 * else, least of all what the cloud lets one in with.  Its clock shows UTC
 * wherever it runs.
 */
static int
read_env(struct plan *p, const struct tree *t, struct plan_step *step,
	 struct err *err)
{
	static const char *const always[] = {
		"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR",
	};
	const size_t nalways = sizeof(always) / sizeof(*always);
	const uint32_t named = t != NULL ? t->nkids : 0;
	size_t n = 0;

	if (t != NULL && t->kind != TREE_LIST)
		return tree_err(t, err, "'env' must be a list, names of "
				"variables to pass on; not %s",
				tree_kind_name(t));
	const char **const env = plan_take(p, nalways + named + 2,
					   sizeof(*env), err);
	if (env == NULL)
		return -1;
	for (size_t i = 0; i < nalways; i++)
		if (pass_on(p, always[i], env, &n, err) != 0)
			return -1;
	env[n++] = "TZ=UTC";
	for (uint32_t i = 0; i < named; i++) {
		const char *name;

		if (plan_read_text(&t->kids[i], "a variable", &name,
				   err) != 0)
			return -1;
		if (name[0] == '\0' || strchr(name, '=') != NULL)
			return tree_err(&t->kids[i], err, "'%s' is no name of "
					"a variable", name);
		if (pass_on(p, name, env, &n, err) != 0)
			return -1;
	}
	step->env = env;
	return 0;
}

/* A number of `unit` from 1 to `most`, if the field is there. */
static int
read_bound(const struct tree *map, const char *name, uint64_t most,
	   const char *unit, uint64_t *out, struct err *err)
{
	const struct tree *const t = tree_get(map, name);

	if (t == NULL)
		return 0;
	if (plan_read_uint(t, name, out, err) != 0)
		return -1;
	if (*out == 0 || *out > most)
		return tree_err(t, err, "'%s' must be 1 to %" PRIu64 " %s",
				name, most, unit);
	return 0;
}

int
plan_read_pipe(struct plan *p, const struct plan_part *part,
	       const struct tree *t, struct plan_step *step, struct err *err)
{
	static const char *const known[] = {
		"command", "as", "timeout", "env", NULL,
	};
	static const char *const forms[] = { "json", "dynamodb-json", NULL };
	uint64_t seconds = TIMEOUT;
	unsigned form = 0;

	step->timeout = TIMEOUT;
	if (t->kind != TREE_MAP)
		return read_command(p, part, t, "pipe", step, err) != 0
			? -1 : read_env(p, NULL, step, err);
	if (plan_check_map(t, "'pipe'", known, err) != 0)
		return -1;

	const struct tree *const command = tree_get(t, "command");
	const struct tree *const as = tree_get(t, "as");
	if (command == NULL)
		return tree_err(t, err, "'pipe' needs 'command', the program "
				"and its arguments");
	if (as != NULL && plan_read_word(as, "as", forms, &form, err) != 0)
		return -1;
	step->typed = form == 1;
	if (read_bound(t, "timeout", MOST_SECONDS, "seconds", &seconds,
		       err) != 0 ||
	    read_env(p, tree_get(t, "env"), step, err) != 0)
		return -1;
	step->timeout = (unsigned)seconds;
	return read_command(p, part, command, "command", step, err);
}

/* {script, instructions, memory}, or the script alone.  Returns it or NULL. */
static const struct tree *
read_limits(const struct tree *t, struct script_limits *limits,
	    struct err *err)
{
	static const char *const known[] = {
		"script", "instructions", "memory", NULL,
	};
	uint64_t mib = SCRIPT_MEMORY >> 20;

	limits->instructions = SCRIPT_INSTRUCTIONS;
	limits->memory = SCRIPT_MEMORY;
	if (t->kind != TREE_MAP)
		return t;
	if (plan_check_map(t, "'lua'", known, err) != 0 ||
	    read_bound(t, "instructions", MOST_INSTRUCTIONS, "for an item",
		       &limits->instructions, err) != 0 ||
	    read_bound(t, "memory", MOST_MIB, "MiB for an item", &mib,
		       err) != 0)
		return NULL;
	limits->memory = (size_t)mib << 20;
	if (tree_get(t, "script") == NULL)
		tree_err(t, err, "'lua' needs 'script', a file");
	return tree_get(t, "script");
}

/* The script is kept, so that what was checked is what runs. */
int
plan_read_lua(struct plan *p, const struct plan_part *part,
	      const struct tree *t, struct plan_step *step, struct err *err)
{
	const char *name;

	t = read_limits(t, &step->limits, err);
	if (t == NULL || plan_read_text(t, "lua", &name, err) != 0)
		return -1;
	step->file = plan_join(p, part->folder, name, err);
	if (step->file == NULL)
		return -1;

	const struct plan_place at = plan_place_of(t);
	const struct plan_file *const file = plan_note_file(p, step->file,
							    "lua", at, err);
	if (file == NULL)
		return -1;
	if (file->absent)
		return 0;
	step->text = plan_slurp(p, step->file, err);
	if (step->text.ptr == NULL)
		return -1;
	struct script *const s = script_new(step->file, step->text,
					    &step->limits, err);
	script_free(s);
	return s != NULL ? 0 : err_at(err, "%s:%u:%u", at.file, at.line,
				      at.column);
}
