// SPDX-License-Identifier: MPL-2.0
// The first page leads to all demonstrations, and each of them back.
import { check, step, open, phone, proper, run, http, https } from "./lib.mjs";

run(async () => {
    for (const [name, url, options] of [["http, wide", http, {}], ["https, on a phone in the dark", https, { ...phone, colorScheme: "dark" }]]) {
        const page = await step(`${name}: the first page`, () => open(`${url}/`, options));
        const links = await page.locator(".card").evaluateAll((cards) => cards.map((card) => card.getAttribute("href")));
        check(`${name}: six demonstrations`, links.join() === "chat.html,video.html,job.html,log.html,points.html,notes.adp", links);
        await proper(page, name);
        for (const link of links) {
            await step(`${name}: ${link}`, async () => { await page.click(`.card[href="${link}"]`); await page.waitForURL(`${url}/${link}`); });
            await proper(page, `${name}, ${link}`);
            await step(`${name}: ${link} and back`, async () => { await page.locator("a", { hasText: "All demonstrations" }).click(); await page.waitForURL(`${url}/`); });
        }
    }
    // Each page names the product, and its source can be read.
    for (const path of ["", "chat.html", "video.html", "job.html", "log.html", "points.html", "notes.adp"]) {
        const page = await open(`${http}/${path}`);
        check(`${path}: names the product`, /\bnsd\b/.test(await page.textContent("body")));
        const sources = await page.locator("a[href^='source/']").evaluateAll((links) => links.map((link) => link.href));
        check(`${path}: leads to its source`, sources.length > 0);
        for (const source of sources) {
            const text = await (await fetch(source)).text();
            check(`${source}: is the source`, /^# SPDX-License-Identifier/.test(text) && /namespace eval/.test(text), text.slice(0, 80));
        }
    }
    for (const path of ["source/", "source/none.tcl", "source/..%2fconf%2fdemo.tcl", "source/chat.tcl/x"]) {
        check(`${path}: gives nothing`, [400, 403, 404].includes((await fetch(`${http}/${path}`)).status));
    }
});
