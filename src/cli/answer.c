#include "cli/answer.h"

#include <limits.h>
#include <stdio.h>

#include "base/err.h"
#include "io/file.h"

enum { MOST_REPORT = 1 << 30 };

void
answer_start(struct answer *a, struct err *err)
{
	*a = (struct answer){ 0 };
	jsonwrite_start(&a->json, &a->text, false, err);
	jsonwrite_map(&a->json);
}

void
answer_start_tables(struct answer *a, struct err *err)
{
	answer_start(a, err);
	jsonwrite_name(&a->json, "tables");
	jsonwrite_list(&a->json);
}

/* That it got there is seen at the end of the program. */
static void
print(struct buf *text)
{
	fwrite(text->ptr, 1, text->len, stdout);
}

int
answer_print(struct answer *a)
{
	int rc;

	while (a->json.depth > 0)
		jsonwrite_end(&a->json);
	rc = jsonwrite_finish(&a->json);
	if (rc == 0)
		print(&a->text);
	buf_free(&a->text);
	return rc;
}

int
answer_report(const char *folder, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	int rc;

	if (snprintf(path, sizeof(path), "%s/report.json", folder) >=
	    (int)sizeof(path))
		return err_set(err, ERR_USAGE, "'%s': too long a name", folder);
	rc = file_load(path, MOST_REPORT, &text, err);
	if (rc == 0)
		print(&text);
	buf_free(&text);
	return rc;
}
