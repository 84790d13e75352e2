/*
 * script_pattern.c - Lua's patterns (Lua 5.1 Reference Manual, 5.4.1), matched
 * so that it can be stopped.
 *
 * A pattern with several `.-` may try all ways to divide a text before it gives
 * up; within Lua's own functions that is one instruction.  Here each single
 * comparison counts, as a part of one.
 */
#include <stdbool.h>
#include <string.h>

#include <luajit-2.1/lauxlib.h>

#include "expr/script_internal.h"

enum {
	MOST_DEPTH = 200,
	OPEN = -1,		/* lengths of captures that have none */
	POSITION = -2,
	ESC = '%',
};

static const uint8_t *match(struct script_match *m, const uint8_t *s,
			    const uint8_t *p);

static void __attribute__((noreturn))
malformed(const struct script_match *m, const char *why)
{
	luaL_error(m->lua, "malformed pattern (%s)", why);
	__builtin_unreachable();
}

static void
count(struct script_match *m)
{
	if (++m->steps % SCRIPT_STEPS == 0)
		script_charge(m->lua, 1);
}

/* ---- one character ------------------------------------------------------- */

/* Behind the class that begins at p. */
static const uint8_t *
class_end(const struct script_match *m, const uint8_t *p)
{
	const uint8_t c = *p++;

	if (c == ESC) {
		if (p == m->pat_end)
			malformed(m, "ends with '%'");
		return p + 1;
	}
	if (c != '[')
		return p;
	if (p < m->pat_end && *p == '^')
		p++;
	do {	/* a `]` at the front is one of the set */
		if (p == m->pat_end)
			malformed(m, "missing ']'");
		if (*p++ == ESC) {
			if (p == m->pat_end)
				malformed(m, "missing ']'");
			p++;
		}
		if (p == m->pat_end)
			malformed(m, "missing ']'");
	} while (*p != ']');
	return p + 1;
}

static bool
is_in(uint8_t c, uint8_t low, uint8_t high)
{
	return c >= low && c <= high;
}

/* Is `c` of the class that a letter names?  ASCII, whatever the locale. */
static bool
is_of(uint8_t c, uint8_t letter)
{
	const uint8_t lower = letter | 0x20;
	const bool alpha = is_in(c | 0x20, 'a', 'z');
	const bool digit = is_in(c, '0', '9');
	bool yes;

	switch (is_in(lower, 'a', 'z') ? lower : 0) {
	case 'a': yes = alpha; break;
	case 'c': yes = c < 0x20 || c == 0x7f; break;
	case 'd': yes = digit; break;
	case 'g': yes = is_in(c, 0x21, 0x7e); break;
	case 'l': yes = is_in(c, 'a', 'z'); break;
	case 'p': yes = is_in(c, 0x21, 0x7e) && !alpha && !digit; break;
	case 's': yes = c == ' ' || is_in(c, '\t', '\r'); break;
	case 'u': yes = is_in(c, 'A', 'Z'); break;
	case 'w': yes = alpha || digit; break;
	case 'x': yes = digit || is_in(c | 0x20, 'a', 'f'); break;
	case 'z': yes = c == 0; break;
	default: return letter == c;
	}
	return (letter & 0x20) != 0 ? yes : !yes;
}

/* Is `c` of the set from the bracket at p to the one at `last`? */
static bool
is_in_set(uint8_t c, const uint8_t *p, const uint8_t *last)
{
	bool wanted = true;

	if (p[1] == '^') {
		wanted = false;
		p++;
	}
	while (++p < last) {
		if (*p == ESC) {
			if (is_of(c, *++p))
				return wanted;
		} else if (p[1] == '-' && p + 2 < last) {
			if (is_in(c, p[0], p[2]))
				return wanted;
			p += 2;
		} else if (*p == c) {
			return wanted;
		}
	}
	return !wanted;
}

/* Is there a character at s, of the class from p to `end`? */
static bool
is_single(struct script_match *m, const uint8_t *s, const uint8_t *p,
	  const uint8_t *end)
{
	count(m);
	if (s >= m->end)
		return false;
	switch (*p) {
	case '.':
		return true;
	case ESC:
		return is_of(*s, p[1]);
	case '[':
		return is_in_set(*s, p, end - 1);
	default:
		return *p == *s;
	}
}

/* ---- several ------------------------------------------------------------- */

static const uint8_t *
match_balance(struct script_match *m, const uint8_t *s, const uint8_t *p)
{
	size_t depth = 1;

	if (m->pat_end - p < 2)
		malformed(m, "missing arguments to '%b'");
	if (s >= m->end || *s != p[0])
		return NULL;
	while (++s < m->end) {
		count(m);
		if (*s == p[1]) {
			if (--depth == 0)
				return s + 1;
		} else if (*s == p[0]) {
			depth++;
		}
	}
	return NULL;
}

static const uint8_t *
expand_most(struct script_match *m, const uint8_t *s, const uint8_t *p,
	    const uint8_t *end)
{
	ptrdiff_t i = 0;

	while (is_single(m, s + i, p, end))
		i++;
	for (; i >= 0; i--) {
		const uint8_t *const found = match(m, s + i, end + 1);

		if (found != NULL)
			return found;
	}
	return NULL;
}

static const uint8_t *
expand_least(struct script_match *m, const uint8_t *s, const uint8_t *p,
	     const uint8_t *end)
{
	for (;;) {
		const uint8_t *const found = match(m, s, end + 1);

		if (found != NULL)
			return found;
		if (!is_single(m, s, p, end))
			return NULL;
		s++;
	}
}

static const uint8_t *
open_capture(struct script_match *m, const uint8_t *s, const uint8_t *p,
	     ptrdiff_t what)
{
	const uint8_t *found;

	if (m->n >= SCRIPT_CAPTURES)
		luaL_error(m->lua, "too many captures");
	m->captures[m->n].at = s;
	m->captures[m->n++].len = what;
	found = match(m, s, p);
	if (found == NULL)
		m->n--;
	return found;
}

static const uint8_t *
close_capture(struct script_match *m, const uint8_t *s, const uint8_t *p)
{
	const uint8_t *found;
	int k = m->n - 1;

	while (k >= 0 && m->captures[k].len != OPEN)
		k--;
	if (k < 0)
		luaL_error(m->lua, "invalid pattern capture");
	m->captures[k].len = s - m->captures[k].at;
	found = match(m, s, p);
	if (found == NULL)
		m->captures[k].len = OPEN;
	return found;
}

/* The text of capture `digit` once more. */
static const uint8_t *
match_again(struct script_match *m, const uint8_t *s, uint8_t digit)
{
	const int k = digit - '1';

	if (k < 0 || k >= m->n || m->captures[k].len == OPEN)
		luaL_error(m->lua, "invalid capture index");

	const ptrdiff_t len = m->captures[k].len;
	if (len < 0 || m->end - s < len)
		return NULL;
	script_charge(m->lua, (size_t)len / SCRIPT_STEPS);
	return len == 0 || memcmp(m->captures[k].at, s, (size_t)len) == 0
		? s + len : NULL;
}

/* %f[set]: behind a character that is not of the set, before one that is. */
static bool
is_frontier(struct script_match *m, const uint8_t *s, const uint8_t *p,
	    const uint8_t *end)
{
	const uint8_t before = s == m->src ? 0 : s[-1];
	const uint8_t after = s < m->end ? *s : 0;

	return !is_in_set(before, p, end - 1) && is_in_set(after, p, end - 1);
}

/*
 * What begins with `%`, if it is more than a class: *done says so.  Else p is
 * to be taken as a class.
 */
static const uint8_t *
match_special(struct script_match *m, const uint8_t *s, const uint8_t *p,
	      bool *done)
{
	const uint8_t *end, *found = NULL;

	*done = true;
	if (p + 1 == m->pat_end)
		malformed(m, "ends with '%'");
	if (p[1] == 'b') {
		found = match_balance(m, s, p + 2);
		return found != NULL ? match(m, found, p + 4) : NULL;
	}
	if (p[1] == 'f') {
		if (p + 2 == m->pat_end || p[2] != '[')
			luaL_error(m->lua, "missing '[' after '%%f' in "
				   "pattern");
		end = class_end(m, p + 2);
		return is_frontier(m, s, p + 2, end) ? match(m, s, end)
						     : NULL;
	}
	if (is_in(p[1], '0', '9')) {
		found = match_again(m, s, p[1]);
		return found != NULL ? match(m, found, p + 2) : NULL;
	}
	*done = false;
	return NULL;
}

/* A class and how often.  *s and *p go on if what comes next is to be tried. */
static bool
match_class(struct script_match *m, const uint8_t **s, const uint8_t **p,
	    const uint8_t **found)
{
	const uint8_t *const end = class_end(m, *p);
	const uint8_t often = end < m->pat_end ? *end : 0;

	*found = NULL;
	switch (often) {
	case '?':
		if (is_single(m, *s, *p, end)) {
			*found = match(m, *s + 1, end + 1);
			if (*found != NULL)
				return false;
		}
		*p = end + 1;
		return true;
	case '*':
		*found = expand_most(m, *s, *p, end);
		return false;
	case '+':
		if (is_single(m, *s, *p, end))
			*found = expand_most(m, *s + 1, *p, end);
		return false;
	case '-':
		*found = expand_least(m, *s, *p, end);
		return false;
	default:
		if (!is_single(m, *s, *p, end))
			return false;
		++*s;
		*p = end;
		return true;
	}
}

/* Where a match of the pattern from p on ends that begins at s; or NULL. */
static const uint8_t *
match(struct script_match *m, const uint8_t *s, const uint8_t *p)
{
	const uint8_t *found = NULL;
	bool done = false;

	if (++m->depth > MOST_DEPTH)
		luaL_error(m->lua, "pattern too complex");
	while (!done) {
		if (p == m->pat_end) {
			found = s;
			break;
		}
		switch (*p) {
		case '(':
			found = p + 1 < m->pat_end && p[1] == ')'
				? open_capture(m, s, p + 2, POSITION)
				: open_capture(m, s, p + 1, OPEN);
			done = true;
			continue;
		case ')':
			found = close_capture(m, s, p + 1);
			done = true;
			continue;
		case '$':
			if (p + 1 != m->pat_end)
				break;
			found = s == m->end ? s : NULL;
			done = true;
			continue;
		case ESC:
			found = match_special(m, s, p, &done);
			if (done)
				continue;
			break;
		default:
			break;
		}
		done = !match_class(m, &s, &p, &found);
	}
	m->depth--;
	return found;
}

/* ---- captures ------------------------------------------------------------ */

void
script_push_capture(const struct script_match *m, int k, const uint8_t *s,
		    const uint8_t *end)
{
	if (k >= m->n) {
		if (k != 0)
			luaL_error(m->lua, "invalid capture index");
		lua_pushlstring(m->lua, (const char *)s, (size_t)(end - s));
	} else if (m->captures[k].len == POSITION) {
		lua_pushinteger(m->lua, m->captures[k].at - m->src + 1);
	} else if (m->captures[k].len == OPEN) {
		luaL_error(m->lua, "unfinished capture");
	} else {
		lua_pushlstring(m->lua, (const char *)m->captures[k].at,
				(size_t)m->captures[k].len);
	}
}

int
script_push_captures(const struct script_match *m, const uint8_t *s,
		     const uint8_t *end, bool whole)
{
	const int n = m->n == 0 && whole ? 1 : m->n;

	luaL_checkstack(m->lua, n, "too many captures");
	for (int k = 0; k < n; k++)
		script_push_capture(m, k, s, end);
	return n;
}

const uint8_t *
script_match_at(struct script_match *m, const uint8_t *s, const uint8_t *p)
{
	m->n = m->depth = 0;
	return match(m, s, p);
}
