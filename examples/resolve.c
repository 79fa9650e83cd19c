/* All addresses of a name, in the order in which they would be tried.
 *	resolve NAME… */
#include <pier.h>

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		pier_addrs all = {0};
		int err = 0;
		PIER_WITHIN (PIER_S(5)) /* getaddrinfo itself has no time-out */
			err = pier_resolve(pier_text(argv[i]), 0, false, &all); /* getaddrinfo(…) */
		if (err < 0)
			failed = fprintf(stderr, "%s: %s\n", argv[i], pier_strerror(err));
		PIER_EACH (a, &all) /* for *_, addr in …: print(name, addr[0]) */
			printf("%s  %s\n", argv[i], PIER_HOST_STR(a));
	}
	return failed != 0;
}
