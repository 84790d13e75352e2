#include "cli/lookup_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/options.h"
#include "engine/lookup.h"
#include "formats/jsonwrite.h"

void
lookup_print_start(const struct options *o)
{
	if (o->all && o->output != OUTPUT_JSON)
		printf("table,source,target\n");
	else if (o->output == OUTPUT_CSV)
		printf("id,is,table,type,source,target,file,unit,offset%s\n",
		       o->item ? ",line,item" : "");
}

static const char *
what_it_is(const struct lookup_found *f)
{
	return !f->is_new ? "source" : !f->is_source ? "new" : "both";
}

/* ---- csv ----------------------------------------------------------------- */

/* A field, and what comes after it. */
static void
print_field(struct span s, char after)
{
	bool quoted = false;

	for (size_t i = 0; i < s.len && !quoted; i++)
		quoted = memchr(",\"\r\n", s.ptr[i], 4) != NULL;
	if (!quoted) {
		fwrite(s.ptr, 1, s.len, stdout);
		putchar(after);
		return;
	}
	putchar('"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			putchar('"');
		putchar(s.ptr[i]);
	}
	putchar('"');
	putchar(after);
}

static void
print_csv(struct span id, const struct lookup_found *f, bool item)
{
	print_field(id, ',');
	printf("%s,", what_it_is(f));
	print_field(span_of(f->table), ',');
	printf("%c,", f->type);
	print_field(f->source, ',');
	print_field(f->target, ',');
	print_field(span_of(f->file != NULL ? f->file : ""), ',');
	printf("%" PRIu32 ",%" PRIu64 "%c", f->unit, f->offset,
	       item ? ',' : '\n');
	if (item) {
		printf("%" PRIu64 ",", f->line);
		print_field(f->item, '\n');
	}
}

/* ---- json ---------------------------------------------------------------- */

static void
put_text(struct jsonwrite *w, const char *name, struct span text)
{
	jsonwrite_name(w, name);
	jsonwrite_span(w, text);
}

static void
put_found(struct jsonwrite *w, const struct lookup_found *f)
{
	const char type[2] = { f->type, '\0' };

	put_text(w, "table", span_of(f->table));
	put_text(w, "type", span_of(type));
	put_text(w, f->cut ? "sourceBegins" : "source", f->source);
	put_text(w, "target", f->target);
	if (f->file != NULL)
		put_text(w, "file", span_of(f->file));
	jsonwrite_put_uint(w, "unit", f->unit);
	jsonwrite_put_uint(w, "offset", f->offset);
	if (f->line > 0)
		jsonwrite_put_uint(w, "line", f->line);
	/* A line of an export is JSON; whatever else is one is a text. */
	if (f->item.len > 0 && f->item.ptr[0] == '{') {
		jsonwrite_name(w, "item");
		jsonwrite_raw(w, f->item);
	} else if (f->item.len > 0) {
		put_text(w, "item", f->item);
	}
}

/* An object on a line of its own; `f` NULL: there is no such id. */
static int
print_json(const struct span *id, const struct lookup_found *f,
	   struct err *err)
{
	struct buf text = { 0 };
	struct jsonwrite w;

	jsonwrite_start(&w, &text, true, err);
	jsonwrite_map(&w);
	if (id != NULL) {
		put_text(&w, "id", *id);
		put_text(&w, "is", span_of(f == NULL ? "unknown"
						     : what_it_is(f)));
	}
	if (f != NULL)
		put_found(&w, f);
	jsonwrite_end(&w);

	const int rc = jsonwrite_finish(&w);
	if (rc == 0) {
		fwrite(text.ptr, 1, text.len, stdout);
		putchar('\n');
	}
	buf_free(&text);
	return rc;
}

/* ---- text ---------------------------------------------------------------- */

/* As it is, but for what would do something to a terminal. */
static void
print_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			printf("\\x%02x", s.ptr[i]);
		else
			putchar(s.ptr[i]);
}

static void
print_text(struct span id, const struct lookup_found *f)
{
	static const char *const TYPES[] = { "string", "number", "binary" };

	print_plain(id);
	printf(": %s of %s (%s)\n", !f->is_source ? "new id" :
	       !f->is_new ? "source id" : "id that stays", f->table,
	       TYPES[f->type == 'S' ? 0 : f->type == 'N' ? 1 : 2]);
	if (!f->is_source || !f->is_new) {
		printf("  %s  ", f->is_source ? "new id   " : "source id");
		print_plain(f->is_source ? f->target : f->source);
		printf("%s\n", f->cut ? " ... (--item has all of it)" : "");
	}
	printf("  at         ");
	if (f->file != NULL && strcmp(f->file, "-") == 0)
		printf("standard input");
	else if (f->file != NULL)
		print_plain(span_of(f->file));
	else
		printf("data file %" PRIu32, f->unit);
	printf(", byte %" PRIu64, f->offset);
	if (f->line > 0)
		printf(", line %" PRIu64, f->line);
	printf("\n");
	if (f->item.len > 0) {
		printf("  item       ");
		print_plain(f->item);
		printf("\n");
	}
}

/* ---- one id -------------------------------------------------------------- */

static int
print_unknown(struct span id, const struct options *o, struct err *err)
{
	FILE *const to = o->output == OUTPUT_CSV ? stderr : stdout;

	if (o->output == OUTPUT_JSON)
		return print_json(&id, NULL, err);
	fprintf(to, "%.*s: not an id of this job\n",
		(int)(id.len < 4096 ? id.len : 4096), (const char *)id.ptr);
	return 0;
}

int
lookup_print(struct span id, const struct lookup_answer *a,
	     const struct options *o, struct err *err)
{
	if (a->first == NULL)
		return print_unknown(id, o, err);
	for (const struct lookup_found *f = a->first; f != NULL; f = f->next)
		if (o->output == OUTPUT_JSON) {
			if (print_json(&id, f, err) != 0)
				return -1;
		} else if (o->output == OUTPUT_CSV) {
			print_csv(id, f, o->item);
		} else {
			print_text(id, f);
		}
	if (a->more > 0)
		fprintf(stderr, "dynamill: %" PRIu64 " more items have the id "
			"'%.*s'\n", a->more,
			(int)(id.len < 4096 ? id.len : 4096),
			(const char *)id.ptr);
	return 0;
}

int
lookup_print_row(const struct lookup_found *f, const struct options *o,
		 struct err *err)
{
	if (o->output == OUTPUT_JSON)
		return print_json(NULL, f, err);
	print_field(span_of(f->table), ',');
	print_field(f->source, ',');
	print_field(f->target, '\n');
	return 0;
}
