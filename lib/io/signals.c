/* Signals without dispositions: blocked, and read from a descriptor or dropped. */
#include "kernel.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
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

/* One that is blocked already, someone reads in a way of his own. */
static void add_if_deadly(sigset_t *set, int sig)
{
	struct sigaction now;
	sigset_t blocked;
	bool free = pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, sig);
	if (free && sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		sigaddset(set, sig);
}

/* A simulated process has no dispositions: what it is told comes by the descriptor alone. */
static int open_simulated(struct io_signals *s)
{
	int fd = pier_io_kernel->signals_open();
	if (fd >= 0)
		s->fd = fd;
	return fd < 0 ? fd : 0;
}

int pier_io_signals_open(struct io_signals *s)
{
	sigset_t told, block;
	if (pier_io_kernel)
		return open_simulated(s);
	sigemptyset(&told);
	add_unless_ignored(&told, SIGINT);
	add_unless_ignored(&told, SIGTERM);
	add_if_deadly(&told, SIGUSR1);
	block = told;
	sigaddset(&block, SIGPIPE);

	int fd = signalfd(-1, &told, SFD_CLOEXEC | SFD_NONBLOCK);
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

int pier_io_signal_number(const char info[IO_SIGNAL_SIZE])
{
	struct signalfd_siginfo signal;
	static_assert(sizeof signal == IO_SIGNAL_SIZE, "signalfd(2)");
	memcpy(&signal, info, sizeof signal);
	return (int)signal.ssi_signo;
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
	char info[IO_SIGNAL_SIZE];
	if (io_kernel_of(s->fd)) {
		pier_io_close(s->fd);
		return;
	}
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

/* Those that a thread brings upon itself: blocked, they would end the process past the handler of the program. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

int pier_io_thread_start(pthread_t *out, void *(*run)(void *), void *arg, bool detached)
{
	sigset_t all, old;
	pthread_attr_t attr;

	if (pier_io_kernel)
		return pier_io_kernel->thread_start(out, run, arg);
	sigfillset(&all);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr,
				    detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(out, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

void pier_io_thread_join(pthread_t thread)
{
	if (pier_io_kernel)
		pier_io_kernel->thread_join(thread);
	else
		pthread_join(thread, NULL);
}
