#include "aws/http.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "aws/curl.h"

enum {
	CONNECT_S = 10,
	STALL_S = 30,
	LOOK_MS = 500,		/* between two looks for stalled calls */
	EVENTS = 64,		/* taken at once */
	MOST_CONNECTIONS = 256,
	MOST_LINES = 24,	/* of headers */
	LONG_BODY = 4096,
};

/* One of libcurl's, with all that does not change from call to call. */
struct http_handle {
	CURL *easy;
	struct curl_slist lines[MOST_LINES];	/* of headers */
};

struct http {
	const struct curl_functions *curl;
	struct http_options options;
	CURLM *multi;
	int epoll;
	bool timed;		/* libcurl wants to be called ... */
	uint64_t due;		/* ... at this moment */
	struct http_handle **spare;
	size_t nspare, spare_cap;
	uint64_t looked;	/* when */
	struct http_call *busy, *finished, **finished_end;
};

uint64_t
http_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what libcurl waits for --------------------------------------------- */

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *context,
	     void *unused)
{
	struct http *const h = context;
	struct epoll_event e = { .data.fd = fd };

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		e.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		e.events |= EPOLLOUT;
	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ||
	       (errno == EEXIST &&
		epoll_ctl(h->epoll, EPOLL_CTL_MOD, fd, &e) == 0) ? 0 : -1;
}

static int
watch_timer(CURLM *multi, long ms, void *context)
{
	struct http *const h = context;

	(void)multi;
	h->timed = ms >= 0;
	h->due = http_clock() + (ms > 0 ? (uint64_t)ms : 0);
	return 0;
}

static void
watch(struct http *h)
{
	const struct curl_functions *const f = h->curl;

	f->multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
			(long)MOST_CONNECTIONS);
	f->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	f->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	f->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	f->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
}

struct http *
http_new(const struct http_options *o, struct err *err)
{
	const struct curl_functions *const curl = curl_load(err);
	struct http *const h = curl == NULL ? NULL : calloc(1, sizeof(*h));

	if (h == NULL) {
		if (curl != NULL)
			err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	h->curl = curl;
	h->options = *o;
	h->finished_end = &h->finished;
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->multi = h->epoll < 0 ? NULL : curl->multi_init();
	if (h->multi == NULL) {
		if (h->epoll < 0)
			err_set(err, ERR_SYSTEM, "cannot wait for sockets: %m");
		else
			err_set(err, ERR_SYSTEM, "out of memory");
		if (h->epoll >= 0)
			close(h->epoll);
		free(h);
		return NULL;
	}
	watch(h);
	return h;
}

static void
free_handle(struct http *h, struct http_handle *e)
{
	h->curl->easy_cleanup(e->easy);
	free(e);
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	while (h->busy != NULL)
		http_stop(h->busy);
	for (size_t i = 0; i < h->nspare; i++)
		free_handle(h, h->spare[i]);
	free(h->spare);
	h->curl->multi_cleanup(h->multi);
	close(h->epoll);
	free(h);
}

/* ---- what libcurl calls ------------------------------------------------- */

static size_t
take_body(char *bytes, size_t one, size_t n, void *context)
{
	struct http_call *const c = context;
	const struct span s = { (const uint8_t *)bytes, one * n };
	const size_t limit = c->limit > 0 ? c->limit : HTTP_ANSWER_LEN;
	long status = 0;

	c->http->curl->easy_getinfo(c->handle->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->take != NULL && status / 100 == 2)
		return c->take(c, s) ? s.len : c->why.code != ERR_NONE ? 0
			: CURL_WRITEFUNC_PAUSE;
	if (s.len > limit - c->answer.len) {
		err_set(&c->why, ERR_LIMIT, "the answer has more than %zu "
			"bytes", limit);
		return 0;
	}
	return buf_append(&c->answer, s, &c->why) == 0 ? s.len : 0;
}

/* A line of the headers.  Those of the last answer count. */
static size_t
take_field(char *bytes, size_t one, size_t n, void *context)
{
	struct http_call *const c = context;
	const struct span s = { (const uint8_t *)bytes, one * n };

	if (s.len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
		buf_reset(&c->fields);
	if (s.len > HTTP_HEADERS_LEN - c->fields.len) {
		err_set(&c->why, ERR_LIMIT, "the answer's headers have more "
			"than %d bytes", HTTP_HEADERS_LEN);
		return 0;
	}
	return buf_append(&c->fields, s, &c->why) == 0 ? s.len : 0;
}

/* ---- a call ------------------------------------------------------------- */

static CURL *
new_easy(const struct http *h)
{
	const struct curl_functions *const f = h->curl;
	const struct http_options *const o = &h->options;
	CURL *const e = f->easy_init();

	if (e == NULL)
		return NULL;
	f->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	f->easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	f->easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	f->easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	f->easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	f->easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	f->easy_setopt(e, CURLOPT_USERAGENT, "dynamill");
	f->easy_setopt(e, CURLOPT_CONNECTTIMEOUT,
		       (long)(o->connect_s > 0 ? o->connect_s : CONNECT_S));
	f->easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	f->easy_setopt(e, CURLOPT_HEADERFUNCTION, take_field);
	if (o->ca_bundle != NULL)
		f->easy_setopt(e, CURLOPT_CAINFO, o->ca_bundle);
	if (o->direct)
		f->easy_setopt(e, CURLOPT_PROXY, "");
	return e;
}

static struct http_handle *
take_handle(struct http *h, struct err *err)
{
	struct http_handle *e;

	if (h->nspare > 0)
		return h->spare[--h->nspare];
	e = calloc(1, sizeof(*e));
	if (e != NULL)
		e->easy = new_easy(h);
	if (e != NULL && e->easy != NULL)
		return e;
	free(e);
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

static void
give_handle(struct http *h, struct http_handle *e)
{
	if (h->nspare == h->spare_cap) {
		const size_t cap = 2 * h->spare_cap + 8;
		struct http_handle **const more = realloc(h->spare,
							  cap * sizeof(*more));

		if (more == NULL) {
			free_handle(h, e);
			return;
		}
		h->spare = more;
		h->spare_cap = cap;
	}
	h->spare[h->nspare++] = e;
}

/* Take it off the handles and off the list. */
static void
detach(struct http_call *c)
{
	struct http *const h = c->http;

	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	h->curl->multi_remove_handle(h->multi, c->handle->easy);
	give_handle(h, c->handle);
	c->handle = NULL;
	c->busy = false;
	c->next = NULL;
}

/*
 * Our headers, and none of those that libcurl adds by itself.  It neither
 * copies nor frees the list: its nodes are the handle's, its texts the call's.
 */
static int
list_headers(const struct http_call *c, struct err *err)
{
	static char EXPECT[] = "Expect:", TYPE[] = "Content-Type:";
	struct curl_slist *const lines = c->handle->lines;
	bool typed = false;
	size_t n = 1;

	lines[0].data = EXPECT;
	for (size_t at = 0; c->headers != NULL && at < c->headers->len; n++) {
		char *const line = (char *)c->headers->ptr + at;

		if (n == MOST_LINES - 1)
			return err_set(err, ERR_LIMIT, "more than %d headers",
				       MOST_LINES - 2);
		lines[n].data = line;
		typed |= strncasecmp(line, "content-type:", 13) == 0;
		at += strlen(line) + 1;
	}
	if (!typed)
		lines[n++].data = TYPE;
	for (size_t i = 0; i < n; i++)
		lines[i].next = i + 1 < n ? &lines[i + 1] : NULL;
	return 0;
}

/* What is asked. */
static int
set_up(struct http_call *c, struct err *err)
{
	const struct curl_functions *const f = c->http->curl;
	CURL *const e = c->handle->easy;
	const bool head = strcmp(c->method, "HEAD") == 0;
	const bool get = strcmp(c->method, "GET") == 0;

	if (list_headers(c, err) != 0)
		return -1;
	if (f->easy_setopt(e, CURLOPT_URL, c->url) != CURLE_OK)
		return err_set(err, ERR_SYSTEM, "out of memory");
	f->easy_setopt(e, CURLOPT_HTTPGET, 1L);
	f->easy_setopt(e, CURLOPT_NOBODY, head ? 1L : 0L);
	if (!head && (!get || c->body.len > 0)) {
		f->easy_setopt(e, CURLOPT_POST, 1L);
		f->easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			       (curl_off_t)c->body.len);
		f->easy_setopt(e, CURLOPT_POSTFIELDS,
			       c->body.len > 0 ? (const void *)c->body.ptr
			       : "");
	}
	/* It is allocated for each call; what is told much answers little. */
	f->easy_setopt(e, CURLOPT_BUFFERSIZE, c->body.len > LONG_BODY
		       ? 16L * 1024 : 128L * 1024);
	f->easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method);
	f->easy_setopt(e, CURLOPT_HTTPHEADER, c->handle->lines);
	f->easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	f->easy_setopt(e, CURLOPT_ERRORBUFFER, c->reason);
	f->easy_setopt(e, CURLOPT_PRIVATE, c);
	f->easy_setopt(e, CURLOPT_WRITEDATA, c);
	f->easy_setopt(e, CURLOPT_HEADERDATA, c);
	return 0;
}

int
http_start(struct http *h, struct http_call *c, struct err *err)
{
	buf_reset(&c->fields);
	buf_reset(&c->answer);
	c->status = 0;
	c->why = (struct err){ 0 };
	c->reason[0] = '\0';
	c->moved = c->idle_ms = 0;
	c->http = h;
	c->handle = take_handle(h, err);
	if (c->handle == NULL)
		return -1;
	if (set_up(c, err) != 0)
		goto failed;
	if (h->curl->multi_add_handle(h->multi, c->handle->easy) != CURLM_OK) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto failed;
	}
	c->busy = true;
	c->next = h->busy;
	c->at = &h->busy;
	if (c->next != NULL)
		c->next->at = &c->next;
	h->busy = c;
	return 0;
failed:
	give_handle(h, c->handle);
	c->handle = NULL;
	return -1;
}

void
http_stop(struct http_call *c)
{
	if (c->busy) {
		detach(c);
		return;
	}
	if (c->http == NULL)
		return;
	for (struct http_call **at = &c->http->finished; *at != NULL;
	     at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			if (*at == NULL)
				c->http->finished_end = at;
			return;
		}
}

void
http_resume(struct http_call *c)
{
	if (c->busy)
		c->http->curl->easy_pause(c->handle->easy, CURLPAUSE_CONT);
}

/* ---- driving ------------------------------------------------------------ */

/* What a failure means for whoever asked. */
static enum err_code
code_of(CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return ERR_USAGE;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_SSL_CACERT_BADFILE:
		return ERR_SYSTEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
		return ERR_REMOTE;
	default:
		return ERR_RETRY;
	}
}

static void
finish(struct http *h, struct http_call *c, CURLcode code)
{
	const char *const text = c->reason[0] != '\0' ? c->reason
		: h->curl->easy_strerror(code);
	long status = 0;

	h->curl->easy_getinfo(c->handle->easy, CURLINFO_RESPONSE_CODE, &status);
	c->status = (int)status;
	if (code != CURLE_OK && c->why.code == ERR_NONE)
		err_set(&c->why, code_of(code), "%.200s", text);
	detach(c);
	*h->finished_end = c;
	h->finished_end = &c->next;
}

/* Bytes of it that came or went. */
static uint64_t
moved(const struct http *h, const struct http_call *c)
{
	curl_off_t up = 0, down = 0;

	h->curl->easy_getinfo(c->handle->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	h->curl->easy_getinfo(c->handle->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	return (uint64_t)up + (uint64_t)down + c->fields.len;
}

/*
 * Give up calls of which nothing moves.  libcurl's own measure goes by the last
 * seconds' average, which takes it as many more to see.  Time in which nobody
 * drove is nobody's fault.
 */
static void
end_stalled(struct http *h)
{
	const unsigned stall_s = h->options.stall_s > 0 ? h->options.stall_s
		: STALL_S;
	const uint64_t now = http_clock(), since = now - h->looked;
	struct http_call *next;

	if (since < LOOK_MS)
		return;
	h->looked = now;
	for (struct http_call *c = h->busy; c != NULL; c = next) {
		const uint64_t n = moved(h, c);

		next = c->next;
		c->idle_ms = n != c->moved ? 0 : c->idle_ms +
			(unsigned)(since < 2 * LOOK_MS ? since : 2 * LOOK_MS);
		c->moved = n;
		if (c->idle_ms < stall_s * 1000)
			continue;
		err_set(&c->why, ERR_RETRY, "nothing came for %u seconds",
			stall_s);
		finish(h, c, CURLE_OPERATION_TIMEDOUT);
	}
}

/* Let libcurl see to what is ready, and to what it waited for long enough. */
static CURLMcode
act(struct http *h, int ms)
{
	const struct curl_functions *const f = h->curl;
	struct epoll_event events[EVENTS];
	CURLMcode code = CURLM_OK;
	int running = 0, n;

	if (h->timed) {
		const uint64_t now = http_clock();

		if (h->due < now + (uint64_t)ms)
			ms = h->due > now ? (int)(h->due - now) : 0;
	}
	n = epoll_wait(h->epoll, events, EVENTS, ms);
	for (int i = 0; i < n && code == CURLM_OK; i++) {
		const uint32_t e = events[i].events;

		code = f->multi_socket_action(h->multi, events[i].data.fd,
			(e & EPOLLIN ? CURL_CSELECT_IN : 0) |
			(e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			(e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
			&running);
	}
	if (code == CURLM_OK && h->timed && h->due <= http_clock()) {
		h->timed = false;
		code = f->multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0,
					      &running);
	}
	return code;
}

int
http_drive(struct http *h, int ms, struct err *err)
{
	const struct curl_functions *const f = h->curl;
	const CURLMcode code = act(h, h->finished == NULL ? ms : 0);
	int left = 0;
	CURLMsg *m;

	while ((m = f->multi_info_read(h->multi, &left)) != NULL) {
		const CURLcode result = m->data.result;
		void *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		f->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		finish(h, c, result);
	}
	end_stalled(h);
	return code == CURLM_OK ? 0 : err_set(err, ERR_SYSTEM, "libcurl: %s",
					      f->multi_strerror(code));
}

struct http_call *
http_finished(struct http *h)
{
	struct http_call *const c = h->finished;

	if (c == NULL)
		return NULL;
	h->finished = c->next;
	if (h->finished == NULL)
		h->finished_end = &h->finished;
	c->next = NULL;
	return c;
}

int
http_fetch(struct http *h, struct http_call *c, struct err *err)
{
	if (http_start(h, c, err) != 0)
		return -1;
	while (c->busy)
		if (http_drive(h, 1000, err) != 0) {
			http_stop(c);
			return -1;
		}
	http_stop(c);
	return 0;
}

/* ---- the answer --------------------------------------------------------- */

struct span
http_field(const struct http_call *c, const char *name)
{
	const size_t n = strlen(name);
	const char *at = (const char *)c->fields.ptr;
	const char *const end = at == NULL ? NULL : at + c->fields.len;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *const next = stop == NULL ? end : stop + 1;

		if (stop == NULL)
			stop = end;
		if ((size_t)(stop - at) > n && at[n] == ':' &&
		    strncasecmp(at, name, n) == 0) {
			at += n + 1;
			while (at < stop && isspace((unsigned char)*at))
				at++;
			while (stop > at && isspace((unsigned char)stop[-1]))
				stop--;
			return (struct span){ (const uint8_t *)at,
					      (size_t)(stop - at) };
		}
		at = next;
	}
	return (struct span){ NULL, 0 };
}

void
http_call_free(struct http_call *c)
{
	http_stop(c);
	buf_free(&c->fields);
	buf_free(&c->answer);
}
