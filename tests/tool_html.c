/*
 * tool_html.c - pages for those who test them: tool_html report|analysis reads
 * the JSON text on standard input, and writes the page to standard output.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/html.h"

int
main(int argc, char **argv)
{
	struct buf json = { 0 }, page = { 0 };
	struct err err = { 0 };
	size_t n;

	if (argc != 2 || (strcmp(argv[1], "report") != 0 &&
			  strcmp(argv[1], "analysis") != 0)) {
		fprintf(stderr, "usage: tool_html report|analysis\n");
		return 2;
	}
	do {
		uint8_t *const p = buf_reserve(&json, 65536, &err);

		if (p == NULL)
			return 1;
		n = fread(p, 1, 65536, stdin);
		buf_commit(&json, n);
	} while (n > 0);
	const int rc = (argv[1][0] == 'r' ? html_report : html_analysis)(
		buf_span(&json), &page, &err);

	if (rc != 0)
		fprintf(stderr, "%s\n", err.text);
	else
		fwrite(page.ptr, 1, page.len, stdout);
	buf_free(&json);
	buf_free(&page);
	return rc != 0;
}
