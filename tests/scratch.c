#include "tests/scratch.h"

#include <stdio.h>
#include <unistd.h>

char scratch[64];

int
scratch_new(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/dynamill-test-%d",
		 (int)getpid());
	unlink(scratch);
	return 0;
}

int
scratch_gone(void **state)
{
	(void)state;
	unlink(scratch);
	return 0;
}
