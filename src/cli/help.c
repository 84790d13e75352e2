#include "cli/help.h"

#include <string.h>

static const char PROGRAM[] =
"usage: dynamill COMMAND [OPTIONS] [FILES]\n"
"\n"
"Transforms DynamoDB table exports offline, by a plan.\n"
"\n"
"commands\n"
"  init DUMP...    read exports and write a plan to start with\n"
"  run PLAN...     transform: exports in, import-ready files out\n"
"  check PLAN...   read a plan and print it as understood\n"
"  analyze PLAN... the dry run: what a run would meet, and what it would cost\n"
"  test PLAN...    transform a few items and show them before and after\n"
"  lookup ID...    source id to new id and back, and where the item is\n"
"  cat DUMP...     items of any dump as lines; the grep of exports\n"
"  version         the version, and what this processor can do\n"
"  help COMMAND    more about a command; also COMMAND --help\n"
"\n"
"Start with: dynamill init DUMP -o plan.yaml, then dynamill check plan.yaml,\n"
"then dynamill test and dynamill analyze, then dynamill run plan.yaml\n"
"docs/PLAN.md says what a plan can say.\n";

static const char INIT[] =
"usage: dynamill init DUMP... [-o PLAN] [--tables-from FILE...] [OPTIONS]\n"
"\n"
"Reads exports, twice, and writes a plan to start with, which runs as it\n"
"stands: tables, keys, ids, and the references that were found, each with its\n"
"hits in a comment.\n"
"\n"
"  -o PLAN             where to (standard output)\n"
"  --force             write over a file that is there\n"
"  --tables-from FILE  table definitions, for the keys: CreateTable input, or\n"
"                      what describe-table prints; globs; repeatable. Words\n"
"                      after it that end in .json are taken for more of them\n"
"  --threads N         files read at once (default: processors)\n"
"  --memory SIZE       bound for the check that keys are unique (1G)\n"
"  --accept NAME       take a damaged file as it is, by its name; repeatable\n"
"  --quiet             say nothing but errors\n"
"\n"
"docs/INIT.md says how keys and references are found.\n"
"\n"
"Exit status: 0 done; 2 the command line is wrong; 3 the input is damaged;\n"
"4 I/O failed; 5 PLAN is there already; 130 interrupted.\n";

static const char RUN[] =
"usage: dynamill run PLAN... [--job DIR] [OPTIONS]\n"
"\n"
"Reads the exports that the plan names, transforms every item, and writes\n"
"files that DynamoDB's ImportTable takes as they stand. Interrupted in any\n"
"way, the same command goes on where it was, to the same bytes.\n"
"\n"
"  --job DIR           the job's folder (./<plan name>.job)\n"
"  --stage NAME        a stage of the plan (or the variable STAGE)\n"
"  --table T           only this plan table; repeatable\n"
"  --limit N           only the first N items of each table\n"
"  --threads N         workers (default: processors)\n"
"  --memory SIZE       bound for the end checks (1G)\n"
"  --level 1-9         compression: 1-3 fast, 4-9 small (1)\n"
"  --on-bad-item reject|fail\n"
"                      where a bad item goes, or that it stops the run\n"
"  --on-duplicate fail|keep-first|keep-last|reject\n"
"                      what becomes of items with one primary key (fail)\n"
"  --strict-ids        reject what is no id where one should be\n"
"  --accept NAME       take a damaged file as it is, by its name; repeatable\n"
"  --run-time ISO      what run_time() gives (now)\n"
"  --dry-run           the same as dynamill analyze\n"
"  --output text|json  the summary; json prints report.json\n"
"  --quiet             no progress, no summary\n"
"  --no-progress       no progress\n"
"\n"
"Writes DIR/out/<target>/data/*.json.gz with manifests and table.json,\n"
"DIR/rejected/<table>.jsonl, DIR/report.json. docs/JOB.md has all of it.\n"
"\n"
"Exit status: 0 done; 1 done, with rejected items; 2 the command line or plan\n"
"is wrong; 3 the input is damaged; 4 I/O failed; 5 refused; 130 interrupted.\n";

static const char CHECK[] =
"usage: dynamill check PLAN... [--stage NAME] [--output text|json]\n"
"\n"
"Reads plans and prints them as understood: tables in levels of dependency,\n"
"names, ids, references, compiled expressions; and files that are named and\n"
"not there. Reads no export.\n"
"\n"
"Exit status: 0 sound; 2 something is wrong, with file, line and column.\n";

static const char ANALYZE[] =
"usage: dynamill analyze PLAN... [--job DIR] [OPTIONS]\n"
"       dynamill run --dry-run PLAN... [--job DIR] [OPTIONS]\n"
"\n"
"Reads everything that a run would read, transforms every item, and writes\n"
"none: checksums, counts, item sizes, attributes, duplicate keys, dangling\n"
"references, asserts that fail, items that have expired; what an import or a\n"
"push would take and cost, and the tables a month. Leaves the job's index.\n"
"\n"
"  --job DIR           the job's folder (./<plan name>.job)\n"
"  --stage NAME        a stage of the plan (or the variable STAGE)\n"
"  --table T           only this plan table; repeatable\n"
"  --limit N           only the first N items of each table\n"
"  --threads N         workers (default: processors)\n"
"  --memory SIZE       bound for the end checks (1G)\n"
"  --on-bad-item reject|fail\n"
"                      count bad items, or stop at the first\n"
"  --on-duplicate fail|keep-first|keep-last|reject\n"
"                      what a run is to do with items with one primary key\n"
"  --strict-ids        reject what is no id where one should be\n"
"  --accept NAME       a problem by its name, or a damaged file; repeatable\n"
"  --run-time ISO      what run_time() gives, and what expires by (now)\n"
"  --output text|json  json prints analysis.json\n"
"  --verbose           with every attribute\n"
"  --quiet             no progress, no text\n"
"  --no-progress       no progress\n"
"\n"
"Writes DIR/analysis.json, DIR/analysis.html and DIR/index/. docs/ANALYZE.md\n"
"has all of it.\n"
"\n"
"Exit status: 0 nothing that a run would reject or stop at, or all of it is\n"
"accepted; 1 something; 2 the command line or plan is wrong; 3 the input is\n"
"damaged; 4 I/O failed; 5 refused; 130 interrupted.\n";

static const char TEST[] =
"usage: dynamill test PLAN... [--table T] [--limit N] [--key K] [--where C]\n"
"\n"
"Transforms a few items, the first of each table if nothing else is said,\n"
"and shows each before and after, attribute by attribute. Writes nothing;\n"
"reads no more of the exports than it takes to find the items.\n"
"\n"
"  --table T           only this plan table; repeatable\n"
"  --limit N           N items of each table, or with each key (1)\n"
"  --key K             the item with this key; repeatable. K is id=abc,\n"
"                      pk=a,sk=b, {\"id\":{\"S\":\"abc\"}}, or abc alone for\n"
"                      tables without a sort key\n"
"  --where CONDITION   only source items for which it holds\n"
"  --stage NAME        a stage of the plan (or the variable STAGE)\n"
"  --strict-ids        reject what is no id where one should be\n"
"  --accept NAME       take a damaged file as it is, by its name; repeatable\n"
"  --run-time ISO      what run_time() gives (now)\n"
"  --output text|json  json prints one object a line\n"
"  --verbose           cut nothing to the width of the terminal\n"
"\n"
"+ is new, - is gone, ~ is changed. Colours on a terminal, unless NO_COLOR is\n"
"set. docs/TEST.md has all of it.\n"
"\n"
"Exit status: 0 done; 1 an item was rejected, or there is none with a key;\n"
"2 the command line or plan is wrong; 3 the input is damaged; 4 I/O failed;\n"
"130 interrupted.\n";

static const char LOOKUP[] =
"usage: dynamill lookup --job DIR ID... [OPTIONS]\n"
"       dynamill lookup --job DIR --all [OPTIONS]\n"
"\n"
"Says which new id a source id was given, which source id a new id stands\n"
"for, and where the item is. Asks the index of the job; reads no data but for\n"
"--item. An ID of - stands for standard input, one id a line. The job may be\n"
"under way in another process, once its index is made.\n"
"\n"
"  --job DIR           the job's folder\n"
"  --table T           only this plan table; repeatable\n"
"  --type S|N|B        only source ids of this type (a B is given in base64)\n"
"  --item              show the source item too, and its line number\n"
"  --all               every id there is, in the order of the index, as\n"
"                      table,source,target: what ids.map takes\n"
"  --output text|json|csv\n"
"                      json is one object a line; --all prints csv or json\n"
"\n"
"Secrets of the plan are taken from the environment, as by run.\n"
"\n"
"Exit status: 0 all were found; 1 some were not; 2 the command line is wrong;\n"
"3 the index or the input is damaged; 4 I/O failed; 5 --all, and the plan or\n"
"its secret is not the job's.\n";

static const char CAT[] =
"usage: dynamill cat DUMP... [--where C] [--select PATHS] [--key K]\n"
"                    [--limit N] [--as FORMAT]\n"
"\n"
"Prints the items of dumps as lines: exports, folders, globs, files, or - for\n"
"standard input; packed or not, in any format that dynamill reads.\n"
"\n"
"  --where CONDITION   only items for which it holds\n"
"  --select PATHS      only these document paths: 'id, address.city, tags[0]'\n"
"  --key K             the item with this key; repeatable. K is id=abc,\n"
"                      pk=a,sk=b, {\"id\":{\"S\":\"abc\"}}, or abc alone\n"
"                      where the key is known\n"
"  --limit N           only the first N items of each table\n"
"  --as FORMAT         dynamodb-json (the usual), json (plain, for jq), ion\n"
"                      or csv\n"
"  --table T           only this table, by its manifest's name; repeatable\n"
"  --tables-from FILE  table definitions, for keys; globs; repeatable\n"
"  --accept NAME       take a damaged file as it is, by its name; repeatable\n"
"  --threads N         files read at once (default: processors)\n"
"  --memory SIZE       bound for text that waits for its turn (256M)\n"
"  --run-time ISO      what run_time() gives in --where (now)\n"
"\n"
"The order is that of files and lines, whatever --threads is. A bad line goes\n"
"to standard error with its place. docs/CAT.md has all of it.\n"
"\n"
"Exit status: 0 done; 1 a line was no item, the format cannot say one, or no\n"
"item has a key; 2 the command line is wrong; 3 the input is damaged: what\n"
"could be read was printed; 4 I/O failed; 130 interrupted.\n";

static const struct {
	const char *command, *text;
} HELP[] = {
	{ "init", INIT }, { "run", RUN }, { "check", CHECK },
	{ "analyze", ANALYZE }, { "test", TEST }, { "lookup", LOOKUP },
	{ "cat", CAT },
};

const char *
help_of(const char *command)
{
	if (command == NULL)
		return PROGRAM;
	for (size_t i = 0; i < sizeof(HELP) / sizeof(HELP[0]); i++)
		if (strcmp(command, HELP[i].command) == 0)
			return HELP[i].text;
	return NULL;
}
