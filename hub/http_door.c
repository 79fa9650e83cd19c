/* The HTTP door: who asks for what. */
#include "files.h"
#include "resumable.h"

#include <stdio.h>

#define METHODS "GET, HEAD, PUT, POST, DELETE, OPTIONS"

static int options(struct visit *v)
{
	char limit[UPLOAD_LIMIT_MAX];
	struct fields f = {0};

	fields_add(&f, "Allow: " METHODS "\r\nAccept-Ranges: bytes\r\n");
	fields_add(&f, "Accept-Patch: application/partial-upload\r\nUpload-Limit: %s\r\n",
		   upload_limit(v->hub, limit));
	return visit_bare(v, 204, f.text);
}

static const struct method {
	const char *name;
	int (*answer)(struct visit *);
} methods[] = {
	{"GET", files_get},	  {"HEAD", files_get},	      {"PUT", files_put},
	{"DELETE", files_delete}, {"POST", resumable_create}, {"OPTIONS", options},
};

static int answer_file(struct visit *v)
{
	const char *why;

	if (visit_is(v, "OPTIONS") && pier_bytes_eq(v->ask.target, "*"))
		return options(v);
	if (target_read(v->ask.path, &v->target, &why) < 0)
		return visit_say(v, 400, NULL, "%s", why);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (visit_is(v, methods[i].name))
			return methods[i].answer(v);
	return visit_say(v, 405, "Allow: " METHODS "\r\n", "files know " METHODS);
}

void hub_http_door(pier_conn *c, struct hub *hub)
{
	struct visit v = {.hub = hub, .conn = c, .http = pier_http_new(c)};

	if (!v.http)
		return;
	pier_set_timeouts(c, BODY_IDLE, BODY_IDLE);
	while (pier_http_next(v.http, &v.ask) > 0) {
		uploads_tidy(hub->uploads);
		v.body = BODY_UNREAD;
		int err = upload_is_target(v.ask.path) ? resumable_answer(&v) : answer_file(&v);
		if (err < 0)
			break;
		visit_linger(&v);
	}
	pier_http_free(v.http);
}
