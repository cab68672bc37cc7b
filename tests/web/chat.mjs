// SPDX-License-Identifier: MPL-2.0
// The chat: two browsers in one room, Ada over ws, Grace over wss on a phone.
import { deflateSync } from "node:zlib";
import { check, step, start, stop, open, pages, phone, proper, run, http, https } from "./lib.mjs";

// ---- a picture of 64 x 48 pixels, made here

function crc32(bytes) {
    let crc = ~0;
    for (const byte of bytes) {
        crc ^= byte;
        for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
}
function png(width, height) {
    const chunk = (type, data) => {
        const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
        const head = Buffer.alloc(4), tail = Buffer.alloc(4);
        head.writeUInt32BE(data.length);
        tail.writeUInt32BE(crc32(body));
        return Buffer.concat([head, body, tail]);
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const rows = Buffer.alloc(height * (1 + width * 3));
    for (let i = 0; i < rows.length; i++) rows[i] = i % (1 + width * 3) ? (i * 7) & 255 : 0;
    return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

// ---- the pages

async function enter(url, name, options) {
    const page = await open(`${url}/chat.html`, options);
    await page.fill("#name", name);
    await page.fill("#room", "harbour");
    await page.click("#join button");
    await page.waitForSelector("#status[data-state=open]");
    return page;
}
const say = async (page, text) => { await page.fill("#text", text); await page.press("#text", "Enter"); };
const sees = (page, text) => page.locator(".bubble", { hasText: text }).last().waitFor();
const names = (page) => page.locator("#names li span:last-child").allTextContents();
const here = (page, list) => page.waitForFunction((want) =>
    [...document.querySelectorAll("#names li span:last-child")].map((e) => e.textContent).join() === want, list.join());

run(async () => {
    let alan;
    const ada = await step("Ada enters over http", () => enter(http, "Ada"));
    const grace = await step("Grace enters over https, on a phone", () => enter(https, "Grace", phone));
    check("Ada's page uses ws", ada.sockets.every((u) => u.startsWith("ws://")) && ada.sockets.length === 1, ada.sockets);
    check("Grace's page uses wss", grace.sockets.every((u) => u.startsWith("wss://")) && grace.sockets.length === 1, grace.sockets);

    await step("Ada sees who is here", () => here(ada, ["Ada", "Grace"]));
    await step("Grace sees who is here", () => here(grace, ["Ada", "Grace"]));

    await say(ada, "Good morning");
    await step("Grace reads what Ada wrote", () => sees(grace, "Good morning"));
    await say(grace, "Grüße, 你好 😀");
    await step("Ada reads what Grace wrote", () => sees(ada, "Grüße, 你好 😀"));
    await step("Grace sees her own message", () => grace.locator(".said.own .bubble", { hasText: "😀" }).waitFor());

    const script = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
    await say(ada, script);
    await step("markup is shown as text", () => sees(grace, script));
    check("markup is not run", await grace.title() === "# harbour", await grace.title());
    const lines = "first\nsecond & last";
    await ada.fill("#text", lines);
    await ada.press("#text", "Enter");
    await step("a message of two lines arrives", () => grace.waitForFunction((want) => document.querySelector(".said:last-child .bubble").textContent === want, lines));

    const picture = png(64, 48);
    await ada.setInputFiles("#file", { name: "picture.png", mimeType: "image/png", buffer: picture });
    await step("Grace sees Ada's picture", () => grace.waitForFunction(() => document.querySelector(".picture img")?.naturalWidth === 64));
    const received = await grace.evaluate(async () => {
        const bytes = new Uint8Array(await (await (async () => {
            const img = document.querySelector(".picture img"), canvas = document.createElement("canvas");
            canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
            canvas.getContext("2d").drawImage(img, 0, 0);
            return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        })()).data.buffer);
        return [bytes.length, bytes[0], bytes[1], bytes[2]];
    });
    check("it is the same picture", received.join() === [64 * 48 * 4, 7, 14, 21].join(), received);
    await grace.setInputFiles("#file", { name: "large.png", mimeType: "image/png", buffer: png(600, 500) });
    await step("Ada sees Grace's picture, sent over wss", () => ada.waitForFunction(() => [...document.querySelectorAll(".picture img")].pop()?.naturalWidth === 600));
    const atEnd = () => { const log = document.querySelector("#log"); return log.scrollHeight > log.clientHeight && log.scrollHeight - log.scrollTop - log.clientHeight < 5; };
    await step("a picture that arrives is seen whole", async () => { await ada.waitForFunction(atEnd); await grace.waitForFunction(atEnd); });
    // As a picture does that is decoded between a scroll and the event that tells of it.
    await ada.evaluate(() => new Promise((done) => {
        const log = document.querySelector("#log"), last = log.lastElementChild;
        log.addEventListener("scroll", done, { once: true });        // behind the page's own
        last.style.paddingBottom = "100px";
        log.scrollTop = log.scrollHeight;
        last.style.paddingBottom = "500px";
    }));
    await say(grace, "still at the end");
    await step("a picture that grows late does not end the following", () => sees(ada, "still at the end").then(() => ada.waitForFunction(atEnd)));
    await ada.evaluate(() => new Promise((done) => {
        const log = document.querySelector("#log");
        log.addEventListener("scroll", done, { once: true });
        log.scrollTop = 0;
    }));
    await say(grace, "below");
    await step("who has scrolled up is told of new messages", () => ada.locator("#newer").click());
    await step("and comes to them", () => ada.waitForFunction(atEnd));

    await step("a third one comes", async () => { alan = await enter(http, "Ada"); });
    await step("two of one name are told apart", () => here(grace, ["Ada", "Ada 2", "Grace"]));
    await alan.context().close();
    pages.splice(pages.indexOf(alan), 1);
    await step("one who closes the page is gone", () => here(ada, ["Ada", "Grace"]));
    await step("and that is said", () => grace.locator(".note", { hasText: "Ada 2 left" }).waitFor());

    await proper(grace, "on a phone");

    // The server goes and comes back.
    check("nsd stops in order", await stop() === 0);
    await step("Ada's page says that the connection is gone", () => ada.waitForSelector("#status[data-state=waiting], #status[data-state=connecting]"));
    await ada.fill("#text", "still to be sent");
    await ada.press("#text", "Enter");
    check("what is written meanwhile stays", await ada.inputValue("#text") === "still to be sent");
    await step("nsd starts again", start);
    await step("Ada's page connects by itself", () => ada.waitForSelector("#status[data-state=open]"));
    await step("Grace's page connects by itself", () => grace.waitForSelector("#status[data-state=open]"));
    await step("both are in the room again", async () => { await here(ada, ["Ada", "Grace"]); await here(grace, ["Ada", "Grace"]); });
    await ada.press("#text", "Enter");
    await step("and talk", () => sees(grace, "still to be sent"));
    check("earlier messages are still shown", (await grace.locator(".bubble", { hasText: "Good morning" }).count()) === 1);

    await ada.click("#leave");
    await step("one who leaves is gone", () => here(grace, ["Grace"]));
    check("nobody of Grace's page is left behind", (await names(grace)).join() === "Grace");
});
