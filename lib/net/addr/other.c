/* Addresses of virtual machines, of links and of the kernel.
 *
 *	vsock:2:80                               context and port: vsock(7)
 *	netlink:1234:0x1                         port and groups: netlink(7)
 *	packet:eth0:0x0800:02:00:5e:00:53:01     interface, protocol, hardware address: packet(7)
 */
#include "other.h"

#include "base/cursor.h"
#include "io/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <pier/error.h>
#include <stdio.h>

static const void *body(const pier_addr *a, size_t size)
{
	return a->len >= size ? &a->sa : NULL;
}

/* ---- Writing ------------------------------------------------------------------------------------- */

static void format_packet(const struct sockaddr_ll *ll, char *into, size_t room)
{
	char name[IF_NAMESIZE];
	size_t halen = ll->sll_halen < sizeof ll->sll_addr ? ll->sll_halen : sizeof ll->sll_addr;
	int at = snprintf(into, room, "packet:%s:0x%04x",
			  ll->sll_ifindex ? pier_io_interface_name((uint32_t)ll->sll_ifindex, name)
					  : "any",
			  ntohs(ll->sll_protocol));
	for (size_t i = 0; i < halen && at >= 0 && (size_t)at < room; i++)
		at += snprintf(into + at, room - (size_t)at, ":%02x", ll->sll_addr[i]);
}

void pier_addr_format_other(const pier_addr *a, char *into, size_t room)
{
	const struct sockaddr_vm *vm = body(a, sizeof *vm);
	const struct sockaddr_nl *nl = body(a, sizeof *nl);
	const struct sockaddr_ll *ll = body(a, offsetof(struct sockaddr_ll, sll_addr));
	sa_family_t family = a->len ? a->sa.sa_family : AF_UNSPEC;

	if (family == AF_VSOCK && vm)
		snprintf(into, room, "vsock:%u:%u", vm->svm_cid, vm->svm_port);
	else if (family == AF_NETLINK && nl)
		snprintf(into, room, "netlink:%u:0x%x", nl->nl_pid, nl->nl_groups);
	else if (family == AF_PACKET && ll)
		format_packet(ll, into, room);
	else
		snprintf(into, room, "?");
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Decimal, or hex after "0x". */
static bool read_u32(pier_bytes b, uint32_t *out)
{
	bool hex = pier_bytes_starts(b, "0x");
	uint64_t n = 0;
	size_t i = hex ? 2 : 0;

	if (b.len == i || b.len - i > 10)
		return false;
	for (; i < b.len; i++) {
		int d = digit(b.p[i]);
		if (d >= (hex ? 16 : 10))
			return false;
		n = n * (hex ? 16 : 10) + (uint64_t)d;
		if (n > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)n;
	return true;
}

/* "2:80" */
static bool read_two(pier_bytes b, uint32_t *first, uint32_t *second)
{
	struct cursor c = {.rest = b};
	pier_bytes head = take_until(&c, ':');
	return !c.bad && read_u32(head, first) && read_u32(c.rest, second);
}

static bool read_vsock(pier_bytes b, pier_addr *out)
{
	struct sockaddr_vm vm = {.svm_family = AF_VSOCK};
	if (!read_two(b, &vm.svm_cid, &vm.svm_port))
		return false;
	memcpy(&out->storage, &vm, out->len = sizeof vm);
	return true;
}

static bool read_netlink(pier_bytes b, pier_addr *out)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	if (!read_two(b, &nl.nl_pid, &nl.nl_groups))
		return false;
	memcpy(&out->storage, &nl, out->len = sizeof nl);
	return true;
}

/* "02:00:5e:00:53:01" */
static bool read_hardware(pier_bytes b, struct sockaddr_ll *ll)
{
	if (b.len % 3 != 2 || b.len / 3 >= sizeof ll->sll_addr)
		return false;
	for (size_t i = 0; i < b.len; i += 3) {
		int high = digit(b.p[i]), low = digit(b.p[i + 1]);
		if (high > 15 || low > 15 || (i + 2 < b.len && b.p[i + 2] != ':'))
			return false;
		ll->sll_addr[ll->sll_halen++] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static bool read_interface(pier_bytes b, int *index)
{
	char name[IF_NAMESIZE] = "";
	uint32_t n = 0;

	if (pier_bytes_eq(b, "any") || read_u32(b, &n)) {
		*index = (int)n;
		return true;
	}
	if (b.len == 0 || b.len >= sizeof name)
		return false;
	memcpy(name, b.p, b.len);
	*index = (int)pier_io_interface(name);
	return *index != 0;
}

static bool read_packet(pier_bytes b, pier_addr *out)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET};
	struct cursor c = {.rest = b};
	pier_bytes name = take_until(&c, ':');
	pier_bytes number = c.rest;
	uint32_t protocol;

	if (c.bad || !read_interface(name, &ll.sll_ifindex))
		return false;
	const char *colon = c.rest.len ? memchr(c.rest.p, ':', c.rest.len) : NULL;
	if (colon)
		number = take_until(&c, ':');
	if (!read_u32(number, &protocol) || protocol > UINT16_MAX ||
	    (colon && !read_hardware(c.rest, &ll)))
		return false;
	ll.sll_protocol = htons((uint16_t)protocol);
	memcpy(&out->storage, &ll, out->len = sizeof ll);
	return true;
}

int pier_addr_read(pier_bytes text, pier_addr *out)
{
	static const struct {
		const char *head;
		bool (*read)(pier_bytes, pier_addr *);
	} kinds[] = {{"vsock:", read_vsock}, {"netlink:", read_netlink}, {"packet:", read_packet}};
	pier_addr a = {0};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t len = strlen(kinds[i].head);
		if (!pier_bytes_starts(text, kinds[i].head))
			continue;
		if (!kinds[i].read(pier_bytes_of(text.p + len, text.len - len), &a))
			return -PIER_ENONAME;
		*out = a;
		return 0;
	}
	if (pier_bytes_eq(text, "unix")) {
		*out = (pier_addr){.len = sizeof(sa_family_t), .storage.ss_family = AF_UNIX};
		return 0;
	}
	if (pier_bytes_starts(text, "/") || pier_bytes_starts(text, "@"))
		return pier_addr_unix(text, out);
	return pier_addr_parse(text, 0, out);
}

pier_addr pier_addr_of(const char *text)
{
	pier_addr a = {0};
	pier_addr_read(pier_text(text), &a);
	return a;
}
