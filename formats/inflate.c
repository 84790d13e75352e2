/*
 * inflate.c - where the text of deflate data goes.
 *
 * Most text is unpacked where the caller wants it, in a room; the last 32 KiB
 * before that are in the inflater's own window, for copies that reach so far
 * back.  The fast loop (inflate_loop.h) writes more than it should, and copies
 * must not begin in the window and end in the room.  So the first bytes of a
 * room are unpacked in the window, and copied:
 *
 *	window:  [ text before | first bytes of the room | free | SLACK ]
 *	         0                                       end
 *
 * and so are its last; what a symbol gives beyond the room stays in the window
 * for the next one.  That is also how small rooms are filled altogether.
 */
#include "formats/inflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "formats/inflate_internal.h"

enum {
	DIRECT_LEN = 2048,	/* of a room, from which on it pays */
	KEEP_LEN = HISTORY + 4 * MAX_MATCH,
	WINDOW_LEN = HISTORY + 16 * 1024,
};

struct inflater {
	struct inflate_reader reader;
	size_t nlits;		/* that are in no token yet */
	size_t end;		/* of the text in the window */
	size_t given;		/* up to here the callers have it */
	uint8_t window[WINDOW_LEN + SLACK];
};

struct inflater *
inflate_new(struct err *err)
{
	struct inflater *const f = malloc(sizeof(*f));

	if (f == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	/* Copies may read what was never written, and throw it away. */
	memset(f, 0, sizeof(*f));
	f->reader.loop = inflate_loop_portable;
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX2))
		f->reader.loop = inflate_loop_x86;
#endif
	return f;
}

void
inflate_free(struct inflater *f)
{
	free(f);
}

void
inflate_reset(struct inflater *f)
{
	f->reader.stage = STAGE_BLOCK;
	f->reader.last = false;
	f->reader.b = (struct inflate_bits){ 0, 0 };
	f->end = f->given = 0;
}

size_t
inflate_ahead(const struct inflater *f)
{
	return f->end - f->given;
}

size_t
inflate_pending(const struct inflater *f)
{
	return f->nlits;
}

/* Read from *in to where *c says; move *in and *tokens along. */
static enum inflate_result
read_on(struct inflater *f, struct span *in, struct inflate_cursor *c,
	uint32_t **tokens)
{
	c->in = c->in_first = in->ptr;
	c->in_end = in->ptr + in->len;
	if (tokens != NULL) {
		c->tokens = *tokens;
		c->nlits = f->nlits;
	}
	const enum inflate_result r = inflate_read(&f->reader, c);

	in->len = (size_t)(c->in_end - c->in);
	in->ptr = c->in;
	if (tokens != NULL) {
		*tokens = c->tokens;
		f->nlits = c->nlits;
	}
	return r;
}

/* Have what is not given yet, as far as there is room. */
static size_t
give(struct inflater *f, struct room *out)
{
	size_t n = f->end - f->given;

	if (n > out->len)
		n = out->len;
	if (n > 0)
		memcpy(out->ptr, f->window + f->given, n);
	f->given += n;
	out->ptr += n;
	out->len -= n;
	return n;
}

/* Keep of the window what may be needed, with `more` to be added to it. */
static void
slide(struct inflater *f, size_t more)
{
	const size_t keep = KEEP_LEN - more;

	memmove(f->window, f->window + f->end - keep, keep);
	f->end = f->given = keep;
}

/*
 * May the room be written to, behind `same` bytes that are in the window too?
 * The loop wants enough of them for a match that begins in the window, and a
 * history that is all in the room or reaches back as far as a distance can.
 */
static bool
is_direct(const struct inflater *f, const struct room *out, size_t same)
{
	return out->len >= DIRECT_LEN && same >= MAX_MATCH &&
	       (same >= HISTORY || same >= f->end ||
		f->end - same >= HISTORY);
}

/* Unpack about `n` bytes in the window.  Was there input enough? */
static enum inflate_result
fill_window(struct inflater *f, struct span *in, size_t n, uint32_t **tokens,
	    bool *starved)
{
	if (f->end + n > WINDOW_LEN)
		slide(f, 0);

	struct inflate_cursor c = {
		.out = f->window + f->end,
		.stop = f->window + f->end + n,
		.first = f->window,
	};
	const enum inflate_result r = read_on(f, in, &c, tokens);

	f->end = (size_t)(c.out - f->window);
	*starved = c.out < c.stop;
	return r;
}

/*
 * The same in the room, before which lie the last `same` bytes of the text,
 * which are in the window too.
 */
static enum inflate_result
fill_room(struct inflater *f, struct span *in, struct room *out, size_t same,
	  uint32_t **tokens, bool *starved)
{
	struct inflate_cursor c = {
		.out = out->ptr,
		.stop = out->ptr + out->len - SLACK,
		.first = out->ptr - same,
	};

	if (same < HISTORY && same < f->end) {
		c.nbefore = f->end - same;
		c.before = f->window + c.nbefore;
	}
	/* When no distance reaches the window any more, it is not looked for. */
	uint8_t *const stop = c.stop;

	if (c.before != NULL && (size_t)(stop - c.first) > HISTORY)
		c.stop = c.first + HISTORY;
	enum inflate_result r = read_on(f, in, &c, tokens);

	if (r == INFLATE_MORE && c.out >= c.stop && c.stop < stop) {
		c.stop = stop;
		c.before = NULL;
		r = read_on(f, in, &c, tokens);
	}
	size_t n = (size_t)(c.out - out->ptr);

	*starved = c.out < c.stop;
	out->ptr += n;
	out->len -= n;
	if (n > HISTORY)
		n = HISTORY;
	if (f->end + n > WINDOW_LEN)
		slide(f, n);
	memcpy(f->window + f->end, out->ptr - n, n);
	f->end += n;
	f->given = f->end;
	return r;
}

enum inflate_result
inflate_on(struct inflater *f, struct span *in, struct room *out,
	   uint32_t **tokens)
{
	size_t same = give(f, out);
	enum inflate_result r = INFLATE_MORE;
	bool starved = false;

	while (r == INFLATE_MORE && !starved && out->len > 0)
		if (!is_direct(f, out, same)) {
			r = fill_window(f, in, out->len < MAX_MATCH ?
					out->len : MAX_MATCH, tokens,
					&starved);
			same += give(f, out);
		} else {
			r = fill_room(f, in, out, same, tokens, &starved);
			same = 0;
		}
	return r;
}
