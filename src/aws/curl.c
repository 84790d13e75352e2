#include "aws/curl.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/library.h"

/* The names under which distributions have it; the first is the usual one. */
static const char *const LIBRARIES[] = {
	"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so",
};

#define FUNCTION(name) \
	{ "curl_" #name, offsetof(struct curl_functions, name) }

static const struct library_function FUNCTIONS[] = {
	FUNCTION(global_init), FUNCTION(easy_init), FUNCTION(easy_cleanup),
	FUNCTION(easy_reset), FUNCTION(easy_setopt), FUNCTION(easy_getinfo),
	FUNCTION(easy_pause), FUNCTION(easy_strerror), FUNCTION(multi_init),
	FUNCTION(multi_cleanup), FUNCTION(multi_setopt),
	FUNCTION(multi_add_handle), FUNCTION(multi_remove_handle),
	FUNCTION(multi_socket_action),
	FUNCTION(multi_info_read), FUNCTION(multi_strerror),
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct curl_functions functions;
static struct err failure;

static const struct library LIBRARY = {
	.files = LIBRARIES,
	.nfiles = sizeof(LIBRARIES) / sizeof(LIBRARIES[0]),
	.functions = FUNCTIONS,
	.nfunctions = sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]),
	.absent = "libcurl is not here, and AWS is reached through it: install it "
		  "(Debian: libcurl4)",
	.name = "libcurl", .oldest = "7.66",
};

static void
load(void)
{
	if (library_load(&LIBRARY, &functions, &failure) == 0 &&
	    functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		err_set(&failure, ERR_SYSTEM, "libcurl does not start");
}

const struct curl_functions *
curl_load(struct err *err)
{
	pthread_once(&once, load);
	if (failure.code == ERR_NONE)
		return &functions;
	*err = failure;
	return NULL;
}
