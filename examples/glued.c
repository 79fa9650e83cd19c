/* Messages that run together (粘包), and three cures. A stream keeps the order of bytes and nothing
 * else: three sends may arrive as one receive, or one as three. */
#include <pier.h>
#include <stdlib.h>

static void send_three(pier_conn *from, pier_conn *to, pier_frame frame)
{
	pier_set_frame(from, frame, 0);
	pier_set_frame(to, frame, 0);
	pier_printf(from, "one"); /* s.sendall(struct.pack("!I", 3) + b"one") */
	pier_printf(from, "two");
	pier_printf(from, "three");
	pier_finish(from); /* s.shutdown(SHUT_WR) */
}

static void show(const char *title, pier_frame frame)
{
	pier_conn *end[2] = {0};

	pier_pair(end); /* a, b = socket.socketpair() */
	PIER_AUTO *a = end[0], *b = end[1];
	send_three(a, b, frame);
	printf("%-7s", title);
	for (pier_bytes m; (m = pier_next(b)).p;) /* head = recv_exactly(4); recv_exactly(…) */
		printf(" [%.*s]", (int)m.len, m.p);
	putchar('\n');
}

/* A header that says what follows, then the body as it is: how files are sent. */
static void show_header_and_body(void)
{
	pier_conn *end[2] = {0};
	char body[32] = "";

	pier_pair(end);
	PIER_AUTO *a = end[0], *b = end[1];
	pier_printf(a, "{\"size\": %d}\n", 11); /* header = json.dumps({"size": len(body)}) */
	pier_printf(a, "hello world");
	pier_printf(a, "and what comes next");
	pier_finish(a);

	char header[64] = "";
	pier_gets(b, header, sizeof header); /* json.loads(f.readline())["size"] */
	size_t size = strtoul(header + strcspn(header, "0123456789"), NULL, 10);
	if (size < sizeof body)		      /* never trust a length that came from outside */
		pier_recv_all(b, body, size); /* f.read(size) */
	printf("header  %s [%s]\n", header, body);
}

int main(void)
{
	show("raw", PIER_RAW);
	show("lines", PIER_LINES);
	show("len16", PIER_LEN16);
	show("len32", PIER_LEN32);
	show_header_and_body();
	return 0;
}
