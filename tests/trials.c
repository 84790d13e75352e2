#include "tests/trials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/trial.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/item.h"

static char root[64];
static struct buf told;		/* what the last trial showed */
static struct err err;

int
trials_make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_trials.XXXXXX");
	return mkdtemp(root) == NULL || chdir(root) != 0 ? -1 : 0;
}

int
trials_remove_root(void **state)
{
	(void)state;
	buf_free(&told);
	return chdir("/") != 0 ||
	       file_remove_folder(root) != 0 ? -1 : 0;
}

void
trials_put(const char *path, const char *text)
{
	if (file_save(path, span_of(text), &err) != 0)
		fail_msg("%s", err.text);
}

/* "moved", or "rejected STEP|REASON"; then "TABLE {item}" for each output. */
static int
note(void *context, const struct trial_item *i, struct err *e)
{
	const struct plan *const plan = *(const struct plan **)context;

	buf_printf(&told, e, "%s%s%s%s%s\n", trial_fate_name(i->fate),
		   i->step[0] != '\0' ? " " : "", i->step,
		   i->reason[0] != '\0' ? "|" : "", i->reason);
	for (size_t k = 0; k < i->noutputs; k++) {
		const struct trial_output *const o = &i->outputs[k];

		buf_printf(&told, e, "%s ", plan->tables[o->table].name);
		ddbjson_encode_map(&o->item->map, &told, e);
		buf_printf(&told, e, "\n");
	}
	return 0;
}

void
trials_expect(const char *tables, const char *items, const char *want)
{
	static const char *const paths[] = { "plan.yaml", "second.yaml" };
	const struct plan *plan = NULL;
	char text[4096];
	int rc = -1;

	snprintf(text, sizeof(text), "dynamill: 1\nname: x\n"
		 "source: {exports: [{path: a.json, table: A}, "
		 "{path: b.json, table: B}, {path: c.json, table: C}]}\n"
		 "target: {environment: test}\nnames: {to: \"x-{table}\"}\n"
		 "tables:\n"
		 "%s", tables);
	trials_put("plan.yaml", text);
	trials_put("a.json", items);
	trials_put("b.json", "");
	trials_put("c.json", "");

	const struct trial_options o = {
		.plans = paths, .nplans = access("second.yaml", F_OK) == 0
			? 2 : 1,
		.run_time = "1700000000", .limit = 100,
	};
	buf_reset(&told);
	err = (struct err){ 0 };
	struct trial *const t = trial_open(&o, &err);
	if (t != NULL) {
		plan = trial_plan(t);
		rc = trial_do(t, note, &plan, &err);
	}
	trial_close(t);
	if (rc != 0 || buf_printf(&told, &err, "%c", 0) != 0)
		fail_msg("%s", err.text);
	assert_string_equal((const char *)told.ptr, want);
}
