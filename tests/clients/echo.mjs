// SPDX-License-Identifier: MPL-2.0
// echo.mjs URL: npm's ws against an echo; closes with "N passed, N failed".  NODE_MODULES says where ws is.
import { createRequire } from "node:module";
import { randomBytes } from "node:crypto";
const WebSocket = createRequire(`${process.env.NODE_MODULES}/`)("ws");

const url = process.argv[2];
const sizes = [0, 1, 2, 125, 126, 127, 1000, 65535, 65536, 65537, 131072, 300000, 1 << 20];
const timeout = 20_000 * Number(process.env.TIMES || 1);
let passed = 0, failed = 0;

function check(name, condition, detail = "") {
    if (condition) passed++;
    else { failed++; console.log(`FAIL ws ${url} ${name} ${detail}`); }
}
// An open connection whose messages are taken one after the other.
async function open() {
    const ws = new WebSocket(url, { handshakeTimeout: timeout });
    const queue = [], waiting = [];
    const give = (item) => (waiting.length ? waiting.shift()(item) : queue.push(item));
    ws.on("message", (data, binary) => give({ data, binary }));
    ws.on("close", (code) => give({ closed: code }));
    ws.on("error", (error) => give({ error }));
    ws.next = () => new Promise((done, fail) => {
        if (queue.length) return done(queue.shift());
        const timer = setTimeout(() => fail(new Error("timed out")), timeout);
        waiting.push((item) => { clearTimeout(timer); done(item); });
    });
    await new Promise((done, fail) => { ws.once("open", done); ws.once("error", fail); });
    return ws;
}
const letters = [..."a\u0000é€😀z "];
function text(size) {
    let out = "", bytes = 0;
    while (bytes < size) {
        let c = letters[Math.floor(Math.random() * letters.length)];
        if (bytes + Buffer.byteLength(c) > size) c = ".";
        out += c;
        bytes += Buffer.byteLength(c);
    }
    return out;
}

const scenarios = {
    async sizes() {
        const ws = await open();
        for (const size of sizes) {
            const message = text(size);
            ws.send(message);
            let answer = await ws.next();
            check(`text ${size}`, answer.binary === false && answer.data.toString() === message);
            const bytes = randomBytes(size);
            ws.send(bytes);
            answer = await ws.next();
            check(`binary ${size}`, answer.binary === true && Buffer.compare(answer.data, bytes) === 0);
        }
        ws.close();
    },
    async fragments() {
        const ws = await open();
        const parts = [0, 1, 70000, 125, 3].map((n) => randomBytes(n));
        parts.forEach((part, i) => ws.send(part, { binary: true, fin: i === parts.length - 1 }));
        const answer = await ws.next();
        check("fragmented binary", answer.binary && Buffer.compare(answer.data, Buffer.concat(parts)) === 0);
        ws.close();
    },
    async ping() {
        const ws = await open();
        const pong = new Promise((done) => ws.once("pong", (data) => done(data.toString())));
        ws.ping("are you there");
        check("pong", await pong === "are you there");
        ws.close();
    },
    async closing() {
        const ws = await open();
        ws.close(4001, "enough");
        const end = await ws.next();
        check("close", end.closed === 4001, JSON.stringify(end));
    },
    async unmasked() {
        // A server must not take a frame without a mask: the connection ends.
        const ws = await open();
        ws._sender._socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69]));
        const end = await ws.next();
        check("a frame without a mask ends the connection", end.closed !== undefined, JSON.stringify(end));
    },
    async vanishing() {
        // Connections that are cut off in the middle of a frame leave the others alone.
        const others = await Promise.all(Array.from({ length: 20 }, open));
        others.forEach((ws) => { ws._sender._socket.write(Buffer.from([0x82, 0xfe, 0x40])); ws.terminate(); });
        const ws = await open();
        ws.send("still here");
        check("echo after 20 connections were cut off", (await ws.next()).data.toString() === "still here");
        ws.close();
    },
};
for (const [name, scenario] of Object.entries(scenarios)) {
    try { await scenario(); } catch (error) { check(name, false, error.stack); }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
