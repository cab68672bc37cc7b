/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request's body for scripts: ns_conn content, copy, contenttype, ns_conncptofp.
 */
#include <limits.h>
#include <string.h>
#include "base/dict.h"
#include "conf/charset.h"
#include "cmd/request/connparts.h"
#include "request/codec.h"
#include "http/header.h"

static Ns_ObjvValueRange positive = {0, LLONG_MAX}, atLeastOne = {1, LLONG_MAX};

/* Bytes as text in the charset of the request's content type, or the server's; binary types stay bytes. */
static Tcl_Obj *
ContentObj(const NsConn *conn, const char *bytes, size_t len)
{
    const char  *type = Ns_SetIGet(conn->pub.headers, "content-type"), *charset;
    size_t       charsetLen = 0;
    Tcl_Encoding encoding = NULL;

    if (type != NULL && (charset = NsTypeCharset(type, &charsetLen)) != NULL) {
        encoding = NsCharsetEncodingSz(charset, charsetLen);
    }
    if (encoding == NULL || NsEncodingIsUtf8(encoding)) {
        return NsBytesToObj(bytes, len, false);
    }
    return NsCharsetDecodeObj(encoding, bytes, len);
}

int
NsConnContentObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_WideInt offset = 0, length = -1, available;
    int         binary = 0, code = TCL_OK;
    Tcl_Obj    *text = NULL;
    NsConn     *conn;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"?offset", Ns_ObjvWideInt, &offset, &positive},
        {"?length", Ns_ObjvWideInt, &length, &atLeastOne},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    available = (Tcl_WideInt)conn->pub.contentLength;
    if (!binary && (offset > 0 || length >= 0)) {          /* characters of the text */
        text = ContentObj(conn, Ns_ConnContent(&conn->pub), (size_t)available);
        Tcl_IncrRefCount(text);
        available = Tcl_GetCharLength(text);
    }
    if (offset > available) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("offset exceeds available content length", -1));
        code = TCL_ERROR;
    } else if (length > available - offset) {
        Ns_TclPrintfResult(interp, "offset (%" TCL_LL_MODIFIER "d) + length (%" TCL_LL_MODIFIER "d) exceeds available"
                           " content length (%" TCL_LL_MODIFIER "d)", offset, length, available);
        code = TCL_ERROR;
    } else {
        length = length < 0 ? available - offset : length;
        if (text != NULL) {
            Tcl_SetObjResult(interp, length > 0 ? Tcl_GetRange(text, (int)offset, (int)(offset + length - 1)) : Tcl_NewObj());
        } else if (binary) {
            Tcl_SetObjResult(interp, Tcl_NewByteArrayObj((const unsigned char *)Ns_ConnContent(&conn->pub) + offset, (int)length));
        } else {
            Tcl_SetObjResult(interp, ContentObj(conn, Ns_ConnContent(&conn->pub), (size_t)length));
        }
    }
    if (text != NULL) {
        Tcl_DecrRefCount(text);
    }
    return code;
}

/* All bytes to a channel; false with an error. */
static bool
WriteToChannel(Tcl_Interp *interp, Tcl_Channel chan, const char *bytes, size_t len)
{
    while (len > 0) {
        int part = len < INT_MAX ? (int)len : INT_MAX;

        if (Tcl_Write(chan, bytes, part) != part) {
            Ns_TclPrintfResult(interp, "could not write to channel: %s", Tcl_PosixError(interp));
            return false;
        }
        bytes += part;
        len -= (size_t)part;
    }
    return true;
}

int
NsConnCopyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_WideInt offset, length, available;
    char       *chanName;
    Tcl_Channel chan;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"offset",    Ns_ObjvWideInt, &offset, &positive},
        {"length",    Ns_ObjvWideInt, &length, &positive},
        {"channelId", Ns_ObjvString, &chanName, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL
        || Ns_TclGetOpenChannel(interp, chanName, 1, true, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    available = (Tcl_WideInt)conn->pub.contentLength;
    if (offset > available) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("offset is larger than request length", -1));
        return TCL_ERROR;
    }
    if (length > available - offset) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("length is larger than request length minus offset", -1));
        return TCL_ERROR;
    }
    return WriteToChannel(interp, chan, Ns_ConnContent(&conn->pub) + offset, (size_t)length) ? TCL_OK : TCL_ERROR;
}

int
NsConnCopyToChannelObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_WideInt bytes = -1;
    char       *chanName;
    Tcl_Channel chan;
    NsConn     *conn;
    size_t      len;
    static Ns_ObjvValueRange range = {0, INT_MAX};
    Ns_ObjvSpec opts[] = {
        {"-bytes", Ns_ObjvWideInt, &bytes, &range},
        {"--",     Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvString, &chanName, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL
        || Ns_TclGetOpenChannel(interp, chanName, 1, true, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    len = conn->pub.contentLength;
    if (bytes >= 0 && (size_t)bytes < len) {
        len = (size_t)bytes;
    }
    return WriteToChannel(interp, chan, Ns_ConnContent(&conn->pub), len) ? TCL_OK : TCL_ERROR;
}

static void
PutSpan(Tcl_Obj *dict, const char *key, const char *text, size_t len, bool lowerCase)
{
    Tcl_Obj *value = Tcl_NewStringObj(text, (int)len);

    if (lowerCase) {
        (void)Tcl_UtfToLower(Tcl_GetString(value));
    }
    NsDictPut(dict, key, value);
}

static void
PutParam(Tcl_Obj *dict, const char *type, const char *name)
{
    Tcl_DString value;

    Tcl_DStringInit(&value);
    if (NsHeaderParam(type, name, &value)) {
        PutSpan(dict, name, Tcl_DStringValue(&value), (size_t)Tcl_DStringLength(&value), false);
    }
    Tcl_DStringFree(&value);
}

Tcl_Obj *
NsConnContentTypeObj(NsConn *conn)
{
    const char *raw = Ns_SetIGet(conn->pub.headers, "content-type"), *plus;
    Tcl_Obj    *dict = Tcl_NewDictObj();
    NsSpan      main;

    raw = raw != NULL ? raw : "";
    main = NsHeaderMain(raw);
    PutSpan(dict, "raw", raw, strlen(raw), false);
    PutSpan(dict, "type", main.start != NULL ? main.start : "", main.len, true);
    plus = main.start != NULL ? memrchr(main.start, '+', main.len) : NULL;
    if (plus != NULL) {
        PutSpan(dict, "suffix", plus + 1, (size_t)(main.start + main.len - plus - 1), true);
    }
    PutParam(dict, raw, "charset");
    PutParam(dict, raw, "boundary");
    return dict;
}
