/* validate.c - what all ways of validating share, and a dump by itself. */
#include "engine/validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/crew.h"
#include "engine/inorder.h"
#include "engine/reading.h"
#include "engine/validate_internal.h"
#include "model/batch.h"

enum {
	NOTES_LEN = 64 * 1024 * 1024,	/* of what waits for its turn */
	MAX_LINES = 100,		/* bad ones of a file that are shown */
};

const char *
validate_kind_name(enum validate_kind k)
{
	static const char *const NAMES[] = {
		[VALIDATE_SOUND] = "sound", [VALIDATE_DAMAGED] = "damaged",
		[VALIDATE_BAD_LINE] = "bad line",
		[VALIDATE_MISSING] = "missing",
		[VALIDATE_DIFFERENT] = "different",
		[VALIDATE_BROKEN] = "broken", [VALIDATE_EXTRA] = "extra",
	};

	return NAMES[k];
}

int
validate_see(const struct validate_options *o, struct validate_sums *s,
	     const struct validate_check *c, struct err *err)
{
	s->checks++;
	s->failed += c->kind != VALIDATE_SOUND;
	s->damaged |= c->kind == VALIDATE_DAMAGED;
	return o->see(o->context, c, err);
}

int
validate_manifests(const struct validate_options *o, const struct dump *d,
		   struct validate_sums *s, struct err *err)
{
	const struct exports *const x = &d->exports;
	int rc = 0;

	for (size_t i = 0; i < x->ndamages && rc == 0; i++) {
		const struct export_damage *const damage = &x->damages[i];
		const struct validate_check c = {
			.kind = VALIDATE_DAMAGED, .name = damage->path,
			.text = damage->text,
		};

		if (!exports_accepts(damage->path, o->dump.accept,
				     o->dump.naccept))
			rc = validate_see(o, s, &c, err);
	}
	return rc;
}

void
validate_key_of(const struct plan_key *key, const struct value *map,
		struct value kids[4], struct value *out)
{
	const char *const names[] = { key->pk.name, key->sk.name };
	uint32_t n = 0;

	for (int i = 0; i < 2; i++) {
		const struct span name = names[i] != NULL
			? span_of(names[i]) : (struct span){ NULL, 0 };
		const struct value *const v = names[i] == NULL ? NULL :
			value_attr(map, name, name_hash(name));

		if (v == NULL)
			continue;
		kids[n++] = value_of_name(name);
		kids[n++] = *v;
	}
	*out = value_of_kids(VALUE_M, kids, n);
}

/* ---- a dump by itself ---------------------------------------------------- */

/* What all threads share. */
struct checking {
	const struct validate_options *options;
	const struct dump *dump;
	struct validate_sums *sums;	/* in the turn of a unit */
	_Atomic uint32_t next;
	_Atomic uint64_t items, packed_len;
	struct inorder *order;
};

/* A piece: the kind of check, the line it is about in .nitems, its text. */
static int
take(void *context, const struct inorder_piece *p, struct err *err)
{
	struct checking *const c = context;
	const struct unit *const u = &c->dump->units[p->unit];
	const struct validate_check check = {
		.kind = (enum validate_kind)p->kind,
		.table = c->dump->tables[u->input].name,
		.name = reading_name(u), .text = (const char *)p->text.ptr,
		.file = u->path, .line = p->nitems,
	};

	return validate_see(c->options, c->sums, &check, err);
}

/* `text` ends in NUL. */
static int
say(struct checking *c, uint32_t unit, enum validate_kind kind, uint64_t line,
    const char *text, struct err *err)
{
	const struct inorder_piece piece = {
		.unit = unit, .kind = (int)kind, .nitems = line,
		.text = { (const uint8_t *)text, strlen(text) + 1 },
	};

	return inorder_put(c->order, &piece, err);
}

static int
say_rejects(struct checking *c, const struct unit *u, const struct batch *b,
	    uint64_t *nbad, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->nrejects && rc == 0; i++) {
		const struct reject *const r = &b->rejects[i];
		struct err why = r->why;

		if (++*nbad > MAX_LINES)
			continue;
		err_at(&why, "byte %" PRIu64, r->at + 1);
		rc = say(c, u->number, VALIDATE_BAD_LINE, r->number, why.text,
			 err);
	}
	return rc;
}

/* The last word on a file. */
static int
say_end(struct checking *c, const struct unit *u, uint64_t nbad,
	const struct err *damage, struct err *err)
{
	char text[128] = "";

	if (damage->code != ERR_NONE) {
		const char *const name = reading_name(u);
		const size_t n = strlen(name);
		const bool named = strncmp(damage->text, name, n) == 0 &&
				   strncmp(damage->text + n, ": ", 2) == 0;

		return say(c, u->number, VALIDATE_DAMAGED, 0, damage->text +
			   (named ? n + 2 : 0), err);
	}
	if (nbad > MAX_LINES) {
		snprintf(text, sizeof(text), "and %" PRIu64 " more lines that "
			 "are no items", nbad - MAX_LINES);
		return say(c, u->number, VALIDATE_BAD_LINE, 0, text, err);
	}
	return nbad > 0 ? 0 : say(c, u->number, VALIDATE_SOUND, 0, "", err);
}

static int
check_file(struct checking *c, struct reading *r, const struct unit *u,
	   struct err *err)
{
	const atomic_bool *const cancel = c->options->cancel;
	struct err damage = { 0 };
	struct batch *b;
	uint64_t nbad = 0;
	int rc;

	if (reading_start(r, u, true, err) != 0)
		return -1;
	while ((rc = reading_next(r, &b, err)) > 0) {
		if (cancel != NULL && atomic_load(cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (say_rejects(c, u, b, &nbad, err) != 0)
			return -1;
	}
	if (rc < 0 && err->code != ERR_INPUT)
		return -1;
	if (rc < 0)
		damage = *err;
	atomic_fetch_add(&c->items, reading_count(r) - nbad);
	atomic_fetch_add(&c->packed_len, reading_packed_len(r));
	return say_end(c, u, nbad, &damage, err);
}

static int
work(void *context, struct err *err)
{
	struct checking *const c = context;
	struct reading *const r = reading_new(err);
	int rc = r != NULL ? 0 : -1;
	uint32_t n;

	while (rc == 0 &&
	       (n = atomic_fetch_add(&c->next, 1)) < c->dump->nunits) {
		rc = check_file(c, r, &c->dump->units[n], err);
		if (rc == 0)
			rc = inorder_end(c->order, n, err);
	}
	if (rc != 0)
		inorder_stop(c->order);
	reading_free(r);
	return rc;
}

int
validate_found(const struct validate_options *o, const struct dump *d,
	       struct validate_sums *s, struct err *err)
{
	struct checking c = { .options = o, .dump = d, .sums = s };
	int rc = validate_manifests(o, d, s, err);

	if (rc == 0) {
		c.order = inorder_new(d->nunits, NOTES_LEN, take, &c, err);
		rc = c.order == NULL ? -1 :
		     crew_do(o->threads > 0 ? o->threads : 1, work, &c, err);
	}
	s->files = d->nunits;
	s->items = atomic_load(&c.items);
	s->packed_len = atomic_load(&c.packed_len);
	inorder_free(c.order);
	return rc;
}

int
validate_dump(const struct validate_options *o, struct validate_sums *s,
	      struct err *err)
{
	struct dump d;
	int rc = dump_find(&o->dump, &d, err);

	*s = (struct validate_sums){ 0 };
	if (rc == 0 && o->nshards > 0)
		rc = dump_divide(&d, o->shard, o->nshards, err);
	if (rc == 0)
		rc = validate_found(o, &d, s, err);
	dump_free(&d);
	return rc;
}
