/* What comes beside a datagram: to which of our addresses it was sent, by which interface, with how many hops left and
 * when. The wildcard alone tells none of it. */
#include <pier.h>
#include <sys/socket.h>

static int ask(pier_sock *s, pier_addr *at)
{
	pier_addr_parse(pier_text("0.0.0.0"), 0, at);
	int err = pier_socket(AF_INET, SOCK_DGRAM, 0, s);
	if (err < 0)
		return err;
	pier_sock_set_pktinfo(s, true);	   /* s.setsockopt(IPPROTO_IP, IP_PKTINFO, 1) */
	pier_sock_set_recv_hops(s, true);  /* s.setsockopt(IPPROTO_IP, IP_RECVTTL, 1) */
	pier_sock_set_timestamps(s, true); /* s.setsockopt(SOL_SOCKET, SO_TIMESTAMPNS, 1) */
	err = pier_sock_bind(s, at);	   /* s.bind(("0.0.0.0", 0)) */
	return err < 0 ? err : pier_sock_local(s, at);
}

static int tell(pier_sock *s)
{
	char text[64], room[4 * PIER_ANCILLARY_ROOM(32)], address[PIER_ADDR_TEXT], interface[16],
		flags[100];
	struct iovec piece = {text, sizeof text};
	pier_message m = pier_message_of(&piece);
	unsigned by = 0;
	pier_addr to;

	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	/* data, ancdata, flags, addr = s.recvmsg(64, 256) */
	ssize_t n = pier_sock_recvmsg(s, &m, 0);
	int err = n < 0 ? (int)n : pier_ancillary_pktinfo(&m.ancillary, &to, &by);
	if (err < 0)
		return err;
	printf("\"%.*s\"%s came to %s by %s, with %d hops left, %.3f ms ago, flags %s\n", (int)n,
	       text, pier_message_cut(&m) ? " (cut)" : "",
	       pier_addr_host(&to, address, sizeof address), pier_interface_name(by, interface),
	       pier_ancillary_hops(&m.ancillary),
	       (double)(pier_wall() - pier_ancillary_time(&m.ancillary)) / 1e6,
	       pier_word_flags(PIER_MESSAGE_FLAGS, (unsigned)m.flags, flags, sizeof flags));
	return 0;
}

int main(void)
{
	PIER_AUTO_SOCK in = PIER_SOCK, out = PIER_SOCK;
	pier_addr at, to;
	int err = ask(&in, &at);

	if (err == 0)
		err = pier_socket(AF_INET, SOCK_DGRAM, 0, &out);
	pier_addr_parse(pier_text("127.0.0.7"), pier_addr_port(&at), &to);
	pier_sock_set_hops(&out, 5);		    /* out.setsockopt(IPPROTO_IP, IP_TTL, 5) */
	pier_sock_sendto(&out, "hello", 5, 0, &to); /* out.sendto(b"hello", ("127.0.0.7", port)) */
	PIER_WITHIN (PIER_S(3))			    /* s.settimeout(3) */
		err = err < 0 ? err : tell(&in);
	if (err < 0)
		fprintf(stderr, "%s\n", pier_strerror(err));
	return err < 0;
}
