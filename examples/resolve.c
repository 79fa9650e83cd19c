/* All addresses of a name, in the order in which they would be tried.
 *	resolve NAME… */
#include <pier.h>

int main(int argc, char **argv)
{
	char text[PIER_ADDR_TEXT];
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		pier_addrs all = {0};
		int err = 0;

		PIER_WITHIN (PIER_S(5)) /* getaddrinfo itself has no time-out */
			err = pier_resolve(pier_text(argv[i]), 0, false, &all); /* getaddrinfo(…) */
		if (err < 0)
			failed = fprintf(stderr, "%s: %s\n", argv[i], pier_strerror(err));
		for (unsigned k = 0; k < all.count; k++)
			printf("%s  %s\n", argv[i], pier_addr_host(&all.at[k], text, sizeof text));
	}
	return failed != 0;
}
