/* validate_print.h - checks for people, as JSON, and as JUnit's XML. */
#ifndef CLI_VALIDATE_PRINT_H
#define CLI_VALIDATE_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli/show.h"

struct err;
struct validate_check;
struct validate_sums;

/* Checks of one table, for JUnit. */
struct validate_suite {
	struct buf name, body;
	uint64_t tests, failures;
};

struct validate_print {
	struct show_style style;
	bool verbose;		/* sound ones too */
	struct buf text;	/* what is to be written, and then reset */
	struct arena mem;
	struct buf piece;
	struct validate_suite *suites;
	size_t nsuites;
	uint64_t seen;
};

void validate_print_free(struct validate_print *p);

/* Append a check, and what all came to.  Each returns 0 or -1. */
int validate_print_text(struct validate_print *p,
			const struct validate_check *c, struct err *err);
int validate_print_text_end(struct validate_print *p,
			    const struct validate_sums *s, struct err *err);
int validate_print_json(struct validate_print *p,
			const struct validate_check *c, struct err *err);
int validate_print_json_end(struct validate_print *p,
			    const struct validate_sums *s, struct err *err);

/* JUnit wants counts first: checks are kept, and all comes at the end, with
 * what made an end to it, or NULL. */
int validate_print_junit(struct validate_print *p,
			 const struct validate_check *c, struct err *err);
int validate_print_junit_end(struct validate_print *p,
			     const struct validate_sums *s,
			     const struct err *failure, struct err *err);

#endif
