/* The interfaces of this machine, their addresses, and what each address is. */
#include <pier.h>

static void tell_addr(const pier_interface_addr *a)
{
	const pier_range *range = pier_addr_range(&a->addr, 0);

	printf("    %s/%u", PIER_HOST_STR(&a->addr), a->bits);
	if (range)
		printf("  %s (%s)", range->words, range->source);
	putchar('\n');
}

static void tell(const pier_interface *i)
{
	printf("%u %s: mtu %u, ", i->index, i->name, i->mtu);
	for (unsigned k = 0; k < i->mac_len; k++)
		printf("%s%02x", k ? ":" : "", i->mac[k]);
	printf(" %s\n", PIER_FLAGS_STR(PIER_INTERFACE_FLAGS, i->flags));
	for (unsigned k = 0; k < i->count; k++)
		tell_addr(&i->addrs[k]);
}

int main(void)
{
	pier_interface *list = NULL;
	int count = pier_interfaces(&list); /* socket.if_nameindex(), and ioctl(s, SIOCGIF…, …) */

	for (int i = 0; i < count; i++)
		tell(&list[i]);
	pier_interfaces_free(list);
	return count < 0;
}
