/* The contender of the house. pier echo|lines|idle|stream|fanout|udp PORT */
#include <pier.h>
#include <string.h>

#define STREAM_BLOCK 65536

static char block[STREAM_BLOCK];

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

static void stream(pier_conn *c, void *arg)
{
	(void)arg;
	while (pier_send(c, block, sizeof block) > 0)
		;
}

static void chat(pier_conn *c, void *room)
{
	pier_bytes line;
	if (pier_topic_add(room, c) < 0 || pier_send(c, "hello", 5) < 0)
		return;
	while ((line = pier_next(c)).p)
		pier_say(room, c, line);
}

static const struct mode {
	const char *name, *url;
	pier_handler handler;
	pier_frame frame;
} modes[] = {
	{"echo", "tcp://127.0.0.1:%s", echo, PIER_RAW},
	{"lines", "tcp://127.0.0.1:%s", echo, PIER_LINES},
	{"idle", "tcp://127.0.0.1:%s", echo, PIER_RAW},
	{"stream", "tcp://127.0.0.1:%s", stream, PIER_RAW},
	{"fanout", "tcp://127.0.0.1:%s", chat, PIER_LINES},
	{"udp", "udp://127.0.0.1:%s", echo, PIER_RAW},
};

int main(int argc, char **argv)
{
	char url[64];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i * 31 + (i >> 8) * 17);
	for (size_t i = 0; argc == 3 && i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		snprintf(url, sizeof url, modes[i].url, argv[2]);
		void *room = pier_topic_new(.backlog = 1024);
		return pier_serve(url, modes[i].handler, .arg = room, .frame = modes[i].frame,
				  .max_conns = 20000) != 0;
	}
	return 2;
}
