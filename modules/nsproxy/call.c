/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Calling the worker of a proxy.  All of this is done by the thread that has the proxy; the pool's lock is taken for
 * what others look at.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "int.h"

/* A script that is in the log is cut after so many bytes. */
#define LOG_SCRIPT 200

static const struct {
    const char *word, *text;
} errors[] = {
    [PROXY_OK]             = {"", "no error"},
    [PROXY_E_BUSY]         = {"EBusy", "currently evaluating a script"},
    [PROXY_E_DEAD]         = {"EDead", "the worker ended before it answered"},
    [PROXY_E_DEADLOCK]     = {"EDeadlock", "allocation deadlock"},
    [PROXY_E_EVAL_TIMEOUT] = {"EEvalTimeout", "timeout waiting for evaluation"},
    [PROXY_E_EXEC]         = {"EExec", "could not start the program"},
    [PROXY_E_GET_TIMEOUT]  = {"EGetTimeout", "timeout waiting for handle"},
    [PROXY_E_IDLE]         = {"EIdle", "no script evaluating"},
    [PROXY_E_IMPORT]       = {"EImport", "what the worker sent is no result"},
    [PROXY_E_INIT]         = {"EInit", "the script for a worker failed"},
    [PROXY_E_NO_WAIT]      = {"ENoWait", "no wait for script result"},
    [PROXY_E_RANGE]        = {"ERange", "insufficient handles"},
    [PROXY_E_RECV]         = {"ERecv", "the result did not come, or not whole"},
    [PROXY_E_SEND]         = {"ESend", "the script could not be handed over"},
    [PROXY_E_SIZE]         = {"ESize", "larger than maxmessage"},
    [PROXY_E_STOP]         = {"EStop", "the server stops"},
};

const char *
ProxyErrorWord(ProxyError error)
{
    return errors[error].word;
}

void
ProxyFaultAppend(Tcl_DString *ds, ProxyError error, const ProxyFault *fault)
{
    const char *script = fault != NULL ? fault->script : NULL;

    if (error == PROXY_E_DEAD && fault != NULL && fault->pool != NULL) {
        Ns_DStringPrintf(ds, "worker %d of pool \"%s\" ended %s%s", (int)fault->pid, fault->pool,
                         script != NULL ? "during its script " : "before it answered", script != NULL ? script : "");
    } else if (error == PROXY_E_INIT && fault != NULL && script != NULL) {
        Ns_DStringPrintf(ds, "script %s of worker %d of pool \"%s\" failed", script, (int)fault->pid, fault->pool);
    } else if (error == PROXY_E_SIZE && script != NULL) {
        Ns_DStringPrintf(ds, "its script %s, or the result of that, is %s", script, errors[error].text);
    } else {
        Tcl_DStringAppend(ds, errors[error].text, -1);
    }
}

/* Milliseconds of one of the pool's times. */
static int64_t
Limit(ProxyPool *pool, const Ns_Time *time)
{
    int64_t ms;

    Ns_MutexLock(&pool->lock);
    ms = ProxyMs(time);
    Ns_MutexUnlock(&pool->lock);
    return ms;
}

static void
SetState(Proxy *proxy, ProxyState state)
{
    Ns_MutexLock(&proxy->pool->lock);
    proxy->state = state;
    Ns_MutexUnlock(&proxy->pool->lock);
}

/* ------------------------------------------------------------------------------------------------- one exchange */

/* The worker is not to be used any more. */
static void
Drop(Proxy *proxy, ProxyEnding how, ProxyFault *fault)
{
    fault->pool = proxy->pool->name;
    fault->pid = ProxyProcessPid(proxy->process);
    ProxyDiscard(proxy, how);
}

/* What an error of the connection is, which is of no use any more. */
static ProxyError
Lost(Proxy *proxy, ProxyWire wire, ProxyError otherwise, ProxyFault *fault)
{
    Drop(proxy, wire == WIRE_CLOSED ? PROXY_END_LOST : PROXY_END_BY_FORCE, fault);
    return wire == WIRE_CLOSED ? PROXY_E_DEAD : wire == WIRE_TOO_LARGE ? PROXY_E_SIZE : otherwise;
}

static ProxyError
Transmit(Proxy *proxy, const char *script, size_t len, ProxyFault *fault)
{
    ProxyPool *pool = proxy->pool;
    ProxyWire  wire = ProxyWireSend(proxy->fd, ++proxy->number, script, len, ProxyDeadline(Limit(pool, &pool->conf.sendTimeout)));

    return wire == WIRE_OK ? PROXY_OK : Lost(proxy, wire, PROXY_E_SEND, fault);
}

static ProxyError
Await(Proxy *proxy, int64_t ms, ProxyFault *fault)
{
    ProxyWire wire = ProxyWireReadable(proxy->fd, ProxyDeadline(ms));

    return wire == WIRE_OK ? PROXY_OK : wire == WIRE_TIMEOUT ? PROXY_E_EVAL_TIMEOUT
        : Lost(proxy, wire, PROXY_E_RECV, fault);
}

/* The reply to the last script.  One to a script before that is none: whatever has sent it so late cannot be trusted any more. */
static ProxyError
Receive(Proxy *proxy, Tcl_DString *payload, ProxyReply *reply, ProxyFault *fault)
{
    ProxyPool *pool = proxy->pool;
    uint32_t   number = 0;
    ProxyWire  wire = ProxyWireReceive(proxy->fd, &number, payload, pool->store->maxMessage,
                                       ProxyDeadline(Limit(pool, &pool->conf.recvTimeout)));

    if (wire != WIRE_OK) {
        return Lost(proxy, wire, PROXY_E_RECV, fault);
    }
    if (number != proxy->number || !ProxyReplyParse(Tcl_DStringValue(payload), (size_t)Tcl_DStringLength(payload), reply)) {
        Drop(proxy, PROXY_END_BY_FORCE, fault);
        return PROXY_E_IMPORT;
    }
    return PROXY_OK;
}

/* A script of the pool's own.  Whatever goes wrong, the worker is not to be used. */
static ProxyError
Run(Proxy *proxy, const char *name, const char *script, ProxyFault *fault)
{
    ProxyPool *pool = proxy->pool;
    size_t     len = strlen(script);
    ProxyError error = PROXY_OK;

    fault->script = name;
    if (len > pool->store->maxMessage) {
        Drop(proxy, PROXY_END_GENTLY, fault);
        return PROXY_E_SIZE;
    }
    error = Transmit(proxy, script, len, fault);
    if (error == PROXY_OK) {
        error = Await(proxy, Limit(pool, &pool->conf.evalTimeout), fault);
        if (error == PROXY_E_EVAL_TIMEOUT) {
            Drop(proxy, PROXY_END_BY_FORCE, fault);
        }
    }
    if (error == PROXY_OK) {
        error = Receive(proxy, &fault->payload, &fault->reply, fault);
    }
    if (error == PROXY_OK && fault->reply.code != TCL_OK) {
        Drop(proxy, PROXY_END_GENTLY, fault);
        error = PROXY_E_INIT;
    }
    if (error == PROXY_OK) {
        fault->script = NULL;
    }
    return error;
}

/* ----------------------------------------------------------------------------------------------------- the worker */

/* Its arguments say which it is, for who looks at the processes. */
static ProxyError
Start(Proxy *proxy, const ProxyConf *conf, ProxyFault *fault)
{
    ProxyPool    *pool = proxy->pool;
    char          number[16], max[32];
    char         *argv[] = {conf->exec, number, max, proxy->name, NULL};
    ProxyLaunch   launch = {.name = proxy->name, .exec = conf->exec, .argv = argv,
                            .envp = conf->env != NULL ? conf->env : pool->store->environment};
    ProxyProcess *process;
    int           fd = -1;

    if (ProxyStopping()) {
        return PROXY_E_STOP;
    }
    snprintf(number, sizeof(number), "%d", PROXY_WORKER_FD);
    snprintf(max, sizeof(max), "%zu", pool->store->maxMessage);
    process = ProxyProcessStart(&launch, &fd);
    if (process == NULL) {
        fault->sysError = errno;
        Tcl_DStringSetLength(&fault->payload, 0);
        Tcl_DStringAppend(&fault->payload, conf->exec, -1);
        return fault->sysError == ESHUTDOWN ? PROXY_E_STOP : PROXY_E_EXEC;
    }
    Ns_MutexLock(&pool->lock);
    proxy->process = process;
    proxy->fd = fd;
    proxy->fresh = true;
    proxy->runs = 0;
    Ns_GetTime(&proxy->created);
    Ns_MutexUnlock(&pool->lock);
    return PROXY_OK;
}

/* Idle, it has nothing to say: what can be read there is its end, or nothing to be trusted. */
static bool
CanBeCalled(Proxy *proxy)
{
    return proxy->process != NULL && ProxyProcessLives(proxy->process)
        && ProxyWireReadable(proxy->fd, ProxyNow()) == WIRE_TIMEOUT;
}

ProxyError
ProxyPrepare(Proxy *proxy, bool again, ProxyFault *fault)
{
    ProxyConf  conf;
    ProxyError error = PROXY_OK;

    if (CanBeCalled(proxy)) {
        if (!again || proxy->fresh) {
            return PROXY_OK;
        }
        ProxyPoolGetConf(proxy->pool, &conf);
        if (*conf.reinit != '\0') {
            error = Run(proxy, "reinit", conf.reinit, fault);
        }
    } else {
        ProxyDiscard(proxy, PROXY_END_LOST);
        ProxyPoolGetConf(proxy->pool, &conf);
        error = Start(proxy, &conf, fault);
        if (error == PROXY_OK && *conf.init != '\0') {
            error = Run(proxy, "init", conf.init, fault);
        }
    }
    ProxyConfFree(&conf);
    return error;
}

/* ----------------------------------------------------------------------------------------------------- the caller's */

ProxyError
ProxySend(Proxy *proxy, const char *script, size_t len, ProxyFault *fault)
{
    ProxyPool *pool = proxy->pool;
    ProxyError error;

    assert(proxy->magic == PROXY_MAGIC);
    if (proxy->state != PROXY_IDLE) {
        return PROXY_E_BUSY;
    }
    if (len > pool->store->maxMessage) {
        return PROXY_E_SIZE;
    }
    error = ProxyPrepare(proxy, false, fault);
    if (error != PROXY_OK) {
        return error;
    }
    /* Others see it from its first byte on. */
    Ns_MutexLock(&pool->lock);
    Tcl_DStringSetLength(&proxy->script, 0);
    Tcl_DStringAppend(&proxy->script, script, (int)len);
    proxy->state = PROXY_BUSY;
    proxy->runs++;
    pool->requests++;
    Ns_GetTime(&proxy->started);
    proxy->startedAt = ProxyNow();
    Ns_MutexUnlock(&pool->lock);
    return Transmit(proxy, script, len, fault);
}

ProxyError
ProxyWait(Proxy *proxy, const Ns_Time *timeout, ProxyFault *fault)
{
    ProxyPool *pool = proxy->pool;
    ProxyError error;

    assert(proxy->magic == PROXY_MAGIC);
    if (proxy->state == PROXY_IDLE) {
        return PROXY_E_IDLE;
    }
    error = Await(proxy, timeout != NULL ? ProxyMs(timeout) : Limit(pool, &pool->conf.evalTimeout), fault);
    if (error == PROXY_OK) {
        SetState(proxy, PROXY_DONE);
    }
    return error;
}

/* The first of its characters, as text; the pool's lock is held. */
static void
AppendScript(Tcl_DString *ds, const Tcl_DString *script)
{
    const char *bytes = Tcl_DStringValue(script);
    size_t      len = (size_t)Tcl_DStringLength(script), cut = len;

    if (len > LOG_SCRIPT) {
        for (cut = LOG_SCRIPT; cut > 0 && ((unsigned char)bytes[cut] & 0xc0) == 0x80; cut--) {
            continue;
        }
    }
    Ns_TextAppendIn(ds, bytes, cut);
    Tcl_DStringAppend(ds, cut < len ? "..." : "", -1);
}

/* The script is over: it is counted, and in the log if it took long. */
static void
Finish(Proxy *proxy)
{
    ProxyPool  *pool = proxy->pool;
    Tcl_DString script;
    int64_t     took, limit;

    Tcl_DStringInit(&script);
    Ns_MutexLock(&pool->lock);
    took = ProxyNow() - proxy->startedAt;
    limit = ProxyMs(&pool->conf.logMinDuration);
    pool->runtime += took;
    if (limit > 0 && took >= limit) {
        AppendScript(&script, &proxy->script);
    }
    proxy->state = PROXY_IDLE;
    Tcl_DStringFree(&proxy->script);
    Ns_MutexUnlock(&pool->lock);
    if (limit > 0 && took >= limit) {
        Ns_Log(Notice, "nsproxy: %s took %lld ms for: %s", proxy->name, (long long)took,
               Tcl_DStringValue(&script));
    }
    Tcl_DStringFree(&script);
}

ProxyError
ProxyRecv(Proxy *proxy, Tcl_DString *payload, ProxyReply *reply, ProxyFault *fault)
{
    ProxyError error;

    assert(proxy->magic == PROXY_MAGIC);
    if (proxy->state == PROXY_IDLE) {
        return PROXY_E_IDLE;
    }
    if (proxy->state == PROXY_BUSY) {
        return PROXY_E_NO_WAIT;
    }
    error = Receive(proxy, payload, reply, fault);
    if (error == PROXY_OK) {
        Finish(proxy);
    }
    return error;
}

ProxyError
ProxyPing(Proxy *proxy, ProxyFault *fault)
{
    ProxyError error;

    assert(proxy->magic == PROXY_MAGIC);
    if (proxy->state != PROXY_IDLE) {
        return PROXY_E_BUSY;
    }
    error = ProxyPrepare(proxy, false, fault);
    return error == PROXY_OK ? Run(proxy, NULL, "", fault) : error;
}
