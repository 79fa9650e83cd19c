/* Happy Eyeballs: the addresses of a name tried side by side, RFC 8305. */
#ifndef NET_RACE_H
#define NET_RACE_H

#include <pier/conn.h>
#include <pier/names.h>

#define RACE_DELAY PIER_MS(250) /* before the next attempt starts beside the first: RFC 8305 §5 */

/* The order in which to try: the families take turns, beginning with that of the first. RFC 8305 §4. */
void pier_race_sort(pier_addrs *to);

/* Connects to the first of them that answers. Each attempt starts RACE_DELAY after the one before, or at once
 * when that has failed; those that lose are closed. `open` makes the socket of an attempt: a descriptor, or an
 * error. Returns the winner's descriptor and its place in `to`; or the error of the last that failed, or why
 * the wait ended. */
int pier_race(const pier_addrs *to, int (*open)(const pier_addr *to, void *arg), void *arg,
	      pier_tried *tried, unsigned *winner);

#endif
