/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Answers in NaviServer's older ways (nsrequest.h): pieces of a stream, heads by themselves, notices.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "request/connio.h"

#define PIECE 16384

/* --------------------------------------------------------------------------------------------------------- pieces */

Ns_ReturnCode
Ns_WriteConn(Ns_Conn *conn, const char *buf, size_t toWrite)
{
    return Ns_ConnWriteData(conn, buf, toWrite, NS_CONN_STREAM);
}

Ns_ReturnCode
Ns_WriteCharConn(Ns_Conn *conn, const char *buf, size_t toWrite)
{
    return Ns_ConnWriteChars(conn, buf, toWrite, NS_CONN_STREAM);
}

int
Ns_ConnWrite(Ns_Conn *conn, const void *buf, size_t toWrite)
{
    return toWrite <= (size_t)INT_MAX && Ns_WriteConn(conn, buf, toWrite) == NS_OK ? (int)toWrite : -1;
}

Ns_ReturnCode
Ns_ConnPuts(Ns_Conn *conn, const char *s)
{
    return Ns_WriteConn(conn, s, strlen(s));
}

Ns_ReturnCode
Ns_ConnSendDString(Ns_Conn *conn, const Tcl_DString *dsPtr)
{
    return Ns_WriteConn(conn, Tcl_DStringValue(dsPtr), (size_t)Tcl_DStringLength(dsPtr));
}

ssize_t
Ns_ConnSend(Ns_Conn *conn, struct iovec *bufs, int nbufs)
{
    size_t total = 0;

    for (int i = 0; i < nbufs; i++) {
        total += bufs[i].iov_len;
    }
    return NsConnSendRaw(NsConnOf(conn), bufs, nbufs) == NS_OK ? (ssize_t)total : -1;
}

/* Nothing at all is an answer, too: the head goes out. */
static Ns_ReturnCode
SendNothing(Ns_Conn *conn)
{
    return (conn->flags & NS_CONN_SENTHDRS) == 0u ? NsConnSend(NsConnOf(conn), NULL, 0, NS_CONN_STREAM) : NS_OK;
}

/* Until so many bytes were sent, or (negative) there are no more; fewer are an error. */
static Ns_ReturnCode
SendRead(Ns_Conn *conn, ssize_t nsend, ssize_t (*proc)(void *arg, char *buffer, size_t size), void *arg)
{
    Ns_ReturnCode status = NS_OK;
    char          buffer[PIECE];
    ssize_t       n = 1;
    bool          sent = false;

    while (status == NS_OK && nsend != 0 && n > 0) {
        n = proc(arg, buffer, nsend > 0 && nsend < PIECE ? (size_t)nsend : PIECE);
        if (n > 0) {
            status = Ns_WriteConn(conn, buffer, (size_t)n);
            nsend -= nsend > 0 ? n : 0;
            sent = true;
        }
    }
    if (status == NS_OK && n >= 0 && nsend <= 0 && !sent) {
        status = SendNothing(conn);
    }
    return status == NS_OK && n >= 0 && nsend <= 0 ? NS_OK : NS_ERROR;
}

static ssize_t
ReadFd(void *arg, char *buffer, size_t size)
{
    return ns_read(*(int *)arg, buffer, size);
}

static ssize_t
ReadChannel(void *arg, char *buffer, size_t size)
{
    return Tcl_Read(arg, buffer, (int)size);
}

/* From where the descriptor is, which is moved on. */
static Ns_ReturnCode
SendFile(Ns_Conn *conn, int fd, off_t offset, size_t len)
{
    int           copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    Ns_ReturnCode status;

    if (copy < 0) {
        Ns_Log(Error, "%s: cannot duplicate a file descriptor: %s", conn->request.url, strerror(errno));
        return NS_ERROR;
    }
    status = NsConnSendFile(NsConnOf(conn), copy, offset, len);
    (void)lseek(fd, offset + (off_t)len, SEEK_SET);
    return status;
}

Ns_ReturnCode
Ns_ConnSendFd(Ns_Conn *conn, int fd, ssize_t nsend)
{
    off_t       offset = lseek(fd, 0, SEEK_CUR);
    struct stat st;
    off_t       left;

    if (offset == (off_t)-1 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return SendRead(conn, nsend, ReadFd, &fd);
    }
    left = st.st_size > offset ? st.st_size - offset : 0;
    if (nsend > left) {
        return NS_ERROR;
    }
    return nsend == 0 || left == 0 ? SendNothing(conn) : SendFile(conn, fd, offset, nsend < 0 ? (size_t)left : (size_t)nsend);
}

/* stdio may have read ahead. */
Ns_ReturnCode
Ns_ConnSendFp(Ns_Conn *conn, FILE *fp, ssize_t nsend)
{
    off_t         at = ftello(fp);
    Ns_ReturnCode status;

    if (at != -1) {
        (void)lseek(fileno(fp), at, SEEK_SET);
    }
    status = Ns_ConnSendFd(conn, fileno(fp), nsend);
    if (at != -1) {
        (void)fseeko(fp, lseek(fileno(fp), 0, SEEK_CUR), SEEK_SET);
    }
    return status;
}

Ns_ReturnCode
Ns_ConnSendChannel(Ns_Conn *conn, Tcl_Channel chan, ssize_t nsend)
{
    return SendRead(conn, nsend, ReadChannel, chan);
}

/* ---------------------------------------------------------------------------------------------------------- heads */

bool
Ns_CompleteHeaders(Ns_Conn *conn, size_t dataLength, unsigned int flags, Tcl_DString *dsPtr)
{
    return NsConnHead(NsConnOf(conn), dataLength, flags, true, dsPtr);
}

void
Ns_ConnConstructHeaders(const Ns_Conn *conn, Tcl_DString *dsPtr)
{
    (void)NsConnHead(NsConnOf(ns_const2voidp(conn)), 0, NS_CONN_STREAM, false, dsPtr);
}

void
Ns_ConnQueueHeaders(Ns_Conn *conn, int status)
{
    Ns_ConnSetResponseStatus(conn, status);
}

size_t
Ns_ConnFlushHeaders(Ns_Conn *conn, int status)
{
    NsConn *self = NsConnOf(conn);

    if ((conn->flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) == 0u) {
        Ns_ConnSetResponseStatus(conn, status);
        (void)NsConnSend(self, NULL, 0, NS_CONN_STREAM);
    }
    return self->headSent;
}

void
Ns_ConnCondSetHeadersSz(const Ns_Conn *conn, const char *field, TCL_SIZE_T fieldLength, const char *value,
                        TCL_SIZE_T valueLength)
{
    char *name = ns_strncopy(field, fieldLength);

    if (Ns_SetIFind(conn->outputheaders, name) < 0) {
        Ns_ConnSetHeadersSz(conn, field, fieldLength, value, valueLength);
    }
    ns_free(name);
}

void
Ns_ConnSetExpiresHeader(const Ns_Conn *conn, const char *expires)
{
    Ns_ConnUpdateHeaders(conn, "expires", expires);
}

void
Ns_ConnSetRequiredHeaders(Ns_Conn *conn, const char *mimeType, size_t length)
{
    Ns_ConnSetTypeHeader(conn, mimeType);
    Ns_ConnSetLengthHeader(conn, length, false);
}

/* -------------------------------------------------------------------------------------------------------- notices */

Ns_ReturnCode
Ns_ConnReturnAdminNotice(Ns_Conn *conn, int status, const char *title, const char *notice)
{
    return Ns_ConnReturnNotice(conn, status, title, notice);
}

Ns_ReturnCode
Ns_ConnTryReturnInternalError(Ns_Conn *conn, Ns_ReturnCode status, const char *causeString)
{
    if (NsConnWriteRefusal(NsConnOf(conn)) != NULL || (conn->flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) != 0u) {
        Ns_Log(Warning, "%s %s: %s, after the answer has begun", conn->request.method, conn->request.url, causeString);
        return status;
    }
    Ns_Log(Error, "%s %s: %s, answered with 500", conn->request.method, conn->request.url, causeString);
    return Ns_ConnReturnInternalError(conn);
}
