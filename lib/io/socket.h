/* The socket calls that do not wait. Each returns ≥ 0 or a negative errno. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <pier/addr.h>
#include <stdbool.h>

/* CLOEXEC and non-blocking from birth. */
int pier_io_socket(int family, int type);
int pier_io_pair(int type, int out[2]);
int pier_io_bind(int fd, const pier_addr *a);
/* How many may wait to be accepted when nothing is said: Linux's own limit since 5.4, which the SOMAXCONN of some libc is
 * older than. net.core.somaxconn cuts it. */
#define LISTEN_BACKLOG 4096
int pier_io_listen(int fd, int backlog);
int pier_io_option(int fd, int level, int name, int value);
/* The value of an int option, or an error. */
int pier_io_option_get(int fd, int level, int name, int *out);
int pier_io_local(int fd, pier_addr *out);
int pier_io_peer(int fd, pier_addr *out);
int pier_io_shutdown(int fd, int how);
/* True when the peer sends no more and none of its bytes wait: a receive of nothing was the end. recv(2). */
bool pier_io_ended(int fd);
/* The next close sends a reset: SO_LINGER of 0, socket(7). */
void pier_io_reset_on_close(int fd);
void pier_io_close(int fd);

/* What a descriptor from elsewhere is. */
enum io_sort {
	IO_STREAM_SOCKET,
	IO_MESSAGE_SOCKET,
	IO_PIPE,
	IO_FILE
};
int pier_io_sort(int fd, enum io_sort *out);
/* Gives `fd` a description of its own that does not block, where it can have one (pipes, terminals):
 * O_NONBLOCK on a shared description would change the other holders' too. False when it may still
 * block: a terminal of another user, or the master of one, which opened again is another terminal. */
bool pier_io_unshare(int fd);
/* Closes it; 0, 1 and 2 become /dev/null instead, so that no later file is taken for stdio. */
void pier_io_close_stdio(int fd);

/* Listening sockets that whoever started this process opened for it, sd_listen_fds(3): those passed under
 * `name`, or all when it is empty; at most `max`, made CLOEXEC. How many; -EINVAL when the variables make no
 * sense. */
int pier_io_inherited(pier_bytes name, int *out, unsigned max);

/* Removes a socket's path that nobody listens on. -EADDRINUSE when somebody does. unix(7). */
int pier_io_unix_take_over(const pier_addr *a, int type);
void pier_io_unix_remove(const pier_addr *a);

#endif
