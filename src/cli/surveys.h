/* surveys.h - the passes that must come before a run or another survey. */
#ifndef CLI_SURVEYS_H
#define CLI_SURVEYS_H

struct err;
struct options;
struct run;
struct run_options;

/* The run, open, after the surveys that it needs.  NULL with *err set. */
struct run *surveys_open_run(const struct run_options *options,
			     const struct options *o, struct err *err);

#endif
