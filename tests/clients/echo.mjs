// SPDX-License-Identifier: MPL-2.0
// npm's ws and nsd, which echoes; closes with "N passed, N failed".  NODE_MODULES says where ws is.
//   echo.mjs ?--deflate? ?--large? URL
//   echo.mjs --deflate --serve ws|wss PORT CAFILE CERT KEY      it is the server, to which nsd (control at PORT) connects
import { createRequire } from "node:module";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
const WebSocket = createRequire(`${process.env.NODE_MODULES}/`)("ws");

const words = process.argv.slice(2);
const deflates = words[0] === "--deflate" && Boolean(words.shift());
const large = words[0] === "--large" && Boolean(words.shift());
const serve = words[0] === "--serve" && words.shift() ? words.shift() : null;
const url = serve ? null : words[0];
const sizes = [0, 1, 2, 125, 126, 127, 1000, 65535, 65536, 65537, 131072, 300000, 1 << 20];
if (large) sizes.push(16 << 20);
const timeout = 60_000 * Number(process.env.TIMES || 1);
let passed = 0, failed = 0;

function check(name, condition, detail = "") {
    if (condition) passed++;
    else { failed++; console.log(`FAIL ws ${url ?? `server ${serve}`} ${name} ${detail}`); }
}
function within(promise, what) {
    let timer;
    const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`timed out: ${what}`)), timeout); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
// Events of a session are taken one after the other.
function queued(ws) {
    const queue = [], waiting = [];
    const give = (item) => (waiting.length ? waiting.shift()(item) : queue.push(item));
    ws.on("message", (data, binary) => give({ data, binary }));
    ws.on("close", (code, reason) => give({ closed: code, reason: reason.toString() }));
    ws.on("error", (error) => give({ error }));
    ws.next = () => within(queue.length ? Promise.resolve(queue.shift()) : new Promise((done) => waiting.push(done)), "an event");
    return ws;
}
// What nsd's control says (tests/conformance/procs/conform.tcl).
async function control(path, query) {
    const answer = await fetch(`http://127.0.0.1:${words[0]}${path}?${new URLSearchParams(query)}`);
    return (await answer.text()).split("\n");
}
const perMessage = (deflate) => deflate ?? false;

// An open session, whoever opened it.  `options`: for nsd's side, when that is the client.
async function open({ deflate, protocols, options = "" } = {}) {
    if (!serve) {
        const ws = queued(new WebSocket(url, protocols ?? [], { handshakeTimeout: timeout, perMessageDeflate: perMessage(deflate) }));
        await within(new Promise((done, fail) => { ws.once("open", done); ws.once("error", fail); }), "open");
        return ws;
    }
    const server = serve === "wss" ? https.createServer({ cert: readFileSync(words[2]), key: readFileSync(words[3]) }) : http.createServer();
    const sockets = new WebSocket.WebSocketServer({ server, perMessageDeflate: perMessage(deflate), maxPayload: 64 << 20 });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const connected = new Promise((done) => sockets.once("connection", (ws) => done(queued(ws))));
    const more = `${serve === "wss" ? `-cafile ${words[1]} -hostname localhost` : ""} -deflate ${deflate ? 1 : 0} ${options}`
        + (protocols ? ` -protocols {${protocols.join(" ")}}` : "");
    const [id, error] = await control("/connect", { url: `${serve}://127.0.0.1:${server.address().port}/`, options: more });
    if (id === "error") throw new Error(error);
    const ws = await within(connected, "a connection");
    server.close();                            // which lets the one that there is go on
    ws.result = () => control("/result", { id, wait: timeout / 1000 });
    return ws;
}
async function close(ws) {
    ws.close(1000);
    const end = await ws.next();
    check("closes cleanly", end.closed === 1000, JSON.stringify(end));
}
const letters = [..."a\u0000é€😀z "];
function text(size) {
    let unit = "", bytes = 0;
    const most = Math.min(size, 5000);
    while (bytes < most) {
        let c = letters[Math.floor(Math.random() * letters.length)];
        if (bytes + Buffer.byteLength(c) > most) c = ".";
        unit += c;
        bytes += Buffer.byteLength(c);
    }
    return size <= 5000 ? unit : unit.repeat(Math.floor(size / 5000)) + ".".repeat(size % 5000);
}
async function echo(ws, message, options) {
    ws.send(message, options);
    const answer = await ws.next();
    return typeof message === "string" ? answer.binary === false && answer.data.toString() === message
        : answer.binary === true && Buffer.compare(answer.data, message) === 0;
}

const scenarios = {
    async sizes() {
        const ws = await open();
        for (const size of sizes) {
            check(`text ${size}`, await echo(ws, text(size)));
            check(`binary ${size}`, await echo(ws, randomBytes(size)));
        }
        await close(ws);
    },
    async fragments() {
        const ws = await open();
        const parts = [0, 1, 70000, 125, 3].map((n) => randomBytes(n));
        parts.forEach((part, i) => ws.send(part, { binary: true, fin: i === parts.length - 1 }));
        const answer = await ws.next();
        check("fragmented binary", answer.binary && Buffer.compare(answer.data, Buffer.concat(parts)) === 0);
        await close(ws);
    },
    async ping() {
        const ws = await open();
        const pong = new Promise((done) => ws.once("pong", (data) => done(data.toString())));
        ws.ping("are you there");
        check("pong", await within(pong, "pong") === "are you there");
        await close(ws);
    },
    async closing() {
        for (const [code, reason] of [[1000, ""], [1011, "é".repeat(61)], [3000, "x".repeat(123)], [4001, "enough"], [4999, ""]]) {
            const ws = await open();
            ws.close(code, reason);
            const end = await ws.next();
            check(`close ${code}`, end.closed === code, JSON.stringify(end));
            if (ws.result) {
                const told = await ws.result();
                check(`nsd is told of close ${code}`, told.slice(0, 4).join("|") === `1|1|${code}|${reason}`, told.join("|"));
            }
        }
    },
    async wrong() {
        // A server must not take a frame without a mask, nor a client one with: the connection ends.
        const ws = await open();
        ws._sender._socket.write(serve ? Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6b]) : Buffer.from([0x81, 0x02, 0x68, 0x69]));
        const end = await ws.next();
        check("a frame with the wrong kind of mask ends the connection", end.closed !== undefined && (!deflates || end.closed === 1002),
              JSON.stringify(end));
    },
    async vanishing() {
        // Connections that are cut off in the middle of a frame leave the others alone.
        const others = await Promise.all(Array.from({ length: 20 }, () => open()));
        others.forEach((ws) => { ws._sender._socket.write(Buffer.from([0x82, 0xfe, 0x40])); ws.terminate(); });
        const ws = await open();
        check("echo after 20 connections were cut off", await echo(ws, "still here"));
        await close(ws);
    },
};
const more = {
    async protocols() {
        const ws = await open({ protocols: ["chat", "other"] });
        check("subprotocol", ws.protocol === "chat" && await echo(ws, "x"), ws.protocol);
        await close(ws);
    },
    async deflate() {
        for (const [deflate, options] of [
            [{ threshold: 0 }, ""], [{ threshold: 0 }, "-takeover 1 -peertakeover 1"], [{ threshold: 100 }, "-deflateminsize 0"],
            [{ threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }, ""],
            [{ threshold: 0, serverMaxWindowBits: 10 }, "-takeover 1"], [{ threshold: 0, clientMaxWindowBits: 10 }, "-takeover 1 -peertakeover 1"],
        ]) {
            const ws = await open({ deflate, options });
            const name = `deflate ${JSON.stringify(deflate)} ${options}`;
            check(`${name} is agreed on`, ws.extensions.includes("permessage-deflate"), ws.extensions);
            for (const size of [0, 1, 200, 5000, 70000, 300000]) {
                const message = text(size);
                check(`${name} text ${size}`, await echo(ws, message) && await echo(ws, message));
                check(`${name} binary ${size}`, await echo(ws, randomBytes(size)));
            }
            const parts = [10, 0, 9000, 77].map((n) => text(n));
            parts.forEach((part, i) => ws.send(part, { fin: i === parts.length - 1, compress: true }));
            check(`${name} fragments`, (await ws.next()).data?.toString() === parts.join(""));
            await close(ws);
        }
    },
};
for (const [name, scenario] of Object.entries({ ...scenarios, ...(deflates ? more : {}) })) {
    try { await scenario(); } catch (error) { check(name, false, error.stack); }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
