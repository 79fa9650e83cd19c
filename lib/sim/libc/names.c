/* Names of files: stat(2), rename(2), unlink(2) and their kind, on simulated disks. Who may do what is not simulated: all
 * may do all, and nobody can tell otherwise. */
#include "disk.h"
#include "real.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- About --------------------------------------------------------------------------------------- */

/* On machines of 64 bits libc's struct is the kernel's. */
static int real_stat(int at, const char *path, int flags, struct stat *out)
{
	return (int)syscall(SYS_newfstatat, at, path, out, flags);
}

int fstat(int fd, struct stat *out)
{
	struct file *f = libc_file(fd);
	if (!f)
		return real_stat(fd, "", AT_EMPTY_PATH, out);
	pier_inode_stat(f->inode, out);
	return 0;
}
ALSO(fstat, fstat64);

int fstatat(int at, const char *restrict path, struct stat *restrict out, int flags)
{
	if (!*path && (flags & AT_EMPTY_PATH) && libc_file(at))
		return fstat(at, out);
	struct node *n = libc_node_for(at, path);
	return n ? (int)libc_said(pier_disk_stat(n, at, path, out))
		 : real_stat(at, path, flags, out);
}
ALSO(fstatat, fstatat64);

int stat(const char *restrict path, struct stat *restrict out)
{
	return fstatat(AT_FDCWD, path, out, 0);
}
ALSO(stat, stat64);

int lstat(const char *restrict path, struct stat *restrict out)
{
	return fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}
ALSO(lstat, lstat64);

int faccessat(int at, const char *path, int mode, int flags)
{
	struct stat st;
	struct node *n = libc_node_for(at, path);
	return n ? (int)libc_said(pier_disk_stat(n, at, path, &st))
		 : (int)syscall(SYS_faccessat, at, path, mode, flags);
}

int access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, 0);
}

static int space_of(const struct disk *d, struct statvfs *out)
{
	fsblkcnt_t left = (fsblkcnt_t)(d->room > d->used ? d->room - d->used : 0) / BLOCK;
	*out = (struct statvfs){.f_bsize = BLOCK,
				.f_frsize = BLOCK,
				.f_blocks = (fsblkcnt_t)d->room / BLOCK,
				.f_bfree = left,
				.f_bavail = left,
				.f_files = INODES_MAX,
				.f_ffree = INODES_MAX - d->count,
				.f_favail = INODES_MAX - d->count,
				.f_namemax = NAME_MAX};
	return 0;
}

int fstatvfs(int fd, struct statvfs *out)
{
	struct file *f = libc_file(fd);
	return f ? space_of(f->inode->disk, out) : REAL(fstatvfs, NULL)(fd, out);
}
ALSO(fstatvfs, fstatvfs64);

int statvfs(const char *restrict path, struct statvfs *restrict out)
{
	struct stat st;
	struct node *n = libc_node_for(AT_FDCWD, path);
	if (!n)
		return REAL(statvfs, NULL)(path, out);
	int err = pier_disk_stat(n, AT_FDCWD, path, &st);
	return err < 0 ? (int)libc_said(err) : space_of(n->disk, out);
}
ALSO(statvfs, statvfs64);

/* ---- Changes ------------------------------------------------------------------------------------- */

/* Not every libc has it. */
int renameat2(int at, const char *old_path, int to, const char *new_path, unsigned flags);
int renameat2(int at, const char *old_path, int to, const char *new_path, unsigned flags)
{
	struct node *n = libc_node_for(at, old_path);
	return n ? (int)libc_said(pier_disk_rename(n, at, old_path, to, new_path, flags))
		 : (int)syscall(SYS_renameat2, at, old_path, to, new_path, flags);
}

int renameat(int at, const char *old_path, int to, const char *new_path)
{
	return renameat2(at, old_path, to, new_path, 0);
}

int rename(const char *old_path, const char *new_path)
{
	return renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

int unlinkat(int at, const char *path, int flags)
{
	struct node *n = libc_node_for(at, path);
	return n ? (int)libc_said(pier_disk_remove(n, at, path, flags))
		 : (int)syscall(SYS_unlinkat, at, path, flags);
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
	int err = unlink(path);
	return err < 0 && errno == EISDIR ? rmdir(path) : err;
}

int mkdirat(int at, const char *path, mode_t mode)
{
	struct node *n = libc_node_for(at, path);
	return n ? (int)libc_said(pier_disk_mkdir(n, at, path, mode))
		 : (int)syscall(SYS_mkdirat, at, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int truncate(const char *path, off_t size)
{
	struct node *n = libc_node_for(AT_FDCWD, path);
	if (!n)
		return (int)syscall(SYS_truncate, path, size);
	int fd = libc_open(n, AT_FDCWD, path, O_WRONLY, 0);
	int err = fd < 0 ? -1 : (int)libc_said(pier_disk_resize(libc_file(fd), size));
	if (fd >= 0)
		pier_io_close(fd);
	return err;
}
ALSO(truncate, truncate64);

/* ---- What there is none of: links, owners, modes ------------------------------------------------- */

ssize_t readlinkat(int at, const char *restrict path, char *restrict into, size_t room)
{
	struct stat st;
	struct node *n = libc_node_for(at, path);
	if (!n)
		return syscall(SYS_readlinkat, at, path, into, room);
	int err = pier_disk_stat(n, at, path, &st);
	return libc_said(err < 0 ? err : -EINVAL);
}

ssize_t readlink(const char *restrict path, char *restrict into, size_t room)
{
	return readlinkat(AT_FDCWD, path, into, room);
}

int symlinkat(const char *target, int at, const char *path)
{
	return libc_node_for(at, path) ? (int)libc_said(-EPERM)
				       : (int)syscall(SYS_symlinkat, target, at, path);
}

int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}

int linkat(int at, const char *old_path, int to, const char *new_path, int flags)
{
	return libc_node_for(at, old_path)
		       ? (int)libc_said(-EPERM)
		       : (int)syscall(SYS_linkat, at, old_path, to, new_path, flags);
}

int link(const char *old_path, const char *new_path)
{
	return linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

/* It is there: that is all there is to say. */
static int agree(struct node *n, const char *path)
{
	struct stat st;
	return (int)libc_said(pier_disk_stat(n, AT_FDCWD, path, &st));
}

int chmod(const char *path, mode_t mode)
{
	struct node *n = libc_node_for(AT_FDCWD, path);
	return n ? agree(n, path) : (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

int chown(const char *path, uid_t user, gid_t group)
{
	struct node *n = libc_node_for(AT_FDCWD, path);
	return n ? agree(n, path) : (int)syscall(SYS_fchownat, AT_FDCWD, path, user, group, 0);
}

int fchmod(int fd, mode_t mode)
{
	return libc_file(fd) ? 0 : (int)syscall(SYS_fchmod, fd, mode);
}

int fchown(int fd, uid_t user, gid_t group)
{
	return libc_file(fd) ? 0 : (int)syscall(SYS_fchown, fd, user, group);
}

int utimensat(int at, const char *path, const struct timespec times[2], int flags)
{
	struct node *n = libc_node_for(at, path);
	return n ? agree(n, path) : (int)syscall(SYS_utimensat, at, path, times, flags);
}

int futimens(int fd, const struct timespec times[2])
{
	return libc_file(fd) ? 0 : (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

/* ---- Where one is: at the root ------------------------------------------------------------------- */

char *getcwd(char *into, size_t room)
{
	if (!libc_task())
		return REAL(getcwd, NULL)(into, room);
	if (!into)
		return strdup("/");
	if (room < 2) {
		errno = room ? ERANGE : EINVAL;
		return NULL;
	}
	memcpy(into, "/", 2);
	return into;
}

/* Without the names that mean nothing; what is there has no links. */
static void straighten(const char *path, char *out)
{
	char *at = out;
	while (*path) {
		size_t slashes = strspn(path, "/"), len = strcspn(path + slashes, "/");
		const char *name = path + slashes;
		path = name + len;
		if (len == 0 || (len == 1 && *name == '.'))
			continue;
		if (len == 2 && name[0] == '.' && name[1] == '.') {
			while (at > out && *--at != '/')
				;
			continue;
		}
		*at++ = '/';
		memcpy(at, name, len);
		at += len;
	}
	if (at == out)
		*at++ = '/';
	*at = '\0';
}

char *realpath(const char *restrict path, char *restrict into)
{
	struct stat st;
	struct node *n = libc_node_for(AT_FDCWD, path);
	if (!n)
		return REAL(realpath, NULL)(path, into);
	if (libc_said(pier_disk_stat(n, AT_FDCWD, path, &st)) < 0)
		return NULL;
	char *out = into ? into : malloc(PATH_MAX + 1);
	if (out)
		straighten(path, out);
	return out;
}
