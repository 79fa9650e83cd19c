/* A library without TLS says so. */
#include "net/conn.h"

#include <errno.h>
#include <pier/tls.h>

pier_tls *pier_tls_new_with(const pier_tls_opts *opts)
{
	(void)opts;
	return NULL;
}

void pier_tls_free(pier_tls *t)
{
	(void)t;
}

int pier_tls_err(const pier_tls *t)
{
	(void)t;
	return -PIER_ENOTLS;
}

const char *pier_tls_why(const pier_tls *t)
{
	(void)t;
	return pier_strerror(-PIER_ENOTLS);
}

int pier_tls_reload(pier_tls *t)
{
	(void)t;
	return -PIER_ENOTLS;
}

int pier_tls_can_serve(const pier_tls *t, const char **why)
{
	*why = pier_tls_why(t);
	return -PIER_ENOTLS;
}

int pier_tls_start(pier_conn *c, pier_tls *t, pier_tls_side side, const char *name)
{
	(void)t;
	(void)side;
	(void)name;
	return c ? pier_conn_fail(c, -PIER_ENOTLS, "start TLS with") : -ENOMEM;
}

int pier_tls_start_served(pier_conn *c, pier_tls *t)
{
	return pier_tls_start(c, t, PIER_TLS_SERVER, NULL);
}

int pier_tls_shaking_begin(struct shaking *s, pier_conn *c, pier_tls *t)
{
	(void)s;
	return pier_tls_start(c, t, PIER_TLS_SERVER, NULL);
}

int pier_tls_shaking_go_on(struct shaking *s, pier_conn *c)
{
	(void)s;
	return pier_err(c);
}

int64_t pier_tls_patience(const pier_tls *t)
{
	(void)t;
	return 0;
}

int pier_tls_start_dialled(pier_conn *c, pier_tls *t, pier_bytes host)
{
	(void)host;
	return pier_tls_start(c, t, PIER_TLS_CLIENT, NULL);
}

int pier_tls_about(const pier_conn *c, pier_tls_facts *out)
{
	(void)c;
	(void)out;
	return -ENOTCONN;
}

const char *pier_tls_words(pier_conn *c)
{
	(void)c;
	return "";
}

int pier_tls_rekey(pier_conn *c, bool both)
{
	(void)c;
	(void)both;
	return -ENOTCONN;
}
