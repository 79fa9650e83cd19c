/* Networks, of network.h. */
#include "test.h"

#include <errno.h>
#include <pier/network.h>

static bool inside(const char *network, const char *host)
{
	pier_network n;
	pier_addr a;
	CHECK_EQ(pier_network_parse(pier_text(network), &n), 0);
	CHECK_EQ(pier_addr_parse(pier_text(host), 80, &a), 0);
	return pier_network_has(&n, &a);
}

TEST(a_network_has_what_begins_as_it_does)
{
	CHECK(inside("10.0.0.0/8", "10.255.1.2"));
	CHECK(!inside("10.0.0.0/8", "11.0.0.0"));
	CHECK(inside("192.168.4.0/22", "192.168.7.255"));
	CHECK(!inside("192.168.4.0/22", "192.168.8.0"));
	CHECK(inside("0.0.0.0/0", "203.0.113.9"));
	CHECK(!inside("0.0.0.0/0", "2001:db8::1"));
	CHECK(inside("2001:db8::/33", "2001:db8:7fff::1"));
	CHECK(!inside("2001:db8::/33", "2001:db8:8000::1"));
	CHECK(inside("::/0", "fe80::1"));
	CHECK(inside("127.0.0.1", "127.0.0.1"));
	CHECK(!inside("127.0.0.1", "127.0.0.2"));
	CHECK(inside("127.0.0.0/8", "::ffff:127.9.9.9"));
	CHECK(inside("::ffff:10.0.0.0/8", "10.1.1.1"));
	CHECK(!inside("::/0", "::ffff:10.0.0.1")); /* it is an IPv4 one */
}

TEST(unix_is_a_network_of_its_own)
{
	pier_network n;
	pier_addr path, none = {0}, v4;
	CHECK_EQ(pier_network_parse(pier_text("unix"), &n), 0);
	CHECK_EQ(pier_addr_unix(pier_text("/run/x"), &path), 0);
	CHECK_EQ(pier_addr_parse(pier_text("127.0.0.1"), 0, &v4), 0);
	CHECK(pier_network_has(&n, &path));
	CHECK(!pier_network_has(&n, &v4));
	CHECK(!pier_network_has(&n, &none));
	CHECK_EQ(pier_network_parse(pier_text("0.0.0.0/0"), &n), 0);
	CHECK(!pier_network_has(&n, &none));
	CHECK(!pier_network_has(&n, &path));
}

TEST(what_is_no_network_is_refused)
{
	static const char *const bad[] = {"",
					  "/8",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "10.0.0.0/08",
					  "10.0.0.0/-1",
					  "10.1.0.0/8",
					  "10.0.0.0/8/8",
					  "::/129",
					  "2001::1/16",
					  "localhost",
					  "10.0.0.1:80",
					  "[::1]",
					  "[::1]:80",
					  "10.0.0.0/8x"};
	pier_network n = {.bits = 77};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(pier_network_parse(pier_text(bad[i]), &n), -EINVAL);
	CHECK_EQ(n.bits, 77);
}

TEST(a_list_is_parted_by_blanks_or_commas)
{
	pier_networks list = {0};
	pier_addr a;
	char many[65 * 8 + 1] = "";
	CHECK_EQ(pier_networks_parse(" 127.0.0.0/8,::1\t unix,,", &list), 0);
	CHECK_EQ(list.count, 3);
	CHECK_EQ(pier_addr_parse(pier_text("::1"), 0, &a), 0);
	CHECK(pier_networks_have(&list, &a));
	CHECK_EQ(pier_addr_parse(pier_text("::2"), 0, &a), 0);
	CHECK(!pier_networks_have(&list, &a));
	CHECK_EQ(pier_networks_parse("::1 nonsense", &list), -EINVAL);
	CHECK_EQ(list.count, 3);
	CHECK_EQ(pier_networks_parse("", &list), 0);
	CHECK_EQ(list.count, 0);
	for (int i = 0; i < 65; i++)
		memcpy(many + i * 8, "1.1.1.1 ", 8);
	CHECK_EQ(pier_networks_parse(many, &list), -E2BIG);
	many[64 * 8] = '\0';
	CHECK_EQ(pier_networks_parse(many, &list), 0);
	CHECK_EQ(list.count, 64);
}
