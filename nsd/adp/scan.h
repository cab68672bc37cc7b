/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is found in an ADP page: blocks of script, and tags.  Pure; each byte is looked at a fixed number of times, however
 * many tags are left open.
 */
#ifndef NSD_ADP_SCAN_H
#define NSD_ADP_SCAN_H

#include "adp/parse.h"

typedef enum NsAdpTokenKind {
    NS_ADP_TOKEN_BLOCK,                        /* <% ... %> */
    NS_ADP_TOKEN_EXPR,                         /* <%= ... %> */
    NS_ADP_TOKEN_COMMENT,                      /* <%-- ... --%> */
    NS_ADP_TOKEN_SERVER,                       /* <script runat=server> ... </script> */
    NS_ADP_TOKEN_START,                        /* <tag ...> */
    NS_ADP_TOKEN_END                           /* </tag>, or whatever ends one */
} NsAdpTokenKind;

typedef struct NsAdpToken {
    NsAdpTokenKind  kind;
    size_t          start, end;                /* of all of it */
    size_t          inner, innerEnd;           /* the script, or the attributes */
    const NsAdpTag *tag;                       /* START */
    size_t          nameLen;                   /* START: behind the '<' */
    int             match;                     /* START: the token that ends it, or -1 */
    int             below;                     /* while they are matched */
    bool            stream;                    /* SERVER */
} NsAdpToken;

typedef struct NsAdpTokens {
    NsAdpToken *list;
    int         count, room;
} NsAdpTokens;

void NsAdpScan(NsAdpTokens *tokens, const char *source, size_t len, const NsAdpTags *tags);
void NsAdpTokensFree(NsAdpTokens *tokens);

/*
 * The next attribute between *at and `end`: false: there is none.  A name alone is its own value, with the quotes that
 * it has: <if @a@ ne ""> has the attributes @a@, ne and "".
 */
typedef struct NsAdpAttr {
    const char *name, *value;
    size_t      nameLen, valueLen;
} NsAdpAttr;
bool NsAdpNextAttr(const char **at, const char *end, NsAdpAttr *attr);

#endif
