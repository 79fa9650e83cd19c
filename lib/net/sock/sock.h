/* Raw sockets from the inside: each call is tried here and now, and waits as an op only when it has to. */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include "fiber/fiber.h"
#include "io/direct.h"

#include <errno.h>
#include <pier/sock.h>

#define SOCK_ONCE_MAX ((size_t)1 << 30) /* bytes of one call: the kernel takes no more than 2 GiB */
#define SOCK_SETTING  "set an option of"

/* Kept out of the calls that need not wait, which are to cost what their system call costs. */
#define SOCK_SELDOM __attribute__((noinline, cold))

/* The end of the waits of one call. Its time-out begins with the first of them. */
struct sock_until {
	int64_t at; /* 0: none has begun */
};

/* Waits by an op: its result, or -EAGAIN where `s` or the flags say not to wait. */
int64_t pier_sock_wait(pier_sock *s, struct io_op *op, struct sock_until *until, const char *what);

/* Waits for a moment to send again, where the kernel gives no sign of room: 0, or an error as pier_sock_wait's. */
int pier_sock_pause(pier_sock *s, int flags, struct sock_until *until);

/* Who always has to wait need not try first: after receives tried in vain, one after the other, 1, 3, 7 … of those that
 * follow wait at once. One that brings something ends that. */
#define SOCK_SKIP_MOST 63

static inline void sock_in_vain(pier_sock *s)
{
	s->skip = s->vain;
	s->vain = s->vain < SOCK_SKIP_MOST ? (uint8_t)(s->vain * 2 + 1) : SOCK_SKIP_MOST;
}

static inline bool sock_skips(pier_sock *s, int flags)
{
	if (s->skip == 0)
		return false;
	s->skip--;
	return flags == 0 && s->rd != 0;
}

/* On a thread that has nothing else to do, who waits without end waits in recv(2) itself, and needs no poll. For that the
 * description must block: pier_sock_wait has it so from the first such wait on. All other calls say MSG_DONTWAIT; those
 * that cannot say it wake the socket first. Decision 61. */
static inline bool sock_sleeps(const pier_sock *s, int flags)
{
	return s->sleeps && flags == 0 && s->rd == PIER_FOREVER && pier_thread_may_sleep();
}

void pier_sock_wake(pier_sock *s);

/* For an op that is not tried before it waits: on a thread poll(2) tells all that a try would. A worker's backend knows
 * more, and may try. */
static inline bool sock_polls(void)
{
	return !pier_fiber_self();
}

/* Sends a part of a stream, or a whole message: the count, or an error, which is not noted. */
ssize_t pier_sock_give(pier_sock *s, const void *p, size_t n, int flags, struct sock_until *until);

/* Notes what failed, for pier_sock_why and, if it is the first, for pier_sock_err; returns `err`. Not yet is no failure. */
static inline int64_t sock_fail(pier_sock *s, int64_t err, const char *doing)
{
	s->doing = doing;
	if (s->err == 0 && err != -EAGAIN && err != -EINPROGRESS && err != -EALREADY) {
		s->err = (int)err;
		s->failed = doing;
	}
	return err;
}

/* A new handle on `fd`, with the time-outs of the process. */
pier_sock pier_sock_make(int fd, int family, int type, int protocol);

/* The bytes of the first `n` messages of a batch. */
static inline int64_t sock_bytes(const struct mmsghdr *msgs, int64_t n)
{
	int64_t sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += msgs[i].msg_len;
	return sum;
}

/* The message as the kernel wants it. */
struct msghdr pier_sock_header(const pier_message *m);

#endif
