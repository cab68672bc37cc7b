/* SPDX-License-Identifier: MPL-2.0 */
/*
 * URL spaces: a tree of path parts per key.  A node keeps its data by the pattern for the last part of a URL; plain data
 * have the pattern "*" and also hold for the node's own path.
 */
#include <string.h>
#include "base/check.h"
#include "net/network.h"
#include "request/urlspace.h"

struct NsConstraints {
    char        *text;
    int          count;                        /* of name and pattern words */
    const char **words;
};

typedef struct Datum {
    struct Datum  *next;
    NsConstraints *constraints;                /* NULL: none */
    void          *data;
} Datum;

typedef struct Leaf {
    char  *pattern;
    bool   plain;                              /* the pattern is "*" */
    Datum *inherit, *noinherit;                /* with most constraints first */
} Leaf;

typedef struct Node {
    char         *part;
    size_t        len;
    bool          glob;                        /* the part is a pattern: NS_URL_SEGMATCH */
    struct Node **children;                    /* sorted; the globs behind the others */
    int           childCount;
    Leaf         *leaves;                      /* the more restrictive pattern first, plain last */
    int           leafCount;
} Node;

struct NsUrlSpace {
    uint32_t      magic;
    Ns_RWLock     lock;
    Tcl_HashTable roots;                       /* key -> Node */
    void        (*retain)(void *data);
    void        (*release)(void *data);
};
#define URLSPACE_MAGIC NS_MAGIC('U', 'r', 'l', 'S')

struct NsUrlSpaces {                           /* those that a server's scripts use */
    Ns_Mutex    lock;
    NsUrlSpace *spaces[NS_URLSPACE_MAX + 1];   /* 0 is the default one */
    int         used;
};

static inline struct NsUrlSpaces *
SpacesOf(const NsServer *server)
{
    return NsServerPartData(server, &nsUrlSpacePart);
}

/* What one lookup wants. */
typedef struct Query {
    unsigned      flags;
    const Ns_Set *headers;
    const char   *last;                        /* the URL's last part, NUL-terminated, or NULL */
    const char   *url;
    Ns_UrlSpaceMatchInfo *match;               /* NULL: not wanted */
} Query;

/* ------------------------------------------------------------------------------------------------------ constraints */

Ns_ReturnCode
NsConstraintsParse(Tcl_Interp *interp, const char *list, NsConstraints **result)
{
    NsConstraints *constraints;
    const char   **words = NULL;
    int            count;

    *result = NULL;
    if (list == NULL || *list == '\0') {
        return NS_OK;
    }
    if (Tcl_SplitList(NULL, list, &count, &words) != TCL_OK || count % 2 != 0) {
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "invalid context constraints '%s': must be a key/value list", list);
        }
        if (words != NULL) {
            Tcl_Free((char *)words);
        }
        return NS_ERROR;
    }
    if (count == 0) {
        Tcl_Free((char *)words);
        return NS_OK;
    }
    constraints = ns_malloc(sizeof *constraints);
    constraints->text = ns_strdup(list);
    constraints->count = count;
    constraints->words = words;
    *result = constraints;
    return NS_OK;
}

void
NsConstraintsFree(NsConstraints *constraints)
{
    if (constraints != NULL) {
        Tcl_Free((char *)constraints->words);
        ns_free(constraints->text);
        ns_free(constraints);
    }
}

const char *
NsConstraintsText(const NsConstraints *constraints)
{
    return constraints != NULL ? constraints->text : "";
}

/* A pattern of glob style, or a network (10.0.0.0/8) that an address is in. */
static bool
ValueMatches(const char *value, const char *pattern)
{
    NsNetwork network;
    NsIp      ip;

    if (strchr(pattern, '/') != NULL && NsNetworkRead(pattern, &network) && NsIpRead(value, &ip)) {
        return NsNetworkHas(&network, &ip);
    }
    return Tcl_StringMatch(value, pattern) != 0;
}

bool
NsConstraintsMatch(const NsConstraints *constraints, const Ns_Set *headers)
{
    if (constraints == NULL) {
        return true;
    }
    if (headers == NULL) {
        return false;
    }
    for (int i = 0; i < constraints->count; i += 2) {
        const char *value = Ns_SetIGet(headers, constraints->words[i]);

        if (value == NULL || !ValueMatches(value, constraints->words[i + 1])) {
            return false;
        }
    }
    return true;
}

static int
ConstraintCount(const NsConstraints *constraints)
{
    return constraints != NULL ? constraints->count : 0;
}

/* ----------------------------------------------------------------------------------------------------- paths and nodes */

/* The next part of a path: returns its start and length, or NULL at the end.  Empty parts do not count. */
static const char *
NextPart(const char **path, size_t *len)
{
    const char *start = *path;

    while (*start == '/') {
        start++;
    }
    if (*start == '\0') {
        *path = start;
        return NULL;
    }
    *len = strcspn(start, "/");
    *path = start + *len;
    return start;
}

static bool
HasGlob(const char *part, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (part[i] == '*' || part[i] == '?' || part[i] == '[') {
            return true;
        }
    }
    return false;
}

static Node *
NodeNew(const char *part, size_t len, bool glob)
{
    Node *node = ns_calloc(1, sizeof *node);

    node->part = ns_strncopy(part, (ssize_t)len);
    node->len = len;
    node->glob = glob;
    return node;
}

static int
ComparePart(const Node *node, const char *part, size_t len, bool glob)
{
    size_t common = node->len < len ? node->len : len;
    int    order;

    if (node->glob != glob) {
        return node->glob ? 1 : -1;
    }
    order = memcmp(node->part, part, common);
    if (order == 0 && node->len != len) {
        order = node->len < len ? -1 : 1;
    }
    return order;
}

/* The child for a part; *place is where it is or belongs. */
static Node *
ChildOf(const Node *node, const char *part, size_t len, bool glob, int *place)
{
    int low = 0, high = node->childCount;

    while (low < high) {
        int middle = (low + high) / 2, order = ComparePart(node->children[middle], part, len, glob);

        if (order == 0) {
            *place = middle;
            return node->children[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *place = low;
    return NULL;
}

static Node *
ChildMake(Node *node, const char *part, size_t len, bool glob)
{
    int   place;
    Node *child = ChildOf(node, part, len, glob, &place);

    if (child == NULL) {
        child = NodeNew(part, len, glob);
        node->children = ns_realloc(node->children, sizeof(Node *) * (size_t)(node->childCount + 1));
        memmove(node->children + place + 1, node->children + place, sizeof(Node *) * (size_t)(node->childCount - place));
        node->children[place] = child;
        node->childCount++;
    }
    return child;
}

static Leaf *
LeafFind(const Node *node, const char *pattern)
{
    for (int i = 0; i < node->leafCount; i++) {
        if (strcmp(node->leaves[i].pattern, pattern) == 0) {
            return &node->leaves[i];
        }
    }
    return NULL;
}

static Leaf *
LeafMake(Node *node, const char *pattern)
{
    Leaf *leaf = LeafFind(node, pattern);
    int   place = 0;

    if (leaf != NULL) {
        return leaf;
    }
    /* Before the first that is more general, which is one that matches the pattern's text. */
    while (place < node->leafCount && !Tcl_StringMatch(pattern, node->leaves[place].pattern)) {
        place++;
    }
    node->leaves = ns_realloc(node->leaves, sizeof(Leaf) * (size_t)(node->leafCount + 1));
    memmove(node->leaves + place + 1, node->leaves + place, sizeof(Leaf) * (size_t)(node->leafCount - place));
    node->leafCount++;
    leaf = &node->leaves[place];
    leaf->pattern = ns_strdup(pattern);
    leaf->plain = strcmp(pattern, "*") == 0;
    leaf->inherit = leaf->noinherit = NULL;
    return leaf;
}

/* Move data from a list to `gone`: those with the given constraints, or all. */
static bool
DataTake(Datum **list, bool all, const char *constraints, Datum **gone)
{
    bool   any = false;
    Datum *datum;

    while ((datum = *list) != NULL) {
        if (all || strcmp(NsConstraintsText(datum->constraints), constraints) == 0) {
            *list = datum->next;
            datum->next = *gone;
            *gone = datum;
            any = true;
        } else {
            list = &datum->next;
        }
    }
    return any;
}

/* Remove leaves without data. */
static void
LeavesPrune(Node *node)
{
    int kept = 0;

    for (int i = 0; i < node->leafCount; i++) {
        Leaf *leaf = &node->leaves[i];

        if (leaf->inherit == NULL && leaf->noinherit == NULL) {
            ns_free(leaf->pattern);
        } else {
            node->leaves[kept++] = *leaf;
        }
    }
    node->leafCount = kept;
}

static bool
NodeClear(Node *node, Datum **gone)
{
    bool any = false;

    for (int i = 0; i < node->leafCount; i++) {
        any |= DataTake(&node->leaves[i].inherit, true, NULL, gone);
        any |= DataTake(&node->leaves[i].noinherit, true, NULL, gone);
    }
    LeavesPrune(node);
    return any;
}

static bool
NodeFree(Node *node, Datum **gone)
{
    bool any = NodeClear(node, gone);

    for (int i = 0; i < node->childCount; i++) {
        any |= NodeFree(node->children[i], gone);
    }
    ns_free(node->children);
    ns_free(node->leaves);
    ns_free(node->part);
    ns_free(node);
    return any;
}

/* After the lock was let go. */
static void
DataRelease(const NsUrlSpace *space, Datum *gone)
{
    while (gone != NULL) {
        Datum *next = gone->next;

        if (space->release != NULL) {
            space->release(gone->data);
        }
        NsConstraintsFree(gone->constraints);
        ns_free(gone);
        gone = next;
    }
}

/* ---------------------------------------------------------------------------------------------------------- the space */

NsUrlSpace *
NsUrlSpaceCreate(void (*retain)(void *data), void (*release)(void *data))
{
    NsUrlSpace *space = ns_calloc(1, sizeof *space);

    space->magic = URLSPACE_MAGIC;
    space->retain = retain;
    space->release = release;
    Ns_RWLockInit(&space->lock);
    Ns_RWLockSetName2(&space->lock, "ns:urlspace", NULL);
    Tcl_InitHashTable(&space->roots, TCL_STRING_KEYS);
    return space;
}

void
NsUrlSpaceDestroy(NsUrlSpace *space)
{
    Tcl_HashSearch search;
    Datum         *gone = NULL;

    NS_CHECK(space, URLSPACE_MAGIC);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&space->roots, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        (void)NodeFree(Tcl_GetHashValue(entry), &gone);
    }
    Tcl_DeleteHashTable(&space->roots);
    DataRelease(space, gone);
    Ns_RWLockDestroy(&space->lock);
    space->magic = NS_SPOILED;
    ns_free(space);
}

/*
 * Split a URL into the path to a node and the pattern for what is below: the last part, if it has wildcards.
 */
static void
SplitPattern(const char *url, size_t *pathLen, Tcl_DString *pattern)
{
    const char *path = url, *part, *lastPart = NULL;
    size_t      len = 0, lastLen = 0;

    while ((part = NextPart(&path, &len)) != NULL) {
        lastPart = part;
        lastLen = len;
    }
    Tcl_DStringInit(pattern);
    if (lastPart != NULL && HasGlob(lastPart, lastLen)) {
        *pathLen = (size_t)(lastPart - url);
        Tcl_DStringAppend(pattern, lastPart, (int)lastLen);
    } else {
        *pathLen = strlen(url);
        Tcl_DStringAppend(pattern, "*", 1);
    }
}

void
NsUrlSpaceSet(NsUrlSpace *space, const char *key, const char *url, void *data, unsigned flags, NsConstraints *constraints)
{
    Datum         *gone = NULL, **list, *datum = ns_malloc(sizeof *datum);
    Tcl_DString    pattern;
    Tcl_HashEntry *entry;
    Leaf          *leaf;
    Node          *node;
    const char    *path = url, *part;
    size_t         pathLen, len = 0;
    int            isNew;

    NS_CHECK(space, URLSPACE_MAGIC);
    SplitPattern(url, &pathLen, &pattern);
    datum->data = data;
    datum->constraints = constraints;

    Ns_RWLockWrLock(&space->lock);
    entry = Tcl_CreateHashEntry(&space->roots, key, &isNew);
    if (isNew) {
        Tcl_SetHashValue(entry, NodeNew("", 0, false));
    }
    node = Tcl_GetHashValue(entry);
    while ((part = NextPart(&path, &len)) != NULL && (size_t)(part - url) < pathLen) {
        node = ChildMake(node, part, len, (flags & NS_URL_SEGMATCH) != 0 && HasGlob(part, len));
    }
    leaf = LeafMake(node, Tcl_DStringValue(&pattern));
    list = (flags & NS_URL_NOINHERIT) != 0 ? &leaf->noinherit : &leaf->inherit;
    (void)DataTake(list, false, NsConstraintsText(constraints), &gone);
    while (*list != NULL && ConstraintCount((*list)->constraints) > ConstraintCount(constraints)) {
        list = &(*list)->next;
    }
    datum->next = *list;
    *list = datum;
    Ns_RWLockUnlock(&space->lock);

    Tcl_DStringFree(&pattern);
    DataRelease(space, gone);
}

static void *
DataMatch(const Datum *datum, const Query *query)
{
    while (datum != NULL && !NsConstraintsMatch(datum->constraints, query->headers)) {
        datum = datum->next;
    }
    return datum != NULL ? datum->data : NULL;
}

/* What a node has for a URL that has `rest` more parts. */
static void *
LeafMatch(const Node *node, int rest, const Query *query)
{
    bool noinherit = (query->flags & NS_URL_NOINHERIT) != 0;

    for (int i = 0; i < node->leafCount; i++) {
        const Leaf *leaf = &node->leaves[i];
        void       *data = NULL;
        int         below = leaf->plain ? 0 : 1;

        if (rest < below || (below == 1 && !Tcl_StringMatch(query->last, leaf->pattern))) {
            continue;
        }
        if (rest == below) {
            data = DataMatch(leaf->noinherit, query);
        }
        if (data == NULL && !noinherit) {
            data = DataMatch(leaf->inherit, query);
        }
        if (data != NULL) {
            return data;
        }
    }
    return NULL;
}

/* A pattern within the path has matched: the first one of it is noted last. */
static void
NoteSegment(const Query *query, const void *data, const char *part, size_t len)
{
    if (data != NULL && query->match != NULL) {
        *query->match = (Ns_UrlSpaceMatchInfo){part - query->url, len, true};
    }
}

/* `rest` is the number of parts in `path`. */
static void *
NodeFind(const Node *node, const char *path, int rest, const Query *query)
{
    void *data = NULL;

    if (rest > 0 && node->childCount > 0) {
        size_t      len = 0;
        const char *part = NextPart(&path, &len);
        int         place;
        const Node *child = ChildOf(node, part, len, false, &place);

        if (child != NULL) {
            data = NodeFind(child, path, rest - 1, query);
        }
        for (int i = node->childCount - 1; data == NULL && i >= 0 && node->children[i]->glob; i--) {
            char buffer[256];

            /* Longer parts than fit match no pattern: such URLs are attacks, not names. */
            if (len < sizeof buffer) {
                memcpy(buffer, part, len);
                buffer[len] = '\0';
                if (Tcl_StringMatch(buffer, node->children[i]->part)) {
                    data = NodeFind(node->children[i], path, rest - 1, query);
                    NoteSegment(query, data, part, len);
                }
            }
        }
    }
    return data != NULL ? data : LeafMatch(node, rest, query);
}

/* The node for a path as it was set, with patterns being just text; NULL: none. */
static Node *
NodeExact(Node *node, const char *url, size_t pathLen)
{
    const char *path = url, *part;
    size_t      len = 0;
    int         place;

    while (node != NULL && (part = NextPart(&path, &len)) != NULL && (size_t)(part - url) < pathLen) {
        Node *child = ChildOf(node, part, len, false, &place);

        node = child != NULL ? child : ChildOf(node, part, len, true, &place);
    }
    return node;
}

static void *
FindExact(Node *root, const char *url, const Query *query)
{
    Tcl_DString pattern;
    size_t      pathLen;
    Node       *node;
    Leaf       *leaf = NULL;

    SplitPattern(url, &pathLen, &pattern);
    node = NodeExact(root, url, pathLen);
    if (node != NULL) {
        leaf = LeafFind(node, Tcl_DStringValue(&pattern));
    }
    Tcl_DStringFree(&pattern);
    if (leaf == NULL) {
        return NULL;
    }
    return DataMatch((query->flags & NS_URL_NOINHERIT) != 0 ? leaf->noinherit : leaf->inherit, query);
}

/* Number of parts; the last one, as it stands in the URL. */
static int
CountParts(const char *url, const char **last, size_t *lastLen)
{
    const char *path = url, *part;
    size_t      len = 0;
    int         count = 0;

    *last = NULL;
    *lastLen = 0;
    while ((part = NextPart(&path, &len)) != NULL) {
        *last = part;
        *lastLen = len;
        count++;
    }
    return count;
}

void *
NsUrlSpaceFind(NsUrlSpace *space, const char *key, const char *url, unsigned flags, const Ns_Set *headers)
{
    return NsUrlSpaceFindMatch(space, key, url, flags, headers, NULL);
}

void *
NsUrlSpaceFindMatch(NsUrlSpace *space, const char *key, const char *url, unsigned flags, const Ns_Set *headers,
                    Ns_UrlSpaceMatchInfo *match)
{
    Query          query = {flags, headers, NULL, url, match};
    Tcl_DString    last;
    Tcl_HashEntry *entry;
    const char    *lastPart;
    size_t         lastLen;
    int            parts = CountParts(url, &lastPart, &lastLen);
    void          *data = NULL;

    NS_CHECK(space, URLSPACE_MAGIC);
    Tcl_DStringInit(&last);                    /* on the stack, unless the part is very long */
    if (lastPart != NULL) {
        query.last = Tcl_DStringAppend(&last, lastPart, (int)lastLen);
    }
    Ns_RWLockRdLock(&space->lock);
    entry = Tcl_FindHashEntry(&space->roots, key);
    if (entry != NULL) {
        Node *root = Tcl_GetHashValue(entry);

        data = (flags & NS_URL_EXACT) != 0 ? FindExact(root, url, &query) : NodeFind(root, url, parts, &query);
        if (data != NULL && space->retain != NULL) {
            space->retain(data);
        }
    }
    Ns_RWLockUnlock(&space->lock);
    Tcl_DStringFree(&last);
    return data;
}

/* ---- any at all ---- */

typedef struct AnyQuery {
    const char *last;                          /* the URL's last part */
    bool      (*proc)(const void *data);
} AnyQuery;

static bool
AnyDatum(const Datum *datum, const AnyQuery *query)
{
    while (datum != NULL && !query->proc(datum->data)) {
        datum = datum->next;
    }
    return datum != NULL;
}

static bool
AnyLeaf(const Node *node, int rest, const AnyQuery *query)
{
    bool found = false;

    for (int i = 0; !found && i < node->leafCount; i++) {
        const Leaf *leaf = &node->leaves[i];
        int         below = leaf->plain ? 0 : 1;

        if (rest >= below && (below == 0 || Tcl_StringMatch(query->last, leaf->pattern))) {
            found = AnyDatum(leaf->inherit, query) || (rest == below && AnyDatum(leaf->noinherit, query));
        }
    }
    return found;
}

static bool
AnyNode(const Node *node, const char *path, int rest, const AnyQuery *query)
{
    bool        found = AnyLeaf(node, rest, query);
    size_t      len = 0;
    const char *part = found || node->childCount == 0 ? NULL : NextPart(&path, &len);

    for (int i = 0; part != NULL && !found && i < node->childCount; i++) {
        const Node *child = node->children[i];

        if (child->glob) {
            char *text = ns_strncopy(part, (ssize_t)len);

            found = Tcl_StringMatch(text, child->part) && AnyNode(child, path, rest - 1, query);
            ns_free(text);
        } else if (child->len == len && memcmp(child->part, part, len) == 0) {
            found = AnyNode(child, path, rest - 1, query);
        }
    }
    return found;
}

bool
NsUrlSpaceAny(NsUrlSpace *space, const char *url, bool (*proc)(const void *data))
{
    const char    *last;
    size_t         lastLen;
    int            parts = CountParts(url, &last, &lastLen);
    char          *text = ns_strncopy(last != NULL ? last : "", (ssize_t)lastLen);
    AnyQuery       query = {text, proc};
    Tcl_HashSearch search;
    bool           found = false;

    NS_CHECK(space, URLSPACE_MAGIC);
    Ns_RWLockRdLock(&space->lock);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&space->roots, &search); entry != NULL && !found;
         entry = Tcl_NextHashEntry(&search)) {
        found = AnyNode(Tcl_GetHashValue(entry), url, parts, &query);
    }
    Ns_RWLockUnlock(&space->lock);
    ns_free(text);
    return found;
}

/* Take out what the flags say at one node; children as well with RECURSE. */
static bool
NodeUnset(Node *node, const char *pattern, unsigned flags, Datum **gone)
{
    bool any = false;

    if ((flags & NS_URL_RECURSE) != 0) {
        any = NodeClear(node, gone);
        for (int i = 0; i < node->childCount; i++) {
            any |= NodeFree(node->children[i], gone);
        }
        node->childCount = 0;
        return any;
    }
    for (int i = 0; i < node->leafCount; i++) {
        Leaf *leaf = &node->leaves[i];

        if ((flags & NS_URL_ALLFILTERS) != 0 || strcmp(leaf->pattern, pattern) == 0) {
            any |= DataTake((flags & NS_URL_NOINHERIT) != 0 ? &leaf->noinherit : &leaf->inherit,
                            (flags & NS_URL_ALLCONSTRAINTS) != 0, "", gone);
        }
    }
    LeavesPrune(node);
    return any;
}

/* Free branches that have become empty; true if the node itself is. */
static bool
NodePrune(Node *node)
{
    int    kept = 0;
    Datum *none = NULL;

    for (int i = 0; i < node->childCount; i++) {
        if (NodePrune(node->children[i])) {
            (void)NodeFree(node->children[i], &none);
        } else {
            node->children[kept++] = node->children[i];
        }
    }
    node->childCount = kept;
    return kept == 0 && node->leafCount == 0;
}

bool
NsUrlSpaceUnset(NsUrlSpace *space, const char *key, const char *url, unsigned flags)
{
    Datum         *gone = NULL;
    Tcl_DString    pattern;
    Tcl_HashEntry *entry;
    size_t         pathLen;
    bool           any = false;

    NS_CHECK(space, URLSPACE_MAGIC);
    SplitPattern(url, &pathLen, &pattern);
    Ns_RWLockWrLock(&space->lock);
    entry = Tcl_FindHashEntry(&space->roots, key);
    if (entry != NULL) {
        Node *root = Tcl_GetHashValue(entry), *node = NodeExact(root, url, pathLen);

        if (node != NULL && NodeUnset(node, Tcl_DStringValue(&pattern), flags, &gone)) {
            any = true;
            (void)NodePrune(root);
        }
    }
    Ns_RWLockUnlock(&space->lock);
    Tcl_DStringFree(&pattern);
    DataRelease(space, gone);
    return any;
}

/* -------------------------------------------------------------------------------------------------------------- walking */

typedef struct Walk {
    void      (*proc)(const NsUrlEntry *entry, void *arg);
    void       *arg;
    const char *key;
    bool        plain;                         /* this pass is for plain data */
} Walk;

static void
WalkData(const Walk *walk, const Leaf *leaf, const char *path, const Datum *datum, bool inherit)
{
    for (; datum != NULL; datum = datum->next) {
        NsUrlEntry entry = {walk->key, path, leaf->pattern, NsConstraintsText(datum->constraints), inherit, datum->data};

        walk->proc(&entry, walk->arg);
    }
}

static void
WalkNode(const Walk *walk, const Node *node, Tcl_DString *path)
{
    int length = Tcl_DStringLength(path);

    for (int i = 0; i < node->leafCount; i++) {
        const Leaf *leaf = &node->leaves[i];

        if (leaf->plain == walk->plain) {
            const char *shown = length > 0 ? Tcl_DStringValue(path) : "/";

            WalkData(walk, leaf, shown, leaf->inherit, true);
            WalkData(walk, leaf, shown, leaf->noinherit, false);
        }
    }
    for (int i = 0; i < node->childCount; i++) {
        Tcl_DStringAppend(path, "/", 1);
        Tcl_DStringAppend(path, node->children[i]->part, -1);
        WalkNode(walk, node->children[i], path);
        Tcl_DStringSetLength(path, length);
    }
}

void
NsUrlSpaceWalk(NsUrlSpace *space, void (*proc)(const NsUrlEntry *entry, void *arg), void *arg)
{
    Walk        walk = {proc, arg, NULL, false};
    Tcl_DString path;

    NS_CHECK(space, URLSPACE_MAGIC);
    Tcl_DStringInit(&path);
    Ns_RWLockRdLock(&space->lock);
    for (int pass = 0; pass < 2; pass++) {
        Tcl_HashSearch search;

        walk.plain = pass == 1;
        for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&space->roots, &search); entry != NULL;
             entry = Tcl_NextHashEntry(&search)) {
            walk.key = Tcl_GetHashKey(&space->roots, entry);
            WalkNode(&walk, Tcl_GetHashValue(entry), &path);
        }
    }
    Ns_RWLockUnlock(&space->lock);
    Tcl_DStringFree(&path);
}

/* ------------------------------------------------------------------------------------------------- spaces of the scripts */

/* Strings are counted: a lookup may still use one that another thread replaces. */
typedef struct SharedString {
    _Atomic int refs;
    char        text[];
} SharedString;

static void
StringRetain(void *data)
{
    ((SharedString *)data)->refs++;
}

static void
StringRelease(void *data)
{
    if (--((SharedString *)data)->refs == 0) {
        ns_free(data);
    }
}

void *
NsUrlStringNew(const char *text)
{
    size_t        size = strlen(text) + 1;
    SharedString *string = ns_malloc(sizeof *string + size);

    string->refs = 1;
    memcpy(string->text, text, size);
    return string;
}

const char *
NsUrlStringText(const void *string)
{
    return ((const SharedString *)string)->text;
}

void
NsUrlStringRelease(void *string)
{
    if (string != NULL) {
        StringRelease(string);
    }
}

static void
InitServer(NsServer *server)
{
    struct NsUrlSpaces *spaces = ns_calloc(1, sizeof *spaces);

    Ns_MutexInit(&spaces->lock);
    Ns_MutexSetName2(&spaces->lock, "ns:urlspaces", server->name);
    spaces->spaces[0] = NsUrlSpaceCreate(StringRetain, StringRelease);
    spaces->used = 1;
    NsServerSetPart(server, &nsUrlSpacePart, spaces);
}

NsServerPart nsUrlSpacePart = {.init = InitServer};

int
NsUrlSpaceNewId(NsServer *server)
{
    struct NsUrlSpaces *spaces = SpacesOf(server);
    int                 id = -1;

    Ns_MutexLock(&spaces->lock);
    if (spaces->used <= NS_URLSPACE_MAX) {
        id = spaces->used++;
        spaces->spaces[id] = NsUrlSpaceCreate(StringRetain, StringRelease);
    }
    Ns_MutexUnlock(&spaces->lock);
    return id;
}

NsUrlSpace *
NsUrlSpaceOfId(NsServer *server, int id)
{
    struct NsUrlSpaces *spaces = SpacesOf(server);
    NsUrlSpace         *space = NULL;

    Ns_MutexLock(&spaces->lock);
    if (id < spaces->used) {
        space = spaces->spaces[id < 0 ? 0 : id];
    }
    Ns_MutexUnlock(&spaces->lock);
    return space;
}
