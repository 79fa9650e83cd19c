/* A group: what one says, all who joined hear. Here on loopback, so nothing leaves this machine.
 *	multicast [GROUP:PORT] */
#include <pier.h>

/* A member, bound to the group's port together with the others. */
static pier_sock join(const pier_addr *group, unsigned interface)
{
	pier_sock s = pier_sock_open(AF_INET, SOCK_DGRAM, 0); /* socket(AF_INET, SOCK_DGRAM) */
	pier_sock_set_timeouts(&s, PIER_S(3), PIER_S(3));     /* s.settimeout(3) */
	pier_sock_set_reuse(&s, true, false); /* s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) */
	pier_sock_bind(&s, group);	      /* s.bind(group) */
	/* s.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, struct.pack("4s4si", …)) */
	pier_sock_join(&s, group, interface, NULL);
	return s;
}

int main(int argc, char **argv)
{
	pier_addr group = pier_addr_of(argc > 1 ? argv[1] : "239.255.74.37:7437"), from;
	unsigned lo = pier_interface_index("lo"); /* socket.if_nametoindex("lo") */
	PIER_AUTO_SOCK a = join(&group, lo), b = join(&group, lo),
		       speaker = pier_sock_open(AF_INET, SOCK_DGRAM, 0);
	pier_sock *members[] = {&a, &b};
	char text[64];

	pier_sock_set_multicast(&speaker, lo, 1, true); /* IP_MULTICAST_IF, _TTL, _LOOP */
	pier_sock_sendto(&speaker, "hello, all", 10, 0,
			 &group); /* s.sendto(b"hello, all", group) */
	for (int i = 0; i < 2 && !pier_sock_err(&speaker); i++) {
		ssize_t n = pier_sock_recvfrom(members[i], text, sizeof text, 0, &from);
		if (n > 0)
			printf("member %d hears %s: %.*s\n", i + 1, PIER_HOST_STR(&from), (int)n,
			       text);
		pier_sock_leave(members[i], &group, lo, NULL); /* IP_DROP_MEMBERSHIP */
	}
	return pier_sock_perror(&a, "the group") || pier_sock_perror(&b, "the group") ||
	       pier_sock_perror(&speaker, "the group");
}
