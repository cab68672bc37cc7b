/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of Tcl values, ranges and tables, digests, and what the process knows of itself.
 */
#include "nscapi.h"

static const char *const lockType = "my:lock";

static Ns_ReturnCode
Addresses(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    int      thing = 1, other = 2;
    void    *found = NULL;
    Tcl_Obj *obj = Tcl_NewStringObj("a name", -1), *text;
    int      code;

    Tcl_IncrRefCount(obj);
    Ns_TclSetOpaqueObj(obj, lockType, &thing);
    code = Ns_TclGetOpaqueFromObj(obj, "my:lock", &found);
    Put(ds, "%d %d %s", code, found == &thing, Tcl_GetString(obj));
    Put(ds, "%d", Ns_TclGetOpaqueFromObj(obj, "another", &found));
    (void)Tcl_ListObjLength(NULL, obj, &code);
    Put(ds, "%d", Ns_TclGetOpaqueFromObj(obj, lockType, &found));
    Ns_TclSetAddrObj(obj, lockType, &other);
    text = Tcl_NewStringObj(Tcl_GetString(obj), -1);
    Tcl_IncrRefCount(text);
    code = Ns_TclGetAddrFromObj(interp, text, lockType, &found);
    Put(ds, "%d %d", code, found == &other);
    code = Ns_TclGetAddrFromObj(interp, text, "another", &found);
    Put(ds, "%d %d", code, strncmp(Tcl_GetStringResult(interp), "invalid address \"0x", 19));
    Ns_TclSetStringRep(text, "0x12-my:locks", -1);
    Ns_TclResetObjType(text, NULL);
    Put(ds, "%d", Ns_TclGetAddrFromObj(NULL, text, lockType, &found));
    Ns_TclSetStringRep(text, "abcdef", 3);
    Put(ds, "%s %d", Tcl_GetString(text), Ns_TclSetFromAnyError(interp, text));
    Tcl_DecrRefCount(text);
    Tcl_DecrRefCount(obj);
    obj = Tcl_NewIntObj(42);                   /* it has no text yet */
    Tcl_IncrRefCount(obj);
    Ns_TclSetOpaqueObj(obj, lockType, &thing);
    Put(ds, "%s", Tcl_GetString(obj));
    Tcl_DecrRefCount(obj);
    return NS_OK;
}

static int freed;

static void
FreeOwn(Tcl_Obj *obj)
{
    freed++;
    obj->typePtr = NULL;
}

static Ns_ReturnCode
Types(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static const Tcl_ObjType own = {"nscapi:own", FreeOwn, NULL, NULL, Ns_TclSetFromAnyError};
    Tcl_Obj *obj = Tcl_NewStringObj("1 2", -1);
    int      a, b, length;

    Tcl_IncrRefCount(obj);
    (void)Tcl_ListObjLength(NULL, obj, &length);       /* it has another type first */
    Ns_TclSetTwoPtrValue(obj, &own, &a, &b);
    Put(ds, "%d %d %s", obj->internalRep.twoPtrValue.ptr1 == &a, obj->internalRep.twoPtrValue.ptr2 == &b, Tcl_GetString(obj));
    Ns_TclSetOtherValuePtr(obj, &own, &b);
    Put(ds, "%d %d", freed, obj->internalRep.otherValuePtr == &b);
    (void)Tcl_ListObjLength(NULL, obj, &length);
    Put(ds, "%d %d", freed, length);
    Tcl_DecrRefCount(obj);
    freed = 0;
    return NS_OK;
}

static Ns_ReturnCode
Times(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Time  value = {2, 500000}, *first = NULL, *second = NULL, *third = NULL;
    Tcl_Obj *obj = Tcl_NewStringObj("1500ms", -1), *copy;
    int      code;

    Tcl_IncrRefCount(obj);
    code = Ns_TclGetTimePtrFromObj(interp, obj, &first);
    (void)Ns_TclGetTimePtrFromObj(interp, obj, &second);
    Put(ds, "%d %ld %ld %d", code, first->sec, first->usec, first == second);
    copy = Tcl_DuplicateObj(obj);
    Tcl_IncrRefCount(copy);
    (void)Ns_TclGetTimePtrFromObj(interp, copy, &third);
    Put(ds, "%d %ld", third != first, third->usec);
    Ns_TclSetTimeObj(obj, &value);
    (void)Ns_TclGetTimePtrFromObj(interp, obj, &first);
    Put(ds, "%s %ld", Tcl_GetString(obj), first->usec);
    Ns_TclSetStringRep(copy, "soon", -1);
    Ns_TclResetObjType(copy, NULL);
    code = Ns_TclGetTimePtrFromObj(interp, copy, &third);
    Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
    Tcl_DecrRefCount(copy);
    Tcl_DecrRefCount(obj);
    return NS_OK;
}

static Ns_ReturnCode
Ranges(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static Ns_ObjvTable     words[] = {{"red", 3u}, {"green", 4u}, {"blue", 5u}, {NULL, 0u}};
    const Ns_ObjvValueRange range = {1, 9};
    const Ns_ObjvTimeRange  times = {{1, 0}, {2, 0}};
    Ns_Time                 value = {3, 0};
    Tcl_DString             out;
    int                     code = Ns_CheckWideRange(interp, "many", &range, 10);

    Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
    Put(ds, "%d %d", Ns_CheckWideRange(interp, "many", &range, 9), Ns_CheckWideRange(NULL, "many", NULL, 10));
    code = Ns_CheckTimeRange(interp, "?wait", &times, &value);
    Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
    value.sec = 2;
    Put(ds, "%d", Ns_CheckTimeRange(interp, "wait", &times, &value));
    Ns_DStringInit(&out);
    Put(ds, "%s", Ns_ObjvTablePrint(&out, words));
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%s", Ns_ObjvTablePrintSentence(&out, words));
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%s", Ns_ObjvTablePrintSentence(&out, words + 1));
    Put(ds, "%s %d", Ns_ObjvTableGetString(words, 4u), Ns_ObjvTableGetString(words, 9u) == NULL);
    Ns_DStringFree(&out);
    return NS_OK;
}

static int
FirstCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_TclPrintfResult(interp, "%s %s of %d", (const char *)clientData, Tcl_GetString(objv[2]), objc);
    return TCL_OK;
}

static Ns_ReturnCode
Subcommands(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static const Ns_SubCmdSpec specs[] = {{"first", FirstCmd}, {"second", FirstCmd}, {NULL, NULL}};
    Tcl_Obj *objv[4], *name = Tcl_NewStringObj("nscapi_made", -1);
    char     data[] = "data";
    int      code;

    for (int i = 0; i < 4; i++) {
        objv[i] = Tcl_NewStringObj(argv[i], -1);
        Tcl_IncrRefCount(objv[i]);
    }
    for (int count = 2; count <= 4; count++) {
        code = Ns_SubsubcmdObjv(specs, data, interp, 2, count, objv);
        Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
        if (count == 3) {
            Tcl_DecrRefCount(objv[2]);
            objv[2] = Tcl_NewStringObj("none", -1);
            Tcl_IncrRefCount(objv[2]);
        }
    }
    Tcl_IncrRefCount(name);
    code = Ns_SetNamedVar(interp, name, objv[3]);
    Put(ds, "%d %s", code, Tcl_GetVar(interp, "nscapi_made", 0));
    (void)Tcl_UnsetVar(interp, "nscapi_made", 0);
    Tcl_DecrRefCount(name);
    name = Tcl_NewStringObj("tcl_platform", -1);
    Tcl_IncrRefCount(name);
    (void)Tcl_Eval(interp, "array set nscapi_array {a 1}");
    Ns_TclSetStringRep(name, "nscapi_array", -1);
    code = Ns_SetNamedVar(interp, name, objv[3]);
    Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
    (void)Tcl_UnsetVar(interp, "nscapi_array", 0);
    Tcl_DecrRefCount(name);
    for (int i = 0; i < 4; i++) {
        Tcl_DecrRefCount(objv[i]);
    }
    return NS_OK;
}

static Ns_ReturnCode
Digests(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_CtxMD5     md5, copy;
    Ns_CtxSHA1    sha;
    unsigned char digest[20];
    char          hex[41];
    Tcl_DString   bytes;
    Tcl_Obj      *obj = Tcl_NewStringObj(argv[0], -1), *binary = Tcl_NewByteArrayObj((const unsigned char *)"\xe4\0", 2);
    TCL_SIZE_T    length;
    const unsigned char *out;

    Ns_CtxMD5Init(&md5);
    Ns_CtxMD5Update(&md5, (const unsigned char *)"ab", 2);
    copy = md5;
    Ns_CtxMD5Update(&md5, (const unsigned char *)"c", 1);
    Ns_CtxMD5Final(&md5, digest);
    Put(ds, "%s", Ns_HexString(digest, hex, 16, NS_FALSE));
    Ns_CtxMD5Update(&copy, (const unsigned char *)"c", 1);
    Ns_CtxMD5Final(&copy, digest);
    Put(ds, "%s", Ns_HexString(digest, hex, 16, NS_FALSE));
    Ns_CtxSHAInit(&sha);
    Ns_CtxSHAUpdate(&sha, (const unsigned char *)"abc", 3);
    Ns_CtxSHAFinal(&sha, digest);
    Put(ds, "%s", Ns_HexString(digest, hex, 20, NS_FALSE));
    Ns_DStringInit(&bytes);
    Tcl_IncrRefCount(obj);
    Tcl_IncrRefCount(binary);
    out = Ns_GetBinaryString(obj, NS_FALSE, &length, &bytes);
    Put(ds, "%d %02x%02x", length, out[0], out[1]);
    out = Ns_GetBinaryString(obj, NS_TRUE, &length, &bytes);
    Put(ds, "%d %02x", length, out[0]);
    out = Ns_GetBinaryString(binary, NS_FALSE, &length, &bytes);
    Put(ds, "%d %02x%02x", length, out[0], out[1]);
    Tcl_DecrRefCount(obj);
    Tcl_DecrRefCount(binary);
    Ns_DStringFree(&bytes);
    return NS_OK;
}

static Ns_ReturnCode
Info(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    struct sockaddr_storage storage;
    struct sockaddr        *sa = (struct sockaddr *)&storage;
    Tcl_Obj                *dict = Tcl_NewDictObj();

    Put(ds, "%d %d", access(Ns_InfoNameOfExecutable(), X_OK), access(Ns_InfoLogPath(), W_OK));
    Put(ds, "%d %d", Ns_InfoSSL(), Ns_InfoServersStarted());
    Put(ds, "%d %d", ns_inet_pton(sa, Ns_InfoAddress()), Ns_InfoIPv6() == NS_TRUE || Ns_InfoIPv6() == NS_FALSE);
    memset(&storage, 0, sizeof(storage));
    (void)ns_inet_pton(sa, "192.0.2.1");
    Ns_SockaddrSetPort(sa, 81);
    Ns_LogSockaddr(Notice, "nscapi", sa);
    Put(ds, "%d", Ns_SockaddrAddToDictIpProperties(sa, dict));
    Put(ds, "%s", Tcl_GetString(dict));
    Put(ds, "%d %d", Ns_SockaddrPublicIpAddress(sa), Ns_SockaddrTrustedReverseProxy(sa));
    (void)ns_inet_pton(sa, "10.1.2.3");
    Put(ds, "%d", Ns_SockaddrPublicIpAddress(sa));
    sa->sa_family = AF_UNIX;
    Put(ds, "%d %d", Ns_SockaddrAddToDictIpProperties(sa, dict), Ns_SockaddrPublicIpAddress(sa));
    Tcl_IncrRefCount(dict);
    Tcl_DecrRefCount(dict);
    return NS_OK;
}

const Check valueChecks[] = {
    {"addrs", Addresses}, {"types", Types}, {"times", Times}, {"ranges", Ranges}, {"subcommands", Subcommands}, {"digests", Digests},
    {"info", Info}, {NULL, NULL}
};
