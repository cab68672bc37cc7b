/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The public C API of nsd: all that a module includes.
 *
 * Unless a comment says otherwise, a function may be called from any thread, strings passed in are copied, and strings
 * returned belong to the object they came from.
 */
#ifndef NS_H
#define NS_H

#include "nsthread.h"
#include "nsbase.h"
#include "nsurl.h"
#include "nssock.h"
#include "nsconn.h"
#include "nsvalue.h"
#include "nslist.h"
#include "nsdriver.h"
#include "nsinterp.h"
#include "nstls.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NS_VERSION "0.1"
#define NS_COMPAT_VERSION "5.1"                /* the NaviServer version whose programs are expected to run */

/* ------------------------------------------------------------------------------------------------------- log (base/log) */

typedef enum {
    Notice, Warning, Error, Fatal, Bug, Debug, Deprecated, Dev, Security
} Ns_LogSeverity;

NS_EXTERN void Ns_Log(Ns_LogSeverity severity, const char *fmt, ...) NS_PRINTF(2, 3);    /* errno is left as it was */
NS_EXTERN void Ns_VALog(Ns_LogSeverity severity, const char *fmt, va_list ap);
NS_EXTERN void Ns_Fatal(const char *fmt, ...) NS_PRINTF(1, 2) __attribute__((noreturn));
NS_EXTERN bool Ns_LogSeverityEnabled(Ns_LogSeverity severity);
NS_EXTERN Ns_LogSeverity Ns_CreateLogSeverity(const char *name);
NS_EXTERN const char *Ns_LogSeverityName(Ns_LogSeverity severity);

NS_EXTERN bool Ns_LogSeveritySetEnabled(Ns_LogSeverity severity, bool enabled);        /* as it was before */
NS_EXTERN Ns_LogSeverity Ns_LogAccessDebug;                                            /* Debug(access) */
NS_EXTERN Ns_LogSeverity Ns_LogTaskDebug;                                              /* Debug(task) */
NS_EXTERN void Ns_LogDeprecated(Tcl_Obj *const *objv, TCL_SIZE_T objc, const char *alternative, const char *explanation);
NS_EXTERN void Ns_LogDeprecatedParameter(const char *oldSection, const char *oldParameter, const char *newSection,
                                         const char *newParameter, const char *explanation);
NS_EXTERN char *Ns_LogTime(char *timeBuf);                         /* "[30/Nov/2026:16:00:50 +0000]", 41 bytes; of here */
NS_EXTERN char *Ns_LogTime2(char *timeBuf, bool gmt);
NS_EXTERN void Ns_LogSockaddr(Ns_LogSeverity severity, const char *prefix, const struct sockaddr *saPtr);     /* prefix, family, address, port */
/*
 * Filters see each message that is enabled before it is written, the newest filter first, on the thread that logs: they are quick, do not wait, and
 * what they log themselves is shown to none.  NS_OK: on to the next one, and after the last to the file; NS_ERROR: to the file at once; else: it is
 * done with.  What is Fatal passes them by.  `msg` is the text as it was given to Ns_Log, with a NUL behind its `len` bytes.
 * Remove: the newest of this proc and argument; calls of it by other threads may still run, freeProc (may be NULL) comes behind the last.
 */
typedef Ns_ReturnCode (Ns_LogFilter)(const void *arg, Ns_LogSeverity severity, const Ns_Time *stamp, const char *msg, size_t len);
typedef void (Ns_FreeProc)(void *value);
NS_EXTERN void Ns_AddLogFilter(Ns_LogFilter *procPtr, void *arg, Ns_FreeProc *freeProc);
NS_EXTERN void Ns_RemoveLogFilter(Ns_LogFilter *procPtr, void *const arg);
/*
 * One for the process each, NULL: none; of older modules.  FlushProc gets the finished lines that else would go to the file.  LogProc makes the text
 * of a message, appending to `ds`, in the place of printf.  The thread that logs; what they log themselves is by printf, to the file.
 */
typedef void (Ns_LogFlushProc)(const char *msg, size_t len);
typedef void (Ns_LogProc)(Tcl_DString *ds, Ns_LogSeverity severity, const char *fmt, va_list ap);
NS_EXTERN void Ns_SetLogFlushProc(Ns_LogFlushProc *procPtr);
NS_EXTERN void Ns_SetNsLogProc(Ns_LogProc *procPtr);
NS_EXTERN const char *Ns_InfoErrorLog(void);                       /* the file */
NS_EXTERN Ns_ReturnCode Ns_LogRoll(void);                          /* that file; NS_ERROR, logged */

/*
 * Files of a module that are rolled: FILE becomes FILE.000, that was before FILE.001 and so on; or FILE.STAMP by a format of strftime.
 * At most `max`, 1 to 1000, old ones are kept.  One thread at a time for the same file.  NS_ERROR, logged: it is where it was.
 */
typedef Ns_ReturnCode (Ns_LogCallbackProc)(void *arg);
NS_EXTERN Ns_ReturnCode Ns_RollFile(const char *fileName, TCL_SIZE_T max);
NS_EXTERN Ns_ReturnCode Ns_RollFileByDate(const char *fileName, TCL_SIZE_T max);        /* %Y%m%d */
NS_EXTERN Ns_ReturnCode Ns_RollFileFmt(Tcl_Obj *fileObj, const char *rollfmt, TCL_SIZE_T maxbackup);       /* no format: numbers */
/* The same between closeProc and openProc, which is called in any case once the file is closed. */
NS_EXTERN Ns_ReturnCode Ns_RollFileCondFmt(Ns_LogCallbackProc openProc, Ns_LogCallbackProc closeProc, const void *arg,
                                           const char *filename, const char *rollfmt, TCL_SIZE_T maxbackup);
NS_EXTERN Ns_ReturnCode Ns_PurgeFiles(const char *fileName, TCL_SIZE_T max);            /* of files FILE.* the last `max` stay */

/* --------------------------------------------------------------------------------------- files of lines (base/logfile) */

/*
 * A file that lines are appended to without waiting: a thread writes them.  Any thread, unless it has closed the file.  What finds more
 * than 4 MB waiting is lost, counted, and said in the log.
 */
typedef struct Ns_LogFile Ns_LogFile;
NS_EXTERN Ns_LogFile *Ns_LogFileOpen(const char *path, bool truncate);     /* NULL and errno */
NS_EXTERN bool        Ns_LogFileWrite(Ns_LogFile *file, const char *line, size_t len);     /* false: it is lost */
/* So many lines may wait for others to be written together, 10 seconds and 1 MB at most.  0, as it is at first: none do. */
NS_EXTERN void        Ns_LogFileSetBuffer(Ns_LogFile *file, unsigned lines);
NS_EXTERN bool        Ns_LogFileFlush(Ns_LogFile *file, int64_t ms);       /* wait until all is written; false: it is not */
/* What comes from now on goes to that file.  False and errno: all stays as it was. */
NS_EXTERN bool        Ns_LogFileReopen(Ns_LogFile *file, const char *path);
NS_EXTERN void        Ns_LogFileClose(Ns_LogFile *file);                   /* what waits is written; returns at once */

/* ------------------------------------------------------------------------------------------------------ sets (base/set) */

/*
 * An ordered list of names and values; a name may come more than once.  Names are compared as they are by Ns_SetFind
 * and friends, without regard to case by the I functions.  A set has one user at a time: it does no locking.  Names
 * and values that it hands out are valid until it is changed.
 */

NS_EXTERN Ns_Set *Ns_SetCreate(const char *name);                  /* name may be NULL */
NS_EXTERN Ns_Set *Ns_SetCreateSz(const char *name, size_t size);
NS_EXTERN Ns_Set *Ns_SetCreateNoCase(const char *name);            /* keeps names in lower case, finds them in any */
NS_EXTERN void    Ns_SetFree(Ns_Set *set);                         /* NULL is fine */
NS_EXTERN const char *Ns_SetName(const Ns_Set *set);
NS_EXTERN void        Ns_SetSetName(Ns_Set *set, const char *name);
NS_EXTERN size_t      Ns_SetSize(const Ns_Set *set);
NS_EXTERN const char *Ns_SetKey(const Ns_Set *set, size_t index);
NS_EXTERN const char *Ns_SetValue(const Ns_Set *set, size_t index);
NS_EXTERN size_t      Ns_SetPut(Ns_Set *set, const char *key, const char *value);       /* the new index */
NS_EXTERN size_t      Ns_SetPutSz(Ns_Set *set, const char *key, TCL_SIZE_T keyLen, const char *value, TCL_SIZE_T valueLen);
NS_EXTERN int         Ns_SetFind(const Ns_Set *set, const char *key);                   /* index or -1 */
NS_EXTERN int         Ns_SetIFind(const Ns_Set *set, const char *key);
NS_EXTERN const char *Ns_SetGet(const Ns_Set *set, const char *key);                    /* value or NULL */
NS_EXTERN const char *Ns_SetIGet(const Ns_Set *set, const char *key);
NS_EXTERN const char *Ns_SetGetValue(const Ns_Set *set, const char *key, const char *def);
NS_EXTERN const char *Ns_SetIGetValue(const Ns_Set *set, const char *key, const char *def);
NS_EXTERN size_t      Ns_SetUpdate(Ns_Set *set, const char *key, const char *value);
NS_EXTERN size_t      Ns_SetIUpdate(Ns_Set *set, const char *key, const char *value);
NS_EXTERN void        Ns_SetPutValue(Ns_Set *set, size_t index, const char *value);
NS_EXTERN bool        Ns_SetUnique(const Ns_Set *set, const char *key);
NS_EXTERN bool        Ns_SetIUnique(const Ns_Set *set, const char *key);
NS_EXTERN bool        Ns_SetDelete(Ns_Set *set, ssize_t index);                         /* false: there is no such; -1 is fine */
NS_EXTERN bool        Ns_SetDeleteKey(Ns_Set *set, const char *key);
NS_EXTERN bool        Ns_SetIDeleteKey(Ns_Set *set, const char *key);
NS_EXTERN void        Ns_SetTrunc(Ns_Set *set, size_t size);
NS_EXTERN Ns_Set     *Ns_SetCopy(const Ns_Set *set);
NS_EXTERN void        Ns_SetMerge(Ns_Set *high, const Ns_Set *low);
NS_EXTERN void        Ns_SetMove(Ns_Set *to, Ns_Set *from);
NS_EXTERN void        Ns_SetPutValueSz(Ns_Set *set, size_t index, const char *value, TCL_SIZE_T size);     /* -1: up to the NUL */
NS_EXTERN size_t      Ns_SetUpdateSz(Ns_Set *set, const char *keyString, TCL_SIZE_T keyLength, const char *valueString,
                                     TCL_SIZE_T valueLength);
NS_EXTERN size_t      Ns_SetIUpdateSz(Ns_Set *set, const char *keyString, TCL_SIZE_T keyLength, const char *valueString,
                                      TCL_SIZE_T valueLength);
NS_EXTERN void        Ns_SetClearValues(Ns_Set *set, TCL_SIZE_T maxAlloc);              /* all are ""; their memory is used again, whatever maxAlloc says */
NS_EXTERN int         Ns_SetFindCmp(const Ns_Set *set, const char *key, int (*cmp)(const char *s1, const char *s2));
NS_EXTERN const char *Ns_SetGetCmp(const Ns_Set *set, const char *key, int (*cmp)(const char *s1, const char *s2));
NS_EXTERN bool        Ns_SetUniqueCmp(const Ns_Set *set, const char *key, int (*cmp)(const char *s1, const char *s2));
NS_EXTERN void        Ns_SetIMerge(Ns_Set *high, const Ns_Set *low);
NS_EXTERN Ns_Set     *Ns_SetListFind(Ns_Set *const *sets, const char *name);            /* of those that NULL ends; NULL: none has that name */
NS_EXTERN void        Ns_SetListFree(Ns_Set **sets);                                    /* the sets and the array */
NS_EXTERN Ns_Set     *Ns_SetRecreate(Ns_Set *set);                                      /* a set with its fields, which leave it */
NS_EXTERN Ns_Set     *Ns_SetRecreate2(Ns_Set **toPtr, Ns_Set *from);                    /* the same, into *toPtr if that is not NULL */
/* A line for each field: leadString, name, separatorString, value.  Print: to `outputDs`, or standard error if that is NULL. */
NS_EXTERN const char *Ns_SetFormat(Tcl_DString *ds, const Ns_Set *set, bool withName, const char *leadString,
                                   const char *separatorString);
NS_EXTERN void        Ns_SetPrint(Tcl_DString *outputDs, const Ns_Set *set);
NS_EXTERN void        Ns_DStringAppendSet(Tcl_DString *ds, const Ns_Set *set);          /* names and values as a list */
NS_EXTERN Ns_Set    **Ns_SetSplit(const Ns_Set *set, char sep);                         /* NULL-terminated, ns_free it */

/* ---------------------------------------------------------------------------------------------- caches (data/cache.c) */

/*
 * Keys and values in memory, at most so many bytes of them: what was not used for longest goes first.  A value is what
 * the caller makes of it; `freeProc` ends it, without the cache's lock.  A key is a string, or with `keys` a word
 * (TCL_ONE_WORD_KEYS) or an array of so many ints.
 *
 * All functions with an entry, and those that find one, are called between Ns_CacheLock and Ns_CacheUnlock; an entry that has a value
 * may be gone after the next Unlock, Wait or setting of another's value.  One without a value is being computed by the thread that
 * made it, and stays until that thread gives it a value or deletes it, both followed by Ns_CacheBroadcast.  What is flushed
 * meanwhile is not kept: the value that comes then is out of date.
 *
 * The bytes of a cache are the sizes that values were given, and for each entry its key and its own memory.  0: no limit.
 */
typedef struct Ns_Cache Ns_Cache;
typedef struct Ns_Entry Ns_Entry;
typedef struct Ns_CacheSearch {
    Ns_Cache *cache;
    void     *next;
    const struct Ns_CacheTransactionStack *transactionStack;
} Ns_CacheSearch;

NS_EXTERN Ns_Cache *Ns_CacheCreate(const char *name, int keys, time_t ttl, Ns_FreeProc *freeProc);
NS_EXTERN Ns_Cache *Ns_CacheCreateSz(const char *name, int keys, size_t maxSize, Ns_FreeProc *freeProc);
/* Values are gone `ttl` seconds after they were set, unless they have a time of their own; 0 or less: they stay. */
NS_EXTERN Ns_Cache *Ns_CacheCreateEx(const char *name, int keys, time_t ttl, size_t maxSize, Ns_FreeProc *freeProc);
NS_EXTERN void      Ns_CacheDestroy(Ns_Cache *cache);              /* nobody uses it any more; not locked */
NS_EXTERN const char *Ns_CacheName(const Ns_Cache *cache);

NS_EXTERN void      Ns_CacheLock(Ns_Cache *cache);
NS_EXTERN Ns_ReturnCode Ns_CacheTryLock(Ns_Cache *cache);          /* NS_OK or NS_TIMEOUT */
NS_EXTERN void      Ns_CacheUnlock(Ns_Cache *cache);               /* runs freeProc for what is gone */
NS_EXTERN Ns_ReturnCode Ns_CacheWait(Ns_Cache *cache);             /* for a change of any entry */
NS_EXTERN Ns_ReturnCode Ns_CacheTimedWait(Ns_Cache *cache, const Ns_Time *timePtr);    /* an interval or a date; NULL: no limit */
NS_EXTERN void      Ns_CacheSignal(Ns_Cache *cache);
NS_EXTERN void      Ns_CacheBroadcast(Ns_Cache *cache);

/* NULL: there is none.  It may be without a value yet. */
NS_EXTERN Ns_Entry *Ns_CacheFindEntry(Ns_Cache *cache, const char *key);
/* *newPtr 1: it has no value, and the caller is the one to give it one. */
NS_EXTERN Ns_Entry *Ns_CacheCreateEntry(Ns_Cache *cache, const char *key, int *newPtr);
/*
 * As CreateEntry, and wait while another thread computes it.  NULL: it took longer than `timeoutPtr` (an interval or a date;
 * NULL: no limit), or would never end: that thread waits for this one.
 */
NS_EXTERN Ns_Entry *Ns_CacheWaitCreateEntry(Ns_Cache *cache, const char *key, int *newPtr, const Ns_Time *timeoutPtr);
NS_EXTERN const char *Ns_CacheKey(const Ns_Entry *entry);
NS_EXTERN void     *Ns_CacheGetValue(const Ns_Entry *entry);       /* NULL: none */
NS_EXTERN size_t    Ns_CacheGetSize(const Ns_Entry *entry);        /* of the value */
NS_EXTERN size_t    Ns_CacheGetReuse(const Ns_Entry *entry);       /* how often it was found */
NS_EXTERN const Ns_Time *Ns_CacheGetExpirey(const Ns_Entry *entry);    /* the date; {0, 0}: never */
/* The value takes the place of what was there, which is freed unless it is the same. */
NS_EXTERN void      Ns_CacheSetValue(Ns_Entry *entry, void *value);
NS_EXTERN void      Ns_CacheSetValueSz(Ns_Entry *entry, void *value, size_t size);
/*
 * `timeoutPtr`: when it expires, an interval or a date (NULL: as the cache has it).  `cost`: microseconds that it took.  `maxSize`: as
 * if that were the cache's size (0: as it is).  `transactionEpoch`: of a transaction, or 0.  How many others had to go.
 */
NS_EXTERN int       Ns_CacheSetValueExpires(Ns_Entry *entry, void *value, size_t size, const Ns_Time *timeoutPtr, int cost,
                                            size_t maxSize, uintptr_t transactionEpoch);
NS_EXTERN void      Ns_CacheUnsetValue(Ns_Entry *entry);           /* the value is freed; the caller computes another */
NS_EXTERN void      Ns_CacheDeleteEntry(Ns_Entry *entry);          /* frees a value, too */
NS_EXTERN void      Ns_CacheFlushEntry(Ns_Entry *entry);           /* the same, and counted */
NS_EXTERN int       Ns_CacheFlush(Ns_Cache *cache);                /* all that have a value; their number */

/* Each entry with a value, in the order of their making; the one found may be deleted before the next is asked for. */
NS_EXTERN Ns_Entry *Ns_CacheFirstEntry(Ns_Cache *cache, Ns_CacheSearch *search);
NS_EXTERN Ns_Entry *Ns_CacheNextEntry(Ns_CacheSearch *search);

/*
 * Transactions: a value that is set with an epoch is seen only with a stack that has this epoch, until the epoch is committed.
 * An epoch is any number but 0 that no other transaction has.
 */
#define NS_CACHE_MAX_TRANSACTION_DEPTH 16
typedef struct Ns_CacheTransactionStack {
    uintptr_t stack[NS_CACHE_MAX_TRANSACTION_DEPTH];               /* epochs, the innermost last */
    unsigned  depth;
} Ns_CacheTransactionStack;
NS_EXTERN Ns_Entry *Ns_CacheFindEntryT(Ns_Cache *cache, const char *key, const Ns_CacheTransactionStack *transactionStackPtr);
NS_EXTERN Ns_Entry *Ns_CacheWaitCreateEntryT(Ns_Cache *cache, const char *key, int *newPtr, const Ns_Time *timeoutPtr,
                                             const Ns_CacheTransactionStack *transactionStackPtr);
NS_EXTERN void     *Ns_CacheGetValueT(const Ns_Entry *entry, const Ns_CacheTransactionStack *transactionStackPtr);
NS_EXTERN uintptr_t Ns_CacheGetTransactionEpoch(const Ns_Entry *entry);    /* of the youngest value not committed; 0: none */
NS_EXTERN Ns_Entry *Ns_CacheFirstEntryT(Ns_Cache *cache, Ns_CacheSearch *search,
                                        const Ns_CacheTransactionStack *transactionStackPtr);
NS_EXTERN Ns_Entry *Ns_CacheNextEntryT(Ns_CacheSearch *search, const Ns_CacheTransactionStack *transactionStackPtr);
/* How many values were made visible to all, or thrown away. */
NS_EXTERN unsigned long Ns_CacheCommitEntries(Ns_Cache *cache, uintptr_t epoch);
NS_EXTERN unsigned long Ns_CacheRollbackEntries(Ns_Cache *cache, uintptr_t epoch);
NS_EXTERN int       Ns_CacheGetNrUncommittedEntries(const Ns_Cache *cache);

NS_EXTERN size_t    Ns_CacheGetMaxSize(const Ns_Cache *cache);
NS_EXTERN void      Ns_CacheSetMaxSize(Ns_Cache *cache, size_t maxSize);
NS_EXTERN size_t    Ns_CacheSetMaxsize(Ns_Cache *cache, size_t size);      /* the one before */
NS_EXTERN char     *Ns_CacheStats(Ns_Cache *cache, Tcl_DString *dest);     /* appends "maxsize N size N entries N ..."; not locked */
NS_EXTERN void      Ns_CacheResetStats(Ns_Cache *cache);

/* -------------------------------------------------------------------------------------------- configuration (config.c) */

/*
 * Sections are sets.  Asking for a parameter marks it as known, until the server runs; what is in the file but was not
 * asked for is reported then, once.  The set of a section lives as long as the process.  Values of a wrong type or out of range are logged with
 * section, name and value, and the default is taken (or the nearest bound).
 */
NS_EXTERN Ns_Set *Ns_ConfigGetSection(const char *section);                /* NULL when there is none; only to be read */
NS_EXTERN Ns_Set *Ns_ConfigGetSection2(const char *section, bool markAsRead);
NS_EXTERN Ns_Set      **Ns_ConfigGetSections(void);                        /* NULL-terminated, ns_free it */
/* "ns/server/S/module/M/..." or "ns/module/M/..." or "ns/server/S/...": section name in static storage of the configuration. */
NS_EXTERN const char *Ns_ConfigSectionPath(Ns_Set **set, const char *server, const char *module, ...);
NS_EXTERN const char *Ns_ConfigGetPath(const char *server, const char *module, ...);
NS_EXTERN const char *Ns_ConfigGetValue(const char *section, const char *key);          /* NULL when not set */
NS_EXTERN const char *Ns_ConfigString(const char *section, const char *key, const char *def);
NS_EXTERN bool        Ns_ConfigBool(const char *section, const char *key, bool def);
NS_EXTERN int         Ns_ConfigInt(const char *section, const char *key, int def);
NS_EXTERN int         Ns_ConfigIntRange(const char *section, const char *key, int def, int min, int max);
NS_EXTERN Tcl_WideInt Ns_ConfigWideIntRange(const char *section, const char *key, Tcl_WideInt def, Tcl_WideInt min,
                                            Tcl_WideInt max);
/*
 * Sizes: 17, 4KB, 1.5MB, 2GB (also kB, MiB, ...), in bytes.  The default is given as text, as it is documented; the number stands
 * for it where the text is NULL.
 */
NS_EXTERN Tcl_WideInt Ns_ConfigMemUnitRange(const char *section, const char *key, const char *defaultString,
                                            Tcl_WideInt defaultValue, Tcl_WideInt min, Tcl_WideInt max);
/* Times: 5, 1.5, 1:500000, 100ms, 5s, 2m, 1h, 3d. */
NS_EXTERN void        Ns_ConfigTimeUnitRange(const char *section, const char *key, const char *def, long minSec, long minUsec,
                                             long maxSec, long maxUsec, Ns_Time *result);

/* True when the parameter is there and is one, *valuePtr has it then; one of a wrong type is logged. */
NS_EXTERN bool        Ns_ConfigGetInt(const char *section, const char *key, int *valuePtr);
NS_EXTERN bool        Ns_ConfigGetInt64(const char *section, const char *key, int64_t *valuePtr);
NS_EXTERN bool        Ns_ConfigGetBool(const char *section, const char *key, bool *valuePtr);
NS_EXTERN bool        Ns_ConfigParameterProvided(const char *section, const char *key);
NS_EXTERN Tcl_WideInt Ns_ConfigWideInt(const char *section, const char *key, Tcl_WideInt def);
NS_EXTERN const char *Ns_ConfigGetValueExact(const char *section, const char *key);     /* as GetValue: keys have no case */
/* A boolean that is true sets the flag in *flagsPtr; its value. */
NS_EXTERN bool        Ns_ConfigFlag(const char *section, const char *key, unsigned int flag, int defaultValue, unsigned int *flagsPtr);
/* The value of the table's word, in any case; it ends with a NULL key. */
struct Ns_ObjvTable;
NS_EXTERN unsigned    Ns_ConfigGetEnum(const char *section, const char *param, const struct Ns_ObjvTable *table, unsigned int defaultValue);
NS_EXTERN const Ns_Set *Ns_ConfigSet(const char *section, const char *key, const char *name);      /* a list of names and values; NULL: none, or logged */
NS_EXTERN Ns_Set     *Ns_ConfigCreateSection(const char *section);                      /* the main thread, at the start */
/*
 * A file: the parameter or its default, below `directory` (which is below home) unless it is absolute; it lives as long as the process.
 * keyLength -1: up to the NUL.  normalizePath: without . and ...  update: the configuration has the whole path then.  NULL: neither is given.
 */
NS_EXTERN const char *Ns_ConfigFilename(const char *section, const char *key, TCL_SIZE_T keyLength, const char *directory,
                                        const char *defaultValue, bool normalizePath, bool update);
NS_EXTERN void        Ns_GetVersion(int *majorV, int *minorV, int *patchLevelV, int *type);        /* NaviServer's, as in nsmacros.h; type 0: released */

/* --------------------------------------------------------------------------------------------- numbers with units (base) */

NS_EXTERN Ns_ReturnCode Ns_GetTimeFromString(Tcl_Interp *interp, const char *string, Ns_Time *result);
NS_EXTERN Ns_ReturnCode Ns_GetMemUnitFromString(Tcl_Interp *interp, const char *string, Tcl_WideInt *result);
NS_EXTERN char *Ns_DStringAppendTime(Tcl_DString *ds, const Ns_Time *time);              /* 17 or 17.5 or 0.000001 */

/* ----------------------------------------------------------------------------------------- text and bytes (base/text) */

/*
 * Strings here and in Tcl have Tcl's form of UTF-8, in which NUL and characters past U+FFFF are written otherwise; outside of the process it is
 * UTF-8.  In appends the text that bytes from outside stand for, whatever they are; Out the bytes that a text stands for, which may have NULs.
 */
NS_EXTERN void Ns_TextAppendIn(Tcl_DString *ds, const char *bytes, size_t len);
/* As the value of the field of that number; `bytes` are not the set's own. */
NS_EXTERN void Ns_TextPutIn(Ns_Set *set, size_t index, const char *bytes, size_t len);
NS_EXTERN void Ns_TextAppendOut(Tcl_DString *ds, const char *text, size_t len);
/*
 * The same without a copy where both forms are alike: the argument, or what was appended to `ds`.  *lenOut may be NULL.  OutString is for
 * functions that end a string at its NUL: NULL, and errno EINVAL, when the text has one.
 */
NS_EXTERN const char *Ns_TextIn(Tcl_DString *ds, const char *bytes, size_t len, size_t *lenOut);
NS_EXTERN const char *Ns_TextOut(Tcl_DString *ds, const char *text, size_t len, size_t *lenOut);
NS_EXTERN const char *Ns_TextOutString(Tcl_DString *ds, const char *text);

/* ------------------------------------------------------------------------------------------------ modules (modload.c) */

/*
 * A module is a shared object with
 *     NS_EXPORT const int Ns_ModuleVersion = 1;
 *     NS_EXPORT Ns_ReturnCode Ns_ModuleInit(const char *server, const char *module);
 * `server` is NULL for a module of the section ns/modules: it is called once for the process, by the main thread; one of
 * ns/server/S/modules once for each server that has it.  `ns_moduleload` calls it at the start as well.
 */
typedef Ns_ReturnCode (Ns_ModuleInitProc)(const char *server, const char *module);
typedef Ns_ReturnCode (Ns_TclTraceProc)(Tcl_Interp *interp, const void *arg);
typedef enum {
    NS_TCL_TRACE_NONE = 0, NS_TCL_TRACE_CREATE = 0x01, NS_TCL_TRACE_DELETE = 0x02, NS_TCL_TRACE_ALLOCATE = 0x04,
    NS_TCL_TRACE_DEALLOCATE = 0x08, NS_TCL_TRACE_GETCONN = 0x10, NS_TCL_TRACE_FREECONN = 0x20, NS_TCL_TRACE_IDLE = 0x40
} Ns_TclTraceType;

NS_EXTERN Ns_ReturnCode Ns_ModuleLoad(Tcl_Interp *interp, const char *server, const char *module, const char *file,
                                      const char *init);
/*
 * What a module says of itself, in its function Ns_ModuleGetInfo (an Ns_ModuleInfoProc), which `ns_module list` asks for: Ns_ModuleInfoInit fills the record.  The
 * strings must live as long as the module.
 */
typedef struct Ns_ModuleInfo {
    unsigned    infoVersion;                   /* NS_MODULE_INFO_VERSION of the module's headers */
    unsigned    moduleVersion;                 /* of its interface: Ns_ModuleVersion */
    const char *name, *version, *tag, *type;
} Ns_ModuleInfo;
#define NS_MODULE_INFO_VERSION 1u
typedef void (Ns_ModuleInfoProc)(Ns_ModuleInfo *info);
NS_EXTERN void Ns_ModuleInfoInit(Ns_ModuleInfo *info, unsigned int infoVersion, const char *name, const char *version,
                                 const char *tag, const char *type, unsigned int moduleVersion);
NS_EXTERN void Ns_RegisterModule(const char *name, Ns_ModuleInitProc *proc);            /* a module linked into the program */

/* ----------------------------------------------------------------------------------------- process (main.c, server.c) */

NS_EXTERN const char *Ns_InfoServerName(void);              /* product name */
NS_EXTERN const char *Ns_InfoServerVersion(void);
NS_EXTERN const char *Ns_InfoHomePath(void);
NS_EXTERN const char *Ns_InfoConfigFile(void);
NS_EXTERN const char *Ns_InfoHostname(void);
NS_EXTERN const char *Ns_InfoPlatform(void);
NS_EXTERN const char *Ns_InfoBuildDate(void);
NS_EXTERN const char *Ns_InfoTag(void);
NS_EXTERN time_t      Ns_InfoBootTime(void);
NS_EXTERN time_t      Ns_InfoUptime(void);
NS_EXTERN pid_t       Ns_InfoPid(void);
NS_EXTERN bool        Ns_InfoStarted(void);
NS_EXTERN Ns_ReturnCode Ns_WaitForStartup(void);               /* any thread but the main one */
NS_EXTERN bool        Ns_InfoShutdownPending(void);
NS_EXTERN const char *Ns_InfoNameOfExecutable(void);        /* the program's path */
NS_EXTERN const char *Ns_InfoAddress(void);                 /* of this machine's name, looked up at the first call; may wait for the name service */
NS_EXTERN const char *Ns_InfoLogPath(void);                 /* the folder of logs */
NS_EXTERN bool        Ns_InfoIPv6(void);                    /* can sockets of IPv6 be made here? */
NS_EXTERN bool        Ns_InfoSSL(void);                     /* true: TLS is here */
NS_EXTERN bool        Ns_InfoServersStarted(void);          /* all servers serve, and the stop has not begun */

/* Names of a folder's entries but . and .., as text, until `proc` says false.  NS_ERROR: it cannot be read, errno says why. */
typedef bool (Ns_FolderProc)(const char *name, void *arg);
NS_EXTERN Ns_ReturnCode Ns_FolderEach(const char *folder, Ns_FolderProc *proc, void *arg);

/* What the process needs first of all: done once, and long done when a module is loaded.  For modules that are programs, too. */
NS_EXTERN void        Nsd_LibInit(void);
NS_EXTERN Ns_Server  *Ns_GetServer(const char *name);       /* NULL when there is none */
NS_EXTERN const char *Ns_ServerName(const Ns_Server *server);
/* Orderly stop, as TERM does; returns at once. */
NS_EXTERN void        Ns_RequestShutdown(int exitCode);

typedef void (Ns_ShutdownProc)(const Ns_Time *toPtr, void *arg);   /* toPtr NULL: shut down has begun; else: wait until then */
NS_EXTERN void *Ns_RegisterAtStartup(Ns_Callback *proc, void *arg);
NS_EXTERN void *Ns_RegisterAtPreStartup(Ns_Callback *proc, void *arg);
NS_EXTERN void *Ns_RegisterAtSignal(Ns_Callback *proc, void *arg);       /* HUP */
NS_EXTERN void *Ns_RegisterAtReady(Ns_Callback *proc, void *arg);
NS_EXTERN void *Ns_RegisterAtStop(Ns_Callback *proc, void *arg);         /* the stop begins: before anything is waited for; must not wait */
NS_EXTERN void *Ns_RegisterAtShutdown(Ns_ShutdownProc *proc, void *arg);
NS_EXTERN void *Ns_RegisterAtExit(Ns_Callback *proc, void *arg);

/* How procs of C are shown by `ns_info callbacks`, `scheduled` and others; `argProc` (may be NULL) appends the argument, as list elements. */
typedef void (Ns_ArgProc)(Tcl_DString *ds, const void *arg);
NS_EXTERN void Ns_RegisterProcInfo(ns_funcptr_t proc, const char *desc, Ns_ArgProc *argProc);
NS_EXTERN void Ns_GetProcInfo(Tcl_DString *ds, ns_funcptr_t proc, const void *arg);
NS_EXTERN void Ns_StringArgProc(Tcl_DString *ds, const void *arg);     /* the argument is a string, or NULL */

/* Scheduled procs (sched.c).  The proc runs in a scheduler thread; `id` is 0 or more. */
typedef void (Ns_SchedProc)(void *arg, int id);
#define NS_SCHED_ONCE   0x01u
#define NS_SCHED_THREAD 0x02u
#define NS_SCHED_DAILY  0x04u
#define NS_SCHED_WEEKLY 0x08u
NS_EXTERN int  Ns_ScheduleProcEx(Ns_SchedProc *proc, void *arg, unsigned flags, const Ns_Time *interval, Ns_SchedProc *cleanup);
NS_EXTERN int  Ns_After(const Ns_Time *interval, Ns_SchedProc *proc, void *arg, ns_funcptr_t cleanup);   /* an Ns_SchedProc */
/* NS_ERROR: that is no time of a day, or the server stops.  `day`: 0, Sunday, to 6.  `thread`: not 0: on a thread of its own. */
NS_EXTERN int  Ns_ScheduleDaily(Ns_SchedProc *proc, void *arg, unsigned int flags, int hour, int minute, Ns_SchedProc *cleanup);
NS_EXTERN int  Ns_ScheduleWeekly(Ns_SchedProc *proc, void *arg, unsigned int flags, int day, int hour, int minute,
                                 Ns_SchedProc *cleanup);
NS_EXTERN int  Ns_ScheduleProc(Ns_SchedProc *proc, void *arg, int thread, int secs);
NS_EXTERN void Ns_UnscheduleProc(int id);
NS_EXTERN bool Ns_Cancel(int id);
NS_EXTERN bool Ns_Pause(int id);
NS_EXTERN bool Ns_Resume(int id);

/* ----------------------------------------------------------------------------------------------------- Tcl (interp.c) */

/*
 * An interpreter of this thread for that server (NULL: none).  Taken by a thread for a stretch of work and given back;
 * globals and ns_set handles made in between are cleaned up then.  In a thread that serves a request of that server it is the
 * request's: Ns_TclGetConn and `ns_conn` find the request, what is left behind is cleaned up at its end, and a command may
 * be running in it (Tcl_SaveInterpState keeps its result).
 */
NS_EXTERN Tcl_Interp *Ns_TclAllocateInterp(const char *server);
NS_EXTERN void        Ns_TclDeAllocateInterp(Tcl_Interp *interp);
NS_EXTERN const char *Ns_TclInterpServer(Tcl_Interp *interp);          /* NULL: none */
NS_EXTERN Ns_Conn    *Ns_TclGetConn(Tcl_Interp *interp);               /* the request being served, or NULL */
NS_EXTERN Ns_ReturnCode Ns_TclEval(Tcl_DString *ds, const char *server, const char *script);
NS_EXTERN Ns_ReturnCode Ns_TclRegisterTrace(const char *server, Ns_TclTraceProc *proc, const void *arg,
                                            Ns_TclTraceType when);
NS_EXTERN const char *Ns_TclLogErrorInfo(Tcl_Interp *interp, const char *info);
NS_EXTERN void        Ns_TclPrintfResult(Tcl_Interp *interp, const char *fmt, ...) NS_PRINTF(2, 3);
/* A handle for a set in this interpreter, which becomes its result; it is gone at the next cleanup. */
typedef enum {
    NS_TCL_SET_STATIC,                         /* "t94...": the caller owns the set, which must live as long */
    NS_TCL_SET_DYNAMIC                         /* "d0": the set is freed with it */
} Ns_TclSetType;
NS_EXTERN int Ns_TclEnterSet(Tcl_Interp *interp, Ns_Set *set, Ns_TclSetType type);
NS_EXTERN Ns_Set *Ns_TclGetSet(Tcl_Interp *interp, const char *id);
NS_EXTERN int Ns_TclGetSet2(Tcl_Interp *interp, const char *id, Ns_Set **set);
NS_EXTERN int Ns_TclGetTimeFromObj(Tcl_Interp *interp, Tcl_Obj *obj, Ns_Time *result);
NS_EXTERN int Ns_TclGetMemUnitFromObj(Tcl_Interp *interp, Tcl_Obj *obj, Tcl_WideInt *result);
NS_EXTERN Tcl_Obj *Ns_TclNewTimeObj(const Ns_Time *time);
NS_EXTERN int Ns_TclGetOpenFd(Tcl_Interp *interp, const char *chanId, int write, int *fd);
NS_EXTERN int Ns_TclGetOpenChannel(Tcl_Interp *interp, const char *chanId, int write, bool check, Tcl_Channel *chan);

/*
 * Argument parsing (objv.c).  Options come first, in any order; "--" ends them; then the fixed arguments, "?name" being
 * optional, and at last "?args" for the rest.  A mistake leaves
 *     wrong # args: should be "ns_cmd sub ?-opt /value/? /arg/"
 * which is built from the specifications.
 */
typedef struct Ns_ObjvSpec Ns_ObjvSpec;
typedef int (Ns_ObjvProc)(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv);
struct Ns_ObjvSpec {
    const char  *key;
    Ns_ObjvProc *proc;
    void        *dest;
    void        *arg;
};
typedef struct Ns_ObjvTable { const char *key; unsigned value; } Ns_ObjvTable;
typedef struct Ns_ObjvValueRange { Tcl_WideInt minValue, maxValue; } Ns_ObjvValueRange;
typedef struct Ns_ObjvTimeRange { Ns_Time minValue, maxValue; } Ns_ObjvTimeRange;
typedef struct Ns_SubCmdSpec { const char *key; Tcl_ObjCmdProc *proc; } Ns_SubCmdSpec;

/* Both lists end with a NULL key and may be NULL.  Parses objv[parseOffset ...]; TCL_OK or TCL_ERROR's sign NS_ERROR. */
NS_EXTERN Ns_ReturnCode Ns_ParseObjv(Ns_ObjvSpec *optSpec, Ns_ObjvSpec *argSpec, Tcl_Interp *interp, int parseOffset, int objc,
                                     Tcl_Obj *const *objv);
/* Dispatch objv[1]; a wrong one lists all that there are. */
NS_EXTERN int Ns_SubcmdObjv(const Ns_SubCmdSpec *specs, ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv);

/* The same for objv[offset], a subcommand of what objv[0 ... offset - 1] name. */
NS_EXTERN int Ns_SubsubcmdObjv(const Ns_SubCmdSpec *subcmdSpec, ClientData clientData, Tcl_Interp *interp, TCL_SIZE_T offset,
                               TCL_SIZE_T objc, Tcl_Obj *const *objv);
/* TCL_ERROR, with a message that has `name` and the range, in `interp` (may be NULL): it is not within; a range of NULL has all. */
NS_EXTERN int Ns_CheckWideRange(Tcl_Interp *interp, const char *name, const Ns_ObjvValueRange *r, Tcl_WideInt value);
NS_EXTERN int Ns_CheckTimeRange(Tcl_Interp *interp, const char *name, const Ns_ObjvTimeRange *r, Ns_Time *value);
/* The keys of a table, appended as a|b|c, and as a, b, or c; the whole string.  The key of a value, or NULL. */
NS_EXTERN char *Ns_ObjvTablePrint(Tcl_DString *dsPtr, Ns_ObjvTable *values);
NS_EXTERN char *Ns_ObjvTablePrintSentence(Tcl_DString *dsPtr, const Ns_ObjvTable *values);
NS_EXTERN const char *Ns_ObjvTableGetString(const Ns_ObjvTable *tablePtr, unsigned int defaultValue);

NS_EXTERN Ns_ObjvProc Ns_ObjvBool;      /* int: a flag; with arg, the value ORed in */
NS_EXTERN Ns_ObjvProc Ns_ObjvBoolean;   /* int: an option with a value, "?-discard true|false?" (Ns_ObjvBool as an argument does the same) */
NS_EXTERN Ns_ObjvProc Ns_ObjvInt;       /* int; arg: Ns_ObjvValueRange */
NS_EXTERN Ns_ObjvProc Ns_ObjvUShort;    /* unsigned short */
NS_EXTERN Ns_ObjvProc Ns_ObjvLong;      /* long */
NS_EXTERN Ns_ObjvProc Ns_ObjvWideInt;   /* Tcl_WideInt */
NS_EXTERN Ns_ObjvProc Ns_ObjvDouble;    /* double */
NS_EXTERN Ns_ObjvProc Ns_ObjvMemUnit;   /* Tcl_WideInt */
NS_EXTERN Ns_ObjvProc Ns_ObjvTime;      /* Ns_Time *: the pointer is set, good until the command evaluates a script; arg: Ns_ObjvTimeRange */
NS_EXTERN Ns_ObjvProc Ns_ObjvString;    /* char *; arg: int *length, or NULL */
NS_EXTERN Ns_ObjvProc Ns_ObjvEval;      /* Tcl_Obj *: a script, evaluated; the caller releases the result */
NS_EXTERN Ns_ObjvProc Ns_ObjvByteArray; /* void *; arg: int *length */
NS_EXTERN Ns_ObjvProc Ns_ObjvObj;       /* Tcl_Obj *; arg: word for the value of an option in messages, or NULL */
NS_EXTERN Ns_ObjvProc Ns_ObjvIndex;     /* int; arg: Ns_ObjvTable, ended by a NULL key */
NS_EXTERN Ns_ObjvProc Ns_ObjvFlags;     /* unsigned: a list of keywords, ORed in; arg: Ns_ObjvTable */
NS_EXTERN Ns_ObjvProc Ns_ObjvBreak;     /* "--" */
NS_EXTERN Ns_ObjvProc Ns_ObjvArgs;      /* int: number of the remaining arguments */
NS_EXTERN Ns_ObjvProc Ns_ObjvServer;    /* Ns_Server * */
NS_EXTERN Ns_ObjvProc Ns_ObjvSet;       /* Ns_Set * */

/* ------------------------------------------------------------------------------------- sockets and transports (net/) */

/*
 * How bytes get on and off a connected socket.  All calls are for non-blocking sockets and never wait.  The one who owns
 * the Ns_Wire calls them, one at a time (a TLS connection is not two independent directions).
 *
 * recv and send return the number of bytes, 0 from recv being the end of file, or -1 with errno.  With EAGAIN the call
 * is to be repeated when the socket is ready for what `waitRecv` or `waitSend` says: NS_SOCK_READ or NS_SOCK_WRITE;
 * with TLS they may be crossed.  A refused send may be repeated with other memory, but with the same bytes.
 */
#define NS_SOCK_READ    0x01u
#define NS_SOCK_WRITE   0x02u
#define NS_SOCK_EXCEPTION 0x04u                /* out-of-band data, or an error */
#define NS_SOCK_EXIT    0x08u                  /* the server stops */
#define NS_SOCK_DROP    0x10u
#define NS_SOCK_INIT    0x20u
#define NS_SOCK_TIMEOUT 0x80u
#define NS_SOCK_NONE  0u
#define NS_SOCK_DONE  0x100u                   /* the end */
#define NS_SOCK_AGAIN 0x200u                   /* nothing now */

typedef struct Ns_Transport Ns_Transport;
typedef struct Ns_Wire {
    NS_SOCKET           sock;
    unsigned char       waitRecv, waitSend;    /* what a refused call waits for */
    const Ns_Transport *transport;
    void               *arg;                   /* the transport's (TLS: its session) */
    Ns_Driver          *driver;                /* that accepted it; NULL for a client's */
} Ns_Wire;

struct Ns_Transport {
    const char *name;                                              /* "tcp", "tls" */
    /* NS_OK: done, NS_CONTINUE: wait for *waitFor, NS_ERROR (logged by the caller with what `error` says).  NULL: none needed */
    Ns_ReturnCode (*handshake)(Ns_Wire *sock, unsigned *waitFor, Tcl_DString *error);
    ssize_t (*recv)(Ns_Wire *sock, void *buffer, size_t size);
    ssize_t (*send)(Ns_Wire *sock, const struct iovec *iov, int iovcnt);
    ssize_t (*sendFile)(Ns_Wire *sock, int fd, off_t offset, size_t size);   /* NULL: read and send */
    bool    (*pending)(const Ns_Wire *sock);                       /* bytes to be had though the socket shows none; NULL: never */
    /*
     * Tell the peer that no more comes, without waiting.  NS_OK: done, or there is nobody to be told; NS_CONTINUE: call again
     * when the socket is ready for sock->waitSend, or close without.  NULL: none.
     */
    Ns_ReturnCode (*shutdown)(Ns_Wire *sock);
    /* The socket is readable: was that only for us (TLS: session tickets, a part of a record), with no bytes, end or error to be
     * had by recv?  NULL: never */
    bool    (*nothing)(Ns_Wire *sock);
    void    (*release)(Ns_Wire *sock);                             /* free `arg`; the caller closes the socket; NULL: nothing */
    void    (*info)(const Ns_Wire *sock, Tcl_Interp *interp, Tcl_Obj *dict);  /* protocol, cipher, ...; NULL: nothing */
};
NS_EXTERN const Ns_Transport Ns_TransportTcp;
NS_EXTERN const Ns_Transport Ns_TransportTls;

/* TLS contexts (net/tls.c).  NULL on failure, with the reason in `error`. */
typedef struct Ns_TlsCtx Ns_TlsCtx;            /* reference counted */
typedef struct Ns_TlsServerParams {
    const char *certificate;                   /* PEM: certificate, chain and, unless `key` is given, the key */
    const char *key;
    const char *caFile, *caPath;               /* for client certificates */
    const char *protocols;                     /* e.g. "!TLSv1.2", or "TLSv1.3" */
    const char *ciphers, *cipherSuites;
    int         verifyClient;                  /* 0 none, 1 optional, 2 required */
    const char *keyLogFile;                    /* for Wireshark: secrets are appended; NULL: none */
} Ns_TlsServerParams;
typedef struct Ns_TlsClientParams {
    const char *caFile, *caPath, *certificate, *key;
    bool        insecure;                      /* do not verify */
    int         verifyDepth;                   /* authorities between the peer's certificate and a trusted one; 0: as OpenSSL has it */
} Ns_TlsClientParams;
NS_EXTERN Ns_TlsCtx *Ns_TlsCtxServerCreate(const Ns_TlsServerParams *params, Tcl_DString *error);
NS_EXTERN Ns_TlsCtx *Ns_TlsCtxClientCreate(const Ns_TlsClientParams *params, Tcl_DString *error);
NS_EXTERN void       Ns_TlsCtxRelease(Ns_TlsCtx *ctx);
/* Add a certificate that is chosen by the name the client asks for (SNI).  Before the context is used. */
NS_EXTERN Ns_ReturnCode Ns_TlsCtxAddHost(Ns_TlsCtx *ctx, const char *host, Ns_TlsCtx *hostCtx);
/* Turn a connected socket into a TLS one: sets transport and arg.  `hostname` (client): SNI, and the name verified. */
NS_EXTERN Ns_ReturnCode Ns_TlsAttachServer(Ns_Wire *sock, Ns_TlsCtx *ctx);
NS_EXTERN Ns_ReturnCode Ns_TlsAttachClient(Ns_Wire *sock, Ns_TlsCtx *ctx, const char *hostname, Tcl_DString *error);

/* Drivers (driver.c) */
/* A driver that needs a transport alone.  Those by callbacks: nsdriver.h. */
typedef struct Ns_TransportDriver {
    const char         *name;                  /* as in logs, and in `ns_driver` */
    const char         *protocol;              /* "http", "https": of the URLs it serves */
    unsigned short      defaultPort;           /* left out of URLs */
    bool                secure;
    const Ns_Transport *transport;
    /* Called on a driver thread for each accepted socket: set `arg` (and `transport`, if it differs).  NULL: nothing to do */
    Ns_ReturnCode     (*accept)(Ns_Wire *sock, void *arg);
    void               *arg;
    /* Read certificates anew and the like, from the main thread.  NULL: nothing to do */
    Ns_ReturnCode     (*reload)(void *arg);
    void              (*freeArg)(void *arg);
} Ns_TransportDriver;
NS_EXTERN Ns_ReturnCode Ns_TransportDriverInit(const char *server, const char *module, const Ns_TransportDriver *init);
NS_EXTERN const char *Ns_DriverName(const Ns_Driver *driver);
NS_EXTERN const char *Ns_DriverModule(const Ns_Driver *driver);
NS_EXTERN const char *Ns_DriverProtocol(const Ns_Driver *driver);

/*
 * Sockets.  Hosts are names or addresses, IPv4 or IPv6; for listening, NULL or "*" is any, in both families ("::": IPv6 only).
 * "unix:/path" and "/path" are Unix-domain sockets, where one listens or connects.  All are close-on-exec, and blocking except
 * Ns_SockAsyncConnect's.  -1 and errno on failure.
 * Ns_SockListenEx gives a socket that was bound at the start (nsd -b, systemd) to that address, if nobody has it yet.
 */
NS_EXTERN NS_SOCKET Ns_SockListenEx(const char *address, unsigned short port, int backlog, bool reuseport);
NS_EXTERN NS_SOCKET Ns_SockAccept(NS_SOCKET sock, struct sockaddr *addr, socklen_t *len);
/* Waits at most `timeout` (NULL: as the kernel does).  NS_TIMEOUT leaves errno ETIMEDOUT. */
NS_EXTERN NS_SOCKET Ns_SockTimedConnect2(const char *host, unsigned short port, const char *lhost, unsigned short lport,
                                         const Ns_Time *timeout, Ns_ReturnCode *statusPtr);
NS_EXTERN NS_SOCKET Ns_SockConnect(const char *host, unsigned short port);
NS_EXTERN NS_SOCKET Ns_SockAsyncConnect(const char *host, unsigned short port);
NS_EXTERN Ns_ReturnCode Ns_SockSetNonBlocking(NS_SOCKET sock);
NS_EXTERN Ns_ReturnCode Ns_SockSetBlocking(NS_SOCKET sock);
NS_EXTERN Ns_ReturnCode Ns_SockTimedWait(NS_SOCKET sock, unsigned what, const Ns_Time *timeout);
NS_EXTERN Ns_ReturnCode Ns_SockPipe(NS_SOCKET socks[2]);
NS_EXTERN Ns_ReturnCode Ns_GetSockAddr(struct sockaddr *addr, const char *host, unsigned short port);
NS_EXTERN const char *ns_inet_ntop(const struct sockaddr *NS_RESTRICT addr, char *NS_RESTRICT buffer, size_t size);
NS_EXTERN bool Ns_GetAddrByHost(Tcl_DString *ds, const char *host);
/* All addresses of a host, with blanks in between; the name of a numeric address.  Both wait at most `dnswaittimeout`. */
NS_EXTERN bool Ns_GetAllAddrByHost(Tcl_DString *ds, const char *host);
NS_EXTERN bool Ns_GetHostByAddr(Tcl_DString *ds, const char *addr);

/*
 * Passwords, in the forms that crypt(3) knows (crypto/password.c); text as Tcl has it.  They may take some milliseconds, on purpose.
 * Crypt appends; false: such a setting (the salt, with its prefix) does not exist, or the password has a NUL.
 */
NS_EXTERN bool Ns_PasswordCrypt(Tcl_DString *ds, const char *password, const char *setting);
/* Is it the password of which `encrypted` was made?  The time that the comparison takes does not depend on where they differ. */
NS_EXTERN bool Ns_PasswordCheck(const char *password, const char *encrypted);
/* Are they the same?  The time does not depend on where they differ. */
NS_EXTERN bool Ns_SecretEqual(const char *secret, const char *other);
/* Append a new setting for SHA-512, with a salt of chance. */
NS_EXTERN void Ns_PasswordSetting(Tcl_DString *ds);

/* Socket callbacks (sockcallback.c) are declared with ns.h's channel block below. */

/* ------------------------------------------------------------------------------------ a request (conn.c, http/parse.c) */

typedef enum {
    NS_REQUEST_TYPE_PLAIN, NS_REQUEST_TYPE_PROXY, NS_REQUEST_TYPE_CONNECT, NS_REQUEST_TYPE_ASTERISK
} Ns_RequestType;
typedef struct Ns_Request {                    /* the request line, taken apart */
    const char *line;
    const char *method;
    const char *protocol;                      /* "http", or NULL when not in the line */
    const char *host;                          /* from an absolute URL in the line, or NULL */
    unsigned short port;
    const char *url;                           /* decoded path, never NULL, starts with '/' */
    const char *rawUrl;                        /* as sent, with the query */
    const char *query;                         /* after '?', undecoded, or NULL */
    const char *fragment;                      /* after '#': clients do not send it, NULL */
    int         urlc;                          /* the parts of the path */
    const char *urlv;                          /* Tcl list of them */
    double      version;                       /* 1.0, 1.1 */
    TCL_SIZE_T  urlv_len;                      /* bytes in urlv */
    const char *serverRoot;
    Ns_RequestType requestType;
} Ns_Request;

/* Public view of a request being served; the connection thread that serves it uses it, no other. */
struct Ns_Conn {
    Ns_Request        request;
    Ns_Set           *headers;
    Ns_Set           *outputheaders;
    size_t            contentLength;           /* of the request's body */
    unsigned          flags;                   /* NS_CONN_* */
};
#define NS_CONN_CLOSED        0x001u           /* the socket is gone: closed, or detached */
#define NS_CONN_SKIPHDRS      0x002u           /* HTTP/0.9 style */
#define NS_CONN_SKIPBODY      0x004u           /* HEAD, 204, 304 */
#define NS_CONN_SENTHDRS      0x010u
#define NS_CONN_CHUNK         0x040u           /* the answer is chunked */
#define NS_CONN_STREAM        0x100u
#define NS_CONN_DETACHED      0x800u
#define NS_CONN_JSONPARSED   0x2000u           /* the form is of a body in JSON */

NS_EXTERN const char *Ns_ConnServer(const Ns_Conn *conn);
NS_EXTERN const char *Ns_ConnDriverName(const Ns_Conn *conn);
NS_EXTERN const char *Ns_ConnPeerAddr(const Ns_Conn *conn);
/* What X-Forwarded-For says of the client, or "". */
NS_EXTERN const char *Ns_ConnForwardedPeerAddr(const Ns_Conn *conn);
/* The client's address: the forwarded one if the peer is a proxy that reverseproxymode trusts, else the socket's. */
NS_EXTERN const char *Ns_ConnConfiguredPeerAddr(const Ns_Conn *conn);
NS_EXTERN unsigned short Ns_ConnPeerPort(const Ns_Conn *conn);
NS_EXTERN const char *Ns_ConnCurrentAddr(const Ns_Conn *conn);
NS_EXTERN unsigned short Ns_ConnCurrentPort(const Ns_Conn *conn);
NS_EXTERN const char *Ns_ConnHost(const Ns_Conn *conn);             /* of the Host header, or NULL */
NS_EXTERN char       *Ns_ConnLocationAppend(Ns_Conn *conn, Tcl_DString *ds);
NS_EXTERN uintptr_t   Ns_ConnId(const Ns_Conn *conn);
NS_EXTERN const char *Ns_ConnContent(const Ns_Conn *conn);          /* NUL-terminated; length in contentLength */
NS_EXTERN Ns_Set     *Ns_ConnGetQuery(Tcl_Interp *interp, Ns_Conn *conn, Tcl_Obj *fallbackCharset, Ns_ReturnCode *status);
NS_EXTERN int         Ns_ConnResponseStatus(const Ns_Conn *conn);
NS_EXTERN void        Ns_ConnSetResponseStatus(Ns_Conn *conn, int status);
NS_EXTERN size_t      Ns_ConnContentSent(const Ns_Conn *conn);
NS_EXTERN Ns_Time    *Ns_ConnStartTime(Ns_Conn *conn);             /* only to be read */
NS_EXTERN const char *Ns_ConnClientData(const Ns_Conn *conn);       /* NULL when not set */
NS_EXTERN void        Ns_ConnSetClientData(Ns_Conn *conn, const char *data);

/* Answers (return.c, connio.c).  Header names and values with CR, LF or NUL are left out, and logged. */
NS_EXTERN void Ns_ConnSetHeaders(const Ns_Conn *conn, const char *name, const char *value);        /* appends */
NS_EXTERN void Ns_ConnUpdateHeaders(const Ns_Conn *conn, const char *name, const char *value);     /* replaces */
NS_EXTERN void Ns_ConnSetTypeHeader(const Ns_Conn *conn, const char *mimeType);
NS_EXTERN void Ns_ConnSetLengthHeader(Ns_Conn *conn, size_t length, bool doStream);
NS_EXTERN void Ns_ConnSetLastModifiedHeader(const Ns_Conn *conn, const time_t *mtime);
NS_EXTERN void Ns_ConnSetExpireTime(Ns_Conn *conn, long seconds);
/* Write to the client.  Never waits: what the socket does not take is sent by the driver's loop (see connio.h).  Pieces: Ns_Return(3). */
#define NS_CONN_STREAM_CLOSE 0x1000u
NS_EXTERN Ns_ReturnCode Ns_ConnWriteVData(Ns_Conn *conn, struct iovec *bufs, int nbufs, unsigned flags);
NS_EXTERN Ns_ReturnCode Ns_ConnWriteVChars(Ns_Conn *conn, struct iovec *bufs, int nbufs, unsigned flags);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnData(Ns_Conn *conn, int status, const char *data, ssize_t len, const char *type);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnCharData(Ns_Conn *conn, int status, const char *data, ssize_t len, const char *type);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnHtml(Ns_Conn *conn, int status, const char *html, ssize_t len);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnFile(Ns_Conn *conn, int status, const char *type, const char *file);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnOpenFd(Ns_Conn *conn, int status, const char *type, int fd, size_t len);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnNotice(Ns_Conn *conn, int status, const char *title, const char *notice);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnStatus(Ns_Conn *conn, int status);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnRedirect(Ns_Conn *conn, const char *url);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnMoved(Ns_Conn *conn, const char *url);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnBadRequest(Ns_Conn *conn, const char *reason);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnUnauthorized(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnForbidden(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnNotFound(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnNotModified(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnNoResponse(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnInternalError(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnUnavailable(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnInvalidMethod(Ns_Conn *conn);

/*
 * ADP pages (page/).  The thread of the interpreter, or of the request.  TCL_ERROR, with a message: there is neither a request nor a channel
 * for the output, or what was there could not be sent.
 */
NS_EXTERN int Ns_AdpAppend(Tcl_Interp *interp, const char *text, int len);             /* len < 0: up to the NUL */
/* The buffer of the page that runs, to be appended to; past *maxBuffer bytes, or at once with *doStream, Ns_AdpFlush it.  Both may be NULL. */
NS_EXTERN int Ns_AdpGetOutput(Tcl_Interp *interp, Tcl_DString **output, int *doStream, size_t *maxBuffer);
NS_EXTERN int Ns_AdpFlush(Tcl_Interp *interp, bool doStream);          /* doStream: as a part of the answer, else it is all, or the rest */
/* Answer with a page; the file is below the server's pages unless it is absolute.  Not there: 404. */
NS_EXTERN Ns_ReturnCode Ns_AdpRequest(Ns_Conn *conn, const char *file);
NS_EXTERN Ns_ReturnCode Ns_AdpRequestEx(Ns_Conn *conn, const char *file, const Ns_Time *expires);
NS_EXTERN Ns_ReturnCode Ns_ConnClose(Ns_Conn *conn);

/* Who answers (op.c, filter.c, urlspace.c) */
typedef Ns_ReturnCode (Ns_OpProc)(const void *arg, Ns_Conn *conn);
typedef Ns_ReturnCode (Ns_FilterProc)(const void *arg, Ns_Conn *conn, unsigned why);
#define NS_OP_NOINHERIT  0x01u
#define NS_OP_NODELETE   0x02u
#define NS_OP_RECURSE    0x04u
#define NS_OP_SEGMATCH   0x20u
#define NS_OP_SEGMENT_MATCH NS_OP_SEGMATCH
typedef enum {
    NS_FILTER_PRE_AUTH = 0x01, NS_FILTER_POST_AUTH = 0x02, NS_FILTER_TRACE = 0x04, NS_FILTER_VOID_TRACE = 0x08
} Ns_FilterType;
NS_EXTERN const char *Ns_FilterTypeString(Ns_FilterType when);     /* "preauth", "postauth", "trace", "voidtrace" */
/*
 * TCL_ERROR, with a message in `interp` (may be NULL): there is no such server.  `constraints`: of a value that Ns_ObjvUrlspaceSpec
 * parsed, taken over; or NULL.
 */
NS_EXTERN int  Ns_RegisterRequest2(Tcl_Interp *interp, const char *server, const char *method, const char *url, Ns_OpProc *proc,
                                   Ns_Callback *deleteProc, void *arg, unsigned flags, void *constraints);
NS_EXTERN void Ns_RegisterRequest(const char *server, const char *method, const char *url, Ns_OpProc *proc,
                                  Ns_Callback *deleteProc, void *arg, unsigned flags);          /* the same; logs instead */
NS_EXTERN void Ns_UnRegisterRequestEx(const char *server, const char *method, const char *url, unsigned flags);
NS_EXTERN void *Ns_RegisterFilter(const char *server, const char *method, const char *url, Ns_FilterProc *proc,
                                  unsigned when, void *arg, bool first);
NS_EXTERN const char *Ns_GetMimeType(const char *file);            /* by its extension */
NS_EXTERN bool        Ns_IsBinaryMimeType(const char *contentType);    /* neither text nor said to be in a charset */

/* Encodings (conf/charset.c).  They live as long as the process, and are not to be freed.  NULL: there is none, or that is no text. */
NS_EXTERN Tcl_Encoding NS_utf8Encoding;                            /* conversions of it are those of Ns_TextIn and Out */
NS_EXTERN Tcl_Encoding Ns_GetCharsetEncoding(const char *charset); /* "iso-8859-1", in any case */
NS_EXTERN Tcl_Encoding Ns_GetCharsetEncodingEx(const char *charset, TCL_SIZE_T len);   /* len -1: up to the NUL */
NS_EXTERN Tcl_Encoding Ns_GetEncoding(const char *name);           /* by Tcl's name for it: "iso8859-1" */
NS_EXTERN const char  *Ns_GetEncodingCharset(Tcl_Encoding encoding);
NS_EXTERN Tcl_Encoding Ns_GetTypeEncoding(const char *mimeType);   /* its charset, or for text outputcharset of ns/parameters */
NS_EXTERN Tcl_Encoding Ns_GetFileEncoding(const char *file);       /* of its type */

/*
 * Requests that the driver answered by itself, because they are no HTTP, too large, too slow or too many: no filter and no trace sees
 * them.  Any thread registers; `proc` runs on a driver thread, and must not wait.  NS_ERROR: there is no such server.
 */
typedef struct Ns_Rejected {
    const char *line;                          /* the request line, or what there is of it; text */
    const char *peer;                          /* the address that it came from */
    const char *driver;                        /* the module's name */
    int         status;                        /* of the answer */
} Ns_Rejected;
typedef void (Ns_RejectedProc)(void *arg, const Ns_Rejected *rejected);
NS_EXTERN Ns_ReturnCode Ns_RegisterRejected(const char *server, Ns_RejectedProc *proc, void *arg);
/* Bytes of the answer, its head included, that were accepted for sending. */
NS_EXTERN size_t Ns_ConnBytesSent(const Ns_Conn *conn);
/*
 * How long each stage of the request took so far: from its first byte to the queue, in the queue, in filters, in what answered; and since
 * its first byte.  NULL: not wanted.
 */
NS_EXTERN void Ns_ConnStageTimes(const Ns_Conn *conn, Ns_Time *accept, Ns_Time *queue, Ns_Time *filter, Ns_Time *run, Ns_Time *total);
/* What the Authorization header says, whoever it is: "" without one.  The request's thread. */
NS_EXTERN const char *Ns_ConnUserName(const Ns_Conn *conn);

/*
 * Who may make a request (request/auth.c).  An authority is asked in turn with those that scripts registered by ns_register_auth, by
 * the thread of the request: NS_OK, NS_CONTINUE (ask the next one), NS_UNAUTHORIZED (401), NS_FORBIDDEN (403), else 500.
 */
typedef enum { NS_AUTH_REQUEST, NS_AUTH_USER } Ns_AuthKind;
typedef struct Ns_AuthQuestion {
    const char *method, *url;                  /* "" when it is about a user */
    const char *user, *password;               /* "" when there are none */
    const char *peer;                          /* address of the client, or "" */
} Ns_AuthQuestion;
typedef Ns_ReturnCode (Ns_AuthorityProc)(void *arg, const Ns_AuthQuestion *question);
/* Any thread.  There is no way back.  NS_ERROR: there is no such server. */
NS_EXTERN Ns_ReturnCode Ns_RegisterAuthority(const char *server, Ns_AuthKind kind, const char *name, bool first,
                                             Ns_AuthorityProc *proc, void *arg);

/* --------------------------------------------------------------------------------- socket callbacks (sockcallback.c) */

/*
 * Call `proc` on a callback worker whenever the socket is ready.  It returns true to stay registered, false to be
 * removed (it may close the socket then).  All callbacks of one socket run on one worker, one at a time.
 * NS_SOCK_EXIT in `when` asks for one call when the server stops; `timeout` (NULL: none) is the longest time without
 * an event, then `proc` gets NS_SOCK_TIMEOUT and is removed.
 */
typedef bool (Ns_SockProc)(NS_SOCKET sock, void *arg, unsigned why);
NS_EXTERN Ns_ReturnCode Ns_SockCallback(NS_SOCKET sock, Ns_SockProc *proc, void *arg, unsigned when);
NS_EXTERN Ns_ReturnCode Ns_SockCallbackEx(NS_SOCKET sock, Ns_SockProc *proc, void *arg, unsigned when, const Ns_Time *timeout,
                                          const char **threadNamePtr);
/* After this returned, `proc` is not called any more (a call on another thread that had begun may still be running). */
NS_EXTERN void Ns_SockCancelCallback(NS_SOCKET sock);
/* As above; `proc` is called once on the worker with NS_SOCK_CANCEL, after which the socket may be closed. */
#define NS_SOCK_CANCEL 0x40u
NS_EXTERN Ns_ReturnCode Ns_SockCancelCallbackEx(NS_SOCKET sock, Ns_SockProc *proc, void *arg, const char **threadNamePtr);

/* -------------------------------------------------------------------------- bytes shared by reference (base/buf.c) */

/* Built once, sent to many, freed by the last.  The bytes must not change after the buffer was given to somebody. */
typedef struct Ns_Buf Ns_Buf;                  /* opaque, counted; the caller owns one reference */
NS_EXTERN Ns_Buf *Ns_BufCopy(const void *data, size_t len);
NS_EXTERN Ns_Buf *Ns_BufAlloc(size_t len, char **data);            /* `data`: to be filled first */
NS_EXTERN Ns_Buf *Ns_BufWrap(const void *data, size_t len, void (*freeProc)(void *arg), void *arg);
NS_EXTERN Ns_Buf *Ns_BufRetain(Ns_Buf *buf);
NS_EXTERN void    Ns_BufRelease(Ns_Buf *buf);                      /* NULL is fine */

/* ------------------------------------------------------------------------------------------- channels (connchan.c) */

/*
 * A channel is a connection that left the thread which accepted it, or one that this side has made.  It owns its socket.
 *
 * Threads: any thread may call these functions; a lock of the channel orders them, and only non-blocking calls are made
 * under it.  The callbacks of a channel run on one worker, one at a time, in order, without any lock held.
 * References: channels are counted.  Who gets one from a function here releases it; a callback borrows the one it is
 * called with.  The server has a reference of its own until the channel is closed: a module need not keep one.
 * A dead channel, closed or aborted by anybody, stays valid memory as long as there is a reference; what the functions
 * do with it is said for each.
 */
typedef struct NsChan Ns_ConnChan;             /* opaque */

/* The connection thread: take the socket out of the request being served.  NULL: it has none any more. */
NS_EXTERN Ns_ConnChan *Ns_ConnChanDetach(Ns_Conn *conn);
/* NULL: no such channel in this server (any more). */
NS_EXTERN Ns_ConnChan *Ns_ConnChanFind(Ns_Server *server, const char *name);
NS_EXTERN Ns_ConnChan *Ns_ConnChanRetain(Ns_ConnChan *chan);
NS_EXTERN void         Ns_ConnChanRelease(Ns_ConnChan *chan);               /* NULL is fine */
/* All of a server, oldest first, each retained; ns_free the array. */
NS_EXTERN size_t       Ns_ConnChanList(Ns_Server *server, Ns_ConnChan ***chans);

/*
 * A client channel.  Waits, at most `timeout`; on a worker it does not wait, but does as ConnectStart.  NULL with the
 * reason in `error`.
 */
typedef struct Ns_ConnChanConnectParams {
    const char        *host;                   /* name or address; or a path after "unix:" */
    unsigned short     port;
    bool               tls;
    Ns_TlsClientParams tlsParams;
    const char        *hostname;               /* SNI and verified name; NULL: host */
    Ns_Time            timeout;                /* for look-up, connect and TLS handshake together */
} Ns_ConnChanConnectParams;
NS_EXTERN Ns_ConnChan *Ns_ConnChanConnect(Ns_Server *server, const Ns_ConnChanConnectParams *params, Tcl_DString *error);
/*
 * Never waits: the channel connects in the background.  Until then what is written or sent as a file is kept and goes out
 * when it is connected, and reading gives -1 with EAGAIN.  A callback gets NS_SOCK_WRITE when connected, if it wants it; on
 * failure NS_SOCK_READ (else _WRITE, else _EXCEPTION): reading and writing then give -1 with the errno, and status has the words.
 * Closing cancels.  NULL with the reason in `error`: the parameters are wrong, or the server stops.
 */
NS_EXTERN Ns_ConnChan *Ns_ConnChanConnectStart(Ns_Server *server, const Ns_ConnChanConnectParams *params, Tcl_DString *error);
/*
 * A listening channel: each connection becomes a channel, for which `accept` is called on the listener's worker; it
 * takes over the reference.  `arg` is freed by `freeProc` (may be NULL) with the listener.  `bindNew`: not on a socket
 * that was bound at the start (nsd -b).  NULL and errno on failure; `arg` is the caller's then.
 */
typedef void (Ns_ConnChanAcceptProc)(Ns_ConnChan *chan, void *arg);
NS_EXTERN Ns_ConnChan *Ns_ConnChanListen(Ns_Server *server, const char *address, unsigned short port, bool bindNew,
                                         Ns_ConnChanAcceptProc *accept, void *arg, void (*freeProc)(void *arg));
/*
 * The same with TLS: the worker drives the handshake, and `accept` is called when it is done; a peer that does not finish
 * it in time is dropped.  The context is a server's, and retained.
 */
NS_EXTERN Ns_ConnChan *Ns_ConnChanListenTls(Ns_Server *server, const char *address, unsigned short port, bool bindNew,
                                            Ns_TlsCtx *tls, const Ns_Time *handshakeTimeout,
                                            Ns_ConnChanAcceptProc *accept, void *arg, void (*freeProc)(void *arg));

/* Facts, of dead channels as well. */
NS_EXTERN bool         Ns_ConnChanIsOpen(Ns_ConnChan *chan);                /* not closed by anybody */
NS_EXTERN const char  *Ns_ConnChanName(const Ns_ConnChan *chan);            /* "conn7" */
NS_EXTERN Ns_Server   *Ns_ConnChanServer(const Ns_ConnChan *chan);
NS_EXTERN const char  *Ns_ConnChanDriver(const Ns_ConnChan *chan);          /* module name of a driver */
NS_EXTERN const char  *Ns_ConnChanWorkerName(const Ns_ConnChan *chan);      /* the thread of its callbacks */
NS_EXTERN const struct sockaddr *Ns_ConnChanPeer(const Ns_ConnChan *chan);
/* A text of yours, shown by `ns_connchan list`.  Get gives a copy to be freed with ns_free, or NULL. */
NS_EXTERN void         Ns_ConnChanSetClientData(Ns_ConnChan *chan, const char *data);
NS_EXTERN char        *Ns_ConnChanGetClientData(Ns_ConnChan *chan);

/*
 * One read of what is there now: first the bytes that came with the request, then the socket.  Returns their number, 0
 * at the end of the stream, -1 and errno: EAGAIN (nothing there), EPIPE (dead), or what the socket says.  Threads other than
 * workers wait for the first byte as long as the channel's receive timeout: of a client channel the `timeout` of its
 * connecting, else 0; that of a callback replaces it.
 */
NS_EXTERN ssize_t Ns_ConnChanRead(Ns_ConnChan *chan, void *buffer, size_t size);

/*
 * Hand bytes over, in the order of the calls.  What the socket does not take at once is kept and sent by the channel's
 * worker.  NS_CONNCHAN_BUFFERED: send nothing in this call; the worker does at the end of its turn, together with what
 * follows.  Returns the bytes sent before the call returned, -1 and errno: EPIPE (dead), ENOBUFS (past maxsendbuffer),
 * or what the socket says; then nothing of these bytes is kept.  A call without any bytes returns those that the channel has
 * sent since, and that no call has returned yet: what all calls return is the sum of what was sent.
 */
#define NS_CONNCHAN_BUFFERED 0x01u
NS_EXTERN ssize_t Ns_ConnChanWritev(Ns_ConnChan *chan, const struct iovec *iov, int iovcnt, unsigned flags);
/* The same for a shared buffer: what is kept is a reference, not a copy.  The caller keeps his. */
NS_EXTERN ssize_t Ns_ConnChanWriteBuf(Ns_ConnChan *chan, Ns_Buf *buf, unsigned flags);
/*
 * Send `len` bytes of a file from `offset` behind what was written before; the worker does it, and a slow peer costs
 * neither a thread nor memory.  The fd is taken over in any case.  `done` (may be NULL) is called once on the worker,
 * without a lock: error 0 when all is handed to the kernel, else what ended it (ECANCELED: the channel was aborted), and
 * the bytes of this range that went out.  False and errno when the channel is dead or broken; then `done` is not called.
 */
typedef void (Ns_ConnChanDoneProc)(Ns_ConnChan *chan, void *arg, int error, uint64_t sent);
NS_EXTERN bool Ns_ConnChanSendFile(Ns_ConnChan *chan, int fd, off_t offset, size_t len, Ns_ConnChanDoneProc *done, void *arg);

/*
 * Limits of sending; a new channel has those of the section ns/server/SERVER/connchan.  Configure sets what `which` names of
 * *settings, then fills in all of them as they are now.  False: the channel is dead, nothing was set.
 *
 * maxSendBuffer: bytes that may wait in memory (ranges of files do not count).  With LIMIT_ERROR a write that could make it
 * more is refused as a whole (ENOBUFS), before any of it is sent; with LIMIT_CLOSE the channel is aborted when it does become
 * more, and the write gives ENOBUFS, too.
 *
 * sendMinRate, sendWait: a channel whose peer takes less of what waits is aborted, within two times sendWait.
 */
typedef enum { NS_CONNCHAN_LIMIT_ERROR, NS_CONNCHAN_LIMIT_CLOSE } Ns_ConnChanPolicy;
typedef struct Ns_ConnChanSettings {
    size_t            maxSendBuffer;
    Ns_ConnChanPolicy policy;
    int64_t           rate;                    /* bytes per second that are sent at most; 0: no limit */
    int64_t           receiveTimeout;          /* ms, see Ns_ConnChanRead; a callback that is set later has its own */
    int64_t           sendMinRate;             /* bytes per second that the peer must take of what waits; 0: it need not */
    int64_t           sendWait;                /* ms over which that is measured; and that a closing channel waits for a peer that takes nothing */
} Ns_ConnChanSettings;
#define NS_CONNCHAN_MAX_RATE          ((int64_t)1 << 40)
#define NS_CONNCHAN_SET_MAXSENDBUFFER 0x01u
#define NS_CONNCHAN_SET_POLICY        0x02u
#define NS_CONNCHAN_SET_RATE          0x04u
#define NS_CONNCHAN_SET_RECEIVETIMEOUT 0x08u
#define NS_CONNCHAN_SET_SENDMINRATE   0x10u
#define NS_CONNCHAN_SET_SENDWAIT      0x20u
NS_EXTERN bool Ns_ConnChanConfigure(Ns_ConnChan *chan, unsigned which, Ns_ConnChanSettings *settings);

/*
 * Close: no more callbacks, no such name any more; what was accepted for sending is delivered first, as long as the peer
 * takes some within `sendwait`.  Abort throws it away.  False when it was dead before.
 */
NS_EXTERN bool Ns_ConnChanClose(Ns_ConnChan *chan);
NS_EXTERN bool Ns_ConnChanAbort(Ns_ConnChan *chan);

/*
 * `proc` is called on the channel's worker with one of NS_SOCK_READ, _WRITE, _EXCEPTION, _EXIT, _TIMEOUT.  KEEP: go on;
 * SUSPEND: the channel stays, no more events until a callback is set anew; CLOSE: as Ns_ConnChanClose.
 */
typedef enum { NS_CONNCHAN_CLOSE, NS_CONNCHAN_KEEP, NS_CONNCHAN_SUSPEND } Ns_ConnChanVerdict;
typedef Ns_ConnChanVerdict (Ns_ConnChanProc)(Ns_ConnChan *chan, void *arg, unsigned why);
typedef struct Ns_ConnChanCallback {
    Ns_ConnChanProc *proc;
    void           (*freeProc)(void *arg);     /* called once, when no call runs or will come: on the worker; NULL: none */
    void            *arg;
    const char      *command;                  /* for status and log; lives as long as `arg`; may be NULL */
    unsigned         when;                     /* NS_SOCK_READ | _WRITE | _EXCEPTION | _EXIT */
    int64_t          timeout;                  /* ms without an event, then NS_SOCK_TIMEOUT once; 0: none */
    int64_t          receiveTimeout;           /* ms, see Ns_ConnChanRead; 0: none */
    int64_t          sendTimeout;              /* ms that bytes may wait without progress, then Abort; 0: none */
} Ns_ConnChanCallback;
/*
 * Replaces the one before, also from within a callback: that is not called any more (a call that runs at the moment ends
 * as it would; its SUSPEND counts for nothing, its CLOSE closes).  What has arrived already is told at once.  False: the
 * channel is dead; `freeProc` was not called.
 */
NS_EXTERN bool Ns_ConnChanSetCallback(Ns_ConnChan *chan, const Ns_ConnChanCallback *callback);
/* No callback any more; the channel stays.  False: there was none, or the channel is dead. */
NS_EXTERN bool Ns_ConnChanCancelCallback(Ns_ConnChan *chan);
/* Run `proc` once on the channel's worker, between its callbacks, whether it is alive by then or not. */
typedef void (Ns_ConnChanRunProc)(Ns_ConnChan *chan, void *arg);
NS_EXTERN void Ns_ConnChanRun(Ns_ConnChan *chan, Ns_ConnChanRunProc *proc, void *arg);

typedef struct Ns_ConnChanStatus {
    Ns_Time     start;
    const char *driver;
    char        peer[64];
    const char *threadName;                    /* the worker's, "" without a callback */
    uint64_t    sent, received;
    size_t      sendBuffer, frameBuffer, fragments;
    int         recvErrno, sendErrno;
    unsigned    when;                          /* 0: no callback */
    char       *command;                       /* NULL: no callback */
    char       *clientData;                    /* NULL: none */
    int         debug;
    bool        connecting;
    char       *connectError;                  /* why connecting failed; NULL: it did not */
} Ns_ConnChanStatus;
NS_EXTERN void Ns_ConnChanGetStatus(Ns_ConnChan *chan, Ns_ConnChanStatus *status);
NS_EXTERN void Ns_ConnChanStatusFree(Ns_ConnChanStatus *status);            /* what is in it */

/* ----------------------------------------------------------------------------------------- WebSockets (websocket.c) */

/*
 * A WebSocket session (RFC 6455, RFC 7692) lives on a channel, and is named by it: what is said above of threads and
 * references holds here as well.  The channel's bytes belong to the session: Ns_ConnChanRead, Write and SetCallback refuse
 * it (EBUSY); closing it with Ns_ConnChanClose or Abort ends the session, too.
 *
 * A handler's procs run on the channel's worker, one at a time, without a lock; they may use any function here, also on
 * their own channel.  `open` comes first, and `close` last, exactly once per session, whatever ended it; then `freeProc`.
 * What a handler sends to its own channel goes out together when it returns.
 */
#define NS_WEBSOCKET_TEXT   1
#define NS_WEBSOCKET_BINARY 2
typedef struct Ns_WebSocketHandler {
    void  (*open)(Ns_ConnChan *chan, void *arg);                         /* may be NULL, as the others */
    /* `data` is valid during the call; text is valid UTF-8 (not NUL-terminated). */
    void  (*message)(Ns_ConnChan *chan, void *arg, int type, const char *data, size_t len);
    void  (*drain)(Ns_ConnChan *chan, void *arg);                        /* what waits fell below the low mark */
    /* `code` as received; 1006: the connection was lost.  `reason` is a text as Tcl has it. */
    void  (*close)(Ns_ConnChan *chan, void *arg, int code, const char *reason);
    void  (*freeProc)(void *arg);              /* once, no call will come; on the worker, or in a call here that failed */
    void   *arg;
    const char *command;                       /* for list, status and log; lives as long as `arg`; may be NULL */
} Ns_WebSocketHandler;

typedef enum { NS_WEBSOCKET_SLOW_CLOSE, NS_WEBSOCKET_SLOW_DROP, NS_WEBSOCKET_SLOW_LATEST } Ns_WebSocketSlow;
typedef struct Ns_WebSocketParams {            /* filled by Ns_WebSocketParamsInit; strings are only read during the call */
    const char  *origins;                      /* Tcl list of patterns; NULL or "": the same host; "*": all */
    const char  *protocols;                    /* Tcl list; NULL or "": none */
    const char  *data;                         /* kept with the session, see Ns_WebSocketInfo; may be NULL */
    const Ns_Set *headers;                     /* more headers for the answer, or the request; may be NULL */
    size_t       maxMessage;                   /* bytes, after inflating; past it: 1009 */
    unsigned     maxFragments;                 /* per message; past it: 1008 */
    bool         deflate;                      /* permessage-deflate, if the peer wants it */
    bool         takeover;                     /* keep the context of our compression: better, but memory per session */
    bool         peerTakeover;                 /* let the peer keep its own */
    int          deflateLevel, deflateBits;    /* 1 .. 9; 9 .. 15 */
    size_t       deflateMinSize;               /* shorter messages are not compressed */
    int64_t      pingInterval, pongTimeout;    /* ms; 0: no pings; no time-out */
    int64_t      idleTimeout;                  /* ms without a message; 0: none */
    int64_t      closeTimeout;                 /* ms to wait for the peer's answer to our close */
    size_t       maxSendBuffer;                /* bytes that may wait; a message that finds nothing waiting is always taken */
    Ns_WebSocketSlow slow;                     /* what to do past it */
    unsigned     maxPerIp;                     /* sessions per address; 0: no limit */
} Ns_WebSocketParams;
/* Any thread: the server's defaults (section ns/server/SERVER/websocket). */
NS_EXTERN void Ns_WebSocketParamsInit(Ns_Server *server, Ns_WebSocketParams *params);

/*
 * The connection thread: answer the request with 101 and make its connection a session.  The answer goes out together with
 * what `open` sends.  The caller gets a reference.  NULL: refused; the request was answered (400, 403, 426, 429) and
 * `error` says why; or it was detached before.  The handler was freed then.
 */
NS_EXTERN Ns_ConnChan *Ns_WebSocketAccept(Ns_Conn *conn, const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler,
                                          Tcl_DString *error);
/*
 * Any thread; never waits: a client session with ws:// or wss:// `url`.  `open` is called when it is there, else `close` with
 * 1006 and the reason.  `connect` has timeout and TLS parameters; its host, port and tls are not looked at (may be NULL).
 * NULL with the reason in `error`; the handler was freed then.
 */
NS_EXTERN Ns_ConnChan *Ns_WebSocketConnect(Ns_Server *server, const char *url, const Ns_ConnChanConnectParams *connect,
                                           const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler,
                                           Tcl_DString *error);
/*
 * A link: the same, and a session that ends, or did not come about, is followed by another one on a channel of its own, with the same
 * handler, until one ends with 1000, too many tries fail, `waiting` says no, or the server stops.  `handler->freeProc` is called when it is
 * over.  The procs get the name of the last channel; they run as the handler's do, but `over` may also be called by a scheduler thread,
 * when no session can be begun.
 */
typedef struct Ns_WebSocketLinkParams {        /* zeroed: the defaults */
    int64_t  minDelay, maxDelay;               /* ms before the next try, doubled with each that fails, half of it is chance; 0: 500, 30000 */
    unsigned maxTries;                         /* that may fail in a row; 0: no limit */
    bool   (*waiting)(const char *channel, void *arg, int64_t delay, unsigned tries);      /* the next try is due; false: no more.  May be NULL */
    void   (*over)(const char *channel, void *arg, const char *reason);                    /* the last call but freeProc.  May be NULL */
} Ns_WebSocketLinkParams;
NS_EXTERN Ns_ConnChan *Ns_WebSocketConnectLink(Ns_Server *server, const char *url, const Ns_ConnChanConnectParams *connect,
                                               const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler,
                                               const Ns_WebSocketLinkParams *options, Tcl_DString *error);
NS_EXTERN bool Ns_WebSocketIs(Ns_ConnChan *chan);                        /* any thread */

/*
 * Any thread.  A whole message; text must be valid UTF-8 (EILSEQ).  Returns the bytes that wait in the send buffer now, or -1
 * and errno: EPIPE (closed or closing), EINVAL (no WebSocket), ENOBUFS (past maxSendBuffer with SLOW_CLOSE: the session
 * ends with 1013).  A message dropped by SLOW_DROP is counted, and no error.
 */
#define NS_WEBSOCKET_NOCOMPRESS 0x01u
#define NS_WEBSOCKET_TRUSTED    0x02u          /* the caller knows that the text is valid */
NS_EXTERN ssize_t Ns_WebSocketSend(Ns_ConnChan *chan, int type, const void *data, size_t len, unsigned flags);
/* At most 125 bytes (EMSGSIZE); returns as Send. */
NS_EXTERN ssize_t Ns_WebSocketPing(Ns_ConnChan *chan, const void *data, size_t len);
/*
 * Begin the closing handshake: what was sent before is delivered first.  code 0: none is sent; `reason` is UTF-8 of at most 123
 * bytes, with C0 80 for a NUL, and may be NULL.  False and errno: EPIPE (closed, or closing already), EINVAL (no WebSocket, bad code or reason).
 */
NS_EXTERN bool Ns_WebSocketClose(Ns_ConnChan *chan, int code, const char *reason);

/*
 * Topics, of a server.  Any thread.  What one thread publishes to the topics of a server arrives in that order; a
 * publish that follows a subscribe of the same thread reaches it.  A closed session has no topics.
 */
#define NS_WEBSOCKET_MAX_TOPIC 1024            /* bytes of a name */
/* 1: done, 0: it was so already, -1 and errno: EPIPE, EINVAL (no WebSocket, name empty or too long), ENOBUFS (maxtopics), ENOMEM (maxtopicmemory). */
NS_EXTERN int    Ns_WebSocketSubscribe(Ns_ConnChan *chan, const char *topic);
NS_EXTERN int    Ns_WebSocketUnsubscribe(Ns_ConnChan *chan, const char *topic);    /* NULL: all; how many */
/*
 * One message to all subscribers but `exclude` (may be NULL).  Returns how many of this process it goes to, or -1 and errno:
 * EINVAL (name, type), EILSEQ, ENOBUFS (maxpublish: the workers have not yet handed out what was published before).
 */
#define NS_WEBSOCKET_LOCAL 0x04u               /* stays in this process, as all do without a module that brings them to others */
NS_EXTERN ssize_t Ns_WebSocketPublish(Ns_Server *server, const char *topic, int type, const void *data, size_t len,
                                      Ns_ConnChan *exclude, unsigned flags);
/* For each topic that has subscribers and matches (NULL: all), in no order, without a lock; until proc returns false. */
NS_EXTERN void   Ns_WebSocketTopics(Ns_Server *server, const char *pattern,
                                    bool (*proc)(const char *topic, size_t subscribers, void *arg), void *arg);
/* The subscribers, each retained; ns_free the array. */
NS_EXTERN size_t Ns_WebSocketSubscribers(Ns_Server *server, const char *topic, Ns_ConnChan ***chans);

typedef enum { NS_WEBSOCKET_CONNECTING, NS_WEBSOCKET_OPEN, NS_WEBSOCKET_CLOSING, NS_WEBSOCKET_CLOSED } Ns_WebSocketState;
typedef struct Ns_WebSocketInfo {
    Ns_WebSocketState state;
    bool      client, tls, deflate;
    char     *protocol, *extensions, *path, *origin, *data;   /* "" when there is none */
    char     *topics;                          /* Tcl list */
    uint64_t  messagesIn, messagesOut, bytesIn, bytesOut;     /* bytes of payloads, before and after compression */
    uint64_t  dropped;                         /* by SLOW_DROP and SLOW_LATEST */
    size_t    waiting;                         /* in the send buffer */
    int64_t   roundTrip;                       /* microseconds, of the last ping; -1: none yet */
    int       closeCode;                       /* 0: not closed yet */
} Ns_WebSocketInfo;
NS_EXTERN bool Ns_WebSocketGetInfo(Ns_ConnChan *chan, Ns_WebSocketInfo *info);    /* any thread; false: no WebSocket */
NS_EXTERN void Ns_WebSocketInfoFree(Ns_WebSocketInfo *info);             /* what is in it */

#ifdef __cplusplus
}
#endif

#include "nsrequest.h"

#endif /* NS_H */
