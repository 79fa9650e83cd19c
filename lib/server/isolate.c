/* A process for each conn: what its handler breaks, it breaks alone.
 *
 *	parent   accept ── fork ── close its copy ── wait for the child (a pidfd) ── reap, report
 *	child            └─ close all doors ── a runtime of its own: TLS, on_open, handler, on_close ── exit
 *
 * The child is left with the conn, and with whatever the application had open. */
#include "signal.h"
#include "station.h"

#include "base/log.h"
#include "io/socket.h"

#include <errno.h>
#include <pier/error.h>
#include <signal.h>
#include <stdlib.h>

#define STATUS_STOP 86 /* of a child whose handler called pier_serve_stop */

/* ---- The child ----------------------------------------------------------------------------------- */

struct child {
	struct station *st;
	pier_conn *conn;
	struct io_signals signals;
};

/* SIGTERM is the parent's word that the server stops. What a terminal sends to all of its processes, ^C, is the
 * parent's to answer. */
static int read_signals(void *arg)
{
	struct child *child = arg;
	int number;
	while ((number = signal_wait(&child->signals)) >= 0)
		if (number == SIGTERM)
			pier_conn_drain(child->conn);
	return number;
}

static int run_child(void *arg)
{
	struct child *child = arg;
	PIER_AUTO_GROUP signals = PIER_GROUP;
	pier_go(&signals, read_signals, child);
	if (pier_station_secure(child->st, child->conn))
		pier_station_handle(child->st, child->conn);
	pier_station_say_goodbye(child->st, child->conn);
	pier_close(child->conn);
	return child->st->serving->told_in_child ? STATUS_STOP : 0;
}

static bool came_by(const struct door *door, const pier_addr *local)
{
	pier_addr at;
	if (pier_io_local(door->fd, &at) < 0 || at.sa.sa_family != local->sa.sa_family)
		return false;
	return at.sa.sa_family == AF_UNIX ? pier_addr_eq(&at, local)
					  : pier_addr_port(&at) == pier_addr_port(local);
}

struct siblings {
	struct station *st;
	int mine;
};

/* A conn of somebody else that the child held too would stay open when the parent, or its own process, closes it. The
 * kernel may have accepted some that the parent does not know of yet. */
static void close_sibling(int fd, void *arg)
{
	const struct siblings *s = arg;
	pier_addr local;
	if (fd == s->mine || pier_io_local(fd, &local) < 0)
		return;
	for (unsigned i = 0; i < s->st->door_count; i++) {
		if (fd != s->st->doors[i].fd && came_by(&s->st->doors[i], &local)) {
			pier_io_close(fd);
			return;
		}
	}
}

static void close_the_parents(struct station *st, int mine)
{
	struct siblings s = {.st = st, .mine = mine};
	pier_io_each_open(close_sibling, &s);
	for (unsigned i = 0; i < st->door_count; i++)
		pier_io_close(st->doors[i].fd);
	pier_io_forked(st->worker->io);
}

static _Noreturn void be_child(struct station *st, pier_conn *c)
{
	struct child child = {.st = st, .conn = c};
	list_remove(&c->link);
	close_the_parents(st, c->fd);
	pier_worker_become(NULL);
	int err = pier_io_signals_open(&child.signals);
	if (err == 0)
		err = pier_run(run_child, &child, .workers = 1);
	pier_io_process_exit(err < 0 ? EXIT_FAILURE : err);
}

/* ---- The parent ---------------------------------------------------------------------------------- */

/* Until the child has ended. A stop is told to it, so that it can end its conn between two messages; a cancel, or a
 * second stop, ends it. */
static void await_child(pier_conn *c, int pidfd, int pid)
{
	int64_t n;
	do {
		struct io_op op = {.kind = IO_POLL_IN, .fd = pidfd};
		c->reader = pier_fiber_self();
		c->between = !c->draining;
		n = pier_await(&op, PIER_FOREVER, "the process of its conn");
		c->reader = NULL;
		if (n < 0)
			pier_io_process_tell(pid, n == -ESHUTDOWN ? SIGTERM : SIGKILL);
	} while (n == -ESHUTDOWN);
}

static void judge(struct serving *s, pier_conn *c, int pid, int end)
{
	if (end == STATUS_STOP)
		pier_serving_stop(s);
	else if (end > PROCESS_KILLED && end != PROCESS_KILLED + SIGKILL)
		pier_conn_fail(c, -PIER_ECRASH, "serve");
	if (end != 0 && end != STATUS_STOP)
		pier_log_line(PIER_WARN, "process %d, which served %s, ended by %s %d", pid,
			      pier_peer(c), end >= PROCESS_KILLED ? "signal" : "exit status",
			      end >= PROCESS_KILLED ? end - PROCESS_KILLED : end);
}

static void be_parent(struct station *st, pier_conn *c, int pid)
{
	int pidfd = pier_io_process_open(pid);
	if (st->ordered[ORDER_END_CONNS]) /* it was drained before the child could be told */
		pier_io_process_tell(pid, SIGTERM);
	c->via->close(c, false);
	if (pidfd >= 0) {
		await_child(c, pidfd, pid);
		st->worker->io->backend->close_fd(st->worker->io, pidfd);
	}
	judge(st->serving, c, pid, pier_io_process_end(pid));
}

void pier_station_isolate(struct station *st, pier_conn *c)
{
	int pid = pier_io_fork();
	if (pid == 0)
		be_child(st, c);
	c->elsewhere = true;
	if (pid > 0)
		be_parent(st, c, pid);
	else
		pier_conn_fail(c, pid, "make a process for");
}

int pier_serving_check_isolation(struct serving *s)
{
	if (!s->o.isolate)
		return 0;
	for (unsigned i = 0; i < s->url_count; i++)
		if (has_datagrams(s->urls[i].endpoint.scheme))
			return -EOPNOTSUPP; /* its peers share one socket */
	s->o.workers = 1;		    /* processes are what uses the cores */
	return s->o.per_message ? -EINVAL : 0;
}
