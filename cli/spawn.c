/* pier listen --exec: a command for each client, with the connection as its stdin and stdout. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "listening.h"

#define DEAF_MAX PIER_S(2) /* a command that does not mind SIGTERM for this long is killed */

extern char **environ;

#define ENV_MAX 1024 /* variables that a command is given, at most */

/* Ours, and PIER_PEER: who connected. */
static char **environment(char *peer)
{
	static char *list[ENV_MAX + 2];
	size_t n = 0;

	for (char **e = environ; *e && n < ENV_MAX; e++)
		list[n++] = *e;
	list[n++] = peer;
	list[n] = NULL;
	return list;
}

/* The command gets the connection itself, so that its half-close, its end and its speed are the
 * command's own. It must block, as a command expects of its stdin. */
static int start(int fd, const char *command, char *peer, pid_t *pid)
{
	char *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t set;

	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -errno;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	posix_spawnattr_init(&how);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&how, &set);
	sigaddset(&set, SIGPIPE);
	posix_spawnattr_setsigdefault(&how, &set);

	int err = posix_spawn(pid, "/bin/sh", &files, &how, argv, environment(peer));
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/* Waits (fiber) until the command has ended; told to end ourselves, we tell it first. A pidfd is
 * readable then: pidfd_open(2). */
static void wait_for(pid_t pid)
{
	int fd = pidfd_open(pid, 0);

	if (fd >= 0) {
		PIER_AUTO *ended = pier_adopt(fd, NULL);
		if (pier_poll(ended, PIER_FOREVER) < 0) {
			int gone = 0;
			kill(pid, SIGTERM);
			PIER_SHIELD (DEAF_MAX)
				gone = pier_poll(ended, PIER_FOREVER);
			if (gone <= 0)
				kill(pid, SIGKILL);
		}
	}
	waitpid(pid, NULL, 0);
}

void serve_exec(struct client *c)
{
	char peer[PIER_ADDR_TEXT + 16];
	pid_t pid = -1;
	int fd = pier_fileno(c->conn);

	snprintf(peer, sizeof peer, "PIER_PEER=%s", pier_peer(c->conn));
	int err = fd < 0 ? -ENOTSUP : start(fd, c->of->exec, peer, &pid);
	if (err < 0)
		fail(STATUS_LOCAL, "--exec: %s", pier_strerror(err));
	else
		wait_for(pid);
}
