/* What comes beside a datagram: to which of our addresses it was sent, by which interface, with how many hops left and
 * when. The wildcard alone tells none of it. */
#include <pier.h>

/* data, ancdata, flags, addr = s.recvmsg(64, 4 * CMSG_SPACE(32)), and what ancdata holds */
static void tell(pier_sock *s)
{
	char text[64];
	pier_arrival a;

	ssize_t n = pier_sock_recv_arrival(s, text, sizeof text, 0, &a);
	if (n < 0)
		return;
	printf("\"%.*s\"%s came to %s by %s, with %d hops left, ", (int)n, text,
	       a.flags & MSG_TRUNC ? " (cut)" : "", PIER_HOST_STR(&a.to),
	       PIER_INTERFACE_STR(a.interface), a.hops);
	printf("%.3f ms ago, flags %s\n", (double)(pier_wall() - a.time) / 1e6,
	       PIER_FLAGS_STR(PIER_MESSAGE_FLAGS, a.flags));
}

int main(void)
{
	PIER_AUTO_SOCK in =
		pier_sock_open(AF_INET, SOCK_DGRAM, 0); /* socket(AF_INET, SOCK_DGRAM) */
	PIER_AUTO_SOCK out = pier_sock_open(AF_INET, SOCK_DGRAM, 0);
	pier_addr at = {0}, to = pier_addr_of("127.0.0.7");

	pier_sock_set_timeouts(&in, PIER_S(3), PIER_S(3)); /* s.settimeout(3) */
	pier_sock_set_pktinfo(&in, true);    /* s.setsockopt(IPPROTO_IP, IP_PKTINFO, 1) */
	pier_sock_set_recv_hops(&in, true);  /* s.setsockopt(IPPROTO_IP, IP_RECVTTL, 1) */
	pier_sock_set_timestamps(&in, true); /* s.setsockopt(SOL_SOCKET, SO_TIMESTAMPNS, 1) */
	pier_sock_bind(&in, PIER_ADDR_AT("0.0.0.0:0")); /* s.bind(("0.0.0.0", 0)) */
	pier_sock_local(&in, &at);			/* s.getsockname() */
	pier_addr_set_port(&to, pier_addr_port(&at));
	pier_sock_set_hops(&out, 5);		    /* out.setsockopt(IPPROTO_IP, IP_TTL, 5) */
	pier_sock_sendto(&out, "hello", 5, 0, &to); /* out.sendto(b"hello", ("127.0.0.7", port)) */
	if (!pier_sock_err(&out))
		tell(&in);
	return pier_sock_perror(&in, "any address") || pier_sock_perror(&out, "127.0.0.7");
}
