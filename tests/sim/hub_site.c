#include "hub_site.h"

#include "../../cli/web.h"
#include "../../hub/accounts.h"
#include "../../hub/store.h"
#include "sim/world.h"
#include "test.h"

#include <sodium.h>
#include <stdlib.h>

#define WORDS_MAX 16
#define ASK_TIME  PIER_S(30)

int pier_main(int argc, char **argv); /* cli/main.c */

/* ---- Passwords, hashed as weakly as libsodium does: a seed has less time than a person ------------- */

int crypto_pwhash_str_alg(char into[crypto_pwhash_STRBYTES], const char *password,
			  unsigned long long len, unsigned long long passes, size_t memory, int alg)
{
	(void)passes;
	(void)memory;
	(void)alg;
	return crypto_pwhash_argon2id_str(into, password, len, crypto_pwhash_argon2id_OPSLIMIT_MIN,
					  crypto_pwhash_argon2id_MEMLIMIT_MIN);
}

int crypto_pwhash_str_needs_rehash(const char hash[crypto_pwhash_STRBYTES],
				   unsigned long long passes, size_t memory)
{
	(void)hash;
	(void)passes;
	(void)memory;
	return 0;
}

/* ---- The hub ------------------------------------------------------------------------------------- */

void site_hush(void)
{
	CHECK(freopen("/dev/null", "w", stdout));
}

int site_run_these(const char *const *words)
{
	char *argv[WORDS_MAX];
	int argc = 0;
	while (words[argc] && argc < WORDS_MAX - 1) {
		argv[argc] = (char *)(uintptr_t)words[argc];
		argc++;
	}
	argv[argc] = NULL;
	return pier_main(argc, argv);
}

/* What is there already stays. Without them there is nobody to serve. */
static int make_accounts(void)
{
	char why[256], hash[ACCOUNT_HASH_MAX], name[] = "wang0";
	struct store *store;
	int err = store_open("/srv/hub", &store, why, sizeof why);
	if (err < 0)
		return err;
	CHECK_OK(account_hash("password", hash));
	for (int i = 0; i < SITE_USERS && err == 0; i++, name[4]++) {
		err = store_account_add(store, name, hash);
		err = err == -EEXIST ? 0 : err;
	}
	store_close(store);
	return err;
}

static int hub(void)
{
	int err = make_accounts();
	return err < 0 ? err
		       : site_run("serve", "--lang=en", "--history=200", "--rate=100000",
				  "--grace=2s", "/srv/hub");
}

void site_open(pier_sim *s)
{
	/* OpenSSL and libc keep what they once made, and a hub that was short-lived has not made all of it. */
	pier_left = NULL;
	CHECK_OK(pier_sim_file_put(s, "srv", "/srv/hub/readme", pier_text("ours\n")));
	CHECK_OK(pier_sim_node(s, "srv", hub));
	site_up(s);
}

void site_crash(pier_sim *s, const char *node)
{
	if (pier_sim_crash(s, node) < 0)
		return;
	pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(500)));
	CHECK_OK(pier_sim_restart(s, node));
	if (!strcmp(node, "srv"))
		site_up(s);
}

void site_up(pier_sim *s)
{
	for (bool listens = false; !listens;) {
		pier_sim_restart(s, "srv");
		PIER_AUTO *c = pier_dial("tcp://srv:7437", .timeout = PIER_S(1));
		listens = pier_err(c) == 0;
		pier_sleep(PIER_MS(10));
	}
}

/* ---- Files --------------------------------------------------------------------------------------- */

pier_bytes site_bytes(int number, size_t len)
{
	static char bytes[SITE_FILE_MAX];
	uint64_t word = (uint64_t)number * 0x9e3779b97f4a7c15u + 1;
	CHECK(len <= sizeof bytes);
	for (size_t i = 0; i < len; i++) {
		word = word * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (char)(word >> 56);
	}
	return pier_bytes_of(bytes, len);
}

bool site_same(pier_bytes file, int number, size_t len)
{
	return file.len == len && !memcmp(file.p, site_bytes(number, len).p, len);
}

/* ---- Asking -------------------------------------------------------------------------------------- */

static int take(struct web *w, const pier_http_head *head, struct site_answer *out)
{
	pier_bytes location = pier_http_get(head, "Location");
	ssize_t n = 0;
	out->offset = web_number(head, "Upload-Offset");
	out->len = 0;
	if (location.p)
		snprintf(out->location, sizeof out->location, "%.*s", (int)location.len,
			 location.p);
	while (out->len < sizeof out->body &&
	       (n = pier_http_read(w->http, out->body + out->len, sizeof out->body - out->len)) > 0)
		out->len += (size_t)n;
	out->whole = n == 0;
	return head->status;
}

int site_ask(const char *method, const char *target, const char *fields, pier_bytes body,
	     struct site_answer *out)
{
	char url[256];
	struct web w;
	pier_http_head head;
	snprintf(url, sizeof url, SITE_URL "%s", target);
	CHECK_OK(web_init(&w, url, ASK_TIME));
	int err = web_ask(&w, method, (pier_bytes){0}, fields, body.p ? (int64_t)body.len : -1);
	/* A hub that answers early has answered, though the body did not go through. */
	if (err == 0 && body.len)
		pier_http_send(w.http, body.p, body.len);
	if (err == 0)
		err = web_answer(&w, &head);
	if (err == 0)
		err = out ? take(&w, &head, out) : head.status;
	web_done(&w);
	return err;
}
