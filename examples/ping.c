/* A raw socket: ICMP echo, as ping does it (RFC 792). Without the right to raw sockets, the kernel's own ping socket.
 *	ping ADDRESS */
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <pier.h>

#define DATA 56

struct echo {
	struct icmphdr head;
	char data[DATA];
};

/* RFC 1071: the sum of the 16-bit words, folded, inverted. */
static uint16_t checksum(const void *p, size_t len)
{
	const unsigned char *at = p;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static int ask(pier_sock *s, const pier_addr *to)
{
	struct echo e = {.head = {.type = ICMP_ECHO, .un.echo = {htons(7437), htons(1)}}};

	e.head.checksum = htons(checksum(&e, sizeof e));
	ssize_t n = pier_sock_sendto(s, &e, sizeof e, 0, to); /* s.sendto(packet, (host, 0)) */
	return n < 0 ? (int)n : 0;
}

/* A raw socket hears every ICMP message of this host, each with its IP header. */
static ssize_t answer(pier_sock *s, const pier_addr *from)
{
	char in[1500], ip = s->type == SOCK_RAW;

	for (;;) {
		pier_addr sender;
		struct icmphdr head;
		ssize_t n = pier_sock_recvfrom(s, in, sizeof in, 0, &sender); /* s.recvfrom(1500) */
		if (n < 0)
			return n;
		/* its length in words: RFC 791 §3.1 */
		size_t skip = ip ? (size_t)(in[0] & 15) * 4 : 0;
		if (skip + sizeof head > (size_t)n || !pier_addr_eq(&sender, from))
			continue;
		memcpy(&head, in + skip, sizeof head);
		if (head.type == ICMP_ECHOREPLY && head.un.echo.sequence == htons(1))
			return n - (ssize_t)skip;
	}
}

int main(int argc, char **argv)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	pier_addr to;
	char why[300];

	if (argc < 2 || pier_addr_parse(pier_text(argv[1]), 0, &to) < 0)
		return 2;
	/* socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) */
	int err = pier_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, &s);
	if (err == -EPERM)
		err = pier_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &s);
	if (err < 0)
		return fprintf(stderr, "no ping socket here: %s\n", pier_strerror(err)), 77;
	pier_sock_set_timeouts(&s, PIER_S(3), PIER_S(3)); /* s.settimeout(3) */

	int64_t began = pier_now();
	ssize_t n = ask(&s, &to);
	if (n == 0)
		n = answer(&s, &to);
	if (n < 0)
		return fprintf(stderr, "%s\n", pier_sock_why(&s, (int)n, &to, why, sizeof why)), 1;
	printf("%zd bytes from %s in %.3f ms\n", n, argv[1], (double)(pier_now() - began) / 1e6);
	return 0;
}
