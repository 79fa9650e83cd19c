/* What a socket handle can do besides sending and receiving; each line as in Python. */
#include <pier.h>
#include <unistd.h>

static void tells(pier_sock *s)
{
	char text[PIER_SOCK_TEXT];

	printf("%s\n", pier_sock_str(s, text, sizeof text));	 /* print(repr(s)) */
	pier_sock_set_inheritable(s, true);			 /* s.set_inheritable(True) */
	printf("inheritable %d\n", pier_sock_is_inheritable(s)); /* s.get_inheritable() */
	/* socket.has_ipv6 … */
	printf("IPv6 %d, both %d\n", pier_has(PIER_IPV6), pier_has(PIER_DUALSTACK));
	/* socket.getdefaulttimeout() */
	printf("time-out %.0f s\n", (double)pier_default_timeout() / 1e9);
}

static void lives(pier_sock *s)
{
	PIER_AUTO_SOCK twin = PIER_SOCK, same = PIER_SOCK, again = PIER_SOCK;

	pier_sock_dup(s, &twin);	     /* twin = s.dup() */
	pier_sock_fromfd(s->fd, &same);	     /* same = socket.fromfd(s.fileno(), …) */
	int fd = pier_sock_detach(&twin);    /* fd = twin.detach() */
	if (pier_sock_adopt(fd, &again) < 0) /* again = socket.socket(fileno=fd) */
		close(fd);		     /* socket.close(fd) */
	printf("twins: %d %d %d\n", twin.fd, same.type == s->type, again.family == s->family);
}

static void waits(pier_sock *a, pier_sock *b)
{
	char text[16];

	pier_sock_set_timeouts(b, 0, 0);		     /* b.setblocking(False) */
	ssize_t n = pier_sock_recv(b, text, sizeof text, 0); /* except BlockingIOError: */
	printf("%s\n", pier_strerror((int)n));
	pier_sock_set_timeouts(b, PIER_MS(50), PIER_MS(50)); /* b.settimeout(0.05) */
	n = pier_sock_recv(b, text, sizeof text, 0);	     /* except TimeoutError: */
	/* b.gettimeout() */
	printf("%s after %.2f s\n", pier_strerror((int)n), (double)b->rd / 1e9);
	pier_sock_send(a, "hello, ", 7, 0);		    /* a.sendall(b"hello, ") */
	n = pier_sock_send_some(a, "world", 5, 0);	    /* a.send(b"world"): maybe a part */
	n = pier_sock_recv(b, text, sizeof text, MSG_PEEK); /* b.recv(16, MSG_PEEK) */
	printf("ahead: %.*s\n", (int)n, text);
	n = pier_sock_recv_all(b, text, 12); /* b.recv(12, MSG_WAITALL) */
	printf("all: %.*s\n", (int)n, text);
}

static void pieces(pier_sock *a, pier_sock *b)
{
	struct iovec in[] = {{"head ", 5}, {"body", 4}};
	struct iovec each[] = {{"one", 3}, {"two", 3}};
	char room[2][16];
	struct iovec out[] = {{room[0], 16}, {room[1], 16}};
	pier_message whole = {.iov = in, .pieces = 2};
	pier_message sent[] = {pier_message_of(&each[0]), pier_message_of(&each[1])};
	pier_message got[] = {pier_message_of(&out[0]), pier_message_of(&out[1])};

	pier_sock_sendmsg(a, &whole, 0); /* a.sendmsg([b"head ", b"body"]) */
	ssize_t n = pier_sock_recv(b, room[0], sizeof room[0], 0); /* b.recv(16) */
	printf("[%.*s]", (int)n, room[0]);
	pier_sock_sendmmsg(a, sent, 2, 0); /* two datagrams in one call, which Python cannot */
	int count = pier_sock_recvmmsg(b, got, 2, 0);
	for (int i = 0; i < count; i++)
		printf(" [%.*s]", (int)got[i].bytes, room[i]);
	putchar('\n');
}

static void gone(pier_sock *a, pier_sock *b)
{
	pier_sock_close(a);			       /* a.close() */
	ssize_t n = pier_sock_send(b, "hello?", 6, 0); /* except ConnectionError: */
	printf("%s: gone %d\n", pier_strerror((int)n), pier_is_disconnect((int)n));
	pier_sock_close(b);
}

static void files(pier_sock *a, pier_sock *b, const char *path)
{
	char line[128];
	int64_t sent = 0;
	int file = pier_file_open(NULL, path, PIER_READ); /* open(path, "rb") */

	pier_sock_sendfile(a, file, 0, -1, &sent); /* a.sendfile(f) */
	pier_file_close(file);
	PIER_AUTO *c = pier_sock_conn(b, NULL);	 /* f = b.makefile() */
	if (pier_gets(c, line, sizeof line) > 0) /* f.readline() */
		printf("%lld bytes: %s\n", (long long)sent, line);
	pier_sock_shutdown(a, SHUT_WR); /* a.shutdown(SHUT_WR) */
}

int main(int argc, char **argv)
{
	PIER_AUTO_SOCK tcp = PIER_SOCK;
	pier_sock stream[2], packet[2];

	pier_set_default_timeout(PIER_S(5)); /* socket.setdefaulttimeout(5) */
	if (argc < 2 || pier_socket(AF_INET, SOCK_STREAM, 0, &tcp) < 0 ||
	    pier_socketpair(SOCK_STREAM, stream) < 0 || pier_socketpair(SOCK_SEQPACKET, packet) < 0)
		return 2;
	tells(&tcp);
	lives(&tcp);
	waits(&stream[0], &stream[1]);
	pieces(&packet[0], &packet[1]);
	files(&stream[0], &stream[1], argv[1]);
	gone(&packet[0], &packet[1]);
	pier_sock_close(&stream[0]); /* s.close() */
	return 0;
}
