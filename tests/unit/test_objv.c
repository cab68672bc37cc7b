/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Argument parsing: nsd/objv.c with the few functions of the core that it calls replaced by small ones of our own.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "conf/server.h"
#include "interp/objv.h"

/* --------------------------------------------------------------------------------------- what objv.c calls of the core */

static Ns_Server known = {.name = "known"};

Ns_Server *
Ns_GetServer(const char *name)
{
    return strcmp(name, "known") == 0 ? &known : NULL;
}

int
Ns_TclGetSet2(Tcl_Interp *interp, const char *id, Ns_Set **set)
{
    *set = NULL;
    return strcmp(id, "set0") == 0 ? TCL_OK : TCL_ERROR;
}

int
Ns_TclGetTimeFromObj(Tcl_Interp *interp, Tcl_Obj *obj, Ns_Time *result)
{
    return Ns_GetTimeFromString(interp, Tcl_GetString(obj), result) == NS_OK ? TCL_OK : TCL_ERROR;
}

int
Ns_TclGetMemUnitFromObj(Tcl_Interp *interp, Tcl_Obj *obj, Tcl_WideInt *result)
{
    return Ns_GetMemUnitFromString(interp, Tcl_GetString(obj), result) == NS_OK ? TCL_OK : TCL_ERROR;
}

void
Ns_TclPrintfResult(Tcl_Interp *interp, const char *fmt, ...)
{
    char    text[1000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text, -1));
}

/* ------------------------------------------------------------------------------------------------------------ helpers */

static Tcl_Interp *interp;

/* Parse a list of words: NULL when that went well, else the message. */
static const char *
Parse(Ns_ObjvSpec *opts, Ns_ObjvSpec *args, int offset, const char *words)
{
    static Tcl_Obj *list;                      /* what was parsed stays, for what points into it */
    int             objc;
    Tcl_Obj       **objv;

    if (list != NULL) {
        Tcl_DecrRefCount(list);
    }
    list = Tcl_NewStringObj(words, -1);
    Tcl_IncrRefCount(list);
    assert_int_equal(Tcl_ListObjGetElements(interp, list, &objc, &objv), TCL_OK);
    Tcl_ResetResult(interp);
    return Ns_ParseObjv(opts, args, interp, offset, objc, objv) == NS_OK ? NULL : Tcl_GetStringResult(interp);
}

#define END {NULL, NULL, NULL, NULL}

/* -------------------------------------------------------------------------------------------------------------- tests */

static void
UsageTest(void **state)
{
    static Ns_ObjvTable      colors[] = {{"red", 1}, {"blue", 2}, {NULL, 0}};
    static Ns_ObjvValueRange all = {INT_MIN, INT_MAX}, some = {-1, 16}, positive = {1, INT_MAX};
    int                      number;
    void                    *any;
    Ns_ObjvSpec opts[] = {
        {"-flag", Ns_ObjvBool, &number, NULL}, {"-truth", Ns_ObjvBoolean, &number, NULL},
        {"-int", Ns_ObjvInt, &number, &some}, {"-free", Ns_ObjvInt, &number, &all}, {"-port", Ns_ObjvUShort, &any, NULL},
        {"-time", Ns_ObjvTime, &any, NULL}, {"-size", Ns_ObjvMemUnit, &any, NULL}, {"-color", Ns_ObjvIndex, &number, colors},
        {"-server", Ns_ObjvServer, &any, NULL}, {"-set", Ns_ObjvSet, &any, NULL}, {"-text", Ns_ObjvString, &any, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, END
    };
    Ns_ObjvSpec args[] = {
        {"name", Ns_ObjvString, &any, NULL}, {"n", Ns_ObjvInt, &number, &positive}, {"color", Ns_ObjvIndex, &number, colors},
        {"?truth", Ns_ObjvBool, &number, NULL}, {"?args", Ns_ObjvArgs, &number, NULL}, END
    };
    Ns_ObjvSpec rest[] = {{"item", Ns_ObjvArgs, &number, NULL}, END};

    assert_string_equal(Parse(opts, args, 2, "cmd sub"),
                        "wrong # args: should be \"cmd sub ?-flag? ?-truth true|false? ?-int /integer[-1,16]/? ?-free /integer/? "
                        "?-port /port/? ?-time /time/? ?-size /memory-size/? ?-color red|blue? ?-server /server/? "
                        "?-set /setId/? ?-text /value/? ?--? /name/ /n[1,MAX]/ red|blue ?true|false? ?/arg .../?\"");
    assert_string_equal(Parse(NULL, rest, 1, "cmd"), "wrong # args: should be \"cmd /item .../\"");
    assert_string_equal(Parse(NULL, NULL, 1, "cmd x"), "wrong # args: should be \"cmd\"");
    assert_null(Parse(NULL, NULL, 1, "cmd"));
}

static void
OptionsTest(void **state)
{
    int         flag = 0, bits = 1, left = -1;
    char       *text = NULL, *name = NULL;
    Ns_ObjvSpec opts[] = {
        {"-flag", Ns_ObjvBool, &flag, NULL}, {"-bit", Ns_ObjvBool, &bits, (void *)6}, {"-text", Ns_ObjvString, &text, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, END
    };
    Ns_ObjvSpec args[] = {{"name", Ns_ObjvString, &name, NULL}, {"?args", Ns_ObjvArgs, &left, NULL}, END};

    assert_null(Parse(opts, args, 1, "cmd -text a -flag -text b -bit n x y"));
    assert_int_equal(flag, 1);
    assert_int_equal(bits, 7);
    assert_string_equal(text, "b");
    assert_string_equal(name, "n");
    assert_int_equal(left, 2);
    /* what is no option, or comes too late to be one, is an argument */
    assert_null(Parse(opts, args, 1, "cmd -unknown -flag"));
    assert_string_equal(name, "-unknown");
    assert_int_equal(left, 1);
    assert_null(Parse(opts, args, 1, "cmd -fla"));
    assert_string_equal(name, "-fla");
    assert_null(Parse(opts, args, 1, "cmd -- -flag"));
    assert_string_equal(name, "-flag");
    assert_null(Parse(opts, args, 1, "cmd -"));
    assert_string_equal(name, "-");
    /* a value is a value, whatever it looks like; one that is missing is a mistake */
    assert_null(Parse(opts, args, 1, "cmd -text -flag n"));
    assert_string_equal(text, "-flag");
    assert_non_null(Parse(opts, args, 1, "cmd -text"));
    assert_non_null(Parse(opts, args, 1, "cmd -flag"));
}

static void
NumbersTest(void **state)
{
    static Ns_ObjvValueRange range = {0, 5};
    int                      number = 0;
    unsigned short           port = 0;
    Tcl_WideInt              size = 0, wide = 0;
    double                   fraction = 0;
    Ns_ObjvSpec opts[] = {
        {"-n", Ns_ObjvInt, &number, &range}, {"-port", Ns_ObjvUShort, &port, NULL}, {"-size", Ns_ObjvMemUnit, &size, NULL},
        {"-wide", Ns_ObjvWideInt, &wide, NULL}, {"-double", Ns_ObjvDouble, &fraction, NULL}, END
    };

    assert_null(Parse(opts, NULL, 1, "cmd -n 5 -port 65535 -size 2kB -wide 9876543210 -double 0.5"));
    assert_int_equal(number, 5);
    assert_int_equal(port, 65535);
    assert_int_equal(size, 2048);
    assert_true(wide == 9876543210);
    assert_true(fraction == 0.5);
    assert_string_equal(Parse(opts, NULL, 1, "cmd -n 6"), "expected integer in range [0,5] for '-n', but got 6");
    assert_string_equal(Parse(opts, NULL, 1, "cmd -n -1"), "expected integer in range [0,5] for '-n', but got -1");
    assert_string_equal(Parse(opts, NULL, 1, "cmd -n x"), "expected integer but got \"x\"");
    assert_string_equal(Parse(opts, NULL, 1, "cmd -port 65536"), "value 65536 out of range (0..65535)");
    assert_int_equal(number, 5);
}

static void
TimesTest(void **state)
{
    static Ns_ObjvTimeRange range = {{0, 0}, {60, 0}};
    Ns_Time                *first = NULL, *second = NULL;
    Ns_ObjvSpec opts[] = {{"-a", Ns_ObjvTime, &first, NULL}, {"-b", Ns_ObjvTime, &second, &range}, END};

    assert_null(Parse(opts, NULL, 1, "cmd -a 1.5 -b 1m -b 30s"));
    assert_int_equal(first->sec, 1);
    assert_int_equal(first->usec, 500000);
    assert_int_equal(second->sec, 30);
}

static void
TimeRangeTest(void **state)
{
    static Ns_ObjvTimeRange range = {{0, 0}, {60, 0}};
    Ns_Time                *value = NULL;
    Ns_ObjvSpec opts[] = {{"-t", Ns_ObjvTime, &value, &range}, END};

    assert_string_equal(Parse(opts, NULL, 1, "cmd -t 2m"), "expected time value in range [0s, 60s], for '-t', but got 2m");
    assert_string_equal(Parse(opts, NULL, 1, "cmd -t -1"), "expected time value in range [0s, 60s], for '-t', but got -1");
    assert_null(value);
    assert_null(Parse(opts, NULL, 1, "cmd -t 60s"));
}

static void
KeywordsTest(void **state)
{
    static Ns_ObjvTable table[] = {{"one", 1}, {"two", 2}, {"four", 4}, {NULL, 0}}, single[] = {{"x", 1}, {NULL, 0}};
    int                 index = 0, other = 0;
    unsigned            flags = 8;
    Ns_ObjvSpec opts[] = {
        {"-i", Ns_ObjvIndex, &index, table}, {"-f", Ns_ObjvFlags, &flags, table}, {"-x", Ns_ObjvIndex, &other, single}, END
    };

    assert_null(Parse(opts, NULL, 1, "cmd -i four -f {one two}"));
    assert_int_equal(index, 4);
    assert_int_equal(flags, 11);
    assert_string_equal(Parse(opts, NULL, 1, "cmd -i on"), "bad option \"on\": must be one, two, or four");
    assert_string_equal(Parse(opts, NULL, 1, "cmd -f {one none}"), "bad option \"none\": must be one, two, or four");
    assert_int_equal(flags, 11);
    assert_string_equal(Parse(opts, NULL, 1, "cmd -x y"), "bad option \"y\": must be x");
}

static void
ServerAndSetTest(void **state)
{
    Ns_Server  *server = NULL;
    Ns_Set     *set = NULL;
    Ns_ObjvSpec opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {"-set", Ns_ObjvSet, &set, NULL}, END};

    assert_null(Parse(opts, NULL, 1, "cmd -server known -set set0"));
    assert_ptr_equal(server, &known);
    assert_string_equal(Parse(opts, NULL, 1, "cmd -server nobody"), "invalid server: 'nobody'");
    assert_non_null(Parse(opts, NULL, 1, "cmd -set x"));
}

/* Binary data is looked at without being given a string form; a NUL does not end the name of an option. */
static void
BinaryTest(void **state)
{
    static const unsigned char data[] = {'-', 'f', 0, 255};
    int         flag = 0;
    Tcl_Obj    *message = NULL, *objv[2] = {Tcl_NewStringObj("cmd", -1), NULL};     /* no references to it but ours */
    Ns_ObjvSpec opts[] = {{"-f", Ns_ObjvBool, &flag, NULL}, END};
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, END};

    for (int len = 3; len <= 4; len++) {
        objv[1] = Tcl_NewByteArrayObj(data, len);
        Tcl_IncrRefCount(objv[1]);
        assert_int_equal(Ns_ParseObjv(opts, args, interp, 1, 2, objv), NS_OK);
        assert_ptr_equal(message, objv[1]);
        assert_null(objv[1]->bytes);
        assert_int_equal(flag, 0);
        Tcl_DecrRefCount(objv[1]);
    }
    Tcl_DecrRefCount(objv[0]);
}

static int
NameObjCmd(ClientData clientData, Tcl_Interp *in, int objc, Tcl_Obj *const *objv)
{
    Tcl_SetObjResult(in, objv[1]);
    return TCL_OK;
}

static void
SubcommandsTest(void **state)
{
    static const Ns_SubCmdSpec three[] = {{"add", NameObjCmd}, {"close", NameObjCmd}, {"list", NameObjCmd}, {NULL, NULL}};
    static const Ns_SubCmdSpec two[] = {{"a", NameObjCmd}, {"b", NameObjCmd}, {NULL, NULL}};
    Tcl_Obj *objv[2] = {Tcl_NewStringObj("cmd", -1), Tcl_NewStringObj("close", -1)};

    Tcl_IncrRefCount(objv[0]);
    Tcl_IncrRefCount(objv[1]);
    assert_int_equal(Ns_SubcmdObjv(three, NULL, interp, 2, objv), TCL_OK);
    assert_string_equal(Tcl_GetStringResult(interp), "close");
    assert_int_equal(Ns_SubcmdObjv(three, NULL, interp, 1, objv), TCL_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp), "wrong # args: should be \"cmd add|close|list ?/arg .../\"");
    Tcl_DecrRefCount(objv[1]);
    objv[1] = Tcl_NewStringObj("clos", -1);
    Tcl_IncrRefCount(objv[1]);
    assert_int_equal(Ns_SubcmdObjv(three, NULL, interp, 2, objv), TCL_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp), "cmd: bad subcommand \"clos\": must be add, close, or list");
    assert_int_equal(Ns_SubcmdObjv(two, NULL, interp, 2, objv), TCL_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp), "cmd: bad subcommand \"clos\": must be a or b");
    Tcl_DecrRefCount(objv[0]);
    Tcl_DecrRefCount(objv[1]);
}

/* The options that must be given: their words, and the message when one is missing. */
static void
NeededTest(void **state)
{
    Tcl_Obj    *key, *tag, *iv = NULL, *text, *list = Tcl_NewStringObj("cmd -tag t x", -1), **objv;
    int         objc;
    Ns_ObjvSpec opts[] = {
        {"-iv", Ns_ObjvObj, &iv, NULL}, {"-key", NsObjvNeeded, &key, NULL}, {"-tag", NsObjvNeeded, &tag, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, END
    };
    Ns_ObjvSpec args[] = {{"text", Ns_ObjvObj, &text, NULL}, END};
    const char *usage = "wrong # args: should be \"cmd ?-iv /value/? -key /value/ -tag /value/ ?--? /text/\"";

    Tcl_IncrRefCount(list);
    assert_int_equal(Tcl_ListObjGetElements(interp, list, &objc, &objv), TCL_OK);
    assert_int_equal(NsParseObjvNeeded(opts, args, interp, 1, objc, objv), NS_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp), usage);
    Tcl_SetStringObj(list, "cmd -tag t -tag u -key k -- -x", -1);
    assert_int_equal(Tcl_ListObjGetElements(interp, list, &objc, &objv), TCL_OK);
    assert_int_equal(NsParseObjvNeeded(opts, args, interp, 1, objc, objv), NS_OK);
    assert_string_equal(Tcl_GetString(key), "k");
    assert_string_equal(Tcl_GetString(tag), "u");
    assert_string_equal(Tcl_GetString(text), "-x");
    assert_null(iv);
    Tcl_SetStringObj(list, "cmd -key k -tag", -1);
    assert_int_equal(Tcl_ListObjGetElements(interp, list, &objc, &objv), TCL_OK);
    assert_int_equal(NsParseObjvNeeded(opts, args, interp, 1, objc, objv), NS_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp), usage);
    Tcl_DecrRefCount(list);
}

int
main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(UsageTest),     cmocka_unit_test(OptionsTest),     cmocka_unit_test(NumbersTest),
        cmocka_unit_test(TimesTest),     cmocka_unit_test(TimeRangeTest),   cmocka_unit_test(KeywordsTest),
        cmocka_unit_test(ServerAndSetTest), cmocka_unit_test(BinaryTest),   cmocka_unit_test(SubcommandsTest),
        cmocka_unit_test(NeededTest),
    };

    Tcl_FindExecutable(argv[0]);
    interp = Tcl_CreateInterp();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
