/* A web server under TLS: tells who asks how they are connected, and sends back what they bring.
 *	https URL SITE.pem [OTHER.pem [CLIENT_CA.pem]]		curl --cacert ca.pem -d hello https://localhost:8443/
 *
 * Each PEM holds a certificate and its key. OTHER is shown to who asks for its names; clients may show certificates
 * of CLIENT_CA. The files are read again every second: replace them, and nobody notices.
 * Python: http.server.HTTPServer, its socket through ssl.SSLContext.wrap_socket. */
#include <pier.h>

static void answer(pier_http *h, pier_conn *c)
{
	char part[16384];
	ssize_t got;

	pier_http_start(h, 200, NULL, "text/plain; charset=utf-8", -1);
	pier_http_send(h, pier_tls_words(c), strlen(pier_tls_words(c)));
	pier_http_send(h, "\n", 1);
	while ((got = pier_http_read(h, part, sizeof part)) > 0)
		pier_http_send(h, part, (size_t)got);
	if (got == 0)
		pier_http_end(h);
}

static void serve(pier_conn *c, void *arg)
{
	pier_http *h = pier_http_new(c);
	pier_http_head request;

	(void)arg;
	while (pier_http_next(h, &request) > 0) {
		if (request.expects_continue)
			pier_http_inform(h, 100, NULL);
		answer(h, c);
	}
	pier_http_free(h);
}

static void read_again(void *tls)
{
	if (pier_tls_reload(tls) < 0)
		fprintf(stderr, "%s\n", pier_tls_why(tls));
}

static void ready(const char *where, void *tls)
{
	(void)tls;
	printf("listening on %s\n", where);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	pier_tls_cert others[] = {{.cert = argc > 3 ? argv[3] : NULL}, {0}};
	PIER_AUTO_TLS *tls = pier_tls_new(.cert = argv[2], .certs = others,
					  .client_ca = argc > 4 ? argv[4] : NULL,
					  .client_optional = true, .alpn = "http/1.1");
	setlinebuf(stdout);
	return pier_serve(argv[1], serve, .tls = tls, .arg = tls, .idle = PIER_S(60),
			  .on_listen = ready, .tick = PIER_S(1), .on_tick = read_again) != 0;
}
