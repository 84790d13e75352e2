/*
 * environment.h - the variables that AWS's programs look at: the process's, and
 * before them those of --env-file; and where temporary files go.
 */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

struct err;
struct options;
struct side_options;

/*
 * Read a dotenv file: lines of NAME=VALUE, perhaps with `export` in front,
 * quotes around the value, or a comment behind it.  Only AWS_* of it is taken;
 * with an access key id in it, none of the process's keys and profile count.
 * Returns 0 or -1.
 */
int environment_read(const char *path, struct err *err);

/* A variable, or NULL. */
const char *environment_variable(void *context, const char *name);

/* The folder of files without names: TMPDIR, or /tmp. */
const char *environment_tmp(void);

/* The command line says how AWS is reached; reads --env-file.  0 or -1. */
int environment_open(const struct options *o, struct err *err);

/* How sides are opened then. */
const struct side_options *environment_side(void);

#endif
