/* How a command ends: its status, and the one sentence that tells why. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

enum status status_of(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return STATUS_DONE;
	case PIER_EURL:
		return STATUS_USAGE;
	case PIER_ENONAME:
	case PIER_ENAMETEMP:
	case PIER_ENAMEFAIL:
		return STATUS_NAME;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
		return STATUS_REFUSED;
	case ETIMEDOUT:
		return STATUS_TIMEOUT;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case ESHUTDOWN:
	case PIER_ETRUNCATED:
	case PIER_ESLOW:
		return STATUS_RESET;
	case PIER_EVERIFY:
		return STATUS_TRUST;
	case PIER_EDIGEST:
		return STATUS_EXPECT;
	case EACCES:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EBADF:
	case EDQUOT:
	case EEXIST:
	case EFBIG:
	case EIO:
	case EISDIR:
	case EMFILE:
	case ENFILE:
	case ENOENT:
	case ENOMEM:
	case ENOSPC:
	case ENOTDIR:
	case EPERM:
	case EROFS:
		return STATUS_LOCAL;
	default:
		return STATUS_OTHER;
	}
}

int fail(enum status status, const char *format, ...)
{
	va_list args;

	fputs(terminal_sgr(stderr, SGR_RED), stderr);
	fputs("pier: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(terminal_sgr(stderr, SGR_RESET), stderr);
	fputc('\n', stderr);
	return (int)status;
}
