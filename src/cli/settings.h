/* settings.h - the command line as the engine wants it. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "engine/run.h"

struct err;
struct options;

struct settings {
	struct run_options run;
	char run_time[32];	/* epoch seconds, as text */
};

/* `s` must stay where it is; what `o` points at must outlive it. */
int settings_read(const struct options *o, struct settings *s,
		  struct err *err);

#endif
