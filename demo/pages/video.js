// SPDX-License-Identifier: MPL-2.0
// The film, a late answer, and what the server says of its channels: demo/video.tcl, job.tcl, channels.tcl.
"use strict";

const video = $("video");

const count = (n) => n.toLocaleString();
const clock = (time) => new Date(time).toLocaleTimeString();

// ---- the film

function span(from, to, className = "") {
    const e = element("span", className);
    e.style.left = `${100 * from / video.duration}%`;
    if (to !== null) e.style.width = `${100 * (to - from) / video.duration}%`;
    return e;
}
function showBuffered() {
    if (!(video.duration > 0)) return;
    const ranges = Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    const text = ranges.map(([from, to]) => `${from.toFixed(1)} to ${to.toFixed(1)} s`).join(", ");
    $("map").replaceChildren(...ranges.map(([from, to]) => span(from, to)), span(video.currentTime, null, "now"));
    $("buffered").textContent = text ? `buffered: ${text} of ${video.duration.toFixed(1)} s` : "nothing is buffered";
    $("map").ariaLabel = $("buffered").textContent;
}
for (const event of ["progress", "timeupdate", "seeking", "seeked", "loadedmetadata"]) video.addEventListener(event, showBuffered);
video.addEventListener("error", () => { $("buffered").textContent = `the film cannot be played: ${video.error.message}`; });
$("slow").onchange = () => {
    video.src = $("slow").checked ? "media/clock.mp4?slow=1" : "media/clock.mp4";
    video.play();
};
$("last").onclick = () => {
    video.currentTime = video.duration * 2 / 3;
    video.play();
};

// ---- a late answer

$("ask").onclick = async () => {
    const entry = element("li", "", "asked, waits …"), began = performance.now();
    $("answers").prepend(entry);
    while ($("answers").childElementCount > 5) $("answers").lastElementChild.remove();
    const ticking = setInterval(() => { entry.textContent = `waits, ${((performance.now() - began) / 1000).toFixed(1)} s …`; }, 100);
    try {
        const answer = await fetch("job?seconds=3", { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.status === 503 ? "the server has too many of these waiting" : `status ${answer.status}`);
        const { pi, requestThread, jobThread, waited, computed } = await answer.json();
        clearInterval(ticking);
        entry.className = "answered";
        entry.replaceChildren(
            element("p", "", `${count(pi.length - 1)} digits, after ${((performance.now() - began) / 1000).toFixed(1)} s`),
            element("p", "fine soft", `taken by ${requestThread}, ${(waited / 1000).toFixed(1)} s in the queue, computed by ${jobThread} in ${(computed / 1000).toFixed(1)} s`),
            element("p", "digits mono", pi));
    } catch (error) {
        clearInterval(ticking);
        entry.replaceChildren(element("p", "error", `no answer: ${error.message}`));
    }
};

// ---- what the server says, asked once a second while somebody looks

function rows(id, list, cells, none) {
    if (list.length === 0) {
        const empty = element("td", "none", none);
        empty.colSpan = 9;
        const tr = element("tr");
        tr.append(empty);
        $(id).replaceChildren(tr);
        return;
    }
    $(id).replaceChildren(...list.map((item) => {
        const tr = element("tr");
        tr.append(...cells(item).map(([text, className]) => element("td", className, text)));
        return tr;
    }));
}
function show({ channels, stats, recent, jobs }) {
    rows("recent", recent, (r) => [[clock(r.time)], [r.asked, "wide"], [count(r.sent), "number"],
        [r.status === "ok" ? "complete" : `ended: ${r.status}`]], "nothing yet");
    rows("channels", channels, (c) => [[c.name], [c.driver], [c.peer], [c.what || "a WebSocket", "wide"], [count(c.sent), "number"], [count(c.received), "number"]], "none");
    rows("workers", stats.workers, (w) => [[w.name], [count(w.sockets), "number"], [count(w.turns), "number"], [count(w.events), "number"], [count(w.callbacks), "number"],
        [`${(w.busyusec / 1000).toFixed(0)} ms`, "number"], [`${(w.longestusec / 1000).toFixed(1)} ms`, "number"]]);
    const numbers = { opened: stats.opened, closed: stats.closed, aborted: stats.aborted, "given up": stats.sendtimeouts, "writes refused": stats.bufferlimits, "jobs now": jobs };
    $("stats").replaceChildren(...Object.entries(numbers).map(([name, value]) => {
        const div = element("div");
        div.append(element("dt", "", name), element("dd", "", count(value)));
        return div;
    }));
}
async function look() {
    if (!document.hidden) {
        try {
            const answer = await fetch("channels", { cache: "no-store" });
            $("refused").hidden = answer.status !== 403;
            if (answer.ok) show(await answer.json());
        } catch { /* the server is away: asked again */ }
    }
    setTimeout(look, 1000);
}
look();
