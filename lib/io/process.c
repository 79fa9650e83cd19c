/* Processes of our own making: fork(2), pidfd_open(2), waitid(2). */
#include "backend.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* the same number everywhere */
#endif

/* What stdio holds would be written by both. */
int pier_io_fork(void)
{
	fflush(NULL);
	pid_t pid = fork();
	return pid < 0 ? -errno : pid;
}

void pier_io_each_open(void (*fn)(int fd, void *arg), void *arg)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			fn(fd, arg);
	}
	if (dir)
		closedir(dir);
}

int pier_io_process_open(int pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0); /* CLOEXEC from birth */
	return fd < 0 ? -errno : (int)fd;
}

int pier_io_process_end(int pid)
{
	int status;
	pid_t ended;
	do
		ended = waitpid(pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return -errno;
	return WIFSIGNALED(status) ? PROCESS_KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

void pier_io_process_tell(int pid, int signal)
{
	kill(pid, signal);
}

void pier_io_process_exit(int status)
{
	fflush(NULL);
	_exit(status);
}

void pier_io_forked(struct io *io)
{
	if (io->waits_on >= 0)
		close(io->waits_on);
	if (io->mail.eventfd >= 0)
		close(io->mail.eventfd);
}
