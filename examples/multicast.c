/* A group: what one says, all who joined hear. Here on loopback, so nothing leaves this machine.
 *	multicast [GROUP:PORT] */
#include <pier.h>
#include <sys/socket.h>

/* A member, bound to the group's port together with the others. */
static int join(pier_sock *s, const pier_addr *group, unsigned interface)
{
	int err = pier_socket(AF_INET, SOCK_DGRAM, 0, s);
	if (err == 0)
		err = pier_sock_set_reuse(s, true,
					  false); /* s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) */
	if (err == 0)
		err = pier_sock_bind(s, group);
	if (err == 0) /* s.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, struct.pack(…)) */
		err = pier_sock_join(s, group, interface, NULL);
	pier_sock_set_timeouts(s, PIER_S(3), PIER_S(3));
	return err;
}

int main(int argc, char **argv)
{
	PIER_AUTO_SOCK a = PIER_SOCK, b = PIER_SOCK, speaker = PIER_SOCK;
	unsigned lo = pier_interface_index("lo");
	pier_addr group, from;
	char text[64], who[PIER_ADDR_TEXT];

	if (pier_addr_parse(pier_text(argc > 1 ? argv[1] : "239.255.74.37:7437"), 7437, &group) < 0)
		return 2;
	int err = join(&a, &group, lo);
	if (err == 0)
		err = join(&b, &group, lo);
	if (err == 0)
		err = pier_socket(AF_INET, SOCK_DGRAM, 0, &speaker);
	if (err == 0)
		err = pier_sock_set_multicast(&speaker, lo, 1,
					      true); /* IP_MULTICAST_IF, _TTL, _LOOP */
	if (err == 0)
		err = (int)pier_sock_sendto(&speaker, "hello, all", 10, 0, &group);
	pier_sock *const members[] = {&a, &b};
	for (int i = 0; err >= 0 && i < 2; i++) {
		err = (int)pier_sock_recvfrom(members[i], text, sizeof text, 0, &from);
		if (err > 0)
			printf("member %d hears %s: %.*s\n", i + 1,
			       pier_addr_host(&from, who, sizeof who), err, text);
	}
	if (err < 0)
		fprintf(stderr, "%s\n", pier_strerror(err));
	return err < 0;
}
