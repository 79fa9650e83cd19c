/* Faults of memory, told before they end the process. The disposition is the process's, so this is done only for who
 * asks, and only where nobody else has a handler: not the program, not a sanitizer. */
#include "backend.h"

#include <errno.h>
#include <stdlib.h>

#define FAULT_STACK_SIZE (64u << 10) /* of address space; touched by a fault alone */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*_Atomic teller)(const void *at);

/* The disposition is the default again by now (SA_RESETHAND): on return the access fails once more, and ends the process
 * where it really is, for the core. What kill(2) has sent would not come again by itself. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code > 0)
		teller(info->si_addr);
	else
		raise(sig);
}

static int install(void)
{
	struct sigaction now, ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
	ours.sa_sigaction = on_fault;
	sigemptyset(&ours.sa_mask);
	if (sigaction(SIGSEGV, NULL, &now) < 0)
		return -errno;
	if ((now.sa_flags & SA_SIGINFO) || now.sa_handler != SIG_DFL)
		return -EBUSY;
	return sigaction(SIGSEGV, &ours, NULL) < 0 ? -errno : 0;
}

int pier_io_faults_watch(void (*tell)(const void *at))
{
	pthread_mutex_lock(&lock);
	teller = tell;
	int err = install();
	pthread_mutex_unlock(&lock);
	return err;
}

int pier_io_faults_unwatch(void)
{
	struct sigaction now;
	int err = 0;
	pthread_mutex_lock(&lock);
	if (sigaction(SIGSEGV, NULL, &now) < 0 || now.sa_sigaction != on_fault)
		err = -ENOENT;
	else
		signal(SIGSEGV, SIG_DFL);
	pthread_mutex_unlock(&lock);
	return err;
}

/* The stack that ran out cannot hold the handler's frame. */
void *pier_io_fault_stack_open(void)
{
	stack_t now;
	if (sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE))
		return NULL;
	void *at = malloc(FAULT_STACK_SIZE);
	if (at && sigaltstack(&(stack_t){.ss_sp = at, .ss_size = FAULT_STACK_SIZE}, NULL) == 0)
		return at;
	free(at);
	return NULL;
}

void pier_io_fault_stack_close(void *stack)
{
	if (!stack)
		return;
	sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
	free(stack);
}
