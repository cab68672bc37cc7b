/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finding blocks and tags in the text of a page.
 */
#include <string.h>
#include <strings.h>
#include "adp/scan.h"

#define NAME_MAX_LEN 128
#define SCRIPT_MAX_LEN 1024                    /* of the attributes of a <script> that is run here */

/* Where a block begins, and the %> that ends it; NULL: there is none behind it. */
typedef struct Pair {
    const char *open, *close;
} Pair;

typedef struct Scanner {
    const char      *source;
    size_t           len;
    const NsAdpTags *tags;
    NsAdpTokens     *tokens;
    const char      *lastQuote[2];             /* of each kind, or NULL: behind it none is closed */
    const char      *lastClose;                /* the last '>' */
    struct Pair     *pairs;                    /* of <% and %>, by where they begin */
    size_t           pairCount;
    bool             noScriptEnd, noCommentEnd;        /* </script>, --%> does not come again */
    const char      *nextFrom, *nextClose;     /* between these is no '>' */
    Tcl_HashTable    passed;                   /* a '<' that a search for the end of a tag came by -> the number of that search */
    const char     **ends;                     /* what the searches have found */
    size_t           searches, endsRoom;
    Tcl_HashTable    open;                     /* end name -> index of the last START token + 1 */
} Scanner;

static inline bool
IsBlank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *
Find(const char *at, const char *end, const char *what, size_t whatLen)
{
    return memmem(at, (size_t)(end - at), what, whatLen);
}

/* ---------------------------------------------------------------------------------------------------------- attributes */

/* Behind a value that begins here: quoted, or up to a blank. */
static const char *
SkipValue(const char *at, const char *end, const char **value, size_t *valueLen, bool keepQuotes)
{
    const char *close = at < end && (*at == '"' || *at == '\'') ? memchr(at + 1, *at, (size_t)(end - at - 1)) : NULL;

    if (close != NULL) {
        *value = keepQuotes ? at : at + 1;
        *valueLen = (size_t)(close - at) + (keepQuotes ? 1 : -1);
        return close + 1;
    }
    *value = at;
    while (at < end && !IsBlank(*at)) {
        at++;
    }
    *valueLen = (size_t)(at - *value);
    return at;
}

static const char *
SkipBlanks(const char *at, const char *end)
{
    while (at < end && IsBlank(*at)) {
        at++;
    }
    return at;
}

bool
NsAdpNextAttr(const char **from, const char *end, NsAdpAttr *attr)
{
    const char *at = SkipBlanks(*from, end), *next;

    if (at == end || (*at == '/' && SkipBlanks(at + 1, end) == end)) {         /* <tag /> */
        *from = end;
        return false;
    }
    attr->name = at;
    if (*at == '"' || *at == '\'') {
        at = SkipValue(at, end, &attr->name, &attr->nameLen, true);
    } else {
        while (at < end && !IsBlank(*at) && *at != '=') {
            at++;
        }
        attr->nameLen = (size_t)(at - attr->name);
    }
    next = SkipBlanks(at, end);
    if (attr->nameLen > 0 && next < end && *next == '=') {
        at = SkipValue(SkipBlanks(next + 1, end), end, &attr->value, &attr->valueLen, false);
    } else {
        if (attr->nameLen == 0) {              /* a '=' with nothing before it */
            at = SkipValue(at, end, &attr->name, &attr->nameLen, true);
        }
        attr->value = attr->name;
        attr->valueLen = attr->nameLen;
    }
    *from = at;
    return true;
}

static bool
Is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* Is a <script> to be run here? */
static bool
RunsAtServer(const char *at, const char *end, bool *stream)
{
    bool      server = false, tcl = true;
    NsAdpAttr attr;

    *stream = false;
    while (NsAdpNextAttr(&at, end, &attr)) {
        if (Is(attr.name, attr.nameLen, "runat")) {
            server = Is(attr.value, attr.valueLen, "server");
        } else if (Is(attr.name, attr.nameLen, "language")) {
            tcl = Is(attr.value, attr.valueLen, "tcl");
        } else if (Is(attr.name, attr.nameLen, "stream")) {
            *stream = Is(attr.value, attr.valueLen, "on");
        }
    }
    return server && tcl;
}

/* -------------------------------------------------------------------------------------------------------------- tokens */

static NsAdpToken *
Add(Scanner *s, NsAdpTokenKind kind, const char *start, const char *end)
{
    NsAdpTokens *tokens = s->tokens;
    NsAdpToken  *token;

    if (tokens->count == tokens->room) {
        tokens->room = tokens->room > 0 ? tokens->room * 2 : 16;
        tokens->list = ns_realloc(tokens->list, (size_t)tokens->room * sizeof *tokens->list);
    }
    token = &tokens->list[tokens->count++];
    memset(token, 0, sizeof *token);
    token->kind = kind;
    token->start = (size_t)(start - s->source);
    token->end = (size_t)(end - s->source);
    token->match = -1;
    return token;
}

static void
SetInner(const Scanner *s, NsAdpToken *token, const char *inner, const char *end)
{
    token->inner = (size_t)(inner - s->source);
    token->innerEnd = (size_t)(end - s->source);
}

/* A "<%" in a script, and nothing that ends it: up to the next %>. */
static void
EndUnmatched(Scanner *s)
{
    const char *end = s->source + s->len, *next = NULL;

    for (size_t i = s->pairCount; i-- > 0;) {
        const char *to = i + 1 < s->pairCount && s->pairs[i + 1].open + 3 < end ? s->pairs[i + 1].open + 3 : end;      /* with that of <%> */
        const char *found = Find(s->pairs[i].open + 2, to, "%>", 2);

        next = found != NULL ? found : next;
        if (s->pairs[i].close == NULL) {
            s->pairs[i].close = next;
        }
    }
}

/* Which %> belongs to which <%: a script may hold the text of a page, with blocks of its own. */
static void
MatchBlocks(Scanner *s)
{
    const char *at = s->source, *end = at + s->len;
    size_t      room = 0, *stack = NULL, depth = 0;

    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        if (at > s->source && at[-1] == '<') {
            if (s->pairCount == room) {
                room = room > 0 ? room * 2 : 16;
                s->pairs = ns_realloc(s->pairs, room * sizeof *s->pairs);
                stack = ns_realloc(stack, room * sizeof *stack);
            }
            stack[depth++] = s->pairCount;
            s->pairs[s->pairCount++] = (Pair){at - 1, NULL};
        } else if (at + 1 < end && at[1] == '>' && depth > 0) {
            s->pairs[stack[--depth]].close = at;
        }
        at++;
    }
    ns_free(stack);
    if (depth > 0) {
        EndUnmatched(s);
    }
}

/* The %> of the block that begins here; NULL: it has no end. */
static const char *
BlockEnd(const Scanner *s, const char *open)
{
    size_t low = 0, high = s->pairCount;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (s->pairs[middle].open < open) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->pairCount && s->pairs[low].open == open ? s->pairs[low].close : NULL;
}

/* At "<%": behind the block; NULL: it has no end. */
static const char *
ScanBlock(Scanner *s, const char *at)
{
    const char *end = s->source + s->len, *inner = at + 2, *close;
    NsAdpToken *token;

    if (end - inner >= 2 && inner[0] == '-' && inner[1] == '-' && !s->noCommentEnd) {
        close = Find(inner + 2, end, "--%>", 4);
        if (close != NULL) {
            (void)Add(s, NS_ADP_TOKEN_COMMENT, at, close + 4);
            return close + 4;
        }
        s->noCommentEnd = true;
    }
    close = BlockEnd(s, at);
    if (close == NULL) {
        return NULL;
    }
    if (*inner == '=') {
        token = Add(s, NS_ADP_TOKEN_EXPR, at, close + 2);
        inner++;
    } else {
        token = Add(s, NS_ADP_TOKEN_BLOCK, at, close + 2);
    }
    SetInner(s, token, inner, close);
    return close + 2;
}

/* The next '>'; there is one. */
static const char *
NextClose(Scanner *s, const char *at)
{
    if (s->nextFrom == NULL || at < s->nextFrom || at > s->nextClose) {
        s->nextFrom = at;
        s->nextClose = memchr(at, '>', (size_t)(s->source + s->len - at));
    }
    return s->nextClose;
}

/* Has a search come by this '<' before?  Then it goes on as that one did; else it is noted for this one. */
static bool
WasHere(Scanner *s, const char *at, const char **close)
{
    int            isNew;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&s->passed, at, &isNew);

    if (isNew) {
        Tcl_SetHashValue(entry, (void *)s->searches);
        return false;
    }
    *close = s->ends[(size_t)Tcl_GetHashValue(entry)];
    return true;
}

static void
NoteEnd(Scanner *s, const char *close)
{
    if (s->searches == s->endsRoom) {
        s->endsRoom = s->endsRoom > 0 ? s->endsRoom * 2 : 16;
        s->ends = ns_realloc(s->ends, s->endsRoom * sizeof *s->ends);
    }
    s->ends[s->searches++] = close;
}

/* The '>' that ends a tag, from behind its name; not one within quotes or a block.  NULL: there is none. */
static const char *
TagEnd(Scanner *s, const char *at)
{
    const char *end = s->source + s->len, *close = NULL;
    bool        mayQuote = false;

    if (s->lastClose == NULL || at > s->lastClose) {
        return NULL;
    }
    for (const char *c = at; c < end && close == NULL; c++) {
        if (*c == '>') {
            close = c;
        } else if (*c == '<' && c + 1 < end && c[1] == '%') {
            const char *block = BlockEnd(s, c);

            if (block == NULL) {
                break;
            }
            c = block + 1;
        } else if (*c == '<' && c + 1 < end && c[1] != '<' && !IsBlank(c[1])) {        /* where a tag may begin */
            if (WasHere(s, c, &close)) {
                break;
            }
        } else if (mayQuote && (*c == '"' || *c == '\'')) {
            if (c >= s->lastQuote[*c == '"']) {
                break;
            }
            c = memchr(c + 1, *c, (size_t)(end - c - 1));
        }
        mayQuote = IsBlank(*c) || *c == '=';
    }
    NoteEnd(s, close);
    return close != NULL ? close : NextClose(s, at);           /* what is not closed does not take the rest of the page with it */
}

/* The name in lower case.  0: none that is looked for. */
static size_t
ReadName(const Scanner *s, const char *at, size_t longest, char *name)
{
    const char *end = s->source + s->len;
    size_t      len = 0;

    while (at < end && !IsBlank(*at) && *at != '>' && (*at != '/' || len == 0)) {
        if (len == longest) {
            return 0;
        }
        name[len++] = *at >= 'A' && *at <= 'Z' ? (char)(*at + 'a' - 'A') : *at;
        at++;
    }
    name[len] = '\0';
    return len;
}

/* At a <script>: behind it, if it is ours; else NULL. */
static const char *
ScanScript(Scanner *s, const char *at, size_t nameLen)
{
    static const char closing[] = "</script";
    const char *end = s->source + s->len, *close = s->noScriptEnd ? NULL : TagEnd(s, at + 1 + nameLen), *stop, *after;
    bool        stream;
    NsAdpToken *token;

    if (close == NULL || close - at > SCRIPT_MAX_LEN || !RunsAtServer(at + 1 + nameLen, close, &stream)) {
        return NULL;
    }
    for (stop = close + 1; (stop = memchr(stop, '<', (size_t)(end - stop))) != NULL; stop++) {
        if ((size_t)(end - stop) >= sizeof closing - 1 && strncasecmp(stop, closing, sizeof closing - 1) == 0) {
            break;
        }
    }
    after = stop != NULL ? memchr(stop, '>', (size_t)(end - stop)) : NULL;
    if (after == NULL) {
        s->noScriptEnd = true;
        return NULL;
    }
    token = Add(s, NS_ADP_TOKEN_SERVER, at, after + 1);
    token->stream = stream;
    SetInner(s, token, close + 1, stop);
    return after + 1;
}

static void
PushStart(Scanner *s, int index)
{
    NsAdpToken    *token = &s->tokens->list[index];
    int            isNew;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&s->open, token->tag->end, &isNew);

    token->below = isNew ? 0 : (int)(intptr_t)Tcl_GetHashValue(entry);
    Tcl_SetHashValue(entry, (void *)(intptr_t)(index + 1));
}

/* A tag of the name of an end closes the last one that is open. */
static void
PopStart(Scanner *s, Tcl_HashEntry *entry, int index)
{
    int open = (int)(intptr_t)Tcl_GetHashValue(entry);

    if (open > 0) {
        NsAdpToken *token = &s->tokens->list[open - 1];

        token->match = index;
        Tcl_SetHashValue(entry, (void *)(intptr_t)token->below);
    }
}

/* At "<" and a name: behind the tag, if it is one of those that were registered, or ends one; else NULL. */
static const char *
ScanTag(Scanner *s, const char *at)
{
    char            name[NAME_MAX_LEN + 1];
    size_t          longest = s->tags != NULL && s->tags->longest > 6 ? s->tags->longest : 6, nameLen;
    const char     *close = NULL;
    const NsAdpTag *tag;
    Tcl_HashEntry  *entry;

    nameLen = ReadName(s, at + 1, longest < NAME_MAX_LEN ? longest : NAME_MAX_LEN, name);
    if (nameLen == 6 && memcmp(name, "script", 6) == 0) {
        close = ScanScript(s, at, nameLen);
    }
    if (close != NULL || nameLen == 0 || s->tags == NULL || s->tags->longest == 0) {
        return close;
    }
    tag = s->tags->find(s->tags->arg, name);
    entry = s->open.numEntries > 0 ? Tcl_FindHashEntry(&s->open, name) : NULL;
    close = tag != NULL || entry != NULL ? TagEnd(s, at + 1 + nameLen) : NULL;
    if (close == NULL) {
        return NULL;
    }
    if (entry != NULL && Tcl_GetHashValue(entry) != NULL) {
        (void)Add(s, NS_ADP_TOKEN_END, at, close + 1);
        PopStart(s, entry, s->tokens->count - 1);
    } else if (tag != NULL) {
        NsAdpToken *token = Add(s, NS_ADP_TOKEN_START, at, close + 1);

        token->tag = tag;
        token->nameLen = nameLen;
        SetInner(s, token, at + 1 + nameLen, close);
        if (tag->end != NULL) {
            PushStart(s, s->tokens->count - 1);
        }
    } else {
        return NULL;
    }
    return close + 1;
}

void
NsAdpScan(NsAdpTokens *tokens, const char *source, size_t len, const NsAdpTags *tags)
{
    Scanner     s = {.source = source, .len = len, .tags = tags, .tokens = tokens};
    const char *at = source, *end = source + len;

    memset(tokens, 0, sizeof *tokens);
    s.lastQuote[0] = memrchr(source, '\'', len);
    s.lastQuote[1] = memrchr(source, '"', len);
    s.lastClose = memrchr(source, '>', len);
    Tcl_InitHashTable(&s.open, TCL_STRING_KEYS);
    Tcl_InitHashTable(&s.passed, TCL_ONE_WORD_KEYS);
    MatchBlocks(&s);
    while ((at = memchr(at, '<', (size_t)(end - at))) != NULL && at + 1 < end) {
        const char *next = NULL;

        if (at[1] == '%') {
            next = ScanBlock(&s, at);
            if (next == NULL) {
                break;                         /* nor has any later block an end */
            }
        } else if (!IsBlank(at[1])) {
            next = ScanTag(&s, at);
        }
        at = next != NULL ? next : at + 1;
    }
    ns_free(s.pairs);
    ns_free(s.ends);
    Tcl_DeleteHashTable(&s.passed);
    Tcl_DeleteHashTable(&s.open);
}

void
NsAdpTokensFree(NsAdpTokens *tokens)
{
    ns_free(tokens->list);
}
