/* Conditional requests: RFC 9110 §13. Pure. */
#ifndef HUB_CONDITIONS_H
#define HUB_CONDITIONS_H

#include <pier.h>

#define ETAG_MAX 64

/* A strong validator: a file that is replaced gets another inode, one that is written to another time. */
const char *etag_of(const pier_file_info *info, char into[ETAG_MAX]);

/* Whether to go on: 0, 304 (a reader has it already) or 412 (a writer's premise is wrong). `info` is NULL when
 * there is nothing under the name. In the order of RFC 9110 §13.2.2. */
int conditions_check(const pier_http_head *ask, const pier_file_info *info, bool reading);

/* Whether a Range may be obeyed: there is no If-Range, or it names this very content. §13.1.5. */
bool if_range_holds(const pier_http_head *ask, const pier_file_info *info);

#endif
