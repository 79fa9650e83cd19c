/* A web server that says back what it was asked: the head as it understood it, then the body.
 *	mirror [URL]		curl -d hello http://localhost:8080/a?b
 *
 * http.server.BaseHTTPRequestHandler, whose do_GET, do_PUT … are one function here. */
#include <pier.h>

/* for name, value in self.headers.items(): self.wfile.write(…) */
static void mirror_head(pier_http *h, const pier_http_head *request)
{
	char line[512];

	for (unsigned i = 0; i < request->field_count; i++) {
		pier_bytes name = request->fields[i].name, value = request->fields[i].value;
		int len = snprintf(line, sizeof line, "%.*s: %.*s\n", (int)name.len, name.p,
				   (int)value.len, value.p);
		pier_http_send(h, line, len < (int)sizeof line ? (size_t)len : sizeof line - 1);
	}
}

/* The head is good only until the body is read, so it goes first. The body may be longer than memory: it
 * passes through. A client that waits to be asked for it (curl -T) is asked by an interim answer. */
static void mirror(pier_http *h, const pier_http_head *request)
{
	char part[16384];
	ssize_t got;

	if (request->expects_continue)
		pier_http_inform(h, 100, NULL); /* self.send_response_only(100) */
	pier_http_start(h, 200, NULL, "text/plain; charset=utf-8", -1);
	mirror_head(h, request);
	while ((got = pier_http_read(h, part, sizeof part)) > 0) /* self.rfile.read(16384) */
		pier_http_send(h, part, (size_t)got);
	if (got == 0)
		pier_http_end(h); /* else the client sees that the answer is not whole */
}

static void serve(pier_conn *c, void *arg)
{
	pier_http *h = pier_http_new(c);
	pier_http_head request;

	(void)arg;
	while (pier_http_next(h, &request) > 0)
		mirror(h, &request);
	pier_http_free(h);
}

static void ready(const char *where, void *arg)
{
	(void)arg;
	printf("listening on %s\n", where);
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	return pier_serve(argc > 1 ? argv[1] : "tcp://:8080", serve, .idle = PIER_S(60),
			  .on_listen = ready) != 0;
}
