/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages, from text to code: pieces of text to be sent, and scripts to be evaluated.
 *
 *   <% script %>   <%= words for ns_adp_append %>   <%-- dropped --%>        a script may have blocks within its text
 *   <script runat=server ?language=tcl? ?stream=on?>script</script>
 *   <tag attributes> and <tag attributes>content</endtag> of the tags that somebody has registered
 *
 * Everything else is text; so is what has no end.  Pure: text (in Tcl's form, base/text.h) in, code out; any thread.
 */
#ifndef NSD_ADP_PARSE_H
#define NSD_ADP_PARSE_H

#include "ns.h"

/* A registered tag.  What is called gets: */
typedef enum NsAdpTagKind {
    NS_ADP_TAG_SCRIPT,                         /* ?content? and a set of the attributes */
    NS_ADP_TAG_PROC,                           /* the attributes' values ?content? */
    NS_ADP_TAG_PAGE                            /* an ADP string, as its arguments: ?content? and a set */
} NsAdpTagKind;

typedef struct NsAdpTag {
    NsAdpTagKind kind;
    const char  *end;                          /* name of the tag that ends it ("/name"), lower case; NULL: none */
    const char  *code;                         /* the start of a command, or the ADP string */
} NsAdpTag;

/* What there is: names are in lower case. */
typedef struct NsAdpTags {
    const NsAdpTag *(*find)(const void *arg, const char *name);        /* NULL: none of this name */
    const void      *arg;
    const char      *name;                     /* of the set, for code that parses on; NULL: it is the usual one */
    size_t           longest;                  /* no name, nor that of an end, is longer; 0: there are no tags */
} NsAdpTags;

#define NS_ADP_PARSE_SAFE   0x1u               /* scripts of the page are dropped, tags are not */
#define NS_ADP_PARSE_SINGLE 0x2u               /* all one script, so that a loop may begin in one block and end in another */
#define NS_ADP_PARSE_TCL    0x4u               /* the source is a Tcl script */

typedef struct NsAdpBlock {
    size_t start, len;                         /* in the code's text; a NUL follows */
    int    line;                               /* in the source, from 1 */
    bool   script;
} NsAdpBlock;

typedef struct NsAdpCode {
    char       *text;
    size_t      textLen;
    NsAdpBlock *blocks;
    int         count, scripts;                /* of blocks; of those that are scripts */
} NsAdpCode;

/*
 * `tags` may be NULL.  The code is to be freed, and does not refer to anything that was given.  False: the page is too large, or
 * grows too large with what its tags stand for; then there is no code.
 */
#define NS_ADP_MAX_SOURCE (192 * 1024 * 1024)  /* bytes */
#define NS_ADP_MAX_CODE   (256 * 1024 * 1024)
bool NsAdpParse(NsAdpCode *code, const char *source, size_t len, unsigned flags, const NsAdpTags *tags);
void NsAdpCodeFree(NsAdpCode *code);
/* Make code by hand: NsAdpCodeInit, then blocks one after the other; text behind text is joined. */
void NsAdpCodeInit(NsAdpCode *code);
void NsAdpCodeAdd(NsAdpCode *code, bool script, const char *text, size_t len, int line);
/* The bytes that it takes. */
size_t NsAdpCodeSize(const NsAdpCode *code);

#endif
