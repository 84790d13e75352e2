/*
 * expr_lex.c - an expression's text, token by token.
 *
 *	name		letters, digits and _, not beginning with a digit
 *	"name" 'text'	anything; a quote inside is doubled
 *	#alias :value	letters, digits and _
 *	12 12.50 1e3	no sign: `a -1` is a subtraction
 *	= <> < <= > >= + - * / ( ) [ ] { } << >> , . :
 *
 * `:` alone stands between a name and its value in a map: `{'a': :a}`.
 */
#include <string.h>

#include "base/err.h"
#include "expr/expr_internal.h"

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(uint8_t c)
{
	return is_digit(c) || c == '_' ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Step over word characters from `at`; where they end. */
static size_t
pass_word(struct span text, size_t at)
{
	while (at < text.len && is_word(text.ptr[at]))
		at++;
	return at;
}

static size_t
pass_digits(struct span text, size_t at)
{
	while (at < text.len && is_digit(text.ptr[at]))
		at++;
	return at;
}

/* The byte at `at`, 0 behind the end. */
static uint8_t
peek(struct span text, size_t at)
{
	return at < text.len ? text.ptr[at] : 0;
}

/* Between quotes of the kind at *at. */
static int
read_quoted(struct span text, size_t *at, struct token *t, struct err *err)
{
	const uint8_t quote = text.ptr[*at];

	for (size_t i = *at + 1; i < text.len; i++) {
		if (text.ptr[i] != quote)
			continue;
		if (peek(text, i + 1) == quote) {
			t->doubled = true;
			i++;
			continue;
		}
		t->kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
		t->text = (struct span){ text.ptr + *at + 1, i - *at - 1 };
		*at = i + 1;
		return 0;
	}
	return err_set(err, ERR_USAGE, "a %s that does not end",
		       quote == '\'' ? "text in quotes"
				     : "name in double quotes");
}

static int
read_number(struct span text, size_t *at, struct token *t, struct err *err)
{
	size_t end = pass_digits(text, *at);

	if (peek(text, end) == '.')
		end = pass_digits(text, end + 1);
	if ((peek(text, end) | 0x20) == 'e') {
		const uint8_t sign = peek(text, end + 1);
		const size_t digits = end + 1 + (sign == '+' || sign == '-');

		if (pass_digits(text, digits) > digits)
			end = pass_digits(text, digits);
	}
	t->kind = TOKEN_NUMBER;
	t->text = (struct span){ text.ptr + *at, end - *at };
	if (end < text.len && is_word(text.ptr[end]))
		return err_set(err, ERR_USAGE, "a number is expected, or a "
			       "name in double quotes, not '%.*s'",
			       (int)(pass_word(text, end) - *at),
			       (const char *)t->text.ptr);
	*at = end;
	return 0;
}

static int
read_sign(struct span text, size_t *at, struct token *t, struct err *err)
{
	static const char *const signs[] = {
		"<>", "<=", ">=", "<<", ">>", "=", "<", ">", "+", "-", "*",
		"/", "(", ")", "[", "]", "{", "}", ",", ".", ":",
	};
	const char *const here = (const char *)text.ptr + *at;

	if (text.len - *at >= 2 && memcmp(here, "!=", 2) == 0)
		return err_set(err, ERR_USAGE, "'!=' is written '<>'");
	if (text.len - *at >= 2 && memcmp(here, "==", 2) == 0)
		return err_set(err, ERR_USAGE, "'==' is written '='");
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		const size_t n = strlen(signs[i]);

		if (text.len - *at < n || memcmp(here, signs[i], n) != 0)
			continue;
		t->kind = TOKEN_SIGN;
		t->text = (struct span){ text.ptr + *at, n };
		*at += n;
		return 0;
	}

	const uint8_t c = text.ptr[*at];
	if (c < ' ' || c == 0x7f)
		return err_set(err, ERR_USAGE, "a control character");
	if (c >= 0x80)
		return err_set(err, ERR_USAGE, "a name with other than ASCII "
			       "letters goes into double quotes");
	return err_set(err, ERR_USAGE, "'%c' does not belong here", c);
}

int
expr_lex(struct span text, size_t *at, struct token *out, struct err *err)
{
	while (*at < text.len && is_space(text.ptr[*at]))
		(*at)++;
	*out = (struct token){ .kind = TOKEN_END, .at = *at,
			       .text = { text.ptr + *at, 0 } };
	if (*at == text.len)
		return 0;

	const uint8_t c = text.ptr[*at];
	if (c == '\'' || c == '"')
		return read_quoted(text, at, out, err);
	if (is_digit(c) || (c == '.' && is_digit(peek(text, *at + 1)) &&
			    (*at == 0 || !is_word(text.ptr[*at - 1]))))
		return read_number(text, at, out, err);

	const bool marked = c == '#' || c == ':';
	const size_t end = pass_word(text, *at + marked);
	if (c == '#' && end == *at + 1)
		return err_set(err, ERR_USAGE, "a name is expected after '#'");
	if (end == *at + marked)
		return read_sign(text, at, out, err);
	out->text = (struct span){ text.ptr + *at, end - *at };
	out->kind = c == '#' ? TOKEN_ALIAS
		  : c == ':' ? TOKEN_VALUE
		  : path_is_word(out->text) ? TOKEN_WORD : TOKEN_NAME;
	*at = end;
	return 0;
}

bool
token_is(const struct token *t, const char *text)
{
	if (t->kind != TOKEN_SIGN && t->kind != TOKEN_WORD)
		return false;
	for (size_t i = 0; i < t->text.len; i++) {
		const uint8_t c = t->text.ptr[i];
		const uint8_t up = t->kind == TOKEN_WORD ? c & 0xdf : c;

		/* Ends at the NUL of a shorter word. */
		if (text[i] == '\0' || up != (uint8_t)text[i])
			return false;
	}
	return text[t->text.len] == '\0';
}
