/* What a node sees of its net: lo, and eth0 with its two addresses. */
#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pier/interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERFACES 2
#define LO_MTU	   65536
#define ETH_MTU	   1500
#define MAC_LEN	   6

static const char *const names[INTERFACES] = {"lo", "eth0"};

unsigned pier_sim_interface(const char *name)
{
	for (unsigned i = 0; i < INTERFACES; i++)
		if (!strcmp(names[i], name))
			return i + 1;
	return 0;
}

const char *pier_sim_interface_name(unsigned index, char *into)
{
	if (index >= 1 && index <= INTERFACES)
		snprintf(into, IF_NAMESIZE, "%s", names[index - 1]);
	else
		snprintf(into, IF_NAMESIZE, "%u", index);
	return into;
}

static void put(pier_interface_addr *at, const char *addr, const char *mask, unsigned bits)
{
	pier_addr_parse(pier_text(addr), 0, &at->addr);
	pier_addr_parse(pier_text(mask), 0, &at->mask);
	at->bits = bits;
}

static void put_own(pier_interface_addr *at, int family, const char *mask, unsigned bits)
{
	put(at, family == AF_INET ? "0.0.0.0" : "::", mask, bits);
	pier_node_addr(pier_node_self(), family, 0, &at->addr);
}

int pier_sim_interfaces(pier_interface **out)
{
	pier_interface *list =
		calloc(1, INTERFACES * sizeof *list + (size_t)INTERFACES * 2 * sizeof *list->addrs);
	if (!list)
		return -ENOMEM;
	pier_interface_addr *at = (pier_interface_addr *)(list + INTERFACES);
	for (unsigned i = 0; i < INTERFACES; i++) {
		snprintf(list[i].name, sizeof list[i].name, "%s", names[i]);
		list[i].index = i + 1;
		list[i].flags = IFF_UP | IFF_RUNNING;
		list[i].addrs = at + (size_t)i * 2;
		list[i].count = 2;
		list[i].mac_len = MAC_LEN;
	}
	list[1].mac[0] = 0x02; /* of nobody's making: IEEE 802 */
	list[1].mac[MAC_LEN - 1] = (unsigned char)(pier_node_self()->number + 1);
	list[0].flags |= IFF_LOOPBACK;
	list[0].mtu = LO_MTU;
	list[1].flags |= IFF_BROADCAST | IFF_MULTICAST;
	list[1].mtu = ETH_MTU;
	put(&at[0], "127.0.0.1", "255.0.0.0", 8);
	put(&at[1], "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128);
	put_own(&at[2], AF_INET, "255.255.255.0", 24);
	pier_addr_parse(pier_text("10.0.0.255"), 0, &at[2].broadcast);
	put_own(&at[3], AF_INET6, "ffff:ffff:ffff:ffff::", 64);
	*out = list;
	return INTERFACES;
}
