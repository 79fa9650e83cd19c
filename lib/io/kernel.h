/* Who answers what lib/io asks beside the ops of a backend. A thread that is part of a simulation (lib/sim) has another
 * kernel than the real one; its descriptors begin at IO_FD_SIMULATED, which no real one reaches, so that a mistake is
 * -EBADF and touches nothing of the process. */
#ifndef IO_KERNEL_H
#define IO_KERNEL_H

#include "backend.h"
#include "socket.h"

#include <pier/interface.h>

#define IO_FD_SIMULATED (1 << 30)

struct io_kernel {
	int (*open)(struct io **out);
	struct io *(*io_of_thread)(void);
	int (*thread_start)(pthread_t *out, void *(*run)(void *), void *arg);
	void (*thread_join)(pthread_t thread);
	int64_t (*clock)(void);
	int64_t (*calendar)(void);
	void (*random)(void *into, size_t len);
	unsigned (*cores)(void);
	void (*hostname)(char *into, size_t room);
	int (*interfaces)(pier_interface **out);
	unsigned (*interface)(const char *name);
	const char *(*interface_name)(unsigned index, char *into);
	int (*signals_open)(void);
	int (*socket)(int family, int type, int protocol);
	int (*pair)(int type, int out[2]);
	int (*unix_take_over)(const pier_addr *a, int type);
	void (*unix_remove)(const pier_addr *a);
	/* Of its own descriptors. */
	int (*bind)(int fd, const pier_addr *a);
	int (*listen)(int fd, int backlog);
	int (*accept)(int fd, pier_addr *peer);
	int (*connect)(int fd, const pier_addr *to); /* to->len 0: to nobody any more */
	ssize_t (*receive)(int fd, struct msghdr *msg, int flags);
	ssize_t (*send)(int fd, const struct msghdr *msg, int flags);
	int (*option)(int fd, int level, int name, const void *value, socklen_t len);
	int (*option_get)(int fd, int level, int name, void *value, socklen_t *len);
	int (*control)(int fd, int command, int arg); /* fcntl(2) */
	int (*local)(int fd, pier_addr *out);
	int (*peer)(int fd, pier_addr *out);
	int (*shutdown)(int fd, int how);
	bool (*ended)(int fd);
	void (*close)(int fd);
	int (*sort)(int fd, enum io_sort *out);
};

/* Of the calling thread; NULL is the real one. */
extern __thread const struct io_kernel *pier_io_kernel __attribute__((tls_model("initial-exec")));

/* The kernel of a descriptor; NULL is the real one, also for what no simulation of this thread can have made. */
static inline const struct io_kernel *io_kernel_of(int fd)
{
	return fd >= IO_FD_SIMULATED ? pier_io_kernel : NULL;
}

#endif
