/* Downloads a file by TFTP (RFC 1350), in blocks of 1428 bytes where the server agrees (RFC 2348).
 *	tftp_get ADDRESS:PORT NAME INTO */
#include <pier.h>
#include <stdlib.h>

#define BLOCK 1428 /* fills an Ethernet frame */
#define TRIES 5

static const int RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6;

static pier_sock s = PIER_SOCK;
static pier_addr server;
static size_t full;    /* bytes of a whole block; 0 until the server has answered */
static uint16_t block; /* the last one that we have; after 65535 comes 0 */
static char in[4 + BLOCK];
static pier_bytes packet, data; /* of `in` */

/* The next block, or at first the options that the server took. What is old, or from strangers, is passed over. */
static int hear(void)
{
	uint16_t op, number;
	pier_addr from;

	/* packet, sender = s.recvfrom(4 + BLOCK) */
	for (ssize_t n; (n = pier_sock_recvfrom(&s, in, sizeof in, 0, &from)) >= 0;) {
		if (!full && strcmp(PIER_HOST_STR(&from), PIER_HOST_STR(&server)) == 0)
			server = from; /* it answers from a port of its own: RFC 1350 §4 */
		packet = pier_bytes_of(in, (size_t)n);
		/* op, number = struct.unpack("!HH", packet[:4]) */
		if (pier_unpack(packet, "!HH*", &op, &number, &data) < 0 ||
		    !pier_addr_eq(&from, &server))
			continue;
		uint16_t next = (uint16_t)(block + 1);
		if (op == ERROR || (op == OACK && !full) || (op == DATA && number == next))
			return op;
	}
	return 0;
}

/* Says it until there is an answer, once a second. */
static int ask(const void *what, size_t len)
{
	int op = 0;

	for (int i = 0; i < TRIES && !op; i++) {
		pier_sock_sendto(&s, what, len, 0, &server); /* s.sendto(what, server) */
		PIER_WITHIN (PIER_S(1))			     /* s.settimeout(1) */
			op = hear();
	}
	return op;
}

/* The op at which it ended: DATA when all is there. */
static int download(const char *name, FILE *file)
{
	char ack[4], want[300];
	const char *option, *size;

	ssize_t len = pier_pack(want, sizeof want, "!Hzzzz", RRQ, name, "octet", "blksize", "1428");
	int op = len < 0 ? 0 : ask(want, (size_t)len);
	full = 512;
	if (op == OACK) { /* RFC 2347 */
		if (pier_unpack(packet, "!Hzz", NULL, &option, &size) > 0 &&
		    strcasecmp(option, "blksize") == 0)
			full = strtoul(size, NULL, 10);
		pier_pack(ack, sizeof ack, "!HH", ACK, 0); /* struct.pack("!HH", ACK, 0) */
		op = full < 8 || full > BLOCK ? OACK : ask(ack, sizeof ack);
	}
	while (op == DATA) {
		fwrite(data.p, 1, data.len, file); /* file.write(data[4:]) */
		pier_pack(ack, sizeof ack, "!HH", ACK, ++block);
		if (data.len < full) /* a short block ends the file: RFC 1350 §6 */
			return pier_sock_sendto(&s, ack, sizeof ack, 0, &server) < 0 ? 0 : DATA;
		op = ask(ack, sizeof ack);
	}
	return op;
}

int main(int argc, char **argv)
{
	server = pier_addr_of(argc == 4 ? argv[1] : "");
	if (!server.len)
		return fprintf(stderr, "usage: tftp_get ADDRESS:PORT NAME INTO\n"), 2;
	FILE *file = fopen(argv[3], "wb"); /* open(into, "wb") */
	if (!file)
		return perror(argv[3]), 1;

	s = pier_sock_open(server.sa.sa_family, SOCK_DGRAM, 0); /* socket(…, SOCK_DGRAM) */
	int op = download(argv[2], file);
	pier_sock_close(&s);
	if (op == DATA && !ferror(file) && fclose(file) == 0)
		return 0;
	remove(argv[3]);
	if (op == ERROR)
		fprintf(stderr, "%s: %.*s\n", argv[2], (int)data.len, data.p);
	else
		fprintf(stderr, "%s: %s\n", argv[2], pier_strerror(pier_sock_err(&s) ?: -EPROTO));
	return 1;
}
