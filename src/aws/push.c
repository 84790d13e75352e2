#include "aws/push.h"

#include <stdlib.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/push_internal.h"
#include "base/err.h"
#include "formats/json.h"

enum {
	SLICE_MS = 100,
	CUT_MS = 200,		/* between two cuts of the window */
	DRIVE_EVERY = 4,	/* requests that are sent */
	MOST_TRIES = 50,	/* of a request without any progress */
	FIRST_MS = 50, MOST_MS = 5000,
};

static const double GENTLE = 2;	/* requests in flight at first */
static const double CUT = 0.6;
static const double RAISE = 1.05;	/* the rate, each second, ... */
static const double LOWER = 0.8;	/* ... until there is throttling */

/* ---- requests ----------------------------------------------------------- */

static struct push_request *
new_request(struct push *p, struct err *err)
{
	struct push_request *r = p->spare;

	if (r != NULL) {
		p->spare = r->next;
	} else {
		r = calloc(1, sizeof(*r));
		if (r == NULL) {
			err_set(err, ERR_SYSTEM, "out of memory");
			return NULL;
		}
		r->all = p->all;
		p->all = r;
	}
	buf_reset(&r->body);
	r->n = r->tries = 0;
	r->due = 0;
	r->alone = false;
	r->next = NULL;
	if (!push_is_single(p) &&
	    buf_append(&r->body, buf_span(&p->prefix), err) != 0) {
		r->next = p->spare;
		p->spare = r;
		return NULL;
	}
	return r;
}

static void
give_back(struct push *p, struct push_request *r)
{
	r->next = p->spare;
	p->spare = r;
}

/* One more write at the end of a body. */
static int
add(struct push *p, struct push_request *r, const struct push_item *i,
    struct err *err)
{
	static const char PUT[] = "{\"PutRequest\":{\"Item\":";
	static const char DELETE[] = "{\"DeleteRequest\":{\"Key\":";
	struct push_slot *const slot = &r->slots[r->n];
	struct buf *const b = &r->body;
	int rc = 0;

	if (r->n > 0)
		rc = buf_append(b, span_of(","), err);
	if (rc == 0 && !push_is_single(p))
		rc = buf_append(b, i->gone
				? (struct span){ (const uint8_t *)DELETE,
						 sizeof(DELETE) - 1 }
				: (struct span){ (const uint8_t *)PUT,
						 sizeof(PUT) - 1 }, err);
	*slot = (struct push_slot){
		.at = b->len, .len = i->json.len, .key = i->key,
		.tag = i->tag, .call = i->call, .units = i->units,
		.known = i->known,
		.gone = i->gone,
	};
	if (rc == 0)
		rc = buf_append(b, i->json, err);
	if (rc == 0 && !push_is_single(p))
		rc = buf_append(b, span_of("}}"), err);
	r->n += rc == 0;
	return rc;
}

static struct push_item
item_of(const struct push_request *r, const struct push_slot *s)
{
	return (struct push_item){
		.json = { r->body.ptr + s->at, s->len }, .key = s->key,
		.call = s->call, .units = s->units, .gone = s->gone,
		.tag = s->tag, .known = s->known,
	};
}

/* A put on condition that there is no such item. */
static int
write_put(struct push *p, struct push_request *r, const struct push_item *item,
	  struct err *err)
{
	struct buf *const b = &r->body;

	if (buf_append(b, span_of("{\"TableName\":"), err) != 0 ||
	    json_quote(span_of(p->o.table), b, err) != 0 ||
	    buf_append(b, span_of(",\"ConditionExpression\":"
		"\"attribute_not_exists(#k)\",\"ExpressionAttributeNames\":"
		"{\"#k\":"), err) != 0 ||
	    json_quote(p->o.pk, b, err) != 0 ||
	    buf_append(b, span_of("},\"Item\":"), err) != 0 ||
	    add(p, r, item, err) != 0)
		return -1;
	return buf_append(b, span_of("}"), err);
}

/* A new request of items of `r`: those that are left, or just number `one`. */
static int
requeue(struct push *p, const struct push_request *r, int one, uint64_t due,
	struct err *err)
{
	struct push_request *const again = new_request(p, err);

	if (again == NULL)
		return -1;
	for (unsigned i = 0; i < r->n; i++) {
		const struct push_item item = item_of(r, &r->slots[i]);

		if ((one < 0 ? r->slots[i].left : i == (unsigned)one) &&
		    (p->o.only_new ? write_put(p, again, &item, err)
		     : add(p, again, &item, err)) != 0)
			return -1;
	}
	if (!push_is_single(p) &&
	    buf_append(&again->body, span_of("]}}"), err) != 0)
		return -1;
	again->tries = r->tries;
	again->alone = one >= 0;
	again->due = due;
	again->next = p->waiting;
	p->waiting = again;
	return 0;
}

/* ---- the rate ----------------------------------------------------------- */

/*
 * What the table is provisioned with is where the rate starts.  It has more
 * saved up, or is scaled up by somebody, as long as it takes more.
 */
static void
raise_rate(struct push *p)
{
	const uint64_t now = http_clock();

	if (p->o.wcu == 0 || !p->held_back || now - p->raised_at < 1000)
		return;
	p->held_back = false;
	p->raised_at = now;
	p->rate *= RAISE;
	if (p->o.max_wcu > 0 && p->rate > (double)p->o.max_wcu)
		p->rate = (double)p->o.max_wcu;
}

/* At once down to what it has for sure; less if others use it too. */
static void
lower_rate(struct push *p)
{
	if (p->o.wcu == 0)
		return;
	p->rate = p->rate > (double)p->o.wcu ? (double)p->o.wcu
		: p->rate * LOWER < 1 ? 1 : p->rate * LOWER;
	p->raised_at = http_clock();
	p->held_back = false;
}

static void
faster(struct push *p)
{
	const double most = p->o.most > 0 ? p->o.most : PUSH_MOST;

	p->window += p->window < p->threshold ? 1 : 1 / p->window;
	if (p->window > most)
		p->window = most;
	raise_rate(p);
}

static void
slower(struct push *p)
{
	const uint64_t now = http_clock();

	p->stats.throttled++;
	if (now - p->cut_at < CUT_MS)	/* those of the same moment */
		return;
	p->cut_at = now;
	p->window = p->window * CUT < 1 ? 1 : p->window * CUT;
	p->threshold = p->window;
	lower_rate(p);
}

/* May so many units go now?  A request may overdraw; the next then waits. */
static bool
may_spend(struct push *p)
{
	const uint64_t now = http_clock();

	if (p->rate <= 0)
		return true;
	p->tokens += (double)(now - p->tokens_at) / 1000 * p->rate;
	p->tokens_at = now;
	if (p->tokens > p->rate)
		p->tokens = p->rate;
	p->held_back |= p->tokens <= 0;
	return p->tokens > 0;
}

/* ---- answers ------------------------------------------------------------ */

static int
tell(struct push *p, struct push_request *r, bool existed, struct err *err)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct push_item item = item_of(r, &r->slots[i]);

		if (!r->slots[i].left &&
		    p->o.accepted(p->o.context, &item, existed, err) != 0)
			return -1;
	}
	return 0;
}

/* Part or all of it goes again, some time later. */
static int
again(struct push *p, struct push_request *r, bool progress, struct err *err)
{
	r->tries = progress ? 1 : r->tries + 1;
	slower(p);
	if (r->tries > MOST_TRIES)
		return err_set(err, ERR_RETRY, "table '%s' took nothing in %d "
			       "attempts: %.300s", p->o.table, MOST_TRIES,
			       r->call.why.code != ERR_NONE
			       ? r->call.why.text : "nothing was processed");
	return requeue(p, r, -1, http_clock() +
		       backoff_ms(&p->backoff, r->tries), err);
}

/* The service refuses: one item, or one among several. */
static int
refused(struct push *p, struct push_request *r, struct err *err)
{
	if (r->n == 1) {
		const struct push_item item = item_of(r, &r->slots[0]);

		return p->o.refused(p->o.context, &item, r->call.why.text, err);
	}
	for (unsigned i = 0; i < r->n; i++)
		if (requeue(p, r, (int)i, 0, err) != 0)
			return -1;
	return 0;
}

static int
settle(struct push *p, struct push_request *r, struct err *err)
{
	const struct service_call *const c = &r->call;
	unsigned left = 0;

	for (unsigned i = 0; i < r->n; i++)
		r->slots[i].left = true;
	if (strcmp(c->code, "ConditionalCheckFailedException") == 0) {
		r->slots[0].left = false;
		return tell(p, r, true, err);
	}
	if (strcmp(c->code, "ValidationException") == 0)
		return refused(p, r, err);
	if (c->throttled)
		return again(p, r, false, err);
	if (c->why.code != ERR_NONE) {
		*err = c->why;
		return err_at(err, "table '%s'", p->o.table);
	}
	if (push_read_answer(p, r, err) != 0)
		return -1;
	for (unsigned i = 0; i < r->n; i++)
		left += r->slots[i].left;
	if (tell(p, r, false, err) != 0)
		return -1;
	p->stats.unprocessed += left;
	if (left > 0)
		return again(p, r, left < r->n, err);
	faster(p);
	return 0;
}

/* ---- sending ------------------------------------------------------------ */

static int
send_request(struct push *p, struct push_request *r, struct err *err)
{
	r->call.throttle_is_mine = true;
	r->call.owner = r;
	dynamodb_prepare(&r->call, p->o.calls ? r->slots[0].call
			 : p->o.only_new ? "PutItem" : "BatchWriteItem",
			 buf_span(&r->body));
	for (unsigned i = 0; i < r->n; i++) {
		p->tokens -= r->slots[i].units;
		p->stats.units += r->slots[i].units;
	}
	p->stats.requests++;
	if (service_send(p->service, &r->call, err) != 0) {
		give_back(p, r);
		return -1;
	}
	p->in_flight++;
	return 0;
}

/* Whatever has come; -1 at the first that cannot be made good. */
static int
drive(struct push *p, int ms, struct err *err)
{
	struct service_call *c;

	p->sent = 0;
	if (service_drive(p->service, ms, err) != 0)
		return -1;
	while ((c = service_finished(p->service)) != NULL) {
		struct push_request *const r = c->owner;
		int rc;

		p->in_flight--;
		rc = settle(p, r, err);
		give_back(p, r);
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* The request whose time has come, off the list; or NULL. */
static struct push_request *
take_due(struct push *p)
{
	const uint64_t now = http_clock();

	for (struct push_request **at = &p->waiting; *at != NULL;
	     at = &(*at)->next)
		if ((*at)->due <= now) {
			struct push_request *const r = *at;

			*at = r->next;
			r->next = NULL;
			return r;
		}
	return NULL;
}

/*
 * libcurl looks at every connection whenever it looks at one: once the window
 * is full, an eighth of it is to be free again before more is sent.
 */
static bool
has_room(struct push *p)
{
	const unsigned window = (unsigned)p->window;

	if (p->in_flight >= window)
		p->full = true;
	else if (p->in_flight <= window - window / 8)
		p->full = false;
	return !p->full && p->in_flight < window;
}

/*
 * Send what is due, as far as window and rate allow.  Returns 1 if nothing of
 * that is left and there is room for one more, 0, or -1.
 */
static int
send_due(struct push *p, struct err *err)
{
	while (has_room(p) && may_spend(p)) {
		struct push_request *const r = take_due(p);

		if (r == NULL)
			return 1;
		if (send_request(p, r, err) != 0)
			return -1;
	}
	return 0;
}

/* Send the request that was filled; waits for room. */
static int
send_filled(struct push *p, struct err *err)
{
	struct push_request *const r = p->filling;
	int rc = 0;

	if (r == NULL || r->n == 0)
		return 0;
	if (!push_is_single(p) && buf_append(&r->body, span_of("]}}"), err) != 0)
		return -1;
	while ((rc = send_due(p, err)) == 0)
		if (drive(p, p->in_flight > 0 ? SLICE_MS : 5, err) != 0)
			return -1;
	if (rc < 0)
		return -1;
	p->filling = NULL;
	if (send_request(p, r, err) != 0)
		return -1;
	return ++p->sent < DRIVE_EVERY ? 0 : drive(p, 0, err);
}

/* ---- from outside ------------------------------------------------------- */

static int
write_prefix(struct push *p, struct err *err)
{
	const int rc = buf_append(&p->prefix, span_of("{\"RequestItems\":{"),
				  err);

	if (rc != 0 || json_quote(span_of(p->o.table), &p->prefix, err) != 0)
		return -1;
	return buf_append(&p->prefix, span_of(":["), err);
}

struct push *
push_new(struct service *s, const struct push_options *o, struct err *err)
{
	struct push *const p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->service = s;
	p->o = *o;
	p->window = GENTLE;
	p->threshold = o->most > 0 ? o->most : PUSH_MOST;
	p->rate = (double)(o->wcu > 0 && (o->max_wcu == 0 || o->wcu <
					  o->max_wcu) ? o->wcu : o->max_wcu);
	p->tokens_at = p->raised_at = http_clock();
	p->tokens = p->rate / 10;
	backoff_start(&p->backoff, FIRST_MS, MOST_MS);
	if (write_prefix(p, err) == 0)
		return p;
	push_free(p);
	return NULL;
}

static bool
has_key(const struct push_request *r, struct keyhash key)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->slots[i].key.lo == key.lo && r->slots[i].key.hi == key.hi)
			return true;
	return false;
}

int
push_put(struct push *p, const struct push_item *item, struct err *err)
{
	const struct push_request *const r = p->filling;

	if (r != NULL && (r->n == PUSH_ITEMS || push_is_single(p) ||
			  r->body.len + item->json.len > PUSH_LEN ||
			  has_key(r, item->key)) && send_filled(p, err) != 0)
		return -1;
	if (p->filling == NULL) {
		p->filling = new_request(p, err);
		if (p->filling == NULL)
			return -1;
	}
	return p->o.only_new ? write_put(p, p->filling, item, err)
		: add(p, p->filling, item, err);
}

int
push_flush(struct push *p, struct err *err)
{
	if (send_filled(p, err) != 0)
		return -1;
	while (p->in_flight > 0 || p->waiting != NULL)
		if (send_due(p, err) < 0 ||
		    drive(p, p->in_flight > 0 ? SLICE_MS : 5, err) != 0)
			return -1;
	return 0;
}

void
push_free(struct push *p)
{
	if (p == NULL)
		return;
	while (p->all != NULL) {
		struct push_request *const r = p->all;

		p->all = r->all;
		service_stop(p->service, &r->call);
		service_call_free(&r->call);
		buf_free(&r->body);
		free(r);
	}
	buf_free(&p->prefix);
	free(p);
}

struct push_stats
push_stats(const struct push *p)
{
	struct push_stats s = p->stats;

	s.in_flight = p->window;
	return s;
}
