/* help_aws.c - help of the commands that go to AWS. */
#include "cli/help_internal.h"

#define SIDE_OPTIONS \
"  --profile NAME      a profile of the AWS CLI\n" \
"  --region NAME       a region of AWS\n" \
"  --endpoint-url URL  where the services are\n" \
"  --env-file FILE     AWS_* variables from a dotenv file\n"

const char help_whoami[] =
"usage: dynamill whoami [PLAN...] [OPTIONS]\n"
"\n"
"Says whose credentials are found, where they are from, and what they reach:\n"
"without a plan the tables of the region, with one its source and its target,\n"
"the account that it wants and its tables. Changes nothing.\n"
"\n"
SIDE_OPTIONS
"  --stage NAME        a stage of the plan (or the variable STAGE)\n"
"\n"
"Credentials, region and endpoints are found as the AWS CLI finds them; what\n"
"the plan says of a side wins over these options. docs/AWS.md has all of it.\n"
"\n"
"Exit status: 0 all of it is reachable; 2 the command line or plan is wrong;\n"
"4 something is not; 5 it is the wrong account.\n";

const char help_push[] =
"usage: dynamill push --job DIR [OPTIONS]\n"
"\n"
"Puts what a finished run wrote into its target tables, which are there, are\n"
"ACTIVE, have the right key and are empty. Interrupted in any way, the same\n"
"command goes on where it was.\n"
"\n"
"  --job DIR           the job's folder\n"
"  --table T           only this target table; repeatable\n"
"  --update            backfill: the tables are those that were exported, and\n"
"                      live. Of each item only what the plan changed is\n"
"                      updated, if that still is as it was in the export\n"
"  --max-wcu N         at most so many write units a second\n"
"  --only-new          leave items that are there as they are\n"
"  --into-existing     write over items that are there, which go to DIR/undo\n"
"                      first\n"
"  --no-undo           ... without keeping them\n"
"  --yes               the first of two questions is answered\n"
"  --confirm NAME      ... and so is the second: the stage, the table, or the\n"
"                      target's environment\n"
"  --dry-run           look at everything, ask, and write nothing\n"
SIDE_OPTIONS
"  --output text|json  how it is told\n"
"  --quiet             say nothing but errors\n"
"  --no-progress       no progress\n"
"\n"
"What the service refuses for good goes to DIR/push/<table>.refused.jsonl.\n"
"The target's account is checked first, where the plan says one. docs/PUSH.md\n"
"has all of it.\n"
"\n"
"Exit status: 0 done; 1 done, with refused items, or with --update some that\n"
"were changed since the export; 2 the command line is\n"
"wrong; 3 the output is damaged; 4 the service failed, run again; 5 refused\n"
"or not confirmed; 130 interrupted, run again.\n";

const char help_tables[] =
"usage: dynamill tables create FILE... | --job DIR [OPTIONS]\n"
"       dynamill tables list [OPTIONS]\n"
"       dynamill tables describe TABLE... [OPTIONS]\n"
"       dynamill tables delete TABLE... [OPTIONS]\n"
"\n"
"create makes the tables of definitions, or the targets of a job by their\n"
"table.json, and waits until they are ACTIVE; then TTL and point-in-time\n"
"recovery. One that is there with the same key is fine, with another it\n"
"fails. A definition is CreateTable input, or what describe-table prints.\n"
"\n"
"  --job DIR           a job: its targets, and where its plan says they are\n"
"  --yes               delete: the first of two questions is answered\n"
"  --confirm NAME      ... and so is the second: the first table's name, or\n"
"                      the stage\n"
SIDE_OPTIONS
"  --quiet             say nothing but errors\n"
"\n"
"Exit status: 0 done; 2 the command line is wrong; 3 a definition is damaged;\n"
"4 the service failed; 5 another key, another account, or not confirmed.\n";
