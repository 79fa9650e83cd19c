/* The text door: chat by lines, for nc, telnet and whatever else sends text. docs/protocols/text.md
 */
#include <stdlib.h>

#include "text_inside.h"

/* The last words, unless they were said. A conn that failed says nothing any more. */
static void say_goodbye(struct visitor *v)
{
	if (!v->left && pier_stopping(v->c))
		SAY(v, SAY_STOPPING);
}

static void chat(struct visitor *v)
{
	struct rooms *rooms = v->hub->rooms;
	int err = rooms_arrive(rooms, &v->member, v->c, v->name);

	if (err == 0)
		err = text_join(v, ROOM_FIRST);
	if (err < 0)
		SAY(v, SAY_NO_JOIN, pier_strerror(err));
	while (err == 0 && !v->left && text_line(v) > 0)
		text_obey(v);
	rooms_depart(rooms, &v->member);
}

void hub_text_door(pier_conn *c, struct hub *hub)
{
	/* On the heap, and no longer than this hub's lines: a quiet member costs no pages of stack. */
	struct visitor *v = calloc(1, sizeof *v + hub->opts.line_max + 1);

	if (!v)
		return;
	v->c = c;
	v->hub = hub;
	v->lang = hub->opts.lang;
	text_init(&v->codec, v->line, hub->opts.line_max);
	pier_addr_host(pier_peer_addr(c), v->host, sizeof v->host);
	if (text_login(v) == 0)
		chat(v);
	say_goodbye(v);
	free(v);
}
