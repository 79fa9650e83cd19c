/* Deadlines. Somebody listens here who never answers; nobody waits for ever. */
#include <pier.h>

static double since(int64_t start)
{
	return (double)(pier_now() - start) / 1e9;
}

static int read_patiently(pier_conn *c)
{
	PIER_WITHIN (PIER_S(10)) /* a patient function… */
		pier_next(c);
	return pier_err(c);
}

int main(void)
{
	PIER_AUTO_LISTENER *silent = NULL;
	int64_t start = pier_now(); /* time.monotonic() */

	if (pier_listen("tcp://127.0.0.1:0", &silent) < 0) /* socket.create_server(…) */
		return 1;
	/* create_connection(silent.getsockname(), timeout=1) */
	PIER_AUTO *c = pier_dial(pier_listener_url(silent), .timeout = PIER_S(1));

	pier_set_timeouts(c, PIER_MS(200), 0); /* s.settimeout(0.2) */
	pier_next(c);
	printf("time-out: %s after %.1f s\n", pier_strerror(pier_err(c)), since(start));

	pier_clear(c); /* the conn is as good as before */
	pier_set_timeouts(c, 0, 0);
	start = pier_now();
	PIER_WITHIN (PIER_MS(300)) /* …called by one in a hurry: async with asyncio.timeout(0.3) */
		read_patiently(c);
	printf("deadline: %s after %.1f s\n", pier_strerror(pier_err(c)), since(start));
	return 0;
}
