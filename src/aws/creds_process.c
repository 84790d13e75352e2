/* creds_process.c - credentials that a program prints. */
#include "aws/creds_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/keys.h"
#include "base/arena.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/tree.h"

enum { MOST_WORDS = 64, OUTPUT_LEN = 256 * 1024 };

extern char **environ;

static const char *
text(const struct tree *t, const char *name)
{
	const struct tree *const v = tree_get(t, name);

	return v == NULL || v->kind != TREE_TEXT || v->text.len == 0 ? NULL
		: (const char *)v->text.ptr;
}

int
creds_from_json(struct search *s, struct span source, const char *what,
		const char *token, struct err *err)
{
	struct arena mem = { 0 };
	const struct tree *const t = json_parse(source, what, &mem, err);
	int rc = t == NULL ? -1 : 1;

	if (t == NULL)	/* of what it says nothing may be told */
		err_set(err, ERR_REMOTE, "no JSON");
	else if (keys_set(s->keys, text(t, "AccessKeyId"),
			  text(t, "SecretAccessKey"), text(t, token), err)
		 != 0 || (text(t, "Expiration") != NULL &&
			  keys_set_expires(s->keys, text(t, "Expiration"), err)
			  != 0))
		rc = -1;
	arena_free(&mem);
	return rc < 0 ? err_at(err, "%s", what) : rc;
}

/*
 * Words as a shell makes them of a line without variables: quotes, and a
 * backslash before anything but within single ones.  They go into `line`.
 */
static int
split(char *line, char *words[MOST_WORDS + 1])
{
	char *to = line;
	int n = 0;

	for (const char *at = line; ; n++) {
		char quote = '\0';

		while (*at == ' ' || *at == '\t')
			at++;
		if (*at == '\0' || n == MOST_WORDS)
			break;
		words[n] = to;
		for (; *at != '\0' && (quote != '\0' ||
				       (*at != ' ' && *at != '\t')); at++) {
			if (*at == quote)
				quote = '\0';
			else if (quote == '\0' && (*at == '"' || *at == '\''))
				quote = *at;
			else if (*at == '\\' && quote != '\'' && at[1] != '\0')
				*to++ = *++at;
			else
				*to++ = *at;
		}
		at += *at != '\0';
		*to++ = '\0';
	}
	words[n] = NULL;
	return n;
}

/* All that it prints; whether it ended well. */
static int
run(char **words, struct buf *out, struct err *err)
{
	posix_spawn_file_actions_t actions;
	int fds[2], status = 0, rc = 0;
	ssize_t n = 1;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set(err, ERR_SYSTEM, "pipe: %m");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	errno = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (errno != 0) {
		rc = err_set(err, ERR_USAGE, "'%s' cannot be run: %m",
			     words[0]);
		close(fds[0]);
		return rc;
	}
	while (n != 0 && rc == 0) {
		uint8_t *const to = buf_reserve(out, 4096, err);

		n = to == NULL ? -1 : read(fds[0], to, 4096);
		if (n > 0)
			buf_commit(out, (size_t)n);
		if ((n < 0 && errno != EINTR) || out->len > OUTPUT_LEN)
			rc = err_set(err, ERR_REMOTE, "what it prints cannot "
				     "be read, or is too long");
	}
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && status != 0)
		rc = err_set(err, ERR_REMOTE, "'%s' failed", words[0]);
	return rc;
}

int
creds_process(struct search *s, const char *profile, const char *command,
	      struct err *err)
{
	char *const line = strdup(command);
	char *words[MOST_WORDS + 1];
	struct buf out = { 0 };
	int rc = line == NULL ? err_set(err, ERR_SYSTEM, "out of memory") : 1;

	if (rc > 0 && split(line, words) == 0)
		rc = err_set(err, ERR_USAGE, "it is empty");
	if (rc > 0 && run(words, &out, err) != 0)
		rc = -1;
	if (rc > 0)
		rc = creds_from_json(s, buf_span(&out), "what it prints",
				     "SessionToken", err);
	if (rc > 0)
		creds_say(s, "credential_process of profile '%s'", profile);
	else
		err_at(err, "profile '%s': credential_process", profile);
	if (out.len > 0)
		explicit_bzero(out.ptr, out.len);
	buf_free(&out);
	free(line);
	return rc;
}
