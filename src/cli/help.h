/* help.h - the words of `help`, `--help` and `version`. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#define DYNAMILL_VERSION "0.1.0"

/* The help of a command; of the program for NULL; NULL if there is none. */
const char *help_of(const char *command);

#endif
