/* help_internal.h - the texts of help that stand in files of their own. */
#ifndef CLI_HELP_INTERNAL_H
#define CLI_HELP_INTERNAL_H

/* help_aws.c: the commands that go to AWS. */
extern const char help_push[];
extern const char help_tables[];
extern const char help_whoami[];

/* help_migrate.c: the migration as a whole. */
extern const char help_migrate[];
extern const char help_status[];

/* help_rollback.c */
extern const char help_rollback[];

/* help_reverse.c */
extern const char help_reverse[];

/* help_merge.c */
extern const char help_merge[];

#endif
