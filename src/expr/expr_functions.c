/*
 * expr_functions.c - the table of functions, and those of them that need no
 * more than their arguments.
 *
 * A result longer than an item may be fails the item at once, so that no plan
 * can blow a batch up: concat() and its like at most add, replace() multiplies.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "base/sha256.h"
#include "expr/expr_internal.h"
#include "model/compare.h"

enum { FAR = 1000000000 };	/* beyond any length or place in a text */

static struct span
text_of(const struct value *v)
{
	return (struct span){ v->text, v->len };
}

static int
too_long(const struct eval *e)
{
	return err_set(e->err, ERR_INPUT, "Item size to update has exceeded "
		       "the maximum allowed size");
}

/* Room for a text of `n` bytes, or NULL. */
static uint8_t *
take_text(const struct eval *e, size_t n)
{
	if (n <= ITEM_MAX_LEN)
		return arena_take(e->run->mem, n + 1, e->err);
	too_long(e);
	return NULL;
}

static uint8_t *
put(uint8_t *to, struct span s)
{
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	return to + s.len;
}

static int
plain(const struct eval *e, const struct value *v, struct span *out)
{
	return value_text(v, e->run->mem, out, e->err);
}

static int
make_number(const struct eval *e, size_t n, struct value *out)
{
	char text[24];
	const int len = snprintf(text, sizeof(text), "%zu", n);

	return eval_text(e, VALUE_N, (struct span){ (uint8_t *)text,
						    (size_t)len }, out);
}

/* A whole number, at most FAR either way. */
static int
whole(const struct eval *e, const char *function, const struct value *v,
      long *out)
{
	char text[DECIMAL_TEXT_LEN];
	struct span s;
	long n = 0;

	if (plain(e, v, &s) != 0)
		return -1;
	const size_t len = decimal_canonical(s, text);
	if (memchr(text, '.', len) != NULL)
		return err_set(e->err, ERR_INPUT, "'%s' takes whole numbers, "
			       "not %.*s", function, (int)len, text);
	for (size_t i = text[0] == '-'; i < len && n < FAR; i++)
		n = n * 10 + (text[i] - '0');
	n = n < FAR ? n : FAR;
	*out = text[0] == '-' ? -n : n;
	return 0;
}

/* ---- text ---- */

/* The text of an S, the canonical text of an N. */
static int
readable(const struct eval *e, const struct value *v, struct span *out)
{
	char text[DECIMAL_TEXT_LEN];

	if (plain(e, v, out) != 0)
		return -1;
	if (v->type != VALUE_N)
		return 0;
	const size_t n = decimal_canonical(*out, text);
	*out = arena_copy(e->run->mem, (struct span){ (uint8_t *)text, n },
			  e->err);
	return out->ptr == NULL ? -1 : 0;
}

static int
call_concat(const struct eval *e, const struct value *args, uint32_t nargs,
	    struct value *out)
{
	struct span *const parts = arena_take(e->run->mem,
		nargs * sizeof(*parts), e->err);
	size_t len = 0;

	if (parts == NULL)
		return -1;
	for (uint32_t i = 0; i < nargs; i++) {
		if (readable(e, &args[i], &parts[i]) != 0)
			return -1;
		len += parts[i].len;
	}

	uint8_t *const text = take_text(e, len);
	uint8_t *p = text;
	if (p == NULL)
		return -1;
	for (uint32_t i = 0; i < nargs; i++)
		p = put(p, parts[i]);
	*out = value_of_text(VALUE_S, (struct span){ text, len });
	return 0;
}

/* Bytes that the first `n` code points of `s` take. */
static size_t
pass_points(struct span s, size_t n)
{
	size_t i = 0;

	while (i < s.len && n > 0) {
		i++;
		n--;
		while (i < s.len && (s.ptr[i] & 0xc0) == 0x80)
			i++;
	}
	return i;
}

static int
call_substring(const struct eval *e, const struct value *args,
	       uint32_t nargs, struct value *out)
{
	struct span s;
	long from, n = 2L * FAR;

	if (plain(e, &args[0], &s) != 0 ||
	    whole(e, "substring", &args[1], &from) != 0 ||
	    (nargs > 2 && whole(e, "substring", &args[2], &n) != 0))
		return -1;
	if (n < 0)
		return err_set(e->err, ERR_INPUT, "'substring' does not take a "
			       "length below 0");

	/* What lies before the first character counts, and is empty. */
	if (from < 1) {
		n += from - 1;
		from = 1;
	}
	const size_t skip = pass_points(s, (size_t)from - 1);
	s = (struct span){ s.ptr + skip, s.len - skip };
	s.len = pass_points(s, n > 0 ? (size_t)n : 0);
	*out = value_of_text(VALUE_S, s);
	return 0;
}

static size_t
count_points(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static int
call_length(const struct eval *e, const struct value *args, uint32_t nargs,
	    struct value *out)
{
	struct span s;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0)
		return -1;
	return make_number(e, count_points(s), out);
}

/* A copy with the letters from `first` on in the other case. */
static int
turn(const struct eval *e, const struct value *v, uint8_t first,
     struct value *out)
{
	struct span s;

	if (plain(e, v, &s) != 0)
		return -1;
	uint8_t *const text = take_text(e, s.len);
	if (text == NULL)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		const uint8_t c = s.ptr[i];

		text[i] = c >= first && c < first + 26 ? c ^ 0x20 : c;
	}
	*out = value_of_text(VALUE_S, (struct span){ text, s.len });
	return 0;
}

static int
call_lower(const struct eval *e, const struct value *args, uint32_t nargs,
	   struct value *out)
{
	(void)nargs;
	return turn(e, &args[0], 'A', out);
}

static int
call_upper(const struct eval *e, const struct value *args, uint32_t nargs,
	   struct value *out)
{
	(void)nargs;
	return turn(e, &args[0], 'a', out);
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int
call_trim(const struct eval *e, const struct value *args, uint32_t nargs,
	  struct value *out)
{
	struct span s;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0)
		return -1;
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	while (s.len > 0 && is_space(s.ptr[0]))
		s = (struct span){ s.ptr + 1, s.len - 1 };
	*out = value_of_text(VALUE_S, s);
	return 0;
}

/* Take from *rest what is before the next `sep`, which goes too. */
static bool
cut(struct span *rest, struct span sep, struct span *part)
{
	const uint8_t *const at = memmem(rest->ptr, rest->len, sep.ptr,
					 sep.len);

	*part = *rest;
	if (at == NULL)
		return false;
	part->len = (size_t)(at - rest->ptr);
	rest->ptr = at + sep.len;
	rest->len -= part->len + sep.len;
	return true;
}

/* How often `sep` stands in `s`. */
static size_t
count(struct span s, struct span sep)
{
	struct span part;
	size_t n = 0;

	while (cut(&s, sep, &part))
		n++;
	return n;
}

static int
call_replace(const struct eval *e, const struct value *args, uint32_t nargs,
	     struct value *out)
{
	struct span s, old, new, part;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0 || plain(e, &args[1], &old) != 0 ||
	    plain(e, &args[2], &new) != 0)
		return -1;
	if (old.len == 0)
		return err_set(e->err, ERR_INPUT, "'replace' does not take an "
			       "empty text to be replaced");

	const size_t n = count(s, old);
	const size_t len = s.len - n * old.len + n * new.len;
	uint8_t *const text = take_text(e, len);
	uint8_t *p = text;
	if (p == NULL)
		return -1;
	while (cut(&s, old, &part))
		p = put(put(p, part), new);
	put(p, part);
	*out = value_of_text(VALUE_S, (struct span){ text, len });
	return 0;
}

static int
call_split(const struct eval *e, const struct value *args, uint32_t nargs,
	   struct value *out)
{
	struct span s, sep, part;
	uint32_t i = 0;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0 || plain(e, &args[1], &sep) != 0)
		return -1;
	if (sep.len == 0)
		return err_set(e->err, ERR_INPUT, "'split' does not take an "
			       "empty separator");

	struct value *const kids = arena_take(e->run->mem,
		(count(s, sep) + 1) * sizeof(*kids), e->err);
	if (kids == NULL)
		return -1;
	while (cut(&s, sep, &part))
		kids[i++] = value_of_text(VALUE_S, part);
	kids[i++] = value_of_text(VALUE_S, part);
	*out = value_of_kids(VALUE_L, kids, i);
	return 0;
}

static int
call_join(const struct eval *e, const struct value *args, uint32_t nargs,
	  struct value *out)
{
	const struct value *const list = &args[0];
	struct span *const parts = arena_take(e->run->mem,
		(list->len + 1) * sizeof(*parts), e->err);
	struct span sep;
	size_t len = 0;

	(void)nargs;
	if (parts == NULL || plain(e, &args[1], &sep) != 0)
		return -1;
	for (uint32_t i = 0; i < list->len; i++) {
		if (list->kids[i].type != VALUE_S)
			return eval_wrong_type(e, "join", &list->kids[i]);
		if (plain(e, &list->kids[i], &parts[i]) != 0)
			return -1;
		len += parts[i].len + (i > 0 ? sep.len : 0);
	}

	uint8_t *const text = take_text(e, len);
	uint8_t *p = text;
	if (p == NULL)
		return -1;
	for (uint32_t i = 0; i < list->len; i++) {
		if (i > 0)
			p = put(p, sep);
		p = put(p, parts[i]);
	}
	*out = value_of_text(VALUE_S, (struct span){ text, len });
	return 0;
}

static int
call_sha256(const struct eval *e, const struct value *args, uint32_t nargs,
	    struct value *out)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t digest[SHA256_LEN], text[2 * SHA256_LEN];
	struct span s;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0)
		return -1;
	sha256_of(s, digest);
	for (size_t i = 0; i < SHA256_LEN; i++) {
		text[2 * i] = (uint8_t)hex[digest[i] >> 4];
		text[2 * i + 1] = (uint8_t)hex[digest[i] & 15];
	}
	return eval_text(e, VALUE_S, (struct span){ text, sizeof(text) }, out);
}

/* The last `keep` characters, or the first -keep, and `*` for the others. */
static int
call_mask(const struct eval *e, const struct value *args, uint32_t nargs,
	  struct value *out)
{
	struct span s, kept;
	long keep;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0 ||
	    whole(e, "mask", &args[1], &keep) != 0)
		return -1;

	const size_t n = count_points(s), k = (size_t)(keep < 0 ? -keep : keep);
	const size_t hidden = k < n ? n - k : n;	/* never all of it */
	const size_t from = keep < 0 ? 0 : pass_points(s, hidden);
	kept = (struct span){ s.ptr + from, s.len - from };
	if (keep < 0 || hidden == n)
		kept.len = hidden == n ? 0 : pass_points(s, k);

	uint8_t *const text = take_text(e, hidden + kept.len);
	if (text == NULL)
		return -1;
	memset(text + (keep < 0 ? kept.len : 0), '*', hidden);
	put(text + (keep < 0 ? 0 : hidden), kept);
	*out = value_of_text(VALUE_S, (struct span){ text,
						     hidden + kept.len });
	return 0;
}

/* ---- numbers ---- */

static int
call_to_string(const struct eval *e, const struct value *args,
	       uint32_t nargs, struct value *out)
{
	struct span s;

	(void)nargs;
	if (args[0].type == VALUE_BOOL)
		s = span_of((args[0].flags & VALUE_TRUE) != 0 ? "true"
							      : "false");
	else if (readable(e, &args[0], &s) != 0)
		return -1;
	*out = value_of_text(VALUE_S, s);
	return 0;
}

static int
call_to_number(const struct eval *e, const struct value *args,
	       uint32_t nargs, struct value *out)
{
	char text[DECIMAL_TEXT_LEN];
	struct span s;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0 || decimal_check(s, e->err) != 0)
		return -1;
	const size_t n = decimal_canonical(s, text);
	return eval_text(e, VALUE_N, (struct span){ (uint8_t *)text, n }, out);
}

static int
call_abs(const struct eval *e, const struct value *args, uint32_t nargs,
	 struct value *out)
{
	char text[DECIMAL_TEXT_LEN];
	struct span s;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0)
		return -1;
	const size_t n = decimal_abs(s, text);
	return eval_text(e, VALUE_N, (struct span){ (uint8_t *)text, n }, out);
}

static int
call_round(const struct eval *e, const struct value *args, uint32_t nargs,
	   struct value *out)
{
	char text[DECIMAL_TEXT_LEN];
	struct span s;
	long digits;

	(void)nargs;
	if (plain(e, &args[0], &s) != 0 ||
	    whole(e, "round", &args[1], &digits) != 0)
		return -1;
	const size_t n = decimal_round(s, (int)digits, text, e->err);
	return n == 0 ? -1 : eval_text(e, VALUE_N,
		(struct span){ (uint8_t *)text, n }, out);
}

static int
call_run_time(const struct eval *e, const struct value *args, uint32_t nargs,
	      struct value *out)
{
	(void)args;
	(void)nargs;
	assert(e->run->run_time.len > 0);
	*out = value_of_text(VALUE_N, e->run->run_time);
	return 0;
}

/* ---- lists and maps ---- */

static int
call_list_append(const struct eval *e, const struct value *args,
		 uint32_t nargs, struct value *out)
{
	struct value list = args[0];

	(void)nargs;
	/* A byte for each element at least: more fit into no item. */
	if (args[0].len + (uint64_t)args[1].len > ITEM_MAX_LEN)
		return too_long(e);
	if (value_own(&list, args[1].len, e->run->mem, e->err) != 0)
		return -1;
	if (args[1].len > 0)
		memcpy(list.kids + list.len, args[1].kids,
		       args[1].len * sizeof(*list.kids));
	list.len += args[1].len;
	*out = list;
	return 0;
}

/* Every second slot of the sorted map: names as S, or values. */
static int
half(const struct eval *e, const struct value *map, bool names,
     struct value *out)
{
	struct value *const v = value_sorted(map, e->run->mem, e->err);

	if (v == NULL)
		return -1;
	for (uint32_t i = 0; i < map->len; i += 2)
		v[i / 2] = names ? value_of_text(VALUE_S, text_of(&v[i]))
				 : v[i + 1];
	*out = value_of_kids(VALUE_L, v, map->len / 2);
	return 0;
}

static int
call_keys(const struct eval *e, const struct value *args, uint32_t nargs,
	  struct value *out)
{
	(void)nargs;
	return half(e, &args[0], true, out);
}

static int
call_values(const struct eval *e, const struct value *args, uint32_t nargs,
	    struct value *out)
{
	(void)nargs;
	return half(e, &args[0], false, out);
}

#define S TAKES(S)
#define N TAKES(N)
#define L TAKES(L)
#define M TAKES(M)
#define ANY UINT8_MAX

/* name, op, fewest and most arguments, result, service, takes, call */
const struct function expr_functions[] = {
	{ "attribute_exists", NODE_EXISTS, 1, 1, 0, false, { 0 }, NULL },
	{ "attribute_not_exists", NODE_NOT_EXISTS, 1, 1, 0, false, { 0 },
	  NULL },
	{ "attribute_type", NODE_TYPE, 2, 2, 0, false, { 0 }, NULL },
	{ "begins_with", NODE_BEGINS, 2, 2, 0, false, { 0 }, NULL },
	{ "contains", NODE_CONTAINS, 2, 2, 0, false, { 0 }, NULL },
	{ "size", NODE_SIZE, 1, 1, VALUE_N, false, { 0 }, NULL },
	{ "if_not_exists", NODE_IF_NOT_EXISTS, 2, 2, 0, false, { 0 }, NULL },
	{ "new_id", NODE_NEW_ID, 1, 1, 0, false, { 0 }, NULL },
	{ "list_append", NODE_CALL, 2, 2, VALUE_L, true, { L },
	  call_list_append },
	{ "concat", NODE_CALL, 1, ANY, VALUE_S, false, { S | N }, call_concat },
	{ "substring", NODE_CALL, 2, 3, VALUE_S, false, { S, N },
	  call_substring },
	{ "length", NODE_CALL, 1, 1, VALUE_N, false, { S }, call_length },
	{ "lower", NODE_CALL, 1, 1, VALUE_S, false, { S }, call_lower },
	{ "upper", NODE_CALL, 1, 1, VALUE_S, false, { S }, call_upper },
	{ "trim", NODE_CALL, 1, 1, VALUE_S, false, { S }, call_trim },
	{ "replace", NODE_CALL, 3, 3, VALUE_S, false, { S }, call_replace },
	{ "split", NODE_CALL, 2, 2, VALUE_L, false, { S }, call_split },
	{ "join", NODE_CALL, 2, 2, VALUE_S, false, { L, S }, call_join },
	{ "to_string", NODE_CALL, 1, 1, VALUE_S, false, { N | TAKES(BOOL) },
	  call_to_string },
	{ "to_number", NODE_CALL, 1, 1, VALUE_N, false, { S }, call_to_number },
	{ "abs", NODE_CALL, 1, 1, VALUE_N, false, { N }, call_abs },
	{ "round", NODE_CALL, 2, 2, VALUE_N, false, { N }, call_round },
	{ "keys", NODE_CALL, 1, 1, VALUE_L, false, { M }, call_keys },
	{ "values", NODE_CALL, 1, 1, VALUE_L, false, { M }, call_values },
	{ "iso_time", NODE_CALL, 1, 1, VALUE_S, false, { N }, call_iso_time },
	{ "epoch_time", NODE_CALL, 1, 1, VALUE_N, false, { S },
	  call_epoch_time },
	{ "sha256", NODE_CALL, 1, 1, VALUE_S, false, { S }, call_sha256 },
	{ "mask", NODE_CALL, 2, 2, VALUE_S, false, { S, N }, call_mask },
	{ "run_time", NODE_CALL, 0, 0, VALUE_N, false, { 0 }, call_run_time },
};

const size_t expr_nfunctions = sizeof(expr_functions) /
			       sizeof(*expr_functions);
