/* discover_words.c - do the names of an attribute and a table go together? */
#include <string.h>

#include "engine/discover_judge.h"

static bool
is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool
is_large(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

/* "properties": "property"; "addresses": "address"; "boxes": "box". */
static size_t
singular(char *w, size_t n)
{
	static const char *const ES[] = { "sses", "xes", "ches", "shes" };

	if (n > 4 && memcmp(w + n - 3, "ies", 3) == 0) {
		w[n - 3] = 'y';
		return n - 2;
	}
	for (size_t i = 0; i < sizeof(ES) / sizeof(ES[0]); i++) {
		const size_t k = strlen(ES[i]);

		if (n > k && memcmp(w + n - k, ES[i], k) == 0)
			return n - 2;
	}
	return n > 2 && w[n - 1] == 's' && w[n - 2] != 's' ? n - 1 : n;
}

static void
add_word(struct words *w, struct span s)
{
	char *const to = w->n < MAX_WORDS ? w->of[w->n] : NULL;
	size_t n = s.len < WORD_LEN ? s.len : WORD_LEN - 1;

	if (to == NULL || n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(s.ptr[i] | 0x20);
	to[singular(to, n)] = '\0';
	w->n++;
}

void
words_add(struct words *w, struct span name)
{
	size_t start = 0;

	w->last = w->n;
	for (size_t i = 0; i <= name.len; i++) {
		const uint8_t c = i < name.len ? name.ptr[i] : 0;
		const uint8_t before = i > 0 ? name.ptr[i - 1] : 0;
		const uint8_t after = i + 1 < name.len ? name.ptr[i + 1] : 0;
		/* A word starts at "fooBar" and "IDBar", and ends at "foo_". */
		const bool starts = i > start && is_large(c) &&
			(!is_large(before) ||
			 (is_letter(after) && !is_large(after) &&
			  !(after == 's' && i + 2 == name.len)));

		if (i < name.len && is_letter(c) && !starts)
			continue;
		add_word(w, (struct span){ name.ptr + start, i - start });
		start = i < name.len && is_letter(c) ? i : i + 1;
	}
}

static bool
has(const struct words *w, unsigned from, const char *word)
{
	for (unsigned i = from; i < w->n; i++)
		if (strcmp(w->of[i], word) == 0)
			return true;
	return false;
}

int
words_fit(const struct words *path, const struct words *table)
{
	int n = 0;

	for (unsigned i = 0; i < table->n; i++)
		n += has(path, 0, table->of[i]);
	/* QuoteItems fits quoteItemId better than Quotes, and quoteId less. */
	return n == 0 ? 0 : 64 + 2 * n - (int)table->n;
}

bool
words_name_id(const struct words *path, const struct words *table)
{
	static const char *const WORDS[] = {
		"id", "key", "code", "ref", "reference", "uuid", "guid", "fk",
		"no", "number",
	};

	if (path->n == 0 || path->last == path->n)
		return false;
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (strcmp(path->of[path->n - 1], WORDS[i]) == 0)
			return true;
	for (unsigned i = path->last; i < path->n; i++)
		if (!has(table, 0, path->of[i]))
			return false;
	return true;
}
