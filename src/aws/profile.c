#include "aws/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/file.h"

enum { MOST_LEN = 4 * 1024 * 1024 };

const char *
aws_variable(const struct aws_env *env, const char *name)
{
	const char *const value = env->variable(env->context, name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* ---- reading ------------------------------------------------------------ */

static const char *
keep(struct profiles *p, struct span s, struct err *err)
{
	char *const copy = arena_take(&p->mem, s.len + 1, err);

	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

static int
add(struct profiles *p, const struct profile_entry *e, struct err *err)
{
	if (p->n == p->cap) {
		const size_t cap = 2 * p->cap + 32;
		struct profile_entry *const more = realloc(p->list,
							   cap * sizeof(*more));

		if (more == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		p->list = more;
		p->cap = cap;
	}
	p->list[p->n++] = *e;
	return 0;
}

static struct span
trimmed(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' ||
			     s.ptr[s.len - 1] == '\t' ||
			     s.ptr[s.len - 1] == '\r'))
		s.len--;
	return s;
}

/* A file on its way in. */
struct reading_profile {
	struct profiles *to;
	bool credentials;
	enum profile_kind kind;
	const char *section;	/* NULL: none that concerns us */
	const char *outer;	/* the key without a value above, or "" */
};

/* `[profile "a b"]`, `[default]`, `[services x]`, `[sso-session y]`. */
static int
begin_section(struct reading_profile *r, struct span line, struct err *err)
{
	const uint8_t *const end = memchr(line.ptr, ']', line.len);
	struct span name = { line.ptr + 1, line.len - 1 };

	r->section = NULL;
	r->outer = "";
	if (end == NULL)
		return 0;
	name.len = (size_t)(end - name.ptr);
	name = trimmed(name);
	r->kind = PROFILE_OF_CREDENTIALS;
	if (!r->credentials) {
		size_t n = 0;

		while (n < name.len && name.ptr[n] != ' ' &&
		       name.ptr[n] != '\t')
			n++;
		const struct span word = { name.ptr, n };
		r->kind = span_is(word, "services") ? PROFILE_SERVICES
			: PROFILE_OF_CONFIG;
		if (n == name.len && !span_is(word, "default"))
			return 0;
		if (n < name.len && !span_is(word, "services") &&
		    !span_is(word, "profile"))
			return 0;
		if (n < name.len)
			name = trimmed((struct span){ name.ptr + n,
						      name.len - n });
	}
	if (name.len >= 2 && (name.ptr[0] == '"' || name.ptr[0] == '\'') &&
	    name.ptr[name.len - 1] == name.ptr[0])
		name = (struct span){ name.ptr + 1, name.len - 2 };
	r->section = keep(r->to, name, err);
	if (r->section == NULL)
		return -1;
	return add(r->to, &(struct profile_entry){ r->kind, r->section, NULL,
						   NULL }, err);
}

/* A value ends where a comment begins, which takes a space before it. */
static struct span
without_comment(struct span s)
{
	for (size_t i = 1; i < s.len; i++)
		if ((s.ptr[i] == '#' || s.ptr[i] == ';') &&
		    (s.ptr[i - 1] == ' ' || s.ptr[i - 1] == '\t'))
			return trimmed((struct span){ s.ptr, i });
	return s;
}

static int
take_pair(struct reading_profile *r, struct span line, bool within,
	  struct err *err)
{
	const uint8_t *const at = memchr(line.ptr, '=', line.len);
	struct profile_entry e = { r->kind, r->section, NULL, NULL };
	struct buf name = { 0 };

	if (at == NULL || r->section == NULL)
		return 0;
	const struct span key = trimmed((struct span){
		line.ptr, (size_t)(at - line.ptr) });
	const struct span value = without_comment(trimmed((struct span){
		at + 1, (size_t)(line.ptr + line.len - at) - 1 }));
	int rc = within && r->outer[0] != '\0'
		? buf_printf(&name, err, "%s.", r->outer) : 0;
	for (size_t i = 0; i < key.len && rc == 0; i++) {
		const uint8_t c = key.ptr[i];	/* in small letters */
		const uint8_t small = c >= 'A' && c <= 'Z' ? c + 32 : c;

		rc = buf_append(&name, (struct span){ &small, 1 }, err);
	}
	e.key = rc == 0 ? keep(r->to, buf_span(&name), err) : NULL;
	e.value = e.key == NULL ? NULL : keep(r->to, value, err);
	buf_free(&name);
	if (e.value == NULL)
		return -1;
	if (!within)
		r->outer = value.len == 0 ? e.key : "";
	return add(r->to, &e, err);
}

static int
read_lines(struct profiles *p, struct span text, bool credentials,
	   struct err *err)
{
	struct reading_profile r = {
		.to = p, .credentials = credentials, .outer = "",
	};
	int rc = 0;

	while (text.len > 0 && rc == 0) {
		const uint8_t *const end = memchr(text.ptr, '\n', text.len);
		const size_t n = end == NULL ? text.len
			: (size_t)(end - text.ptr);
		const struct span line = trimmed((struct span){ text.ptr, n });
		const bool within = n > 0 && line.ptr != text.ptr;

		if (line.len > 0 && line.ptr[0] == '[')
			rc = begin_section(&r, line, err);
		else if (line.len > 0 && line.ptr[0] != '#' &&
			 line.ptr[0] != ';')
			rc = take_pair(&r, line, within, err);
		text.ptr += end == NULL ? n : n + 1;
		text.len -= end == NULL ? n : n + 1;
	}
	return rc;
}

/* The path that a variable gives, else one below the home folder. */
static const char *
find_file(struct profiles *p, const struct aws_env *env, const char *variable,
	  const char *usual, struct err *err)
{
	const char *const given = aws_variable(env, variable);
	const char *const home = aws_variable(env, "HOME");
	const bool below = given == NULL || strncmp(given, "~/", 2) == 0;
	struct buf path = { 0 };
	const char *out;

	if (below && home == NULL)
		return NULL;
	if ((below ? buf_printf(&path, err, "%s/%s", home, given == NULL
				? usual : given + 2)
	     : buf_printf(&path, err, "%s", given)) != 0)
		return NULL;
	out = keep(p, buf_span(&path), err);
	buf_free(&path);
	return out;
}

static int
read_file(struct profiles *p, const char *path, bool credentials,
	  struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (path == NULL || access(path, F_OK) != 0)
		return err->code == ERR_NONE ? 0 : -1;
	rc = file_load(path, MOST_LEN, &text, err);
	if (rc == 0)
		rc = read_lines(p, buf_span(&text), credentials, err);
	if (text.len > 0)
		explicit_bzero(text.ptr, text.len);
	buf_free(&text);
	return rc;
}

int
profiles_load(struct profiles *p, const struct aws_env *env, struct err *err)
{
	*p = (struct profiles){ 0 };
	err->code = ERR_NONE;
	p->config_path = find_file(p, env, "AWS_CONFIG_FILE", ".aws/config",
				   err);
	p->credentials_path = find_file(p, env, "AWS_SHARED_CREDENTIALS_FILE",
					".aws/credentials", err);
	if (read_file(p, p->config_path, false, err) != 0)
		return -1;
	return read_file(p, p->credentials_path, true, err);
}

void
profiles_free(struct profiles *p)
{
	arena_free(&p->mem);
	free(p->list);
	*p = (struct profiles){ 0 };
}

/* ---- asking ------------------------------------------------------------- */

bool
profiles_have(const struct profiles *p, const char *profile)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].kind != PROFILE_SERVICES &&
		    strcmp(p->list[i].section, profile) == 0)
			return true;
	return false;
}

const char *
profiles_get(const struct profiles *p, enum profile_kind kind,
	     const char *section, const char *key)
{
	const char *value = NULL;	/* the last one counts */

	for (size_t i = 0; i < p->n; i++) {
		const struct profile_entry *const e = &p->list[i];

		if (e->kind == kind && e->key != NULL &&
		    strcmp(e->key, key) == 0 &&
		    strcmp(e->section, section) == 0)
			value = e->value;
	}
	return value;
}

const char *
profiles_value(const struct profiles *p, const char *profile, const char *key)
{
	const char *const value = profiles_get(p, PROFILE_OF_CREDENTIALS,
					       profile, key);

	return value != NULL ? value
		: profiles_get(p, PROFILE_OF_CONFIG, profile, key);
}
