/* The load of the benchmarks: one thread, one epoll, every byte that comes back is compared. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_LARGEST  65536 /* of a message */
#define DEPTH_LARGEST 64    /* messages under way on one conn */
#define READ_SIZE     (256 * 1024)
#define GIVE_UP	      INT64_C(20000000000) /* ns: opening, draining, and any silence */
#define EVENTS_ONCE   512
#define SERVERS_MOST  64 /* processes of the server */

/* ---- What to do: main.c -------------------------------------------------------------------------- */

struct plan {
	struct sockaddr_in to;
	unsigned conns, size, depth;
	int64_t warm, lasting;	   /* ns: before we measure, and while we do */
	uint64_t most;		   /* messages; then we stop early */
	int servers[SERVERS_MOST]; /* pids, whose CPU time is read */
	unsigned server_count;
	bool tls, resume; /* speak it; and take up the last session */
	bool hold;	  /* once open: say "ready", go on at a line (or the end) of stdin */
};

void load_echo(const struct plan *p);
void load_churn(const struct plan *p);
void load_stream(const struct plan *p);
void load_fanout(const struct plan *p);
void load_udp(const struct plan *p);
void load_flood(const struct plan *p);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says "ready" and waits to be told to go, when the plan asks for it. */
void ready(const struct plan *p);

/* ---- What came of it: meter.c -------------------------------------------------------------------- */

/* Latencies: 32 steps for each power of two, so a value is known within 3 %. */
#define STEPS 32
struct histogram {
	uint64_t count[64 * STEPS];
	uint64_t total;
};

enum phase {
	WARMING,
	MEASURING,
	OVER
};

struct meter {
	enum phase phase;
	int64_t warm_until, until, began, ended;
	const struct plan *p;
	uint64_t messages, bytes, resent; /* within the window */
	uint64_t all;			  /* messages since the start, also outside it */
	int64_t server_cpu, load_cpu;	  /* ns within the window */
	struct histogram latency;
};

int64_t now_ns(void);

/* Begins to warm up. */
void meter_start(struct meter *m, const struct plan *p);

/* To be called once a turn; false when it is time to stop. */
bool meter_turn(struct meter *m, int64_t now);

/* One message is back, all of it, that left at `sent`. */
void meter_count(struct meter *m, int64_t sent, int64_t now, size_t bytes);

/* One line of JSON on stdout. */
void meter_print(const struct meter *m);

/* ---- What is sent: pattern.c --------------------------------------------------------------------- */

/* Conn `c` sends the bytes of an endless pattern, each from a place of its own. pattern_at is good for
 * READ_SIZE bytes. With `line`, every line of it has so many bytes, its LF among them. */
void pattern_init(size_t line);
const char *pattern_at(unsigned c, uint64_t position);

/* Ends the program when what came is not the pattern. */
void pattern_check(unsigned c, uint64_t position, const char *got, size_t n);

/* ---- Sockets: dial.c ----------------------------------------------------------------------------- */

/* A non-blocking socket, connecting. TCP conns come from many addresses of 127/8, so that ports last. */
int dial(const struct plan *p, int type);

/* recv and send that know only progress (> 0) and not now (0): anything else ends the program. */
size_t take(int fd, char *into, size_t room);
size_t give(int fd, const char *from, size_t n);

void hang_up(int fd);

int watch_open(void);
void watch(int epoll, int fd, uint32_t events, uint64_t tag);
void rewatch(int epoll, int fd, uint32_t events, uint64_t tag);

/* ---- TLS: tls.c ---------------------------------------------------------------------------------- */

void tls_open(bool resume); /* from now on each stream speaks it */
void tls_begin(int fd);
void tls_end(int fd);
bool tls_speaks(int fd);
/* What give could not do waits for something to come, as within a handshake. */
bool tls_wants_input(int fd);
size_t tls_take(int fd, char *into, size_t room);
size_t tls_give(int fd, const char *from, size_t n);

#endif
