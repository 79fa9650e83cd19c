/* Sends back whatever arrives, under TLS. A client's certificate is asked for if CLIENT_CA is given.
 *	tls_echo URL CERT.pem KEY.pem [CLIENT_CA.pem]		openssl s_client -connect localhost:7443
 *
 * Behind each ">>>" is the same step in Python. */
#include <pier.h>

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", pier_peer(c), pier_tls_words(c));
	for (pier_bytes b; (b = pier_next(c)).p;) /* >>> while data := s.recv(65536): */
		pier_send(c, b.p, b.len);	  /* >>>     s.sendall(data) */
	if (pier_err(c))
		fprintf(stderr, "%s\n", pier_why(c));
}

static void tell(pier_conn *c, int err, void *arg)
{
	(void)err;
	(void)arg;
	fprintf(stderr, "%s\n", pier_why(c));
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	/* >>> context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) */
	/* >>> context.load_cert_chain(cert, key) */
	PIER_AUTO_TLS *tls =
		pier_tls_new(.cert = argv[2], .key = argv[3], .client_ca = argv[4], .alpn = "echo");
	/* >>> s = context.wrap_socket(listener.accept()[0], server_side=True) */
	return pier_serve(argv[1], echo, .tls = tls, .on_error = tell) != 0;
}
