/* All that names can be asked. Each look-up ends after five seconds, which in Python none does.
 *	names HOST SERVICE */
#include <netdb.h>
#include <pier.h>

static char text[PIER_ADDR_TEXT];

static int tell_host(const char *name)
{
	pier_host host;
	pier_name back;
	char full[PIER_NAME_MAX];

	/* gethostbyname_ex(name), gethostbyaddr(name) */
	int err = pier_host_of(pier_text(name), &host);
	if (err < 0)
		return err;
	printf("%s is %s\n", name, host.name);
	for (unsigned i = 0; i < host.aliases; i++)
		printf("  alias %s\n", host.alias[i]);
	for (unsigned i = 0; i < host.addrs.count; i++) {
		printf("  %s", pier_addr_host(&host.addrs.at[i], text, sizeof text));
		/* getnameinfo(a, NI_NAMEREQD) */
		if (pier_nameinfo(&host.addrs.at[i], NI_NAMEREQD, &back) == 0)
			printf(", which is %s", back.host);
		putchar('\n');
	}
	if (pier_fqdn(pier_text(name), full, sizeof full) == 0) /* getfqdn(name) */
		printf("  in full %s\n", full);
	return 0;
}

static int tell_ways(const char *host, const char *service)
{
	pier_infos ways;
	char family[PIER_WORD], type[PIER_WORD], over[PIER_WORD];

	/* getaddrinfo(host, service, type=SOCK_STREAM) */
	int err = pier_addrinfo(pier_text(host), pier_text(service),
				&(pier_hints){.type = SOCK_STREAM}, &ways);
	for (unsigned i = 0; err == 0 && i < ways.count; i++)
		printf("%s %s %s %s\n", pier_word(PIER_FAMILIES, ways.at[i].family, family),
		       pier_word(PIER_TYPES, ways.at[i].type, type),
		       pier_word(PIER_PROTOCOLS, ways.at[i].protocol, over),
		       pier_addr_format(&ways.at[i].addr, text, sizeof text));
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
	PIER_WITHIN (PIER_S(5)) {
		err = tell_host(argv[1]);
		if (err == 0)
			err = tell_ways(argv[1], argv[2]);
	}
	if (err < 0)
		fprintf(stderr, "%s: %s\n", argv[1], pier_strerror(err));
	return err < 0;
}
