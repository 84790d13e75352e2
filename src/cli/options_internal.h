/* options_internal.h - what the parts of the command line's reader share. */
#ifndef CLI_OPTIONS_INTERNAL_H
#define CLI_OPTIONS_INTERNAL_H

struct err;
struct options;

/*
 * Refuse what was given and is not of this command.  Returns 0, or -1 with
 * ERR_USAGE.
 */
int options_check(const struct options *o, const char *command,
		  struct err *err);

#endif
