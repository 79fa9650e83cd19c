/* Saves a page:	fetch http://example.org/ page.html
 *
 * The same in Python:
 *	with urllib.request.urlopen(url, timeout=30) as r, open(path, "wb") as f: shutil.copyfileobj(r, f) */
#include <pier.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads the body to its end, into the file. */
static int save(pier_http *h, FILE *file)
{
	char part[16384];
	ssize_t got;

	while ((got = pier_http_read(h, part, sizeof part)) > 0) /* while part := r.read(16384): */
		if (fwrite(part, 1, (size_t)got, file) < (size_t)got) /* f.write(part) */
			return -EIO;
	return (int)got;
}

/* One request over a conn, and its answer. */
static int ask(pier_http *h, const pier_http_url *url, const char *host, const char *path)
{
	pier_http_head answer;

	pier_http_ask(h, "GET", url->target, host, "User-Agent: fetch\r\n",
		      -1);				    /* h.request("GET", target) */
	int err = pier_http_answer(h, &answer, NULL, NULL); /* r = h.getresponse() */
	if (err < 0)
		return err;
	if (answer.status != 200) {
		fprintf(stderr, "fetch: the server says %d %s\n", answer.status,
			pier_http_reason(answer.status));
		return -PIER_EHTTP;
	}

	FILE *file = fopen(path, "wb"); /* f = open(path, "wb") */
	if (!file)
		return -errno;
	err = save(h, file);
	return fclose(file) == 0 ? err : -EIO;
}

static int fetch(const char *text, const char *path)
{
	pier_http_url url;
	char host[300], where[320];

	if (pier_http_url_parse(text, &url) < 0 || url.tls ||
	    url.host.len > 253) /* urlsplit(text) */
		return -PIER_EURL;
	bool six = memchr(url.host.p, ':', url.host.len) != NULL;
	snprintf(host, sizeof host, six ? "[%.*s]:%u" : "%.*s:%u", (int)url.host.len, url.host.p,
		 url.port);
	snprintf(where, sizeof where, "tcp://%s", host);

	PIER_AUTO *c =
		pier_dial(where, .idle = PIER_S(30)); /* h = HTTPConnection(host, timeout=30) */
	pier_http *h = pier_http_new(c);
	int err = ask(h, &url, host, path);
	if (pier_err(c))
		fprintf(stderr, "fetch: %s\n", pier_why(c));
	pier_http_free(h);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: fetch http://HOST[:PORT]/PATH FILE\n");
		return 2;
	}
	int err = fetch(argv[1], argv[2]);
	if (err < 0)
		fprintf(stderr, "fetch: %s: %s\n", argv[1], pier_strerror(err));
	return err < 0;
}
