/*
 * err.h - one error, carried from where it happened to where it is reported.
 *
 * A function that can fail takes a `struct err *` last and returns 0 or -1, or
 * a pointer or NULL.  Whoever first sees the failure says what it is; callers
 * that know where it happened add that in front.  Only the command line prints.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* What went wrong, sorted by what the caller can do about it. */
enum err_code {
	ERR_NONE = 0,
	ERR_USAGE,	/* ask differently */
	ERR_INPUT,	/* skip or divert the input: it is damaged or foreign */
	ERR_LIMIT,	/* raise a limit: the input is sound but too big */
	ERR_SYSTEM,	/* stop: the machine refused memory, disk or files */
	ERR_REMOTE,	/* stop: the service refused for good */
	ERR_RETRY,	/* try again: the service is busy or unreachable */
	ERR_CANCELLED,	/* nothing: somebody else failed first */
	ERR_REFUSED,	/* confirm, or choose another target, account or job */
};

struct err {
	enum err_code code;
	char text[508];
};

/* Record an error.  Always returns -1, so callers can return its result. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "<where>: " in front of a recorded error.  Always returns -1. */
int err_at(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Put "; <what to do now>" behind a recorded error, or ", or <what to do now>"
 * if it says something to do already.  Always returns -1.
 */
int err_advise(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
