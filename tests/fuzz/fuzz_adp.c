/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages.  The first byte has the parser's flags, the rest is the page, with the tags a, b (ends with /b), c (an ADP string, ends
 * with /c) and d (ends with e).
 */
#include "fuzz.h"
#include "adp/parse.h"
#include "base/text.h"

static const NsAdpTag *
FindTag(const void *arg, const char *name)
{
    static const NsAdpTag tags[4] = {
        {NS_ADP_TAG_SCRIPT, NULL, "a"}, {NS_ADP_TAG_PROC, "/b", "b"}, {NS_ADP_TAG_PAGE, "/c", "<%= c %>"}, {NS_ADP_TAG_SCRIPT, "e", "d"}
    };

    FUZZ_CHECK(strlen(name) <= 6);
    return name[0] >= 'a' && name[0] <= 'd' && name[1] == '\0' ? &tags[name[0] - 'a'] : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NsAdpTags   tags = {FindTag, NULL, NULL, 2};
    unsigned    flags = size > 0 ? data[0] & 7u : 0;
    NsAdpCode   code, again;
    Tcl_DString ds;
    const char *in;
    char       *page;
    size_t      len, end = 0, textLen = 0;
    int         line = 1, scripts = 0;

    Tcl_DStringInit(&ds);
    in = NsTextIn(&ds, size > 0 ? (const char *)data + 1 : "", size > 0 ? size - 1 : 0, &len);
    page = FuzzCopy(in, len);
    NsAdpParse(&code, page, len, flags, size > 0 && (data[0] & 8u) != 0 ? NULL : &tags);
    NsAdpParse(&again, page, len, flags, size > 0 && (data[0] & 8u) != 0 ? NULL : &tags);
    for (int i = 0; i < code.count; i++) {
        const NsAdpBlock *block = &code.blocks[i];
        const char       *text = code.text + block->start;

        FUZZ_CHECK(block->len > 0 && block->start == end && block->start + block->len < code.textLen);
        FUZZ_CHECK(text[block->len] == '\0' && memchr(text, '\0', block->len) == NULL);
        FUZZ_CHECK(block->line >= line && (size_t)block->line <= len + 1);
        FUZZ_CHECK(block->script || i == 0 || code.blocks[i - 1].script);
        FUZZ_CHECK(block->len == again.blocks[i].len && memcmp(text, again.text + again.blocks[i].start, block->len) == 0);
        line = block->line;
        end = block->start + block->len + 1;
        scripts += block->script ? 1 : 0;
        textLen += block->script ? 0 : block->len;
    }
    FUZZ_CHECK(scripts == code.scripts && code.count == again.count && textLen <= len && end == code.textLen);
    FUZZ_CHECK((flags & NS_ADP_PARSE_TCL) == 0 || code.count <= 1);
    NsAdpCodeFree(&code);
    NsAdpCodeFree(&again);
    free(page);
    Tcl_DStringFree(&ds);
    return 0;
}
