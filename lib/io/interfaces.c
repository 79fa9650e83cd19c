/* All interfaces: what getifaddrs(3) tells one address at a time, put together. */
#include "kernel.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_inet(const struct sockaddr *sa)
{
	return sa && (sa->sa_family == AF_INET || sa->sa_family == AF_INET6);
}

static void copy(pier_addr *to, const struct sockaddr *from)
{
	if (!is_inet(from))
		return;
	to->len = from->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
	memcpy(&to->storage, from, to->len);
}

static unsigned count_bits(const pier_addr *mask)
{
	const unsigned char *bytes =
		(const unsigned char *)&((const struct sockaddr_in *)&mask->sa)->sin_addr;
	size_t len = 4;
	unsigned bits = 0;

	if (mask->len == 0)
		return 0;
	if (mask->sa.sa_family == AF_INET6) {
		bytes = ((const struct sockaddr_in6 *)&mask->sa)->sin6_addr.s6_addr;
		len = 16;
	}
	for (size_t i = 0; i < len; i++)
		bits += (unsigned)__builtin_popcount(bytes[i]);
	return bits;
}

static unsigned mtu_of(int fd, const char *name)
{
	struct ifreq r = {0};
	memcpy(r.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	return fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0 ? (unsigned)r.ifr_mtu : 0;
}

static pier_interface *find(pier_interface *list, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (!strncmp(list[i].name, name, sizeof list[i].name - 1))
			return &list[i];
	return NULL;
}

/* Every interface once, by name; their numbers and links. */
static unsigned gather(const struct ifaddrs *from, pier_interface *list, unsigned max)
{
	unsigned count = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (; from; from = from->ifa_next) {
		pier_interface *i = find(list, count, from->ifa_name);
		if (!i && count < max) {
			i = &list[count++];
			memcpy(i->name, from->ifa_name,
			       strnlen(from->ifa_name, sizeof i->name - 1));
			i->index = if_nametoindex(i->name);
			i->flags = from->ifa_flags;
			i->mtu = mtu_of(fd, i->name);
		}
		if (i && from->ifa_addr && from->ifa_addr->sa_family == AF_PACKET) {
			const struct sockaddr_ll *ll = (const struct sockaddr_ll *)from->ifa_addr;
			i->mac_len = ll->sll_halen < sizeof i->mac ? ll->sll_halen : sizeof i->mac;
			memcpy(i->mac, ll->sll_addr, i->mac_len);
		}
	}
	if (fd >= 0)
		close(fd);
	return count;
}

/* The addresses of one, behind those of the others. */
static pier_interface_addr *gather_addrs(const struct ifaddrs *from, pier_interface *i,
					 pier_interface_addr *at, const pier_interface_addr *end)
{
	i->addrs = at;
	for (; from && at < end; from = from->ifa_next) {
		if (!is_inet(from->ifa_addr) ||
		    strncmp(from->ifa_name, i->name, sizeof i->name - 1) != 0)
			continue;
		copy(&at->addr, from->ifa_addr);
		copy(&at->mask, from->ifa_netmask);
		at->bits = count_bits(&at->mask);
		if (from->ifa_flags & (IFF_BROADCAST | IFF_POINTOPOINT))
			copy(&at->broadcast, from->ifa_broadaddr);
		at++;
		i->count++;
	}
	return at;
}

static int by_index(const void *a, const void *b)
{
	unsigned x = ((const pier_interface *)a)->index, y = ((const pier_interface *)b)->index;
	return (x > y) - (x < y);
}

int pier_interfaces(pier_interface **out)
{
	struct ifaddrs *all = NULL;
	size_t entries = 0;

	if (pier_io_kernel)
		return pier_io_kernel->interfaces(out);
	if (getifaddrs(&all) < 0)
		return -errno;
	for (struct ifaddrs *a = all; a && entries < PIER_INTERFACES_MAX; a = a->ifa_next)
		entries++;
	pier_interface *list =
		calloc(entries + 1, sizeof(pier_interface) + sizeof(pier_interface_addr));
	if (!list) {
		freeifaddrs(all);
		return -ENOMEM;
	}
	pier_interface_addr *at = (pier_interface_addr *)(list + entries + 1), *end = at + entries;
	unsigned count = gather(all, list, (unsigned)entries);
	qsort(list, count, sizeof *list, by_index);
	for (unsigned i = 0; i < count; i++)
		at = gather_addrs(all, &list[i], at, end);
	freeifaddrs(all);
	*out = list;
	return (int)count;
}

void pier_interfaces_free(pier_interface *list)
{
	free(list);
}
