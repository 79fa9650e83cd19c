/* A site: the node "srv" runs `pier serve` on its own disk, other nodes run `pier put`, `pier get` or talk: all of it the
 * command itself, as a person would type it. */
#ifndef HUB_SITE_H
#define HUB_SITE_H

#include <pier.h>

#define SITE_FILES "/srv/hub/files/" /* on the hub's disk */
#define SITE_URL   "http://wang0:password@srv:7437"
#define SITE_USERS 4 /* wang0 … wang3, each with the password "password" */

/* What the command says to its user is dropped from now on. To be called before the simulation begins. */
void site_hush(void);

/* Runs `pier ARGUMENTS…`. Returns its exit status. */
#define site_run(...) site_run_these((const char *[]){"pier", __VA_ARGS__, NULL})
int site_run_these(const char *const *words);

/* Starts "srv" on an empty disk: it makes the accounts, and serves. */
void site_open(pier_sim *s);

/* The power of a node fails, and is there again after a while. Not at all when its program has ended before. */
void site_crash(pier_sim *s, const char *node);

/* Waits until the hub listens, and starts it when it does not run: on a disk that fails, it may end as soon as it begins. */
void site_up(pier_sim *s);

/* The bytes of a file, which no other number gives. Good until the next call. */
#define SITE_FILE_MAX (2 << 20)
pier_bytes site_bytes(int number, size_t len);
bool site_same(pier_bytes file, int number, size_t len);

/* Asks the hub as wang0. Returns the status, or an error; out (NULL: nobody wants it) is what came. */
struct site_answer {
	char location[128];
	int64_t offset; /* Upload-Offset; -1 */
	size_t len;
	bool whole;
	char body[SITE_FILE_MAX];
};
int site_ask(const char *method, const char *target, const char *fields, pier_bytes body,
	     struct site_answer *out);

#endif
