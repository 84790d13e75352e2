#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

int
library_load(const struct library *l, void *to, struct err *err)
{
	void *library = NULL;

	for (size_t i = 0; i < l->nfiles && library == NULL; i++)
		library = dlopen(l->files[i], RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return err_set(err, ERR_SYSTEM, "%s", l->absent);
	for (size_t i = 0; i < l->nfunctions; i++) {
		void *const f = dlsym(library, l->functions[i].name);

		if (f == NULL)
			return err_set(err, ERR_SYSTEM, "%s has no '%s': it is "
				       "too old; %s or later is needed",
				       l->name, l->functions[i].name,
				       l->oldest);
		memcpy((unsigned char *)to + l->functions[i].at, &f,
		       sizeof(f));
	}
	return 0;
}
