/* Downloads a file by TFTP (RFC 1350), in blocks of 1428 bytes where the server agrees (RFC 2348).
 *	tftp_get ADDRESS:PORT NAME INTO */
#include <pier.h>
#include <stdlib.h>

#define BLOCK 1428 /* fills an Ethernet frame */

static const int RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6;

static pier_sock s = PIER_SOCK;
static pier_addr server;
static size_t full;    /* bytes of a whole block; 0 until the server has answered */
static uint16_t block; /* the last one that we have; after 65535 comes 0 */
static char in[4 + BLOCK + 1];
static pier_bytes packet, data; /* of `in` */

/* The op, of the next block, or at first of the options that the server took; 0 for what is old, or from strangers. */
static int fits(pier_bytes answer, const pier_addr *from, void *arg)
{
	uint16_t op, number, next = (uint16_t)(block + 1);
	(void)arg;

	if (!full && strcmp(PIER_HOST_STR(from), PIER_HOST_STR(&server)) == 0)
		server = *from; /* it answers from a port of its own: RFC 1350 §4 */
	/* op, number = struct.unpack("!HH", data[:4]) */
	if (pier_unpack(answer, "!HH*", &op, &number, &data) < 0 || !pier_addr_eq(from, &server))
		return 0;
	packet = answer;
	return op == ERROR || (op == OACK && !full) || (op == DATA && number == next) ? op : 0;
}

static pier_ask question = {.to = &server, .into = in, .room = sizeof in - 1, .fits = fits};

/* Says it until there is an answer, five times, once a second: s.sendto(…), s.settimeout(1), s.recvfrom(…) in a loop. */
static int ask(const void *what, size_t len)
{
	question.say = pier_bytes_of(what, len);
	return pier_sock_ask(&s, &question);
}

/* The op at which it ended, DATA when all is there; or an error. */
static int download(const char *name, FILE *file)
{
	char ack[4], want[300];
	const char *option, *size;

	ssize_t len = pier_pack(want, sizeof want, "!Hzzzz", RRQ, name, "octet", "blksize", "1428");
	int op = len < 0 ? (int)len : ask(want, (size_t)len);
	full = 512;
	if (op == OACK) { /* RFC 2347 */
		if (pier_unpack(packet, "!2xzz", &option, &size) > 0 &&
		    strcasecmp(option, "blksize") == 0)
			full = strtoul(size, NULL, 10);
		pier_pack(ack, sizeof ack, "!HH", ACK, 0); /* struct.pack("!HH", ACK, 0) */
		op = full < 8 || full > BLOCK ? -EPROTONOSUPPORT : ask(ack, sizeof ack);
	}
	while (op == DATA) {
		fwrite(data.p, 1, data.len, file); /* file.write(data[4:]) */
		pier_pack(ack, sizeof ack, "!HH", ACK, ++block);
		if (data.len < full) /* a short block ends the file: RFC 1350 §6 */
			return pier_sock_sendto(&s, ack, sizeof ack, 0, &server) < 0 ? -EIO : DATA;
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
	int op = download(argv[2], file), unwritten = ferror(file);
	pier_sock_close(&s);
	if (fclose(file) == 0 && !unwritten && op == DATA)
		return 0;
	remove(argv[3]);
	const char *why = op < 0 ? pier_strerror(op) : op == ERROR ? data.p : "not saved";
	return fprintf(stderr, "%s: %s\n", argv[2], why), 1;
}
