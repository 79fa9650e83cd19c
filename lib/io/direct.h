/* The calls of sockets, tried here and now: none waits. Each returns ≥ 0, or a negative errno: -EAGAIN where it
 * would have to wait, never -EINTR. */
#ifndef IO_DIRECT_H
#define IO_DIRECT_H

#include <pier/addr.h>
#include <sys/socket.h>

ssize_t pier_io_recv(int fd, void *into, size_t room, int flags);
ssize_t pier_io_recvmsg(int fd, struct msghdr *msg, int flags);
int pier_io_recvmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags);

/* Without SIGPIPE. */
ssize_t pier_io_send(int fd, const void *p, size_t n, int flags);
ssize_t pier_io_sendmsg(int fd, const struct msghdr *msg, int flags);
int pier_io_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags);

/* As they are asked for: the descriptors are CLOEXEC and non-blocking. */
int pier_io_socket_of(int family, int type, int protocol);
int pier_io_accept(int fd, pier_addr *peer);
int pier_io_connect(int fd, const pier_addr *to);
int pier_io_dup(int fd);

int pier_io_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int pier_io_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

/* O_NONBLOCK and FD_CLOEXEC: 1 when set, 0 when not. */
int pier_io_nonblocking(int fd);
int pier_io_set_nonblocking(int fd, bool yes);
int pier_io_cloexec(int fd);
int pier_io_set_cloexec(int fd, bool yes);

#endif
