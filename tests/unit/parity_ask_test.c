/* Questions to the system about names, as Python's tests ask them. */
#include "on_fiber.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pier.h>
#include <string.h>

static pier_infos infos; /* large; one asks at a time */

static int ask(const char *host, const char *service, pier_hints hints)
{
	return pier_addrinfo(pier_text(host), pier_text(service), &hints, &infos);
}

static pier_addr number(const char *text)
{
	pier_addr a;
	CHECK_OK(pier_addr_parse(pier_text(text), 0, &a));
	return a;
}

/* ---- Hosts and services -------------------------------------------------------------------------- */

ON_BOTH(a_host_may_be_a_name_a_number_or_none)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", ""};
	static const char *const services[] = {"80", "http", ""};
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 3; j++) {
			if (!*hosts[i] && !*services[j])
				continue; /* nothing was asked */
			fprintf(stderr, "\"%s\" \"%s\"\n", hosts[i], services[j]);
			CHECK_OK(ask(hosts[i], services[j], (pier_hints){0}));
			CHECK(infos.count >= 1);
			CHECK(pier_addr_kind(&infos.at[0].addr) & PIER_LOOPBACK);
			CHECK_EQ(pier_addr_port(&infos.at[0].addr), *services[j] ? 80 : 0);
		}
	}
}

ON_BOTH(hints_choose_among_the_answers)
{
	CHECK_OK(ask("localhost", "80", (pier_hints){.family = AF_INET, .type = SOCK_STREAM}));
	for (unsigned i = 0; i < infos.count; i++) {
		CHECK_EQ(infos.at[i].family, AF_INET);
		CHECK_EQ(infos.at[i].addr.sa.sa_family, AF_INET);
		CHECK_EQ(infos.at[i].type, SOCK_STREAM);
		CHECK_EQ(infos.at[i].protocol, IPPROTO_TCP);
	}
	CHECK_OK(ask("localhost", "", (pier_hints){.type = SOCK_DGRAM}));
	for (unsigned i = 0; i < infos.count; i++)
		CHECK_EQ(infos.at[i].type, SOCK_DGRAM);
	CHECK_OK(ask("localhost", "", (pier_hints){.protocol = IPPROTO_TCP}));
	for (unsigned i = 0; i < infos.count; i++)
		CHECK_EQ(infos.at[i].protocol, IPPROTO_TCP);
	CHECK_OK(ask("", "0", (pier_hints){.type = SOCK_STREAM, .flags = AI_PASSIVE}));
	for (unsigned i = 0; i < infos.count; i++)
		CHECK(pier_addr_kind(&infos.at[i].addr) & PIER_UNSPECIFIED);
}

/* The port is the system's to judge: whatever it says of these, it is an answer, and it is no crash. */
ON_BOTH(ports_beyond_every_integer_are_an_answer)
{
	static const char *const ports[] = {"18446744073709551616", "9223372036854775808",
					    "9223372036854710273", "-9223372036854775809"};
	for (int i = 0; i < 4; i++) {
		int err = ask("", ports[i], (pier_hints){.type = SOCK_STREAM});
		CHECK(err == 0 || (err <= -PIER_ENONAME && err > -6000));
	}
	CHECK_OK(ask("", "0", (pier_hints){.type = SOCK_STREAM}));
	CHECK_OK(ask("", "65535", (pier_hints){.type = SOCK_STREAM}));
	CHECK_EQ(pier_addr_port(&infos.at[0].addr), 65535);
}

/* A number is its own address, and nobody is asked. */
ON_BOTH(a_number_is_a_host_by_itself)
{
	static const char *const numbers[] = {"127.0.0.1", "10.0.0.1", "255.255.255.255"};
	for (int i = 0; i < 3; i++) {
		pier_addrs found;
		char text[PIER_ADDR_TEXT];
		CHECK_OK(pier_resolve(pier_text(numbers[i]), 0, false, &found));
		CHECK_EQ(found.count, 1);
		CHECK_STR(pier_addr_host(&found.at[0], text, sizeof text), numbers[i]);
	}
	static pier_host h;
	CHECK_OK(pier_host_of(pier_text("127.0.0.1"), &h));
	pier_addr same = number("127.0.0.1");
	CHECK_EQ(h.addrs.count, 1);
	CHECK(pier_addr_eq(&h.addrs.at[0], &same));
}

ON_BOTH(what_is_nearly_a_number_is_no_host)
{
	static const char *const hosts[] = {"0.1.1.~1", "1+.1.1.1", "::1q", "::1::2",
					    "1:1:1:1:1:1:1:1:1"};
	for (int i = 0; i < 5; i++) {
		static pier_host h;
		pier_addrs found = {.count = 7};
		PIER_WITHIN (PIER_S(1)) {
			CHECK(pier_resolve(pier_text(hosts[i]), 0, false, &found) < 0);
			CHECK(pier_host_of(pier_text(hosts[i]), &h) < 0);
		}
		CHECK_EQ(found.count, 7);
	}
}

ON_BOTH(this_machine_is_found_by_its_name_and_by_its_number)
{
	static pier_host by_name, by_number;
	char own[PIER_NAME_MAX], number_of[PIER_ADDR_TEXT], whole[PIER_NAME_MAX];
	bool told = false;
	CHECK_OK(pier_hostname(own, sizeof own));
	PIER_WITHIN (PIER_S(5)) {
		if (pier_host_of(pier_text(own), &by_name) < 0)
			test_skip("this machine does not know its own name");
		pier_addr_host(&by_name.addrs.at[0], number_of, sizeof number_of);
		if (pier_host_of(pier_text(number_of), &by_number) < 0)
			test_skip("this machine does not know the name of its number");
		CHECK_OK(pier_fqdn(pier_text(number_of), whole, sizeof whole));
		told = !strcmp(whole, own) || !strcmp(whole, by_number.name);
		for (unsigned i = 0; i < by_number.aliases; i++)
			told |= !strcmp(whole, by_number.alias[i]);
		CHECK(told);
	}
}

ON_BOTH(the_wildcard_addresses_are_this_machine)
{
	static const char *const names[] = {"", "0.0.0.0", "::"};
	char whole[3][PIER_NAME_MAX];
	PIER_WITHIN (PIER_S(5)) {
		for (int i = 0; i < 3; i++)
			CHECK_OK(pier_fqdn(pier_text(names[i]), whole[i], sizeof whole[i]));
		CHECK_STR(whole[1], whole[0]);
		CHECK_STR(whole[2], whole[0]);
		CHECK(strcmp(whole[0], "0.0.0.0") != 0);
	}
}

ON_BOTH(a_service_has_one_port_by_every_way_to_ask)
{
	static const char *const names[] = {"daytime", "qotd", "domain"};
	pier_service tcp, any, udp, back;
	int i = 0;
	while (i < 3 && pier_service_named(names[i], "tcp", &tcp) < 0)
		i++;
	if (i == 3)
		test_skip("no /etc/services here");
	CHECK_OK(pier_service_named(names[i], NULL, &any));
	CHECK_EQ(any.port, tcp.port);
	CHECK_OK(pier_service_at(any.port, NULL, &back));
	CHECK_STR(back.name, names[i]);
	CHECK_OK(pier_service_at(tcp.port, "tcp", &back));
	CHECK_STR(back.name, names[i]);
	CHECK_STR(back.protocol, "tcp");
	if (pier_service_named(names[i], "udp", &udp) < 0)
		return;
	CHECK_EQ(udp.port, tcp.port);
	CHECK_OK(pier_service_at(udp.port, "udp", &back));
	CHECK_STR(back.name, names[i]);
}

/* ---- IPv6 ---------------------------------------------------------------------------------------- */

static const struct sockaddr_in6 *only_v6(const char *host)
{
	pier_hints hints = {AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0};
	CHECK_OK(ask(host, "1234", hints));
	CHECK_EQ(infos.count, 1);
	return (const struct sockaddr_in6 *)&infos.at[0].addr.sa;
}

ON_BOTH(an_ipv6_number_is_one_answer_with_its_scope)
{
	static const struct {
		const char *host;
		uint32_t scope;
		const char *text;
	} known[] = {
		{"ff02::1de:c0:face:8D", 0, "[ff02::1de:c0:face:8d]:1234"},
		{"ff02::1de:c0:face:8D%lo", 1, "[ff02::1de:c0:face:8d%lo]:1234"},
		{"ff02::1de:c0:face:8D%4242", 4242, "[ff02::1de:c0:face:8d%4242]:1234"},
	};
	CHECK_EQ(pier_interface_index("lo"), 1);
	for (int i = 0; i < 3; i++) {
		char text[PIER_ADDR_TEXT];
		pier_addr parsed;
		const struct sockaddr_in6 *in = only_v6(known[i].host);
		CHECK_EQ(in->sin6_scope_id, known[i].scope);
		CHECK_EQ(in->sin6_flowinfo, 0);
		CHECK_STR(pier_addr_format(&infos.at[0].addr, text, sizeof text), known[i].text);
		CHECK_OK(pier_addr_parse(pier_text(known[i].host), 1234, &parsed));
		CHECK(pier_addr_eq(&parsed, &infos.at[0].addr));
	}
}

ON_BOTH(the_name_of_an_ipv6_number_tells_its_scope)
{
	static const char *const known[][2] = {
		{"[ff02::1de:c0:face:8D%1]:1234", "ff02::1de:c0:face:8d%lo"},
		{"[ff02::1de:c0:face:8D%4242]:1234", "ff02::1de:c0:face:8d%4242"},
	};
	for (int i = 0; i < 2; i++) {
		pier_name name;
		pier_addr a = number(known[i][0]);
		CHECK_OK(pier_nameinfo(&a, NI_NUMERICHOST | NI_NUMERICSERV, &name));
		CHECK_STR(name.host, known[i][1]);
		CHECK_STR(name.service, "1234");
	}
}

/* Twenty bits of flow label (RFC 3493 §3.3): the kernel takes them as they are, and they are no part of the address. */
TEST(a_flow_label_is_no_part_of_an_address)
{
	pier_addr a = number("::1"), labelled = a;
	((struct sockaddr_in6 *)&labelled.sa)->sin6_flowinfo = htonl(0xfffff);
	CHECK(pier_addr_eq(&a, &labelled));
	pier_sock s;
	CHECK_OK(pier_socket(AF_INET6, SOCK_STREAM, 0, &s));
	CHECK_OK(pier_sock_bind(&s, &labelled));
	pier_sock_close(&s);
}

/* Only addresses have names: what is none is refused before anybody is asked. */
ON_BOTH(what_is_no_address_has_no_name)
{
	pier_name name = {.host = "untouched"};
	pier_addr cut = number("127.0.0.1"), odd = cut, local;
	cut.len = 3;
	odd.sa.sa_family = 9999;
	CHECK_EQ(pier_addr_read(pier_text("mail.example.org:0"), &local), -PIER_ENONAME);
	CHECK_EQ(pier_nameinfo(&(pier_addr){0}, 0, &name), -PIER_ENAMEFAMILY);
	CHECK_EQ(pier_nameinfo(&cut, 0, &name), -PIER_ENAMEFAMILY);
	CHECK_EQ(pier_nameinfo(&odd, 0, &name), -PIER_ENAMEFAMILY);
	CHECK_STR(name.host, "untouched");
}

/* ---- Names beyond ASCII -------------------------------------------------------------------------- */

static const char *ascii(const char *name)
{
	static char into[PIER_NAME_MAX];
	return pier_name_ascii(pier_text(name), into, sizeof into) < 0 ? "no" : into;
}

/* The first are RFC 3492 §7.1 (A), (B), (D), (E), (J), (L) … (N) and (S), without capitals. */
TEST(names_beyond_ascii_become_what_dns_carries)
{
	static const char *const known[][2] = {
		{"ليهمابتكلموشعربي؟", "xn--egbpdaj6bu4bxfgehfvwxn"},
		{"他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"},
		{"pročprostěnemluvíčesky", "xn--proprostnemluvesky-uyb24dma41a"},
		{"למההםפשוטלאמדבריםעברית", "xn--4dbcagdahymbxekheh6e0a7fei0b"},
		{"porquénopuedensimplementehablarenespañol",
		 "xn--porqunopuedensimplementehablarenespaol-fmd56a"},
		{"3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"},
		{"安室奈美恵-with-super-monkeys", "xn---with-super-monkeys-pc58ag80a8qai00g7n9n"},
		{"hello-another-way-それぞれの場所",
		 "xn--hello-another-way--fc4qua05auwb3674vfr0b"},
		{"例子.测试", "xn--fsqu00a.xn--0zwm56d"},
		{"испытание.pythontest.net", "xn--80akhbyknj4f.pythontest.net"},
		{"MÜNCHEN.de", "xn--mnchen-3ya.de"},
		{"ΕΛΛΑΣ.gr", "xn--mxahsa5b.gr"},
		{"ПОЧТА.РФ.", "xn--80a1acny.xn--p1ai."},
		{"日本語。ＪＰ", "xn--wgv71a119e.jp"},
		{"ａｂｃ－０１９．例", "abc-019.xn--fsq"},
		{"😀.example", "xn--e28h.example"},
		{"例／x", "xn--x-kb7am037c"}, /* a letter like others, never a '/' */
		{"_dns.例", "_dns.xn--fsq"},
		{"faß.de", "xn--fa-hia.de"}, /* RFC 5894 §7.2: no longer "fass" */
		{"Example.COM", "Example.COM"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		fprintf(stderr, "%s\n", known[i][0]);
		CHECK_STR(ascii(known[i][0]), known[i][1]);
	}
}

TEST(what_cannot_be_a_name_beyond_ascii_is_refused)
{
	static const char *const bad[] = {
		"\x80.example", "例\xff",	"\xc0\xae例", /* an overlong '.' */
		"\xe4\xbe",	"\xe0\x80\xaf", "\xed\xa0\x80例", "\xf4\x90\x80\x80",
		"例:80",	"例 x",		"例/x",		  "例@x",
		"例\n",		"例%1",		"例\x7f",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fprintf(stderr, "%zu\n", i);
		CHECK_STR(ascii(bad[i]), "no");
	}
	char into[8] = "as was.", nul[] = "a\0例";
	CHECK_EQ(pier_name_ascii(pier_bytes_of(nul, sizeof nul - 1), into, sizeof into),
		 -PIER_ENONAME);
	CHECK_EQ(pier_name_ascii(pier_bytes_of(nul, 2), into, sizeof into), -PIER_ENONAME);
	CHECK_EQ(pier_name_ascii(pier_text("例"), into, 7), -ENAMETOOLONG);
	CHECK_EQ(pier_name_ascii(pier_text("eightbyt"), into, 8), -ENAMETOOLONG);
	CHECK_STR(into, "as was.");
	CHECK_OK(pier_name_ascii(pier_text("例"), into, 8));
	CHECK_STR(into, "xn--fsq");
}

TEST(a_label_has_63_bytes_at_most_and_a_name_255)
{
	char name[600] = "", into[PIER_NAME_MAX];
	for (int i = 0; i < 57; i++)
		strcat(name, "例");
	CHECK_OK(pier_name_ascii(pier_text(name), into, sizeof into));
	CHECK_EQ(strlen(into), 63);
	strcat(name, "例");
	CHECK_EQ(pier_name_ascii(pier_text(name), into, sizeof into), -PIER_ENONAME);
	*name = '\0';
	for (int i = 0; i < 31; i++)
		strcat(name, "例.");
	CHECK_OK(pier_name_ascii(pier_text(name), into, sizeof into));
	CHECK_EQ(strlen(into), 31 * 8);
	strcat(name, "例");
	CHECK_OK(pier_name_ascii(pier_text(name), into, sizeof into));
	strcat(name, ".");
	CHECK_EQ(pier_name_ascii(pier_text(name), into, sizeof into), -ENAMETOOLONG);
}

ON_BOTH(every_question_takes_names_beyond_ascii)
{
	static pier_host h;
	pier_addrs found;
	pier_bytes wide = pier_text("ｌｏｃａｌｈｏｓｔ");
	CHECK_OK(pier_resolve(wide, 80, false, &found));
	CHECK(pier_addr_kind(&found.at[0]) & PIER_LOOPBACK);
	CHECK_OK(ask("ｌｏｃａｌｈｏｓｔ", "80", (pier_hints){.family = AF_INET}));
	CHECK(pier_addr_kind(&infos.at[0].addr) & PIER_LOOPBACK);
	CHECK_OK(pier_host_of(wide, &h));
	CHECK_STR(h.name, "localhost");
	PIER_AUTO *c = pier_dial("tcp://\xff.localhost:1");
	CHECK_EQ(pier_err(c), -PIER_ENONAME);
}
