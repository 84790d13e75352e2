/*
 * html.h - report.json and analysis.json as pages for people.
 *
 * A page is one file that needs nothing else: no network, no script (there is
 * one, that sorts and filters tables; without it all is shown as well).  It is
 * made of the JSON text alone, so it can be made again whenever wanted, and the
 * same text gives the same bytes.  What the text lacks the page leaves out.
 */
#ifndef ENGINE_HTML_H
#define ENGINE_HTML_H

#include "base/span.h"

struct buf;
struct err;

typedef int html_maker(struct span json, struct buf *out, struct err *err);

/* Append the page.  Return 0, or -1 if the text cannot be read. */
int html_report(struct span json, struct buf *out, struct err *err);
int html_analysis(struct span json, struct buf *out, struct err *err);

/*
 * Write the page that `make` makes of `json` to `path`.  A text too large for a
 * page must not stop the job that it is about: then the page says so.
 */
int html_save(const char *path, html_maker *make, struct span json,
	      struct err *err);

#endif
