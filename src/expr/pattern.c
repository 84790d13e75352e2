/* pattern.c - parse a pattern once, match it in one go from left to right. */
#include "expr/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct parser {
	struct pattern *p;
	struct span in;
	size_t pos;
	uint8_t *out;		/* texts, one after another */
	struct err *err;
};

/* The part that is being made, if it is text; else a new one. */
static void
add_char(struct parser *s, uint8_t c)
{
	struct pattern *const p = s->p;

	if (p->nparts == 0 || p->parts[p->nparts - 1].kind != PATTERN_TEXT)
		p->parts[p->nparts++] = (struct pattern_part){
			.text = { s->out, 0 } };
	*s->out++ = c;
	p->parts[p->nparts - 1].text.len++;
}

static int
add_catch(struct parser *s, enum pattern_kind kind, struct span name)
{
	struct pattern *const p = s->p;

	if (p->nparts > 0 && p->parts[p->nparts - 1].kind != PATTERN_TEXT)
		return err_set(s->err, ERR_USAGE, "nothing between two of {id} "
			       "and * in a pattern tells where one ends");
	if (name.len > 0)
		memcpy(s->out, name.ptr, name.len);
	p->parts[p->nparts++] = (struct pattern_part){
		.kind = kind, .text = { s->out, name.len } };
	s->out += name.len;
	p->ncaught++;
	return 0;
}

/* At `{`, which is not doubled. */
static int
parse_braces(struct parser *s)
{
	const uint8_t *const name = s->in.ptr + s->pos + 1;
	const size_t rest = s->in.len - s->pos - 1;
	const uint8_t *const end = memchr(name, '}', rest);

	if (end == NULL)
		return err_set(s->err, ERR_USAGE, "a pattern has a { that "
			       "nothing closes; write {{ for a brace");
	if (end == name || memchr(name, '{', (size_t)(end - name)) != NULL)
		return err_set(s->err, ERR_USAGE, "a pattern has braces "
			       "without a table or id in them");
	if (add_catch(s, PATTERN_ID,
		      (struct span){ name, (size_t)(end - name) }) != 0)
		return -1;
	s->pos = (size_t)(end - s->in.ptr) + 1;
	return 0;
}

static int
parse_one(struct parser *s)
{
	const uint8_t c = s->in.ptr[s->pos];
	const bool doubled = s->pos + 1 < s->in.len &&
			     s->in.ptr[s->pos + 1] == c;

	if (c == '*') {
		if (add_catch(s, PATTERN_ANY, (struct span){ NULL, 0 }) != 0)
			return -1;
		s->pos++;
		return 0;
	}
	if (c == '{' && !doubled)
		return parse_braces(s);
	if (c == '}' && !doubled)
		return err_set(s->err, ERR_USAGE, "a pattern has a } that "
			       "closes nothing; write }} for a brace");
	add_char(s, c);
	s->pos += c == '{' || c == '}' ? 2 : 1;
	return 0;
}

static int
parse(struct parser *s)
{
	bool has_id = false;

	while (s->pos < s->in.len)
		if (parse_one(s) != 0)
			return -1;
	for (size_t i = 0; i < s->p->nparts; i++)
		has_id |= s->p->parts[i].kind == PATTERN_ID;
	if (!has_id) {
		s->pos = 0;
		return err_set(s->err, ERR_USAGE, "a pattern has no {id} or "
			       "{Table} in it");
	}
	return 0;
}

int
pattern_parse(struct pattern *p, struct span text, size_t *at, struct err *err)
{
	/* No more parts than characters, no more text than there is. */
	*p = (struct pattern){
		.parts = malloc((text.len + 1) * sizeof(*p->parts) + text.len),
	};
	if (p->parts == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");

	struct parser s = { .p = p, .in = text, .err = err,
			    .out = (uint8_t *)(p->parts + text.len + 1) };

	if (parse(&s) == 0)
		return 0;
	if (at != NULL)
		*at = s.pos;
	pattern_free(p);
	return -1;
}

void
pattern_free(struct pattern *p)
{
	free(p->parts);
	*p = (struct pattern){ 0 };
}

bool
pattern_match(const struct pattern *p, struct span value, struct span *caught)
{
	const struct pattern_part *open = NULL;	/* waits for its end */
	const uint8_t *at = value.ptr;
	const uint8_t *const end = value.ptr + value.len;

	for (size_t i = 0; i < p->nparts; i++) {
		const struct pattern_part *const part = &p->parts[i];
		const struct span text = part->text;

		if (part->kind != PATTERN_TEXT) {
			open = part;
			continue;
		}

		const size_t least = open != NULL && open->kind == PATTERN_ID;
		const size_t rest = (size_t)(end - at);
		const uint8_t *found = at;

		if (rest < least + text.len)
			return false;
		if (open != NULL && i + 1 == p->nparts)
			found = end - text.len;
		else if (open != NULL)
			found = memmem(at + least, rest - least, text.ptr,
				       text.len);
		if (found == NULL || memcmp(found, text.ptr, text.len) != 0)
			return false;
		if (open != NULL)
			*caught++ = (struct span){ at, (size_t)(found - at) };
		open = NULL;
		at = found + text.len;
	}
	if (open == NULL)
		return at == end;
	*caught = (struct span){ at, (size_t)(end - at) };
	return open->kind == PATTERN_ANY || at < end;
}
