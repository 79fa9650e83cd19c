/* A library without OpenSSL has no digests. */
#include <pier/digest.h>

pier_digest *pier_digest_new(const char *name)
{
	(void)name;
	return NULL;
}

void pier_digest_free(pier_digest *d)
{
	(void)d;
}

void pier_digest_add(pier_digest *d, const void *p, size_t n)
{
	(void)d;
	(void)p;
	(void)n;
}

const char *pier_digest_hex(pier_digest *d)
{
	(void)d;
	return "";
}

bool pier_digest_is(pier_digest *d, const char *promised)
{
	(void)d;
	(void)promised;
	return false;
}
