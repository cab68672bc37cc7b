// SPDX-License-Identifier: MPL-2.0
// The film: what the handler answers to ranges and conditions, and a browser that plays and seeks over https.  Then the late
// answer of a background job, on its own page.
import { readFileSync } from "node:fs";
import * as plain from "node:http";
import { connect, createServer } from "node:net";
import * as tls from "node:https";
import { check, step, start, stop, until, open, phone, proper, run, timeout, http, https } from "./lib.mjs";

const film = readFileSync(new URL("../../demo/media/clock.mp4", import.meta.url));
const size = film.length;
const ca = readFileSync(process.env.DEMO_CERT);

// One request: { status, headers, body }.
const ask = (url, headers = {}, method = "GET") => new Promise((done, fail) => {
    const r = (url.startsWith("https") ? tls : plain).request(url, { method, headers, ca, timeout, agent: false });
    r.on("response", (answer) => {
        const parts = [];
        answer.on("data", (data) => parts.push(data));
        answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
        answer.on("error", fail);
    });
    r.on("timeout", () => r.destroy(new Error("no answer in time")));
    r.on("error", fail);
    r.end();
});
const channels = async () => JSON.parse((await ask(`${http}/channels`)).body);

// The parts of a multipart/byteranges answer, as [content-range, bytes].
function partsOf({ headers, body }) {
    const boundary = headers["content-type"].match(/^multipart\/byteranges; boundary=(\w+)$/)[1];
    const parts = body.toString("latin1").split(`\r\n--${boundary}`);
    if (parts.shift() !== "" || parts.pop() !== "--\r\n") throw new Error("not the form of a multipart message");
    return parts.map((part) => {
        const [head, ...rest] = part.split("\r\n\r\n");
        if (!head.includes("\r\nContent-Type: video/mp4")) throw new Error(`a part without a type: ${head}`);
        return [head.match(/Content-Range: (.*)/)[1], Buffer.from(rest.join("\r\n\r\n"), "latin1")];
    });
}

async function ranges(base) {
    const url = `${base}/media/clock.mp4`, name = base.split(":")[0];
    const whole = await ask(url), etag = whole.headers.etag, date = whole.headers["last-modified"];
    const earlier = new Date(Date.parse(date) - 1000).toUTCString();
    check(`${name}: the whole file`, whole.status === 200 && whole.body.equals(film) && whole.headers["accept-ranges"] === "bytes");

    // headers, status, first, last
    for (const [headers, status, first = 0, last = size - 1] of [
        [{ range: "bytes=0-" }, 206],
        [{ range: "bytes=0-0" }, 206, 0, 0],
        [{ range: "BYTES=100-199" }, 206, 100, 199],
        [{ range: "bytes= 0100-0199 , " }, 206, 100, 199],
        [{ range: `bytes=${size - 10}-99999999999999999999999` }, 206, size - 10],
        [{ range: "bytes=-500" }, 206, size - 500],
        [{ range: `bytes=-${size + 1}` }, 206],
        [{ range: `bytes=${size}-,5-9` }, 206, 5, 9],
        [{ range: "bytes=100-50" }, 200],
        [{ range: "bytes=a-b" }, 200],
        [{ range: "bytes=-" }, 200],
        [{ range: "bytes=" }, 200],
        [{ range: "seconds=1-2" }, 200],
        [{ range: "bytes=0-,0-" }, 200],
        [{ range: `bytes=${[0, 2, 4, 6, 8, 10, 12, 14, 16].map((i) => `${i}-${i}`)}` }, 200],
        [{ range: "bytes=5-9", "if-range": etag }, 206, 5, 9],
        [{ range: "bytes=5-9", "if-range": date }, 206, 5, 9],
        [{ range: "bytes=5-9", "if-range": `W/${etag}` }, 200],
        [{ range: "bytes=5-9", "if-range": '"another"' }, 200],
        [{ range: "bytes=5-9", "if-range": earlier }, 200],
        [{ range: "bytes=5-9", "if-match": `"another", ${etag}` }, 206, 5, 9],
        [{ range: "bytes=5-9", "if-none-match": '"another"', "if-modified-since": date }, 206, 5, 9],
        [{ "if-modified-since": "some day" }, 200],
    ]) {
        const answer = await ask(url, headers);
        const range = status === 206 ? `bytes ${first}-${last}/${size}` : undefined;
        check(`${name}: ${JSON.stringify(headers)}`, answer.status === status && answer.headers["content-range"] === range
            && answer.body.equals(film.subarray(first, last + 1)), `${answer.status} ${answer.headers["content-range"]} ${answer.body.length}`);
    }
    // Nothing of the file.
    for (const [method, headers, status, range] of [
        ["GET", { range: `bytes=${size}-` }, 416, `bytes */${size}`],
        ["GET", { range: "bytes=-0" }, 416, `bytes */${size}`],
        ["GET", { "if-none-match": `"another", W/${etag}`, range: "bytes=0-9" }, 304],
        ["GET", { "if-none-match": "*" }, 304],
        ["GET", { "if-modified-since": date }, 304],
        ["GET", { "if-match": '"another"' }, 412],
        ["GET", { "if-unmodified-since": earlier }, 412],
        ["HEAD", {}, 200],
        ["HEAD", { range: "bytes=0-9" }, 200],
    ]) {
        const answer = await ask(url, headers, method);
        check(`${name}: ${method} ${JSON.stringify(headers)}`, answer.status === status && answer.headers["content-range"] === range && answer.body.length === 0
            && (method === "GET" || answer.headers["content-length"] === String(size)), `${answer.status} ${answer.headers["content-range"]} ${answer.body.length}`);
    }
    const several = await ask(url, { range: "bytes=1000-199999,0-9,-5" });
    check(`${name}: several ranges`, several.status === 206 && several.headers["content-length"] === String(several.body.length)
        && partsOf(several).map(([range, bytes]) => `${range} ${bytes.equals(film.subarray(...range.match(/\d+/g).map(Number).map((n, i) => n + i).slice(0, 2)))}`).join()
           === `bytes 1000-199999/${size} true,bytes 0-9/${size} true,bytes ${size - 5}-${size - 1}/${size} true`);
    for (const path of ["/media/", "/media/none.mp4", "/media/%2e%2e/video.tcl", "/media/README.txt"]) {
        check(`${name}: ${path}`, (await ask(base + path)).status === 404);
    }
}

// Browsers that want no more of it go in the midst of the answer.
async function cutOff() {
    await Promise.all(Array.from({ length: 50 }, (_, i) => new Promise((done, fail) => {
        const r = (i % 2 ? tls : plain).get(`${i % 2 ? https : http}/media/clock.mp4`, { agent: false, ca, timeout });
        r.on("response", (answer) => { answer.on("error", () => {}); answer.once("data", () => { r.destroy(); done(); }); });
        r.on("error", fail);
    })));
    await step("50 who went in the midst of the answer leave no channel", () => until(async () => (await channels()).channels.length === 0, "no channels"));
}

const advances = async (page) => {
    const from = await page.evaluate(() => document.querySelector("#video").currentTime);
    await page.waitForFunction((time) => { const v = document.querySelector("#video"); return !v.seeking && v.currentTime > time + 0.3; }, from);
};

// Lines to the server on which each connection brings so many bytes a second (0: as many as come).  Chromium can slow its own down as
// well, but then at times reads nothing any more.
const lines = [];
async function slowLine(base, rate) {
    const server = createServer((client) => {
        const up = connect(new URL(base).port, "127.0.0.1");
        const end = () => { client.destroy(); up.destroy(); };
        for (const socket of [client, up]) socket.on("error", end).on("close", end);
        client.pipe(up);
        up.on("data", (bytes) => {
            up.pause();
            client.write(bytes, () => setTimeout(() => up.resume(), line.rate && bytes.length / line.rate * 1000));
        });
    });
    const listen = (port) => new Promise((done) => server.listen(port, "127.0.0.1", done));
    const close = () => new Promise((done) => server.close(done));        // to new ones; those that are there end with the server's
    await listen(0);
    server.unref();
    const { port } = server.address();
    const line = { rate, base: base.replace(/\d+$/, port), open: () => listen(port), close };
    lines.push(line);
    return line;
}

async function plays(base, options, name) {
    const asked = [];
    const line = await slowLine(base, 60_000);         // the end of the film is not there yet when it is wanted
    const page = await open(`${line.base}/video.html`, options, (page) => {
        page.on("response", (answer) => {
            if (answer.url().endsWith("clock.mp4")) asked.push([answer.request().headers().range, answer.status(), answer.headers()["content-range"]]);
        });
    });
    await page.waitForFunction(() => document.querySelector("#video").readyState >= 3);
    check(`${name}: the film is half a minute long`, await page.evaluate(() => Math.round(document.querySelector("#video").duration)) === 30);
    await page.evaluate(() => document.querySelector("#video").play());
    await step(`${name}: the film plays`, () => advances(page));
    check(`${name}: its end is not buffered`, await page.evaluate(() => { const { buffered } = document.querySelector("#video"); return buffered.end(buffered.length - 1) < 20; }));
    await page.click("#last");
    await step(`${name}: it plays on after a seek to its last third`, () => advances(page));
    check(`${name}: there it is`, await page.evaluate(() => document.querySelector("#video").currentTime >= 20));
    check(`${name}: ranges were answered with 206`, asked.length > 1 && asked.every(([range, status]) => range && status === 206), JSON.stringify(asked));
    const start = asked.map(([, , range]) => Number(range?.match(/^bytes (\d+)-/)?.[1]));
    check(`${name}: the seek asked for the end only`, Math.max(...start) > size / 3, JSON.stringify(asked));
    line.rate = 0;
    await step(`${name}: the page shows what is buffered`, () => page.waitForFunction(() => / to 30\.0 s of 30\.0 s/.test(document.querySelector("#buffered").textContent)));
    if (options.isMobile) check(`${name}: the page is short`, await page.evaluate(() => document.documentElement.scrollHeight < 1.5 * innerHeight));
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    await step(`${name}: and what was asked for`, () => page.locator("#recent tr", { hasText: "206" }).first().waitFor());
    await proper(page, name);

    await page.check("#slow");
    await step(`${name}: sent slowly, it plays as well`, () => advances(page));
    await step(`${name}: the page shows the channel that sends`, () => page.locator("#channels tr", { hasText: "206 0-" }).waitFor());
    await page.click("#last");
    await step(`${name}: and seeks`, () => advances(page));
    await step(`${name}: the browser gave up the range before`, () => page.locator("#recent tr", { hasText: /206 0-.*ended/ }).first().waitFor());
    await page.uncheck("#slow");
    return page;
}

run(async () => {
    await ranges(http);
    await ranges(https);
    await cutOff();
    const page = await plays(https, {}, "https");
    await plays(http, phone, "http, on a phone");

    const late = await open(`${http}/job.html`, phone);
    await late.click("#ask");
    await step("the video's page shows the channel that waits", () => page.locator("#channels tr", { hasText: "waits for a job" }).waitFor());
    await step("the job answers", () => late.waitForSelector("#answers .answered"));
    check("with digits of pi", (await late.locator("#answers .digits").textContent()).startsWith("3.14159265358979323846264338327950288"));
    check("from another thread", /taken by -conn:.*computed by -job:/.test(await late.locator("#answers .answered").textContent()));

    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(`${https}/job?seconds=0.2`)));
    check("more wait than there are threads", answers.every(({ status, body }) => status === 200 && JSON.parse(body).pi.startsWith("3.14159")));
    for (const seconds of ["0", "-1", "11", "x", "1e9"]) check(`a job of ${seconds} seconds`, (await ask(`${http}/job?seconds=${seconds}`)).status === 400);

    const waiting = Array.from({ length: 20 }, () => plain.get(`${http}/job?seconds=10`, { agent: false }).on("error", () => {}));
    await step("20 wait", () => until(async () => (await channels()).channels.length === 20, "20 channels"));
    check("one more is refused", (await ask(`${http}/job`)).status === 503);
    await late.click("#ask");
    await step("and a page says why", () => late.locator("#answers .error", { hasText: "twenty wait already" }).first().waitFor());
    waiting.forEach((r) => r.destroy());
    await step("who goes does not wait any more", () => until(async () => (await channels()).channels.length === 0, "no channels"));
    await step("and is not computed for", () => until(async () => (await channels()).jobs === 0, "no jobs"));

    const last = ask(`${https}/job?seconds=10`);
    await step("one waits", () => until(async () => (await channels()).channels.length === 1, "a channel"));
    const closed = lines.map((line) => line.close());
    check("nsd stops in order while one waits", await stop() === 0);
    await Promise.all(closed);
    check("who is told so", (await last).status === 503);
    await step("figures of a server that is away are not shown", () => page.waitForFunction(() =>
        document.querySelector("#status").dataset.state === "waiting" && document.querySelector("#stats").childElementCount === 0
        && document.querySelector("#channels").textContent === "no connection"));
    await late.click("#ask");
    await step("nor is another reason than that", () => late.locator("#answers .error", { hasText: "the server is not there" }).first().waitFor());
    await step("nsd starts again", start);
    await Promise.all(lines.map((line) => line.open()));
    await step("then they are there again", () => page.waitForFunction(() => document.querySelector("#stats").childElementCount > 0));
});
