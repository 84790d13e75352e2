#include "engine/place.h"

#include <string.h>

#include "io/file.h"

struct feed *
place_feed(const char *where, struct err *err)
{
	return strcmp(where, "-") == 0 ? stdin_feed(err) :
	       file_feed(where, err);
}

struct drain *
place_drain(const char *where, struct err *err)
{
	return strcmp(where, "-") == 0 ? stdout_drain(err) :
	       file_drain(where, err);
}
