/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From a page's text to its code.
 */
#include <limits.h>
#include <string.h>
#include "adp/scan.h"

/* ---------------------------------------------------------------------------------------------------------------- code */

void
NsAdpCodeInit(NsAdpCode *code)
{
    memset(code, 0, sizeof *code);
}

void
NsAdpCodeFree(NsAdpCode *code)
{
    ns_free(code->text);
    ns_free(code->blocks);
    NsAdpCodeInit(code);
}

size_t
NsAdpCodeSize(const NsAdpCode *code)
{
    return sizeof *code + code->textLen + (size_t)code->count * sizeof *code->blocks;
}

/* Sizes that double: a block's start does not need its own allocation. */
static size_t
RoundUp(size_t size)
{
    size_t rounded = 64;

    while (rounded < size) {
        rounded *= 2;
    }
    return rounded;
}

static void
AppendText(NsAdpCode *code, const char *text, size_t len)
{
    size_t need = code->textLen + len + 1;

    if (code->text == NULL || RoundUp(need) != RoundUp(code->textLen)) {
        code->text = ns_realloc(code->text, RoundUp(need));
    }
    memcpy(code->text + code->textLen, text, len);
    code->textLen += len;
    code->text[code->textLen++] = '\0';
}

void
NsAdpCodeAdd(NsAdpCode *code, bool script, const char *text, size_t len, int line)
{
    NsAdpBlock *last = code->count > 0 ? &code->blocks[code->count - 1] : NULL;

    if (len == 0) {
        return;
    }
    if (last != NULL && !script && !last->script) {
        code->textLen--;                       /* goes on where the NUL is */
        last->len += len;
    } else {
        if ((code->count & (code->count - 1)) == 0) {
            code->blocks = ns_realloc(code->blocks, (size_t)(code->count > 0 ? code->count * 2 : 1) * sizeof *code->blocks);
        }
        code->blocks[code->count++] = (NsAdpBlock){.start = code->textLen, .len = len, .line = line, .script = script};
        code->scripts += script ? 1 : 0;
    }
    AppendText(code, text, len);
}

/* ------------------------------------------------------------------------------------------------------------- parsing */

typedef struct Parser {
    NsAdpCode       *code;
    const char      *source;
    const NsAdpTags *tags;
    unsigned         flags;
    size_t           counted;                  /* lines are counted up to here */
    int              line;
    Tcl_DString      script;                   /* scratch */
} Parser;

/* The line of a place, which is not before that of the call before. */
static int
LineOf(Parser *p, size_t at)
{
    for (const char *c = p->source + p->counted; (c = memchr(c, '\n', (size_t)(p->source + at - c))) != NULL; c++) {
        p->line++;
    }
    p->counted = at;
    return p->line;
}

static void
AppendElement(Tcl_DString *ds, const char *text, size_t len)
{
    char *copy = ns_strncopy(text, (ssize_t)len);

    (void)Tcl_DStringAppendElement(ds, copy);
    ns_free(copy);
}

/* A set of the attributes, made when the script runs. */
static void
AppendSet(Parser *p, const NsAdpToken *token)
{
    const char *at = p->source + token->inner, *end = p->source + token->innerEnd;
    NsAdpAttr   attr;

    Tcl_DStringAppend(&p->script, " [ns_set create --", -1);
    AppendElement(&p->script, p->source + token->start + 1, token->nameLen);
    while (NsAdpNextAttr(&at, end, &attr)) {
        AppendElement(&p->script, attr.name, attr.nameLen);
        AppendElement(&p->script, attr.value, attr.valueLen);
    }
    Tcl_DStringAppend(&p->script, "]", 1);
}

static void
AppendValues(Parser *p, const NsAdpToken *token)
{
    const char *at = p->source + token->inner, *end = p->source + token->innerEnd;
    NsAdpAttr   attr;

    while (NsAdpNextAttr(&at, end, &attr)) {
        AppendElement(&p->script, attr.value, attr.valueLen);
    }
}

/* What a registered tag does: its command's result is put into the page.  `content` may be NULL. */
static void
AddTag(Parser *p, const NsAdpToken *token, const char *content, size_t contentLen)
{
    const NsAdpTag *tag = token->tag;

    Tcl_DStringAppend(&p->script, "ns_adp_append [", -1);
    if (tag->kind == NS_ADP_TAG_PAGE) {
        Tcl_DStringAppend(&p->script, "ns_adp_parse", -1);
        if (p->tags->name != NULL) {
            Tcl_DStringAppendElement(&p->script, "-tagset");
            Tcl_DStringAppendElement(&p->script, p->tags->name);
        }
        Tcl_DStringAppend(&p->script, " -string --", -1);
        Tcl_DStringAppendElement(&p->script, tag->code);
    } else {
        Tcl_DStringAppend(&p->script, tag->code, -1);
    }
    if (tag->kind == NS_ADP_TAG_PROC) {
        AppendValues(p, token);
    }
    if (content != NULL) {
        AppendElement(&p->script, content, contentLen);
    }
    if (tag->kind != NS_ADP_TAG_PROC) {
        AppendSet(p, token);
    }
    Tcl_DStringAppend(&p->script, "]", 1);
    NsAdpCodeAdd(p->code, true, Tcl_DStringValue(&p->script), (size_t)Tcl_DStringLength(&p->script), LineOf(p, token->start));
    Tcl_DStringSetLength(&p->script, 0);
}

static void
AddScript(Parser *p, const NsAdpToken *token)
{
    const char *prefix = token->kind == NS_ADP_TOKEN_EXPR ? "ns_adp_append " : token->stream ? "ns_adp_stream true;" : "";

    if ((p->flags & NS_ADP_PARSE_SAFE) == 0) {
        Tcl_DStringAppend(&p->script, prefix, -1);
        Tcl_DStringAppend(&p->script, p->source + token->inner, (int)(token->innerEnd - token->inner));
        NsAdpCodeAdd(p->code, true, Tcl_DStringValue(&p->script), (size_t)Tcl_DStringLength(&p->script), LineOf(p, token->start));
        Tcl_DStringSetLength(&p->script, 0);
    }
}

static void
AddText(Parser *p, size_t start, size_t end)
{
    if (end > start) {
        NsAdpCodeAdd(p->code, false, p->source + start, end - start, LineOf(p, start));
    }
}

static void
AddTokens(Parser *p, const NsAdpTokens *tokens, size_t len)
{
    size_t done = 0;

    for (int i = 0; i < tokens->count && p->code->textLen <= NS_ADP_MAX_CODE; i++) {
        const NsAdpToken *token = &tokens->list[i], *end = token;

        if (token->start < done || token->kind == NS_ADP_TOKEN_END
            || (token->kind == NS_ADP_TOKEN_START && token->tag->end != NULL && token->match < 0)) {
            continue;                          /* within the content of a tag, or without its other half: text */
        }
        AddText(p, done, token->start);
        switch (token->kind) {
        case NS_ADP_TOKEN_COMMENT:
            break;
        case NS_ADP_TOKEN_START:
            if (token->match >= 0) {
                end = &tokens->list[token->match];
                AddTag(p, token, p->source + token->end, end->start - token->end);
            } else {
                AddTag(p, token, NULL, 0);
            }
            break;
        default:
            AddScript(p, token);
        }
        done = end->end;
    }
    AddText(p, done, len);
}

/* All blocks as one script. */
static void
Join(NsAdpCode *code)
{
    Tcl_DString script;

    Tcl_DStringInit(&script);
    for (int i = 0; i < code->count; i++) {
        const NsAdpBlock *block = &code->blocks[i];

        if (!block->script) {
            Tcl_DStringAppend(&script, "ns_adp_append", -1);
            Tcl_DStringAppendElement(&script, code->text + block->start);
        } else {
            Tcl_DStringAppend(&script, code->text + block->start, (int)block->len);
        }
        Tcl_DStringAppend(&script, "\n", 1);
    }
    NsAdpCodeFree(code);
    NsAdpCodeAdd(code, true, Tcl_DStringValue(&script), (size_t)Tcl_DStringLength(&script), 1);
    Tcl_DStringFree(&script);
}

bool
NsAdpParse(NsAdpCode *code, const char *source, size_t len, unsigned flags, const NsAdpTags *tags)
{
    Parser      parser = {.code = code, .source = source, .tags = tags, .flags = flags, .line = 1};
    NsAdpTokens tokens;

    NsAdpCodeInit(code);
    if (len > NS_ADP_MAX_SOURCE) {
        return false;
    }
    if ((flags & NS_ADP_PARSE_TCL) != 0) {
        if ((flags & NS_ADP_PARSE_SAFE) == 0) {
            NsAdpCodeAdd(code, true, source, len, 1);
        }
        return true;
    }
    Tcl_DStringInit(&parser.script);
    NsAdpScan(&tokens, source, len, tags);
    AddTokens(&parser, &tokens, len);
    NsAdpTokensFree(&tokens);
    Tcl_DStringFree(&parser.script);
    if (code->textLen > NS_ADP_MAX_CODE) {
        NsAdpCodeFree(code);
        return false;
    }
    if ((flags & NS_ADP_PARSE_SINGLE) != 0 && code->scripts > 0) {
        Join(code);
    }
    return true;
}
