#include "formats/members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/err.h"
#include "formats/members_library.h"

enum {
	BLOCK_LEN = 256 * 1024,
	LEAP_LEN = 1024 * 1024,		/* less is had sooner by reading on */
};

struct members {
	const struct members_library *lib;
	struct archive *archive;
	struct members_input input;	/* .read NULL: a file */
	uint8_t *block;			/* of it */
	struct err why;			/* it failed */
	struct members_limits limits;
	uint64_t number;		/* of the next file */
	uint64_t entries;		/* so far, folders among them */
	uint64_t unpacked;
	uint64_t declared;		/* by a zip, of its files so far */
	uint64_t packed_len;		/* of the archive; 0 if not known */
	char *name;			/* of the file at hand */
	uint64_t end;			/* of its bytes, in a tar; or 0 */
	bool at_end;			/* of its bytes */
};

/* ---- what it is ---------------------------------------------------------- */

bool
members_is_name(const char *name)
{
	static const char *const ENDS[] = {
		".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz",
		".txz", ".tar.bz2", ".tbz2", ".tar.lz4", ".zip", ".7z",
	};
	const size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
		const size_t len = strlen(ENDS[i]);

		if (n > len && strcasecmp(name + n - len, ENDS[i]) == 0)
			return true;
	}
	return false;
}

bool
members_sniff(struct span head)
{
	static const struct { size_t at, len; const char *bytes; } MAGIC[] = {
		{ 0, 4, "PK\003\004" }, { 0, 4, "PK\005\006" },
		{ 0, 6, "7z\274\257\047\034" }, { 257, 5, "ustar" },
		/* Packed by what no data file is packed by. */
		{ 0, 6, "\3757zXZ\0" }, { 0, 3, "BZh" },
	};

	for (size_t i = 0; i < sizeof(MAGIC) / sizeof(MAGIC[0]); i++)
		if (head.len >= MAGIC[i].at + MAGIC[i].len &&
		    memcmp(head.ptr + MAGIC[i].at, MAGIC[i].bytes,
			   MAGIC[i].len) == 0)
			return true;
	return false;
}

static bool
ends(const char *path, const char *end)
{
	const size_t n = strlen(path), len = strlen(end);

	return n > len && strcasecmp(path + n - len, end) == 0;
}

bool
members_leaps(const char *path)
{
	return ends(path, ".zip");
}

bool
members_passes(const char *path)
{
	return ends(path, ".zip") || ends(path, ".tar");
}

/* ---- opening ------------------------------------------------------------- */

/* What the library says went wrong, in our words around it. */
static int
fail(struct members *m, const char *what, struct err *err)
{
	const char *const why = m->lib->error_string(m->archive);
	const int64_t at = (int64_t)m->lib->filter_bytes(m->archive, -1);

	if (m->why.code != ERR_NONE) {	/* nothing is wrong with the archive */
		*err = m->why;
		return -1;
	}
	return err_set(err, ERR_INPUT, "%s behind byte %" PRId64 " of the "
		       "archive: %s", what,
		       at > 0 ? at : 0,	/* -1: it was not even begun */
		       why != NULL ? why : "nobody says why");
}

/* A reader of what is ours to read, not yet open. */
static struct members *
new_members(const struct members_limits *limits, struct err *err)
{
	const struct members_library *const lib = members_library(err);
	struct members *const m = lib == NULL ? NULL : calloc(1, sizeof(*m));

	if (lib == NULL)
		return NULL;
	if (m != NULL)
		m->archive = lib->read_new();
	if (m == NULL || m->archive == NULL) {
		free(m);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	m->lib = lib;
	if (limits != NULL)
		m->limits = *limits;
	if (m->limits.unpacked == 0)
		m->limits.unpacked = MEMBERS_UNPACKED;
	if (m->limits.ratio == 0)
		m->limits.ratio = MEMBERS_RATIO;
	if (m->limits.count == 0)
		m->limits.count = MEMBERS_COUNT;

	/* No others: some formats of the library run programs or read URLs. */
	lib->read_support_filter_gzip(m->archive);
	lib->read_support_filter_bzip2(m->archive);
	lib->read_support_filter_xz(m->archive);
	lib->read_support_filter_zstd(m->archive);
	lib->read_support_filter_lz4(m->archive);
	lib->read_support_format_tar(m->archive);
	lib->read_support_format_zip(m->archive);
	lib->read_support_format_7zip(m->archive);
	return m;
}

struct members *
members_open(const char *path, const struct members_limits *limits,
	     struct err *err)
{
	struct members *const m = new_members(limits, err);
	struct stat st;

	if (m == NULL)
		return NULL;
	if (stat(path, &st) != 0) {
		err_set(err, ERR_INPUT, "'%s': %m", path);
		goto failed;
	}
	m->packed_len = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (m->lib->read_open_filename(m->archive, path,
				       BLOCK_LEN) != ARCHIVE_OK) {
		fail(m, "cannot be opened", err);
		goto failed;
	}
	return m;
failed:
	members_close(m);
	return NULL;
}

/* ---- what is not a file -------------------------------------------------- */

static la_ssize_t
read_input(struct archive *a, void *context, const void **bytes)
{
	struct members *const m = context;
	const ssize_t n = m->input.read(m->input.context, m->block, BLOCK_LEN,
					&m->why);

	*bytes = m->block;
	if (n < 0)
		m->lib->set_error(a, EIO, "it cannot be read");
	return n;
}

static la_int64_t
seek_input(struct archive *a, void *context, la_int64_t to, int whence)
{
	struct members *const m = context;
	const int64_t at = m->input.seek(m->input.context, to, whence,
					 &m->why);

	if (at >= 0)
		return at;
	m->lib->set_error(a, EIO, "it cannot be read");
	return ARCHIVE_FATAL;
}

/* Of a file that nobody wants; 0: it is to be read on. */
static la_int64_t
skip_input(struct archive *a, void *context, la_int64_t n)
{
	const struct members *const m = context;
	const la_int64_t at = n < LEAP_LEN ? -1
		: seek_input(a, context, 0, SEEK_CUR);

	if (n < LEAP_LEN)
		return 0;
	if (at < 0)
		return ARCHIVE_FATAL;
	if (n > (la_int64_t)m->packed_len - at)
		n = (la_int64_t)m->packed_len - at;
	return seek_input(a, context, n, SEEK_CUR) < 0 ? ARCHIVE_FATAL : n;
}

struct members *
members_open_input(const struct members_input *in,
		   const struct members_limits *limits, struct err *err)
{
	struct members *const m = new_members(limits, err);
	int64_t len = 0;

	if (m == NULL) {
		in->close(in->context);
		return NULL;
	}
	m->input = *in;
	m->block = malloc(BLOCK_LEN);
	if (m->block == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto failed;
	}
	len = in->seek(in->context, 0, SEEK_END, err);
	if (len < 0 || in->seek(in->context, 0, SEEK_SET, err) < 0)
		goto failed;
	m->packed_len = (uint64_t)len;
	m->lib->read_set_callback_data(m->archive, m);
	m->lib->read_set_read_callback(m->archive, read_input);
	m->lib->read_set_seek_callback(m->archive, seek_input);
	m->lib->read_set_skip_callback(m->archive, skip_input);
	if (m->lib->read_open1(m->archive) != ARCHIVE_OK) {
		fail(m, "cannot be opened", err);
		goto failed;
	}
	return m;
failed:
	members_close(m);
	return NULL;
}

void
members_close(struct members *m)
{
	if (m == NULL)
		return;
	if (m->archive != NULL)
		m->lib->read_free(m->archive);
	if (m->input.read != NULL)
		m->input.close(m->input.context);
	free(m->block);
	free(m->name);
	free(m);
}

/* ---- members ------------------------------------------------------------- */

/* Does the name stay within the archive, whatever is made of it? */
static bool
is_sane(const char *name)
{
	if (*name == '/' || *name == '\0' || strchr(name, '\\') != NULL ||
	    strlen(name) > MEMBERS_MAX_NAME)
		return false;
	for (const char *p = name; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return false;
	}
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0';
	     p++)
		if (*p < 0x20 || *p == 0x7F)
			return false;
	return true;
}

/* The name may hold anything, and is to be read on a terminal. */
static int
refuse(const char *name, const char *what, struct err *err)
{
	struct buf shown = { 0 };

	if (display_put((struct span){ (const uint8_t *)name,
				       strnlen(name, 150) }, false, &shown,
			err) == 0)
		err_set(err, ERR_INPUT, "member '%.*s' %s; that is no archive "
			"of exports", (int)(shown.len < 150 ? shown.len : 150),
			shown.len > 0 ? (const char *)shown.ptr : "", what);
	buf_free(&shown);
	return -1;
}

/* "./a//b" is "a/b", and so is ".//a/b"; "./" is "".  Not for "/a". */
static void
tidy(char *name)
{
	char *to = name;

	for (const char *p = name; *p != '\0'; p++) {
		const bool starts = to == name || to[-1] == '/';

		if (starts && *p == '/')
			continue;
		if (starts && p[0] == '.' && p[1] == '/') {
			p++;
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
}

/* The name of an entry, which may be anything, as our own and sane. */
static int
take_name(struct members *m, struct archive_entry *entry, struct err *err)
{
	const char *name = m->lib->entry_pathname_utf8(entry);

	if (name == NULL)
		name = m->lib->entry_pathname(entry);
	if (name == NULL)
		return err_set(err, ERR_INPUT, "a member without a name");
	if (!is_sane(name))
		return refuse(name, "leads out of the archive, or has a name "
			      "that no file has", err);
	free(m->name);
	m->name = strdup(name);
	if (m->name == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	tidy(m->name);
	return 0;
}

/* May it come to so many bytes?  Returns 0 or -1. */
static int
check_limits(const struct members *m, uint64_t len, struct err *err)
{
	if (len > m->limits.unpacked)
		return err_set(err, ERR_INPUT, "the archive unpacks to more "
			       "than %" PRIu64 " bytes; if that is right, say "
			       "--max-unpacked", m->limits.unpacked);
	if (m->packed_len > 0 && len > MEMBERS_FREE &&
	    len / m->limits.ratio > m->packed_len)
		return err_set(err, ERR_INPUT, "the archive unpacks to more "
			       "than %" PRIu64 " times its length; if that is "
			       "right, say --max-ratio", m->limits.ratio);
	return 0;
}

/* Is it a tar that nothing packed?  Then files stand there as they are. */
static bool
is_plain_tar(const struct members *m)
{
	return (m->lib->format(m->archive) & ARCHIVE_FORMAT_BASE_MASK) ==
	       ARCHIVE_FORMAT_TAR && m->lib->filter_count(m->archive) == 1;
}

/*
 * Pass over the rest of a file.  But for zip, which can leap, and what a plain
 * tar has all of, the library would unpack it unseen, whatever it comes to.
 */
static int
pass_over(struct members *m, struct err *err)
{
	uint8_t scrap[16 * 1024];
	ssize_t n = 1;

	if (m->lib->format(m->archive) == ARCHIVE_FORMAT_ZIP)
		return 0;
	if (m->end > 0 && m->end <= m->packed_len && !m->at_end)
		return m->lib->read_data_skip(m->archive) == ARCHIVE_OK ? 0
			: fail(m, "damaged", err);
	while (n > 0 && !m->at_end)
		n = members_read(m, scrap, sizeof(scrap), err);
	return n < 0 ? -1 : 0;
}

/*
 * The library takes a tar that was cut off between two files for a whole one;
 * but a whole one has an end mark of zeros, which it reads on.
 */
static int
check_end(const struct members *m, int64_t before, struct err *err)
{
	enum { MARK_LEN = 512 };
	const int format = m->lib->format(m->archive) &
			   ARCHIVE_FORMAT_BASE_MASK;

	if (format != ARCHIVE_FORMAT_TAR ||
	    m->lib->filter_bytes(m->archive, 0) - before >= MARK_LEN)
		return 0;
	return err_set(err, ERR_INPUT, "the archive was cut off behind byte %"
		       PRId64 ": it has no end mark", before);
}

int
members_next(struct members *m, struct member *out, struct err *err)
{
	struct archive_entry *entry;

	if (m->number > 0 && pass_over(m, err) != 0)
		return -1;
	for (;;) {
		const int64_t at = m->lib->filter_bytes(m->archive, 0);
		const int rc = m->lib->read_next_header(m->archive, &entry);

		if (rc == ARCHIVE_EOF)
			return check_end(m, at, err);
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return fail(m, "damaged", err);
		if (++m->entries > m->limits.count)
			return err_set(err, ERR_INPUT, "more than %" PRIu64
				       " members in the archive",
				       m->limits.count);
		if (take_name(m, entry, err) != 0)
			return -1;
		if (m->lib->entry_hardlink(entry) != NULL ||
		    m->lib->entry_filetype(entry) == AE_IFLNK)
			return refuse(m->name, "is a link", err);
		if (m->lib->entry_filetype(entry) == AE_IFDIR)
			continue;
		if (m->lib->entry_filetype(entry) != AE_IFREG)
			return refuse(m->name, "is neither file nor folder",
				      err);
		if (*m->name == '\0')
			return refuse(m->name, "is a file without a name",
				      err);
		if (m->lib->entry_is_encrypted(entry) > 0)
			return refuse(m->name, "is encrypted", err);
		break;
	}
	m->at_end = false;
	m->end = is_plain_tar(m) && m->lib->entry_size_is_set(entry)
		? (uint64_t)m->lib->filter_bytes(m->archive, 0) +
		  (uint64_t)m->lib->entry_size(entry) : 0;
	/* What a zip says that it holds, before anybody reads it. */
	if (m->lib->format(m->archive) == ARCHIVE_FORMAT_ZIP &&
	    m->lib->entry_size_is_set(entry)) {
		m->declared += (uint64_t)m->lib->entry_size(entry);
		if (check_limits(m, m->declared, err) != 0)
			return -1;
	}
	*out = (struct member){
		.name = m->name, .number = m->number++,
		.len = m->lib->entry_size_is_set(entry)
		       ? (int64_t)m->lib->entry_size(entry) : -1,
	};
	return 1;
}

ssize_t
members_read(struct members *m, uint8_t *to, size_t n, struct err *err)
{
	const la_ssize_t got = m->lib->read_data(m->archive, to, n);

	if (got < 0)
		return fail(m, "damaged", err);
	m->at_end = got == 0;
	m->unpacked += (uint64_t)got;
	return check_limits(m, m->unpacked, err) != 0 ? -1 : (ssize_t)got;
}
