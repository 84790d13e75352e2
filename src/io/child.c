#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	PIPE_LEN = 1024 * 1024,	/* asked for: fewer turns between the two */
	READ_LEN = 256 * 1024,
	TURN = 100,		/* milliseconds between looks at `cancel` */
	PATIENCE = 2000,	/* milliseconds for it to end by itself */
	NAP = 2,
};

struct child {
	pid_t pid;
	int in, out;		/* ours: to write to, -1: closed; to read */
	bool ended;
	siginfo_t how;		/* if it ended */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- start --------------------------------------------------------------- */

static void
close_both(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* What it begins with: descriptors, folder, signals, group.  0 or errno. */
static int
spawn(pid_t *pid, const char *const *argv, const char *const *env,
      const char *folder, int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
				 POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawn_file_actions_adddup2(&files, in, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (rc == 0 && folder != NULL && folder[0] != '\0')
		rc = posix_spawn_file_actions_addchdir_np(&files, folder);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &files, &attr,
				  (char *const *)(uintptr_t)argv,
				  (char *const *)(uintptr_t)env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

struct child *
child_start(const char *const *argv, const char *const *env,
	    const char *folder, struct err *err)
{
	struct child *const c = calloc(1, sizeof(*c));
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };

	if (c == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
	    fcntl(in[1], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) != 0) {
		err_set(err, ERR_SYSTEM, "a pipe to '%s': %m", argv[0]);
		goto failed;
	}
	/* Not every user may have so much, and less does as well. */
	fcntl(in[1], F_SETPIPE_SZ, PIPE_LEN);
	fcntl(out[0], F_SETPIPE_SZ, PIPE_LEN);

	errno = spawn(&c->pid, argv, env, folder, in[0], out[1]);
	if (errno != 0) {
		err_set(err, ERR_SYSTEM, "'%s': %m%s", argv[0],
			errno == ENOENT ? "; is it there, and on the PATH?"
					: "");
		goto failed;
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
	return c;
failed:
	close_both(in);
	close_both(out);
	free(c);
	return NULL;
}

/* ---- both ways ----------------------------------------------------------- */

/*
 * write(), but where nobody reads that is an answer and no signal: the thread
 * takes the signal itself.
 */
static ssize_t
write_some(int fd, struct span bytes)
{
	const struct timespec at_once = { 0, 0 };
	sigset_t pipe, before;
	ssize_t n;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	n = write(fd, bytes.ptr, bytes.len);
	if (n < 0 && errno == EPIPE) {
		sigtimedwait(&pipe, NULL, &at_once);
		errno = EPIPE;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

/* Returns 1 if it took some, 0 or -1. */
static int
give(struct child *c, struct span *out, struct err *err)
{
	const ssize_t n = write_some(c->in, *out);

	if (n >= 0) {
		out->ptr += n;
		out->len -= (size_t)n;
		return n > 0;
	}
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != EPIPE)
		return err_set(err, ERR_SYSTEM, "writing to a program: %m");
	/* It takes no more; what it has to say is read to the end. */
	close(c->in);
	c->in = -1;
	return 0;
}

/* Returns 1 if it gave some, 0 if not now, -1; *end at its end. */
static int
take(struct child *c, struct buf *in, bool *end, struct err *err)
{
	uint8_t *const to = buf_reserve(in, READ_LEN, err);

	if (to == NULL)
		return -1;
	const ssize_t n = read(c->out, to, READ_LEN);
	if (n > 0)
		buf_commit(in, (size_t)n);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_set(err, ERR_SYSTEM, "reading from a program: %m");
	*end = n == 0;
	return n > 0;
}

int
child_exchange(struct child *c, struct span *out, struct buf *in,
	       unsigned seconds, const atomic_bool *cancel, struct err *err)
{
	const int64_t until = now_ms() + (int64_t)seconds * 1000;
	bool end = false;

	for (;;) {
		const bool wants = out->len > 0 && c->in >= 0;
		struct pollfd p[2] = {
			{ .fd = c->out, .events = POLLIN },
			{ .fd = wants ? c->in : -1, .events = POLLOUT },
		};
		int gave = 0, took = 0;

		if (poll(p, 2, TURN) < 0 && errno != EINTR)
			return err_set(err, ERR_SYSTEM, "waiting for a "
				       "program: %m");
		if (p[1].revents != 0)
			gave = give(c, out, err);
		if (gave >= 0 && p[0].revents != 0)
			took = take(c, in, &end, err);
		if (gave < 0 || took < 0)
			return -1;
		if (end)
			return 0;
		if (gave > 0 || took > 0)
			return 1;
		if (cancel != NULL && atomic_load(cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (now_ms() >= until)
			return err_set(err, ERR_RETRY, "nothing for %u s",
				       seconds);
	}
}

bool
child_has_more(const struct child *c)
{
	struct pollfd p = { .fd = c->out, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
}

/* ---- end ----------------------------------------------------------------- */

/* Wait so long for it to end.  It is not yet forgotten: its number is taken. */
static bool
await(struct child *c, int64_t ms)
{
	const int64_t until = now_ms() + ms;
	const struct timespec nap = { 0, NAP * 1000000 };

	while (!c->ended) {
		c->how.si_pid = 0;
		c->ended = waitid(P_PID, (id_t)c->pid, &c->how,
				  WEXITED | WNOHANG | WNOWAIT) == 0 &&
			   c->how.si_pid == c->pid;
		if (c->ended || now_ms() >= until)
			break;
		nanosleep(&nap, NULL);
	}
	return c->ended;
}

void
child_tell(struct child *c, char *text, size_t len)
{
	if (!await(c, PATIENCE))
		snprintf(text, len, "closed its output");
	else if (c->how.si_code == CLD_EXITED)
		snprintf(text, len, "ended with status %d", c->how.si_status);
	else
		snprintf(text, len, "was ended by signal %d (%s)",
			 c->how.si_status, sigdescr_np(c->how.si_status));
}

void
child_stop(struct child *c, bool now)
{
	if (c == NULL)
		return;
	if (c->in >= 0)
		close(c->in);
	close(c->out);
	await(c, now ? 0 : PATIENCE);
	/* It, or what it started and left behind. */
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(c);
}
