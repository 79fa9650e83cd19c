/* Text for browsers and programs, escaped where strangers wrote it. */
#include "page.h"

#include <stdarg.h>
#include <stdio.h>

#include "utf8.h"

static void page_leave(struct page *p)
{
	if (p->err == 0 && p->len) {
		ssize_t n = p->send(p->at, p->len, p->arg);
		p->err = n < 0 ? (int)n : 0;
	}
	p->len = 0;
}

void page_put(struct page *p, pier_bytes text)
{
	while (text.len) {
		size_t n = text.len < PAGE_MAX - p->len ? text.len : PAGE_MAX - p->len;
		memcpy(p->at + p->len, text.p, n);
		p->len += n;
		text.p += n;
		text.len -= n;
		if (p->len == PAGE_MAX)
			page_leave(p);
	}
}

void page_text(struct page *p, const char *text)
{
	page_put(p, pier_text(text));
}

void page_format(struct page *p, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof text)
		p->err = p->err ? p->err : -EMSGSIZE;
	else
		page_put(p, pier_bytes_of(text, (size_t)n));
}

void page_html(struct page *p, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			page_text(p, "&amp;");
			break;
		case '<':
			page_text(p, "&lt;");
			break;
		case '>':
			page_text(p, "&gt;");
			break;
		case '"':
			page_text(p, "&quot;");
			break;
		case '\'':
			page_text(p, "&#39;");
			break;
		default:
			if ((unsigned char)*text < ' ' || *text == 0x7f)
				page_text(p,
					  "\xef\xbf\xbd"); /* U+FFFD: HTML has no way to say it */
			else
				page_put(p, pier_bytes_of(text, 1));
		}
	}
}

void page_url(struct page *p, const char *path)
{
	char text[3 * 1024 + 1];
	ssize_t n = pier_http_escape(pier_text(path), text, sizeof text);

	if (n < 0)
		p->err = p->err ? p->err : (int)n;
	else
		page_put(p, pier_bytes_of(text, (size_t)n));
}

void page_json(struct page *p, const char *text)
{
	for (pier_bytes rest = pier_text(text); rest.len;) {
		pier_bytes one = rest;
		int32_t code = utf8_take(&rest);
		one.len -= rest.len;
		if (code < 0) {
			page_text(p, "\\ufffd");
			rest.p++;
			rest.len--;
		} else if (code == '"' || code == '\\')
			page_format(p, "\\%c", (char)code);
		else if (code < ' ' || code == 0x7f)
			page_format(p, "\\u%04x", (unsigned)code);
		else
			page_put(p, one);
	}
}

int page_end(struct page *p)
{
	page_leave(p);
	return p->err;
}
