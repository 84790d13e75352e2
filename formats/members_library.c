#include "formats/members_library.h"

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"
#include "base/library.h"

/* The names under which systems have it; the first is the usual one. */
static const char *const LIBRARIES[] = { "libarchive.so.13", "libarchive.so" };

#define FUNCTION(name) \
	{ "archive_" #name, offsetof(struct members_library, name) }

static const struct library_function FUNCTIONS[] = {
	FUNCTION(read_new), FUNCTION(read_free),
	FUNCTION(read_support_filter_gzip),
	FUNCTION(read_support_filter_bzip2),
	FUNCTION(read_support_filter_xz), FUNCTION(read_support_filter_zstd),
	FUNCTION(read_support_filter_lz4), FUNCTION(read_support_format_tar),
	FUNCTION(read_support_format_zip), FUNCTION(read_support_format_7zip),
	FUNCTION(read_open_filename), FUNCTION(read_set_callback_data),
	FUNCTION(read_set_read_callback), FUNCTION(read_set_seek_callback),
	FUNCTION(read_set_skip_callback), FUNCTION(read_open1),
	FUNCTION(read_next_header), FUNCTION(read_data),
	FUNCTION(read_data_skip), FUNCTION(set_error), FUNCTION(error_string),
	FUNCTION(filter_bytes), FUNCTION(filter_count), FUNCTION(format),
	FUNCTION(entry_pathname),
	FUNCTION(entry_pathname_utf8), FUNCTION(entry_hardlink),
	FUNCTION(entry_filetype), FUNCTION(entry_is_encrypted),
	FUNCTION(entry_size), FUNCTION(entry_size_is_set),
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct members_library functions;
static struct err failure;

static const struct library LIBRARY = {
	.files = LIBRARIES,
	.nfiles = sizeof(LIBRARIES) / sizeof(LIBRARIES[0]),
	.functions = FUNCTIONS,
	.nfunctions = sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]),
	.absent = "libarchive is not here, and archives are read by it: install "
		  "it (Debian: libarchive13), or unpack the archive",
	.name = "libarchive", .oldest = "3.4",
};

static void
load(void)
{
	library_load(&LIBRARY, &functions, &failure);
}

const struct members_library *
members_library(struct err *err)
{
	pthread_once(&once, load);
	if (failure.code == ERR_NONE)
		return &functions;
	*err = failure;
	return NULL;
}
