#include "cli/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "aws/side.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "io/file.h"

enum { MOST_LEN = 1024 * 1024, MOST_VARIABLES = 128 };

/* What the file says; the texts stay until the program ends. */
static struct {
	const char *name, *value;
} variables[MOST_VARIABLES];
static size_t nvariables;
static bool has_keys;		/* the process's do not count */

static char *
trim(char *s)
{
	char *end = s + strlen(s);

	while (*s == ' ' || *s == '\t')
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t' ||
			   end[-1] == '\r'))
		*--end = '\0';
	return s;
}

/* A value without its quotes, or without the comment behind it. */
static char *
bare(char *s)
{
	char *end = s[0] == '"' || s[0] == '\'' ? strchr(s + 1, s[0]) : NULL;

	if (end != NULL) {
		*end = '\0';
		return s + 1;
	}
	for (end = s; *end != '\0'; end++)
		if (*end == '#' && end > s &&
		    (end[-1] == ' ' || end[-1] == '\t'))
			*end = '\0';
	return trim(s);
}

static int
take_line(char *line, struct err *err)
{
	char *const equals = strchr(line, '=');
	char *name = trim(line);

	if (equals == NULL || name[0] == '#')
		return 0;
	*equals = '\0';
	if (strncmp(name, "export ", 7) == 0)
		name += 7;
	name = trim(name);
	if (strncmp(name, "AWS_", 4) != 0)
		return 0;
	if (nvariables == MOST_VARIABLES)
		return err_set(err, ERR_USAGE, "more than %d variables of AWS",
			       MOST_VARIABLES);
	variables[nvariables].name = name;
	variables[nvariables++].value = bare(trim(equals + 1));
	has_keys |= strcmp(name, "AWS_ACCESS_KEY_ID") == 0;
	return 0;
}

int
environment_read(const char *path, struct err *err)
{
	static struct buf text;		/* what the variables point into */
	int rc;

	buf_reset(&text);
	rc = file_load(path, MOST_LEN, &text, err);

	if (rc == 0)
		rc = buf_append(&text, (struct span){ (const uint8_t *)"", 1 },
				err);
	for (char *line = (char *)text.ptr; rc == 0 && line != NULL; ) {
		char *const end = strchr(line, '\n');

		if (end != NULL)
			*end = '\0';
		rc = take_line(line, err);
		line = end == NULL ? NULL : end + 1;
	}
	return rc == 0 ? 0 : err_at(err, "--env-file %s", path);
}

const char *
environment_variable(void *context, const char *name)
{
	static const char *const KEYS[] = {
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_DEFAULT_PROFILE",
	};

	(void)context;
	for (size_t i = nvariables; i > 0; i--)
		if (strcmp(variables[i - 1].name, name) == 0)
			return variables[i - 1].value;
	for (size_t i = 0; has_keys && i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		if (strcmp(name, KEYS[i]) == 0)
			return NULL;
	return getenv(name);
}

const char *
environment_tmp(void)
{
	const char *const tmp = getenv("TMPDIR");

	return tmp != NULL && *tmp != '\0' ? tmp : "/tmp";
}

static struct side_options usual;

int
environment_open(const struct options *o, struct err *err)
{
	usual = (struct side_options){
		.env = { environment_variable, NULL },
		.profile = o->profile, .region = o->region,
		.endpoint_url = o->endpoint_url,
		.stall_s = o->read_timeout, .cancel = &commands_cancel,
	};
	return o->env_file == NULL ? 0 : environment_read(o->env_file, err);
}

const struct side_options *
environment_side(void)
{
	return &usual;
}
