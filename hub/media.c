/* Media types, by the end of a name. */
#include "files.h"

static const struct media {
	const char *end, *type;
} media[] = {
	{"7z", "application/x-7z-compressed"},
	{"apk", "application/vnd.android.package-archive"},
	{"avif", "image/avif"},
	{"bin", "application/octet-stream"},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"c", "text/plain; charset=utf-8"},
	{"css", "text/css; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"flac", "audio/flac"},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"h", "text/plain; charset=utf-8"},
	{"htm", "text/html; charset=utf-8"},
	{"html", "text/html; charset=utf-8"},
	{"ico", "image/vnd.microsoft.icon"},
	{"iso", "application/x-iso9660-image"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "text/javascript; charset=utf-8"},
	{"json", "application/json"},
	{"log", "text/plain; charset=utf-8"},
	{"m4a", "audio/mp4"},
	{"md", "text/plain; charset=utf-8"},
	{"mkv", "video/matroska"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"ogg", "audio/ogg"},
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{"py", "text/plain; charset=utf-8"},
	{"sh", "text/plain; charset=utf-8"},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"txt", "text/plain; charset=utf-8"},
	{"wasm", "application/wasm"},
	{"wav", "audio/vnd.wave"},
	{"webm", "video/webm"},
	{"webp", "image/webp"},
	{"xhtml", "application/xhtml+xml"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"xml", "application/xml"},
	{"xz", "application/x-xz"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

const char *media_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < sizeof media / sizeof *media; i++)
		if (strcasecmp(dot + 1, media[i].end) == 0)
			return media[i].type;
	return "application/octet-stream";
}

bool media_is_active(const char *type)
{
	return strstr(type, "html") || strstr(type, "xml") || strstr(type, "javascript");
}
