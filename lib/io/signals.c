/* Signals without dispositions: blocked, and read from a descriptor or dropped. */
#include "backend.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* A shell starts background jobs with SIGINT ignored, so that ^C reaches only the one in front; a blocked
 * signal would be queued all the same. */
static void add_unless_ignored(sigset_t *set, int sig)
{
	struct sigaction now;
	if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaddset(set, sig);
}

int pier_io_signals_open(struct io_signals *s)
{
	sigset_t stop, block;
	sigemptyset(&stop);
	add_unless_ignored(&stop, SIGINT);
	add_unless_ignored(&stop, SIGTERM);
	block = stop;
	sigaddset(&block, SIGPIPE);

	int fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	int err = pthread_sigmask(SIG_BLOCK, &block, &s->old);
	if (err) {
		close(fd);
		return -err;
	}
	s->fd = fd;
	return 0;
}

static void drop_pending(int sig)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
		;
}

void pier_io_signals_close(struct io_signals *s)
{
	char info[128]; /* struct signalfd_siginfo */
	while (read(s->fd, info, sizeof info) > 0)
		; /* an impatient third ^C must not end the process once it may again */
	close(s->fd);
	if (!sigismember(&s->old, SIGPIPE))
		drop_pending(SIGPIPE);
	pthread_sigmask(SIG_SETMASK, &s->old, NULL);
}

bool pier_io_sigpipe_block(void)
{
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return pthread_sigmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGPIPE);
}

void pier_io_sigpipe_restore(bool ours)
{
	sigset_t set;
	if (!ours)
		return;
	drop_pending(SIGPIPE);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int pier_io_thread_start(pthread_t *out, void *(*run)(void *), void *arg, bool detached)
{
	sigset_t all, old;
	pthread_attr_t attr;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr,
				    detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(out, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}
