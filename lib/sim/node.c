/* Machines: started, stopped, crashed; and what they are called. */
#include "film.h"
#include "sim/disk/disk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pier/fiber.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct node *pier_node_self(void)
{
	return pier_world->task->node;
}

struct node *pier_node_find(const char *name)
{
	for (unsigned i = 0; name && i < pier_world->node_count; i++)
		if (!strcasecmp(pier_world->nodes[i]->name, name))
			return pier_world->nodes[i];
	return NULL;
}

/* ---- Names and addresses ------------------------------------------------------------------------- */

void pier_node_addr(const struct node *n, int family, uint16_t port, pier_addr *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	v4.sin_addr.s_addr = htonl(0x0a000001u + n->number);
	v6.sin6_addr.s6_addr[0] = 0xfd;
	v6.sin6_addr.s6_addr[15] = (uint8_t)(n->number + 1);
	memset(out, 0, sizeof *out);
	out->len = family == AF_INET6 ? sizeof v6 : sizeof v4;
	if (family == AF_INET6)
		memcpy(&out->storage, &v6, sizeof v6);
	else
		memcpy(&out->storage, &v4, sizeof v4);
}

static struct node *of_v4(struct node *from, uint32_t host)
{
	uint32_t number = host - 0x0a000001u;
	if (host >> 24 == IN_LOOPBACKNET || host == INADDR_ANY)
		return from;
	return number < pier_world->node_count ? pier_world->nodes[number] : NULL;
}

static struct node *of_v6(struct node *from, const struct in6_addr *a)
{
	pier_addr own;
	uint32_t v4;
	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a))
		return from;
	memcpy(&v4, &a->s6_addr[12], sizeof v4);
	if (IN6_IS_ADDR_V4MAPPED(a))
		return of_v4(from, ntohl(v4));
	for (unsigned i = 0; i < pier_world->node_count; i++) {
		pier_node_addr(pier_world->nodes[i], AF_INET6, 0, &own);
		if (IN6_ARE_ADDR_EQUAL(&((struct sockaddr_in6 *)&own.storage)->sin6_addr, a))
			return pier_world->nodes[i];
	}
	return NULL;
}

struct node *pier_node_of(struct node *from, const pier_addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return of_v6(from, &((const struct sockaddr_in6 *)&a->storage)->sin6_addr);
	if (a->sa.sa_family == AF_INET)
		return of_v4(from,
			     ntohl(((const struct sockaddr_in *)&a->storage)->sin_addr.s_addr));
	return from;
}

bool pier_node_is_hole(const pier_addr *a)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	static const unsigned char doc[4] = {0x20, 0x01, 0x0d, 0xb8};
	if (a->sa.sa_family == AF_INET6)
		return memcmp(v6->sin6_addr.s6_addr, doc, sizeof doc) == 0;
	uint32_t net = ntohl(((const struct sockaddr_in *)&a->storage)->sin_addr.s_addr) >> 8;
	return a->sa.sa_family == AF_INET &&
	       (net == 0xc00002 || net == 0xc63364 || net == 0xcb0071);
}

/* ---- Life ---------------------------------------------------------------------------------------- */

static void *node_main(void *arg)
{
	struct node *n = arg;
	n->result = n->main_fn();
	return NULL;
}

/* Here, or on another node. */
static bool has_run(int (*main_fn)(void))
{
	for (unsigned i = 0; i < pier_world->node_count; i++)
		if (pier_world->nodes[i]->main_fn == main_fn && pier_world->nodes[i]->has_run)
			return true;
	return false;
}

int pier_node_boot(struct node *n)
{
	n->main = pier_task_start(n, node_main, n);
	if (!n->main)
		return -ENOMEM;
	n->state = NODE_UP;
	n->paused = false;
	n->disk->boots++;
	n->dice = pier_chance(UINT64_MAX);
	n->again = has_run(n->main_fn);
	n->boots++;
	n->workers = 1 + (unsigned)pier_chance(pier_world->o.workers ? pier_world->o.workers : 3);
	pier_world_trace("%s starts, with up to %u workers", n->name, n->workers);
	pier_film_mark(FRAME_STARTS, n, "starts");
	return 0;
}

int pier_node_new(const char *name, int (*main_fn)(void), struct node **out)
{
	struct pier_sim *w = pier_world;
	struct disk *disk;
	if (pier_node_find(name))
		return -EEXIST;
	if (w->node_count == PIER_SIM_NODES)
		return -ENOSPC;
	int err = pier_disk_of(name, &disk);
	if (err < 0)
		return err;
	struct node *n = calloc(1, sizeof *n);
	if (!n)
		return -ENOMEM;
	memcpy(n->name, name, strlen(name));
	n->number = w->node_count;
	n->main_fn = main_fn;
	n->disk = disk;
	list_init(&n->tasks);
	list_init(&n->asks);
	w->nodes[w->node_count++] = n;
	pier_links_meet(n);
	*out = n;
	return pier_node_boot(n);
}

/* What points into memory that is lost; and descriptors under way, while all that they name is there. */
static void forget_sock(struct sock *s, void *arg)
{
	(void)arg;
	s->in.first = s->out.first = NULL;
	s->in.last = &s->in.first;
	s->out.last = &s->out.first;
	pier_chunks_clear(&s->came);
	if (s->stream && s->stream->local)
		pier_stream_forget(s->stream);
}

static void crash_sock(struct sock *s, void *crash)
{
	pier_sim_sock_close(s, *(bool *)crash);
}

void pier_node_forget_tasks(struct node *n)
{
	while (!list_empty(&n->tasks)) {
		struct list *first = n->tasks.next;
		pier_task_forget(list_item(first, struct task, link));
	}
	n->main = NULL;
	pier_event_drop(&n->leaves);
}

/* Its memory stays where it is, as nobody knows what of it is whose; its stacks are used again. */
void pier_node_kill(struct node *n, enum node_state state)
{
	bool crash = state == NODE_CRASHED;
	n->state = state;
	pier_node_forget_tasks(n);
	pier_sim_io_forget_asks(n);
	pier_sim_sock_each(n, forget_sock, NULL);
	pier_sim_sock_each(n, crash_sock, &crash);
	pier_streams_doubt();
}

static void left(struct event *e)
{
	struct node *n = list_item(e, struct node, leaves);
	pier_world_trace("%s leaves: %d", n->name, n->result);
	pier_film_mark(FRAME_ENDS, n, "leaves");
	pier_node_kill(n, n->leaves_as);
}

/* The stack of who calls goes too, so it is the world that does it. */
void pier_node_leave(enum node_state as, int result)
{
	struct node *n = pier_node_self();
	n->result = result;
	n->leaves_as = as;
	n->leaves.fire = left;
	pier_event_at(&n->leaves, pier_world->now);
	for (;;)
		pier_task_park(NULL, NULL, "its end", PIER_FOREVER);
}

void pier_node_signal_self(int number)
{
	struct node *n = pier_node_self();
	if (!n->signals || number == SIGKILL)
		pier_node_leave(NODE_CRASHED, -EINTR);
	pier_node_signal(n, number);
}

static int wait_for_quiet(const struct node *n)
{
	return pier_world_watch(pier_world_is_quiet, n, n ? "a node to be ready" : "quiet");
}

void pier_sim_settle(pier_sim *s)
{
	(void)s;
	pier_yield(); /* what is held back to the end of a turn leaves now */
	wait_for_quiet(NULL);
}

int pier_sim_node(pier_sim *s, const char *name, int (*main_fn)(void))
{
	struct node *n;
	(void)s;
	int err = pier_node_new(name, main_fn, &n);
	if (err == 0)
		wait_for_quiet(n);
	return err;
}

int pier_sim_crash(pier_sim *s, const char *name)
{
	struct node *n = pier_node_find(name);
	if (!n || n == s->nodes[0])
		return -ENOENT;
	if (n->state != NODE_UP)
		return -ESRCH;
	pier_world_trace("%s crashes", n->name);
	pier_film_mark(FRAME_CRASHES, n, "crashes");
	pier_node_kill(n, NODE_CRASHED);
	pier_disk_crash(n->disk);
	return 0;
}

int pier_sim_restart(pier_sim *s, const char *name)
{
	struct node *n = pier_node_find(name);
	if (!n || n == s->nodes[0])
		return -ENOENT;
	if (n->state == NODE_UP)
		return -EBUSY;
	int err = pier_node_boot(n);
	if (err == 0)
		wait_for_quiet(n);
	return err;
}

int pier_sim_pause(pier_sim *s, const char *name, bool paused)
{
	struct node *n = pier_node_find(name);
	if (!n || n == s->nodes[0])
		return -ENOENT;
	if (n->paused != paused)
		pier_film_mark(paused ? FRAME_PAUSES : FRAME_RESUMES, n,
			       paused ? "stands still" : "goes on");
	n->paused = paused;
	return 0;
}

static bool is_down(const struct pier_sim *s, const struct node *n)
{
	(void)s;
	return n->state != NODE_UP;
}

int pier_sim_wait(pier_sim *s, const char *name)
{
	struct node *n = pier_node_find(name);
	if (!n || n == s->nodes[0])
		return -ENOENT;
	int err = pier_world_watch(is_down, n, "a node to end");
	return err < 0 ? err : n->state == NODE_ENDED ? n->result : -ESRCH;
}

int pier_sim_stop(pier_sim *s, const char *name)
{
	struct node *n = pier_node_find(name);
	if (!n || n == s->nodes[0])
		return -ENOENT;
	if (n->state != NODE_UP)
		return -ESRCH;
	pier_node_signal(n, SIGTERM);
	int err = pier_world_watch(is_down, n, "a node to stop");
	return err < 0 ? err : n->result;
}
