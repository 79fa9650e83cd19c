/* Networks: the first bits of an address. */
#include <pier/network.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* The address as bytes, the IPv4 one inside an IPv6 one as itself; none of other families. */
static pier_bytes digits_of(const pier_addr *a)
{
	static const char mapped[12] = {[10] = '\xff', [11] = '\xff'}; /* RFC 4291 §2.5.5.2 */
	if (a->len == 0)
		return (pier_bytes){0};
	if (a->sa.sa_family == AF_INET)
		return pier_bytes_of(&((const struct sockaddr_in *)&a->sa)->sin_addr, 4);
	if (a->sa.sa_family != AF_INET6)
		return (pier_bytes){0};
	const struct in6_addr *six = &((const struct sockaddr_in6 *)&a->sa)->sin6_addr;
	if (memcmp(six, mapped, sizeof mapped) == 0)
		return pier_bytes_of(six->s6_addr + sizeof mapped, 4);
	return pier_bytes_of(six, 16);
}

/* How many of the first bits are the same. */
static unsigned common(pier_bytes a, pier_bytes b)
{
	unsigned bits = 0;
	for (size_t i = 0; i < a.len; i++, bits += 8) {
		unsigned differ = (unsigned char)(a.p[i] ^ b.p[i]);
		if (differ)
			return bits + (unsigned)__builtin_clz(differ << 24);
	}
	return bits;
}

static bool rest_is_zero(pier_bytes digits, unsigned bits)
{
	char head[16] = {0};
	for (unsigned i = 0; i < bits; i++)
		head[i / 8] |= (char)(digits.p[i / 8] & 0x80 >> i % 8);
	return memcmp(head, digits.p, digits.len) == 0;
}

static int read_bits(pier_bytes text, unsigned max, unsigned *out)
{
	unsigned n = 0;
	if (text.len == 0 || text.len > 3 || (text.len > 1 && text.p[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	if (n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

int pier_network_parse(pier_bytes text, pier_network *out)
{
	pier_network n = {0};
	if (pier_bytes_eq(text, "unix")) {
		n.addr = (pier_addr){.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
		*out = n;
		return 0;
	}
	char *slash = text.len ? memchr(text.p, '/', text.len) : NULL;
	pier_bytes host = {text.p, slash ? (size_t)(slash - text.p) : text.len};
	if (pier_addr_parse(host, 0, &n.addr) < 0 || pier_addr_port(&n.addr) ||
	    pier_bytes_starts(host, "["))
		return -EINVAL;
	pier_bytes digits = digits_of(&n.addr);
	n.bits = (unsigned)digits.len * 8;
	int err = slash ? read_bits(pier_bytes_of(slash + 1, text.len - host.len - 1), n.bits,
				    &n.bits)
			: 0;
	if (err == 0 && !rest_is_zero(digits, n.bits))
		err = -EINVAL;
	if (err == 0)
		*out = n;
	return err;
}

bool pier_network_has(const pier_network *n, const pier_addr *a)
{
	pier_bytes ours = digits_of(&n->addr), theirs = digits_of(a);
	if (ours.len == 0 || theirs.len == 0)
		return ours.len == theirs.len && n->addr.len && a->len &&
		       n->addr.sa.sa_family == a->sa.sa_family;
	return ours.len == theirs.len && common(ours, theirs) >= n->bits;
}

/* ---- Lists --------------------------------------------------------------------------------------- */

int pier_networks_parse(const char *text, pier_networks *out)
{
	static const char gaps[] = " \t\n,";
	pier_networks list = {0};
	for (text += strspn(text, gaps); *text; text += strspn(text, gaps)) {
		size_t len = strcspn(text, gaps);
		if (list.count == PIER_NETWORKS_MAX)
			return -E2BIG;
		int err = pier_network_parse(pier_bytes_of(text, len), &list.at[list.count++]);
		if (err < 0)
			return err;
		text += len;
	}
	*out = list;
	return 0;
}

bool pier_networks_have(const pier_networks *list, const pier_addr *a)
{
	for (unsigned i = 0; i < list->count; i++)
		if (pier_network_has(&list->at[i], a))
			return true;
	return false;
}
