/* A conn is read as a file is: looked at, put back, read to the byte. */
#include <pier.h>

/* A parser of your own: what comes up to ';', however it arrives. */
static bool clause(pier_conn *c, char *into, size_t room)
{
	do {
		pier_bytes seen = pier_view(c);
		const char *end = memchr(seen.p, ';', seen.len);
		if (end) {
			snprintf(into, room, "%.*s", (int)(end - seen.p), seen.p);
			pier_spend(c, (size_t)(end - seen.p) + 1);
			return true;
		}
	} while (pier_fill(c) > 0); /* the only wait */
	return false;
}

int main(void)
{
	PIER_AUTO *b = NULL, *a = pier_pair_open(&b); /* a, b = socket.socketpair() */
	char text[32] = "";

	printf("input: %d\n", pier_poll(b, PIER_MS(10))); /* select([b], [], [], 0.01) */
	pier_printf(a, "as it comes");
	printf("some: %.*s\n", (int)pier_recv(b, text, sizeof text), text); /* b.recv_into(text) */
	pier_printf(a, "name\n%s%s", "12345678", "one;two;"); /* f = b.makefile("rb") */
	printf("input: %d\n", pier_poll(b, PIER_MS(10)));
	printf("ahead: %.2s\n", pier_peek(b, 2).p); /* f.peek(2) */
	pier_gets(b, text, sizeof text);	    /* f.readline() */
	printf("line: %s\n", text);
	printf("eight: %.*s\n", (int)pier_recv_all(b, text, 8), text); /* f.read(8) */
	pier_finish(a);						       /* a.shutdown(SHUT_WR) */
	pier_unread(b, "zero;", 5); /* what a BytesIO in between would do */
	while (clause(b, text, sizeof text))
		printf("clause: %s\n", text);
	return pier_err(b) != 0;
}
