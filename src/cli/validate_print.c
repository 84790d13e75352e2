#include "cli/validate_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/display.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/changes.h"
#include "cli/show_internal.h"
#include "engine/rows.h"
#include "engine/validate.h"
#include "formats/jsonwrite.h"
#include "formats/markup.h"
#include "model/item.h"

void
validate_print_free(struct validate_print *p)
{
	for (size_t i = 0; i < p->nsuites; i++) {
		buf_free(&p->suites[i].name);
		buf_free(&p->suites[i].body);
	}
	free(p->suites);
	buf_free(&p->text);
	buf_free(&p->piece);
	arena_free(&p->mem);
}

/* `id "abc"`, or the file. */
static int
put_name(struct validate_print *p, const struct validate_check *c,
	 struct buf *out, struct err *err)
{
	if (c->key == NULL)
		return display_put(span_of(c->name), false, out, err);
	for (uint32_t i = 0; i < c->key->len; i += 2) {
		const struct value *const name = &c->key->kids[i];

		if ((i > 0 && buf_printf(out, err, ", ") != 0) ||
		    display_put((struct span){ name->text, name->len }, false,
				out, err) != 0 ||
		    buf_printf(out, err, " ") != 0 ||
		    show_value(name + 1, &p->mem, out, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- for people ---------------------------------------------------------- */

static int
put_place(const struct validate_check *c, struct buf *out, struct err *err)
{
	if (c->key == NULL) {
		if (c->line > 0)
			return buf_printf(out, err, ", line %" PRIu64, c->line);
		return 0;
	}
	if (c->file == NULL && *c->name != '\0' &&
	    (buf_printf(out, err, "  (") != 0 ||
	     display_put(span_of(c->name), false, out, err) != 0 ||
	     buf_printf(out, err, ")") != 0))
		return -1;
	if (c->file != NULL &&
	    (buf_printf(out, err, "  (") != 0 ||
	     display_put(span_of(c->file), false, out, err) != 0 ||
	     buf_printf(out, err, ", line %" PRIu64 ")", c->line) != 0))
		return -1;
	return 0;
}

static int
put_rows(struct validate_print *p, const struct validate_check *c,
	 struct buf *out, struct err *err)
{
	for (size_t i = 0; i < c->nrows; i++)
		if (changes_row(&p->style, c->rows[i].path, c->rows[i].was,
				c->rows[i].is, &p->mem, out, err) != 0)
			return -1;
	return 0;
}

static char
mark_of(enum validate_kind k)
{
	return k == VALIDATE_SOUND ? ' ' : k == VALIDATE_EXTRA ? '+' :
	       k == VALIDATE_DIFFERENT ? '~' : '-';
}

int
validate_print_text(struct validate_print *p, const struct validate_check *c,
		    struct err *err)
{
	struct buf *const out = &p->text;

	arena_reset(&p->mem);
	if (c->kind == VALIDATE_SOUND && !p->verbose)
		return 0;
	if (buf_printf(out, err, "%s%-9s%s  ",
		       changes_colour(&p->style, mark_of(c->kind)),
		       validate_kind_name(c->kind),
		       changes_plain(&p->style)) != 0 ||
	    (c->table != NULL && c->key != NULL &&
	     buf_printf(out, err, "%s  ", c->table) != 0) ||
	    put_name(p, c, out, err) != 0 || put_place(c, out, err) != 0)
		return -1;
	if (*c->text != '\0' &&
	    (buf_printf(out, err, "%s", c->key != NULL || *c->name != '\0'
			? ": " : "") != 0 ||
	     display_put(span_of(c->text), false, out, err) != 0))
		return -1;
	if (buf_printf(out, err, "\n") != 0)
		return -1;
	return put_rows(p, c, out, err);
}

int
validate_print_text_end(struct validate_print *p,
			const struct validate_sums *s, struct err *err)
{
	if (s->alone &&
	    buf_printf(&p->text, err, "The plan or the sources are not here: "
		       "items were not compared, all files were, with their "
		       "checksums in SHA256SUMS.\n") != 0)
		return -1;
	if (s->files > 0 &&
	    buf_printf(&p->text, err, "%" PRIu64 " file%s, ", s->files,
		       plural(s->files)) != 0)
		return -1;
	if (buf_printf(&p->text, err, "%" PRIu64 " item%s read: ", s->items,
		       plural(s->items)) != 0)
		return -1;
	if (s->failed == 0)
		return buf_printf(&p->text, err, "%" PRIu64 " check%s, all "
				  "sound\n", s->checks,
				  plural(s->checks));
	return buf_printf(&p->text, err, "%" PRIu64 " of %" PRIu64 " check%s "
			  "failed\n", s->failed, s->checks,
			  plural(s->checks));
}

/* ---- JSON ---------------------------------------------------------------- */

static void
put_text(struct jsonwrite *w, const char *name, const char *text)
{
	jsonwrite_name(w, name);
	if (text != NULL && *text != '\0')
		jsonwrite_text(w, text);
	else
		jsonwrite_null(w);
}

static int
put_key(struct jsonwrite *w, const struct validate_check *c, struct err *err)
{
	jsonwrite_name(w, "key");
	if (c->key == NULL) {
		jsonwrite_null(w);
		return 0;
	}
	jsonwrite_map(w);
	for (uint32_t i = 0; i < c->key->len; i += 2) {
		const struct value *const name = &c->key->kids[i];

		jsonwrite_name_span(w, (struct span){ name->text, name->len });
		if (changes_json_value(w, name + 1, err) != 0)
			return -1;
	}
	jsonwrite_end(w);
	return 0;
}

static int
put_differences(struct jsonwrite *w, const struct validate_check *c,
		struct err *err)
{
	jsonwrite_name(w, "differences");
	jsonwrite_list(w);
	for (size_t i = 0; i < c->nrows; i++) {
		jsonwrite_map(w);
		jsonwrite_name(w, "path");
		jsonwrite_span(w, c->rows[i].path);
		jsonwrite_name(w, "expected");
		if (changes_json_value(w, c->rows[i].was, err) != 0)
			return -1;
		jsonwrite_name(w, "found");
		if (changes_json_value(w, c->rows[i].is, err) != 0)
			return -1;
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
	return 0;
}

static int
end_line(struct validate_print *p, struct jsonwrite *w, struct err *err)
{
	jsonwrite_end(w);
	if (jsonwrite_finish(w) != 0)
		return -1;
	return buf_append(&p->text, span_of("\n"), err);
}

int
validate_print_json(struct validate_print *p, const struct validate_check *c,
		    struct err *err)
{
	struct jsonwrite w;

	jsonwrite_start(&w, &p->text, true, err);
	jsonwrite_map(&w);
	put_text(&w, "kind", validate_kind_name(c->kind));
	put_text(&w, "table", c->table);
	if (put_key(&w, c, err) != 0)
		return -1;
	put_text(&w, c->key != NULL ? "rule" : "name", c->name);
	put_text(&w, "text", c->text);
	put_text(&w, "file", c->file);
	jsonwrite_name(&w, "line");
	if (c->line > 0)
		jsonwrite_uint(&w, c->line);
	else
		jsonwrite_null(&w);
	if (put_differences(&w, c, err) != 0)
		return -1;
	return end_line(p, &w, err);
}

int
validate_print_json_end(struct validate_print *p,
			const struct validate_sums *s, struct err *err)
{
	const struct { const char *name; uint64_t n; } counts[] = {
		{ "checks", s->checks }, { "failed", s->failed },
		{ "files", s->files }, { "items", s->items },
	};
	struct jsonwrite w;

	jsonwrite_start(&w, &p->text, true, err);
	jsonwrite_map(&w);
	put_text(&w, "kind", "total");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		jsonwrite_put_uint(&w, counts[i].name, counts[i].n);
	return end_line(p, &w, err);
}

/* ---- JUnit --------------------------------------------------------------- */

static struct validate_suite *
suite_of(struct validate_print *p, const char *table, struct err *err)
{
	const struct span name = span_of(table != NULL ? table : "dump");

	for (size_t i = 0; i < p->nsuites; i++)
		if (span_equal(buf_span(&p->suites[i].name), name))
			return &p->suites[i];

	struct validate_suite *const more = realloc(p->suites,
		(p->nsuites + 1) * sizeof(*more));
	if (more == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->suites = more;
	more[p->nsuites] = (struct validate_suite){ 0 };
	return buf_append(&more[p->nsuites++].name, name, err) == 0
		? &more[p->nsuites - 1] : NULL;
}

/* What is wrong, line by line: in XML a line feed may stay what it is. */
static void
put_lines(struct markup *m, struct span text)
{
	while (text.len > 0) {
		const uint8_t *const end = memchr(text.ptr, '\n', text.len);
		const size_t n = end != NULL ? (size_t)(end - text.ptr)
					     : text.len;

		markup_text(m, (struct span){ text.ptr, n });
		markup_raw(m, span_of("\n"));
		text.ptr += n + (end != NULL);
		text.len -= n + (end != NULL);
	}
}

int
validate_print_junit(struct validate_print *p, const struct validate_check *c,
		     struct err *err)
{
	const struct show_style plain = { .full = true,
					  .width = SHOW_USUAL_WIDTH };
	const struct show_style style = p->style;
	struct validate_suite *const s = suite_of(p, c->table, err);
	struct markup m;

	arena_reset(&p->mem);
	buf_reset(&p->piece);
	if (s == NULL || put_name(p, c, &p->piece, err) != 0)
		return -1;
	p->seen++;
	s->tests++;
	s->failures += c->kind != VALIDATE_SOUND;
	markup_start(&m, &s->body, err);
	markup_open(&m, "testcase", NULL);
	markup_attr_span(&m, "classname", buf_span(&s->name));
	markup_attr_span(&m, "name", p->piece.len > 0 ? buf_span(&p->piece)
						      : buf_span(&s->name));
	if (c->kind != VALIDATE_SOUND) {
		const char *const kind = validate_kind_name(c->kind);

		markup_open(&m, "failure", "type", kind, NULL);
		markup_attr(&m, "message", "%s%s%s", kind, *c->text != '\0'
			    ? ": " : "", c->text);
		buf_reset(&p->text);
		p->style = plain;
		const int rc = validate_print_text(p, c, err);
		p->style = style;
		if (rc != 0)
			return -1;
		put_lines(&m, buf_span(&p->text));
		buf_reset(&p->text);
		markup_close(&m);
	}
	markup_close(&m);
	markup_raw(&m, span_of("\n"));
	return markup_finish(&m);
}

/* Golden items that are as they should be were only counted. */
static int
add_others(struct validate_print *p, uint64_t n, struct err *err)
{
	char name[96];

	snprintf(name, sizeof(name), "%" PRIu64 " other%s, as %s should be", n,
		 plural(n), n == 1 ? "it" : "they");
	return n == 0 ? 0 : validate_print_junit(p, &(struct validate_check){
		.kind = VALIDATE_SOUND, .table = "other items", .name = name,
		.text = "",
	}, err);
}

int
validate_print_junit_end(struct validate_print *p,
			 const struct validate_sums *s,
			 const struct err *failure, struct err *err)
{
	uint64_t tests = 0, failures = 0;
	struct markup m;

	if (failure == NULL && add_others(p, s->checks - p->seen, err) != 0)
		return -1;
	for (size_t i = 0; i < p->nsuites; i++) {
		tests += p->suites[i].tests;
		failures += p->suites[i].failures;
	}
	markup_start(&m, &p->text, err);
	markup_raw(&m, span_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	markup_open(&m, "testsuites", "name", "dynamill validate", NULL);
	markup_attr(&m, "tests", "%" PRIu64, tests + (failure != NULL));
	markup_attr(&m, "failures", "%" PRIu64, failures);
	markup_attr(&m, "errors", "%d", failure != NULL);
	for (size_t i = 0; i < p->nsuites; i++) {
		const struct validate_suite *const u = &p->suites[i];

		markup_raw(&m, span_of("\n"));
		markup_open(&m, "testsuite", NULL);
		markup_attr_span(&m, "name", buf_span(&u->name));
		markup_attr(&m, "tests", "%" PRIu64, u->tests);
		markup_attr(&m, "failures", "%" PRIu64, u->failures);
		markup_raw(&m, span_of("\n"));
		markup_raw(&m, buf_span(&u->body));
		markup_close(&m);
	}
	if (failure != NULL) {
		markup_raw(&m, span_of("\n"));
		markup_open(&m, "testsuite", "name", "dynamill validate",
			    "tests", "1", "errors", "1", NULL);
		markup_open(&m, "testcase", "classname", "dynamill", "name",
			    "validate", NULL);
		markup_open(&m, "error", NULL);
		markup_attr_span(&m, "message", span_of(failure->text));
		markup_close(&m);
		markup_close(&m);
		markup_close(&m);
	}
	markup_raw(&m, span_of("\n"));
	markup_close(&m);
	markup_raw(&m, span_of("\n"));
	return markup_finish(&m);
}
