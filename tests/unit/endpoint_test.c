/* Endpoints: where to dial or listen, as text. */
#include "test.h"

#include <pier/addr.h>

static pier_endpoint parsed(const char *url)
{
	pier_endpoint e;
	int err = pier_endpoint_parse(url, &e);

	if (err < 0)
		test_fail(__FILE__, __LINE__, "\"%s\" was refused: %s", url, pier_strerror(err));
	return e;
}

static void check_inet(const char *url, pier_scheme scheme, const char *host, uint16_t port)
{
	pier_endpoint e = parsed(url);

	CHECK_EQ(e.scheme, scheme);
	CHECK_BYTES(e.host, host);
	CHECK_EQ(e.port, port);
}

TEST(tcp_and_udp_name_a_host_and_a_port)
{
	check_inet("tcp://localhost:80", PIER_TCP, "localhost", 80);
	check_inet("udp://10.0.0.1:9999", PIER_UDP, "10.0.0.1", 9999);
	check_inet("tcp://:7437", PIER_TCP, "", 7437);
	check_inet("tcp://例子.cn:0", PIER_TCP, "例子.cn", 0);
	check_inet("UDP://x:65535", PIER_UDP, "x", 65535);
}

TEST(without_a_scheme_it_is_tcp)
{
	check_inet("localhost:80", PIER_TCP, "localhost", 80);
	check_inet(":80", PIER_TCP, "", 80);
	check_inet("[::1]:80", PIER_TCP, "::1", 80);
}

TEST(ipv6_stands_in_brackets)
{
	check_inet("tcp://[::1]:7437", PIER_TCP, "::1", 7437);
	check_inet("udp://[fe80::1%eth0]:7", PIER_UDP, "fe80::1%eth0", 7);
}

TEST(unix_and_seqpacket_name_a_path_or_an_abstract_name)
{
	CHECK_BYTES(parsed("unix:/run/x.sock").host, "/run/x.sock");
	CHECK_EQ(parsed("unix:@name").scheme, PIER_UNIX);
	CHECK_BYTES(parsed("unix:@name").host, "@name");
	CHECK_EQ(parsed("seqpacket:@name").scheme, PIER_SEQPACKET);
	CHECK_EQ(parsed("unixgram:@name").scheme, PIER_UNIXGRAM);
	CHECK_BYTES(parsed("unixgram:/tmp/s").host, "/tmp/s");
	CHECK_BYTES(parsed("seqpacket:/tmp/a b:1").host, "/tmp/a b:1");
}

TEST(descriptors_and_pairs_are_endpoints)
{
	CHECK_EQ(parsed("fd:3").scheme, PIER_FD);
	CHECK_EQ(parsed("fd:3").fd, 3);
	CHECK_EQ(parsed("fd:2147483647").fd, 2147483647);
	CHECK_EQ(parsed("pair:").scheme, PIER_PAIR);
	CHECK_EQ(parsed("pair:").fd, -1);
}

TEST(the_query_is_kept_apart)
{
	CHECK_BYTES(parsed("tcp://x:1?nodelay=0&rcvbuf=64k").query, "nodelay=0&rcvbuf=64k");
	CHECK_EQ(parsed("tcp://x:1?nodelay=0").port, 1);
	CHECK_BYTES(parsed("unix:/x?mode=600").query, "mode=600");
	CHECK_BYTES(parsed("unix:/x?mode=600").host, "/x");
	CHECK_BYTES(parsed("pair:?a=?").query, "a=?");
	CHECK(parsed("tcp://x:1?").query.p);
	CHECK(!parsed("tcp://x:1").query.p);
}

TEST(what_is_no_endpoint_is_refused_and_out_untouched)
{
	static const char *const bad[] = {
		"",
		"localhost",
		"tcp://",
		"tcp://localhost",
		"tcp://localhost:",
		"tcp://localhost:http",
		"tcp://localhost:65536",
		"tcp://localhost:99999999999999999999",
		"tcp://localhost:-1",
		"tcp://localhost: 80",
		"tcp://local host:80",
		"tcp://local\nhost:80",
		"tcp://user@host:80",
		"tcp://host:80/path",
		"tcp://host/path:80",
		"tcp:host:80",
		"http://host:80",
		"::1",
		"::1:80",
		"tcp://::1:80",
		"[]:80",
		"[::1]",
		"[::1]80",
		"[::1:80",
		"[[::1]]:80",
		"host]:80",
		"tcp://fe80::1%eth0:80",
		"unix:",
		"seqpacket:",
		"unixgram:",
		"unix:?x",
		"fd:",
		"fd:-1",
		"fd:3x",
		"fd:2147483648",
		"pair:x",
	};
	pier_endpoint before, e;

	memset(&before, 0x5a, sizeof before);
	memcpy(&e, &before, sizeof e);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (pier_endpoint_parse(bad[i], &e) != -PIER_EURL)
			test_fail(__FILE__, __LINE__, "\"%s\" was read", bad[i]);
	CHECK_EQ(pier_endpoint_parse(NULL, &e), -PIER_EURL);
	CHECK_EQ(memcmp(&e, &before, sizeof e), 0);
}

TEST(a_host_has_a_longest)
{
	char url[300] = "tcp://";
	pier_endpoint e;

	memset(url + 6, 'x', 255);
	memcpy(url + 6 + 255, ":80", 4);
	CHECK_OK(pier_endpoint_parse(url, &e));
	memcpy(url + 6 + 255, "x:80", 5);
	CHECK_EQ(pier_endpoint_parse(url, &e), -PIER_EURL);
}
