/* A descriptor goes over a unix socket: one fiber opens a file, the other reads it without ever knowing its name.
 *	pass_fd FILE */
#include <pier.h>

static pier_sock ends[2];

static int give(void *path)
{
	PIER_AUTO_FILE f = pier_file_open(NULL, path, PIER_READ); /* with open(path, "rb") as f: */
	/* socket.send_fds(s, [b"a file"], [f.fileno()]) */
	return f < 0 ? f : (int)pier_sock_send_fds(&ends[0], "a file", 6, &f, 1);
}

static int take(void *path)
{
	PIER_AUTO_GROUP giver = PIER_GROUP;
	PIER_AUTO_FILE f = -1;
	char text[64], head[64] = "";
	unsigned count = 0;

	pier_socketpair(SOCK_STREAM, ends); /* a, b = socket.socketpair() */
	pier_go(&giver, give, path);	    /* Thread(target=give, args=[a, path]).start() */
	pier_sock_set_timeouts(&ends[1], PIER_S(3), PIER_S(3)); /* b.settimeout(3) */
	/* data, fds, flags, _ = socket.recv_fds(s, 64, 1) */
	ssize_t n = pier_sock_recv_fds(&ends[1], text, sizeof text, &f, 1, &count);
	if (count && pier_file_read(f, head, sizeof head, 0) >= 0) /* f.read(64) */
		printf("%.*s, which begins: %.64s\n", (int)n, text, head);
	int err = pier_group_wait(&giver)
			  ?: pier_sock_perror(&ends[1], "the giver"); /* giver.join() */
	pier_sock_close(&ends[0]);				      /* with a, b: */
	pier_sock_close(&ends[1]);
	return err;
}

int main(int argc, char **argv)
{
	return argc < 2 ? 2 : pier_run(take, argv[1], .workers = 1) != 0;
}
