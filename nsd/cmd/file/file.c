/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files: links, lengths, temporary names, rolling.  What Tcl's own file command can do is in tcl/file.tcl.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/roll.h"
#include "cmd/cmds.h"
#include "conf/info.h"

static Ns_ObjvValueRange backups = {0, 1000}, notNegative = {0, LLONG_MAX};

/* ---------------------------------------------------------------------------------------------------- links, lengths */

static int
SymlinkObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         noComplain = 0, code = TCL_OK;
    char       *target, *path;
    Ns_ObjvSpec opts[] = {{"-nocomplain", Ns_ObjvBool, &noComplain, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {
        {"filename1", Ns_ObjvString, &target, NULL}, {"filename2", Ns_ObjvString, &path, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (NsFileSymlink(target, path) != 0 && !noComplain) {
        Ns_TclPrintfResult(interp, "symlink '%s' '%s' failed: %s", target, path, Tcl_PosixError(interp));
        code = TCL_ERROR;
    }
    return code;
}

static int
TruncateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *path;
    Tcl_WideInt length = 0;
    int         code = TCL_OK;
    Ns_ObjvSpec args[] = {
        {"file", Ns_ObjvString, &path, NULL}, {"?length", Ns_ObjvWideInt, &length, &notNegative}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (NsFileTruncate(path, (off_t)length) != 0) {
        Ns_TclPrintfResult(interp, "%s (\"%s\", %" TCL_LL_MODIFIER "d) failed: %s", "truncate", path, length, Tcl_PosixError(interp));
        code = TCL_ERROR;
    }
    return code;
}

/* What the channel has not written yet goes out first. */
static int
FtruncateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Tcl_WideInt length = 0;
    Tcl_Channel channel;
    int         mode, code = TCL_ERROR;
    ClientData  handle;
    Ns_ObjvSpec args[] = {
        {"channelId", Ns_ObjvString, &name, NULL}, {"?length", Ns_ObjvWideInt, &length, &notNegative}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (channel = Tcl_GetChannel(interp, name, &mode)) == NULL) {
        return TCL_ERROR;
    }
    if ((mode & TCL_WRITABLE) == 0) {
        Ns_TclPrintfResult(interp, "channel \"%s\" not open for writing", name);
    } else if (Tcl_GetChannelHandle(channel, TCL_WRITABLE, &handle) != TCL_OK) {
        Ns_TclPrintfResult(interp, "channel \"%s\" is no file", name);
    } else if (Tcl_Flush(channel) != TCL_OK || ftruncate((int)(intptr_t)handle, (off_t)length) != 0) {
        Ns_TclPrintfResult(interp, "ftruncate (\"%s\", %" TCL_LL_MODIFIER "d) failed: %s", name, length, Tcl_PosixError(interp));
    } else {
        code = TCL_OK;
    }
    return code;
}

/* --------------------------------------------------------------------------------------------------------- temporary */

/* The template, or one in the folder for temporary files; the caller frees it. */
static char *
Template(const char *given, const char *name)
{
    return given != NULL ? ns_strdup(given) : NsInfoPath(NsInfoTmpDir(), name);
}

/* The name of a file that is not there; it was, for a moment, so that it can be. */
static int
FreeName(Tcl_Interp *interp, char *path, bool complain)
{
    int fd = NsFileTemp(path), code = TCL_OK;

    if (fd >= 0) {
        close(fd);
        (void)NsFileUnlink(path);
        Tcl_SetObjResult(interp, Tcl_NewStringObj(path, -1));
    } else if (complain) {
        Ns_TclPrintfResult(interp, "could not make a temporary name of '%s': %s", path, Tcl_PosixError(interp));
        code = TCL_ERROR;
    }
    return code;
}

static int
MktempObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         noComplain = 0, code;
    char       *given = NULL, *path;
    Ns_ObjvSpec opts[] = {{"-nocomplain", Ns_ObjvBool, &noComplain, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {{"?template", Ns_ObjvString, &given, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    path = Template(given, "ns-XXXXXX");
    code = FreeName(interp, path, !noComplain);
    ns_free(path);
    return code;
}

static int
TmpnamObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char *path;
    int   code;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    path = Template(NULL, "nsXXXXXX");
    code = FreeName(interp, path, true);
    ns_free(path);
    return code;
}

static int
MkdtempObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *given = NULL, *path;
    int         code = TCL_OK;
    Ns_ObjvSpec args[] = {{"?template", Ns_ObjvString, &given, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    path = Template(given, "nsd-XXXXXX");
    if (NsFileTempFolder(path) == 0) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(path, -1));
    } else {
        Ns_TclPrintfResult(interp, "could not make a temporary folder of '%s': %s", path, Tcl_PosixError(interp));
        code = TCL_ERROR;
    }
    ns_free(path);
    return code;
}

/* ----------------------------------------------------------------------------------------------------------- rolling */

static int
OldFiles(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, int least, const char *what, Ns_ReturnCode (*work)(const char *file, int max))
{
    char       *path;
    int         max, code = TCL_OK;
    Ns_ObjvSpec args[] = {
        {"path", Ns_ObjvString, &path, NULL}, {"maxbackups", Ns_ObjvInt, &max, &backups}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (max < least || work(path, max) != NS_OK) {
        Ns_TclPrintfResult(interp, "could not %s \"%s\"%s", what, path, max < least ? ": nothing would be kept" : ", see the log");
        code = TCL_ERROR;
    }
    return code;
}

static int
PurgeFilesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OldFiles(interp, objc, objv, 0, "purge", NsPurgeFiles);
}

static int
RollFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OldFiles(interp, objc, objv, 1, "roll", NsRollFile);
}

extern const NsCmd nsFileCmds[];
const NsCmd nsFileCmds[] = {
    {"ns_ftruncate",  FtruncateObjCmd,  NS_CMD_CONFIG},
    {"ns_mkdtemp",    MkdtempObjCmd,    NS_CMD_CONFIG},
    {"ns_mktemp",     MktempObjCmd,     NS_CMD_CONFIG},
    {"ns_purgefiles", PurgeFilesObjCmd, NS_CMD_CONFIG},
    {"ns_rollfile",   RollFileObjCmd,   NS_CMD_CONFIG},
    {"ns_symlink",    SymlinkObjCmd,    NS_CMD_CONFIG},
    {"ns_tmpnam",     TmpnamObjCmd,     NS_CMD_CONFIG},
    {"ns_truncate",   TruncateObjCmd,   NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
