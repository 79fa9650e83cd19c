/* The words for errors. */
#include <pier/error.h>
#include <string.h>

const char *pier_strerror(int err)
{
	if (err < 0)
		err = -err;
	switch (err) {
	case 0:
		return "no error";
	case PIER_ENONAME:
		return "name not found";
	case PIER_ENAMETEMP:
		return "no name server answered";
	case PIER_ENAMEFAIL:
		return "the name look-up failed";
	case PIER_EURL:
		return "not an endpoint (try tcp://host:port)";
	case PIER_ETRUNCATED:
		return "the peer stopped inside a message";
	case PIER_EDIGEST:
		return "the digest differs from what was promised";
	case PIER_ESLOW:
		return "cut off for reading too slowly";
	case PIER_EHTTP:
		return "the server refused";
	case PIER_EPROXY:
		return "the proxy refused";
	case PIER_ECRASH:
		return "its process crashed";
	case PIER_EINHERIT:
		return "no such socket was passed to this process (see systemd.socket(5))";
	case PIER_ENAMEFLAGS:
		return "a name asked for with flags that make no sense";
	case PIER_ENAMEFAMILY:
		return "no names in this address family";
	case PIER_ENAMESERVICE:
		return "service not found";
	case PIER_ENAMETYPE:
		return "no such type of socket";
	case PIER_ETLS:
		return "TLS failed";
	case PIER_EVERIFY:
		return "the certificate is not trusted";
	case PIER_ENOTLS:
		return "this libpier was built without TLS";
	default:
		return strerror(err);
	}
}

bool pier_is_disconnect(int err)
{
	switch (err < 0 ? -err : err) {
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case ESHUTDOWN:
	case PIER_ETRUNCATED:
		return true;
	default:
		return false;
	}
}
