# SPDX-License-Identifier: MPL-2.0
"""The border between text inside and bytes outside (nsd/base/text.h): who may stand at it.

Tcl's string functions read past the end of what is no text of theirs, so bytes from outside go through base/text.c first.  Two rules:

1. What brings bytes in or hands them out (the environment, names of files, certificates, host names, Tcl's own converters) is
   called in the files named here alone, each with the reason why that is right there.  A literal argument is no foreign one.
2. Where bytes of the net or the system pass, in the rooms below request/ and in the files of rule 1, each call that makes or reads
   text of a value that is no literal is named here with the reason.

A file that is named and does no such thing any more is to be taken out.  Prints FAIL lines; closes with "N passed, N failed".
"""
import glob
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(__file__), ".."))

FOREIGN = re.compile(r"""\b(getenv|setenv|unsetenv|putenv|getcwd|realpath|readlink|readdir|opendir|dlopen|dlerror|open|openat|creat|fopen|stat|lstat
    |access|unlink|rename|mkdir|rmdir|mkostemp|mkstemp|mkdtemp|chdir|chroot|truncate|symlink|execvp?e?|getpwnam(?:_r)?|getpwuid(?:_r)?|getgrnam(?:_r)?
    |getgrgid(?:_r)?|gethostname|getaddrinfo|getnameinfo|BIO_new_file|SSL_CTX_use_\w+_file|SSL_CTX_load_\w+|SSL_load_client_CA_file
    |SSL_get_servername|SSL_set_tlsext_host_name|X509_NAME_print_ex|X509_NAME_oneline|X509_NAME_get_text_by_NID|crypt|crypt_r
    |Tcl_ExternalToUtf\w*|Tcl_UtfToExternal\w*)\s*\(""", re.X)
TEXT = re.compile(r"""\b(NsDictPutText|Tcl_NewStringObj|Tcl_SetStringObj|Tcl_AppendToObj|Tcl_AppendStringsToObj|Tcl_DStringAppendElement|Tcl_Utf\w+|Tcl_UniChar\w+
    |Tcl_NumUtfChars|Tcl_StringMatch|Tcl_StringCaseMatch|Tcl_SplitList|Tcl_EvalEx|Tcl_Eval|Tcl_SetVar2?)\s*\(""", re.X)
BELOW = ("base", "net", "http", "ws", "driver", "process", "client")

# Rule 1: file -> (functions, reason)
STANDS_AT_THE_BORDER = {
    "nsd/base/file.c": ("open fopen stat lstat access unlink rename mkostemp mkdtemp mkdir chdir realpath symlink truncate opendir readdir", "names of files go through here, converted"),
    "nsd/base/system.c": ("readdir getpwnam_r getpwuid_r getgrnam_r getgrgid_r", "calls of modules: names of accounts go out as ASCII, what comes is converted; readdir is the caller's, as it is"),
    "nsd/base/roll.c": ("opendir readdir", "the folder's name goes out, those of its files come in, converted"),
    "nsd/conf/charset.c": ("Tcl_ExternalToUtfDString Tcl_UtfToExternalDString", "charsets other than UTF-8 are Tcl's to convert"),
    "nsd/conf/info.c": ("readlink getcwd gethostname", "paths come in converted; a host's name is ASCII"),
    "nsd/cmd/server/config.c": ("getenv setenv unsetenv", "ns_env, converted both ways"),
    "nsd/conf/options.c": ("getcwd access", "the script's path stays in the form of the system"),
    "nsd/interp/modload.c": ("dlopen dlerror", "paths go out, reasons come in, converted"),
    "nsd/request/runfile.c": ("getcwd", "comes in converted"),
    "nsd/request/op.c": ("realpath", "goes out and comes in converted"),
    "modules/nscgi/find.c": ("stat realpath", "paths go out converted, and stay in the form of the system from there"),
    "modules/nscgi/answer.c": ("open", "a program's path, in the form of the system already; a body's file is /proc/N/fd/N"),
    "nsd/net/tlsctx.c": ("SSL_CTX_use_PrivateKey_file SSL_CTX_use_certificate_chain_file SSL_CTX_load_verify_file "
                         "SSL_load_client_CA_file opendir readdir getenv", "names go out converted, those of OpenSSL's own variables as they came; those of a folder are digits"),
    "nsd/net/tls.c": ("X509_NAME_print_ex SSL_get_servername SSL_set_tlsext_host_name",
                      "come in converted; a server's name that is no ASCII is sent by nobody"),
    "nsd/net/tlshost.c": ("SSL_get_servername", "compared with names of hosts, byte by byte"),
    "nsd/crypto/cert.c": ("X509_NAME_print_ex", "names in it come in converted"),
    "nsd/net/addr.c": ("getaddrinfo", "names of hosts; what is no ASCII has no address"),
    "nsd/net/dns.c": ("getnameinfo", "the name comes in converted"),
    "nsd/crypto/password.c": ("crypt_r", "password and salt go out converted"),
    "nsd/base/thread.c": ("fopen", "a file of /proc: its name is made of a number, and numbers are read of it"),
    "nsd/net/tlsapi.c": ("SSL_set_tlsext_host_name", "a module's name of a host: what is not ASCII is in no certificate"),
    "modules/nsdb/util.c": ("fopen", "a file of statements: its name goes out, its bytes come in, converted"),
    "modules/nsdbpg/cmd.c": ("fopen", "files of large objects and of COPY: names go out converted"),
    "nsd/net/bind.c": ("lstat unlink", "the path of a socket, in the form of the system already"),
    "nsd/net/prebind.c": ("getenv", "what systemd gives: numbers, and names for the log"),
    "nsd/process/sdnotify.c": ("getenv", "what systemd gives; goes to the system as it came"),
    "nsd/process/privileges.c": ("getpwnam getpwuid getgrnam getpwnam_r getpwuid_r getgrnam_r chroot chdir", "names of accounts are ASCII; chroot gives up before it would guess"),
}

# Rule 2: file -> (functions, reason)
MAKES_TEXT = {
    "modules/nscgi/find.c": ("Tcl_StringMatch", "a part of the URL and a pattern of the configuration, both text"),
    "nsd/request/op.c": ("Tcl_DStringAppendElement", "names that were registered, parts of URLs that are text already"),
    "nsd/crypto/cert.c": ("Tcl_NewStringObj Tcl_AppendToObj", "times, digests and our own words; what is appended came in converted"),
    "nsd/base/text.c": ("Tcl_NewStringObj", "the conversion itself"),
    "nsd/base/dict.c": ("Tcl_NewStringObj NsDictPutText", "keys are literals; of values the caller is asked"),
    "nsd/base/dstring.c": ("Tcl_DStringAppendElement Tcl_NewStringObj", "calls of modules, whose strings are text"),
    "nsd/base/setapi.c": ("Tcl_DStringAppendElement", "fields of a set, which are text"),
    "nsd/base/thread.c": ("Tcl_DStringAppendElement", "names of threads, given by us"),
    "nsd/base/lockstat.c": ("Tcl_DStringAppendElement", "names of locks, given by us or by scripts"),
    "nsd/http/requestapi.c": ("Tcl_DStringAppendElement", "what was decoded went through NsTextIn"),
    "nsd/http/requestline.c": ("Tcl_DStringAppendElement", "each segment through NsTextIn"),
    "nsd/ws/handshake.c": ("Tcl_StringCaseMatch Tcl_SplitList", "patterns of the configuration, an origin of a header, which came in converted"),
    "nsd/net/tls.c": ("Tcl_NewStringObj NsDictPutText", "OpenSSL's names of protocols and ciphers, and digits"),
    "nsd/ws/request.c": ("Tcl_SplitList", "the protocols that a script wants"),
    "nsd/net/tlsclient.c": ("Tcl_DStringAppendElement", "a key of names of files and numbers, for nobody but the table"),
    "nsd/net/tlsapi.c": ("NsDictPutText", "what OpenSSL was built with says of itself"),
    "nsd/net/tlsctx.c": ("Tcl_DStringAppendElement", "a key of parameters, to be compared"),
    "nsd/cmd/text/text.c": ("Tcl_NewStringObj Tcl_NumUtfChars", "arguments of scripts"),
    "nsd/client/exchange.c": ("Tcl_DStringAppendElement", "host and port of a URL that a script gave"),
    "nsd/client/idle.c": ("Tcl_SplitList Tcl_DStringAppendElement", "the same"),
    "nsd/client/taskthread.c": ("Tcl_DStringAppendElement", "names and numbers of ours"),
    "nsd/process/command.c": ("Tcl_NewStringObj Tcl_AppendToObj", "arguments, converted in main.c; lines of Tcl's own channel"),
    "nsd/interp/modload.c": ("Tcl_NewStringObj NsDictPutText", "paths of the configuration"),
    "nsd/conf/charset.c": ("Tcl_NewStringObj Tcl_UtfToExternalDString", "what was converted, and the table of names"),
    "nsd/conf/info.c": ("Tcl_DStringAppendElement", "arguments, converted in main.c"),
    "nsd/driver/conf.c": ("Tcl_NewStringObj Tcl_SplitList", "the configuration"),
    "nsd/driver/perip.c": ("Tcl_SplitList", "the configuration"),
    "nsd/driver/host.c": ("Tcl_NewStringObj Tcl_SplitList", "names of hosts of the configuration"),
    "nsd/driver/list.c": ("Tcl_NewStringObj", "names given by us, numeric addresses, client data of scripts"),
    "nsd/driver/perip.c": ("Tcl_SplitList", "networks of the configuration"),
    "nsd/driver.c": ("Tcl_NewStringObj NsDictPutText", "the configuration, numeric addresses"),
    "nsd/cmd/server/config.c": ("Tcl_NewStringObj", "the configuration"),
    "nsd/cmd/client/httpbody.c": ("NsDictPutText Tcl_NewStringObj", "a callback of the script, a reason that http/response.c converted, a name a script gave"),
}

passed = failed = 0


def without_comments(text):
    """Comments blanked, strings kept; lines stay where they are."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*',
                  lambda m: m[0] if m[0][0] in "\"'" else re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def arguments(text, start):
    """Of the call whose '(' is before `start`."""
    args, depth, at = [""], 0, start
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|.', text[start:start + 2000], re.S):
        token = token[0]
        if token in ")]}":
            if depth == 0:
                return [arg.strip() for arg in args]
            depth -= 1
        depth += token in "([{"
        if token == "," and depth == 0:
            args.append("")
        else:
            args[-1] += token
    return args


def literal(argument):
    return re.fullmatch(r'(?:"(?:\\.|[^"\\])*"|[A-Z_][A-Z_0-9]*|\s)+', argument) is not None


def look(path, rule, table, what):
    """Calls in `path` that are not in the table; functions of the table that are not called."""
    with open(path, encoding="utf-8") as file:
        text = without_comments(file.read())
    allowed = set(table.get(path, ("", ""))[0].split())
    seen, problems = set(), []
    for match in rule.finditer(text):
        name, before = match[1], text[max(0, match.start() - 2):match.start()]
        if before.endswith((".", "->")):
            continue                           # a member of that name
        args = arguments(text, match.end())
        # the text of these is behind other arguments; a literal one is ours
        values = args[1:] if name in ("Tcl_DStringAppendElement", "Tcl_AppendToObj", "Tcl_AppendStringsToObj", "Tcl_SetStringObj") else args[:1]
        if name in ("Tcl_SplitList", "Tcl_EvalEx", "Tcl_Eval", "SSL_CTX_load_verify_file"):
            values = args[1:2]
        if all(literal(value) for value in values[:1]):
            continue
        seen.add(name)
        if name not in allowed:
            problems.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {name}: {what}")
    # passed as a pointer, without a call
    seen |= {name for name in allowed if re.search(rf"\b{name}\b", text)}
    for name in sorted(allowed - seen):
        problems.append(f"{path} does not call {name} any more: take it out of tests/border.py")
    return problems


def result(problems):
    global passed, failed
    for problem in problems:
        print("FAIL", problem)
    failed += bool(problems)
    passed += not problems


def room(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "nsd" and len(parts) > 2 else "driver" if path == "nsd/driver.c" else None


sources = sorted(glob.glob("nsd/**/*.c", recursive=True) + glob.glob("modules/*/*.c"))
for path in sources:
    result(look(path, FOREIGN, STANDS_AT_THE_BORDER, "brings bytes of the world in, or hands them out; see tests/border.py"))
    if room(path) in BELOW or path in STANDS_AT_THE_BORDER or path in MAKES_TEXT:
        result(look(path, TEXT, MAKES_TEXT, "bytes of the world? then NsTextIn, NsTextObj; else say why not in tests/border.py"))
for path in sorted((set(STANDS_AT_THE_BORDER) | set(MAKES_TEXT)) - set(sources)):
    # In a part of the tree whole rooms may be missing: patches/
    if os.path.isdir(os.path.dirname(path)):
        result([f"{path} is not there any more: take it out of tests/border.py"])
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
