/* A server's station on one worker: its doors, its conns. */
#ifndef SERVER_STATION_H
#define SERVER_STATION_H

#include "hosts.h"
#include "net/conn.h"
#include "net/listen.h"
#include "net/udp.h"

#include <pier/server.h>

#define REFUSALS_MAX 64		  /* conns over a limit that are being told so, per worker */
#define ACCEPT_PAUSE PIER_MS(100) /* when descriptors or memory are out */
#define UNEVEN_LEAST 8		  /* conns that a worker may have more than another */

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
	bool alone;	       /* on no other worker is one at the same place */
	struct udp_port *port; /* of udp; it outlives the door, since its peers answer through it */
};

/* A conn that is being served, on the stack of its fiber. */
struct served {
	struct list link;
	pier_conn *conn;
};

struct station {
	struct serving *serving;
	struct worker *worker;
	struct door doors[LISTEN_MAX];
	unsigned door_count;
	struct list conns; /* struct served */
	pier_group acceptors, handlers;
	unsigned refusals;
	bool dead; /* never started */
	bool ordered[ORDERS];
	struct waitq orders;
	struct io_op start, news, notes[ORDERS];
};

/* One server over all workers. */
struct serving {
	pier_handler handler;
	pier_serve_opts o; /* zeros replaced by the defaults */
	pier_endpoint endpoint;
	bool secure; /* tls:// */
	atomic_uint conns;
	atomic_bool stopping;
	struct hosts hosts;
	struct station *stations;
	unsigned count;
	/* Of the worker where pier_serve waits. */
	struct worker *home;
	struct waitq news;
	unsigned quiet, ended; /* stations whose doors are closed; whose conns have ended */
	unsigned stops;	       /* times it was told to stop: the second is an abort */
	atomic_flag stop_asked;
	struct io_op stop_note;
};

/* station.c */
void pier_station_start(struct station *st);
void pier_station_order(struct station *st, enum order order);

/* accept.c: the fiber of one door. */
int pier_door_run(void *door);

/* serve.c: a station tells home that it got on: quiet, then ended. */
void pier_serving_news(struct io_op *note);

#endif
