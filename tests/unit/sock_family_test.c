/* Raw sockets of the families that are not everywhere: what this kernel refuses to open is passed over. */
#include "sock_pairs.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>

static bool opens(int family, int type, int protocol, pier_sock *out)
{
	int err = pier_socket(family, type, protocol, out);
	if (err == 0)
		pier_sock_set_timeouts(out, PIER_S(5), PIER_S(5));
	else
		CHECK(err == -EPERM || err == -EAFNOSUPPORT || err == -EPROTONOSUPPORT ||
		      err == -ESOCKTNOSUPPORT);
	return err == 0;
}

/* ---- Netlink --------------------------------------------------------------------------------------- */

/* The interfaces' names among the messages of one datagram; true at the end of the list. */
static bool read_links(const char *at, size_t len, bool *has_loopback)
{
	for (const struct nlmsghdr *h = (const void *)at; NLMSG_OK(h, len);
	     h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return true;
		CHECK_EQ(h->nlmsg_type, RTM_NEWLINK);
		const struct ifinfomsg *link = NLMSG_DATA(h);
		if (link->ifi_flags & IFF_LOOPBACK)
			*has_loopback = true;
	}
	return false;
}

ON_BOTH(netlink_tells_the_interfaces)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} ask = {.head = {.nlmsg_len = sizeof ask,
			  .nlmsg_type = RTM_GETLINK,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			  .nlmsg_seq = 7}};
	PIER_AUTO_SOCK s = PIER_SOCK;
	pier_addr kernel, from;
	char text[PIER_ADDR_TEXT];
	bool has_loopback = false, done = false;

	if (!opens(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s))
		return;
	CHECK_OK(pier_addr_read(pier_text("netlink:0:0x0"), &kernel));
	CHECK_EQ(pier_sock_sendto(&s, &ask, sizeof ask, 0, &kernel), sizeof ask);
	while (!done) {
		_Alignas(8) static char answer[65536];
		ssize_t n = pier_sock_recvfrom(&s, answer, sizeof answer, 0, &from);
		CHECK(n > 0);
		CHECK_STR(pier_addr_format(&from, text, sizeof text), "netlink:0:0x0");
		done = read_links(answer, (size_t)n, &has_loopback);
	}
	CHECK(has_loopback);
}

/* ---- Vsock, by its loopback transport --------------------------------------------------------------- */

ON_BOTH(vsock_meets_itself_where_there_is_a_loopback)
{
	PIER_AUTO_SOCK door = PIER_SOCK, a = PIER_SOCK, b = PIER_SOCK;
	pier_addr at, from;

	if (!opens(AF_VSOCK, SOCK_STREAM, 0, &door) || !opens(AF_VSOCK, SOCK_STREAM, 0, &a))
		return;
	struct sockaddr_vm any = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
	memcpy(&at.storage, &any, sizeof any);
	at.len = sizeof any;
	CHECK_OK(pier_sock_bind(&door, &at));
	CHECK_OK(pier_sock_listen(&door, 0));
	CHECK_OK(pier_sock_local(&door, &at));
	any.svm_port = ((struct sockaddr_vm *)&at.storage)->svm_port;
	any.svm_cid = VMADDR_CID_LOCAL;
	memcpy(&at.storage, &any, sizeof any);
	pier_sock_set_timeouts(&a, PIER_S(5), PIER_MS(500));
	int err = pier_sock_connect(&a, &at);
	if (err == -ENODEV || err == -ENETUNREACH || err == -ECONNRESET || err == -ETIMEDOUT)
		return; /* no vsock_loopback: nobody, or a host that does not answer, is asked */
	CHECK_OK(err);
	CHECK_OK(pier_sock_accept(&door, &b, &from));
	say(&a, "by vsock");
	check_recv(&b, "by vsock");
	CHECK_OK(pier_sock_shutdown(&b, SHUT_WR));
	CHECK_EQ(pier_sock_recv(&a, &at, 1, 0), 0);
}

/* ---- UDP-Lite: a datagram of which only the head is guarded, RFC 3828 -------------------------------- */

#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11

ON_BOTH(udplite_guards_what_it_is_told_to)
{
	test_skip_emulated("qemu knows no options of UDP-Lite");
	PIER_AUTO_SOCK a = PIER_SOCK, b = PIER_SOCK;
	pier_addr at = at_loopback(AF_INET);
	int covered = 0;

	if (!opens(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, &a) ||
	    !opens(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, &b))
		return;
	CHECK_OK(pier_sock_setopt_int(&a, IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, 12));
	CHECK_OK(pier_sock_getopt_int(&a, IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, &covered));
	CHECK_EQ(covered, 12);
	CHECK_OK(pier_sock_bind(&b, &at));
	CHECK_OK(pier_sock_local(&b, &at));
	CHECK_EQ(pier_sock_sendto(&a, "partly", 6, 0, &at), 6);
	check_recv(&b, "partly");
	CHECK_OK(pier_sock_setopt_int(&b, IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV, 20));
	CHECK_EQ(pier_sock_sendto(&a, "partly", 6, 0, &at), 6); /* guarded less than is asked for */
	pier_sock_set_timeouts(&b, PIER_MS(20), 0);
	CHECK_EQ(pier_sock_recv(&b, &at, 6, 0), -ETIMEDOUT);
}

/* ---- Who gets what ------------------------------------------------------------------------------------ */

ON_BOTH(a_port_is_shared_by_those_who_all_say_so)
{
	PIER_AUTO_SOCK one = PIER_SOCK, two = PIER_SOCK, three = PIER_SOCK, sender = PIER_SOCK;
	pier_addr at = at_loopback(AF_INET);
	pier_sock *some[] = {&one, &two};
	int heard = 0;

	for (int i = 0; i < 2; i++) {
		CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, some[i]));
		CHECK_OK(pier_sock_set_reuse(some[i], false, true));
		CHECK_OK(pier_sock_bind(some[i], &at));
		CHECK_OK(pier_sock_local(some[i], &at));
		pier_sock_set_timeouts(some[i], 0, 0);
	}
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &three));
	CHECK_EQ(pier_sock_bind(&three, &at), -EADDRINUSE);
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &sender));
	CHECK_EQ(pier_sock_sendto(&sender, "x", 1, 0, &at), 1);
	for (int i = 0; i < 2; i++) {
		char byte;
		ssize_t n = pier_sock_recv(some[i], &byte, 1, 0);
		CHECK(n == 1 || n == -EAGAIN);
		heard += n == 1;
	}
	CHECK_EQ(heard, 1); /* one of them, not both */
}

ON_BOTH(a_socket_of_a_device_hears_that_device_alone)
{
	test_skip_emulated("qemu does not pass SO_BINDTODEVICE on whole");
	PIER_AUTO_SOCK s = PIER_SOCK, sender = PIER_SOCK;
	pier_addr at = at_loopback(AF_INET);
	char name[IFNAMSIZ] = "";
	size_t len = sizeof name;

	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &s));
	int err = pier_sock_set_device(&s, "lo");
	if (err == -EPERM)
		return;
	CHECK_OK(err);
	CHECK_OK(pier_sock_getopt(&s, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	CHECK_STR(name, "lo");
	CHECK_OK(pier_sock_bind(&s, &at));
	CHECK_OK(pier_sock_local(&s, &at));
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &sender));
	CHECK_EQ(pier_sock_sendto(&sender, "by lo", 5, 0, &at), 5);
	check_recv(&s, "by lo");
}

/* An address that is nobody's here: ip(7). */
ON_BOTH(a_transparent_socket_speaks_for_others)
{
	test_skip_simulated("such sockets and options are not simulated");
	test_skip_emulated("qemu knows no IP_TRANSPARENT");
	PIER_AUTO_SOCK s = PIER_SOCK, other = PIER_SOCK;
	pier_addr foreign;

	CHECK_OK(pier_addr_parse(pier_text("192.0.2.7"), 0, &foreign));
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &other));
	CHECK_EQ(pier_sock_bind(&other, &foreign), -EADDRNOTAVAIL);
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &s));
	int err = pier_sock_setopt_int(&s, IPPROTO_IP, IP_TRANSPARENT, 1);
	if (err == -EPERM)
		return;
	CHECK_OK(err);
	CHECK_OK(pier_sock_bind(&s, &foreign));
}

/* ---- Families without text -------------------------------------------------------------------------- */

#ifndef AF_QIPCRTR
#define AF_QIPCRTR 42
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

/* Nobody but the kernel knows whether they are there: pier adds no refusal of its own, and takes none away. */
ON_BOTH(a_family_without_text_is_as_the_kernel_has_it)
{
	test_skip_simulated("such sockets are not simulated");
	static const struct {
		int family, type, protocol;
	} kinds[] = {
		{AF_CAN, SOCK_RAW, 1},		   /* CAN_RAW */
		{AF_CAN, SOCK_DGRAM, 2},	   /* CAN_BCM */
		{AF_CAN, SOCK_DGRAM, 6},	   /* CAN_ISOTP */
		{AF_CAN, SOCK_DGRAM, 7},	   /* CAN_J1939 */
		{AF_BLUETOOTH, SOCK_STREAM, 3},	   /* BTPROTO_RFCOMM */
		{AF_BLUETOOTH, SOCK_SEQPACKET, 0}, /* BTPROTO_L2CAP */
		{AF_BLUETOOTH, SOCK_RAW, 1},	   /* BTPROTO_HCI */
		{AF_BLUETOOTH, SOCK_SEQPACKET, 2}, /* BTPROTO_SCO */
		{AF_RDS, SOCK_SEQPACKET, 0},
		{AF_TIPC, SOCK_RDM, 0},
		{AF_TIPC, SOCK_STREAM, 0},
		{AF_QIPCRTR, SOCK_DGRAM, 0},
		{AF_ALG, SOCK_SEQPACKET, 0},
		{AF_XDP, SOCK_RAW, 0},
		{AF_INET, SOCK_STREAM, IPPROTO_SCTP},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		PIER_AUTO_SOCK s = PIER_SOCK;
		pier_addr cut = {.len = sizeof(sa_family_t)};
		int fd = socket(kinds[i].family, kinds[i].type | SOCK_CLOEXEC, kinds[i].protocol);
		int want = fd < 0 ? -errno : 0;
		fprintf(stderr, "%d %d %d: %d\n", kinds[i].family, kinds[i].type, kinds[i].protocol,
			want);
		CHECK_EQ(pier_socket(kinds[i].family, kinds[i].type, kinds[i].protocol, &s), want);
		if (want < 0)
			continue;
		CHECK_EQ(s.family, kinds[i].family);
		CHECK_EQ(s.type, kinds[i].type);
		cut.sa.sa_family = (sa_family_t)kinds[i].family;
		want = bind(fd, &cut.sa, cut.len) < 0 ? -errno : 0;
		CHECK_EQ(pier_sock_bind(&s, &cut), want);
		close(fd);
	}
}
