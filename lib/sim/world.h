/* The world of a simulation: its clock, its chance, its events, its nodes. One thread runs all of it.
 *
 *	run.c        a process per seed, and what it reports
 *	world.c      the clock: events in the order of their time, tasks in an order of chance
 *	task.c       a thread of a node: a stack that is left when it waits
 *	node.c       machines: their start and end, their addresses
 *	kernel.c     what a node's kernel answers at once (io/kernel.h)
 *	backend.c    … and in time (io/backend.h)
 *	report.c     what went wrong; film.c what happened last, and picture.c draws it
 *	aside.h      memory of the world itself
 *
 *	net/link.c       what a packet meets on its way, weather.c when nobody has planned it
 *	net/descriptor.c socks and the numbers that name them; bind.c their addresses, option.c setsockopt
 *	net/dial.c       tcp, unix, seqpacket: how they begin
 *	net/stream.c     … and go on: bytes.c with what programs send, window.c as far as the reader has room,
 *	                 alive.c whether there is still somebody, chunk.c in pieces
 *	net/datagram.c   udp; unixgram.c unix datagrams; group.c to many; message.c what is beside the bytes
 *	net/names.c      what nodes are called; interfaces.c lo, eth0
 *	disk/disk.h      files
 *	libc/            what stands before libc in programs of scenarios */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "aside.h"
#include "base/heap.h"
#include "base/list.h"
#include "fiber/worker.h"
#include "io/kernel.h"

#include <pier/sim.h>

#define NAME_MAX_SIM 64	  /* bytes, with the NUL */
#define SOCKS_MAX    4096 /* descriptors of all nodes */
#define ALWAYS_MAX   8
#define STEPS_MAX    20000000 /* of one run: more is a loop without end */
#define TIME_MAX     PIER_S((int64_t)30 * 24 * 3600)
#define CALENDAR     (INT64_C(1700000000) * 1000000000) /* of the first instant */

/* ---- Events -------------------------------------------------------------------------------------- */

struct event {
	struct heap_node at;
	void (*fire)(struct event *);
	bool flying; /* counts as under way: nothing is settled before */
};

void pier_event_at(struct event *e, int64_t at);
void pier_event_drop(struct event *e);

/* ---- Tasks and nodes ----------------------------------------------------------------------------- */

/* A thread of a node. */
struct task {
	struct list link;
	struct node *node;
	unsigned number;
	void *(*run)(void *);
	void *arg;
	struct fiber *stack; /* its top: no fiber, only its memory */
	void *sp; /* where it left off, and on which stack: its own, or that of a fiber */
	const void *bottom;
	size_t size;
	void *asan, *tsan;
	struct worker *worker;
	pier_scope *scope;
	struct io *own_io; /* for calls outside fibers */
	struct io *waits;
	int64_t until;
	bool (*may)(void *); /* go on before that; NULL: not */
	void *may_arg;
	const char *why;      /* it waits as a thread; NULL: in its backend */
	struct task *starter; /* goes on when this one first waits */
	struct task *joins;
	void *result;
	bool ended, detached;
};

enum node_state {
	NODE_UP,
	NODE_ENDED,  /* the program has */
	NODE_CRASHED /* its socks are gone, its packets too */
};

struct node {
	char name[NAME_MAX_SIM];
	unsigned number;
	enum node_state state;
	bool paused;
	int (*main_fn)(void);
	int result;
	unsigned boots;
	bool has_run; /* to its end, once at least */
	bool again;   /* as its program had when it was started: what is static has been made */
	struct event leaves; /* ends by itself, now */
	enum node_state leaves_as;
	unsigned workers;
	struct list tasks;
	struct task *main;
	uint64_t dice;	      /* rand(3) */
	struct list asks;     /* of names, files, work: under way */
	struct sock *signals; /* while its program listens to them */
	struct disk *disk;
};

/* One way between two nodes. */
struct wire {
	pier_sim_wire is;
	unsigned cuts; /* by chance */
	int64_t busy;  /* until it has sent what it was given */
	bool told_cut; /* by the film */
};

/* A fiber of the scenario's that waits until something holds: of a node, or of all. */
struct watch {
	struct list link;
	struct io_op note;
	struct fiber *fiber;
	const struct node *node;
	bool (*holds)(const struct pier_sim *, const struct node *);
	bool noted, told;
};

struct always {
	bool (*holds)(void *);
	void *arg;
	const char *what;
};

struct pier_sim {
	pier_sim_opts o;
	uint64_t seed, chance, hash;
	int64_t now;
	uint64_t steps;
	bool trace, calm, failed;
	struct heap events;
	unsigned flying;
	struct stacks stacks;
	struct task *task; /* that runs; NULL: the world itself */
	void *sp, *asan, *tsan;
	const void *stack_bottom;
	size_t stack_size;
	unsigned tasks; /* started so far */
	struct node *nodes[PIER_SIM_NODES];
	unsigned node_count;
	struct wire wires[PIER_SIM_NODES][PIER_SIM_NODES]; /* from, to */
	struct sock *socks[SOCKS_MAX];
	unsigned socks_high;
	struct list homeless; /* socks that no descriptor names yet */
	struct list streams;
	size_t buffer; /* bytes that a stream takes ahead of its reader */
	bool late;     /* ops complete later, even those that could at once */
	double part;   /* of receives and sends that do a part of what they could */
	double faults, disk_faults, memory_faults;
	int64_t names_take; /* a look-up, at least */
	int names_err;
	struct disk *disks[PIER_SIM_NODES]; /* of nodes that are, or will be */
	unsigned disk_count;
	struct list watches;
	struct always always[ALWAYS_MAX];
	unsigned always_count;
	pier_sim_scenario scenario;
	struct film *film; /* NULL: no picture is asked for */
};

/* What a node's program has of memory since it was started. */
struct left {
	unsigned blocks;
	size_t bytes, largest;
	const void *site; /* who asked for the largest */
};

/* Counts it; NULL where nobody does, without libpier-sim. */
extern void (*pier_left)(const struct node *n, struct left *out);

/* There is one at a time in a process. */
extern struct pier_sim *pier_world;

/* ---- world.c ------------------------------------------------------------------------------------- */

uint64_t pier_chance(uint64_t n); /* below n */
bool pier_chance_of(double share);
void pier_world_fold(uint64_t what);	 /* into the hash that two runs of a seed must share */
void pier_world_run(struct pier_sim *w); /* to its end */
bool pier_world_is_quiet(const struct pier_sim *w, const struct node *n);
/* Waits until it holds: 0, or why the wait ended. */
int pier_world_watch(bool (*holds)(const struct pier_sim *, const struct node *),
		     const struct node *n, const char *what);
void pier_world_fail(const char *format, ...) PIER_PRINTF(1, 2);
void pier_world_trace(const char *format, ...) PIER_PRINTF(1, 2);

/* ---- task.c -------------------------------------------------------------------------------------- */

struct task *pier_task_start(struct node *n, void *(*run)(void *), void *arg);
void pier_task_go(struct task *t); /* from the world, until it waits */
void pier_task_wait(struct io *io, int64_t until);
/* As a thread: none of its fibers runs meanwhile. Until then, or until it may (NULL: never); `why` is told. */
void pier_task_park(bool (*may)(void *), void *arg, const char *why, int64_t until);
bool pier_task_lives(unsigned number);
void *pier_task_join(struct task *t);
void pier_task_detach(struct task *t);
_Noreturn void pier_task_exit(void *result);
bool pier_task_ready(const struct task *t);
void pier_task_forget(struct task *t);
/* For the kernel: those of the task that runs. */
int pier_task_thread_start(pthread_t *out, void *(*run)(void *), void *arg);
void pier_task_thread_join(pthread_t thread);
struct io *pier_task_io(void);

/* ---- node.c -------------------------------------------------------------------------------------- */

struct node *pier_node_self(void);
struct node *pier_node_find(const char *name);
int pier_node_new(const char *name, int (*main_fn)(void), struct node **out);
int pier_node_boot(struct node *n);
void pier_node_forget_tasks(struct node *n);
void pier_node_kill(struct node *n, enum node_state state);
void pier_node_signal(struct node *n, int number);
/* Of the task that runs: its node is signalled; it ends on the spot. */
void pier_node_signal_self(int number);
_Noreturn void pier_node_leave(enum node_state as, int result);
/* The node's addresses: 10.0.0.N and fd00::N. */
void pier_node_addr(const struct node *n, int family, uint16_t port, pier_addr *out);
/* Whose it is: the node `from` itself for loopback, NULL for nobody's. */
struct node *pier_node_of(struct node *from, const pier_addr *a);
/* Of the nets for examples (RFC 5737, RFC 3849): what goes there is not answered. */
bool pier_node_is_hole(const pier_addr *a);

/* ---- names.c ------------------------------------------------------------------------------------- */

struct io_question;
int pier_names_look_up(const char *host, uint16_t port, bool passive, pier_addrs *out);
int pier_names_ask(const struct io_question *q, void *answer);

/* ---- link.c -------------------------------------------------------------------------------------- */

/* A packet: of which family of addresses, and its bytes without headers. */
struct packet {
	const struct node *from, *to;
	int family;
	size_t len;
};

/* How long it takes as a piece of a stream, losses and repetitions included. */
int64_t pier_link_stream(const struct packet *p);
/* How long it takes as a datagram; -1 when it is lost. */
int64_t pier_link_datagram(const struct packet *p);
bool pier_link_twice(const struct packet *p);
/* The longest datagram that needs no pieces. */
size_t pier_link_whole(const struct packet *p);
/* False while nothing passes; *for_good when only the scenario can end that. */
bool pier_link_open(const struct node *from, const struct node *to, int family, bool *for_good);
void pier_links_meet(struct node *n); /* the wires of a new node */
void pier_link_draw(struct wire *l);

/* ---- weather.c ----------------------------------------------------------------------------------- */

void pier_weather_draw(struct pier_sim *w);

/* ---- alive.c ------------------------------------------------------------------------------------- */

/* A way was cut, a node has crashed, a conn is only half there: who waits for a word may come to doubt. */
void pier_streams_doubt(void);

extern const struct io_backend pier_io_sim;
extern const struct io_kernel pier_sim_kernel;
struct io *pier_sim_io_new(void);
void pier_sim_io_forget_asks(struct node *n);
void pier_sim_io_end(struct io_op *op, int64_t result);
bool pier_sim_io_news(struct io *io);

#endif
