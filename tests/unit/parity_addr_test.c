/* Addresses and numbers of interfaces, as Python's tests have them. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pier.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Numbers ------------------------------------------------------------------------------------- */

/* The bytes of an address in hex, or "no". Python: inet_pton. */
static const char *packed(const char *text)
{
	static char hex[40];
	pier_addr a;
	const unsigned char *bytes;
	size_t len = 4;

	if (pier_addr_parse(pier_text(text), 0, &a) < 0)
		return "no";
	if (a.sa.sa_family == AF_INET6) {
		bytes = ((const struct sockaddr_in6 *)&a.sa)->sin6_addr.s6_addr;
		len = 16;
	} else {
		bytes = (const unsigned char *)&((const struct sockaddr_in *)&a.sa)->sin_addr;
	}
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return hex;
}

TEST(ipv4_is_read_as_four_bytes_or_not_at_all)
{
	static const char *const known[][2] = {
		{"0.0.0.0", "00000000"},
		{"255.0.255.0", "ff00ff00"},
		{"1.2.3.4", "01020304"},
		{"170.170.170.170", "aaaaaaaa"},
		{"255.255.255.255", "ffffffff"},
		{"0.0.0.", "no"},
		{"300.0.0.0", "no"},
		{"a.0.0.0", "no"},
		{"1.2.3.4.5", "no"},
		{"1+.1.1.1", "no"},
		{"0.1.1.~1", "no"},
		{"1.2.3", "no"},
		{"01.2.3.4", "no"},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		fprintf(stderr, "%s\n", known[i][0]);
		CHECK_STR(packed(known[i][0]), known[i][1]);
	}
}

TEST(ipv6_is_read_as_sixteen_bytes_or_not_at_all)
{
	static const char *const known[][2] = {
		{"::", "00000000000000000000000000000000"},
		{"0::0", "00000000000000000000000000000000"},
		{"1::", "00010000000000000000000000000000"},
		{"45ef:76cb:1a:56ef:afeb:bac:1924:aeae", "45ef76cb001a56efafeb0bac1924aeae"},
		{"ad42:abc::127:0:254:2", "ad420abc000000000127000002540002"},
		{"12:a::", "0012000a000000000000000000000000"},
		{"::254.42.23.64", "000000000000000000000000fe2a1740"},
		{"42::a29b:254.42.23.64", "00420000000000000000a29bfe2a1740"},
		{"42:a8b9:0:2:ffff:a29b:254.42.23.64", "0042a8b900000002ffffa29bfe2a1740"},
	};
	static const char *const bad[] = {
		"0x20::",
		":::",
		"::0::",
		"1::abc::",
		"1::abc::def",
		"1:2:3:4:5:6",
		"1:2:3:4:5:6:",
		"1:2:3:4:5:6:7:8:0",
		"1:2:3:4:5:6:7:8:",
		"1::260.2.3.0",
		"1::0.be.e.0",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3.4:0",
		"0.100.200.0:3:4:5:6:7:8",
		"::1q",
		"::1::2",
		"1:1:1:1:1:1:1:1:1",
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		fprintf(stderr, "%s\n", known[i][0]);
		CHECK_STR(packed(known[i][0]), known[i][1]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fprintf(stderr, "%s\n", bad[i]);
		CHECK_STR(packed(bad[i]), "no");
	}
}

TEST(numbers_are_written_in_their_shortest_form)
{
	static const char *const known[][2] = {
		{"1.0.1.0", "1.0.1.0"},
		{"170.85.170.85", "170.85.170.85"},
		{"255.255.255.255", "255.255.255.255"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"0000:0000::0001", "::1"},
		{"0aef:0B01:0506:1001:FFFF:9997:0055:0170", "aef:b01:506:1001:ffff:9997:55:170"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"}, /* RFC 5952 §4.2.3: the longest run */
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		pier_addr a;
		char text[PIER_ADDR_TEXT];
		CHECK_OK(pier_addr_parse(pier_text(known[i][0]), 0, &a));
		CHECK_STR(pier_addr_host(&a, text, sizeof text), known[i][1]);
	}
}

/* An address whose length is not that of its family, be it from a peer or from a bug, is not read beyond it. */
TEST(an_address_that_was_cut_has_no_number)
{
	char text[PIER_ADDR_TEXT];
	static const char *const whole[] = {"1.2.3.4:80", "[::1]:80"};
	for (int i = 0; i < 2; i++) {
		pier_addr a, same;
		CHECK_OK(pier_addr_parse(pier_text(whole[i]), 0, &a));
		same = a;
		CHECK(pier_addr_eq(&a, &same));
		a.len--;
		CHECK_STR(pier_addr_format(&a, text, sizeof text), "?");
		CHECK_EQ(pier_addr_port(&a), 0);
		CHECK(!pier_addr_eq(&a, &same));
		pier_addr_set_port(&a, 7);
		a.len++;
		CHECK_EQ(pier_addr_port(&a), 80);
	}
}

TEST(ports_are_in_the_order_of_this_machine_outside_and_of_the_net_inside)
{
	static const uint16_t ports[] = {0, 1, 2, 80, 0x0123, 0x7654, 0xff00, 0xffff};
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		pier_addr a;
		unsigned char wire[2];
		CHECK_OK(pier_addr_parse(pier_text("::1"), ports[i], &a));
		CHECK_EQ(pier_addr_port(&a), ports[i]);
		memcpy(wire, &((struct sockaddr_in6 *)&a.sa)->sin6_port, 2);
		CHECK_EQ(wire[0], ports[i] >> 8);
		CHECK_EQ(wire[1], ports[i] & 0xff);
	}
}

TEST(a_port_beyond_sixteen_bits_is_no_address)
{
	static const char *const bad[] = {"127.0.0.1:65536", "127.0.0.1:-1", "[::1]:65536",
					  "127.0.0.1:65616", "127.0.0.1:18446744073709551696"};
	pier_addr a = {.len = 7};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(pier_addr_parse(pier_text(bad[i]), 0, &a), -PIER_ENONAME);
	CHECK_EQ(a.len, 7);
}

/* ---- Interfaces ---------------------------------------------------------------------------------- */

TEST(interfaces_have_names_and_numbers_that_belong_together)
{
	pier_interface *list = NULL;
	int count = pier_interfaces(&list);
	CHECK(count >= 1);
	for (int i = 0; i < count; i++) {
		char name[16];
		CHECK(list[i].index > 0);
		CHECK(*list[i].name);
		CHECK_EQ(pier_interface_index(list[i].name), list[i].index);
		CHECK_STR(pier_interface_name(list[i].index, name), list[i].name);
	}
	pier_interfaces_free(list);
}

TEST(an_interface_that_is_not_there_has_no_number_and_no_name)
{
	static const char *const names[] = {"", "_DEADBEEF",
					    "a-name-longer-than-any-interface-has"};
	static const unsigned numbers[] = {0, 0x7ffffff0, UINT32_MAX};
	for (int i = 0; i < 3; i++) {
		char name[16], number[16];
		CHECK_EQ(pier_interface_index(names[i]), 0);
		snprintf(number, sizeof number, "%u", numbers[i]);
		CHECK_STR(pier_interface_name(numbers[i], name), number);
	}
}

/* ---- Unix ---------------------------------------------------------------------------------------- */

static pier_sock bound(pier_bytes name, pier_addr *told)
{
	pier_addr a;
	pier_sock s;
	CHECK_OK(pier_addr_unix(name, &a));
	CHECK_OK(pier_socket(AF_UNIX, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_bind(&s, &a));
	CHECK_OK(pier_sock_local(&s, told));
	CHECK(pier_addr_eq(&a, told));
	return s;
}

static void check_path(const pier_addr *a, const char *bytes, size_t len)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	CHECK_EQ(a->len, offsetof(struct sockaddr_un, sun_path) + len);
	CHECK_EQ(memcmp(un->sun_path, bytes, len), 0);
}

TEST(an_abstract_name_is_of_any_bytes)
{
	pier_addr told;
	PIER_AUTO_SOCK s = bound(pier_bytes_of("@pier-parity\0\xff\0", 15), &told);
	check_path(&told, "\0pier-parity\0\xff\0", 15);
	CHECK_OK(pier_sock_listen(&s, 1));
	PIER_AUTO_SOCK a = PIER_SOCK, b = PIER_SOCK;
	CHECK_OK(pier_socket(AF_UNIX, SOCK_STREAM, 0, &a));
	CHECK_OK(pier_sock_connect(&a, &told));
	CHECK_OK(pier_sock_accept(&s, &b, NULL));
	CHECK_OK(pier_sock_peer(&a, &told));
	check_path(&told, "\0pier-parity\0\xff\0", 15);
}

TEST(an_abstract_name_has_107_bytes_at_most)
{
	char name[109];
	pier_addr told = {0};
	memset(name, 'h', sizeof name);
	name[0] = '@';
	pier_sock s = bound(pier_bytes_of(name, 108), &told);
	pier_sock_close(&s);
	name[0] = '\0';
	check_path(&told, name, 108);
	name[0] = '@';
	CHECK_EQ(pier_addr_unix(pier_bytes_of(name, 109), &told), -ENAMETOOLONG);
}

/* unix(7), "Autobind feature": the kernel chooses five hex digits. */
TEST(an_unnamed_address_asks_the_kernel_for_a_name)
{
	pier_addr none, told[2];
	pier_sock s[2];
	CHECK_OK(pier_addr_read(pier_text("unix"), &none));
	for (int i = 0; i < 2; i++) {
		char text[PIER_ADDR_TEXT];
		CHECK_OK(pier_socket(AF_UNIX, SOCK_STREAM, 0, &s[i]));
		CHECK_OK(pier_sock_bind(&s[i], &none));
		CHECK_OK(pier_sock_local(&s[i], &told[i]));
		pier_addr_format(&told[i], text, sizeof text);
		CHECK_EQ(strlen(text), 6);
		CHECK_EQ(text[0], '@');
		CHECK_EQ(strspn(text + 1, "0123456789abcdef"), 5);
	}
	CHECK(!pier_addr_eq(&told[0], &told[1]));
	pier_sock_close(&s[0]);
	pier_sock_close(&s[1]);
}

TEST(a_unix_socket_without_a_name_is_unnamed)
{
	pier_addr a;
	char text[PIER_ADDR_TEXT];
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(AF_UNIX, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_local(&s, &a));
	CHECK_STR(pier_addr_format(&a, text, sizeof text), "unix");
}

/* A path is bytes to the kernel: of any language, and of none. */
TEST(a_unix_path_is_of_any_bytes_but_nul)
{
	test_skip_simulated("there are no files that a path could meet");
	static const char *const names[] = {"plain", "测试-é-ü", "\xff\xfe-no-text"};
	for (int i = 0; i < 3; i++) {
		char path[64];
		pier_addr told;
		snprintf(path, sizeof path, "/tmp/pier-%d-%s", (int)getpid(), names[i]);
		pier_sock s = bound(pier_text(path), &told);
		pier_sock_close(&s);
		check_path(&told, path, strlen(path) + 1);
		CHECK_EQ(unlink(path), 0);
	}
}

/* ---- Names of numbers ---------------------------------------------------------------------------- */

TEST(the_numbers_that_everybody_needs_have_names)
{
	static const struct {
		pier_words of;
		const char *name;
		int value;
	} known[] = {
		{PIER_FAMILIES, "AF_INET", AF_INET},
		{PIER_FAMILIES, "AF_INET6", AF_INET6},
		{PIER_FAMILIES, "AF_UNIX", AF_UNIX},
		{PIER_FAMILIES, "AF_VSOCK", AF_VSOCK},
		{PIER_FAMILIES, "AF_CAN", AF_CAN},
		{PIER_FAMILIES, "AF_RDS", AF_RDS},
		{PIER_FAMILIES, "AF_QIPCRTR", 42},
		{PIER_TYPES, "SOCK_STREAM", SOCK_STREAM},
		{PIER_TYPES, "SOCK_DGRAM", SOCK_DGRAM},
		{PIER_TYPES, "SOCK_RAW", SOCK_RAW},
		{PIER_TYPES, "SOCK_RDM", SOCK_RDM},
		{PIER_TYPES, "SOCK_SEQPACKET", SOCK_SEQPACKET},
		{PIER_LEVELS, "SOL_SOCKET", SOL_SOCKET},
		{PIER_SOCKET_OPTIONS, "SO_REUSEADDR", SO_REUSEADDR},
		{PIER_PROTOCOLS, "IPPROTO_TCP", IPPROTO_TCP},
		{PIER_PROTOCOLS, "IPPROTO_UDP", IPPROTO_UDP},
		{PIER_PROTOCOLS, "IPPROTO_IPV6", IPPROTO_IPV6},
		{PIER_IPV6_OPTIONS, "IPV6_CHECKSUM", IPV6_CHECKSUM},
		{PIER_IPV6_OPTIONS, "IPV6_DONTFRAG", IPV6_DONTFRAG},
		{PIER_IPV6_OPTIONS, "IPV6_DSTOPTS", IPV6_DSTOPTS},
		{PIER_IPV6_OPTIONS, "IPV6_HOPLIMIT", IPV6_HOPLIMIT},
		{PIER_IPV6_OPTIONS, "IPV6_HOPOPTS", IPV6_HOPOPTS},
		{PIER_IPV6_OPTIONS, "IPV6_NEXTHOP", IPV6_NEXTHOP},
		{PIER_IPV6_OPTIONS, "IPV6_PATHMTU", IPV6_PATHMTU},
		{PIER_IPV6_OPTIONS, "IPV6_PKTINFO", IPV6_PKTINFO},
		{PIER_IPV6_OPTIONS, "IPV6_RECVDSTOPTS", IPV6_RECVDSTOPTS},
		{PIER_IPV6_OPTIONS, "IPV6_RECVHOPLIMIT", IPV6_RECVHOPLIMIT},
		{PIER_IPV6_OPTIONS, "IPV6_RECVHOPOPTS", IPV6_RECVHOPOPTS},
		{PIER_IPV6_OPTIONS, "IPV6_RECVPATHMTU", IPV6_RECVPATHMTU},
		{PIER_IPV6_OPTIONS, "IPV6_RECVPKTINFO", IPV6_RECVPKTINFO},
		{PIER_IPV6_OPTIONS, "IPV6_RECVRTHDR", IPV6_RECVRTHDR},
		{PIER_IPV6_OPTIONS, "IPV6_RECVTCLASS", IPV6_RECVTCLASS},
		{PIER_IPV6_OPTIONS, "IPV6_RTHDR", IPV6_RTHDR},
		{PIER_IPV6_OPTIONS, "IPV6_RTHDRDSTOPTS", IPV6_RTHDRDSTOPTS},
		{PIER_IPV6_OPTIONS, "IPV6_TCLASS", IPV6_TCLASS},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		int value = -1;
		char text[PIER_WORD];
		CHECK_OK(pier_word_value(known[i].of, known[i].name, &value));
		CHECK_EQ(value, known[i].value);
		CHECK_STR(pier_word(known[i].of, known[i].value, text), known[i].name);
	}
}
