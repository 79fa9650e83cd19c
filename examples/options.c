/* The options of a socket by name, instead of levels, numbers and struct.pack; each line as in Python. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier.h>

static void tell(const char *what, int err)
{
	/* except OSError as e: print(e) */
	printf("%-12s %s\n", what, err < 0 ? pier_strerror(err) : "set");
}

static void every(pier_sock *s)
{
	/* s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) */
	tell("reuse", pier_sock_set_reuse(s, true, true));
	tell("buffers", pier_sock_set_buffers(s, 65536, 65536)); /* SO_RCVBUF, SO_SNDBUF */
	tell("linger", pier_sock_set_linger(s, PIER_S(2))); /* SO_LINGER, struct.pack("ii", 1, 2) */
	tell("device", pier_sock_set_device(s, "lo"));	    /* SO_BINDTODEVICE, b"lo" */
	tell("priority", pier_sock_set_priority(s, 6));	    /* SO_PRIORITY, 6 */
	tell("mark", pier_sock_set_mark(s, 7));		    /* SO_MARK, 7 */
}

static void tcp(pier_sock *s)
{
	/* s.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1) */
	tell("nodelay", pier_sock_set_nodelay(s, true));
	tell("cork", pier_sock_set_cork(s, false));	   /* TCP_CORK, 0 */
	tell("quickack", pier_sock_set_quickack(s, true)); /* TCP_QUICKACK, 1 */
	/* SO_KEEPALIVE, TCP_KEEPIDLE … */
	tell("keepalive", pier_sock_set_keepalive(s, PIER_S(60), PIER_S(10), 3));
	tell("user time", pier_sock_set_user_timeout(s, PIER_S(30))); /* TCP_USER_TIMEOUT, 30000 */
	tell("defer", pier_sock_set_defer_accept(s, PIER_S(5)));      /* TCP_DEFER_ACCEPT, 5 */
	tell("congestion", pier_sock_set_congestion(s, "reno"));      /* TCP_CONGESTION, b"reno" */
}

static void udp(pier_sock *s)
{
	/* s.setsockopt(SOL_SOCKET, SO_BROADCAST, 1) */
	tell("broadcast", pier_sock_set_broadcast(s, true));
	tell("hops", pier_sock_set_hops(s, 3));	     /* IPPROTO_IP, IP_TTL; IPV6_UNICAST_HOPS */
	tell("class", pier_sock_set_class(s, 0xb8)); /* IP_TOS; IPV6_TCLASS */
	/* IP_MTU_DISCOVER, which Python has no name for */
	tell("dontfrag", pier_sock_set_dontfrag(s, true));
	tell("freebind", pier_sock_set_freebind(s, true)); /* IP_FREEBIND */
	tell("v6only", pier_sock_set_v6only(s, true)); /* IPPROTO_IPV6, IPV6_V6ONLY: not on IPv4 */
	tell("hdrincl", pier_sock_set_hdrincl(s, true)); /* IP_HDRINCL: raw sockets only */
}

static void local(pier_sock *s)
{
	pier_credentials who;

	tell("credentials", pier_sock_set_credentials(s, true)); /* SO_PASSCRED */
	/* struct.unpack("3i", s.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)) */
	int err = pier_sock_peer_credentials(s, &who);
	if (err == 0)
		printf("%-12s uid %u\n", "peer", who.uid);
}

static void any(pier_sock *s)
{
	struct linger linger = {0};
	size_t len = sizeof linger;
	int bytes = 0;

	/* s.setsockopt(level, name, 1) */
	tell("by number", pier_sock_setopt_int(s, SOL_SOCKET, SO_RCVLOWAT, 1));
	pier_sock_getopt_int(s, SOL_SOCKET, SO_RCVBUF, &bytes); /* s.getsockopt(level, name) */
	/* s.setsockopt(level, name, b"…") */
	tell("as bytes", pier_sock_setopt(s, SOL_SOCKET, SO_LINGER, &linger, len));
	/* s.getsockopt(level, name, 8) */
	pier_sock_getopt(s, SOL_SOCKET, SO_LINGER, &linger, &len);
	printf("%-12s %d bytes, linger %d\n", "now", bytes, linger.l_onoff);
	tell("pending", pier_sock_error(s)); /* s.getsockopt(SOL_SOCKET, SO_ERROR) */
}

int main(void)
{
	PIER_AUTO_SOCK stream = PIER_SOCK, datagram = PIER_SOCK, below = PIER_SOCK;
	pier_conn *end[2] = {0};

	if (pier_socket(AF_INET, SOCK_STREAM, 0, &stream) < 0 || pier_pair(end) < 0 ||
	    pier_socket(AF_INET, SOCK_DGRAM, 0, &datagram) < 0)
		return 1;
	PIER_AUTO *a = end[0], *b = end[1];

	every(&stream);
	tcp(&stream);
	any(&stream);
	udp(&datagram);
	if (pier_sock_of(a, &below) == 0) /* writer.get_extra_info("socket") */
		local(&below);
	below.fd = -1; /* it is still the conn's */
	return pier_err(b) != 0;
}
