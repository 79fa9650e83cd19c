/* A folder, as a page for people and as JSON for programs. */
#include "files.h"
#include "page.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LISTING_MAX 10000 /* entries shown of one folder */

static const struct listing_words {
	const char *lang, *title, *name, *size, *time, *up, *empty, *more, *talk, *put;
} words[] = {
	[HUB_EN] = {"en", "Files", "Name", "Size", "Changed", "up", "Nothing here yet.",
		    "There is more than is shown here.", "Talk here:", "Put a file here:"},
	[HUB_ZH] = {"zh", "文件", "名称", "大小", "修改时间", "上一级", "这里还没有文件。",
		    "还有更多文件未显示。", "在这里聊天：", "上传文件："},
};

static const char style[] =
	":root{color-scheme:light dark;--line:#8883;--soft:#6b6b6b}"
	"@media(prefers-color-scheme:dark){:root{--soft:#a0a0a0}}"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:2rem 1rem}"
	"h1{font-size:1.4rem;font-weight:600;margin:0 0 1.5rem;overflow-wrap:anywhere}"
	"h1 span{color:var(--soft);font-weight:400}"
	"a{color:inherit;text-decoration:none}a:hover{text-decoration:underline}"
	"table{border-collapse:collapse;width:100%}"
	"th{text-align:start;font-weight:400;color:var(--soft);font-size:.85rem}"
	"td,th{padding:.4rem .5rem;border-bottom:1px solid var(--line)}"
	"td:first-child{width:100%;overflow-wrap:anywhere}"
	".n{text-align:end;white-space:nowrap;font-variant-numeric:tabular-nums}"
	"tbody tr:hover{background:#8881}"
	".d a{font-weight:600}"
	"footer{margin-top:2rem;color:var(--soft);font-size:.9rem}"
	"code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}";

enum sort {
	BY_NAME,
	BY_SIZE,
	BY_TIME
};

struct listing {
	struct visit *visit;
	const struct listing_words *words;
	pier_list list;
	enum sort sort;
	bool down; /* the largest, the newest first */
};

/* Folders first, in any order. */
static int compare(const void *one, const void *other, void *arg)
{
	const struct pier_list_entry *a = one, *b = other;
	const struct listing *l = arg;
	int order = 0;

	if (a->info.is_dir != b->info.is_dir)
		return a->info.is_dir ? -1 : 1;
	if (l->sort == BY_SIZE)
		order = (a->info.size > b->info.size) - (a->info.size < b->info.size);
	if (l->sort == BY_TIME)
		order = (a->info.mtime > b->info.mtime) - (a->info.mtime < b->info.mtime);
	if (order == 0)
		order = strcmp(a->name, b->name);
	return l->down ? -order : order;
}

static void read_order(struct listing *l)
{
	pier_bytes by = visit_query_value(l->visit, "sort");

	l->sort = pier_bytes_eq(by, "size")   ? BY_SIZE
		  : pier_bytes_eq(by, "time") ? BY_TIME
					      : BY_NAME;
	l->down = pier_bytes_eq(visit_query_value(l->visit, "order"), "down");
	if (l->list.count)
		qsort_r(l->list.at, l->list.count, sizeof *l->list.at, compare, l);
}

/* Only what can be fetched is shown: no links, sockets or FIFOs, and nothing of ours. */
static bool shown(const struct listing *l, const struct pier_list_entry *e)
{
	bool ours = !*l->visit->target.path && strcmp(e->name, TARGET_OURS) == 0;
	return (e->info.is_dir || e->info.is_file) && !ours;
}

static void put_size(struct page *p, int64_t size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double shown = (double)size / 1024;
	size_t unit = 0;

	if (size < 1024) {
		page_format(p, "%" PRId64 " B", size);
		return;
	}
	for (; shown >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
		shown /= 1024;
	page_format(p, shown < 10 ? "%.1f %s" : "%.0f %s", shown, units[unit]);
}

static const char *when(int64_t mtime, bool utc, char *into, size_t room)
{
	time_t seconds = (time_t)(mtime / PIER_S(1));
	struct tm tm;

	if (!(utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)) ||
	    !strftime(into, room, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M", &tm))
		return "";
	return into;
}

/* ---- HTML ---------------------------------------------------------------------------------- */

static void put_column(struct page *p, const struct listing *l, enum sort sort, const char *key,
		       const char *word, const char *class)
{
	bool current = l->sort == sort;

	page_format(p, "<th%s><a href=\"?sort=%s", class, key);
	if (current ? !l->down : sort != BY_NAME)
		page_text(p, "&amp;order=down");
	page_format(p, "\">%s%s</a></th>", word, !current ? "" : l->down ? " ↓" : " ↑");
}

static void put_row(struct page *p, const struct pier_list_entry *e)
{
	char utc[32], local[32];
	const char *slash = e->info.is_dir ? "/" : "";

	/* "./": a name with a colon is no scheme (RFC 3986 §4.2). */
	page_format(p, "<tr%s><td><a href=\"./", e->info.is_dir ? " class=d" : "");
	page_url(p, e->name);
	page_format(p, "%s\"><bdi>", slash);
	page_html(p, e->name);
	page_format(p, "</bdi>%s</a></td><td class=n>", slash);
	if (!e->info.is_dir)
		put_size(p, e->info.size);
	page_format(p, "</td><td class=n><time datetime=\"%s\">%s</time></td></tr>\n",
		    when(e->info.mtime, true, utc, sizeof utc),
		    when(e->info.mtime, false, local, sizeof local));
}

/* "host" and port as the browser knows them; it is a stranger's word, to be escaped. */
static void split_host(const struct visit *v, char *host, size_t room, uint16_t *port)
{
	pier_bytes field = pier_http_get(&v->ask, "Host");
	const char *colon = field.p ? memrchr(field.p, ':', field.len) : NULL;
	size_t len = colon && !memchr(colon, ']', field.len - (size_t)(colon - field.p))
			     ? (size_t)(colon - field.p)
			     : field.len;

	pier_addr here;
	*port = pier_local_addr(v->conn, &here) == 0 && pier_addr_port(&here)
			? pier_addr_port(&here)
			: HUB_PORT;
	if (len > 2 && field.p &&
	    field.p[0] == '[') /* nc wants an IPv6 address without its brackets */
		field.p++, len -= 2;
	snprintf(host, room, "%.*s", len ? (int)(len < room ? len : room - 1) : 9,
		 len ? field.p : "localhost");
}

static void put_foot(struct page *p, const struct listing *l)
{
	char host[256];
	uint16_t port;

	split_host(l->visit, host, sizeof host, &port);
	if (!*l->visit->target.path) {
		page_format(p, "<p>%s <code>nc ", l->words->talk);
		page_html(p, host);
		page_format(p, " %u</code></p>\n", port);
	}
	page_format(p, "<p>%s <code>pier put FILE http://", l->words->put);
	page_text(p, strchr(host, ':') ? "[" : "");
	page_html(p, host);
	page_format(p, "%s:%u/", strchr(host, ':') ? "]" : "", port);
	page_html(p, l->visit->target.path);
	page_format(p, "%s</code></p>\n", *l->visit->target.path ? "/" : "");
}

static void put_html(struct page *p, const struct listing *l)
{
	const char *path = l->visit->target.path;

	page_format(p, "<!doctype html>\n<html lang=%s><head><meta charset=utf-8>", l->words->lang);
	page_text(p, "<meta name=viewport content=\"width=device-width\"><title>");
	page_html(p, *path ? path : l->words->title);
	page_text(p, "</title><style>");
	page_text(p, style);
	page_format(p, "</style></head>\n<body><h1>%s <span><bdi>/", l->words->title);
	page_html(p, path);
	page_format(p, "</bdi></span></h1>\n<table><thead><tr>");
	put_column(p, l, BY_NAME, "name", l->words->name, "");
	put_column(p, l, BY_SIZE, "size", l->words->size, " class=n");
	put_column(p, l, BY_TIME, "time", l->words->time, " class=n");
	page_text(p, "</tr></thead><tbody>\n");
	if (*path)
		page_format(p, "<tr class=d><td colspan=3><a href=\"../\">../ %s</a></td></tr>\n",
			    l->words->up);
	for (size_t i = 0; i < l->list.count && p->err == 0; i++)
		if (shown(l, &l->list.at[i]))
			put_row(p, &l->list.at[i]);
	page_text(p, "</tbody></table>\n");
	if (!l->list.count)
		page_format(p, "<p>%s</p>\n", l->words->empty);
	if (l->list.more)
		page_format(p, "<p>%s</p>\n", l->words->more);
	page_text(p, "<footer>");
	put_foot(p, l);
	page_text(p, "</footer></body></html>\n");
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void put_json(struct page *p, const struct listing *l)
{
	const char *between = "\n";
	char utc[32];

	page_text(p, "{\"path\":\"/");
	page_json(p, l->visit->target.path);
	page_format(p, "\",\"more\":%s,\"entries\":[", l->list.more ? "true" : "false");
	for (size_t i = 0; i < l->list.count && p->err == 0; i++) {
		const struct pier_list_entry *e = &l->list.at[i];

		if (!shown(l, e))
			continue;
		page_format(p, "%s{\"name\":\"", between);
		between = ",\n";
		page_json(p, e->name);
		page_text(p, "\",\"href\":\"./");
		page_url(p, e->name);
		page_format(p, "%s\",\"type\":\"%s\"", e->info.is_dir ? "/" : "",
			    e->info.is_dir ? "folder" : "file");
		if (!e->info.is_dir)
			page_format(p, ",\"size\":%" PRId64, e->info.size);
		page_format(p, ",\"changed\":\"%s\"}", when(e->info.mtime, true, utc, sizeof utc));
	}
	page_text(p, "\n]}\n");
}

/* ---- The answer ---------------------------------------------------------------------------- */

/* No script at all, and only our own style, known by its digest. */
static void put_policy(struct fields *f)
{
	unsigned char sum[32], base64[48];
	size_t len;

	if (!EVP_Q_digest(NULL, "SHA256", NULL, style, sizeof style - 1, sum, &len))
		return;
	EVP_EncodeBlock(base64, sum, sizeof sum);
	fields_add(f,
		   "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; "
		   "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
		   (char *)base64);
}

static ssize_t send_piece(const void *p, size_t n, void *http)
{
	return pier_http_send(http, p, n);
}

static int send_listing(struct visit *v, const struct listing *l, bool json)
{
	struct page page = {.send = send_piece, .arg = v->http};
	struct fields f = {0};

	fields_add(&f, "Cache-Control: no-cache\r\nVary: Accept\r\n"
		       "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	if (!json)
		put_policy(&f);
	int err = pier_http_start(v->http, 200, f.text,
				  json ? "application/json" : "text/html; charset=utf-8", -1);
	if (err < 0 || visit_is(v, "HEAD"))
		return err;
	if (json)
		put_json(&page, l);
	else
		put_html(&page, l);
	err = page_end(&page);
	return err < 0 ? err : pier_http_end(v->http);
}

int listing_answer(struct visit *v)
{
	struct listing l = {.visit = v, .words = &words[v->hub->opts.lang]};
	bool json = visit_query(v, "json") || visit_accepts(v, "application/json");

	int err = pier_file_list(v->hub->files, v->target.path, LISTING_MAX, &l.list);
	if (err < 0)
		return visit_fail(v, err);
	read_order(&l);
	err = send_listing(v, &l, json);
	pier_list_free(&l.list);
	return err;
}
