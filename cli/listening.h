/* The state of pier listen: its options, its clients, and what it does for them. */
#ifndef CLI_LISTENING_H
#define CLI_LISTENING_H

#include "command.h"
#include "talk.h"
#include "view.h"

struct listening;

/* One that connected. */
struct client {
	struct listening *of;
	pier_conn *conn;
	unsigned id;
	struct visible seen;
	struct tally tally;
	struct client *next; /* in the crowd */
	unsigned busy;	     /* someone else's fiber is sending to it */
};

/* What is done for a client, from its first byte to its return. */
typedef void (*service)(struct client *);

struct listening {
	const char *url;
	struct view view;
	struct talk_opts talk;
	service serve;
	bool show_all;	  /* the data are shown, not only among events */
	pier_topic *room; /* of the hub */
	struct client *crowd;
	unsigned ids; /* given so far */
	int64_t sent, received;
	const char *exec;  /* the command for each client */
	const char *reply; /* a file's path */
	pier_bytes canned; /* its bytes, for datagrams */
};

/* The next piece from a client, counted and shown; p is NULL at its end. */
pier_bytes client_next(struct client *c);
/* Sends it a piece, counted and shown. Returns 0 or an error. */
int client_send(struct client *c, pier_bytes piece);

/* The services. */
void serve_crowd(struct client *c); /* what is typed goes to all of them */
void serve_hub(struct client *c);   /* what one says goes to the others */
void serve_echo(struct client *c);
void serve_discard(struct client *c); /* RFC 863 */
void serve_upper(struct client *c);
void serve_reply(struct client *c);
void serve_exec(struct client *c);

/* What is typed goes to everyone: reads stdin to its end (fiber). Waits for the first client before
 * it reads what is no terminal. Returns -ECANCELED when a person is done (Ctrl-D), else 0. */
int crowd_type(struct listening *l);

#endif
