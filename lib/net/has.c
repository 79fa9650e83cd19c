/* What this machine has: the kernel is asked by trying. */
#include "io/direct.h"
#include "io/socket.h"

#include <netinet/in.h>
#include <pier/sock.h>

#define UDP_GRO_NUMBER 104 /* linux/udp.h, 5.0 */

static const struct {
	int family, type, protocol;
	int level, option, value; /* to be set as well; option 0: none */
} kinds[] = {
	[PIER_IPV6] = {AF_INET6, SOCK_STREAM, 0, 0, 0, 0},
	[PIER_DUALSTACK] = {AF_INET6, SOCK_STREAM, 0, IPPROTO_IPV6, IPV6_V6ONLY, 0},
	[PIER_VSOCK] = {AF_VSOCK, SOCK_STREAM, 0, 0, 0, 0},
	[PIER_NETLINK] = {AF_NETLINK, SOCK_RAW, 0, 0, 0, 0},
	[PIER_RAW_SOCKETS] = {AF_INET, SOCK_RAW, IPPROTO_ICMP, 0, 0, 0},
	[PIER_PACKET_SOCKETS] = {AF_PACKET, SOCK_RAW, 0, 0, 0, 0},
	[PIER_PING_SOCKETS] = {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 0, 0, 0},
	[PIER_UDP_SEGMENTS] = {AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP, UDP_GRO_NUMBER, 1},
};

bool pier_has(pier_feature what)
{
	if ((size_t)what >= sizeof kinds / sizeof *kinds)
		return false;
	int fd = pier_io_socket_of(kinds[what].family, kinds[what].type, kinds[what].protocol);
	if (fd < 0)
		return false;
	int err = kinds[what].option ? pier_io_option(fd, kinds[what].level, kinds[what].option,
						      kinds[what].value)
				     : 0;
	pier_io_close(fd);
	return err == 0;
}
