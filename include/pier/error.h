/* Errors are values: a call returns ≥ 0, or a negative number that is either -errno or one of these. */
#ifndef PIER_ERROR_H
#define PIER_ERROR_H

#include <errno.h>
#include <pier/api.h>

PIER_BEGIN

/* pier's own errors, beyond any errno. Returned negated, as errno values are. */
enum {
	PIER_ENONAME = 5001, /* the name does not exist (getaddrinfo: EAI_NONAME, EAI_NODATA) */
	PIER_ENAMETEMP,	     /* no name server answered; later it may (EAI_AGAIN) */
	PIER_ENAMEFAIL,	     /* the name server refused or broke (EAI_FAIL and the rest) */
	PIER_EURL,	     /* not an endpoint that pier understands */
	PIER_ETRUNCATED,     /* the peer ended inside a message */
	PIER_EDIGEST,	     /* what came is not what was promised: its digest differs */
	PIER_ESLOW,	     /* the peer read too slowly, its queue filled, and it was cut */
	PIER_EHTTP,	     /* the server answered with a status that is no success */
	PIER_EPROXY,	     /* the proxy refused, or could not */
	PIER_ECRASH,	     /* the process that served the conn was ended by a signal */
	PIER_EINHERIT, /* systemd:… but no such socket was passed (LISTEN_PID, LISTEN_FDS) */
	PIER_ETLS,     /* no TLS could be agreed on, or what came breaks its rules */
	PIER_EVERIFY,  /* the peer's certificate does not vouch for whom it should be */
	PIER_ENOTLS,   /* this libpier was built without TLS */
	/* Of names: what was asked for cannot be. getaddrinfo(3), getnameinfo(3). Python: gaierror. */
	PIER_ENAMEFLAGS = 5101, /* flags that make no sense (EAI_BADFLAGS) */
	PIER_ENAMEFAMILY,	/* a family without names (EAI_FAMILY) */
	PIER_ENAMESERVICE,	/* no such service (EAI_SERVICE) */
	PIER_ENAMETYPE,		/* no such type of socket (EAI_SOCKTYPE) */
};

/* The words for an error, negative or positive: "Connection refused", "name not found". Never NULL;
 * static storage, or the calling thread's for unknown numbers. Python: os.strerror, gaierror. */
PIER_API const char *pier_strerror(int err);

/* True for the errors that mean "the peer went away" (ECONNRESET, EPIPE, ECONNABORTED, ESHUTDOWN,
 * PIER_ETRUNCATED): a server expects these and need not report them. Python: ConnectionError. */
PIER_API bool pier_is_disconnect(int err);

PIER_END

#endif
