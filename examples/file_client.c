/* Fetches a file from file_server: shows how far it is, and believes it only when size and MD5 are right.
 *	file_client URL NAME INTO */
#include <inttypes.h>
#include <openssl/evp.h>
#include <pier.h>
#include <stdlib.h>

/* Receives `size` bytes into `file`. Returns the count, and their MD5 as text. */
static int64_t receive(pier_conn *c, int64_t size, FILE *file, char hex[33])
{
	unsigned char digest[16];
	EVP_MD_CTX *sum = EVP_MD_CTX_new(); /* hashlib.md5() */
	int64_t got = 0;

	EVP_DigestInit_ex(sum, EVP_md5(), NULL);
	for (pier_bytes b; got < size && (b = pier_next(c)).p; got += (int64_t)b.len) {
		EVP_DigestUpdate(sum, b.p, b.len);
		fwrite(b.p, 1, b.len, file);
		fprintf(stderr, "\r%3.0f%%", 100.0 * (double)(got + (int64_t)b.len) / (double)size);
	}
	EVP_DigestFinal_ex(sum, digest, NULL);
	EVP_MD_CTX_free(sum);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]); /* .hexdigest() */
	return got;
}

int main(int argc, char **argv)
{
	char head[256] = "", ours[33], *theirs;

	if (argc != 4)
		return fprintf(stderr, "usage: file_client URL NAME INTO\n"), 2;

	PIER_AUTO *c = pier_dial(argv[1], .idle = PIER_S(30)); /* create_connection(…, 30) */
	pier_printf(c, "%s\n", argv[2]);
	pier_gets(c, head, sizeof head); /* size, md5 = f.readline().split() */
	if (pier_err(c))
		return fprintf(stderr, "%s\n", pier_why(c)), 1;
	int64_t size = strtoll(head, &theirs, 10); /* theirs: the blank and the MD5 behind */
	if (size < 0 || theirs == head || *theirs++ != ' ')
		return fprintf(stderr, "%s: %s\n", argv[2], head[0] ? head : "no answer"), 1;

	FILE *file = fopen(argv[3], "wb"); /* open(into, "wb") */
	if (!file)
		return perror(argv[3]), 1;
	int64_t got = receive(c, size, file, ours);
	if (fclose(file) != 0)
		return perror(argv[3]), 1;
	if (got != size || strcmp(ours, theirs) != 0) {
		remove(argv[3]);
		fprintf(stderr, "\n%s: not what was promised: %s\n", argv[2],
			pier_err(c) ? pier_why(c) : pier_strerror(PIER_EDIGEST));
		return 1;
	}
	fprintf(stderr, "\n");
	printf("%s  %" PRId64 " bytes  %s\n", argv[2], size, ours);
	return 0;
}
