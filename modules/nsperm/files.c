/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading and writing the files.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "files.h"

/* Where in which file we are; the functions for a line add to `error` and return false. */
typedef struct Place {
    PermStore   *store;
    const char  *path;
    int          line;
    Tcl_DString *error;
} Place;
typedef bool (LineProc)(Place *place, char *line);

static bool
Fail(Place *place, const char *what, const char *value)
{
    Tcl_DStringAppend(place->error, what, -1);
    if (value != NULL) {
        Tcl_DStringAppend(place->error, value, -1);
    }
    return false;
}

/* Blanks around it go; `""` is nothing. */
static char *
Trim(char *text)
{
    char *end;

    text += strspn(text, " \t\r");
    end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]) != NULL) {
        *--end = '\0';
    }
    return strcmp(text, "\"\"") == 0 ? end : text;
}

/* Up to the separator, which is taken off; *rest is NULL behind the last. */
static char *
Next(char **rest, char separator)
{
    char *field = *rest, *end = strchr(field, separator);

    *rest = NULL;
    if (end != NULL) {
        *end = '\0';
        *rest = end + 1;
    }
    return Trim(field);
}

/* -------------------------------------------------------------------------------------------------------------- lines */

/* NAME:PASSWORD:::FIELD:... */
static bool
PasswdLine(Place *place, char *line)
{
    PermUserSpec spec = {.field = ""};
    char        *rest = line;

    spec.name = Next(&rest, ':');
    if (rest == NULL) {
        return Fail(place, "there is no ':' behind the name", NULL);
    }
    spec.password = Next(&rest, ':');
    for (int i = 2; rest != NULL; i++) {
        char *field = Next(&rest, ':');

        spec.field = i == 4 ? field : spec.field;
    }
    return PermAddUser(place->store, &spec, true, place->error);
}

/* NAME:::USER,USER,... */
static bool
GroupLine(Place *place, char *line)
{
    char        *rest = line, *name = Next(&rest, ':'), *users = NULL;
    const char **names;
    int          count = 0;
    bool         good = true;

    for (int i = 1; rest != NULL && i <= 3; i++) {
        char *field = i < 3 ? Next(&rest, ':') : rest;

        users = i == 3 ? field : NULL;
    }
    if (users == NULL) {
        return Fail(place, "there are less than four fields, separated by ':'", NULL);
    }
    names = ns_malloc((strlen(users) + 2u) * sizeof *names);
    /* A group of nobody is fine, one of "" has the user without a name. */
    for (rest = *Trim(users) != '\0' || strchr(users, '"') != NULL ? users : NULL; rest != NULL;) {
        const char *quoted = strchr(rest, '"'), *end = rest + strcspn(rest, ",");

        names[count] = Next(&rest, ',');
        /* A comma too many must not bring in who gives no name. */
        good = good && (names[count][0] != '\0' || (quoted != NULL && quoted < end));
        count++;
    }
    good = good ? PermAddGroup(place->store, name, count, names, true, place->error)
                : Fail(place, "an empty name (the user without one is \"\") in group: ", name);
    ns_free(names);
    return good;
}

/* NAME: HOST, HOST, ... */
static bool
HostsLine(Place *place, char *line, bool deny)
{
    char     *rest = line, *name = Next(&rest, ':');
    PermHost *hosts;
    size_t    count = 0;

    if (rest == NULL) {
        return Fail(place, "there is no ':' behind the name", NULL);
    }
    hosts = ns_malloc((strlen(rest) + 2u) * sizeof *hosts);
    while (rest != NULL) {
        char *text = Next(&rest, ',');

        if (!PermHostRead(text, &hosts[count])) {
            while (count > 0u) {
                PermHostFree(&hosts[--count]);
            }
            ns_free(hosts);
            return Fail(place, "neither address, network nor name of a host: ", text);
        }
        count++;
    }
    return PermAddHosts(place->store, name, deny, hosts, count, place->error);
}

static bool
AllowLine(Place *place, char *line)
{
    return HostsLine(place, line, false);
}

static bool
DenyLine(Place *place, char *line)
{
    return HostsLine(place, line, true);
}

/* ACTION inherit|noinherit METHOD URL NAME */
static bool
PermsLine(Place *place, char *line)
{
    static const char *const actions[] = {"allowuser", "denyuser", "allowgroup", "denygroup"};
    char *words[5], *state = NULL;
    int   count = 0, kind = 0;

    for (char *word = strtok_r(line, " \t\r", &state); word != NULL; word = strtok_r(NULL, " \t\r", &state)) {
        if (count == 5) {
            return Fail(place, "there are more than five words, from: ", word);
        }
        words[count++] = word;
    }
    if (count < 5) {
        return Fail(place, "there are less than five words: action, inherit or noinherit, method, URL, name", NULL);
    }
    while (kind < 4 && strcmp(words[0], actions[kind]) != 0) {
        kind++;
    }
    if (kind == 4) {
        return Fail(place, "neither allowuser, denyuser, allowgroup nor denygroup: ", words[0]);
    }
    if (strcmp(words[1], "inherit") != 0 && strcmp(words[1], "noinherit") != 0) {
        return Fail(place, "neither inherit nor noinherit: ", words[1]);
    }
    for (const char *p = words[2]; *p != '\0'; p++) {
        if (islower((unsigned char)*p)) {
            return Fail(place, "no request has this method, which is written in capitals: ", words[2]);
        }
    }
    if (words[3][0] != '/') {
        return Fail(place, "a URL begins with '/': ", words[3]);
    }
    PermAdd(place->store, (PermKind)kind, words[1][0] == 'i', words[2], words[3], Trim(words[4]), true);
    return true;
}

/* -------------------------------------------------------------------------------------------------------------- files */

static void
AppendPosix(Tcl_DString *error, const char *what, const char *path)
{
    Tcl_DStringAppend(error, what, -1);
    Tcl_DStringAppend(error, " '", -1);
    Tcl_DStringAppend(error, path, -1);
    Tcl_DStringAppend(error, "': ", -1);
    Tcl_DStringAppend(error, Tcl_ErrnoMsg(Tcl_GetErrno()), -1);
}

/* NULL: it cannot be, `error` says why; or, with nothing said, it is not there. */
static Tcl_Channel
Open(const char *path, const char *mode, int permissions, Tcl_DString *error)
{
    Tcl_Obj    *name = Tcl_NewStringObj(path, -1);
    Tcl_Channel channel = NULL;
    Tcl_StatBuf st;

    Tcl_IncrRefCount(name);
    if (mode[0] == 'r' && Tcl_FSStat(name, &st) != 0) {
        if (Tcl_GetErrno() != ENOENT) {
            AppendPosix(error, "cannot read", path);
        }
    } else if (mode[0] == 'r' && (!S_ISREG(st.st_mode) || st.st_size > PERM_MAX_FILE)) {
        Tcl_SetErrno(S_ISREG(st.st_mode) ? EFBIG : EINVAL);
        AppendPosix(error, "cannot read", path);
    } else {
        channel = Tcl_FSOpenFileChannel(NULL, name, mode, permissions);
        if (channel == NULL) {
            AppendPosix(error, mode[0] == 'r' ? "cannot read" : "cannot write", path);
        } else {
            (void)Tcl_SetChannelOption(NULL, channel, "-encoding", "utf-8");
        }
    }
    Tcl_DecrRefCount(name);
    return channel;
}

/* Each line that is neither empty nor a comment.  A file that is not there has none. */
static bool
ReadLines(PermStore *store, const char *path, LineProc *proc, Tcl_DString *error)
{
    Tcl_DString why;
    Place       place = {.store = store, .path = path, .error = &why};
    Tcl_Channel channel = Open(path, "r", 0, error);
    Tcl_Obj    *line;
    bool        good = true;

    if (channel == NULL) {
        return Tcl_DStringLength(error) == 0;
    }
    Tcl_DStringInit(&why);
    line = Tcl_NewObj();
    Tcl_IncrRefCount(line);
    while (good && Tcl_GetsObj(channel, line) >= 0) {
        char *copy = ns_strdup(Tcl_GetString(line)), *text = copy + strspn(copy, " \t\r");

        place.line++;
        if (*text != '\0' && *text != '#') {
            good = proc(&place, text);
        }
        ns_free(copy);
        Tcl_SetObjLength(line, 0);
    }
    Tcl_DecrRefCount(line);
    if (good && !Tcl_Eof(channel)) {           /* half a file must not count as all of it */
        good = false;
        place.line++;
        Tcl_DStringAppend(&why, Tcl_ErrnoMsg(Tcl_GetErrno()), -1);
    }
    if (!good) {
        char number[32];

        snprintf(number, sizeof number, ":%d: ", place.line);
        Tcl_DStringAppend(error, path, -1);
        Tcl_DStringAppend(error, number, -1);
        Tcl_DStringAppend(error, Tcl_DStringValue(&why), -1);
    }
    Tcl_DStringFree(&why);
    (void)Tcl_Close(NULL, channel);
    return good;
}

static bool
ReadIn(PermStore *store, const char *folder, const char *name, LineProc *proc, Tcl_DString *error)
{
    Tcl_DString path;
    bool        good;

    Tcl_DStringInit(&path);
    Tcl_DStringAppend(&path, folder, -1);
    Tcl_DStringAppend(&path, "/", 1);
    Tcl_DStringAppend(&path, name, -1);
    good = ReadLines(store, Tcl_DStringValue(&path), proc, error);
    Tcl_DStringFree(&path);
    return good;
}

bool
PermFilesLoad(PermStore *store, const char *passwdFile, const char *folder, Tcl_DString *error)
{
    PermStore *loaded = PermStoreNew("files");
    bool       good = ReadLines(loaded, passwdFile, PasswdLine, error)
        && ReadIn(loaded, folder, "hosts.allow", AllowLine, error)
        && ReadIn(loaded, folder, "hosts.deny", DenyLine, error)
        && ReadIn(loaded, folder, "group", GroupLine, error)
        && ReadIn(loaded, folder, "perms", PermsLine, error);

    if (good) {
        PermReplaceFiled(store, loaded);
    } else {
        PermStoreFree(loaded);
    }
    return good;
}

/* ------------------------------------------------------------------------------------------------------------- writing */

/* Is this line the user's?  If so with the new password. */
static bool
ChangeLine(Tcl_Obj *line, const char *user, const char *encrypted)
{
    char *text = ns_strdup(Tcl_GetString(line)), *rest = text + strspn(text, " \t"), *after, *name;
    bool  found = false;

    if (*rest != '#' && strchr(rest, ':') != NULL) {
        name = Next(&rest, ':');
        if (strcmp(name, user) == 0) {
            after = strchr(rest, ':');
            Tcl_SetStringObj(line, user[0] == '\0' ? "\"\"" : user, -1);
            Tcl_AppendStringsToObj(line, ":", encrypted, after != NULL ? after : "", NULL);
            found = true;
        }
    }
    ns_free(text);
    return found;
}

/* The lines of one into the other, one of them changed. */
static bool
CopyChanged(Tcl_Channel from, Tcl_Channel to, const char *user, const char *encrypted, bool *found)
{
    Tcl_Obj *line = Tcl_NewObj();
    bool     good = true;

    Tcl_IncrRefCount(line);
    *found = false;
    while (good && Tcl_GetsObj(from, line) >= 0) {
        *found = ChangeLine(line, user, encrypted) || *found;
        good = Tcl_WriteObj(to, line) >= 0 && Tcl_WriteChars(to, "\n", 1) == 1;
        Tcl_SetObjLength(line, 0);
    }
    Tcl_DecrRefCount(line);
    return good && Tcl_Eof(from) && Tcl_Flush(to) == TCL_OK;
}

bool
PermFilesSetPassword(const char *passwdFile, const char *user, const char *encrypted, Tcl_DString *error)
{
    Tcl_Obj    *name = Tcl_NewStringObj(passwdFile, -1), *newName = Tcl_NewStringObj(passwdFile, -1);
    Tcl_StatBuf st;
    Tcl_Channel from, to = NULL;
    bool        found = false, good = false;

    Tcl_IncrRefCount(name);
    Tcl_IncrRefCount(newName);
    Tcl_AppendToObj(newName, ".new", 4);
    from = Open(passwdFile, "r", 0, error);
    if (from != NULL && Tcl_FSStat(name, &st) == 0) {
        (void)Tcl_FSDeleteFile(newName);       /* one that was left over may be readable for others, or lead elsewhere */
        to = Open(Tcl_GetString(newName), "w", (int)(st.st_mode & 07777), error);
    } else if (Tcl_DStringLength(error) == 0) {
        AppendPosix(error, "cannot read", passwdFile);
    }
    if (to != NULL) {
        (void)Tcl_SetChannelOption(NULL, from, "-translation", "lf");          /* ends of lines stay as they are */
        (void)Tcl_SetChannelOption(NULL, to, "-translation", "lf");
        good = CopyChanged(from, to, user, encrypted, &found);
        good = Tcl_Close(NULL, to) == TCL_OK && good;
        good = good && found && Tcl_FSRenameFile(newName, name) == TCL_OK;
        if (!found) {
            Tcl_DStringAppend(error, passwdFile, -1);
            Tcl_DStringAppend(error, ": no such user: ", -1);
            Tcl_DStringAppend(error, user, -1);
        } else if (!good) {
            AppendPosix(error, "cannot write", passwdFile);
        }
        if (!good) {
            (void)Tcl_FSDeleteFile(newName);
        }
    }
    if (from != NULL) {
        (void)Tcl_Close(NULL, from);
    }
    Tcl_DecrRefCount(newName);
    Tcl_DecrRefCount(name);
    return good;
}
