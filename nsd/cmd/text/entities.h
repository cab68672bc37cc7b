/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The named character references of HTML5: a table that entities.py makes, sorted by name.
 */
#ifndef NSD_CMD_TEXT_ENTITIES_H
#define NSD_CMD_TEXT_ENTITIES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct NsEntity {
    const char *name;                          /* without its semicolon */
    unsigned    code, second;                  /* second 0: it is one character */
    bool        loose;                         /* it may lack the semicolon, and then others may follow at once */
} NsEntity;

extern const NsEntity nsEntities[];
extern const size_t   nsEntityCount;

#endif
