/* The terminal: is there one, how wide is it, does it want colour; a password without echo. */
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "options.h"

bool terminal_is(FILE *f)
{
	return isatty(fileno(f));
}

/* https://no-color.org: any value but an empty one turns colour off. */
bool terminal_colour(FILE *f)
{
	const char *want = common.color ? common.color : "auto";
	if (strcmp(want, "auto") != 0)
		return strcmp(want, "always") == 0;

	const char *off = getenv("NO_COLOR"), *term = getenv("TERM");
	return terminal_is(f) && !(off && *off) && term && strcmp(term, "dumb") != 0;
}

unsigned terminal_columns(FILE *f)
{
	struct winsize size;

	if (ioctl(fileno(f), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

const char *terminal_sgr(FILE *f, const char *sequence)
{
	return terminal_colour(f) ? sequence : "";
}

#define INTERRUPT '\003'

/* A line from an unbuffered stream, so that the bytes are in `into` alone. */
static int read_line(FILE *tty, char *into, size_t room)
{
	size_t len = 0;

	for (int ch; (ch = getc(tty)) != '\n'; into[len++] = (char)ch) {
		if (ch == EOF)
			return -EIO;
		if (ch == INTERRUPT)
			return -EINTR;
		if (len + 1 == room)
			return -EMSGSIZE;
	}
	into[len] = '\0';
	return (int)len;
}

static int read_hidden(FILE *tty, const char *prompt, char *into, size_t room)
{
	struct termios shown, hidden;
	if (tcgetattr(fileno(tty), &shown) < 0)
		return -ENOTTY;

	/* A signal here would leave the terminal mute: ^C comes as a byte that ends the line, and
	 * becomes the signal once the echo is back. */
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	hidden.c_lflag |= ECHONL;
	hidden.c_cc[VEOL] = INTERRUPT;
	fputs(prompt, tty);
	if (tcsetattr(fileno(tty), TCSAFLUSH, &hidden) < 0)
		return -ENOTTY;
	int len = read_line(tty, into, room);
	tcsetattr(fileno(tty), TCSAFLUSH, &shown);
	if (len < 0)
		explicit_bzero(into, room);
	if (len == -EINTR)
		raise(SIGINT);
	return len;
}

int terminal_password(const char *prompt, char *into, size_t room)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	if (!tty)
		return -ENOTTY;

	setvbuf(tty, NULL, _IONBF, 0);
	int len = read_hidden(tty, prompt, into, room);
	fclose(tty);
	return len;
}
