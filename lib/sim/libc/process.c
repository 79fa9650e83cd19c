/* Who one is: a node's program is a process of its own, and its machine has the node's name. */
#include "real.h"

#include "libc.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FIRST_PID 1000 /* of the first task: numbers below are the system's */

static pid_t id_of(const struct task *t)
{
	return FIRST_PID + (pid_t)t->number;
}

pid_t getpid(void)
{
	struct task *t = libc_task();
	return t ? id_of(t->node->main) : (pid_t)syscall(SYS_getpid);
}

pid_t getppid(void)
{
	return libc_task() ? 1 : (pid_t)syscall(SYS_getppid);
}

pid_t gettid(void)
{
	struct task *t = libc_task();
	return t ? id_of(t) : (pid_t)syscall(SYS_gettid);
}

int uname(struct utsname *out)
{
	struct task *t = libc_task();
	int err = (int)syscall(SYS_uname, out);
	if (err == 0 && t) {
		memset(out->nodename, 0, sizeof out->nodename);
		memcpy(out->nodename, t->node->name, strlen(t->node->name));
	}
	return err;
}

int gethostname(char *into, size_t room)
{
	struct utsname u;
	if (uname(&u) < 0)
		return -1;
	int len = snprintf(into, room, "%s", u.nodename);
	if ((size_t)len < room)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* ---- Processors ---------------------------------------------------------------------------------- */

int sched_getcpu(void)
{
	struct task *t = libc_task();
	unsigned cpu = 0;
	if (t)
		return (int)(t->number % t->node->workers);
	return syscall(SYS_getcpu, &cpu, NULL, NULL) < 0 ? -1 : (int)cpu;
}

int sched_yield(void)
{
	if (!libc_task())
		return (int)syscall(SYS_sched_yield);
	pier_task_park(NULL, NULL, "its turn", pier_world->now);
	return 0;
}

/* ---- The end ------------------------------------------------------------------------------------- */

/* To itself alone: the other nodes are other machines. */
int kill(pid_t pid, int number)
{
	if (!libc_task())
		return (int)syscall(SYS_kill, pid, number);
	if (pid == 0 || pid == getpid()) {
		if (number)
			pier_node_signal_self(number);
		return 0;
	}
	errno = ESRCH;
	return -1;
}

static bool asks_to_stop(int number)
{
	return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
}

int raise(int number)
{
	if (libc_task() && asks_to_stop(number))
		return kill(getpid(), number);
	return (int)syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), number);
}

#ifdef __GLIBC__ /* what is static has no way to the real one */
/* Of a node, the end of the node; handlers (atexit) are the process's, and stay for its end. */
void exit(int result)
{
	struct task *t = libc_task();
	if (t && t->node->number)
		pier_node_leave(NODE_ENDED, result);
	REAL(exit, NULL)(result);
	__builtin_unreachable();
}
#endif
