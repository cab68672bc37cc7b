// SPDX-License-Identifier: MPL-2.0
// The board: a hundred clients of the server's own and two browsers, one over ws, one over wss on a phone.
import { check, step, start, stop, open, phone, proper, run, until, times, WebSocket, http, https } from "./lib.mjs";

const channels = async () => (await (await fetch(`${http}/channels`)).json()).channels;
const connected = (page) => page.waitForSelector("#status[data-state=open]");
const crowd = (page) => page.waitForFunction(() => to.size >= 100);
const number = (page, id) => page.locator(id).textContent().then((text) => Number(text.replace(/,/g, "")));

async function look(url, options) {
    const page = await open(`${url}/points.html`, options);
    await connected(page);
    await crowd(page);
    return page;
}
// Are all of the crowd somewhere else than before?
const moves = (page) => page.evaluate(async () => {
    const before = new Map(to), ids = [...before.keys()].filter((id) => id !== me).slice(0, 100);
    for (const end = performance.now() + 10_000; performance.now() < end;) {
        if (ids.every((id) => to.get(id)?.join() !== before.get(id).join())) return true;
        await new Promise(requestAnimationFrame);
    }
    return false;
});

run(async () => {
    check("nobody is there before somebody looks", (await channels()).length === 0);
    const ada = await step("a hundred points over http", () => look(http));
    const grace = await step("and over https", () => look(https, phone));
    check("ws", ada.sockets.join() === `${http.replace("http", "ws")}/points`, ada.sockets);
    check("wss", grace.sockets.join() === `${https.replace("http", "ws")}/points`, grace.sockets);

    const list = await channels(), count = (driver) => list.filter((c) => c.driver === driver).length;
    check("the crowd are 100 connections: both ends of 50 over ws and 50 over wss", list.length === 202 && count("nssock") === 101 && count("nsssl") === 101, `${list.length} ${count("nssock")} ${count("nsssl")}`);
    check("all of them move", await moves(ada) && await moves(grace));
    await step("each ten times a second", () => until(async () => await number(ada, "#messages") > 850 / times, "850 messages a second"));
    await step("and the board as often", () => until(async () => await number(grace, "#boards") > 8.5 / times, "8.5 boards a second"));
    await ada.waitForFunction(() => boards.at(-1)[0] - boards[0][0] > 1800);
    const each = await ada.evaluate(() => (boards.at(-1)[1] - boards[0][1]) / (boards.length - 1));
    check("a message of each for a board", each > 85 && each < 115, each);

    const id = await ada.evaluate(() => me), other = await grace.evaluate(() => me);
    check("everyone has a number", id >= 0 && other >= 0 && id !== other);
    const box = await ada.locator("#board").boundingBox();
    await ada.mouse.move(box.x + box.width / 4, box.y + box.height / 2);
    const near = ([id, x, y]) => { const p = to.get(id); return p && Math.abs(p[0] / SIDE - x) < 0.02 && Math.abs(p[1] / SIDE - y) < 0.02; };
    await step("Ada's point goes where she points to, on Grace's board", () => grace.waitForFunction(near, [id, 0.25, 0.5]));
    await ada.mouse.move(box.x + box.width * 3 / 4, box.y + box.height / 4);
    await step("and follows", () => grace.waitForFunction(near, [id, 0.75, 0.25]));
    await grace.touchscreen.tap(...await grace.locator("#board").boundingBox().then((b) => [b.x + b.width / 2, b.y + b.height / 2]));
    await step("Grace's finger is on Ada's board", () => ada.waitForFunction(near, [other, 0.5, 0.5]));
    check("something is drawn", await ada.evaluate(() => context.getImageData(0, 0, board.width, board.height).data.some((byte) => byte !== 0)));
    await proper(ada, "wide");
    await proper(grace, "on a phone");

    // What is no point ends the session; what is too large as well.
    for (const [what, data, code] of [["a text", "what", 1008], ["five bytes", Buffer.alloc(5), 1008], ["65 bytes", Buffer.alloc(65), 1009]]) {
        const ws = new WebSocket(`${http.replace("http", "ws")}/points`);
        const closed = new Promise((done) => ws.on("close", done));
        ws.on("open", () => ws.send(data));
        ws.on("error", () => {});
        check(`${what}: no point`, await closed === code);
    }

    await ada.context().close();
    await step("who leaves takes his point along", () => grace.waitForFunction((id) => !to.has(id), id));
    check("nsd stops in order", await stop() === 0);
    await step("figures of a server that is away are not shown", () => grace.waitForFunction(() => to.size === 0 && document.querySelector("#points").textContent === "–"));
    await step("nsd starts again", start);
    await step("Grace's page comes back by itself", () => connected(grace));
    await step("and the crowd", () => crowd(grace));
    await grace.goto("about:blank");
    await step("when nobody looks any more, all go", () => until(async () => (await channels()).length === 0, "no channels"));
});
