/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Cookies (RFC 6265): ns_setcookie, ns_getcookie, ns_deletecookie.
 */
#include <string.h>
#include "base/text.h"
#include "cmd/request/connparts.h"
#include "http/date.h"
#include "http/head.h"
#include "http/url.h"

typedef enum { SAMESITE_STRICT, SAMESITE_LAX, SAMESITE_NONE } SameSite;

static const Ns_ObjvTable sameSites[] = {
    {"strict", SAMESITE_STRICT}, {"lax", SAMESITE_LAX}, {"none", SAMESITE_NONE}, {NULL, 0}
};

/* What is the same for setting and deleting. */
typedef struct Cookie {
    Tcl_Obj *name;
    char    *domain, *path;
    int      sameSite, secure, scriptable, discard, replace;
} Cookie;

/* ------------------------------------------------------------------------------------------------------------ setting */

/* Take out a cookie of this name that was set before in the same answer. */
static void
DropSet(Ns_Set *headers, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = Ns_SetSize(headers); i-- > 0;) {
        const char *value = Ns_SetValue(headers, i);

        if (strcasecmp(Ns_SetKey(headers, i), "set-cookie") == 0 && strncmp(value, name, len) == 0 && value[len] == '=') {
            Ns_SetDelete(headers, (int)i);
        }
    }
}

/* An attribute's value is not encoded: what would begin another attribute, or another header, must not be in it. */
static bool
AttributeOk(Tcl_Interp *interp, const char *what, const char *value)
{
    if (value == NULL || (NsHttpValueValid(value, strlen(value)) && strchr(value, ';') == NULL)) {
        return true;
    }
    Ns_TclPrintfResult(interp, "invalid %s for a cookie: \"%s\"", what, value);
    return false;
}

static bool
NameOk(Tcl_Interp *interp, Tcl_Obj *nameObj)
{
    int         len;
    const char *name = Tcl_GetStringFromObj(nameObj, &len);

    if (!NsHttpTokenValid(name, (size_t)len)) {
        Ns_TclPrintfResult(interp, "invalid name for a cookie: \"%s\"", name);
        return false;
    }
    return true;
}

/* `age` is what comes behind the value: "; Max-Age=..." or "". */
static int
PutCookie(Tcl_Interp *interp, NsConn *conn, const Cookie *cookie, const char *data, size_t len, const char *age)
{
    static const char *const names[] = {"; SameSite=Strict", "; SameSite=Lax", "; SameSite=None"};
    const char *name = Tcl_GetString(cookie->name);
    Tcl_DString ds;

    if (!NameOk(interp, cookie->name) || !AttributeOk(interp, "domain", cookie->domain)
        || !AttributeOk(interp, "path", cookie->path)) {
        return TCL_ERROR;
    }
    if (cookie->replace) {
        DropSet(conn->pub.outputheaders, name);
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, name, -1);
    Tcl_DStringAppend(&ds, "=\"", 2);
    NsUrlEncode(&ds, data, len, NS_URL_COOKIE, false);
    Tcl_DStringAppend(&ds, "\"", 1);
    Tcl_DStringAppend(&ds, age, -1);
    /* No domain and an empty one are the same: the host that answers, and no other. */
    if (cookie->domain != NULL && *cookie->domain != '\0') {
        Tcl_DStringAppend(&ds, "; Domain=", -1);
        Tcl_DStringAppend(&ds, cookie->domain, -1);
    }
    if (cookie->path != NULL) {
        Tcl_DStringAppend(&ds, "; Path=", -1);
        Tcl_DStringAppend(&ds, cookie->path, -1);
    }
    if (cookie->secure) {
        Tcl_DStringAppend(&ds, "; Secure", -1);
    }
    if (cookie->discard) {
        Tcl_DStringAppend(&ds, "; Discard", -1);
    }
    if (!cookie->scriptable) {
        Tcl_DStringAppend(&ds, "; HttpOnly", -1);
    }
    /* Browsers refuse None without Secure. */
    Tcl_DStringAppend(&ds, names[cookie->sameSite == SAMESITE_NONE && !cookie->secure ? SAMESITE_LAX : cookie->sameSite],
                      -1);
    Ns_ConnSetHeaders(&conn->pub, "set-cookie", Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return TCL_OK;
}

/* A relative time is an age; an absolute one a date; a negative one is never, as far as browsers go. */
static void
AgeText(const Ns_Time *expires, char *out, size_t size)
{
    static const time_t never = 2051222400;    /* 2035-01-01 */
    char   date[NS_HTTP_DATE_SIZE];
    Ns_Time absolute, given;

    *out = '\0';
    if (expires == NULL) {
        return;
    }
    given = *expires;
    if (expires->sec < 0) {
        (void)NsHttpDateFormat(date, never);
        snprintf(out, size, "; Expires=%s", date);
    } else if (Ns_AbsoluteTime(&absolute, &given) == &given) {
        (void)NsHttpDateFormat(date, expires->sec);
        snprintf(out, size, "; Expires=%s", date);
    } else {
        snprintf(out, size, "; Max-Age=%ld", expires->sec);
    }
}

int
NsSetCookieObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Cookie      cookie = {.sameSite = SAMESITE_LAX};
    Tcl_Obj    *data;
    Ns_Time    *expires = NULL;
    NsConn     *conn;
    const char *text;
    char        age[100];
    int         len, code;
    size_t      size;
    Tcl_DString bytes;
    Ns_ObjvSpec opts[] = {
        {"-discard",    Ns_ObjvBoolean, &cookie.discard, NULL},
        {"-domain",     Ns_ObjvString, &cookie.domain, NULL},
        {"-expires",    Ns_ObjvTime, &expires, NULL},
        {"-path",       Ns_ObjvString, &cookie.path, NULL},
        {"-replace",    Ns_ObjvBoolean, &cookie.replace, NULL},
        {"-samesite",   Ns_ObjvIndex, &cookie.sameSite, (void *)(uintptr_t)sameSites},
        {"-scriptable", Ns_ObjvBoolean, &cookie.scriptable, NULL},
        {"-secure",     Ns_ObjvBoolean, &cookie.secure, NULL},
        {"--",          Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"name", Ns_ObjvObj, &cookie.name, NULL},
        {"data", Ns_ObjvObj, &data, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    AgeText(expires, age, sizeof age);
    text = Tcl_GetStringFromObj(data, &len);
    Tcl_DStringInit(&bytes);
    text = NsTextOut(&bytes, text, (size_t)len, &size);
    code = PutCookie(interp, conn, &cookie, text, size, age);
    Tcl_DStringFree(&bytes);
    return code;
}

/* The value of a cookie in a Set-Cookie header: what is between the quotes. */
static bool
FindSet(const Ns_Set *headers, const char *name, NsSpan *value)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < Ns_SetSize(headers); i++) {
        const char *header = Ns_SetValue(headers, i), *end;

        if (strcasecmp(Ns_SetKey(headers, i), "set-cookie") == 0 && strncmp(header, name, len) == 0
            && header[len] == '=' && header[len + 1] == '"' && (end = strchr(header + len + 2, '"')) != NULL) {
            *value = NsSpanOf(header + len + 2, end);
            return true;
        }
    }
    return false;
}

int
NsDeleteCookieObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Cookie      cookie = {.sameSite = SAMESITE_LAX};
    NsConn     *conn;
    Ns_ObjvSpec opts[] = {
        {"-domain",   Ns_ObjvString, &cookie.domain, NULL},
        {"-path",     Ns_ObjvString, &cookie.path, NULL},
        {"-replace",  Ns_ObjvBoolean, &cookie.replace, NULL},
        {"-samesite", Ns_ObjvIndex, &cookie.sameSite, (void *)(uintptr_t)sameSites},
        {"-secure",   Ns_ObjvBoolean, &cookie.secure, NULL},
        {"--",        Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"name", Ns_ObjvObj, &cookie.name, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return PutCookie(interp, conn, &cookie, "", 0, "; Expires=Fri, 01 Jan 1980 01:00:00 GMT");
}

/* ------------------------------------------------------------------------------------------------------------ getting */

/* Text of the net: percent encoding undone, UTF-8 where it is. */
static Tcl_Obj *
ValueObj(NsSpan value)
{
    Tcl_DString given, bytes;
    size_t      len;
    const char *encoded;
    Tcl_Obj    *obj;

    Tcl_DStringInit(&given);
    Tcl_DStringInit(&bytes);
    encoded = NsTextOut(&given, value.start, value.len, &len);
    NsUrlDecode(&bytes, encoded, len, NS_URL_COOKIE);
    obj = NsTextObj(Tcl_DStringValue(&bytes), Tcl_DStringLength(&bytes));
    Tcl_DStringFree(&bytes);
    Tcl_DStringFree(&given);
    return obj;
}

/* The next cookie in a Cookie header from *at on that has this name. */
static bool
NextCookie(const char **at, const char *name, NsSpan *value)
{
    size_t nameLen = strlen(name);

    while (**at != '\0') {
        const char *start = *at + strspn(*at, " \t;"), *end = start + strcspn(start, ";");
        const char *equal = memchr(start, '=', (size_t)(end - start));

        *at = end;
        while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }
        if (equal == NULL || equal >= end || (size_t)(equal - start) != nameLen || memcmp(start, name, nameLen) != 0) {
            continue;
        }
        *value = NsSpanOf(equal + 1, end);
        if (value->len >= 2 && value->start[0] == '"' && value->start[value->len - 1] == '"') {
            *value = NsSpanOf(value->start + 1, end - 1);
        }
        return true;
    }
    return false;
}

int
NsGetCookieObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         all = 0, withSet = 0, count = 0;
    char       *name;
    Tcl_Obj    *def = NULL, *list;
    NsConn     *conn;
    NsSpan      value;
    Ns_ObjvSpec opts[] = {
        {"-all",                 Ns_ObjvBoolean, &all, NULL},
        {"-include_set_cookies", Ns_ObjvBoolean, &withSet, NULL},
        {"--",                   Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"name",     Ns_ObjvString, &name, NULL},
        {"?default", Ns_ObjvObj, &def, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    if (withSet && FindSet(conn->pub.outputheaders, name, &value)) {
        Tcl_ListObjAppendElement(NULL, list, ValueObj(value));
        count++;
    }
    for (size_t i = 0; i < Ns_SetSize(conn->pub.headers); i++) {
        const char *at = Ns_SetValue(conn->pub.headers, i);

        if (strcasecmp(Ns_SetKey(conn->pub.headers, i), "cookie") != 0) {
            continue;
        }
        while ((all || count == 0) && NextCookie(&at, name, &value)) {
            Tcl_ListObjAppendElement(NULL, list, ValueObj(value));
            count++;
        }
    }
    if (count > 0) {
        Tcl_Obj *first = NULL;

        Tcl_IncrRefCount(list);
        (void)Tcl_ListObjIndex(NULL, list, 0, &first);
        Tcl_SetObjResult(interp, all ? list : first);
        Tcl_DecrRefCount(list);
        return TCL_OK;
    }
    Tcl_DecrRefCount(list);
    if (def == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("no such cookie", -1));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, def);
    return TCL_OK;
}
