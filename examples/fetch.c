/* Saves a page.
 *	fetch http://example.org/ page.html */
#include <pier.h>

/* Reads the body to its end, into a file. */
static int save(pier_http *h, const char *path)
{
	char part[16384];
	ssize_t got;

	FILE *file = fopen(path, "wb"); /* with open(path, "wb") as f: */
	if (!file)
		return -errno;
	while ((got = pier_http_read(h, part, sizeof part)) > 0) /* while part := r.read(16384): */
		if (fwrite(part, 1, (size_t)got, file) < (size_t)got) /*  f.write(part) */
			break;
	return fclose(file) || got > 0 ? -EIO : (int)got;
}

int main(int argc, char **argv)
{
	pier_http_head answer;

	if (argc != 3)
		return fprintf(stderr, "usage: fetch http://HOST/PATH FILE\n"), 2;
	/* h = http.client.HTTPConnection(url.netloc, timeout=30); h.request("GET", target) */
	PIER_AUTO_HTTP *h = pier_http_open(argv[1], .timeout = PIER_S(10), .idle = PIER_S(30));
	int err = pier_http_answer(h, &answer, NULL, NULL); /* r = h.getresponse() */
	if (err == 1) {
		/* print(r.status, r.reason) */
		printf("%d %s\n", answer.status, pier_http_reason(answer.status));
		err = answer.status == 200 ? save(h, argv[2]) : -PIER_EHTTP;
	}
	pier_conn *c = pier_http_conn(h);
	if (err < 0)
		fprintf(stderr, "fetch: %s: %s\n", argv[1],
			pier_err(c) ? pier_why(c) : pier_strerror(err));
	return err < 0;
}
