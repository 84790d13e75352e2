/* help_migrate.c - help of the commands about a migration as a whole. */
#include "cli/help_internal.h"

const char help_status[] =
"usage: dynamill status --job DIR [--watch] [--output text|json]\n"
"\n"
"Says where a job stands: what is being done and by which process, how far\n"
"each table is, rates, time left, what was wrong, and what was done before.\n"
"Reads the job alone, also while it runs in another process, and takes no\n"
"lock.\n"
"\n"
"  --job DIR           the job's folder\n"
"  --watch             again each second, until nobody works in the job\n"
"  --output text|json  json is one object a line\n"
"\n"
"Exit status: 0 done; 2 there is no such job; 3 its record is damaged.\n";
