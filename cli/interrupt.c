/* SIGINT, SIGTERM and SIGHUP as something a fiber waits for. */
#include "interrupt.h"

#include <errno.h>
#include <pier.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t door = -1; /* the descriptor that wakes the fiber */

/* Only what signal-safety(7) allows. */
static void knock(int sig)
{
	int saved = errno;
	char byte = (char)sig;

	if (write(door, &byte, 1) != 1)
		_exit(128 + sig); /* nobody listens any more */
	errno = saved;
}

/* What was ignored when we were started (nohup, a shell's background) stays so. */
static void catch (void (*how)(int))
{
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction now, want = {.sa_handler = how, .sa_flags = SA_RESTART};
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(signals[i], &want, NULL);
	}
}

int interrupt_wait(void)
{
	pier_conn *ends[2];
	char sig;

	int err = pier_pair(ends);
	if (err < 0)
		return err;
	door = pier_fileno(ends[1]);
	catch (knock);
	ssize_t got = pier_recv(ends[0], &sig, 1);
	catch (SIG_DFL);
	door = -1;
	pier_abort(ends[0]);
	pier_abort(ends[1]);
	return got == 1 ? sig : got < 0 ? (int)got : -EIO;
}

_Noreturn void interrupt_die(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(128 + sig);
}
