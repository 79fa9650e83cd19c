/* A server's station on one worker: its doors, its conns. */
#ifndef SERVER_STATION_H
#define SERVER_STATION_H

#include "hosts.h"
#include "net/conn.h"
#include "net/listen/listen.h"
#include "net/udp/udp.h"

#include <pier/network.h>
#include <pier/server.h>

#define REFUSALS_MAX 64		  /* conns over a limit that are being told so, per worker */
#define ACCEPT_PAUSE PIER_MS(100) /* when descriptors or memory are out */
#define UNEVEN_LEAST 8		  /* conns that a worker may have more than another */
#define UNEVEN_PART  16		  /* or one in so many, when that is more */

/* Stopping takes two steps, so that no conn is handed to a station that has ended: first all doors are
 * closed everywhere, then the conns end. */
enum order {
	ORDER_CLOSE_DOORS,
	ORDER_END_CONNS,
	ORDER_ABORT,
	ORDERS
};

/* A listening socket on one worker. */
struct door {
	struct station *station;
	int fd;
	pier_scheme scheme;
	bool alone; /* on no other worker is one at the same place */
	/* Of udp; it outlives the door, since its peers answer through it. */
	_Atomic(struct udp_port *) port;
	struct io_op crowded; /* a note: let the longest silent peer go */
	atomic_bool crowded_told;
};

struct station {
	struct serving *serving;
	struct worker *worker;
	struct door doors[LISTEN_MAX];
	unsigned door_count;
	struct list conns; /* that are served here */
	pier_group acceptors, handlers;
	struct waitq emptied; /* of conns */
	unsigned refusals;
	/* When handlers are called per message. */
	struct io_op *due, **due_last; /* of conns that need a caller */
	struct heap timers;	       /* idle time-outs */
	unsigned called;	       /* conns; the timers have room for so many */
	bool spare;		       /* a caller stands ready */
	bool short_handed;	       /* none could be had */
	struct waitq keeper;
	pier_group keepers;
	bool dead; /* never started */
	bool ordered[ORDERS];
	struct waitq orders;
	struct io_op start, news, notes[ORDERS];
};

#define URLS_MAX 16 /* of one server */

struct url {
	pier_endpoint endpoint; /* of tls://, that of the tcp below */
	bool tls;
	struct places places;
};

/* One server over all workers. */
struct serving {
	pier_handler handler;
	pier_serve_opts o; /* zeros replaced by the defaults */
	struct url urls[URLS_MAX];
	unsigned url_count;
	const char *why; /* it cannot begin, where an errno does not tell */
	pier_networks allowed, denied, proxies;
	atomic_uint conns, begun;
	atomic_bool stopping;
	struct hosts hosts;
	struct station *stations;
	unsigned count;
	/* Of the worker where pier_serve waits. */
	struct worker *home;
	struct waitq news;
	unsigned quiet, ended; /* stations whose doors are closed; whose conns have ended */
	bool enough;	       /* it has begun as many conns as it is to serve */
	unsigned stops;	       /* times it was told to stop: the second is an abort */
	atomic_flag stop_asked;
	bool told_in_child; /* to stop, by the handler of an isolated conn */
	atomic_flag empty_told;
	atomic_int failure; /* why it cannot go on: a negative errno */
	struct io_op stop_note, enough_note, empty_note;
};

/* station.c */
void pier_station_start(struct station *st);
void pier_station_order(struct station *st, enum order order);

/* doors.c: reads the URLs; opens them; tells the application; gives the sockets to the stations, which close
 * them. */
int pier_doors_parse(struct serving *s, const char *url);
int pier_doors_open(struct serving *s);
void pier_doors_tell(const struct serving *s);
void pier_doors_hand_out(struct serving *s);
void pier_doors_close(struct serving *s);

/* conns.c: whether a peer may come at all. */
bool pier_station_welcomes(const struct station *st, const pier_addr *peer);

/* conns.c: data and on_open, false when there is no memory for it; that and the handler; what went wrong, and
 * on_close. */
bool pier_station_open(struct station *st, pier_conn *c);
/* Shakes hands, where the conn came by tls://; false when that failed. */
bool pier_station_secure(const struct station *st, pier_conn *c);
void pier_station_handle(struct station *st, pier_conn *c);
void pier_station_say_goodbye(struct station *st, pier_conn *c);

/* isolate.c: serves a conn in a process of its own, and waits for that. And, before anything is opened: 0, or why these
 * options and URLs do not go with it. */
void pier_station_isolate(struct station *st, pier_conn *c);
int pier_serving_check_isolation(struct serving *s);

/* conns.c: on_full, within PIER_LINGER. */
void pier_station_tell_full(struct station *st, pier_conn *c);

/* proxied.c: true for a conn from a proxy. And, on its fiber, before anything else is read: takes the header, and
 * judges the client it names; meet counts it too. False when the conn is to be closed. */
bool pier_station_proxies(const struct station *st, const pier_conn *c);
bool pier_station_learn_client(const struct station *st, pier_conn *c);
bool pier_station_meet(struct station *st, pier_conn *c);

/* conns.c: counts a new conn and serves it, or refuses it: false when it is still the caller's. Leaving is
 * reported, closed, freed. */
bool pier_station_enter(struct station *st, pier_conn *c);
void pier_station_leave(struct station *st, pier_conn *c);

/* calls.c: serves a conn per message; and the fiber that sees to the quiet ones, cancelled when there are no
 * conns any more. */
bool pier_calls_begin(struct station *st, pier_conn *c);
int pier_calls_keep(void *station);

/* room.c: all conns are taken, and there is a new udp peer: has the one go that is silent for longest. */
void pier_serving_make_room(struct serving *s);

/* accept.c: the fiber of one door. */
int pier_door_run(void *door);

/* serve.c: stops gently. From any worker. */
void pier_serving_stop(struct serving *s);

/* serve.c: a station cannot serve any more: the server stops, and pier_serve returns `err`. On any worker. */
void pier_serving_fail(struct serving *s, int err);

/* serve.c: a station tells home that it got on: quiet, then ended. */
void pier_serving_news(struct io_op *note);
/* The last conn that it was to serve has begun. From any worker. */
void pier_serving_enough(struct serving *s);
/* The last conn of those that live has ended. From any worker. */
void pier_serving_empty(struct serving *s);

#endif
