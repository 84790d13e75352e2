#include "engine/folderlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "io/file.h"

int
folder_lock(const char *dir, const char *does, struct err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/.lock", dir) >= PATH_MAX)
		return err_set(err, ERR_LIMIT, "'%s': too long a path", dir);
	if (file_make_folder(dir, err) != 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	if (fcntl(fd, F_OFD_SETLK, &all) == 0)
		return fd;
	if (errno != EAGAIN && errno != EACCES)
		err_set(err, ERR_SYSTEM, "'%s': %m", path);
	else
		err_set(err, ERR_REFUSED, "another process %s '%s'; wait for "
			"it to end, or name another folder", does, dir);
	close(fd);
	return -1;
}
