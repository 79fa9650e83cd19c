/* The login dialogue. */
#include <sodium.h>

#include "text_inside.h"

#define ASKED_MAX 20 /* questions of one visitor, however it answers */

struct password {
	char text[PASSWORD_MAX + 2]; /* one byte over, so that too long stays too long */
};

static void forget(struct password *p)
{
	sodium_memzero(p, sizeof *p);
}

/* Asks for a line that is not shown, where the peer lets us hide it. */
static int ask_password(struct visitor *v, const char *question, struct password *out)
{
	text_hide_echo(&v->codec, true);
	text_answer(v);
	pier_printf(v->c, "%s", question);

	v->secret = true;
	int got = text_line(v);
	v->secret = false;
	bool hidden = v->codec.hiding;
	text_hide_echo(&v->codec, false);
	text_answer(v);
	if (hidden)
		pier_send(v->c, "\r\n", 2); /* the one that was typed was not shown either */
	if (got > 0)
		memcpy(out->text, v->line, strnlen(v->line, sizeof out->text - 1));
	sodium_memzero(v->line, v->codec.max + 1);
	return got > 0 ? 0 : got < 0 ? got : -ENODATA;
}

/* Tells why a login or a registration failed. Returns the error when the visit is over with it. */
static int tell(struct visitor *v, int err, const char *name)
{
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		SAY(v, SAY_NAME_TAKEN, name);
		return 0;
	case -EINVAL:
		SAY(v, SAY_BAD_NAME, name);
		return 0;
	case -EDOM:
		SAY(v, SAY_BAD_PASSWORD, PASSWORD_MIN, PASSWORD_MAX);
		return 0;
	case -EAGAIN:
		SAY(v, SAY_BRAKED);
		return err;
	case -EBUSY:
		SAY(v, SAY_LOGIN_BUSY);
		return err;
	default:
		SAY(v, SAY_LOGIN_FAULT, pier_strerror(err));
		return err;
	}
}

/* ---- Registering ---------------------------------------------------------------------------- */

static int choose_password(struct visitor *v, struct password *out)
{
	PIER_CLEANUP(forget) struct password again = {0};
	int err = ask_password(v, SAY_NEW_PASSWORD(v->lang), out);

	if (err < 0)
		return err;
	if (password_check(out->text) < 0)
		return -EDOM;
	err = ask_password(v, SAY_AGAIN(v->lang), &again);
	if (err < 0)
		return err;
	return strcmp(out->text, again.text) == 0 ? 0 : -EKEYREJECTED;
}

/* Returns 1 when the visitor is somebody now, 0 to ask again, or an error. */
static int register_one(struct visitor *v, const char *asked)
{
	PIER_CLEANUP(forget) struct password password = {0};
	char name[ACCOUNT_NAME_MAX + 1];

	if (!v->hub->opts.open) {
		SAY(v, SAY_CLOSED);
		return 0;
	}
	if (!*asked) {
		SAY(v, SAY_REGISTER_HOW);
		return 0;
	}
	if (account_name_check(asked) < 0)
		return tell(v, -EINVAL, asked);
	snprintf(name, sizeof name, "%s", asked);
	int err = choose_password(v, &password);
	if (err == -EKEYREJECTED) {
		SAY(v, SAY_DIFFERENT);
		return 0;
	}
	if (err < 0 && err != -EDOM)
		return err;
	if (err == 0)
		err = accounts_register(v->hub->accounts, name, password.text, v->host);
	if (err == -EAGAIN) {
		SAY(v, SAY_MANY_NEW);
		return err;
	}
	if (err < 0)
		return tell(v, err, name);
	SAY(v, SAY_REGISTERED);
	snprintf(v->name, sizeof v->name, "%s", name);
	return 1;
}

/* ---- Logging in ----------------------------------------------------------------------------- */

/* Returns 1 for a good login, 0 for a wrong one, or an error. */
static int try_password(struct visitor *v, const char *name)
{
	PIER_CLEANUP(forget) struct password password = {0};
	int err = ask_password(v, SAY_ASK_PASSWORD(v->lang), &password);

	if (err < 0)
		return err;
	err = accounts_check(v->hub->accounts, name, password.text, v->host, v->name);
	if (err == -EACCES)
		return 0;
	return err < 0 ? tell(v, err, name) : 1;
}

/* Cuts the spaces around, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " ");
	for (len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
		;
	text[len] = '\0';
	return text;
}

/* Anything but a name: 1 when it led to a login, 0 to ask again, or an error. */
static int answer_command(struct visitor *v, const struct text_input *in)
{
	if (strcmp(in->command, "register") == 0)
		return register_one(v, in->rest);
	if (strcmp(in->command, "quit") != 0) {
		SAY(v, SAY_LOG_IN_FIRST);
		return 0;
	}
	SAY(v, SAY_BYE);
	return -ECONNABORTED;
}

/* The answer to "user name": 1 when it led to a login, 0 when it did not, or an error. */
static int answer_name(struct visitor *v, unsigned *tries)
{
	struct text_input in = text_parse(v->line);
	char name[ACCOUNT_NAME_MAX + 2] = ""; /* one byte over, as above */

	if (strcmp(v->line, "Q") == 0)
		in.command = "quit";
	if (in.command)
		return answer_command(v, &in);
	snprintf(name, sizeof name, "%s", trim(in.rest));
	if (!*name)
		return 0;
	int good = try_password(v, name);
	if (good != 0)
		return good;
	/* The delay comes before the answer, and is the same whether the name exists. */
	int err = pier_sleep(LOGIN_DELAY << *tries);
	if (err < 0)
		return err;
	SAY(v, SAY_WRONG);
	if (++*tries < LOGIN_TRIES)
		return 0;
	SAY(v, SAY_NO_MORE_TRIES);
	return -EACCES;
}

static int converse(struct visitor *v)
{
	unsigned tries = 0;

	if (v->hub->opts.open)
		SAY(v, SAY_OPEN);
	for (unsigned asked = 0; asked < ASKED_MAX; asked++) {
		SAY(v, SAY_ASK_NAME);
		int got = text_line(v);
		if (got <= 0)
			return got < 0 ? got : -ENODATA;
		got = answer_name(v, &tries);
		if (got != 0)
			return got < 0 ? got : 0;
	}
	SAY(v, SAY_NO_MORE_TRIES);
	return -EACCES;
}

int text_login(struct visitor *v)
{
	int err = -ETIMEDOUT;

	pier_set_timeouts(v->c, LOGIN_IDLE, SEND_IDLE);
	PIER_WITHIN (LOGIN_TIME) {
		err = converse(v);
	}
	if (err == -ETIMEDOUT) {
		pier_clear(v->c);
		SAY(v, SAY_TOO_SLOW);
	}
	if (err < 0)
		return err;
	pier_set_timeouts(v->c, 0, SEND_IDLE);
	SAY(v, SAY_LOGGED_IN);
	return 0;
}
