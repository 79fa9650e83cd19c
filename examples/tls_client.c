/* Says each line of its input to a server under TLS, and prints what comes back.
 *	tls_client tls://localhost:7443 [CA.pem [CERT_AND_KEY.pem]]
 *
 * Behind each ">>>" is the same step in Python. */
#include <pier.h>

int main(int argc, char **argv)
{
	char line[1000];
	if (argc < 2)
		return 2;
	/* >>> context = ssl.create_default_context(cafile=ca) */
	PIER_AUTO_TLS *tls =
		pier_tls_new(.ca = argc > 2 ? argv[2] : NULL, .cert = argc > 3 ? argv[3] : NULL);
	/* >>> s = context.wrap_socket(socket.create_connection((host, port)), server_hostname=host) */
	PIER_AUTO *c = pier_dial(argv[1], .tls = tls, .timeout = PIER_S(10));
	fprintf(stderr, "%s\n", pier_tls_words(c)); /* >>> print(s.version(), s.cipher()) */
	while (pier_err(c) == 0 && fgets(line, sizeof line, stdin)) {
		pier_printf(c, "%s", line);		 /* >>> s.sendall(line) */
		if (pier_gets(c, line, sizeof line) > 0) /* >>> line = s.makefile().readline() */
			puts(line);
	}
	fprintf(stderr, "%s\n", pier_why(c));
	return pier_err(c) < 0;
}
