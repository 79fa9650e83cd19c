/* Saves a page:	fetch https://example.org/ page.html
 *
 * Behind each ">>>" is the same step in Python, with http.client. */
#include <pier.h>
#include <string.h>

/* Reads the body to its end, into a file. */
static int save(pier_http *h, const char *path)
{
	char part[16384];
	ssize_t got;

	/* >>> with open(path, "wb") as f: */
	FILE *file = fopen(path, "wb");
	if (!file)
		return -errno;
	/* >>>     while part := r.read(16384): f.write(part) */
	while ((got = pier_http_read(h, part, sizeof part)) > 0)
		if (fwrite(part, 1, (size_t)got, file) < (size_t)got)
			break;
	return fclose(file) || got > 0 ? -EIO : (int)got;
}

/* One question, one answer. */
static int ask(pier_http *h, pier_bytes target, const char *host, const char *path)
{
	pier_http_head answer;

	/* >>> h.request("GET", target) */
	pier_http_ask(h, "GET", target, host, "User-Agent: fetch\r\n", -1);
	/* >>> r = h.getresponse() */
	int err = pier_http_answer(h, &answer, NULL, NULL);
	if (err < 0)
		return err;
	/* >>> print(r.status, r.reason) */
	printf("%d %s\n", answer.status, pier_http_reason(answer.status));
	return answer.status == 200 ? save(h, path) : -PIER_EHTTP;
}

/* "host:port", or "[host]:port" for an IPv6 address, which has colons of its own. */
static void name_host(const pier_http_url *url, char *into, size_t room)
{
	bool six = memchr(url->host.p, ':', url->host.len) != NULL;
	const char *format = six ? "[%.*s]:%u" : "%.*s:%u";

	snprintf(into, room, format, (int)url->host.len, url->host.p, url->port);
}

static int fetch(const char *text, const char *path)
{
	pier_http_url url;
	char host[300], where[320];

	/* >>> url = urlsplit(text) */
	int err = pier_http_url_parse(text, &url);
	if (err < 0 || url.host.len > 253) {
		fprintf(stderr, "fetch: %s is no http:// or https:// address\n", text);
		return 2;
	}
	name_host(&url, host, sizeof host);
	snprintf(where, sizeof where, "%s://%s", url.tls ? "tls" : "tcp", host);

	/* >>> h = HTTPSConnection(url.netloc, timeout=30) */
	PIER_AUTO *c = pier_dial(where, .timeout = PIER_S(10), .idle = PIER_S(30));
	pier_http *h = pier_http_new(c);
	err = ask(h, url.target, host, path);
	pier_http_free(h);
	if (err < 0)
		fprintf(stderr, "fetch: %s\n", pier_err(c) ? pier_why(c) : pier_strerror(err));
	return err < 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: fetch http[s]://HOST/PATH FILE\n");
		return 2;
	}
	return fetch(argv[1], argv[2]);
}
