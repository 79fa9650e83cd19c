/* Raw sockets between simulated nodes: what a kernel tells beside the bytes, groups, descriptors that change hands. */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define PORT 7001

static pier_addr addr_of(const char *host)
{
	pier_addr a;
	CHECK_OK(pier_addr_parse(pier_text(host), PORT, &a));
	return a;
}

static pier_sock bound_to(const char *host)
{
	pier_addr at = addr_of(host);
	pier_sock s;
	CHECK_OK(pier_socket(at.sa.sa_family, SOCK_DGRAM, 0, &s));
	CHECK_OK(pier_sock_set_reuse(&s, true, false));
	CHECK_OK(pier_sock_bind(&s, &at));
	return s;
}

/* ---- Datagrams ------------------------------------------------------------------------------------- */

/* Answers with the address that each came to. */
static int tell_address(void)
{
	char byte, room[PIER_ANCILLARY_ROOM(sizeof(struct in6_pktinfo))], text[PIER_ADDR_TEXT];
	PIER_AUTO_SOCK s = bound_to("::");
	CHECK_OK(pier_sock_set_pktinfo(&s, true));
	for (;;) {
		struct iovec piece = {&byte, 1};
		pier_message m = pier_message_of(&piece);
		m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
		pier_addr to;
		unsigned interface;
		if (pier_sock_recvmsg(&s, &m, 0) < 0)
			return 0;
		CHECK_OK(pier_ancillary_pktinfo(&m.ancillary, &to, &interface));
		CHECK_EQ(interface, 2);
		pier_addr_host(&to, text, sizeof text);
		CHECK_OK(pier_sock_sendto(&s, text, strlen(text), 0, &m.addr));
	}
}

static void ask_address(const char *host, const char *seen)
{
	pier_addr to = addr_of(host), from;
	char got[PIER_ADDR_TEXT] = "";
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(to.sa.sa_family, SOCK_DGRAM, 0, &s));
	CHECK_EQ(pier_sock_sendto(&s, "?", 1, 0, &to), 1);
	CHECK_OK(pier_sock_recvfrom(&s, got, sizeof got, 0, &from));
	CHECK_STR(got, seen);
	CHECK(pier_addr_eq(&from, &to));
}

static int ask_addresses(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", tell_address));
	ask_address("10.0.0.2", "10.0.0.2");
	ask_address("fd00::2", "fd00::2");
	return pier_sim_crash(s, "srv");
}

TEST(a_datagram_tells_to_which_address_it_came)
{
	CHECK_EQ(pier_sim_run(ask_addresses, .seeds = 100), 0);
}

static unsigned came_bytes, came_calls;

static int take_joined(void)
{
	static char room[65536];
	PIER_AUTO_SOCK s = bound_to("0.0.0.0");
	CHECK_OK(pier_sock_set_coalesce(&s, true));
	came_bytes = came_calls = 0;
	for (ssize_t n; (n = pier_sock_recv(&s, room, sizeof room, 0)) > 0; came_calls++)
		came_bytes += (unsigned)n;
	return 0;
}

static int send_cut(pier_sim *s)
{
	static char block[10000];
	pier_addr to = addr_of("10.0.0.2");
	pier_sim_wire narrow = {.mtu = 600};
	PIER_AUTO_SOCK out = PIER_SOCK;
	CHECK_OK(pier_sim_node(s, "srv", take_joined));
	CHECK_OK(pier_sim_link(s, "scenario", "srv", &narrow));
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &out));
	CHECK_OK(pier_sock_set_segments(&out, 1000));
	CHECK_EQ(pier_sock_sendto(&out, block, sizeof block, 0, &to), -EINVAL); /* beyond the MTU */
	CHECK_OK(pier_sock_set_segments(&out, 500));
	CHECK_EQ(pier_sock_sendto(&out, block, sizeof block, 0, &to), sizeof block);
	pier_sim_settle(s);
	CHECK(came_calls >= 1 && came_calls <= 20);
	CHECK_EQ(came_bytes, sizeof block);
	return pier_sim_crash(s, "srv");
}

TEST(one_send_is_cut_and_joined_again)
{
	CHECK_EQ(pier_sim_run(send_cut, .seeds = 50), 0);
}

/* ---- To many --------------------------------------------------------------------------------------- */

static unsigned members_heard;

static int member(void)
{
	pier_addr group = addr_of("224.0.0.251");
	char byte;
	PIER_AUTO_SOCK s = bound_to("0.0.0.0");
	CHECK_OK(pier_sock_join(&s, &group, 2, NULL));
	while (pier_sock_recv(&s, &byte, 1, 0) == 1)
		members_heard++;
	return 0;
}

static int stranger(void)
{
	char byte;
	PIER_AUTO_SOCK s = bound_to("0.0.0.0");
	while (pier_sock_recv(&s, &byte, 1, 0) == 1)
		members_heard += 100;
	return 0;
}

static int speak_to_many(pier_sim *s)
{
	pier_addr group = addr_of("224.0.0.251"), all = addr_of("255.255.255.255");
	PIER_AUTO_SOCK out = PIER_SOCK;
	members_heard = 0;
	CHECK_OK(pier_sim_node(s, "a", member));
	CHECK_OK(pier_sim_node(s, "b", member));
	CHECK_OK(pier_sim_node(s, "c", stranger));
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM, 0, &out));
	CHECK_EQ(pier_sock_sendto(&out, "x", 1, 0, &group), 1);
	pier_sim_settle(s);
	CHECK_EQ(members_heard, 2);
	CHECK_EQ(pier_sock_sendto(&out, "x", 1, 0, &all), -EACCES);
	CHECK_OK(pier_sock_set_broadcast(&out, true));
	CHECK_OK(pier_sim_cut(s, "b", NULL));
	CHECK_EQ(pier_sock_sendto(&out, "x", 1, 0, &all), 1);
	pier_sim_settle(s);
	return pier_sim_check(s, members_heard == 103);
}

TEST(a_group_has_its_members_and_a_broadcast_has_all_that_are_reached)
{
	CHECK_EQ(pier_sim_run(speak_to_many, .seeds = 50), 0);
}

/* ---- Descriptors ----------------------------------------------------------------------------------- */

static void say_hello(pier_conn *c, void *arg)
{
	(void)arg;
	pier_send(c, "hello", 5);
}

static int greeter(void)
{
	return pier_serve("tcp://:7000", say_hello);
}

/* Of the two names of one socket, either may be closed first, also while the other is under way. */
static int pass_on(pier_sim *s)
{
	pier_sock ways[2], given, taken;
	pier_addr to = addr_of("10.0.0.2");
	char got[6] = "", byte;
	int fd;
	unsigned count;
	pier_addr_set_port(&to, 7000);
	CHECK_OK(pier_sim_node(s, "srv", greeter));
	CHECK_OK(pier_socketpair(pier_sim_chance(s, 2) ? SOCK_STREAM : SOCK_DGRAM, ways));
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &given));
	CHECK_OK(pier_sock_connect(&given, &to));
	CHECK_EQ(pier_sock_send_fds(&ways[0], "x", 1, &given.fd, 1), 1);
	pier_sock_close(&given);
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(1)));
	CHECK_EQ(pier_sock_recv_fds(&ways[1], &byte, 1, &fd, 1, &count), 1);
	CHECK_EQ(count, 1);
	CHECK_OK(pier_sock_adopt(fd, &taken));
	CHECK_EQ(pier_sock_recv_all(&taken, got, 5), 5);
	CHECK_STR(got, "hello");
	CHECK_EQ(pier_sock_recv(&taken, &byte, 1, 0), 0);
	CHECK_EQ(pier_sock_send_fds(&ways[0], "x", 1, &taken.fd, 1), 1); /* and nobody takes it */
	pier_sock_close(&taken);
	pier_sock_close(&ways[0]);
	pier_sock_close(&ways[1]);
	return 0;
}

TEST(a_descriptor_goes_on_where_it_was_sent)
{
	CHECK_EQ(pier_sim_run(pass_on, .seeds = 200, .loss = 0.05), 0);
}

static int die_with_all(void)
{
	pier_sock ways[2], s;
	CHECK_OK(pier_socketpair(SOCK_STREAM, ways));
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	CHECK_EQ(pier_sock_send_fds(&ways[0], "x", 1, &s.fd, 1), 1);
	CHECK_EQ(pier_sock_send_fds(&ways[0], "x", 1, &ways[1].fd, 1),
		 1); /* one that carries itself */
	pier_sock_close(&s);
	return pier_sleep(PIER_FOREVER);
}

static int crash_it(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", die_with_all));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_US(30)));
	CHECK_OK(pier_sim_crash(s, "srv"));
	CHECK_OK(pier_sim_restart(s, "srv"));
	return pier_sim_crash(s, "srv");
}

TEST(a_crash_takes_descriptors_under_way_along)
{
	CHECK_EQ(pier_sim_run(crash_it, .seeds = 200), 0);
}

static int refuse(pier_sim *s)
{
	pier_sock one;
	(void)s;
	CHECK_EQ(pier_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, &one), -ESOCKTNOSUPPORT);
	CHECK_EQ(pier_socket(AF_PACKET, SOCK_RAW, 0, &one), -EAFNOSUPPORT);
	CHECK_EQ(pier_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &one), -EPROTONOSUPPORT);
	return 0;
}

TEST(what_is_below_the_network_is_not_simulated)
{
	CHECK_EQ(pier_sim_run(refuse, .seeds = 1), 0);
}
