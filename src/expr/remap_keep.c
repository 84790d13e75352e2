/*
 * remap_keep.c - ids that stay, by regular expression.
 *
 * regexec() costs a microsecond and takes a lock, so what the expression says
 * about the first characters (`^SYSTEM-`) is compared first, and is all that is
 * needed where it says nothing else.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "expr/remap_internal.h"

struct remap_keep {
	regex_t regex;
	struct span literal;	/* what must come first; points into `text` */
	bool only_literal;	/* and that is all */
	char text[];
};

/* The characters that `text` demands at the start. */
static void
find_literal(struct remap_keep *k)
{
	static const char special[] = "^$.[]()|*+?{}\\";

	if (k->text[0] != '^' || strchr(k->text, '|') != NULL)
		return;

	const char *const p = k->text + 1;
	const size_t n = strcspn(p, special);

	k->only_literal = p[n] == '\0';
	/* What may be repeated may also be absent. */
	k->literal = (struct span){ (const uint8_t *)p, n };
	if (n > 0 && p[n] != '\0' && strchr("*?{", p[n]) != NULL)
		k->literal.len--;
}

struct remap_keep *
remap_keep_new(struct span text, struct err *err)
{
	struct remap_keep *const k = calloc(1, sizeof(*k) + text.len + 1);

	if (k == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	memcpy(k->text, text.ptr, text.len);

	const int rc = memchr(text.ptr, 0, text.len) != NULL ? REG_BADPAT :
		regcomp(&k->regex, k->text, REG_EXTENDED);
	if (rc != 0) {
		char why[128];

		regerror(rc, &k->regex, why, sizeof(why));
		why[0] |= 0x20;
		err_set(err, ERR_USAGE, "'keep' is no POSIX extended regular "
			"expression: %s: '%s'", why, k->text);
		free(k);
		return NULL;
	}
	find_literal(k);
	return k;
}

void
remap_keep_free(struct remap_keep *k)
{
	if (k == NULL)
		return;
	regfree(&k->regex);
	free(k);
}

bool
remap_keep_matches(const struct remap_keep *k, struct span id)
{
	const struct span first = k->literal;
	regmatch_t m = { .rm_so = 0, .rm_eo = (regoff_t)id.len };

	if (id.len < first.len ||
	    (first.len > 0 && memcmp(id.ptr, first.ptr, first.len) != 0))
		return false;
	return k->only_literal ||
	       regexec(&k->regex, (const char *)id.ptr, 1, &m,
		       REG_STARTEND) == 0;
}
