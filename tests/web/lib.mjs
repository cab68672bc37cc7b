// SPDX-License-Identifier: MPL-2.0
// What the browser tests share: counting, an nsd of their own, pages that note what goes wrong on them.
//     node NAME.mjs NSD CONFIG, with ports and certificate in the environment, as conf/demo.tcl wants them
import { createRequire } from "node:module";
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { basename } from "node:path";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { chromium } = require("playwright-core");
export const WebSocket = require("ws");
const [nsd, config] = process.argv.slice(2);
const { DEMO_PORT, DEMO_TLS_PORT, DEMO_HOME } = process.env;
const log = `${DEMO_HOME}/nsd.log`;
const test = basename(process.argv[1], ".mjs");
let passed = 0, failed = 0;

export const times = Number(process.env.TIMES || 1);        // how much slower than usual everything may be
export const timeout = 45_000 * times;
export const http = `http://127.0.0.1:${DEMO_PORT}`, https = `https://127.0.0.1:${DEMO_TLS_PORT}`;

export function check(name, condition, detail = "") {
    if (condition) passed++;
    else { failed++; console.log(`FAIL ${test}: ${name} ${detail}`); }
}
// A step that must come about; what comes after it would make no sense without it.
export async function step(name, action) {
    try {
        const result = await action();
        passed++;
        return result;
    } catch (error) {
        throw new Error(`${name}: ${error.message}`);
    }
}
export async function until(condition, what) {
    for (const end = Date.now() + timeout; ;) {
        const value = await condition();
        if (value) return value;
        if (Date.now() > end) throw new Error(`waited for: ${what}`);
        await new Promise((done) => setTimeout(done, 5));
    }
}

// ---- the server

let server = null;
const answers = (port) => new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => { socket.destroy(); done(true); });
    socket.on("error", () => done(false));
});
export async function start() {
    const out = openSync(log, "a");
    server = spawn(nsd, ["-f", "-t", config], { stdio: ["ignore", out, out] });
    server.ended = new Promise((done) => server.on("exit", (code, signal) => done(signal || code)));
    let over = false;
    server.ended.then(() => { over = true; });
    for (const end = Date.now() + timeout; !(await answers(DEMO_PORT)) || !(await answers(DEMO_TLS_PORT));) {
        if (over || Date.now() > end) throw new Error(`nsd does not start:\n${readFileSync(log, "utf8").slice(-3000)}`);
        await new Promise((done) => setTimeout(done, 50));
    }
}
export async function stop() {
    server.kill("SIGTERM");
    const timer = setTimeout(() => server.kill("SIGKILL"), timeout);
    const status = await server.ended;
    clearTimeout(timer);
    server = null;
    return status;
}

// ---- pages

export const pages = [];
let browser = null;

// A page at `url`, in a profile of its own.  `page.faults` is what went wrong on it, `page.sockets` its WebSockets.
// `prepare(page)` is called before the page is asked for.
export async function open(url, options = {}, prepare = null) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(timeout);
    page.faults = [];
    page.sockets = [];
    page.on("pageerror", (error) => page.faults.push(error.message));
    page.on("console", (message) => {
        // while the server is away, or refuses what a test wants to be refused, the browser says so itself
        if (message.type() === "error" && !/WebSocket connection to|ERR_CONNECTION_REFUSED|status of 503/.test(message.text())) page.faults.push(message.text());
    });
    page.on("request", (request) => {
        if (new URL(request.url()).host !== new URL(url).host && !/^(blob|data):/.test(request.url())) page.faults.push(`asks for ${request.url()}`);
    });
    page.on("websocket", (socket) => page.sockets.push(socket.url()));
    pages.push(page);
    await prepare?.(page);
    await page.goto(url);
    return page;
}
export const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };

// What every page must be: it fits, its controls have names.
export async function proper(page, name) {
    check(`${name}: no sideways scrolling`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input:not([hidden]), textarea, select, a")]
        .filter((e) => !e.ariaLabel && !e.textContent.trim() && !e.labels?.length && !e.querySelector("img[alt]:not([alt=''])")).map((e) => e.id || e.tagName));
    check(`${name}: every control has a name`, nameless.length === 0, nameless);
}

// Runs the test with a server and a browser, looks at the pages and the log afterwards, and closes with "N passed, N failed".
export async function run(action) {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    try {
        await step("nsd starts", start);
        await action();
        for (const page of pages) check("no error on a page", page.faults.length === 0, page.faults.join("; "));
        check("nsd stops in order", await stop() === 0);
        // That a page from elsewhere is refused is what some of the tests want.
        const bad = readFileSync(log, "utf8").split("\n").filter((line) =>
            /\] (Error|Warning|Bug|Fatal): /.test(line) && !/refused: origin|of such origins|slow callback/.test(line));
        check("no errors or warnings in the log", bad.length === 0, `\n${bad.slice(0, 10).join("\n")}`);
    } catch (error) {
        failed++;
        console.log(`FAIL ${test}: ${error.message}`);
        for (const [i, page] of pages.entries()) await page.screenshot({ path: `${DEMO_HOME}/failed-${test}-${i}.png` }).catch(() => {});
    } finally {
        await browser.close();
        if (server) await stop();
    }
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed > 0 ? 1 : 0);
}
