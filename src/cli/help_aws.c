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
