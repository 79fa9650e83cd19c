/* Asks all at the same time, and tells of each what came, or why nothing came. The whole takes as long as the slowest,
 * two seconds at most.
 *	ask_all URL… */
#include <pier.h>

static int ask(void *url)
{
	PIER_AUTO *c = pier_dial(url); /* reader, writer = await asyncio.open_connection(…) */
	char line[256] = "";

	pier_printf(c, "hello\n");
	pier_gets(c, line, sizeof line);
	printf("%s: %s\n", (char *)url, pier_err(c) ? pier_why(c) : line);
	return 0; /* an error here would cancel the others */
}

static int ask_all(void *urls)
{
	PIER_AUTO_GROUP all = PIER_GROUP; /* async with asyncio.TaskGroup() as all, */
	int err = 0;

	PIER_WITHIN (PIER_S(2)) { /* asyncio.timeout(2): */
		for (char **url = urls; *url; url++)
			pier_go(&all, ask, *url); /* all.create_task(ask(url)) */
		err = pier_group_wait(&all);
	}
	return err;
}

int main(int argc, char **argv)
{
	return argc < 2 ? 2 : pier_run(ask_all, argv + 1, .workers = 1) != 0;
}
