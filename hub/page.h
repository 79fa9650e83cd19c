/* A text that leaves in pieces while it is written, so that a long one needs no more room than a short one. The
 * first error stays, and later writes do nothing. */
#ifndef HUB_PAGE_H
#define HUB_PAGE_H

#include <pier.h>

#define PAGE_MAX 8192 /* bytes gathered before they leave */

struct page {
	ssize_t (*send)(const void *p, size_t n, void *arg);
	void *arg;
	int err;
	size_t len;
	char at[PAGE_MAX];
};

void page_put(struct page *p, pier_bytes text);
void page_text(struct page *p, const char *text);
void page_format(struct page *p, const char *format, ...) PIER_PRINTF(2, 3);
/* As text of HTML, also inside quoted attributes; as a path in a URL; as the inside of a JSON string,
 * where bytes that are no UTF-8 become U+FFFD. */
void page_html(struct page *p, const char *text);
void page_url(struct page *p, const char *path);
void page_json(struct page *p, const char *text);
/* Sends what is gathered. Returns 0 or the error that stayed. */
int page_end(struct page *p);

#endif
