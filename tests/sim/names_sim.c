/* Names as a scenario gives them: several addresses, some of them dead; resolvers that are slow, or fail. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	pier_send(c, "hello", 5);
}

static int server(void)
{
	return pier_serve("tcp://:7000", greet);
}

static int hear(pier_conn *c)
{
	char got[6] = "";
	CHECK_OK(pier_err(c));
	CHECK_EQ(pier_recv_all(c, got, 5), 5);
	CHECK_STR(got, "hello");
	return 0;
}

/* Happy Eyeballs: the dead ones cost a moment, not a time-out (RFC 8305). */
static int dial_past_the_dead(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_sim_name(s, "www", "2001:db8::1 192.0.2.1 10.0.0.99 srv"));
	int64_t began = pier_now();
	PIER_AUTO *c = pier_dial("tcp://www:7000");
	CHECK_OK(hear(c));
	return pier_sim_check(s, pier_now() - began < PIER_S(5));
}

TEST_WITHIN(60, addresses_that_nobody_answers_at_are_overtaken)
{
	CHECK_EQ(pier_sim_run(dial_past_the_dead, .seeds = 300), 0);
}

static int dial_without_v6(pier_sim *s)
{
	pier_sim_wire broken = {.delay = PIER_MS(5), .cut_ipv6 = true};
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_sim_link(s, NULL, NULL, &broken));
	int64_t began = pier_now();
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	CHECK_OK(hear(c));
	CHECK_EQ(pier_peer_addr(c)->sa.sa_family, AF_INET);
	return pier_sim_check(s, pier_now() - began < PIER_S(2));
}

TEST_WITHIN(60, where_ipv6_is_broken_ipv4_serves)
{
	CHECK_EQ(pier_sim_run(dial_without_v6, .seeds = 200), 0);
}

static int dial_the_dead_alone(pier_sim *s)
{
	CHECK_OK(pier_sim_name(s, "www", "192.0.2.1"));
	PIER_AUTO *c = pier_dial("tcp://www:7000", .timeout = PIER_S(3));
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	PIER_AUTO *d = pier_dial("tcp://10.0.0.99:7000");
	CHECK_EQ(pier_err(d), -EHOSTUNREACH);
	CHECK_OK(pier_sim_name(s, "www", NULL));
	CHECK_EQ(pier_sim_name(s, "www", NULL), -ENOENT);
	CHECK_EQ(pier_sim_name(s, "www", "nobody"), -ENOENT);
	PIER_AUTO *e = pier_dial("tcp://www:7000");
	return pier_sim_check(s, pier_err(e) == -PIER_ENONAME);
}

TEST(a_hole_is_silent_and_nobody_s_address_is_unreachable)
{
	CHECK_EQ(pier_sim_run(dial_the_dead_alone, .seeds = 50), 0);
}

static int ask_in_vain(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	pier_sim_resolver(s, PIER_S(10), 0);
	PIER_AUTO *c = pier_dial("tcp://srv:7000", .timeout = PIER_S(3));
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	int64_t began = pier_now();
	PIER_AUTO *d = pier_dial("tcp://srv:7000", .timeout = PIER_S(30));
	CHECK_OK(hear(d));
	CHECK(pier_now() - began >= PIER_S(10));
	pier_sim_resolver(s, 0, -PIER_ENAMETEMP);
	PIER_AUTO *e = pier_dial("tcp://srv:7000");
	CHECK_EQ(pier_err(e), -PIER_ENAMETEMP);
	pier_sim_resolver(s, 0, 0);
	PIER_AUTO *f = pier_dial("tcp://srv:7000");
	return hear(f);
}

TEST(a_resolver_may_be_slow_or_fail)
{
	CHECK_EQ(pier_sim_run(ask_in_vain, .seeds = 100), 0);
}

static int ask_everything(pier_sim *s)
{
	pier_addr a;
	pier_name n;
	pier_host h;
	char name[PIER_NAME_MAX];
	(void)s;
	CHECK_OK(pier_addr_parse(pier_text("10.0.0.1"), 80, &a));
	CHECK_OK(pier_nameinfo(&a, 0, &n));
	CHECK_STR(n.host, "scenario");
	CHECK_OK(pier_host_of(pier_text("scenario"), &h));
	CHECK_EQ(h.addrs.count, 2);
	CHECK_OK(pier_host_of(pier_text("fd00::1"), &h));
	CHECK_STR(h.name, "scenario");
	CHECK_OK(pier_hostname(name, sizeof name));
	CHECK_STR(name, "scenario");
	return 0;
}

TEST(every_question_about_names_is_answered_by_the_simulation)
{
	CHECK_EQ(pier_sim_run(ask_everything, .seeds = 20), 0);
}

static int look_around(pier_sim *s)
{
	pier_interface *all;
	pier_addr own;
	(void)s;
	CHECK_OK(pier_addr_parse(pier_text("10.0.0.1"), 0, &own));
	CHECK_EQ(pier_interfaces(&all), 2);
	CHECK_STR(all[1].name, "eth0");
	CHECK(pier_addr_eq(&all[1].addrs[0].addr, &own));
	CHECK_EQ(all[1].addrs[0].bits, 24);
	pier_interfaces_free(all);
	CHECK_EQ(pier_interface_index("eth0"), 2);
	CHECK_STR(PIER_INTERFACE_STR(1), "lo");
	return 0;
}

TEST(a_node_has_interfaces_of_its_own)
{
	CHECK_EQ(pier_sim_run(look_around, .seeds = 2), 0);
}
