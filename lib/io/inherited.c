/* Sockets that were open when this process began: sd_listen_fds(3). */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define INHERITED_FIRST 3
#define INHERITED_MAX	1024

static long number(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	if (!text)
		return 0;
	errno = 0;
	long n = strtol(text, &end, 10);
	return end == text || *end || errno || n < 0 ? -EINVAL : n;
}

/* Takes the next of "web:admin:"; nothing when there are fewer names than sockets. */
static pier_bytes next_name(pier_bytes *rest)
{
	size_t len = 0;
	while (len < rest->len && rest->p[len] != ':')
		len++;
	pier_bytes name = {rest->p, len};
	size_t used = len < rest->len ? len + 1 : len;
	*rest = (pier_bytes){rest->p + used, rest->len - used};
	return name;
}

static bool wanted(pier_bytes name, pier_bytes has)
{
	return name.len == 0 || (name.len == has.len && memcmp(name.p, has.p, has.len) == 0);
}

int pier_io_inherited(pier_bytes name, int *out, unsigned max)
{
	long pid = number("LISTEN_PID"), fds = number("LISTEN_FDS");
	pier_bytes names = pier_text(getenv("LISTEN_FDNAMES"));
	unsigned count = 0;

	if (pid < 0 || fds < 0 || fds > INHERITED_MAX)
		return -EINVAL;
	if (pid != getpid())
		return 0;
	for (int i = 0; i < fds && count < max; i++) {
		int fd = INHERITED_FIRST + i;
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -EINVAL;
		if (wanted(name, next_name(&names)))
			out[count++] = fd;
	}
	return (int)count;
}
