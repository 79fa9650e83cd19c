/* A conn is read as a file is: looked at, put back, read to the byte. */
#include <pier.h>

/* A parser of your own: what comes up to ';', however it arrives. */
static int clause(pier_conn *c, char *into, size_t room)
{
	for (;;) {
		pier_bytes seen = pier_view(c);
		const char *end = memchr(seen.p, ';', seen.len);
		if (end)
			snprintf(into, room, "%.*s", (int)(end - seen.p), seen.p);
		if (end)
			return pier_spend(c, (size_t)(end - seen.p) + 1), 0;
		ssize_t n = pier_fill(c); /* the only wait */
		if (n <= 0)
			return n == 0 ? -ENODATA : (int)n;
	}
}

int main(void)
{
	pier_conn *end[2] = {0};
	char text[32] = "";

	pier_pair(end); /* a, b = socket.socketpair(); f = b.makefile("rb") */
	PIER_AUTO *a = end[0], *b = end[1];

	printf("input: %d\n", pier_poll(b, PIER_MS(10))); /* select([b], [], [], 0.01) */
	pier_printf(a, "as it comes");
	ssize_t n = pier_recv(b, text, sizeof text); /* b.recv_into(text) */
	printf("some: %.*s\n", (int)n, text);
	pier_printf(a, "name\n%s%s", "12345678", "one;two;");
	printf("input: %d\n", pier_poll(b, PIER_MS(10)));
	pier_bytes ahead = pier_peek(b, 2); /* f.peek(2) */
	printf("ahead: %.2s\n", ahead.p);
	pier_gets(b, text, sizeof text); /* f.readline() */
	printf("line: %s\n", text);
	memset(text, 0, sizeof text);
	pier_recv_all(b, text, 8); /* f.read(8) */
	printf("eight: %s\n", text);
	pier_unread(b, "zero;", 5); /* what a BytesIO in between would do */
	while (clause(b, text, sizeof text) == 0) {
		printf("clause: %s\n", text);
		if (strcmp(text, "one") == 0)
			pier_finish(a); /* a.shutdown(SHUT_WR) */
	}
	return pier_err(b) != 0;
}
