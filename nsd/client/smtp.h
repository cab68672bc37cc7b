/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A message to an SMTP server (RFC 5321), with TLS from the start or by STARTTLS (RFC 3207), and a name and password (RFC 4954).
 */
#ifndef NSD_CLIENT_SMTP_H
#define NSD_CLIENT_SMTP_H

#include "ns.h"

typedef enum {
    NS_SMTP_TLS_AUTO,                          /* STARTTLS where the server offers it; a password is never sent without, but to this machine */
    NS_SMTP_TLS_OFF,
    NS_SMTP_TLS_STARTTLS,                      /* or an error */
    NS_SMTP_TLS_ON                             /* from the start */
} NsSmtpTls;

typedef struct NsSmtpMessage {
    const char    *host;                       /* name or address */
    unsigned short port;
    NsSmtpTls      security;
    Ns_TlsCtx     *tls;                        /* a client's; may be NULL with NS_SMTP_TLS_OFF alone */
    const char    *hello;                      /* our name */
    const char    *user, *password;            /* NULL: none */
    const char    *mechanism;                  /* PLAIN or LOGIN */
    const char    *from;                       /* addresses without brackets: bytes for the wire */
    const char *const *recipients;
    int            recipientCount;
    const char    *data;                       /* head and body; lines end with LF or CRLF */
    size_t         len;
    Ns_Time        timeout;                    /* for each step: a reply, 32 kB of the message, a handshake */
    bool           log;                        /* the dialogue, without the password, as notices */
} NsSmtpMessage;

/*
 * Any thread that may wait.  True: the server has taken it for all recipients.  Else `error` has the words, the server's where it was
 * the server, and nobody gets it.
 */
bool NsSmtpSend(const NsSmtpMessage *message, Tcl_DString *error);

#endif
