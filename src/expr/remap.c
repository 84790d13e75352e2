/* remap.c - the rules of one table, and one id or several by them. */
#include "expr/remap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/scan.h"
#include "expr/remap_internal.h"

enum { SIDE_BY_SIDE = 32, BINARY_LEN = 16 };

static const char *const form_names[] = {
	[REMAP_UUID] = "uuid", [REMAP_HEX] = "hex",
	[REMAP_BASE32] = "base32", [REMAP_NUMBER] = "number",
};

const char *
remap_form_name(enum remap_form form)
{
	assert(form >= REMAP_UUID && form <= REMAP_NUMBER);
	return form_names[form];
}

enum remap_form
remap_form_named(struct span name)
{
	for (int f = REMAP_UUID; f <= REMAP_NUMBER; f++)
		if (span_is(name, form_names[f]))
			return (enum remap_form)f;
	return (enum remap_form)0;
}

static int
check(const struct remap_options *o, struct err *err)
{
	const unsigned max = o->form == REMAP_BASE32 ? REMAP_MAX_BASE32
						     : REMAP_MAX_HEX;

	if (o->length != 0 &&
	    (o->length < REMAP_MIN_LENGTH || o->length > max))
		return err_set(err, ERR_USAGE, "'length' must be %d to %u, not "
			       "%u", REMAP_MIN_LENGTH, max, o->length);
	if (o->digits != 0 && (o->digits < REMAP_MIN_DIGITS ||
			       o->digits > REMAP_MAX_DIGITS))
		return err_set(err, ERR_USAGE, "'digits' must be %d to %d, not "
			       "%u", REMAP_MIN_DIGITS, REMAP_MAX_DIGITS,
			       o->digits);
	if (o->type != 0 && o->type != VALUE_S && o->type != VALUE_N)
		return err_set(err, ERR_USAGE, "'type' of an id must be S or "
			       "N");
	if (o->secret.len > 0 && o->secret.len < REMAP_MIN_SECRET)
		return err_set(err, ERR_USAGE, "'secret' must have at least %d "
			       "bytes, not %zu", REMAP_MIN_SECRET,
			       o->secret.len);
	return 0;
}

static void
shape(struct remap *r, const struct remap_options *o, struct span prefix)
{
	const unsigned digits = o->digits != 0 ? o->digits : REMAP_DIGITS;
	const unsigned length = o->length != 0 ? o->length : REMAP_LENGTH;
	const enum remap_form form = o->form != 0 ? o->form : REMAP_UUID;
	const struct remap_shape number = {
		.form = REMAP_NUMBER, .length = digits, .letter = 'N',
	};
	struct remap_shape *const s = &r->shapes[0];
	struct remap_shape *const n = &r->shapes[VALUE_N - VALUE_S];

	*s = (struct remap_shape){ .form = form, .prefix = prefix,
				   .letter = 'S' };
	s->length = form == REMAP_UUID ? 36 :
		    form == REMAP_NUMBER ? digits : length;
	*n = number;
	if (o->type == VALUE_N)
		*s = number;
	/* An N can share the text of an S only if that is all digits. */
	if (o->type == VALUE_S)
		n->letter = form == REMAP_NUMBER && prefix.len == 0 ? 'S' : 0;
	r->type = o->type;
}

static uint8_t *
append(uint8_t *at, struct span s)
{
	if (s.len > 0)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

static size_t
message_len(const struct remap *r, size_t id_len)
{
	return r->head.len + id_len + r->tail.len;
}

/* The whole message, padded. */
static void
compose(const struct remap *r, struct span id, uint8_t *blocks)
{
	uint8_t *const at = append(append(blocks, r->head), id);

	append(at, r->tail);
	sha256_pad(blocks, message_len(r, id.len),
		   r->keyed ? SHA256_BLOCK_LEN : 0);
}

static int
make_templates(struct remap *r, struct err *err)
{
	static const uint8_t zeros[REMAP_TEMPLATES];
	const size_t max = sha256_nblocks(message_len(r, REMAP_TEMPLATES - 1));
	const size_t len = max * SHA256_BLOCK_LEN;
	struct remap_templates *t;

	if (max > REMAP_MAX_BLOCKS)
		return 0;
	t = r->templates = calloc(1, sizeof(*t) + REMAP_TEMPLATES * len);
	if (t == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < REMAP_TEMPLATES; i++) {
		uint8_t *const blocks = t->blocks + i * len;
		size_t n = sha256_nblocks(message_len(r, i));

		compose(r, (struct span){ zeros, i }, blocks);
		if (n > 1 && r->head.len + i <= (n - 1) * SHA256_BLOCK_LEN) {
			sha256_last_init(&t->lasts[i],
					 blocks + --n * SHA256_BLOCK_LEN);
			t->of[i].last = &t->lasts[i];
		}
		t->of[i].blocks = blocks;
		t->of[i].nblocks = n;
	}
	return 0;
}

static int
build(struct remap *r, struct span table, const struct remap_options *o,
      struct err *err)
{
	uint8_t *at = append(r->text, table);

	*at++ = 0;
	r->head = (struct span){ r->text, table.len + 1 };
	r->tail = (struct span){ at, o->environment.len + 1 };
	*at++ = 0;
	at = append(at, o->environment);
	append(at, o->prefix);
	shape(r, o, (struct span){ at, o->prefix.len });

	r->keyed = o->secret.len > 0;
	if (r->keyed)
		sha256_key_init(&r->key, o->secret);
	if (o->keep.len > 0) {
		r->keep = remap_keep_new(o->keep, err);
		if (r->keep == NULL)
			return -1;
	}
	if (o->nrows > 0) {
		r->map = remap_map_new(o->rows, o->nrows, err);
		if (r->map == NULL)
			return -1;
	}
	r->clean = o->prefix.len == 0 ||
		   scan_plain(o->prefix) == o->prefix.len;
	r->room = (1 + o->prefix.len + r->shapes[0].length + ARENA_ALIGN - 1) /
		  ARENA_ALIGN * ARENA_ALIGN;
	r->plain = r->keep == NULL && r->map == NULL && o->type != VALUE_N;
	return make_templates(r, err);
}

struct remap *
remap_new(struct span table, const struct remap_options *options,
	  struct err *err)
{
	const size_t len = table.len + 1 + options->environment.len + 1 +
			   options->prefix.len;
	struct remap *r;

	if (check(options, err) != 0)
		return NULL;
	r = calloc(1, sizeof(*r) + len);
	if (r == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (build(r, table, options, err) != 0) {
		remap_free(r);
		return NULL;
	}
	return r;
}

void
remap_free(struct remap *r)
{
	if (r == NULL)
		return;
	remap_keep_free(r->keep);
	remap_map_free(r->map);
	free(r->templates);
	explicit_bzero(&r->key, sizeof(r->key));
	free(r);
}

bool
remap_row_source(const struct remap *r, size_t i, struct span *source)
{
	return r->map != NULL && remap_map_source(r->map, i, source);
}

bool
remap_row_used(const struct remap *r, size_t i)
{
	return remap_map_used(r->map, i);
}

void
remap_secret_check(struct span secret, char out[REMAP_SECRET_CHECK_LEN])
{
	uint8_t digest[SHA256_LEN];

	sha256_hmac(secret, span_of("dynamill: which secret"), digest);
	remap_put(REMAP_HEX, REMAP_SECRET_CHECK_LEN - 1, digest,
		  (uint8_t *)out);
	out[REMAP_SECRET_CHECK_LEN - 1] = '\0';
}

double
remap_collisions(const struct remap *r, enum value_type type, double nids)
{
	const struct remap_shape binary = { .form = REMAP_UUID };
	const struct remap_shape *const s =
		type == VALUE_B ? &binary : &r->shapes[type - VALUE_S];
	unsigned n = s->length;
	double each = 1, space = 1;

	switch (s->form) {
	case REMAP_UUID:
		each = 2;
		n = type == VALUE_B ? 128 : 122;
		break;
	case REMAP_HEX:
		each = 16;
		break;
	case REMAP_BASE32:
		each = 32;
		break;
	case REMAP_NUMBER:
		each = 10;
		break;
	}
	while (n-- > 0)
		space *= each;
	return nids < 2 ? 0 : nids * (nids - 1) / 2 / space;
}

/* Plain digits without a zero in front are as they should be. */
static bool
is_canonical(struct span s)
{
	if (s.len == 0 || s.len > DECIMAL_MAX_DIGITS)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.ptr[0] != '0' || s.len == 1;
}

/* Returns 1, 0 if `s` is no number, or -1. */
static int
make_canonical(struct span *s, struct arena *mem, struct err *err)
{
	struct err ignored;
	char text[DECIMAL_TEXT_LEN];

	if (is_canonical(*s))
		return 1;
	if (decimal_check(*s, &ignored) != 0)
		return 0;
	*s = arena_copy(mem, (struct span){
			(const uint8_t *)text, decimal_canonical(*s, text) },
			err);
	return s->ptr != NULL ? 1 : -1;
}

static int
decode(struct span *s, struct arena *mem, struct err *err)
{
	const size_t len = base64_decoded_len(*s);
	uint8_t *const p = arena_take(mem, len + 1, err);

	if (p == NULL)
		return -1;
	base64_decode(*s, p);
	*s = (struct span){ p, len };
	return 0;
}

/* A row of the map must give what the value can hold. */
static int
take_row(struct remap_id *id, struct arena *mem, struct err *err)
{
	struct err ignored;
	const bool number = id->type == VALUE_N || id->letter == 'N';
	const struct span t = id->target;

	id->fixed = id->mapped = true;
	if (number ? decimal_check(t, &ignored) != 0
		   : id->type == VALUE_B && !base64_check(t))
		return err_set(err, ERR_INPUT, "the map gives '%.*s', which is "
			       "no %s", (int)(t.len < 200 ? t.len : 200),
			       (const char *)t.ptr, number ? "number"
							   : "base64");
	if (number && make_canonical(&id->target, mem, err) < 0)
		return -1;
	return 0;
}

/* What the table's rules say without a digest. */
static int
decide(struct remap_id *id, struct span text, struct arena *mem,
       struct err *err)
{
	const struct remap *const r = id->remap;

	if (r == NULL) {
		id->fixed = true;
		id->target = text;
		return 0;
	}
	if (r->map != NULL && remap_map_find(r->map, text, &id->target))
		return take_row(id, mem, err);
	if (r->keep != NULL && id->type != VALUE_B &&
	    remap_keep_matches(r->keep, text)) {
		id->fixed = true;
		id->target = text;
	}
	return 0;
}

int
remap_understand(const struct remap *r, enum value_type type,
		 struct span text, struct remap_id *out, struct arena *mem,
		 struct err *err)
{
	*out = (struct remap_id){ .remap = r, .type = (uint8_t)type,
				  .source = text, .letter = 'S' };
	if (text.len == 0 || type < VALUE_S || type > VALUE_B)
		return 0;
	if (type == VALUE_S && remap_is_plain(r))
		return 1;

	out->letter = "SNB"[type - VALUE_S];
	if (r != NULL && type != VALUE_B) {
		out->letter = r->shapes[type - VALUE_S].letter;
		if (out->letter == 0)
			return 0;
	}
	if (type == VALUE_N || (r != NULL && out->letter == 'N')) {
		const int rc = make_canonical(&text, mem, err);

		if (rc <= 0)
			return rc;
	}
	if (decide(out, text, mem, err) != 0)
		return -1;
	if (type == VALUE_B) {
		if (decode(&text, mem, err) != 0)
			return -1;
		if (out->mapped && decode(&out->target, mem, err) != 0)
			return -1;
		if (out->fixed && !out->mapped)
			out->target = text;
	}
	out->source = text;
	return 1;
}

/* The blocks of the message of `id`: at `space` if they fit there. */
static int
message(const struct remap_id *id, uint8_t *space, struct sha256_job *job,
	struct arena *mem, struct err *err)
{
	const struct remap *const r = id->remap;
	const size_t len = message_len(r, id->source.len);

	job->start = r->keyed ? &r->key.inner : &sha256_start;
	job->nblocks = sha256_nblocks(len);
	job->blocks = space;
	job->last = NULL;
	if (r->templates != NULL && id->source.len < REMAP_TEMPLATES) {
		remap_fill(r, id->source, space, job);
		return 0;
	}
	if (job->nblocks > REMAP_MAX_BLOCKS) {
		space = arena_take(mem, job->nblocks * SHA256_BLOCK_LEN, err);
		if (space == NULL)
			return -1;
		job->blocks = space;
	}
	compose(r, id->source, space);
	return 0;
}

/* Some messages on their way through SHA-256. */
struct run {
	uint8_t space[SIDE_BY_SIDE][REMAP_MAX_BLOCKS * SHA256_BLOCK_LEN];
	struct sha256_job jobs[SIDE_BY_SIDE];
	size_t njobs;
};

/* The outer halves of those that have a key. */
static void
finish_keyed(struct run *run, const struct remap_id *ids, size_t n,
	     struct remap_digest *out)
{
	run->njobs = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t *const space = run->space[run->njobs];

		if (ids[i].fixed || !ids[i].remap->keyed)
			continue;
		memcpy(space, out[i].bytes, SHA256_LEN);
		sha256_pad(space, SHA256_LEN, SHA256_BLOCK_LEN);
		run->jobs[run->njobs++] = (struct sha256_job){
			.start = &ids[i].remap->key.outer, .blocks = space,
			.nblocks = 1, .out = out[i].bytes };
	}
	sha256_batch(run->jobs, run->njobs);
}

int
remap_digests(const struct remap_id *ids, size_t n, struct remap_digest *out,
	      struct arena *mem, struct err *err)
{
	struct run run;

	for (size_t at = 0; at < n; at += SIDE_BY_SIDE) {
		const size_t m = n - at < SIDE_BY_SIDE ? n - at : SIDE_BY_SIDE;
		bool keyed = false;

		run.njobs = 0;
		for (size_t i = at; i < at + m; i++) {
			struct sha256_job *const job = &run.jobs[run.njobs];

			if (ids[i].fixed)
				continue;
			if (message(&ids[i], run.space[run.njobs++], job, mem,
				    err) != 0)
				return -1;
			job->out = out[i].bytes;
			keyed |= ids[i].remap->keyed;
		}
		sha256_batch(run.jobs, run.njobs);
		if (keyed)
			finish_keyed(&run, ids + at, m, out + at);
	}
	return 0;
}

int
remap_write(struct remap_id *id, const struct remap_digest *digest,
	    struct arena *mem, struct err *err)
{
	static const struct remap_shape binary = { .length = BINARY_LEN };

	if (id->fixed)
		return 0;

	const struct remap_shape *const s = id->type == VALUE_B ? &binary
		: &id->remap->shapes[id->type - VALUE_S];
	uint8_t *p = arena_take(mem, 1 + s->prefix.len + s->length, err);

	if (p == NULL)
		return -1;
	*p++ = (uint8_t)id->letter;

	uint8_t *const at = append(p, s->prefix);

	if (id->type == VALUE_B) {
		memcpy(at, digest->bytes, BINARY_LEN);
		id->target = (struct span){ p, BINARY_LEN };
		return 0;
	}
	id->target = (struct span){ p, s->prefix.len +
		remap_put(s->form, s->length, digest->bytes, at) };
	return 0;
}

struct keyhash
remap_key(const struct remap_id *id)
{
	if (id->fixed)
		return keyhash_of_id(id->letter, id->target);
	return keyhash_of((struct span){ id->target.ptr - 1,
					 id->target.len + 1 });
}

int
remap_value(enum value_type type, struct span text, struct value *out,
	    struct arena *mem, struct err *err)
{
	if (type == VALUE_B) {
		const size_t len = base64_encoded_len(text.len);
		uint8_t *const p = arena_take(mem, len + 1, err);

		if (p == NULL)
			return -1;
		base64_encode(text, p);
		text = (struct span){ p, len };
	}
	*out = value_of_text(type, text);
	return 0;
}

/* Understand an id and make its new one.  Returns 1, 0 if it is none, or -1. */
static int
make_one(const struct remap *r, enum value_type type, struct span text,
	 struct remap_id *one, struct arena *mem, struct err *err)
{
	struct remap_digest digest;
	const int rc = remap_understand(r, type, text, one, mem, err);

	if (rc <= 0)
		return rc;
	return remap_digests(one, 1, &digest, mem, err) != 0 ||
	       remap_write(one, &digest, mem, err) != 0 ? -1 : 1;
}

int
remap_log(const struct remap *r, enum value_type type, struct span text,
	  struct remap_logged *out, struct arena *mem, struct err *err)
{
	struct remap_id one;
	const int rc = make_one(r, type, text, &one, mem, err);

	if (rc > 0)
		*out = (struct remap_logged){
			.source = one.source, .target = one.target,
			.key = remap_key(&one),
		};
	return rc;
}

int
remap_new_id(const struct remap *r, const struct value *id, struct value *out,
	     struct arena *mem, struct err *err)
{
	const enum value_type type = (enum value_type)id->type;
	struct remap_id one;
	struct span text;

	if (type < VALUE_S || type > VALUE_B)
		return err_set(err, ERR_INPUT, "an id must be a string, a "
			       "number or binary, not %s",
			       value_type_name(type));
	if (value_text(id, mem, &text, err) != 0)
		return -1;

	const int rc = make_one(r, type, text, &one, mem, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_INPUT, "'%.*s' is not an id",
			       (int)(text.len < 200 ? text.len : 200),
			       (const char *)text.ptr);
	return remap_value(type, one.target, out, mem, err);
}
