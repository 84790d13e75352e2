/* commands.h - the commands; each returns its exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdatomic.h>

struct options;

/* Set by SIGINT and SIGTERM. */
extern atomic_bool commands_cancel;

int command_run(const struct options *o);
int command_check(const struct options *o);
int command_init(const struct options *o);
int command_analyze(const struct options *o);
int command_merge(const struct options *o);
int command_cat(const struct options *o);
int command_bench(const struct options *o);
int command_diff(const struct options *o);
int command_validate(const struct options *o);
int command_reverse(const struct options *o);
int command_migrate(const struct options *o);
int command_test(const struct options *o);

/* test --write of migrate: what it shows is kept in the job; 1 only if an item
 * was refused or read back different. */
int command_test_job(const struct options *o);
int command_lookup(const struct options *o);
int command_status(const struct options *o);
int command_push(const struct options *o);
int command_rollback(const struct options *o);
int command_tables(const struct options *o);
int command_backup(const struct options *o);
int command_restore(const struct options *o);
int command_export(const struct options *o);
int command_import(const struct options *o);
int command_pitr(const struct options *o);
int command_create_backup(const struct options *o);
int command_whoami(const struct options *o);

#endif
