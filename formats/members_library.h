/*
 * members_library.h - libarchive, loaded when the first archive is met.
 *
 * Linked, it and what it brings along (libxml2, ICU, libstdc++ ...) cost every
 * start of the program the time of loading them and 3 MiB, and most runs see no
 * archive.  Likewise libcurl: aws/curl.h.
 */
#ifndef FORMATS_MEMBERS_LIBRARY_H
#define FORMATS_MEMBERS_LIBRARY_H

#include <archive.h>
#include <archive_entry.h>

struct err;

/* The functions that are used, under their names without `archive_`. */
struct members_library {
	struct archive *(*read_new)(void);
	int (*read_free)(struct archive *a);
	int (*read_support_filter_gzip)(struct archive *a);
	int (*read_support_filter_bzip2)(struct archive *a);
	int (*read_support_filter_xz)(struct archive *a);
	int (*read_support_filter_zstd)(struct archive *a);
	int (*read_support_filter_lz4)(struct archive *a);
	int (*read_support_format_tar)(struct archive *a);
	int (*read_support_format_zip)(struct archive *a);
	int (*read_support_format_7zip)(struct archive *a);
	int (*read_open_filename)(struct archive *a, const char *path,
				  size_t block_len);
	int (*read_set_callback_data)(struct archive *a, void *context);
	int (*read_set_read_callback)(struct archive *a,
				      archive_read_callback *read);
	int (*read_set_seek_callback)(struct archive *a,
				      archive_seek_callback *seek);
	int (*read_set_skip_callback)(struct archive *a,
				      archive_skip_callback *skip);
	int (*read_open1)(struct archive *a);
	int (*read_next_header)(struct archive *a,
				struct archive_entry **entry);
	la_ssize_t (*read_data)(struct archive *a, void *to, size_t n);
	int (*read_data_skip)(struct archive *a);
	void (*set_error)(struct archive *a, int code, const char *text, ...);
	const char *(*error_string)(struct archive *a);
	la_int64_t (*filter_bytes)(struct archive *a, int filter);
	int (*filter_count)(struct archive *a);
	int (*format)(struct archive *a);
	const char *(*entry_pathname)(struct archive_entry *e);
	const char *(*entry_pathname_utf8)(struct archive_entry *e);
	const char *(*entry_hardlink)(struct archive_entry *e);
	__LA_MODE_T (*entry_filetype)(struct archive_entry *e);
	int (*entry_is_encrypted)(struct archive_entry *e);
	la_int64_t (*entry_size)(struct archive_entry *e);
	int (*entry_size_is_set)(struct archive_entry *e);
};

/* All of them, from any thread; NULL with ERR_SYSTEM if it is not here. */
const struct members_library *members_library(struct err *err);

#endif
