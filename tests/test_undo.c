/* test_undo.c - what was written over, read again from its record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "engine/outfiles.h"
#include "engine/undo.h"
#include "io/file.h"
#include "tests/scratch.h"

static struct unit units[] = { { .nitems = 2 }, { .nitems = 0 },
			       { .nitems = 3 } };
static const struct outfiles_part PART = { .units = units, .n = 3 };

static struct undo_past *
open_text(const char *text, struct err *err)
{
	*err = (struct err){ 0 };
	assert_int_equal(file_save(scratch, span_of(text), err), 0);
	return undo_past_open(scratch, &PART, "/tmp", err);
}

static void
is(const struct undo_past *p, uint32_t unit, uint64_t n, enum undo_kind kind,
   const char *item)
{
	const struct undo_was w = undo_past_get(p, unit, n);

	assert_int_equal(w.kind, kind);
	if (item != NULL)
		assert_true(span_is(w.item, item));
}

static void
the_first_line_of_an_item_counts(void **state)
{
	struct err err;
	struct undo_past *const p = open_text(
		"{\"At\":[2,2],\"Key\":{\"k\":{\"S\":\"a\"}},\"Item\":{\"k\":"
		"{\"S\":\"At\"}}}\n"
		"{\"At\":[0,1],\"Key\":{\"k\":{\"S\":\"Item\"}}}\n"
		"{\"At\":[2,2],\"Key\":{\"k\":{\"S\":\"a\"}},\"Item\":{}}\n"
		"{\"At\":[0,0],\"Key\":{},\"Left\":true}\n", &err);

	(void)state;
	assert_non_null(p);
	is(p, 2, 2, UNDO_ITEM, "{\"k\":{\"S\":\"At\"}}");
	is(p, 0, 1, UNDO_ABSENT, NULL);
	is(p, 0, 0, UNDO_LEFT, NULL);
	is(p, 2, 0, UNDO_NOTHING, NULL);
	assert_int_equal(undo_past_count(p, UNDO_ITEM), 1);
	assert_int_equal(undo_past_count(p, UNDO_ABSENT), 1);
	assert_int_equal(undo_past_count(p, UNDO_LEFT), 1);
	undo_past_close(p);
}

static void
later_lines_are_told_from_the_last_one_on(void **state)
{
	struct err err;
	struct undo_past *const p = open_text(
		"{\"At\":[2,1],\"Key\":{},\"Item\":{\"a\":{\"S\":\"1\"}}}\n"
		"{\"At\":[2,2],\"Key\":{}}\n"
		"{\"At\":[2,1],\"Key\":{}}\n"
		"{\"At\":[0,0],\"Key\":{},\"Left\":true}\n"
		"{\"At\":[2,1],\"Key\":{},\"Left\":true}\n"
		"{\"At\":[2,2],\"Key\":{},\"Item\":{\"a\":{\"S\":\"3\"}}}\n"
		"{\"At\":[2,1],\"Key\":{},\"Item\":{\"a\":{\"S\":\"2\"}}}\n",
		&err);
	static const enum undo_kind WANT[] = {
		UNDO_ITEM, UNDO_ABSENT, UNDO_ITEM, UNDO_NOTHING, UNDO_NOTHING,
	};

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof(WANT) / sizeof(WANT[0]); i++)
		assert_int_equal(undo_past_back(p, 2, 1, i).kind, WANT[i]);
	assert_true(span_is(undo_past_back(p, 2, 1, 0).item,
			    "{\"a\":{\"S\":\"2\"}}"));
	assert_true(span_is(undo_past_back(p, 2, 1, 2).item,
			    "{\"a\":{\"S\":\"1\"}}"));
	is(p, 2, 1, UNDO_ITEM, "{\"a\":{\"S\":\"1\"}}");
	assert_int_equal(undo_past_back(p, 2, 2, 0).kind, UNDO_ITEM);
	assert_int_equal(undo_past_back(p, 2, 2, 1).kind, UNDO_ABSENT);
	assert_int_equal(undo_past_back(p, 0, 0, 0).kind, UNDO_LEFT);
	assert_int_equal(undo_past_back(p, 0, 0, 1).kind, UNDO_NOTHING);
	assert_int_equal(undo_past_back(p, 0, 1, 0).kind, UNDO_NOTHING);
	assert_int_equal(undo_past_count(p, UNDO_ITEM), 1);
	undo_past_close(p);
}

static void
what_was_left_is_no_last_word(void **state)
{
	struct err err;
	struct undo_past *const p = open_text(
		"{\"At\":[2,1],\"Key\":{},\"Left\":true}\n"
		"{\"At\":[2,1],\"Key\":{},\"Left\":true}\n"
		"{\"At\":[2,1],\"Key\":{},\"Item\":{\"a\":{\"S\":\"1\"}}}\n"
		"{\"At\":[2,1],\"Key\":{},\"Item\":{\"a\":{\"S\":\"2\"}}}\n"
		"{\"At\":[2,2],\"Key\":{},\"Left\":true}\n"
		"{\"At\":[2,2],\"Key\":{}}\n", &err);

	(void)state;
	assert_non_null(p);
	is(p, 2, 1, UNDO_ITEM, "{\"a\":{\"S\":\"1\"}}");
	is(p, 2, 2, UNDO_ABSENT, NULL);
	assert_int_equal(undo_past_count(p, UNDO_ITEM), 1);
	assert_int_equal(undo_past_count(p, UNDO_ABSENT), 1);
	assert_int_equal(undo_past_count(p, UNDO_LEFT), 0);
	undo_past_close(p);
}

static void
a_torn_last_line_is_none(void **state)
{
	static const char TEXT[] = "{\"At\":[0,0],\"Key\":{}}\n"
		"{\"At\":[0,1],\"Key\":{},\"Item\":{}}\n";
	const size_t one = (size_t)(strchr(TEXT, '\n') - TEXT) + 1;

	(void)state;
	for (size_t n = 1; n < sizeof(TEXT); n++) {
		char text[sizeof(TEXT)];
		struct err err;
		struct undo_past *p;

		memcpy(text, TEXT, n);
		text[n] = '\0';
		p = open_text(text, &err);
		assert_non_null(p);
		is(p, 0, 0, n >= one ? UNDO_ABSENT : UNDO_NOTHING, NULL);
		is(p, 0, 1, n == sizeof(TEXT) - 1 ? UNDO_ITEM : UNDO_NOTHING,
		   NULL);
		undo_past_close(p);
	}
}

static void
no_record_has_no_lines(void **state)
{
	struct err err = { 0 };
	struct undo_past *p;

	(void)state;
	unlink(scratch);
	p = undo_past_open(scratch, &PART, "/tmp", &err);
	assert_non_null(p);
	is(p, 2, 1, UNDO_NOTHING, NULL);
	assert_int_equal(undo_past_back(p, 2, 1, 0).kind, UNDO_NOTHING);
	undo_past_close(p);
	p = open_text("", &err);
	assert_non_null(p);
	is(p, 0, 0, UNDO_NOTHING, NULL);
	undo_past_close(p);
}

static void
what_is_of_no_item_of_the_job_is_refused(void **state)
{
	static const char *const BAD[] = {
		"{\"At\":[3,0],\"Key\":{}}\n", "{\"At\":[1,0],\"Key\":{}}\n",
		"{\"At\":[2,3],\"Key\":{}}\n", "{\"At\":[-1,0],\"Key\":{}}\n",
		"{\"At\":[99999999999999999999999,0],\"Key\":{}}\n",
		"{\"Key\":{},\"At\":[0,0]}\n", "\n", "x\n", "{\"At\":[0,\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct err err;

		assert_null(open_text(BAD[i], &err));
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.text, "line 1"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_of_an_item_counts),
		cmocka_unit_test(later_lines_are_told_from_the_last_one_on),
		cmocka_unit_test(what_was_left_is_no_last_word),
		cmocka_unit_test(a_torn_last_line_is_none),
		cmocka_unit_test(no_record_has_no_lines),
		cmocka_unit_test(what_is_of_no_item_of_the_job_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_new,
				      scratch_gone);
}
