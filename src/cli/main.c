/* main.c - which command, and what the system tells the program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/err.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/help.h"
#include "cli/log.h"
#include "cli/options.h"
#include "engine/migrations.h"
#include "engine/place.h"
#include "formats/members.h"
#include "io/archive_feed.h"
#include "io/file.h"

atomic_bool commands_cancel;

static const struct {
	const char *name;
	int (*run)(const struct options *o);
} COMMANDS[] = {
	{ "init", command_init },
	{ "run", command_run },
	{ "check", command_check },
	{ "analyze", command_analyze },
	{ "merge", command_merge },
	{ "test", command_test },
	{ "lookup", command_lookup },
	{ "cat", command_cat },
	{ "diff", command_diff },
	{ "bench", command_bench },
	{ "validate", command_validate },
	{ "reverse", command_reverse },
	{ "whoami", command_whoami },
	{ "status", command_status },
	{ "migrate", command_migrate },
	{ "push", command_push },
	{ "rollback", command_rollback },
	{ "import", command_import },
	{ "tables", command_tables },
	{ "backup", command_backup },
	{ "restore", command_restore },
	{ "export", command_export },
	{ "pitr", command_pitr },
	{ "create-backup", command_create_backup },
};

enum { NCOMMANDS = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

/* Ask once; who asks again means it. */
static void
on_signal(int number)
{
	if (atomic_exchange(&commands_cancel, true)) {
		signal(number, SIG_DFL);
		raise(number);
	}
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	action.sa_flags = SA_RESTART;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);	/* writes tell */
	signal(SIGXFSZ, SIG_IGN);
}

/*
 * Without one of the three, a file of the job would get its number, and be read
 * as standard input or printed into.  So whoever closed one is told by the
 * first read or write, which fails.
 */
static void
hold_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(4);
}

/* Is standard output a pipe that nobody reads any more, as behind head(1)? */
static bool
reader_left(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
print_version(void)
{
	printf("dynamill %s (%s)\n", DYNAMILL_VERSION, cpu_name());
	return 0;
}

static int
print_help(const char *command)
{
	const char *const text = help_of(command);
	struct err err;

	if (text != NULL) {
		fputs(text, stdout);
		return 0;
	}
	err_set(&err, ERR_USAGE, "there is no command '%s'; see 'dynamill "
		"help'", command);
	return console_error(&err);
}

/*
 * Folders of migrations among the plans: their plans in their place.  Returns
 * 1, 0 if all of them were applied before, or -1.
 */
static int
find_migrations(struct options *o, const char *command, struct migrations *m,
		struct err *err)
{
	static const char *const takers[] = {
		"run", "analyze", "check", "test", "reverse", "migrate", NULL,
	};
	size_t i = 0;

	*m = (struct migrations){ .nplans = 0 };
	while (takers[i] != NULL && strcmp(takers[i], command) != 0)
		i++;
	if (takers[i] == NULL)
		return 1;
	if (migrations_find(m, o->args, o->nargs, o->after, err) != 0)
		return -1;
	o->args = m->plans;
	o->nargs = m->nplans;
	o->applied = m->applied;
	o->napplied = m->napplied;
	if (m->nbefore == 0 || m->nbefore < m->napplied)
		return 1;
	if (!o->quiet)
		printf("nothing to do: '%s' and the jobs before it applied all "
		       "%zu migrations\n", o->after, m->nbefore);
	return 0;
}

/* Run `name` with the words behind it. */
static int
run_command(size_t i, int argc, char **argv)
{
	struct migrations migrations;
	struct options options;
	struct err err;

	if (options_parse(&options, argc, argv, &err) != 0)
		return console_error(&err);
	if (options.help)
		return print_help(COMMANDS[i].name);
	if (options.log != NULL && log_open(options.log, options.log_items, &err) != 0)
		return console_error_anew(&err);
	if (environment_open(&options, &err) != 0)
		return console_error_anew(&err);
	place_usual(environment_side());
	archive_feed_limit(&(struct members_limits){
		.unpacked = options.max_unpacked, .ratio = options.max_ratio,
	});
	log_command(&options, argc, argv);
	catch_signals();

	const int rc = find_migrations(&options, COMMANDS[i].name, &migrations,
				       &err);
	const int status = log_close(rc < 0 ? console_error(&err)
				     : rc == 0 ? 0
				     : COMMANDS[i].run(&options));
	migrations_free(&migrations);
	place_close();
	return status;
}

int
main(int argc, char **argv)
{
	const char *const name = argc > 1 ? argv[1] : NULL;
	int status = -1;

	hold_standard_files();
	cpu_init(getenv("CPU_MASK"));
	file_raise_limit();
	if (name == NULL) {
		fputs(help_of(NULL), stderr);
		return 2;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
	    strcmp(name, "-h") == 0)
		status = print_help(argc <= 2 ? NULL : is_help(argv[2])
				    ? "help" : argv[2]);
	else if (strcmp(name, "version") == 0 ||
		 strcmp(name, "--version") == 0)
		status = argc > 2 && is_help(argv[2]) ? print_help("version")
						      : print_version();
	for (size_t i = 0; i < NCOMMANDS && status < 0; i++)
		if (strcmp(name, COMMANDS[i].name) == 0)
			status = run_command(i, argc - 1, argv + 1);
	if (status < 0)
		return print_help(name);

	/* What could not be written was not said, but to who left. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && !reader_left()) {
		perror("dynamill: standard output");
		return 4;
	}
	return status;
}
