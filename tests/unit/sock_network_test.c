/* Raw sockets with a network of their own: interfaces made by netlink, groups and broadcasts by the one that is chosen, packets with
 * a header of our making. It takes root, and no harm is done outside. */
#include "sock_pairs.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pier/sockopt.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* ---- Two interfaces, "one" and "two", each with another end that leads nowhere -------------------------- */

struct ask {
	struct nlmsghdr head;
	struct ifinfomsg link;
	char attributes[64];
};

static struct rtattr *attribute(struct ask *a, unsigned short type, const void *p, size_t len)
{
	struct rtattr *at = (struct rtattr *)((char *)a + NLMSG_ALIGN(a->head.nlmsg_len));
	*at = (struct rtattr){.rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = type};
	if (len)
		memcpy(RTA_DATA(at), p, len);
	a->head.nlmsg_len = (unsigned)(NLMSG_ALIGN(a->head.nlmsg_len) + RTA_ALIGN(at->rta_len));
	return at;
}

/* rtnetlink(7). 0, or why the kernel makes none. */
static int make_interface(const char *name)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	pier_addr kernel;
	_Alignas(8) char answer[4096];
	struct ask a = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof a.link),
			 .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}};

	attribute(&a, IFLA_IFNAME, name, strlen(name) + 1);
	struct rtattr *about = attribute(&a, IFLA_LINKINFO, NULL, 0);
	attribute(&a, IFLA_INFO_KIND, "veth", 5);
	about->rta_len = (unsigned short)((char *)&a + a.head.nlmsg_len - (char *)about);

	CHECK_OK(pier_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s));
	CHECK_OK(pier_addr_read(pier_text("netlink:0:0x0"), &kernel));
	CHECK_EQ(pier_sock_sendto(&s, &a, a.head.nlmsg_len, 0, &kernel), a.head.nlmsg_len);
	CHECK(pier_sock_recv(&s, answer, sizeof answer, 0) >=
	      (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	CHECK_EQ(((struct nlmsghdr *)answer)->nlmsg_type, NLMSG_ERROR);
	return ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
}

static void set(int fd, const char *name, unsigned what, const char *number)
{
	struct ifreq r = {.ifr_flags = IFF_UP};
	pier_addr a;
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	if (number) {
		CHECK_OK(pier_addr_parse(pier_text(number), 0, &a));
		memcpy(&r.ifr_addr, &a.sa, sizeof r.ifr_addr);
	}
	CHECK_EQ(ioctl(fd, what, &r), 0);
}

static const char *const names[] = {"one", "two"}, *const ends[] = {"veth0", "veth1"};
static unsigned one, two;

static void a_network_of_our_own(void)
{
	static const char *const numbers[] = {"10.9.0.1", "10.9.1.1"};
	test_skip_simulated("it has networks of its own");
	test_skip_emulated("qemu translates no such requests");
	if (one)
		return; /* outside of fibers first, then on one: the same */
	if (unshare(CLONE_NEWNET) < 0)
		test_skip("it takes root to have a network of one's own");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 2; i++) {
		if (make_interface(names[i]) < 0)
			test_skip("this kernel has no veth");
		set(fd, names[i], SIOCSIFADDR, numbers[i]);
		set(fd, names[i], SIOCSIFNETMASK, "255.255.255.0");
		set(fd, names[i], SIOCSIFFLAGS, NULL);
		set(fd, ends[i], SIOCSIFFLAGS, NULL);
	}
	set(fd, "lo", SIOCSIFFLAGS, NULL);
	close(fd);
	one = if_nametoindex(names[0]);
	two = if_nametoindex(names[1]);
}

/* ---- Who hears -------------------------------------------------------------------------------------- */

static pier_sock wildcard(int family, uint16_t *port)
{
	pier_addr at;
	pier_sock s;
	CHECK_OK(pier_addr_parse(pier_text(family == AF_INET ? "0.0.0.0" : "::"), 0, &at));
	CHECK_OK(pier_socket(family, SOCK_DGRAM, 0, &s));
	CHECK_OK(pier_sock_bind(&s, &at));
	CHECK_OK(pier_sock_local(&s, &at));
	CHECK_OK(pier_sock_set_pktinfo(&s, true));
	pier_sock_set_timeouts(&s, PIER_MS(50), PIER_MS(50));
	*port = pier_addr_port(&at);
	return s;
}

/* The interface by which `text` came, 0 when nothing did. */
static unsigned heard_by(pier_sock *s, const char *text)
{
	char got[16], room[PIER_ANCILLARY_ROOM(64)];
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	pier_addr to;
	unsigned by = 0;
	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	ssize_t n = pier_sock_recvmsg(s, &m, 0);
	if (n == -ETIMEDOUT)
		return 0;
	CHECK_OK(n);
	CHECK_BYTES(pier_bytes_of(got, (size_t)n), text);
	CHECK_OK(pier_ancillary_pktinfo(&m.ancillary, &to, &by));
	return by;
}

/* A new interface's own address of IPv6 takes a moment: RFC 4862 §5.4. */
static void send_soon(pier_sock *s, const char *text, const pier_addr *to)
{
	ssize_t n = -EADDRNOTAVAIL;
	for (int i = 0; i < 400 && n == -EADDRNOTAVAIL; i++) {
		n = pier_sock_sendto(s, text, strlen(text), 0, to);
		if (n == -EADDRNOTAVAIL)
			CHECK_OK(pier_sleep(PIER_MS(10)));
	}
	CHECK_EQ(n, (ssize_t)strlen(text));
}

ON_BOTH(a_group_is_heard_by_the_interface_it_was_joined_on)
{
	static const char *const groups[] = {"239.1.2.3", "ff02::1234"};
	a_network_of_our_own();
	for (int i = 0; i < 2; i++) {
		pier_addr group;
		uint16_t port;
		CHECK_OK(pier_addr_parse(pier_text(groups[i]), 0, &group));
		pier_sock r = wildcard(group.sa.sa_family, &port), s;
		CHECK_OK(pier_socket(group.sa.sa_family, SOCK_DGRAM, 0, &s));
		pier_addr_set_port(&group, port);
		CHECK_OK(pier_sock_join(&r, &group, one, NULL));
		CHECK_OK(pier_sock_set_multicast(&s, two, 1, true));
		send_soon(&s, "elsewhere", &group);
		CHECK_EQ(heard_by(&r, "elsewhere"), 0);
		CHECK_OK(pier_sock_set_multicast(&s, one, 1, false));
		send_soon(&s, "not here", &group);
		CHECK_EQ(heard_by(&r, "not here"), 0);
		CHECK_OK(pier_sock_set_multicast(&s, one, 1, true));
		send_soon(&s, "here", &group);
		CHECK_EQ(heard_by(&r, "here"), one);
		CHECK_OK(pier_sock_leave(&r, &group, one, NULL));
		send_soon(&s, "no more", &group);
		CHECK_EQ(heard_by(&r, "no more"), 0);
		pier_sock_close(&r);
		pier_sock_close(&s);
	}
}

ON_BOTH(a_broadcast_goes_by_the_interface_it_is_told)
{
	a_network_of_our_own();
	static const char *const addresses[] = {"255.255.255.255", "10.9.0.255", "10.9.1.255"};
	char room[PIER_ANCILLARY_ROOM(64)];
	struct iovec piece = {"all", 3};
	pier_message m = pier_message_of(&piece);
	pier_addr any = {.sa.sa_family = AF_INET};
	uint16_t port;
	pier_sock r = wildcard(AF_INET, &port), s;

	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &s));
	CHECK_OK(pier_addr_parse(pier_text(addresses[1]), port, &m.addr));
	CHECK_EQ(pier_sock_sendmsg(&s, &m, 0), -EACCES); /* not unless one means it */
	CHECK_OK(pier_sock_set_broadcast(&s, true));
	for (int i = 0; i < 3; i++) {
		unsigned by = i == 2 ? two : one;
		CHECK_OK(pier_addr_parse(pier_text(addresses[i]), port, &m.addr));
		m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
		CHECK_OK(pier_ancillary_add_pktinfo(&m.ancillary, &any, by));
		CHECK_EQ(pier_sock_sendmsg(&s, &m, 0), 3);
		CHECK_EQ(heard_by(&r, "all"), by);
	}
	CHECK_OK(pier_sock_set_device(&s, names[1]));
	CHECK_OK(pier_addr_parse(pier_text(addresses[0]), port, &m.addr));
	m.ancillary.len = 0;
	CHECK_EQ(pier_sock_sendmsg(&s, &m, 0), 3);
	CHECK_EQ(heard_by(&r, "all"), two);
	pier_sock_close(&r);
	pier_sock_close(&s);
}

/* ---- A header of our own: raw(7), RFC 791 §3.1, RFC 768 ------------------------------------------------- */

ON_BOTH(a_packet_has_the_header_that_it_is_given)
{
	a_network_of_our_own();
	uint16_t port;
	pier_addr to = at_loopback(AF_INET), from;
	char got[8], text[PIER_ADDR_TEXT];
	pier_sock r = wildcard(AF_INET, &port), s;
	/* │ version, words │ … │ TTL 7 │ 17: UDP │ … │ 127.0.0.5 │ 127.0.0.1 │ port 4242 │ … │ 13 │ 0 │ "fives" */
	unsigned char packet[33] = {0x45, [8] = 7, 17, [12] = 127, 0, 0, 5, 127, 0, 0, 1};

	packet[20] = 4242 >> 8;
	packet[21] = 4242 & 0xff;
	packet[22] = (unsigned char)(port >> 8);
	packet[23] = (unsigned char)port;
	packet[25] = 13;
	memcpy(packet + 28, "fives", 5);
	CHECK_OK(pier_socket(AF_INET, SOCK_RAW, IPPROTO_UDP, &s));
	CHECK_OK(pier_sock_set_hdrincl(&s, true));
	CHECK_EQ(pier_sock_sendto(&s, packet, sizeof packet, 0, &to), sizeof packet);
	CHECK_EQ(pier_sock_recvfrom(&r, got, sizeof got, 0, &from), 5);
	CHECK_BYTES(pier_bytes_of(got, 5), "fives");
	CHECK_STR(pier_addr_format(&from, text, sizeof text), "127.0.0.5:4242");
	CHECK(pier_sock_recv(&s, packet, sizeof packet, 0) == sizeof packet && packet[8] == 7);
	pier_sock_close(&r);
	pier_sock_close(&s);
}
