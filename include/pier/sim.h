/* A network in a box: programs as they are, on simulated machines and wires, in one thread, with a clock that jumps
 * over every wait. One number, the seed, decides all that is left to chance: who runs first, how long a packet takes,
 * what is lost. The same seed gives the same run, so what fails once fails as often as you like.
 *
 *	static int scenario(pier_sim *s)
 *	{
 *		pier_sim_node(s, "srv", my_server_main);
 *		PIER_AUTO *c = pier_dial("tcp://srv:7000");
 *		…
 *		return pier_sim_check(s, pier_err(c) == 0);
 *	}
 *	int main(void) { return pier_sim_run(scenario, .seeds = 1000, .loss = 0.02); }
 *
 * All sockets of pier_conn and pier_sock are simulated but raw ones, and names and files: each machine has a disk of its own, empty at first.
 * What a program asks libc for by itself (time, sleep, chance, files, threads, locks) is simulated where it is linked with
 * pier-sim (pkg-config) instead of pier; what it asks the kernel for by syscall(2) is outside of it. */
#ifndef PIER_SIM_H
#define PIER_SIM_H

#include <pier/api.h>
#include <pier/bytes.h>
#include <pier/time.h>

PIER_BEGIN

typedef struct pier_sim pier_sim;

/* Runs as a fiber on a node of its own, "scenario". A negative number fails the seed. */
typedef int (*pier_sim_scenario)(pier_sim *s);

/* What may go wrong. Each is a most, and of `rate` and `mtu` a least: every seed draws its own mix below that, so that
 * there are runs with much of one kind and nothing of the others. */
typedef struct pier_sim_opts {
	size_t size;	/* sizeof(pier_sim_opts), set by the macro */
	unsigned seeds; /* how many runs; 0 = 100 */
	uint64_t seed;	/* the first; 0 = 1 */
	double loss;	/* share of packets lost: of tcp a delay, of udp a loss */
	double twice;	/* share of datagrams that come twice */
	double reorder; /* share of datagrams that come long after those behind them */
	/* share of calls that fail for lack of something: EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRINUSE, EADDRNOTAVAIL,
	 * ECONNABORTED, EINTR, and look-ups without an answer */
	double faults;
	int64_t delay; /* of a packet, one way; 0 = 1 ms. Datagrams overtake each other */
	int64_t rate;  /* bytes a second of a link; 0: as many as come */
	unsigned mtu;  /* bytes of a packet of a link; 0 = 1500 */
	/* times that a node is cut off from another, one way or both, for up to 10 s */
	unsigned partitions;
	unsigned resets;  /* times that a conn is reset on its way, for one end or both */
	unsigned changes; /* times that a link becomes another while it is used */
	unsigned workers; /* of a node; 0 = 3 */
	/* receives and sends do all that they can, and as soon as they can: for programs that are wrong to count on that,
	 * and shall be forgiven */
	bool whole;
	bool leaks; /* memory that a program leaves behind fails the seed; see docs/simulation.md for which */
	double memory_faults; /* share of allocations of nodes that are refused; by pier-sim on glibc alone */
	double disk_faults; /* share of what is asked of a disk that fails (EIO), or is done in part */
} pier_sim_opts;

/* Runs the scenario once for each seed, each in a process of its own (fork), several at once; the first seeds twice, to
 * see that both runs are one. After the scenario all nodes are told to stop as by SIGTERM, and have to. A seed
 * fails when the scenario does, when a check did not hold, when all wait for each other, when a node does not end, or
 * ends with descriptors open, or crashes. Then stderr tells why, and the command that repeats it:
 *
 *	PIER_SIM_SEED=42	this seed alone, in this process (unless it is drawn): for a debugger
 *	PIER_SIM_SEEDS=9	so many instead, unless .seeds is 1
 *	PIER_SIM_SECONDS=1.5	as many as there is real time for; stderr tells how many those were
 *	PIER_SIM_TRACE=1	every packet as a line on stderr
 *	PIER_SIM_TRACE=a.svg	… and the last 300 as a picture, of this seed or of the one that failed
 *	PIER_SIM_TWICE=1000	so many of the seeds run twice; else two
 *	PIER_SIM_COMMIT=5daeac5	what a failure names as the state of the tree; else the library's own
 *	PIER_SIM_COMMAND="./a b"	… and as the command, where the program's name does not do
 *	PIER_SIM_JOBS=2		processes at once; else one per core
 *
 * To be called by main, before there are threads. Returns what main may: 0, or 1 when a seed failed (the lowest of them is
 * told), or when one of these numbers is none. */
PIER_API int pier_sim_run_with(pier_sim_scenario scenario, const pier_sim_opts *opts);
#define pier_sim_run(scenario, ...)                                                                \
	pier_sim_run_with((scenario),                                                              \
			  &(pier_sim_opts){.size = sizeof(pier_sim_opts), ##__VA_ARGS__})

/* ---- Nodes: up to 16, the scenario's included ----------------------------------------------------- */

#define PIER_SIM_NODES 16

/* Starts a machine that runs main_fn as its one program, and waits until that has nothing more to do: a server listens
 * then. Its name resolves to its two addresses, IPv4 and IPv6. What is static in the program is shared by its
 * nodes. Returns 0, -EEXIST, -EINVAL for a name that is empty or longer than 63, -ENOSPC, -ENOMEM. */
PIER_API int pier_sim_node(pier_sim *s, const char *name, int (*main_fn)(void));

/* Tells the program to stop, as SIGTERM does, and waits until it has ended; then its result, -ENOENT for a name that is
 * not there, -ESRCH when it is down. */
PIER_API int pier_sim_stop(pier_sim *s, const char *name);

/* Waits until its program has ended by itself; then its result. -ENOENT, -ESRCH when it has crashed, or why the wait
 * ended. */
PIER_API int pier_sim_wait(pier_sim *s, const char *name);

/* The power fails: nothing runs there any more, and nothing is answered; its memory is lost, and of its disk what was not
 * synced, or some of that. 0, -ENOENT, -ESRCH. */
PIER_API int pier_sim_crash(pier_sim *s, const char *name);

/* Starts the program anew, after it ended or crashed; conns from before are reset. 0, -ENOENT, -EBUSY when it runs,
 * -ENOMEM. */
PIER_API int pier_sim_restart(pier_sim *s, const char *name);

/* Its program stands still, while its kernel goes on. 0, -ENOENT. */
PIER_API int pier_sim_pause(pier_sim *s, const char *name, bool paused);

/* ---- Names and addresses -------------------------------------------------------------------------- */

/* The first node is 10.0.0.1 and fd00::1, the next 10.0.0.2 and fd00::2 …: all on one net, 10.0.0.0/24, with broadcast and
 * groups. What is sent to the nets that books have for examples (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24,
 * 2001:db8::/32) is never answered; other addresses are unreachable. */

/* What a name stands for from now on: addresses and names of nodes, in this order, with blanks between: "srv 192.0.2.1". It goes
 * before the name of a node. NULL takes it back. At most 32 names of 63 bytes, 16 addresses each. 0, -ENOENT for a
 * node or name that is not there, -ENOSPC, -EINVAL. */
PIER_API int pier_sim_name(pier_sim *s, const char *name, const char *stands_for);

/* From now on a look-up takes at least so long, and ends with `err`: 0 as it should, -PIER_ENAMETEMP (EAI_AGAIN),
 * -PIER_ENAMEFAIL … */
PIER_API void pier_sim_resolver(pier_sim *s, int64_t takes, int err);

/* ---- Disks --------------------------------------------------------------------------------------- */

/* A node's disk is there when first it is named, also before its node, and stays while programs end and start. What a program
 * writes is seen at once; what it has not synced, a crash may take: each sector of 512 bytes by itself, a file's size, and of each
 * folder its last changes (a file made, renamed, removed). A folder is synced by itself: fsync(2). A sync that fails has lost what
 * it could not write, and the next one says nothing of it. No other path than those made is there, none of the machine that
 * simulates. At most 64 MiB a file. */
typedef struct pier_sim_disk_opts {
	size_t size;   /* sizeof(pier_sim_disk_opts), set by the macro */
	int64_t room;  /* bytes that fit on it, in blocks of 4096: more is -ENOSPC; 0 = 1 GiB */
	double faults; /* as disk_faults above, but exactly */
} pier_sim_disk_opts;

/* From now on. 0, -EINVAL, -ENOSPC when there are PIER_SIM_NODES disks, -ENOMEM. */
PIER_API int pier_sim_disk_with(pier_sim *s, const char *node, const pier_sim_disk_opts *opts);
#define pier_sim_disk(s, node, ...)                                                                \
	pier_sim_disk_with(                                                                        \
		(s), (node),                                                                       \
		&(pier_sim_disk_opts){.size = sizeof(pier_sim_disk_opts), ##__VA_ARGS__})

/* Puts a file there, safe from any crash, with the folders that are missing. 0, -EISDIR, -ENOTDIR, -ENOSPC, and as above. */
PIER_API int pier_sim_file_put(pier_sim *s, const char *node, const char *path,
			       pier_bytes contents);

/* What is in it: as programs see it, or only what is safe. The bytes stay as they are until someone writes there. 0,
 * -ENOENT, -ENOTDIR, -EISDIR. */
PIER_API int pier_sim_file_get(pier_sim *s, const char *node, const char *path, bool safe,
			       pier_bytes *out);

/* ---- Links --------------------------------------------------------------------------------------- */

typedef struct pier_sim_wire {
	double loss, twice, reorder; /* as above, but exactly */
	int64_t delay;		     /* the least; and up to `jitter` more */
	int64_t jitter;
	int64_t rate; /* bytes a second; 0: as many as come */
	size_t queue; /* bytes that wait for the wire: of datagrams the rest is lost; 0 = 64 KiB */
	/* of a packet, with its headers; 0 = 1500. A longer datagram goes in pieces, and is lost with any of them; where it
	 * must not (pier_sock_set_dontfrag) it is -EMSGSIZE. */
	unsigned mtu;
	bool cut;		 /* nothing passes */
	bool cut_ipv4, cut_ipv6; /* nothing of that family does */
} pier_sim_wire;

/* Sets the way from one node to another; `from` or `to` NULL: from or to all. The scenario's node is "scenario". Both
 * directions are two calls. What is under way already arrives as it would have. 0 or -ENOENT. */
PIER_API int pier_sim_link(pier_sim *s, const char *from, const char *to,
			   const pier_sim_wire *wire);

/* Cuts both ways between two nodes (NULL: all others), and joins them again. One way alone is a wire with `cut`. 0 or
 * -ENOENT. */
PIER_API int pier_sim_cut(pier_sim *s, const char *a, const char *b);
PIER_API int pier_sim_heal(pier_sim *s, const char *a, const char *b);

/* The tcp conns between two nodes (NULL: all others) are reset at both ends, as by a firewall that has lost its memory.
 * 0 or -ENOENT. */
PIER_API int pier_sim_reset(pier_sim *s, const char *a, const char *b);

/* From now on nothing goes wrong any more: no loss, no cuts, no faults. What is under way must end well now. */
PIER_API void pier_sim_calm(pier_sim *s);

/* ---- Looking ------------------------------------------------------------------------------------- */

/* Waits until no fiber can run anywhere and nothing is under way, but for what a cut of the scenario's holds up; time-outs
 * do not count. Virtual time passes. */
PIER_API void pier_sim_settle(pier_sim *s);

/* Whether it holds. When not, the seed fails, and stderr tells what and where. 0, or -EPROTO. */
#define pier_sim_check(s, holds) pier_sim_check_at((s), (holds), #holds, __FILE__, __LINE__)
PIER_API int pier_sim_check_at(pier_sim *s, bool holds, const char *what, const char *file,
			       int line);

/* Checked after each step, which is what a thread of a node does until it waits: always(arg) false fails the seed, with
 * `what` for a reason. At most 8. It must not wait. 0 or -ENOSPC. */
PIER_API int pier_sim_always(pier_sim *s, bool (*always)(void *arg), void *arg, const char *what);

/* A number below n from the seed, for what the scenario itself leaves to chance. */
PIER_API uint64_t pier_sim_chance(pier_sim *s, uint64_t n);
PIER_API uint64_t pier_sim_seed(const pier_sim *s);

PIER_END

#endif
