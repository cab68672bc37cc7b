/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Versions, attributes, and the small names that modules for NaviServer 5 are written with.  Needs no server and no functions of it.
 *
 * What a module may have defined itself (by its own configure, or with an older header in mind) is left as it is.
 */
#ifndef NSMACROS_H
#define NSMACROS_H

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <tcl.h>

/* -------------------------------------------------------------------------------------------------------- versions */

/* Of NaviServer's API, to which this is source compatible; nsd's own is NS_VERSION in ns.h. */
#define NS_MAJOR_VERSION  5
#define NS_MINOR_VERSION  1
#define NS_RELEASE_SERIAL 0
#define NS_VERSION_NUM    (NS_MAJOR_VERSION * 10000 + NS_MINOR_VERSION * 100 + NS_RELEASE_SERIAL)
#define NS_PATCH_LEVEL    "5.1.0"

/* What modules put into their Ns_ModuleInfo. */
#ifndef PACKAGE_VERSION
#define PACKAGE_NAME      "nsd"
#define PACKAGE_TARNAME   "nsd"
#define PACKAGE_VERSION   NS_PATCH_LEVEL
#define PACKAGE_STRING    PACKAGE_NAME " " PACKAGE_VERSION
#define PACKAGE_BUGREPORT ""
#define PACKAGE_URL       ""
#endif
#ifndef PACKAGE_TAG
#define PACKAGE_TAG       "nsd"
#endif

/* What this system and this library have. */
#define HAVE_IPV6 1
#define HAVE_OPENSSL_EVP_H 1
#define NS_FOPEN_SUPPORTS_MODE_E 1
#define NS_HAVE_PARSEHOST2_CONST 1             /* Ns_HttpParseHost2 gives const pointers */

/* ------------------------------------------------------------------------------------------------------- attributes */

#ifdef __cplusplus
#define NS_EXTERN extern "C" __attribute__((visibility("default")))
#else
#define NS_EXTERN extern __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define NS_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define NS_EXPORT __attribute__((visibility("default")))
#endif
#define NS_IMPORT
#define NS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#ifdef UNUSED
#undef UNUSED
#endif
#define UNUSED(name)          UNUSED_##name __attribute__((unused))
#define NS_GNUC_NONNULL(...)  __attribute__((nonnull(__VA_ARGS__)))
#define NS_GNUC_PRINTF(fmt, first) NS_PRINTF(fmt, first)
#define NS_GNUC_PURE          __attribute__((pure))
#define NS_GNUC_CONST         __attribute__((const))
#define NS_GNUC_RETURNS_NONNULL __attribute__((returns_nonnull))
#define NS_GNUC_NORETURN      __attribute__((noreturn))
#define NS_GNUC_DEPRECATED    __attribute__((deprecated))
#define NS_GNUC_WARN_UNUSED_RESULT __attribute__((warn_unused_result))
#define NS_GNUC_SENTINEL      __attribute__((sentinel))
#define NS_ALLOC_SIZE1(n)     __attribute__((alloc_size(n)))
#define NS_ALLOC_SIZE2(n, m)  __attribute__((alloc_size(n, m)))
#define NS_NONNULL_ASSERT(condition) assert(condition)
#define NS_RESTRICT           __restrict
#if defined(__cplusplus) || __GNUC__ < 7
#define NS_FALL_THROUGH       ((void)0)
#else
#define NS_FALL_THROUGH       __attribute__((fallthrough))
#endif
#ifndef __cplusplus                            /* attributes of C++20 are called so */
#ifndef likely
#define likely(condition)     __builtin_expect(!!(condition), 1)
#define unlikely(condition)   __builtin_expect(!!(condition), 0)
#endif
#endif

/* ------------------------------------------------------------------------------------------------- truth, characters */

#define NS_TRUE  1
#define NS_FALSE 0
#define NS_SENTINEL ((char *)0)                /* the end of a list of arguments */

#define STREQ(a, b)  (strcmp((a), (b)) == 0)
#define STRIEQ(a, b) (strcasecmp((a), (b)) == 0)
#define UCHAR(c)     ((unsigned char)(c))
#define INTCHAR(c)   ((int)UCHAR(c))
#define CHARTYPE(what, c) (is##what(INTCHAR(c)))
#define CHARCONV(what, c) ((char)to##what(INTCHAR(c)))

#ifndef MIN
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#endif
#ifndef TIME_T_MAX
#define TIME_T_MAX ((time_t)LONG_MAX)
#endif

/* Numbers in pointers, and pointers without const. */
#define PTR2INT(p)  ((int)(intptr_t)(p))
#define INT2PTR(i)  ((void *)(intptr_t)(i))
#define PTR2UINT(p) ((unsigned int)(uintptr_t)(p))
#define UINT2PTR(i) ((void *)(uintptr_t)(i))
#define PTR2LONG(p) ((long)(intptr_t)(p))
#define LONG2PTR(i) ((void *)(intptr_t)(i))
#define ns_const2voidp(p) ((void *)(uintptr_t)(p))
#define ns_free_const(p)  ns_free(ns_const2voidp(p))
/* Any function; cast back to what it is before it is called. */
typedef void (*ns_funcptr_t)(void);

/* Formats. */
#define PRIdz "zd"
#define PRIuz "zu"
#define NS_TIME_FMT "%" PRId64 ".%06ld"        /* (int64_t)time.sec, time.usec */

/* -------------------------------------------------------------------------------------------------------------- Tcl */

#if TCL_MAJOR_VERSION < 9
#define NS_TCL_PRE9 1
#define TCL_SIZE_T int
#define TCL_OBJC_T int
#ifndef PRITcl_Size
#define PRITcl_Size "d"
#endif
#ifndef TCL_INDEX_NONE
#define TCL_INDEX_NONE (-1)
#endif
#define TCL_CREATEOBJCOMMAND Tcl_CreateObjCommand
#define TCL_OBJCMDPROC_T     Tcl_ObjCmdProc
#else
#define TCL_SIZE_T Tcl_Size
#define TCL_OBJC_T Tcl_Size
#define PRITcl_Size TCL_SIZE_MODIFIER "d"
#define TCL_CREATEOBJCOMMAND Tcl_CreateObjCommand2
#define TCL_OBJCMDPROC_T     Tcl_ObjCmdProc2
#endif
#define Ns_DString Tcl_DString

/* -------------------------------------------------------------------------------------------------- files and sockets */

#define NS_INVALID_SOCKET (-1)
#define NS_INVALID_FD     (-1)
#define NS_INVALID_PID    ((pid_t)-1)
typedef int NS_SOCKET;
#define DEVNULL           "/dev/null"
#ifndef O_BINARY
#define O_BINARY 0
#endif
#ifndef O_TEXT
#define O_TEXT 0
#endif
#define NS_IP_LOOPBACK    "127.0.0.1"
#define NS_IP_UNSPECIFIED "0.0.0.0"
#define NS_IPADDR_SIZE    INET6_ADDRSTRLEN
#define NS_SOCKADDR_STORAGE sockaddr_storage
#define NS_MSG_IOVLEN_T   size_t
#define NS_POLL_NFDS_TYPE nfds_t
#define NS_ENCRYPT_BUFSIZE 384                 /* of Ns_Encrypt: crypt(3)'s CRYPT_OUTPUT_SIZE */

#define ns_sockclose    close
#define ns_sockioctl    ioctl
#define ns_sockerrno    errno
typedef int ns_sockerrno_t;
#define ns_sockstrerror strerror
#define ns_dup          dup
#define ns_dup2         dup2
#define NS_EINTR        EINTR
#define NS_EAGAIN       EAGAIN
#define NS_EWOULDBLOCK  EWOULDBLOCK
#define NS_EINPROGRESS  EINPROGRESS
#define NS_ERRNO_WOULDBLOCK(error) ((error) == EAGAIN || (error) == EWOULDBLOCK)

#endif /* NSMACROS_H */
