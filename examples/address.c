/* What an address is: its class of old, and the blocks of the registries that it lies in.
 *	address 10.1.2.3 224.0.0.1 ::1 … */
#include <pier.h>

int main(int argc, char **argv)
{
	const pier_range *r;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		pier_addr a; /* a = ipaddress.ip_address(argv[i]) */
		if (pier_addr_parse(pier_text(argv[i]), 0, &a) < 0) {
			failed = fprintf(stderr, "%s is no address\n", argv[i]);
			continue;
		}
		/* a.is_global */
		printf("%s%s\n", argv[i], pier_addr_kind(&a) & PIER_GLOBAL ? "  global" : "");
		for (unsigned k = 0; (r = pier_addr_range(&a, k));
		     k++) /* a.is_private, a.is_multicast … */
			printf("  %-20s %s (%s)\n", r->network, r->words, r->source);
	}
	return failed != 0;
}
