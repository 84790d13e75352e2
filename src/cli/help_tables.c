/* help_tables.c - help of the commands that go to live tables. */
#include "cli/help_internal.h"

const char help_backup[] =
"usage: dynamill backup TABLE... -o DIR [OPTIONS]\n"
"\n"
"Reads live tables by parallel Scan into DIR/<table>/, in the layout of an\n"
"export with its manifests, so that DIR is a source for every command. For\n"
"tables without point-in-time recovery, and for DynamoDB Local. Interrupted\n"
"in any way, the same command goes on where it was.\n"
"\n"
"  -o DIR              where to; made if it is not there\n"
"  --max-rcu N         at most so many read units a second\n"
"  --consistent        strongly consistent reads, which take twice as many\n"
"  --threads N         segments read at once (8)\n"
"  --dry-run           look at the tables and read nothing\n"
SIDE_OPTIONS
"  --output text|json  how it is told\n"
"  --quiet             say nothing but errors\n"
"  --no-progress       no progress\n"
"\n"
"A Scan of a table that is written to is no state that it ever had: for that\n"
"there is dynamill export.\n"
"\n"
"Exit status: 0 done; 2 the command line is wrong; 4 the service failed, run\n"
"again; 5 there is no such table, or the folder is of another one; 130\n"
"interrupted, run again.\n";

const char help_restore[] =
"usage: dynamill restore DUMP... --table T [--job DIR] [OPTIONS]\n"
"       dynamill restore TABLE --into NAME [--to-time ISO] [OPTIONS]\n"
"       dynamill restore --backup ARN --into NAME [OPTIONS]\n"
"\n"
"With --table puts the items of a dump into a table that is there: a job in\n"
"DIR of the plan DIR.yaml, run and pushed, so the same command goes on where\n"
"it was, and rollback undoes it. With --into the service makes a new table of\n"
"another one's point-in-time recovery, or of a backup, and this waits until\n"
"it is there.\n"
"\n"
"  --table T           the table to put into\n"
"  --job DIR           the job's folder (./T.restore)\n"
"  --into NAME         the new table\n"
"  --to-time ISO       as it was then (now, as far as the service is)\n"
"  --backup ARN        what create-backup gave\n"
"  --no-wait           with --into: only begin\n"
"  --max-wcu N, --only-new, --into-existing, --no-undo, --yes, --confirm NAME\n"
"                      with --table, as of push\n"
"  --dry-run           look at everything, ask, and write nothing\n"
SIDE_OPTIONS
"  --output text|json  how it is told\n"
"  --quiet             say nothing but errors\n"
"  --no-progress       no progress\n"
"\n"
"Exit status: as of push.\n";

const char help_export[] =
"usage: dynamill export TABLE... --bucket NAME [OPTIONS]\n"
"\n"
"Has the service export tables to S3, waits until it is done, and prints the\n"
"s3:// address that other commands read it at. Takes no read units. Needs\n"
"point-in-time recovery, and says how to turn it on; it never does so itself.\n"
"\n"
"  --bucket NAME       where to\n"
"  --prefix PREFIX     ... and below what\n"
"  --bucket-owner ID   the account that the bucket is of\n"
"  --kms-key ID        encrypt with this key of KMS\n"
"  --as dynamodb-json|ion\n"
"                      the format (dynamodb-json)\n"
"  --to-time ISO       the table as it was then (now)\n"
"  --from-time ISO     an incremental export, from then to --to-time: 15\n"
"                      minutes to 24 hours\n"
"  --new-image         ... without the items as they were before\n"
"  --no-wait           only begin\n"
"  --dry-run           look whether they can be exported, and begin nothing\n"
SIDE_OPTIONS
"  --quiet             print the addresses and nothing else\n"
"  --no-progress       no progress\n"
"\n"
"Exit status: 0 done; 2 the command line is wrong; 4 the service failed; 5\n"
"there is no such table, or its recovery is off; 130 interrupted: the export\n"
"goes on by itself.\n";

const char help_pitr[] =
"usage: dynamill pitr status TABLE... [OPTIONS]\n"
"       dynamill pitr on TABLE... [--days N] [OPTIONS]\n"
"\n"
"Point-in-time recovery of tables: whether it is on, and how far it goes; or\n"
"turns it on, which costs by the size of the table.\n"
"\n"
"  --days N            how far it goes back, 1 to 35 (35)\n"
"  --dry-run           with on: only say how it is\n"
SIDE_OPTIONS
"  --quiet             with on: say nothing but errors\n"
"\n"
"Exit status: 0 done; 2 the command line is wrong; 4 the service failed.\n";

const char help_create_backup[] =
"usage: dynamill create-backup TABLE... [--name NAME] [OPTIONS]\n"
"\n"
"Has the service make a backup of each table, waits until it is there, and\n"
"prints its ARN, which restore takes.\n"
"\n"
"  --name NAME         what it is called (the table and the time)\n"
"  --dry-run           make none\n"
SIDE_OPTIONS
"  --quiet             print the ARNs and nothing else\n"
"\n"
"Exit status: 0 done; 2 the command line is wrong; 4 the service failed.\n";
