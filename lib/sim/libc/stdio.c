/* Streams of libc over simulated files: fopen(3), by fopencookie(3). A stream is locked while it reads or writes, so these
 * calls take no time in which others could run. */
#include "disk.h"
#include "real.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Which descriptor a stream has: fileno(3) knows nothing of those with a cookie. */
struct stream_of {
	struct stream_of *next;
	FILE *stream;
	int fd;
};

static struct stream_of *streams;

/* ---- The cookie ---------------------------------------------------------------------------------- */

static ssize_t cookie_read(void *cookie, char *into, size_t len)
{
	struct file *f = libc_file(((struct stream_of *)cookie)->fd);
	struct iovec iov = {into, len};
	return libc_said(f ? pier_disk_readv(f, &iov, 1) : -EBADF);
}

/* To glibc less than all is an error, and nothing may be less than 0 (fopencookie(3)); to musl that alone is one. */
#ifdef __GLIBC__
#define WRITE_FAILED 0
#else
#define WRITE_FAILED (-1)
#endif

/* All of it, as the streams of libc do. */
static ssize_t cookie_write(void *cookie, const char *from, size_t len)
{
	struct file *f = libc_file(((struct stream_of *)cookie)->fd);
	size_t done = 0;
	while (done < len) {
		struct iovec iov = {(void *)(uintptr_t)(from + done), len - done};
		int64_t n = libc_said(f ? pier_disk_writev(f, &iov, 1) : -EBADF);
		if (n <= 0)
			return WRITE_FAILED;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int cookie_seek(void *cookie, off64_t *offset, int whence)
{
	struct file *f = libc_file(((struct stream_of *)cookie)->fd);
	int64_t at = f ? pier_disk_seek(f, *offset, whence) : -EBADF;
	if (at < 0)
		return (int)libc_said(at);
	*offset = at;
	return 0;
}

static int cookie_close(void *cookie)
{
	struct stream_of *s = cookie, **at = &streams;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	int fd = s->fd;
	free(s);
	if (!libc_task() || !pier_sim_sock_find(fd))
		return (int)libc_said(-EBADF);
	pier_io_close(fd);
	return 0;
}

static FILE *stream_new(int fd, const char *mode)
{
	cookie_io_functions_t functions = {cookie_read, cookie_write, cookie_seek, cookie_close};
	struct stream_of *s = malloc(sizeof *s);
	FILE *stream = s ? fopencookie(s, mode, functions) : NULL;
	if (!stream) {
		free(s);
		return NULL;
	}
	*s = (struct stream_of){.next = streams, .stream = stream, .fd = fd};
	streams = s;
	return stream;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static int flags_of(const char *mode)
{
	bool both = strchr(mode, '+');
	int flags = *mode == 'r' ? 0 : *mode == 'w' ? O_CREAT | O_TRUNC : O_CREAT | O_APPEND;
	flags |= both ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
	return flags | (strchr(mode, 'x') ? O_EXCL : 0) | (strchr(mode, 'e') ? O_CLOEXEC : 0);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
	struct node *n = libc_node_for(AT_FDCWD, path);
	if (!n)
		return REAL(fopen, NULL)(path, mode);
	if (!strchr("rwa", *mode)) {
		errno = EINVAL;
		return NULL;
	}
	int fd = libc_open(n, AT_FDCWD, path, flags_of(mode), 0666);
	FILE *stream = fd < 0 ? NULL : stream_new(fd, mode);
	if (!stream && fd >= 0)
		pier_io_close(fd);
	return stream;
}
ALSO(fopen, fopen64);

FILE *fdopen(int fd, const char *mode)
{
	return libc_file(fd) ? stream_new(fd, mode) : REAL(fdopen, NULL)(fd, mode);
}

int fileno(FILE *stream)
{
	for (struct stream_of *s = streams; s; s = s->next)
		if (s->stream == stream)
			return s->fd;
	return REAL(fileno, NULL)(stream);
}
