/* The options of raw sockets, and what they bring with messages. */
#include "sock_pairs.h"

#include <net/if.h>
#include <netinet/tcp.h>

static int value_of(const pier_sock *s, int level, int name)
{
	int value = -1;
	CHECK_OK(pier_sock_getopt_int(s, level, name, &value));
	return value;
}

TEST(options_are_set_and_told)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_set_reuse(&s, true, true));
	CHECK_EQ(value_of(&s, SOL_SOCKET, SO_REUSEADDR), 1);
	CHECK_EQ(value_of(&s, SOL_SOCKET, SO_REUSEPORT), 1);
	CHECK_OK(pier_sock_set_buffers(&s, 20000, 0));
	CHECK_EQ(value_of(&s, SOL_SOCKET, SO_RCVBUF), 40000);
	CHECK_OK(pier_sock_set_nodelay(&s, true));
	CHECK_EQ(value_of(&s, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_OK(pier_sock_set_cork(&s, true));
	CHECK_EQ(value_of(&s, IPPROTO_TCP, TCP_CORK), 1);
	CHECK_OK(pier_sock_set_quickack(&s, true));
	CHECK_OK(pier_sock_set_keepalive(&s, PIER_MS(9500), PIER_S(3), 4));
	CHECK_EQ(value_of(&s, SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_EQ(value_of(&s, IPPROTO_TCP, TCP_KEEPIDLE), 10);
	CHECK_EQ(value_of(&s, IPPROTO_TCP, TCP_KEEPINTVL), 3);
	CHECK_EQ(value_of(&s, IPPROTO_TCP, TCP_KEEPCNT), 4);
	CHECK_OK(pier_sock_set_keepalive(&s, -1, 0, 0));
	CHECK_EQ(value_of(&s, SOL_SOCKET, SO_KEEPALIVE), 0);
	CHECK_OK(pier_sock_set_user_timeout(&s, PIER_MS(1500)));
	CHECK_EQ(value_of(&s, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
	CHECK_OK(pier_sock_set_defer_accept(&s, PIER_S(1)));
	CHECK_OK(pier_sock_set_congestion(&s, "reno"));
	CHECK_OK(pier_sock_set_hops(&s, 17));
	CHECK_EQ(value_of(&s, IPPROTO_IP, IP_TTL), 17);
	CHECK_OK(pier_sock_set_class(&s, 0x10));
	CHECK_EQ(value_of(&s, IPPROTO_IP, IP_TOS), 0x10);
	CHECK_OK(pier_sock_set_priority(&s, 3));
	CHECK_EQ(value_of(&s, SOL_SOCKET, SO_PRIORITY), 3);
	CHECK_OK(pier_sock_set_dontfrag(&s, true));
	CHECK_EQ(value_of(&s, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
	CHECK_OK(pier_sock_set_freebind(&s, true));
	CHECK_EQ(value_of(&s, IPPROTO_IP, IP_FREEBIND), 1);
	CHECK_EQ(pier_sock_error(&s), 0);
}

TEST(options_know_the_family)
{
	PIER_AUTO_SOCK six = PIER_SOCK, local = PIER_SOCK, udp = PIER_SOCK;
	CHECK_OK(pier_socket(AF_INET6, SOCK_DGRAM, 0, &six));
	CHECK_OK(pier_sock_set_v6only(&six, true));
	CHECK_EQ(value_of(&six, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	CHECK_OK(pier_sock_set_hops(&six, 5));
	CHECK_EQ(value_of(&six, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 5);
	CHECK_OK(pier_sock_set_dontfrag(&six, true));
	CHECK_EQ(value_of(&six, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_DO);
	CHECK_OK(pier_sock_set_freebind(&six, true));
	CHECK_OK(pier_socket(AF_UNIX, SOCK_STREAM, 0, &local));
	CHECK_EQ(pier_sock_set_hops(&local, 5), -ENOPROTOOPT);
	CHECK(pier_sock_set_nodelay(&local, true) < 0);
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &udp));
	CHECK_OK(pier_sock_set_broadcast(&udp, true));
	CHECK_EQ(value_of(&udp, SOL_SOCKET, SO_BROADCAST), 1);
	CHECK_EQ(pier_sock_set_segments(&udp, 70000), -EINVAL);
	CHECK_EQ(pier_sock_set_user_timeout(&udp, -1), -EINVAL);
	CHECK_EQ(pier_sock_set_device(&udp, "nosuch0"), -ENODEV);
	CHECK_OK(pier_sock_set_device(&udp, NULL));
}

TEST(any_option_goes_by_number)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	struct linger l = {1, 3}, back = {0};
	size_t len = sizeof back;
	CHECK_OK(pier_sock_setopt(&s, SOL_SOCKET, SO_LINGER, &l, sizeof l));
	CHECK_OK(pier_sock_getopt(&s, SOL_SOCKET, SO_LINGER, &back, &len));
	CHECK_EQ(len, sizeof back);
	CHECK_EQ(back.l_linger, 3);
	CHECK(s.lingers);
	CHECK_OK(pier_sock_set_linger(&s, -1));
	CHECK(!s.lingers);
	char why[200];
	int err = pier_sock_setopt_int(&s, SOL_SOCKET, 9999, 1);
	CHECK_EQ(err, -ENOPROTOOPT);
	CHECK_STR(pier_sock_why(&s, err, NULL, why, sizeof why),
		  "set an option of a socket: Protocol not available");
}

/* The peer does not read, so the last bytes cannot leave: close(2) waits a second, its worker does not. */
static int tick(void *ticks)
{
	while (pier_sleep(PIER_MS(10)) == 0)
		++*(int *)ticks;
	return 0;
}

ON_FIBER(a_close_that_lingers_holds_up_nobody_else)
{
	test_skip_simulated("a close does not linger there");
	pier_sock p[2];
	static char much[1 << 20];
	int ticks = 0;
	pier_group g = PIER_GROUP;
	tcp_joined(p);
	while (pier_sock_send_some(&p[0], much, sizeof much, MSG_DONTWAIT) > 0)
		;
	CHECK_OK(pier_sock_set_linger(&p[0], PIER_S(1)));
	CHECK_OK(pier_go(&g, tick, &ticks));
	int64_t began = pier_now();
	pier_sock_close(&p[0]);
	CHECK(pier_now() - began > PIER_MS(500));
	CHECK(ticks > 10);
	pier_group_end(&g);
	pier_sock_close(&p[1]);
}

/* ---- What messages bring ------------------------------------------------------------------------- */

ON_BOTH(a_datagram_tells_how_it_came)
{
	test_skip_emulated("qemu does not know all of these control data");
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;
		pier_sock p[2];
		pier_addr here, to;
		unsigned interface = 0;
		char got[8], room[256];
		struct iovec piece = {got, sizeof got};
		pier_message m = pier_message_of(&piece);
		m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
		udp_joined(family, p);
		CHECK_OK(pier_sock_local(&p[1], &here));
		CHECK_OK(pier_sock_set_pktinfo(&p[1], true));
		CHECK_OK(pier_sock_set_recv_hops(&p[1], true));
		CHECK_OK(pier_sock_set_recv_class(&p[1], true));
		CHECK_OK(pier_sock_set_timestamps(&p[1], true));
		CHECK_OK(pier_sock_set_hops(&p[0], 42));
		CHECK_OK(pier_sock_set_class(&p[0], 0x28));
		say(&p[0], "x");
		CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 1);
		CHECK(!pier_message_ancillary_cut(&m));
		CHECK_OK(pier_ancillary_pktinfo(&m.ancillary, &to, &interface));
		pier_addr_set_port(&to, pier_addr_port(&here));
		CHECK(pier_addr_eq(&to, &here));
		CHECK_EQ(interface, if_nametoindex("lo"));
		CHECK_EQ(pier_ancillary_hops(&m.ancillary), 42);
		CHECK_EQ(pier_ancillary_class(&m.ancillary), 0x28);
		int64_t age = pier_wall() - pier_ancillary_time(&m.ancillary);
		CHECK(age >= 0 && age < PIER_S(60));

		char little[PIER_ANCILLARY_ROOM(4)]; /* and too little room is told */
		m.ancillary = (pier_ancillary){.at = little, .room = sizeof little};
		say(&p[0], "x");
		CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 1);
		CHECK(pier_message_ancillary_cut(&m));
		part(p);
	}
}

ON_BOTH(a_datagram_goes_from_the_address_it_is_told)
{
	pier_addr at, from, chosen;
	char got[8], room[PIER_ANCILLARY_ROOM(64)];
	pier_sock r = bound_to(AF_INET, SOCK_DGRAM, &at), s;
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &s));
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.9"), 0, &chosen));
	struct iovec piece = {"x", 1};
	pier_message m = pier_message_of(&piece);
	m.addr = at;
	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	CHECK_OK(pier_ancillary_add_pktinfo(&m.ancillary, &chosen, 0));
	CHECK_EQ(pier_sock_sendmsg(&s, &m, 0), 1);
	CHECK_EQ(pier_sock_recvfrom(&r, got, sizeof got, 0, &from), 1);
	char text[PIER_ADDR_TEXT];
	CHECK_STR(pier_addr_host(&from, text, sizeof text), "127.0.0.9");
	pier_sock_close(&r);
	pier_sock_close(&s);
}

ON_BOTH(one_send_is_cut_into_datagrams_and_they_come_as_one)
{
	pier_sock p[2];
	static char out[3000], in[4000];
	char room[PIER_ANCILLARY_ROOM(64)];
	struct iovec to = {out, sizeof out}, from = {in, sizeof in};
	pier_message m = pier_message_of(&to), got = pier_message_of(&from);
	udp_joined(AF_INET, p);
	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	CHECK_EQ(pier_ancillary_add_segments(&m.ancillary, 0), -EINVAL);
	CHECK_OK(pier_ancillary_add_segments(&m.ancillary, 1000));
	CHECK_EQ(pier_sock_sendmsg(&p[0], &m, 0), 3000);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pier_sock_recv(&p[1], in, sizeof in, 0), 1000);

	CHECK_OK(pier_sock_set_coalesce(&p[1], true));
	CHECK_OK(pier_sock_set_segments(&p[0], 1000));
	CHECK_EQ(pier_sock_send(&p[0], out, sizeof out, 0), 3000);
	got.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	CHECK_EQ(pier_sock_recvmsg(&p[1], &got, 0), 3000);
	CHECK_EQ(pier_ancillary_segments(&got.ancillary), 1000);
	part(p);
}

ON_BOTH(a_local_peer_tells_who_it_is)
{
	pier_sock p[2];
	pier_credentials who;
	char got[4], room[PIER_ANCILLARY_ROOM(64)];
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	CHECK_OK(pier_sock_peer_credentials(&p[0], &who));
	CHECK_EQ(who.pid, getpid());
	CHECK_OK(pier_sock_set_credentials(&p[1], true));
	say(&p[0], "me");
	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	CHECK_EQ(pier_sock_recvmsg(&p[1], &m, 0), 2);
	CHECK_OK(pier_ancillary_credentials(&m.ancillary, &who));
	CHECK_EQ(who.uid, getuid());
	part(p);
}

/* ---- Groups -------------------------------------------------------------------------------------- */

ON_BOTH(a_group_is_heard_while_joined)
{
	test_skip_emulated("qemu does not know the options of groups");
	static const char *const groups[] = {"239.1.2.3", "ff01::1234"};
	unsigned lo = if_nametoindex("lo");
	for (int i = 0; i < 2; i++) {
		pier_addr group, any, bound;
		pier_sock r, s;
		CHECK_OK(pier_addr_parse(pier_text(groups[i]), 0, &group));
		CHECK_OK(pier_addr_parse(pier_text(i ? "::" : "0.0.0.0"), 0, &any));
		CHECK_OK(pier_socket(group.sa.sa_family, SOCK_DGRAM, 0, &r));
		CHECK_OK(pier_socket(group.sa.sa_family, SOCK_DGRAM, 0, &s));
		CHECK_OK(pier_sock_bind(&r, &any));
		CHECK_OK(pier_sock_local(&r, &bound));
		pier_addr_set_port(&group, pier_addr_port(&bound));
		CHECK_OK(pier_sock_join(&r, &group, lo, NULL));
		CHECK_EQ(pier_sock_join(&r, &group, lo, NULL), -EADDRINUSE);
		CHECK_OK(pier_sock_set_multicast(&s, lo, 1, true));
		ssize_t sent = pier_sock_sendto(&s, "all", 3, 0, &group);
		if (sent == 3)
			check_recv(&r, "all");
		else /* IPv6 needs a route for groups, which lo seldom has */
			CHECK(i == 1 && sent == -ENETUNREACH);
		CHECK_OK(pier_sock_leave(&r, &group, lo, NULL));
		CHECK_EQ(pier_sock_leave(&r, &group, lo, NULL), -EADDRNOTAVAIL);
		pier_sock_close(&r);
		pier_sock_close(&s);
	}
}

ON_BOTH(of_a_group_one_source_can_be_chosen)
{
	test_skip_simulated("such sockets and options are not simulated");
	test_skip_emulated("qemu does not know the options of groups");
	unsigned lo = if_nametoindex("lo");
	pier_addr group, any, bound, source;
	pier_sock r, s;
	char byte;
	CHECK_OK(pier_addr_parse(pier_text("232.1.2.3"), 0, &group));
	CHECK_OK(pier_addr_parse(pier_text("0.0.0.0"), 0, &any));
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.7"), 0, &source));
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &r));
	CHECK_OK(pier_sock_bind(&r, &any));
	CHECK_OK(pier_sock_local(&r, &bound));
	pier_addr_set_port(&group, pier_addr_port(&bound));
	CHECK_OK(pier_sock_join(&r, &group, lo, &source));
	pier_sock_set_timeouts(&r, PIER_MS(30), PIER_FOREVER);
	for (int i = 0; i < 2; i++) { /* another, then the chosen one */
		pier_addr from;
		CHECK_OK(pier_addr_parse(pier_text(i ? "127.0.0.7" : "127.0.0.1"), 0, &from));
		CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &s));
		CHECK_OK(pier_sock_bind(&s, &from));
		CHECK_OK(pier_sock_set_multicast(&s, lo, 1, true));
		CHECK_EQ(pier_sock_sendto(&s, "x", 1, 0, &group), 1);
		CHECK_EQ(pier_sock_recv(&r, &byte, 1, 0), i ? 1 : -ETIMEDOUT);
		pier_sock_close(&s);
	}
	CHECK_OK(pier_sock_leave(&r, &group, lo, &source));
	CHECK_EQ(pier_sock_join(&r, &group, lo, &(pier_addr){.len = 2, .sa.sa_family = AF_INET6}),
		 -EAFNOSUPPORT);
	pier_sock_close(&r);
}

/* ---- Other families ------------------------------------------------------------------------------ */

/* packet(7) refuses flags that others take. */
ON_BOTH(frames_are_received_where_they_may_be)
{
	pier_sock s, p[2];
	pier_addr lo;
	char frame[2048];
	if (pier_socket(AF_PACKET, SOCK_RAW, 0x0300, &s) < 0) /* ETH_P_ALL */
		return;
	CHECK_OK(pier_addr_read(pier_text("packet:lo:0x0003"), &lo));
	CHECK_OK(pier_sock_bind(&s, &lo));
	pier_sock_set_timeouts(&s, PIER_S(5), PIER_S(5));
	udp_joined(AF_INET, p);
	for (ssize_t n = 0; n < 5 || memcmp(frame + n - 5, "frame", 5) != 0;) {
		say(&p[0], "frame"); /* again and again: a busy machine drops some */
		n = pier_sock_recvfrom(&s, frame, sizeof frame, 0, &lo);
		CHECK(n > 0);
	}
	part(p);
	pier_sock_close(&s);
}

TEST(raw_netlink_vsock_and_packet_sockets_open_where_they_may)
{
	test_skip_simulated("such sockets and options are not simulated");
	static const struct {
		int family, type, protocol;
	} kinds[] = {{AF_NETLINK, SOCK_RAW, 0},
		     {AF_PACKET, SOCK_RAW, 0},
		     {AF_PACKET, SOCK_DGRAM, 0},
		     {AF_VSOCK, SOCK_STREAM, 0},
		     {AF_INET, SOCK_RAW, IPPROTO_ICMP}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		pier_sock s;
		int err = pier_socket(kinds[i].family, kinds[i].type, kinds[i].protocol, &s);
		if (err == -EPERM || err == -EAFNOSUPPORT)
			continue;
		CHECK_OK(err);
		pier_addr a;
		char text[PIER_ADDR_TEXT];
		if (pier_sock_local(&s, &a) == 0)
			CHECK(pier_addr_format(&a, text, sizeof text)[0] != '?');
		if (kinds[i].family == AF_INET)
			CHECK_OK(pier_sock_set_hdrincl(&s, true));
		pier_sock twin;
		CHECK_OK(pier_sock_fromfd(s.fd, &twin));
		CHECK_EQ(twin.family, kinds[i].family);
		CHECK_EQ(twin.type, kinds[i].type);
		pier_sock_close(&twin);
		pier_sock_close(&s);
	}
}
