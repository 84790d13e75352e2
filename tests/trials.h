/*
 * trials.h - items of table A through a plan, for tests of steps: each is
 * compared with all that it became.
 */
#ifndef TESTS_TRIALS_H
#define TESTS_TRIALS_H

/* A line of the source file, and the key that most have. */
#define ITEM(text) "{\"Item\":{" text "}}\n"
#define ID(x) "\"id\":{\"S\":\"" x "\"}"

/* The group's set-up and tear-down: work in a folder of its own. */
int trials_make_root(void **state);
int trials_remove_root(void **state);

/* A file in that folder. */
void trials_put(const char *path, const char *text);

/*
 * Run the lines `items`, which are those of table A, by a plan whose `tables`
 * are said, as YAML indented by two; B and C may be among them, and have no
 * items.  If there is a file second.yaml, it is the next plan.  `want` has for
 * each item "moved", or "rejected STEP|REASON", then for each that it became
 * "TABLE {its attributes}".
 */
void trials_expect(const char *tables, const char *items, const char *want);

#endif
