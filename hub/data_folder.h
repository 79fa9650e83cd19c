/* The hub's folder: made when missing, held by one hub at a time. */
#ifndef HUB_DATA_FOLDER_H
#define HUB_DATA_FOLDER_H

#include <stddef.h>

#include "words.h"

/* Makes DIR when missing and takes DIR/lock. Returns a descriptor that holds it, or a negative
 * error with `why` saying what to do. */
int data_folder_take(const char *dir, enum hub_lang lang, char *why, size_t room);
void data_folder_release(int lock);

#endif
