/*
 * pipe.c - a program's side of a step.  The protocol is in docs/PIPE.md:
 *
 *	to it		an item a line
 *	from it		for each of them any number of lines `{...}`, items, or
 *			one `!reason`; then `#N`, N the number of the line that
 *			it has answered, from 1
 *
 * The numbers are there so that an answer can never be taken for another's: a
 * program that prints one line too much or too few is found out at once.  What
 * it says of an item is about the item; what is none of these lines, its end,
 * or its silence is about the program, and the job stops.
 */
#include "engine/pipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/err.h"
#include "engine/outputs.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "formats/compose.h"
#include "formats/ddbjson.h"
#include "formats/jsonvalue.h"
#include "formats/plainjson.h"
#include "io/child.h"
#include "model/item.h"

enum {
	MOST_LINE = 16 * 1024 * 1024,	/* of an answer */
	MOST_LINES = 1024 * 1024,	/* of one, which is refused long before */
	KEPT = 256 * 1024,		/* read, before it is moved away */
	QUOTED = 60,			/* bytes of what is wrong */
	SHOWN = 400,			/* ... once they can be shown */
};

struct pipe {
	const struct plan_step *step;
	struct child *child;
	struct compose *to;
	struct buf out, in;
	uint64_t answered;		/* lines, of all batches */
	uint32_t nlines;		/* of the answer at hand */
	bool broken;			/* nothing more to wait for */
	char name[96];			/* "pipe 'node t.js'" */
};

/* One batch under way. */
struct asking {
	struct pipe *p;
	struct outputs *o;
	uint32_t i;			/* the item whose answer is read */
	size_t read;			/* bytes of p->in that are done */
	struct err *err;
};

static void
name_it(struct pipe *p)
{
	size_t n = (size_t)snprintf(p->name, sizeof(p->name), "pipe '");

	for (const char *const *a = p->step->argv; *a != NULL; a++)
		if (n < sizeof(p->name))
			n += (size_t)snprintf(p->name + n, sizeof(p->name) - n,
					      "%s%s", a == p->step->argv ? ""
					      : " ", *a);
	if (n + 2 > sizeof(p->name))
		n = sizeof(p->name) - 2;
	memcpy(p->name + n, "'", 2);
}

static void
stop(void *state)
{
	struct pipe *const p = state;

	if (p == NULL)
		return;
	child_stop(p->child, p->broken);
	compose_free(p->to);
	buf_free(&p->out);
	buf_free(&p->in);
	free(p);
}

static void *
start(const struct plan *plan, const struct plan_step *step, struct err *err)
{
	struct pipe *const p = calloc(1, sizeof(*p));

	(void)plan;
	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->step = step;
	name_it(p);
	p->to = compose_new(err);
	if (p->to != NULL)
		p->child = child_start(step->argv, step->env, step->folder,
				       err);
	if (p->child == NULL) {
		err_at(err, "%s", p->name);
		compose_free(p->to);
		free(p);
		return NULL;
	}
	return p;
}

/* ---- what is wrong with it ----------------------------------------------- */

/* What it printed, as it can be shown: up to a line end, and `most` bytes. */
static void
show(struct span text, size_t most, char out[SHOWN])
{
	const uint8_t *const end = text.len == 0 ? NULL
		: memchr(text.ptr, '\n', text.len);
	struct err ignored;
	struct buf b = { 0 };

	if (end != NULL)
		text.len = (size_t)(end - text.ptr);
	if (text.len > most)
		text.len = most;
	out[0] = '\0';
	if (display_put(text, false, &b, &ignored) == 0 && b.len > 0)
		snprintf(out, SHOWN, "%.*s", (int)b.len, (const char *)b.ptr);
	buf_free(&b);
}

/* Half a line that it printed, quoted; or "". */
static void
tell_half(const struct asking *a, char out[SHOWN + 48])
{
	const struct buf *const in = &a->p->in;
	char text[SHOWN];

	out[0] = '\0';
	if (in->len == a->read)
		return;
	show((struct span){ in->ptr + a->read, in->len - a->read }, QUOTED,
	     text);
	snprintf(out, SHOWN + 48, ", and in the middle of a line, '%s'", text);
}

/* The program ended.  Returns -1. */
static int
ended(const struct asking *a)
{
	struct pipe *const p = a->p;
	char how[96], half[SHOWN + 48];

	child_tell(p->child, how, sizeof(how));
	tell_half(a, half);
	p->broken = true;
	return err_set(a->err, ERR_SYSTEM, "%s %s before it had answered its "
		       "line %" PRIu64 " (line %" PRIu64 " of the data file)"
		       "%s; mend it, and run again: what is finished stays",
		       p->name, how, p->answered + 1,
		       outputs_item(a->o, a->i)->number, half);
}

static int
silent(const struct asking *a)
{
	struct pipe *const p = a->p;
	char half[SHOWN + 48];

	tell_half(a, half);
	p->broken = true;
	return err_set(a->err, ERR_SYSTEM, "%s has printed nothing for %u s "
		       "before it had answered its line %" PRIu64 " (line %"
		       PRIu64 " of the data file)%s; does it flush '#%" PRIu64
		       "' behind its answer? 'timeout' gives it more than that",
		       p->name, p->step->timeout, p->answered + 1,
		       outputs_item(a->o, a->i)->number, half,
		       p->answered + 1);
}

/* A line that is none of the protocol's. */
static int
stray(const struct asking *a, struct span line, const char *what)
{
	struct pipe *const p = a->p;
	char text[SHOWN];

	show(line, QUOTED, text);
	p->broken = true;
	return err_set(a->err, ERR_SYSTEM, "%s %s where the answer to its line "
		       "%" PRIu64 " should be: '%s'; let it print nothing but "
		       "answers, and messages to its standard error", p->name,
		       what, p->answered + 1, text);
}

/* ---- answers ------------------------------------------------------------- */

/* An item.  Returns 0 or -1. */
static int
take_item(const struct asking *a, struct span line)
{
	struct err why;
	struct jsonwalk w = {
		.p = line.ptr, .end = line.ptr + line.len, .last = true,
		.tagged = !a->p->step->typed, .to = a->p->to,
		.mem = a->o->run->mem, .err = &why,
	};
	struct item item;

	if (outputs_is_refused(a->o, a->i))
		return 0;	/* of such an item nobody keeps anything */

	int rc = compose_item(w.to, &why);
	if (rc == JSON_GOOD)
		rc = jsonvalue_item(&w, a->p->step->typed, NULL);
	if (rc == JSON_GOOD) {
		jsonvalue_space(&w);
		if (w.p < w.end)
			rc = jsonvalue_wrong(&w, "the end of the line");
	}
	if (rc == JSON_GOOD)
		rc = compose_end(w.to, &item, &why);
	if (rc < 0) {
		*a->err = why;
		return -1;
	}
	if (rc != JSON_GOOD) {
		err_at(&why, "%s answers with no item: byte %zu", a->p->name,
		       (size_t)(w.p - line.ptr) + 1);
		outputs_refuse(a->o, a->i, &why);
		return 0;
	}
	/* The line that it has is not that of the source. */
	item.map.flags &= (uint8_t)~VALUE_RAW;
	return outputs_put(a->o, a->i, outputs_table(a->o, a->i), &item.map,
			   a->err);
}

/* `#N`: the answer is complete.  Returns 0 or -1. */
static int
take_end(struct asking *a, struct span line)
{
	char want[24];
	const int n = snprintf(want, sizeof(want), "#%" PRIu64,
			       a->p->answered + 1);

	if (!span_equal(line, (struct span){ (const uint8_t *)want,
					     (size_t)n }))
		return stray(a, line, "printed another number");
	a->p->answered++;
	a->p->nlines = 0;
	a->i++;
	return 0;
}

static int
take_line(struct asking *a, struct span line)
{
	char reason[SHOWN];
	struct err why;

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (++a->p->nlines > MOST_LINES)
		return stray(a, line, "prints without end");
	switch (line.len > 0 ? line.ptr[0] : '\0') {
	case '{':
		return take_item(a, line);
	case '#':
		return take_end(a, line);
	case '!':
		show((struct span){ line.ptr + 1, line.len - 1 }, SHOWN,
		     reason);
		if (reason[0] != '\0')
			err_set(&why, ERR_INPUT, "%s", reason);
		else
			err_set(&why, ERR_INPUT, "%s gives no reason",
				a->p->name);
		outputs_refuse(a->o, a->i, &why);
		return 0;
	default:
		return stray(a, line, "printed something else");
	}
}

/* The whole lines that have come.  Returns 0 or -1. */
static int
take_lines(struct asking *a)
{
	struct buf *const in = &a->p->in;

	while (a->i < a->o->n) {
		const uint8_t *const p = in->ptr + a->read;
		const size_t left = in->len - a->read;
		const uint8_t *const end = left > 0 ? memchr(p, '\n', left)
						    : NULL;

		if (end == NULL && left > MOST_LINE)
			return stray(a, (struct span){ p, left }, "prints a "
				     "line without end");
		if (end == NULL)
			break;
		a->read += (size_t)(end - p) + 1;
		if (take_line(a, (struct span){ p, (size_t)(end - p) }) != 0)
			return -1;
	}
	if (a->read == in->len) {
		buf_reset(in);
		a->read = 0;
	} else if (a->read > KEPT) {
		memmove(in->ptr, in->ptr + a->read, in->len - a->read);
		in->len -= a->read;
		a->read = 0;
	}
	return 0;
}

/* ---- a batch ------------------------------------------------------------- */

static int
write_items(struct pipe *p, const struct outputs *o, struct err *err)
{
	struct buf *const out = &p->out;

	buf_reset(out);
	for (uint32_t i = 0; i < o->n; i++) {
		const struct item *const item = outputs_item(o, i);

		if (!p->step->typed) {
			if (plainjson_encode_tagged(item, o->run->mem, out,
						    err) != 0)
				return -1;
			continue;
		}
		if (ddbjson_encode_map(&item->map, out, err) != 0 ||
		    buf_append(out, span_of("\n"), err) != 0)
			return -1;
	}
	return 0;
}

static int
run(void *state, struct outputs *o, struct err *err)
{
	struct pipe *const p = state;
	struct asking a = { .p = p, .o = o, .err = err };

	if (write_items(p, o, err) != 0 ||
	    compose_batch(p->to, o->run->mem, p->out.len, err) < 0)
		return -1;

	struct span out = buf_span(&p->out);
	if (p->answered > 0 && child_has_more(p->child)) {
		/* Read it, to say what it is. */
		struct span nothing = { NULL, 0 };

		if (child_exchange(p->child, &nothing, &p->in, 1, o->cancel,
				   err) > 0)
			return stray(&a, buf_span(&p->in), "printed more");
	}
	while (a.i < o->n) {
		const int rc = child_exchange(p->child, &out, &p->in,
					      p->step->timeout, o->cancel,
					      err);

		if (rc < 0 && err->code == ERR_RETRY)
			return silent(&a);
		if (rc >= 0 && take_lines(&a) != 0)
			return -1;
		if (rc < 0) {
			p->broken = true;
			return -1;
		}
		if (rc == 0 && a.i < o->n)
			return ended(&a);
	}
	if (p->in.len > a.read)
		return stray(&a, (struct span){ p->in.ptr + a.read,
						p->in.len - a.read },
			     "printed more");
	return 0;
}

const struct outputs_kind pipe_kind = {
	.start = start, .stop = stop, .run = run,
};
