/* help_internal.h - the texts of help that stand in files of their own. */
#ifndef CLI_HELP_INTERNAL_H
#define CLI_HELP_INTERNAL_H

#define SIDE_OPTIONS \
"  --profile NAME      a profile of the AWS CLI\n" \
"  --region NAME       a region of AWS\n" \
"  --endpoint-url URL  where the services are\n" \
"  --env-file FILE     AWS_* variables from a dotenv file\n" \
"  --read-timeout SECONDS\n" \
"                      give up a connection that moves nothing (30)\n"

/* help_aws.c: the commands that go to AWS. */
extern const char help_push[];
extern const char help_tables[];
extern const char help_whoami[];
extern const char help_import[];

/* help_tables.c: those that go to live tables. */
extern const char help_backup[];
extern const char help_restore[];
extern const char help_export[];
extern const char help_pitr[];
extern const char help_create_backup[];

/* help_migrate.c: the migration as a whole. */
extern const char help_migrate[];
extern const char help_status[];

/* help_rollback.c */
extern const char help_rollback[];

/* help_reverse.c */
extern const char help_reverse[];

/* help_bench.c */
extern const char help_bench[];

/* help_merge.c */
extern const char help_merge[];

#endif
