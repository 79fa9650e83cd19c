/* Names, services, protocols and interfaces: what the system knows. */
#include "on_fiber.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

static pier_addr at(const char *text)
{
	pier_addr a;
	CHECK_OK(pier_addr_parse(pier_text(text), 0, &a));
	return a;
}

ON_BOTH(a_host_and_a_service_are_found_with_what_a_socket_needs)
{
	static pier_infos all;
	pier_hints hints = {.type = SOCK_STREAM};
	CHECK_OK(pier_addrinfo(pier_text("127.0.0.1"), pier_text("80"), &hints, &all));
	CHECK_EQ(all.count, 1);
	CHECK_EQ(all.at[0].family, AF_INET);
	CHECK_EQ(all.at[0].type, SOCK_STREAM);
	CHECK_EQ(all.at[0].protocol, IPPROTO_TCP);
	char text[PIER_ADDR_TEXT];
	CHECK_STR(pier_addr_format(&all.at[0].addr, text, sizeof text), "127.0.0.1:80");
	CHECK_OK(pier_addrinfo(pier_text("127.0.0.1"), pier_text("80"), NULL, &all));
	CHECK(all.count >= 2); /* stream, datagram; of raw ones not every libc tells */
	hints.flags = AI_PASSIVE;
	hints.family = AF_INET6;
	CHECK_OK(pier_addrinfo((pier_bytes){0}, pier_text("0"), &hints, &all));
	CHECK_STR(pier_addr_host(&all.at[0].addr, text, sizeof text), "::");
}

ON_BOTH(what_makes_no_sense_is_told_from_what_is_not_there)
{
	static pier_infos all;
	pier_bytes here = pier_text("127.0.0.1"), none = {0};
	CHECK_EQ(pier_addrinfo(none, none, NULL, &all), -PIER_ENONAME);
	CHECK_EQ(pier_addrinfo(here, none, &(pier_hints){.flags = 1 << 30}, &all),
		 -PIER_ENAMEFLAGS);
	CHECK_EQ(pier_addrinfo(here, none, &(pier_hints){.family = 9999}, &all), -PIER_ENAMEFAMILY);
	CHECK_EQ(pier_addrinfo(here, none, &(pier_hints){.type = 9999}, &all), -PIER_ENAMETYPE);
	CHECK_EQ(pier_addrinfo(here, pier_text("no-such-service"), NULL, &all), -PIER_ENAMESERVICE);
	CHECK_EQ(pier_addrinfo(pier_text("1.2.3.4.5"), none, &(pier_hints){.flags = AI_NUMERICHOST},
			       &all),
		 -PIER_ENONAME);
	CHECK_EQ(pier_addrinfo(pier_bytes_of("a\0b", 3), none, NULL, &all), -PIER_ENONAME);
	CHECK_EQ(all.count, 0);
	for (int e = PIER_ENAMEFLAGS; e <= PIER_ENAMETYPE; e++)
		CHECK(!strstr(pier_strerror(e), "Unknown"));
}

ON_BOTH(an_address_has_its_names)
{
	pier_name n;
	pier_addr a = at("127.0.0.1:80"), none = {0}, six = at("[fe80::1%lo]:1");
	CHECK_OK(pier_nameinfo(&a, NI_NUMERICHOST | NI_NUMERICSERV, &n));
	CHECK_STR(n.host, "127.0.0.1");
	CHECK_STR(n.service, "80");
	CHECK_OK(pier_nameinfo(&six, NI_NUMERICHOST | NI_NUMERICSERV, &n));
	CHECK_STR(n.host, "fe80::1%lo");
	CHECK_EQ(pier_nameinfo(&none, 0, &n), -PIER_ENAMEFAMILY);
	a = at("192.0.2.1:80"); /* documentation: nobody has it */
	PIER_WITHIN (PIER_S(5))
		CHECK(pier_nameinfo(&a, NI_NAMEREQD, &n) < 0);
}

ON_BOTH(localhost_is_a_host_by_name_and_by_number)
{
	static pier_host h;
	CHECK_OK(pier_host_of(pier_text("localhost"), &h));
	CHECK(h.addrs.count >= 1);
	CHECK(pier_addr_kind(&h.addrs.at[0]) & PIER_LOOPBACK);
	CHECK(strlen(h.name) > 0);
	static pier_host back;
	CHECK_OK(pier_host_of(pier_text("127.0.0.1"), &back));
	CHECK(strstr(back.name, "localhost"));
	CHECK_EQ(back.addrs.count, 1);
	CHECK_EQ(pier_host_of((pier_bytes){0}, &back), -PIER_ENONAME);
}

ON_BOTH(this_machine_has_a_name)
{
	char own[256], whole[256], little[1];
	CHECK_OK(pier_hostname(own, sizeof own));
	PIER_WITHIN (PIER_S(5)) {
		CHECK_OK(pier_fqdn((pier_bytes){0}, whole, sizeof whole));
		CHECK(strlen(whole) > 0);
		CHECK_EQ(pier_fqdn(pier_text("127.0.0.1"), little, 1), -ENAMETOOLONG);
	}
}

ON_BOTH(services_and_protocols_go_both_ways)
{
	pier_service s;
	pier_protocol p;
	if (pier_service_named("http", "tcp", &s) == -PIER_ENAMESERVICE)
		return; /* a machine without /etc/services */
	CHECK_EQ(s.port, 80);
	CHECK_STR(s.protocol, "tcp");
	CHECK_OK(pier_service_at(53, "udp", &s));
	CHECK_STR(s.name, "domain");
	CHECK_OK(pier_service_named("domain", NULL, &s));
	CHECK_EQ(s.port, 53);
	CHECK_EQ(pier_service_named("", NULL, &s), -PIER_ENAMESERVICE);
	CHECK_EQ(pier_service_named("http", "nothing", &s), -PIER_ENAMESERVICE);
	CHECK_OK(pier_protocol_named("udp", &p));
	CHECK_EQ(p.number, IPPROTO_UDP);
	CHECK_OK(pier_protocol_at(IPPROTO_ICMP, &p));
	CHECK_STR(p.name, "icmp");
	CHECK_EQ(pier_protocol_named("no-such", &p), -PIER_ENONAME);
}

ON_BOTH(a_deadline_ends_a_question)
{
	static pier_infos all;
	all.count = 77;
	PIER_WITHIN (PIER_US(1)) {
		int err = pier_addrinfo(pier_text("localhost"), pier_text("80"), NULL, &all);
		CHECK(err == -ETIMEDOUT || err == 0); /* the answer may be there as soon */
		CHECK(err == 0 || all.count == 77);
	}
	pier_sleep(PIER_MS(500)); /* an answer that comes now finds nobody */
}

ON_FIBER(a_question_whose_time_has_passed_is_not_asked)
{
	pier_host *h = calloc(1, sizeof *h);
	PIER_WITHIN (0) {
		pier_yield();
		CHECK(pier_host_of(pier_text("localhost"), h) < 0);
	}
	free(h); /* the pool has its own copy */
	pier_sleep(PIER_MS(20));
}

TEST(the_loopback_interface_is_as_everywhere)
{
	pier_interface *list = NULL;
	int count = pier_interfaces(&list);
	CHECK(count >= 1);
	const pier_interface *lo = NULL;
	for (int i = 0; i < count; i++) {
		char name[16];
		CHECK(i == 0 || list[i].index > list[i - 1].index);
		CHECK_EQ(pier_interface_index(list[i].name), list[i].index);
		CHECK_STR(pier_interface_name(list[i].index, name), list[i].name);
		if (!strcmp(list[i].name, "lo"))
			lo = &list[i];
	}
	CHECK(lo);
	CHECK(lo->flags & IFF_LOOPBACK);
	CHECK(lo->mtu > 1000);
	CHECK_EQ(lo->mac_len, 6);
	bool found = false;
	for (unsigned i = 0; i < lo->count; i++) {
		char text[PIER_ADDR_TEXT], mask[PIER_ADDR_TEXT];
		const pier_interface_addr *a = &lo->addrs[i];
		if (strcmp(pier_addr_host(&a->addr, text, sizeof text), "127.0.0.1") != 0)
			continue;
		found = true;
		CHECK_EQ(a->bits, 8);
		CHECK_STR(pier_addr_host(&a->mask, mask, sizeof mask), "255.0.0.0");
	}
	CHECK(found);
	CHECK_EQ(pier_interface_index("nosuch0"), 0);
	pier_interfaces_free(list);
	pier_interfaces_free(NULL);
}

TEST(what_the_machine_has_is_found_by_trying)
{
	pier_sock s;
	int err = pier_socket(AF_INET6, SOCK_STREAM, 0, &s);
	CHECK_EQ(pier_has(PIER_IPV6), err == 0);
	if (err == 0)
		pier_sock_close(&s);
	err = pier_socket(AF_PACKET, SOCK_RAW, 0, &s);
	CHECK_EQ(pier_has(PIER_PACKET_SOCKETS), err == 0);
	if (err == 0)
		pier_sock_close(&s);
	CHECK(!pier_has((pier_feature)999));
	CHECK(pier_has(PIER_DUALSTACK) <= pier_has(PIER_IPV6));
}
