/* Devices that report rarely, tens of thousands of them: between two reports a conn holds no stack.
 *	sensors [URL]		(echo 20; sleep 1; echo 22) | nc localhost 7010 */
#include <pier.h>
#include <stdlib.h>

struct sensor { /* def setup(self): zeros, for each */
	unsigned reports;
	double sum;
};

static void report(pier_conn *c, void *arg) /* def handle(self), but for one line */
{
	struct sensor *s = pier_data(c);
	char line[64];
	(void)arg;
	if (pier_gets(c, line, sizeof line) <= 0)
		return;
	s->sum += strtod(line, NULL);
	s->reports++;
	pier_printf(c, "mean of %u: %.2f", s->reports, s->sum / s->reports);
}

static void leave(pier_conn *c, void *out) /* def finish(self): */
{
	struct sensor *s = pier_data(c);
	fprintf(out, "%s left after %u reports%s%s\n", pier_peer(c), s->reports,
		pier_err(c) ? ": " : "", pier_err(c) ? pier_strerror(pier_err(c)) : "");
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	return pier_serve(argc > 1 ? argv[1] : "tcp://:7010", report, .per_message = true,
			  .frame = PIER_LINES, .message_max = 60, .idle = PIER_S(3600),
			  .max_conns = 100000, .data_size = sizeof(struct sensor),
			  .on_close = leave, .arg = stdout) != 0;
}
