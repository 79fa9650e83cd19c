/* The hub: opens the folder, opens the doors, closes both. */
#include "hub.h"

#include <limits.h>
#include <sodium.h>
#include <time.h>

#include "accounts.h"
#include "data_folder.h"
#include "first_bytes.h"
#include "rooms.h"
#include "sentences.h"
#include "store.h"
#include "text_codec.h"
#include "uploads.h"

/* Who is silent this long is a person and is greeted; programs speak at once.
 * docs/decisions/0011-greeting.md */
#define GREET_AFTER PIER_MS(500)
/* Who has begun what may be an HTTP method gets this long to end it. */
#define FIRST_BYTES_TIME PIER_S(5)
#define FIRST_IDLE	 PIER_S(60)
#define KEEPALIVE	 "keepalive=60" /* seconds of silence */
#define URL_MAX		 1024
#define BUFFER_MAX	 (64u << 10) /* bytes that one conn may have waiting to be read */

static struct hub_opts with_defaults(const struct hub_opts *opts)
{
	struct hub_opts o = *opts;

	o.data = o.data ? o.data : "./pier-data";
	o.listen = o.listen ? o.listen : "tcp://:7437";
	o.max_clients = o.max_clients ? o.max_clients : 10000;
	o.max_per_host = o.max_per_host ? o.max_per_host : 256;
	o.line_max = o.line_max ? o.line_max : 2000;
	o.lines_per_minute = o.lines_per_minute ? o.lines_per_minute : 240;
	o.logins_per_minute = o.logins_per_minute ? o.logins_per_minute : 10;
	o.history_lines = o.history_lines ? o.history_lines : 20;
	o.upload_max = o.upload_max ? o.upload_max : INT64_C(64) << 30;
	o.grace = o.grace ? o.grace : PIER_S(10);
	return o;
}

static int check_limits(const struct hub_opts *o, char *why, size_t room)
{
	if (o->line_max > TEXT_LINE_MAX) {
		snprintf(why, room, WHY_LINE_MAX(o->lang), TEXT_LINE_MAX);
		return -EINVAL;
	}
	if (o->history_lines > HISTORY_MAX) {
		snprintf(why, room, WHY_HISTORY_MAX(o->lang), HISTORY_MAX);
		return -EINVAL;
	}
	return 0;
}

/* ---- The doors ------------------------------------------------------------------------------ */

/* Waits for bytes that tell the doors apart; silence tells as well. */
static enum door find_door(pier_conn *c)
{
	enum door door = DOOR_UNSURE;

	if (pier_poll(c, GREET_AFTER) == 0)
		return DOOR_TEXT;
	PIER_WITHIN (FIRST_BYTES_TIME) {
		while (door == DOOR_UNSURE && pier_fill(c) > 0)
			door = door_of(pier_view(c));
	}
	pier_clear(c); /* who began and stopped is a person at a slow keyboard */
	return door;
}

static void hub_door(pier_conn *c, void *arg)
{
	struct hub *hub = arg;

	pier_set_timeouts(c, FIRST_IDLE, FIRST_IDLE);
	if (find_door(c) == DOOR_HTTP)
		hub_http_door(c, hub);
	else
		hub_text_door(c, hub);
}

static void on_listen(const char *where, void *arg)
{
	struct hub *hub = arg;

	if (hub->opts.on_listen)
		hub->opts.on_listen(where, hub->opts.arg);
}

static void on_full(pier_conn *c, void *arg)
{
	struct hub *hub = arg;

	pier_printf(c, SAY_FULL(hub->opts.lang));
}

/* Members may be silent for days; TCP itself then looks whether they are still there. What the operator
 * says about it in the endpoint goes before. */
static int listen_url(const char *listen, char *url, size_t room)
{
	pier_endpoint e;
	int err = pier_endpoint_parse(listen, &e);

	if (err < 0)
		return err;
	if (e.scheme == PIER_UDP || e.scheme == PIER_UNIXGRAM || e.scheme == PIER_SEQPACKET)
		return -EPROTONOSUPPORT;
	bool add = e.scheme == PIER_TCP && !(e.query.len > 0 && strstr(e.query.p, "keepalive"));
	int len = snprintf(url, room, "%s%s%s", listen, add ? (e.query.p ? "&" : "?") : "",
			   add ? KEEPALIVE : "");
	return (size_t)len < room ? 0 : -PIER_EURL;
}

static int serve(struct hub *hub, char *why, size_t room)
{
	char url[URL_MAX];
	int err = listen_url(hub->opts.listen, url, sizeof url);

	if (err == 0)
		err = pier_serve(url, hub_door, .arg = hub, .message_max = BUFFER_MAX,
				 .max_conns = hub->opts.max_clients,
				 .max_per_host = hub->opts.max_per_host, .grace = hub->opts.grace,
				 .on_listen = on_listen, .on_full = on_full, .quiet = true);

	if (err == -EPROTONOSUPPORT)
		snprintf(why, room, WHY_NO_STREAM(hub->opts.lang), hub->opts.listen);
	else if (err < 0)
		snprintf(why, room, "%s: %s", hub->opts.listen, pier_strerror(err));
	return err;
}

/* ---- The folder ----------------------------------------------------------------------------- */

static int open_dir(const struct hub *hub, const char *name, pier_dir **out, char *why, size_t room)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof path, "%s/%s", hub->opts.data, name) >= sizeof path)
		return -ENAMETOOLONG;
	int err = pier_dir_open(path, true, out);
	if (err < 0)
		snprintf(why, room, WHY_NO_FOLDER(hub->opts.lang), path, pier_strerror(err));
	return err;
}

static int hub_open(struct hub *hub, char *why, size_t room)
{
	int err = store_open(hub->opts.data, &hub->store, why, room);

	if (err == 0)
		err = open_dir(hub, "files", &hub->files, why, room);
	if (err == 0)
		err = open_dir(hub, "partial", &hub->partial, why, room);
	if (err < 0)
		return err;
	err = accounts_new(hub->store, hub->opts.logins_per_minute, &hub->accounts);
	if (err == 0)
		err = rooms_new(&hub->opts, hub->store, &hub->rooms);
	if (err == 0)
		err = uploads_open(hub->partial, hub->opts.upload_max, &hub->uploads);
	if (err < 0)
		snprintf(why, room, "%s: %s", hub->opts.data, pier_strerror(err));
	return err;
}

static void hub_close(struct hub *hub)
{
	uploads_close(hub->uploads);
	rooms_free(hub->rooms);
	accounts_free(hub->accounts);
	pier_dir_close(hub->partial);
	pier_dir_close(hub->files);
	store_close(hub->store);
}

int hub_serve(const struct hub_opts *opts, char *why, size_t room)
{
	struct hub hub = {.opts = with_defaults(opts)};

	if (room > 0)
		why[0] = '\0';
	int err = check_limits(&hub.opts, why, room);
	if (err < 0)
		return err;
	int lock = data_folder_take(hub.opts.data, hub.opts.lang, why, room);
	if (lock < 0)
		return lock;
	tzset(); /* once, before threads ask for the local time */
	err = hub_open(&hub, why, room);
	if (err == 0)
		err = serve(&hub, why, room);
	hub_close(&hub);
	data_folder_release(lock);
	return err;
}
