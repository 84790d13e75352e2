/* discover_print.c - what was found, as a person reads it and as YAML. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/discover_judge.h"

/* How many tables the pattern names; *one is one of them. */
static unsigned
ntables(const struct reading *r, uint32_t *one)
{
	unsigned n = 0;

	for (uint8_t i = 0; i < r->n; i++) {
		bool before = r->to[i] == DISCOVER_NONE;

		for (uint8_t k = 0; k < i && !before; k++)
			before = r->to[k] == r->to[i];
		if (!before) {
			*one = r->to[i];
			n++;
		}
	}
	return n;
}

int
print_pattern(const struct judge *j, const struct reading *r, struct buf *out)
{
	const struct node *const nodes = j->tree->nodes;
	uint32_t one = DISCOVER_NONE;
	const bool many = ntables(r, &one) > 1;

	for (uint8_t i = 0; i < r->n; i++) {
		const struct node *const n = &nodes[r->pieces[i]];
		struct span text = { n->name, n->name_len };

		if (n->kind != PART_TAG)
			text = span_of("*");
		if (r->to[i] != DISCOVER_NONE)
			text = span_of(many ? j->tables[r->to[i]].name : "id");
		if ((i > 0 && buf_append(out, (struct span){ &r->sep, 1 },
					 j->err) != 0) ||
		    (r->to[i] != DISCOVER_NONE &&
		     buf_append(out, span_of("{"), j->err) != 0) ||
		    buf_append(out, text, j->err) != 0 ||
		    (r->to[i] != DISCOVER_NONE &&
		     buf_append(out, span_of("}"), j->err) != 0))
			return -1;
	}
	return 0;
}

int
print_name(struct span name, struct buf *out, struct err *err)
{
	bool plain = name.len > 0;

	for (size_t i = 0; i < name.len && plain; i++)
		plain = name.ptr[i] > ' ' && name.ptr[i] != 0x7f &&
			memchr(".[]\"'`,()*", name.ptr[i], 11) == NULL;
	if (plain)
		return buf_append(out, name, err);
	if (buf_append(out, span_of("\""), err) != 0)
		return -1;
	for (size_t i = 0; i < name.len; i++)
		if (buf_append(out, (struct span){ &name.ptr[i], 1 },
			       err) != 0 ||
		    (name.ptr[i] == '"' &&
		     buf_append(out, span_of("\""), err) != 0))
			return -1;
	return buf_append(out, span_of("\""), err);
}

static bool
is_plain(struct span s)
{
	static const char *const WORDS[] = {
		"true", "false", "null", "yes", "no", "on", "off", "y", "n",
	};
	char small[8];

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		const uint8_t c = s.ptr[i];
		const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (!letter && c != '_' &&
		    !(i > 0 && ((c >= '0' && c <= '9') || c == '-' ||
				c == '.' || c == '/')))
			return false;
	}
	if (s.len >= sizeof(small))
		return true;
	for (size_t i = 0; i < s.len; i++)
		small[i] = (char)(s.ptr[i] | 0x20);
	small[s.len] = '\0';
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (strcmp(small, WORDS[i]) == 0)
			return false;
	return true;
}

int
print_yaml(struct span text, struct buf *out, struct err *err)
{
	if (is_plain(text))
		return buf_append(out, text, err);
	if (buf_append(out, span_of("\""), err) != 0)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		const uint8_t c = text.ptr[i];
		int rc;

		if (c == '"' || c == '\\')
			rc = buf_printf(out, err, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			rc = buf_printf(out, err, "\\x%02x", c);
		else
			rc = buf_append(out, (struct span){ &c, 1 }, err);
		if (rc != 0)
			return -1;
	}
	return buf_append(out, span_of("\""), err);
}

/* One rule: "Contacts", or a map. */
static int
print_rule(const struct judge *j, const struct reading *r, struct buf *out)
{
	uint32_t one = DISCOVER_NONE;
	struct buf pattern = { 0 };
	int rc = -1;

	if (r->leaf == NO_NODE)
		return print_yaml(span_of(j->tables[r->to[0]].name), out,
				  j->err);
	if (buf_append(out, span_of("{"), j->err) != 0)
		return -1;
	if (ntables(r, &one) == 1 &&
	    (buf_append(out, span_of("table: "), j->err) != 0 ||
	     print_yaml(span_of(j->tables[one].name), out,
			j->err) != 0 ||
	     buf_append(out, span_of(", "), j->err) != 0))
		return -1;
	if (print_pattern(j, r, &pattern) == 0 &&
	    buf_append(out, span_of("pattern: "), j->err) == 0 &&
	    print_yaml(buf_span(&pattern), out, j->err) == 0 &&
	    buf_append(out, span_of("}"), j->err) == 0)
		rc = 0;
	buf_free(&pattern);
	return rc;
}

int
print_line(const struct judge *j, const struct reading *readings, size_t n,
	   struct buf *out)
{
	if (print_yaml(buf_span(&j->path), out, j->err) != 0 ||
	    buf_append(out, span_of(n > 1 ? ": [" : ": "), j->err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if ((i > 0 && buf_append(out, span_of(", "), j->err) != 0) ||
		    print_rule(j, &readings[i], out) != 0)
			return -1;
	return n > 1 ? buf_append(out, span_of("]"), j->err) : 0;
}

const char *
print_count(uint64_t n, char out[32])
{
	char plain[24];
	const int len = snprintf(plain, sizeof(plain), "%" PRIu64, n);
	char *to = out;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = plain[i];
	}
	*to = '\0';
	return out;
}

int
discover_print_counts(const struct discover_found *f, struct buf *out,
		      struct err *err)
{
	const char *const about = f->sampled ? "about " : "";
	/* Downwards: what is not all of them is not 100 %. */
	const unsigned tenths = (unsigned)(f->share * 1000 + 1e-9);
	char percent[16], a[32], b[32];

	snprintf(percent, sizeof(percent), tenths % 10 != 0
		 ? "%u.%u" : "%u", tenths / 10, tenths % 10);
	if (buf_printf(out, err, "%s%s %% of %s%s values", about, percent,
		       f->counted ? "" : "about ",
		       print_count(f->values, a)) != 0)
		return -1;
	if (f->dangling > 0 && buf_printf(out, err, ", %s%s dangling", about,
					  print_count(f->dangling, b)) != 0)
		return -1;
	if (f->sampled)
		return buf_printf(out, err, " (± %.1f %%)",
				  f->error * 100 + 0.05);	/* upwards */
	return 0;
}

int
discover_print(const struct discover_found *f, const char *table,
	       const char *to, struct buf *out, struct err *err)
{
	if (buf_printf(out, err, "%s.%s", table, f->path) != 0 ||
	    (f->pattern != NULL &&
	     buf_printf(out, err, " '%s'", f->pattern) != 0) ||
	    buf_printf(out, err, " → %s  ", to) != 0)
		return -1;
	return discover_print_counts(f, out, err);
}
