#include "base/token.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/err.h"

int
token_make(char out[TOKEN_LEN], struct err *err)
{
	uint64_t n[2];

	if (getrandom(n, sizeof(n), 0) != (ssize_t)sizeof(n))
		return err_set(err, ERR_SYSTEM, "no random bytes: %m");
	snprintf(out, TOKEN_LEN, "%016" PRIx64 "%016" PRIx64, n[0], n[1]);
	return 0;
}
