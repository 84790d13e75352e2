/*
 * Both manifests are one JSON object, the second one a line.  Order and spacing
 * of what we write are those of real exports (version 2020-06-30 of full ones,
 * 2023-08-01 of incremental ones): no space anywhere, no newline at the end of
 * the summary, one after each line of the files.
 */
#include "formats/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/md5.h"
#include "formats/json.h"
#include "formats/tree.h"

_Static_assert((int)MANIFEST_MD5_LEN == (int)MD5_LEN, "one length");

/* Set *out to the text called `name`: NULL if it is null or not there. */
static int
get_text(const struct tree *map, const char *name, struct arena *mem,
	 const char **out, struct err *err)
{
	const struct tree *const t = tree_get(map, name);

	*out = NULL;
	if (t == NULL || t->kind == TREE_NULL)
		return 0;
	if (t->kind != TREE_TEXT)
		return err_set(err, ERR_INPUT, "'%s' is %s, not text", name,
			       tree_kind_name(t));

	/* A copy: the tree may live in an arena that is reset before ours. */
	const struct span s = { t->text.ptr, t->text.len + 1 };
	const struct span copy = arena_copy(mem, s, err);
	if (copy.ptr == NULL)
		return -1;
	*out = (const char *)copy.ptr;
	return 0;
}

static int
get_uint(const struct tree *map, const char *name, bool must, uint64_t *out,
	 struct err *err)
{
	const struct tree *const t = tree_get(map, name);

	*out = 0;
	if (t == NULL)
		return !must ? 0 :
		       err_set(err, ERR_INPUT, "'%s' is missing", name);
	if (t->kind != TREE_NUMBER || tree_uint(t, out) != 0)
		return err_set(err, ERR_INPUT, "'%s' is not a whole number",
			       name);
	return 0;
}

/*
 * Set *out to the part of `arn` that follows `mark`, up to the next slash: NULL
 * if there is none.
 */
static int
cut_arn(const char *arn, const char *mark, struct arena *mem, const char **out,
	struct err *err)
{
	const char *const at = arn == NULL ? NULL : strstr(arn, mark);

	*out = NULL;
	if (at == NULL)
		return 0;

	const char *const from = at + strlen(mark);
	const size_t n = strcspn(from, "/");
	if (n == 0)
		return 0;

	char *const to = arena_take(mem, n + 1, err);
	if (to == NULL)
		return -1;
	memcpy(to, from, n);
	to[n] = '\0';
	*out = to;
	return 0;
}

static int
read_summary(const struct tree *t, struct arena *mem,
	     struct manifest_summary *m, struct err *err)
{
	const struct { const char *name, **to; } texts[] = {
		{ "version", &m->version },
		{ "exportArn", &m->export_arn },
		{ "startTime", &m->start_time },
		{ "endTime", &m->end_time },
		{ "tableArn", &m->table_arn },
		{ "tableId", &m->table_id },
		{ "exportTime", &m->export_time },
		{ "exportFromTime", &m->from_time },
		{ "exportToTime", &m->to_time },
		{ "s3Bucket", &m->s3_bucket },
		{ "s3Prefix", &m->s3_prefix },
		{ "s3SseAlgorithm", &m->sse_algorithm },
		{ "s3SseKmsKeyId", &m->sse_kms_key },
		{ "manifestFilesS3Key", &m->files_key },
		{ "outputFormat", &m->output_format },
		{ "outputView", &m->output_view },
		{ "exportType", &m->export_type },
		{ "csvDelimiter", &m->csv_delimiter },
		{ "csvColumns", &m->csv_columns },
	};

	if (t->kind != TREE_MAP)
		return err_set(err, ERR_INPUT, "an export's summary is a map, "
			       "not %s", tree_kind_name(t));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (get_text(t, texts[i].name, mem, texts[i].to, err) != 0)
			return -1;
	if (get_uint(t, "itemCount", true, &m->nitems, err) != 0 ||
	    get_uint(t, "billedSizeBytes", false, &m->billed_len, err) != 0 ||
	    cut_arn(m->table_arn, ":table/", mem, &m->table, err) != 0 ||
	    cut_arn(m->export_arn, "/export/", mem, &m->id, err) != 0)
		return -1;
	if (m->table == NULL)
		return err_set(err, ERR_INPUT, "'tableArn' names no table");
	return 0;
}

int
manifest_read_summary(struct span json, const char *name, struct arena *mem,
		      struct manifest_summary *out, struct err *err)
{
	struct arena scratch = { 0 };
	const struct tree *const t = json_parse(json, name, &scratch, err);
	int rc = -1;

	*out = (struct manifest_summary){ 0 };
	if (t != NULL) {
		rc = read_summary(t, mem, out, err);
		if (rc != 0)
			err_at(err, "%s", name);
	}
	arena_free(&scratch);
	return rc;
}

static int
read_file(const struct tree *t, struct arena *mem, struct manifest_file *f,
	  struct err *err)
{
	const struct tree *const md5 = tree_get(t, "md5Checksum");

	if (t->kind != TREE_MAP)
		return err_set(err, ERR_INPUT, "a data file is a map, not %s",
			       tree_kind_name(t));
	if (get_uint(t, "itemCount", true, &f->nitems, err) != 0 ||
	    get_text(t, "dataFileS3Key", mem, &f->key, err) != 0)
		return -1;
	if (f->key == NULL)
		return err_set(err, ERR_INPUT, "'dataFileS3Key' is missing");
	if (md5 == NULL || md5->kind == TREE_NULL)
		return 0;
	if (md5->kind != TREE_TEXT || !base64_check(md5->text) ||
	    base64_decoded_len(md5->text) != MANIFEST_MD5_LEN)
		return err_set(err, ERR_INPUT, "'md5Checksum' is not the "
			       "base64 of 16 bytes");
	base64_decode(md5->text, f->md5);
	f->has_md5 = true;
	return 0;
}

static bool
is_blank(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != ' ' && s.ptr[i] != '\t' && s.ptr[i] != '\r')
			return false;
	return true;
}

/* Take the first line off *text.  There may be as many as `text` has bytes. */
static struct span
next_line(struct span *text)
{
	const uint8_t *const lf = memchr(text->ptr, '\n', text->len);
	const size_t n = lf == NULL ? text->len : (size_t)(lf - text->ptr);
	const struct span line = { text->ptr, n };

	text->ptr += n + (lf != NULL);
	text->len -= n + (lf != NULL);
	return line;
}

int
manifest_read_files(struct span json, const char *name, struct arena *mem,
		    struct manifest_file **out, size_t *n, struct err *err)
{
	struct arena scratch = { 0 };
	struct buf files = { 0 };
	int rc = 0;

	for (size_t number = 1; rc == 0 && json.len > 0; number++) {
		const struct span line = next_line(&json);
		struct manifest_file f = { 0 };

		if (is_blank(line))
			continue;
		arena_reset(&scratch);

		const struct tree *const t = json_parse_line(line, name,
			(uint32_t)number, &scratch, err);
		rc = t == NULL ? -1 : read_file(t, mem, &f, err);
		if (t != NULL && rc != 0)
			err_at(err, "%s:%zu", name, number);
		if (rc == 0)
			rc = buf_append(&files, (struct span){ (uint8_t *)&f,
							       sizeof(f) }, err);
	}
	if (rc == 0) {
		/* Into the arena, where it is aligned as it must be. */
		*n = files.len / sizeof(struct manifest_file);
		*out = arena_take(mem, files.len + 1, err);
		if (*out == NULL)
			rc = -1;
		else if (files.len > 0)
			memcpy(*out, files.ptr, files.len);
	}
	buf_free(&files);
	arena_free(&scratch);
	return rc;
}

/* Append `,"name":` and the text in quotes, or null. */
static int
put_text(const char *name, const char *text, struct buf *out, struct err *err)
{
	if (buf_printf(out, err, "%s\"%s\":", out->ptr[out->len - 1] == '{' ?
		       "" : ",", name) != 0)
		return -1;
	return text == NULL ? buf_append(out, span_of("null"), err) :
	       json_quote(span_of(text), out, err);
}

int
manifest_write_summary(const struct manifest_summary *m, struct buf *out,
		       struct err *err)
{
	const bool full = m->from_time == NULL && m->to_time == NULL;
	const struct { const char *name, *text; bool skip; } head[] = {
		{ "version", m->version, false },
		{ "exportArn", m->export_arn, false },
		{ "startTime", m->start_time, false },
		{ "endTime", m->end_time, false },
		{ "tableArn", m->table_arn, false },
		{ "tableId", m->table_id, false },
		{ "exportTime", m->export_time, !full },
		{ "exportFromTime", m->from_time, full },
		{ "exportToTime", m->to_time, full },
		{ "s3Bucket", m->s3_bucket, false },
		{ "s3Prefix", m->s3_prefix, false },
		{ "s3SseAlgorithm", m->sse_algorithm, false },
		{ "s3SseKmsKeyId", m->sse_kms_key, false },
		{ "manifestFilesS3Key", m->files_key, false },
	}, tail[] = {
		{ "outputFormat", m->output_format, false },
		{ "outputView", m->output_view, m->output_view == NULL },
		{ "exportType", m->export_type, m->export_type == NULL },
		{ "csvDelimiter", m->csv_delimiter, m->csv_delimiter == NULL },
		{ "csvColumns", m->csv_columns, m->csv_columns == NULL },
	};

	if (buf_append(out, span_of("{"), err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		if (!head[i].skip &&
		    put_text(head[i].name, head[i].text, out, err) != 0)
			return -1;
	if (buf_printf(out, err, ",\"billedSizeBytes\":%" PRIu64
		       ",\"itemCount\":%" PRIu64, m->billed_len,
		       m->nitems) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(tail) / sizeof(tail[0]); i++)
		if (!tail[i].skip &&
		    put_text(tail[i].name, tail[i].text, out, err) != 0)
			return -1;
	return buf_append(out, span_of("}"), err);
}

int
manifest_write_file(const struct manifest_file *f, struct buf *out,
		    struct err *err)
{
	const struct span md5 = { f->md5, MANIFEST_MD5_LEN };
	uint8_t text[MANIFEST_CHECKSUM_LEN], etag[MD5_LEN];
	char hex[2 * MD5_LEN + 1];

	/* An ETag as S3 gives it to an object uploaded in one part of many. */
	md5_of(md5, etag);
	for (size_t i = 0; i < MD5_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", etag[i]);
	base64_encode(md5, text);
	if (buf_printf(out, err, "{\"itemCount\":%" PRIu64 ",\"md5Checksum\":"
		       "\"%.*s\",\"etag\":\"%s-1\",\"dataFileS3Key\":",
		       f->nitems, MANIFEST_CHECKSUM_LEN, (const char *)text,
		       hex) != 0 ||
	    json_quote(span_of(f->key), out, err) != 0)
		return -1;
	return buf_append(out, span_of("}\n"), err);
}

void
manifest_checksum(struct span json, uint8_t out[MANIFEST_CHECKSUM_LEN])
{
	uint8_t md5[MD5_LEN];

	md5_of(json, md5);
	base64_encode((struct span){ md5, MD5_LEN }, out);
}

bool
manifest_check(struct span json, struct span checksum)
{
	uint8_t want[MANIFEST_CHECKSUM_LEN];

	/* Real ones have no newline; those that people make again do. */
	while (checksum.len > 0 && (checksum.ptr[checksum.len - 1] == '\n' ||
				    checksum.ptr[checksum.len - 1] == '\r'))
		checksum.len--;
	manifest_checksum(json, want);
	return span_equal(checksum, (struct span){ want, sizeof(want) });
}
