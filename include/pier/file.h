/* Files beneath a folder, for servers that let strangers name them. Every call waits on a thread of the
 * file pool, not on the worker; outside fibers it simply blocks. */
#ifndef PIER_FILE_H
#define PIER_FILE_H

#include <pier/api.h>
#include <pier/bytes.h>

PIER_BEGIN

/* A folder, held open. No path given with it leads outside: neither "..", nor an absolute path, nor a
 * symbolic link. openat2(2), RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS; before Linux 5.6 there
 * is no such call, and every ".." and link is refused, wherever it leads. */
typedef struct pier_dir pier_dir;

typedef struct pier_file_info {
	int64_t size;
	int64_t mtime; /* ns since 1970 */
	uint64_t inode;
	bool is_dir;
	bool is_file; /* a regular file; what is neither is never opened */
} pier_file_info;

/* Opens a folder; `create` makes it (mode 0700) and its missing parents, each put on the disk. Returns 0 with `out` set or an
 * error. */
PIER_API int pier_dir_open(const char *path, bool create, pier_dir **out);
PIER_API void pier_dir_close(pier_dir *d);

/* Opens a regular file beneath. Returns a descriptor, the caller's, or -ENOENT, -EISDIR, -EXDEV (the
 * path leads outside), -EINVAL (neither file nor folder: a FIFO would block) … With PIER_CREATE the
 * missing folders on the way are made, and put on the disk; the file's own name is not. */
enum {
	PIER_READ = 0,
	PIER_WRITE = 1,	    /* for writing; also reading */
	PIER_CREATE = 2,    /* make it when missing */
	PIER_EXCLUSIVE = 4, /* -EEXIST when it is there */
	PIER_TRUNCATE = 8,
	PIER_SECRET = 16, /* one that is made is for this user alone: mode 0600, else 0644 */
};
PIER_API int pier_file_open(pier_dir *d, const char *path, int how);
PIER_API int pier_file_close(int fd);

/* A descriptor that its scope owns:	PIER_AUTO_FILE file = pier_file_open(folder, name, PIER_READ);
 * Python: with open(…) as file. */
#define PIER_AUTO_FILE PIER_CLEANUP(pier_file_close_auto) int

static inline void pier_file_close_auto(int *fd)
{
	if (*fd >= 0)
		pier_file_close(*fd);
}

/* Asks about a path beneath, or about an open file. Returns 0 or an error. */
PIER_API int pier_file_stat(pier_dir *d, const char *path, pier_file_info *out);
PIER_API int pier_file_fstat(int fd, pier_file_info *out);

/* Reads at `offset`; returns the count, 0 at the end. Writes all of it, or fails. pread(2), pwrite(2). */
PIER_API ssize_t pier_file_read(int fd, void *into, size_t room, int64_t offset);
PIER_API ssize_t pier_file_write(int fd, const void *from, size_t len, int64_t offset);

/* Puts the file's bytes on the disk. fsync(2). */
PIER_API int pier_file_sync(int fd);

/* Renames beneath, replacing what was there, and puts both folders on the disk. Missing folders of the
 * new path are made, and put there as well. rename(2). */
PIER_API int pier_file_rename(pier_dir *from, const char *old_path, pier_dir *to,
			      const char *new_path);
/* Removes a file, and puts its folder on the disk: it does not come back. unlink(2). */
PIER_API int pier_file_remove(pier_dir *d, const char *path);

/* Lists a folder beneath ("" is the folder itself), without "." and "..", sorted by name, at most `max`
 * entries. The list is the caller's, freed by pier_list_free. Returns 0 or an error. */
typedef struct pier_list {
	size_t count;
	bool more; /* there were more than max */
	struct pier_list_entry {
		char *name;
		pier_file_info info;
	} * at;
} pier_list;
PIER_API int pier_file_list(pier_dir *d, const char *path, size_t max, pier_list *out);
PIER_API void pier_list_free(pier_list *list);

PIER_END

#endif
