/* The hub's folder. */
#include "data_folder.h"

#include <pier.h>
#include <sys/file.h>

#include "sentences.h"

static int explain(int err, const char *dir, enum hub_lang lang, char *why, size_t room)
{
	const char *what = pier_strerror(err);

	if (err == -EWOULDBLOCK)
		snprintf(why, room, WHY_HELD(lang), dir);
	else if (err == -ENOSPC || err == -EDQUOT)
		snprintf(why, room, WHY_NO_SPACE(lang), dir, what);
	else
		snprintf(why, room, WHY_NO_FOLDER(lang), dir, what);
	return err;
}

int data_folder_take(const char *dir, enum hub_lang lang, char *why, size_t room)
{
	pier_dir *d;
	int err = pier_dir_open(dir, true, &d);

	if (err < 0)
		return explain(err, dir, lang, why, room);
	int fd = pier_file_open(d, "lock", PIER_WRITE | PIER_CREATE);
	pier_dir_close(d);
	if (fd < 0)
		return explain(fd, dir, lang, why, room);
	/* The kernel lets go of it however the hub ends, so no lock is ever stale. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = -errno;
		pier_file_close(fd);
		return explain(err, dir, lang, why, room);
	}
	return fd;
}

void data_folder_release(int lock)
{
	if (lock >= 0)
		pier_file_close(lock);
}
