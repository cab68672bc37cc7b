/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The dialogue with an SMTP server.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "base/text.h"
#include "client/http.h"
#include "client/smtp.h"
#include "net/addr.h"
#include "net/connector.h"
#include "net/network.h"

#define MAX_LINE  2048                         /* of a reply; RFC 5321 has 512 */
#define MAX_LINES 200                          /* of one reply */

enum { STARTTLS = 1, AUTH_PLAIN = 2, AUTH_LOGIN = 4, SMTPUTF8 = 8, EIGHTBIT = 16 };       /* what the server offers */

typedef struct Dialogue {
    const NsSmtpMessage *message;
    Tcl_DString         *error;
    Ns_Wire              sock;
    bool                 secure;
    unsigned             offers;
    int64_t              due;                  /* of the step under way, however slowly its bytes come */
    char                 in[4096];             /* not looked at yet: in[start .. end) */
    size_t               start, end;
    char                 line[MAX_LINE];       /* the last one of the last reply */
} Dialogue;

/* -------------------------------------------------------------------------------------------------------------- errors */

/* `reason`: bytes, as they are on the wire. */
static bool
Fail(Dialogue *d, const char *what, const char *reason)
{
    Tcl_DStringAppend(d->error, what, -1);
    NsTextAppendIn(d->error, reason, strlen(reason));
    return false;
}

/* What it refuses, and the server's words: bytes, both. */
static bool
Refused(Dialogue *d, const char *what)
{
    NsTextAppendIn(d->error, what, strlen(what));
    return Fail(d, ": ", d->line);
}

static void
Note(const Dialogue *d, const char *who, const char *line)
{
    if (d->message->log) {
        Tcl_DString text;

        Tcl_DStringInit(&text);
        NsTextAppendIn(&text, line, strcspn(line, "\r\n"));
        Ns_Log(Notice, "smtp %s: %s %s", d->message->host, who, Tcl_DStringValue(&text));
        Tcl_DStringFree(&text);
    }
}

/* ------------------------------------------------------------------------------------------------------ bytes and lines */

static void
BeginStep(Dialogue *d)
{
    d->due = NsLoopClock() + Ns_TimeToMilliseconds(&d->message->timeout);
}

/* The last call gave EAGAIN. */
static bool
Await(Dialogue *d, unsigned what)
{
    struct pollfd pfd = {.fd = d->sock.sock,
                         .events = (short)(((what & NS_SOCK_READ) != 0u ? POLLIN : 0) | ((what & NS_SOCK_WRITE) != 0u ? POLLOUT : 0))};
    int           ready;

    do {
        int64_t left = d->due - NsLoopClock();

        ready = poll(&pfd, 1, left > 0 ? (int)(left > INT32_MAX ? INT32_MAX : left) : 0);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 || Fail(d, "timeout while waiting for the mail server", "");
}

static bool
SendBytes(Dialogue *d, const char *bytes, size_t len)
{
    BeginStep(d);
    while (len > 0) {
        struct iovec iov = {(char *)bytes, len};
        ssize_t      n = d->sock.transport->send(&d->sock, &iov, 1);

        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!Await(d, d->sock.waitSend != 0u ? d->sock.waitSend : NS_SOCK_WRITE)) {
                return false;
            }
        } else {
            return Fail(d, "the mail server has closed the connection", "");
        }
    }
    return true;
}

static bool
Fill(Dialogue *d)
{
    ssize_t n;

    d->start = d->end = 0;
    while ((n = d->sock.transport->recv(&d->sock, d->in, sizeof(d->in))) < 0 && errno == EAGAIN) {
        if (!Await(d, d->sock.waitRecv != 0u ? d->sock.waitRecv : NS_SOCK_READ)) {
            return false;
        }
    }
    d->end = n > 0 ? (size_t)n : 0;
    return n > 0 || Fail(d, "the mail server has closed the connection", "");
}

static bool
ReadLine(Dialogue *d)
{
    size_t len = 0;
    char   c = '\0';

    while (c != '\n') {
        if (d->start == d->end && !Fill(d)) {
            return false;
        }
        c = d->in[d->start++];
        if (len + 1 == sizeof(d->line)) {
            return Fail(d, "the mail server sends endless lines", "");
        }
        d->line[len++] = c;
    }
    while (len > 0 && (d->line[len - 1] == '\n' || d->line[len - 1] == '\r')) {
        len--;
    }
    d->line[len] = '\0';
    Note(d, "<", d->line);
    return true;
}

static void
NoteOffer(Dialogue *d)
{
    const char *offer = d->line + 4;

    if (strcasecmp(offer, "STARTTLS") == 0) {
        d->offers |= STARTTLS;
    } else if (strcasecmp(offer, "SMTPUTF8") == 0) {
        d->offers |= SMTPUTF8;
    } else if (strcasecmp(offer, "8BITMIME") == 0) {
        d->offers |= EIGHTBIT;
    } else if (strncasecmp(offer, "AUTH ", 5) == 0) {
        d->offers |= (strcasestr(offer, " PLAIN") != NULL ? AUTH_PLAIN : 0u) | (strcasestr(offer, " LOGIN") != NULL ? AUTH_LOGIN : 0u);
    }
}

/* The code of a reply, whose last line stays in d->line; 0: there is none, and the error says why. */
static int
ReadReply(Dialogue *d)
{
    BeginStep(d);
    for (int i = 0; i < MAX_LINES; i++) {
        if (!ReadLine(d)) {
            return 0;
        }
        if (strspn(d->line, "0123456789") != 3 || (d->line[3] != ' ' && d->line[3] != '-' && d->line[3] != '\0')) {
            (void)Refused(d, "this is no mail server");
            return 0;
        }
        if (i > 0 && d->line[3] != '\0') {
            NoteOffer(d);
        }
        if (d->line[3] != '-') {
            return (d->line[0] - '0') * 100 + (d->line[1] - '0') * 10 + (d->line[2] - '0');
        }
    }
    (void)Fail(d, "the mail server's reply has no end", "");
    return 0;
}

/* Send a line and read the reply, whose code must begin with `digit`. */
static bool
Ask(Dialogue *d, const char *verb, const char *argument, const char *end, int digit)
{
    Tcl_DString line;
    bool        fine;
    int         code;

    Tcl_DStringInit(&line);
    Tcl_DStringAppend(&line, verb, -1);
    Tcl_DStringAppend(&line, argument, -1);
    Tcl_DStringAppend(&line, end, -1);
    Note(d, ">", Tcl_DStringValue(&line));
    Tcl_DStringAppend(&line, "\r\n", 2);
    fine = SendBytes(d, Tcl_DStringValue(&line), (size_t)Tcl_DStringLength(&line)) && (code = ReadReply(d)) != 0
        && (code / 100 == digit || Refused(d, *argument != '\0' ? argument : *verb == '.' ? "the message" : verb));
    Tcl_DStringFree(&line);
    return fine;
}

/* ------------------------------------------------------------------------------------------------------- beginning, TLS */

static bool
Connect(Dialogue *d)
{
    const NsSmtpMessage *message = d->message;
    NsConnectorParams    params = {.host = message->host, .port = message->port,
                                   .tls = message->security == NS_SMTP_TLS_ON ? message->tls : NULL, .hostname = message->host,
                                   .deadline = NsLoopClock() + Ns_TimeToMilliseconds(&message->timeout)};
    NsConnectPhase       phase;
    Tcl_DString          reason;
    bool                 connected;

    Tcl_DStringInit(&reason);
    connected = NsConnectorWait(&params, &d->sock, &phase, &reason);
    if (!connected) {
        char port[32];

        snprintf(port, sizeof(port), " port %d: ", message->port);
        (void)Fail(d, "can't connect to mail server ", message->host);
        (void)Fail(d, port, Tcl_DStringValue(&reason));
    }
    Tcl_DStringFree(&reason);
    d->secure = connected && params.tls != NULL;
    return connected;
}

static bool
Hello(Dialogue *d)
{
    d->offers = 0u;
    return Ask(d, "EHLO ", d->message->hello, "", 2);
}

/* What was sent before the handshake must not be taken for what is said behind it. */
static bool
StartTls(Dialogue *d)
{
    unsigned      waitFor;
    Ns_ReturnCode status;
    Tcl_DString   reason;

    if (!Ask(d, "STARTTLS", "", "", 2)) {
        return false;
    }
    if (d->start != d->end) {
        return Fail(d, "the mail server sends more before TLS than it should", "");
    }
    BeginStep(d);
    Tcl_DStringInit(&reason);
    status = Ns_TlsAttachClient(&d->sock, d->message->tls, d->message->host, &reason);
    if (status == NS_OK) {
        while ((status = d->sock.transport->handshake(&d->sock, &waitFor, &reason)) == NS_CONTINUE && Await(d, waitFor)) {
            ;
        }
    }
    if (status == NS_ERROR) {
        (void)Fail(d, "TLS handshake with the mail server failed: ", Tcl_DStringValue(&reason));
    }
    Tcl_DStringFree(&reason);
    d->secure = status == NS_OK;
    return d->secure && Hello(d);
}

static bool
Secure(Dialogue *d)
{
    NsSmtpTls security = d->message->security;

    if (d->secure || security == NS_SMTP_TLS_OFF || (security == NS_SMTP_TLS_AUTO && (d->offers & STARTTLS) == 0u)) {
        return true;
    }
    if ((d->offers & STARTTLS) == 0u) {
        return Fail(d, "the mail server does not offer STARTTLS", "");
    }
    return StartTls(d);
}

/* ------------------------------------------------------------------------------------------------- name and password */

static void
Encode(Tcl_DString *ds, const char *bytes, size_t len)
{
    Tcl_DStringSetLength(ds, (int)((len + 2) / 3 * 4));
    (void)EVP_EncodeBlock((unsigned char *)Tcl_DStringValue(ds), (const unsigned char *)bytes, (int)len);
}

static void
Wipe(Tcl_DString *ds)
{
    OPENSSL_cleanse(Tcl_DStringValue(ds), (size_t)Tcl_DStringLength(ds));
    Tcl_DStringFree(ds);
}

/* A line that the log does not get. */
static bool
Whisper(Dialogue *d, const char *bytes, size_t len, int digit)
{
    Tcl_DString line;
    bool        fine;
    int         code;

    Tcl_DStringInit(&line);
    Encode(&line, bytes, len);
    Note(d, ">", "(secret)");
    fine = SendBytes(d, Tcl_DStringValue(&line), (size_t)Tcl_DStringLength(&line)) && SendBytes(d, "\r\n", 2)
        && (code = ReadReply(d)) != 0 && (code / 100 == digit || Refused(d, "the mail server does not accept name and password"));
    Wipe(&line);
    return fine;
}

static bool
AuthPlain(Dialogue *d)
{
    Tcl_DString words;
    bool        fine;

    /* Room for all of it at once: nothing is left behind where it grew. */
    Tcl_DStringInit(&words);
    Tcl_DStringSetLength(&words, (int)(strlen(d->message->user) + strlen(d->message->password)) + 2);
    Tcl_DStringSetLength(&words, 0);
    Tcl_DStringAppend(&words, "\0", 1);
    Tcl_DStringAppend(&words, d->message->user, -1);
    Tcl_DStringAppend(&words, "\0", 1);
    Tcl_DStringAppend(&words, d->message->password, -1);
    fine = Ask(d, "AUTH PLAIN", "", "", 3) && Whisper(d, Tcl_DStringValue(&words), (size_t)Tcl_DStringLength(&words), 2);
    Wipe(&words);
    return fine;
}

static bool
AuthLogin(Dialogue *d)
{
    return Ask(d, "AUTH LOGIN", "", "", 3) && Whisper(d, d->message->user, strlen(d->message->user), 3)
        && Whisper(d, d->message->password, strlen(d->message->password), 2);
}

/* Not what its name says: whom we are connected to. */
static bool
IsThisMachine(const Dialogue *d)
{
    NsSockAddr addr = {.len = sizeof(addr.u)};
    NsIp       ip;

    return getpeername(d->sock.sock, &addr.u.sa, &addr.len) == 0 && NsIpOfSockaddr(&addr.u.sa, &ip) && NsIpIsLoopback(&ip);
}

static bool
Authenticate(Dialogue *d)
{
    const NsSmtpMessage *message = d->message;
    bool                 login = strcasecmp(message->mechanism, "LOGIN") == 0;

    if (message->user == NULL || *message->user == '\0') {
        return true;
    }
    if (!d->secure && message->security != NS_SMTP_TLS_OFF && !IsThisMachine(d)) {
        return Fail(d, "the mail server offers no TLS, and a password is not sent without: see smtptls", "");
    }
    if ((d->offers & (login ? AUTH_LOGIN : AUTH_PLAIN)) == 0u) {
        return Fail(d, "the mail server does not offer the way to log in that is wanted: ", message->mechanism);
    }
    return login ? AuthLogin(d) : AuthPlain(d);
}

/* -------------------------------------------------------------------------------------------------------- the message */

static bool
IsAscii(const char *bytes)
{
    while (*bytes != '\0' && (*bytes & 0x80) == 0) {
        bytes++;
    }
    return *bytes == '\0';
}

static bool
AddressValid(Dialogue *d, const char *address)
{
    if (strpbrk(address, "\r\n<> \t") != NULL) {
        return Fail(d, "invalid mail address: ", address);
    }
    return IsAscii(address) || (d->offers & SMTPUTF8) != 0u
        || Fail(d, "the mail server does not take addresses that are no ASCII: ", address);
}

static bool
Envelope(Dialogue *d)
{
    const NsSmtpMessage *message = d->message;
    bool                 utf8 = !IsAscii(message->from);

    for (int i = 0; i < message->recipientCount; i++) {
        utf8 = utf8 || !IsAscii(message->recipients[i]);
        if (!AddressValid(d, message->recipients[i])) {
            return false;
        }
    }
    if (!AddressValid(d, message->from) || !Ask(d, "MAIL FROM:<", message->from, utf8 ? "> SMTPUTF8" : ">", 2)) {
        return false;
    }
    for (int i = 0; i < message->recipientCount; i++) {
        if (!Ask(d, "RCPT TO:<", message->recipients[i], ">", 2)) {
            return false;
        }
    }
    return true;
}

/* Lines end with CRLF, and one that begins with a dot gets another (RFC 5321, 4.5.2). */
static bool
SendData(Dialogue *d)
{
    const char *at = d->message->data, *end = at + d->message->len;
    Tcl_DString out;
    bool        fine = true;

    Tcl_DStringInit(&out);
    while (at < end && fine) {
        const char *eol = memchr(at, '\n', (size_t)(end - at)), *next = eol != NULL ? eol + 1 : end;
        size_t      len = (size_t)((eol != NULL ? eol : end) - at);

        len -= len > 0 && at[len - 1] == '\r' ? 1 : 0;
        Tcl_DStringAppend(&out, ".", *at == '.' ? 1 : 0);
        Tcl_DStringAppend(&out, at, (int)len);
        Tcl_DStringAppend(&out, "\r\n", 2);
        if (Tcl_DStringLength(&out) > 32768 || next == end) {
            fine = SendBytes(d, Tcl_DStringValue(&out), (size_t)Tcl_DStringLength(&out));
            Tcl_DStringSetLength(&out, 0);
        }
        at = next;
    }
    Tcl_DStringFree(&out);
    return fine;
}

bool
NsSmtpSend(const NsSmtpMessage *message, Tcl_DString *error)
{
    Dialogue *d = ns_calloc(1, sizeof(*d));
    bool      sent = false;
    int       code;

    d->message = message;
    d->error = error;
    d->sock.sock = NS_INVALID_SOCKET;
    if (Connect(d) && (code = ReadReply(d)) != 0 && (code / 100 == 2 || Refused(d, "the mail server refuses")) && Hello(d) && Secure(d)
        && Authenticate(d) && Envelope(d) && Ask(d, "DATA", "", "", 3) && SendData(d) && Ask(d, ".", "", "", 2)) {
        sent = true;
        (void)SendBytes(d, "QUIT\r\n", 6);     /* it is delivered, whatever comes of this */
        Tcl_DStringSetLength(error, 0);
    }
    if (d->sock.sock != NS_INVALID_SOCKET) {
        NsHttpSockClose(&d->sock);
    }
    ns_free(d);
    return sent;
}
