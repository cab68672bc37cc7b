# SPDX-License-Identifier: MPL-2.0
"""A mail server for mail.test: prints its port, then a line of JSON for each mail, read by Python's own parser.

    python3 tests/smtp-peer.py CERTIFICATE ?WORD ...?

Words: starttls (offered), tls (from the start), plain, login (ways to log in, user "me", password "s3cret, \u00e4"), utf8 (SMTPUTF8), chatter
(says more before TLS than it may), refuse=ADDRESS, full (refuses the message), mute (says nothing), drip (its greeting never ends, and its bytes come slowly), babble (is no mail server).
Ends with its standard input.
"""
import base64
import email
import email.policy
import json
import socket
import ssl
import sys
import threading
import time

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
words = sys.argv[2:]
refused = [word[7:] for word in words if word.startswith("refuse=")]


def told(data):
    mail = email.message_from_bytes(data, policy=email.policy.SMTP)
    files = [[part.get_filename(), part.get_content_type(), part.get_payload(decode=True).decode("latin-1")] for part in mail.iter_attachments()]
    body = mail.get_body(("plain", "html"))
    return {"headers": {name.lower(): str(value) for name, value in mail.items()}, "type": body.get_content_type() if body else "",
            "body": body.get_content().replace("\r\n", "\n") if body else "", "files": files, "longest": max(len(line) for line in data.split(b"\r\n"))}


class Session:
    def __init__(self, sock):
        self.sock, self.secure, self.user = sock, False, ""
        if "tls" in words:
            self.secure = self.wrap()
        self.file = self.sock.makefile("rb")

    def wrap(self):
        self.sock = context.wrap_socket(self.sock, server_side=True)
        return True

    def say(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def hello(self):
        offers = ["8BITMIME"] + ["SMTPUTF8"] * ("utf8" in words) + ["STARTTLS"] * ("starttls" in words and not self.secure)
        ways = [way.upper() for way in ("plain", "login") if way in words]
        offers += ["AUTH " + " ".join(ways)] * bool(ways)
        for offer in ["peer"] + offers[:-1]:
            self.say("250-" + offer)
        self.say("250 " + offers[-1])

    def login(self, way):
        def secret():
            return base64.b64decode(self.line()).decode()
        if way == "PLAIN":
            self.say("334 ")
            _, user, password = secret().split("\0")
        else:
            self.say("334 VXNlcm5hbWU6")
            user = secret()
            self.say("334 UGFzc3dvcmQ6")
            password = secret()
        if (user, password) == ("me", "s3cret, \u00e4"):
            self.user = user
            self.say("235 welcome")
        else:
            self.say("535 5.7.8 not you")

    def data(self):
        self.say("354 go on")
        data = b""
        while (line := self.file.readline()) not in (b".\r\n", b""):
            data += line[1:] if line.startswith(b".") else line
        if "full" in words:
            self.say("552 5.2.2 no room for it")
            return
        self.say("250 taken")
        print(json.dumps(dict(told(data), sender=self.sender, recipients=self.recipients, secure=self.secure, user=self.user)), flush=True)

    def run(self):
        if "mute" in words:
            self.file.read()
            return
        if "drip" in words:
            while True:
                self.sock.sendall(b"2")
                time.sleep(0.1)
        if "babble" in words:
            self.say("HTTP/1.1 400 what?")
            return
        self.say("220 peer")
        while command := self.line():
            verb = command.upper()
            if verb.startswith("EHLO"):
                self.hello()
            elif verb == "STARTTLS":
                self.say("220 do" + ("\r\n250 as if it came later" if "chatter" in words else ""))
                self.secure = self.wrap()
                self.file = self.sock.makefile("rb")
            elif verb.startswith("AUTH "):
                self.login(verb[5:])
            elif verb.startswith("MAIL FROM:"):
                self.sender, self.recipients = command[11:].split(">")[0], []
                self.say("250 yes")
            elif verb.startswith("RCPT TO:"):
                address = command[9:].split(">")[0]
                if address in refused:
                    self.say("550 5.1.1 nobody of that name")
                else:
                    self.recipients.append(address)
                    self.say("250 yes")
            elif verb == "DATA":
                self.data()
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("500 what?")


def serve(sock):
    try:
        Session(sock).run()
    except (OSError, ValueError):
        pass
    sock.close()


def accept(listener):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
sys.stdin.read()
