/* load MODE --port N [--conns N] [--size BYTES] [--depth N] [--seconds S] [--warm S] [--most N] [--pid N]… [--hold]
 *	     [--tls [--resume]]
 *	echo: conns × depth messages of size, under way at once		churn: connect, echo, close
 *	stream: what the server sends without end			fanout: one speaks, conns listen
 *	udp: conns peers × depth datagrams				idle: one echo each, then silence
 *	flood: the same, and the kernel cuts what leaves together (UDP_SEGMENT)
 *	lines: as echo, and each message is a line */
#include "load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct mode {
	const char *name;
	void (*run)(const struct plan *p);
} modes[] = {
	{"echo", load_echo},   {"idle", load_echo},	{"churn", load_churn},
	{"udp", load_udp},     {"fanout", load_fanout}, {"stream", load_stream},
	{"flood", load_flood}, {"lines", load_echo},
};

_Noreturn void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void ready(const struct plan *p)
{
	char line[64];
	if (!p->hold)
		return;
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		return;
}

static double number(const char *name, const char *text, double least, double most)
{
	char *end;
	double n = strtod(text, &end);
	if (*end || end == text || !(n >= least && n <= most))
		die("--%s takes a number from %g to %g, not %s", name, least, most, text);
	return n;
}

static struct plan read_plan(int argc, char **argv)
{
	static const struct option names[] = {
		{"port", 1, 0, 'p'},  {"conns", 1, 0, 'c'},   {"size", 1, 0, 's'},
		{"depth", 1, 0, 'd'}, {"seconds", 1, 0, 't'}, {"warm", 1, 0, 'w'},
		{"most", 1, 0, 'm'},  {"pid", 1, 0, 'i'},     {"hold", 0, 0, 'h'},
		{"tls", 0, 0, 'x'},   {"resume", 0, 0, 'r'},  {0}};
	struct plan p = {.to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
			 .conns = 1,
			 .size = 64,
			 .depth = 1,
			 .warm = 200000000,
			 .lasting = 1000000000,
			 .most = UINT64_MAX};
	int c, which;
	while ((c = getopt_long(argc, argv, "", names, &which)) >= 0) {
		const char *name = c == '?' ? "" : names[which].name;
		switch (c) {
		case 'p':
			p.to.sin_port = htons((uint16_t)number(name, optarg, 1, 65535));
			break;
		case 'c':
			p.conns = (unsigned)number(name, optarg, 1, 19000);
			break;
		case 's':
			p.size = (unsigned)number(name, optarg, 1, SIZE_LARGEST);
			break;
		case 'd':
			p.depth = (unsigned)number(name, optarg, 1, DEPTH_LARGEST);
			break;
		case 't':
			p.lasting = (int64_t)(number(name, optarg, 0, 60) * 1e9);
			break;
		case 'w':
			p.warm = (int64_t)(number(name, optarg, 0, 10) * 1e9);
			break;
		case 'm':
			p.most = (uint64_t)number(name, optarg, 1, 1e12);
			break;
		case 'i':
			if (p.server_count == SERVERS_MOST)
				die("at most %d --pid", SERVERS_MOST);
			p.servers[p.server_count++] = (int)number(name, optarg, 1, 1 << 22);
			break;
		case 'h':
			p.hold = true;
			break;
		case 'x':
			p.tls = true;
			break;
		case 'r':
			p.resume = true;
			break;
		default:
			exit(2);
		}
	}
	if (!p.to.sin_port)
		die("--port is missing: where does the server listen?");
	if ((size_t)p.size * p.depth > READ_SIZE)
		die("size × depth is more than %d bytes", READ_SIZE);
	return p;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		die("which load? echo, lines, churn, stream, fanout, udp, flood or idle");
	struct plan p = read_plan(argc - 1, argv + 1);
	if (p.tls)
		tls_open(p.resume);
	pattern_init(strcmp(argv[1], "lines") == 0 ? p.size : 0);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			if (modes[i].run == load_echo && argv[1][0] == 'i')
				p.warm = p.lasting = 0;
			modes[i].run(&p);
			return 0;
		}
	}
	die("no load is called %s; there are echo, lines, churn, stream, fanout, udp, flood and "
	    "idle",
	    argv[1]);
}
