// SPDX-License-Identifier: MPL-2.0
// The log: two browsers see each line once, over ws and wss; its limits.
import { check, step, start, stop, open, phone, proper, run, until, WebSocket, http, https } from "./lib.mjs";

const lines = (page) => page.locator("#log .text").allTextContents();
const sees = (page, text) => page.locator("#log li", { hasText: text }).first().waitFor();
const write = async (page, text) => { await page.fill("#text", text); await page.press("#text", "Enter"); };
const connected = (page) => page.waitForSelector("#status[data-state=open]");
// The page has what it got after it connected.
const filled = (page) => page.waitForFunction(() => document.querySelector("#log").childElementCount > 0);

// A viewer that is no browser: what it got is in `seen`.
function viewer(headers = {}) {
    const ws = new WebSocket(`${http.replace("http", "ws")}/log`, { headers });
    ws.seen = [];
    ws.on("message", (data) => ws.seen.push(JSON.parse(data)));
    ws.opened = new Promise((done) => {
        ws.on("open", () => done("open"));
        ws.on("unexpected-response", (request, answer) => { answer.resume(); done(answer.statusCode); });
    });
    ws.closed = new Promise((done) => ws.on("close", done));
    ws.on("error", () => {});
    return ws;
}
const told = (ws) => until(() => ws.seen.length > 0 && ws.seen[0].lines, "the last lines");

run(async () => {
    const ada = await step("a page over http", async () => { const page = await open(`${http}/log.html`); await connected(page); await filled(page); return page; });
    const grace = await step("a page over https", async () => { const page = await open(`${https}/log.html`, phone); await connected(page); await filled(page); return page; });
    check("ws", ada.sockets.join() === `${http.replace("http", "ws")}/log`, ada.sockets);
    check("wss", grace.sockets.join() === `${https.replace("http", "ws")}/log`, grace.sockets);
    await step("earlier lines are shown", () => sees(grace, /^\d\d:\d\d:\d\d *Notice *nsd .* running, pid \d+$/));

    await write(ada, "line one");
    await step("Ada sees her line", () => sees(ada, "log page: line one"));
    await step("Grace sees it, too", () => sees(grace, "log page: line one"));
    const script = "<b onclick=\"x\">\u00fc 你好</b> \\ \"";
    await write(grace, script);
    await step("markup is text", () => sees(ada, `log page: ${script}`));
    await step("for both", () => sees(grace, `log page: ${script}`));
    const seen = await lines(ada);
    check("the tail adds nothing of its own", seen.slice(-2).join("\n") === `log page: line one\nlog page: ${script}`, seen.slice(-4).join("\n"));
    check("both see the same", (await lines(grace)).join("\n") === seen.join("\n"));
    const hasty = viewer();
    await told(hasty);
    hasty.send("first of two");
    hasty.send("second of two");
    await step("a second text in the same moment is refused", () => until(() => hasty.seen.some(({ error }) => /^Not so fast/.test(error)), "an error"));
    await step("the first was logged", () => sees(ada, "first of two"));
    check("the second was not", !(await lines(ada)).some((line) => line.includes("second of two")));
    hasty.close();
    await ada.evaluate(() => { send("hasty"); send("hasty"); });
    await step("a page says so", () => ada.locator("#error", { hasText: "Not so fast" }).waitFor());

    await ada.check("#severe");
    check("only warnings and errors", await ada.locator("#log li:visible").count() === await ada.locator("#log .warning, #log .error").count());
    await ada.uncheck("#severe");
    await proper(ada, "wide");
    await proper(grace, "on a phone");

    // Who may look, and how much.
    check("no page from elsewhere", await viewer({ Origin: "http://elsewhere.example" }).opened === 403);
    const large = viewer();
    await large.opened;
    large.send("x".repeat(1025));
    check("no large texts", await large.closed === 1009);
    const control = viewer();
    await told(control);
    control.send("two\nlines\r\u0000");
    await step("a text is one line of the log", () => sees(ada, "log page: two lines"));
    check("without control characters", (await lines(ada)).includes("log page: two lines"));
    control.close();

    // More lines than are kept: who comes late gets the last 200, who was there saw them all.
    for (let i = 0; i < 225; i += 45) {
        const many = Array.from({ length: 45 }, () => viewer());
        await Promise.all(many.map(told));
        many.forEach((ws, j) => ws.send(`number ${i + j}`));
        await Promise.all(many.map((ws, j) => until(() => ws.seen.some(({ line }) => line?.text === `log page: number ${i + j}`), "its own line")));
        many.forEach((ws) => ws.close());
        const gaps = many.filter(({ seen: [{ lines }, ...rest] }) => {
            let next = lines.at(-1).number + 1;
            return !rest.every(({ line }) => line.number < next || line.number === next++);
        });
        check("nobody misses a line", gaps.length === 0, JSON.stringify(gaps[0]?.seen.slice(1)));
    }
    const numbers = (texts) => texts.map((text) => text.match(/number (\d+)$/)?.[1]).filter((n) => n !== undefined);
    for (const [name, page] of [["Ada", ada], ["Grace", grace]]) {
        await step(`${name} sees all lines`, () => page.waitForFunction(() => document.querySelector("#log").textContent.match(/number \d+/g).length >= 225));
    }
    const all = numbers(await lines(ada));
    check("each once", all.length === 225 && new Set(all).size === 225, all);
    check("both in the same order", numbers(await lines(grace)).join() === all.join());
    const late = viewer();
    const kept = (await told(late)).map(({ text }) => text), last = numbers(kept);
    check("the last 200 are kept", kept.length === 200 && last.length > 150 && last.join() === all.slice(-last.length).join(), `${kept.length} ${last.length}`);
    late.close();

    const crowd = [];
    let refused = 0;
    while (refused === 0 && crowd.length < 110) {
        const ws = viewer(), result = await ws.opened;
        if (result === "open") { await told(ws); crowd.push(ws); } else refused = result;
    }
    check("at most 100 look", refused === 503 && crowd.length <= 98 && crowd.length > 90, `${crowd.length} ${refused}`);
    crowd.forEach((ws) => ws.terminate());

    check("nsd stops in order", await stop() === 0);
    await step("nsd starts again", start);
    for (const page of [ada, grace]) {
        await step("the page comes back by itself", () => connected(page));
        await step("with the new server's lines", () => page.waitForFunction(() => document.querySelector("#log").childElementCount < 50 && /running, pid/.test(document.querySelector("#log").textContent)));
    }
});
