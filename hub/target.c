/* The path of a request, read strictly. */
#include "target.h"

#include "utf8.h"

/* Absolute form, as proxies send it: "http://host/path" (RFC 9112 §3.2.2). */
static pier_bytes without_authority(pier_bytes b)
{
	if (!pier_bytes_starts(b, "http://"))
		return b;
	const char *slash = memchr(b.p + 7, '/', b.len - 7);
	if (!slash)
		return pier_text("/");
	return pier_bytes_of(slash, b.len - (size_t)(slash - b.p));
}

static const char *fault(pier_bytes name)
{
	if (pier_bytes_eq(name, ".") || pier_bytes_eq(name, ".."))
		return "the path has a '.' or '..' in it; write it without";
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c == '/')
			return "a name cannot contain a slash (%2F)";
		if (c < ' ' || c == 0x7f)
			return "a name cannot contain control characters";
	}
	return NULL;
}

int target_read(pier_bytes encoded, struct target *out, const char **why)
{
	pier_bytes rest = without_authority(encoded);
	struct target t = {.folder = rest.len && rest.p[rest.len - 1] == '/'};
	size_t len = 0;
	unsigned depth = 0;

	*why = "the path must begin with a slash";
	if (!rest.len || rest.p[0] != '/')
		return -EINVAL;

	while (rest.len) {
		char name[TARGET_NAME + 1];
		const char *slash = memchr(rest.p, '/', rest.len);
		pier_bytes coded = {rest.p, slash ? (size_t)(slash - rest.p) : rest.len};

		rest.p += coded.len + (slash ? 1 : 0);
		rest.len -= coded.len + (slash ? 1 : 0);
		if (!coded.len)
			continue;

		ssize_t n = pier_http_unescape(coded, name, sizeof name);
		if (n == -EMSGSIZE) {
			*why = "a name is longer than 255 bytes";
			return -ENAMETOOLONG;
		}
		*why = n < 0 ? "the path has a broken % escape or a NUL in it"
			     : fault(pier_bytes_of(name, (size_t)n));
		if (*why)
			return -EINVAL;
		if (++depth > TARGET_DEPTH || (size_t)n + 1 > TARGET_MAX - len) {
			*why = "the path is longer than 1024 bytes or deeper than 32 folders";
			return -ENAMETOOLONG;
		}
		if (len)
			t.path[len++] = '/';
		memcpy(t.path + len, name, (size_t)n);
		len += (size_t)n;
	}
	*out = t;
	return 0;
}

static bool utf8(pier_bytes text)
{
	while (text.len)
		if (utf8_take(&text) < 0)
			return false;
	return true;
}

bool target_storable(const struct target *t)
{
	size_t ours = strlen(TARGET_OURS);

	if (strncmp(t->path, TARGET_OURS, ours) == 0 && (!t->path[ours] || t->path[ours] == '/'))
		return false;
	return utf8(pier_text(t->path));
}

const char *target_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
