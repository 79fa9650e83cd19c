/* What addresses are, and those of every family as text. */
#include "test.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <pier.h>
#include <stdlib.h>

static pier_addr at(const char *text)
{
	pier_addr a;
	CHECK_OK(pier_addr_read(pier_text(text), &a));
	return a;
}

TEST(each_address_is_of_its_kinds)
{
	static const struct {
		const char *text;
		unsigned kind;
		const char *words, *source; /* of the narrowest block */
	} known[] = {
		{"0.0.0.0", PIER_UNSPECIFIED | PIER_RESERVED | PIER_CLASS_A, NULL, NULL},
		{"8.8.8.8", PIER_GLOBAL | PIER_CLASS_A, "class A", "RFC 791 §3.2"},
		{"10.255.0.1", PIER_PRIVATE | PIER_CLASS_A, "private", "RFC 1918 §3"},
		{"11.0.0.0", PIER_GLOBAL | PIER_CLASS_A, "class A", NULL},
		{"100.63.255.255", PIER_GLOBAL | PIER_CLASS_A, NULL, NULL},
		{"100.64.0.0", PIER_SHARED | PIER_CLASS_A, NULL, "RFC 6598 §7"},
		{"100.127.255.255", PIER_SHARED | PIER_CLASS_A, NULL, NULL},
		{"100.128.0.0", PIER_GLOBAL | PIER_CLASS_A, NULL, NULL},
		{"127.255.255.254", PIER_LOOPBACK | PIER_CLASS_A, "loopback", NULL},
		{"128.0.0.1", PIER_GLOBAL | PIER_CLASS_B, "class B", NULL},
		{"169.254.1.1", PIER_LINK_LOCAL | PIER_CLASS_B, "link-local", "RFC 3927 §2.1"},
		{"172.15.255.255", PIER_GLOBAL | PIER_CLASS_B, NULL, NULL},
		{"172.16.0.0", PIER_PRIVATE | PIER_CLASS_B, NULL, NULL},
		{"172.31.255.255", PIER_PRIVATE | PIER_CLASS_B, NULL, NULL},
		{"172.32.0.0", PIER_GLOBAL | PIER_CLASS_B, NULL, NULL},
		{"192.0.2.7", PIER_DOCUMENTATION | PIER_CLASS_C, NULL, "RFC 5737 §3"},
		{"192.168.1.1:80", PIER_PRIVATE | PIER_CLASS_C, "private", NULL},
		{"198.19.255.255", PIER_BENCHMARK | PIER_CLASS_C, "benchmarking", NULL},
		{"198.20.0.0", PIER_GLOBAL | PIER_CLASS_C, NULL, NULL},
		{"224.0.0.251", PIER_MULTICAST | PIER_LINK_LOCAL | PIER_CLASS_D, NULL, NULL},
		{"225.1.2.3", PIER_MULTICAST | PIER_GLOBAL | PIER_CLASS_D, "multicast", NULL},
		{"239.1.2.3", PIER_MULTICAST | PIER_PRIVATE | PIER_CLASS_D, NULL, "RFC 2365 §6"},
		{"240.0.0.1", PIER_RESERVED | PIER_CLASS_E, "reserved", "RFC 1112 §4"},
		{"255.255.255.255", PIER_BROADCAST | PIER_RESERVED | PIER_CLASS_E, "broadcast",
		 "RFC 919 §7"},
		{"::", PIER_UNSPECIFIED, "unspecified", NULL},
		{"::1", PIER_LOOPBACK, "loopback", "RFC 4291 §2.5.3"},
		{"::2", PIER_GLOBAL, NULL, NULL},
		{"::ffff:10.0.0.1", PIER_V4_MAPPED | PIER_PRIVATE | PIER_CLASS_A, "IPv4-mapped",
		 NULL},
		{"64:ff9b::8.8.8.8", PIER_TUNNEL | PIER_GLOBAL, NULL, "RFC 6052 §2.1"},
		{"2001:db8::1", PIER_DOCUMENTATION, "documentation", "RFC 3849 §2"},
		{"3fff:fff::1", PIER_DOCUMENTATION, NULL, "RFC 9637 §3"},
		{"3fff:1000::1", PIER_GLOBAL, NULL, NULL},
		{"2002:c000:204::1", PIER_TUNNEL | PIER_GLOBAL, "6to4", NULL},
		{"fbff::1", PIER_GLOBAL, NULL, NULL},
		{"fd00::1", PIER_PRIVATE, "unique local", "RFC 4193 §3.1"},
		{"fe80::1%1", PIER_LINK_LOCAL, "link-local", NULL},
		{"febf::1", PIER_LINK_LOCAL, NULL, NULL},
		{"ff02::1", PIER_MULTICAST | PIER_LINK_LOCAL, NULL, NULL},
		{"ff0e::1", PIER_MULTICAST | PIER_GLOBAL, "multicast", NULL},
		{"2606:4700::1", PIER_GLOBAL, NULL, NULL},
		{"@name", 0, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		pier_addr a = at(known[i].text);
		const pier_range *first = pier_addr_range(&a, 0);
		fprintf(stderr, "%s\n", known[i].text);
		CHECK_EQ(pier_addr_kind(&a), known[i].kind);
		if (known[i].words)
			CHECK_STR(first->words, known[i].words);
		if (known[i].source)
			CHECK_STR(first->source, known[i].source);
	}
	CHECK_EQ(pier_addr_kind(&(pier_addr){0}), 0);
}

TEST(every_family_is_written_and_read_back)
{
	static const char *const texts[] = {
		"127.0.0.1:80",
		"[2001:db8::1]:443",
		"[fe80::1%lo]:1",
		"/run/x.sock",
		"@name",
		"unix",
		"vsock:2:80",
		"vsock:4294967295:4294967295",
		"netlink:1234:0x11",
		"packet:lo:0x0800",
		"packet:any:0x0003:02:00:5e:00:53:01",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char text[PIER_ADDR_TEXT];
		pier_addr a = at(texts[i]);
		CHECK_STR(pier_addr_format(&a, text, sizeof text), texts[i]);
	}
	pier_addr a = at("vsock:2:80");
	const struct sockaddr_vm *vm = (const struct sockaddr_vm *)&a.sa;
	CHECK_EQ(vm->svm_cid, 2);
	CHECK_EQ(vm->svm_port, 80);
	a = at("packet:lo:0x0806:02:00:5e:00:53:01");
	const struct sockaddr_ll *ll = (const struct sockaddr_ll *)&a.sa;
	CHECK_EQ(ll->sll_protocol, htons(0x0806));
	CHECK_EQ(ll->sll_halen, 6);
	CHECK_EQ(ll->sll_addr[5], 1);
	CHECK(ll->sll_ifindex > 0);
}

TEST(what_is_no_address_is_refused)
{
	static const char *const texts[] = {
		"",
		"vsock:",
		"vsock:2",
		"vsock:2:",
		"vsock:2:x",
		"vsock:4294967296:1",
		"netlink:1",
		"netlink:1:0x",
		"packet:",
		"packet:lo",
		"packet:nosuch0:1",
		"packet:lo:0x10000",
		"packet:lo:1:",
		"packet:lo:1:0",
		"packet:lo:1:001",
		"packet:lo:1:00:",
		"packet:lo:1:00:11:22:33:44:55:66:77:88",
		"packet:lo:1:0g",
		"packet::1",
		"localhost",
		"1.2.3",
		"@",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		pier_addr a = {.len = 77};
		fprintf(stderr, "%s\n", texts[i]);
		CHECK(pier_addr_read(pier_text(texts[i]), &a) < 0);
		CHECK_EQ(a.len, 77);
	}
}

TEST(numbers_have_names_and_names_numbers)
{
	char text[64];
	int value = 0;
	CHECK_STR(pier_word(PIER_FAMILIES, AF_INET6, text), "AF_INET6");
	CHECK_STR(pier_word(PIER_FAMILIES, 999, text), "999");
	CHECK_OK(pier_word_value(PIER_TCP_OPTIONS, "TCP_NODELAY", &value));
	CHECK_EQ(value, 1);
	CHECK_EQ(pier_word_value(PIER_TCP_OPTIONS, "SO_REUSEADDR", &value), -ENOENT);
	CHECK_STR(pier_word_flags(PIER_MESSAGE_FLAGS, MSG_PEEK | MSG_TRUNC, text, sizeof text),
		  "MSG_PEEK|MSG_TRUNC");
	CHECK_STR(pier_word_flags(PIER_MESSAGE_FLAGS, MSG_PEEK | 0x1000000u, text, sizeof text),
		  "MSG_PEEK|0x1000000");
	CHECK_STR(pier_word_flags(PIER_MESSAGE_FLAGS, 0, text, sizeof text), "0");
	CHECK_STR(pier_word_flags(PIER_MESSAGE_FLAGS, MSG_PEEK | MSG_TRUNC, text, 10), "MSG_PEEK|");
	for (int of = PIER_FAMILIES; of <= PIER_TCP_FLAGS; of++) {
		const char *name;
		unsigned n = 0;
		for (; (name = pier_word_at((pier_words)of, n, &value)); n++) {
			int back = -1;
			CHECK(strlen(name) < PIER_WORD);
			CHECK_OK(pier_word_value((pier_words)of, name, &back));
			CHECK_EQ(back, value);
		}
		CHECK(n >= 3);
	}
}
