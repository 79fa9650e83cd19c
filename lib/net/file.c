/* Files through the backend: each call is an op of the file pool. */
#include "fiber/fiber.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pier/file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/socket.h"

#define FILE_MODE    0644
#define PRIVATE_MODE 0600
#define DIR_MODE     0755
#define HOME_MODE    0700 /* of a folder that pier_dir_open makes */

struct pier_dir {
	int fd;
};

static int64_t run(struct io_op *op)
{
	return pier_await_deaf(op, "a disk");
}

static int open_at(int dir, const char *path, int flags, unsigned mode)
{
	struct io_op op = {.kind = IO_OPEN, .flags = flags};
	op.file.dir = dir;
	op.file.path = *path ? path : ".";
	op.file.mode = mode;
	return (int)run(&op);
}

static int stat_of(int dir, const char *path, int fd, struct stat *out)
{
	struct io_op op = {.kind = IO_STAT, .fd = fd};
	op.file.dir = dir;
	op.file.path = path;
	op.file.at = out;
	return (int)run(&op);
}

static void tell(const struct stat *st, pier_file_info *out)
{
	*out = (pier_file_info){.size = st->st_size,
				.mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 +
					 st->st_mtim.tv_nsec,
				.inode = st->st_ino,
				.is_dir = S_ISDIR(st->st_mode),
				.is_file = S_ISREG(st->st_mode)};
}

/* ---- Folders ------------------------------------------------------------------------------------- */

/* The folder of an existing name, opened without making anything. */
static int holder_of(int dir, const char *path, const char **name)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (slash == path)
		len = 1; /* the root, which is beneath no folder */
	*name = slash ? slash + 1 : path;
	if (len >= sizeof folder)
		return -ENAMETOOLONG;
	memcpy(folder, path, len);
	folder[len] = '\0';
	return open_at(dir, folder, O_PATH | O_DIRECTORY, 0);
}

/* A folder opened by O_PATH cannot be synced; it is opened anew for that. */
static int sync_dir(int dir)
{
	int fd = open_at(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	struct io_op op = {.kind = IO_FSYNC, .fd = fd};
	int err = (int)run(&op);
	pier_io_close(fd);
	return err;
}

static int sync_holder(int dir, const char *path)
{
	const char *name;
	int holder = holder_of(dir, path, &name);
	if (holder < 0)
		return holder;
	int err = sync_dir(holder);
	pier_io_close(holder);
	return err == -EACCES
		       ? 0
		       : err; /* who may write there need not be able to read, and so to sync */
}

/* Makes it when it is missing, and its name safe: what is put into it is found by that. One that is there may be that of another,
 * who has not synced it yet. */
static int make_dir(int dir, const char *path, unsigned mode)
{
	struct io_op make = {.kind = IO_MKDIR}, take_back = {.kind = IO_REMOVE};
	make.file.dir = take_back.file.dir = dir;
	make.file.path = take_back.file.path = path;
	make.file.mode = mode;
	take_back.flags = AT_REMOVEDIR;
	int made = (int)run(&make);
	if (made < 0 && made != -EEXIST)
		return made;
	int err = sync_holder(dir, path);
	if (err < 0 && made == 0)
		run(&take_back);
	return err;
}

int pier_dir_open(const char *path, bool create, pier_dir **out)
{
	int fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ENOENT && create) {
		char part[PATH_MAX];
		if (strlen(path) >= sizeof part)
			return -ENAMETOOLONG;
		for (const char *end = path; *end;) {
			end += strspn(end, "/");
			end += strcspn(end, "/");
			snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
			int err = make_dir(AT_FDCWD, part, HOME_MODE);
			if (err < 0)
				return err;
		}
		fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return fd;
	pier_dir *d = malloc(sizeof *d);
	if (!d) {
		pier_io_close(fd);
		return -ENOMEM;
	}
	d->fd = fd;
	*out = d;
	return 0;
}

void pier_dir_close(pier_dir *d)
{
	if (!d)
		return;
	pier_io_close(d->fd);
	free(d);
}

/* Walks down from `dir`, making what is missing, to the folder that is to hold the last name of `path`.
 * Each step is resolved beneath the one before, so no link can lead out. */
static int parent_of(int dir, const char *path, const char **name)
{
	char part[NAME_MAX + 1];
	if (*path == '/')
		return -EXDEV;
	int at = open_at(dir, ".", O_PATH | O_DIRECTORY, 0);

	for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		size_t len = (size_t)(slash - path);
		if (len == 0)
			continue;
		if (len > NAME_MAX) {
			pier_io_close(at);
			return -ENAMETOOLONG;
		}
		memcpy(part, path, len);
		part[len] = '\0';
		int err = strcmp(part, "..") ? make_dir(at, part, DIR_MODE) : -EXDEV;
		int next = err < 0 ? err : open_at(at, part, O_PATH | O_DIRECTORY, 0);
		pier_io_close(at);
		at = next;
	}
	*name = path;
	return at;
}

/* ---- Files --------------------------------------------------------------------------------------- */

static int flags_of(int how)
{
	int flags = how & PIER_WRITE ? O_RDWR : O_RDONLY;
	if (how & PIER_CREATE)
		flags |= O_CREAT;
	if (how & PIER_EXCLUSIVE)
		flags |= O_EXCL;
	if (how & PIER_TRUNCATE)
		flags |= O_TRUNC;
	return flags;
}

static int checked(int fd)
{
	struct stat st;
	if (fd < 0)
		return fd;
	int err = stat_of(0, NULL, fd, &st);
	if (err == 0 && !S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (err < 0)
		pier_io_close(fd);
	return err < 0 ? err : fd;
}

int pier_file_open(pier_dir *d, const char *path, int how)
{
	int dir = d ? d->fd : AT_FDCWD, flags = flags_of(how);
	unsigned mode = how & PIER_SECRET ? PRIVATE_MODE : FILE_MODE;
	if (!*path)
		return -ENOENT;
	int fd = open_at(dir, path, flags, mode);
	if (fd == -ENOENT && d && (how & PIER_CREATE)) {
		const char *name;
		int parent = parent_of(dir, path, &name);
		if (parent < 0)
			return parent;
		fd = open_at(parent, name, flags, mode);
		pier_io_close(parent);
	}
	return checked(fd);
}

int pier_file_close(int fd)
{
	pier_io_close(fd);
	return 0;
}

int pier_file_stat(pier_dir *d, const char *path, pier_file_info *out)
{
	struct stat st;
	int fd = open_at(d ? d->fd : AT_FDCWD, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	int err = stat_of(0, NULL, fd, &st);
	pier_io_close(fd);
	if (err == 0)
		tell(&st, out);
	return err;
}

int pier_file_fstat(int fd, pier_file_info *out)
{
	struct stat st;
	int err = stat_of(0, NULL, fd, &st);
	if (err == 0)
		tell(&st, out);
	return err;
}

static int64_t transfer(enum io_kind kind, int fd, void *at, size_t len, int64_t offset)
{
	struct io_op op = {.kind = kind, .fd = fd};
	op.file.at = at;
	op.file.len = len;
	op.file.offset = offset;
	return run(&op);
}

ssize_t pier_file_read(int fd, void *into, size_t room, int64_t offset)
{
	return transfer(IO_PREAD, fd, into, room, offset);
}

ssize_t pier_file_write(int fd, const void *from, size_t len, int64_t offset)
{
	for (size_t done = 0; done < len;) {
		int64_t n = transfer(IO_PWRITE, fd, (char *)(uintptr_t)from + done, len - done,
				     offset + (int64_t)done);
		if (n <= 0)
			return n < 0 ? n : -EIO;
		done += (size_t)n;
	}
	return (ssize_t)len;
}

int pier_file_sync(int fd)
{
	struct io_op op = {.kind = IO_FSYNC, .fd = fd};
	return (int)run(&op);
}

/* ---- Names --------------------------------------------------------------------------------------- */

static int rename_in(int old_dir, const char *old_name, int new_dir, const char *new_name)
{
	struct io_op op = {.kind = IO_RENAME};
	op.file.dir = old_dir;
	op.file.path = old_name;
	op.file.fd2 = new_dir;
	op.file.path2 = new_name;
	int err = (int)run(&op);
	if (err == 0)
		err = sync_dir(new_dir);
	if (err == 0 && old_dir != new_dir)
		err = sync_dir(old_dir);
	return err;
}

static bool is_name(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..");
}

int pier_file_rename(pier_dir *from, const char *old_path, pier_dir *to, const char *new_path)
{
	const char *old_name, *new_name;
	int old_dir = holder_of(from ? from->fd : AT_FDCWD, old_path, &old_name);
	if (old_dir < 0)
		return old_dir;
	int new_dir = to ? parent_of(to->fd, new_path, &new_name)
			 : holder_of(AT_FDCWD, new_path, &new_name);
	int err = new_dir < 0 ? new_dir
		  : is_name(old_name) && is_name(new_name)
			  ? rename_in(old_dir, old_name, new_dir, new_name)
			  : -EINVAL;
	pier_io_close(old_dir);
	if (new_dir >= 0)
		pier_io_close(new_dir);
	return err;
}

int pier_file_remove(pier_dir *d, const char *path)
{
	const char *name;
	int dir = holder_of(d ? d->fd : AT_FDCWD, path, &name);
	if (dir < 0)
		return dir;
	struct io_op op = {.kind = IO_REMOVE};
	op.file.dir = dir;
	op.file.path = name;
	int err = is_name(name) ? (int)run(&op) : -EINVAL;
	if (err == 0)
		err = sync_dir(dir);
	pier_io_close(dir);
	return err;
}

int pier_file_list(pier_dir *d, const char *path, size_t max, pier_list *out)
{
	int fd = open_at(d ? d->fd : AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	struct io_op op = {.kind = IO_LIST, .fd = fd};
	op.file.len = max;
	op.file.at = out;
	int err = (int)run(&op);
	pier_io_close(fd);
	return err;
}
