/* Bytes for a person, to whatever descriptor there is: reports, when all else may be at a standstill. */
#include "backend.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#define WRITE_WAIT_MS 1000 /* for room in a pipe that does not block */

static int write_some(int fd, const char *at, size_t len)
{
	ssize_t n = write(fd, at, len);
	if (n >= 0)
		return (int)n;
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	return poll(&p, 1, WRITE_WAIT_MS) == 0 ? -ETIMEDOUT : 0;
}

int pier_io_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	while (len) {
		int n = write_some(fd, at, len < INT_MAX ? len : INT_MAX);
		if (n < 0)
			return n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
