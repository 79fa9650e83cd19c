/* A datagram, and what came beside it as values. */
#include "sock.h"

/* The address, the interface, the hops, the class, the time, and who sent it, of both families. */
#define BESIDE 512

static pier_arrival arrival_of(const pier_message *m)
{
	pier_arrival a = {.from = m->addr,
			  .hops = pier_ancillary_hops(&m->ancillary),
			  .class_ = pier_ancillary_class(&m->ancillary),
			  .time = pier_ancillary_time(&m->ancillary),
			  .flags = m->flags};
	pier_ancillary_pktinfo(&m->ancillary, &a.to, &a.interface);
	return a;
}

ssize_t pier_sock_recv_arrival(pier_sock *s, void *into, size_t room, int flags, pier_arrival *out)
{
	char beside[BESIDE];
	struct iovec piece = {into, room};
	pier_message m = pier_message_of(&piece);

	m.ancillary = (pier_ancillary){.at = beside, .room = sizeof beside};
	ssize_t n = pier_sock_recvmsg(s, &m, flags);
	if (n < 0)
		return n;
	*out = arrival_of(&m);
	pier_ancillary_close_fds(&m.ancillary);
	return n;
}
