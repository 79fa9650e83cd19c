/* A raw socket: ICMP echo, as ping does it (RFC 792). Without the right to raw sockets, the kernel's own ping socket.
 *	ping ADDRESS */
#include <pier.h>

/* Type 8, code, checksum, identifier, number, and 56 bytes of nothing. */
static void ask(pier_sock *s, const pier_addr *to)
{
	char packet[64] = {0};

	pier_pack(packet, sizeof packet, "!BBHHH", 8, 0, 0, 7437, 1); /* struct.pack(…) */
	pier_pack(packet + 2, 2, "!H", pier_checksum(packet, sizeof packet));
	pier_sock_sendto(s, packet, sizeof packet, 0, to); /* s.sendto(packet, (host, 0)) */
}

/* A raw socket hears every ICMP message of this host, each with its IP header. */
static size_t answer(pier_sock *s, const pier_addr *from)
{
	char in[1500];
	pier_addr sender;
	uint16_t number;
	uint8_t kind;

	for (ssize_t n; (n = pier_sock_recvfrom(s, in, sizeof in, 0, &sender)) > 0;) {
		/* its length in words: RFC 791 §3.1 */
		size_t skip = s->type == SOCK_RAW ? (size_t)(in[0] & 15) * 4 : 0;
		pier_bytes icmp = pier_bytes_from(pier_bytes_of(in, (size_t)n), skip);
		/* kind, _, _, _, number = struct.unpack("!BBHHH", …) */
		if (pier_unpack(icmp, "!B5xH", &kind, &number) > 0 && kind == 0 && number == 1 &&
		    pier_addr_eq(&sender, from))
			return icmp.len;
	}
	return 0;
}

int main(int argc, char **argv)
{
	pier_addr to = pier_addr_of(argc > 1 ? argv[1] : "");

	if (!to.len)
		return fprintf(stderr, "usage: ping ADDRESS\n"), 2;
	/* socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) */
	PIER_AUTO_SOCK s = pier_sock_open(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (pier_sock_err(&s) == -EPERM)
		s = pier_sock_open(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (pier_sock_perror(&s, "a ping socket"))
		return 77;
	pier_sock_set_timeouts(&s, PIER_S(3), PIER_S(3)); /* s.settimeout(3) */
	int64_t began = pier_now();
	ask(&s, &to);
	size_t n = answer(&s, &to);
	if (pier_sock_perror(&s, argv[1]))
		return 1;
	printf("%zu bytes from %s in %.3f ms\n", n, argv[1], (double)(pier_now() - began) / 1e6);
	return 0;
}
