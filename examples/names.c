/* All that names can be asked. Each look-up ends after five seconds, which in Python none does.
 *	names HOST SERVICE */
#include <pier.h>

static int tell_host(const char *name)
{
	pier_host host;
	pier_name back;

	int err = pier_host_of(pier_text(name), &host); /* gethostbyname_ex(name), gethostbyaddr */
	if (err < 0)
		return err;
	printf("%s is %s\n", name, host.name);
	for (unsigned i = 0; i < host.aliases; i++)
		printf("  alias %s\n", host.alias[i]);
	PIER_EACH (a, &host.addrs) {
		bool named = pier_nameinfo(a, NI_NAMEREQD, &back) == 0; /* getnameinfo(a, …) */
		printf(named ? "  %s, which is %s\n" : "  %s\n", PIER_HOST_STR(a), back.host);
	}
	if (pier_fqdn(pier_text(name), back.host, sizeof back.host) == 0) /* getfqdn(name) */
		printf("  in full %s\n", back.host);
	return 0;
}

static int tell_ways(const char *host, const char *service)
{
	pier_hints stream = {.type = SOCK_STREAM};
	pier_infos ways = {0};

	/* getaddrinfo(host, service, type=SOCK_STREAM) */
	int err = pier_addrinfo(pier_text(host), pier_text(service), &stream, &ways);
	PIER_EACH (way, &ways)
		printf("%s %s %s %s\n", PIER_WORD_STR(PIER_FAMILIES, way->family),
		       PIER_WORD_STR(PIER_TYPES, way->type),
		       PIER_WORD_STR(PIER_PROTOCOLS, way->protocol), PIER_ADDR_STR(&way->addr));
	return err;
}

int main(int argc, char **argv)
{
	char me[PIER_NAME_MAX] = "";
	pier_service service;
	pier_protocol tcp;
	int err = -ETIMEDOUT;

	if (argc != 3)
		return fprintf(stderr, "usage: names HOST SERVICE\n"), 2;
	pier_hostname(me, sizeof me); /* gethostname() */
	printf("I am %s\n", me);
	if (pier_service_named(argv[2], "tcp", &service) == 0) /* getservbyname(name, "tcp") */
		printf("%s is port %u\n", argv[2], service.port);
	if (pier_service_at(443, "tcp", &service) == 0) /* getservbyport(443, "tcp") */
		printf("port 443 is %s\n", service.name);
	if (pier_protocol_named("tcp", &tcp) == 0) /* getprotobyname("tcp") */
		printf("tcp is protocol %d\n", tcp.number);
	PIER_WITHIN (PIER_S(5))
		err = tell_host(argv[1]) ?: tell_ways(argv[1], argv[2]);
	if (err < 0)
		fprintf(stderr, "%s: %s\n", argv[1], pier_strerror(err));
	return err < 0;
}
