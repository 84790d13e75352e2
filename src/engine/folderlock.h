/*
 * folderlock.h - one process at a time in a folder that is no job: the lock is
 * DIR/.lock, and goes with the process.
 */
#ifndef ENGINE_FOLDERLOCK_H
#define ENGINE_FOLDERLOCK_H

struct err;

/*
 * Make the folder, and lock it until what is returned is closed.  -1 with *err
 * set: ERR_REFUSED if another process has it, who `does` something there.
 */
int folder_lock(const char *dir, const char *does, struct err *err);

#endif
