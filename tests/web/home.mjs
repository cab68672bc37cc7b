// SPDX-License-Identifier: MPL-2.0
// The first page leads to all demonstrations, and each of them back.
import { check, step, open, phone, proper, run, http, https } from "./lib.mjs";

run(async () => {
    for (const [name, url, options] of [["http, wide", http, {}], ["https, on a phone in the dark", https, { ...phone, colorScheme: "dark" }]]) {
        const page = await step(`${name}: the first page`, () => open(`${url}/`, options));
        const links = await page.locator(".card").evaluateAll((cards) => cards.map((card) => card.getAttribute("href")));
        check(`${name}: five demonstrations`, links.join() === "chat.html,video.html,video.html#job,log.html,points.html", links);
        await proper(page, name);
        for (const link of links) {
            await step(`${name}: ${link}`, async () => { await page.click(`.card[href="${link}"]`); await page.waitForURL(`${url}/${link}`); });
            await proper(page, `${name}, ${link}`);
            await step(`${name}: ${link} and back`, async () => { await page.locator("a", { hasText: "All demonstrations" }).click(); await page.waitForURL(`${url}/`); });
        }
    }
});
