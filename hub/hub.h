/* The hub: one process, one port, one data folder. An application of <pier/…>: its doors (text, HTTP)
 * open on the same accounts, rooms and files.
 *
 *	DIR/pier.db   accounts and history (SQLite)       DIR/files/    what people share
 *	DIR/partial/  uploads that are not whole yet      DIR/lock      held by the running hub
 */
#ifndef HUB_H
#define HUB_H

#include <pier.h>

#include "words.h"

#define HUB_PORT 7437 /* "PIER" on a phone pad */

struct hub_opts {
	const char *data;	    /* the data folder; NULL = ./pier-data */
	const char *listen;	    /* endpoint; NULL = tcp://:7437 */
	enum hub_lang lang;	    /* of what the text door says */
	bool open;		    /* anyone may register */
	unsigned max_clients;	    /* 0 = 10,000 */
	unsigned max_per_host;	    /* 0 = 256 */
	unsigned line_max;	    /* bytes of one chat line; 0 = 2,000 */
	unsigned lines_per_minute;  /* of one person, with bursts of a quarter of it; 0 = 240 */
	unsigned logins_per_minute; /* failed logins of one host, and of one account; 0 = 10 */
	unsigned history_lines;	    /* shown on joining a room; 0 = 20 */
	int64_t upload_max;	    /* bytes of one file; 0 = 64 GiB */
	int64_t grace;		    /* ns for conversations to end after SIGTERM; 0 = 10 s */
	void (*on_listen)(const char *where, void *arg);
	void *arg;
};

struct hub {
	struct hub_opts opts; /* zeros replaced by the defaults */
	struct store *store;
	struct accounts *accounts;
	struct rooms *rooms;
	pier_dir *files;	 /* DIR/files */
	pier_dir *partial;	 /* DIR/partial */
	struct uploads *uploads; /* those under way: uploads.h */
};

/* Opens the data folder, serves until SIGINT or SIGTERM, closes it. Returns 0 or a negative error, with
 * `why` (room bytes) saying what failed and what to do. */
int hub_serve(const struct hub_opts *opts, char *why, size_t room);

/* The doors: each serves one conn from its first byte. hub.c tells them apart by those first bytes. */
void hub_text_door(pier_conn *c, struct hub *hub);
void hub_http_door(pier_conn *c, struct hub *hub);

#endif
