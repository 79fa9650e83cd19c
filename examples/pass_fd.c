/* A descriptor goes over a unix socket: one fiber opens a file, the other reads it without ever knowing its name.
 *	pass_fd FILE */
#include <pier.h>
#include <sys/socket.h>

static pier_sock ends[2];

static int give(void *path)
{
	int file = pier_file_open(NULL, path, PIER_READ);
	if (file < 0)
		return file;
	/* socket.send_fds(s, [b"a file"], [f]) */
	ssize_t n = pier_sock_send_fds(&ends[0], "a file", 6, &file, 1);
	pier_file_close(file); /* the other end has its own */
	return n < 0 ? (int)n : 0;
}

static int take(void)
{
	char text[64];
	int file;
	unsigned count = 0;

	/* socket.recv_fds(s, 64, 1) */
	ssize_t n = pier_sock_recv_fds(&ends[1], text, sizeof text, &file, 1, &count);
	if (n < 0 || count == 0)
		return n < 0 ? (int)n : -ENODATA;
	printf("%.*s, which begins: ", (int)n, text);
	n = pier_file_read(file, text, sizeof text, 0);
	printf("%.*s\n", n > 0 ? (int)n : 0, text);
	pier_file_close(file);
	return n < 0 ? (int)n : 0;
}

static int pass(void *path)
{
	PIER_AUTO_GROUP giver = PIER_GROUP;

	int err = pier_socketpair(SOCK_STREAM, ends); /* a, b = socket.socketpair() */
	if (err < 0 || (err = pier_go(&giver, give, path)) < 0)
		return err;
	PIER_WITHIN (PIER_S(3))
		err = take();
	pier_group_wait(&giver);
	pier_sock_close(&ends[0]);
	pier_sock_close(&ends[1]);
	return err;
}

int main(int argc, char **argv)
{
	return argc < 2 ? 2 : pier_run(pass, argv[1], .workers = 1) != 0;
}
