/* Addresses as values and as text. */
#include "test.h"

#include <netinet/in.h>
#include <pier/addr.h>
#include <sys/un.h>

static const char *round_trip(const char *text, uint16_t port)
{
	static char into[PIER_ADDR_TEXT];
	pier_addr a;

	if (pier_addr_parse(pier_text(text), port, &a) < 0)
		return "no address";
	return pier_addr_format(&a, into, sizeof into);
}

static const char *unix_trip(const char *text, size_t len)
{
	static char into[PIER_ADDR_TEXT];
	pier_addr a;

	CHECK_OK(pier_addr_unix(pier_bytes_of(text, len), &a));
	return pier_addr_format(&a, into, sizeof into);
}

TEST(numbers_are_read_with_the_port_given_apart)
{
	CHECK_STR(round_trip("127.0.0.1", 80), "127.0.0.1:80");
	CHECK_STR(round_trip("::1", 80), "[::1]:80");
	CHECK_STR(round_trip("[::1]", 80), "[::1]:80");
}

TEST(a_port_in_the_text_wins)
{
	CHECK_STR(round_trip("127.0.0.1:8080", 80), "127.0.0.1:8080");
	CHECK_STR(round_trip("[2001:db8::2]:65535", 80), "[2001:db8::2]:65535");
	CHECK_STR(round_trip("0.0.0.0:0", 80), "0.0.0.0:0");
}

TEST(scopes_are_read_by_number_and_by_name)
{
	pier_addr by_number, by_name;

	CHECK_OK(pier_addr_parse(pier_text("fe80::1%1"), 7, &by_number));
	CHECK_OK(pier_addr_parse(pier_text("[fe80::1%lo]:7"), 0, &by_name));
	CHECK_EQ(((struct sockaddr_in6 *)&by_name.sa)->sin6_scope_id, 1);
	CHECK(pier_addr_eq(&by_number, &by_name));
	CHECK_STR(round_trip("fe80::1%1", 7), "[fe80::1%lo]:7");
	CHECK_STR(round_trip("fe80::1%4000000000", 7), "[fe80::1%4000000000]:7");
}

TEST(what_is_no_number_is_refused_and_out_untouched)
{
	static const char *const bad[] = {
		"",
		"localhost",
		"127.0.0",
		"127.0.0.1:",
		"127.0.0.256",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1 ",
		" 127.0.0.1",
		"[::1",
		"::1]",
		"[127.0.0.1]",
		"[::1]80",
		"[::1]:",
		"[::1]:http",
		"[]",
		"[]:80",
		":80",
		"fe80::1%",
		"fe80::1%none",
		"fe80::1%1%1",
		"fe80::1%99999999999",
		"12345::1",
		"127.0.0.1%1",
		"0x7f000001",
		"fe80::1%an-interface-with-too-long-a-name",
	};
	pier_addr before, a;

	memset(&before, 0x5a, sizeof before);
	a = before;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (pier_addr_parse(pier_text(bad[i]), 1, &a) != -PIER_ENONAME)
			test_fail(__FILE__, __LINE__, "\"%s\" was read", bad[i]);
	CHECK_EQ(pier_addr_parse(pier_bytes_of("::1\0", 4), 1, &a), -PIER_ENONAME);
	CHECK_EQ(memcmp(&a, &before, sizeof a), 0);
}

TEST(unix_names_are_paths_or_abstract)
{
	CHECK_STR(unix_trip("/run/x.sock", 11), "/run/x.sock");
	CHECK_STR(unix_trip("@name", 5), "@name");
}

TEST(unix_names_have_a_longest)
{
	char path[110];
	pier_addr a;

	memset(path, 'x', sizeof path);
	CHECK_OK(pier_addr_unix(pier_bytes_of(path, 107), &a)); /* and the NUL: 108 */
	CHECK_EQ(a.len, sizeof(struct sockaddr_un));
	CHECK_EQ(pier_addr_unix(pier_bytes_of(path, 108), &a), -ENAMETOOLONG);
	path[0] = '@'; /* becomes the NUL, so one byte more fits */
	CHECK_EQ(strlen(unix_trip(path, 108)), 108);
	CHECK_EQ(pier_addr_unix(pier_bytes_of(path, 109), &a), -ENAMETOOLONG);
}

TEST(unix_names_are_not_empty_and_hold_no_nul)
{
	pier_addr a;

	CHECK_EQ(pier_addr_unix((pier_bytes){0}, &a), -EINVAL);
	CHECK_EQ(pier_addr_unix(pier_text("@"), &a), -EINVAL);
	CHECK_EQ(pier_addr_unix(pier_bytes_of("/a\0b", 4), &a), -EINVAL);
}

/* As the kernel tells of a peer that never bound. */
TEST(an_unnamed_unix_peer_is_called_unix)
{
	char text[PIER_ADDR_TEXT];
	pier_addr a = {.len = sizeof(sa_family_t), .storage.ss_family = AF_UNIX};

	CHECK_STR(pier_addr_format(&a, text, sizeof text), "unix");
	CHECK_STR(pier_addr_host(&a, text, sizeof text), "unix");
	CHECK_EQ(pier_addr_port(&a), 0);
}

TEST(a_peers_name_cannot_write_on_our_terminal)
{
	CHECK_STR(unix_trip("/x\n\x1b[2J\x7f", 8), "/x??[2J?");
}

TEST(text_is_cut_at_its_room)
{
	char text[PIER_ADDR_TEXT];
	pier_addr a;

	CHECK_OK(pier_addr_parse(pier_text("192.168.100.200"), 12345, &a));
	CHECK_STR(pier_addr_format(&a, text, 8), "192.168");
	CHECK_STR(pier_addr_format(&a, text, 1), "");
	CHECK_OK(pier_addr_unix(pier_text("/run/pier"), &a));
	CHECK_STR(pier_addr_format(&a, text, 5), "/run");
	CHECK_STR(pier_addr_host(&a, text, 1), "");
}

TEST(ports_are_set_where_there_are_ports)
{
	pier_addr a;

	CHECK_OK(pier_addr_parse(pier_text("::1"), 1, &a));
	pier_addr_set_port(&a, 7437);
	CHECK_EQ(pier_addr_port(&a), 7437);
	CHECK_OK(pier_addr_unix(pier_text("@x"), &a));
	pier_addr_set_port(&a, 7437);
	CHECK_EQ(pier_addr_port(&a), 0);
}

TEST(hosts_are_told_without_port_and_brackets)
{
	char text[PIER_ADDR_TEXT];
	pier_addr a;

	CHECK_OK(pier_addr_parse(pier_text("[fe80::1%lo]:80"), 0, &a));
	CHECK_STR(pier_addr_host(&a, text, sizeof text), "fe80::1%lo");
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1:80"), 0, &a));
	CHECK_STR(pier_addr_host(&a, text, sizeof text), "127.0.0.1");
}

static bool eq(const char *x, const char *y)
{
	pier_addr a = {0}, b = {0};

	CHECK_OK(pier_addr_parse(pier_text(x), 1, &a));
	CHECK_OK(pier_addr_parse(pier_text(y), 1, &b));
	return pier_addr_eq(&a, &b);
}

TEST(equal_means_host_port_and_scope)
{
	CHECK(eq("127.0.0.1", "127.0.0.1:1"));
	CHECK(!eq("127.0.0.1:1", "127.0.0.1:2"));
	CHECK(!eq("127.0.0.1", "127.0.0.2"));
	CHECK(eq("::1", "0:0:0:0:0:0:0:1"));
	CHECK(!eq("fe80::1%1", "fe80::1%2"));
	CHECK(!eq("127.0.0.1", "::127.0.0.1"));
}

/* As a socket that takes both families tells of an IPv4 peer. */
TEST(ipv4_inside_ipv6_is_the_ipv4_that_people_know)
{
	CHECK_STR(round_trip("::ffff:10.0.0.1", 80), "10.0.0.1:80");
	CHECK(eq("127.0.0.1", "::ffff:127.0.0.1"));
	CHECK(!eq("127.0.0.1", "::ffff:127.0.0.2"));
	CHECK(!eq("127.0.0.1:1", "[::ffff:127.0.0.1]:2"));
}

TEST(equal_paths_are_equal_with_and_without_their_nul)
{
	pier_addr a, b, abstract, none = {0};

	CHECK_OK(pier_addr_unix(pier_text("/run/x"), &a));
	CHECK_OK(pier_addr_unix(pier_text("@run/x"), &abstract));
	b = a;
	b.len--;
	CHECK(pier_addr_eq(&a, &b));
	CHECK(!pier_addr_eq(&a, &abstract));
	CHECK(!pier_addr_eq(&a, &none));
	CHECK(pier_addr_eq(&none, &none));
}

TEST(an_address_by_value_is_none_when_the_text_is_none)
{
	pier_addr a = pier_addr_of("127.0.0.1:80");
	CHECK_STR(PIER_ADDR_STR(&a), "127.0.0.1:80");
	CHECK_STR(PIER_HOST_STR(&a), "127.0.0.1");
	CHECK_STR(PIER_ADDR_STR(PIER_ADDR_AT("@name")), "@name");
	CHECK(pier_addr_eq(&a, PIER_ADDR_AT("[::ffff:127.0.0.1]:80")));
	CHECK_EQ(pier_addr_of("localhost").len, 0);
	CHECK_EQ(pier_addr_of("").len, 0);
}

TEST(each_item_of_a_list_comes_once_in_its_order)
{
	struct {
		unsigned count;
		int at[3];
	} some = {3, {1, 2, 3}}, none = {0};
	int sum = 0;
	PIER_EACH (n, &some)
		sum = sum * 10 + *n;
	PIER_EACH (n, &none)
		sum = -*n;
	CHECK_EQ(sum, 123);
}
