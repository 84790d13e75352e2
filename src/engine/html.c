/* html.c - a page from its first line to its last, but for what is in it. */
#include "engine/html.h"

#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "engine/html_internal.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "io/file.h"

/* What is in a style or script element: XML wants it marked as text. */
static int
wrap(struct buf *out, const char *text, struct err *err)
{
	return buf_printf(out, err, "/*<![CDATA[*/\n%s/*]]>*/", text);
}

/* "'sha256-...'", by which a browser knows the one script that may run. */
static int
put_hash(struct buf *out, struct span text, struct err *err)
{
	uint8_t digest[SHA256_LEN], b64[64];
	const struct span bytes = { digest, sizeof(digest) };

	sha256_of(text, digest);
	base64_encode(bytes, b64);
	return buf_printf(out, err, "'sha256-%.*s'",
			  (int)base64_encoded_len(bytes.len),
			  (const char *)b64);
}

/* Nothing may be loaded, and no other script run, whatever is in the data. */
static int
make_policy(struct buf *out, struct span style, struct span script,
	    struct err *err)
{
	if (buf_printf(out, err, "default-src 'none'; base-uri 'none'; "
		       "form-action 'none'; style-src ") != 0 ||
	    put_hash(out, style, err) != 0 ||
	    buf_printf(out, err, "; script-src ") != 0 ||
	    put_hash(out, script, err) != 0)
		return -1;
	return 0;
}

static void
write_meta(struct html_page *p, const char *name, const char *content)
{
	markup_raw(&p->m, span_of("\n"));
	markup_open(&p->m, "meta", "name", name, "content", content, NULL);
	markup_close(&p->m);
}

static void
write_head(struct html_page *p, const char *title, struct span policy,
	   struct span style)
{
	struct markup *const m = &p->m;

	markup_open(m, "head", NULL);
	markup_open(m, "meta", "charset", "utf-8", NULL);
	markup_close(m);
	markup_raw(m, span_of("\n"));
	markup_open(m, "meta", "http-equiv", "Content-Security-Policy", NULL);
	markup_attr_span(m, "content", policy);
	markup_close(m);
	write_meta(p, "viewport", "width=device-width, initial-scale=1");
	write_meta(p, "color-scheme", "light dark");
	write_meta(p, "referrer", "no-referrer");
	write_meta(p, "robots", "noindex");
	markup_raw(m, span_of("\n"));
	markup_open(m, "title", NULL);
	markup_clip(m, html_text(p->root, "plan"), 200);
	markup_printf(m, " \u2013 %s", title);
	markup_close(m);
	markup_raw(m, span_of("\n"));
	markup_open(m, "style", NULL);
	markup_raw(m, style);
	markup_close(m);
	markup_close(m);
	markup_raw(m, span_of("\n"));
}

static void
write_masthead(struct html_page *p, const char *title)
{
	const struct span text = html_text(p->root, "description");
	const struct span version = html_text(p->root, "dynamill");
	struct markup *const m = &p->m;
	char when[HTML_NUMBER];

	markup_open(m, "header", NULL);
	markup_open(m, "p", "class", "kicker", NULL);
	markup_printf(m, "%s", title);
	markup_close(m);
	markup_open(m, "h1", NULL);
	markup_clip(m, html_text(p->root, "plan"), 200);
	markup_close(m);
	if (text.len > 0) {
		markup_open(m, "p", "class", "lede", NULL);
		markup_clip(m, text, 1000);
		markup_close(m);
	}
	markup_open(m, "p", "class", "note", NULL);
	markup_printf(m, "%s \u00b7 dynamill ",
		      html_time(html_text(p->root, "runTime"), when));
	markup_clip(m, version, 40);
	markup_close(m);
	markup_close(m);
}

static void
write_page(struct html_page *p, const char *title, struct span policy,
	   struct span style, struct span script,
	   void (*body)(struct html_page *))
{
	struct markup *const m = &p->m;

	markup_raw(m, span_of("<!DOCTYPE html>\n"));
	markup_open(m, "html", "lang", "en", NULL);
	markup_raw(m, span_of("\n"));
	write_head(p, title, policy, style);
	markup_open(m, "body", NULL);
	write_masthead(p, title);
	markup_open(m, "main", NULL);
	body(p);
	markup_close(m);
	markup_open(m, "script", NULL);
	markup_raw(m, script);
	markup_close(m);
	markup_close(m);
	markup_close(m);
	markup_raw(m, span_of("\n"));
}

/*
 * A key in the data may hold a NUL, which our trees do not: it becomes its
 * picture, as the other control characters do.
 */
static int
replace_nuls(struct span json, struct buf *out, struct err *err)
{
	if (buf_append(out, json, err) != 0)
		return -1;
	for (size_t i = 0; i + 1 < out->len; i++) {
		if (out->ptr[i] != '\\')
			continue;
		i++;
		if (out->len - i >= 5 &&
		    memcmp(out->ptr + i, "u0000", 5) == 0)
			out->ptr[i + 1] = '2', out->ptr[i + 2] = '4';
	}
	return 0;
}

static int
make(struct span json, const char *name, const char *title,
     void (*body)(struct html_page *), struct buf *out, struct err *err)
{
	struct html_page p = { .err = err };
	struct buf text = { 0 }, style = { 0 }, script = { 0 };
	struct buf policy = { 0 };
	int rc = -1;

	if (replace_nuls(json, &text, err) != 0 ||
	    wrap(&style, html_style, err) != 0 ||
	    wrap(&script, html_script, err) != 0 ||
	    make_policy(&policy, buf_span(&style), buf_span(&script),
			err) != 0)
		goto done;
	p.root = json_parse(buf_span(&text), name, &p.mem, err);
	if (p.root == NULL)
		goto done;
	if (p.root->kind != TREE_MAP) {
		err_set(err, ERR_INPUT, "%s: %s, not a map", name,
			tree_kind_name(p.root));
		goto done;
	}
	markup_start(&p.m, out, err);
	write_page(&p, title, buf_span(&policy), buf_span(&style),
		   buf_span(&script), body);
	rc = markup_finish(&p.m);
done:
	buf_free(&policy);
	buf_free(&script);
	buf_free(&style);
	buf_free(&text);
	arena_free(&p.mem);
	return rc;
}

int
html_report(struct span json, struct buf *out, struct err *err)
{
	return make(json, "report.json", "Report of a run", html_report_body,
		    out, err);
}

int
html_analysis(struct span json, struct buf *out, struct err *err)
{
	return make(json, "analysis.json", "Analysis before a run",
		    html_analysis_body, out, err);
}

int
html_save(const char *path, html_maker *maker, struct span json,
	  struct err *err)
{
	struct buf page = { 0 };
	int rc = maker(json, &page, err);

	if (rc != 0 && err->code != ERR_SYSTEM) {
		struct markup m;

		buf_reset(&page);
		markup_start(&m, &page, err);
		markup_raw(&m, span_of("<!DOCTYPE html>\n"));
		markup_open(&m, "html", "lang", "en", NULL);
		markup_open(&m, "head", NULL);
		markup_open(&m, "meta", "charset", "utf-8", NULL);
		markup_close(&m);
		markup_open(&m, "title", NULL);
		markup_printf(&m, "No page");
		markup_close(&m);
		markup_close(&m);
		markup_open(&m, "body", NULL);
		markup_open(&m, "p", NULL);
		markup_printf(&m, "This cannot be shown as a page (%s). The "
			      ".json file beside it holds all of it.",
			      err->text);
		markup_close(&m);
		markup_close(&m);
		markup_close(&m);
		rc = markup_finish(&m);
		err->code = ERR_NONE;
	}
	if (rc == 0)
		rc = file_save(path, buf_span(&page), err);
	buf_free(&page);
	return rc;
}
