/* SPDX-License-Identifier: MPL-2.0 */
/*
 * URL spaces: what belongs to a method (or any other key) and a URL.
 *
 * A URL is a path, by which a tree is descended: data set for /a hold for /a and, unless set with NOINHERIT, for all
 * below it; the deepest wins.  The last part of a path given to Set may be a pattern ("/a/" + "*.adp"): its data hold for
 * what is below /a and ends in a part that the pattern matches, and come before plain data of the same depth.  At one
 * place there may be several data with different constraints on the request's headers; more constraints come first.
 *
 * Read-mostly: lookups take a read lock, allocate nothing and may be made by any thread, as may all functions here.
 */
#ifndef NSD_URLSPACE_H
#define NSD_URLSPACE_H

#include "ns.h"
#include "conf/server.h"

typedef struct NsUrlSpace NsUrlSpace;

#define NS_URL_NOINHERIT      0x01u            /* Set, Unset: for this path only.  Find: only such data */
#define NS_URL_RECURSE        0x04u            /* Unset: everything at and below the path */
#define NS_URL_EXACT          0x08u            /* Find: only what was set for this very path */
#define NS_URL_ALLCONSTRAINTS 0x10u            /* Unset: with whatever constraints */
#define NS_URL_SEGMATCH       0x20u            /* Set: parts of the path in the middle may be patterns as well */
#define NS_URL_ALLFILTERS     0x40u            /* Unset: with whatever pattern at the end */

/*
 * `retain` is called, under the space's lock, for data that Find returns, `release` when data are no longer in the space; after the lock is
 * let go.  Both may be NULL.
 */
NsUrlSpace *NsUrlSpaceCreate(void (*retain)(void *data), void (*release)(void *data));
void        NsUrlSpaceDestroy(NsUrlSpace *space);

/*
 * Constraints on a request: a Tcl list of header names and patterns for their values, or networks for those that are addresses.  "" or NULL are no constraints, *result is
 * NULL then.  NS_ERROR: it is not such a list; the interpreter (may be NULL) says so.  Read by any thread.
 */
typedef struct NsConstraints NsConstraints;
Ns_ReturnCode NsConstraintsParse(Tcl_Interp *interp, const char *list, NsConstraints **result);
void          NsConstraintsFree(NsConstraints *constraints);                  /* NULL is fine */
const char   *NsConstraintsText(const NsConstraints *constraints);            /* "" for NULL */
/* Do they hold?  NULL constraints always do, others never for NULL headers. */
bool          NsConstraintsMatch(const NsConstraints *constraints, const Ns_Set *headers);

/* The space owns `data` and `constraints` (may be NULL) then; what was there before, with the same constraints, is released. */
void          NsUrlSpaceSet(NsUrlSpace *space, const char *key, const char *url, void *data, unsigned flags,
                            NsConstraints *constraints);
/* The data for a URL (a path without query), or NULL.  `headers` may be NULL. */
void         *NsUrlSpaceFind(NsUrlSpace *space, const char *key, const char *url, unsigned flags, const Ns_Set *headers);
/* The same; *match (may be NULL) says which part of the URL a pattern within the path has matched, the first of them, or stays as it is. */
void         *NsUrlSpaceFindMatch(NsUrlSpace *space, const char *key, const char *url, unsigned flags, const Ns_Set *headers,
                                  Ns_UrlSpaceMatchInfo *match);
/*
 * Is there a datum for the URL, with any key, at any depth and whatever its constraints, that `proc` says true for?  It runs under
 * the space's lock.
 */
bool          NsUrlSpaceAny(NsUrlSpace *space, const char *url, bool (*proc)(const void *data));
/* True if something was there. */
bool          NsUrlSpaceUnset(NsUrlSpace *space, const char *key, const char *url, unsigned flags);

/* All there is, patterns first; proc runs under the space's lock. */
typedef struct NsUrlEntry {
    const char *key, *path, *pattern;          /* "GET" "/a" "*" */
    const char *constraints;                   /* "" when none */
    bool        inherit;
    void       *data;
} NsUrlEntry;
void NsUrlSpaceWalk(NsUrlSpace *space, void (*proc)(const NsUrlEntry *entry, void *arg), void *arg);

/* The spaces of a server that `ns_urlspace` gives to scripts: strings.  New: -1 when all are taken. */
#define NS_URLSPACE_MAX 16
int         NsUrlSpaceNewId(NsServer *server);
NsUrlSpace *NsUrlSpaceOfId(NsServer *server, int id);          /* -1: the default one; NULL: not there */
/* The strings in those: counted; Find's result is to be released. */
void       *NsUrlStringNew(const char *text);
const char *NsUrlStringText(const void *string);
void        NsUrlStringRelease(void *string);                  /* NULL is fine */

extern NsServerPart nsUrlSpacePart;

#endif
