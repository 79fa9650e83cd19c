/* The limit for datagrams: what has arrived comes by one call and leaves by one. bare_udp udp PORT */
#include "bare.h"

#include <poll.h>

#define BATCH 64
#define ROOM  2048

static char bufs[BATCH][ROOM];
static struct sockaddr_in from[BATCH];
static struct iovec iov[BATCH];
static struct mmsghdr msgs[BATCH];

static void prepare(int i)
{
	iov[i] = (struct iovec){bufs[i], ROOM};
	msgs[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
					  .msg_namelen = sizeof from[i],
					  .msg_iov = &iov[i],
					  .msg_iovlen = 1};
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	spread();
	int fd = open_port(argv[2], SOCK_DGRAM);
	struct pollfd news = {.fd = fd, .events = POLLIN};
	for (int i = 0; i < BATCH; i++)
		prepare(i);
	for (;;) {
		int n = recvmmsg(fd, msgs, BATCH, 0, NULL);
		if (n < 0) {
			poll(&news, 1, -1);
			continue;
		}
		for (int i = 0; i < n; i++)
			iov[i].iov_len = msgs[i].msg_len;
		for (int done = 0, sent; done < n; done += sent)
			if ((sent = sendmmsg(fd, msgs + done, (unsigned)(n - done), 0)) <= 0)
				sent = 1; /* that one is lost, as datagrams may be */
		for (int i = 0; i < n; i++)
			prepare(i);
	}
}
