/* Files: open(2), read(2), write(2) and their kind, on simulated disks. What is in the cache is there at once; sometimes a
 * call waits for the disk, and a sync always does: meanwhile other threads of the world run, and its power may fail. */
#include "disk.h"

#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHE_TAKES 2000       /* ns, at most */
#define DISK_TAKES  PIER_MS(1) /* the same, where one has to wait for it */
#define SYNC_TAKES  PIER_MS(5)

/* ---- Time, and whose it is ----------------------------------------------------------------------- */

static void wait_for_disk(int64_t most)
{
	int64_t takes = (int64_t)pier_chance((uint64_t)most);
	pier_task_park(NULL, NULL, "a disk", pier_world->now + takes);
}

static void pass_time(void)
{
	pier_world->now += (int64_t)pier_chance(CACHE_TAKES);
	if (pier_chance(4) == 0)
		wait_for_disk(DISK_TAKES);
}

struct node *libc_node_for(int at, const char *path)
{
	struct task *t = libc_task();
	bool beneath_real = at != AT_FDCWD && at < IO_FD_SIMULATED && *path != '/';
	if (!t || beneath_real)
		return NULL;
	pass_time();
	return t->node;
}

struct file *libc_file(int fd)
{
	struct task *t = fd < IO_FD_SIMULATED ? NULL : libc_task();
	return t ? pier_disk_file(t->node, fd) : NULL;
}

struct file *libc_file_for(int fd)
{
	if (libc_file(fd))
		pass_time();
	return libc_file(fd);
}

/* ---- From a path to a descriptor ----------------------------------------------------------------- */

int libc_open(struct node *n, int at, const char *path, int flags, mode_t mode)
{
	return (int)libc_said(pier_disk_open(n, at, path, flags, mode, false));
}

static int is_path(struct dl_phdr_info *info, size_t size, void *path)
{
	(void)size;
	return !strcmp(info->dlpi_name, path);
}

/* The program itself and its libraries are the machine's: a sanitizer that tells of a mistake reads there what its place is
 * called. */
static bool is_program(const char *path, int flags)
{
	return (flags & O_ACCMODE) == O_RDONLY && *path == '/' &&
	       (!strcmp(path, "/proc/self/exe") ||
		dl_iterate_phdr(is_path, (void *)(uintptr_t)path));
}

static int open_any(int at, const char *path, int flags, mode_t mode)
{
	struct node *n = is_program(path, flags) ? NULL : libc_node_for(at, path);
	return n ? libc_open(n, at, path, flags, mode)
		 : (int)syscall(SYS_openat, at, path, flags, mode);
}

/* The third argument is there when it is needed: open(2). */
static mode_t mode_in(int flags, va_list args)
{
	return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_in(flags, args);
	va_end(args);
	return open_any(AT_FDCWD, path, flags, mode);
}
ALSO(open, open64);

int openat(int at, const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_in(flags, args);
	va_end(args);
	return open_any(at, path, flags, mode);
}
ALSO(openat, openat64);

int creat(const char *path, mode_t mode)
{
	return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
ALSO(creat, creat64);

/* What glibc's headers make of those where mistakes are looked for: _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}
ALSO(__open_2, __open64_2);

int __openat_2(int at, const char *path, int flags);
int __openat_2(int at, const char *path, int flags)
{
	return open_any(at, path, flags, 0);
}
ALSO(__openat_2, __openat64_2);

int close(int fd)
{
	if (fd < IO_FD_SIMULATED || !libc_task() || !pier_sim_sock_find(fd))
		return (int)syscall(SYS_close, fd);
	pier_io_close(fd);
	return 0;
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

ssize_t read(int fd, void *into, size_t len)
{
	struct file *f = libc_file_for(fd);
	struct iovec iov = {into, len};
	return f ? libc_said(pier_disk_readv(f, &iov, 1)) : syscall(SYS_read, fd, into, len);
}

ssize_t write(int fd, const void *from, size_t len)
{
	struct file *f = libc_file_for(fd);
	struct iovec iov = {(void *)(uintptr_t)from, len};
	return f ? libc_said(pier_disk_writev(f, &iov, 1)) : syscall(SYS_write, fd, from, len);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
	struct file *f = libc_file_for(fd);
	return f ? libc_said(pier_disk_readv(f, iov, count)) : syscall(SYS_readv, fd, iov, count);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct file *f = libc_file_for(fd);
	return f ? libc_said(pier_disk_writev(f, iov, count)) : syscall(SYS_writev, fd, iov, count);
}

ssize_t pread(int fd, void *into, size_t len, off_t offset)
{
	struct file *f = libc_file_for(fd);
	return f ? libc_said(pier_disk_read(f, into, len, offset))
		 : syscall(SYS_pread64, fd, into, len, offset);
}
ALSO(pread, pread64);

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
	struct file *f = libc_file_for(fd);
	return f ? libc_said(pier_disk_write(f, from, len, offset))
		 : syscall(SYS_pwrite64, fd, from, len, offset);
}
ALSO(pwrite, pwrite64);

off_t lseek(int fd, off_t offset, int whence)
{
	struct file *f = libc_file(fd);
	return f ? libc_said(pier_disk_seek(f, offset, whence))
		 : syscall(SYS_lseek, fd, offset, whence);
}
ALSO(lseek, lseek64);

int ftruncate(int fd, off_t size)
{
	struct file *f = libc_file_for(fd);
	return (int)(f ? libc_said(pier_disk_resize(f, size)) : syscall(SYS_ftruncate, fd, size));
}
ALSO(ftruncate, ftruncate64);

/* Room that is promised, not taken: posix_fallocate(3) without a file system that can. */
int posix_fallocate(int fd, off_t offset, off_t len)
{
	struct file *f = libc_file_for(fd);
	if (!f)
		return syscall(SYS_fallocate, fd, 0, offset, len) < 0 ? errno : 0;
	if (offset < 0 || len <= 0)
		return EINVAL;
	if (offset + len <= (off_t)f->inode->size[NOW])
		return 0;
	return -pier_disk_resize(f, offset + len);
}
ALSO(posix_fallocate, posix_fallocate64);

/* ---- To the disk --------------------------------------------------------------------------------- */

static int sync_file(int fd)
{
	wait_for_disk(SYNC_TAKES);
	struct file *f = libc_file(fd);
	return (int)libc_said(f ? pier_disk_sync(f) : -EBADF);
}

int fsync(int fd)
{
	return libc_file(fd) ? sync_file(fd) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return libc_file(fd) ? sync_file(fd) : (int)syscall(SYS_fdatasync, fd);
}

/* ---- Descriptors --------------------------------------------------------------------------------- */

#define KEPT_FLAGS (O_APPEND | O_NONBLOCK)

static int flags_set(struct file *f, int flags)
{
	f->flags = (f->flags & ~KEPT_FLAGS) | (flags & KEPT_FLAGS);
	return 0;
}

/* A node is one process, so its record locks never meet: fcntl(2). Those of open files are unknown here, as they are on
 * some file systems. */
static int64_t control(struct file *f, int fd, int command, void *arg)
{
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return pier_sim_sock_name(pier_sim_sock_find(fd));
	case F_GETFD:
		return FD_CLOEXEC;
	case F_SETFD:
		return 0;
	case F_GETFL:
		return f->flags & (O_ACCMODE | O_PATH | KEPT_FLAGS);
	case F_SETFL:
		return flags_set(f, (int)(intptr_t)arg);
	case F_GETLK:
		((struct flock *)arg)->l_type = F_UNLCK;
		return 0;
	case F_SETLK:
	case F_SETLKW:
		return 0;
	default:
		return -EINVAL;
	}
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	va_start(args, command);
	void *arg = va_arg(args, void *);
	va_end(args);
	struct file *f = libc_file(fd);
	return (int)(f ? libc_said(control(f, fd, command, arg))
		       : syscall(SYS_fcntl, fd, command, arg));
}
ALSO(fcntl, fcntl64);

int dup(int fd)
{
	return (int)(libc_file(fd) ? libc_said(pier_sim_sock_name(pier_sim_sock_find(fd)))
				   : syscall(SYS_dup, fd));
}

struct locking {
	struct node *node;
	int fd, how, err;
};

/* Locks it, or finds that it never will. */
static bool locks(void *arg)
{
	struct locking *l = arg;
	struct file *f = pier_disk_file(l->node, l->fd);
	l->err = f ? pier_disk_flock(f, l->how) : -EBADF;
	return l->err != -EWOULDBLOCK;
}

int flock(int fd, int how)
{
	if (!libc_file(fd))
		return (int)syscall(SYS_flock, fd, how);
	struct locking l = {libc_task()->node, fd, how, 0};
	if (!locks(&l) && !(how & LOCK_NB))
		pier_task_park(locks, &l, "a lock of a file", PIER_FOREVER);
	return (int)libc_said(l.err);
}
