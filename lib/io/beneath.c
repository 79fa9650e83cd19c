#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One name in `at`. O_NOFOLLOW refuses a link, save that with O_PATH it opens the link itself. */
static int step(int at, const char *name, size_t len, int flags, mode_t mode)
{
	char part[NAME_MAX + 1];
	struct stat st;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(part, name, len);
	part[len] = '\0';
	if (strcmp(part, "..") == 0)
		return -EXDEV;
	int fd = openat(at, part, flags | O_NOFOLLOW, mode);
	if (fd < 0)
		return errno == ELOOP ? -EXDEV : -errno;
	int err = fstat(fd, &st) < 0 ? -errno : S_ISLNK(st.st_mode) ? -EXDEV : 0;
	if (err < 0)
		close(fd);
	return err < 0 ? err : fd;
}

int pier_io_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	int at = dir;

	if (!*path)
		return -ENOENT;
	if (*path == '/')
		return -EXDEV;
	for (const char *slash; at >= 0 && (slash = strchr(path, '/'));) {
		int next = step(at, path, (size_t)(slash - path), O_PATH | O_CLOEXEC, 0);
		if (at != dir)
			close(at);
		at = next;
		path = slash + strspn(slash, "/");
	}
	if (at < 0)
		return at;
	int fd = *path ? step(at, path, strlen(path), flags, mode) : step(at, ".", 1, flags, mode);
	if (at != dir)
		close(at);
	return fd;
}
