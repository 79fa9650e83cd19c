/* A group: what one says, all who joined hear. Here on loopback, so nothing leaves this machine.
 *	multicast [GROUP:PORT] */
#include <pier.h>
#include <sys/socket.h>

/* A member, bound to the group's port together with the others. */
static int join(pier_sock *s, const pier_addr *group, unsigned interface)
{
	int err = pier_socket(AF_INET, SOCK_DGRAM, 0, s);
	if (err < 0)
		return err;
	pier_sock_set_timeouts(s, PIER_S(3), PIER_S(3)); /* s.settimeout(3) */
	pier_sock_set_reuse(s, true, false); /* s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) */
	err = pier_sock_bind(s, group);	     /* s.bind(group) */
	/* s.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, struct.pack("4s4si", …)) */
	return err < 0 ? err : pier_sock_join(s, group, interface, NULL);
}

static ssize_t speak(const pier_addr *group, unsigned interface)
{
	PIER_AUTO_SOCK s = PIER_SOCK;

	int err = pier_socket(AF_INET, SOCK_DGRAM, 0, &s);
	if (err == 0) /* IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP */
		err = pier_sock_set_multicast(&s, interface, 1, true);
	return err < 0 ? err : pier_sock_sendto(&s, "hello, all", 10, 0, group);
}

int main(int argc, char **argv)
{
	pier_sock member[2] = {PIER_SOCK, PIER_SOCK};
	unsigned lo = pier_interface_index("lo"); /* socket.if_nametoindex("lo") */
	pier_addr group, from;
	char text[64], who[PIER_ADDR_TEXT];

	if (pier_addr_parse(pier_text(argc > 1 ? argv[1] : "239.255.74.37:7437"), 7437, &group) < 0)
		return 2;
	ssize_t n = join(&member[0], &group, lo);
	n = n < 0 ? n : join(&member[1], &group, lo);
	n = n < 0 ? n : speak(&group, lo);
	for (int i = 0; n >= 0 && i < 2; i++) {
		/* s.recvfrom(64) */
		n = pier_sock_recvfrom(&member[i], text, sizeof text, 0, &from);
		if (n > 0)
			printf("member %d hears %s: %.*s\n", i + 1,
			       pier_addr_host(&from, who, sizeof who), (int)n, text);
		pier_sock_leave(&member[i], &group, lo, NULL); /* IP_DROP_MEMBERSHIP */
		pier_sock_close(&member[i]);
	}
	if (n < 0)
		fprintf(stderr, "%s\n", pier_strerror((int)n));
	return n < 0;
}
