// SPDX-License-Identifier: MPL-2.0
// protocol.mjs PORT: what the chat's handler answers to clients that a browser would never be.  The server runs already.
// Closes with "N passed, N failed".
import { createRequire } from "node:module";
import { request } from "node:http";
const WebSocket = createRequire(`${process.env.NODE_MODULES}/`)("ws");

const port = process.argv[2];
const timeout = 15_000 * Number(process.env.TIMES || 1);
let passed = 0, failed = 0;

function check(name, condition, detail = "") {
    if (condition) passed++;
    else { failed++; console.log(`FAIL chat: ${name} ${detail}`); }
}

// The status (and version header) that a handshake with these headers gets.
const handshake = (headers) => new Promise((done, fail) => {
    const good = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const all = Object.fromEntries(Object.entries({ ...good, ...headers }).filter(([, value]) => value !== null));
    const r = request({ port, host: "127.0.0.1", path: "/ws", headers: all, timeout });
    r.on("response", (answer) => { answer.resume(); done([answer.statusCode, answer.headers["sec-websocket-version"]].join(" ").trim()); });
    r.on("upgrade", (answer, socket) => { socket.destroy(); done(answer.headers["sec-websocket-accept"]); });
    r.on("error", fail);
    r.end();
});

// A member of a room; texts are taken one after the other, pictures as their length.
async function member(room, name) {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    const queue = [];
    let wake = () => {};
    ws.seen = [];
    const give = (item) => { queue.push(item); ws.seen.push(item); wake(); };
    ws.on("message", (data, binary) => give(binary ? `binary ${data.length}` : data.toString()));
    ws.on("close", (code) => give(`closed ${code}`));
    ws.on("error", () => {});
    ws.until = async (start) => {
        for (const end = Date.now() + timeout; ;) {
            while (queue.length) { const item = queue.shift(); if (item.startsWith(start)) return item; }
            if (Date.now() > end) throw new Error(`${name} waits for "${start}"`);
            await new Promise((done) => { wake = done; setTimeout(done, 100); });
        }
    };
    await new Promise((done, fail) => { ws.once("open", done); ws.once("error", fail); });
    if (name) { ws.send(`join\n${room}\n${name}`); ws.here = await ws.until("here\n"); }
    return ws;
}
const png = (size) => Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(size - 8)]);

const scenarios = {
    async handshakes() {
        check("a handshake", await handshake({}) === "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        check("tokens in a list", await handshake({ Connection: "keep-alive, UPGRADE", Upgrade: "WebSocket" }) === "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        check("no key", await handshake({ "Sec-WebSocket-Key": null }) === "400");
        check("a short key", await handshake({ "Sec-WebSocket-Key": "c2hvcnQ=" }) === "400");
        check("no Upgrade", await handshake({ Upgrade: null, Connection: "close" }) === "400");
        check("another version", await handshake({ "Sec-WebSocket-Version": "8" }) === "426 13");
        check("a page from elsewhere", await handshake({ Origin: "http://elsewhere.example" }) === "403");
        check("a page from here", await handshake({ Origin: `http://127.0.0.1:${port}` }) === "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    },
    async brokenText() {
        const other = await member("texts", "Other");
        const ws = await member("texts", "Broken");
        ws.send(Buffer.concat([Buffer.from("say\n"), Buffer.from([0xc3, 0x28])]), { binary: false });
        check("broken UTF-8 is closed with 1007", await ws.until("closed") === "closed 1007");
        check("and reaches nobody", await other.until("left") === "left\nBroken");
        other.close();
    },
    async limits() {
        const ws = await member("limits", "Max");
        ws.send(`say\n${"x".repeat(4001)}`);
        check("a text too long", (await ws.until("error")).includes("4000"));
        ws.send(png(2_000_001));
        check("a picture too large", (await ws.until("error")).includes("2000000"));
        ws.send(Buffer.from("no picture"));
        check("bytes that are no picture", (await ws.until("error")).startsWith("error\nA picture"));
        ws.send(png(2_000_000));
        await ws.until("picture\nMax");
        check("a picture just small enough", await ws.until("binary") === "binary 2000000");
        ws.send(`join\n${"r".repeat(41)}\nMax`);
        check("a room's name too long", (await ws.until("error")).includes("40"));
        ws.send("join\nlimits\n\u0001 \u0002");
        check("an empty name", (await ws.until("error")).includes("40"));
        ws.send(png(5_000_000));
        check("a frame far too large ends the connection", /closed (1009|1002)/.test(await ws.until("closed")));
    },
    async outside() {
        const ws = await member();
        ws.send("say\nnobody is meant");
        ws.send(png(100));
        ws.send("what\nis this");
        ws.send("join\noutside\nLate");
        check("what is said outside of rooms is dropped", await ws.until("welcome") === "welcome\noutside\nLate");
        ws.send("join\nelsewhere\nLate");
        check("one can move to another room", await ws.until("welcome") === "welcome\nelsewhere\nLate");
        ws.close(1000);
        check("a close is answered", await ws.until("closed") === "closed 1000");
    },
    async unmasked() {
        const ws = await member("masks", "Bare");
        ws._socket.write(Buffer.from([0x81, 0x01, 0x78]));
        check("a frame without a mask ends the connection", /closed 1002|closed 1006/.test(await ws.until("closed")));
    },
    // One who does not read is dropped when the send buffer is full; the others get everything meanwhile.
    async slow() {
        const slow = await member("slow", "Slow"), fast = await member("slow", "Fast");
        slow.pause();
        let received = 0;
        for (let i = 0; i < 16; i++) {
            fast.send(png(2_000_000));
            await fast.until("binary");
            received++;
        }
        check("others get everything", received === 16);
        check("one who does not read is dropped", fast.seen.includes("left\nSlow"));
        slow.terminate();
        fast.close();
    },
    async cutOff() {
        const ws = await member("cuts", "Stays");
        const others = await Promise.all(Array.from({ length: 50 }, (_, i) => member("cuts", `Goes ${i}`)));
        others.forEach((other) => other.terminate());
        for (let i = 0; i < 50; i++) await ws.until("left\nGoes");
        const late = await member("cuts", "Late");
        check("nobody stays behind of 50 who were cut off", late.here === "here\nLate\nStays", late.here);
        ws.close();
        late.close();
    },
};
for (const [name, scenario] of Object.entries(scenarios)) {
    try { await scenario(); } catch (error) { check(name, false, error.stack); }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
