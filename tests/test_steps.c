/* test_steps.c - `version`, `expand`, `contract` and `masked`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/trials.h"

static void
expect(const char *steps, const char *items, const char *want)
{
	char text[4096];

	snprintf(text, sizeof(text), "  A:\n    key: [id]\n    steps:\n%s"
		 "  B: {key: [id]}\n  C: {key: [id]}\n", steps);
	trials_expect(text, items, want);
}

#define STEP(text) "      - " text "\n"
#define V(n) ",\"v\":{\"N\":\"" n "\"}"

/* ---- version ------------------------------------------------------------- */

static const char three[] =
	"      - version:\n"
	"          attribute: v\n"
	"          missing: 1\n"
	"          to: 3\n"
	"          from 2:\n"
	"            - when: attribute_exists(a)\n"
	"              update: SET log = concat(log, '2'), was = v\n"
	"          from 1:\n"
	"            - update: SET log = 'L1'\n"
	"            - rename: {x: a}\n";

static void
items_of_all_versions_come_to_one(void **state)
{
	(void)state;
	expect(three,
	       ITEM(ID("1")) ITEM(ID("2") V("1") ",\"x\":{\"N\":\"7\"}")
	       ITEM(ID("3") V("2.0") ",\"a\":{\"N\":\"7\"},"
		    "\"log\":{\"S\":\"L\"}")
	       ITEM(ID("4") V("3")),
	       "moved\nA {" ID("1") ",\"log\":{\"S\":\"L1\"}" V("3") "}\n"
	       "moved\nA {" ID("2") V("3") ",\"a\":{\"N\":\"7\"},"
	       "\"log\":{\"S\":\"L12\"},\"was\":{\"N\":\"2\"}}\n"
	       "moved\nA {" ID("3") V("3") ",\"a\":{\"N\":\"7\"},"
	       "\"log\":{\"S\":\"L2\"},\"was\":{\"N\":\"2.0\"}}\n"
	       "moved\nA {" ID("4") V("3") "}\n");
}

static void
an_unknown_version_rejects_the_item(void **state)
{
	(void)state;
	expect(three,
	       ITEM(ID("1") V("4")) ITEM(ID("2") V("0")) ITEM(ID("3") V("1.5"))
	       ITEM(ID("4") V("-1")) ITEM(ID("5") V("1E+20"))
	       ITEM(ID("6") ",\"v\":{\"S\":\"1\"}")
	       ITEM(ID("7") ",\"v\":{\"NULL\":true}"),
	       "rejected step 1 (version)|the plan knows the versions 1 to 3, "
	       "not 4\n"
	       "rejected step 1 (version)|the plan knows the versions 1 to 3, "
	       "not 0\n"
	       "rejected step 1 (version)|the plan knows the versions 1 to 3, "
	       "not 1.5\n"
	       "rejected step 1 (version)|the plan knows the versions 1 to 3, "
	       "not -1\n"
	       "rejected step 1 (version)|the plan knows the versions 1 to 3, "
	       "not 1E+20\n"
	       "rejected step 1 (version)|the version is no number but of type "
	       "S\n"
	       "rejected step 1 (version)|the version is no number but of type "
	       "NULL\n");
}

static void
without_missing_a_version_must_be_there(void **state)
{
	(void)state;
	expect(STEP("version: {attribute: m.v, to: 2, from 1: []}"),
	       ITEM(ID("1"))
	       ITEM(ID("2") ",\"m\":{\"M\":{\"v\":{\"N\":\"1\"}}}"),
	       "rejected step 1 (version)|there is no version, and the plan "
	       "does not say which is meant ('missing')\n"
	       "moved\nA {" ID("2") ",\"m\":{\"M\":{\"v\":{\"N\":\"2\"}}}}\n");
}

static void
what_has_no_version_and_is_there_already_gets_it(void **state)
{
	(void)state;
	expect(STEP("version: {attribute: v, missing: 2, to: 2, from 1: []}"),
	       ITEM(ID("1")), "moved\nA {" ID("1") V("2") "}\n");
}

static void
a_step_that_fails_says_from_which_version(void **state)
{
	(void)state;
	expect(STEP("version: {attribute: v, to: 2, from 1: "
		    "[{rename: {y: z}}, {update: SET a = b}]}"),
	       ITEM(ID("1") V("1")),
	       "rejected step 1 (version)|from 1, step 2 (update): The provided "
	       "expression refers to an attribute that does not exist in the "
	       "item\n");
}

static void
versions_go_on_with_what_is_emitted(void **state)
{
	(void)state;
	expect(STEP("version: {attribute: v, missing: 1, to: 2, from 1: "
		    "[{update: SET a = 'x'}]}")
	       STEP("emit: [{to: A}, {to: B, update: REMOVE a}]"),
	       ITEM(ID("1")),
	       "moved\nA {" ID("1") ",\"a\":{\"S\":\"x\"}" V("2") "}\n"
	       "B {" ID("1") V("2") "}\n");
}

static void
scripts_and_programs_bring_an_item_to_the_next_version(void **state)
{
	(void)state;
	trials_put("up.lua",
		   "function transform(item)\n"
		   "  if item.drop then return nil end\n"
		   "  if item.two then return {item, item} end\n"
		   "  item.by = 'lua'\n"
		   "  return item\n"
		   "end\n");
	trials_put("up.sh",
		   "n=0\n"
		   "while IFS= read -r line; do\n"
		   "  n=$((n + 1))\n"
		   "  printf '%s' \"$line\" | sed 's/lua/pipe/'\n"
		   "  printf '\\n#%d\\n' $n\n"
		   "done\n");
	expect(STEP("version: {attribute: v, missing: 1, to: 3, from 1: "
		    "[{when: attribute_not_exists(skip), lua: up.lua}], "
		    "from 2: [{pipe: [sh, ./up.sh]}]}"),
	       ITEM(ID("1")) ITEM(ID("2") V("2") ",\"a\":{\"S\":\"lua\"}")
	       ITEM(ID("3") ",\"skip\":{\"BOOL\":true}")
	       ITEM(ID("4") ",\"drop\":{\"BOOL\":true}")
	       ITEM(ID("5") ",\"two\":{\"BOOL\":true}"),
	       "moved\nA {" ID("1") ",\"by\":{\"S\":\"pipe\"}" V("3") "}\n"
	       "moved\nA {" ID("2") V("3") ",\"a\":{\"S\":\"pipe\"}}\n"
	       "moved\nA {" ID("3") ",\"skip\":{\"BOOL\":true}" V("3") "}\n"
	       "rejected step 1 (version)|from 1, step 1 (lua): within "
	       "'version' an item must become one item, not 0\n"
	       "rejected step 1 (version)|from 1, step 1 (lua): within "
	       "'version' an item must become one item, not 2\n");
}

/* ---- expand and contract ------------------------------------------------- */

#define OLD(x) ",\"old\":{\"S\":\"" x "\"}"
#define NEW(x) ",\"new\":{\"M\":{\"a\":{\"S\":\"" x "\"}}}"
#define EMPTY ",\"new\":{\"M\":{}}"

static void
expand_writes_the_new_beside_the_old(void **state)
{
	(void)state;
	expect(STEP("expand: {old: new.a, other: more}"),
	       ITEM(ID("1") OLD("x") EMPTY ",\"other\":{\"L\":[]}")
	       ITEM(ID("2") NEW("y")) ITEM(ID("3") OLD("x") NEW("x"))
	       ITEM(ID("4") OLD("x") NEW("y")) ITEM(ID("5")),
	       "moved\nA {" ID("1") OLD("x") NEW("x")
	       ",\"other\":{\"L\":[]},\"more\":{\"L\":[]}}\n"
	       "moved\nA {" ID("2") NEW("y") "}\n"
	       "moved\nA {" ID("3") OLD("x") NEW("x") "}\n"
	       "rejected step 1 (expand)|'old' and 'new.a' differ: which is "
	       "right?\n"
	       "moved\nA {" ID("5") "}\n");
	expect(STEP("{expand: {old: new.a}, overwrite: true}"),
	       ITEM(ID("4") OLD("x") NEW("y")),
	       "moved\nA {" ID("4") OLD("x") NEW("x") "}\n");
}

static void
contract_takes_the_old_away_once_the_new_is_there(void **state)
{
	(void)state;
	expect(STEP("contract: {old: new.a, other: more}"),
	       ITEM(ID("1") OLD("x") NEW("y")) ITEM(ID("2") OLD("x"))
	       ITEM(ID("3") NEW("y")) ITEM(ID("4")),
	       "moved\nA {" ID("1") NEW("y") "}\n"
	       "rejected step 1 (contract)|'old' is there, and 'new.a' is not "
	       "yet: expand first\n"
	       "moved\nA {" ID("3") NEW("y") "}\n"
	       "moved\nA {" ID("4") "}\n");
	expect(STEP("contract: [old, new.a]"),
	       ITEM(ID("1") OLD("x") NEW("y")) ITEM(ID("2") OLD("x")),
	       "moved\nA {" ID("1") EMPTY "}\nmoved\nA {" ID("2") "}\n");
}

/* ---- masked -------------------------------------------------------------- */

#define MAIL(x) ",\"mail\":{\"S\":\"" x "\"}"
#define PIN(x) ",\"pin\":{\"N\":\"" x "\"}"

static const char mask_mail[] =
	"      - when: attribute_exists(mail)\n"
	"        update: SET mail = mask(mail, 2)\n"
	"    masked: [mail, pin, \"l[*].m.*\"]\n";

static void
an_original_that_survives_anywhere_rejects_the_item(void **state)
{
	(void)state;
	expect(mask_mail,
	       ITEM(ID("1") MAIL("ann@x.com"))
	       ITEM(ID("2") MAIL("ann@x.com") ",\"gsi\":{\"S\":"
		    "\"MAIL#ann@x.com\"}")
	       ITEM(ID("3") MAIL("ann@x.com") ",\"m\":{\"M\":{\"a\":{\"L\":["
		    "{\"SS\":[\"b\",\"ann@x.com\"]}]}}}")
	       ITEM(ID("4") MAIL("ann@x.com") ",\"m\":{\"M\":{\"ann@x.com\":"
		    "{\"NULL\":true}}}")
	       ITEM(ID("5") MAIL("a\\u006en@x.com") ",\"z\":{\"S\":"
		    "\"ann@x.com!\"}")
	       ITEM(ID("6")),
	       "moved\nA {" ID("1") MAIL("*******om") "}\n"
	       "rejected masked|an original value of 'mail' is in 'gsi'\n"
	       "rejected masked|an original value of 'mail' is in 'm'\n"
	       "rejected masked|an original value of 'mail' is in 'm'\n"
	       "rejected masked|an original value of 'mail' is in 'z'\n"
	       "moved\nA {" ID("6") "}\n");
}

static void
short_ones_are_looked_for_where_they_were(void **state)
{
	(void)state;
	/* Two characters are the same by chance; a number, anywhere. */
	expect(mask_mail,
	       ITEM(ID("1") MAIL("abcd") ",\"x\":{\"S\":\"abcd\"}")
	       ITEM(ID("2") PIN("12"))
	       ITEM(ID("3") ",\"l\":{\"L\":[{\"M\":{\"m\":{\"M\":{\"a\":"
		    "{\"S\":\"**\"}}}}}]}" MAIL("cdef")),
	       "moved\nA {" ID("1") MAIL("**cd") ",\"x\":{\"S\":\"abcd\"}}\n"
	       "rejected masked|an original value of 'pin' is in 'pin'\n"
	       "rejected masked|an original value of 'l[*].m.*' is in "
	       "'l[*].m.*'\n");
}

static void
what_is_emitted_is_looked_at_too(void **state)
{
	(void)state;
	expect(STEP("emit: [{to: A, update: REMOVE mail}, {to: B}]")
	       "    masked: mail\n",
	       ITEM(ID("1") MAIL("ann@x.com")) ITEM(ID("2")),
	       "rejected masked|an original value of 'mail' is in 'mail'\n"
	       "moved\nA {" ID("2") "}\nB {" ID("2") "}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_of_all_versions_come_to_one),
		cmocka_unit_test(an_unknown_version_rejects_the_item),
		cmocka_unit_test(without_missing_a_version_must_be_there),
		cmocka_unit_test(
			what_has_no_version_and_is_there_already_gets_it),
		cmocka_unit_test(a_step_that_fails_says_from_which_version),
		cmocka_unit_test(versions_go_on_with_what_is_emitted),
		cmocka_unit_test(
			scripts_and_programs_bring_an_item_to_the_next_version),
		cmocka_unit_test(expand_writes_the_new_beside_the_old),
		cmocka_unit_test(
			contract_takes_the_old_away_once_the_new_is_there),
		cmocka_unit_test(
			an_original_that_survives_anywhere_rejects_the_item),
		cmocka_unit_test(short_ones_are_looked_for_where_they_were),
		cmocka_unit_test(what_is_emitted_is_looked_at_too),
	};

	return cmocka_run_group_tests(tests, trials_make_root,
				      trials_remove_root);
}
