/* Fetches a file from file_server: shows how far it is, and believes it only when size and MD5 are right.
 *	file_client URL NAME INTO */
#include <inttypes.h>
#include <pier.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	PIER_AUTO_DIGEST *md5 = pier_digest_new("md5"); /* hashlib.md5() */
	char head[256] = "", *theirs;
	int64_t got = 0;

	if (argc != 4)
		return fprintf(stderr, "usage: file_client URL NAME INTO\n"), 2;
	PIER_AUTO *c = pier_dial(argv[1], .idle = PIER_S(30)); /* create_connection(…, 30) */
	pier_printf(c, "%s\n", argv[2]);		       /* s.sendall(name + b"\n") */
	pier_gets(c, head, sizeof head); /* size, md5 = f.readline().split() */
	if (pier_perror(c))
		return 1;
	int64_t size = strtoll(head, &theirs, 10); /* theirs: the blank and the MD5 behind */
	if (size < 0 || theirs == head || *theirs++ != ' ')
		return fprintf(stderr, "%s: %s\n", argv[2], head[0] ? head : "no answer"), 1;

	FILE *file = fopen(argv[3], "wb"); /* open(into, "wb") */
	if (!file)
		return perror(argv[3]), 1;
	/* while got < size and (data := f.read1(…)): into.write(data); md5.update(data) */
	for (pier_bytes b; got < size && (b = pier_next(c)).p; got += (int64_t)b.len) {
		if (fwrite(b.p, 1, b.len, file) < b.len)
			break;
		pier_digest_add(md5, b.p, b.len);
		fprintf(stderr, "\r%3.0f%%", 100.0 * (double)(got + (int64_t)b.len) / (double)size);
	}
	if (fclose(file) || got != size || !pier_digest_is(md5, theirs)) { /* md5.hexdigest() */
		remove(argv[3]);
		return fprintf(stderr, "\n%s: not what was promised: %s\n", argv[2],
			       pier_strerror(pier_err(c) ?: PIER_EDIGEST)),
		       1;
	}
	fprintf(stderr, "\n");
	printf("%s  %" PRId64 " bytes  %s\n", argv[2], size, theirs);
	return 0;
}
