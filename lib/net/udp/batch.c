/* The receiving half of datagrams.h. */
#include "datagrams.h"

#include "io/socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static void prepare(struct batch *b, unsigned i)
{
	b->msgs[i].msg_hdr.msg_namelen = sizeof b->from[i].storage;
	b->msgs[i].msg_hdr.msg_controllen = sizeof b->control[i];
}

int pier_batch_new(int fd, struct batch **out)
{
	struct batch *b = malloc(sizeof *b + (size_t)BATCH_MAX * BATCH_STRIDE);
	if (!b)
		return -ENOMEM;
	memset(b, 0, sizeof *b);
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		b->iov[i] = (struct iovec){b->data + (size_t)i * BATCH_STRIDE, UINT16_MAX + 1};
		b->msgs[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i].storage,
						     .msg_iov = &b->iov[i],
						     .msg_iovlen = 1,
						     .msg_control = b->control[i]};
		prepare(b, i);
	}
	pier_io_option(fd, IPPROTO_UDP, UDP_GRO,
		       1); /* Linux 5.0; without it each comes by itself */
	*out = b;
	return 0;
}

int64_t pier_batch_receive(struct batch *b, int fd)
{
	struct io_op op = {.kind = IO_RECVMMSG, .fd = fd, .batch = {b->msgs, BATCH_MAX}};

	while (b->came)
		prepare(b, --b->came);
	int64_t n = pier_await(&op, PIER_FOREVER, "datagrams");
	if (n > 0)
		b->came = (unsigned)n;
	return n;
}

struct joined pier_batch_at(struct batch *b, unsigned i)
{
	struct msghdr *msg = &b->msgs[i].msg_hdr;
	size_t len = b->msgs[i].msg_len, size = pier_joined_size(msg);
	b->from[i].len = msg->msg_namelen;
	if (msg->msg_namelen == 0) /* unix(7): the sender has no name */
		b->from[i] = (pier_addr){.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
	return (struct joined){&b->from[i], msg, b->iov[i].iov_base, len, size ? size : len};
}

size_t pier_joined_size(const struct msghdr *came)
{
	struct msghdr *msg = (struct msghdr *)(uintptr_t)came;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		int size;
		if (h->cmsg_level != IPPROTO_UDP || h->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(h), sizeof size);
		return size > 0 ? (size_t)size : 0;
	}
	return 0;
}

static void keep(struct source *s, const struct cmsghdr *came, const void *info, size_t size)
{
	struct cmsghdr *h = (struct cmsghdr *)s->control;
	h->cmsg_level = came->cmsg_level;
	h->cmsg_type = came->cmsg_type;
	h->cmsg_len = (socklen_t)CMSG_LEN(size);
	memcpy(CMSG_DATA(h), info, size);
	s->len = (socklen_t)CMSG_SPACE(size);
}

void pier_source_of(const struct msghdr *came, struct source *out)
{
	struct msghdr *msg = (struct msghdr *)(uintptr_t)came;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(h), sizeof v4);
			v4.ipi_ifindex =
				0; /* ipi_spec_dst is ours, whatever the packet was sent to */
			keep(out, h, &v4, sizeof v4);
		} else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(h), sizeof v6);
			if (!IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
				v6.ipi6_ifindex = 0;
			if (!IN6_IS_ADDR_MULTICAST(&v6.ipi6_addr))
				keep(out, h, &v6, sizeof v6);
		}
	}
}
