/* Descriptors over unix sockets: SCM_RIGHTS, unix(7). */
#include "sock.h"

/* Of one message: what the kernel lets anybody send. musl's sendmsg(3) takes a KiB beside a message, which is one less. */
#define FDS_EVER (PIER_FDS_MAX + 1)

/* What may come beside the descriptors: credentials, a security context, a time. None of it shall crowd them out. */
#define BESIDE 512

ssize_t pier_sock_send_fds(pier_sock *s, const void *p, size_t n, const int *fds, unsigned count)
{
	char room[PIER_ANCILLARY_ROOM(PIER_FDS_MAX * sizeof(int))];
	struct iovec piece = {(void *)(uintptr_t)p, n};
	pier_message m = pier_message_of(&piece);

	if (count > PIER_FDS_MAX || n == 0)
		return sock_fail(s, -EINVAL, "send descriptors to");
	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	if (count)
		pier_ancillary_add(&m.ancillary, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof *fds);
	ssize_t sent = pier_sock_sendmsg(s, &m, 0);
	/* They went with the first byte: the rest of a stream goes without. */
	if (sent < 0 || (size_t)sent == n)
		return sent;
	ssize_t rest = pier_sock_send(s, (const char *)p + sent, n - (size_t)sent, 0);
	return rest < 0 ? rest : (ssize_t)n;
}

ssize_t pier_sock_recv_fds(pier_sock *s, void *into, size_t room, int *fds, unsigned max,
			   unsigned *count)
{
	char beside[PIER_ANCILLARY_ROOM(FDS_EVER * sizeof(int)) + BESIDE];
	struct iovec piece = {into, room};
	pier_message m = pier_message_of(&piece);

	m.ancillary = (pier_ancillary){.at = beside, .room = sizeof beside};
	ssize_t n = pier_sock_recvmsg(s, &m, 0);
	if (n < 0)
		return n;
	/* With MSG_CTRUNC some were lost, for want of room or of descriptors: EMFILE shows no other way. */
	if (pier_message_ancillary_cut(&m) || pier_ancillary_fds(&m.ancillary, NULL, 0) > max) {
		pier_ancillary_close_fds(&m.ancillary);
		return sock_fail(s, -EMSGSIZE, "receive descriptors from");
	}
	*count = pier_ancillary_fds(&m.ancillary, fds, max);
	return n;
}
