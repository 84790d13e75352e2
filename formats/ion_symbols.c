/*
 * ion_symbols.c - the table of symbols at hand.
 *
 *	$ion_symbol_table::{symbols:["id","email"]}	from here on $10 is id
 *	$ion_symbol_table::{imports:$ion_symbol_table,symbols:["age"]}	and $12
 *	$ion_symbol_table::{imports:[{name:"x",version:1,max_id:5}]}
 *
 * Writers of text need none of it, but may use it.  A table of somebody else
 * takes its ids and tells no texts, since there is no catalog here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "formats/ion_internal.h"

enum {
	MOST_SYMBOLS = 1 << 20,
	MOST_TEXT = 16 << 20,
	MOST_DIGITS = 9,	/* of an id, or a number of them */
};

struct ion_symbol_text {
	uint32_t at, len;
	bool known;
};

void
ion_symbols_forget(struct ion_symbols *s)
{
	s->imported = 0;
	s->n = 0;
	buf_reset(&s->text);
}

void
ion_symbols_free(struct ion_symbols *s)
{
	buf_free(&s->text);
	free(s->list);
}

static int
add(struct ion_symbols *s, const struct value *v, struct err *err)
{
	const bool known = v->type == VALUE_S;

	if (s->n == s->cap) {
		const uint32_t cap = s->cap > 0 ? 2 * s->cap : 64;
		struct ion_symbol_text *const list =
			realloc(s->list, cap * sizeof(*list));

		if (list == NULL) {
			err_set(err, ERR_SYSTEM, "out of memory");
			return ION_FAILED;
		}
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = (struct ion_symbol_text){
		(uint32_t)s->text.len, known ? v->len : 0, known,
	};
	return !known || buf_append(&s->text, (struct span){ v->text, v->len },
				    err) == 0 ? ION_OK : ION_FAILED;
}

/* A number of ids, or an id, of decimal digits; false if it is none. */
static bool
number(struct span text, uint64_t *out)
{
	*out = 0;
	if (text.len == 0 || text.len > MOST_DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*out = 10 * *out + (uint64_t)(text.ptr[i] - '0');
	}
	return true;
}

static const struct value *
member(const struct value *map, const char *name)
{
	for (uint32_t i = 0; i < map->len; i += 2)
		if (span_is((struct span){ map->kids[i].text,
					   map->kids[i].len }, name))
			return &map->kids[i + 1];
	return NULL;
}

/* How many ids the tables in a list take.  Returns ION_OK or ION_BAD. */
static int
import(struct ion_symbols *s, const struct value *list, struct ion_text *t,
       const uint8_t *where)
{
	for (uint32_t i = 0; i < list->len; i++) {
		const struct value *const one = &list->kids[i];
		const struct value *const max = one->type == VALUE_M
			? member(one, "max_id") : NULL;
		uint64_t n;

		if (one->type != VALUE_M)
			continue;
		if (max == NULL || max->type != VALUE_N ||
		    !number((struct span){ max->text, max->len }, &n))
			return ion_refuse(t, where, "a symbol table that "
					  "imports one without its 'max_id'");
		s->imported += n;
	}
	return ION_OK;
}

int
ion_symbols_take(struct ion_symbols *s, const struct value *table,
		 struct ion_text *t, const uint8_t *where)
{
	const struct value *const imports = member(table, "imports");
	const struct value *const symbols = member(table, "symbols");
	int rc = ION_OK;

	if (imports == NULL || imports->type != VALUE_S ||
	    !span_is((struct span){ imports->text, imports->len },
		     "$ion_symbol_table"))
		ion_symbols_forget(s);
	if (imports != NULL && imports->type == VALUE_L)
		rc = import(s, imports, t, where);
	for (uint32_t i = 0; rc == ION_OK && symbols != NULL &&
	     symbols->type == VALUE_L && i < symbols->len; i++) {
		const struct value *const v = &symbols->kids[i];

		if (s->n == MOST_SYMBOLS || s->text.len + v->len > MOST_TEXT)
			return ion_refuse(t, where, "a symbol table of more "
					  "than 1,048,576 symbols or 16 MiB");
		rc = add(s, v, t->err);
	}
	return rc;
}

bool
ion_symbols_find(const struct ion_symbols *s, struct span id, struct span *text)
{
	uint64_t n;

	if (s == NULL || !number(id, &n) || n < ION_FIRST_SYMBOL + s->imported)
		return false;
	n -= ION_FIRST_SYMBOL + s->imported;
	if (n >= s->n || !s->list[n].known)
		return false;
	*text = (struct span){ s->text.ptr + s->list[n].at, s->list[n].len };
	return true;
}
