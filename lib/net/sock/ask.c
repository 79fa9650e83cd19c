/* Asking by datagrams: said again until the answer comes. */
#include "sock.h"

#define ASK_TRIES 5
#define ASK_EACH  PIER_S(1)

/* Until the answer is here, or the time has passed: strangers who send without end do not hold it up. */
static int64_t hear(pier_sock *s, const pier_ask *a)
{
	for (;;) {
		pier_addr from;
		ssize_t n = pier_sock_recvfrom(s, a->into, a->room, 0, &from);
		int64_t found =
			n < 0 ? n : a->fits(pier_bytes_of(a->into, (size_t)n), &from, a->arg);
		if (found)
			return found;
	}
}

int pier_sock_ask(pier_sock *s, const pier_ask *a)
{
	unsigned tries = a->tries ? a->tries : ASK_TRIES;
	int64_t found = -ETIMEDOUT;
	int before = s->err;

	for (unsigned i = 0; i < tries && found == -ETIMEDOUT; i++)
		PIER_WITHIN (a->each ? a->each : ASK_EACH) {
			found = pier_sock_sendto(s, a->say.p, a->say.len, 0, a->to);
			if (found >= 0)
				found = hear(s, a);
		}
	if (found > 0) /* that it came late is no error */
		s->err = before;
	return (int)found;
}
