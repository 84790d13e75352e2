/*
 * reverse.c - a plan read backwards.  The last step of the last plan is undone
 * first.  Ids and references are found where the plan's steps moved them to.
 */
#include "engine/reverse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/discover_judge.h"
#include "engine/reverse_internal.h"
#include "expr/expr.h"

/* Errors stick: memory is all that can be refused. */
void
reverse_say(struct page *g, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	const int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		g->rc = err_set(g->err, ERR_SYSTEM, "out of memory");
	else if (g->rc == 0)
		g->rc = buf_append(g->out, (struct span){
			(const uint8_t *)text, (size_t)n }, g->err);
	free(n < 0 ? NULL : text);
}

static void
say_text(struct page *g, struct span text)
{
	if (g->rc == 0)
		g->rc = print_yaml(text, g->out, g->err);
}

void
reverse_say_path(struct page *g, const struct path *p)
{
	struct buf text = { 0 };

	if (g->rc == 0)
		g->rc = path_print(p, &text, g->err);
	say_text(g, buf_span(&text));
	buf_free(&text);
}

/* A node as it was written, on one line. */
void
reverse_say_tree(struct page *g, const struct tree *t)
{
	const bool map = t->kind == TREE_MAP;

	if (tree_is_scalar(t)) {
		if (t->kind == TREE_TEXT)
			say_text(g, t->text);
		else
			reverse_say(g, "%.*s", (int)t->text.len, t->text.ptr);
		return;
	}
	reverse_say(g, map ? "{" : "[");
	for (uint32_t i = 0; i < t->nkids; i++) {
		if (i > 0)
			reverse_say(g, map && i % 2 == 1 ? ": " : ", ");
		reverse_say_tree(g, &t->kids[i]);
	}
	reverse_say(g, map ? "}" : "]");
}

/* Something that does not come back. */
static void
lose(struct page *g, struct plan_place at, const char *what, struct span why)
{
	g->sums->lost++;
	if (g->rc == 0)
		g->rc = buf_printf(g->why, g->err, "%s:%" PRIu32 ": %s: %.*s\n",
				   at.file, at.line, what, (int)why.len,
				   (const char *)why.ptr);
	reverse_say(g, "      # not undone: %s of line %" PRIu32 "\n", what, at.line);
}

/* ---- steps --------------------------------------------------------------- */

static bool
has_head(const void *context, struct span name)
{
	const struct plan_step *const s = context;

	if (s->kind == STEP_UPDATE)
		return update_touches(s->update, name);
	for (size_t i = 0; i < s->nrenames; i++)
		if (span_equal(s->renames[i].from.parts[0].name, name) ||
		    span_equal(s->renames[i].to.parts[0].name, name))
			return true;
	for (size_t i = 0; i < s->nshifts; i++)
		if (span_equal(s->shifts[i].from.parts[0].name, name) ||
		    (s->shifts[i].has_to &&
		     span_equal(s->shifts[i].to.parts[0].name, name)))
			return true;
	return false;
}

/* "      - ", with the step's `when` if it has one. */
static void
open_step(struct page *g, const struct plan_step *s)
{
	struct buf text = { 0 };

	if (!g->any)
		reverse_say(g, "    steps:\n");
	g->any = true;
	g->sums->steps++;
	reverse_say(g, "      - ");
	if (s->when == NULL)
		return;
	if (g->rc == 0)
		g->rc = expr_print(s->when, &text, g->err);
	reverse_say(g, "when: ");
	say_text(g, buf_span(&text));
	reverse_say(g, "\n        ");
	buf_free(&text);
}

static void
undo_update(struct page *g, const struct plan_step *s)
{
	struct buf text = { 0 }, why = { 0 };

	if (g->rc == 0)
		g->rc = update_invert(s->update, &text, &why, g->err);
	for (const uint8_t *at = why.ptr; g->rc == 0 && why.len > 0 &&
	     at < why.ptr + why.len;) {
		const uint8_t *const end = memchr(at, '\n', (size_t)
			(why.ptr + why.len - at));

		lose(g, s->place, "update", (struct span){ at, (size_t)
			(end - at) });
		at = end + 1;
	}
	if (text.len > 0) {
		open_step(g, s);
		reverse_say(g, "update: ");
		say_text(g, buf_span(&text));
		reverse_say(g, "\n");
	}
	buf_free(&text);
	buf_free(&why);
}

static void
undo_rename(struct page *g, const struct plan_step *s)
{
	if (s->overwrite)
		lose(g, s->place, "rename", span_of("what it was written over "
						    "is not kept"));
	open_step(g, s);
	reverse_say(g, "rename: {");
	for (size_t i = 0; i < s->nrenames; i++) {
		reverse_say(g, i > 0 ? ", " : "");
		reverse_say_path(g, &s->renames[i].to);
		reverse_say(g, ": ");
		reverse_say_path(g, &s->renames[i].from);
	}
	reverse_say(g, "}\n");
}

static void
undo_expand(struct page *g, const struct plan_step *s)
{
	open_step(g, s);
	reverse_say(g, "contract: [");
	for (size_t i = 0; i < s->nshifts; i++) {
		reverse_say(g, i > 0 ? ", " : "");
		reverse_say_path(g, &s->shifts[i].to);
	}
	reverse_say(g, "]\n");
}

static void
undo_contract(struct page *g, const struct plan_step *s)
{
	for (size_t i = 0; i < s->nshifts; i++)
		if (!s->shifts[i].has_to) {
			lose(g, s->place, "contract", span_of("what is removed "
				"is not kept under another name"));
			return;
		}
	open_step(g, s);
	reverse_say(g, "expand: {");
	for (size_t i = 0; i < s->nshifts; i++) {
		reverse_say(g, i > 0 ? ", " : "");
		reverse_say_path(g, &s->shifts[i].to);
		reverse_say(g, ": ");
		reverse_say_path(g, &s->shifts[i].from);
	}
	reverse_say(g, "}\n");
}

/* `reverse` of the plan: an update, or a list of steps. */
static void
say_by_hand(struct page *g, const struct plan_step *s)
{
	const struct tree *const t = s->reverse;

	if (!g->any)
		reverse_say(g, "    steps:\n");
	g->any = true;
	g->sums->steps++;
	if (tree_is_scalar(t)) {
		reverse_say(g, "      - update: ");
		say_text(g, t->text);
		reverse_say(g, "\n");
		return;
	}
	for (uint32_t i = 0; i < t->nkids; i++) {
		reverse_say(g, "      - ");
		reverse_say_tree(g, &t->kids[i]);
		reverse_say(g, "\n");
	}
}

static void
undo_step(struct page *g, const struct plan_step *s)
{
	static const char *const reasons[] = {
		[STEP_EMIT] = "what items became is not put together again",
		[STEP_PIPE] = "what a program does, it must undo itself",
		[STEP_LUA] = "what a script does, it must undo itself",
		[STEP_VERSION] = "which version an item had is not kept",
		[STEP_CONTRACT] = NULL,
	};

	if (s->reverse != NULL) {
		say_by_hand(g, s);
		return;
	}
	if (reasons[s->kind] != NULL) {
		lose(g, s->place, plan_step_name(s->kind),
		     span_of(reasons[s->kind]));
		return;
	}
	if (s->when != NULL && expr_looks_at(s->when, has_head, s)) {
		lose(g, s->place, plan_step_name(s->kind), span_of("its 'when' "
			"looks at what it changes, so that nobody knows which "
			"items it was"));
		return;
	}
	if (s->kind == STEP_UPDATE)
		undo_update(g, s);
	else if (s->kind == STEP_RENAME)
		undo_rename(g, s);
	else if (s->kind == STEP_EXPAND)
		undo_expand(g, s);
	else
		undo_contract(g, s);
}

/* ---- tables -------------------------------------------------------------- */

/* A name of source or target; of many tables `{table}` in place of the glob. */
static void
say_name(struct page *g, const char *key, const struct plan_table *t,
	 const char *name)
{
	const char *const at = t->glob ? strstr(name, t->name) : NULL;
	struct buf text = { 0 };

	if (g->rc == 0)
		g->rc = at == NULL ? buf_printf(&text, g->err, "%s", name)
			: buf_printf(&text, g->err, "%.*s{table}%s",
				     (int)(at - name), name,
				     at + strlen(t->name));
	reverse_say(g, "    %s: ", key);
	say_text(g, buf_span(&text));
	reverse_say(g, "\n");
	buf_free(&text);
}

static void
say_key(struct page *g, const char *name, const struct plan_key *key)
{
	const struct plan_key_attr *const attrs[] = { &key->pk, &key->sk };
	const bool typed = key->pk.type != 0 &&
			   (key->sk.name == NULL || key->sk.type != 0);

	if (key->pk.name == NULL)
		return;
	reverse_say(g, "    %s: %s", name, typed ? "{" : "[");
	for (int i = 0; i < 2 && attrs[i]->name != NULL; i++) {
		reverse_say(g, i > 0 ? ", " : "");
		say_text(g, span_of(attrs[i]->name));
		if (typed)
			reverse_say(g, ": %s", value_type_name(attrs[i]->type));
	}
	reverse_say(g, typed ? "}\n" : "]\n");
}

/* What of the table's items cannot come back at all. */
static void
say_losses(struct page *g, const struct plan_table *t)
{
	for (size_t i = 0; i < t->npasses; i++)
		if (t->passes[i].where != NULL)
			lose(g, t->place, "where", span_of("items that it left "
				"out are not in the target"));
	if (t->rewrite != NULL && t->dangling != DANGLING_REPORT &&
	    t->dangling != DANGLING_FAIL && t->dangling != DANGLING_KEEP)
		lose(g, t->place, "dangling", span_of("what it removed is not "
						      "kept"));
}

static void
say_table(struct page *g, const struct plan_table *t)
{
	const struct plan_entry *const e =
		plan_entry_for(&g->p->parts->parts[0], t->name);
	struct plan_key before;

	reverse_say(g, "\n  ");
	say_text(g, span_of(t->name));
	if (t->skip || t->emitted) {
		reverse_say(g, ": skip\n");
		return;
	}
	reverse_say(g, ":\n");
	say_name(g, "from", t, t->to);
	say_name(g, "to", t, t->from);
	reverse_key(g, t, &before);
	say_key(g, "key", &before);
	say_key(g, "sourceKey", &t->key);
	if (e != NULL && e->node[1].kind == TREE_MAP)
		reverse_say_ids(g, t, &e->node[1]);
	g->any = false;
	for (size_t i = t->npasses; i-- > 0;)
		for (size_t k = t->passes[i].nsteps; k-- > 0;)
			undo_step(g, &t->passes[i].steps[k]);
	say_losses(g, t);
}

static bool
none(const struct plan_side *s)
{
	return s->environment == NULL && s->profile == NULL &&
	       s->region == NULL && s->account == NULL &&
	       s->role_arn == NULL && s->endpoint_url == NULL;
}

static void
say_side(struct page *g, const char *name, const struct plan_side *s)
{
	const struct { const char *key, *text; } all[] = {
		{ "environment", s->environment }, { "profile", s->profile },
		{ "region", s->region }, { "account", s->account },
		{ "role_arn", s->role_arn },
		{ "endpoint_url", s->endpoint_url },
	};

	reverse_say(g, "%s:", name);
	if (strcmp(name, "target") == 0 && none(s))
		reverse_say(g, " {}");
	reverse_say(g, "\n");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].text == NULL)
			continue;
		reverse_say(g, "  %s: ", all[i].key);
		say_text(g, span_of(all[i].text));
		reverse_say(g, "\n");
	}
}

/* Of the new plan: that of the old one, and what was done to it. */
static void
say_plan_name(struct page *g)
{
	struct buf name = { 0 };

	if (g->rc == 0)
		g->rc = buf_printf(&name, g->err, "%s-reversed", g->p->name);
	say_text(g, buf_span(&name));
	reverse_say(g, "\n");
	buf_free(&name);
}

int
reverse_plan(const struct plan *p, const struct reverse_options *o,
	     struct buf *out, struct buf *why, struct reverse_sums *sums,
	     struct err *err)
{
	struct page g = { .p = p, .out = out, .why = why, .sums = sums,
			  .err = err };

	*sums = (struct reverse_sums){ 0 };
	reverse_say(&g, "# Undoes '%s'. Read it before you run it: values that a step "
	    "moved are taken\n# back, and what was there before them is not "
	    "known.\n\ndynamill: 1\nname: ", p->name);
	say_plan_name(&g);
	say_side(&g, "source", &p->target);
	reverse_say(&g, "  exports:\n    - ");
	say_text(&g, span_of(o->exports));
	reverse_say(&g, "\n");
	say_side(&g, "target", &p->source);
	if (o->ids != NULL) {
		reverse_say(&g, "ids:\n  keep: '.'    # what is in no row stays\n"
		    "  map: ");
		say_text(&g, span_of(o->ids));
		reverse_say(&g, "\n");
	}
	reverse_say(&g, "tables:");
	for (size_t i = 0; i < p->ntables; i++)
		say_table(&g, &p->tables[i]);
	arena_free(&g.mem);
	return g.rc;
}
