/* What addresses are: the special blocks of IANA's registries (RFC 6890 and its updates) and the old classes. */
#include <pier/kind.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const pier_range v4[] = {
	{"0.0.0.0/32", PIER_UNSPECIFIED, "this host, before it has an address",
	 "RFC 1122 §3.2.1.3"},
	{"0.0.0.0/8", PIER_RESERVED, "this network", "RFC 791 §3.2"},
	{"10.0.0.0/8", PIER_PRIVATE, "private", "RFC 1918 §3"},
	{"100.64.0.0/10", PIER_SHARED, "shared with the provider", "RFC 6598 §7"},
	{"127.0.0.0/8", PIER_LOOPBACK, "loopback", "RFC 1122 §3.2.1.3"},
	{"169.254.0.0/16", PIER_LINK_LOCAL, "link-local", "RFC 3927 §2.1"},
	{"172.16.0.0/12", PIER_PRIVATE, "private", "RFC 1918 §3"},
	{"192.0.0.0/24", PIER_RESERVED, "for protocols", "RFC 6890 §2.1"},
	{"192.0.2.0/24", PIER_DOCUMENTATION, "documentation (TEST-NET-1)", "RFC 5737 §3"},
	{"192.88.99.0/24", PIER_RESERVED, "6to4 relays, given up", "RFC 7526 §4"},
	{"192.168.0.0/16", PIER_PRIVATE, "private", "RFC 1918 §3"},
	{"198.18.0.0/15", PIER_BENCHMARK, "benchmarking", "RFC 2544 appendix C"},
	{"198.51.100.0/24", PIER_DOCUMENTATION, "documentation (TEST-NET-2)", "RFC 5737 §3"},
	{"203.0.113.0/24", PIER_DOCUMENTATION, "documentation (TEST-NET-3)", "RFC 5737 §3"},
	{"233.252.0.0/24", PIER_DOCUMENTATION, "documentation (MCAST-TEST-NET)", "RFC 6676 §2"},
	{"224.0.0.0/24", PIER_LINK_LOCAL, "groups of this link", "RFC 5771 §4"},
	{"239.0.0.0/8", PIER_PRIVATE, "groups of this site", "RFC 2365 §6"},
	{"224.0.0.0/4", PIER_MULTICAST, "multicast", "RFC 5771 §3"},
	{"255.255.255.255/32", PIER_BROADCAST, "broadcast", "RFC 919 §7"},
	{"240.0.0.0/4", PIER_RESERVED, "reserved", "RFC 1112 §4"},
	{"0.0.0.0/1", PIER_CLASS_A, "class A", "RFC 791 §3.2"},
	{"128.0.0.0/2", PIER_CLASS_B, "class B", "RFC 791 §3.2"},
	{"192.0.0.0/3", PIER_CLASS_C, "class C", "RFC 791 §3.2"},
	{"224.0.0.0/4", PIER_CLASS_D, "class D", "RFC 1112 §4"},
	{"240.0.0.0/4", PIER_CLASS_E, "class E", "RFC 1112 §4"},
};

static const pier_range v6[] = {
	{"::/128", PIER_UNSPECIFIED, "unspecified", "RFC 4291 §2.5.2"},
	{"::1/128", PIER_LOOPBACK, "loopback", "RFC 4291 §2.5.3"},
	{"::ffff:0:0/96", PIER_V4_MAPPED, "IPv4-mapped", "RFC 4291 §2.5.5.2"},
	{"64:ff9b::/96", PIER_TUNNEL, "IPv4 translated", "RFC 6052 §2.1"},
	{"64:ff9b:1::/48", PIER_TUNNEL | PIER_PRIVATE, "IPv4 translated, of this site",
	 "RFC 8215 §5"},
	{"100::/64", PIER_RESERVED, "discarded", "RFC 6666 §4"},
	{"2001::/32", PIER_TUNNEL, "Teredo", "RFC 4380 §2.6"},
	{"2001:2::/48", PIER_BENCHMARK, "benchmarking", "RFC 5180 §8"},
	{"2001:20::/28", PIER_RESERVED, "ORCHIDv2", "RFC 7343 §6"},
	{"2001:db8::/32", PIER_DOCUMENTATION, "documentation", "RFC 3849 §2"},
	{"3fff::/20", PIER_DOCUMENTATION, "documentation", "RFC 9637 §3"},
	{"2002::/16", PIER_TUNNEL, "6to4", "RFC 3056 §2"},
	{"5f00::/16", PIER_RESERVED, "segment routing", "RFC 9602 §5"},
	{"fc00::/7", PIER_PRIVATE, "unique local", "RFC 4193 §3.1"},
	{"fe80::/10", PIER_LINK_LOCAL, "link-local", "RFC 4291 §2.5.6"},
	{"fec0::/10", PIER_PRIVATE, "site-local, given up", "RFC 3879 §4"},
	{"ff01::/16", PIER_LOOPBACK, "groups of this host", "RFC 4291 §2.7"},
	{"ff02::/16", PIER_LINK_LOCAL, "groups of this link", "RFC 4291 §2.7"},
	{"ff05::/16", PIER_PRIVATE, "groups of this site", "RFC 4291 §2.7"},
	{"ff00::/8", PIER_MULTICAST, "multicast", "RFC 4291 §2.7"},
};

/* True when the first bits of the address are those of the network, which is text of our own. */
static bool lies_in(const unsigned char *bytes, int family, const char *network)
{
	unsigned char base[16] = {0};
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(network, '/');
	size_t len = (size_t)(slash - network);
	unsigned bits = 0;

	memcpy(text, network, len);
	text[len] = '\0';
	inet_pton(family, text, base);
	for (const char *at = slash + 1; *at; at++)
		bits = bits * 10 + (unsigned)(*at - '0');
	if (memcmp(bytes, base, bits / 8) != 0)
		return false;
	unsigned rest = bits % 8;
	return rest == 0 || (bytes[bits / 8] ^ base[bits / 8]) >> (8 - rest) == 0;
}

struct table {
	const pier_range *ranges;
	size_t count;
	int family;
	const unsigned char *bytes;
};

static struct table table_of(const pier_addr *a)
{
	if (a->len >= sizeof(struct sockaddr_in) && a->sa.sa_family == AF_INET)
		return (struct table){
			v4, sizeof v4 / sizeof *v4, AF_INET,
			(const unsigned char *)&((const struct sockaddr_in *)&a->sa)->sin_addr};
	if (a->len >= sizeof(struct sockaddr_in6) && a->sa.sa_family == AF_INET6)
		return (struct table){v6, sizeof v6 / sizeof *v6, AF_INET6,
				      ((const struct sockaddr_in6 *)&a->sa)->sin6_addr.s6_addr};
	return (struct table){0};
}

static bool is_mapped(const struct table *t)
{
	return t->family == AF_INET6 && lies_in(t->bytes, AF_INET6, "::ffff:0:0/96");
}

const pier_range *pier_addr_range(const pier_addr *a, unsigned n)
{
	struct table t = table_of(a);
	for (size_t i = 0; i < t.count; i++)
		if (lies_in(t.bytes, t.family, t.ranges[i].network) && n-- == 0)
			return t.ranges + i;
	if (!is_mapped(&t))
		return NULL;
	struct table inner = {v4, sizeof v4 / sizeof *v4, AF_INET, t.bytes + 12};
	for (size_t i = 0; i < inner.count; i++)
		if (lies_in(inner.bytes, AF_INET, v4[i].network) && n-- == 0)
			return &v4[i];
	return NULL;
}

unsigned pier_addr_kind(const pier_addr *a)
{
	const unsigned beside = PIER_V4_MAPPED | PIER_TUNNEL | PIER_CLASS_A | PIER_CLASS_B |
				PIER_CLASS_C | PIER_CLASS_D | PIER_CLASS_E | PIER_MULTICAST;
	unsigned kinds = 0;
	const pier_range *r;

	for (unsigned i = 0; (r = pier_addr_range(a, i)); i++)
		kinds |= r->kind;
	if (table_of(a).count && !(kinds & ~beside))
		kinds |= PIER_GLOBAL;
	return kinds;
}
