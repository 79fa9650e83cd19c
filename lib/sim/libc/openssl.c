/* OpenSSL's dice. Its generators reseed by processes, threads, times and the kernel's noise; in a simulation all that it
 * asks for comes from the seed. */
#include "libc.h"

#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: its successor, a provider, is not asked by what is open already */
#include <openssl/rand.h>

static int bytes(unsigned char *into, int len)
{
	if (!libc_task())
		return RAND_OpenSSL()->bytes(into, len);
	pier_io_random(into, (size_t)len);
	return 1;
}

static int status(void)
{
	return 1;
}

__attribute__((constructor)) static void take_over(void)
{
	static const RAND_METHOD method = {.bytes = bytes, .pseudorand = bytes, .status = status};
	RAND_set_rand_method(&method);
}
