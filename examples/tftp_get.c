/* Downloads a file by TFTP (RFC 1350), in blocks of 1428 bytes where the server agrees (RFC 2348).
 *	tftp_get ADDRESS:PORT NAME INTO */
#include <pier.h>
#include <stdlib.h>

#define BLOCK 1428 /* fills an Ethernet frame */
#define TRIES 5

enum {
	RRQ = 1,
	DATA = 3,
	ACK,
	ERROR,
	OACK
};

struct download {
	pier_sock s;
	pier_addr server;
	bool met;	/* it answers from a port of its own: RFC 1350 §4 */
	uint32_t block; /* the last one that we have, counted on past 65535 */
	char in[4 + BLOCK + 1];
};

static uint16_t word(const char *at) /* struct.unpack("!H", at) */
{
	return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

/* The next block, or at first the options that the server took. What is old, or from strangers, is passed over. */
static ssize_t hear(struct download *d)
{
	for (pier_addr from;;) {
		ssize_t n = pier_sock_recvfrom(&d->s, d->in, sizeof d->in - 1, 0, &from);
		if (n < 0)
			return n;
		if (!d->met)
			pier_addr_set_port(&d->server, pier_addr_port(&from));
		if (n < 4 || !pier_addr_eq(&from, &d->server))
			continue;
		d->met = true;
		d->in[n] = 0;
		if (word(d->in) == ERROR)
			return -EPROTO; /* its words are d->in + 4 */
		if (word(d->in) == DATA && word(d->in + 2) == (uint16_t)(d->block + 1))
			return n;
		if (word(d->in) == OACK && d->block == 0)
			return n;
	}
}

/* Says it until there is an answer, once a second. */
static ssize_t ask(struct download *d, const void *what, size_t len)
{
	ssize_t n = -ETIMEDOUT;

	for (int i = 0; i < TRIES && n == -ETIMEDOUT; i++)
		PIER_WITHIN (PIER_S(1)) { /* s.settimeout(1) */
			/* s.sendto(what, a) */
			n = pier_sock_sendto(&d->s, what, len, 0, &d->server);
			n = n < 0 ? n : hear(d); /* data, a = s.recvfrom(1433) */
		}
	return n;
}

static ssize_t download(struct download *d, const char *name, FILE *file)
{
	char ack[4] = {0, ACK}, want[300];
	size_t full = 512;

	/* b"\0\1" + name + b"\0octet\0blksize\0" + b"1428\0" */
	int len = snprintf(want, sizeof want, "%c%c%s%coctet%cblksize%c%d", 0, RRQ, name, 0, 0, 0,
			   BLOCK);
	if (len >= (int)sizeof want)
		return -ENAMETOOLONG;
	ssize_t n = ask(d, want, (size_t)len + 1);
	if (n > 0 && word(d->in) == OACK) { /* "blksize", its NUL, and the size: RFC 2347 */
		full = strcasecmp(d->in + 2, "blksize") ? 512 : strtoul(d->in + 10, NULL, 10);
		n = full < 8 || full > BLOCK ? -EPROTONOSUPPORT : ask(d, ack, sizeof ack);
	}
	while (n > 0) {
		size_t got = (size_t)n - 4;
		fwrite(d->in + 4, 1, got, file); /* f.write(data[4:]) */
		d->block++;
		memcpy(ack + 2, d->in + 2, 2); /* struct.pack("!HH", 4, block) */
		if (got < full)		       /* a short block ends the file: RFC 1350 §6 */
			return pier_sock_sendto(&d->s, ack, sizeof ack, 0, &d->server);
		n = ask(d, ack, sizeof ack);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct download d = {.s = PIER_SOCK};

	if (argc != 4 || pier_addr_parse(pier_text(argv[1]), 69, &d.server) < 0)
		return fprintf(stderr, "usage: tftp_get ADDRESS:PORT NAME INTO\n"), 2;
	FILE *file = fopen(argv[3], "wb"); /* open(into, "wb") */
	if (!file)
		return perror(argv[3]), 1;

	/* socket(…, SOCK_DGRAM) */
	ssize_t n = pier_socket(d.server.sa.sa_family, SOCK_DGRAM, 0, &d.s);
	if (n == 0)
		n = download(&d, argv[2], file);
	if (ferror(file) || fclose(file))
		n = n < 0 ? n : -EIO;
	if (n < 0) {
		remove(argv[3]);
		fprintf(stderr, "%s: %s\n", argv[2],
			n == -EPROTO ? d.in + 4 : pier_strerror((int)n));
	}
	pier_sock_close(&d.s);
	return n < 0;
}
